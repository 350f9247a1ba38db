/*
 * Credentials for calls to AWS services, looked up anew for every call: a
 * file that has changed, or a token that was renewed, counts at once.
 * All of it is in the arena given, which whoever asked wipes.
 */

#ifndef KECS_AWS_CREDENTIALS_H
#define KECS_AWS_CREDENTIALS_H


#include "../base/arena.h"


typedef struct {
    kecs_str_t  id;
    kecs_str_t  secret;
    kecs_str_t  token;              /* of a session; absent: none */
} kecs_aws_credentials_t;

/*
 * From a file in the format of ~/.aws/credentials (`file`, and `profile`,
 * NULL: "default"), or, where `file` is NULL, from AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.  Texts have a NUL behind
 * them.  KECS_NOMEM, or KECS_NOT_FOUND with *why for a person.
 */
kecs_rc_t kecs_aws_credentials(kecs_arena_t *a, const char *file,
    const char *profile, kecs_aws_credentials_t *out, const char **why);


#endif
