/*
 * Signature Version 4 of a request: pure, memory is in the arena given.
 */

#ifndef KECS_AWS_SIGNATURE_H
#define KECS_AWS_SIGNATURE_H


#include "../base/buf.h"
#include "../base/clock.h"
#include "aws_credentials.h"


typedef struct {
    kecs_str_t  name;               /* in lower case */
    kecs_str_t  value;              /* without blanks at its ends */
} kecs_aws_header_t;

typedef struct {
    kecs_str_t                 service;     /* by its signing name */
    kecs_str_t                 region;
    const char                *method;
    kecs_str_t                 host;        /* with its port, if any */
    kecs_str_t                 path;        /* as it is sent */
    kecs_str_t                 query;       /* as it is sent, without "?":
                                               in order, each with "=" */
    const kecs_aws_header_t   *headers;     /* others to be signed */
    size_t                     n_headers;
    kecs_str_t                 body;
} kecs_aws_signed_t;

/* Adds `s` with all but unreserved characters, and "/" if so, encoded. */
void kecs_aws_encode(kecs_buf_t *b, kecs_str_t s, bool slash);

/*
 * All headers that the request needs: those given, Host, X-Amz-Date, those
 * of a session and of S3, and Authorization as the last.  KECS_NOMEM.
 */
kecs_rc_t kecs_aws_sign(kecs_arena_t *a, const kecs_aws_signed_t *r,
    const kecs_aws_credentials_t *k, kecs_msec_t now,
    kecs_aws_header_t **out, size_t *n);


#endif
