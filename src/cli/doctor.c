/*
 * doctor: what is wrong with the setup, and what to do about it.  Nothing
 * is changed.  A finding that fails keeps the system from working; one that
 * warns may, or surprises.  A cluster is asked only when `kecs up` would use
 * it, or when it is named by a flag.
 */

#include <stdarg.h>
#include <stdio.h>

#include "../json/json_writer.h"
#include "doctor.h"


static const char *const  levels[] = { "ok", "warn", "fail" };


void
kecs_found(kecs_doctor_t *d, kecs_level_t level, const char *what,
    const char *fix, const char *fmt, ...)
{
    int              n;
    char             text[1024];
    va_list          args;
    kecs_finding_t  *f;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    d->n[level]++;
    f = kecs_zalloc(d->arena, sizeof(kecs_finding_t));

    if (f == NULL) {
        return;
    }

    f->level = level;
    f->what = what;
    f->fix = level == KECS_FINE || fix == NULL ? "" : fix;
    f->text = kecs_strdup(d->arena, kecs_str_of(n < 0 ? "" : text));

    if (d->last != NULL) {
        d->last->next = f;

    } else {
        d->first = f;
    }

    d->last = f;
}


static unsigned
port_of(const char *url, unsigned otherwise)
{
    uint64_t    port;
    ptrdiff_t   colon;
    kecs_str_t  s;

    s = kecs_str_of(url);
    colon = kecs_str_rchr(s, ':');

    return colon >= 0 && kecs_str_u64(kecs_str_from(s, (size_t) colon + 1),
                                      &port)
           ? (unsigned) port : otherwise;
}


/* What runs has the ports that it was started with. */

static void
look_around(kecs_doctor_t *d)
{
    d->up = kecs_lock_owner(d->o->data, "up.lock");
    d->reconciler = kecs_lock_owner(d->o->data, "reconciler.lock");
    d->port = d->o->port;
    d->admin_port = d->o->admin_port;

    if (d->up != 0) {
        kecs_endpoint_read(d->o->data, &d->at);
        d->port = port_of(d->at.api, d->port);
        d->admin_port = port_of(d->at.admin, d->admin_port);
    }
}


static void
print_lines(const kecs_doctor_t *d)
{
    const kecs_finding_t  *f;

    for (f = d->first; f != NULL; f = f->next) {
        printf("%-4s  %-12s %.*s\n", levels[f->level], f->what,
               kecs_fmt(f->text));

        if (f->fix[0] != '\0') {
            printf("                   -> %s\n", f->fix);
        }
    }

    printf("%u ok, %u to look at, %u wrong\n", d->n[KECS_FINE],
           d->n[KECS_WARN], d->n[KECS_FAIL]);
}


static int
print_findings(const kecs_doctor_t *d)
{
    kecs_buf_t             b;
    kecs_writer_t          w;
    const kecs_finding_t  *f;

    kecs_buf_init(&b, NULL, 0);
    w = kecs_writer(&b);
    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "version", KECS_VERSION);
    kecs_w_i64(&w, "warnings", d->n[KECS_WARN]);
    kecs_w_i64(&w, "failures", d->n[KECS_FAIL]);
    kecs_w_array(&w, "findings");

    for (f = d->first; f != NULL; f = f->next) {
        kecs_w_object(&w, NULL);
        kecs_w_cstr(&w, "level", levels[f->level]);
        kecs_w_cstr(&w, "what", f->what);
        kecs_w_str(&w, "text", f->text);
        kecs_w_cstr(&w, "fix", f->fix);
        kecs_w_object_end(&w);
    }

    kecs_w_array_end(&w);
    kecs_w_object_end(&w);

    return kecs_print_json(&b);
}


int
kecs_doctor(kecs_options_t *o)
{
    int            rc;
    kecs_doctor_t  d;

    memset(&d, 0, sizeof(d));
    d.o = o;
    d.arena = kecs_arena_create(0);

    if (d.arena == NULL) {
        return kecs_die("out of memory");
    }

    look_around(&d);
    kecs_doctor_folder(&d);
    kecs_doctor_store(&d);
    kecs_doctor_ports(&d);
    kecs_doctor_nginx(&d);
    kecs_doctor_machine(&d);
    kecs_doctor_clients(&d);
    kecs_doctor_cluster(&d);

    rc = 0;

    if (o->json) {
        rc = print_findings(&d);

    } else {
        print_lines(&d);
    }

    kecs_arena_destroy(d.arena);

    return rc != 0 || d.n[KECS_FAIL] != 0;
}
