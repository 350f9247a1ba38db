/*
 * Structure -> JSON: what is written, and that decoding and encoding undo
 * each other, for real bodies and for a sample of every shape of the model.
 */

#include <math.h>

#include "../../src/ecs/shapes.gen.h"
#include "shape_bodies.h"
#include "shape_samples.h"
#include "tap.h"


static kecs_arena_t  *arena;


/* JSON -> structure -> JSON; absent: refused. */

static kecs_str_t
around(const kecs_shape_t *shape, kecs_str_t json)
{
    void                *value;
    kecs_json_t         *v;
    kecs_shape_error_t   err;

    if (kecs_json_parse(arena, json, &v) != KECS_OK
        || kecs_shape_decode(arena, shape, v, true, &value, &err) != KECS_OK)
    {
        return kecs_null_str;
    }

    return kecs_shape_json(arena, shape, value);
}


static void
scalars(void)
{
    kecs_ecs_task_t  task = { .cpu = kecs_string("256") };

    task.version = (kecs_opt_int_t) { 3, true };
    task.enable_execute_command = (kecs_opt_bool_t) { false, true };
    task.created_at = (kecs_opt_double_t) { 1789551556.693, true };
    task.started_at = (kecs_opt_double_t) { 1789551500, true };
    task.stopped_at = (kecs_opt_double_t) { 0, true };
    task.pull_started_at = (kecs_opt_double_t) { 1789551556.5, true };
    task.pull_stopped_at = (kecs_opt_double_t) { -0.25, true };

    tap_is_str(kecs_shape_json(arena, &kecs_ecs_task_shape, &task),
               "{\"cpu\":\"256\",\"createdAt\":1789551556.693,"
               "\"enableExecuteCommand\":false,"
               "\"pullStartedAt\":1789551556.5,\"pullStoppedAt\":-0.25,"
               "\"startedAt\":1789551500,\"stoppedAt\":0,\"version\":3}",
               "scalars, sorted by name");
}


static void
doubles(void)
{
    unsigned          i;
    kecs_ecs_scale_t  scale = { .value = { 0, true } };
    static const struct {
        double       value;
        const char  *json;
    } cases[] = {
        { 50, "{\"value\":50}" }, { 0.5, "{\"value\":0.5}" },
        { 33.3, "{\"value\":33.3}" }, { 0, "{\"value\":0}" },
        { 1500000, "{\"value\":1500000}" }, { -2.25, "{\"value\":-2.25}" },
        { 0.1 + 0.2, "{\"value\":0.30000000000000004}" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        scale.value.value = cases[i].value;
        tap_is_str(kecs_shape_json(arena, &kecs_ecs_scale_shape, &scale),
                   cases[i].json, "%.17g", cases[i].value);
    }
}


static void
collections(void)
{
    kecs_str_t                    ids[] = { kecs_string("a"),
                                            kecs_null_str,
                                            kecs_string("b") };
    kecs_map_entry_t              opts[] = {
        { kecs_string("x\"y"), kecs_string("1") },
        { kecs_string("z"), kecs_null_str },
    };
    kecs_ecs_cluster_t            cluster = { .settings = { .set = true } };
    kecs_ecs_log_configuration_t  log = { .options = { 2, opts, true } };

    tap_is_str(kecs_shape_json(arena, &kecs_ecs_cluster_shape, &cluster),
               "{\"settings\":[]}", "a list given empty");

    cluster.capacity_providers.items = ids;
    cluster.capacity_providers.n = 3;
    cluster.capacity_providers.set = true;
    tap_is_str(kecs_shape_json(arena, &kecs_ecs_cluster_shape, &cluster),
               "{\"capacityProviders\":[\"a\",\"b\"],\"settings\":[]}",
               "absent elements are left out");
    tap_is_str(kecs_shape_json(arena, &kecs_ecs_log_configuration_shape,
                               &log),
               "{\"options\":{\"x\\\"y\":\"1\"}}", "a map");
}


static void
parts(void)
{
    kecs_buf_t            buf;
    kecs_writer_t         w;
    kecs_str_t            absent = kecs_null_str;
    kecs_ecs_tag_t        tag = { kecs_string("k"), kecs_string("v") };
    kecs_ecs_tag_t       *tags = &tag;
    kecs_ecs_cluster_t    cluster = { .tags = { 1, tags, true } };
    const kecs_member_t  *member;

    kecs_buf_init(&buf, arena, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_i64(&w, "first", 1);
    kecs_shape_members(&w, &kecs_ecs_tag_shape, &tag);
    kecs_shape_encode(&w, "tag", &kecs_ecs_tag_shape, &tag);

    member = kecs_shape_member(&kecs_ecs_cluster_shape, kecs_str("tags"));
    kecs_shape_value(&w, "tags", member->shape,
                     kecs_member_value(member, &cluster));

    member = kecs_shape_member(&kecs_ecs_tag_shape, kecs_str("key"));
    kecs_shape_value(&w, "absent", member->shape, &absent);
    kecs_w_object_end(&w);

    tap_is_str(kecs_buf_view(&buf),
               "{\"first\":1,\"key\":\"k\",\"value\":\"v\","
               "\"tag\":{\"key\":\"k\",\"value\":\"v\"},"
               "\"tags\":[{\"key\":\"k\",\"value\":\"v\"}]}",
               "parts of an answer");
}


static void
not_finite(void)
{
    kecs_ecs_task_t   task = { .created_at = { 1e300, true } };
    kecs_ecs_scale_t  scale = { .value = { INFINITY, true } };

    tap_ok(kecs_shape_json(arena, &kecs_ecs_task_shape, &task).data == NULL,
           "a time beyond all sense is an error");
    tap_ok(kecs_shape_json(arena, &kecs_ecs_scale_shape, &scale).data
           == NULL, "so is infinity");
}


static void
bodies(void)
{
    unsigned    i;
    kecs_str_t  once, twice;
    static const struct {
        const kecs_shape_t  *shape;
        const char          *json;
    } cases[] = {
        { &kecs_ecs_register_task_definition_request_shape, register_body },
        { &kecs_ecs_create_service_request_shape, service_body },
        { &kecs_ecs_run_task_request_shape, run_body },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        once = around(cases[i].shape, kecs_str_of(cases[i].json));
        tap_ok(once.data != NULL, "%s is written",
               cases[i].shape->name);
        once = kecs_strdup(arena, once);
        twice = around(cases[i].shape, once);
        tap_is_str(twice, once.data, "and read again the same");
    }
}


static void
operation(const kecs_model_op_t *op)
{
    unsigned             i, pick, same;
    kecs_str_t           json;
    const kecs_shape_t  *sides[2] = { op->input, op->output };

    for (i = 0, same = 0; i < 2; i++) {
        for (pick = 0; pick < 3; pick++) {
            json = sample_json(arena, sides[i], pick);
            same += kecs_str_eq(around(sides[i], json), json);
        }
    }

    tap_is_int(same, 6, "%s: samples come back as they were", op->name);
}


int
main(void)
{
    unsigned  i;

    arena = kecs_arena_create(0);

    scalars();
    doubles();
    collections();
    parts();
    not_finite();
    bodies();

    for (i = 0; i < KECS_ECS_MODEL_OPS; i++) {
        operation(&kecs_ecs_model_ops[i]);
        kecs_arena_reset(arena);
    }

    kecs_arena_destroy(arena);

    return tap_done();
}
