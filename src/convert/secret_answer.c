/*
 * Values out of answers.
 */

#include "../json/json.h"
#include "secret_answer.h"


static kecs_rc_t
no(kecs_str_t *why, kecs_str_t text)
{
    *why = text;

    return text.data != NULL ? KECS_INVALID : KECS_NOMEM;
}


static kecs_rc_t
parse(kecs_arena_t *a, kecs_str_t body, kecs_json_t **out, kecs_str_t *why)
{
    kecs_rc_t  rc;

    rc = kecs_json_parse(a, body, out);

    if (rc != KECS_OK && rc != KECS_NOMEM) {
        return no(why, kecs_str("SerializationError: failed decoding the"
                                " answer"));
    }

    return rc;
}


/* "/a/b" and "a" of the ARNs "...:parameter/a/b" and "...:parameter/a". */

static bool
is_named(kecs_str_t name, const kecs_secret_ref_t *ref)
{
    kecs_str_t  wanted;

    wanted = ref->name;

    if (kecs_str_eq(name, wanted)) {
        return true;
    }

    return ref->region.data != NULL && wanted.len > 0
           && wanted.data[0] == '/'
           && kecs_str_eq(name, kecs_str_from(wanted, 1));
}


static kecs_str_t
parameter(const kecs_json_t *list, const kecs_secret_ref_t *ref)
{
    const kecs_json_t  *p;

    for (p = list ? list->first : NULL; p != NULL; p = p->next) {
        if (kecs_str_eq(kecs_json_str(kecs_json_get(p, "ARN")), ref->id)
            || is_named(kecs_json_str(kecs_json_get(p, "Name")), ref))
        {
            return kecs_json_str(kecs_json_get(p, "Value"));
        }
    }

    return kecs_null_str;
}


kecs_rc_t
kecs_parameters_take(kecs_arena_t *a, kecs_str_t body,
    kecs_secret_want_t **wants, size_t n, kecs_str_t *why)
{
    size_t              i;
    kecs_rc_t           rc;
    kecs_json_t        *answer;
    const kecs_json_t  *list;

    rc = parse(a, body, &answer, why);
    if (rc != KECS_OK) {
        return rc;
    }

    list = kecs_json_get(answer, "Parameters");

    for (i = 0; i < n; i++) {
        wants[i]->value = parameter(list, &wants[i]->ref);

        if (wants[i]->value.data == NULL) {
            return no(why, kecs_sprintf(a, "invalid ssm parameters: %.*s",
                                        kecs_fmt(wants[i]->ref.id)));
        }
    }

    return KECS_OK;
}


kecs_rc_t
kecs_secret_member(kecs_arena_t *a, kecs_str_t text, kecs_str_t key,
    kecs_str_t *value, kecs_str_t *why)
{
    kecs_rc_t           rc;
    kecs_json_t        *o;
    const kecs_json_t  *v;

    rc = kecs_json_parse(a, text, &o);

    if (rc == KECS_NOMEM) {
        return rc;
    }

    if (rc != KECS_OK || o->type != KECS_JSON_OBJECT) {
        return no(why, kecs_str("retrieved secret from Secrets Manager is not"
                                " JSON, but a json key is asked for"));
    }

    for (v = o->first; v != NULL; v = v->next) {
        if (kecs_str_eq(v->name, key)) {
            break;
        }
    }

    if (v != NULL && v->type == KECS_JSON_BOOL) {
        *value = v->boolean ? kecs_str("true") : kecs_str("false");
        return KECS_OK;
    }

    if (v == NULL
        || (v->type != KECS_JSON_STRING && v->type != KECS_JSON_NUMBER))
    {
        return no(why, kecs_sprintf(a, "retrieved secret from Secrets Manager"
                                    " did not contain json key %.*s",
                                    kecs_fmt(key)));
    }

    *value = v->str;

    return KECS_OK;
}


kecs_rc_t
kecs_secret_take(kecs_arena_t *a, kecs_str_t body,
    kecs_secret_want_t **wants, size_t n, kecs_str_t *why)
{
    size_t        i;
    kecs_rc_t     rc;
    kecs_str_t    text;
    kecs_json_t  *answer;

    rc = parse(a, body, &answer, why);
    if (rc != KECS_OK) {
        return rc;
    }

    text = kecs_json_str(kecs_json_get(answer, "SecretString"));

    if (text.data == NULL) {
        return no(why, kecs_str("retrieved secret from Secrets Manager has no"
                                " text"));
    }

    for (i = 0; i < n && rc == KECS_OK; i++) {
        if (wants[i]->ref.key.len == 0) {
            wants[i]->value = text;

        } else {
            rc = kecs_secret_member(a, text, wants[i]->ref.key,
                                    &wants[i]->value, why);
        }
    }

    return rc;
}
