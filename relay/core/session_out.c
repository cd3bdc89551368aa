/* From the outbox to the carrier. */
#include <assert.h>

#include "proto/noise.h"
#include "proto/record.h"
#include "relay/core/inside.h"

/* That are flushed in one turn. A tick answers very many at once, some ten microseconds each. */
enum { STRANGERS_A_FLUSH = 8 };

void session_is_dirty(struct session *s)
{
    struct sessions *ss = &s->relay->sessions;
    if (list_empty(&s->dirty))
        list_append(s->known ? &ss->dirty : &ss->dirty_strangers, &s->dirty);
}

void session_write(struct session *s, const uint8_t *buf, size_t len)
{
    struct relay *r = s->relay;

    if (s->carrier.write(s->carrier.ctx, buf, len) || !list_empty(&s->choked))
        return;
    s->choked_at = r->now.mono_ms;
    s->choked_bytes = (uint32_t)len;
    r->sessions.choked_bytes += len;
    list_append(&r->sessions.choked, &s->choked);
}

void session_unchoke(struct session *s)
{
    s->relay->sessions.choked_bytes -= s->choked_bytes;
    s->choked_bytes = 0;
    list_remove(&s->choked);
}

static bool is_reply(const struct out *out)
{
    return out->op == OP_REPLY || out->op == OP_SUBSCRIBED || out->op == OP_COOKIE ||
           out->op == OP_SLOT_VALUE || out->op == OP_STATES;
}

/* The item at the head was encoded. */
static void said(struct session *s, struct out *out)
{
    if (out->op == OP_DELIVER) {
        s->deliveries--;
        queue_sent(s->relay, out->u.message);
    } else if (out->op == OP_SLOT_VALUE) {
        struct reading *reading = out->u.reading;
        reading->piece++;
        if (reading->piece * WIRE_SLOT_PIECE_BYTES < reading->size)
            return;
        s->readings--;
    }
    if (is_reply(out)) {
        s->unanswered--;
        session_make_ready(s);
    }
    outbox_pop(&s->outbox);
}

/* As many items as one record holds. */
static void fill_record(struct session *s, struct record_writer *record)
{
    struct out *out;

    while ((out = outbox_head(&s->outbox)) != NULL) {
        uint8_t subscription[WIRE_SUBSCRIPTION_BYTES];
        struct command c;
        struct writer unit = record_unit_begin(record);

        out_command(out, subscription, &c);
        if (command_encode(&c, &unit) != ZG_OK || record_unit_end(record, &unit) != ZG_OK) {
            assert(!record_empty(record)); /* the next one takes it */
            return;
        }
        said(s, out);
    }
}

static void write_record(struct session *s)
{
    uint8_t *buf = s->relay->sessions.scratch;
    uint8_t *plain = buf + WIRE_RECORD_HEADER_BYTES;
    struct record_writer record;

    record_begin(&record, plain);
    fill_record(s, &record);
    size_t len = record_finish(&record) + WIRE_TAG_BYTES;
    noise_encrypt(&s->keys->out, plain, plain, len - WIRE_TAG_BYTES);
    buf[0] = (uint8_t)(len >> 8);
    buf[1] = (uint8_t)len;
    session_write(s, buf, WIRE_RECORD_HEADER_BYTES + len);
}

/* Those that waited for room get it; they stand first. */
static void feed(struct session *s)
{
    while (session_has_room(s) && !list_empty(&s->subscriptions)) {
        struct subscription *sub = LIST_ITEM(s->subscriptions.next, struct subscription, place);
        if (!sub->starving)
            return;
        sub->starving = false;
        list_remove(&sub->place);
        list_append(&s->subscriptions, &sub->place);
        queue_deliver(s->relay, sub->queue);
    }
}

static void flush(struct session *s)
{
    while (!s->doomed && list_empty(&s->choked)) {
        if (outbox_head(&s->outbox) == NULL)
            feed(s);
        if (outbox_head(&s->outbox) == NULL)
            break;
        write_record(s);
    }
    list_remove(&s->dirty);
    session_resumes(s); /* if it waited for what was said now */
}

static void flush_first(struct link *list)
{
    struct session *s = LIST_ITEM(list->next, struct session, dirty);
    if (!s->doomed)
        flush(s);
    if (s->doomed)
        session_end(s, true);
}

void sessions_flush(struct relay *r)
{
    struct sessions *ss = &r->sessions;

    turns_begin(ss);
    while (!list_empty(&ss->dirty))
        flush_first(&ss->dirty);
    for (int i = 0; i < STRANGERS_A_FLUSH && !list_empty(&ss->dirty_strangers); i++)
        flush_first(&ss->dirty_strangers);
}

void session_writable(struct session *s)
{
    session_unchoke(s);
    session_is_dirty(s);
}

bool sessions_quiet(const struct relay *r)
{
    return list_empty(&r->sessions.dirty) && list_empty(&r->sessions.dirty_strangers);
}
