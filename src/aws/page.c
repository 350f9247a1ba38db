/*
 * Page tokens: base64url of {version, keyed hash, index key}.  The hash is
 * HMAC-SHA-256 under the store's identity over incarnation, account,
 * region, operation, filters and key, cut to 16 bytes.
 */

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "page.h"


#define TOKEN_VERSION  1
#define MAC_LEN        16
#define TOKEN_MAX      1024


static const char  alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-_";


static kecs_str_t
base64url(kecs_arena_t *a, const uint8_t *in, size_t n)
{
    char      *out;
    size_t     i, len;
    uint32_t   bits, have;

    out = kecs_alloc(a, n * 4 / 3 + 4);

    if (out == NULL) {
        return kecs_null_str;
    }

    for (i = 0, len = 0, bits = 0, have = 0; i < n; i++) {
        bits = bits << 8 | in[i];

        for (have += 8; have >= 6; have -= 6) {
            out[len++] = alphabet[bits >> (have - 6) & 63];
        }
    }

    if (have != 0) {
        out[len++] = alphabet[bits << (6 - have) & 63];
    }

    return kecs_str_n(out, len);
}


/* false on a foreign character or on stray bits at the end. */

static bool
unbase64url(kecs_str_t in, uint8_t *out, size_t *n)
{
    size_t       i, len;
    uint32_t     bits, have;
    const char  *p;

    for (i = 0, len = 0, bits = 0, have = 0; i < in.len; i++) {
        p = in.data[i] ? strchr(alphabet, in.data[i]) : NULL;

        if (p == NULL) {
            return false;
        }

        bits = bits << 6 | (uint32_t) (p - alphabet);
        have += 6;

        if (have >= 8) {
            have -= 8;
            out[len++] = (uint8_t) (bits >> have);
        }
    }

    *n = len;

    return have < 6 && (bits & ((1u << have) - 1)) == 0;
}


static void
mac(kecs_call_t *c, const kecs_page_t *p, kecs_str_t key, uint8_t *out)
{
    uint8_t             text[16 + 8 + 1024], full[SHA256_DIGEST_LENGTH];
    size_t              n;
    kecs_store_info_t   info;

    kecs_store_info(c->store, &info);

    memcpy(text, p->bind, sizeof(p->bind));
    n = sizeof(p->bind);
    memcpy(text + n, &info.incarnation, sizeof(info.incarnation));
    n += sizeof(info.incarnation);
    memcpy(text + n, key.data, key.len);
    n += key.len;

    (void) HMAC(EVP_sha256(), info.uuid, (int) strlen(info.uuid), text, n,
                full, NULL);
    memcpy(out, full, MAC_LEN);
}


/* What a token is bound to besides its key. */

static kecs_rc_t
bind(kecs_call_t *c, kecs_page_t *p, kecs_str_t filters)
{
    uint8_t      full[SHA256_DIGEST_LENGTH];
    kecs_str_t   text;

    text = kecs_sprintf(c->arena, "%s\n%.*s\n%.*s\n%.*s", c->op->name,
                        kecs_fmt(c->account), kecs_fmt(c->region),
                        kecs_fmt(filters));

    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    (void) SHA256((const unsigned char *) text.data, text.len, full);
    memcpy(p->bind, full, sizeof(p->bind));

    return KECS_OK;
}


static kecs_rc_t
read_token(kecs_call_t *c, kecs_page_t *p, kecs_str_t token)
{
    bool         ok;
    size_t       n;
    uint8_t      raw[TOKEN_MAX], want[MAC_LEN];
    kecs_str_t   key;

    ok = token.len <= TOKEN_MAX && unbase64url(token, raw, &n)
         && n > 1 + MAC_LEN && raw[0] == TOKEN_VERSION;

    if (ok) {
        key = kecs_str_n(raw + 1 + MAC_LEN, n - 1 - MAC_LEN);
        mac(c, p, key, want);
        ok = memcmp(want, raw + 1, MAC_LEN) == 0;
    }

    if (!ok) {
        return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                         "Invalid token: the nextToken is not valid for"
                         " this request.");
    }

    p->after = kecs_strdup(c->arena, key);

    return p->after.data ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_page_begin(kecs_call_t *c, kecs_page_t *p, kecs_opt_int_t max_results,
    kecs_str_t next_token, size_t initial, size_t limit, kecs_str_t filters)
{
    kecs_rc_t  rc;

    memset(p, 0, sizeof(kecs_page_t));
    p->max = initial;

    if (max_results.set) {
        if (max_results.value > (int64_t) limit) {
            return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                             "Max results can not be greater than %u",
                             (unsigned) limit);
        }

        if (max_results.value < 1) {
            return kecs_fail(c, KECS_E_INVALID_PARAMETER,
                             "Max results can not be lesser than 1");
        }

        p->max = (size_t) max_results.value;
    }

    rc = bind(c, p, filters);

    if (rc != KECS_OK || next_token.len == 0) {
        return rc;
    }

    return read_token(c, p, next_token);
}


bool
kecs_page_room(kecs_call_t *c, kecs_page_t *p, const kecs_scan_t *scan)
{
    if (p->n < p->max && kecs_scan_visited(scan) <= c->conf->scan_limit) {
        return true;
    }

    p->more = true;

    return false;
}


kecs_rc_t
kecs_page_took(kecs_call_t *c, kecs_page_t *p, kecs_str_t key, bool taken)
{
    char  *to;

    /* the key of one entry is kept; they are of about the same length */

    if (p->last.data == NULL) {
        to = kecs_alloc(c->arena, sizeof(((kecs_key_t *) 0)->data));

        if (to == NULL) {
            return KECS_NOMEM;
        }

        p->last = kecs_str_n(to, 0);
    }

    to = (char *) (uintptr_t) p->last.data;
    memcpy(to, key.data, key.len);
    p->last.len = key.len;
    p->n += taken;

    return KECS_OK;
}


kecs_rc_t
kecs_page_end(kecs_call_t *c, kecs_page_t *p)
{
    uint8_t      raw[1 + MAC_LEN + 512];
    kecs_str_t   token;

    if (!p->more || p->last.data == NULL) {
        return KECS_OK;
    }

    raw[0] = TOKEN_VERSION;
    mac(c, p, p->last, raw + 1);
    memcpy(raw + 1 + MAC_LEN, p->last.data, p->last.len);

    token = base64url(c->arena, raw, 1 + MAC_LEN + p->last.len);

    if (token.data == NULL) {
        return KECS_NOMEM;
    }

    kecs_w_str(&c->out, "nextToken", token);

    return KECS_OK;
}
