/*
 * What the files of the daemon operations share.  Daemons run one task on
 * each instance of their capacity providers.  No such instance is there in
 * this release, so that a deployment has nothing to start or to drain: it
 * ends well in the write that makes it, and a daemon that is deleted is
 * gone with it.
 */

#ifndef KECS_DAEMON_H
#define KECS_DAEMON_H


#include "launch.h"


/* What Create and Update say; Update's request is copied into this one. */
typedef kecs_ecs_create_daemon_request_t  kecs_daemon_spec_t;

/*
 * Puts a deployment of the daemon and, unless it is deleted, its daemon
 * revision (spec NULL: it is deleted).  The daemon's head follows, the
 * daemon itself is the caller's to put.  `images` are those of the daemon
 * task definition.
 */
kecs_rc_t kecs_daemon_deploy(kecs_call_t *c, kecs_daemon_t *d,
    const kecs_daemon_spec_t *spec, const kecs_taskdef_t *taskdef);

/* The configuration stored with a daemon or a deployment, as a request. */
kecs_rc_t kecs_daemon_spec_load(kecs_call_t *c, kecs_str_t json,
    const kecs_daemon_spec_t **spec);

/* As described; parts loaded, where they are there. */
kecs_rc_t kecs_daemon_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_daemon_t *d);
kecs_rc_t kecs_daemon_deployment_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_daemon_deployment_t *p);
void kecs_daemon_revision_write(kecs_call_t *c, const char *name,
    kecs_str_t cluster, const kecs_daemon_revision_t *r);

/*
 * A daemon has let go of a task definition: one that is being deleted is
 * deleted when no daemon uses it any more.
 */
kecs_rc_t kecs_daemon_taskdef_let_go(kecs_call_t *c, kecs_str_t family,
    uint32_t revision);


#endif
