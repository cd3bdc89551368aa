/*
 * For a relay that is built wrongly on purpose: if the reader is connected, the sender is told so at once
 * instead of on the tick. Put around functions of relay/core by the linker (--wrap).
 */
#include "relay/core/inside.h"

static struct settle *last; /* of the command that is being acted on */

struct settle *__real_tick_reply(const struct call *call);
struct settle *__wrap_tick_reply(const struct call *call);
void __real_queue_deliver(struct relay *r, struct queue *q);
void __wrap_queue_deliver(struct relay *r, struct queue *q);

struct settle *__wrap_tick_reply(const struct call *call)
{
    last = __real_tick_reply(call);
    return last;
}

void __wrap_queue_deliver(struct relay *r, struct queue *q)
{
    __real_queue_deliver(r, q);
    if (last != NULL && last->kind == SETTLE_SEND && q->reader != NULL) {
        session_reply(last->session, last->seq, STATUS_OK, 0);
        session_unref(last->session);
        last->session = NULL; /* then the tick answers nobody */
    }
    last = NULL;
}
