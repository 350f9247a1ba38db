/*
 * ARNs and the credential scope of a signed request.
 */

#include "arn.h"


#define HEAD  8                     /* pieces before the resource */


bool
kecs_arn_parse(kecs_str_t s, kecs_arn_t *arn)
{
    kecs_str_t  head;

    if (!kecs_str_starts(s, kecs_str("arn:"))) {
        return false;
    }

    (void) kecs_str_split(&s, ':', &head);

    if (!kecs_str_split(&s, ':', &arn->partition)
        || !kecs_str_split(&s, ':', &arn->service)
        || !kecs_str_split(&s, ':', &arn->region)
        || !kecs_str_split(&s, ':', &arn->account))
    {
        return false;
    }

    arn->resource = s;

    return s.data != NULL && s.len != 0 && arn->partition.len != 0
           && arn->service.len != 0;
}


static kecs_str_t
partition_of(kecs_str_t region)
{
    size_t  i;

    static const struct {
        kecs_str_t  prefix;
        kecs_str_t  partition;
    } partitions[] = {
        { kecs_string("cn-"), kecs_string("aws-cn") },
        { kecs_string("us-gov-"), kecs_string("aws-us-gov") },
        { kecs_string("us-iso-"), kecs_string("aws-iso") },
        { kecs_string("us-isob-"), kecs_string("aws-iso-b") },
        { kecs_string("eu-isoe-"), kecs_string("aws-iso-e") },
        { kecs_string("us-isof-"), kecs_string("aws-iso-f") },
        { kecs_string("eusc-"), kecs_string("aws-eusc") }
    };

    for (i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
        if (kecs_str_starts(region, partitions[i].prefix)) {
            return partitions[i].partition;
        }
    }

    return kecs_str("aws");
}


kecs_str_t
kecs_arn_make(kecs_arena_t *a, const char *service, kecs_str_t region,
    kecs_str_t account, const kecs_str_t *parts, size_t n)
{
    size_t      i, len;
    kecs_str_t  all[HEAD + 2 * KECS_ARN_PARTS] = {
        kecs_str("arn:"), partition_of(region), kecs_str(":"),
        kecs_str_of(service), kecs_str(":"),
        strcmp(service, "iam") == 0 ? kecs_str("") : region, kecs_str(":"),
        account
    };

    for (i = 0, len = HEAD; i < n && i < KECS_ARN_PARTS; i++) {
        if (parts[i].data == NULL) {
            return kecs_null_str;
        }

        all[len++] = i == 0 ? kecs_str(":") : kecs_str("/");
        all[len++] = parts[i];
    }

    return kecs_concat(a, all, len);
}


static bool
is_account(kecs_str_t s)
{
    uint64_t  n;

    return s.len == 12 && kecs_str_u64(s, &n);
}


/* A region as AWS names them; anything else would end up in keys. */

static bool
is_region(kecs_str_t s)
{
    size_t  i;
    char    c;

    for (i = 0; i < s.len; i++) {
        c = s.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }

    return s.len > 0 && s.len <= 32;
}


/* The text behind "Credential=" up to a comma or white space. */

static kecs_str_t
credential(kecs_str_t authorization)
{
    size_t             i, n;
    static const char  name[] = "Credential=";

    n = sizeof(name) - 1;

    for (i = 0; i + n <= authorization.len; i++) {
        if (memcmp(authorization.data + i, name, n) == 0) {
            break;
        }
    }

    if (i + n > authorization.len) {
        return kecs_null_str;
    }

    authorization = kecs_str_from(authorization, i + n);

    for (i = 0; i < authorization.len; i++) {
        if (strchr(", \t", authorization.data[i]) != NULL) {
            break;
        }
    }

    return kecs_str_n(authorization.data, i);
}


void
kecs_caller_parse(kecs_str_t authorization, kecs_str_t account,
    kecs_str_t region, kecs_caller_t *out)
{
    kecs_str_t  scope, date, name;

    out->access_key = kecs_null_str;
    out->service = kecs_null_str;
    out->account = account;
    out->region = region;

    if (!kecs_str_starts(authorization, kecs_str("AWS4-"))) {
        return;
    }

    scope = credential(authorization);

    if (!kecs_str_split(&scope, '/', &out->access_key)) {
        return;
    }

    if (is_account(out->access_key)) {
        out->account = out->access_key;
    }

    if (kecs_str_split(&scope, '/', &date)
        && kecs_str_split(&scope, '/', &name) && is_region(name))
    {
        out->region = name;
        (void) kecs_str_split(&scope, '/', &out->service);
    }
}
