#include "client/core/locker.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

enum { LAZY_MS = 30000, CALM_MS = 300000, CHECK_PAUSE_MS = 1000, CHECK_PAUSE_MAX_MS = 60000 };

/* --- as a vault --- */

static struct locker *of(zg_vault *v)
{
    return (struct locker *)v;
}

static void finish(struct locker *l, zg_err err)
{
    zg_vault_batch *batch = l->batch;
    l->batch = NULL;
    l->stored = l->covered = l->settled = false;
    batch->done(batch, err);
}

/* Whether a SEND, an ACK or a queue's new secrets may depend on it. */
static bool is_awaited(const zg_vault_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        uint8_t tag = batch->writes[i].key[0];
        if (batch->writes[i].value != NULL && (tag == ENTRY_CONVERSATION || tag == ENTRY_PARCEL || tag == ENTRY_PART))
            return true;
    }
    return false;
}

/* It is written in a while. */
static void touch(struct locker *l)
{
    if (l->dirty_ms == 0)
        l->dirty_ms = l->client->now.mono_ms + 1;
}

static void on_inner(zg_vault_batch *inner, zg_err err)
{
    struct locker *l = inner->ctx;
    if (err == ZG_OK && l->stage == LOCKER_OPEN && l->over == LOCKER_STAYS && is_awaited(inner)) {
        l->stored = true;
        return;
    }
    touch(l);
    finish(l, err);
}

static void vault_load(zg_vault *v, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    of(v)->below->load(of(v)->below, visit, ctx, done);
}

static void vault_submit(zg_vault *v, zg_vault_batch *batch)
{
    struct locker *l = of(v);
    assert(l->batch == NULL); /* the journal has one batch with its vault at a time */
    l->batch = batch;
    l->inner = (zg_vault_batch){NULL, batch->writes, batch->count, on_inner, l};
    l->below->submit(l->below, &l->inner);
}

static void vault_pump(zg_vault *v)
{
    struct locker *l = of(v);
    l->below->pump(l->below);
    if (l->stored && (l->settled || l->stage != LOCKER_OPEN || l->over != LOCKER_STAYS))
        finish(l, ZG_OK);
}

static void forget_value(struct locker *l)
{
    free(l->value); /* sealed */
    l->value = NULL;
    l->value_len = 0;
    l->covered = l->covers_check = l->unsure = false;
}

static void locker_free(struct locker *l)
{
    l->client->locker = NULL;
    call_forget(&l->call);
    slot_drop(&l->reading);
    forget_value(l);
    sodium_free(l->keys);
    sodium_memzero(l, sizeof(*l));
    free(l);
}

static void vault_close(zg_vault *v)
{
    struct locker *l = of(v);
    zg_vault *below = l->below;
    l->over = LOCKER_DONE;
    vault_pump(v);
    locker_free(l);
    below->close(below);
}

zg_err locker_new(struct zg_client *c, const struct relay_place *place,
                  const uint8_t secret[ZG_LOCKER_SECRET_BYTES], const struct secret *voucher)
{
    assert(c->locker == NULL && c->journal.flight == NULL);
    struct locker *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ZG_ERR_MEMORY;
    l->keys = sodium_malloc(sizeof(*l->keys));
    l->connection = l->keys == NULL ? NULL : client_connection(c, place);
    if (l->connection == NULL) {
        sodium_free(l->keys);
        free(l);
        return ZG_ERR_MEMORY;
    }
    memset(l->keys, 0, sizeof(*l->keys));
    memcpy(l->keys, secret, ZG_LOCKER_SECRET_BYTES);
    if (voucher != NULL)
        l->keys->voucher = *voucher;
    l->vault = (zg_vault){vault_load, vault_submit, vault_pump, vault_close};
    l->below = c->journal.vault;
    l->client = c;
    rng_fill(&c->rng, l->writer, sizeof(l->writer));
    l->stage = voucher != NULL ? LOCKER_CREATE : LOCKER_FETCH;
    c->journal.vault = &l->vault;
    c->locker = l;
    return ZG_OK;
}

void locker_drop(struct locker *l)
{
    if (l == NULL)
        return;
    l->over = LOCKER_DONE;
    vault_pump(&l->vault);
    l->client->journal.vault = l->below;
    locker_free(l);
}

/* --- what the relay says --- */

static void end(struct locker *l, enum locker_end how, zg_err err)
{
    forget_value(l);
    l->over = how;
    l->why = err;
}

static void pause_a_while(struct locker *l, uint32_t seconds)
{
    l->retry_ms = l->client->now.mono_ms + 1000 * (uint64_t)(seconds == 0 ? 1 : seconds);
}

static void ask(struct locker *l, struct command *command,
                void (*done)(struct call *, const struct command *, zg_err))
{
    l->call.done = done;
    l->call.owner = l;
    /* Without room or memory now, the next round asks again. */
    zg_err err = connection_call(l->connection, &l->call, command);
    (void)err;
}

/* true: that was all. A slot that is refused is gone, or was never there. */
static bool common_reply(struct locker *l, const struct command *reply, zg_err err)
{
    bool returning = l->stage == LOCKER_FETCH || l->stage == LOCKER_CLAIM;
    switch (err) {
    case ZG_OK:
        return false;
    case ZG_ERR_NETWORK:
        return true;
    case ZG_ERR_BUSY:
    case ZG_ERR_FULL:
        pause_a_while(l, reply->u.reply.retry_after);
        return true;
    case ZG_ERR_REFUSED:
        end(l, returning ? LOCKER_FAILED : LOCKER_LOST, returning ? ZG_ERR_NOT_FOUND : err);
        return true;
    default:
        end(l, returning ? LOCKER_FAILED : LOCKER_LOST, err);
        return true;
    }
}

/* --- writing --- */

static void tell_ready(struct locker *l)
{
    if (l->ready_told || l->dirty_ms != 0)
        return;
    l->ready_told = true;
    client_event(l->client, ZG_EVENT_LOCKER_READY, ZG_OK, NULL, NULL, 0);
}

/* Nobody returned. A reader that comes again and again, or a relay that says so, must not cost a write each time. */
static void is_ours(struct locker *l)
{
    struct zg_client *c = l->client;
    uint64_t now = c->now.mono_ms;
    bool again = l->checked_ms != 0 && now < l->checked_ms + CALM_MS;

    l->check_pause_ms = !again ? 0 : l->check_pause_ms == 0 ? CHECK_PAUSE_MS : 2 * l->check_pause_ms;
    if (l->check_pause_ms > CHECK_PAUSE_MAX_MS)
        l->check_pause_ms = CHECK_PAUSE_MAX_MS;
    l->checked_ms = now + 1;
    l->checking = false;
    for (size_t i = 0; i < c->conversation_count; i++) {
        c->conversations[i]->subscription.displaced = false;
        c->conversations[i]->subscription.retry_ms = now + l->check_pause_ms;
    }
}

static void written(struct locker *l)
{
    l->version++;
    l->settled = l->covered;
    if (l->covers_check)
        is_ours(l);
    forget_value(l);
    if (l->stage == LOCKER_FIRST)
        l->stage = LOCKER_OPEN;
    else if (l->stage == LOCKER_CLAIM)
        l->over = LOCKER_CLAIMED;
    if (l->stage == LOCKER_OPEN)
        tell_ready(l);
}

static void on_written(struct call *call, const struct command *reply, zg_err err)
{
    struct locker *l = call->owner;
    bool unknown = err == ZG_ERR_NETWORK || err == ZG_ERR_CONFLICT;

    if (unknown && l->stage == LOCKER_CLAIM) {
        forget_value(l);
        l->stage = LOCKER_FETCH;
        return;
    }
    if (unknown) {
        l->unsure = true;
        return;
    }
    if (!common_reply(l, reply, err))
        written(l);
}

static void write_value(struct locker *l)
{
    if (l->value == NULL) {
        zg_err err = locker_seal(l, l->version + 1, &l->value, &l->value_len);
        if (err == ZG_ERR_MEMORY)
            pause_a_while(l, 1);
        else if (err != ZG_OK)
            end(l, LOCKER_LOST, err);
        if (err != ZG_OK)
            return;
        l->covered = l->stored;
        l->covers_check = l->checking;
        l->dirty_ms = 0;
    }
    l->call.done = on_written;
    l->call.owner = l;
    slot_write(l->connection, &l->call, &l->keys->write, l->version, l->value, l->value_len);
}

/* --- reading --- */

static void went_back(struct locker *l, uint64_t version)
{
    client_relay_went_back(l->client, l->connection);
    l->version = version;
    free(l->value); /* it was sealed for another version */
    l->value = NULL;
    touch(l);
}

/* A later one. */
static void see_writer(struct locker *l)
{
    const struct slot_reading *r = &l->reading;
    uint8_t *plain;
    size_t len;

    zg_err err = locker_open(l, r->last.version, r->value, r->len, &plain, &len);
    if (err == ZG_ERR_MEMORY) {
        l->unsure = true;
        pause_a_while(l, 1);
        return;
    }
    if (err != ZG_OK) {
        end(l, LOCKER_LOST, err);
        return;
    }
    if (locker_is_marked(l, plain))
        went_back(l, r->last.version);
    else
        end(l, LOCKER_CLOSED, ZG_OK);
    sodium_memzero(plain, len);
    free(plain);
}

/* Whose value is it? */
static void compare(struct locker *l)
{
    uint64_t version = l->reading.last.version;
    bool same = l->reading.len == l->value_len && memcmp(l->reading.value, l->value, l->value_len) == 0;

    l->unsure = false;
    if (version == l->version + 1 && same)
        written(l);
    else if (version < l->version)
        went_back(l, version);
    else if (version > l->version)
        see_writer(l);
    else
        pause_a_while(l, 1); /* a relay that says conflict for ever is not asked in a loop */
}

/* What is there, once more under the next version: the former device cannot write from then on. */
static void take(struct locker *l)
{
    uint8_t *plain;
    size_t plain_len;
    const struct slot_reading *r = &l->reading;

    l->version = r->last.version;
    zg_err err = r->last.size == 0 ? ZG_ERR_NOT_FOUND : locker_open(l, l->version, r->value, r->len, &plain, &plain_len);
    if (err == ZG_OK) {
        err = locker_mark(l, plain);
        if (err == ZG_OK)
            err = locker_seal_again(l, l->version + 1, plain, plain_len, &l->value, &l->value_len);
        sodium_memzero(plain, plain_len);
        free(plain);
    }
    if (err == ZG_OK)
        l->stage = LOCKER_CLAIM;
    else if (err == ZG_ERR_MEMORY)
        pause_a_while(l, 1);
    else
        end(l, LOCKER_FAILED, err);
}

static void on_piece(struct call *call, const struct command *reply, zg_err err)
{
    struct locker *l = call->owner;

    if (common_reply(l, reply, err))
        return;
    err = slot_take(&l->reading, LOCKER_LARGE_BYTES, &reply->u.slot_value);
    if (err != ZG_OK) {
        connection_drop(l->connection, err);
        return;
    }
    if (call_waits(call))
        return;
    if (l->stage == LOCKER_FETCH)
        take(l);
    else if (l->value != NULL)
        compare(l);
    if (l->stage != LOCKER_CLAIM)
        slot_drop(&l->reading);
}

static void read_slot(struct locker *l)
{
    struct command command = {.op = OP_SLOT_GET};
    slot_drop(&l->reading);
    command.u.slot_get.read = l->keys->read.b;
    ask(l, &command, on_piece);
}

/* --- beginning and end --- */

static void on_created(struct call *call, const struct command *reply, zg_err err)
{
    struct locker *l = call->owner;
    if (common_reply(l, reply, err))
        return;
    sodium_memzero(&l->keys->voucher, sizeof(l->keys->voucher));
    l->stage = LOCKER_FIRST;
}

static void create(struct locker *l)
{
    struct command command = {.op = OP_SLOT_CREATE};
    struct name read, write, own;

    secret_name(ROLE_READ, l->keys->read.b, &read);
    secret_name(ROLE_WRITE, l->keys->write.b, &write);
    secret_name(ROLE_SLOT_OWN, l->keys->own.b, &own);
    command.u.slot_create.voucher = l->keys->voucher.b;
    command.u.slot_create.ttl = l->connection->welcome.ttl_ceiling; /* as long as anything may wait there */
    command.u.slot_create.names = (struct slot_names){read.b, write.b, own.b};
    ask(l, &command, on_created);
}

static void on_deleted(struct call *call, const struct command *reply, zg_err err)
{
    struct locker *l = call->owner;
    if (err == ZG_OK || err == ZG_ERR_REFUSED)
        end(l, LOCKER_DONE, ZG_OK);
    else if (err != ZG_ERR_NETWORK)
        pause_a_while(l, reply->u.reply.retry_after);
}

/* Nothing is in it any more. */
static void delete_slot(struct locker *l)
{
    struct command command = {.op = OP_SLOT_DELETE};
    command.u.slot_delete.own = l->keys->own.b;
    ask(l, &command, on_deleted);
}

void locker_going(struct locker *l)
{
    l->stage = LOCKER_GOING;
    call_forget(&l->call);
    forget_value(l);
}

/* --- work --- */

static bool is_empty(const struct locker *l)
{
    return l->stage == LOCKER_OPEN && l->client->conversation_count == 0 && !l->stored && l->value == NULL;
}

/* When what nobody waits for is written all the same. */
static uint64_t lazy_ms(const struct locker *l)
{
    return l->dirty_ms == 0 ? UINT64_MAX : l->ready_told ? l->dirty_ms + LAZY_MS : l->dirty_ms;
}

static bool has_work(const struct locker *l)
{
    if (l->over != LOCKER_STAYS || l->stage == LOCKER_GOING)
        return false;
    return l->stage != LOCKER_OPEN || l->stored || l->client->now.mono_ms >= lazy_ms(l) || l->checking || l->value != NULL || is_empty(l);
}

bool locker_wants_relay(const struct locker *l)
{
    return has_work(l);
}

void locker_work(struct locker *l)
{
    if (!has_work(l) || call_waits(&l->call) || l->client->now.mono_ms < l->retry_ms || !connection_room(l->connection))
        return;
    switch (l->stage) {
    case LOCKER_CREATE:
        create(l);
        break;
    case LOCKER_FETCH:
        read_slot(l);
        break;
    case LOCKER_FIRST:
    case LOCKER_CLAIM:
    case LOCKER_OPEN:
        if (l->unsure)
            read_slot(l);
        else if (is_empty(l))
            delete_slot(l);
        else
            write_value(l);
        break;
    case LOCKER_GOING:
        break;
    }
}

uint64_t locker_deadline(const struct locker *l)
{
    if (l->over != LOCKER_STAYS || l->stage == LOCKER_GOING)
        return UINT64_MAX;
    if (!has_work(l))
        return lazy_ms(l);
    return l->retry_ms > l->client->now.mono_ms ? l->retry_ms : UINT64_MAX;
}

bool locker_is_over(const struct locker *l)
{
    if (l == NULL)
        return false;
    return l->over != LOCKER_STAYS || (l->stage == LOCKER_GOING && l->client->conversation_count == 0);
}

bool locker_is_open(const struct locker *l)
{
    return l != NULL && l->stage == LOCKER_OPEN && l->over == LOCKER_STAYS;
}

uint64_t locker_next_version(const struct locker *l)
{
    return locker_is_open(l) ? l->version + (l->value != NULL ? 2 : 1) : 0;
}

void locker_echo(struct locker *l, uint64_t version)
{
    if (locker_is_open(l) && version > l->version)
        client_relay_went_back(l->client, l->connection);
}

void locker_check(struct locker *l)
{
    l->checking = true;
}
