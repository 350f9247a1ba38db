/*
 * Clocks, and RFC 3339 text.
 */

#include <stdio.h>
#include <time.h>

#include "clock.h"


static kecs_msec_t
read_clock(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (kecs_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


kecs_msec_t
kecs_wall_clock(void)
{
    return read_clock(CLOCK_REALTIME);
}


kecs_msec_t
kecs_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}


/* n digits at *at of s into *out; moves *at. */

static bool
digits(kecs_str_t s, size_t *at, size_t n, int *out)
{
    size_t  i;

    *out = 0;

    for (i = 0; i < n; i++, (*at)++) {
        if (*at >= s.len || s.data[*at] < '0' || s.data[*at] > '9') {
            return false;
        }

        *out = *out * 10 + (s.data[*at] - '0');
    }

    return true;
}


static bool
literal(kecs_str_t s, size_t *at, char c)
{
    if (*at >= s.len || s.data[*at] != c) {
        return false;
    }

    (*at)++;

    return true;
}


/* ".123456" -> 123; digits beyond the third are dropped. */

static bool
fraction(kecs_str_t s, size_t *at, int *msec)
{
    int     digit, weight;
    size_t  start;

    *msec = 0;

    if (!literal(s, at, '.')) {
        return true;
    }

    start = *at;

    for (weight = 100; digits(s, at, 1, &digit); weight /= 10) {
        *msec += digit * weight;
    }

    return *at > start;
}


/* "Z", "+09:00", "-03:30" -> minutes east; must end the text. */

static bool
offset(kecs_str_t s, size_t *at, int *minutes)
{
    int  h, m, sign;

    *minutes = 0;

    if (literal(s, at, 'Z')) {
        return *at == s.len;
    }

    sign = literal(s, at, '+') ? 1 : literal(s, at, '-') ? -1 : 0;

    if (sign == 0 || !digits(s, at, 2, &h) || !literal(s, at, ':')
        || !digits(s, at, 2, &m))
    {
        return false;
    }

    *minutes = sign * (h * 60 + m);

    return *at == s.len;
}


bool
kecs_time_parse(kecs_str_t s, kecs_msec_t *t)
{
    int        msec, minutes;
    size_t     at;
    struct tm  tm;

    memset(&tm, 0, sizeof(tm));
    at = 0;

    if (!digits(s, &at, 4, &tm.tm_year) || !literal(s, &at, '-')
        || !digits(s, &at, 2, &tm.tm_mon) || !literal(s, &at, '-')
        || !digits(s, &at, 2, &tm.tm_mday) || !literal(s, &at, 'T')
        || !digits(s, &at, 2, &tm.tm_hour) || !literal(s, &at, ':')
        || !digits(s, &at, 2, &tm.tm_min) || !literal(s, &at, ':')
        || !digits(s, &at, 2, &tm.tm_sec)
        || !fraction(s, &at, &msec) || !offset(s, &at, &minutes))
    {
        return false;
    }

    if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31
        || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
    {
        return false;
    }

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;

    *t = ((kecs_msec_t) timegm(&tm) - minutes * 60) * 1000 + msec;

    return true;
}


const uint32_t  kecs_durations[KECS_DURATIONS] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 10000000
};


unsigned
kecs_duration_bucket(uint64_t usec)
{
    unsigned  i;

    for (i = 0; i < KECS_DURATIONS && usec > kecs_durations[i]; i++) {
        /* void */
    }

    return i;
}


static const struct {
    const char   *name;
    kecs_msec_t   msec;
} units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 }, { "h", 3600 * 1000 },
    { "d", 24 * 3600 * 1000 }, { NULL, 0 }
};


bool
kecs_duration_parse(kecs_str_t s, kecs_msec_t *t)
{
    size_t      i, n;
    uint64_t    number;
    kecs_str_t  unit;

    for (n = 0; n < s.len && s.data[n] >= '0' && s.data[n] <= '9'; n++) {
        /* void */
    }

    unit = kecs_str_from(s, n);

    if (!kecs_str_u64(kecs_str_n(s.data, n), &number)) {
        return false;
    }

    for (i = 0; units[i].name != NULL; i++) {
        if (kecs_str_is(unit, units[i].name)) {
            if (number > (uint64_t) (INT64_MAX / units[i].msec)) {
                return false;
            }

            *t = (kecs_msec_t) number * units[i].msec;
            return true;
        }
    }

    return false;
}


void
kecs_time_print(kecs_msec_t t, char *out)
{
    time_t     sec;
    struct tm  tm;
    char       text[64];

    sec = (time_t) (t / 1000);
    memset(&tm, 0, sizeof(tm));
    (void) gmtime_r(&sec, &tm);

    (void) snprintf(text, sizeof(text),
                    "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                    tm.tm_hour, tm.tm_min, tm.tm_sec, (int) (t % 1000));
    memcpy(out, text, KECS_TIME_LEN);
    out[KECS_TIME_LEN] = '\0';
}
