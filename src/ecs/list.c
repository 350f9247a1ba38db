/*
 * One page of a scan as a list of strings, the form of ECS's List calls.
 * The scan and the page are the caller's; memory is the call's.
 */

#include "ecs.h"


static kecs_rc_t
list_entry(kecs_call_t *c, kecs_page_t *page, kecs_str_t key,
    kecs_list_item_pt item)
{
    kecs_rc_t   rc;
    kecs_str_t  s;

    rc = item(c, key, &s);

    if (rc == KECS_OK) {
        kecs_w_str(&c->out, NULL, s);
        rc = kecs_page_took(c, page, key, true);
    }

    return rc;
}


kecs_rc_t
kecs_list_page(kecs_call_t *c, kecs_page_t *page, const char *name,
    kecs_scan_t *scan, kecs_list_item_pt item)
{
    kecs_rc_t   rc;
    kecs_str_t  key;

    kecs_w_array(&c->out, name);

    for (rc = KECS_OK; scan != NULL && rc == KECS_OK; /* void */ ) {
        rc = kecs_scan_next(scan, &key, NULL);

        if (rc != KECS_OK || !kecs_page_room(c, page, scan)) {
            break;
        }

        rc = list_entry(c, page, key, item);
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
