/*
 * TAP for the unit tests: each program is one test file for prove.
 */

#ifndef KECS_TAP_H
#define KECS_TAP_H


#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "../../src/base/str.h"


static int  tap_count, tap_failed;


__attribute__((format(printf, 2, 3), unused))
static bool
tap_ok(bool ok, const char *fmt, ...)
{
    va_list  args;

    tap_count++;
    tap_failed += !ok;

    printf("%s %d - ", ok ? "ok" : "not ok", tap_count);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
    fflush(stdout);

    return ok;
}


__attribute__((format(printf, 3, 4), unused))
static bool
tap_is_int(int64_t got, int64_t want, const char *fmt, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (!tap_ok(got == want, "%s", text)) {
        printf("#   got %" PRId64 ", want %" PRId64 "\n", got, want);
        return false;
    }

    return true;
}


__attribute__((format(printf, 3, 4), unused))
static bool
tap_is_str(kecs_str_t got, const char *want, const char *fmt, ...)
{
    char     text[512];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (!tap_ok(kecs_str_eq(got, kecs_str_of(want)), "%s", text)) {
        printf("#   got  %.*s\n#   want %s\n", kecs_fmt(got), want);
        return false;
    }

    return true;
}


__attribute__((unused))
static int
tap_done(void)
{
    printf("1..%d\n", tap_count);

    return tap_failed != 0 || tap_count == 0;
}


#endif
