/*
 * Environment files of a task that is to start: fetched from S3 by the
 * upstream.  Part of a fetch (fetch.c), whose arena everything is in.
 */

#ifndef KECS_FETCH_FILES_H
#define KECS_FETCH_FILES_H


#include "../convert/env_file.h"
#include "../upstream/upstream.h"


typedef struct kecs_fetch_files_s  kecs_fetch_files_t;

/* One is over; `why` is absent when it is there. */
typedef void (*kecs_fetch_file_pt)(void *ctx, unsigned attempts,
    kecs_str_t why);

/* The task has files, and the upstream is asked for them. */
bool kecs_fetch_files_needed(const kecs_upstream_t *u,
    const kecs_start_t *s);

/*
 * Asks for each once; *open is how many answers are awaited, of which
 * `done` tells.  On an error what was sent is taken back.
 */
kecs_rc_t kecs_fetch_files_begin(kecs_arena_t *a, kecs_upstream_t *u,
    const kecs_start_t *s, kecs_fetch_file_pt done, void *ctx,
    unsigned *open, kecs_fetch_files_t **out);

/* No more answers; NULL is fine. */
void kecs_fetch_files_cancel(kecs_fetch_files_t *x);

/*
 * All are there: the variables of each container of the same start.
 * KECS_INVALID with *why.
 */
kecs_rc_t kecs_fetch_files_variables(kecs_fetch_files_t *x,
    const kecs_start_t *s, const kecs_variables_t **out, const char **why);


#endif
