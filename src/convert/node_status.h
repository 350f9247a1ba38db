/*
 * From a node, as the Kubernetes API shows it, to what a runtime reports
 * of it (ecs/node.h).  Pure; whatever a node holds, the answer is a node or
 * an error.
 */

#ifndef KECS_NODE_STATUS_H
#define KECS_NODE_STATUS_H


#include "../ecs/node.h"
#include "../json/json.h"


#define KECS_ZONE_LABEL  "topology.kubernetes.io/zone"

/* A label or an annotation for one cluster, an annotation for several. */
#define KECS_NODE_CLUSTER   "kecs/cluster"
#define KECS_NODE_CLUSTERS  "kecs/clusters"

/*
 * Labels: the capacity provider that the node is of, and the launch type
 * that it is for (EC2, FARGATE, EXTERNAL).  A taint with the key and the
 * value of the former keeps the node for tasks of the provider.
 */
#define KECS_NODE_PROVIDER  "kecs/capacity-provider"
#define KECS_NODE_LAUNCH    "kecs/launch-type"

/* A label, and a taint, of the nodes that Azure may take away. */
#define KECS_NODE_AZURE_SPOT  "kubernetes.azure.com/scalesetpriority"

/*
 * Fills *out; strings lie in the node's tree or in the arena.  KECS_OK,
 * KECS_NOMEM, or KECS_INVALID: it has no name or no uid.
 */
kecs_rc_t kecs_node_observe(kecs_arena_t *a, const kecs_json_t *node,
    kecs_node_seen_t *out);

/* Whether both tell the same. */
bool kecs_node_same(const kecs_node_seen_t *a, const kecs_node_seen_t *b);

/* A copy that lies wholly in the arena; false: out of memory. */
bool kecs_node_copy(kecs_arena_t *a, const kecs_node_seen_t *from,
    kecs_node_seen_t *to);


#endif
