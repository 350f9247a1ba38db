/*
 * A program that tells who we are ("exec" of a kubeconfig: aws eks
 * get-token, gke-gcloud-auth-plugin, kubelogin), run when it is needed and
 * never waited for: the owner polls kecs_login_fds() with whatever else it
 * polls and calls kecs_login_run().
 *
 * What the program answered is used until the server rejects it (401); well
 * before it expires the program is run again.  Runs that fail, and answers
 * that are rejected at once, make the next run wait ever longer.
 */

#ifndef KECS_LOGIN_H
#define KECS_LOGIN_H


#include <poll.h>

#include "../base/clock.h"
#include "kubeconfig.h"


#define KECS_LOGIN_FDS  2

typedef struct kecs_login_s  kecs_login_t;

/* As the program gave them: a token, a certificate and its key, or both. */
typedef struct {
    kecs_str_t  token;              /* absent: none */
    kecs_str_t  cert;               /* PEM */
    kecs_str_t  key;
} kecs_credential_t;

typedef enum {
    KECS_LOGIN_NOTHING = 0,
    KECS_LOGIN_NEW,                 /* there is a new credential */
    KECS_LOGIN_FAILED               /* kecs_login_why() tells */
} kecs_login_event_t;


/*
 * `exec` is copied.  The program gets `limit` ms for its answer; `pause` is
 * the least time between two runs, doubled up to `pause_max` by failures.
 * KECS_NOMEM.
 */
kecs_rc_t kecs_login_open(const kecs_exec_t *exec, kecs_msec_t limit,
    kecs_msec_t pause, kecs_msec_t pause_max, kecs_login_t **out);

/* Kills the program if it runs.  NULL is fine. */
void kecs_login_close(kecs_login_t *l);

/* Starts the program when that is due, takes what it wrote, ends it. */
kecs_login_event_t kecs_login_run(kecs_login_t *l);

/* What to poll, at most KECS_LOGIN_FDS; how many. */
unsigned kecs_login_fds(const kecs_login_t *l, struct pollfd *fds);

/* At most msec, less when kecs_login_run() has something to do before. */
int kecs_login_wait(const kecs_login_t *l, int msec);

/* There is a credential that nobody has rejected. */
bool kecs_login_usable(const kecs_login_t *l);

/* Valid until the next kecs_login_run(). */
const kecs_credential_t *kecs_login_credential(const kecs_login_t *l);

/* The number of the credential, for kecs_login_judge(). */
unsigned kecs_login_serial(const kecs_login_t *l);

/* A request with this credential was answered with `status`. */
void kecs_login_judge(kecs_login_t *l, unsigned serial, long status);

/* Why the last run failed, without any secret; "" when it did not. */
const char *kecs_login_why(const kecs_login_t *l);


#endif
