/*
 * What the parts of `kecs doctor` share: findings, and the verdicts that
 * need nothing but their arguments.
 */

#ifndef KECS_DOCTOR_H
#define KECS_DOCTOR_H


#include "../base/arena.h"
#include "../base/clock.h"
#include "../store/store.h"
#include "cli.h"


typedef enum {
    KECS_FINE = 0,
    KECS_WARN,
    KECS_FAIL,
    KECS_LEVELS
} kecs_level_t;

typedef struct kecs_finding_s  kecs_finding_t;

struct kecs_finding_s {
    kecs_finding_t  *next;
    kecs_level_t     level;
    const char      *what;          /* "disk"; a constant */
    kecs_str_t       text;
    const char      *fix;           /* what to do; "" when all is well */
};

typedef struct {
    kecs_options_t      *o;
    kecs_arena_t        *arena;
    kecs_finding_t      *first, *last;
    unsigned             n[KECS_LEVELS];

    pid_t                up;        /* `kecs up` on this folder, or 0 */
    pid_t                reconciler;
    kecs_endpoint_t      at;
    unsigned             port;      /* of the system here, or as asked for */
    unsigned             admin_port;
    bool                 opened;    /* the store could be */
    kecs_store_info_t    info;
} kecs_doctor_t;

/* Adds a finding; `what` and `fix` are constants, or in the arena. */
void kecs_found(kecs_doctor_t *d, kecs_level_t level, const char *what,
    const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* The parts: each adds its findings. */
void kecs_doctor_folder(kecs_doctor_t *d);
void kecs_doctor_store(kecs_doctor_t *d);
void kecs_doctor_ports(kecs_doctor_t *d);
void kecs_doctor_nginx(kecs_doctor_t *d);
void kecs_doctor_machine(kecs_doctor_t *d);
void kecs_doctor_clients(kecs_doctor_t *d);
void kecs_doctor_cluster(kecs_doctor_t *d);


/* Verdicts (verdict.c). */

/* Bytes that are left on the disk of the store. */
kecs_level_t kecs_judge_disk(uint64_t left);

/* The map: of a full one, calls that add are refused from 90 % on. */
kecs_level_t kecs_judge_map(uint64_t used, uint64_t size);

/* The mode of the data folder: others must not write, nor read secrets. */
kecs_level_t kecs_judge_mode(unsigned mode);

/* f_type of statfs(): the store cannot be on a disk of the network. */
bool kecs_is_network_disk(long type);

/* The server's clock minus ours, in milliseconds. */
kecs_level_t kecs_judge_skew(kecs_msec_t skew);

/*
 * What `aws --version` prints: KECS_FAIL for one that does not know
 * AWS_ENDPOINT_URL, KECS_WARN when it is not understood.
 */
kecs_level_t kecs_judge_aws(const char *line, int *major, int *minor);

/*
 * The value of AWS_ENDPOINT_URL or AWS_ENDPOINT_URL_ECS: KECS_FINE when it
 * is this machine and `port`, KECS_FAIL when it is AWS, else KECS_WARN.
 */
kecs_level_t kecs_judge_endpoint(const char *url, unsigned port);

/*
 * A line of /proc/net/tcp or tcp6: true for a socket that listens on `port`
 * on an address that includes 127.0.0.1.
 */
bool kecs_listens(const char *line, unsigned port,
    unsigned long long *inode);


#endif
