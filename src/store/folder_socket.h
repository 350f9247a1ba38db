/*
 * Sockets in the folder of a store: who may enter the folder may connect,
 * and nobody else.  The folder's path may be longer than an address of a
 * socket takes.
 */

#ifndef KECS_FOLDER_SOCKET_H
#define KECS_FOLDER_SOCKET_H


/*
 * A listening socket that blocks nobody, in place of what a dead process
 * left; mode 0600 from the start, and the folder's owner's.  -1 and errno.
 */
int kecs_socket_listen(const char *folder, const char *name, int backlog);

/* The same, connected; -1 and errno. */
int kecs_socket_connect(const char *folder, const char *name);

/* Nobody finds it any more. */
void kecs_socket_unlink(const char *folder, const char *name);


#endif
