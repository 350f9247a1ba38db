/*
 * Why a call failed, in the words of AWS's own clients.
 */

#define _GNU_SOURCE  /* memmem */

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


/* The text of the first element of a name, as S3 answers. */

static kecs_str_t
element(kecs_str_t xml, const char *begin, const char *end)
{
    const char  *from, *to;

    from = memmem(xml.data, xml.len, begin, strlen(begin));

    if (from == NULL) {
        return kecs_null_str;
    }

    from += strlen(begin);
    to = memmem(from, (size_t) (xml.data + xml.len - from), end, strlen(end));

    return to == NULL ? kecs_null_str : kecs_str_n(from, (size_t) (to - from));
}


/* NULL when it is none, or memory has run out. */

static const kecs_json_t *
answer_of(kecs_arena_t *a, const kecs_upstream_reply_t *reply)
{
    kecs_json_t  *answer;

    return kecs_json_parse(a, reply->body, &answer) == KECS_OK ? answer
                                                               : NULL;
}


static kecs_str_t
message_of(const kecs_json_t *answer)
{
    kecs_str_t  message;

    message = kecs_json_str(kecs_json_get(answer, "message"));

    return message.data != NULL
           ? message : kecs_json_str(kecs_json_get(answer, "Message"));
}


kecs_str_t
kecs_upstream_error(kecs_arena_t *a, const kecs_upstream_reply_t *reply)
{
    kecs_str_t          code, message;
    const kecs_json_t  *answer;

    if (reply->status == 0) {
        return kecs_sprintf(a, "RequestError: send request failed caused by:"
                            " %s", reply->error);
    }

    answer = answer_of(a, reply);
    code = code_of(answer);
    message = message_of(answer);

    if (code.len == 0 && reply->body.len > 0 && reply->body.data[0] == '<') {
        code = element(reply->body, "<Code>", "</Code>");
        message = element(reply->body, "<Message>", "</Message>");
    }

    if (code.len == 0) {
        return kecs_sprintf(a, "UnknownError: status code: %ld",
                            reply->status);
    }

    return kecs_sprintf(a, "%.*s: %.*s", kecs_fmt(code), kecs_fmt(message));
}


kecs_str_t
kecs_upstream_message(kecs_arena_t *a, const kecs_upstream_reply_t *reply)
{
    kecs_str_t  message;

    message = reply->status != 0 ? message_of(answer_of(a, reply))
                                 : kecs_null_str;

    return message.len != 0 ? kecs_sprintf(a, "%.*s", kecs_fmt(message))
                            : kecs_upstream_error(a, reply);
}
