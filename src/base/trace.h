/*
 * Trace contexts (W3C Trace Context, the header "traceparent") and the call
 * of the API that is the cause of something which is done later, perhaps by
 * another process.
 */

#ifndef KECS_TRACE_H
#define KECS_TRACE_H


#include "rand.h"


#define KECS_TRACE_LEN  55          /* 00-TRACE-SPAN-FLAGS */
#define KECS_SPAN_LEN   16

/* Views of the header; what is lower-case hexadecimal is so in there. */
typedef struct {
    kecs_str_t  id;                 /* 32 digits */
    kecs_str_t  span;               /* 16 digits, the parent */
    unsigned    flags;              /* sampled (1), random (2) */
} kecs_trace_t;

/*
 * False when the header is absent or malformed, which counts as absent.  A
 * version above 00 may have more behind the flags.
 */
bool kecs_trace_parse(kecs_str_t header, kecs_trace_t *t);

/* The header in version 00 with a parent of our own; out is terminated. */
void kecs_trace_put(const kecs_trace_t *t, kecs_str_t span,
    char out[KECS_TRACE_LEN + 1]);

/* The id of a new span, terminated. */
void kecs_span_new(kecs_rand_t *r, char out[KECS_SPAN_LEN + 1]);


/* Both are terminated; "": unknown. */
typedef struct {
    char  request_id[KECS_UUID_LEN + 1];
    char  trace[KECS_TRACE_LEN + 1];    /* as kecs_trace_put made it */
} kecs_cause_t;

/*
 * False, and none, when there is no request id of that length; a trace that
 * is malformed is left out.
 */
bool kecs_cause_set(kecs_cause_t *c, kecs_str_t request_id,
    kecs_str_t trace);


#endif
