/*
 * One page of a scan as a list of strings or objects, the form of ECS's
 * List calls.  The scan and the page are the caller's; memory is the
 * call's.
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


/* What the page is bound to: the request without its page. */

kecs_rc_t
kecs_list_begin(kecs_call_t *c, kecs_page_t *page, const void *in,
    kecs_opt_int_t *max_results, kecs_str_t *next_token, size_t initial,
    size_t limit)
{
    kecs_rc_t       rc;
    kecs_str_t      filters, token;
    kecs_opt_int_t  max;

    rc = kecs_check_input(c, in);

    if (rc != KECS_OK) {
        return rc;
    }

    max = *max_results;
    token = *next_token;
    max_results->set = false;
    *next_token = kecs_null_str;

    filters = kecs_shape_json(c->arena, c->op->input, in);

    *max_results = max;
    *next_token = token;

    if (filters.data == NULL) {
        return KECS_NOMEM;
    }

    return kecs_page_begin(c, page, max, token, initial, limit, filters);
}


static kecs_rc_t
list_record(kecs_call_t *c, kecs_page_t *page, kecs_str_t key,
    kecs_any_t *rec, kecs_list_record_pt item, void *ctx)
{
    bool       taken;
    kecs_rc_t  rc;

    taken = false;
    rc = item(c, rec, ctx, &taken);

    return rc == KECS_OK ? kecs_page_took(c, page, key, taken) : rc;
}


kecs_rc_t
kecs_list_records(kecs_call_t *c, kecs_page_t *page, const char *name,
    kecs_scan_t *scan, kecs_list_record_pt item, void *ctx)
{
    kecs_rc_t   rc;
    kecs_str_t  key;
    kecs_any_t  rec;

    kecs_w_array(&c->out, name);

    for (rc = KECS_OK; scan != NULL && rc == KECS_OK; /* void */ ) {
        memset(&rec, 0, sizeof(kecs_any_t));
        rc = kecs_scan_next(scan, &key, &rec);

        if (rc != KECS_OK || !kecs_page_room(c, page, scan)) {
            break;
        }

        rc = list_record(c, page, key, &rec, item, ctx);
    }

    kecs_w_array_end(&c->out);

    if (rc != KECS_OK && rc != KECS_DONE) {
        return rc;
    }

    return kecs_page_end(c, page);
}
