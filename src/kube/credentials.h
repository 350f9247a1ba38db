/*
 * Tokens and base64: the carriers of secrets.  All memory is of the arena
 * given; texts have a NUL behind them.
 */

#ifndef KECS_CREDENTIALS_H
#define KECS_CREDENTIALS_H


#include "../base/file.h"


/*
 * A token as it may stand in a header: white space around it is cut off,
 * and it is printable ASCII and not empty, otherwise KECS_INVALID.
 */
kecs_rc_t kecs_token_clean(kecs_str_t text, kecs_str_t *token);

/* The same from a file. */
kecs_rc_t kecs_token_read(kecs_arena_t *a, const char *path,
    kecs_str_t *token);

/* White space is passed over.  KECS_INVALID, KECS_NOMEM. */
kecs_rc_t kecs_base64_decode(kecs_arena_t *a, kecs_str_t in, kecs_str_t *out);


#endif
