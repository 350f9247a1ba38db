/*
 * Account settings: who has set what, what counts for whom, pages, and
 * every allocation failing.
 */

#include "callkit.h"


#define is_body(body, what)  callkit_body(&k, body, what)

#define ROOT  "arn:aws:iam::000000000000:root"
#define ROLE  "arn:aws:iam::000000000000:role/deploy"

static callkit_t  k;


static void
test_put(void)
{
    (void) callkit(&k, "PutAccountSetting",
                   "{\"name\":\"containerInsights\",\"value\":\"enabled\"}");
    is_body("{\"setting\":{\"name\":\"containerInsights\","
            "\"principalArn\":\"" CALLKIT_CALLER "\",\"type\":\"user\","
            "\"value\":\"enabled\"}}", "the caller's own");

    (void) callkit(&k, "PutAccountSetting",
                   "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\","
                   "\"principalArn\":\"" ROLE "\"}");
    callkit_ok(&k, "setting.principalArn", ROLE, "another's");
    (void) callkit(&k, "PutAccountSettingDefault",
                   "{\"name\":\"containerInsights\","
                   "\"value\":\"enhanced\"}");
    callkit_ok(&k, "setting.principalArn", ROOT, "the account's");
    (void) callkit(&k, "PutAccountSetting",
                   "{\"name\":\"fargateTaskRetirementWaitPeriod\","
                   "\"value\":\"14\",\"principalArn\":\"" ROOT "\"}");
    callkit_ok(&k, "setting.value", "14", "the root user's");

    callkit_sweep(&k, "PutAccountSetting",
                  "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\"}");
}


static void
test_errors(void)
{
    size_t  i;

    static const struct {
        const char  *body;
        const char  *message;
    } cases[] = {
        { "{\"name\":\"bogus\",\"value\":\"enabled\"}",
          "bogus should be one of [serviceLongArnFormat,taskLongArnFormat,"
          "containerInstanceLongArnFormat,awsvpcTrunking,containerInsights,"
          "fargateFIPSMode,tagResourceAuthorization,"
          "fargateTaskRetirementWaitPeriod,guardDutyActivate,"
          "defaultLogDriverMode,fargateEventWindows]" },
        { "{\"name\":\"awsvpcTrunking\",\"value\":\"on\"}",
          "Invalid setting 'value'" },
        { "{\"name\":\"guardDutyActivate\",\"value\":\"on\"}",
          "The account setting guardDutyActivate is read-only." },
        { "{\"name\":\"fargateTaskRetirementWaitPeriod\",\"value\":\"0\"}",
          "The account setting fargateTaskRetirementWaitPeriod can only be"
          " set for the root user." },
        { "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\","
          "\"principalArn\":\"me\"}",
          "The principalArn is invalid. Specify the ARN of a user, a role or"
          " the root user and try again." },
        { "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\","
          "\"principalArn\":\"arn:aws:iam::111111111111:root\"}",
          "AccountIDs mismatch" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        callkit_error(&k, "PutAccountSetting", cases[i].body, 400,
                      "InvalidParameterException", cases[i].message);
    }

    (void) callkit(&k, "PutAccountSettingDefault", "{\"name\":\"x\"}");
    tap_is_int(k.status, 400, "the value is required");
    callkit_error(&k, "ListAccountSettings", "{\"value\":\"on\"}", 400,
                  "InvalidParameterException", "A setting name must be"
                  " specified to filter by a value.");
    callkit_error(&k, "ListAccountSettings", "{\"maxResults\":11}", 400,
                  "InvalidParameterException",
                  "Max results can not be greater than 10");
}


static void
test_list(void)
{
    char  body[256];

    (void) callkit(&k, "ListAccountSettings", "{}");
    callkit_ok(&k, "settings", "[1]", "only what the caller has set");
    callkit_ok(&k, "settings.0.name", "containerInsights", "it");
    (void) callkit(&k, "ListAccountSettings",
                   "{\"principalArn\":\"" ROOT "\"}");
    callkit_ok(&k, "settings", "[2]", "what the root user has set");

    (void) callkit(&k, "ListAccountSettings",
                   "{\"effectiveSettings\":true}");
    callkit_ok(&k, "settings", "[10]", "a page of what counts");
    callkit_ok(&k, "settings.0.name", "awsvpcTrunking", "nobody's");
    callkit_ok(&k, "settings.0.value", "disabled", "nobody's");
    callkit_ok(&k, "settings.0.principalArn", ROOT, "nobody's");
    callkit_ok(&k, "settings.1.value", "enabled", "the caller's own");
    callkit_ok(&k, "settings.1.principalArn", CALLKIT_CALLER, "its own");
    callkit_ok(&k, "settings.6.value", "14", "the account's");
    callkit_ok(&k, "settings.7.type", "aws_managed", "AWS's");
    (void) snprintf(body, sizeof(body), "{\"effectiveSettings\":true,"
                    "\"nextToken\":\"%s\"}", callkit_text(&k, "nextToken"));
    (void) callkit(&k, "ListAccountSettings", body);
    callkit_ok(&k, "settings", "[1]", "the last page");
    callkit_ok(&k, "settings.0.name", "taskLongArnFormat", "the last one");
    callkit_ok(&k, "nextToken", NULL, "the last page");

    (void) callkit(&k, "ListAccountSettings",
                   "{\"effectiveSettings\":true,\"principalArn\":\"" ROLE
                   "\",\"name\":\"containerInsights\"}");
    callkit_ok(&k, "settings", "[1]", "by name");
    callkit_ok(&k, "settings.0.value", "enhanced", "the account's counts");
    (void) callkit(&k, "ListAccountSettings",
                   "{\"effectiveSettings\":true,\"value\":\"disabled\","
                   "\"name\":\"containerInsights\"}");
    callkit_ok(&k, "settings", "[0]", "by value");
    callkit_sweep(&k, "ListAccountSettings", "{\"effectiveSettings\":true}");
}


static void
test_delete(void)
{
    callkit_sweep(&k, "DeleteAccountSetting",
                  "{\"name\":\"containerInsights\"}");
    (void) callkit(&k, "DeleteAccountSetting",
                   "{\"name\":\"containerInsights\"}");
    callkit_ok(&k, "setting.value", "enabled", "what was set");
    callkit_ok(&k, "setting.principalArn", CALLKIT_CALLER, "by whom");
    (void) callkit(&k, "DeleteAccountSetting",
                   "{\"name\":\"containerInsights\"}");
    callkit_ok(&k, "setting.value", "enhanced", "again: what counts");
    (void) callkit(&k, "ListAccountSettings", "{}");
    is_body("{\"settings\":[]}", "nothing is left of the caller's");
}


/* What the account has set is the default of new clusters. */

static void
test_clusters(void)
{
    (void) callkit(&k, "CreateCluster", "{}");
    callkit_ok(&k, "cluster.settings.0.value", "enhanced",
               "the account's containerInsights");
    k.region = kecs_str("eu-west-1");
    (void) callkit(&k, "CreateCluster", "{}");
    callkit_ok(&k, "cluster.settings.0.value", "disabled",
               "settings are of a region");
    k.region = kecs_str("us-east-1");
}


int
main(void)
{
    callkit_open(&k);

    (void) callkit(&k, "ListAccountSettings", "{\"effectiveSettings\":true}");
    callkit_ok(&k, "settings", "[10]", "before anything was written");

    test_put();
    test_errors();
    test_list();
    test_delete();
    test_clusters();

    callkit_close(&k);

    return tap_done();
}
