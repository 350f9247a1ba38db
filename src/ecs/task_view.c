/*
 * The parts of task records that change.  They are decoded through the
 * model's shape of a task, whose members `containers` and `attachments`
 * they are, and written again by the same tables.  "Changed" is decided on
 * the texts that the encoder writes before and after, so the order in which
 * somebody else had written the members does not count.  All memory is from
 * the arena given.
 */

#include "task_view.h"


static kecs_str_t
encode(kecs_arena_t *a, const char *member, const void *list)
{
    kecs_buf_t            buf;
    kecs_writer_t         w;
    const kecs_member_t  *m;

    m = kecs_shape_member(&kecs_ecs_task_shape, kecs_str_of(member));
    if (m == NULL) {
        return kecs_null_str;
    }

    kecs_buf_init(&buf, a, 0);
    w = kecs_writer(&buf);
    kecs_shape_value(&w, NULL, m->shape, list);

    return buf.failed ? kecs_null_str : kecs_buf_view(&buf);
}


kecs_rc_t
kecs_task_parts_load(kecs_arena_t *a, const kecs_task_t *task,
    kecs_task_parts_t *p)
{
    void           *view;
    kecs_rc_t       rc;
    kecs_buf_t      buf;
    kecs_writer_t   w;

    kecs_buf_init(&buf, a, 0);
    w = kecs_writer(&buf);

    kecs_w_object(&w, NULL);
    kecs_w_raw(&w, "attachments", task->rec.part[KECS_TASK_ATTACHMENTS]);
    kecs_w_raw(&w, "containers", task->rec.part[KECS_TASK_CONTAINERS]);
    kecs_w_object_end(&w);

    if (buf.failed) {
        return KECS_NOMEM;
    }

    rc = kecs_shape_load(a, &kecs_ecs_task_shape, kecs_buf_view(&buf), &view);
    if (rc != KECS_OK) {
        return rc;
    }

    p->view = view;
    p->containers = encode(a, "containers", &p->view->containers);
    p->attachments = encode(a, "attachments", &p->view->attachments);

    return p->containers.data == NULL || p->attachments.data == NULL
           ? KECS_NOMEM : KECS_OK;
}


static kecs_rc_t
store_part(kecs_arena_t *a, kecs_task_t *task, unsigned part,
    const char *member, const void *list, kecs_str_t before, bool *changed)
{
    kecs_str_t  text;

    text = encode(a, member, list);
    if (text.data == NULL) {
        return KECS_NOMEM;
    }

    if (!kecs_str_eq(text, before)) {
        kecs_rec_part(&task->rec, part, text);
        *changed = true;
    }

    return KECS_OK;
}


kecs_rc_t
kecs_task_parts_store(kecs_arena_t *a, kecs_task_t *task,
    const kecs_task_parts_t *p, bool *changed)
{
    kecs_rc_t  rc;

    *changed = false;

    rc = store_part(a, task, KECS_TASK_CONTAINERS, "containers",
                    &p->view->containers, p->containers, changed);
    if (rc != KECS_OK) {
        return rc;
    }

    return store_part(a, task, KECS_TASK_ATTACHMENTS, "attachments",
                      &p->view->attachments, p->attachments, changed);
}


kecs_ecs_container_t *
kecs_task_container(const kecs_task_parts_t *p, kecs_str_t name)
{
    size_t  i;

    for (i = 0; i < p->view->containers.n; i++) {
        if (kecs_str_eq(p->view->containers.items[i].name, name)) {
            return &p->view->containers.items[i];
        }
    }

    return NULL;
}


kecs_msec_t
kecs_task_clock(const kecs_task_t *task, kecs_msec_t now)
{
    size_t             i;
    const kecs_msec_t  times[] = {
        task->created_at, task->connectivity_at, task->pull_started_at,
        task->pull_stopped_at, task->started_at, task->stopping_at,
        task->execution_stopped_at, task->stopped_at
    };

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        now = times[i] > now ? times[i] : now;
    }

    return now;
}


void
kecs_task_detach(kecs_task_parts_t *p)
{
    size_t  i;

    for (i = 0; i < p->view->attachments.n; i++) {
        p->view->attachments.items[i].status = kecs_str("DELETED");
    }
}
