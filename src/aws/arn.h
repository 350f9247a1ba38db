/*
 * ARNs: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE, and who calls.
 */

#ifndef KECS_ARN_H
#define KECS_ARN_H


#include "../base/arena.h"


typedef struct {
    kecs_str_t   partition;
    kecs_str_t   service;
    kecs_str_t   region;
    kecs_str_t   account;
    kecs_str_t   resource;          /* all behind the fifth colon */
} kecs_arn_t;

/* false when it does not start with "arn:" or lacks a part. */
bool kecs_arn_parse(kecs_str_t s, kecs_arn_t *arn);

/* Partition of a region: aws, aws-cn, aws-us-gov, ... */
const char *kecs_partition(kecs_str_t region);


/*
 * Who calls, from the headers of a request (D10).  `authorization` may be
 * absent.  A 12-digit access key is the account; without a scope the
 * region is the default.  Strings point into the input or the defaults.
 */
typedef struct {
    kecs_str_t   access_key;        /* absent: not signed */
    kecs_str_t   account;
    kecs_str_t   region;
    kecs_str_t   service;           /* signing name, absent: not signed */
} kecs_caller_t;

void kecs_caller_parse(kecs_str_t authorization, kecs_str_t account,
    kecs_str_t region, kecs_caller_t *out);


#endif
