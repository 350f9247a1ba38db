/*
 * What Systems Manager and Secrets Manager answer, taken apart: the values
 * of what was asked for.  Pure; all memory is of the arena given, which
 * holds secrets from then on.
 */

#ifndef KECS_SECRET_ANSWER_H
#define KECS_SECRET_ANSWER_H


#include "../base/arena.h"
#include "secret_ref.h"


typedef struct {
    kecs_secret_ref_t  ref;
    kecs_str_t         value;       /* absent: not known yet */
} kecs_secret_want_t;

/*
 * The answer of GetParameters, or of GetSecretValue, gives all of `wants`
 * their values.  KECS_OK, KECS_NOMEM, or KECS_INVALID with *why in the
 * words of ECS, which never cite a value.
 */
kecs_rc_t kecs_parameters_take(kecs_arena_t *a, kecs_str_t body,
    kecs_secret_want_t **wants, size_t n, kecs_str_t *why);
kecs_rc_t kecs_secret_take(kecs_arena_t *a, kecs_str_t body,
    kecs_secret_want_t **wants, size_t n, kecs_str_t *why);

/* A member of the JSON in `text` as a text. Errors as above. */
kecs_rc_t kecs_secret_member(kecs_arena_t *a, kecs_str_t text,
    kecs_str_t key, kecs_str_t *value, kecs_str_t *why);


#endif
