/*
 * References to secrets: names and ARNs.
 */

#include <string.h>

#include "firelens.h"
#include "secret_ref.h"


#define ARN_PARTS  10

/* Behind "arn" and the partition; behind "secret" of Secrets Manager. */
enum { PART_SERVICE = 2, PART_REGION, PART_RESOURCE = 5, PART_NAME, PART_KEY,
       PART_STAGE, PART_VERSION };


static kecs_str_t
or_empty(kecs_str_t s)
{
    return s.data != NULL ? s : kecs_str("");
}


static void
secret(kecs_str_t arn, const kecs_str_t *parts, kecs_secret_ref_t *out)
{
    out->manager = true;
    out->name = or_empty(parts[PART_NAME]);
    out->key = or_empty(parts[PART_KEY]);
    out->stage = or_empty(parts[PART_STAGE]);
    out->version = or_empty(parts[PART_VERSION]);

    if (out->name.len > 0) {
        out->id = kecs_str_n(arn.data, (size_t) (out->name.data - arn.data)
                                       + out->name.len);
    }
}


bool
kecs_secret_ref(kecs_str_t value_from, kecs_secret_ref_t *out)
{
    size_t      n;
    kecs_str_t  rest, parts[ARN_PARTS];

    memset(out, 0, sizeof(kecs_secret_ref_t));
    memset(parts, 0, sizeof(parts));

    out->id = value_from;
    out->name = value_from;

    if (!kecs_str_starts(value_from, kecs_str("arn:"))) {
        return true;
    }

    rest = value_from;

    for (n = 0; n < ARN_PARTS && rest.data != NULL; n++) {
        (void) kecs_str_split(&rest, ':', &parts[n]);
    }

    out->region = parts[PART_REGION];

    if (kecs_str_is(parts[PART_SERVICE], "secretsmanager")) {
        secret(value_from, parts, out);
        return true;
    }

    out->name = kecs_str_from(parts[PART_RESOURCE], sizeof("parameter") - 1);

    return kecs_str_is(parts[PART_SERVICE], "ssm")
           && kecs_str_starts(parts[PART_RESOURCE], kecs_str("parameter"));
}


size_t
kecs_secrets_of(const kecs_ecs_container_definition_t *d)
{
    return d->secrets.n + (kecs_firelens_sends(d)
                           ? d->log_configuration->secret_options.n : 0);
}


const kecs_ecs_secret_t *
kecs_secret_of(const kecs_ecs_container_definition_t *d, size_t i)
{
    return i < d->secrets.n
           ? &d->secrets.items[i]
           : &d->log_configuration->secret_options.items[i - d->secrets.n];
}
