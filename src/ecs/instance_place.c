/*
 * Tasks on the instances of a cluster that the caller does not choose
 * (RunTask, services): what does not fit, or does not satisfy the
 * constraints, is left out; the strategies choose among the rest.  A
 * placing sees the cluster as it was when it was opened plus the tasks that
 * it has placed since; it lives as long as its call.
 */

#include "../placement/place.h"
#include "instance.h"
#include "node.h"


#define RULES_MAX     6
#define QUERIES_MAX  20

typedef struct {
    kecs_instance_t                 p;
    kecs_usage_t                    usage;
    kecs_ecs_container_instance_t  *view;
    kecs_query_instance_t           q;
    const char                     *refusal;    /* NULL: it may be used */
    bool                            joins;      /* a node: it is none yet */
    uint32_t                        same;       /* tasks of the group */
} candidate_t;

struct kecs_placing_s {
    kecs_call_t                       *c;
    const kecs_new_task_t             *task;
    const kecs_ecs_task_definition_t  *def;
    kecs_needs_t                       needs;
    bool                               distinct;
    bool                               pooled;  /* nodes name its provider */
    kecs_query_t                      *queries[QUERIES_MAX];
    size_t                             n_queries;
    kecs_place_rule_t                  rules[RULES_MAX];
    size_t                             n_rules;
    candidate_t                       *candidates;
    kecs_place_t                      *places;
    size_t                             n;
};


/* What is asked for. */


static kecs_rc_t
add_query(kecs_placing_t *x, kecs_str_t expression)
{
    kecs_rc_t   rc;
    kecs_str_t  why;

    if (x->n_queries == QUERIES_MAX) {
        return KECS_OK;
    }

    rc = kecs_query_parse(x->c->arena, expression,
                          &x->queries[x->n_queries], &why);

    if (rc == KECS_INVALID) {
        return kecs_bad(x->c, "Invalid placement constraint expression:"
                        " %.*s", kecs_fmt(why));
    }

    x->n_queries += rc == KECS_OK;

    return rc;
}


static kecs_rc_t
read_constraints(kecs_placing_t *x)
{
    size_t                                              i;
    kecs_rc_t                                           rc;
    const kecs_ecs_placement_constraints_t             *own;
    const kecs_ecs_task_definition_placement_constraints_t  *def;

    own = x->task->constraints;
    def = &x->def->placement_constraints;
    rc = KECS_OK;

    for (i = 0; rc == KECS_OK && own != NULL && i < own->n; i++) {
        if (kecs_str_is(own->items[i].type, "distinctInstance")) {
            x->distinct = true;

        } else {
            rc = add_query(x, own->items[i].expression);
        }
    }

    for (i = 0; rc == KECS_OK && i < def->n; i++) {
        rc = add_query(x, def->items[i].expression);
    }

    return rc;
}


static kecs_place_type_t
rule_type(kecs_str_t type)
{
    return kecs_str_is(type, "spread") ? KECS_PLACE_SPREAD
           : kecs_str_is(type, "binpack") ? KECS_PLACE_BINPACK
           : KECS_PLACE_RANDOM;
}


/* Without a strategy tasks spread over zones, then over instances. */

static void
read_strategies(kecs_placing_t *x)
{
    size_t                                   i;
    const kecs_ecs_placement_strategies_t   *list;
    static const kecs_place_rule_t           otherwise[] = {
        { KECS_PLACE_SPREAD, kecs_string(KECS_ZONE_ATTRIBUTE) },
        { KECS_PLACE_SPREAD, kecs_string("instanceId") }
    };

    list = x->task->strategies;

    if (list == NULL || list->n == 0) {
        memcpy(x->rules, otherwise, sizeof(otherwise));
        x->n_rules = sizeof(otherwise) / sizeof(otherwise[0]);
        return;
    }

    for (i = 0; i < list->n && i < RULES_MAX; i++) {
        x->rules[i].type = rule_type(list->items[i].type);
        x->rules[i].field = list->items[i].field;
    }

    x->n_rules = i;
}


/* What there is. */


/*
 * A node that names a provider is for its tasks, and for those without a
 * provider unless it is reserved; the others are for all whose provider no
 * node names.
 */

static bool
of_pool(const kecs_placing_t *x, const kecs_instance_t *p)
{
    kecs_str_t  wanted;

    wanted = x->task->capacity_provider;

    if (wanted.len == 0) {
        return !p->reserved;
    }

    return kecs_str_eq(p->provider, wanted)
           || (p->node.len != 0 && p->provider.len == 0 && !x->pooled);
}


static kecs_rc_t
eligible(const kecs_placing_t *x, const candidate_t *d, bool *is)
{
    unsigned   launch;
    kecs_rc_t  rc;

    *is = false;

    if (d->p.status != KECS_INSTANCE_ACTIVE || !of_pool(x, &d->p)) {
        return KECS_OK;
    }

    launch = kecs_instance_launch(&d->p, d->view);
    rc = d->p.node.len != 0 && d->p.provider.len != 0
         && launch == KECS_LAUNCH_EC2
         ? kecs_provider_launch(x->c, d->p.provider, &launch) : KECS_OK;

    *is = launch == x->task->launch
          || (d->p.node.len == 0 && x->task->capacity_provider.len != 0);

    return rc;
}


static kecs_str_t
zone_in(const kecs_ecs_container_instance_t *view)
{
    return kecs_given(kecs_attribute_value(&view->attributes,
                                           kecs_str(KECS_ZONE_ATTRIBUTE)));
}


static kecs_rc_t
add(kecs_placing_t *x, candidate_t *d, kecs_buf_t *b)
{
    bool       is;
    kecs_rc_t  rc;

    rc = kecs_instance_view(x->c, &d->p, &d->view);

    if (rc == KECS_OK && x->task->only_zone.len != 0
        && !kecs_str_eq(x->task->only_zone, zone_in(d->view)))
    {
        return KECS_OK;
    }

    if (rc == KECS_OK) {
        rc = eligible(x, d, &is);
    }

    if (rc == KECS_OK && is) {
        kecs_buf_add(b, d, sizeof(*d));
        x->n++;
    }

    return rc;
}


static kecs_rc_t
gather_instances(kecs_placing_t *x, kecs_buf_t *b)
{
    kecs_rc_t     rc;
    candidate_t   d;
    kecs_key_t    prefix;
    kecs_str_t    key;
    kecs_scan_t  *scan;

    kecs_key_init(&prefix);
    kecs_key_u32(&prefix, x->task->cluster->no);

    rc = kecs_scan(x->c->txn, x->c->arena, KECS_IX_INSTANCE, x->c->scope,
                   &prefix, kecs_null_str, false, &scan);

    while (rc == KECS_OK) {
        memset(&d, 0, sizeof(d));
        rc = kecs_scan_next(scan, &key, &d.p);

        if (rc == KECS_OK) {
            rc = kecs_get(x->c->txn, x->c->arena, &d.p, KECS_INSTANCE_ALL);
        }

        if (rc == KECS_OK) {
            rc = add(x, &d, b);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


/* A node that may join, unless it names other clusters. */

static kecs_rc_t
look_at_node(kecs_placing_t *x, kecs_host_t *node, kecs_buf_t *b)
{
    kecs_rc_t    rc;
    candidate_t  d;

    rc = kecs_get(x->c->txn, x->c->arena, node, KECS_ALL_PARTS);

    if (rc != KECS_OK || !node->connected || node->cordoned
        || node->launch == KECS_LAUNCH_FARGATE
        || kecs_node_for_others(x->c, node, x->task->cluster->name))
    {
        return rc;
    }

    memset(&d, 0, sizeof(d));
    rc = kecs_node_instance(x->c, node, x->task->cluster->no, &d.p);
    d.joins = true;

    return rc == KECS_OK ? add(x, &d, b) : rc == KECS_EXISTS ? KECS_OK : rc;
}


static kecs_rc_t
gather_nodes(kecs_placing_t *x, kecs_buf_t *b)
{
    kecs_rc_t     rc;
    kecs_str_t    key;
    kecs_host_t   node;
    kecs_scan_t  *scan;

    rc = kecs_node_scan(x->c, &scan);

    while (rc == KECS_OK && scan != NULL) {
        memset(&node, 0, sizeof(node));
        rc = kecs_scan_next(scan, &key, &node);

        if (rc == KECS_OK) {
            rc = look_at_node(x, &node, b);
        }
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


static kecs_rc_t
gather(kecs_placing_t *x)
{
    kecs_rc_t   rc;
    kecs_buf_t  b;

    kecs_buf_init(&b, x->c->arena, 0);
    rc = gather_instances(x, &b);

    if (rc == KECS_OK) {
        rc = gather_nodes(x, &b);
    }

    x->candidates = (candidate_t *) (void *) b.data;

    return rc == KECS_OK && b.failed ? KECS_NOMEM : rc;
}


/* How one stands now. */


static kecs_rc_t
constrain(kecs_placing_t *x, candidate_t *d, uint32_t same)
{
    bool       match;
    size_t     i;
    kecs_rc_t  rc;

    if (x->distinct && same != 0) {
        d->refusal = "DistinctInstance placement constraint unsatisfied.";
        return KECS_OK;
    }

    for (i = 0; i < x->n_queries; i++) {
        rc = kecs_query_match(x->queries[i], &d->q, &match);
        if (rc != KECS_OK) {
            return rc;
        }

        if (!match) {
            d->refusal = "MemberOf placement constraint unsatisfied.";
            return KECS_OK;
        }
    }

    return KECS_OK;
}


static kecs_rc_t
judge(kecs_placing_t *x, size_t i)
{
    kecs_rc_t      rc;
    candidate_t   *d;
    kecs_place_t  *p;

    d = &x->candidates[i];
    p = &x->places[i];

    rc = kecs_instance_remaining(x->c, &d->usage, d->view);

    if (rc == KECS_OK) {
        rc = kecs_instance_query(x->c, &d->p, d->view, &d->usage, &d->q);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    p->id = kecs_str_n(d->p.id, KECS_ID_LEN);
    p->attributes = d->q.attributes;
    p->n_attributes = d->q.n_attributes;
    p->same = d->same;
    kecs_instance_left(d->view, &p->cpu, &p->memory);

    d->refusal = kecs_instance_fits(&d->p, d->view, x->def, &x->needs);

    if (d->refusal == NULL) {
        rc = constrain(x, d, p->same);
    }

    p->fits = d->refusal == NULL;

    return rc;
}


/* Counts will do, unless it comes down to ports, GPUs or others' groups. */

static bool
has_to_list(const kecs_placing_t *x)
{
    bool    list;
    size_t  i;

    list = x->needs.ports.len != 0 || x->needs.gpus != 0;

    for (i = 0; i < x->n_queries; i++) {
        list |= (kecs_query_needs(x->queries[i]) & KECS_QUERY_GROUPS) != 0;
    }

    return list;
}


static kecs_rc_t
look_at(kecs_placing_t *x, candidate_t *d, bool listed)
{
    kecs_rc_t  rc;

    rc = listed ? kecs_instance_usage(x->c, &d->p, &d->usage)
                : kecs_instance_load(x->c, &d->p, &d->usage);

    return rc == KECS_OK
           ? kecs_group_count(x->c->txn, &d->p, x->task->group, &d->same)
           : rc;
}


static kecs_rc_t
judge_all(kecs_placing_t *x)
{
    bool       listed;
    size_t     i;
    kecs_rc_t  rc;

    listed = has_to_list(x);
    x->places = kecs_calloc(x->c->arena, x->n, sizeof(kecs_place_t));

    if (x->places == NULL) {
        return KECS_NOMEM;
    }

    for (i = 0; i < x->n; i++) {
        rc = look_at(x, &x->candidates[i], listed);

        if (rc == KECS_OK) {
            rc = judge(x, i);
        }

        if (rc != KECS_OK) {
            return rc;
        }
    }

    return KECS_OK;
}


/*
 * There is something to put them on, so they are put by us; instances that
 * ECS would launch are nodes that name the provider.
 */

static kecs_rc_t
has_places(kecs_call_t *c, const kecs_new_task_t *n, bool *has)
{
    kecs_rc_t      rc;
    kecs_counts_t  counts;

    *has = false;

    if (n->launch == KECS_LAUNCH_FARGATE) {
        return KECS_OK;
    }

    if (n->launch == KECS_LAUNCH_MANAGED_INSTANCES) {
        return kecs_node_pool(c, n->capacity_provider, n->cluster->name,
                              has);
    }

    rc = kecs_counts(c->txn, c->scope, n->cluster->no, 0, 0, &counts);
    *has = rc == KECS_OK && counts.instances != 0;

    return rc == KECS_OK && !*has ? kecs_nodes_known(c, n->launch, has) : rc;
}


/* What is asked for, before anything is looked at. */

static kecs_rc_t
new_placing(kecs_call_t *c, const kecs_new_task_t *n, kecs_placing_t **out)
{
    kecs_rc_t                    rc;
    kecs_placing_t              *x;
    kecs_ecs_task_definition_t  *def;

    *out = NULL;
    x = kecs_zalloc(c->arena, sizeof(kecs_placing_t));
    rc = x != NULL ? kecs_taskdef_load(c, n->taskdef, &def) : KECS_NOMEM;

    if (rc != KECS_OK) {
        return rc;
    }

    x->c = c;
    x->task = n;
    x->def = def;
    rc = read_constraints(x);

    if (rc == KECS_OK && n->capacity_provider.len != 0) {
        rc = kecs_node_pool(c, n->capacity_provider, n->cluster->name,
                            &x->pooled);
    }

    *out = rc == KECS_OK ? x : NULL;

    return rc;
}


/*
 * *out is NULL when such tasks are not placed: those of FARGATE, and all in
 * a cluster without instances while no node is known.
 */

static kecs_rc_t
open_placing(kecs_call_t *c, const kecs_new_task_t *n, kecs_placing_t **out)
{
    bool             has;
    kecs_rc_t        rc;
    kecs_placing_t  *x;

    *out = NULL;
    rc = has_places(c, n, &has);

    if (rc != KECS_OK || !has) {
        return rc;
    }

    rc = new_placing(c, n, &x);

    if (rc != KECS_OK) {
        return rc;
    }

    read_strategies(x);

    rc = kecs_task_needs(c, n, &x->needs);

    if (rc == KECS_OK) {
        rc = gather(x);
    }

    if (rc == KECS_OK && x->n == 0) {
        return kecs_bad(c, "No Container Instances were found in your"
                        " cluster.");
    }

    if (rc == KECS_OK) {
        rc = judge_all(x);
    }

    *out = rc == KECS_OK ? x : NULL;

    return rc;
}


/* The task counts for what comes after it. */

static kecs_rc_t
take(kecs_placing_t *x, size_t i)
{
    candidate_t    *d;
    kecs_placed_t  *t;

    d = &x->candidates[i];
    t = kecs_zalloc(x->c->arena, sizeof(kecs_placed_t));

    if (t == NULL) {
        return KECS_NOMEM;
    }

    t->group = x->task->group;
    t->ports = x->needs.ports;
    t->gpus = x->task->gpus;
    t->next = d->usage.tasks;
    d->usage.tasks = t;
    d->usage.n++;
    d->usage.pending++;
    d->same++;
    d->usage.cpu += x->needs.cpu;
    d->usage.memory += x->needs.memory;

    return judge(x, i);
}


/* KECS_NOT_FOUND: there is no place left. */

static kecs_rc_t
place_next(kecs_placing_t *x, kecs_new_task_t *n)
{
    size_t        i;
    kecs_rc_t     rc;
    candidate_t  *d;

    i = kecs_place_choose(x->places, x->n, x->rules, x->n_rules, x->c->rand);

    if (i == x->n) {
        return KECS_NOT_FOUND;
    }

    d = &x->candidates[i];
    n->instance = d->p.id;
    n->node = d->p.node;
    n->zone = zone_in(d->view);

    rc = kecs_instance_gpus(x->c, d->view, &x->needs, &n->gpus);

    if (rc == KECS_OK && d->joins) {
        rc = kecs_instance_put(x->c, &d->p);
        d->joins = false;
    }

    return rc == KECS_OK ? take(x, i) : rc;
}


kecs_rc_t
kecs_tasks_place(kecs_call_t *c, kecs_new_task_t *n, size_t count,
    kecs_task_t *out, size_t *made, kecs_placing_t **placing)
{
    kecs_rc_t        rc;
    kecs_placing_t  *x;

    *made = 0;
    *placing = NULL;

    rc = open_placing(c, n, &x);

    if (rc == KECS_OK && x == NULL) {
        n->zone = n->only_zone;
        rc = kecs_tasks_create(c, n, count, out);
        *made = count;
    }

    while (rc == KECS_OK && *made < count) {
        rc = place_next(x, n);

        if (rc == KECS_NOT_FOUND) {
            *placing = x;
            return KECS_OK;
        }

        if (rc == KECS_OK) {
            rc = kecs_task_create(c, n, &out[*made]);
            *made += 1;
        }
    }

    return rc;
}


void
kecs_placing_failures(kecs_placing_t *x)
{
    size_t  i;

    for (i = 0; i < x->n; i++) {
        if (x->candidates[i].refusal != NULL) {
            kecs_failure_write(x->c,
                               kecs_instance_arn(x->c, x->task->cluster->name,
                                                 x->candidates[i].p.id),
                               x->candidates[i].refusal, kecs_null_str);
        }
    }
}


static const struct {
    const char  *refusal;
    const char  *text;
} complaints[] = {
    { "RESOURCE:CPU", "has insufficient CPU units available" },
    { "RESOURCE:MEMORY", "has insufficient memory available" },
    { "RESOURCE:PORTS", "is already using a port required by your task" },
    { "ATTRIBUTE", "is missing an attribute required by your task" }
};

#define COMPLAINTS  (sizeof(complaints) / sizeof(complaints[0]))
#define OTHERWISE   "encountered error \""
#define CLOSEST     "(container-instance "


static kecs_str_t
complaint(kecs_arena_t *a, const char *refusal)
{
    size_t  i;

    for (i = 0; i < COMPLAINTS; i++) {
        if (strcmp(refusal, complaints[i].refusal) == 0) {
            return kecs_str_of(complaints[i].text);
        }
    }

    return kecs_sprintf(a, OTHERWISE "%s\"", refusal);
}


/* What is behind `before`, up to `end`; false when it is not there. */

static bool
between(kecs_str_t text, const char *before, char end, kecs_str_t *out)
{
    ptrdiff_t  at;

    at = kecs_str_find(text, kecs_str_of(before));

    if (at == -1) {
        return false;
    }

    text = kecs_str_from(text, (size_t) at + strlen(before));

    return kecs_str_split(&text, end, out);
}


void
kecs_complaint_parse(kecs_str_t message, kecs_str_t *refusal,
    kecs_str_t *instance)
{
    size_t  i;

    *refusal = kecs_null_str;
    *instance = kecs_null_str;
    (void) between(message, CLOSEST, ')', instance);

    if (between(message, OTHERWISE, '"', refusal)) {
        return;
    }

    for (i = 0; i < COMPLAINTS; i++) {
        if (kecs_str_find(message, kecs_str_of(complaints[i].text)) != -1) {
            *refusal = kecs_str_of(complaints[i].refusal);
        }
    }
}


kecs_str_t
kecs_refusal_complaint(kecs_arena_t *a, const uint8_t *instance,
    const char *refusal)
{
    char        hex[2 * KECS_ID_LEN];
    kecs_str_t  why;

    kecs_hex(instance, KECS_ID_LEN, hex);
    why = complaint(a, refusal);

    return why.data == NULL ? why
           : kecs_sprintf(a, KECS_NOT_PLACED " The closest matching"
                          " " CLOSEST "%.*s) %.*s. For more"
                          " information, see the Troubleshooting section of"
                          " the Amazon ECS Developer Guide.",
                          (int) sizeof(hex), hex, kecs_fmt(why));
}


kecs_str_t
kecs_placing_complaint(kecs_placing_t *x)
{
    size_t  i;

    for (i = 0; i + 1 < x->n && x->candidates[i].refusal == NULL; i++) {
        /* void */
    }

    return kecs_refusal_complaint(x->c->arena, x->candidates[i].p.id,
                                  x->candidates[i].refusal);
}


/* Instances that are chosen otherwise. */


static kecs_rc_t
get_instance(kecs_call_t *c, const kecs_new_task_t *n,
    const uint8_t *instance, kecs_instance_t *p)
{
    memset(p, 0, sizeof(*p));
    p->rec.kind = KECS_INSTANCE;
    p->rec.scope = c->scope;
    p->cluster = n->cluster->no;
    memcpy(p->id, instance, KECS_ID_LEN);

    return kecs_get(c->txn, c->arena, p, KECS_INSTANCE_ALL);
}


static kecs_rc_t
refuse(kecs_call_t *c, const kecs_instance_t *p, kecs_new_task_t *n,
    const char **refusal)
{
    kecs_rc_t                    rc;
    kecs_needs_t                 needs;
    kecs_ecs_task_definition_t  *def;

    rc = kecs_taskdef_load(c, n->taskdef, &def);

    if (rc == KECS_OK) {
        rc = kecs_task_needs(c, n, &needs);
    }

    return rc == KECS_OK ? kecs_instance_refusal(c, p, def, &needs, refusal,
                                                 &n->gpus)
                         : rc;
}


kecs_rc_t
kecs_task_on(kecs_call_t *c, const uint8_t *instance, kecs_new_task_t *n,
    const char **refusal)
{
    kecs_rc_t                       rc;
    kecs_instance_t                *p;
    kecs_ecs_container_instance_t  *view;

    *refusal = NULL;
    p = kecs_alloc(c->arena, sizeof(*p));

    if (p == NULL) {
        return KECS_NOMEM;
    }

    rc = get_instance(c, n, instance, p);

    if (rc == KECS_OK) {
        rc = kecs_instance_view(c, p, &view);
    }

    if (rc != KECS_OK) {
        return rc;
    }

    n->zone = zone_in(view);
    n->instance = p->id;
    n->node = p->node;

    return refuse(c, p, n, refusal);
}


kecs_rc_t
kecs_constraints_open(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_placing_t **out)
{
    return new_placing(c, n, out);
}


/* Whether it is an instance for such tasks, were there room. */

static kecs_rc_t
is_for(kecs_placing_t *x, candidate_t *d, bool *is)
{
    kecs_rc_t  rc;

    rc = eligible(x, d, is);

    if (rc != KECS_OK || !*is || x->n_queries == 0) {
        return rc;
    }

    rc = kecs_instance_usage(x->c, &d->p, &d->usage);

    if (rc == KECS_OK) {
        rc = kecs_instance_remaining(x->c, &d->usage, d->view);
    }

    if (rc == KECS_OK) {
        rc = kecs_instance_query(x->c, &d->p, d->view, &d->usage, &d->q);
    }

    if (rc == KECS_OK) {
        rc = constrain(x, d, 0);
    }

    *is = d->refusal == NULL;

    return rc;
}


kecs_rc_t
kecs_constraints_met(kecs_placing_t *x, const uint8_t *instance, bool *met)
{
    kecs_rc_t    rc;
    candidate_t  d;

    *met = false;
    memset(&d, 0, sizeof(d));
    rc = get_instance(x->c, x->task, instance, &d.p);

    if (rc == KECS_OK) {
        rc = kecs_instance_view(x->c, &d.p, &d.view);
    }

    return rc == KECS_OK ? is_for(x, &d, met) : rc;
}


/* Zones. */


typedef struct {
    kecs_str_t  *names;
    size_t       n;
    size_t       size;
} zones_t;


static kecs_rc_t
add_zone(kecs_arena_t *a, zones_t *z, kecs_str_t name)
{
    kecs_str_t  *more;

    if (name.len == 0 || kecs_strs_has(z->n, z->names, name)) {
        return KECS_OK;
    }

    if (z->n == z->size) {
        z->size = z->size != 0 ? 2 * z->size : 4;
        more = kecs_calloc(a, z->size, sizeof(*more));

        if (more == NULL) {
            return KECS_NOMEM;
        }

        if (z->n != 0) {
            memcpy(more, z->names, z->n * sizeof(*more));
        }

        z->names = more;
    }

    z->names[z->n++] = name;

    return KECS_OK;
}


static kecs_rc_t
zones_of_instances(kecs_call_t *c, const kecs_new_task_t *n, zones_t *z)
{
    bool             is;
    size_t           i;
    kecs_rc_t        rc;
    kecs_placing_t  *x;

    rc = new_placing(c, n, &x);

    if (rc == KECS_OK) {
        rc = gather(x);
    }

    for (i = 0; rc == KECS_OK && i < x->n; i++) {
        rc = is_for(x, &x->candidates[i], &is);

        if (rc == KECS_OK && is
            && kecs_instance_suits(&x->candidates[i].p,
                                   x->candidates[i].view, x->def))
        {
            rc = add_zone(c->arena, z, zone_in(x->candidates[i].view));
        }
    }

    return rc;
}


/*
 * Tasks that the runtime finds places for may be on any node that takes
 * tasks; where some are rather for them (runtimes.md), only these count.
 */

typedef enum {
    RANK_OWN = 0,                   /* a node for FARGATE, */
    RANK_ANY,                       /* for whatever there is, */
    RANK_OTHER,                     /* rather for something else */
    RANKS
} rank_t;


static rank_t
rank_of(const kecs_new_task_t *n, const kecs_host_t *node)
{
    return node->launch == n->launch ? RANK_OWN
           : node->launch == 0 && node->pool.len == 0 ? RANK_ANY
           : RANK_OTHER;
}


static kecs_rc_t
zone_of_node(kecs_call_t *c, const kecs_new_task_t *n,
    const kecs_ecs_task_definition_t *def, kecs_host_t *node, zones_t *ranks)
{
    kecs_rc_t    rc;
    candidate_t  d;

    rc = kecs_get(c->txn, c->arena, node, KECS_ALL_PARTS);

    if (rc != KECS_OK || !node->connected || node->cordoned || node->reserved)
    {
        return rc;
    }

    memset(&d, 0, sizeof(d));
    d.p.rec.gen = node->rec.gen;
    kecs_rec_part(&d.p.rec, KECS_INSTANCE_ATTRIBUTES,
                  node->rec.part[KECS_NODE_ATTRIBUTES]);
    rc = kecs_instance_view(c, &d.p, &d.view);

    return rc == KECS_OK && kecs_instance_platform(&d.view->attributes, def)
           ? add_zone(c->arena, &ranks[rank_of(n, node)], zone_in(d.view))
           : rc;
}


static kecs_rc_t
zones_of_nodes(kecs_call_t *c, const kecs_new_task_t *n, zones_t *z)
{
    rank_t                       i;
    zones_t                      ranks[RANKS];
    kecs_rc_t                    rc;
    kecs_str_t                   key;
    kecs_host_t                  node;
    kecs_scan_t                 *scan;
    kecs_ecs_task_definition_t  *def;

    memset(ranks, 0, sizeof(ranks));
    rc = kecs_taskdef_load(c, n->taskdef, &def);

    if (rc == KECS_OK) {
        rc = kecs_node_scan(c, &scan);
    }

    while (rc == KECS_OK && scan != NULL) {
        memset(&node, 0, sizeof(node));
        rc = kecs_scan_next(scan, &key, &node);

        if (rc == KECS_OK) {
            rc = zone_of_node(c, n, def, &node, ranks);
        }
    }

    for (i = RANK_OWN; i < RANKS && z->n == 0; i++) {
        *z = ranks[i];
    }

    return rc == KECS_DONE ? KECS_OK : rc;
}


kecs_rc_t
kecs_task_zones(kecs_call_t *c, const kecs_new_task_t *n,
    kecs_str_t **zones, size_t *count)
{
    bool       placed;
    kecs_rc_t  rc;
    zones_t    z;

    memset(&z, 0, sizeof(z));
    rc = has_places(c, n, &placed);

    if (rc == KECS_OK) {
        rc = placed ? zones_of_instances(c, n, &z)
                    : zones_of_nodes(c, n, &z);
    }

    *zones = z.names;
    *count = z.n;

    return rc;
}
