/*
 * Availability Zone rebalancing: see rebalance.h.  The service's `balancing`
 * remembers how far it is: NOT until an uneven spread has been told of, ON
 * between moves, MOVES while a replacement is there that nobody has made
 * room for, HELD once protection has been told to be in the way.  A
 * replacement that does not come to run ends the whole of it for a while.
 */

#include <stdlib.h>

#include "../base/buf.h"
#include "rebalance.h"


static bool
fewer(const kecs_zone_t *a, const kecs_zone_t *b)
{
    return a->n != b->n ? a->n < b->n : kecs_str_cmp(a->name, b->name) < 0;
}


kecs_evenness_t
kecs_zones_compare(const kecs_zone_t *zones, size_t n, size_t *from,
    size_t *to)
{
    size_t  i, most;

    *from = n;
    *to = n;
    most = n;

    for (i = 0; i < n; i++) {
        if (zones[i].open && (*to == n || fewer(&zones[i], &zones[*to]))) {
            *to = i;
        }

        if (most == n || zones[i].n > zones[most].n) {
            most = i;
        }

        if (zones[i].loose > 0
            && (*from == n || zones[i].n > zones[*from].n))
        {
            *from = i;
        }
    }

    if (*to == n || zones[most].n - zones[*to].n < 2) {
        return KECS_ZONES_EVEN;
    }

    return *from != n && zones[*from].n - zones[*to].n >= 2
           ? KECS_ZONES_UNEVEN : KECS_ZONES_HELD;
}


/* Texts. */

static int
fullest_first(const void *a, const void *b)
{
    const kecs_zone_t  *x = *(const kecs_zone_t *const *) a;
    const kecs_zone_t  *y = *(const kecs_zone_t *const *) b;

    return x->n != y->n ? (x->n > y->n ? -1 : 1)
                        : kecs_str_cmp(x->name, y->name);
}


/* "3 tasks in us-east-1a, 1 tasks in us-east-1b" */

static void
list_zones(const kecs_rebalance_t *x, kecs_buf_t *b)
{
    size_t              i;
    const kecs_zone_t **order;

    order = kecs_calloc(x->arena, x->n, sizeof(*order));

    if (order == NULL) {
        b->failed = true;
        return;
    }

    for (i = 0; i < x->n; i++) {
        order[i] = &x->zones[i];
    }

    qsort(order, x->n, sizeof(*order), fullest_first);

    for (i = 0; i < x->n; i++) {
        kecs_buf_printf(b, "%s%lld tasks in %.*s", i != 0 ? ", " : "",
                        (long long) order[i]->n, kecs_fmt(order[i]->name));
    }
}


static kecs_rc_t
tell_zones(kecs_rebalance_t *x, const char *before, const char *after)
{
    kecs_buf_t  b;

    kecs_buf_init(&b, x->arena, 0);
    kecs_buf_printf(&b, "%s", before);
    list_zones(x, &b);
    kecs_buf_printf(&b, "%s", after);

    return b.failed ? KECS_NOMEM
                    : kecs_action_event(x->arena, x->out, kecs_buf_view(&b));
}


static kecs_rc_t
tell_stopped(kecs_rebalance_t *x)
{
    return kecs_action_event(x->arena, x->out,
                             kecs_str("stopped AZ Rebalancing."));
}


static kecs_rc_t
tell_held(kecs_rebalance_t *x)
{
    size_t   i;
    int64_t  n;

    for (i = 0, n = 0; i < x->n; i++) {
        n += x->zones[i].n - x->zones[i].loose;
    }

    return kecs_action_event(x->arena, x->out,
               kecs_sprintf(x->arena, "was unable to AZ Rebalance because"
                            " (taskSet " KECS_DEPLOYMENT_FMT ") was unable"
                            " to scale in due to (reason %lld tasks under"
                            " protection).", x->service->primary,
                            (long long) n));
}


/* Moves. */

static bool
waits(kecs_rebalance_t *x, kecs_msec_t until, kecs_msec_t most)
{
    if (until <= x->now || until - x->now > most) {
        return false;
    }

    kecs_actions_again(x->out, x->now, until);

    return true;
}


static kecs_rc_t
move(kecs_rebalance_t *x, const kecs_zone_t *to)
{
    kecs_rc_t       rc;
    kecs_action_t  *a;

    if (waits(x, x->balance_at, x->conf->balance_again)
        || waits(x, x->service->throttled_until, x->conf->throttle_max))
    {
        return KECS_OK;
    }

    rc = x->balancing == KECS_BALANCING_ON ? KECS_OK
         : tell_zones(x, "is not AZ balanced with ",
                      ". AZ Rebalancing in progress.");
    a = rc == KECS_OK ? kecs_action_add(x->arena, x->out, KECS_ACT_START)
                      : NULL;

    if (a == NULL) {
        return KECS_NOMEM;
    }

    a->deployment = x->service->primary;
    a->version = x->service->version;
    a->n = 1;
    a->zone = to->name;
    x->balancing = KECS_BALANCING_MOVES;
    x->starts = true;

    return KECS_OK;
}


/* The replacement is there no more, and nothing has become better. */

static kecs_rc_t
give_up(kecs_rebalance_t *x)
{
    x->balancing = KECS_BALANCING_NOT;
    x->balance_at = x->now + x->conf->balance_again;
    kecs_actions_again(x->out, x->now, x->balance_at);

    return tell_stopped(x);
}


static kecs_rc_t
even(kecs_rebalance_t *x)
{
    if (x->balancing == KECS_BALANCING_NOT) {
        return KECS_OK;
    }

    x->balancing = KECS_BALANCING_NOT;

    return tell_zones(x, "is AZ balanced with ", ".");
}


static kecs_rc_t
look(kecs_rebalance_t *x)
{
    size_t  from, to;

    switch (kecs_zones_compare(x->zones, x->n, &from, &to)) {

    case KECS_ZONES_EVEN:
        return even(x);

    case KECS_ZONES_HELD:
        if (x->balancing == KECS_BALANCING_HELD) {
            return KECS_OK;
        }

        x->balancing = KECS_BALANCING_HELD;
        return tell_held(x);

    default:
        return x->balancing == KECS_BALANCING_MOVES ? give_up(x)
                                                    : move(x, &x->zones[to]);
    }
}


kecs_rc_t
kecs_rebalance(kecs_rebalance_t *x)
{
    uint8_t  was;

    was = x->service->balancing;
    x->balancing = was;
    x->balance_at = x->service->balance_at;

    if (!x->apt) {
        x->balancing = KECS_BALANCING_NOT;
        return was >= KECS_BALANCING_ON ? tell_stopped(x) : KECS_OK;
    }

    if (was == KECS_BALANCING_MOVES && (x->moved || x->astray)) {
        x->balancing = KECS_BALANCING_ON;
    }

    return x->calm ? look(x) : KECS_OK;
}
