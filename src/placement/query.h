/*
 * The cluster query language: what chooses container instances in
 * ListContainerInstances and in placement constraints of type memberOf.
 *
 *     attribute:ecs.instance-type =~ g2.* and not(task:group == database)
 *
 * Pure: an instance is what the caller says it is.  A query lies wholly in
 * the arena it was parsed into, patterns included, and ends with it; one
 * thread at a time may match it.
 */

#ifndef KECS_QUERY_H
#define KECS_QUERY_H


#include <inttypes.h>

#include "../base/arena.h"
#include "../base/clock.h"


typedef struct kecs_query_s  kecs_query_t;

typedef struct {
    kecs_str_t   name;
    kecs_str_t   value;             /* absent: an attribute without one */
} kecs_query_attribute_t;

/* An instance; what no test of the query needs may be left out. */
typedef struct {
    bool                           connected;
    kecs_str_t                     agent_version;
    kecs_str_t                     ec2_id;
    kecs_msec_t                    registered_at;
    uint32_t                       running;
    const kecs_query_attribute_t  *attributes;
    size_t                         n_attributes;
    const kecs_str_t              *groups;      /* of its tasks */
    size_t                         n_groups;
} kecs_query_instance_t;

#define KECS_QUERY_ATTRIBUTES  0x01
#define KECS_QUERY_VERSION     0x02
#define KECS_QUERY_RUNNING     0x04
#define KECS_QUERY_GROUPS      0x08


/*
 * KECS_OK, KECS_NOMEM, KECS_INVALID (*why tells what is wrong with the
 * text, in the arena).
 */
kecs_rc_t kecs_query_parse(kecs_arena_t *a, kecs_str_t text,
    kecs_query_t **out, kecs_str_t *why);

/* KECS_QUERY_*: which members of an instance the query looks at. */
unsigned kecs_query_needs(const kecs_query_t *q);

/* KECS_OK, KECS_NOMEM.  A pattern that takes too long does not match. */
kecs_rc_t kecs_query_match(const kecs_query_t *q,
    const kecs_query_instance_t *instance, bool *match);


#endif
