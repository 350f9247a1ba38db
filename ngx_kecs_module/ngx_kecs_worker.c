/*
 * A worker's life with the store: opening it after fork, retrying every
 * second while it cannot be opened, holding the writer role when it falls
 * to this process, and leaving without losing anything.
 *
 * ngx_kecs_worker is the state of this process; only the event loop touches
 * it.  One cancelable tick drives what no event announces: nginx has no
 * hook for the beginning of a graceful shutdown.
 */

#include "ngx_kecs.h"
#include <signal.h>


#define NGX_KECS_TICK           250
#define NGX_KECS_REOPEN         1000
#define NGX_KECS_COMPLAIN       60000
#define NGX_KECS_CLEAR_READERS  60000

/* How long a leaving holder waits for the hand-over; TERM is in a hurry. */
#define NGX_KECS_STOP_GRACEFUL  5000
#define NGX_KECS_STOP_FAST      500


static void ngx_kecs_tick(ngx_event_t *ev);


ngx_kecs_worker_t  ngx_kecs_worker;

static ngx_event_t          ngx_kecs_tick_event;
static ngx_connection_t     ngx_kecs_tick_dummy;
static kecs_writer_stats_t  ngx_kecs_counted;
static ngx_msec_t           ngx_kecs_opened;       /* last try */
static ngx_msec_t           ngx_kecs_complained;
static ngx_msec_t           ngx_kecs_cleared;
static ngx_uint_t           ngx_kecs_going;        /* goaway was sent */
static u_char               ngx_kecs_why[512];
static time_t               ngx_kecs_refused;      /* the role, last told */


/*
 * The sink of everything below the module.  The writer's thread comes here
 * too, so no log of a connection or request is used: their handlers read
 * what belongs to the event loop.
 */

static void
ngx_kecs_log_sink(void *ctx, kecs_level_t level, const char *line)
{
    ngx_uint_t  to;

    switch (level) {

    case KECS_LOG_ERROR:
        to = NGX_LOG_ERR;
        break;

    case KECS_LOG_WARN:
        to = NGX_LOG_WARN;
        break;

    case KECS_LOG_NOTICE:
        to = NGX_LOG_NOTICE;
        break;

    default:
        to = NGX_LOG_INFO;
    }

    ngx_log_error(to, ngx_cycle->log, 0, "kecs: %s", line);
}


ngx_uint_t
ngx_kecs_leaving(void)
{
    return ngx_exiting || ngx_quit || ngx_terminate;
}


/* The folder, before fork. */

static ngx_uint_t
ngx_kecs_folder_empty(const char *path)
{
    ngx_dir_t   dir;
    ngx_str_t   name;
    ngx_uint_t  empty;

    name.data = (u_char *) path;
    name.len = ngx_strlen(path);

    if (ngx_open_dir(&name, &dir) == NGX_ERROR) {
        return 0;
    }

    empty = 1;

    while (ngx_read_dir(&dir) == NGX_OK) {
        if (ngx_de_name(&dir)[0] != '.') {
            empty = 0;
            break;
        }
    }

    (void) ngx_close_dir(&dir);

    return empty;
}


/*
 * Like nginx's own temporary folders the store's belongs to the workers'
 * user.  One that holds something already is left as it is: it may not be
 * a store at all, and the workers say what they miss.
 */

ngx_int_t
ngx_kecs_make_folder(ngx_cycle_t *cycle, ngx_str_t *path)
{
    ngx_err_t         err;
    ngx_file_info_t   fi;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (ngx_create_dir(path->data, 0700) == NGX_FILE_ERROR) {
        err = ngx_errno;

        if (err != NGX_EEXIST) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, err,
                          "cannot make the folder of \"kecs_store\","
                          " \"%V\"", path);
            return NGX_ERROR;
        }
    }

    if (geteuid() != 0 || ccf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT
        || ngx_file_info(path->data, &fi) == NGX_FILE_ERROR
        || fi.st_uid == ccf->user
        || !ngx_kecs_folder_empty((char *) path->data))
    {
        return NGX_OK;
    }

    if (chown((const char *) path->data, ccf->user, ccf->group) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "cannot give the folder of \"kecs_store\", \"%V\","
                      " to the user of the workers", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* The store. */

static void
ngx_kecs_complain(kecs_rc_t rc, const char *why)
{
    ngx_uint_t  again;

    again = ngx_kecs_complained != 0
            && ngx_current_msec - ngx_kecs_complained < NGX_KECS_COMPLAIN;

    if (why == NULL) {
        why = kecs_rc_name(rc);
    }

    if (!again || ngx_strcmp(ngx_kecs_why, why) != 0) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "kecs: cannot open the store in \"%s\": %s; requests"
                      " are answered with ServerException, trying again"
                      " every second", ngx_kecs_worker.folder, why);
        ngx_kecs_complained = ngx_current_msec;
    }

    ngx_cpystrn(ngx_kecs_why, (u_char *) why, sizeof(ngx_kecs_why));
    ngx_kecs_worker.why = (const char *) ngx_kecs_why;
}


static void
ngx_kecs_store_try(void)
{
    kecs_rc_t           rc;
    const char         *why;
    kecs_txn_t         *txn;
    kecs_store_conf_t   conf;

    ngx_kecs_opened = ngx_current_msec;
    why = NULL;

    ngx_memzero(&conf, sizeof(conf));
    conf.path = ngx_kecs_worker.folder;
    conf.map_size = ngx_kecs_worker.map_size;
    conf.readers = (unsigned) ngx_kecs_worker.readers;
    conf.create = true;

    rc = kecs_store_open(&conf, &ngx_kecs_worker.store, &why);

    if (rc != KECS_OK) {
        ngx_kecs_worker.store = NULL;
        ngx_kecs_complain(rc, why);
        return;
    }

    if (ngx_kecs_worker.why != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "kecs: the store in \"%s\" is open now",
                      ngx_kecs_worker.folder);
        ngx_kecs_worker.why = NULL;
    }

    /* The first read takes its slot in the reader table: before traffic. */

    if (kecs_read_begin(ngx_kecs_worker.store, &txn) == KECS_OK) {
        kecs_read_end(txn);
    }

    ngx_kecs_client_tick();
}


/* The role. */

static void
ngx_kecs_role_count(void)
{
    ngx_uint_t            i;
    ngx_kecs_stats_t     *stats;
    kecs_writer_stats_t   now;

    stats = ngx_kecs_stats();

    if (ngx_kecs_worker.role == NULL || stats == NULL) {
        return;
    }

    kecs_writer_stats(ngx_kecs_worker.role, &now);

    ngx_atomic_fetch_add(&stats->batches,
                         now.batches - ngx_kecs_counted.batches);
    ngx_atomic_fetch_add(&stats->calls, now.calls - ngx_kecs_counted.calls);
    ngx_atomic_fetch_add(&stats->failed_commits,
                         now.failed_commits
                         - ngx_kecs_counted.failed_commits);
    ngx_atomic_fetch_add(&stats->commits.usec,
                         now.commit_usec - ngx_kecs_counted.commit_usec);

    for (i = 0; i <= KECS_DURATIONS; i++) {
        ngx_atomic_fetch_add(&stats->commits.count[i],
                             now.commits[i] - ngx_kecs_counted.commits[i]);
    }

    ngx_kecs_counted = now;
}


static void
ngx_kecs_role_drop(unsigned msec)
{
    ngx_kecs_role_count();
    kecs_writer_stop(ngx_kecs_worker.role, msec);
    ngx_kecs_worker.role = NULL;
    ngx_kecs_going = 0;
}


/* nginx's signals are for the main thread: the new one inherits a mask. */

static kecs_rc_t
ngx_kecs_role_start(void)
{
    sigset_t   all, old;
    kecs_rc_t  rc;

    sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    rc = kecs_writer_start(ngx_kecs_worker.store, ngx_kecs_worker.folder,
                           &ngx_kecs_ops, &ngx_kecs_worker.role);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);

    return rc;
}


kecs_rc_t
ngx_kecs_role_take(void)
{
    kecs_rc_t          rc;
    ngx_kecs_stats_t  *stats;

    if (ngx_kecs_worker.role != NULL) {
        if (!kecs_writer_gone(ngx_kecs_worker.role)) {
            return KECS_BUSY;
        }

        ngx_kecs_role_drop(0);
    }

    rc = ngx_kecs_role_start();

    if (rc != KECS_OK) {
        ngx_kecs_worker.role = NULL;

        if (rc != KECS_BUSY && ngx_kecs_refused != ngx_time()) {
            ngx_kecs_refused = ngx_time();
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                          "kecs: cannot take the writer role in \"%s\": %s",
                          ngx_kecs_worker.folder, kecs_rc_name(rc));
        }

        return rc;
    }

    ngx_memzero(&ngx_kecs_counted, sizeof(ngx_kecs_counted));
    ngx_kecs_going = 0;
    stats = ngx_kecs_stats();

    if (stats != NULL) {
        ngx_atomic_fetch_add(&stats->roles, 1);
    }

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "kecs: this process writes the store now");

    return KECS_OK;
}


/*
 * A leaving worker lets go of the role early, so that the new generation
 * takes it while this one still answers its last requests.  If it has
 * writes left and took the role back because nobody else would, it keeps
 * it until they are answered.
 */

static void
ngx_kecs_role_tick(void)
{
    if (ngx_kecs_worker.role == NULL) {
        return;
    }

    ngx_kecs_role_count();

    if (ngx_kecs_leaving() && !ngx_kecs_going) {
        kecs_writer_goaway(ngx_kecs_worker.role);
        ngx_kecs_going = 1;
    }

    if (ngx_kecs_going && kecs_writer_gone(ngx_kecs_worker.role)) {
        ngx_kecs_role_drop(0);
    }
}


static void
ngx_kecs_tick(ngx_event_t *ev)
{
    ngx_kecs_worker_t  *w;

    w = &ngx_kecs_worker;

    if (w->store == NULL) {
        if (ngx_current_msec - ngx_kecs_opened >= NGX_KECS_REOPEN) {
            ngx_kecs_store_try();
        }

    } else {
        ngx_kecs_role_tick();
        ngx_kecs_client_tick();
        ngx_kecs_streams_tick();

        if (ngx_worker == 0
            && ngx_current_msec - ngx_kecs_cleared >= NGX_KECS_CLEAR_READERS)
        {
            ngx_kecs_cleared = ngx_current_msec;
            (void) kecs_store_clear_readers(w->store);
        }
    }

    ngx_add_timer(ev, NGX_KECS_TICK);
}


ngx_int_t
ngx_kecs_worker_init(ngx_cycle_t *cycle, ngx_kecs_main_conf_t *mcf)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    kecs_log_to(ngx_kecs_log_sink, NULL, KECS_LOG_INFO);

    if (kecs_rand_system(&ngx_kecs_worker.rand) != KECS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "kecs: no random numbers from the system");
        return NGX_ERROR;
    }

    /* Two generations of workers, the reconciler and the tools. */

    ngx_kecs_worker.readers = ngx_max(4 * ccf->worker_processes + 64, 256);
    ngx_kecs_worker.folder = (const char *) mcf->path.data;
    ngx_kecs_worker.map_size = mcf->map_size;
    ngx_kecs_cleared = ngx_current_msec;

    ngx_kecs_tick_dummy.fd = (ngx_socket_t) -1;
    ngx_kecs_tick_event.handler = ngx_kecs_tick;
    ngx_kecs_tick_event.data = &ngx_kecs_tick_dummy;
    ngx_kecs_tick_event.log = cycle->log;
    ngx_kecs_tick_event.cancelable = 1;
    ngx_add_timer(&ngx_kecs_tick_event, NGX_KECS_TICK);

    ngx_kecs_client_init();
    ngx_kecs_streams_init();
    ngx_kecs_store_try();

    return NGX_OK;
}


void
ngx_kecs_worker_exit(ngx_cycle_t *cycle)
{
    if (ngx_kecs_worker.folder == NULL) {
        return;
    }

    ngx_kecs_client_exit();

    if (ngx_kecs_worker.role != NULL) {
        ngx_kecs_role_drop(ngx_terminate ? NGX_KECS_STOP_FAST
                                         : NGX_KECS_STOP_GRACEFUL);
    }

    if (ngx_kecs_worker.store != NULL) {
        kecs_store_close(ngx_kecs_worker.store);
        ngx_kecs_worker.store = NULL;
    }

    kecs_arena_destroy(ngx_kecs_worker.spare);
    ngx_kecs_worker.spare = NULL;

    if (ngx_kecs_tick_event.timer_set) {
        ngx_del_timer(&ngx_kecs_tick_event);
    }
}
