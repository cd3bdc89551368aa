#include "relay/core/touch.h"

#include "relay/core/inside.h"

enum { AGAIN_MS = 60 * 1000, WEEK_HOURS = 7 * 24 };

static bool waits_for_answer(const struct queue *q)
{
    return q->unanswered && !q->answered;
}

static uint32_t wanted(const struct relay *r, const struct queue *q)
{
    return relay_queue_ends(r, q->desk != NULL ? QUEUE_DESK : QUEUE_CONVERSATION, waits_for_answer(q));
}

void touch_answered(struct relay *r, uint64_t id)
{
    struct queue *q = exchange_queue(r, id);
    if (q != NULL)
        q->answered = true;
}

void touch_written(struct relay *r, const struct store_write *write)
{
    struct queue *q = exchange_queue(r, write->u.queue.id);
    if (q == NULL)
        return;
    if (write->u.queue.ends > q->ends)
        q->ends = write->u.queue.ends;
    q->unanswered = write->u.queue.unanswered;
}

static void touched(struct relay *r, const struct change *change)
{
    touch_written(r, &change->write);
}

static void touch(struct relay *r, struct queue *q)
{
    uint32_t ends = wanted(r, q);

    if (r->now.mono_ms < q->touch_at || (q->ends >= ends && q->unanswered == waits_for_answer(q)))
        return;
    struct change *change = change_new(r, NULL, WRITE_TOUCH);
    if (change == NULL)
        return;
    q->touch_at = r->now.mono_ms + AGAIN_MS;
    change->write.u.queue.id = q->id;
    change->write.u.queue.ends = ends > q->ends ? ends : q->ends;
    change->write.u.queue.unanswered = waits_for_answer(q);
    change->after = touched;
    change_submit(r, change);
}

void touch_used(struct relay *r, struct queue *q, bool sent)
{
    /* The first one tries at once, whatever was tried before. */
    if (sent && waits_for_answer(q)) {
        q->answered = true;
        q->touch_at = 0;
    }
    touch(r, q);
}

/* Each queue at another hour, or at once if a week was missed. */
static bool turn_has_come(const struct relay *r, const struct queue *q)
{
    return q->id % WEEK_HOURS == r->hours.now % WEEK_HOURS || q->ends + 1 < wanted(r, q);
}

void touch_hour(struct relay *r)
{
    const struct map *map = &r->exchange.queues;

    for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++) {
        for (struct map_node *n = map->buckets[i], *next; n != NULL; n = next) {
            struct queue *q = LIST_ITEM(n, struct queue, by_id);
            next = n->next;
            if (q->ends <= r->hours.now / WEEK_HOURS)
                exchange_deleted(r, q->id);
            else if (q->reader != NULL && turn_has_come(r, q))
                touch(r, q);
        }
    }
}
