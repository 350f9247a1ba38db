/*
 * Nodes of the runtime as container instances.  The reconciler keeps a
 * record of each node, in the scope that is the store's own; a node is a
 * container instance of the clusters that it names, and, when it names
 * none, of those whose tasks were put on it.  Memory is the call's.
 */

#ifndef KECS_NODE_H
#define KECS_NODE_H


#include "ecs.h"


/* A node as a runtime shows it; what it does not tell is absent, or 0. */
typedef struct {
    kecs_str_t  name;
    kecs_str_t  uid;
    kecs_str_t  zone;
    kecs_str_t  type;               /* "m5.large" */
    kecs_str_t  arch;               /* "amd64" */
    kecs_str_t  os;                 /* "linux" */
    kecs_str_t  provider;           /* "aws:///us-east-1a/i-0123" */
    kecs_str_t  agent;              /* version of what runs the tasks, */
    kecs_str_t  engine;             /* and of the containers' engine */
    kecs_str_t  clusters;           /* ECS clusters that it names: "a,b" */
    kecs_str_t  pool;               /* the capacity provider that it is of */
    unsigned    launch;             /* KECS_LAUNCH_* that it is for; 0: any */
    bool        reserved;           /* for tasks of the provider */
    bool        ready;
    bool        open;               /* nothing keeps our tasks away */
    bool        cordoned;           /* new ones are kept away for a time */
    uint32_t    cpu;                /* units */
    uint32_t    memory;             /* MiB */
    uint32_t    gpus;
    uint32_t    port;               /* that it keeps for itself */
} kecs_node_seen_t;


/* What is taken of a node besides what its instances' tasks take. */
typedef struct {
    uint32_t    cpu;                /* units */
    uint32_t    memory;             /* MiB */
    uint32_t    gpus;
} kecs_node_use_t;


/*
 * The node is as told from now on; writes only what has changed.  Without
 * `use` what is known of that stays.
 */
kecs_rc_t kecs_node_keep(kecs_call_t *c, const kecs_node_seen_t *seen,
    const kecs_node_use_t *use);

/* The same of `use` alone; the node may be unknown. */
kecs_rc_t kecs_node_keep_use(kecs_call_t *c, kecs_str_t name,
    const kecs_node_use_t *use);

/* It is no more.  The call's scope is of no account in either. */
kecs_rc_t kecs_node_drop(kecs_call_t *c, kecs_str_t name);

/* KECS_NOT_FOUND. */
kecs_rc_t kecs_node_get(kecs_call_t *c, kecs_str_t name, unsigned parts,
    kecs_host_t *out);

/* All of them; *scan is NULL when there are none. */
kecs_rc_t kecs_node_scan(kecs_call_t *c, kecs_scan_t **scan);

/*
 * Whether there is a node that tasks of the launch type can be put on by
 * us: for EC2 any will do, for EXTERNAL one has to say so.
 */
kecs_rc_t kecs_nodes_known(kecs_call_t *c, unsigned launch, bool *known);

/* Whether a node that the cluster may have is of the provider. */
kecs_rc_t kecs_node_pool(kecs_call_t *c, kecs_str_t provider,
    kecs_str_t cluster, bool *known);

/*
 * Whether the node (its list `clusters`) names the cluster: by name, by
 * ARN, or with "*".
 */
bool kecs_node_names(kecs_call_t *c, kecs_str_t clusters,
    kecs_str_t cluster);

/* It names clusters, and this one is not among them. */
bool kecs_node_for_others(kecs_call_t *c, const kecs_host_t *node,
    kecs_str_t cluster);

/*
 * The container instance (not put yet) that the node becomes in the
 * cluster.  KECS_EXISTS: it is one, or a client has deregistered it and
 * the record of that is still there.
 */
kecs_rc_t kecs_node_instance(kecs_call_t *c, const kecs_host_t *node,
    uint32_t cluster, kecs_instance_t *out);

/*
 * An instance of a node (all parts loaded) is brought up to date, or ended
 * when its node is gone; `cluster` is the name of its own.
 */
kecs_rc_t kecs_node_refresh(kecs_call_t *c, kecs_str_t cluster,
    kecs_instance_t *p);

/*
 * It leaves when nothing has been on it for so long, unless its node names
 * the cluster or a client has changed it; all parts are loaded.  *due: the
 * record has been changed thereby and is to be put.
 */
kecs_rc_t kecs_node_idle(kecs_call_t *c, kecs_str_t cluster,
    kecs_msec_t patience, kecs_instance_t *p, bool *due);

/*
 * The nodes leave a cluster without tasks; *others: there are instances
 * that are none.
 */
kecs_rc_t kecs_nodes_leave(kecs_call_t *c, const kecs_cluster_t *cluster,
    bool *others);


#endif
