/* What the relay counts, held against what is there. */
#include "tests/fuzz/sequence/world.h"

/* Nothing that is counted comes near to it: it went below zero. */
enum { FAR = 1 << 30 };

static uint32_t length(const struct link *list)
{
    uint32_t n = 0;
    for (const struct link *l = list->next; l != list; l = l->next)
        n++;
    return n;
}

/* Nothing whose time is over, and by seq. */
static void check_messages(const struct relay *r, const struct queue *q)
{
    const struct message *before = NULL;
    for (const struct link *l = q->waiting.next; l != &q->waiting; l = l->next) {
        const struct message *m = LIST_ITEM(l, struct message, place);
        must(m->state == MESSAGE_WAITING && m->queue == q && m->hour > r->hours.now);
        must(before == NULL || before->seq < m->seq);
        before = m;
    }
    for (const struct link *l = q->flight.next; l != &q->flight; l = l->next) {
        const struct message *m = LIST_ITEM(l, struct message, place);
        must(m->state == MESSAGE_FLIGHT && m->queue == q && m->hour > r->hours.now);
    }
}

static void check_queue(const struct relay *r, const struct queue *q)
{
    must(!q->deleted && length(&q->flight) == q->in_flight);
    must(q->reader != NULL ? q->in_flight <= q->reader->window : q->in_flight == 0);
    must(q->disk_from <= q->disk_end);
    if (q->desk != NULL)
        must(q->desk->stored < FAR && q->desk->pending < FAR);
    check_messages(r, q);
}

static void check_queues(const struct relay *r)
{
    const struct map *map = &r->exchange.queues;
    uint64_t queues = 0, pending = 0, idle = 0, readers = 0;

    for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++) {
        for (const struct map_node *n = map->buckets[i]; n != NULL; n = n->next) {
            const struct queue *q = LIST_ITEM(n, const struct queue, by_id);
            check_queue(r, q);
            queues++;
            pending += q->desk != NULL ? q->desk->pending : 0;
            idle += q->is_idle;
            readers += q->reader != NULL;
        }
    }
    must(queues == map->count && queues == r->stats.queues_loaded);
    must(pending <= r->door.knocks.count);
    must(idle == r->exchange.idle_count && idle == length(&r->exchange.idle));
    must(readers == r->stats.subscriptions && readers == r->exchange.subscriptions.count);
}

static uint64_t bytes_of_messages(const struct relay *r)
{
    const struct map *map = &r->messages.by_handle;
    uint64_t bytes = 0;
    for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++)
        for (const struct map_node *n = map->buckets[i]; n != NULL; n = n->next)
            bytes +=
                LIST_ITEM(n, const struct message, by_handle)->envelope != NULL ? sizeof(struct envelope) : 0;
    return bytes;
}

/* What sessions hold, and the lists from which those are taken that make room. */
static void check_room(const struct world *w)
{
    const struct sessions *ss = &w->relay->sessions;
    uint64_t input[2] = {0, 0}, choked = 0;
    uint32_t strangers = 0, heavy = 0;

    for (size_t i = 0; i < PEOPLE; i++) {
        const struct session *s = w->people[i].peer.session;
        if (s == NULL)
            continue;
        input[s->known] += s->input != NULL ? s->input->held : 0;
        input[s->known] += s->upload != NULL ? s->upload->size : 0;
        heavy += s->input != NULL && !list_empty(&s->input->heavy);
        strangers += !s->known;
        choked += s->choked_bytes;
        must((s->choked_bytes > 0) == !list_empty(&s->choked));
    }
    must(input[true] == ss->input_bytes && input[false] == ss->stranger_bytes && choked == ss->choked_bytes);
    must(strangers == length(&ss->all_strangers));
    must(heavy == length(&ss->heavy) + length(&ss->heavy_strangers));
}

static void check_sessions(const struct world *w, bool quiet)
{
    const struct relay *r = w->relay;
    uint64_t open = 0, subscriptions = 0;

    for (size_t i = 0; i < PEOPLE; i++) {
        const struct session *s = w->people[i].peer.session;
        if (s == NULL)
            continue;
        open++;
        subscriptions += s->subscription_count;
        must(s->subscription_count == length(&s->subscriptions));
        must(s->subscription_count <= r->limits.subscriptions_of_one &&
             s->readings <= r->limits.readings_of_one);
        must(s->unanswered < FAR && s->deliveries <= WIRE_RECORD_UNITS_MAX);
        must(!quiet || w->people[i].late || (s->unanswered == 0 && s->readings == 0 && s->deliveries == 0));
    }
    must(open == r->stats.connections && subscriptions == r->stats.subscriptions);
    check_room(w);
}

void counts_check(struct world *w)
{
    const struct relay *r = w->relay;
    const bool quiet = w->quiet == w->serial && w->store.waiting == 0;
    bool late = false;

    for (size_t i = 0; i < PEOPLE; i++)
        late = late || w->people[i].late;
    check_queues(r);
    check_sessions(w, quiet);
    must(r->messages.acked_count == length(&r->messages.acked));
    must(r->stats.bytes_in_flight < FAR && r->exchange.loading < FAR);
    must(r->waiting_bytes < FAR && r->sessions.input_bytes < FAR && r->sessions.stranger_bytes < FAR);
    if (quiet && r->jobs == 0 && !late)
        must(r->stats.bytes_in_flight == bytes_of_messages(r) && r->waiting_bytes == 0 &&
             r->exchange.loading == 0);
}
