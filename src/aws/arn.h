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

/*
 * ARNs are made here alone, in `a`, of the parts of a resource, to which
 * the slashes are added: kecs_arn_ecs(a, region, account,
 * kecs_str("cluster"), name).  IAM's have no region: it is for the
 * partition.  data NULL: out of memory, or a part was.
 */
#define KECS_ARN_PARTS  4           /* at most */

kecs_str_t kecs_arn_make(kecs_arena_t *a, const char *service,
    kecs_str_t region, kecs_str_t account, const kecs_str_t *parts,
    size_t n);

#define kecs_arn_of(a, service, region, account, ...)                        \
    kecs_arn_make(a, service, region, account,                               \
                  (const kecs_str_t[]) { __VA_ARGS__ },                      \
                  sizeof((const kecs_str_t[]) { __VA_ARGS__ })               \
                  / sizeof(kecs_str_t))

#define kecs_arn_ecs(a, region, account, ...)                                \
    kecs_arn_of(a, "ecs", region, account, __VA_ARGS__)
#define kecs_arn_iam(a, region, account, ...)                                \
    kecs_arn_of(a, "iam", region, account, __VA_ARGS__)


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
