/*
 * Kubernetes objects as JSON trees, and lists of them.  A list of pods is
 * too large for one tree (json.h bounds them), so it is cut into its items
 * as text first.  Also the Status object that errors come as.
 */

#ifndef KECS_KUBE_OBJECT_H
#define KECS_KUBE_OBJECT_H


#include "../json/json.h"


/*
 * Parses what an API server sent.  What a container wrote may hold NUL
 * characters, which json.h refuses: they become U+FFFD.
 */
kecs_rc_t kecs_kube_parse(kecs_arena_t *a, kecs_str_t text,
    const kecs_json_t **out);

/*
 * A list in parts: `metadata` and `items` as texts within `text`.
 * KECS_INVALID when it is not a JSON object of that kind; an absent or
 * null `items` is an empty list.
 */
typedef struct {
    kecs_str_t  metadata;
    kecs_str_t  items;              /* what is between the brackets */
} kecs_kube_list_t;

kecs_rc_t kecs_kube_list(kecs_str_t text, kecs_kube_list_t *out);

/*
 * The next item of `items`, which advances.  KECS_DONE at the end,
 * KECS_INVALID.
 */
kecs_rc_t kecs_kube_item(kecs_str_t *items, kecs_str_t *item);

/* What an answer that is an error says; absent members are empty. */
typedef struct {
    kecs_str_t  reason;             /* "AlreadyExists" */
    kecs_str_t  message;
} kecs_kube_status_t;

void kecs_kube_status(kecs_arena_t *a, kecs_str_t body,
    kecs_kube_status_t *out);

/* `s` with all but letters, digits and -_.~ as %XX; data NULL: no memory. */
kecs_str_t kecs_kube_escape(kecs_arena_t *a, kecs_str_t s);


#endif
