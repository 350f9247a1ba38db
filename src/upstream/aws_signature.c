/*
 * The steps of Signature Version 4: a canonical form of the request, a
 * text that names its hash and the scope, a key made from the secret.
 * Paths are encoded once more for the canonical form, except those of S3.
 * What was made from the secret is overwritten on the way.
 */

#include <stdlib.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "aws_signature.h"


#define ALGORITHM  "AWS4-HMAC-SHA256"
#define HASH       SHA256_DIGEST_LENGTH
#define DATE_LEN   8                /* of "20261121T095215Z" */
#define OWN        4                /* headers added at most */

typedef struct {
    kecs_arena_t                   *a;
    const kecs_aws_signed_t        *r;
    const kecs_aws_credentials_t   *k;
    kecs_aws_header_t              *headers;
    size_t                          n;
    char                            date[sizeof("20261121T095215Z")];
    char                            hash[2 * HASH];     /* of the body */
} signing_t;


static void
hash_of(kecs_str_t text, char *out)
{
    uint8_t  hash[HASH];

    (void) SHA256((const unsigned char *) (text.data ? text.data : ""),
                  text.len, hash);
    kecs_hex(hash, HASH, out);
}


static bool
is_s3(const signing_t *s)
{
    return kecs_str_is(s->r->service, "s3");
}


/* Headers, by their names. */

static int
by_name(const void *a, const void *b)
{
    const kecs_aws_header_t  *x = a, *y = b;

    return kecs_str_cmp(x->name, y->name);
}


static void
add_header(signing_t *s, kecs_str_t name, kecs_str_t value)
{
    if (value.data != NULL) {
        s->headers[s->n++] = (kecs_aws_header_t) { name, value };
    }
}


/* There is room for Authorization behind them. */

static kecs_rc_t
collect_headers(signing_t *s)
{
    s->headers = kecs_calloc(s->a, s->r->n_headers + OWN + 1,
                             sizeof(kecs_aws_header_t));

    if (s->headers == NULL) {
        return KECS_NOMEM;
    }

    for (s->n = 0; s->n < s->r->n_headers; s->n++) {
        s->headers[s->n] = s->r->headers[s->n];
    }

    add_header(s, kecs_str("host"), s->r->host);
    add_header(s, kecs_str("x-amz-date"), kecs_str_of(s->date));
    add_header(s, kecs_str("x-amz-security-token"), s->k->token);

    if (is_s3(s)) {
        add_header(s, kecs_str("x-amz-content-sha256"),
                   kecs_str_n(s->hash, sizeof(s->hash)));
    }

    qsort(s->headers, s->n, sizeof(kecs_aws_header_t), by_name);

    return KECS_OK;
}


static void
write_names(kecs_buf_t *b, const signing_t *s)
{
    size_t  i;

    for (i = 0; i < s->n; i++) {
        if (i != 0) {
            kecs_buf_chr(b, ';');
        }

        kecs_buf_str(b, s->headers[i].name);
    }
}


/* The canonical request. */

void
kecs_aws_encode(kecs_buf_t *b, kecs_str_t s, bool slash)
{
    size_t  i;
    char    c;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || memchr("-._~", c, 4) != NULL
            || (c == '/' && !slash))
        {
            kecs_buf_chr(b, c);

        } else {
            kecs_buf_printf(b, "%%%02X", (unsigned) (unsigned char) c);
        }
    }
}


static kecs_rc_t
canonical_hash(const signing_t *s, char *hash)
{
    size_t      i;
    kecs_buf_t  b;

    kecs_buf_init(&b, s->a, 0);
    kecs_buf_printf(&b, "%s\n", s->r->method);

    if (is_s3(s)) {
        kecs_buf_str(&b, s->r->path);

    } else {
        kecs_aws_encode(&b, s->r->path, false);
    }

    kecs_buf_printf(&b, "\n%.*s\n", kecs_fmt(s->r->query));

    for (i = 0; i < s->n; i++) {
        kecs_buf_printf(&b, "%.*s:%.*s\n", kecs_fmt(s->headers[i].name),
                        kecs_fmt(s->headers[i].value));
    }

    kecs_buf_chr(&b, '\n');
    write_names(&b, s);
    kecs_buf_printf(&b, "\n%.*s", (int) sizeof(s->hash), s->hash);
    hash_of(kecs_buf_view(&b), hash);

    return b.failed ? KECS_NOMEM : KECS_OK;
}


/* The signature. */

/* key = HMAC(key, text) */

static bool
chain(uint8_t *key, size_t *len, kecs_str_t text)
{
    bool      done;
    unsigned  n;
    uint8_t   mac[EVP_MAX_MD_SIZE];

    done = HMAC(EVP_sha256(), key, (int) *len,
                (const unsigned char *) text.data, text.len, mac, &n)
           != NULL;

    if (done) {
        memcpy(key, mac, HASH);
        *len = HASH;
    }

    OPENSSL_cleanse(mac, sizeof(mac));

    return done;
}


static kecs_rc_t
signature_of(const signing_t *s, kecs_str_t text, char *out)
{
    bool        done;
    size_t      i, len;
    uint8_t    *key;
    kecs_str_t  parts[] = {
        kecs_str_n(s->date, DATE_LEN), s->r->region, s->r->service,
        kecs_str("aws4_request"), text
    };

    len = 4 + s->k->secret.len;
    key = kecs_alloc(s->a, len > HASH ? len : HASH);

    if (key == NULL) {
        return KECS_NOMEM;
    }

    memcpy(key, "AWS4", 4);
    memcpy(key + 4, s->k->secret.data, s->k->secret.len);

    for (i = 0, done = true; i < sizeof(parts) / sizeof(parts[0]); i++) {
        done = done && chain(key, &len, parts[i]);
    }

    kecs_hex(key, HASH, out);
    OPENSSL_cleanse(key, len);

    return done ? KECS_OK : KECS_NOMEM;
}


static kecs_rc_t
authorize(signing_t *s)
{
    kecs_rc_t   rc;
    kecs_buf_t  b;
    kecs_str_t  scope, text;
    char        hash[2 * HASH], signature[2 * HASH];

    rc = canonical_hash(s, hash);
    scope = kecs_sprintf(s->a, "%.*s/%.*s/%.*s/aws4_request", DATE_LEN,
                         s->date, kecs_fmt(s->r->region),
                         kecs_fmt(s->r->service));
    text = kecs_sprintf(s->a, ALGORITHM "\n%s\n%.*s\n%.*s", s->date,
                        kecs_fmt(scope), (int) sizeof(hash), hash);

    if (rc != KECS_OK || scope.data == NULL || text.data == NULL) {
        return KECS_NOMEM;
    }

    rc = signature_of(s, text, signature);
    kecs_buf_init(&b, s->a, 0);
    kecs_buf_printf(&b, ALGORITHM " Credential=%.*s/%.*s, SignedHeaders=",
                    kecs_fmt(s->k->id), kecs_fmt(scope));
    write_names(&b, s);
    kecs_buf_printf(&b, ", Signature=%.*s", (int) sizeof(signature),
                    signature);
    add_header(s, kecs_str("authorization"), kecs_buf_view(&b));

    return b.failed ? KECS_NOMEM : rc;
}


kecs_rc_t
kecs_aws_sign(kecs_arena_t *a, const kecs_aws_signed_t *r,
    const kecs_aws_credentials_t *k, kecs_msec_t now,
    kecs_aws_header_t **out, size_t *n)
{
    time_t      t;
    kecs_rc_t   rc;
    signing_t  *s;
    struct tm   tm;

    s = kecs_zalloc(a, sizeof(signing_t));

    if (s == NULL) {
        return KECS_NOMEM;
    }

    s->a = a;
    s->r = r;
    s->k = k;
    t = (time_t) (now / 1000);
    (void) gmtime_r(&t, &tm);
    (void) strftime(s->date, sizeof(s->date), "%Y%m%dT%H%M%SZ", &tm);
    hash_of(r->body, s->hash);
    rc = collect_headers(s);

    if (rc == KECS_OK) {
        rc = authorize(s);
    }

    *out = s->headers;
    *n = s->n;

    return rc;
}
