/*
 * Environment files as ECS reads them: lines VARIABLE=VALUE, of which
 * neither side may be empty; a line that begins with "#" is a comment, any
 * other one is passed over.  Quotation marks and spaces are part of the
 * value.
 */

#include "../aws/arn.h"
#include "env_file.h"


const kecs_ecs_environment_files_t *
kecs_env_files(const kecs_start_t *s, size_t container)
{
    size_t                                  i;
    kecs_str_t                              name;
    const kecs_ecs_container_override_t    *o;
    const kecs_ecs_container_definition_t  *d;

    d = &s->definition->container_definitions.items[container];
    name = d->name;

    for (i = 0; s->overrides != NULL
                && i < s->overrides->container_overrides.n; i++)
    {
        o = &s->overrides->container_overrides.items[i];

        if (kecs_str_eq(o->name, name) && o->environment_files.n > 0) {
            return &o->environment_files;
        }
    }

    return &d->environment_files;
}


bool
kecs_env_file_ref(kecs_str_t arn, kecs_str_t *bucket, kecs_str_t *key)
{
    kecs_arn_t  a;

    if (!kecs_arn_parse(arn, &a) || !kecs_str_is(a.service, "s3")) {
        return false;
    }

    *key = a.resource;

    return kecs_str_split(key, '/', bucket) && bucket->len > 0
           && key->len > 0;
}


static bool
has(const kecs_variables_t *v, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < v->n; i++) {
        if (kecs_str_eq(v->items[i].name, name)) {
            return true;
        }
    }

    return false;
}


kecs_rc_t
kecs_env_file_take(kecs_str_t text, kecs_variables_t *v, const char **why)
{
    kecs_str_t  line, name;

    if (!kecs_str_utf8(text)) {
        *why = "the file is no text in UTF-8";
        return KECS_INVALID;
    }

    while (kecs_str_split(&text, '\n', &line)) {
        if (line.len > 0 && line.data[line.len - 1] == '\r') {
            line.len--;
        }

        if (line.len == 0 || line.data[0] == '#') {
            continue;
        }

        (void) kecs_str_split(&line, '=', &name);

        if (name.len == 0 || line.len == 0 || has(v, name)) {
            continue;
        }

        if (v->n == KECS_ENV_FILE_VARIABLES) {
            *why = "the files have too many variables";
            return KECS_INVALID;
        }

        v->items[v->n++] = (kecs_variable_t) { name, line };
    }

    return KECS_OK;
}
