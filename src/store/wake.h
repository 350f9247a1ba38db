/*
 * Wake-up: the committer writes one byte to DATA/wake, every follower has
 * an inotify watch on it and then reads the change log.  A lost wake-up is
 * covered by the follower's own tick of a second.
 */

#ifndef KECS_WAKE_H
#define KECS_WAKE_H


#include "../base/rc.h"
#include "../base/str.h"


/* A descriptor that turns readable after a commit; -1 and errno. */
int kecs_wake_watch(const char *folder);

/* Swallows what is readable; true when there was a wake-up. */
bool kecs_wake_drain(int fd);


#endif
