/*
 * The configuration has inputs (a socket, a port, one for the router's own
 * health check, and the logs of containers where they can be read), filters
 * of the containers' patterns, what ECS adds to each record, a file of the
 * image that is included, and an output for each container.  Records of a
 * container are tagged NAME-firelens-ID.
 */

#include "firelens.h"


#define SOCKET  "/var/run/fluent.sock"
#define PORT    "24224"
#define HEALTH  "8877"


bool
kecs_firelens_routes(const kecs_ecs_container_definition_t *d)
{
    return d->firelens_configuration != NULL;
}


bool
kecs_firelens_sends(const kecs_ecs_container_definition_t *d)
{
    return d->log_configuration != NULL
           && kecs_str_is(d->log_configuration->log_driver, "awsfirelens");
}


bool
kecs_firelens_is_fluentd(const kecs_ecs_firelens_configuration_t *r)
{
    return kecs_str_is(r->type, "fluentd");
}


kecs_str_t
kecs_firelens_variable(kecs_arena_t *a, kecs_str_t option, size_t container)
{
    return kecs_sprintf(a, "%.*s_%zu", kecs_fmt(option), container);
}


static kecs_str_t
option(const kecs_map_t *options, const char *key)
{
    size_t  i;

    for (i = 0; i < options->n; i++) {
        if (kecs_str_is(options->items[i].key, key)) {
            return options->items[i].value;
        }
    }

    return kecs_null_str;
}


static bool
has_metadata(const kecs_firelens_t *f)
{
    return !kecs_str_is(option(&f->router->options,
                               "enable-ecs-log-metadata"), "false");
}


/* A file of the image, absent: none is included. */

static kecs_str_t
included(const kecs_firelens_t *f)
{
    return kecs_str_is(option(&f->router->options, "config-file-type"),
                       "file")
           ? option(&f->router->options, "config-file-value")
           : kecs_null_str;
}


/* Options that are not the output's own. */

static bool
is_pattern(kecs_str_t key)
{
    return kecs_str_is(key, "include-pattern")
           || kecs_str_is(key, "exclude-pattern");
}


static bool
is_own(kecs_str_t key, const char *name)
{
    return !kecs_str_is(key, name) && !is_pattern(key);
}


/* The output's options, of which the secret ones are variables. */

static bool
output_options(kecs_arena_t *a, kecs_buf_t *b,
    const kecs_firelens_source_t *s, const char *name)
{
    size_t                          i;
    kecs_str_t                      variable;
    const kecs_map_t               *options = &s->log->options;
    const kecs_ecs_secret_list_t   *secrets = &s->log->secret_options;

    for (i = 0; i < options->n; i++) {
        if (is_own(options->items[i].key, name)) {
            kecs_buf_printf(b, "    %.*s %.*s\n",
                            kecs_fmt(options->items[i].key),
                            kecs_fmt(options->items[i].value));
        }
    }

    for (i = 0; i < secrets->n; i++) {
        variable = kecs_firelens_variable(a, secrets->items[i].name,
                                          s->index);

        if (variable.data == NULL) {
            return false;
        }

        kecs_buf_printf(b, name[0] == '@' ? "    %.*s \"#{ENV['%.*s']}\"\n"
                                          : "    %.*s ${%.*s}\n",
                        kecs_fmt(secrets->items[i].name),
                        kecs_fmt(variable));
    }

    return true;
}


/* Fluent Bit. */

static void
bit_inputs(kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t                         i;
    const kecs_firelens_source_t  *s;

    kecs_buf_printf(b, "[INPUT]\n    Name forward\n    unix_path " SOCKET
                    "\n\n");

    if (f->listen != NULL) {
        kecs_buf_printf(b, "[INPUT]\n    Name forward\n    Listen %s\n"
                        "    Port " PORT "\n\n", f->listen);
    }

    kecs_buf_printf(b, "[INPUT]\n    Name tcp\n    Tag firelens-healthcheck\n"
                    "    Listen 127.0.0.1\n    Port " HEALTH "\n\n");

    for (i = 0; i < f->n; i++) {
        s = &f->sources[i];

        if (s->folder.data != NULL) {
            kecs_buf_printf(b, "[INPUT]\n    Name tail\n    Path "
                            KECS_FIRELENS_LOGS "/%.*s/*.log\n"
                            "    Tag %.*s-firelens-%.*s\n"
                            "    multiline.parser cri\n"
                            "    Read_from_Head On\n"
                            "    Refresh_Interval 1\n\n",
                            kecs_fmt(s->folder), kecs_fmt(s->name),
                            kecs_fmt(f->task_id));
        }
    }
}


/* Records of logs that are read look like those that Docker sends. */

static void
bit_shape(kecs_buf_t *b, const kecs_firelens_source_t *s)
{
    if (s->folder.data != NULL) {
        kecs_buf_printf(b, "[FILTER]\n    Name modify\n"
                        "    Match %.*s-firelens*\n    Rename stream source\n"
                        "    Remove _p\n    Remove time\n"
                        "    Add container_name %.*s\n\n",
                        kecs_fmt(s->name), kecs_fmt(s->name));
    }
}


static void
bit_pattern(kecs_buf_t *b, const kecs_firelens_source_t *s, const char *key,
    const char *how)
{
    kecs_str_t  pattern;

    pattern = option(&s->log->options, key);

    if (pattern.data != NULL) {
        kecs_buf_printf(b, "[FILTER]\n    Name grep\n"
                        "    Match %.*s-firelens*\n    %s log %.*s\n\n",
                        kecs_fmt(s->name), how, kecs_fmt(pattern));
    }
}


static void
bit_filters(kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t  i;

    for (i = 0; i < f->n; i++) {
        bit_shape(b, &f->sources[i]);
        bit_pattern(b, &f->sources[i], "include-pattern", "Regex");
        bit_pattern(b, &f->sources[i], "exclude-pattern", "Exclude");
    }

    if (has_metadata(f)) {
        kecs_buf_printf(b, "[FILTER]\n    Name record_modifier\n    Match *\n"
                        "    Record ecs_cluster %.*s\n"
                        "    Record ecs_task_arn %.*s\n"
                        "    Record ecs_task_definition %.*s\n\n",
                        kecs_fmt(f->cluster), kecs_fmt(f->task_arn),
                        kecs_fmt(f->task_definition));
    }

    if (included(f).len > 0) {
        kecs_buf_printf(b, "@INCLUDE %.*s\n\n", kecs_fmt(included(f)));
    }
}


static bool
bit_config(kecs_arena_t *a, kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t      i;
    kecs_str_t  name;

    bit_inputs(b, f);
    bit_filters(b, f);
    kecs_buf_printf(b, "[OUTPUT]\n    Name null\n"
                    "    Match firelens-healthcheck\n");

    for (i = 0; i < f->n; i++) {
        name = option(&f->sources[i].log->options, "Name");

        if (name.len == 0) {
            continue;
        }

        kecs_buf_printf(b, "\n[OUTPUT]\n    Name %.*s\n"
                        "    Match %.*s-firelens*\n", kecs_fmt(name),
                        kecs_fmt(f->sources[i].name));

        if (!output_options(a, b, &f->sources[i], "Name")) {
            return false;
        }
    }

    return true;
}


/* Fluentd. */

static void
d_sources(kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t                         i;
    const kecs_firelens_source_t  *s;

    kecs_buf_printf(b, "<source>\n    @type unix\n    path " SOCKET "\n"
                    "</source>\n\n");

    if (f->listen != NULL) {
        kecs_buf_printf(b, "<source>\n    @type forward\n    bind %s\n"
                        "    port " PORT "\n</source>\n\n", f->listen);
    }

    for (i = 0; i < f->n; i++) {
        s = &f->sources[i];

        if (s->folder.data != NULL) {
            kecs_buf_printf(b, "<source>\n    @type tail\n    path "
                            KECS_FIRELENS_LOGS "/%.*s/*.log\n"
                            "    tag %.*s-firelens-%.*s\n"
                            "    read_from_head true\n"
                            "    refresh_interval 1\n"
                            "    <parse>\n        @type regexp\n"
                            "        expression /^(?<time>[^ ]+)"
                            " (?<source>[^ ]+) [FP] (?<log>.*)$/\n"
                            "        time_format %%Y-%%m-%%dT%%H:%%M:%%S.%%N"
                            "%%:z\n    </parse>\n</source>\n\n",
                            kecs_fmt(s->folder), kecs_fmt(s->name),
                            kecs_fmt(f->task_id));
        }
    }
}


static void
d_pattern(kecs_buf_t *b, const kecs_firelens_source_t *s, const char *key,
    const char *how)
{
    kecs_str_t  pattern;

    pattern = option(&s->log->options, key);

    if (pattern.data != NULL) {
        kecs_buf_printf(b, "<filter %.*s-firelens**>\n    @type grep\n"
                        "    <%s>\n        key log\n        pattern %.*s\n"
                        "    </%s>\n</filter>\n\n", kecs_fmt(s->name), how,
                        kecs_fmt(pattern), how);
    }
}


static void
d_filters(kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t  i;

    for (i = 0; i < f->n; i++) {
        d_pattern(b, &f->sources[i], "include-pattern", "regexp");
        d_pattern(b, &f->sources[i], "exclude-pattern", "exclude");
    }

    if (has_metadata(f)) {
        kecs_buf_printf(b, "<filter **>\n    @type record_transformer\n"
                        "    <record>\n        ecs_cluster %.*s\n"
                        "        ecs_task_arn %.*s\n"
                        "        ecs_task_definition %.*s\n"
                        "    </record>\n</filter>\n", kecs_fmt(f->cluster),
                        kecs_fmt(f->task_arn),
                        kecs_fmt(f->task_definition));
    }

    if (included(f).len > 0) {
        kecs_buf_printf(b, "\n@include %.*s\n", kecs_fmt(included(f)));
    }
}


static bool
d_config(kecs_arena_t *a, kecs_buf_t *b, const kecs_firelens_t *f)
{
    size_t      i;
    kecs_str_t  name;

    d_sources(b, f);
    d_filters(b, f);

    for (i = 0; i < f->n; i++) {
        name = option(&f->sources[i].log->options, "@type");

        if (name.len == 0) {
            continue;
        }

        kecs_buf_printf(b, "\n<match %.*s-firelens**>\n    @type %.*s\n",
                        kecs_fmt(f->sources[i].name), kecs_fmt(name));

        if (!output_options(a, b, &f->sources[i], "@type")) {
            return false;
        }

        kecs_buf_printf(b, "</match>\n");
    }

    return true;
}


kecs_str_t
kecs_firelens_config(kecs_arena_t *a, const kecs_firelens_t *f)
{
    bool        ok;
    kecs_buf_t  b;

    kecs_buf_init(&b, a, 0);
    ok = kecs_firelens_is_fluentd(f->router) ? d_config(a, &b, f)
                                             : bit_config(a, &b, f);

    return !ok || b.failed ? kecs_null_str : kecs_buf_view(&b);
}
