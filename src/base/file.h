/*
 * Files as a whole.  What is in them may be secret: nothing is logged.
 */

#ifndef KECS_FILE_H
#define KECS_FILE_H


#include "arena.h"


/*
 * A whole file of at most 4 MiB, with a NUL behind it.  KECS_NOT_FOUND,
 * KECS_NOMEM, or KECS_IO with errno telling why.
 */
kecs_rc_t kecs_file_read(kecs_arena_t *a, const char *path, kecs_str_t *out);


#endif
