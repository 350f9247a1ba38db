/*
 * xoshiro256** when seeded, getrandom(2) otherwise.
 */

#include <errno.h>
#include <sys/random.h>

#include "rand.h"


static uint64_t
splitmix(uint64_t *x)
{
    uint64_t  z;

    z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;

    return z ^ (z >> 31);
}


void
kecs_rand_seed(kecs_rand_t *r, uint64_t seed)
{
    int  i;

    for (i = 0; i < 4; i++) {
        r->s[i] = splitmix(&seed);
    }

    r->seeded = true;
}


static bool
system_bytes(void *out, size_t n)
{
    char     *p;
    ssize_t   got;

    for (p = out; n > 0; p += got, n -= (size_t) got) {
        got = getrandom(p, n, 0);

        if (got < 0) {
            if (errno != EINTR) {
                return false;
            }

            got = 0;
        }
    }

    return true;
}


kecs_rc_t
kecs_rand_system(kecs_rand_t *r)
{
    r->seeded = false;
    r->left = 0;

    return system_bytes(r->s, sizeof(r->s)) ? KECS_OK : KECS_IO;
}


static uint64_t
rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}


static uint64_t
xoshiro(uint64_t *s)
{
    uint64_t  result, t;

    result = rotl(s[1] * 5, 7) * 9;
    t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);

    return result;
}


/* The next word of the pool; false when the system gives none. */

static bool
pooled(kecs_rand_t *r, uint64_t *n)
{
    uint8_t  *p;

    if (r->left < sizeof(*n)) {
        if (!system_bytes(r->pool, sizeof(r->pool))) {
            return false;
        }

        r->left = sizeof(r->pool);
    }

    r->left -= sizeof(*n);
    p = r->pool + r->left;
    memcpy(n, p, sizeof(*n));
    memset(p, 0, sizeof(*n));

    return true;
}


uint64_t
kecs_rand_u64(kecs_rand_t *r)
{
    uint64_t  n;

    /* once kecs_rand_system() has succeeded getrandom() does not fail */

    if (!r->seeded && pooled(r, &n)) {
        return n;
    }

    return xoshiro(r->s);
}


void
kecs_rand_bytes(kecs_rand_t *r, void *out, size_t n)
{
    char      *p;
    size_t     take;
    uint64_t   word;

    for (p = out; n > 0; p += take, n -= take) {
        word = kecs_rand_u64(r);
        take = n < sizeof(word) ? n : sizeof(word);
        memcpy(p, &word, take);
    }
}


uint64_t
kecs_rand_below(kecs_rand_t *r, uint64_t n)
{
    uint64_t  x, limit;

    limit = UINT64_MAX - UINT64_MAX % n;

    do {
        x = kecs_rand_u64(r);
    } while (x >= limit);

    return x % n;
}


void
kecs_rand_uuid(kecs_rand_t *r, char *out)
{
    int      i;
    char    *p;
    uint8_t  b[16];

    kecs_rand_bytes(r, b, sizeof(b));

    b[6] = (uint8_t) ((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t) ((b[8] & 0x3f) | 0x80);

    for (i = 0, p = out; i < 16; i++, p += 2) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        kecs_hex(&b[i], 1, p);
    }

    *p = '\0';
}
