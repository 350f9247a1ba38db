/*
 * The model's constraints: every form of a violation, paths, gathering.
 */

#define PCRE2_CODE_UNIT_WIDTH  8

#include <pcre2.h>

#include "../../src/ecs/shapes.gen.h"
#include "shape_bodies.h"
#include "tap.h"


#define NULL_AT  "Value null at '"
#define FAILED   "' failed to satisfy constraint: "
#define NOT_NULL "Member must not be null"
#define ONE      "1 validation error detected: "
#define TWO      "2 validation errors detected: "
#define TAG_REGEX  "([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)"


static kecs_arena_t  *arena;


/* What a strict decode says; "" when it is content. */

static kecs_str_t
verdict(const kecs_shape_t *shape, const char *json)
{
    void                *out;
    kecs_rc_t            rc;
    kecs_json_t         *v;
    kecs_shape_error_t   err = { "", kecs_string("") };

    if (kecs_json_parse(arena, kecs_str_of(json), &v) != KECS_OK) {
        return kecs_str("malformed");
    }

    rc = kecs_shape_decode(arena, shape, v, true, &out, &err);

    if (rc == KECS_OK) {
        return kecs_str("");
    }

    if (rc != KECS_INVALID
        || strcmp(err.type, "InvalidParameterException") != 0)
    {
        return kecs_sprintf(arena, "rc %d, %s", (int) rc, err.type);
    }

    return err.message;
}


static void
is(const kecs_shape_t *shape, const char *json, const char *want)
{
    tap_is_str(verdict(shape, json), want, "%.60s", json);
}


static void
content(void)
{
    is(&kecs_ecs_register_task_definition_request_shape, register_body, "");
    is(&kecs_ecs_create_service_request_shape, service_body, "");
    is(&kecs_ecs_run_task_request_shape, run_body, "");
    is(&kecs_ecs_list_clusters_request_shape, "{}", "");
}


static void
required(void)
{
    is(&kecs_ecs_stop_task_request_shape, "{}",
       ONE NULL_AT "task" FAILED NOT_NULL);
    is(&kecs_ecs_stop_task_request_shape, "{\"task\":null}",
       ONE NULL_AT "task" FAILED NOT_NULL);
    is(&kecs_ecs_stop_task_request_shape, "{\"task\":\"\"}", "");
    is(&kecs_ecs_register_task_definition_request_shape, "{}",
       TWO NULL_AT "containerDefinitions" FAILED NOT_NULL "; "
       NULL_AT "family" FAILED NOT_NULL);
    is(&kecs_ecs_register_task_definition_request_shape,
       "{\"family\":\"f\",\"containerDefinitions\":[]}", "");
}


static void
paths(void)
{
    is(&kecs_ecs_register_task_definition_request_shape,
       "{\"family\":\"f\",\"containerDefinitions\":[{},{\"dependsOn\":[{"
       "\"containerName\":\"a\",\"condition\":\"START\"},{\"condition\":"
       "\"START\"}]}]}",
       ONE NULL_AT "containerDefinitions.2.member.dependsOn.2.member."
       "containerName" FAILED NOT_NULL);
    is(&kecs_ecs_run_task_request_shape,
       "{\"taskDefinition\":\"a\",\"networkConfiguration\":{"
       "\"awsvpcConfiguration\":{}}}",
       ONE NULL_AT "networkConfiguration.awsvpcConfiguration.subnets"
       FAILED NOT_NULL);
}


static void
ranges(void)
{
    const kecs_shape_t  *item;

    item = &kecs_ecs_capacity_provider_strategy_item_shape;

    is(item, "{\"capacityProvider\":\"a\",\"base\":-1,\"weight\":1001}",
       TWO "Value '-1' at 'base" FAILED
       "Member must have value greater than or equal to 0; "
       "Value '1001' at 'weight" FAILED
       "Member must have value less than or equal to 1000");
    is(item, "{\"capacityProvider\":\"a\",\"base\":100000,\"weight\":0}",
       "");
    is(item, "{\"capacityProvider\":\"a\",\"base\":100001}",
       ONE "Value '100001' at 'base" FAILED
       "Member must have value less than or equal to 100000");
    is(&kecs_ecs_daemon_deployment_configuration_shape,
       "{\"drainPercent\":100.5}",
       ONE "Value '100.5' at 'drainPercent" FAILED
       "Member must have value less than or equal to 100");
    is(&kecs_ecs_daemon_deployment_configuration_shape,
       "{\"drainPercent\":0}", "");
}


/* A tag whose key is `n` times `text`. */

static const char *
tag_of(const char *text, unsigned n)
{
    unsigned    i;
    kecs_buf_t  buf;

    kecs_buf_init(&buf, arena, 0);
    kecs_buf_str(&buf, kecs_str("{\"key\":\""));

    for (i = 0; i < n; i++) {
        kecs_buf_str(&buf, kecs_str_of(text));
    }

    kecs_buf_add(&buf, "\"}", 3);

    return buf.data;
}


static void
lengths(void)
{
    kecs_str_t           got;
    const kecs_shape_t  *tag = &kecs_ecs_tag_shape;

    is(tag, "{\"key\":\"\"}",
       ONE "Value '' at 'key" FAILED
       "Member must have length greater than or equal to 1");
    is(tag, tag_of("a", 128), "");
    is(tag, tag_of("\xc3\xa9", 128), "");

    got = verdict(tag, tag_of("a", 129));
    tap_ok(kecs_str_starts(got, kecs_str(ONE "Value 'aaa"))
           && strstr(got.data, "less than or equal to 128") != NULL,
           "129 characters are too many");

    got = verdict(tag, tag_of("\xe6\x97\xa5", 200));
    tap_ok(got.len < 600 && strstr(got.data, "...' at 'key'") != NULL
           && kecs_str_utf8(got), "a long value is cut between characters");
}


static void
matching(void)
{
    const kecs_shape_t  *tag = &kecs_ecs_tag_shape;

    is(tag, "{\"key\":\"a!b\"}",
       ONE "Value 'a!b' at 'key" FAILED
       "Member must satisfy regular expression pattern: " TAG_REGEX);
    is(tag, "{\"key\":\"a\\n\"}",
       ONE "Value 'a\n' at 'key" FAILED
       "Member must satisfy regular expression pattern: " TAG_REGEX);
    is(tag, "{\"key\":\"\\u00c9quipe_1 .:/=+-@\",\"value\":\"\\u65e5\"}",
       "");
    is(tag, "{\"key\":\"a\",\"value\":\"\"}", "");
    is(tag, "{\"key\":\"a\",\"value\":\"\\ud83d\\ude00\"}",
       ONE "Value '\xf0\x9f\x98\x80' at 'value" FAILED
       "Member must satisfy regular expression pattern: " TAG_REGEX);
}


static void
list_sizes(void)
{
    unsigned    i;
    kecs_buf_t  buf;

    kecs_buf_init(&buf, arena, 0);
    kecs_buf_str(&buf, kecs_str("{\"resourceArn\":\"a\",\"tags\":["));

    for (i = 0; i < 51; i++) {
        kecs_buf_printf(&buf, "%s{\"key\":\"k%u\"}", i > 0 ? "," : "", i);
    }

    kecs_buf_add(&buf, "]}", 3);

    is(&kecs_ecs_tag_resource_request_shape, buf.data,
       ONE "Value at 'tags" FAILED
       "Member must have length less than or equal to 50");
    is(&kecs_ecs_metric_configuration_shape,
       "{\"metricNames\":[],\"resolutionSeconds\":20}",
       ONE "Value '[]' at 'metricNames" FAILED
       "Member must have length greater than or equal to 1");
}


static void
elements(void)
{
    is(&kecs_ecs_untag_resource_request_shape,
       "{\"resourceArn\":\"a\",\"tagKeys\":[\"ok\",\"\",\"\"]}",
       ONE "Value '[ok, , ]' at 'tagKeys" FAILED
       "Member must satisfy constraint: [Member must have length less than "
       "or equal to 128, Member must have length greater than or equal to "
       "1, Member must satisfy regular expression pattern: " TAG_REGEX "]");
}


static void
long_lists(void)
{
    unsigned    i;
    kecs_str_t  got;
    kecs_buf_t  buf;

    kecs_buf_init(&buf, arena, 0);
    kecs_buf_str(&buf, kecs_str("{\"resourceArn\":\"a\",\"tagKeys\":["));

    for (i = 0; i < 5000; i++) {
        kecs_buf_str(&buf, kecs_str("\"key\","));
    }

    kecs_buf_add(&buf, "\"!\"]}", 6);

    got = verdict(&kecs_ecs_untag_resource_request_shape, buf.data);
    tap_ok(got.len < 700 && strstr(got.data, ", ...]' at 'tagKeys'") != NULL,
           "a long list is cut");
}


static void
unions(void)
{
    const kecs_shape_t  *hook = &kecs_ecs_sharing_strategy_shape;

    is(hook, "{\"nvidiaMps\":{\"memory\":1}}", "");
    is(hook, "{}",
       ONE "Value at '" FAILED "Member must have exactly one member set");
    is(&kecs_ecs_create_gateway_request_shape,
       "{\"name\":\"a\",\"infrastructureRoleArn\":\"b\",\"configuration\":"
       "{\"unknown\":{}}}",
       ONE "Value at 'configuration" FAILED
       "Member must have exactly one member set");
}


/* Secrets do not come back in messages. */

static void
sensitive(void)
{
    kecs_str_t           value = kecs_string("hunter2");
    kecs_shape_error_t   err;
    const kecs_shape_t   secret = {
        .name = "Secret", .type = KECS_T_STRING, .max = 3,
        .flags = KECS_SHAPE_MAX | KECS_SHAPE_SENSITIVE,
        .size = sizeof(kecs_str_t)
    };
    const kecs_member_t  member = { "password", 0, 0, &secret };
    const kecs_shape_t   shape = {
        .name = "Login", .type = KECS_T_STRUCTURE,
        .size = sizeof(kecs_str_t), .members = &member, .n = 1
    };

    tap_ok(kecs_shape_check(arena, &shape, &value, &err) == KECS_INVALID,
           "a long secret is refused");
    tap_is_str(err.message, ONE "Value at 'password" FAILED
               "Member must have length less than or equal to 3",
               "without being told");
}


static void
gathering(void)
{
    unsigned     i, n;
    kecs_str_t   got;
    kecs_buf_t   buf;
    const char  *p;

    kecs_buf_init(&buf, arena, 0);
    kecs_buf_str(&buf, kecs_str("{\"resourceArn\":\"a\",\"tags\":["));

    for (i = 0; i < 20; i++) {
        kecs_buf_printf(&buf, "%s{\"key\":\"\"}", i > 0 ? "," : "");
    }

    kecs_buf_add(&buf, "]}", 3);
    got = verdict(&kecs_ecs_tag_resource_request_shape, buf.data);

    for (n = 0, p = got.data; (p = strstr(p, FAILED)) != NULL; p++) {
        n++;
    }

    tap_ok(kecs_str_starts(got, kecs_str("10 validation errors detected: "))
           && n == 10, "ten violations are told, no more");
    tap_ok(strstr(got.data, "; Value '' at 'tags.10.member.key'") != NULL,
           "the last one is the tenth");
}


/* Decoding without `strict` leaves the checks to the handler. */

static void
later(void)
{
    void                *out;
    kecs_json_t         *v;
    kecs_shape_error_t   err;
    const kecs_shape_t  *shape = &kecs_ecs_stop_task_request_shape;

    tap_ok(kecs_json_parse(arena, kecs_str("{}"), &v) == KECS_OK
           && kecs_shape_decode(arena, shape, v, false, &out, &err)
              == KECS_OK, "not strict: decoded without its required member");
    tap_ok(kecs_shape_check(arena, shape, out, &err) == KECS_INVALID,
           "the check finds it");
}


/* Enumerations, which the handlers have told of what they know. */

static void
enums(void)
{
    size_t               i;
    void                *out;
    kecs_rc_t            rc;
    kecs_json_t         *v;
    kecs_shape_error_t   err;
    const kecs_shape_t  *shape = &kecs_ecs_create_gateway_request_shape;

    static const struct {
        const char  *json;
        const char  *want;
    } cases[] = {
        { "{}", "" },
        { "{\"propagateTags\":\"NONE\"}", "" },
        { "{\"propagateTags\":\"\"}", "" },
        { "{\"propagateTags\":\"x\"}",
          ONE "Value 'x' at 'propagateTags" FAILED
          "Member must satisfy enum value set: [NONE, GATEWAY]" },
        { "{\"configuration\":{\"hostSharedAlb\":{\"scheme\":\"x\","
          "\"protocol\":\"y\",\"port\":0}}}",
          TWO "Value 'y' at 'configuration.hostSharedAlb.protocol" FAILED
          "Member must satisfy enum value set: [HTTP, HTTPS]; "
          "Value 'x' at 'configuration.hostSharedAlb.scheme" FAILED
          "Member must satisfy enum value set: [internet-facing, internal]" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        err.message = kecs_str("");
        rc = kecs_json_parse(arena, kecs_str_of(cases[i].json), &v);

        if (rc == KECS_OK) {
            rc = kecs_shape_decode(arena, shape, v, false, &out, &err);
        }

        if (rc == KECS_OK) {
            rc = kecs_shape_check_enums(arena, shape, out, &err);
        }

        tap_ok(rc == (cases[i].want[0] ? KECS_INVALID : KECS_OK),
               "enumerations of %s", cases[i].json);
        tap_is_str(err.message, cases[i].want, "its text");
    }
}


static void
patterns(const kecs_shape_t *shape, unsigned depth, unsigned *bad)
{
    int          code;
    unsigned     i;
    size_t       offset;
    pcre2_code  *re;

    if (shape->pattern != NULL) {
        re = pcre2_compile((PCRE2_SPTR) shape->pattern,
                           PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &offset,
                           NULL);
        *bad += re == NULL;
        pcre2_code_free(re);
    }

    if (shape->of != NULL && depth > 0) {
        patterns(shape->of, depth - 1, bad);
    }

    for (i = 0; i < shape->n && depth > 0; i++) {
        patterns(shape->members[i].shape, depth - 1, bad);
    }
}


static void
all_patterns(void)
{
    unsigned  i, bad;

    for (i = 0, bad = 0; i < KECS_ECS_MODEL_OPS; i++) {
        patterns(kecs_ecs_model_ops[i].input, 16, &bad);
    }

    tap_is_int(bad, 0, "every pattern of the model compiles");
}


int
main(void)
{
    arena = kecs_arena_create(0);

    content();
    required();
    paths();
    ranges();
    lengths();
    matching();
    list_sizes();
    elements();
    long_lists();
    unions();
    sensitive();
    gathering();
    later();
    enums();
    all_patterns();

    kecs_arena_destroy(arena);

    return tap_done();
}
