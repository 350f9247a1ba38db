/*
 * Placement strategies: which of the container instances that a task may
 * run on it is put on (ecs-api.md 3.5).  Pure but for the random numbers
 * that it is given; nothing is allocated.
 */

#ifndef KECS_PLACE_H
#define KECS_PLACE_H


#include "../base/rand.h"
#include "query.h"


typedef enum {
    KECS_PLACE_RANDOM = 0,
    KECS_PLACE_SPREAD,              /* field: what to spread over */
    KECS_PLACE_BINPACK              /* field: "cpu" or "memory" */
} kecs_place_type_t;

typedef struct {
    kecs_place_type_t  type;
    kecs_str_t         field;
} kecs_place_rule_t;

/* An instance, whether the task may run on it or not. */
typedef struct kecs_place_s  kecs_place_t;

struct kecs_place_s {
    bool                           fits;
    kecs_str_t                     id;      /* no other has it */
    const kecs_query_attribute_t  *attributes;
    size_t                         n_attributes;
    uint32_t                       same;    /* tasks of the group on it */
    uint64_t                       cpu;     /* what is left */
    uint64_t                       memory;

    /* Used while choosing. */
    bool                           best;
    uint64_t                       score;
    kecs_str_t                     value;   /* of what to spread over */
    kecs_place_t                  *alike;   /* first with the same value */
    kecs_place_t                  *next;
};


/*
 * The place that the rules, one after the other, prefer among those that
 * fit; chance decides between equals.  n: none fits.  To spread is to
 * prefer the value of the field with the fewest tasks of the group on all
 * instances that have it; instances without the attribute come last.
 */
size_t kecs_place_choose(kecs_place_t *places, size_t n,
    const kecs_place_rule_t *rules, size_t n_rules, kecs_rand_t *rand);


#endif
