/*
 * DATA/reconciler.status: written in place, read whole or not at all, also
 * by threads that read while it is written.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "../../src/store/status_file.h"
#include "store_kit.h"


static const char   *folder;
static const char   *path;
static atomic_bool   stop;


static ino_t
inode(void)
{
    struct stat  st;

    return stat(path, &st) == 0 && st.st_size == KECS_STATUS_SIZE
           ? st.st_ino : 0;
}


static void
overwrite(off_t at, char c)
{
    int  fd;

    fd = open(path, O_WRONLY);
    tap_ok(fd >= 0 && pwrite(fd, &c, 1, at) == 1, "a byte is changed");
    close(fd);
}


static void
test_whole(void)
{
    char        data[KECS_STATUS_SIZE], longest[KECS_STATUS_TEXT_MAX + 1];
    ino_t       first;
    kecs_str_t  text;

    tap_is_int(kecs_status_get(folder, data, &text), KECS_NOT_FOUND,
               "none is there");
    tap_is_int(kecs_status_put(folder, kecs_str("time 1\nready 0\n")),
               KECS_OK, "put");
    first = inode();
    tap_ok(first != 0, "its size is fixed");
    tap_is_int(kecs_status_get(folder, data, &text), KECS_OK, "get");
    tap_ok(kecs_str_starts(text, kecs_str("time 1\nready 0\n ")),
           "the text and blanks");

    memset(longest, 'x', sizeof(longest));
    tap_is_int(kecs_status_put(folder, kecs_str_n(longest, sizeof(longest))),
               KECS_TOO_LARGE, "a text that is too long");
    longest[KECS_STATUS_TEXT_MAX - 1] = '\n';
    tap_is_int(kecs_status_put(folder, kecs_str_n(longest,
                                                  KECS_STATUS_TEXT_MAX)),
               KECS_OK, "the longest");
    tap_is_int(kecs_status_get(folder, data, &text), KECS_OK, "is read");
    tap_ok(inode() == first, "in place");
}


static void
test_half(void)
{
    char        data[KECS_STATUS_SIZE];
    kecs_str_t  text;

    overwrite(100, 'y');
    tap_is_int(kecs_status_get(folder, data, &text), KECS_CORRUPT,
               "half of another text is seen");
    tap_ok(truncate(path, 700) == 0, "it is cut");
    tap_is_int(kecs_status_get(folder, data, &text), KECS_CORRUPT,
               "which is seen");
    tap_is_int(kecs_status_put(folder, kecs_str("time 2\n")), KECS_OK,
               "put makes it anew");
    tap_is_int(kecs_status_get(folder, data, &text), KECS_OK, "get");
    tap_ok(inode() != 0, "its size is right again");
}


static void *
writer(void *arg)
{
    int   i;
    char  text[1001];

    text[1000] = '\n';

    for (i = 0; !atomic_load(&stop); i++) {
        memset(text, 'a' + i % 26, 1000);
        (void) kecs_status_put(folder, kecs_str_n(text, sizeof(text)));
    }

    return arg;
}


static void
test_beside_a_writer(void)
{
    char        data[KECS_STATUS_SIZE], same[1000];
    unsigned    i, good, mixed;
    pthread_t   thread;
    kecs_str_t  text;

    tap_ok(pthread_create(&thread, NULL, writer, NULL) == 0, "a writer");
    good = mixed = 0;

    for (i = 0; i < 20000; i++) {
        if (kecs_status_get(folder, data, &text) == KECS_OK
            && text.data[0] != 't')
        {
            memset(same, text.data[0], sizeof(same));
            good++;
            mixed += memcmp(text.data, same, sizeof(same)) != 0;
        }
    }

    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    tap_ok(good > 0, "texts were read beside it (%u)", good);
    tap_is_int(mixed, 0, "and none was half of two");
}


int
main(void)
{
    kit_begin();
    folder = kit_folder;
    path = kit_path("reconciler.status");

    test_whole();
    test_half();
    test_beside_a_writer();

    return kit_end();
}
