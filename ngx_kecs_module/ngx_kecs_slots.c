/*
 * Clients of streams over all workers: how many there are, and how many of
 * one address.  A table in a shared zone has a row for each, with the
 * process that serves it, so that what a killed worker held is found and
 * freed.  There is no lock: a row is taken by compare-and-set, and of two
 * that come at the limit together both may be refused.
 */

#include "ngx_kecs_stream.h"
#include <signal.h>


#define NGX_KECS_SLOTS_SIZE                                                  \
    (sizeof(ngx_kecs_slots_t) + 16 * ngx_pagesize)


static ngx_kecs_slots_t  *ngx_kecs_slots_shared;


static ngx_int_t
ngx_kecs_slots_init_zone(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) {
        zone->data = data;

    } else if (zone->shm.exists) {
        zone->data = pool->data;

    } else {
        zone->data = ngx_slab_calloc(pool, sizeof(ngx_kecs_slots_t));
        pool->data = zone->data;
    }

    ngx_kecs_slots_shared = zone->data;

    return zone->data == NULL ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_kecs_slots_add_zone(ngx_conf_t *cf)
{
    ngx_shm_zone_t    *zone;
    static ngx_str_t   name = ngx_string("kecs_events");

    zone = ngx_shared_memory_add(cf, &name, NGX_KECS_SLOTS_SIZE,
                                 &ngx_http_kecs_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_kecs_slots_init_zone;

    return NGX_OK;
}


ngx_kecs_slots_t *
ngx_kecs_slots(void)
{
    return ngx_kecs_slots_shared;
}


/* The address as a number: an IPv6 one is that of its network (/64). */

static ngx_atomic_uint_t
ngx_kecs_slot_address(struct sockaddr *sa)
{
    ngx_atomic_uint_t     n;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    n = 0;

    switch (sa->sa_family) {

#if (NGX_HAVE_UNIX_DOMAIN)
    case AF_UNIX:
        break;
#endif

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;

        if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr)) {
            ngx_memcpy(&n, &sin6->sin6_addr.s6_addr[12], 4);

        } else {
            ngx_memcpy(&n, sin6->sin6_addr.s6_addr, sizeof(n));
        }

        break;
#endif

    default:
        n = ((struct sockaddr_in *) sa)->sin_addr.s_addr;
    }

    return n;
}


void
ngx_kecs_slots_sweep(void)
{
    ngx_uint_t         i;
    ngx_kecs_slot_t   *s;
    ngx_atomic_uint_t  pid;

    if (ngx_kecs_slots_shared == NULL) {
        return;
    }

    for (i = 0; i < NGX_KECS_CLIENTS_MAX; i++) {
        s = &ngx_kecs_slots_shared->slots[i];
        pid = s->pid;

        if (pid != 0 && pid != (ngx_atomic_uint_t) ngx_pid
            && kill((pid_t) pid, 0) == -1 && ngx_errno == ESRCH)
        {
            (void) ngx_atomic_cmp_set(&s->pid, pid, 0);
        }
    }
}


/* How many there are, and how many of the address. */

static void
ngx_kecs_slots_count(ngx_atomic_uint_t address, ngx_uint_t *all,
    ngx_uint_t *same)
{
    ngx_uint_t        i;
    ngx_kecs_slot_t  *s;

    *all = 0;
    *same = 0;

    for (i = 0; i < NGX_KECS_CLIENTS_MAX; i++) {
        s = &ngx_kecs_slots_shared->slots[i];

        if (s->pid != 0) {
            (*all)++;
            *same += s->address == address;
        }
    }
}


static ngx_int_t
ngx_kecs_slot_any(ngx_atomic_uint_t address, ngx_uint_t *slot)
{
    ngx_uint_t        i;
    ngx_kecs_slot_t  *s;

    for (i = 0; i < NGX_KECS_CLIENTS_MAX; i++) {
        s = &ngx_kecs_slots_shared->slots[i];

        if (s->pid == 0
            && ngx_atomic_cmp_set(&s->pid, 0, (ngx_atomic_uint_t) ngx_pid))
        {
            s->address = address;
            *slot = i;
            return NGX_OK;
        }
    }

    return NGX_BUSY;
}


static ngx_int_t
ngx_kecs_slot_try(ngx_kecs_main_conf_t *mcf, ngx_atomic_uint_t address,
    ngx_uint_t *slot)
{
    ngx_uint_t  all, same;

    if (ngx_kecs_slot_any(address, slot) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_kecs_slots_count(address, &all, &same);

    if (all <= mcf->clients && same <= mcf->clients_address) {
        return NGX_OK;
    }

    ngx_kecs_slot_free(*slot);

    return all > mcf->clients ? NGX_BUSY : NGX_DECLINED;
}


ngx_int_t
ngx_kecs_slot_take(ngx_kecs_main_conf_t *mcf, struct sockaddr *sa,
    ngx_uint_t *slot)
{
    ngx_int_t          rc;
    ngx_atomic_uint_t  address;

    address = ngx_kecs_slot_address(sa);
    rc = ngx_kecs_slot_try(mcf, address, slot);

    if (rc != NGX_OK) {
        ngx_kecs_slots_sweep();
        rc = ngx_kecs_slot_try(mcf, address, slot);
    }

    if (rc != NGX_OK) {
        ngx_atomic_fetch_add(&ngx_kecs_slots_shared->refused, 1);
    }

    return rc;
}


void
ngx_kecs_slot_free(ngx_uint_t slot)
{
    ngx_kecs_slots_shared->slots[slot].pid = 0;
}


void
ngx_kecs_streams_render(kecs_buf_t *b)
{
    ngx_uint_t         all, same;
    ngx_kecs_slots_t  *s;

    s = ngx_kecs_slots_shared;

    if (s == NULL) {
        return;
    }

    ngx_kecs_slots_sweep();
    ngx_kecs_slots_count(0, &all, &same);

    ngx_kecs_metric_value(b, "kecs_stream_clients", "gauge",
                          "Clients that follow the stream of events.", all);
    ngx_kecs_metric_value(b, "kecs_stream_events_total", "counter",
                          "Events sent, counted for each client.",
                          s->events);
    ngx_kecs_metric_value(b, "kecs_stream_slow_total", "counter",
                          "Clients too slow for the stream, told to resume.",
                          s->slow);
    ngx_kecs_metric_value(b, "kecs_stream_gone_total", "counter",
                          "Clients whose position the log no longer had.",
                          s->gone);
    ngx_kecs_metric_value(b, "kecs_stream_refused_total", "counter",
                          "Clients refused by kecs_events_clients.",
                          s->refused);
}
