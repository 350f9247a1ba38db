/*
 * STS: GetCallerIdentity.
 */

#include <stdio.h>

#include "sts.h"


#define XMLNS  "https://sts.amazonaws.com/doc/" KECS_STS_VERSION "/"


bool
kecs_sts_has(kecs_str_t action)
{
    return kecs_str_is(action, "GetCallerIdentity");
}


static unsigned
refuse(const kecs_sts_call_t *c, kecs_buf_t *out, const char *code,
    kecs_str_t message)
{
    kecs_xml_error(out, XMLNS, 400, code, message, c->request_id);

    return 400;
}


/* The id of the root user is the account's; no other has a record here. */

static unsigned
caller_identity(const kecs_sts_call_t *c, kecs_buf_t *out)
{
    kecs_buf_str(out, kecs_str("<GetCallerIdentityResponse xmlns=\"" XMLNS
                               "\">\n  <GetCallerIdentityResult>\n"));
    kecs_xml_element(out, 2, "Arn", c->principal);
    kecs_xml_element(out, 2, "UserId", c->account);
    kecs_xml_element(out, 2, "Account", c->account);
    kecs_buf_str(out, kecs_str("  </GetCallerIdentityResult>\n"
                               "  <ResponseMetadata>\n"));
    kecs_xml_element(out, 2, "RequestId", c->request_id);
    kecs_buf_str(out, kecs_str("  </ResponseMetadata>\n"
                               "</GetCallerIdentityResponse>\n"));

    return 200;
}


unsigned
kecs_sts_answer(const kecs_sts_call_t *c, kecs_buf_t *out)
{
    char  text[256];

    if (c->action.data == NULL) {
        return refuse(c, out, "MissingAction",
                      kecs_str("The request must contain the parameter"
                               " Action."));
    }

    if (kecs_sts_has(c->action) && kecs_str_is(c->version, KECS_STS_VERSION))
    {
        return caller_identity(c, out);
    }

    (void) snprintf(text, sizeof(text), "Could not find operation %.*s for"
                    " version %.*s",
                    (int) (c->action.len < 64 ? c->action.len : 64),
                    c->action.data,
                    (int) (c->version.len < 32 ? c->version.len : 32),
                    c->version.data != NULL ? c->version.data : "");

    return refuse(c, out, "InvalidAction", kecs_str_of(text));
}
