/*
 * AWS STS, as far as every client needs it at its start: who is calling.
 * Query protocol (aws/form.h), no store, any thread.
 */

#ifndef KECS_STS_H
#define KECS_STS_H


#include "../aws/form.h"


#define KECS_STS_VERSION  "2011-06-15"

typedef struct {
    kecs_str_t   action;            /* absent: none was given */
    kecs_str_t   version;
    kecs_str_t   account;
    kecs_str_t   principal;         /* ARN of the caller */
    kecs_str_t   request_id;
} kecs_sts_call_t;

/* An operation that is answered here. */
bool kecs_sts_has(kecs_str_t action);

/* Writes the whole answer, an error's too; the HTTP status. */
unsigned kecs_sts_answer(const kecs_sts_call_t *c, kecs_buf_t *out);


#endif
