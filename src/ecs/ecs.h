/*
 * The Amazon ECS service: its operations, and what its resource files share
 * (identifiers, rendering of records, tags).  Handlers are functions over a
 * transaction; nothing here knows nginx, processes or runtimes.
 */

#ifndef KECS_ECS_H
#define KECS_ECS_H


#include <inttypes.h>

#include "../aws/arn.h"
#include "../aws/call.h"
#include "../aws/page.h"
#include "shapes.gen.h"


#define KECS_ECS_TARGET  "AmazonEC2ContainerServiceV20141113"

/* Encoder generation of the fragments written by this release. */
#define KECS_ECS_GEN  1


/* Operations by name; NULL: not built (or no such operation). */
const kecs_op_t *kecs_ecs_op(kecs_str_t name);

/* The model's 88 operations, built or not. */
bool kecs_ecs_op_known(kecs_str_t name);

/* Arrays of the resource files, each ended by a row without a name. */
extern const kecs_op_t  kecs_cluster_ops[];
extern const kecs_op_t  kecs_taskdef_ops[];
extern const kecs_op_t  kecs_task_ops[];
extern const kecs_op_t  kecs_service_ops[];
extern const kecs_op_t  kecs_tag_ops[];


/*
 * Identifiers.  Each takes what a client sent (short name or ARN, absent
 * or empty where ECS has a default) and fails with ECS's own error.
 */

/*
 * The cluster, "default" when `id` is absent or empty.  Fails with
 * ClusterNotFoundException also when it is INACTIVE.  Parts as asked.
 */
kecs_rc_t kecs_find_cluster(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_cluster_t *out);

/* The name within `id` (short or ARN), checked; KECS_FAILED otherwise. */
kecs_rc_t kecs_cluster_name_of(kecs_call_t *c, kecs_str_t id,
    kecs_str_t *name);

/* By number, for records that name their cluster. */
kecs_rc_t kecs_cluster_by_no(kecs_call_t *c, uint32_t no,
    kecs_cluster_t *out);

/*
 * A task definition by FAMILY, FAMILY:REVISION or ARN of either; a family
 * alone is its latest ACTIVE revision.  KECS_NOT_FOUND when there is none
 * (the caller knows the error), KECS_FAILED when `id` is malformed.
 */
kecs_rc_t kecs_find_taskdef(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_taskdef_t *out);

/*
 * A service of a cluster by name or ARN; INACTIVE ones too.
 * KECS_NOT_FOUND when there is none.
 */
kecs_rc_t kecs_find_service(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, unsigned parts, kecs_service_t *out);

/* A task of a cluster by id or ARN.  KECS_NOT_FOUND when there is none. */
kecs_rc_t kecs_find_task(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, unsigned parts, kecs_task_t *out);


/* ARNs, in the call's arena; data NULL: out of memory. */

kecs_str_t kecs_cluster_arn(kecs_call_t *c, kecs_str_t name);
kecs_str_t kecs_taskdef_arn(kecs_call_t *c, kecs_str_t family,
    uint32_t revision);
kecs_str_t kecs_service_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t name);
kecs_str_t kecs_task_arn(kecs_call_t *c, kecs_str_t cluster,
    const uint8_t *id);

/* Of `what` as a client named it, in that cluster: an ARN is left alone. */
kecs_str_t kecs_arn_within(kecs_call_t *c, const char *type,
    kecs_str_t cluster, kecs_str_t what);

/* "1 to 255 of letters, digits, - and _" */
bool kecs_name_ok(kecs_str_t name);


/*
 * Rendering.  Each writes one object named `name` (NULL: an element).
 */

void kecs_cluster_write(kecs_call_t *c, const char *name,
    const kecs_cluster_t *cluster, unsigned parts);
void kecs_taskdef_write(kecs_call_t *c, const char *name,
    const kecs_taskdef_t *t);

/*
 * Tags as asked, [] otherwise.  An unknown health is told only when a task
 * is described, not when it is run or stopped, as on ECS.
 */
#define KECS_SHOW_TAGS    0x01
#define KECS_SHOW_HEALTH  0x02
void kecs_task_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster_name, const kecs_task_t *t, unsigned shown);

/* {"arn": ..., "reason": ...} with an optional detail. */
void kecs_failure_write(kecs_call_t *c, kecs_str_t arn, const char *reason,
    kecs_str_t detail);

/* The list "failures": MISSING for each of the n ARNs that is there. */
void kecs_missing_write(kecs_call_t *c, const kecs_str_t *arns, size_t n);


/*
 * New tasks, for RunTask and for the service scheduler: makes the record
 * (id, static part, containers, attachments, tags) and puts it.
 */
typedef struct {
    const kecs_cluster_t         *cluster;
    const kecs_taskdef_t         *taskdef;       /* BODY, TAGS loaded */
    const kecs_service_t         *service;       /* or NULL */
    uint64_t                      deployment;    /* 0: none */
    unsigned                      launch;        /* KECS_LAUNCH_* */
    kecs_str_t                    group;
    kecs_str_t                    started_by;
    kecs_ecs_task_override_t     *overrides;     /* or NULL */
    kecs_ecs_network_configuration_t  *network;  /* or NULL */
    kecs_str_t                    platform_version;
    kecs_str_t                    capacity_provider;
    bool                          execute_command;
    kecs_str_t                    tags;          /* [...] or absent */
    const uint8_t                *id;            /* NULL: a new one */
} kecs_new_task_t;

kecs_rc_t kecs_task_create(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_task_t *out);

/*
 * Desired status STOPPED with this code and reason, unless it is so
 * already; puts the record.  Version and stoppingAt follow.
 */
kecs_rc_t kecs_task_stop(kecs_call_t *c, kecs_task_t *t, unsigned code,
    kecs_str_t reason);

/* Tags: "[{key, value}]" from a decoded list, with ECS's checks. */
kecs_rc_t kecs_tags_json(kecs_call_t *c, const kecs_ecs_tag_t *tags,
    size_t n, kecs_str_t *json);


/*
 * Shared by the handlers.
 */

/*
 * The model's own constraints (required, ranges, lengths, patterns) on the
 * decoded input, to be called when a handler's own texts are done with it.
 */
kecs_rc_t kecs_check_input(kecs_call_t *c, const void *in);

/*
 * "`what` should be one of [A,B]" when `value` is present and none of the
 * shape's; ECS has this form for its enumerations.
 */
kecs_rc_t kecs_check_enum(kecs_call_t *c, kecs_error_t e, const char *what,
    const kecs_shape_t *shape, kecs_str_t value);

/*
 * One member of a structure as a fragment, absent when it is not set;
 * KECS_NOMEM.
 */
kecs_rc_t kecs_member_json(kecs_arena_t *a, const kecs_shape_t *shape,
    const void *value, const char *name, kecs_str_t *json);

/*
 * A string just made in the arena, as a member: when it is absent, memory
 * has run out and the answer is spoilt.
 */
void kecs_write_made(kecs_call_t *c, const char *name, kecs_str_t s);

/* Whether a list of names holds `name` (include=[TAGS]). */
bool kecs_names_has(size_t n, const kecs_str_t *names, const char *name);
bool kecs_strs_has(size_t n, const kecs_str_t *strs, kecs_str_t s);

/* Given empty is the same as not given. */
static inline kecs_str_t
kecs_given(kecs_str_t s)
{
    return s.len != 0 ? s : kecs_null_str;
}

/* Loads a stored fragment of `shape` into the structure at `to`. */
kecs_rc_t kecs_fragment_load(kecs_call_t *c, const kecs_shape_t *shape,
    kecs_str_t json, void *to);

/* A family's record; KECS_OK also when it is new: its numbers are 0. */
kecs_rc_t kecs_family_get(kecs_call_t *c, kecs_str_t name,
    kecs_family_t *family);

/* The newest cluster of this name, INACTIVE too.  KECS_NOT_FOUND. */
kecs_rc_t kecs_cluster_named(kecs_call_t *c, kecs_str_t name,
    unsigned parts, kecs_cluster_t *out);

/*
 * What names a task definition, taken apart: FAMILY, FAMILY:REVISION or an
 * ARN of either.  revision 0: none was given.  KECS_FAILED when malformed,
 * KECS_NOT_FOUND when it is of another account or region.
 */
typedef struct {
    kecs_str_t  family;
    uint32_t    revision;
} kecs_taskdef_ref_t;

kecs_rc_t kecs_taskdef_ref(kecs_call_t *c, kecs_str_t id,
    kecs_taskdef_ref_t *ref);

/* Shown by kecs_cluster_write beside the parts asked for. */
#define KECS_SHOW_STATISTICS   0x10000
#define KECS_SHOW_ATTACHMENTS  0x20000

/* The list `name` of a cluster's 16 counters by launch type. */
kecs_rc_t kecs_cluster_statistics(kecs_call_t *c, const char *name,
    const kecs_cluster_t *cluster);

/*
 * ECS's own checks of tags that a client gave: no key or value missing, no
 * key of AWS's own, none twice.  Lengths and characters are the model's,
 * see kecs_check_input.  `e` is InvalidParameterException, but
 * ClientException for task definitions.
 */
kecs_rc_t kecs_tags_check(kecs_call_t *c, kecs_error_t e,
    const kecs_ecs_tag_t *tags, size_t n);

/*
 * Tags as stored ("[...]", absent: none) with some set or removed: those
 * there keep their place, new ones come last.  Not checked, so that ECS's
 * own (aws:ecs:...) can be set; KECS_FAILED when there are over 50 others.
 */
kecs_rc_t kecs_tags_set(kecs_call_t *c, kecs_str_t have,
    const kecs_ecs_tag_t *tags, size_t n, kecs_str_t *json);
kecs_rc_t kecs_tags_unset(kecs_call_t *c, kecs_str_t have,
    const kecs_str_t *keys, size_t n, kecs_str_t *json);

/* "[...]" of a list of tags as a member, [] when there are none. */
void kecs_tags_write(kecs_call_t *c, kecs_str_t json);

/* Between a stored fragment and a list; items has room for `more`. */
kecs_rc_t kecs_tags_load(kecs_call_t *c, kecs_str_t json, size_t more,
    kecs_ecs_tags_t *out);
kecs_rc_t kecs_tags_print(kecs_call_t *c, const kecs_ecs_tags_t *tags,
    kecs_str_t *json);

/*
 * Writes one page of a scan as the list `name` of strings, and nextToken.
 * `item` makes the string of an entry from its key, and from its record
 * when `rec` is given (kind, scope and key fields are set); absent: it is
 * no result.  scan NULL: an empty list.
 */
typedef kecs_rc_t (*kecs_list_item_pt)(kecs_call_t *c, void *ctx,
    kecs_str_t key, kecs_any_t *rec, kecs_str_t *out);

kecs_rc_t kecs_list_page(kecs_call_t *c, kecs_page_t *page,
    const char *name, kecs_scan_t *scan, kecs_list_item_pt item, void *ctx,
    kecs_any_t *rec);

/* The name that a key begins with (ended by NUL). */
kecs_rc_t kecs_list_name(kecs_call_t *c, kecs_str_t key, kecs_str_t *out);


/*
 * As kecs_task_create, `count` tasks at once into out[]: the definition is
 * read only once.
 */
kecs_rc_t kecs_tasks_create(kecs_call_t *c, const kecs_new_task_t *n,
    size_t count, kecs_task_t *out);

/*
 * What a task of a service's deployment is made of: fills all of `n`.
 * Loaded are STATIC and TAGS of the service, STATIC of the deployment,
 * BODY and TAGS of the definition.  `ordinal` is the number of live tasks
 * that the deployment has already: by it a capacity provider strategy
 * chooses, so with one it is to be called for each task.
 */
kecs_rc_t kecs_service_task(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, const kecs_deployment_t *deployment,
    const kecs_taskdef_t *taskdef, uint64_t ordinal, kecs_new_task_t *n);

#endif
