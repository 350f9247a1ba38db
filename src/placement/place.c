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


/*
 * Spreading: each place learns its value, and how many tasks of the group
 * there are where the value is the same.  The first place of a value counts
 * for the others; `next` leads from one of those to another, so what it
 * takes grows with the places times the values that they have.
 */

static void
count_alike(kecs_place_t *places, size_t n, kecs_str_t field)
{
    size_t         i;
    kecs_place_t  *p, *head, *heads;

    for (i = 0, heads = NULL; i < n; i++) {
        p = &places[i];
        p->value = value_of(p, field);
        p->alike = NULL;
        p->score = p->same;

        if (p->value.data == NULL || p->value.data == p->id.data) {
            continue;
        }

        for (head = heads; head != NULL; head = head->next) {
            if (kecs_str_eq(head->value, p->value)) {
                break;
            }
        }

        if (head != NULL) {
            head->score += p->same;
            p->alike = head;
            continue;
        }

        p->next = heads;
        heads = p;
    }
}


static void
score_spread(kecs_place_t *places, size_t n, kecs_str_t field)
{
    size_t         i;
    kecs_place_t  *p;

    count_alike(places, n, field);

    for (i = 0; i < n; i++) {
        p = &places[i];

        if (p->value.data == NULL) {
            p->score = UINT64_MAX;

        } else if (p->alike != NULL) {
            p->score = p->alike->score;
        }
    }
}


static void
score_binpack(kecs_place_t *places, size_t n, kecs_str_t field)
{
    bool    cpu;
    size_t  i;

    cpu = kecs_str_is(field, "cpu") || kecs_str_is(field, "CPU");

    for (i = 0; i < n; i++) {
        places[i].score = cpu ? places[i].cpu : places[i].memory;
    }
}


/* The lower the score the better. */

static void
leave_best(kecs_place_t *places, size_t n, const kecs_place_rule_t *rule)
{
    size_t    i;
    uint64_t  best;

    if (rule->type == KECS_PLACE_SPREAD) {
        score_spread(places, n, rule->field);

    } else {
        score_binpack(places, n, rule->field);
    }

    best = UINT64_MAX;

    for (i = 0; i < n; i++) {
        if (places[i].best && places[i].score < best) {
            best = places[i].score;
        }
    }

    for (i = 0; i < n; i++) {
        places[i].best &= places[i].score == best;
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
