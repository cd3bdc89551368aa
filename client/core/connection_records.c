/* Commands in and out of the records of an open link; docs/protocol.md sections 1.1 and 2.2. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/connection.h"
#include "proto/record.h"

/* An encoded command that waits for a record. */
struct unit {
    struct unit *next;
    size_t len;
    uint8_t bytes[];
};

struct awaited {
    struct awaited *next;
    struct call *call; /* NULL: forgotten */
    uint32_t seq;
    enum op op;
};

/* --- out --- */

static void unit_free(struct unit *u)
{
    sodium_memzero(u, sizeof(*u) + u->len);
    free(u);
}

static void drop_units(struct connection *c)
{
    while (c->units != NULL) {
        struct unit *u = c->units;
        c->units = u->next;
        unit_free(u);
    }
    c->units_end = &c->units;
    c->queued = 0;
}

/* The owner asks again in its next round; there must be one. */
static zg_err no_memory(struct connection *c)
{
    c->again_ms = c->now_ms + CONNECTION_AGAIN_MS;
    return ZG_ERR_MEMORY;
}

static zg_err enqueue(struct connection *c, const struct command *command)
{
    zg_err err;
    uint8_t bytes[WIRE_COMMAND_BYTES_MAX];
    struct writer w;
    struct unit *u = NULL;

    writer_init(&w, bytes, sizeof(bytes));
    err = command_encode(command, &w);
    if (err != ZG_OK)
        goto out;
    u = malloc(sizeof(*u) + w.len);
    if (u == NULL) {
        err = no_memory(c);
        goto out;
    }
    u->next = NULL;
    u->len = w.len;
    memcpy(u->bytes, bytes, w.len);
    *c->units_end = u;
    c->units_end = &u->next;
    c->queued += w.len;
out:
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

static void take_unit(struct connection *c, struct record_writer *record)
{
    struct unit *u = c->units;
    struct writer w = record_unit_begin(record);
    writer_put(&w, u->bytes, u->len);
    zg_err err = record_unit_end(record, &w);
    assert(err == ZG_OK);
    (void)err;
    c->units = u->next;
    if (c->units == NULL)
        c->units_end = &c->units;
    c->queued -= u->len;
    unit_free(u);
}

bool connection_seal(struct connection *c)
{
    struct record_writer record;
    uint8_t *plain = c->out + WIRE_RECORD_HEADER_BYTES;
    struct writer w;

    if (c->units == NULL)
        return false;
    record_begin(&record, plain);
    while (c->units != NULL && record_fits(&record, c->units->len))
        take_unit(c, &record);
    size_t len = record_finish(&record);
    noise_encrypt(&c->keys->send, plain, plain, len);
    writer_init(&w, c->out, WIRE_RECORD_HEADER_BYTES);
    writer_u16(&w, (uint16_t)(len + WIRE_TAG_BYTES));
    c->out_len = WIRE_RECORD_HEADER_BYTES + len + WIRE_TAG_BYTES;
    return true;
}

bool connection_room(const struct connection *c)
{
    return c->state == CONNECTION_OPEN && c->awaited_count < CONNECTION_CALLS_MAX &&
           c->queued < CONNECTION_QUEUED_MAX;
}

zg_err connection_call(struct connection *c, struct call *call, struct command *command)
{
    assert(call->awaited == NULL);
    if (c->state != CONNECTION_OPEN)
        return ZG_ERR_NETWORK;
    if (!connection_room(c))
        return ZG_ERR_BUSY;
    struct awaited *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return no_memory(c);
    command->seq = c->seq + 1;
    zg_err err = enqueue(c, command);
    if (err != ZG_OK) {
        free(a);
        return err;
    }
    c->seq++;
    a->seq = command->seq;
    a->op = command->op;
    a->call = call;
    call->awaited = a;
    call->connection = c;
    if (c->awaited == NULL)
        c->waiting_ms = c->now_ms;
    *c->awaited_end = a;
    c->awaited_end = &a->next;
    c->awaited_count++;
    return ZG_OK;
}

zg_err connection_more(struct connection *c, struct call *call, struct command *command)
{
    assert(call->awaited != NULL);
    command->seq = call->awaited->seq;
    return enqueue(c, command);
}

zg_err connection_tell(struct connection *c, struct command *command)
{
    if (c->state != CONNECTION_OPEN)
        return ZG_ERR_NETWORK;
    command->seq = ++c->seq;
    return enqueue(c, command);
}

void call_forget(struct call *call)
{
    if (call->awaited != NULL)
        call->awaited->call = NULL;
    call->awaited = NULL;
}

/* --- in --- */

static struct awaited **find_awaited(struct connection *c, uint32_t seq)
{
    struct awaited **at = &c->awaited;
    while (*at != NULL && (*at)->seq != seq)
        at = &(*at)->next;
    return at;
}

static void remove_awaited(struct connection *c, struct awaited **at)
{
    struct awaited *a = *at;
    *at = a->next;
    if (c->awaited_end == &a->next)
        c->awaited_end = at;
    c->awaited_count--;
    if (a->call != NULL)
        a->call->awaited = NULL;
    free(a);
}

/* Each question has its answer; a plain REPLY that is not ok may answer any. */
static bool answers(enum op question, const struct command *reply)
{
    switch (reply->op) {
    case OP_SUBSCRIBED:
        return question == OP_SUBSCRIBE;
    case OP_COOKIE:
        return question == OP_CHALLENGE;
    case OP_SLOT_VALUE:
        return question == OP_SLOT_GET;
    case OP_STATES:
        return question == OP_STATUS;
    default:
        return reply->u.reply.status != STATUS_OK || (question != OP_SUBSCRIBE && question != OP_CHALLENGE &&
                                                      question != OP_SLOT_GET && question != OP_STATUS);
    }
}

static bool last_piece(const struct slot_piece *p)
{
    return (p->piece + 1) * (uint32_t)WIRE_SLOT_PIECE_BYTES >= p->size;
}

static zg_err on_reply(struct connection *c, const struct command *reply)
{
    struct awaited **at = find_awaited(c, reply->seq);
    if (*at == NULL || !answers((*at)->op, reply))
        return ZG_ERR_MALFORMED;
    zg_err err = reply->op == OP_REPLY ? status_err(reply->u.reply.status) : ZG_OK;
    struct call *call = (*at)->call;
    if (reply->op != OP_SLOT_VALUE || last_piece(&reply->u.slot_value))
        remove_awaited(c, at);
    if (call != NULL)
        call->done(call, reply, err);
    return ZG_OK;
}

/* A push to a subscription that is not ours any more is nothing wrong: it was under way. */
static void on_push(struct connection *c, const struct command *push,
                    const uint8_t id[WIRE_SUBSCRIPTION_BYTES])
{
    for (struct listener *l = c->listeners; l != NULL; l = l->next) {
        if (memcmp(l->id, id, WIRE_SUBSCRIPTION_BYTES) == 0) {
            l->pushed(l, push);
            return;
        }
    }
}

static zg_err on_command(struct connection *c, const struct command *command)
{
    switch (command->op) {
    case OP_DELIVER:
        on_push(c, command, command->u.deliver.subscription);
        return ZG_OK;
    case OP_WITHDRAW:
        on_push(c, command, command->u.withdraw.subscription);
        return ZG_OK;
    case OP_ENDED:
        on_push(c, command, command->u.ended.subscription);
        return ZG_OK;
    default:
        return on_reply(c, command);
    }
}

/* Section 1.1. */
static void limit_wait(struct command *command)
{
    if (command->op == OP_REPLY && command->u.reply.retry_after > CONNECTION_RETRY_MAX_S)
        command->u.reply.retry_after = CONNECTION_RETRY_MAX_S;
}

static uint8_t *record_plain(const struct connection *c)
{
    return c->in + WIRE_RECORD_HEADER_BYTES;
}

zg_err connection_decrypt(struct connection *c, const struct span *body, size_t *len)
{
    assert(body->at == record_plain(c)); /* decrypted in place */
    if (!record_length_ok(body->len))
        return ZG_ERR_MALFORMED;
    *len = body->len - WIRE_TAG_BYTES;
    return noise_decrypt(&c->keys->receive, record_plain(c), body->at, body->len);
}

zg_err connection_take_record(struct connection *c, size_t len)
{
    uint32_t link = c->link;
    struct reader r;
    struct span unit;
    struct command command;
    enum framing framing;

    reader_init(&r, record_plain(c), len);
    while ((framing = record_next(&r, &unit)) == FRAMING_WHOLE) {
        zg_err err = command_decode(COMMAND_FROM_RELAY, unit.at, unit.len, &command);
        if (err == ZG_OK) {
            limit_wait(&command);
            err = on_command(c, &command);
        }
        /* Whoever was called may have dropped the connection. */
        if (err != ZG_OK || c->link != link)
            return err;
    }
    return framing == FRAMING_BAD ? ZG_ERR_MALFORMED : ZG_OK;
}

/* --- the end --- */

void connection_abandon(struct connection *c)
{
    drop_units(c);
    while (c->awaited != NULL) {
        struct call *call = c->awaited->call;
        remove_awaited(c, &c->awaited);
        if (call != NULL)
            call->done(call, NULL, ZG_ERR_NETWORK);
    }
    while (c->listeners != NULL) {
        struct listener *l = c->listeners;
        listener_remove(l);
        l->lost(l);
    }
}

void connection_abandon_quietly(struct connection *c)
{
    drop_units(c);
    while (c->awaited != NULL)
        remove_awaited(c, &c->awaited);
    while (c->listeners != NULL)
        listener_remove(c->listeners);
}

void connection_listen(struct connection *c, struct listener *l, const uint8_t id[WIRE_SUBSCRIPTION_BYTES])
{
    assert(l->connection == NULL);
    l->connection = c;
    memcpy(l->id, id, WIRE_SUBSCRIPTION_BYTES);
    l->next = c->listeners;
    c->listeners = l;
}

void listener_remove(struct listener *l)
{
    if (l->connection == NULL)
        return;
    struct listener **at = &l->connection->listeners;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->connection = NULL;
    l->next = NULL;
}
