/*
 * Placement strategies.  Each rule leaves of the best places those that it
 * likes best; what is left in the end is alike, and chance decides.
 */

#include "place.h"


#define ATTRIBUTE  "attribute:"


/* What a place has to say to a field; absent: nothing. */

static kecs_str_t
value_of(const kecs_place_t *p, kecs_str_t field)
{
    size_t      i;
    kecs_str_t  name;

    if (kecs_str_is(field, "instanceId") || kecs_str_is(field, "host")) {
        return p->id;
    }

    name = kecs_str_starts(field, kecs_str(ATTRIBUTE))
           ? kecs_str_from(field, sizeof(ATTRIBUTE) - 1) : field;

    for (i = 0; i < p->n_attributes; i++) {
        if (kecs_str_eq(p->attributes[i].name, name)) {
            return p->attributes[i].value.data ? p->attributes[i].value
                                               : kecs_str("");
        }
    }

    return kecs_null_str;
}


/* Tasks of the group where the value is the same as here. */

static uint64_t
tasks_like(const kecs_place_t *places, size_t n, kecs_str_t field, size_t at)
{
    size_t      i;
    uint64_t    sum;
    kecs_str_t  value, other;

    value = value_of(&places[at], field);

    if (value.data == NULL) {
        return UINT64_MAX;
    }

    if (value.data == places[at].id.data) {
        return places[at].same;
    }

    for (i = 0, sum = 0; i < n; i++) {
        if (places[i].same == 0) {
            continue;
        }

        other = value_of(&places[i], field);

        if (other.data != NULL && kecs_str_eq(other, value)) {
            sum += places[i].same;
        }
    }

    return sum;
}


/* The lower the better. */

static uint64_t
score(const kecs_place_t *places, size_t n, const kecs_place_rule_t *rule,
    size_t at)
{
    switch (rule->type) {

    case KECS_PLACE_SPREAD:
        return tasks_like(places, n, rule->field, at);

    case KECS_PLACE_BINPACK:
        return kecs_str_is(rule->field, "cpu")
               || kecs_str_is(rule->field, "CPU") ? places[at].cpu
                                                  : places[at].memory;

    default:
        return 0;
    }
}


static void
leave_best(kecs_place_t *places, size_t n, const kecs_place_rule_t *rule)
{
    size_t    i, k;
    uint64_t  s, best;

    best = UINT64_MAX;

    for (i = 0; i < n; i++) {
        if (!places[i].best) {
            continue;
        }

        s = score(places, n, rule, i);

        if (s > best) {
            places[i].best = false;
            continue;
        }

        for (k = 0; s < best && k < i; k++) {
            places[k].best = false;
        }

        best = s;
    }
}


static size_t
pick(const kecs_place_t *places, size_t n, kecs_rand_t *rand)
{
    size_t  i, left;

    for (i = 0, left = 0; i < n; i++) {
        left += places[i].best;
    }

    if (left == 0) {
        return n;
    }

    left = (size_t) kecs_rand_below(rand, left);

    for (i = 0; i < n; i++) {
        if (places[i].best && left-- == 0) {
            break;
        }
    }

    return i;
}


size_t
kecs_place_choose(kecs_place_t *places, size_t n,
    const kecs_place_rule_t *rules, size_t n_rules, kecs_rand_t *rand)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        places[i].best = places[i].fits;
    }

    for (i = 0; i < n_rules; i++) {
        if (rules[i].type == KECS_PLACE_RANDOM) {
            break;
        }

        leave_best(places, n, &rules[i]);
    }

    return pick(places, n, rand);
}
