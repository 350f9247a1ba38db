/*
 * What docs/compatibility.md says of the features and of what becomes of
 * each task definition field on Kubernetes is made from the tables that the
 * program runs by.  As a test it fails when the document does not have it so;
 * with --print it prints it, for t/conformance/document.py.
 */

#include <stdio.h>
#include <stdlib.h>

#include "../../src/convert/pod.h"
#include "../../src/ecs/ecs.h"
#include "tap.h"


#define DOCUMENT  "docs/compatibility.md"

static const char  runtimes[] =
"## What services do in this release\n"
"\n"
"| feature | status |\n"
"| --- | --- |\n"
"| scheduling strategy REPLICA, rolling update by minimumHealthyPercent and"
" maximumPercent | acts |\n"
"| forceNewDeployment, scaling, draining, start throttling, steady state"
" events | acts |\n"
"| service deployments and revisions, rollback by StopServiceDeployment |"
" acts |\n"
"| deployment circuit breaker, thresholdConfiguration, resetOnHealthyTask |"
" acts, see below |\n"
"| deployment controller EXTERNAL, task sets | acts |\n"
"| deployment controller CODE_DEPLOY | the service's first task set runs;"
" nothing deploys it further |\n"
"| scheduling strategy DAEMON | acts: one task on each ACTIVE container"
" instance of its launch type that satisfies the constraints and has room;"
" tasks where constraints are no longer satisfied stop, and of the instances"
" without room an event tells the first |\n"
"| availabilityZoneRebalancing | acts, where zones are known: on container"
" instances and, for FARGATE, on nodes of the runtime (docs/runtimes.md);"
" not for task sets |\n"
"| deployment strategies BLUE_GREEN, LINEAR, CANARY, lifecycle stages, bake"
" times, PAUSE hooks | act; Services in Kubernetes follow the traffic (not"
" while it is split, see runtimes.md), weights are shown |\n"
"| AWS_LAMBDA hooks | act where an upstream has Lambda (operations.md);"
" elsewhere they fail as when the function cannot be invoked, which rolls"
" back; going back invokes none |\n"
"| earlySuccessCriteria | acts |\n"
"| volumeConfigurations | act: each task has a volume of its own |\n"
"| monitoring, VPC Lattice | stored and shown |\n"
"| deployment alarms | act where an upstream has CloudWatch (operations.md);"
" elsewhere an event tells that the deployment goes on without them |\n"
"| load balancers, service registries, Service Connect | stored and shown"
" |\n"
"| placement constraints and strategies | choose among the container"
" instances of the cluster and the nodes that may join it; where no node is"
" known Kubernetes' scheduler places |\n"
"| capacity providers | base and weight divide the tasks among them; labels"
" make nodes theirs (docs/runtimes.md); nothing scales |\n"
"| container instances | nodes of Kubernetes join a cluster when tasks of"
" launch type EC2 need them and leave when they are idle, or stay where a"
" label names the cluster (docs/runtimes.md); others as agents or people"
" register them |\n"
"| StartTask | the task runs on the node that is the container instance;"
" elsewhere where the runtime puts it |\n"
"| task scale-in protection | acts |\n"
"| ExecuteCommand | checked; then TargetNotConnectedException, there is no"
" channel |\n"
"| daemons | stored and shown; run nothing |\n"
"| express gateway services | a service that runs; nothing answers at its"
" endpoint |\n"
"| gateways, routes | stored and shown; carry no traffic |\n"
"| account settings | containerInsights acts; the others are stored |\n"

"\n"
"A rollback makes the deployment that was last COMPLETED the PRIMARY again:\n"
"it keeps its number, its revision and the tasks that it has left.  The\n"
"circuit breaker counts tasks that do not start, tasks that fail their\n"
"health checks and, during a rollout, tasks that end on their own before\n"
"they count as healthy.  It does not look at a rollback, which is tried\n"
"until it succeeds.  Without a deployment to go back to the service\n"
"deployment becomes ROLLBACK_FAILED, the rollout FAILED, and nothing more is\n"
"started.  The configuration of a rollout is that of its beginning.\n"
"\n"
"While traffic is shifted, blue and green are both kept at the desired\n"
"count, whatever minimumHealthyPercent and maximumPercent say; these count\n"
"again in CLEAN_UP.  A first rollout has no blue: it passes all stages, with\n"
"their hooks, without bake times.  A service deployment cannot be stopped in\n"
"CLEAN_UP.  Going back gives blue all traffic at once.\n"
"\n"
"## Task definition fields on Kubernetes\n"
"\n"
"*converted*: has its effect; *carried*: stored and shown, without effect"
" on the\n"
"pod; *refused*: a task that sets it stops as TaskFailedToStart with a"
" reason that\n"
"names the field.  A row stands for all members below it that have no row"
" of their\n"
"own.\n"
"\n"
"| field | on Kubernetes | note |\n"
"| --- | --- | --- |\n";


static void
render(kecs_buf_t *b)
{
    const kecs_pod_field_t   *f;
    static const char *const  verdicts[] = {
        "converted", "carried", "refused"
    };

    kecs_buf_str(b, kecs_str_of(runtimes));

    for (f = kecs_pod_fields; f->path != NULL; f++) {
        kecs_buf_printf(b, "| `%s` | %s | %s |\n", f->path,
                        verdicts[f->verdict], f->note ? f->note : "");
    }
}


static bool
read_document(kecs_buf_t *b)
{
    char    *p;
    size_t   n;
    FILE    *f;

    f = fopen(DOCUMENT, "re");

    if (f == NULL) {
        return false;
    }

    do {
        p = kecs_buf_reserve(b, 4096);
        n = p ? fread(p, 1, 4096, f) : 0;
        b->len += n;
    } while (n != 0);

    (void) fclose(f);

    return true;
}


/* The operations of the model that no handler answers. */

static unsigned
unanswered(void)
{
    size_t    i;
    unsigned  n;

    for (i = 0, n = 0; i < KECS_ECS_MODEL_OPS; i++) {
        n += kecs_ecs_op(kecs_str_of(kecs_ecs_model_ops[i].name)) == NULL;
    }

    return n;
}


int
main(int argc, char **argv)
{
    kecs_buf_t  want, have;

    kecs_buf_init(&want, NULL, 0);
    kecs_buf_init(&have, NULL, 0);
    render(&want);

    if (argc > 1 && strcmp(argv[1], "--print") == 0) {
        (void) fwrite(want.data, 1, want.len, stdout);
        kecs_buf_free(&want);

        return ferror(stdout) ? 1 : 0;
    }

    tap_ok(want.len > 1000 && !want.failed, "the tables are not empty");
    tap_is_int(unanswered(), 0, "every operation of the model is answered");
    tap_ok(read_document(&have), DOCUMENT " is there");
    kecs_buf_chr(&want, '\0');
    kecs_buf_chr(&have, '\0');
    tap_ok(!want.failed && !have.failed
           && strstr(have.data, want.data) != NULL,
           DOCUMENT " says what the tables say (else: make docs)");

    kecs_buf_free(&want);
    kecs_buf_free(&have);

    return tap_done();
}
