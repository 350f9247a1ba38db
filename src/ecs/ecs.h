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
extern const kecs_op_t  kecs_instance_ops[];
extern const kecs_op_t  kecs_attribute_ops[];
extern const kecs_op_t  kecs_agent_ops[];
extern const kecs_op_t  kecs_rollout_ops[];
extern const kecs_op_t  kecs_task_set_ops[];
extern const kecs_op_t  kecs_capacity_ops[];
extern const kecs_op_t  kecs_setting_ops[];
extern const kecs_op_t  kecs_namespace_ops[];


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

/* A container instance of a cluster, INACTIVE ones too; the same way. */
kecs_rc_t kecs_find_instance(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t id, unsigned parts, kecs_instance_t *out);

/*
 * A task set of a service by id (ecs-svc/N) or ARN, all parts.
 * KECS_NOT_FOUND when there is none, KECS_FAILED when `id` is an ARN of
 * something else.
 */
kecs_rc_t kecs_find_task_set(kecs_call_t *c, const kecs_cluster_t *cluster,
    const kecs_service_t *service, kecs_str_t id, kecs_task_set_t *out);


/* ARNs, in the call's arena; data NULL: out of memory. */

kecs_str_t kecs_cluster_arn(kecs_call_t *c, kecs_str_t name);
kecs_str_t kecs_taskdef_arn(kecs_call_t *c, kecs_str_t family,
    uint32_t revision);
kecs_str_t kecs_service_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t name);
kecs_str_t kecs_task_arn(kecs_call_t *c, kecs_str_t cluster,
    const uint8_t *id);
kecs_str_t kecs_instance_arn(kecs_call_t *c, kecs_str_t cluster,
    const uint8_t *id);
kecs_str_t kecs_revision_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t service, uint64_t id);
kecs_str_t kecs_service_deployment_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t service, kecs_str_t name);
kecs_str_t kecs_task_set_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t service, kecs_str_t id);

/* The ARN that `id` is or, being short, stands for ("task"). */
kecs_str_t kecs_missing_arn(kecs_call_t *c, const char *kind,
    kecs_str_t cluster, kecs_str_t id);

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
    const kecs_ecs_task_definition_t  *def;      /* it decoded, or NULL */
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
    bool                          managed_tags;  /* for their volumes */
    kecs_str_t                    tags;          /* [...] or absent */
    kecs_ecs_task_volume_configurations_t
                                  volumes;       /* n == 0: none */
    const uint8_t                *id;            /* NULL: a new one */
    const uint8_t                *instance;      /* NULL: on none */
    kecs_str_t                    zone;          /* of the instance */
    kecs_str_t                    only_zone;     /* to be put there alone */
    kecs_str_t                    node;          /* likewise */
    kecs_str_t                    gpus;          /* its: "0,3", or absent */

    /* Where they may be put; for kecs_tasks_place. */
    const kecs_ecs_placement_constraints_t  *constraints;   /* or NULL */
    const kecs_ecs_placement_strategies_t   *strategies;    /* or NULL */
} kecs_new_task_t;

kecs_rc_t kecs_task_create(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_task_t *out);

/*
 * It is to run on this instance, in its zone.  *refusal tells, as a
 * failure's reason, why it does not fit there; NULL: it does.
 * KECS_NOT_FOUND: there is no such instance.
 */
kecs_rc_t kecs_task_on(kecs_call_t *c, const uint8_t *instance,
    kecs_new_task_t *n, const char **refusal);

/* What such a task takes of an instance. */
typedef struct {
    uint32_t     cpu;               /* units */
    uint32_t     memory;            /* MiB */
    kecs_str_t   ports;             /* of the host: "80,53/udp" */
    uint32_t     gpus;
} kecs_needs_t;

kecs_rc_t kecs_task_needs(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_needs_t *out);

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

/*
 * Adds an id to those seen, which have room for it; false when it was among
 * them: the same thing named twice, in whatever form, is answered once.
 */
bool kecs_id_new(uint8_t (*ids)[KECS_ID_LEN], size_t *n, const uint8_t *id);

/* Whether a list of names holds `name` (include=[TAGS]). */
bool kecs_names_has(size_t n, const kecs_str_t *names, const char *name);
bool kecs_strs_has(size_t n, const kecs_str_t *strs, kecs_str_t s);

/* Given empty is the same as not given. */
static inline kecs_str_t
kecs_given(kecs_str_t s)
{
    return s.len != 0 ? s : kecs_null_str;
}

/* The first entry, KECS_DONE when there is none; the scan has ended. */
kecs_rc_t kecs_scan_first(kecs_scan_t *scan, void *rec);

/* Whether there is an entry; in an index: one with this prefix. */
kecs_rc_t kecs_scan_any(kecs_scan_t *scan, bool *any);
kecs_rc_t kecs_index_any(kecs_call_t *c, unsigned index,
    const kecs_key_t *prefix, bool *any);

/* The decoded input's members that `shape` has too, as a copy of that. */
kecs_rc_t kecs_input_as(kecs_call_t *c, const void *in,
    const kecs_shape_t *shape, void **out);

/* Loads a stored fragment of `shape` into the structure at `to`. */
kecs_rc_t kecs_fragment_load(kecs_call_t *c, const kecs_shape_t *shape,
    kecs_str_t json, void *to);

/* The newest cluster of this name, INACTIVE too.  KECS_NOT_FOUND. */
kecs_rc_t kecs_cluster_named(kecs_call_t *c, kecs_str_t name,
    unsigned parts, kecs_cluster_t *out);

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
 * The same on container instances of the cluster, which are chosen by the
 * constraints and strategies; where it has none, or for FARGATE, the
 * runtime finds the places.  *made of the tasks are there; when those are
 * not all, *placing tells why (instance.h), otherwise it is NULL.  Fails
 * with ECS's error when no instance is for such tasks at all.  In the zone
 * of `only_zone` and in no other, if there is one.
 */
typedef struct kecs_placing_s  kecs_placing_t;

kecs_rc_t kecs_tasks_place(kecs_call_t *c, kecs_new_task_t *n, size_t count,
    kecs_task_t *out, size_t *made, kecs_placing_t **placing);

/* Why a task of a service was not placed, in the words of its events. */
#define KECS_NOT_PLACED  "was unable to place a task because no container"    \
                         " instance met all of its requirements."
kecs_str_t kecs_placing_complaint(kecs_placing_t *x);
kecs_str_t kecs_refusal_complaint(kecs_arena_t *a, const uint8_t *instance,
    const char *refusal);

/* And back: the refusal and the id of the instance, each absent if unsaid. */
void kecs_complaint_parse(kecs_str_t message, kecs_str_t *refusal,
    kecs_str_t *instance);

/*
 * What such a task asks of an instance by its launch type, its capacity
 * provider and its constraints, but for room.  Whether one, which is there,
 * has it.
 */
kecs_rc_t kecs_constraints_open(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_placing_t **out);
kecs_rc_t kecs_constraints_met(kecs_placing_t *x, const uint8_t *instance,
    bool *met);

/*
 * The zones where such a task may be put, as far as its constraints go;
 * there may be none that are known.
 */
kecs_rc_t kecs_task_zones(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_str_t **zones, size_t *count);

/*
 * KECS_REBALANCE_* of a service (STATIC loaded) whose head, of an earlier
 * release, does not have it.
 */
kecs_rc_t kecs_service_rebalances(kecs_call_t *c, const kecs_service_t *s,
    unsigned *out);

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


/*
 * Capacity providers.
 */

/* The name within `id` (short or ARN), checked; KECS_FAILED otherwise. */
kecs_rc_t kecs_provider_name_of(kecs_call_t *c, kecs_str_t id,
    kecs_str_t *name);

kecs_str_t kecs_provider_arn(kecs_call_t *c, kecs_str_t name);

/* FARGATE or FARGATE_SPOT, which have no record. */
bool kecs_provider_built_in(kecs_str_t name);

/* By name; INACTIVE ones too.  KECS_NOT_FOUND. */
kecs_rc_t kecs_provider_get(kecs_call_t *c, kecs_str_t name,
    unsigned parts, kecs_provider_t *out);

/* The launch type of its tasks; EC2 also when there is none of the name. */
kecs_rc_t kecs_provider_launch(kecs_call_t *c, kecs_str_t name,
    unsigned *launch);

/*
 * The launch type that all providers of a strategy have; fails with ECS's
 * error when they differ.  There is at least one.
 */
kecs_rc_t kecs_strategy_launch(kecs_call_t *c,
    const kecs_ecs_capacity_provider_strategy_t *strategy,
    unsigned *launch);

/* Whether a task or service of the cluster uses it. */
kecs_rc_t kecs_provider_used(kecs_call_t *c, const kecs_cluster_t *cluster,
    kecs_str_t name, bool *used);


/* Account settings: what counts for the caller. */
kecs_rc_t kecs_setting_effective(kecs_call_t *c, const char *name,
    kecs_str_t *value);


/*
 * A namespace of Service Connect (name or ARN) as records and indexes have
 * it; absent when there is none.
 */
kecs_rc_t kecs_namespace_key(kecs_call_t *c, kecs_str_t namespace,
    kecs_str_t *key);


/*
 * Daemons, gateways, Express services; and what their files share.
 */

extern const kecs_op_t  kecs_daemon_ops[];
extern const kecs_op_t  kecs_daemon_taskdef_ops[];
extern const kecs_op_t  kecs_daemon_deployment_ops[];
extern const kecs_op_t  kecs_gateway_ops[];
extern const kecs_op_t  kecs_gateway_route_ops[];
extern const kecs_op_t  kecs_express_ops[];

/* "Invalid WHAT name: ..." unless kecs_name_ok. */
kecs_rc_t kecs_check_name(kecs_call_t *c, const char *what,
    kecs_str_t name);

/*
 * An identifier taken apart at its slashes: 1 to `most` (at most 3) parts
 * behind the kind of an ARN of this account and region, or a short name,
 * which is one part.  KECS_FAILED with ECS's error otherwise.
 */
typedef struct {
    bool         arn;
    unsigned     n;
    kecs_str_t   part[3];
} kecs_ident_t;

kecs_rc_t kecs_ident_parse(kecs_call_t *c, kecs_str_t id, const char *kind,
    unsigned most, kecs_ident_t *out);

kecs_str_t kecs_daemon_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t name);
kecs_str_t kecs_daemon_taskdef_arn(kecs_call_t *c, kecs_str_t family,
    uint32_t revision);
kecs_str_t kecs_daemon_deployment_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t daemon, kecs_str_t name);
kecs_str_t kecs_daemon_revision_arn(kecs_call_t *c, kecs_str_t cluster,
    kecs_str_t daemon, uint64_t id);
kecs_str_t kecs_gateway_arn(kecs_call_t *c, kecs_str_t name);
kecs_str_t kecs_gateway_route_arn(kecs_call_t *c, kecs_str_t gateway,
    const uint8_t *id);

/*
 * As kecs_page_begin, after kecs_check_input; the filters are the whole
 * request but its page, whose two members it is given.
 */
kecs_rc_t kecs_list_begin(kecs_call_t *c, kecs_page_t *page, const void *in,
    kecs_opt_int_t *max_results, kecs_str_t *next_token, size_t initial,
    size_t limit);

/*
 * As kecs_list_page for a list of objects: `item` gets a record with its
 * key fields set, and says in *taken whether it has written a result.
 */
typedef kecs_rc_t (*kecs_list_record_pt)(kecs_call_t *c, kecs_any_t *rec,
    void *ctx, bool *taken);

kecs_rc_t kecs_list_records(kecs_call_t *c, kecs_page_t *page,
    const char *name, kecs_scan_t *scan, kecs_list_record_pt item,
    void *ctx);

/*
 * Runs another operation within this call, as its client: `request` is its
 * JSON.  Its answer is dropped, its errors are this call's.
 */
kecs_rc_t kecs_call_within(kecs_call_t *c, const char *op,
    kecs_str_t request);

/*
 * A daemon by its ARN and the cluster that it names, or ECS's errors when
 * there is none.
 */
kecs_rc_t kecs_find_daemon(kecs_call_t *c, kecs_str_t arn, unsigned parts,
    kecs_cluster_t *cluster, kecs_daemon_t *out);

/*
 * A daemon task definition by FAMILY, FAMILY:REVISION or ARN, as
 * kecs_find_taskdef.
 */
kecs_rc_t kecs_find_daemon_taskdef(kecs_call_t *c, kecs_str_t id,
    unsigned parts, kecs_taskdef_t *out);

/* A gateway by name or ARN, or ECS's error. */
kecs_rc_t kecs_find_gateway(kecs_call_t *c, kecs_str_t id, unsigned parts,
    kecs_gateway_t *out);

/* As described; parts loaded. */
void kecs_gateway_write(kecs_call_t *c, const char *name,
    const kecs_gateway_t *g);
void kecs_gateway_route_write(kecs_call_t *c, const char *name,
    const kecs_gateway_route_t *r);

/*
 * Connects a service to all compatible gateways of its cluster, one route
 * each; routes to others are taken away.  Fails with ECS's error when there
 * is none.  To be called whenever a service with a connector is created or
 * updated, after its number is known.
 */
kecs_rc_t kecs_gateways_connect(kecs_call_t *c,
    const kecs_cluster_t *cluster, const kecs_service_t *service,
    const kecs_ecs_gateway_connector_t *connector);

/*
 * Takes all routes of a service away, as when its last task has drained;
 * associations that waited for it end.
 */
kecs_rc_t kecs_gateways_disconnect(kecs_call_t *c,
    const kecs_service_t *service);

/*
 * The list gatewayConnections of a service's revision: its routes, and
 * where they lead.
 */
kecs_rc_t kecs_gateway_connections_write(kecs_call_t *c,
    const kecs_service_t *service);

/* Takes the daemons and gateway associations of a deleted cluster away. */
kecs_rc_t kecs_cluster_gone(kecs_call_t *c, const kecs_cluster_t *cluster);

/*
 * The subnets that stand for those of the default VPC of (account,
 * region): there is no EC2, so their ids are made of both.
 */
kecs_rc_t kecs_default_subnets(kecs_call_t *c, kecs_ecs_string_list_t *out);

/* Whether a service was made by CreateExpressGatewayService. */
kecs_rc_t kecs_service_is_express(kecs_call_t *c, const kecs_service_t *s,
    bool *express);



/*
 * Rollouts of services, for the reconciler.
 */

/*
 * Adds an event that tells of a service, or of a task set of it (`set`, 0:
 * none): "(service NAME) TEXT".
 */
kecs_rc_t kecs_service_event(kecs_call_t *c, const kecs_service_t *s,
    uint64_t set, kecs_str_t text);

/* The deployment has ended, and with it the revision that it ran. */
kecs_rc_t kecs_revision_ended(kecs_call_t *c, const kecs_deployment_t *d);

/*
 * Carries out a rollback that was asked for (ROLLBACK_REQUESTED): a new
 * PRIMARY deployment with what the service ran before.  All parts of both
 * records are loaded; puts both.  ROLLBACK_FAILED when there is nothing
 * left to go back to.
 */
kecs_rc_t kecs_service_roll_back(kecs_call_t *c, kecs_service_t *s,
    kecs_service_deployment_t *sd);

/* By number, with its parts. */
kecs_rc_t kecs_service_deployment_get(kecs_call_t *c,
    const kecs_service_t *s, uint64_t id, kecs_service_deployment_t *sd);

/*
 * service_hook.c: it has entered the stage that is in its head, whose hooks
 * begin.  It is put.
 */
typedef struct {
    kecs_msec_t  minute;            /* one of theirs lasts so long */
    bool         functions;         /* somebody invokes AWS_LAMBDA hooks */
} kecs_hook_conf_t;

kecs_rc_t kecs_stage_enter(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, const kecs_hook_conf_t *conf);

/* Hooks that have waited long enough do what was said for that; put. */
kecs_rc_t kecs_hooks_expire(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd);

/*
 * service_function.c: the functions of its hooks that are to be invoked
 * now; it has all its parts.
 */
typedef struct {
    kecs_str_t  hook;               /* its id */
    kecs_str_t  target;             /* ARN of the function */
    kecs_str_t  payload;
} kecs_function_t;

kecs_rc_t kecs_functions_due(kecs_call_t *c, const kecs_service_t *s,
    const kecs_service_deployment_t *sd, kecs_function_t **out, size_t *n);

/*
 * What came of an invocation; it is put.  KECS_NOT_FOUND when the hook no
 * longer waits for its function.
 */
typedef enum {
    KECS_FUNCTION_ANSWERED = 1,     /* text: what it returned */
    KECS_FUNCTION_REFUSED,          /* text: why; for good */
    KECS_FUNCTION_SILENT,           /* text: why; it may pass */
    KECS_FUNCTION_NOBODY            /* there is none who could invoke it */
} kecs_function_outcome_t;

typedef struct {
    kecs_str_t               hook;
    kecs_function_outcome_t  outcome;
    kecs_str_t               text;
    kecs_msec_t              minute;    /* of kecs_hook_conf_t */
} kecs_function_answer_t;

kecs_rc_t kecs_function_answered(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, const kecs_function_answer_t *a);

/*
 * service_alarm.c: what is known of its alarms is now `alarms`; put.
 * `detail`: a JSON list of those in ALARM, or why they cannot be asked.
 */
kecs_rc_t kecs_alarms_seen(kecs_call_t *c, const kecs_service_t *s,
    kecs_service_deployment_t *sd, uint8_t alarms, kecs_str_t detail);

/*
 * A task set as a deployment, for kecs_service_task: shares its memory.
 */
void kecs_task_set_deployment(const kecs_task_set_t *t,
    kecs_deployment_t *d);

#endif
