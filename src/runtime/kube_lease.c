/*
 * One request at a time: GET, then POST or PUT, then a PUT every `renew`;
 * the pause is part of the request (its delay).
 *
 *     look      404: create; free, ours, or expired: write; else look again
 *     create    2xx: held; 409: look
 *     write     2xx: held; 409, 404: look
 *
 * A PUT carries the resourceVersion that was seen last, so whoever writes
 * after somebody else is refused.  `renewed_at` is when the request that
 * succeeded could have been sent at the earliest: others can only have seen
 * it later.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/rand.h"
#include "../convert/pod.h"
#include "../json/json_writer.h"
#include "../kube/object.h"
#include "kube_lease.h"


#define DURATION   15000
#define RENEW      2000
#define DEADLINE   10000
#define CONFLICT   50               /* ms before looking after a 409 */

#define HOST_MAX    64
#define HOLDER_MAX  255

/* What is or was in the Lease; it has changed when this has. */
typedef struct {
    char      holder[HOLDER_MAX + 1];
    char      acquired[64];
    char      renewed[64];
    int64_t   duration;             /* s */
    int64_t   transitions;
} record_t;

struct kecs_lease_s {
    kecs_kube_t        *k;
    kecs_arena_t       *arena;
    kecs_arena_t       *scratch;
    kecs_lease_conf_t   conf;
    kecs_str_t          collection;
    kecs_str_t          path;
    kecs_str_t          uuid;
    kecs_kube_call_t   *call;
    char                identity[HOLDER_MAX + 1];
    char                version[128];
    record_t            record;     /* as seen or written last */
    kecs_msec_t         observed_at;
    kecs_msec_t         asked_at;
    kecs_msec_t         renewed_at;
    bool                spread;     /* what it says, or is to say */
    bool                gathered;   /* and never again */
    bool                looked;     /* at what was there before us */
    bool                held;
    bool                without;    /* we have no right to Leases */
    bool                known;      /* we have had it, or seen a holder */
    bool                releasing;
    bool                released;
    char                why[512];
};


static void on_looked(void *ctx, const kecs_kube_reply_t *reply);
static void on_written(void *ctx, const kecs_kube_reply_t *reply);


/* Who holds it. */


static void
host_name(char *out)
{
    char  *p;

    if (gethostname(out, HOST_MAX) == -1) {
        out[0] = '\0';
    }

    out[HOST_MAX] = '\0';

    for (p = out; *p != '\0'; p++) {
        if ((unsigned char) *p <= ' ' || (unsigned char) *p >= 0x7f) {
            *p = '-';
        }
    }
}


/* Of "host_pid_random"; the host may hold any character. */

static bool
parts(kecs_str_t holder, kecs_str_t *host, uint64_t *pid)
{
    ptrdiff_t  last, middle;

    last = kecs_str_rchr(holder, '_');

    if (last < 0) {
        return false;
    }

    *host = kecs_str_n(holder.data, (size_t) last);
    middle = kecs_str_rchr(*host, '_');

    if (middle < 0) {
        return false;
    }

    host->len = (size_t) middle;

    return kecs_str_u64(kecs_str_n(holder.data + middle + 1,
                                   (size_t) (last - middle - 1)), pid)
           && *pid > 0 && *pid <= INT32_MAX;
}


/* One that has ended and that nobody has waited for is dead, too. */

static bool
is_alive(pid_t pid)
{
    char         path[64], line[512];
    bool         alive;
    FILE        *f;
    const char  *end;

    if (kill(pid, 0) == -1 && errno == ESRCH) {
        return false;
    }

    (void) snprintf(path, sizeof(path), "/proc/%ld/stat", (long) pid);
    f = fopen(path, "re");

    if (f == NULL) {
        return true;
    }

    alive = true;

    if (fgets(line, sizeof(line), f) != NULL) {
        end = strrchr(line, ')');
        alive = end == NULL || (strncmp(end, ") Z", 3) != 0
                                && strncmp(end, ") X", 3) != 0);
    }

    (void) fclose(f);

    return alive;
}


/* A holder on this host: its process, else 0. */

static pid_t
process_of(kecs_str_t holder)
{
    char        own[HOST_MAX + 1];
    uint64_t    pid;
    kecs_str_t  host;

    host_name(own);

    return parts(holder, &host, &pid) && kecs_str_is(host, own)
           ? (pid_t) pid : 0;
}


bool
kecs_lease_is_of(kecs_str_t holder, pid_t pid)
{
    return pid != 0 && process_of(holder) == pid;
}


bool
kecs_lease_is_free(kecs_str_t holder)
{
    pid_t  pid;

    if (holder.len == 0) {
        return true;
    }

    pid = process_of(holder);

    return pid != 0 && (pid == getpid() || !is_alive(pid));
}


static bool
is_mine(const kecs_lease_t *l)
{
    return strcmp(l->record.holder, l->identity) == 0;
}


/* Nobody else can be acting: it was free, or has been silent for long. */

static bool
may_take(kecs_lease_t *l, kecs_msec_t now)
{
    bool  first;

    first = !l->looked;
    l->looked = true;

    if (l->record.holder[0] == '\0' || is_mine(l)) {
        return true;
    }

    if (first && kecs_lease_is_free(kecs_str_of(l->record.holder))) {
        return true;
    }

    return now >= l->observed_at + l->record.duration * 1000;
}


/* Requests. */


static void
ask(kecs_lease_t *l, const char *method, kecs_str_t path, kecs_str_t body,
    kecs_msec_t delay, kecs_kube_done_pt done)
{
    kecs_kube_request_t  r;

    memset(&r, 0, sizeof(kecs_kube_request_t));
    r.method = method;
    r.path = path;
    r.type = body.data != NULL ? "application/json" : NULL;
    r.body = body;
    r.timeout = (unsigned) (l->conf.deadline / 2000) + 1;
    r.delay = delay;
    r.urgent = true;
    r.done = done;
    r.ctx = l;

    l->asked_at = kecs_monotonic() + delay;

    /* without memory kecs_lease_run() begins anew */

    if (kecs_kube_send(l->k, &r, &l->call) != KECS_OK) {
        l->call = NULL;
    }
}


static void
look(kecs_lease_t *l, kecs_msec_t delay)
{
    ask(l, "GET", l->path, kecs_null_str, delay, on_looked);
}


/* When it will be sent.  A MicroTime has six digits. */

static void
time_text(kecs_msec_t delay, char *out, size_t size)
{
    char  t[KECS_TIME_LEN + 1];

    kecs_time_print(kecs_wall_clock() + delay, t);
    (void) snprintf(out, size, "%.*s000Z", KECS_TIME_LEN - 1, t);
}


static kecs_str_t
object(kecs_lease_t *l, const record_t *r, const char *version)
{
    kecs_buf_t     buf;
    kecs_writer_t  w;

    kecs_buf_init(&buf, l->scratch, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "apiVersion", "coordination.k8s.io/v1");
    kecs_w_cstr(&w, "kind", "Lease");

    kecs_w_object(&w, "metadata");
    kecs_w_printf(&w, "name", "kecs-%.*s", kecs_fmt(l->uuid));

    if (version[0] != '\0') {
        kecs_w_cstr(&w, "resourceVersion", version);
    }

    kecs_w_object(&w, "labels");
    kecs_w_str(&w, KECS_POD_STORE, l->uuid);
    kecs_w_object_end(&w);

    if (l->spread) {
        kecs_w_object(&w, "annotations");
        kecs_w_cstr(&w, KECS_LEASE_SPREAD, "true");
        kecs_w_object_end(&w);
    }

    kecs_w_object_end(&w);

    kecs_w_object(&w, "spec");
    kecs_w_cstr(&w, "holderIdentity", r->holder);
    kecs_w_i64(&w, "leaseDurationSeconds", r->duration);
    kecs_w_cstr(&w, "acquireTime", r->acquired);
    kecs_w_cstr(&w, "renewTime", r->renewed);
    kecs_w_i64(&w, "leaseTransitions", r->transitions);
    kecs_w_object_end(&w);
    kecs_w_object_end(&w);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


/* POST when there is no version, else PUT. */

static void
put(kecs_lease_t *l, const record_t *r, kecs_msec_t delay)
{
    bool        create;
    kecs_str_t  body;

    kecs_arena_reset(l->scratch);

    create = l->version[0] == '\0';
    body = object(l, r, l->version);

    if (body.data != NULL) {
        ask(l, create ? "POST" : "PUT", create ? l->collection : l->path,
             body, delay, on_written);
    }
}


/* The record with us as its holder, to be written after `delay`. */

static void
claim(kecs_lease_t *l, kecs_msec_t delay)
{
    record_t  r;

    r = l->record;
    time_text(delay, r.renewed, sizeof(r.renewed));
    r.duration = (l->conf.duration + 999) / 1000;

    if (!is_mine(l)) {
        memcpy(r.holder, l->identity, sizeof(r.holder));
        memcpy(r.acquired, r.renewed, sizeof(r.acquired));
        r.transitions += l->version[0] != '\0';
    }

    put(l, &r, delay);
}


static void
give_back(kecs_lease_t *l)
{
    record_t  r;

    r = l->record;
    r.holder[0] = '\0';
    r.duration = 1;
    time_text(0, r.renewed, sizeof(r.renewed));

    put(l, &r, 0);

    l->released = l->call == NULL;
}


/* Answers. */


static void
text(char *to, size_t size, const kecs_json_t *o, const char *name)
{
    (void) snprintf(to, size, "%.*s",
                    kecs_fmt(kecs_json_str(kecs_json_get(o, name))));
}


/* Takes in what is there; false when it is no Lease. */

static bool
read_lease(kecs_lease_t *l, kecs_str_t body)
{
    record_t            r;
    const kecs_json_t  *o, *spec;

    kecs_arena_reset(l->scratch);

    if (kecs_kube_parse(l->scratch, body, &o) != KECS_OK) {
        return false;
    }

    memset(&r, 0, sizeof(record_t));
    spec = kecs_json_get(o, "spec");

    text(l->version, sizeof(l->version), kecs_json_get(o, "metadata"),
         "resourceVersion");
    l->spread |= !l->gathered
                 && kecs_json_at(o, "metadata", "annotations",
                                 KECS_LEASE_SPREAD, NULL) != NULL;
    text(r.holder, sizeof(r.holder), spec, "holderIdentity");
    text(r.acquired, sizeof(r.acquired), spec, "acquireTime");
    text(r.renewed, sizeof(r.renewed), spec, "renewTime");
    (void) kecs_json_i64(kecs_json_get(spec, "leaseDurationSeconds"),
                         &r.duration);
    (void) kecs_json_i64(kecs_json_get(spec, "leaseTransitions"),
                         &r.transitions);

    if (r.duration < 0 || r.duration > 86400) {
        r.duration = 86400;
    }

    if (memcmp(&r, &l->record, sizeof(record_t)) != 0) {
        l->record = r;
        l->observed_at = kecs_monotonic();
    }

    return l->version[0] != '\0';
}


/*
 * Every answer but a success or a conflict.  A Role from before there was a
 * Lease knows nothing of them; one that has worked must not end like that.
 */

static void
failed(kecs_lease_t *l, const kecs_kube_reply_t *reply)
{
    kecs_str_t          m;
    kecs_kube_status_t  status;

    if (reply->status == 403 && !l->known) {
        l->without = true;
        kecs_log(KECS_LOG_NOTICE, "kubernetes: no right to Leases, so nothing"
                 " keeps a copy of this store from acting as well");
        return;
    }

    kecs_arena_reset(l->scratch);
    kecs_kube_status(l->scratch, reply->body, &status);

    m = reply->status == 0 ? kecs_str_of(reply->error) : status.message;
    m.len = m.len > 200 ? 200 : m.len;

    if (reply->status == 0) {
        (void) snprintf(l->why, sizeof(l->why), "%.*s", kecs_fmt(m));

    } else {
        (void) snprintf(l->why, sizeof(l->why), "the lease kecs-%.*s: "
                        "HTTP %ld%s%.*s", kecs_fmt(l->uuid), reply->status,
                        m.len > 0 ? ": " : "", kecs_fmt(m));
    }

    if (l->releasing) {
        l->released = true;

    } else if (l->held) {
        claim(l, l->conf.renew);

    } else {
        look(l, l->conf.renew);
    }
}


/* Somebody else has it. */

static void
held_by_other(kecs_lease_t *l)
{
    char  why[sizeof(l->why)];

    (void) snprintf(why, sizeof(why), "the lease kecs-%.*s is held by %s",
                    kecs_fmt(l->uuid), l->record.holder);

    if (strcmp(why, l->why) != 0) {
        kecs_log(KECS_LOG_WARN, "kubernetes: %s", why);
        memcpy(l->why, why, sizeof(why));
    }

    l->held = false;
    l->known = true;

    look(l, l->conf.renew
            + kecs_kube_random(l->k, (unsigned) l->conf.renew));
}


static void
on_looked(void *ctx, const kecs_kube_reply_t *reply)
{
    kecs_lease_t  *l = ctx;

    l->call = NULL;

    if (reply->status == 404) {
        memset(&l->record, 0, sizeof(record_t));
        l->version[0] = '\0';
        l->looked = true;
        l->released = l->releasing;

    } else if (reply->status != 200 || !read_lease(l, reply->body)) {
        failed(l, reply);
        return;
    }

    if (l->releasing) {
        l->released = l->released || !is_mine(l);

        if (!l->released) {
            give_back(l);
        }

    } else if (may_take(l, kecs_monotonic())) {
        claim(l, 0);

    } else {
        held_by_other(l);
    }
}


static void
on_written(void *ctx, const kecs_kube_reply_t *reply)
{
    bool           fresh;
    kecs_msec_t    asked;
    kecs_lease_t  *l = ctx;

    l->call = NULL;

    if (reply->status == 409 || (reply->status == 404
                                 && l->version[0] != '\0'))
    {
        look(l, CONFLICT);
        return;
    }

    if (reply->status < 200 || reply->status >= 300
        || !read_lease(l, reply->body))
    {
        failed(l, reply);
        return;
    }

    if (l->releasing) {
        l->released = !is_mine(l);

        if (!l->released) {
            give_back(l);
        }

        return;
    }

    fresh = !l->held;
    asked = l->asked_at;
    l->held = true;
    l->known = true;
    l->renewed_at = asked;
    l->why[0] = '\0';

    if (fresh) {
        kecs_log(KECS_LOG_INFO, "kubernetes: the lease kecs-%.*s is ours",
                 kecs_fmt(l->uuid));
    }

    claim(l, l->conf.renew);
}


/* What is asked from outside. */


bool
kecs_lease_held(const kecs_lease_t *l)
{
    return !l->releasing
           && (l->without
               || (l->held && kecs_monotonic() < l->renewed_at
                                                 + l->conf.deadline));
}


bool
kecs_lease_spread(const kecs_lease_t *l)
{
    return l->spread;
}


void
kecs_lease_gathered(kecs_lease_t *l)
{
    l->spread = false;
    l->gathered = true;
}


const char *
kecs_lease_why(const kecs_lease_t *l)
{
    return l->why;
}


void
kecs_lease_run(kecs_lease_t *l)
{
    char  last[256];

    if (l->without || l->releasing) {
        return;
    }

    if (l->held && !kecs_lease_held(l)) {
        l->held = false;
        (void) snprintf(last, sizeof(last), "%.200s", l->why);
        (void) snprintf(l->why, sizeof(l->why), "the lease kecs-%.*s could "
                        "not be renewed%s%s", kecs_fmt(l->uuid),
                        last[0] != '\0' ? ": " : "", last);
    }

    if (l->call == NULL) {
        look(l, l->conf.renew);
    }
}


bool
kecs_lease_release(kecs_lease_t *l)
{
    if (l->releasing) {
        return l->released;
    }

    l->releasing = true;
    l->released = l->without || !l->held;

    if (l->released) {
        return true;
    }

    /* one that is on its way is waited for */

    if (l->call != NULL && kecs_kube_idle(l->call)) {
        kecs_kube_cancel(l->k, l->call);
        l->call = NULL;
    }

    if (l->call == NULL) {
        give_back(l);
    }

    return l->released;
}


kecs_msec_t
kecs_lease_patience(const kecs_lease_t *l)
{
    return l->conf.renew;
}


/* Opening. */


/* deadline < duration with room for a request, and two tries before it. */

static void
settle(kecs_lease_conf_t *c, const kecs_lease_conf_t *conf)
{
    c->duration = conf->duration ? conf->duration : DURATION;
    c->deadline = conf->deadline ? conf->deadline : DEADLINE;
    c->renew = conf->renew ? conf->renew : RENEW;

    if (c->deadline > c->duration * 2 / 3) {
        c->deadline = c->duration * 2 / 3;
    }

    if (c->renew > c->deadline / 2) {
        c->renew = c->deadline / 2;
    }
}


static kecs_rc_t
identify(kecs_lease_t *l)
{
    char         host[HOST_MAX + 1];
    kecs_rc_t    rc;
    kecs_rand_t  rand;

    rc = kecs_rand_system(&rand);

    if (rc == KECS_OK) {
        host_name(host);
        (void) snprintf(l->identity, sizeof(l->identity),
                        "%s_%ld_%016" PRIx64, host, (long) getpid(),
                        kecs_rand_u64(&rand));
    }

    return rc;
}


kecs_str_t
kecs_lease_path(kecs_arena_t *a, kecs_str_t namespace, kecs_str_t uuid)
{
    return kecs_sprintf(a, "/apis/coordination.k8s.io/v1/namespaces/%.*s/"
                        "leases/kecs-%.*s", kecs_fmt(namespace),
                        kecs_fmt(uuid));
}


static kecs_rc_t
setup(kecs_lease_t *l, kecs_str_t namespace, kecs_str_t uuid)
{
    l->arena = kecs_arena_create(0);
    l->scratch = kecs_arena_create(0);

    if (l->arena == NULL || l->scratch == NULL) {
        return KECS_NOMEM;
    }

    l->uuid = kecs_strdup(l->arena, uuid);
    l->path = kecs_lease_path(l->arena, namespace, uuid);

    if (l->uuid.data == NULL || l->path.data == NULL) {
        return KECS_NOMEM;
    }

    l->collection = kecs_str_n(l->path.data,
                               (size_t) kecs_str_rchr(l->path, '/'));

    return identify(l);
}


kecs_rc_t
kecs_lease_open(kecs_kube_t *k, kecs_str_t namespace, kecs_str_t uuid,
    bool spread, const kecs_lease_conf_t *conf, kecs_lease_t **out)
{
    kecs_rc_t      rc;
    kecs_lease_t  *l;

    l = calloc(1, sizeof(kecs_lease_t));

    if (l == NULL) {
        return KECS_NOMEM;
    }

    l->k = k;
    l->spread = spread;
    settle(&l->conf, conf);
    rc = setup(l, namespace, uuid);

    if (rc != KECS_OK) {
        kecs_lease_close(l);
        return rc;
    }

    look(l, 0);
    *out = l;

    return KECS_OK;
}


void
kecs_lease_close(kecs_lease_t *l)
{
    if (l == NULL) {
        return;
    }

    if (l->call != NULL) {
        kecs_kube_cancel(l->k, l->call);
    }

    kecs_arena_destroy(l->arena);
    kecs_arena_destroy(l->scratch);
    free(l);
}
