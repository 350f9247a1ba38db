/*
 * What the operations on container instances share: an instance as the
 * model's structure, what its tasks take of it, its attributes.  Memory is
 * the call's.
 */

#ifndef KECS_INSTANCE_H
#define KECS_INSTANCE_H


#include "../placement/query.h"
#include "launch.h"


#define KECS_INSTANCE_ALL  (kecs_part_bit(KECS_INSTANCE_RESOURCES)           \
                            |kecs_part_bit(KECS_INSTANCE_ATTRIBUTES)         \
                            |kecs_part_bit(KECS_INSTANCE_VERSION)            \
                            |kecs_part_bit(KECS_INSTANCE_TAGS))

#define KECS_ZONE_ATTRIBUTE  "ecs.availability-zone"
#define KECS_OS_ATTRIBUTE    "ecs.os-type"
#define KECS_EXTERNAL_ATTRIBUTE  "ecs.capability.external"
#define KECS_ARCH_ATTRIBUTE  "ecs.cpu-architecture"

/* A task on an instance. */
typedef struct kecs_placed_s  kecs_placed_t;

struct kecs_placed_s {
    kecs_placed_t  *next;
    kecs_str_t      group;
    kecs_str_t      ports;
    kecs_str_t      gpus;
};

/*
 * What the tasks on an instance take of it.  A node may be an instance of
 * several clusters: what their tasks take is taken from all of them, and so
 * is what else is on the node.
 */
typedef struct {
    uint32_t        running;
    uint32_t        pending;
    size_t          n;
    uint64_t        cpu;
    uint64_t        memory;
    uint32_t        gpus;           /* which ones is not known */
    kecs_placed_t  *tasks;
    kecs_placed_t  *others;         /* of other clusters */
} kecs_usage_t;

/* The same from counts alone: without tasks, so without ports and GPUs. */
kecs_rc_t kecs_instance_load(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *out);


/* The parts that are loaded, as members of the structure. */
kecs_rc_t kecs_instance_view(kecs_call_t *c, const kecs_instance_t *p,
    kecs_ecs_container_instance_t **out);

/* It is shown with a zero in each member that is not its own. */
void kecs_resource_fill(kecs_ecs_resource_t *to);

kecs_rc_t kecs_instance_usage(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *out);

/* remainingResources of the view, from its registeredResources. */
kecs_rc_t kecs_instance_remaining(kecs_call_t *c, const kecs_usage_t *usage,
    kecs_ecs_container_instance_t *view);

/* Both of them, with remainingResources in the view. */
kecs_rc_t kecs_instance_now(kecs_call_t *c, const kecs_instance_t *p,
    kecs_usage_t *usage, kecs_ecs_container_instance_t **view);

/*
 * Why a task cannot be placed on the instance (all parts loaded), as a
 * failure's reason; NULL: it can, and gets these GPUs of it.
 */
kecs_rc_t kecs_instance_refusal(kecs_call_t *c, const kecs_instance_t *p,
    const kecs_ecs_task_definition_t *def, const kecs_needs_t *needs,
    const char **reason, kecs_str_t *gpus);

/* The same of an instance whose remaining resources are known. */
const char *kecs_instance_fits(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view,
    const kecs_ecs_task_definition_t *def, const kecs_needs_t *needs);

/* Whether it would be placed there, were there all the room it needs. */
bool kecs_instance_suits(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view,
    const kecs_ecs_task_definition_t *def);

/*
 * The platform is no attribute that definitions require; an instance that
 * does not tell its own takes any.
 */
bool kecs_instance_platform(const kecs_ecs_attributes_t *have,
    const kecs_ecs_task_definition_t *def);

/*
 * Which of the GPUs that remain such a task gets: "0,3"; empty: it needs
 * none.  There have to be enough.  KECS_NOMEM.
 */
kecs_rc_t kecs_instance_gpus(kecs_call_t *c,
    const kecs_ecs_container_instance_t *view, const kecs_needs_t *needs,
    kecs_str_t *out);

/* CPU units and MiB that remain. */
void kecs_instance_left(const kecs_ecs_container_instance_t *view,
    uint64_t *cpu, uint64_t *memory);

/* KECS_LAUNCH_* of the tasks that run on it. */
unsigned kecs_instance_launch(const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view);

/* The instance for queries; usage NULL: without what its tasks tell. */
kecs_rc_t kecs_instance_query(kecs_call_t *c, const kecs_instance_t *p,
    const kecs_ecs_container_instance_t *view, const kecs_usage_t *usage,
    kecs_query_instance_t *out);

/* Shown beside what always is. */
#define KECS_SHOW_TAGS    0x01
#define KECS_SHOW_HEALTH  0x02

/* One object named `name`; all parts are loaded. */
kecs_rc_t kecs_instance_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_instance_t *p, unsigned shown);

/*
 * The instance to be changed, all parts loaded: fails with ECS's errors
 * when there is none or it is INACTIVE.
 */
kecs_rc_t kecs_instance_to_change(kecs_call_t *c,
    const kecs_cluster_t *cluster, kecs_str_t id, kecs_instance_t *out);

/* Counts the version, puts. */
kecs_rc_t kecs_instance_put(kecs_call_t *c, kecs_instance_t *p);


/* Attributes. */

/* The value, "" for one without; absent: the instance does not have it. */
kecs_str_t kecs_attribute_value(const kecs_ecs_attributes_t *list,
    kecs_str_t name);

/* One of ECS's own, which clients cannot set. */
bool kecs_attribute_reserved(kecs_str_t name);

/* Name and value as ECS allows them for attributes of one's own. */
kecs_rc_t kecs_attribute_check(kecs_call_t *c,
    const kecs_ecs_attribute_t *attribute);

/*
 * Sorts by name; of those with the same name the last one stays.  Makes
 * the part of the record of them.
 */
kecs_rc_t kecs_attributes_store(kecs_call_t *c, kecs_ecs_attributes_t *list,
    kecs_instance_t *p);


/* Elements of "failures": each instance, and why it was not chosen. */
void kecs_placing_failures(kecs_placing_t *x);


/* Operations that have a file of their own. */
kecs_rc_t kecs_register_container_instance(kecs_call_t *c, void *in);
kecs_rc_t kecs_list_container_instances(kecs_call_t *c, void *in);


#endif
