/*
 * DeleteTaskDefinitions.  An INACTIVE revision becomes DELETE_IN_PROGRESS
 * and stays so while a task or a service uses it; then the reconciler
 * removes it (expiry).  Its number is never used again.
 */

#include "family.h"
#include "taskdef.h"


#define DELETED_MAX  10

#define INVALID   "The specified task definition identifier is invalid."     \
                  " Specify a valid name or ARN and try again."
#define MISSING   "The specified task definition does not exist. Specify a"  \
                  " valid account, family, revision and try again."
#define ACTIVE    "The specified task definition is still in ACTIVE status." \
                  " Please deregister the target and try again."

typedef struct {
    kecs_str_t   id;
    const char  *reason;
} refused_t;


/* KECS_OK with a reason: there is nothing of the name to be deleted. */

static kecs_rc_t
find(kecs_call_t *c, kecs_str_t id, kecs_taskdef_t *t, const char **reason)
{
    kecs_rc_t           rc;
    kecs_taskdef_ref_t  ref;

    rc = kecs_family_ref(c, &kecs_taskdefs, id, &ref);

    if (rc == KECS_FAILED || (rc == KECS_OK && ref.revision == 0)) {
        c->error = KECS_E_NONE;
        c->message = kecs_null_str;
        *reason = INVALID;
        return KECS_OK;
    }

    if (rc == KECS_OK) {
        rc = kecs_find_taskdef(c, id, KECS_ALL_PARTS, t);
    }

    if (rc == KECS_NOT_FOUND) {
        *reason = MISSING;
        return KECS_OK;
    }

    if (rc == KECS_OK && t->status == KECS_TASKDEF_ACTIVE) {
        *reason = ACTIVE;
    }

    return rc;
}


static kecs_rc_t
delete_one(kecs_call_t *c, kecs_str_t id, const char **reason)
{
    kecs_rc_t       rc;
    kecs_taskdef_t  t;

    *reason = NULL;
    rc = find(c, id, &t, reason);

    if (rc != KECS_OK || *reason != NULL) {
        return rc;
    }

    if (t.status == KECS_TASKDEF_INACTIVE) {
        t.status = KECS_TASKDEF_DELETING;
        t.delete_requested_at = c->now;
        rc = kecs_put(c->txn, &t);
    }

    if (rc == KECS_OK) {
        kecs_taskdef_write(c, NULL, &t);
    }

    return rc;
}


static kecs_rc_t
check(kecs_call_t *c, const kecs_ecs_delete_task_definitions_request_t *in)
{
    if (in->task_definitions.n == 0) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "size of TaskDefinition references list must be"
                         " greater than 0");
    }

    if (in->task_definitions.n > DELETED_MAX) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Size of TaskDefinition references list cannot"
                         " exceed %u", DELETED_MAX);
    }

    return KECS_OK;
}


kecs_rc_t
kecs_delete_task_definitions(kecs_call_t *c, void *v)
{
    size_t                                      i, n;
    kecs_rc_t                                   rc;
    const char                                 *reason;
    refused_t                                   refused[DELETED_MAX];
    kecs_ecs_delete_task_definitions_request_t *in;

    in = v;

    rc = check(c, in);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_array(&c->out, "taskDefinitions");

    for (i = 0, n = 0; i < in->task_definitions.n; i++) {
        rc = delete_one(c, in->task_definitions.items[i], &reason);

        if (rc != KECS_OK) {
            return rc;
        }

        if (reason != NULL) {
            refused[n].id = in->task_definitions.items[i];
            refused[n++].reason = reason;
        }
    }

    kecs_w_array_end(&c->out);
    kecs_w_array(&c->out, "failures");

    for (i = 0; i < n; i++) {
        kecs_failure_write(c, refused[i].id, refused[i].reason,
                           kecs_null_str);
    }

    kecs_w_array_end(&c->out);

    return KECS_OK;
}
