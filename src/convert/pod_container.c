/*
 * One container of a pod (kubernetes.md 1.3, 1.4, 1.6).
 */

#include "firelens.h"
#include "pod_parts.h"
#include "task_parts.h"


#define DEFAULTS  5                 /* variables that we set */


/* Texts in which Kubernetes would expand variables. */

static kecs_rc_t
literals(kecs_pod_build_t *b, const char *name,
    const kecs_ecs_string_list_t *list)
{
    size_t      i;
    kecs_str_t  s;

    if (list->n == 0) {
        return KECS_OK;
    }

    kecs_w_array(&b->w, name);

    for (i = 0; i < list->n; i++) {
        s = kecs_pod_literal(b->a, list->items[i]);

        if (s.data == NULL) {
            return KECS_NOMEM;
        }

        kecs_w_str(&b->w, NULL, s);
    }

    kecs_w_array_end(&b->w);

    return KECS_OK;
}


static kecs_rc_t
command(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    kecs_rc_t                      rc;
    const kecs_ecs_string_list_t  *args;

    args = c->over != NULL && c->over->command.n > 0 ? &c->over->command
                                                     : &c->d->command;

    rc = literals(b, "args", args);

    return rc == KECS_OK ? literals(b, "command", &c->d->entry_point) : rc;
}


/* The image without its tag. */

static kecs_str_t
repository(kecs_str_t image)
{
    ptrdiff_t  colon;

    colon = kecs_str_rchr(image, ':');

    return colon > kecs_str_rchr(image, '/')
           ? kecs_str_n(image.data, (size_t) colon) : image;
}


/* As named, or by the digest that its deployment keeps to. */

static kecs_rc_t
image(kecs_pod_build_t *b, const kecs_ecs_container_definition_t *d)
{
    size_t                              i;
    kecs_str_t                          name;
    const kecs_ecs_container_image_t   *m;
    const kecs_ecs_container_images_t  *list = b->p->s.images;

    name = d->image;

    for (i = 0; list != NULL && i < list->n; i++) {
        m = &list->items[i];

        if (m->image_digest.len != 0 && kecs_str_eq(m->container_name, d->name)
            && kecs_str_eq(m->image, d->image)
            && kecs_str_chr(d->image, '@') == -1)
        {
            name = kecs_sprintf(b->a, "%.*s@%.*s",
                                kecs_fmt(repository(d->image)),
                                kecs_fmt(m->image_digest));
        }
    }

    if (name.data == NULL && d->image.data != NULL) {
        return KECS_NOMEM;
    }

    kecs_w_str(&b->w, "image", name);

    return KECS_OK;
}


/* Environment: of equal names the last value counts, at the first place. */

static void
set_variable(kecs_variables_t *v, kecs_str_t name, kecs_str_t value)
{
    size_t  i;

    if (name.len == 0) {
        return;
    }

    for (i = 0; i < v->n; i++) {
        if (kecs_str_eq(v->items[i].name, name)) {
            break;
        }
    }

    v->items[i].name = name;
    v->items[i].value = value.data ? value : kecs_str("");
    v->n += i == v->n;
}


static void
set_variables(kecs_variables_t *v,
    const kecs_ecs_environment_variables_t *list)
{
    size_t  i;

    for (i = 0; i < list->n; i++) {
        set_variable(v, list->items[i].name, list->items[i].value);
    }
}


static kecs_rc_t
environment(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    size_t            i;
    kecs_rc_t         rc;
    kecs_str_t        value;
    kecs_variables_t  v;

    v.n = 0;
    v.items = kecs_calloc(b->a, DEFAULTS + c->d->environment.n
                                + (c->over ? c->over->environment.n : 0),
                          sizeof(kecs_variable_t));
    if (v.items == NULL) {
        return KECS_NOMEM;
    }

    set_variable(&v, kecs_str("AWS_DEFAULT_REGION"), b->p->s.region);
    set_variable(&v, kecs_str("AWS_EXECUTION_ENV"),
                 b->p->s.task->launch == KECS_LAUNCH_FARGATE
                 ? kecs_str("AWS_ECS_FARGATE") : kecs_str("AWS_ECS_EC2"));
    set_variable(&v, kecs_str("AWS_REGION"), b->p->s.region);

    if (kecs_firelens_sends(c->d) && kecs_pod_routes(b)
        && !kecs_pod_in_host_network(b))
    {
        set_variable(&v, kecs_str("FLUENT_HOST"), kecs_str("127.0.0.1"));
        set_variable(&v, kecs_str("FLUENT_PORT"), kecs_str("24224"));
    }

    set_variables(&v, &c->d->environment);

    if (c->over != NULL) {
        set_variables(&v, &c->over->environment);
    }

    kecs_w_array(&b->w, "env");

    for (i = 0; i < v.n; i++) {
        value = kecs_pod_literal(b->a, v.items[i].value);

        if (value.data == NULL) {
            return KECS_NOMEM;
        }

        kecs_w_object(&b->w, NULL);
        kecs_w_str(&b->w, "name", v.items[i].name);
        kecs_w_str(&b->w, "value", value);
        kecs_w_object_end(&b->w);
    }

    kecs_pod_write_variables(b, c, &v);
    rc = kecs_pod_write_secrets(b, c->d);

    if (rc == KECS_OK) {
        rc = kecs_pod_write_router_env(b, c);
    }

    kecs_w_array_end(&b->w);

    return rc == KECS_OK ? kecs_pod_write_files(b, c) : rc;
}


/* Ports. */


static int64_t
host_port(const kecs_pod_build_t *b, const kecs_ecs_port_mapping_t *m)
{
    if (kecs_pod_in_host_network(b)) {
        return m->container_port.value;
    }

    return kecs_pod_in_bridge(b) ? m->host_port.value : 0;
}


static bool
same_port(const kecs_pod_build_t *b, const kecs_ecs_port_mapping_t *m,
    const kecs_ecs_port_mapping_t *o)
{
    return m->container_port.value == o->container_port.value
           && kecs_str_is(m->protocol, "udp")
              == kecs_str_is(o->protocol, "udp")
           && host_port(b, m) == host_port(b, o);
}


static bool
port_repeats(const kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d, size_t i)
{
    size_t  k;

    for (k = 0; k < i; k++) {
        if (same_port(b, &d->port_mappings.items[k],
                      &d->port_mappings.items[i]))
        {
            return true;
        }
    }

    return false;
}


static bool
maps_ports(const kecs_ecs_container_definition_t *d)
{
    size_t  i;

    for (i = 0; i < d->port_mappings.n; i++) {
        if (d->port_mappings.items[i].container_port.value > 0) {
            return true;
        }
    }

    return false;
}


static void
ports(kecs_pod_build_t *b, const kecs_ecs_container_definition_t *d)
{
    size_t                          i;
    kecs_writer_t                  *w = &b->w;
    const kecs_ecs_port_mapping_t  *m;

    if (!maps_ports(d)) {
        return;
    }

    kecs_w_array(w, "ports");

    for (i = 0; i < d->port_mappings.n; i++) {
        m = &d->port_mappings.items[i];

        if (m->container_port.value <= 0 || port_repeats(b, d, i)) {
            continue;
        }

        kecs_w_object(w, NULL);
        kecs_w_i64(w, "containerPort", m->container_port.value);

        if (host_port(b, m) > 0) {
            kecs_w_i64(w, "hostPort", host_port(b, m));
        }

        kecs_w_cstr(w, "protocol", kecs_str_is(m->protocol, "udp") ? "UDP"
                                                                   : "TCP");
        kecs_w_object_end(w);
    }

    kecs_w_array_end(w);
}


/* Health check. */


void
kecs_pod_write_check(kecs_writer_t *w, const kecs_ecs_health_check_t *h)
{
    size_t                         i;
    const kecs_ecs_string_list_t  *words;

    i = 0;
    words = &h->command;

    if (kecs_str_is(words->items[0], "CMD-SHELL")) {
        kecs_w_cstr(w, NULL, "/bin/sh");
        kecs_w_cstr(w, NULL, "-c");
        i = 1;

    } else if (kecs_str_is(words->items[0], "CMD")) {
        i = 1;
    }

    for ( /* void */ ; i < words->n; i++) {
        kecs_w_str(w, NULL, words->items[i]);
    }
}


static int64_t
or_default(kecs_opt_int_t n, int64_t otherwise)
{
    return n.set && n.value > 0 ? n.value : otherwise;
}


static void
health_check(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    kecs_writer_t                  *w = &b->w;
    const kecs_ecs_health_check_t  *h = c->d->health_check;

    if (c->role == KECS_POD_INIT || !kecs_container_checked(c->d)) {
        return;
    }

    kecs_w_object(w, "readinessProbe");
    kecs_w_object(w, "exec");
    kecs_w_array(w, "command");
    kecs_pod_write_check(w, h);
    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_i64(w, "failureThreshold", or_default(h->retries, 3));
    kecs_w_i64(w, "periodSeconds", or_default(h->interval, 30));
    kecs_w_i64(w, "successThreshold", 1);
    kecs_w_i64(w, "timeoutSeconds", or_default(h->timeout, 5));
    kecs_w_object_end(w);
}


/* Security context. */


/* "0", "1000", "root"; -1: a name that only the image knows. */

static int64_t
id_of(kecs_str_t s)
{
    uint64_t  n;

    if (kecs_str_is(s, "root")) {
        return 0;
    }

    return kecs_str_u64(s, &n) && n <= INT32_MAX ? (int64_t) n : -1;
}


static kecs_rc_t
user(kecs_pod_build_t *b, const kecs_ecs_container_definition_t *d)
{
    int64_t     uid, gid;
    kecs_str_t  rest, name;

    if (d->user.len == 0) {
        return KECS_OK;
    }

    rest = d->user;
    (void) kecs_str_split(&rest, ':', &name);

    uid = id_of(name);
    gid = rest.len > 0 ? id_of(rest) : 0;

    if (uid == -1 || gid == -1) {
        return kecs_pod_no(b, "The field containerDefinitions[%.*s].user is "
                           "not supported by this runtime with a name; give "
                           "numbers (UID or UID:GID).", kecs_fmt(d->name));
    }

    if (rest.len > 0) {
        kecs_w_i64(&b->w, "runAsGroup", gid);
    }

    kecs_w_i64(&b->w, "runAsUser", uid);

    return KECS_OK;
}


static void
names(kecs_writer_t *w, const char *name, const kecs_ecs_string_list_t *list)
{
    size_t  i;

    if (list->n == 0) {
        return;
    }

    kecs_w_array(w, name);

    for (i = 0; i < list->n; i++) {
        kecs_w_str(w, NULL, list->items[i]);
    }

    kecs_w_array_end(w);
}


static void
capabilities(kecs_writer_t *w, const kecs_ecs_linux_parameters_t *l)
{
    if (l == NULL || l->capabilities == NULL) {
        return;
    }

    kecs_w_object(w, "capabilities");
    names(w, "add", &l->capabilities->add);
    names(w, "drop", &l->capabilities->drop);
    kecs_w_object_end(w);
}


/* What is behind a word and its colon; false: another one. */

static bool
option_of(kecs_str_t s, kecs_str_t word, kecs_str_t *value)
{
    if (!kecs_str_starts(s, word)) {
        return false;
    }

    *value = kecs_str_from(s, word.len);

    return value->len > 0;
}


typedef struct {
    bool        no_new_privileges;
    kecs_str_t  apparmor;
    kecs_str_t  user;               /* of SELinux, and so on */
    kecs_str_t  role;
    kecs_str_t  type;
    kecs_str_t  level;
} security_options_t;

static bool
security_option(kecs_str_t s, security_options_t *o)
{
    if (kecs_str_is(s, "no-new-privileges")
        || kecs_str_is(s, "no-new-privileges:true"))
    {
        o->no_new_privileges = true;
        return true;
    }

    return option_of(s, kecs_str("apparmor:"), &o->apparmor)
           || option_of(s, kecs_str("label:user:"), &o->user)
           || option_of(s, kecs_str("label:role:"), &o->role)
           || option_of(s, kecs_str("label:type:"), &o->type)
           || option_of(s, kecs_str("label:level:"), &o->level);
}


static void
write_apparmor(kecs_writer_t *w, kecs_str_t profile)
{
    if (profile.data == NULL) {
        return;
    }

    kecs_w_object(w, "appArmorProfile");

    if (kecs_str_is(profile, "unconfined")) {
        kecs_w_cstr(w, "type", "Unconfined");

    } else {
        kecs_w_str(w, "localhostProfile", profile);
        kecs_w_cstr(w, "type", "Localhost");
    }

    kecs_w_object_end(w);
}


static void
write_selinux(kecs_writer_t *w, const security_options_t *o)
{
    if (o->user.data == NULL && o->role.data == NULL && o->type.data == NULL
        && o->level.data == NULL)
    {
        return;
    }

    kecs_w_object(w, "seLinuxOptions");
    kecs_w_opt_str(w, "level", o->level);
    kecs_w_opt_str(w, "role", o->role);
    kecs_w_opt_str(w, "type", o->type);
    kecs_w_opt_str(w, "user", o->user);
    kecs_w_object_end(w);
}


static kecs_rc_t
security_options(kecs_pod_build_t *b,
    const kecs_ecs_container_definition_t *d)
{
    size_t              i;
    kecs_str_t          s;
    security_options_t  o;

    memset(&o, 0, sizeof(o));

    for (i = 0; i < d->docker_security_options.n; i++) {
        s = d->docker_security_options.items[i];

        if (!security_option(s, &o)) {
            return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                               "dockerSecurityOptions is not supported by "
                               "this runtime for \"%.*s\".",
                               kecs_fmt(d->name), kecs_fmt(s));
        }
    }

    if (o.no_new_privileges) {
        kecs_w_bool(&b->w, "allowPrivilegeEscalation", false);
    }

    write_apparmor(&b->w, o.apparmor);
    write_selinux(&b->w, &o);

    return KECS_OK;
}


static kecs_rc_t
security(kecs_pod_build_t *b, const kecs_ecs_container_definition_t *d)
{
    kecs_rc_t       rc;
    kecs_writer_t  *w = &b->w;

    kecs_w_object(w, "securityContext");

    rc = security_options(b, d);
    if (rc != KECS_OK) {
        return rc;
    }

    capabilities(w, d->linux_parameters);

    if (d->privileged.value) {
        kecs_w_bool(w, "privileged", true);
    }

    if (d->readonly_root_filesystem.value) {
        kecs_w_bool(w, "readOnlyRootFilesystem", true);
    }

    rc = user(b, d);
    kecs_w_object_end(w);

    return rc;
}


/*
 * A restart policy.  The period before a restart is not the kubelet's:
 * task_runs.c looks at it.
 */

static void
restart_rules(kecs_writer_t *w,
    const kecs_ecs_container_restart_policy_t *policy)
{
    size_t  i;

    kecs_w_array(w, "restartPolicyRules");
    kecs_w_object(w, NULL);
    kecs_w_cstr(w, "action", "Restart");
    kecs_w_object(w, "exitCodes");
    kecs_w_cstr(w, "operator", "NotIn");
    kecs_w_array(w, "values");

    for (i = 0; i < policy->ignored_exit_codes.n; i++) {
        kecs_w_i64(w, NULL, policy->ignored_exit_codes.items[i].value);
    }

    kecs_w_array_end(w);
    kecs_w_object_end(w);
    kecs_w_object_end(w);
    kecs_w_array_end(w);
}


static kecs_rc_t
restarts(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    if (c->role == KECS_POD_SIDECAR) {
        kecs_w_cstr(&b->w, "restartPolicy", "Always");
        return KECS_OK;
    }

    if (!kecs_container_persists(c->d)) {
        return KECS_OK;
    }

    if (!(b->p->features & KECS_POD_RESTARTS)) {
        return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                           "restartPolicy.enabled is not supported by this "
                           "runtime before Kubernetes 1.35.",
                           kecs_fmt(c->d->name));
    }

    if (c->role == KECS_POD_INIT && !kecs_container_ignores(c->d, 0)) {
        return kecs_pod_no(b, "The field containerDefinitions[%.*s]."
                           "restartPolicy.enabled is not supported by this "
                           "runtime for a container that others wait for to "
                           "end, unless exit code 0 is ignored.",
                           kecs_fmt(c->d->name));
    }

    kecs_w_cstr(&b->w, "restartPolicy", "Never");
    restart_rules(&b->w, c->d->restart_policy);

    return KECS_OK;
}


kecs_rc_t
kecs_pod_write_container(kecs_pod_build_t *b, const kecs_pod_container_t *c)
{
    kecs_rc_t                               rc;
    kecs_writer_t                          *w = &b->w;
    const kecs_ecs_container_definition_t  *d;

    d = c->d;

    kecs_w_object(w, NULL);

    rc = command(b, c);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = environment(b, c);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = image(b, d);
    if (rc != KECS_OK) {
        return rc;
    }

    kecs_w_cstr(w, "imagePullPolicy", "IfNotPresent");
    kecs_w_str(w, "name", c->name);
    ports(b, d);
    kecs_pod_write_gate(b, c);
    health_check(b, c);
    kecs_pod_write_container_resources(b, c);

    rc = restarts(b, c);
    if (rc != KECS_OK) {
        return rc;
    }

    rc = security(b, d);
    if (rc != KECS_OK) {
        return rc;
    }

    if (d->interactive.value) {
        kecs_w_bool(w, "stdin", true);
    }

    kecs_w_cstr(w, "terminationMessagePolicy", "File");

    if (d->pseudo_terminal.value) {
        kecs_w_bool(w, "tty", true);
    }

    rc = kecs_pod_write_mounts(b, c);

    if (d->working_directory.len > 0) {
        kecs_w_str(w, "workingDir", d->working_directory);
    }

    kecs_w_object_end(w);

    return rc;
}
