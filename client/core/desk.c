#include "client/core/desk.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static const bool moves[6][6] = {
    [DESK_QUEUE] = {[DESK_DRAW] = true},
    [DESK_DRAW] = {[DESK_SLOT] = true},
    [DESK_SLOT] = {[DESK_PUBLISH] = true, [DESK_DRAW] = true},
    [DESK_PUBLISH] = {[DESK_READY] = true, [DESK_DRAW] = true},
    [DESK_READY] = {[DESK_DRAW] = true},
};

void desk_move(struct desk *d, enum desk_stage to)
{
    assert(moves[d->stage][to]);
    d->stage = to;
    desk_touch_stage(d);
}

/* --- life --- */

zg_err desk_new(struct desk **out, struct zg_client *c, const struct relay_place *place)
{
    struct desk *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return ZG_ERR_MEMORY;
    d->keys = sodium_malloc(sizeof(*d->keys));
    if (d->keys == NULL)
        goto err0;
    d->connection = client_connection(c, place);
    if (d->connection == NULL)
        goto err1;
    memset(d->keys, 0, sizeof(*d->keys));
    d->client = c;
    d->place = *place;
    d->stage = DESK_QUEUE;
    desk_listen(d);
    *out = d;
    return ZG_OK;

err1:
    sodium_free(d->keys);
err0:
    free(d);
    return ZG_ERR_MEMORY;
}

static void drop_calls(struct desk *d)
{
    call_forget(&d->call);
    call_forget(&d->voucher_call);
    subscription_stop(&d->subscription);
}

void desk_forget(struct desk *d)
{
    if (d == NULL)
        return;
    drop_calls(d);
    subscription_clear(&d->subscription);
    entry_forget(&d->client->journal, d->entry);
    sodium_free(d->keys);
    sodium_memzero(d, sizeof(*d));
    free(d);
}

void desk_vanish(struct desk *d)
{
    drop_calls(d);
    entry_drop(&d->client->journal, d->entry);
    d->entry = NULL;
    d->gone = true;
}

void desk_touch(struct desk *d)
{
    if (d->entry != NULL)
        entry_touch(&d->client->journal, d->entry);
}

void desk_touch_stage(struct desk *d)
{
    desk_touch(d);
    d->stamp = journal_stamp(&d->client->journal);
}

void desk_pause(struct desk *d, uint32_t seconds)
{
    uint32_t random;
    rng_fill(&d->client->rng, &random, sizeof(random));
    d->retry_ms = d->client->now.mono_ms + (uint64_t)(seconds == 0 ? 1 : seconds) * 1000 + random % 1000;
}

void desk_card(const struct desk *d, struct card *out)
{
    memset(out, 0, sizeof(*out));
    out->count = d->place.count;
    memcpy(out->address, d->place.address, sizeof(out->address));
    memcpy(out->relay_pk, d->place.pk, sizeof(out->relay_pk));
    memcpy(out->card_key, d->keys->card_key, sizeof(out->card_key));
    organisation_hash(out->organisation, d->trust.root_pk);
}

/* --- setting up --- */

static void on_set_up(struct call *call, const struct command *reply, zg_err err);

void desk_ask(struct desk *d, struct call *call, struct command *command,
              void (*done)(struct call *, const struct command *, zg_err))
{
    call->done = done;
    call->owner = d;
    /* Without room or memory now, the next round asks again. */
    zg_err err = connection_call(d->connection, call, command);
    (void)err;
}

static void create_queue(struct desk *d)
{
    struct command command = {.op = OP_QUEUE_CREATE};
    const struct desk_keys *k = d->keys;
    struct queue_name_set n;

    secret_name(ROLE_PUT, k->queue.put.b, &n.put);
    secret_name(ROLE_TAKE, k->queue.take.b, &n.take);
    secret_name(ROLE_OWN, k->queue.own.b, &n.own);
    secret_name(ROLE_END, k->queue.end.b, &n.end);
    command.u.queue_create.voucher = k->voucher.b;
    command.u.queue_create.kind = QUEUE_DESK;
    command.u.queue_create.names =
        (struct queue_names){.put = n.put.b, .takes = 1, .take = {n.take.b}, .own = n.own.b, .end = n.end.b};
    desk_ask(d, &d->call, &command, on_set_up);
}

static void draw_slot_voucher(struct desk *d)
{
    struct command command = {.op = OP_VOUCHER_DRAW};
    struct name name;

    secret_name(ROLE_VOUCHER, d->keys->slot_voucher.b, &name);
    command.u.voucher_draw.take = d->keys->queue.take.b;
    command.u.voucher_draw.kind = VOUCHER_LASTING_SLOT;
    command.u.voucher_draw.count = 1;
    command.u.voucher_draw.names[0] = name.b;
    desk_ask(d, &d->call, &command, on_set_up);
}

static void create_slot(struct desk *d)
{
    struct command command = {.op = OP_SLOT_CREATE};
    struct card card;
    struct secret read;
    uint8_t bundle_key[32];
    struct name read_name, write_name, own_name;

    desk_card(d, &card);
    card_secrets(&card, &read, bundle_key);
    secret_name(ROLE_READ, read.b, &read_name);
    secret_name(ROLE_WRITE, d->keys->slot_write.b, &write_name);
    secret_name(ROLE_SLOT_OWN, d->keys->slot_own.b, &own_name);
    command.u.slot_create.voucher = d->keys->slot_voucher.b;
    command.u.slot_create.ttl = WIRE_TTL_LASTING;
    command.u.slot_create.names = (struct slot_names){read_name.b, write_name.b, own_name.b};
    desk_ask(d, &d->call, &command, on_set_up);
    card_clear(&card);
    sodium_memzero(&read, sizeof(read));
    sodium_memzero(bundle_key, sizeof(bundle_key));
}

static void refused(struct desk *d, zg_err err)
{
    struct zg_client *c = d->client;
    if (err == ZG_ERR_REFUSED && d->stage == DESK_SLOT) {
        /* The voucher has become too old: another one. */
        rng_fill(&c->rng, d->keys->slot_voucher.b, sizeof(d->keys->slot_voucher.b));
        desk_move(d, DESK_DRAW);
        desk_pause(d, 1);
        return;
    }
    d->failed = err;
    client_event(c, ZG_EVENT_DESK_FAILED, err, NULL, NULL, 0);
    if (d->stage == DESK_QUEUE)
        desk_vanish(d); /* it never came to be */
}

static void on_set_up(struct call *call, const struct command *reply, zg_err err)
{
    static const enum desk_stage next[] = {
        [DESK_QUEUE] = DESK_DRAW, [DESK_DRAW] = DESK_SLOT, [DESK_SLOT] = DESK_PUBLISH};
    struct desk *d = call->owner;

    if (err == ZG_OK) {
        if (d->stage == DESK_QUEUE)
            sodium_memzero(&d->keys->voucher, sizeof(d->keys->voucher));
        desk_move(d, next[d->stage]);
    } else if (err == ZG_ERR_BUSY || err == ZG_ERR_FULL) {
        desk_pause(d, reply->u.reply.retry_after);
    } else if (err != ZG_ERR_NETWORK) {
        refused(d, err);
    }
}

/* --- vouchers for conversations, drawn ahead of need --- */

bool desk_take_voucher(struct desk *d, struct secret *out)
{
    if (d == NULL || d->vouchers_ready == 0)
        return false;
    struct secret *all = d->keys->vouchers;
    *out = all[0];
    d->voucher_count--;
    d->vouchers_ready--;
    memmove(all, all + 1, d->voucher_count * sizeof(*all));
    sodium_memzero(&all[d->voucher_count], sizeof(*all));
    desk_touch(d);
    return true;
}

void desk_vouchers_spoilt(struct desk *d)
{
    if (d == NULL)
        return;
    call_forget(&d->voucher_call);
    sodium_memzero(d->keys->vouchers, sizeof(d->keys->vouchers));
    d->voucher_count = d->vouchers_ready = 0;
    desk_touch(d);
}

static void on_drawn(struct call *call, const struct command *reply, zg_err err)
{
    struct desk *d = call->owner;
    if (err == ZG_OK) {
        d->vouchers_ready = d->voucher_count;
        desk_touch(d);
    } else if (err != ZG_ERR_NETWORK) {
        d->voucher_retry_ms = d->client->now.mono_ms + 1000 * (60 + (uint64_t)reply->u.reply.retry_after);
    }
}

static void draw(struct desk *d)
{
    struct command command = {.op = OP_VOUCHER_DRAW};
    struct name names[DESK_VOUCHERS_MAX];
    uint32_t count = 0;

    for (uint32_t i = d->vouchers_ready; i < d->voucher_count; i++, count++) {
        secret_name(ROLE_VOUCHER, d->keys->vouchers[i].b, &names[count]);
        command.u.voucher_draw.names[count] = names[count].b;
    }
    command.u.voucher_draw.take = d->keys->queue.take.b;
    command.u.voucher_draw.kind = VOUCHER_CONVERSATION;
    command.u.voucher_draw.count = count;
    desk_ask(d, &d->voucher_call, &command, on_drawn);
}

static void vouchers_work(struct desk *d)
{
    if (d->stage < DESK_PUBLISH || call_waits(&d->voucher_call) || d->client->now.mono_ms < d->voucher_retry_ms)
        return;
    if (d->vouchers_ready == d->voucher_count && d->voucher_count < DESK_VOUCHERS_LOW) {
        for (; d->voucher_count < DESK_VOUCHERS_MAX; d->voucher_count++)
            rng_fill(&d->client->rng, d->keys->vouchers[d->voucher_count].b, WIRE_SECRET_BYTES);
        desk_touch(d);
        d->voucher_stamp = journal_stamp(&d->client->journal);
    }
    if (d->vouchers_ready < d->voucher_count && journal_settled(&d->client->journal, d->voucher_stamp) &&
        connection_room(d->connection))
        draw(d);
}

/* --- work --- */

static void set_up_work(struct desk *d)
{
    if (call_waits(&d->call) || !journal_settled(&d->client->journal, d->stamp) || !connection_room(d->connection))
        return;
    switch (d->stage) {
    case DESK_QUEUE:
        create_queue(d);
        break;
    case DESK_DRAW:
        draw_slot_voucher(d);
        break;
    case DESK_SLOT:
        create_slot(d);
        break;
    case DESK_PUBLISH:
    case DESK_READY:
        desk_publish_work(d);
        break;
    }
}

/* Section 5.2: a new intake key every day. Only while connected, so a relay has said what time it is. */
static void keep_epochs(struct desk *d)
{
    uint64_t now_ms = client_time_ms(d->client);
    if (now_ms < d->epoch_ms + DESK_INTAKE_PERIOD_MS)
        return;
    desk_expire_keys(d);
    if (desk_new_epoch(d) != ZG_OK)
        desk_pause(d, 1);
}

void desk_work(struct desk *d)
{
    if (d->gone || d->failed != ZG_OK || d->connection->state != CONNECTION_OPEN)
        return;
    if (d->stage > DESK_QUEUE)
        subscription_work(&d->subscription, d->connection, &d->keys->queue.take, DESK_WINDOW, &d->client->journal);
    desk_knocks_work(d);
    vouchers_work(d);
    if (d->client->now.mono_ms < d->retry_ms)
        return;
    keep_epochs(d);
    set_up_work(d);
}

static uint64_t sooner(uint64_t a, uint64_t b, uint64_t now)
{
    return b > now && b < a ? b : a;
}

uint64_t desk_deadline(const struct desk *d)
{
    uint64_t mono = d->client->now.mono_ms;
    uint64_t utc = client_time_ms(d->client);
    uint64_t at = subscription_deadline(&d->subscription, mono);

    if (d->gone || d->failed != ZG_OK)
        return UINT64_MAX;
    at = sooner(at, d->retry_ms, mono);
    at = sooner(at, d->voucher_retry_ms, mono);
    return sooner(at, mono + (d->epoch_ms + DESK_INTAKE_PERIOD_MS - utc), mono);
}
