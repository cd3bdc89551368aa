/* STATUS: docs/protocol.md sections 1.1 and 4. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

/* On its way to the store. */
struct inquiry {
    struct store_job job;
    struct session *session; /* a reference */
    uint32_t seq;
};

/* NULL: no memory, or too much waits already: a stranger may ask. */
static struct inquiry *inquiry_new(const struct call *call)
{
    struct relay *r = call->relay;
    struct inquiry *q = NULL;

    if (r->waiting_bytes < r->limits.waiting_bytes)
        q = calloc(1, sizeof(*q));
    if (q == NULL)
        return NULL;
    r->waiting_bytes += sizeof(*q);
    q->session = session_ref(call->session);
    q->seq = call->seq;
    return q;
}

static void inquiry_free(struct inquiry *q)
{
    q->session->relay->waiting_bytes -= sizeof(*q);
    session_unref(q->session);
    sodium_memzero(q, sizeof(*q));
    free(q);
}

/* false: no memory. */
static bool say_states(const struct inquiry *q)
{
    struct out out = {.op = OP_STATES, .seq = q->seq};

    out.u.states = malloc(sizeof(*out.u.states));
    if (out.u.states == NULL)
        return false;
    out.u.states->count = q->job.u.status.count;
    memcpy(out.u.states->fates, q->job.u.status.fates, sizeof(out.u.states->fates));
    session_push(q->session, &out, NULL);
    return true;
}

static void told(struct store_job *job)
{
    struct inquiry *q = job->ctx;

    relay_done(q->session->relay, job);
    if (job->result != ZG_OK || !say_states(q))
        session_reply(q->session, q->seq, STATUS_BUSY, BUSY_RETRY_S);
    inquiry_free(q);
}

static void act_status(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct inquiry *q = inquiry_new(call);

    (void)t;
    if (q == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    q->job.kind = JOB_STATUS;
    q->job.done = told;
    q->job.ctx = q;
    q->job.u.status.hour = r->hours.now;
    q->job.u.status.count = c->u.status.count;
    for (uint32_t i = 0; i < c->u.status.count; i++)
        handle_hash(c->u.status.handles[i], &q->job.u.status.handles[i]);
    relay_submit(r, &q->job);
}

static const struct dispatch_row rows[] = {
    {.op = OP_STATUS, .act = act_status},
};

struct dispatch_rows act_status_rows(void)
{
    return (struct dispatch_rows){rows, sizeof(rows) / sizeof(rows[0])};
}
