/*
 * One request at a time (see ask.h).
 */

#include "ask.h"


typedef struct {
    kecs_arena_t        *arena;
    kecs_kube_answer_t  *out;
    bool                 answered;
} ask_t;


static void
on_answer(void *ctx, const kecs_kube_reply_t *reply)
{
    ask_t  *ask = ctx;

    ask->answered = true;
    ask->out->status = reply->status;
    ask->out->date = reply->date;
    ask->out->body = kecs_strdup(ask->arena, reply->status
                                 ? reply->body : kecs_str_of(reply->error));
}


kecs_rc_t
kecs_kube_ask(kecs_kube_t *k, kecs_arena_t *a, const kecs_kube_request_t *q,
    kecs_kube_answer_t *out)
{
    ask_t                ask;
    kecs_kube_request_t  copy;

    memset(out, 0, sizeof(kecs_kube_answer_t));
    ask = (ask_t) { a, out, false };
    copy = *q;
    copy.done = on_answer;
    copy.ctx = &ask;

    if (q->path.data == NULL || (q->type != NULL && q->body.data == NULL)
        || kecs_kube_send(k, &copy, NULL) != KECS_OK)
    {
        return KECS_NOMEM;
    }

    while (!ask.answered) {
        kecs_kube_wait(k, NULL, 0, 1000);
        kecs_kube_run(k);
    }

    return out->body.data != NULL ? KECS_OK : KECS_NOMEM;
}
