/*
 * The cases of t/data/pods, which are tasks and the pods that they become.
 *
 * A case is {name, definition, pod | refused} and optionally overrides,
 * task, service, cluster, region, features, restarts, revision, run (of
 * which the volumes count), classes; `pod` is what the outcome must contain
 * (`exact`: what it must be), `absent` are paths that it must not have,
 * `without` a text that must not occur, `claim` what the claim of the pod
 * must contain, which there is none of otherwise; `files` are texts of
 * environment files, by container, `values` those of secrets that were
 * fetched with them (empty: was not), `logs` is where they are, `secret` what
 * the pod's Secret holds.
 */

#ifndef KECS_POD_CASE_H
#define KECS_POD_CASE_H


#include <stdio.h>

#include "../../src/convert/env_file.h"
#include "../../src/convert/pod.h"
#include "../../src/json/json.h"


#define FOLDER  "t/data/pods"

static const uint8_t  task_id[KECS_ID_LEN] = {
    0x4f, 0x2a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
};

typedef struct {
    kecs_pod_task_t                   p;
    kecs_task_t                       task;
    kecs_ecs_task_definition_t       *definition;
    kecs_ecs_task_override_t         *overrides;
    kecs_fetched_t                    fetched;
} given_t;


static kecs_str_t
slurp(kecs_arena_t *a, const char *path)
{
    FILE        *f;
    char        *data;
    size_t       n;

    f = fopen(path, "r");
    data = kecs_alloc(a, 1 << 20);

    if (f == NULL || data == NULL) {
        return kecs_null_str;
    }

    n = fread(data, 1, 1 << 20, f);
    fclose(f);

    return kecs_str_n(data, n);
}


static kecs_str_t
or_else(const kecs_json_t *c, const char *name, const char *otherwise)
{
    kecs_str_t  s;

    s = kecs_json_str(kecs_json_get(c, name));

    return s.data ? s : kecs_str_of(otherwise);
}


/* What the texts of `files` say, as if they had been fetched. */

static bool
give_files(kecs_arena_t *a, const kecs_json_t *c, given_t *g)
{
    size_t              i, n;
    kecs_str_t         *values;
    const char         *why;
    kecs_variables_t   *v;
    const kecs_json_t  *f, *files;

    files = kecs_json_get(c, "files")->first;
    n = g->definition->container_definitions.n;
    v = kecs_calloc(a, n, sizeof(*v));

    for (i = 0; i < n && files != NULL; i++, files = files->next) {
        v[i].items = kecs_calloc(a, KECS_ENV_FILE_VARIABLES,
                                 sizeof(*v->items));

        for (f = files->first; f != NULL; f = f->next) {
            if (kecs_env_file_take(f->str, &v[i], &why) != KECS_OK) {
                return false;
            }
        }
    }

    values = kecs_calloc(a, 8, sizeof(kecs_str_t));
    f = kecs_json_get(c, "values");
    f = f != NULL ? f->first : NULL;

    for (i = 0; f != NULL; f = f->next, i++) {
        values[i] = f->str.len > 0 ? f->str : kecs_null_str;
    }

    g->fetched.secrets = values;
    g->fetched.logins = kecs_calloc(a, n, sizeof(kecs_login_t));
    g->fetched.variables = v;
    g->p.s.fetched = &g->fetched;

    return true;
}


static bool
give(kecs_arena_t *a, const kecs_json_t *c, given_t *g)
{
    void                *v;
    int64_t              n;
    kecs_shape_error_t   err;
    const kecs_json_t   *t;

    memset(g, 0, sizeof(given_t));
    t = kecs_json_get(c, "task");

    if (kecs_shape_decode(a, &kecs_ecs_task_definition_shape,
                          kecs_json_get(c, "definition"), false, &v, &err)
        != KECS_OK)
    {
        return false;
    }

    g->definition = v;

    if (kecs_json_get(c, "overrides") != NULL) {
        if (kecs_shape_decode(a, &kecs_ecs_task_override_shape,
                              kecs_json_get(c, "overrides"), false, &v, &err)
            != KECS_OK)
        {
            return false;
        }

        g->overrides = v;
    }

    if (kecs_json_get(c, "revision") != NULL) {
        if (kecs_shape_decode(a, &kecs_ecs_service_revision_shape,
                              kecs_json_get(c, "revision"), false, &v, &err)
            != KECS_OK)
        {
            return false;
        }

        g->p.s.images = &((kecs_ecs_service_revision_t *) v)
                        ->container_images;
    }

    if (kecs_json_get(c, "run") != NULL) {
        if (kecs_shape_decode(a, &kecs_ecs_run_task_request_shape,
                              kecs_json_get(c, "run"), false, &v, &err)
            != KECS_OK)
        {
            return false;
        }

        g->p.s.volumes = &((kecs_ecs_run_task_request_t *) v)
                         ->volume_configurations;
    }

    if (kecs_json_get(c, "files") != NULL
        && !give_files(a, c, g))
    {
        return false;
    }

    g->p.classes = kecs_json_str(kecs_json_get(c, "classes"));

    memcpy(g->task.id, task_id, KECS_ID_LEN);
    g->task.provider = kecs_json_str(kecs_json_get(t, "provider"));
    g->task.node = kecs_json_str(kecs_json_get(t, "node"));

    if (g->task.node.len != 0) {
        memset(g->task.instance, 1, KECS_ID_LEN);
    }

    g->task.launch = (uint8_t) kecs_launch_of(or_else(t, "launch", "EC2"));
    g->task.family = g->definition->family.data ? g->definition->family
                                                : kecs_str("t");
    g->task.revision = g->definition->revision.set
                       ? (uint32_t) g->definition->revision.value : 1;
    g->task.group = kecs_json_str(kecs_json_get(t, "group"));
    g->task.groups = kecs_json_str(kecs_json_get(t, "groups"));
    g->task.zone = kecs_json_str(kecs_json_get(t, "zone"));
    g->task.started_by = kecs_json_str(kecs_json_get(t, "startedBy"));

    if (kecs_json_i64(kecs_json_get(t, "deployment"), &n)) {
        g->task.deployment = (uint64_t) n;
    }

    g->p.s.task = &g->task;
    g->p.s.account = kecs_str("123456789012");
    g->p.s.region = or_else(c, "region", "eu-west-1");
    g->p.s.cluster = or_else(c, "cluster", "default");
    g->p.s.service = kecs_json_str(kecs_json_get(c, "service"));
    g->p.s.definition = g->definition;
    g->p.s.overrides = g->overrides;
    g->p.uuid = kecs_str("0b5e9c1e-7a35-4c0e-9d43-2f1d3e4a5b6c");
    g->p.features = 0;

    if (kecs_json_true(kecs_json_get(c, "features"))) {
        g->p.features |= KECS_POD_RESOURCES;
    }

    g->p.logs = kecs_json_str(kecs_json_get(c, "logs"));

    if (kecs_json_true(kecs_json_get(c, "restarts"))) {
        g->p.features |= KECS_POD_RESTARTS;
    }

    return true;
}


#endif
