/* What the relay says to a client: section 1.1, second table, in its order. */
#include "proto/command_form.h"

static void encode_reply(const struct command *c, struct writer *w)
{
    pack_uint(w, (uint64_t)c->u.reply.status);
    pack_uint(w, c->u.reply.retry_after);
}

static void decode_reply(struct command *c, struct reader *r)
{
    c->u.reply.status = (enum status)unpack_range(r, STATUS_OK, STATUS_CONFLICT);
    c->u.reply.retry_after = (uint32_t)unpack_uint(r, UINT32_MAX);
}

static void encode_subscribed(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.subscribed.subscription, WIRE_SUBSCRIPTION_BYTES);
}

static void decode_subscribed(struct command *c, struct reader *r)
{
    c->u.subscribed.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
}

static void encode_cookie(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.cookie.cookie, WIRE_COOKIE_BYTES);
    pack_uint(w, c->u.cookie.effort);
}

static void decode_cookie(struct command *c, struct reader *r)
{
    c->u.cookie.cookie = unpack_exact(r, WIRE_COOKIE_BYTES);
    c->u.cookie.effort = (uint8_t)unpack_uint(r, WIRE_EFFORT_MAX);
}

static void encode_slot_value(const struct command *c, struct writer *w)
{
    slot_piece_encode(&c->u.slot_value, w);
}

static void decode_slot_value(struct command *c, struct reader *r)
{
    slot_piece_decode(&c->u.slot_value, r);
}

static void encode_states(const struct command *c, struct writer *w)
{
    pack_array(w, c->u.states.count);
    for (uint32_t i = 0; i < c->u.states.count; i++)
        pack_uint(w, c->u.states.fates[i]);
}

static void decode_states(struct command *c, struct reader *r)
{
    c->u.states.count = unpack_array(r, WIRE_STATUS_HANDLES_MAX);
    if (c->u.states.count == 0)
        r->bad = true;
    for (uint32_t i = 0; i < c->u.states.count; i++)
        c->u.states.fates[i] = (uint8_t)unpack_uint(r, FATE_EXPIRED);
}

static void encode_deliver(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.deliver.subscription, WIRE_SUBSCRIPTION_BYTES);
    pack_uint(w, c->u.deliver.id);
    pack_bin(w, c->u.deliver.envelope, WIRE_ENVELOPE_BYTES);
}

static void decode_deliver(struct command *c, struct reader *r)
{
    c->u.deliver.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
    c->u.deliver.id = (uint32_t)unpack_uint(r, UINT32_MAX);
    c->u.deliver.envelope = unpack_exact(r, WIRE_ENVELOPE_BYTES);
}

static void encode_withdraw(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.withdraw.subscription, WIRE_SUBSCRIPTION_BYTES);
    pack_uint(w, c->u.withdraw.id);
}

static void decode_withdraw(struct command *c, struct reader *r)
{
    c->u.withdraw.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
    c->u.withdraw.id = (uint32_t)unpack_uint(r, UINT32_MAX);
}

static void encode_ended(const struct command *c, struct writer *w)
{
    pack_bin(w, c->u.ended.subscription, WIRE_SUBSCRIPTION_BYTES);
    pack_uint(w, (uint64_t)c->u.ended.reason);
}

static void decode_ended(struct command *c, struct reader *r)
{
    c->u.ended.subscription = unpack_exact(r, WIRE_SUBSCRIPTION_BYTES);
    c->u.ended.reason = (enum ended_reason)unpack_range(r, ENDED_DISPLACED, ENDED_NOT_SERVED);
}

static const struct command_form forms[] = {
    {OP_REPLY, "REPLY", 2, encode_reply, decode_reply},
    {OP_SUBSCRIBED, "SUBSCRIBED", 1, encode_subscribed, decode_subscribed},
    {OP_COOKIE, "COOKIE", 2, encode_cookie, decode_cookie},
    {OP_SLOT_VALUE, "SLOT_VALUE", 4, encode_slot_value, decode_slot_value},
    {OP_STATES, "STATES", 1, encode_states, decode_states},
    {OP_DELIVER, "DELIVER", 3, encode_deliver, decode_deliver},
    {OP_WITHDRAW, "WITHDRAW", 2, encode_withdraw, decode_withdraw},
    {OP_ENDED, "ENDED", 2, encode_ended, decode_ended},
};

struct command_forms command_forms_relay(void)
{
    return (struct command_forms){forms, sizeof(forms) / sizeof(forms[0])};
}
