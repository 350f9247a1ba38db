/*
 * The file of shared credentials: sections in brackets, a name and a value
 * per line.
 */

#include <stdlib.h>

#include "../base/file.h"
#include "aws_credentials.h"


static kecs_str_t
trim(kecs_str_t s)
{
    while (s.len > 0 && strchr(" \t\r", s.data[0]) != NULL) {
        s = kecs_str_from(s, 1);
    }

    while (s.len > 0 && strchr(" \t\r", s.data[s.len - 1]) != NULL) {
        s.len--;
    }

    return s;
}


/* "[name]", and "[profile name]" as in ~/.aws/config. */

static bool
is_section(kecs_str_t line, const char *profile)
{
    kecs_str_t  name;

    line = kecs_str_from(line, 1);

    if (!kecs_str_split(&line, ']', &name)) {
        return false;
    }

    if (kecs_str_starts(name, kecs_str("profile "))) {
        name = kecs_str_from(name, sizeof("profile ") - 1);
    }

    return kecs_str_is(trim(name), profile);
}


static void
take(kecs_str_t line, kecs_aws_credentials_t *out)
{
    size_t      i;
    kecs_str_t  name;
    struct {
        const char  *name;
        kecs_str_t  *value;
    } rows[] = {
        { "aws_access_key_id", &out->id },
        { "aws_secret_access_key", &out->secret },
        { "aws_session_token", &out->token }
    };

    (void) kecs_str_split(&line, '=', &name);
    name = trim(name);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (kecs_str_is(name, rows[i].name) && line.data != NULL) {
            *rows[i].value = trim(line);
        }
    }
}


static void
parse(kecs_str_t text, const char *profile, kecs_aws_credentials_t *out)
{
    bool        within;
    kecs_str_t  line;

    within = false;

    while (kecs_str_split(&text, '\n', &line)) {
        line = trim(line);

        if (line.len > 0 && line.data[0] == '[') {
            within = is_section(line, profile);

        } else if (within) {
            take(line, out);
        }
    }
}


static kecs_rc_t
copy(kecs_arena_t *a, kecs_str_t *s)
{
    if (s->data != NULL) {
        *s = kecs_strdup(a, *s);
    }

    return s->data != NULL ? KECS_OK : KECS_NOMEM;
}


kecs_rc_t
kecs_aws_credentials(kecs_arena_t *a, const char *file, const char *profile,
    kecs_aws_credentials_t *out, const char **why)
{
    kecs_rc_t   rc;
    kecs_str_t  text;

    memset(out, 0, sizeof(kecs_aws_credentials_t));
    *why = "out of memory";

    if (file != NULL) {
        rc = kecs_file_read(a, file, &text);

        if (rc != KECS_OK) {
            *why = "the file of AWS credentials cannot be read";
            return rc == KECS_NOMEM ? KECS_NOMEM : KECS_NOT_FOUND;
        }

        parse(text, profile ? profile : "default", out);
        *why = "the file of AWS credentials has no such profile, or no key"
               " in it";

    } else {
        out->id = kecs_str_of(getenv("AWS_ACCESS_KEY_ID"));
        out->secret = kecs_str_of(getenv("AWS_SECRET_ACCESS_KEY"));
        out->token = kecs_str_of(getenv("AWS_SESSION_TOKEN"));
        *why = "there are no AWS credentials";
    }

    if (out->id.len == 0 || out->secret.len == 0) {
        return KECS_NOT_FOUND;
    }

    if (copy(a, &out->id) != KECS_OK || copy(a, &out->secret) != KECS_OK
        || (out->token.len > 0 && copy(a, &out->token) != KECS_OK))
    {
        *why = "out of memory";
        return KECS_NOMEM;
    }

    return KECS_OK;
}
