/*
 * What the files of the nginx module share.
 *
 * All of this runs on a worker's event loop; the only other thread is the
 * writer's (store/writer.h), which enters the module through ngx_kecs_ops
 * and the log sink alone.  Memory: configuration in cf->pool, a request's
 * in r->pool and in the arena that dies with r->pool, a pending write on
 * the heap because it may outlive its request.
 */

#ifndef NGX_KECS_H
#define NGX_KECS_H


#include "ngx_kecs_compat.h"
#include "../src/base/clock.h"
#include "../src/base/log.h"
#include "../src/ecs/ecs.h"
#include "../src/store/writer.h"


#ifndef KECS_VERSION
#define KECS_VERSION  "0.1.0"
#endif

#define NGX_KECS_BODY_MAX   (1024 * 1024)
#define NGX_KECS_ARENA      (16 * 1024)            /* chunk of a request's */
#define NGX_KECS_ARENA_MAX  (64 * 1024 * 1024)


/* Configuration. */

typedef struct {
    ngx_str_t         path;         /* kecs_store; len 0: none */
    size_t            map_size;
    ngx_shm_zone_t   *zone;
    ngx_array_t      *upstreams;    /* of ngx_kecs_upstream_t, or NULL */
    ngx_uint_t        clients;      /* kecs_events_clients: in all, */
    ngx_uint_t        clients_address;  /* ... and of one address */
    size_t            events_buffer;
} ngx_kecs_main_conf_t;

typedef struct {
    ngx_uint_t        api;          /* some location has "kecs on" */
    const char       *open_what;    /* ... without "kecs_auth off": which */
    const char       *open_file;    /* ... and where; NULL: none */
    ngx_uint_t        open_line;
    ngx_array_t      *slashed;      /* of ngx_str_t: names that end in "/" */
} ngx_kecs_srv_conf_t;

typedef struct {
    ngx_flag_t        enable;       /* kecs */
    ngx_flag_t        admin;        /* kecs_admin */
    ngx_flag_t        runtime;      /* kecs_runtime */
    ngx_uint_t        auth;
    ngx_array_t      *hosts;        /* of ngx_str_t, lower case */
    ngx_array_t      *names;        /* the server's names, of ngx_str_t */
    ngx_str_t         account;
    ngx_str_t         region;
    ngx_msec_t        write_timeout;
    ngx_str_t         upstream;     /* "@name"; else there is none */
    ngx_uint_t        neighbour;    /* it is such a location */
    ngx_flag_t        events;       /* kecs_events */
    ngx_msec_t        events_beat;  /* kecs_events_heartbeat */
    ngx_array_t      *origins;      /* of ngx_str_t, lower case */
    kecs_api_conf_t   api;
    const char       *file;         /* where "kecs on" is written */
    ngx_uint_t        line;
} ngx_kecs_loc_conf_t;

#define NGX_KECS_AUTH_OFF  1

#define NGX_KECS_EVENTS_CLIENTS  512
#define NGX_KECS_EVENTS_ADDRESS  256
#define NGX_KECS_EVENTS_BUFFER   (8 * 1024 * 1024)

/* A use of kecs_upstream_location, to be checked when all are known. */
typedef struct {
    ngx_http_core_srv_conf_t  *server;
    ngx_kecs_loc_conf_t       *conf;
} ngx_kecs_upstream_t;

extern ngx_module_t  ngx_http_kecs_module;


/*
 * The shared zone: counters of all workers, kept over reloads.  Only
 * atomic additions, so that a killed worker leaves nothing half-done.
 */

#define NGX_KECS_ACTIONS  (KECS_ECS_MODEL_OPS + 1)     /* the last: others */
#define NGX_KECS_CODES    12

typedef struct {
    ngx_atomic_t      count[KECS_DURATIONS + 1];       /* the last: +Inf */
    ngx_atomic_t      usec;
} ngx_kecs_histogram_t;

typedef struct {
    ngx_atomic_t          requests[NGX_KECS_ACTIONS][NGX_KECS_CODES];
    ngx_kecs_histogram_t  reads;
    ngx_kecs_histogram_t  writes;
    ngx_atomic_t          batches;
    ngx_atomic_t          calls;
    ngx_atomic_t          failed_commits;
    ngx_kecs_histogram_t  commits;
    ngx_kecs_histogram_t  follows;      /* from a change to its clients */
    ngx_atomic_t          roles;        /* times the writer role was taken */
} ngx_kecs_stats_t;

ngx_int_t ngx_kecs_stats_add_zone(ngx_conf_t *cf,
    ngx_kecs_main_conf_t *mcf);
ngx_kecs_stats_t *ngx_kecs_stats(void);
void ngx_kecs_stats_observe(ngx_kecs_histogram_t *h, uint64_t usec);

/* Log phase: counts the request. */
ngx_int_t ngx_kecs_stats_log(ngx_http_request_t *r);

/* Prometheus text. */
void ngx_kecs_stats_render(kecs_buf_t *b);
void ngx_kecs_metric_value(kecs_buf_t *b, const char *name, const char *type,
    const char *help, uint64_t value);


/* A request of the API. */

typedef struct ngx_kecs_pending_s  ngx_kecs_pending_t;
typedef struct ngx_kecs_client_s   ngx_kecs_client_t;

typedef struct {
    ngx_http_request_t  *request;
    kecs_arena_t        *arena;         /* NULL: ngx_kecs_ctx_slim */
    kecs_buf_t           buf;           /* the answer */
    kecs_call_t          call;
    kecs_caller_t        caller;
    kecs_str_t           action;        /* as asked for; absent: none */
    kecs_str_t           body;
    ngx_str_t            type;          /* of the answer; len 0: JSON */
    u_char               request_id[KECS_UUID_LEN + 1];
    uint64_t             started;       /* usec, monotonic */
    uint64_t             finished;
    uint64_t             seq;           /* log position of the answer */
    ngx_uint_t           status;
    kecs_error_t         error;
    ngx_kecs_pending_t  *pending;
    ngx_kecs_client_t   *client;        /* of a stream */
    unsigned             positioned:1;  /* seq is known */
    unsigned             answered:1;
    unsigned             replaced:1;    /* nginx's error in our words */
    unsigned             replaced_sent:1;
} ngx_kecs_ctx_t;

/* Makes the context of a request, or finds it.  NULL: out of memory. */
ngx_kecs_ctx_t *ngx_kecs_ctx(ngx_http_request_t *r);

/*
 * Gives the arena back, for a request that goes on for long: nothing of
 * what was made in it may be used any more, and no answer written.
 */
void ngx_kecs_ctx_slim(ngx_kecs_ctx_t *ctx);

/* Who calls and for what, from the headers alone. */
void ngx_kecs_caller(ngx_http_request_t *r, kecs_caller_t *caller);
kecs_str_t ngx_kecs_action(ngx_http_request_t *r, ngx_uint_t *ours);

/* A request header by its lower-case name; absent when it is not there. */
kecs_str_t ngx_kecs_header_in(ngx_http_request_t *r, const char *name);

/* The trace context of the client; 0: none, or a malformed one. */
ngx_uint_t ngx_kecs_trace(ngx_http_request_t *r, kecs_trace_t *t);
ngx_int_t ngx_kecs_header_out(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len);

/*
 * Neighbours: other services of AWS on the same endpoint.
 */

typedef enum {
    NGX_KECS_ROUTE_ECS = 0,
    NGX_KECS_ROUTE_FORM,                /* STS, or the form tells */
    NGX_KECS_ROUTE_OTHER
} ngx_kecs_route_t;

/* The signing name, from the headers alone; absent when they do not say. */
kecs_str_t ngx_kecs_service(ngx_http_request_t *r);

ngx_kecs_route_t ngx_kecs_route(ngx_http_request_t *r);
ngx_uint_t ngx_kecs_has_upstream(ngx_http_request_t *r);

/* Turns the refusal in ctx into the protocol of the request's service. */
ngx_int_t ngx_kecs_translate(ngx_kecs_ctx_t *ctx);

/* Passes the request on or refuses it; the result is for finalize. */
ngx_int_t ngx_kecs_other(ngx_kecs_ctx_t *ctx);

/*
 * Answers the call that a form holds, or passes it on.  The result is for
 * finalize; NGX_DECLINED: it holds none.
 */
ngx_int_t ngx_kecs_form(ngx_kecs_ctx_t *ctx, kecs_str_t form);

/* Configuration. */
char *ngx_kecs_set_upstream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_kecs_add_upstream(ngx_conf_t *cf, ngx_kecs_loc_conf_t *conf);
ngx_int_t ngx_kecs_check_upstreams(ngx_conf_t *cf);

ngx_int_t ngx_kecs_api_handler(ngx_http_request_t *r);
ngx_int_t ngx_kecs_admin_handler(ngx_http_request_t *r);

/* Sends ctx->buf as the answer; the result is for finalize. */
ngx_int_t ngx_kecs_answer(ngx_kecs_ctx_t *ctx);

/* The same before the body was read. */
ngx_int_t ngx_kecs_answer_early(ngx_kecs_ctx_t *ctx);

/* Monotonic. */
uint64_t ngx_kecs_usec(void);


/*
 * Streams of events, see ngx_kecs_stream.h.
 */

/* GET /events below the location. */
ngx_uint_t ngx_kecs_events_asked(ngx_http_request_t *r);
ngx_int_t ngx_kecs_events_handler(ngx_kecs_ctx_t *ctx);

ngx_int_t ngx_kecs_slots_add_zone(ngx_conf_t *cf);
void ngx_kecs_streams_init(void);
void ngx_kecs_streams_tick(void);
void ngx_kecs_streams_render(kecs_buf_t *b);

char *ngx_kecs_set_events_clients(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_kecs_set_events_buffer(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_kecs_set_events_beat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_kecs_set_events_origins(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* Sends the headers set so far and `body` in one piece. */
ngx_int_t ngx_kecs_send(ngx_http_request_t *r, kecs_str_t body);

/* Writes an error into ctx->buf; then ngx_kecs_answer(). */
void ngx_kecs_refuse(ngx_kecs_ctx_t *ctx, kecs_error_t e, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* A call came back from the writer, or will not: answers and finalizes. */
void ngx_kecs_write_done(ngx_kecs_ctx_t *ctx, const kecs_frame_t *f);
void ngx_kecs_write_failed(ngx_kecs_ctx_t *ctx, const char *why);

/* true: the Host of the request may talk to this API (D11). */
ngx_uint_t ngx_kecs_host_allowed(ngx_http_request_t *r);

/*
 * The Origin of a request, which a browser sends: NGX_OK (none, or that of
 * the host asked for), NGX_DONE (a listed one, which the answer has to
 * name), NGX_DECLINED.
 */
ngx_int_t ngx_kecs_origin(ngx_http_request_t *r, kecs_str_t *origin);

/*
 * What a location with "kecs_runtime on", which passes requests on to the
 * reconciler, lets through: what the API lets through.
 */
ngx_int_t ngx_kecs_runtime_handler(ngx_http_request_t *r);

/* Refuses a Host, or an Origin; the result is for finalize. */
ngx_int_t ngx_kecs_other_host(ngx_kecs_ctx_t *ctx);
void ngx_kecs_refuse_origin(ngx_kecs_ctx_t *ctx, kecs_str_t origin);

/* Refuses an unauthenticated API on a foreign address (D11). */
ngx_int_t ngx_kecs_check_listens(ngx_conf_t *cf);

/* Requests for "/ecs" belong to `location /ecs/`: a handler of the phase
   before locations are looked for, and what it needs of each of them. */
ngx_int_t ngx_kecs_add_slashed(ngx_conf_t *cf);
ngx_int_t ngx_kecs_slash_handler(ngx_http_request_t *r);

ngx_int_t ngx_kecs_add_variables(ngx_conf_t *cf);
void ngx_kecs_filter_init(void);
kecs_error_t ngx_kecs_error_of_status(ngx_uint_t status);


/* The worker: its store, its writer role, its way to the role's holder. */

typedef struct {
    kecs_store_t            *store;
    kecs_writer_role_t      *role;
    kecs_rand_t              rand;
    const char              *folder;
    size_t                   map_size;
    ngx_uint_t               readers;
    const char              *why;       /* why the store is not open */
    kecs_arena_t            *spare;     /* kept for the next request */
} ngx_kecs_worker_t;

extern ngx_kecs_worker_t        ngx_kecs_worker;
extern const kecs_writer_ops_t  ngx_kecs_ops;
extern const kecs_api_conf_t    ngx_kecs_writer_conf;

ngx_int_t ngx_kecs_worker_init(ngx_cycle_t *cycle,
    ngx_kecs_main_conf_t *mcf);
void ngx_kecs_worker_exit(ngx_cycle_t *cycle);

/* Makes the store's folder with the right owner (master, before fork). */
ngx_int_t ngx_kecs_make_folder(ngx_cycle_t *cycle, ngx_str_t *path);

/* true: this process is on its way out. */
ngx_uint_t ngx_kecs_leaving(void);

/* Takes the writer role if it is free, lets go of a lost one. */
kecs_rc_t ngx_kecs_role_take(void);


/* The client side of the writer. */

void ngx_kecs_client_init(void);
void ngx_kecs_client_exit(void);
void ngx_kecs_client_tick(void);
ngx_uint_t ngx_kecs_client_connected(void);

/*
 * Sends the call of ctx, whose envelope is `payload` (copied).  The answer
 * arrives through ngx_kecs_write_done/failed, never before the return.
 * NGX_OK, NGX_ERROR (no memory), NGX_BUSY (too much is waiting).
 */
ngx_int_t ngx_kecs_client_send(ngx_kecs_ctx_t *ctx, kecs_str_t payload,
    ngx_msec_t timeout);


static ngx_inline kecs_str_t
ngx_kecs_str(const ngx_str_t *s)
{
    return kecs_str_n(s->data, s->len);
}


#endif
