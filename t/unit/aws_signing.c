/*
 * Signature Version 4: the example of its documentation, and what botocore
 * makes of a path with escapes, of a session and of S3.
 */

#include "../../src/upstream/aws_signature.h"
#include "tap.h"


#define NOW  1440938160000      /* 2015-08-30T12:36:00Z */

static const kecs_aws_credentials_t  plain = {
    kecs_string("AKIDEXAMPLE"),
    kecs_string("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"), { 0, NULL }
};

static const kecs_aws_credentials_t  session = {
    kecs_string("AKIDEXAMPLE"),
    kecs_string("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    kecs_string("tok/en==")
};

static const kecs_aws_header_t  json = {
    kecs_string("content-type"), kecs_string("application/json")
};

static const struct {
    const char                     *name;
    const kecs_aws_credentials_t   *k;
    kecs_aws_signed_t               r;
    const char                     *headers;
    const char                     *signature;
} cases[] = {
    { "the example", &plain, {
          .service = kecs_string("service"),
          .region = kecs_string("us-east-1"), .method = "GET",
          .host = kecs_string("example.amazonaws.com"),
          .path = kecs_string("/") },
      "us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },

    { "escapes in the path, a query, a session", &session, {
          .service = kecs_string("lambda"),
          .region = kecs_string("eu-west-1"), .method = "POST",
          .host = kecs_string("127.0.0.1:4566"),
          .path = kecs_string("/2015-03-31/functions/arn%3Aaws%3Alambda%3A"
                              "eu-west-1%3A1%3Afunction%3Af/invocations"),
          .query = kecs_string("Qualifier=live"),
          .headers = &json, .n_headers = 1,
          .body = kecs_string("{\"a\":1}") },
      "eu-west-1/lambda/aws4_request,"
      " SignedHeaders=content-type;host;x-amz-date;x-amz-security-token",
      "a7e3088b143c0a58b98d38ee8b0621767b1364b2f91602e5bd862b74ff2cfb6f" },

    { "an object of S3", &plain, {
          .service = kecs_string("s3"),
          .region = kecs_string("us-west-2"), .method = "GET",
          .host = kecs_string("s3.us-west-2.amazonaws.com"),
          .path = kecs_string("/bucket/a%20b//c%2Bd.env") },
      "us-west-2/s3/aws4_request,"
      " SignedHeaders=host;x-amz-content-sha256;x-amz-date",
      "46f09727d38a4e8b1235ed6ee9d0180ec3d895f34cacae22d232404e0b26692f" }
};


static kecs_rc_t
sign(kecs_arena_t *a, size_t i, kecs_str_t *text)
{
    size_t              n;
    kecs_rc_t           rc;
    kecs_aws_header_t  *headers;

    rc = kecs_aws_sign(a, &cases[i].r, cases[i].k, NOW, &headers, &n);

    if (rc == KECS_OK) {
        *text = headers[n - 1].value;
    }

    return rc;
}


static void
check(kecs_arena_t *a, size_t i)
{
    char        want[512];
    kecs_str_t  text;

    (void) snprintf(want, sizeof(want), "AWS4-HMAC-SHA256 Credential="
                    "AKIDEXAMPLE/20150830/%s, Signature=%s",
                    cases[i].headers, cases[i].signature);

    text = kecs_null_str;
    tap_ok(sign(a, i, &text) == KECS_OK, "%s", cases[i].name);
    tap_ok(kecs_str_is(text, want), "%s: its signature", cases[i].name);
}


static void
run_out_of_memory(void)
{
    unsigned       n;
    kecs_rc_t      rc;
    kecs_str_t     text;
    kecs_arena_t  *a;

    for (n = 1, rc = KECS_NOMEM; rc == KECS_NOMEM && n < 1000; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        rc = sign(a, 1, &text);
        kecs_arena_destroy(a);
    }

    tap_ok(rc == KECS_OK && n > 4, "memory that runs out is told");
}


int
main(void)
{
    size_t         i;
    kecs_arena_t  *a;

    a = kecs_arena_create(0);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(a, i);
    }

    kecs_arena_destroy(a);
    run_out_of_memory();

    return tap_done();
}
