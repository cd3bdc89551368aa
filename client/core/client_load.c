/*
 * The vault's content into a new client.
 *
 * Entries come in any order. Those that stand for themselves are made at once; messages, parts, parcels and watches wait in a list until the last
 * entry was seen, then go to their conversation. What is over is purged before anything is shown; docs/protocol.md section 4.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/locker.h"
#include "client/core/vault_memory.h"

/* Something that looks for its conversation. One of the four is set. */
struct loose {
    struct loose *next;
    zg_id conversation;
    zg_id of_message; /* of a parcel */
    uint64_t order;
    struct message *message;
    struct part *part;
    struct parcel *parcel;
    struct watch *watch;
};

struct loading {
    struct loose *first;
    size_t count;
};

/* --- relay_place --- */

void relay_place_save(const struct relay_place *p, struct writer *w)
{
    writer_u8(w, p->count);
    for (size_t i = 0; i < p->count; i++)
        writer_lp(w, p->address[i], strlen(p->address[i]));
    writer_put(w, p->pk, sizeof(p->pk));
}

zg_err relay_place_load(struct relay_place *p, struct reader *r)
{
    memset(p, 0, sizeof(*p));
    p->count = reader_u8(r);
    if (p->count < 1 || p->count > CARD_ADDRESSES_MAX)
        return ZG_ERR_MALFORMED;
    for (size_t i = 0; i < p->count; i++) {
        struct span text = reader_lp(r, CARD_ADDRESS_BYTES_MAX);
        if (text.at != NULL)
            memcpy(p->address[i], text.at, text.len);
    }
    reader_copy(r, p->pk, sizeof(p->pk));
    return r->bad ? ZG_ERR_MALFORMED : ZG_OK;
}

/* --- entries --- */

static zg_err load_meta(struct zg_client *c, const uint8_t *key, struct reader *r)
{
    uint8_t version = reader_u8(r);
    uint64_t mark = reader_u64(r);
    uint64_t time = version == 1 ? mark : reader_u64(r);
    if (!reader_done(r) || version < 1 || version > 2 || c->meta != NULL)
        return version > 2 ? ZG_ERR_VERSION : ZG_ERR_MALFORMED;
    c->meta = entry_loaded(&meta_entry_kind, c, key);
    if (c->meta == NULL)
        return ZG_ERR_MEMORY;
    c->meta_mark_ms = mark;
    c->meta_time_ms = time;
    timekeeper_init(&c->time, mark, c->now);
    if (c->returning)
        (void)timekeeper_relay(&c->time, c->locker->connection->welcome.utc_minute);
    return ZG_OK;
}

static void loose_free(struct zg_client *c, struct loose *l)
{
    if (l->message != NULL)
        message_forget(c, l->message);
    if (l->part != NULL)
        part_forget(c, l->part);
    if (l->parcel != NULL) {
        entry_forget(&c->journal, l->parcel->entry);
        l->parcel->entry = NULL;
        parcel_free(c, l->parcel);
    }
    if (l->watch != NULL)
        watch_forget(c, l->watch);
    free(l);
}

static zg_err load_loose(struct zg_client *c, const uint8_t *key, struct reader *r)
{
    zg_err err;
    struct loose *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ZG_ERR_MEMORY;
    if (key[0] == ENTRY_MESSAGE)
        err = message_load(&l->message, c, key, r, &l->conversation);
    else if (key[0] == ENTRY_PART)
        err = part_load(&l->part, c, key, r, &l->conversation);
    else if (key[0] == ENTRY_WATCH)
        err = watch_load(&l->watch, c, key, r, &l->conversation);
    else
        err = parcel_load(&l->parcel, c, key, r, &l->conversation, &l->of_message);
    if (err != ZG_OK) {
        free(l);
        return err;
    }
    l->order = l->message != NULL ? l->message->order : l->parcel != NULL ? l->parcel->order : 0;
    l->next = c->loading->first;
    c->loading->first = l;
    c->loading->count++;
    return ZG_OK;
}

static zg_err on_entry(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct zg_client *c = ctx;
    struct reader r;

    reader_init(&r, value, len);
    switch (key[0]) {
    case ENTRY_META:
        return load_meta(c, key, &r);
    case ENTRY_DESK:
        return desk_load(c, key, &r);
    case ENTRY_CONVERSATION:
        return conversation_load(c, key, &r);
    case ENTRY_MESSAGE:
    case ENTRY_PART:
    case ENTRY_PARCEL:
    case ENTRY_WATCH:
        return load_loose(c, key, &r);
    default:
        return ZG_ERR_VERSION;
    }
}

/* --- together --- */

static int by_order(const void *a, const void *b)
{
    const struct loose *const *x = a;
    const struct loose *const *y = b;
    return (*x)->order < (*y)->order ? -1 : (*x)->order > (*y)->order;
}

static int latest_first(const void *a, const void *b)
{
    const struct conversation *const *x = a;
    const struct conversation *const *y = b;
    return (*x)->last_ms > (*y)->last_ms ? -1 : (*x)->last_ms < (*y)->last_ms;
}

static zg_err attach(struct zg_client *c, struct loose *l)
{
    struct conversation *v = conversation_find(c, &l->conversation);
    if (v == NULL)
        return ZG_ERR_MALFORMED; /* a batch holds a thing together with its conversation, and ends with it */
    if (l->order > c->order)
        c->order = l->order;
    if (l->message != NULL) {
        zg_err err = conversation_reserve(v);
        if (err != ZG_OK)
            return err;
        conversation_add(v, l->message);
        message_schedule(c, l->message);
        l->message = NULL;
    } else if (l->part != NULL) {
        parts_attach(v, l->part);
        l->part = NULL;
    } else if (l->watch != NULL) {
        unread_add(l->watch, v);
        l->watch = NULL;
    } else {
        l->parcel->message = conversation_message(v, &l->of_message);
        parcels_add(v, l->parcel);
        l->parcel = NULL;
    }
    return ZG_OK;
}

/* Messages come before parcels of the same age: a message's order is smaller than that of its parcels. */
static zg_err attach_all(struct zg_client *c)
{
    zg_err err = ZG_OK;
    size_t count = c->loading->count;
    struct loose **all = calloc(count + 1, sizeof(*all));
    if (all == NULL)
        return ZG_ERR_MEMORY;
    size_t n = 0;
    for (struct loose *l = c->loading->first; l != NULL; l = l->next)
        all[n++] = l;
    qsort(all, count, sizeof(*all), by_order);
    for (size_t i = 0; i < count && err == ZG_OK; i++)
        err = attach(c, all[i]);
    free(all);
    return err;
}

/* A locker had no room for what waits to be sent: she sees that, and may send it again. */
static void give_up_incomplete(struct zg_client *c)
{
    for (size_t i = 0; i < c->conversation_count; i++) {
        struct conversation *v = c->conversations[i];
        for (size_t k = 0; v->state == ZG_CONVERSATION_OPEN && k < v->message_count; k++) {
            struct message *m = v->messages[k];
            if (!m->own || !m->sealed || m->state != ZG_MESSAGE_WAITING || m->parcels > 0)
                continue;
            m->state = ZG_MESSAGE_NOT_SENT;
            entry_touch(&c->journal, m->entry);
        }
    }
}

static zg_err complete(struct zg_client *c)
{
    zg_err err = attach_all(c);
    if (err != ZG_OK)
        return err;
    if (c->meta == NULL) {
        c->meta = entry_new(&meta_entry_kind, c, &c->rng);
        if (c->meta == NULL)
            return ZG_ERR_MEMORY;
        entry_touch(&c->journal, c->meta);
    }
    if (c->conversation_count > 1)
        qsort(c->conversations, c->conversation_count, sizeof(*c->conversations), latest_first);
    if (c->returning)
        give_up_incomplete(c);
    for (size_t i = 0; i < c->conversation_count; i++)
        parts_join(c->conversations[i]);
    return ZG_OK;
}

void client_load_drop(struct zg_client *c)
{
    if (c->loading == NULL)
        return;
    while (c->loading->first != NULL) {
        struct loose *l = c->loading->first;
        c->loading->first = l->next;
        loose_free(c, l);
    }
    free(c->loading);
    c->loading = NULL;
}

static void on_loaded(void *ctx, zg_err err)
{
    struct zg_client *c = ctx;

    if (err == ZG_OK)
        err = complete(c);
    client_load_drop(c);
    c->load_result = err;
    if (err != ZG_OK) {
        c->state = CLIENT_FAILED;
        if (!c->returning)
            client_event(c, ZG_EVENT_FAILED, err, NULL, NULL, 0);
        return;
    }
    c->state = CLIENT_READY;
    c->start_ms = client_time_ms(c);
    client_time_learnt(c, c->start_ms < c->meta_time_ms ? c->meta_time_ms : c->start_ms, true, false);
    /* Nobody was shown what goes now: it makes no events. */
    agenda_run(&c->agenda, client_time_ms(c));
    events_clear(&c->events);
    if (!c->returning)
        client_event(c, ZG_EVENT_READY, ZG_OK, NULL, NULL, 0);
    client_work(c);
}

zg_err client_load(struct zg_client *c)
{
    c->loading = calloc(1, sizeof(*c->loading));
    if (c->loading == NULL)
        return ZG_ERR_MEMORY;
    c->journal.vault->load(c->journal.vault, on_entry, c, on_loaded);
    return ZG_OK;
}

zg_err client_load_locker(struct zg_client *c)
{
    struct locker *l = c->locker;
    const struct slot_reading *r = &l->reading;
    uint8_t *plain;
    size_t len;

    entry_forget(&c->journal, c->meta);
    c->meta = NULL;
    vault_memory_wipe(l->below);
    /* The version is that of the claim; what was read has the one before. */
    zg_err err = locker_open(l, l->version - 1, r->value, r->len, &plain, &len);
    if (err == ZG_OK) {
        err = locker_unpack(l, plain, len);
        sodium_memzero(plain, len);
        free(plain);
    }
    slot_drop(&l->reading);
    l->stage = LOCKER_OPEN;
    l->over = LOCKER_STAYS;
    l->ready_told = true;
    if (err != ZG_OK)
        return err;
    c->returning = true;
    c->state = CLIENT_LOADING;
    err = client_load(c);
    if (err == ZG_OK) {
        l->below->pump(l->below);
        err = c->load_result;
    }
    c->returning = false;
    return err;
}
