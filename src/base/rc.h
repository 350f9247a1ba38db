/*
 * Result codes of everything below the API layer.  Errors are values: a
 * function returns one of these and the caller tests it at once.  What an
 * API client sees (ECS's error names and texts) is set on the call, see
 * aws/call.h; KECS_FAILED says that this has been done.
 */

#ifndef KECS_RC_H
#define KECS_RC_H


typedef enum {
    KECS_OK = 0,
    KECS_ERROR,         /* failed; the cause has been logged */
    KECS_NOMEM,         /* out of memory */
    KECS_NOT_FOUND,     /* no such record, member, key */
    KECS_EXISTS,        /* already there */
    KECS_INVALID,       /* malformed input */
    KECS_TOO_LARGE,     /* over a limit */
    KECS_CONFLICT,      /* the record has moved on meanwhile */
    KECS_FULL,          /* the store's map or the disk is full */
    KECS_IO,            /* the operating system refused, see errno */
    KECS_DENIED,        /* no right to a file or an API object */
    KECS_TOO_NEW,       /* written by a newer release */
    KECS_CORRUPT,       /* the store contradicts itself */
    KECS_BUSY,          /* held by another process */
    KECS_AGAIN,         /* not now; will be retried */
    KECS_DONE,          /* nothing more to come */
    KECS_FAILED         /* an API error has been set on the call */
} kecs_rc_t;


/* A short name for logs ("not found"), never NULL. */
const char *kecs_rc_name(kecs_rc_t rc);


#endif
