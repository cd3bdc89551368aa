#include "relay/core/message.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

#define TO(state) (1u << (state))

static const unsigned moves[] = {
    [MESSAGE_HELD] = TO(MESSAGE_WAITING) | TO(MESSAGE_GONE),
    [MESSAGE_WAITING] = TO(MESSAGE_FLIGHT) | TO(MESSAGE_GONE),
    [MESSAGE_FLIGHT] = TO(MESSAGE_WAITING) | TO(MESSAGE_ACKED) | TO(MESSAGE_GONE),
    [MESSAGE_ACKED] = TO(MESSAGE_GONE),
    [MESSAGE_GONE] = 0,
};

zg_err messages_init(struct messages *ms, const struct rng *rng)
{
    list_init(&ms->acked);
    list_init(&ms->rows);
    list_init(&ms->dropping);
    list_init(&ms->leases);
    for (size_t i = 0; i < MESSAGE_HOURS; i++)
        list_init(&ms->hours[i]);
    ms->acked_count = 0;
    ms->rows_at = UINT64_MAX;
    return map_init(&ms->by_handle, rng);
}

struct message *message_new(struct relay *r, const struct stored_message *from)
{
    struct message *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->state = MESSAGE_HELD;
    m->handle = from->handle;
    m->queue_id = from->queue;
    m->seq = from->seq;
    m->hour = from->hour;
    m->marked = from->marked;
    m->envelope = from->envelope;
    list_init(&m->place);
    list_init(&m->due);
    list_init(&m->lease);
    r->stats.bytes_in_flight += sizeof(*m->envelope);
    map_insert(&r->messages.by_handle, &m->by_handle,
               map_hash(&r->messages.by_handle, &m->handle, sizeof(m->handle)));
    return m;
}

struct stored_message message_row(const struct message *m)
{
    return (struct stored_message){.queue = m->queue_id,
                                   .seq = m->seq,
                                   .hour = m->hour,
                                   .marked = m->marked,
                                   .handle = m->handle,
                                   .envelope = m->envelope};
}

struct message *message_find(const struct relay *r, const struct handle *handle)
{
    const struct map *map = &r->messages.by_handle;
    for (struct map_node *n = map_first(map, map_hash(map, handle, sizeof(*handle))); n != NULL;
         n = map_next(n)) {
        struct message *m = LIST_ITEM(n, struct message, by_handle);
        if (memcmp(&m->handle, handle, sizeof(*handle)) == 0)
            return m;
    }
    return NULL;
}

static void move(struct message *m, enum message_state to)
{
    assert(moves[m->state] & TO(to));
    m->state = (uint8_t)to;
}

void message_move(struct relay *r, struct message *m, enum message_state to)
{
    if (m->state == MESSAGE_HELD)
        list_append(&r->messages.hours[m->hour % MESSAGE_HOURS], &m->due);
    move(m, to);
    list_remove(&m->place);
    list_remove(&m->lease);
}

void message_lasts(struct relay *r, struct message *m, const struct stored_message *row)
{
    m->hour = row->hour;
    m->marked = row->marked;
    if (m->state == MESSAGE_ACKED)
        return;
    list_remove(&m->due);
    list_append(&r->messages.hours[m->hour % MESSAGE_HOURS], &m->due);
}

void message_drop_envelope(struct relay *r, struct message *m)
{
    if (m->envelope == NULL || m->submitted)
        return;
    envelope_unref(m->envelope);
    m->envelope = NULL;
    r->stats.bytes_in_flight -= sizeof(*m->envelope);
}

void message_drop_row(struct relay *r, struct message *m)
{
    uint64_t settle = r->settle_ms;

    if (m->row_due)
        return;
    m->row_due = true;
    list_append(&r->messages.rows, &m->due);
    /* Section 4: deleted at the latest with the end of the tick. */
    if (r->messages.rows_at == UINT64_MAX)
        r->messages.rows_at = (r->now.mono_ms / settle + 1) * settle;
}

void message_end(struct relay *r, struct message *m, enum message_state to, bool drop_row)
{
    list_remove(&m->place);
    list_remove(&m->due);
    list_remove(&m->lease);
    m->queue = NULL;
    move(m, to);
    message_drop_envelope(r, m);
    if (drop_row && m->written)
        message_drop_row(r, m);
    if (to == MESSAGE_ACKED) {
        m->until = r->now.mono_ms + WIRE_ACKED_HANDLE_SECONDS * UINT64_C(1000);
        list_append(&r->messages.acked, &m->place);
        r->messages.acked_count++;
    } else {
        map_remove(&r->messages.by_handle, &m->by_handle);
        message_settle(r, m);
    }
}

static bool referred(const struct message *m)
{
    return m->waits > 0 || m->submitted || m->row_due;
}

void message_settle(struct relay *r, struct message *m)
{
    (void)r;
    if (m->state != MESSAGE_GONE || referred(m))
        return;
    assert(m->envelope == NULL);
    sodium_memzero(m, sizeof(*m));
    free(m);
}

void message_unwait(struct relay *r, struct message *m)
{
    assert(m->waits > 0);
    m->waits--;
    message_settle(r, m);
}

size_t messages_rows(const struct relay *r)
{
    size_t n = 0;
    for (const struct link *l = r->messages.rows.next; l != &r->messages.rows; l = l->next)
        n++;
    return n;
}

static bool any_begun(const struct relay *r, const struct link *list)
{
    for (const struct link *l = list->next; l != list; l = l->next)
        if (LIST_ITEM(l, struct message, due)->hour <= r->hours.now)
            return true;
    return false;
}

bool messages_owe_rows(const struct relay *r)
{
    return any_begun(r, &r->messages.rows) || any_begun(r, &r->messages.dropping);
}

void message_row_dropped(struct relay *r, struct message *m, bool done)
{
    m->row_due = false;
    list_remove(&m->due);
    /* When stopping, a row that cannot be deleted now is delivered again after the start. */
    if (!done && !r->draining)
        message_drop_row(r, m);
    else
        message_settle(r, m);
}

static void forget(struct relay *r, struct message *m)
{
    r->messages.acked_count--;
    message_end(r, m, MESSAGE_GONE, false);
}

void messages_forget_acked(struct relay *r)
{
    struct messages *ms = &r->messages;
    while (!list_empty(&ms->acked)) {
        struct message *m = LIST_ITEM(ms->acked.next, struct message, place);
        bool old = m->until <= r->now.mono_ms || ms->acked_count > r->limits.acknowledged;
        /* As long as its row may come back from the disk, it must be known. */
        if (!old || referred(m))
            return;
        forget(r, m);
    }
}

uint64_t messages_deadline(const struct relay *r)
{
    const struct link *acked = &r->messages.acked;
    if (list_empty(acked))
        return UINT64_MAX;
    const struct message *m = LIST_ITEM(acked->next, struct message, place);
    return referred(m) ? UINT64_MAX : m->until;
}

static void discard(struct relay *r, struct message *m)
{
    m->submitted = false;
    message_drop_envelope(r, m);
    sodium_memzero(m, sizeof(*m));
    free(m);
}

void messages_clear(struct relay *r)
{
    struct map *map = &r->messages.by_handle;
    for (struct link *l = r->messages.rows.next, *next; l != &r->messages.rows; l = next) {
        struct message *m = LIST_ITEM(l, struct message, due);
        next = l->next;
        if (m->state == MESSAGE_GONE)
            discard(r, m);
    }
    for (size_t i = 0; map->buckets != NULL && i <= map->mask; i++) {
        for (struct map_node *n = map->buckets[i], *next; n != NULL; n = next) {
            next = n->next;
            discard(r, LIST_ITEM(n, struct message, by_handle));
        }
        map->buckets[i] = NULL;
    }
    map_clear(map);
}
