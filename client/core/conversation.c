#include "client/core/conversation.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/desk.h"
#include "client/core/knocking.h"

/* From (row) to (column), in the order of zg_conversation_state. */
static const bool moves[7][7] = {
    [ZG_CONVERSATION_LOOKING] = {[ZG_CONVERSATION_KNOCKING] = true, [ZG_CONVERSATION_ERASING] = true},
    [ZG_CONVERSATION_KNOCKING] = {[ZG_CONVERSATION_OPEN] = true,
                                  [ZG_CONVERSATION_ENDED] = true,
                                  [ZG_CONVERSATION_ERASING] = true},
    [ZG_CONVERSATION_WAITING] = {[ZG_CONVERSATION_OPEN] = true, [ZG_CONVERSATION_ERASING] = true},
    [ZG_CONVERSATION_OPEN] = {[ZG_CONVERSATION_ENDED] = true, [ZG_CONVERSATION_ERASING] = true},
    [ZG_CONVERSATION_ENDED] = {[ZG_CONVERSATION_ERASING] = true},
};

void conversation_move(struct conversation *v, zg_conversation_state to)
{
    assert(moves[v->state][to]);
    v->state = to;
}

/* --- life --- */

/* A queue that nobody uses ends by itself within 60 days and a week: section 4. */
#define OWED_MS (70 * UINT64_C(86400000))

/* What its end still asks of the relay is done first: the device may have been off since. */
static void on_due(void *thing)
{
    struct conversation *v = thing;
    bool owes = v->state == ZG_CONVERSATION_ENDED && v->cleanup != 0;
    if (!owes || conversation_erase(v) != ZG_OK) {
        conversation_vanish(v);
        return;
    }
    v->told_gone = false;
    conversation_schedule(v);
}

static zg_err list_reserve(struct zg_client *c)
{
    if (c->conversation_count < c->conversation_cap)
        return ZG_OK;
    size_t cap = c->conversation_cap == 0 ? 8 : 2 * c->conversation_cap;
    struct conversation **list = realloc(c->conversations, cap * sizeof(*list));
    if (list == NULL)
        return ZG_ERR_MEMORY;
    c->conversations = list;
    c->conversation_cap = cap;
    return ZG_OK;
}

static void list_insert(struct zg_client *c, struct conversation *v)
{
    memmove(c->conversations + 1, c->conversations, c->conversation_count * sizeof(*c->conversations));
    c->conversations[0] = v;
    c->conversation_count++;
}

static void list_remove(struct zg_client *c, const struct conversation *v)
{
    size_t i = 0;
    while (c->conversations[i] != v)
        i++;
    c->conversation_count--;
    memmove(c->conversations + i, c->conversations + i + 1,
            (c->conversation_count - i) * sizeof(*c->conversations));
}

zg_err conversation_new(struct conversation **out, struct zg_client *c, enum side side,
                        zg_conversation_state state, const struct relay_place *place)
{
    zg_err err = list_reserve(c);
    if (err != ZG_OK)
        return err;
    struct conversation *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return ZG_ERR_MEMORY;
    v->keys = sodium_malloc(sizeof(*v->keys));
    if (v->keys == NULL)
        goto err0;
    v->connection = client_connection(c, place);
    if (v->connection == NULL)
        goto err1;
    if (!agenda_reserve(&c->agenda))
        goto err1;

    memset(v->keys, 0, sizeof(*v->keys));
    v->client = c;
    v->side = side;
    v->state = state;
    v->queue = QUEUE_NONE;
    v->place = *place;
    v->due.due = on_due;
    v->due.thing = v;
    v->last_ms = client_time_ms(c);
    client_id(c, &v->id);
    parcels_init(&v->parcels);
    conversation_listen(v);
    list_insert(c, v);
    *out = v;
    return ZG_OK;

err1:
    sodium_free(v->keys);
err0:
    free(v);
    return ZG_ERR_MEMORY;
}

static void wipe_free(void *p, size_t len)
{
    if (p != NULL)
        sodium_memzero(p, len);
    free(p);
}

void conversation_drop_calls(struct conversation *v)
{
    call_forget(&v->queue_call);
    for (int i = 0; i < CLEANUP_KINDS; i++)
        call_forget(&v->cleanup_calls[i]);
    call_forget(&v->claim_call);
    subscription_stop(&v->subscription);
}

void conversation_drop_agreement(struct conversation *v)
{
    knocking_free(v->knocking);
    v->knocking = NULL;
    if (v->knock != NULL)
        knock_opened_clear(v->knock);
    sodium_free(v->knock);
    v->knock = NULL;
    ratchet_free(v->ratchet);
    v->ratchet = NULL;
}

void conversation_forget(struct conversation *v)
{
    struct zg_client *c = v->client;

    conversation_drop_calls(v);
    subscription_clear(&v->subscription);
    conversation_drop_agreement(v);
    parcels_forget(v);
    while (v->parts != NULL) {
        struct part *p = v->parts;
        v->parts = p->next;
        part_forget(c, p);
    }
    for (size_t i = 0; i < v->message_count; i++)
        message_forget(c, v->messages[i]);
    free(v->messages);
    wipe_free(v->notice, sizeof(*v->notice));
    agenda_release(&c->agenda, &v->due);
    entry_forget(&c->journal, v->entry);
    list_remove(c, v);
    sodium_free(v->keys);
    wipe_free(v, sizeof(*v));
}

zg_err conversation_keep(struct conversation *v)
{
    struct zg_client *c = v->client;
    size_t made = 0;

    assert(v->entry == NULL);
    v->entry = entry_new(&conversation_entry_kind, v, &c->rng);
    if (v->entry == NULL)
        return ZG_ERR_MEMORY;
    for (; made < v->message_count; made++) {
        struct message *m = v->messages[made];
        m->entry = entry_new(&message_entry_kind, m, &c->rng);
        if (m->entry == NULL)
            goto err0;
    }
    for (size_t i = 0; i < made; i++)
        entry_touch(&c->journal, v->messages[i]->entry);
    conversation_touch_stage(v);
    return ZG_OK;

err0:
    while (made-- > 0) {
        entry_drop(&c->journal, v->messages[made]->entry);
        v->messages[made]->entry = NULL;
    }
    entry_drop(&c->journal, v->entry);
    v->entry = NULL;
    return ZG_ERR_MEMORY;
}

struct conversation *conversation_find(const struct zg_client *c, const zg_id *id)
{
    for (size_t i = 0; i < c->conversation_count; i++)
        if (!c->conversations[i]->gone && memcmp(c->conversations[i]->id.b, id->b, ZG_ID_BYTES) == 0)
            return c->conversations[i];
    return NULL;
}

void conversation_touch(struct conversation *v)
{
    if (v->entry != NULL)
        entry_touch(&v->client->journal, v->entry);
}

void conversation_touch_stage(struct conversation *v)
{
    conversation_touch(v);
    v->stamp = journal_stamp(&v->client->journal);
}

void conversation_shift(struct conversation *v, const struct shift *s)
{
    struct zg_client *c = v->client;
    for (size_t i = 0; i < v->message_count; i++)
        message_shift(c, v->messages[i], s);
    for (struct part *p = v->parts; p != NULL; p = p->next)
        part_shift(c, p, s);
    bool moved = time_shift(&v->last_ms, s);
    if (time_shift(&v->ended_ms, s) || moved)
        conversation_touch(v);
    conversation_schedule(v);
}

void conversation_schedule(struct conversation *v)
{
    struct zg_client *c = v->client;
    uint64_t at = v->ended_ms + c->lifetime_max_ms;
    if (v->state == ZG_CONVERSATION_ENDED)
        agenda_set(&c->agenda, &v->due, at);
    else if (v->state == ZG_CONVERSATION_ERASING && !v->told_gone)
        agenda_set(&c->agenda, &v->due, at + OWED_MS);
}

void conversation_limit(struct conversation *v, uint32_t limit_s)
{
    v->limit_s = limit_s;
    conversation_touch(v);
    for (size_t i = 0; i < v->message_count; i++)
        message_schedule(v->client, v->messages[i]);
}

void conversation_stir(struct conversation *v)
{
    v->last_ms = client_time_ms(v->client);
    conversation_touch(v);
    list_remove(v->client, v);
    list_insert(v->client, v);
}

/* --- messages --- */

zg_err conversation_reserve(struct conversation *v)
{
    if (v->message_count < v->message_cap)
        return ZG_OK;
    size_t cap = v->message_cap == 0 ? 8 : 2 * v->message_cap;
    struct message **messages = realloc(v->messages, cap * sizeof(*messages));
    if (messages == NULL)
        return ZG_ERR_MEMORY;
    v->messages = messages;
    v->message_cap = cap;
    return ZG_OK;
}

void conversation_add(struct conversation *v, struct message *m)
{
    size_t at = v->message_count;
    for (size_t i = at; !m->own && i-- > 0;) {
        if (v->messages[i]->own)
            continue;
        if (v->messages[i]->position <= m->position)
            break;
        at = i;
    }
    memmove(v->messages + at + 1, v->messages + at, (v->message_count - at) * sizeof(*v->messages));
    v->messages[at] = m;
    v->message_count++;
    m->conversation = v;
}

struct message *conversation_message(const struct conversation *v, const zg_id *id)
{
    for (size_t i = v->message_count; i-- > 0;)
        if (memcmp(v->messages[i]->id.b, id->b, ZG_ID_BYTES) == 0)
            return v->messages[i];
    return NULL;
}

void conversation_remove(struct conversation *v, struct message *m)
{
    size_t i = 0;
    while (v->messages[i] != m)
        i++;
    v->message_count--;
    memmove(v->messages + i, v->messages + i + 1, (v->message_count - i) * sizeof(*v->messages));
    if (m->own)
        parcels_drop_message(v, m);
    message_free(v->client, m);
}

/* --- work --- */

void conversation_pause(struct conversation *v, uint32_t seconds)
{
    uint32_t random;
    /* A second of chance, so that not everybody comes back at once. */
    rng_fill(&v->client->rng, &random, sizeof(random));
    v->retry_ms = v->client->now.mono_ms + (uint64_t)(seconds == 0 ? 1 : seconds) * 1000 + random % 1000;
}

static bool reads(const struct conversation *v)
{
    bool alive = v->state == ZG_CONVERSATION_KNOCKING || v->state == ZG_CONVERSATION_OPEN;
    return alive && v->queue >= QUEUE_LIVE && v->queue <= QUEUE_SETTLE;
}

static bool sends(const struct conversation *v)
{
    return v->state == ZG_CONVERSATION_OPEN && v->peer_known && reads(v) && v->queue != QUEUE_ROTATE;
}

void conversation_work(struct conversation *v)
{
    const struct journal *journal = &v->client->journal;
    bool open = v->connection->state == CONNECTION_OPEN;

    if (v->gone)
        return;
    if (v->again) {
        v->again = false;
        parts_join(v);
    }
    if (v->knocking != NULL)
        knocking_work(v->knocking);
    if (v->state == ZG_CONVERSATION_OPEN)
        conversation_seal_waiting(v);
    if (!open || v->gone)
        return;
    if (reads(v) && journal_settled(journal, v->stamp))
        subscription_work(&v->subscription, v->connection, &v->keys->queue.take, CONVERSATION_WINDOW, journal);
    if (v->client->now.mono_ms < v->retry_ms)
        return;
    if (v->cleanup != 0)
        conversation_cleanup_work(v);
    else if (v->state == ZG_CONVERSATION_OPEN)
        conversation_queue_work(v);
    if (sends(v))
        parcels_work(v);
    if (v->state == ZG_CONVERSATION_ERASING && v->cleanup == 0)
        conversation_finish(v);
}

static bool waits(const struct conversation *v)
{
    return v->retry_ms > v->client->now.mono_ms;
}

uint64_t conversation_deadline(const struct conversation *v)
{
    uint64_t at = subscription_deadline(&v->subscription, v->client->now.mono_ms);
    if (v->gone)
        return UINT64_MAX;
    if (v->again && v->client->now.mono_ms + CONNECTION_AGAIN_MS < at)
        at = v->client->now.mono_ms + CONNECTION_AGAIN_MS;
    if (waits(v) && v->retry_ms < at)
        at = v->retry_ms;
    if (v->knocking != NULL && knocking_deadline(v->knocking) < at)
        at = knocking_deadline(v->knocking);
    return at;
}
