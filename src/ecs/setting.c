/*
 * Account settings.  A record is what one principal has set, or, with an
 * empty principal, what counts in the account for all who have set nothing
 * (the root user's own settings are that).  What nobody has set has ECS's
 * default.
 */

#include "ecs.h"


#define PAGE           10
#define PRINCIPAL_MAX  400      /* it is part of a key */


/* All settings, in the order in which they are listed. */

static const char *const  on_off[] = { "on", "off", NULL };
static const char *const  enabled[] = { "enabled", "disabled", NULL };
static const char *const  insights[] = {
    "enabled", "disabled", "enhanced", NULL
};
static const char *const  days[] = { "0", "7", "14", NULL };
static const char *const  blocking[] = { "blocking", "non-blocking", NULL };

typedef struct {
    const char         *name;
    const char         *initial;
    const char *const  *values;     /* NULL: AWS's own, read-only */
    bool                of_root;    /* only the root user may set it */
} row_t;

static const row_t  rows[] = {
    { "awsvpcTrunking", "disabled", enabled, false },
    { "containerInsights", "disabled", insights, false },
    { "containerInstanceLongArnFormat", "enabled", enabled, false },
    { "defaultLogDriverMode", "non-blocking", blocking, false },
    { "fargateEventWindows", "disabled", enabled, false },
    { "fargateFIPSMode", "disabled", enabled, false },
    { "fargateTaskRetirementWaitPeriod", "7", days, true },
    { "guardDutyActivate", "off", NULL, false },
    { "serviceLongArnFormat", "enabled", enabled, false },
    { "tagResourceAuthorization", "on", on_off, false },
    { "taskLongArnFormat", "enabled", enabled, false }
};

#define ROWS  (sizeof(rows) / sizeof(rows[0]))


static kecs_rc_t
find_row(kecs_call_t *c, kecs_str_t name, const row_t **row)
{
    size_t      i;
    kecs_rc_t   rc;
    kecs_str_t  what;

    for (i = 0; i < ROWS; i++) {
        if (kecs_str_is(name, rows[i].name)) {
            *row = &rows[i];
            return KECS_OK;
        }
    }

    what = kecs_strdup(c->arena, name);

    if (what.data == NULL) {
        return KECS_NOMEM;
    }

    rc = kecs_check_enum(c, KECS_E_INVALID_PARAMETER, what.data,
                         &kecs_ecs_setting_name_shape, name);

    return rc == KECS_OK ? KECS_NOT_FOUND : rc;
}


/* Principals. */

static kecs_str_t
root_arn(kecs_call_t *c)
{
    return kecs_arn_iam(c->arena, c->region, c->account, kecs_str("root"));
}


/* The principal of a record: who was named or else calls. */

static kecs_rc_t
principal_of(kecs_call_t *c, kecs_str_t given, kecs_str_t *out)
{
    kecs_arn_t  arn;

    *out = given.len != 0 ? given : c->principal;

    if (!kecs_arn_parse(*out, &arn) || out->len > PRINCIPAL_MAX
        || (!kecs_str_is(arn.service, "iam")
            && !kecs_str_is(arn.service, "sts")))
    {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "The principalArn is invalid. Specify the ARN of a"
                         " user, a role or the root user and try again.");
    }

    if (!kecs_str_eq(arn.account, c->account)) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER, "AccountIDs mismatch");
    }

    if (kecs_str_is(arn.resource, "root")) {
        *out = kecs_str("");
    }

    return KECS_OK;
}


static kecs_rc_t
get_setting(kecs_call_t *c, const char *name, kecs_str_t principal,
    kecs_setting_t *s)
{
    memset(s, 0, sizeof(kecs_setting_t));
    s->rec.kind = KECS_SETTING;
    s->rec.scope = c->scope;
    s->name = kecs_str_of(name);
    s->principal = principal;

    return c->scope != 0 ? kecs_get(c->txn, c->arena, s, 0)
                         : KECS_NOT_FOUND;
}


/* Sets value and principal to what counts for `principal`. */

static kecs_rc_t
effective(kecs_call_t *c, const row_t *row, kecs_str_t principal,
    kecs_setting_t *s)
{
    kecs_rc_t  rc;

    rc = get_setting(c, row->name, principal, s);

    if (rc == KECS_NOT_FOUND && principal.len != 0) {
        rc = get_setting(c, row->name, kecs_str(""), s);
    }

    if (rc == KECS_NOT_FOUND) {
        s->principal = kecs_str("");
        s->value = kecs_str_of(row->initial);
        rc = KECS_OK;
    }

    return rc;
}


kecs_rc_t
kecs_setting_effective(kecs_call_t *c, const char *name, kecs_str_t *value)
{
    kecs_rc_t        rc;
    kecs_str_t       principal;
    const row_t     *row;
    kecs_setting_t   s;

    rc = find_row(c, kecs_str_of(name), &row);

    if (rc == KECS_OK) {
        rc = principal_of(c, kecs_null_str, &principal);
    }

    if (rc == KECS_OK) {
        rc = effective(c, row, principal, &s);
    }

    *value = rc == KECS_OK ? s.value : kecs_null_str;

    return rc;
}


/* Rendering. */

static void
write_setting(kecs_call_t *c, const char *member, const row_t *row,
    const kecs_setting_t *s)
{
    kecs_w_object(&c->out, member);
    kecs_w_cstr(&c->out, "name", row->name);
    kecs_write_made(c, "principalArn",
                    s->principal.len != 0 ? s->principal : root_arn(c));
    kecs_w_cstr(&c->out, "type", row->values != NULL ? "user"
                                                     : "aws_managed");
    kecs_w_str(&c->out, "value", s->value);
    kecs_w_object_end(&c->out);
}


/* PutAccountSetting, PutAccountSettingDefault. */

static kecs_rc_t
check_value(kecs_call_t *c, const row_t *row, kecs_str_t value)
{
    size_t  i;

    if (row->values == NULL) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "The account setting %s is read-only.", row->name);
    }

    for (i = 0; row->values[i] != NULL; i++) {
        if (kecs_str_is(value, row->values[i])) {
            return KECS_OK;
        }
    }

    return kecs_fail(c, KECS_E_INVALID_PARAMETER, "Invalid setting 'value'");
}


static kecs_rc_t
put_setting(kecs_call_t *c, kecs_str_t name, kecs_str_t value,
    kecs_str_t principal)
{
    kecs_rc_t        rc;
    const row_t     *row;
    kecs_setting_t   s;

    rc = find_row(c, name, &row);

    if (rc == KECS_OK) {
        rc = check_value(c, row, value);
    }

    if (rc == KECS_OK && row->of_root && principal.len != 0) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "The account setting %s can only be set for the"
                         " root user.", row->name);
    }

    if (rc == KECS_OK) {
        rc = kecs_call_scope(c);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    rc = get_setting(c, row->name, principal, &s);

    if (rc == KECS_OK || rc == KECS_NOT_FOUND) {
        s.rec.gen = KECS_ECS_GEN;
        s.value = value;
        rc = kecs_put(c->txn, &s);
    }

    if (rc == KECS_OK) {
        write_setting(c, "setting", row, &s);
    }

    return rc;
}


static kecs_rc_t
put_account_setting(kecs_call_t *c, void *v)
{
    kecs_rc_t                                rc;
    kecs_str_t                               principal;
    kecs_ecs_put_account_setting_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = principal_of(c, in->principal_arn, &principal);
    }

    return rc == KECS_OK ? put_setting(c, in->name, in->value, principal)
                         : rc;
}


static kecs_rc_t
put_account_setting_default(kecs_call_t *c, void *v)
{
    kecs_rc_t                                        rc;
    kecs_ecs_put_account_setting_default_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    return rc == KECS_OK ? put_setting(c, in->name, in->value, kecs_str(""))
                         : rc;
}


/* DeleteAccountSetting: answers what was set, or what counts anyway. */

static kecs_rc_t
delete_account_setting(kecs_call_t *c, void *v)
{
    kecs_rc_t                                   rc;
    kecs_str_t                                  principal;
    const row_t                                *row;
    kecs_setting_t                              s;
    kecs_ecs_delete_account_setting_request_t  *in;

    in = v;

    rc = kecs_check_input(c, in);

    if (rc == KECS_OK) {
        rc = find_row(c, in->name, &row);
    }

    if (rc == KECS_OK) {
        rc = principal_of(c, in->principal_arn, &principal);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    rc = get_setting(c, row->name, principal, &s);

    if (rc == KECS_OK) {
        rc = kecs_del(c->txn, &s);

    } else if (rc == KECS_NOT_FOUND) {
        rc = effective(c, row, principal, &s);
        s.principal = principal;
    }

    if (rc == KECS_OK) {
        write_setting(c, "setting", row, &s);
    }

    return rc;
}


/* ListAccountSettings. */

typedef struct {
    kecs_page_t   page;
    bool          effective;
    kecs_str_t    principal;
    const row_t  *row;              /* NULL: all */
    kecs_str_t    value;            /* absent: any */
} list_t;


static kecs_rc_t
begin(kecs_call_t *c, const kecs_ecs_list_account_settings_request_t *in,
    list_t *l)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    memset(l, 0, sizeof(list_t));
    l->effective = in->effective_settings.value;
    l->value = in->value;

    rc = in->name.data != NULL ? find_row(c, in->name, &l->row) : KECS_OK;

    if (rc == KECS_OK && in->value.data != NULL && in->name.data == NULL) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "A setting name must be specified to filter by a"
                         " value.");
    }

    if (rc == KECS_OK) {
        rc = principal_of(c, in->principal_arn, &l->principal);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    text = kecs_sprintf(c->arena, "%.*s\n%.*s\n%.*s\n%d", kecs_fmt(in->name),
                        kecs_fmt(in->value), kecs_fmt(l->principal),
                        l->effective);

    return text.data != NULL
           ? kecs_page_begin(c, &l->page, in->max_results, in->next_token,
                             PAGE, PAGE, text)
           : KECS_NOMEM;
}


/* KECS_NOT_FOUND: it is not to be listed. */

static kecs_rc_t
look_up(kecs_call_t *c, const list_t *l, const row_t *row, kecs_setting_t *s)
{
    kecs_rc_t  rc;

    if (l->row != NULL && l->row != row) {
        return KECS_NOT_FOUND;
    }

    rc = l->effective ? effective(c, row, l->principal, s)
                      : get_setting(c, row->name, l->principal, s);

    if (rc == KECS_OK && l->value.data != NULL
        && !kecs_str_eq(l->value, s->value))
    {
        return KECS_NOT_FOUND;
    }

    return rc;
}


static kecs_rc_t
list_page(kecs_call_t *c, list_t *l)
{
    size_t          i;
    uint8_t         place;
    kecs_rc_t       rc;
    kecs_setting_t  s;

    i = l->page.after.len != 0 ? (unsigned char) l->page.after.data[0] + 1u
                               : 0;

    for ( /* void */ ; i < ROWS; i++) {
        rc = look_up(c, l, &rows[i], &s);

        if (rc == KECS_NOT_FOUND) {
            continue;
        }

        if (rc != KECS_OK) {
            return rc;
        }

        if (l->page.n == l->page.max) {
            l->page.more = true;
            return KECS_OK;
        }

        write_setting(c, NULL, &rows[i], &s);
        place = (uint8_t) i;
        rc = kecs_page_took(c, &l->page, kecs_str_n(&place, 1), true);

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
list_account_settings(kecs_call_t *c, void *v)
{
    list_t     l;
    kecs_rc_t  rc;

    rc = begin(c, v, &l);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "settings");
    rc = list_page(c, &l);
    kecs_w_array_end(&c->out);

    return rc == KECS_OK ? kecs_page_end(c, &l.page) : rc;
}


const kecs_op_t  kecs_setting_ops[] = {
    { "DeleteAccountSetting", KECS_OP_WRITE,
      &kecs_ecs_delete_account_setting_request_shape,
      delete_account_setting },
    { "ListAccountSettings", KECS_OP_READ,
      &kecs_ecs_list_account_settings_request_shape, list_account_settings },
    { "PutAccountSetting", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_put_account_setting_request_shape, put_account_setting },
    { "PutAccountSettingDefault", KECS_OP_WRITE|KECS_OP_ADDS,
      &kecs_ecs_put_account_setting_default_request_shape,
      put_account_setting_default },
    { NULL, 0, NULL, NULL }
};
