/*
 * The verbs of the tool and their flags: two tables, from which the usage,
 * the help of one verb and the same for machines (of which tools/manual
 * makes the manual page) are printed.
 */

#include "../json/json_writer.h"
#include "cli.h"


#define CLUSTER_FLAGS  "runtime kubeconfig context namespace"                 \
                       " namespace-per-cluster"
#define RUNTIME_FLAGS  "data " CLUSTER_FLAGS " set log-level"


static int
version(kecs_options_t *o)
{
    (void) o;
    printf("kecs %s\n", KECS_VERSION);

    return 0;
}


const kecs_verb_t  kecs_verbs[] = {
    { "up", kecs_up, "",
      "start the API and the reconciler, in the foreground",
      "port admin-port workers account region access-log audit-log upstream"
      " upstream-credentials upstream-profile " RUNTIME_FLAGS,
      "Ctrl-C stops both; tasks go on running." },
    { "env", kecs_env, "",
      "print what points AWS clients here: eval \"$(kecs env)\"",
      "data port region", "" },
    { "status", kecs_status, "",
      "tell what runs and how it does",
      "data admin-port json",
      "The exit status is 0 when the system is ready, 1 when it is not, 2"
      " for wrong usage." },
    { "events", kecs_events, "",
      "tell what has changed, or changes (--follow), a line each",
      "data follow since cluster kind arn account region json port endpoint",
      "Without --follow the log of the store is read, from --since or from"
      " its beginning on, and that is all.  With it the server is listened"
      " to, from --since or from now on, until Ctrl-C; after a disconnect"
      " the lines go on where they ended, none lost and none twice.  Events"
      " of all accounts and regions are told unless one is named.  The exit"
      " status is 1 when the log does not reach back to --since or nobody"
      " serves, 2 for wrong usage." },
    { "doctor", kecs_doctor, "",
      "tell what is wrong with the setup and how to fix it",
      "data port admin-port " CLUSTER_FLAGS " json",
      "Nothing is changed.  The exit status is 1 when something fails." },
    { "down", kecs_down, "",
      "stop all tasks of the store and remove our objects",
      RUNTIME_FLAGS,
      "Services keep their desired count: the next \"kecs up\" starts their"
      " tasks again." },
    { "release", kecs_release, "",
      "only strip our finalizers from pods",
      RUNTIME_FLAGS, "For a cluster that is to be left." },
    { "check", kecs_check, "",
      "check the store's invariants",
      "data", "The exit status is 1 when something differs." },
    { "backup", kecs_backup, "FILE",
      "copy the store, also while it is in use",
      "data", "FILE must not exist." },
    { "restore", kecs_restore, "FILE",
      "make the store from a backup (--replace: over an existing one)",
      "data replace", "Nothing may have the store open." },
    { "completion", kecs_completion, "SHELL",
      "print what completes this command in bash, zsh or fish",
      "", "For example: source <(kecs completion bash)" },
    { "help", kecs_help, "[VERB]",
      "tell what the verbs and flags are",
      "json", "" },
    { "version", version, "", "print the version", "", "" },
    { .name = NULL }
};

#define flag(name, type, member, value, help)                                 \
    { name, KECS_FLAG_##type, offsetof(kecs_options_t, member), value, help }

const kecs_flag_t  kecs_flags[] = {
    flag("port", NUMBER, port, "PORT", "of the ECS API (8080)"),
    flag("admin-port", NUMBER, admin_port, "PORT",
         "of health and metrics (8081)"),
    flag("data", TEXT, data, "DIR", "folder of the store"),
    flag("runtime", TEXT, runtime, "auto|kubernetes|simulated",
         "auto, kubernetes or simulated"),
    flag("kubeconfig", TEXT, kubeconfig, "FILE",
         "file that names the cluster"),
    flag("context", TEXT, context, "NAME", "context in it"),
    flag("namespace", TEXT, namespace, "NAME", "where pods go"),
    flag("namespace-per-cluster", SWITCH, spaces, NULL,
         "each ECS cluster has a namespace of its own"),
    flag("upstream", TEXT, upstream, "URL",
         "of other AWS services, or \"aws\" (none)"),
    flag("upstream-credentials", TEXT, upstream_credentials, "FILE",
         "keys for them (AWS_ACCESS_KEY_ID and others)"),
    flag("upstream-profile", TEXT, upstream_profile, "NAME",
         "profile in that file (default)"),
    flag("workers", NUMBER, workers, "N", "nginx workers (number of cores)"),
    flag("account", TEXT, account, "ACCOUNT",
         "account of unsigned calls; events: of this one"),
    flag("region", TEXT, region, "REGION",
         "region of unsigned calls; events: of this one"),
    flag("access-log", TEXT, access_log, "FILE",
         "file for a line per call (none)"),
    flag("audit-log", TEXT, audit_log, "FILE",
         "file for a line per call that changes something (none)"),
    flag("log-level", TEXT, log_level, "error|warn|notice|info|debug",
         "error, warn, notice, info, debug"),
    flag("set", SET, sets, "NAME=VALUE",
         "NAME=VALUE, a setting of the reconciler"),
    flag("replace", SWITCH, replace, "", "restore over an existing store"),
    flag("follow", SWITCH, follow, "", "go on with what changes"),
    flag("since", TEXT, since, "SINCE",
         "position of the log, oldest, or how long ago (15m)"),
    flag("cluster", TEXT, cluster, "CLUSTER", "events of this one"),
    flag("kind", TEXT, kind,
         "task|service|deployment|task-definition|cluster"
         "|container-instance|service-action|service-deployment"
         "|service-revision|task-set|capacity-provider|daemon"
         "|daemon-deployment|daemon-revision|gateway|gateway-route",
         "events of these kinds, with commas between"),
    flag("arn", TEXT, arn, "ARN", "events of this resource"),
    flag("endpoint", TEXT, endpoint, "URL",
         "http://HOST:PORT/PREFIX of a server elsewhere"),
    flag("json", SWITCH, json, "", "print JSON, for machines"),
    { .name = NULL }
};


const kecs_verb_t *
kecs_verb_find(const char *name)
{
    const kecs_verb_t  *v;

    for (v = kecs_verbs; v->name != NULL; v++) {
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }

    return NULL;
}


bool
kecs_has_word(const char *list, const char *word)
{
    kecs_str_t  rest, one;

    rest = kecs_str_of(list);

    while (kecs_str_split(&rest, ' ', &one)) {
        if (kecs_str_is(one, word)) {
            return true;
        }
    }

    return false;
}


static void
print_flag(FILE *to, const kecs_flag_t *f)
{
    fprintf(to, "  --%-22s %s\n", f->name, f->help);
}


int
kecs_usage(FILE *to)
{
    const kecs_verb_t  *v;
    const kecs_flag_t  *f;

    fprintf(to, "usage: kecs VERB [flags]\n\n");

    for (v = kecs_verbs; v->name != NULL; v++) {
        fprintf(to, "  %-10s %-6s %s\n", v->name, v->args, v->help);
    }

    fprintf(to, "\nflags (kecs help VERB tells those of one verb):\n");

    for (f = kecs_flags; f->name != NULL; f++) {
        print_flag(to, f);
    }

    return to == stdout ? 0 : 2;
}


static void
print_verb(const kecs_verb_t *v)
{
    const kecs_flag_t  *f;

    printf("usage: kecs %s%s%s%s\n\n%s\n", v->name,
           v->args[0] != '\0' ? " " : "", v->args,
           v->flags[0] != '\0' ? " [flags]" : "", v->help);

    if (v->more[0] != '\0') {
        printf("%s\n", v->more);
    }

    if (v->flags[0] != '\0') {
        printf("\nflags:\n");
    }

    for (f = kecs_flags; f->name != NULL; f++) {
        if (kecs_has_word(v->flags, f->name)) {
            print_flag(stdout, f);
        }
    }
}


static void
write_verbs(kecs_writer_t *w)
{
    kecs_str_t          rest, one;
    const kecs_verb_t  *v;

    kecs_w_array(w, "verbs");

    for (v = kecs_verbs; v->name != NULL; v++) {
        kecs_w_object(w, NULL);
        kecs_w_cstr(w, "name", v->name);
        kecs_w_cstr(w, "args", v->args);
        kecs_w_cstr(w, "help", v->help);
        kecs_w_cstr(w, "more", v->more);
        kecs_w_array(w, "flags");

        for (rest = kecs_str_of(v->flags);
             rest.len > 0 && kecs_str_split(&rest, ' ', &one); )
        {
            kecs_w_str(w, NULL, one);
        }

        kecs_w_array_end(w);
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
}


static int
print_tables(void)
{
    kecs_buf_t          b;
    kecs_writer_t       w;
    const kecs_flag_t  *f;

    kecs_buf_init(&b, NULL, 0);
    w = kecs_writer(&b);

    kecs_w_object(&w, NULL);
    kecs_w_cstr(&w, "version", KECS_VERSION);
    write_verbs(&w);
    kecs_w_array(&w, "flags");

    for (f = kecs_flags; f->name != NULL; f++) {
        kecs_w_object(&w, NULL);
        kecs_w_cstr(&w, "name", f->name);
        kecs_w_cstr(&w, "value", f->value);
        kecs_w_cstr(&w, "help", f->help);
        kecs_w_object_end(&w);
    }

    kecs_w_array_end(&w);
    kecs_w_object_end(&w);

    return kecs_print_json(&b);
}


int
kecs_help(kecs_options_t *o)
{
    const kecs_verb_t  *v;

    if (o->json) {
        return print_tables();
    }

    if (o->n_args == 0) {
        return kecs_usage(stdout);
    }

    v = kecs_verb_find(o->args[0]);

    if (v == NULL) {
        (void) kecs_die("unknown verb \"%s\"", o->args[0]);
        return kecs_usage(stderr);
    }

    print_verb(v);

    return 0;
}
