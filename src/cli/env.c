/*
 * env: prints shell commands that point AWS clients at this system.  A CLI
 * that is too old does not know AWS_ENDPOINT_URL and would call real AWS,
 * so that is said loudly, on standard error.
 */

#include <stdio.h>

#include "doctor.h"


/* The address that `kecs up` has written down, or the default. */

static void
endpoint(const kecs_options_t *o, char *out, size_t size)
{
    kecs_endpoint_t  e;

    e.api[0] = '\0';

    if (!o->port_given) {
        kecs_endpoint_read(o->data, &e);
    }

    if (e.api[0] != '\0') {
        (void) snprintf(out, size, "%s", e.api);

    } else {
        (void) snprintf(out, size, "http://127.0.0.1:%u", o->port);
    }
}


/* "aws-cli/2.13.0 ..." is the first that honours AWS_ENDPOINT_URL. */

static void
warn_of_old_cli(void)
{
    int       major, minor;
    char      line[256];
    FILE     *p;

    p = popen("command -v aws >/dev/null && aws --version 2>&1", "re");

    if (p == NULL) {
        return;
    }

    if (fgets(line, sizeof(line), p) != NULL
        && kecs_judge_aws(line, &major, &minor) == KECS_FAIL)
    {
        fprintf(stderr, "kecs: WARNING: this aws (%d.%d) is too old to honour"
                " AWS_ENDPOINT_URL and would call real AWS.\n"
                "kecs: give --endpoint-url with each call, or install 1.29 or"
                " 2.13 or newer.\n", major, minor);
    }

    (void) pclose(p);
}


int
kecs_env(kecs_options_t *o)
{
    char  url[256];

    endpoint(o, url, sizeof(url));

    printf("export AWS_ENDPOINT_URL=%s\n"
           "export AWS_REGION=%s\n"
           "export AWS_DEFAULT_REGION=%s\n"
           "export AWS_ACCESS_KEY_ID=kecs\n"
           "export AWS_SECRET_ACCESS_KEY=kecs\n"
           "export AWS_EC2_METADATA_DISABLED=true\n"
           "export AWS_PAGER=\n"
           "unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL_ECS"
           " AWS_IGNORE_CONFIGURED_ENDPOINT_URLS\n",
           url, o->region, o->region);

    warn_of_old_cli();

    return 0;
}
