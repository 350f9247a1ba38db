/*
 * kube_raw: what a Kubernetes API server gives a plain client, the baseline
 * of the fleet's benchmarks.
 *
 *     kube_raw post URL TOKEN CA CONNECTIONS COUNT FILE
 *     kube_raw list URL TOKEN CA
 *
 * post: sends the body in FILE to URL COUNT times, on so many connections;
 * each "@@@@@@@@@@@@@@@@" in it becomes a number that is not used twice.
 * list: gets URL, which has a query, page after page to its end.
 *
 * Nothing of ours is in it: a curl easy handle per connection, bodies as
 * they come, no JSON but a search for the continue token.  One line of JSON
 * tells the outcome; times of requests are in milliseconds.
 */

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>


#define MARK         "@@@@@@@@@@@@@@@@"
#define LANES_MAX    256
#define BODY_MAX     65536
#define PAGE_MAX     (64u << 20)

typedef struct {
    CURL    *easy;
    char    *body;
    double   since;
} lane_t;

typedef struct {
    const char         *url;
    const char         *ca;
    struct curl_slist  *headers;
    size_t              body_len;
    char                body[BODY_MAX];
    char               *page;           /* of a list */
    size_t              page_len;
    unsigned long       sent;
    unsigned long       answered;
    unsigned long       errors;
    double             *times;
} run_t;


static double
now(void)
{
    struct timespec  t;

    (void) clock_gettime(CLOCK_MONOTONIC, &t);

    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}


static double
cpu(void)
{
    struct rusage  u;

    (void) getrusage(RUSAGE_SELF, &u);

    return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}


static int
fail(const char *what)
{
    fprintf(stderr, "kube_raw: %s\n", what);

    return 1;
}


static size_t
drop(char *data, size_t size, size_t n, void *ctx)
{
    (void) data;
    (void) ctx;

    return size * n;
}


static size_t
keep(char *data, size_t size, size_t n, void *ctx)
{
    run_t  *r = ctx;

    if (r->page_len + size * n >= PAGE_MAX) {
        return 0;
    }

    memcpy(r->page + r->page_len, data, size * n);
    r->page_len += size * n;
    r->page[r->page_len] = '\0';

    return size * n;
}


static CURL *
handle(run_t *r)
{
    CURL  *e;

    e = curl_easy_init();

    if (e != NULL) {
        (void) curl_easy_setopt(e, CURLOPT_URL, r->url);
        (void) curl_easy_setopt(e, CURLOPT_CAINFO, r->ca);
        (void) curl_easy_setopt(e, CURLOPT_HTTPHEADER, r->headers);
        (void) curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                                (long) CURL_HTTP_VERSION_1_1);
        (void) curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
        (void) curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
    }

    return e;
}


/* post */

static bool
send_next(CURLM *multi, run_t *r, lane_t *lane)
{
    char  *at, number[sizeof(MARK)];

    (void) snprintf(number, sizeof(number), "%08x%08lx",
                    (unsigned) getpid(), r->sent++);
    memcpy(lane->body, r->body, r->body_len + 1);

    while ((at = strstr(lane->body, MARK)) != NULL) {
        memcpy(at, number, sizeof(MARK) - 1);
    }

    lane->since = now();

    return curl_multi_add_handle(multi, lane->easy) == CURLM_OK;
}


static bool
open_lane(run_t *r, lane_t *lane)
{
    lane->easy = handle(r);
    lane->body = malloc(r->body_len + 1);

    if (lane->easy == NULL || lane->body == NULL) {
        return false;
    }

    (void) curl_easy_setopt(lane->easy, CURLOPT_PRIVATE, lane);
    (void) curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, lane->body);
    (void) curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE,
                            (long) r->body_len);

    return true;
}


static bool
take_answers(CURLM *multi, run_t *r, unsigned long count)
{
    int       left;
    long      status;
    lane_t   *lane;
    CURLMsg  *msg;

    while ((msg = curl_multi_info_read(multi, &left)) != NULL) {
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE,
                                 (char **) &lane);
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE,
                                 &status);
        r->errors += status != 201;
        r->times[r->answered++] = 1000 * (now() - lane->since);
        (void) curl_multi_remove_handle(multi, lane->easy);

        if (r->sent < count && !send_next(multi, r, lane)) {
            return false;
        }
    }

    return true;
}


static int
by_time(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return x < y ? -1 : x > y;
}


static int
post(run_t *r, unsigned lanes, unsigned long count)
{
    int            running;
    CURLM         *multi;
    double         began, used;
    unsigned       i;
    static lane_t  all[LANES_MAX];

    multi = curl_multi_init();
    r->times = calloc(count, sizeof(*r->times));

    if (multi == NULL || r->times == NULL) {
        return fail("out of memory");
    }

    (void) curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long) lanes);
    began = now();
    used = cpu();

    for (i = 0; i < lanes && r->sent < count; i++) {
        if (!open_lane(r, &all[i]) || !send_next(multi, r, &all[i])) {
            return fail("out of memory");
        }
    }

    while (r->answered < count) {
        (void) curl_multi_perform(multi, &running);

        if (!take_answers(multi, r, count)) {
            return fail("curl");
        }

        if (r->answered < count) {
            (void) curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
    }

    qsort(r->times, count, sizeof(*r->times), by_time);
    printf("{\"count\":%lu,\"errors\":%lu,\"seconds\":%.4f,\"cpu\":%.4f,"
           "\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", count, r->errors,
           now() - began, cpu() - used, r->times[count / 2],
           r->times[count - 1 - count / 100]);

    return 0;
}


/* list */

/* The token of the page, escaped, or NULL. */

static char *
next_page(run_t *r, CURL *e)
{
    char               *at, *end;
    static const char   name[] = "\"continue\":\"";

    at = strstr(r->page, name);

    if (at == NULL) {
        return NULL;
    }

    at += sizeof(name) - 1;
    end = strchr(at, '"');

    return end != NULL && end != at ? curl_easy_escape(e, at,
                                                       (int) (end - at))
                                    : NULL;
}


static int
list(run_t *r)
{
    CURL      *e;
    char       url[8192], *token;
    long       status;
    double     began, used;
    unsigned   pages;
    uint64_t   bytes;

    e = handle(r);
    r->page = malloc(PAGE_MAX);

    if (e == NULL || r->page == NULL) {
        return fail("out of memory");
    }

    (void) curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, keep);
    (void) curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
    began = now();
    used = cpu();
    token = NULL;
    bytes = 0;
    pages = 0;

    do {
        (void) snprintf(url, sizeof(url), "%s%s%s", r->url,
                        token ? "&continue=" : "", token ? token : "");
        (void) curl_easy_setopt(e, CURLOPT_URL, url);
        curl_free(token);
        r->page_len = 0;

        if (curl_easy_perform(e) != CURLE_OK
            || curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status)
               != CURLE_OK || status != 200)
        {
            return fail("the list failed");
        }

        bytes += r->page_len;
        pages++;
        token = next_page(r, e);
    } while (token != NULL);

    printf("{\"pages\":%u,\"bytes\":%" PRIu64 ",\"seconds\":%.4f,"
           "\"cpu\":%.4f}\n", pages, bytes, now() - began, cpu() - used);

    return 0;
}


static bool
read_body(run_t *r, const char *path)
{
    FILE  *f;

    f = fopen(path, "r");

    if (f != NULL) {
        r->body_len = fread(r->body, 1, sizeof(r->body) - 1, f);
        (void) fclose(f);
    }

    return r->body_len != 0;
}


int
main(int argc, char **argv)
{
    char           bearer[4096];
    unsigned long  lanes, count;
    static run_t   r;

    if (argc < 5 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return fail("usage: post|list URL TOKEN CA ...");
    }

    r.url = argv[2];
    r.ca = argv[4];
    (void) snprintf(bearer, sizeof(bearer), "Authorization: Bearer %s",
                    argv[3]);
    r.headers = curl_slist_append(NULL, bearer);
    r.headers = curl_slist_append(r.headers, "Accept: application/json");
    r.headers = curl_slist_append(r.headers,
                                  "Content-Type: application/json");
    r.headers = curl_slist_append(r.headers, "Expect:");

    if (strcmp(argv[1], "list") == 0) {
        return list(&r);
    }

    if (argc != 8 || !read_body(&r, argv[7])) {
        return fail("usage: post URL TOKEN CA CONNECTIONS COUNT FILE");
    }

    lanes = strtoul(argv[5], NULL, 10);
    count = strtoul(argv[6], NULL, 10);

    return lanes == 0 || lanes > LANES_MAX || count == 0
           ? fail("so many connections or requests cannot be")
           : post(&r, (unsigned) lanes, count);
}
