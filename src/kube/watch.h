/*
 * All objects of a kind, kept up to date: list, then watch, and list anew
 * whenever the thread is lost.  It keeps no objects; what to make of a
 * list is up to the consumer.
 *
 *     begin, object..., synced      a complete list (begin may come again
 *                                   before synced: it starts anew)
 *     object...                     what changed since
 *     lost                          out of contact, or changes were missed:
 *                                   a complete list comes when it can
 *
 * A watch that just ends is taken up where it was, and nobody is told.
 */

#ifndef KECS_KUBE_WATCH_H
#define KECS_KUBE_WATCH_H


#include "../json/json.h"
#include "client.h"


typedef struct kecs_watch_s  kecs_watch_t;

typedef enum {
    KECS_WATCH_LISTED = 0,
    KECS_WATCH_ADDED,
    KECS_WATCH_MODIFIED,
    KECS_WATCH_DELETED
} kecs_watch_event_t;

/* Trees and texts are valid during the call.  None may close the watch. */
typedef struct {
    void  (*begin)(void *ctx);
    void  (*object)(void *ctx, kecs_watch_event_t event,
                    const kecs_json_t *object);
    void  (*synced)(void *ctx);
    void  (*lost)(void *ctx, const char *why);
    void   *ctx;
} kecs_watch_sink_t;

typedef struct {
    kecs_str_t   path;          /* "/api/v1/namespaces/default/pods" */
    kecs_str_t   selector;      /* of labels, or absent */
    kecs_str_t   fields;        /* a selector of fields, or absent */
    unsigned     limit;         /* objects of a page; 0: 500 */
    unsigned     timeout;       /* s of a watch, up to twice; 0: 300 */
} kecs_watch_conf_t;


/* `conf` is copied.  KECS_NOMEM. */
kecs_rc_t kecs_watch_open(kecs_kube_t *k, const kecs_watch_conf_t *conf,
    const kecs_watch_sink_t *sink, kecs_watch_t **out);

/* Before the client is closed.  No callback comes any more. */
void kecs_watch_close(kecs_watch_t *w);

/* A complete list has been reported, and contact was not lost since. */
bool kecs_watch_synced(const kecs_watch_t *w);

/* When a list, an event or a bookmark came last, on the monotonic clock. */
kecs_msec_t kecs_watch_heard(const kecs_watch_t *w);

/* Why contact was lost the last time; "" when it never was. */
const char *kecs_watch_why(const kecs_watch_t *w);

/*
 * Takes up a watch that could not go on for want of memory; to be called
 * now and then.
 */
void kecs_watch_run(kecs_watch_t *w);


#endif
