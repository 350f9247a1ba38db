/*
 * DATA/reconciler.status: how the reconciler does, as text, one "key value"
 * per line.  The file has a fixed size and is written in place by a single
 * write, so that a full disk does not silence the reconciler; its last line
 * is a checksum over all before it, by which a reader knows that it has not
 * seen half of a write.
 */

#ifndef KECS_STATUS_FILE_H
#define KECS_STATUS_FILE_H


#include "../base/rc.h"
#include "../base/str.h"


#define KECS_STATUS_SIZE      2048
#define KECS_STATUS_TEXT_MAX  2000

/*
 * Replaces the text; whole lines.  KECS_OK, KECS_TOO_LARGE, KECS_IO (errno).
 * One process at a time.
 */
kecs_rc_t kecs_status_put(const char *folder, kecs_str_t text);

/*
 * Reads it into `data`, which holds KECS_STATUS_SIZE bytes; *text points
 * there.  KECS_OK, KECS_NOT_FOUND, KECS_CORRUPT (nothing that kecs_status_put
 * has written), KECS_IO (errno).
 */
kecs_rc_t kecs_status_get(const char *folder, char *data, kecs_str_t *text);

/* The value of a key in such a text; absent when there is none. */
kecs_str_t kecs_status_value(kecs_str_t text, const char *key);

/* There is nothing to tell of any more.  KECS_OK, KECS_IO (errno). */
kecs_rc_t kecs_status_remove(const char *folder);


#endif
