#include "tests/bench/talk.h"

#include <string.h>

/* seq of what is outstanding once at most; SENDs use the numbers below. */
enum { SEQ_OTHER = 1023, ACK_IDS = 20 };

static bool end_unit(struct record_writer *r, const struct writer *unit)
{
    return record_unit_end(r, unit) == ZG_OK;
}

bool talk_command(struct record_writer *r, const struct command *c)
{
    struct writer unit = record_unit_begin(r);
    if (command_encode(c, &unit) != ZG_OK)
        return false;
    return end_unit(r, &unit);
}

bool talk_send(const struct talk *t, struct record_writer *r, const struct queue_rights *q, uint32_t seq,
               uint32_t message, const uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    if (t->bare) {
        struct writer unit = record_unit_begin(r);
        writer_u8(&unit, BARE_SEND);
        writer_u32(&unit, q->number);
        writer_u32(&unit, seq);
        writer_put(&unit, envelope, WIRE_ENVELOPE_BYTES);
        return end_unit(r, &unit);
    }
    uint8_t handle[WIRE_HANDLE_BYTES];
    struct writer w;
    writer_init(&w, handle, sizeof(handle));
    writer_put(&w, t->run, sizeof(t->run));
    writer_u32(&w, q->number);
    writer_u32(&w, message);
    struct command c = {.op = OP_SEND, .seq = seq};
    c.u.send.role = SEND_PUT;
    c.u.send.secret = q->put.b;
    c.u.send.ttl = WIRE_TTL_1H;
    c.u.send.handle = handle;
    c.u.send.envelope = envelope;
    return talk_command(r, &c);
}

bool talk_subscribe(const struct talk *t, struct record_writer *r, const struct queue_rights *q, uint32_t window)
{
    if (t->bare) {
        struct writer unit = record_unit_begin(r);
        writer_u8(&unit, BARE_SUBSCRIBE);
        writer_u32(&unit, q->number);
        writer_u16(&unit, (uint16_t)window);
        return end_unit(r, &unit);
    }
    struct command c = {.op = OP_SUBSCRIBE, .seq = SEQ_OTHER};
    c.u.subscribe.take = q->take.b;
    c.u.subscribe.window = window;
    return talk_command(r, &c);
}

bool talk_ping(const struct talk *t, struct record_writer *r)
{
    if (t->bare) {
        struct writer unit = record_unit_begin(r);
        writer_u8(&unit, BARE_PING);
        return end_unit(r, &unit);
    }
    return talk_command(r, &(struct command){.op = OP_PING, .seq = SEQ_OTHER});
}

uint32_t talk_ack(const struct talk *t, struct record_writer *r, const struct queue_rights *q, const uint32_t *ids,
                  uint32_t count)
{
    uint32_t n = count < ACK_IDS ? count : ACK_IDS;
    if (t->bare) {
        struct writer unit = record_unit_begin(r);
        writer_u8(&unit, BARE_ACK);
        writer_u32(&unit, q->number);
        for (uint32_t i = 0; i < n; i++)
            writer_u32(&unit, ids[i]);
        return end_unit(r, &unit) ? n : 0;
    }
    struct command c = {.op = OP_ACK, .seq = SEQ_OTHER};
    c.u.ack.subscription = q->subscription;
    c.u.ack.count = n;
    memcpy(c.u.ack.ids, ids, n * sizeof(ids[0]));
    return talk_command(r, &c) ? n : 0;
}

static bool read_bare(struct span unit, struct heard *out)
{
    struct reader r;
    reader_init(&r, unit.at, unit.len);
    switch (reader_u8(&r)) {
    case BARE_CONFIRM:
        out->kind = HEARD_REPLY;
        out->seq = reader_u32(&r);
        out->status = STATUS_OK;
        break;
    case BARE_DELIVER:
        out->kind = HEARD_DELIVER;
        (void)reader_u32(&r);
        out->id = reader_u32(&r);
        out->envelope = reader_take(&r, WIRE_ENVELOPE_BYTES);
        break;
    default:
        return false;
    }
    return reader_done(&r);
}

bool talk_read(const struct talk *t, struct span unit, struct heard *out)
{
    struct command c;
    memset(out, 0, sizeof(*out));
    if (t->bare)
        return read_bare(unit, out);
    if (command_decode(COMMAND_FROM_RELAY, unit.at, unit.len, &c) != ZG_OK)
        return false;
    out->seq = c.seq;
    switch (c.op) {
    case OP_REPLY:
        out->kind = HEARD_REPLY;
        out->status = c.u.reply.status;
        break;
    case OP_SUBSCRIBED:
        out->kind = HEARD_SUBSCRIBED;
        out->subscription = c.u.subscribed.subscription;
        break;
    case OP_DELIVER:
        out->kind = HEARD_DELIVER;
        out->id = c.u.deliver.id;
        out->envelope = c.u.deliver.envelope;
        break;
    default:
        out->kind = HEARD_OTHER;
    }
    return true;
}
