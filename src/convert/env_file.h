/*
 * Environment files: which ones a container has, where they are in S3, and
 * what they say.  Memory is of the arena given.
 */

#ifndef KECS_ENV_FILE_H
#define KECS_ENV_FILE_H


#include "start.h"


/* Most variables of one container's files. */
#define KECS_ENV_FILE_VARIABLES  4096

/* Those of a container by its index: of its override, or its own. */
const kecs_ecs_environment_files_t *kecs_env_files(const kecs_start_t *s,
    size_t container);

/* "arn:aws:s3:::BUCKET/KEY"; false when it is none. */
bool kecs_env_file_ref(kecs_str_t arn, kecs_str_t *bucket, kecs_str_t *key);

/*
 * Adds the variables of a file to those that there are, which stay: of two
 * values the first one counts.  `items` has room for
 * KECS_ENV_FILE_VARIABLES.  KECS_INVALID with *why: it is no text, or has
 * too many.
 */
kecs_rc_t kecs_env_file_take(kecs_str_t text, kecs_variables_t *v,
    const char **why);


#endif
