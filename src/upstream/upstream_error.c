/*
 * Why a call failed, in the words of AWS's own clients.
 */

#include "../json/json.h"
#include "upstream.h"


/* "com.amazonaws.secretsmanager#ResourceNotFoundException" */

static kecs_str_t
code_of(const kecs_json_t *answer)
{
    kecs_str_t  code;

    code = kecs_json_str(kecs_json_get(answer, "__type"));

    return kecs_str_from(code, (size_t) (kecs_str_rchr(code, '#') + 1));
}


kecs_str_t
kecs_upstream_error(kecs_arena_t *a, const kecs_upstream_reply_t *reply)
{
    kecs_str_t    code, message;
    kecs_json_t  *answer;

    if (reply->status == 0) {
        return kecs_sprintf(a, "RequestError: send request failed caused by:"
                            " %s", reply->error);
    }

    if (kecs_json_parse(a, reply->body, &answer) != KECS_OK) {
        answer = NULL;
    }

    code = code_of(answer);
    message = kecs_json_str(kecs_json_get(answer, "message"));

    if (message.data == NULL) {
        message = kecs_json_str(kecs_json_get(answer, "Message"));
    }

    if (code.len == 0) {
        return kecs_sprintf(a, "UnknownError: status code: %ld",
                            reply->status);
    }

    return kecs_sprintf(a, "%.*s: %.*s", kecs_fmt(code), kecs_fmt(message));
}
