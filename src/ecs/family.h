/*
 * Families of task definitions, of those that tasks and services run and
 * of daemons': numbered revisions, and one record that holds the highest
 * number ever (so that none repeats), the highest ACTIVE one and how many
 * are ACTIVE.  It is put together with each revision in the same
 * transaction.
 */

#ifndef KECS_FAMILY_H
#define KECS_FAMILY_H


#include "ecs.h"


/* One of the two kinds. */
typedef struct {
    unsigned     revision;          /* kinds of records */
    unsigned     family;
    unsigned     index;             /* of revisions */
    bool         by_status;         /* the index begins with the status */
    uint8_t      active;            /* the status */
    const char  *resource;          /* in ARNs */
    const char  *member;            /* of requests, in errors */
    const char  *what;              /* in errors */
} kecs_kin_t;

extern const kecs_kin_t  kecs_taskdefs;
extern const kecs_kin_t  kecs_daemon_taskdefs;


/*
 * What names a task definition, taken apart: FAMILY, FAMILY:REVISION or an
 * ARN of either.  revision 0: none was given.  KECS_FAILED when malformed,
 * KECS_NOT_FOUND when it is of another account or region.
 */
typedef struct {
    kecs_str_t  family;
    uint32_t    revision;
} kecs_taskdef_ref_t;

kecs_rc_t kecs_family_ref(kecs_call_t *c, const kecs_kin_t *kin,
    kecs_str_t id, kecs_taskdef_ref_t *ref);

/* A family's record; KECS_OK also when it is new: its numbers are 0. */
kecs_rc_t kecs_family_get(kecs_call_t *c, const kecs_kin_t *kin,
    kecs_str_t name, kecs_family_t *family);

/* KECS_FAILED with ECS's text when there is nothing in `id`. */
kecs_rc_t kecs_family_named(kecs_call_t *c, const kecs_kin_t *kin,
    kecs_str_t id);

/* The revision that `id` names by its number, or ECS's error. */
kecs_rc_t kecs_family_revision(kecs_call_t *c, const kecs_kin_t *kin,
    kecs_str_t id, unsigned parts, kecs_taskdef_t *t);

/* What is stored of a definition; ECS limits its length. */
kecs_rc_t kecs_family_body(kecs_call_t *c, kecs_str_t json,
    kecs_taskdef_t *t);

/* Puts `t`, whose parts are set, as the next revision; ACTIVE. */
kecs_rc_t kecs_family_add(kecs_call_t *c, const kecs_kin_t *kin,
    kecs_str_t name, kecs_taskdef_t *t);

/* Puts the family of `t`, which has been put and is ACTIVE no more. */
kecs_rc_t kecs_family_leave(kecs_call_t *c, const kecs_kin_t *kin,
    const kecs_taskdef_t *t);


#endif
