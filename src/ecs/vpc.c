/*
 * The network that requests leave out.  There is no EC2 beside ECS here, so
 * the default VPC is known only by the ids of its subnets, which are always
 * the same for an account and region.
 */

#include <openssl/sha.h>

#include "ecs.h"


#define SUBNETS    3
#define ID_DIGITS  17


kecs_rc_t
kecs_default_subnets(kecs_call_t *c, kecs_ecs_string_list_t *out)
{
    char        hex[2 * SHA256_DIGEST_LENGTH];
    size_t      i;
    uint8_t     hash[SHA256_DIGEST_LENGTH];
    kecs_str_t  text;

    out->n = SUBNETS;
    out->set = true;
    out->items = kecs_calloc(c->arena, SUBNETS, sizeof(kecs_str_t));

    if (out->items == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < SUBNETS; i++) {
        text = kecs_sprintf(c->arena, "subnet %zu %.*s %.*s", i,
                            kecs_fmt(c->account), kecs_fmt(c->region));

        if (text.data == NULL) {
            return KECS_NOMEM;
        }

        (void) SHA256((const unsigned char *) text.data, text.len, hash);
        kecs_hex(hash, sizeof(hash), hex);
        out->items[i] = kecs_sprintf(c->arena, "subnet-%.*s", ID_DIGITS,
                                     hex);

        if (out->items[i].data == NULL) {
            return KECS_NOMEM;
        }
    }

    return KECS_OK;
}
