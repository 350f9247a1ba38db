/*
 * One page of a scan as a list of strings, the form of ECS's List calls.
 * The scan and the page are the caller's; memory is the call's.
 */

#include "ecs.h"


kecs_rc_t
kecs_list_page(kecs_call_t *c, kecs_page_t *page, const char *name,
    kecs_scan_t *scan, kecs_list_item_pt item, void *ctx, kecs_any_t *rec)
{
    kecs_rc_t   rc;
    kecs_str_t  key, s;

    kecs_w_array(&c->out, name);

    for (rc = KECS_OK; scan != NULL && rc == KECS_OK; /* void */ ) {
        if (rec != NULL) {
            memset(rec, 0, sizeof(kecs_any_t));
        }

        rc = kecs_scan_next(scan, &key, rec);

        if (rc != KECS_OK || !kecs_page_room(c, page, scan)) {
            break;
        }

        s = kecs_null_str;
        rc = item(c, ctx, key, rec, &s);

        if (rc == KECS_OK) {
            kecs_w_opt_str(&c->out, NULL, s);
            rc = kecs_page_took(c, page, key, s.data != NULL);
        }
    }

    kecs_w_array_end(&c->out);

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    return kecs_page_end(c, page);
}


kecs_rc_t
kecs_list_name(kecs_call_t *c, kecs_str_t key, kecs_str_t *out)
{
    const char  *end;

    (void) c;

    end = key.len != 0 ? memchr(key.data, '\0', key.len) : NULL;

    if (end == NULL) {
        return KECS_CORRUPT;
    }

    *out = kecs_str_n(key.data, (size_t) (end - key.data));

    return KECS_OK;
}
