/*
 * Takes memory and touches it, 1 MiB after another, until the container's
 * limit has it killed.
 *
 * Without a limit it stops by itself at OOM_MIB of the environment (1024 by
 * default) and exits with 1, so that a mistake in a test cannot take the
 * machine's memory.
 */

#define _POSIX_C_SOURCE  200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIB  (1024 * 1024)


int
main(void)
{
    int          i, limit;
    char        *block;
    const char  *value;

    value = getenv("OOM_MIB");
    limit = (value == NULL) ? 1024 : atoi(value);

    printf("taking memory\n");
    fflush(stdout);

    for (i = 0; i < limit; i++) {
        block = malloc(MIB);
        if (block == NULL) {
            break;
        }

        memset(block, i + 1, MIB);
    }

    printf("still alive with %d MiB\n", i);

    return 1;
}
