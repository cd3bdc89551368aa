#include "client/core/unread.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

enum {
    SAVED_VERSION = 1,
    SAVED_BYTES = 1 + 2 * ZG_ID_BYTES + WIRE_HANDLE_BYTES + 3 * 8 + 1,
    PAUSE_MS = 60000,
    STUB_LIFETIME_S = 86400, /* how long "not read in time" stays after it was read */
};

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define KNOWN_MS (7 * DAY_MS) /* section 4.1 */
#define EARLY_DAYS 6          /* so that no such week is missed */

/* --- one watch --- */

static void on_due(void *thing);

zg_err watch_new(struct watch **out, struct zg_client *c)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return ZG_ERR_MEMORY;
    w->due.due = on_due;
    w->due.thing = w;
    w->entry = entry_new(&watch_entry_kind, w, &c->rng);
    if (w->entry == NULL || !agenda_reserve(&c->agenda)) {
        entry_forget(&c->journal, w->entry);
        free(w);
        return ZG_ERR_MEMORY;
    }
    *out = w;
    return ZG_OK;
}

/* Section 4.1: the relay tells from the next 00:00 UTC on. */
static uint64_t told_from(const struct watch *w)
{
    return (w->gone_ms / DAY_MS + 1) * DAY_MS;
}

static void set_next(struct watch *w, uint64_t now_ms)
{
    uint64_t early = (now_ms / DAY_MS + EARLY_DAYS) * DAY_MS;
    w->ask_ms = early < told_from(w) ? early : told_from(w);
}

/* The relay counts in hours. */
void watch_start(struct watch *w, const struct message *m, const struct handle *handle, uint8_t ttl)
{
    struct zg_client *c = m->conversation->client;
    uint64_t now_ms = client_time_ms(c);
    w->message = m->id;
    w->handle = *handle;
    w->sent_ms = m->sent_ms;
    w->gone_ms = (now_ms / HOUR_MS + lifetime_class_hours(ttl) + 1) * HOUR_MS;
    set_next(w, now_ms);
    entry_touch(&c->journal, w->entry);
}

static void forget_call(struct zg_client *c, const struct watch *w)
{
    for (uint32_t i = 0; i < c->unread.asked_count; i++)
        if (c->unread.asked[i] == w)
            c->unread.asked[i] = NULL;
}

void watch_free(struct zg_client *c, struct watch *w)
{
    if (w == NULL)
        return;
    entry_drop(&c->journal, w->entry);
    agenda_release(&c->agenda, &w->due);
    sodium_memzero(w, sizeof(*w));
    free(w);
}

void watch_forget(struct zg_client *c, struct watch *w)
{
    entry_forget(&c->journal, w->entry);
    w->entry = NULL;
    watch_free(c, w);
}

/* --- all --- */

static void set_waiting(struct watch *w, bool waiting)
{
    struct unread *u = &w->conversation->client->unread;
    u->waiting += (uint32_t)waiting - (uint32_t)w->waiting;
    w->waiting = waiting;
}

/* w is what *at points to. */
static void end(struct watch **at)
{
    struct watch *w = *at;
    struct zg_client *c = w->conversation->client;
    *at = w->next;
    set_waiting(w, false);
    forget_call(c, w);
    watch_free(c, w);
}

static void end_one(struct watch *w)
{
    struct watch **at = &w->conversation->client->unread.first;
    while (*at != w)
        at = &(*at)->next;
    end(at);
}

static void on_due(void *thing)
{
    struct watch *w = thing;
    struct zg_client *c = w->conversation->client;
    uint64_t until_ms = told_from(w) + KNOWN_MS;
    if (client_time_ms(c) >= until_ms) {
        end_one(w);
        return;
    }
    set_waiting(w, true);
    agenda_set(&c->agenda, &w->due, until_ms);
}

void unread_add(struct watch *w, struct conversation *v)
{
    struct unread *u = &v->client->unread;
    w->conversation = v;
    w->next = u->first;
    u->first = w;
    agenda_set(&v->client->agenda, &w->due, w->ask_ms);
}

/* Those of one message; NULL: of all. */
static void drop(struct conversation *v, const zg_id *message)
{
    for (struct watch **at = &v->client->unread.first; *at != NULL;) {
        const struct watch *w = *at;
        if (w->conversation == v && (message == NULL || memcmp(w->message.b, message->b, ZG_ID_BYTES) == 0))
            end(at);
        else
            at = &(*at)->next;
    }
}

void unread_drop(struct conversation *v)
{
    drop(v, NULL);
}

void unread_forget(struct zg_client *c)
{
    call_forget(&c->unread.call);
    while (c->unread.first != NULL) {
        struct watch *w = c->unread.first;
        c->unread.first = w->next;
        watch_forget(c, w);
    }
}

/* --- what became of it --- */

/* A message without words takes the place of what is gone, until a person has read that it is. */
static zg_err make_stub(const struct watch *w, struct message **out)
{
    struct conversation *v = w->conversation;
    struct zg_client *c = v->client;
    struct message *m;

    zg_err err = conversation_reserve(v);
    if (err == ZG_OK)
        err = message_make(&m, c, 0, true);
    if (err != ZG_OK)
        return err;
    m->id = w->message;
    m->own = m->sealed = true;
    m->from = ZG_AFTER_READ;
    m->lifetime_s = STUB_LIFETIME_S;
    m->sent_ms = w->sent_ms;
    m->limit_ms = client_time_ms(c) + c->lifetime_max_ms;
    m->order = ++c->order;
    conversation_add(v, m);
    *out = m;
    return ZG_OK;
}

/* One part of it was not read in time, so the message was not. Without memory it is asked for again. */
static void tell(struct watch *w)
{
    struct conversation *v = w->conversation;
    struct zg_client *c = v->client;
    struct message *m = conversation_message(v, &w->message);
    zg_id id = w->message;

    if (m == NULL && make_stub(w, &m) != ZG_OK) {
        c->unread.retry_ms = c->now.mono_ms + PAUSE_MS;
        return;
    }
    m->state = ZG_MESSAGE_EXPIRED_UNREAD;
    message_schedule(c, m);
    entry_touch(&c->journal, m->entry);
    conversation_stir(v);
    client_event(c, ZG_EVENT_EXPIRED_UNREAD, ZG_OK, v, &id, 0);
    drop(v, &id);
}

/* Clocks may differ by a day: what the relay does not know of yet is asked for once more. */
static void nothing_known(struct watch *w)
{
    struct zg_client *c = w->conversation->client;
    uint64_t now_ms = client_time_ms(c);
    if (w->again) {
        end_one(w);
        return;
    }
    if (now_ms < told_from(w)) {
        set_next(w, now_ms);
    } else {
        w->again = true;
        w->ask_ms = now_ms + DAY_MS;
    }
    set_waiting(w, false);
    agenda_set(&c->agenda, &w->due, w->ask_ms);
    entry_touch(&c->journal, w->entry);
}

static void on_states(struct call *call, const struct command *reply, zg_err err)
{
    struct zg_client *c = call->owner;
    struct unread *u = &c->unread;

    if (err != ZG_OK || reply->u.states.count != u->asked_count) {
        u->retry_ms = c->now.mono_ms + PAUSE_MS +
                      (err == ZG_ERR_BUSY ? 1000 * (uint64_t)reply->u.reply.retry_after : 0);
        return;
    }
    for (uint32_t i = 0; i < u->asked_count; i++) {
        if (u->asked[i] != NULL && reply->u.states.fates[i] == FATE_EXPIRED)
            tell(u->asked[i]);
        else if (u->asked[i] != NULL)
            nothing_known(u->asked[i]);
    }
}

static void ask(struct zg_client *c, struct connection *link)
{
    struct unread *u = &c->unread;
    struct command command = {.op = OP_STATUS};

    u->asked_count = 0;
    for (struct watch *w = u->first; w != NULL && u->asked_count < WIRE_STATUS_HANDLES_MAX; w = w->next) {
        if (!w->waiting || w->conversation->connection != link)
            continue;
        command.u.status.handles[u->asked_count] = w->handle.b;
        u->asked[u->asked_count++] = w;
    }
    command.u.status.count = u->asked_count;
    u->call.done = on_states;
    u->call.owner = c;
    if (connection_call(link, &u->call, &command) != ZG_OK)
        u->retry_ms = c->now.mono_ms + PAUSE_MS;
}

void unread_work(struct zg_client *c)
{
    struct unread *u = &c->unread;

    if (u->waiting == 0 || call_waits(&u->call) || c->now.mono_ms < u->retry_ms)
        return;
    for (const struct watch *w = u->first; w != NULL; w = w->next) {
        if (w->waiting && connection_room(w->conversation->connection)) {
            ask(c, w->conversation->connection);
            return;
        }
    }
}

uint64_t unread_deadline(const struct zg_client *c)
{
    const struct unread *u = &c->unread;
    return u->waiting > 0 && u->retry_ms > c->now.mono_ms ? u->retry_ms : UINT64_MAX;
}

/* --- vault --- */

static size_t bound(const void *thing)
{
    (void)thing;
    return SAVED_BYTES;
}

static void save(const void *thing, struct writer *w)
{
    const struct watch *of = thing;
    writer_u8(w, SAVED_VERSION);
    writer_put(w, of->conversation->id.b, ZG_ID_BYTES);
    writer_put(w, of->message.b, ZG_ID_BYTES);
    writer_put(w, of->handle.b, WIRE_HANDLE_BYTES);
    writer_u64(w, of->sent_ms);
    writer_u64(w, of->gone_ms);
    writer_u64(w, of->ask_ms);
    writer_u8(w, of->again);
}

const struct entry_kind watch_entry_kind = {ENTRY_WATCH, bound, save};

zg_err watch_load(struct watch **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                  struct reader *r, zg_id *conversation)
{
    struct watch *w;
    zg_err err = watch_new(&w, c);
    if (err != ZG_OK)
        return err;
    entry_forget(&c->journal, w->entry);
    uint8_t version = reader_u8(r);
    reader_copy(r, conversation->b, ZG_ID_BYTES);
    reader_copy(r, w->message.b, ZG_ID_BYTES);
    reader_copy(r, w->handle.b, WIRE_HANDLE_BYTES);
    w->sent_ms = reader_u64(r);
    w->gone_ms = reader_u64(r);
    w->ask_ms = reader_u64(r);
    w->again = reader_u8(r) != 0;
    bool ok = reader_done(r) && version == SAVED_VERSION;
    w->entry = ok ? entry_loaded(&watch_entry_kind, w, key) : NULL;
    if (w->entry == NULL) {
        watch_free(c, w);
        return ok ? ZG_ERR_MEMORY : ZG_ERR_MALFORMED;
    }
    *out = w;
    return ZG_OK;
}
