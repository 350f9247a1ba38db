/*
 * JSON -> structure: real bodies, every wrong type, absent beside empty.
 */

#include "../../src/ecs/shapes.gen.h"
#include "shape_bodies.h"
#include "tap.h"

#define DECODE(type, json)  \
    ((kecs_ecs_##type##_t *) decode(&kecs_ecs_##type##_shape, json))


static kecs_arena_t        *arena;
static kecs_shape_error_t   error;
static kecs_rc_t            result;


static void *
decode(const kecs_shape_t *shape, const char *json)
{
    void         *out;
    kecs_json_t  *v;

    out = NULL;
    error = (kecs_shape_error_t) { "", kecs_string("") };
    result = kecs_json_parse(arena, kecs_str_of(json), &v);

    if (result == KECS_OK) {
        result = kecs_shape_decode(arena, shape, v, false, &out, &error);
    }

    return result == KECS_OK ? out : NULL;
}


static void
refused(const kecs_shape_t *shape, const char *json, const char *message)
{
    bool  failed;

    failed = decode(shape, json) == NULL && result == KECS_INVALID
             && strcmp(error.type, "SerializationException") == 0;

    tap_is_str(failed ? error.message : kecs_null_str, message, "%s", json);
}


static void
register_task_definition(void)
{
    kecs_ecs_container_definition_t             *c;
    kecs_ecs_register_task_definition_request_t *in;

    in = DECODE(register_task_definition_request, register_body);
    tap_ok(in != NULL, "RegisterTaskDefinition decodes");
    if (in == NULL) {
        return;
    }

    tap_ok(kecs_str_is(in->family, "web"), "family");
    tap_ok(in->container_definitions.n == 2, "two containers");

    c = in->container_definitions.items;
    tap_ok(kecs_str_is(c[0].name, "app") && kecs_str_is(c[1].name, "log"),
           "container names");
    tap_ok(c[0].cpu.set && c[0].cpu.value == 128, "cpu");
    tap_ok(!c[1].cpu.set, "cpu of the other is absent");
    tap_ok(c[0].essential.set && c[0].essential.value, "essential");
    tap_ok(c[1].essential.set && !c[1].essential.value, "not essential");
    tap_ok(c[0].links.set && c[0].links.n == 0, "links given empty");
    tap_ok(!c[1].links.set, "links absent");
    tap_ok(c[0].command.n == 3
           && kecs_str_is(c[0].command.items[2], "daemon off;"), "command");
    tap_ok(kecs_str_is(c[0].environment.items[1].value,
                       "h\xc3\xa9llo \"w\xc3\xb6rld\"\n"), "escapes");
    tap_ok(c[0].environment.items[2].value.data != NULL
           && c[0].environment.items[2].value.len == 0, "empty string");
    tap_ok(c[0].linux_parameters->tmpfs.items[0].size.value == 16, "deep");
    tap_ok(c[0].log_configuration->options.n == 3
           && kecs_str_is(c[0].log_configuration->options.items[0].key,
                          "awslogs-group")
           && kecs_str_is(c[0].log_configuration->options.items[0].value,
                          "/ecs/web"), "map");
    tap_ok(c[0].restart_policy->ignored_exit_codes.n == 2
           && c[0].restart_policy->ignored_exit_codes.items[1].value == 143,
           "list of integers");
    tap_ok(in->volumes.items[1].host != NULL
           && in->volumes.items[1].host->source_path.data == NULL,
           "empty structure is there");
    tap_ok(in->volumes.items[0].host == NULL, "absent structure");
    tap_ok(in->volumes.items[2].docker_volume_configuration->driver_opts.set,
           "empty map is there");
}


static void
create_service(void)
{
    kecs_ecs_create_service_request_t   *in;
    kecs_ecs_deployment_configuration_t *d;

    in = DECODE(create_service_request, service_body);
    tap_ok(in != NULL, "CreateService decodes");
    if (in == NULL) {
        return;
    }

    d = in->deployment_configuration;
    tap_ok(in->desired_count.value == 3, "desiredCount");
    tap_ok(d->canary_configuration->canary_percent.value == 12.5, "double");
    tap_ok(kecs_str_is(d->lifecycle_hooks.items[0].hook_details,
               "{\"deep\":[1,2.50,null,{\"a\":\"b\"}],\"on\":true}"),
           "document keeps its text");
    tap_ok(in->network_configuration->awsvpc_configuration->subnets.n == 2,
           "subnets");
    tap_ok(in->placement_strategy.set && in->placement_strategy.n == 0,
           "placementStrategy given empty");
}


static void
run_task(void)
{
    kecs_ecs_run_task_request_t *in;

    in = DECODE(run_task_request, run_body);
    tap_ok(in != NULL && in->count.value == 2
           && in->overrides->container_overrides.items[0].memory.value == 20
           && in->capacity_provider_strategy.items[0].base.set
           && in->capacity_provider_strategy.items[0].base.value == 0,
           "RunTask decodes");
}


static void
absent_and_null(void)
{
    void                               *out;
    kecs_ecs_update_service_request_t  *in;

    in = DECODE(update_service_request, "{}");
    tap_ok(in != NULL && !in->load_balancers.set && !in->desired_count.set
           && in->service.data == NULL
           && in->network_configuration == NULL, "{} leaves all absent");

    in = DECODE(update_service_request,
                "{\"loadBalancers\":null,\"desiredCount\":null,\"service\":"
                "null,\"networkConfiguration\":null,"
                "\"forceNewDeployment\":null}");
    tap_ok(in != NULL && !in->load_balancers.set && !in->desired_count.set
           && in->service.data == NULL && !in->force_new_deployment.set
           && in->network_configuration == NULL, "null is absent");

    in = DECODE(update_service_request,
                "{\"loadBalancers\":[],\"desiredCount\":0,\"service\":\"\","
                "\"networkConfiguration\":{},\"forceNewDeployment\":false}");
    tap_ok(in != NULL && in->load_balancers.set && in->desired_count.set
           && in->service.data != NULL && in->force_new_deployment.set
           && in->network_configuration != NULL, "empty is there");

    in = DECODE(update_service_request,
                "{\"Service\":\"x\",\"colour\":[{\"a\":1}],\"\":0,"
                "\"serviceX\":1,\"servic\":1,\"service\":\"s\"}");
    tap_ok(in != NULL && kecs_str_is(in->service, "s"),
           "unknown members are ignored");

    result = kecs_shape_decode(arena, &kecs_ecs_run_task_request_shape, NULL,
                               false, &out, &error);
    tap_ok(result == KECS_OK, "an empty body is {}");
}


static void
null_elements(void)
{
    kecs_ecs_describe_clusters_request_t  *in;
    kecs_ecs_log_configuration_t          *log;

    in = DECODE(describe_clusters_request,
                "{\"clusters\":[null,\"a\",null,\"b\"]}");
    tap_ok(in != NULL && in->clusters.n == 2
           && kecs_str_is(in->clusters.items[1], "b"),
           "null elements are dropped");

    log = DECODE(log_configuration, "{\"options\":{\"a\":null,\"b\":\"c\"}}");
    tap_ok(log != NULL && log->options.n == 1
           && kecs_str_is(log->options.items[0].key, "b"),
           "null values of a map are dropped");
}


/* Beyond what the parser looks for duplicates in. */

static void
many_duplicates(void)
{
    int                            i;
    kecs_buf_t                     buf;
    kecs_ecs_log_configuration_t  *log;

    kecs_buf_init(&buf, arena, 0);
    kecs_buf_chr(&buf, '{');

    for (i = 0; i < 300; i++) {
        kecs_buf_printf(&buf, "\"x%d\":1,", i);
    }

    kecs_buf_str(&buf, kecs_str("\"options\":{\"a\":\"1\",\"b\":\"2\"},"
                                "\"options\":{\"c\":\"3\",\"d\":\"4\"},"
                                "\"logDriver\":\"x\",\"logDriver\":null}"));
    kecs_buf_chr(&buf, '\0');

    log = DECODE(log_configuration, buf.data);
    tap_ok(log != NULL && log->options.n == 2
           && kecs_str_is(log->options.items[0].key, "c")
           && log->log_driver.data == NULL,
           "the last of many members counts");
}


static void
numbers(void)
{
    kecs_ecs_run_task_request_t *in;

    in = DECODE(run_task_request, "{\"count\":1.0}");
    tap_ok(in != NULL && in->count.value == 1, "1.0 is an integer");
    in = DECODE(run_task_request, "{\"count\":1e3}");
    tap_ok(in != NULL && in->count.value == 1000, "1e3 is an integer");
    in = DECODE(run_task_request, "{\"count\":-2147483648}");
    tap_ok(in != NULL && in->count.value == INT32_MIN, "smallest integer");
    in = DECODE(run_task_request, "{\"count\":2147483647}");
    tap_ok(in != NULL && in->count.value == INT32_MAX, "largest integer");

    refused(&kecs_ecs_run_task_request_shape, "{\"count\":2147483648}",
            "NUMBER_VALUE cannot be converted to Integer");
    refused(&kecs_ecs_run_task_request_shape, "{\"count\":-2147483649}",
            "NUMBER_VALUE cannot be converted to Integer");
    refused(&kecs_ecs_run_task_request_shape, "{\"count\":1.5}",
            "DECIMAL_VALUE cannot be converted to Integer");
    refused(&kecs_ecs_run_task_request_shape,
            "{\"count\":99999999999999999999}",
            "NUMBER_VALUE cannot be converted to Integer");
    refused(&kecs_ecs_run_task_request_shape, "{\"count\":1e999}",
            "DECIMAL_VALUE cannot be converted to Integer");
}


static void
longs_and_times(void)
{
    kecs_ecs_task_t  *task;

    task = DECODE(task, "{\"version\":9223372036854775807,"
                        "\"createdAt\":1789551556.6934}");
    tap_ok(task != NULL && task->version.value == INT64_MAX, "largest long");
    tap_ok(task != NULL && task->created_at.value == 1789551556.693,
           "times are kept to the millisecond");

    task = DECODE(task, "{\"createdAt\":1.789551556693E9}");
    tap_ok(task != NULL && task->created_at.value == 1789551556.693,
           "a time as Java writes it");

    refused(&kecs_ecs_task_shape, "{\"version\":9223372036854775808}",
            "NUMBER_VALUE cannot be converted to Long");
    refused(&kecs_ecs_task_shape, "{\"version\":\"1\"}",
            "STRING_VALUE cannot be converted to Long");
    refused(&kecs_ecs_task_shape, "{\"createdAt\":\"2026-01-01T00:00:00Z\"}",
            "STRING_VALUE cannot be converted to milliseconds since epoch");
    refused(&kecs_ecs_task_shape, "{\"createdAt\":1e300}",
            "DECIMAL_VALUE cannot be converted to milliseconds since epoch");
    refused(&kecs_ecs_task_shape, "{\"createdAt\":[]}",
            "Unrecognized collection type class java.util.Date");
}


static void
wrong_scalars(void)
{
    const kecs_shape_t  *run = &kecs_ecs_run_task_request_shape;

    refused(run, "{\"cluster\":5}",
            "NUMBER_VALUE cannot be converted to String");
    refused(run, "{\"cluster\":5.5}",
            "DECIMAL_VALUE cannot be converted to String");
    refused(run, "{\"cluster\":true}",
            "TRUE_VALUE cannot be converted to String");
    refused(run, "{\"cluster\":false}",
            "FALSE_VALUE cannot be converted to String");
    refused(run, "{\"cluster\":[\"a\"]}",
            "Unrecognized collection type class java.lang.String");
    refused(run, "{\"cluster\":{}}",
            "Start of structure or map found where not expected");
    refused(run, "{\"count\":\"2\"}",
            "STRING_VALUE cannot be converted to Integer");
    refused(run, "{\"count\":true}",
            "TRUE_VALUE cannot be converted to Integer");
    refused(run, "{\"count\":[]}",
            "Unrecognized collection type class java.lang.Integer");
    refused(run, "{\"count\":{}}",
            "Start of structure or map found where not expected");
    refused(run, "{\"enableExecuteCommand\":\"true\"}",
            "Unexpected token received from parser");
    refused(run, "{\"enableExecuteCommand\":1}",
            "NUMBER_VALUE cannot be converted to Boolean");
    refused(run, "{\"enableExecuteCommand\":[]}",
            "Unrecognized collection type class java.lang.Boolean");
    refused(&kecs_ecs_scale_shape, "{\"value\":\"50\"}",
            "STRING_VALUE cannot be converted to Double");
    refused(&kecs_ecs_scale_shape, "{\"value\":1e999}",
            "DECIMAL_VALUE cannot be converted to Double");
}


static void
wrong_collections(void)
{
    const kecs_shape_t  *run = &kecs_ecs_run_task_request_shape;

    refused(run, "{\"tags\":\"a\"}", "Unexpected field type");
    refused(run, "{\"tags\":{}}",
            "Start of structure or map found where not expected");
    refused(run, "{\"tags\":[\"a\"]}", "Unexpected field type");
    refused(run, "{\"tags\":[[]]}",
            "Start of list found where not expected");
    refused(run, "{\"overrides\":[]}",
            "Start of list found where not expected");
    refused(run, "{\"overrides\":1}", "Unexpected field type");
    refused(run, "[]", "Start of list found where not expected");
    refused(run, "\"x\"", "Unexpected field type");
    refused(run, "null", "Unexpected field type");
    refused(&kecs_ecs_log_configuration_shape, "{\"options\":[]}",
            "Start of list found where not expected");
    refused(&kecs_ecs_log_configuration_shape, "{\"options\":\"a\"}",
            "Unexpected field type");
    refused(&kecs_ecs_log_configuration_shape, "{\"options\":{\"a\":1}}",
            "NUMBER_VALUE cannot be converted to String");
    refused(&kecs_ecs_deployment_lifecycle_hook_shape,
            "{\"hookDetails\":\"a\"}", "Unexpected field type");
    refused(&kecs_ecs_register_task_definition_request_shape,
            "{\"containerDefinitions\":[{\"name\":\"a\",\"portMappings\":"
            "[{\"containerPort\":\"80\"}]}]}",
            "STRING_VALUE cannot be converted to Integer");
}


static void
looking_up(void)
{
    unsigned             i, found;
    const kecs_shape_t  *shape = &kecs_ecs_container_definition_shape;

    for (i = 0, found = 0; i < shape->n; i++) {
        found += kecs_shape_member(shape,
                                   kecs_str_of(shape->members[i].name))
                 == &shape->members[i];
    }

    tap_ok(found == shape->n && found > 30, "every member is found");
    tap_ok(kecs_shape_member(shape, kecs_str("zzz")) == NULL
           && kecs_shape_member(shape, kecs_str("")) == NULL
           && kecs_shape_member(shape, kecs_str("comman")) == NULL
           && kecs_shape_member(shape, kecs_str("commands")) == NULL,
           "no other is");
    tap_ok(kecs_shape_has_value(&kecs_ecs_launch_type_shape,
                                kecs_str("FARGATE"))
           && !kecs_shape_has_value(&kecs_ecs_launch_type_shape,
                                    kecs_str("fargate"))
           && !kecs_shape_has_value(&kecs_ecs_launch_type_shape,
                                    kecs_null_str)
           && !kecs_shape_has_value(shape, kecs_str("x")),
           "enumerations");
}


static void
loading(void)
{
    void  *out;

    tap_ok(kecs_shape_load(arena, &kecs_ecs_tag_shape,
                           kecs_str("{\"key\":\"a\"}"), &out) == KECS_OK
           && kecs_str_is(((kecs_ecs_tag_t *) out)->key, "a"),
           "a fragment loads");
    tap_ok(kecs_shape_load(arena, &kecs_ecs_tag_shape, kecs_str("{\"key\""),
                           &out) == KECS_INVALID, "a torn one does not");
    tap_ok(kecs_shape_load(arena, &kecs_ecs_tag_shape,
                           kecs_str("{\"key\":1}"), &out) == KECS_INVALID,
           "nor one of a wrong type");
}


int
main(void)
{
    arena = kecs_arena_create(0);

    register_task_definition();
    create_service();
    run_task();
    absent_and_null();
    null_elements();
    many_duplicates();
    numbers();
    longs_and_times();
    wrong_scalars();
    wrong_collections();
    looking_up();
    loading();

    kecs_arena_destroy(arena);

    return tap_done();
}
