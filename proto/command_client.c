/* What a client says to the relay: section 1.1, first table, in its order. */
#include "proto/command_form.h"

static void encode_nothing(const struct command *c, struct writer *w)
{
    (void)c;
    (void)w;
}

static void decode_nothing(struct command *c, struct reader *r)
{
    (void)c;
    (void)r;
}

static void encode_takes(const struct queue_names *n, struct writer *w)
{
    pack_array(w, n->takes);
    for (uint32_t i = 0; i < n->takes; i++)
        pack_bin(w, n->take[i], WIRE_NAME_BYTES);
}

static void decode_takes(struct queue_names *n, struct reader *r)
{
    n->takes = unpack_array(r, WIRE_TAKES_MAX);
    if (n->takes == 0)
        r->bad = true;
    for (uint32_t i = 0; i < n->takes; i++)
        n->take[i] = unpack_exact(r, WIRE_NAME_BYTES);
}

static void encode_queue_create(const struct command *c, struct writer *w)
{
    const struct queue_names *n = &c->u.queue_create.names;
    pack_bin(w, c->u.queue_create.voucher, WIRE_SECRET_BYTES);
    pack_uint(w, (uint64_t)c->u.queue_create.kind);
    pack_bin(w, n->put, WIRE_NAME_BYTES);
    encode_takes(n, w);
    pack_bin(w, n->own, WIRE_NAME_BYTES);
    pack_bin(w, n->end, WIRE_NAME_BYTES);
}

static void decode_queue_create(struct command *c, struct reader *r)
{
    struct queue_names *n = &c->u.queue_create.names;
    c->u.queue_create.voucher = unpack_exact(r, WIRE_SECRET_BYTES);
    c->u.queue_create.kind = (enum queue_kind)unpack_range(r, QUEUE_DESK, QUEUE_CONVERSATION);
    n->put = unpack_exact(r, WIRE_NAME_BYTES);
    n->put2 = NULL;
    decode_takes(n, r);
    n->own = unpack_exact(r, WIRE_NAME_BYTES);
    n->end = unpack_exact(r, WIRE_NAME_BYTES);
}

static void encode_queue_update(const struct command *c, struct writer *w)
{
    const struct queue_names *n = &c->u.queue_update.names;
    pack_bin(w, c->u.queue_update.own, WIRE_SECRET_BYTES);
    pack_bin(w, n->put, WIRE_NAME_BYTES);
    pack_bin(w, n->put2, n->put2 == NULL ? 0 : WIRE_NAME_BYTES);
    encode_takes(n, w);
    pack_bin(w, n->own, WIRE_NAME_BYTES);
    pack_bin(w, n->end, WIRE_NAME_BYTES);
}

static const uint8_t *decode_put2(struct reader *r)
{
    struct span put2 = unpack_bin(r, WIRE_NAME_BYTES);
    if (put2.len != 0 && put2.len != WIRE_NAME_BYTES)
        r->bad = true;
    return put2.len == 0 ? NULL : put2.at;
}

static void decode_queue_update(struct command *c, struct reader *r)
{
    struct queue_names *n = &c->u.queue_update.names;
    c->u.queue_update.own = unpack_exact(r, WIRE_SECRET_BYTES);
    n->put = unpack_exact(r, WIRE_NAME_BYTES);
    n->put2 = decode_put2(r);
    decode_takes(n, r);
    n->own = unpack_exact(r, WIRE_NAME_BYTES);
    n->end = unpack_exact(r, WIRE_NAME_BYTES);
}

static void encode_queue_delete(const struct command *c, struct writer *w)
{
    pack_uint(w, (uint64_t)c->u.queue_delete.role);
    pack_bin(w, c->u.queue_delete.secret, WIRE_SECRET_BYTES);
}

static void decode_queue_delete(struct command *c, struct reader *r)
{
    c->u.queue_delete.role = (enum delete_role)unpack_range(r, DELETE_OWN, DELETE_END);
    c->u.queue_delete.secret = unpack_exact(r, WIRE_SECRET_BYTES);
}

static void encode_send(const struct command *c, struct writer *w)
{
    pack_uint(w, (uint64_t)c->u.send.role);
    pack_bin(w, c->u.send.secret, WIRE_SECRET_BYTES);
    pack_uint(w, c->u.send.ttl);
    pack_bin(w, c->u.send.handle, WIRE_HANDLE_BYTES);
    pack_bin(w, c->u.send.envelope, WIRE_ENVELOPE_BYTES);
}

static void decode_send(struct command *c, struct reader *r)
{
    c->u.send.role = (enum send_role)unpack_range(r, SEND_PUT, SEND_TAKE);
    c->u.send.secret = unpack_exact(r, WIRE_SECRET_BYTES);
    c->u.send.ttl = (uint8_t)unpack_uint(r, WIRE_TTL_30D);
    c->u.send.handle = unpack_exact(r, WIRE_HANDLE_BYTES);
    c->u.send.envelope = unpack_exact(r, WIRE_ENVELOPE_BYTES);
}

static void encode_cancel(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.cancel.handle, WIRE_HANDLE_BYTES);
}

static void decode_cancel(struct command *c, struct reader *r)
{
    c->u.cancel.handle = unpack_exact(r, WIRE_HANDLE_BYTES);
}

static void encode_subscribe(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.subscribe.take, WIRE_SECRET_BYTES);
    pack_uint(w, c->u.subscribe.window);
}

static void decode_subscribe(struct command *c, struct reader *r)
{
    c->u.subscribe.take = unpack_exact(r, WIRE_SECRET_BYTES);
    c->u.subscribe.window = unpack_range(r, 1, WIRE_WINDOW_MAX);
}

static void encode_unsubscribe(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.unsubscribe.subscription, WIRE_SUBSCRIPTION_BYTES);
}

static void decode_unsubscribe(struct command *c, struct reader *r)
{
    c->u.unsubscribe.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
}

static void encode_claim(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.claim.subscription, WIRE_SUBSCRIPTION_BYTES);
    pack_uint(w, c->u.claim.id);
}

static void decode_claim(struct command *c, struct reader *r)
{
    c->u.claim.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
    c->u.claim.id = (uint32_t)unpack_uint(r, UINT32_MAX);
}

static void encode_ack(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.ack.subscription, WIRE_SUBSCRIPTION_BYTES);
    pack_array(w, c->u.ack.count);
    for (uint32_t i = 0; i < c->u.ack.count; i++)
        pack_uint(w, c->u.ack.ids[i]);
}

static void decode_ack(struct command *c, struct reader *r)
{
    c->u.ack.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
    c->u.ack.count = unpack_array(r, WIRE_ACK_IDS_MAX);
    if (c->u.ack.count == 0)
        r->bad = true;
    for (uint32_t i = 0; i < c->u.ack.count; i++)
        c->u.ack.ids[i] = (uint32_t)unpack_uint(r, UINT32_MAX);
}

static void encode_status(const struct command *c, struct writer *w)
{
    pack_array(w, c->u.status.count);
    for (uint32_t i = 0; i < c->u.status.count; i++)
        pack_bin(w, c->u.status.handles[i], WIRE_HANDLE_BYTES);
}

static void decode_status(struct command *c, struct reader *r)
{
    c->u.status.count = unpack_array(r, WIRE_STATUS_HANDLES_MAX);
    if (c->u.status.count == 0)
        r->bad = true;
    for (uint32_t i = 0; i < c->u.status.count; i++)
        c->u.status.handles[i] = unpack_exact(r, WIRE_HANDLE_BYTES);
}

static void encode_challenge(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.challenge.put, WIRE_SECRET_BYTES);
}

static void decode_challenge(struct command *c, struct reader *r)
{
    c->u.challenge.put = unpack_exact(r, WIRE_SECRET_BYTES);
}

static void encode_knock(const struct command *c, struct writer *w)
{
    const struct queue_names *n = &c->u.knock.names;
    pack_bin(w, c->u.knock.put, WIRE_SECRET_BYTES);
    pack_bin(w, c->u.knock.cookie, WIRE_COOKIE_BYTES);
    pack_uint(w, c->u.knock.solution);
    pack_bin(w, n->put, WIRE_NAME_BYTES);
    pack_bin(w, n->take[0], WIRE_NAME_BYTES);
    pack_bin(w, n->own, WIRE_NAME_BYTES);
    pack_bin(w, n->end, WIRE_NAME_BYTES);
    pack_bin(w, c->u.knock.slot_voucher, WIRE_NAME_BYTES);
    pack_uint(w, c->u.knock.ttl);
    pack_bin(w, c->u.knock.handle, WIRE_HANDLE_BYTES);
    pack_bin(w, c->u.knock.envelope, WIRE_ENVELOPE_BYTES);
}

static void decode_knock(struct command *c, struct reader *r)
{
    struct queue_names *n = &c->u.knock.names;
    c->u.knock.put = unpack_exact(r, WIRE_SECRET_BYTES);
    c->u.knock.cookie = unpack_exact(r, WIRE_COOKIE_BYTES);
    c->u.knock.solution = unpack_uint(r, UINT64_MAX);
    n->put = unpack_exact(r, WIRE_NAME_BYTES);
    n->put2 = NULL;
    n->takes = 1;
    n->take[0] = unpack_exact(r, WIRE_NAME_BYTES);
    n->own = unpack_exact(r, WIRE_NAME_BYTES);
    n->end = unpack_exact(r, WIRE_NAME_BYTES);
    c->u.knock.slot_voucher = unpack_exact(r, WIRE_NAME_BYTES);
    c->u.knock.ttl = (uint8_t)unpack_uint(r, WIRE_TTL_30D);
    c->u.knock.handle = unpack_exact(r, WIRE_HANDLE_BYTES);
    c->u.knock.envelope = unpack_exact(r, WIRE_ENVELOPE_BYTES);
}

static void encode_voucher_draw(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.voucher_draw.take, WIRE_SECRET_BYTES);
    pack_uint(w, (uint64_t)c->u.voucher_draw.kind);
    pack_array(w, c->u.voucher_draw.count);
    for (uint32_t i = 0; i < c->u.voucher_draw.count; i++)
        pack_bin(w, c->u.voucher_draw.names[i], WIRE_NAME_BYTES);
}

static void decode_voucher_draw(struct command *c, struct reader *r)
{
    c->u.voucher_draw.take = unpack_exact(r, WIRE_SECRET_BYTES);
    /* A desk does not make desks. */
    c->u.voucher_draw.kind = (enum voucher_kind)unpack_range(r, VOUCHER_CONVERSATION, VOUCHER_LASTING_SLOT);
    c->u.voucher_draw.count = unpack_array(r, WIRE_VOUCHERS_MAX);
    if (c->u.voucher_draw.count == 0)
        r->bad = true;
    for (uint32_t i = 0; i < c->u.voucher_draw.count; i++)
        c->u.voucher_draw.names[i] = unpack_exact(r, WIRE_NAME_BYTES);
}

static void encode_slot_names(const struct slot_names *n, struct writer *w)
{
    pack_bin(w, n->read, WIRE_NAME_BYTES);
    pack_bin(w, n->write, WIRE_NAME_BYTES);
    pack_bin(w, n->own, WIRE_NAME_BYTES);
}

static void decode_slot_names(struct slot_names *n, struct reader *r)
{
    n->read = unpack_exact(r, WIRE_NAME_BYTES);
    n->write = unpack_exact(r, WIRE_NAME_BYTES);
    n->own = unpack_exact(r, WIRE_NAME_BYTES);
}

static void encode_slot_create(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.slot_create.voucher, WIRE_SECRET_BYTES);
    pack_uint(w, c->u.slot_create.ttl);
    encode_slot_names(&c->u.slot_create.names, w);
}

static void decode_slot_create(struct command *c, struct reader *r)
{
    c->u.slot_create.voucher = unpack_exact(r, WIRE_SECRET_BYTES);
    c->u.slot_create.ttl = (uint8_t)unpack_uint(r, WIRE_TTL_LASTING);
    decode_slot_names(&c->u.slot_create.names, r);
}

static void encode_slot_set(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.slot_set.write, WIRE_SECRET_BYTES);
    slot_piece_encode(&c->u.slot_set.piece, w);
}

static void decode_slot_set(struct command *c, struct reader *r)
{
    c->u.slot_set.write = unpack_exact(r, WIRE_SECRET_BYTES);
    slot_piece_decode(&c->u.slot_set.piece, r);
}

static void encode_slot_get(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.slot_get.read, WIRE_SECRET_BYTES);
}

static void decode_slot_get(struct command *c, struct reader *r)
{
    c->u.slot_get.read = unpack_exact(r, WIRE_SECRET_BYTES);
}

static void encode_slot_update(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.slot_update.own, WIRE_SECRET_BYTES);
    encode_slot_names(&c->u.slot_update.names, w);
}

static void decode_slot_update(struct command *c, struct reader *r)
{
    c->u.slot_update.own = unpack_exact(r, WIRE_SECRET_BYTES);
    decode_slot_names(&c->u.slot_update.names, r);
}

static void encode_slot_delete(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.slot_delete.own, WIRE_SECRET_BYTES);
}

static void decode_slot_delete(struct command *c, struct reader *r)
{
    c->u.slot_delete.own = unpack_exact(r, WIRE_SECRET_BYTES);
}

static const struct command_form forms[] = {
    {OP_PING, "PING", 0, encode_nothing, decode_nothing},
    {OP_QUEUE_CREATE, "QUEUE_CREATE", 6, encode_queue_create, decode_queue_create},
    {OP_QUEUE_UPDATE, "QUEUE_UPDATE", 6, encode_queue_update, decode_queue_update},
    {OP_QUEUE_DELETE, "QUEUE_DELETE", 2, encode_queue_delete, decode_queue_delete},
    {OP_SEND, "SEND", 5, encode_send, decode_send},
    {OP_CANCEL, "CANCEL", 1, encode_cancel, decode_cancel},
    {OP_SUBSCRIBE, "SUBSCRIBE", 2, encode_subscribe, decode_subscribe},
    {OP_UNSUBSCRIBE, "UNSUBSCRIBE", 1, encode_unsubscribe, decode_unsubscribe},
    {OP_CLAIM, "CLAIM", 2, encode_claim, decode_claim},
    {OP_ACK, "ACK", 2, encode_ack, decode_ack},
    {OP_STATUS, "STATUS", 1, encode_status, decode_status},
    {OP_CHALLENGE, "CHALLENGE", 1, encode_challenge, decode_challenge},
    {OP_KNOCK, "KNOCK", 11, encode_knock, decode_knock},
    {OP_VOUCHER_DRAW, "VOUCHER_DRAW", 3, encode_voucher_draw, decode_voucher_draw},
    {OP_SLOT_CREATE, "SLOT_CREATE", 5, encode_slot_create, decode_slot_create},
    {OP_SLOT_SET, "SLOT_SET", 5, encode_slot_set, decode_slot_set},
    {OP_SLOT_GET, "SLOT_GET", 1, encode_slot_get, decode_slot_get},
    {OP_SLOT_UPDATE, "SLOT_UPDATE", 4, encode_slot_update, decode_slot_update},
    {OP_SLOT_DELETE, "SLOT_DELETE", 1, encode_slot_delete, decode_slot_delete},
};

struct command_forms command_forms_client(void)
{
    return (struct command_forms){forms, sizeof(forms) / sizeof(forms[0])};
}
