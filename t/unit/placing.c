/*
 * Placement strategies: what they prefer, one after the other.
 */

#include "../../src/placement/place.h"
#include "tap.h"


#define N  6

static kecs_rand_t             rand_;
static kecs_place_t            places[N];
static kecs_query_attribute_t  zones[N];


/* Instances 0 to 5 in zones a, a, a, b, b and without one. */

static void
make(void)
{
    unsigned            i;
    static const char  *ids[] = { "i0", "i1", "i2", "i3", "i4", "i5" };
    static const char  *zone[] = { "a", "a", "a", "b", "b", "" };

    memset(places, 0, sizeof(places));

    for (i = 0; i < N; i++) {
        zones[i].name = kecs_str("ecs.availability-zone");
        zones[i].value = kecs_str_of(zone[i]);
        places[i].id = kecs_str_of(ids[i]);
        places[i].attributes = &zones[i];
        places[i].n_attributes = i < 5;
        places[i].fits = true;
        places[i].cpu = 1000 - 100 * i;
        places[i].memory = 100 + 100 * i;
    }
}


static size_t
choose(const kecs_place_rule_t *rules, size_t n)
{
    return kecs_place_choose(places, N, rules, n, &rand_);
}


static void
test_random(void)
{
    size_t    at;
    unsigned  i, seen[N + 1] = { 0 };

    make();
    places[2].fits = false;

    for (i = 0; i < 600; i++) {
        at = choose(NULL, 0);
        seen[at <= N ? at : N]++;
    }

    tap_ok(seen[2] == 0 && seen[N] == 0, "only what fits");
    tap_ok(seen[0] > 50 && seen[1] > 50 && seen[3] > 50 && seen[4] > 50
           && seen[5] > 50, "any of those that do");

    for (i = 0; i < N; i++) {
        places[i].fits = false;
    }

    tap_is_int((int64_t) choose(NULL, 0), N, "none fits");
}


static void
test_spread(void)
{
    size_t                    at;
    unsigned                  i, a, b;
    static const kecs_place_rule_t  rules[] = {
        { KECS_PLACE_SPREAD,
          kecs_string("attribute:ecs.availability-zone") },
        { KECS_PLACE_SPREAD, kecs_string("instanceId") }
    };

    make();

    for (i = 0; i < 12; i++) {
        at = choose(rules, 2);
        places[at].same++;
    }

    a = places[0].same + places[1].same + places[2].same;
    b = places[3].same + places[4].same;
    tap_ok(a == 6 && b == 6, "as many in each zone (%u, %u)", a, b);
    tap_ok(places[0].same == 2 && places[1].same == 2 && places[2].same == 2
           && places[3].same == 3 && places[4].same == 3,
           "and then on each instance");
    tap_is_int(places[5].same, 0, "not where there is no zone");

    for (i = 0; i < 5; i++) {
        places[i].fits = false;
    }

    tap_is_int((int64_t) choose(rules, 2), 5, "unless nothing else fits");

    make();
    places[0].same = 5;
    places[0].fits = false;
    places[3].same = 1;
    at = choose(rules, 1);
    tap_ok(at == 3 || at == 4, "what does not fit counts for its zone");
}


static void
test_binpack(void)
{
    static const kecs_place_rule_t  rules[] = {
        { KECS_PLACE_BINPACK, kecs_string("memory") },
        { KECS_PLACE_BINPACK, kecs_string("cpu") },
        { KECS_PLACE_SPREAD, kecs_string("attribute:ecs.availability-zone") },
        { KECS_PLACE_BINPACK, kecs_string("cpu") }
    };

    make();
    tap_is_int((int64_t) choose(rules, 1), 0, "the least memory");
    tap_is_int((int64_t) choose(rules + 1, 1), 5, "the least CPU");
    places[4].same = 1;
    tap_is_int((int64_t) choose(rules + 2, 2), 2,
               "spread, and packed within");
}


int
main(void)
{
    kecs_rand_seed(&rand_, 1);
    test_random();
    test_spread();
    test_binpack();

    return tap_done();
}
