/*
 * The cluster query language: what its operators choose, how it binds, what
 * it refuses, and that it survives a lack of memory.
 */

#include "../../src/placement/query.h"
#include "tap.h"


static const kecs_query_attribute_t  attributes[] = {
    { kecs_string("ecs.instance-type"), kecs_string("g2.xlarge") },
    { kecs_string("ecs.availability-zone"), kecs_string("us-east-1a") },
    { kecs_string("stack"), kecs_string("blue green") },
    { kecs_string("rank"), kecs_string("12") },
    { kecs_string("bare"), { 0, NULL } }
};

static const kecs_str_t  groups[] = {
    kecs_string("service:production"),
    kecs_string("family:web")
};

static const kecs_query_instance_t  instance = {
    .connected = true,
    .agent_version = kecs_string("1.14.5"),
    .ec2_id = kecs_string("i-abcd1234"),
    .registered_at = 1518480000000,             /* 2018-02-13 */
    .running = 2,
    .attributes = attributes,
    .n_attributes = sizeof(attributes) / sizeof(attributes[0]),
    .groups = groups,
    .n_groups = 2
};

static const kecs_query_instance_t  bare = { .registered_at = 1 };


static void
chooses(const kecs_query_instance_t *x, const char *text, bool want)
{
    bool           match;
    kecs_rc_t      rc;
    kecs_str_t     why;
    kecs_arena_t  *a;
    kecs_query_t  *q;

    a = kecs_arena_create(0);
    why = kecs_null_str;
    match = !want;
    rc = kecs_query_parse(a, kecs_str_of(text), &q, &why);

    if (rc == KECS_OK) {
        rc = kecs_query_match(q, x, &match);
    }

    if (!tap_ok(rc == KECS_OK && match == want, "%s%s: %s",
                x == &bare ? "(bare) " : "", text, want ? "yes" : "no"))
    {
        printf("# %s, %.*s\n", kecs_rc_name(rc), kecs_fmt(why));
    }

    kecs_arena_destroy(a);
}


static void
yes(const char *text)
{
    chooses(&instance, text, true);
}


static void
no(const char *text)
{
    chooses(&instance, text, false);
}


static void
refused(const char *text, const char *want)
{
    kecs_rc_t      rc;
    kecs_str_t     why;
    kecs_arena_t  *a;
    kecs_query_t  *q;

    a = kecs_arena_create(0);
    why = kecs_null_str;
    rc = kecs_query_parse(a, kecs_str_of(text), &q, &why);

    if (!tap_ok(rc == KECS_INVALID && kecs_str_is(why, want), "%.60s: %s",
                text, want))
    {
        printf("# %s, %.*s\n", kecs_rc_name(rc), kecs_fmt(why));
    }

    kecs_arena_destroy(a);
}


static void
test_equality(void)
{
    yes("attribute:ecs.instance-type == g2.xlarge");
    yes("attribute:ecs.instance-type==g2.xlarge");
    yes("attribute:ecs.instance-type equals g2.xlarge");
    no("attribute:ecs.instance-type == g2");
    no("attribute:ecs.instance-type == G2.XLARGE");
    yes("attribute:ecs.instance-type != t2.small");
    yes("attribute:ecs.instance-type not_equals t2.small");
    yes("attribute:stack == 'blue green'");
    yes("attribute:stack == \"blue green\"");
    yes("attribute:bare == ''");
    yes("agentConnected == true");
    no("agentConnected == false");
    yes("ec2InstanceId == i-abcd1234");
    yes("task:group == service:production");
    yes("task:group == family:web");
    no("task:group == database");
    yes("task:group != database");
    no("task:group != family:web");
}


static void
test_absent(void)
{
    no("attribute:none == x");
    yes("attribute:none != x");
    no("attribute:none in [x, y]");
    yes("attribute:none !in [x, y]");
    no("attribute:none =~ .*");
    yes("attribute:none !~ .*");
    no("attribute:none > 1");
    no("attribute:none <= 1");

    chooses(&bare, "ec2InstanceId == i-1", false);
    chooses(&bare, "ec2InstanceId != i-1", true);
    chooses(&bare, "ec2InstanceId exists", false);
    chooses(&bare, "agentVersion < 9", false);
    chooses(&bare, "agentVersion >= 0", false);
    chooses(&bare, "agentVersion !exists", true);
    chooses(&bare, "agentConnected == false", true);
    chooses(&bare, "task:group exists", false);
    chooses(&bare, "runningTasksCount == 0", true);
}


static void
test_existence(void)
{
    yes("attribute:stack exists");
    yes("attribute:bare exists");
    no("attribute:none exists");
    yes("attribute:none !exists");
    yes("attribute:none not_exists");
    no("attribute:stack !exists");
    yes("task:group exists");
    yes("registeredAt exists");
}


static void
test_lists(void)
{
    yes("attribute:ecs.availability-zone in [us-east-1a, us-east-1b]");
    yes("attribute:ecs.availability-zone in[us-east-1b,us-east-1a]");
    no("attribute:ecs.availability-zone in [us-east-1c]");
    yes("attribute:ecs.availability-zone !in [us-east-1c]");
    yes("attribute:ecs.availability-zone not_in [ us-east-1c ]");
    yes("ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']");
    yes("attribute:stack in [a, 'blue green', b]");
    yes("task:group in [a, family:web]");
    yes("agentConnected in [true]");
}


static void
test_patterns(void)
{
    yes("attribute:ecs.instance-type =~ g2.*");
    no("attribute:ecs.instance-type =~ g2");
    no("attribute:ecs.instance-type =~ xlarge");
    yes("attribute:ecs.instance-type matches (g2|p2)\\.(large|xlarge)");
    yes("attribute:ecs.instance-type !~ t2.*");
    yes("attribute:ecs.instance-type not_matches t2.*");
    yes("(attribute:ecs.instance-type =~ g2.*)");
    yes("((attribute:ecs.instance-type =~ (g|p)2.*))");
    yes("task:group =~ service:.*");
    yes("ec2InstanceId =~ i-[0-9a-f]+");
    yes("agentConnected =~ t.*");
}


static void
test_order(void)
{
    yes("agentVersion == 1.14.5");
    yes("agentVersion > 1.9.9");
    yes("agentVersion >= 1.14.5");
    yes("agentVersion >= 1.14");
    no("agentVersion < 1.14.5");
    yes("agentVersion < 1.15");
    yes("agentVersion less_than_equal 1.14.5");
    yes("runningTasksCount == 2");
    yes("runningTasksCount greater_than 1");
    no("runningTasksCount > 2");
    yes("runningTasksCount greater_than_equal 2");
    yes("runningTasksCount less_than 3");
    yes("runningTasksCount != 3");
    no("registeredAt < 2018-02-13");
    yes("registeredAt <= 2018-02-13");
    yes("registeredAt == 2018-02-13T00:00:00");
    yes("registeredAt == 2018-02-13T00:00:00Z");
    yes("registeredAt == 2018-02-13T01:00:00+01:00");
    yes("registeredAt > 2018-02-12T23:59:59");
    yes("attribute:rank > 9");
    no("attribute:rank > 100");
}


static void
test_compounds(void)
{
    yes("attribute:ecs.instance-type =~ g2.* and"
        " attribute:ecs.availability-zone != us-east-1d");
    yes("attribute:stack exists&&attribute:bare exists");
    yes("attribute:ecs.instance-type == g2.xlarge&&agentConnected == true");
    yes("attribute:none exists || attribute:bare exists");
    no("attribute:none exists or attribute:nil exists");
    yes("not(task:group == database)");
    no("!(task:group == family:web)");
    yes("not not agentConnected == true");
    yes("! attribute:none exists");

    /* "and" binds closer than "or", "not" closest */

    yes("attribute:bare exists or attribute:bare exists and"
        " attribute:none exists");
    no("(attribute:bare exists or attribute:bare exists) and"
       " attribute:none exists");
    yes("not attribute:none exists or attribute:none exists");
    no("not (attribute:none exists or attribute:bare exists)");
}


static void
test_refused(void)
{
    char    text[4000];
    size_t  i, n;

    refused("", "a subject is missing");
    refused("  ", "a subject is missing");
    refused("colour == red", "'colour' is no subject");
    refused("attribute: == red", "'attribute:' is no subject");
    refused("attribute:a", "an operator is missing behind 'attribute:a'");
    refused("attribute:a is b", "an operator is missing behind"
            " 'attribute:a'");
    refused("attribute:a ==", "an argument is missing");
    refused("attribute:a == 'b", "a quotation mark is not closed");
    refused("attribute:a in b", "a list in [] is missing");
    refused("attribute:a in []", "an argument is missing");
    refused("attribute:a in [b", "a list is not closed");
    refused("attribute:a in [b c]", "a list is not closed");
    refused("attribute:a =~ (b", "'(b' is no regular expression");
    refused("attribute:a == b c", "'c' is too much");
    refused("(attribute:a == b", "a parenthesis is not closed");
    refused("attribute:a == b)", "')' is too much");
    refused("attribute:a == b and", "a subject is missing");
    refused("agentConnected > 1", "'agentConnected' does not take the"
            " operator '>'");
    refused("agentVersion =~ 1.*", "'agentVersion' does not take the"
            " operator '=~'");
    refused("runningTasksCount in [1]", "'runningTasksCount' does not take"
            " the operator 'in'");
    refused("runningTasksCount == few", "'few' is no number");
    refused("registeredAt < yesterday", "'yesterday' is no date");

    memset(text, '(', 100);
    text[100] = '\0';
    refused(text, "it is nested too deeply");

    for (i = 0, n = 0; i <= 100; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n,
                               "%sattribute:a exists", i ? " or " : "");
    }

    refused(text, "there are over 100 tests");

    n = (size_t) snprintf(text, sizeof(text), "attribute:a in [");

    for (i = 0; i <= 100; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "%zu,", i);
    }

    refused(text, "a list has over 100 values");
}


static unsigned
needs(const char *text)
{
    unsigned       n;
    kecs_str_t     why;
    kecs_arena_t  *a;
    kecs_query_t  *q;

    a = kecs_arena_create(0);
    n = kecs_query_parse(a, kecs_str_of(text), &q, &why) == KECS_OK
        ? kecs_query_needs(q) : 99;
    kecs_arena_destroy(a);

    return n;
}


static void
test_needs(void)
{
    tap_is_int(needs("ec2InstanceId exists"), 0, "the head suffices");
    tap_is_int(needs("not (agentVersion < 2 or task:group == a)"),
               KECS_QUERY_VERSION|KECS_QUERY_GROUPS, "version and groups");
    tap_is_int(needs("attribute:a exists and runningTasksCount < 1"),
               KECS_QUERY_ATTRIBUTES|KECS_QUERY_RUNNING,
               "attributes and count");
}


/* A pattern made to take for ever gives up and does not match. */

static void
test_slow(void)
{
    char                    value[60];
    kecs_query_attribute_t  attribute;
    kecs_query_instance_t   x;

    memset(value, 'a', sizeof(value));
    attribute.name = kecs_str("a");
    attribute.value = kecs_str_n(value, sizeof(value));
    x = bare;
    x.attributes = &attribute;
    x.n_attributes = 1;

    chooses(&x, "attribute:a =~ (a+)+b", false);
    chooses(&x, "attribute:a =~ a+", true);
}


static void
test_memory(void)
{
    bool           good, match;
    unsigned       n;
    kecs_rc_t      rc;
    kecs_str_t     why;
    kecs_arena_t  *a;
    kecs_query_t  *q;

    good = true;
    rc = KECS_NOMEM;

    for (n = 1; good && rc != KECS_OK && n < 1000; n++) {
        a = kecs_arena_create(0);
        kecs_arena_fail_after(a, n);
        rc = kecs_query_parse(a, kecs_str("attribute:stack =~ blue.* and"
                                          " registeredAt > 2018-01-01 and"
                                          " task:group in [a, family:web]"),
                              &q, &why);

        if (rc == KECS_OK) {
            rc = kecs_query_match(q, &instance, &match);
            good = rc == KECS_NOMEM || match;
        }

        good = good && (rc == KECS_OK || rc == KECS_NOMEM);
        kecs_arena_destroy(a);
    }

    tap_ok(good && rc == KECS_OK && n > 5, "%u allocations fail in turn", n);
}


int
main(void)
{
    test_equality();
    test_absent();
    test_existence();
    test_lists();
    test_patterns();
    test_order();
    test_compounds();
    test_refused();
    test_needs();
    test_slow();
    test_memory();

    return tap_done();
}
