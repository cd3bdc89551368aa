#include "client/core/parcels.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

enum { SAVED_VERSION = 2, SAVED_BYTES = 1 + 2 * ZG_ID_BYTES + 8 + 1 + 1 + WIRE_HANDLE_BYTES + WIRE_ENVELOPE_BYTES };

void parcels_init(struct parcels *o)
{
    o->first = NULL;
    o->end = &o->first;
    o->flying = 0;
}

zg_err parcel_new(struct parcel **out, struct zg_client *c, bool watched)
{
    struct parcel *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ZG_ERR_MEMORY;
    p->entry = entry_new(&parcel_entry_kind, p, &c->rng);
    if (p->entry == NULL || (watched && watch_new(&p->watch, c) != ZG_OK)) {
        parcel_free(c, p);
        return ZG_ERR_MEMORY;
    }
    rng_fill(&c->rng, p->handle.b, sizeof(p->handle.b));
    *out = p;
    return ZG_OK;
}

void parcel_free(struct zg_client *c, struct parcel *p)
{
    if (call_waits(&p->call)) {
        call_forget(&p->call);
        p->conversation->parcels.flying--;
    }
    entry_drop(&c->journal, p->entry);
    watch_free(c, p->watch);
    sodium_memzero(p, sizeof(*p));
    free(p);
}

void parcels_add(struct conversation *v, struct parcel *p)
{
    p->conversation = v;
    if (p->message != NULL)
        p->message->parcels++;
    *v->parcels.end = p;
    v->parcels.end = &p->next;
}

static void take_out(struct conversation *v, const struct parcel *p)
{
    struct parcel **at = &v->parcels.first;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    if (v->parcels.end == &p->next)
        v->parcels.end = at;
}

void parcels_drop(struct conversation *v)
{
    while (v->parcels.first != NULL) {
        struct parcel *p = v->parcels.first;
        take_out(v, p);
        parcel_free(v->client, p);
    }
    for (size_t i = 0; i < v->message_count; i++)
        v->messages[i]->parcels = 0;
}

void parcels_drop_message(struct conversation *v, const struct message *m)
{
    struct parcel *next;
    for (struct parcel *p = v->parcels.first; p != NULL; p = next) {
        next = p->next;
        if (p->message == m) {
            take_out(v, p);
            parcel_free(v->client, p);
        }
    }
}

void parcels_forget(struct conversation *v)
{
    for (struct parcel *p = v->parcels.first; p != NULL; p = p->next) {
        entry_forget(&v->client->journal, p->entry);
        p->entry = NULL;
    }
    parcels_drop(v);
}

/* --- sending --- */

static uint8_t ttl_at_relay(const struct parcel *p)
{
    uint8_t ceiling = p->conversation->connection->welcome.ttl_ceiling;
    return p->ttl < ceiling ? p->ttl : ceiling;
}

static void set_state(struct message *m, zg_message_state state)
{
    m->state = state;
    if (m->entry != NULL)
        entry_touch(&m->conversation->client->journal, m->entry);
}

/* From now on the relay may let it expire unread. */
static void start_watch(struct parcel *p)
{
    uint8_t ttl = ttl_at_relay(p);
    if (p->watch == NULL || p->message == NULL || ttl < WIRE_TTL_1D)
        return;
    watch_start(p->watch, p->message, &p->handle, ttl);
    unread_add(p->watch, p->conversation);
    p->watch = NULL;
}

static void accepted(struct parcel *p)
{
    struct conversation *v = p->conversation;
    struct message *m = p->message;

    start_watch(p);
    /* A write of a locker is dear, and nothing is lost without this. */
    if (receipts_confirm(&v->receipts, p->mark) && v->client->locker == NULL)
        conversation_touch(v);
    if (m != NULL && --m->parcels == 0) {
        m->lifetime_s = lifetime_at_relay(v->connection, m->lifetime_s); /* it may have been written before that was known */
        message_schedule(v->client, m);
        set_state(m, ZG_MESSAGE_SENT);
        client_event(v->client, ZG_EVENT_SENT, ZG_OK, v, &m->id, m->lifetime_s);
    }
    /* The relay has an accept: section 6, the knock may go. */
    if (!v->answered) {
        v->answered = true;
        conversation_touch(v);
    }
    take_out(v, p);
    parcel_free(v->client, p);
}

static void tell_once(struct parcel *p, zg_err err)
{
    struct message *m = p->message;
    if (m == NULL || m->told)
        return;
    m->told = true;
    client_event(p->conversation->client, ZG_EVENT_NOT_SENT, err, p->conversation, &m->id, 0);
}

/* Its other parts go with it: a message with a hole is none. */
static void give_up(struct parcel *p, zg_err err)
{
    struct conversation *v = p->conversation;
    struct message *m = p->message;

    if (m == NULL) {
        take_out(v, p);
        parcel_free(v->client, p);
        return;
    }
    set_state(m, ZG_MESSAGE_NOT_SENT);
    client_event(v->client, ZG_EVENT_NOT_SENT, err, v, &m->id, 0);
    m->parcels = 0;
    parcels_drop_message(v, m);
}

static void on_reply(struct call *call, const struct command *reply, zg_err err)
{
    struct parcel *p = call->owner;
    struct conversation *v = p->conversation;

    v->parcels.flying--;
    /* Section 4.1: nobody asks for what was sent twice, and after these it may have been stored or delivered. */
    if (err == ZG_ERR_NETWORK || err == ZG_ERR_BUSY) {
        watch_free(v->client, p->watch);
        p->watch = NULL;
    }
    switch (err) {
    case ZG_OK:
        accepted(p);
        break;
    case ZG_ERR_NETWORK:
        break; /* again, with the next connection */
    case ZG_ERR_BUSY:
    case ZG_ERR_FULL:
        tell_once(p, err);
        conversation_pause(v, reply->u.reply.retry_after);
        break;
    case ZG_ERR_REFUSED:
        /* A put that was rotated meanwhile is tried with the newest one; else the other side is gone. */
        if (memcmp(p->put.b, v->keys->peer_put.b, sizeof(p->put.b)) == 0)
            conversation_end(v);
        break;
    default:
        give_up(p, err);
    }
}

static bool send(struct parcel *p)
{
    struct conversation *v = p->conversation;
    struct command command = {.op = OP_SEND};

    p->put = v->keys->peer_put;
    p->mark = receipts_mark(&v->receipts);
    command.u.send.role = SEND_PUT;
    command.u.send.secret = p->put.b;
    command.u.send.ttl = ttl_at_relay(p);
    command.u.send.handle = p->handle.b;
    command.u.send.envelope = p->envelope;
    p->call.done = on_reply;
    p->call.owner = p;
    if (connection_call(v->connection, &p->call, &command) != ZG_OK)
        return false;
    v->parcels.flying++;
    return true;
}

void parcels_work(struct conversation *v)
{
    for (struct parcel *p = v->parcels.first; p != NULL && v->parcels.flying < PARCELS_FLIGHT_MAX; p = p->next) {
        /* Section 3: what is under way is never far apart, also when the first had to be repeated. */
        if (p->order >= v->parcels.first->order + PARCELS_FLIGHT_MAX)
            return;
        if (call_waits(&p->call))
            continue;
        if (!p->sendable) {
            p->sendable = true;
            entry_touch(&v->client->journal, p->entry);
            p->stamp = journal_stamp(&v->client->journal);
        }
        if (!journal_settled(&v->client->journal, p->stamp) || !connection_room(v->connection) || !send(p))
            return;
    }
}

/* --- vault --- */

static size_t bound(const void *thing)
{
    (void)thing;
    return SAVED_BYTES;
}

static void save(const void *thing, struct writer *w)
{
    static const zg_id none;
    const struct parcel *p = thing;
    writer_u8(w, SAVED_VERSION);
    writer_put(w, p->conversation->id.b, ZG_ID_BYTES);
    writer_put(w, p->message != NULL ? p->message->id.b : none.b, ZG_ID_BYTES);
    writer_u64(w, p->order);
    writer_u8(w, p->ttl);
    writer_u8(w, p->watch != NULL && !p->sendable);
    writer_put(w, p->handle.b, sizeof(p->handle.b));
    writer_put(w, p->envelope, sizeof(p->envelope));
}

const struct entry_kind parcel_entry_kind = {ENTRY_PARCEL, bound, save};

zg_err parcel_load(struct parcel **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                   struct reader *r, zg_id *conversation, zg_id *message)
{
    struct parcel *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ZG_ERR_MEMORY;
    uint8_t version = reader_u8(r);
    reader_copy(r, conversation->b, ZG_ID_BYTES);
    reader_copy(r, message->b, ZG_ID_BYTES);
    p->order = reader_u64(r);
    p->ttl = reader_u8(r);
    bool watched = version == SAVED_VERSION && reader_u8(r) != 0;
    reader_copy(r, p->handle.b, sizeof(p->handle.b));
    reader_copy(r, p->envelope, sizeof(p->envelope));
    p->sendable = !watched;
    bool ok = reader_done(r) && version >= 1 && version <= SAVED_VERSION && p->ttl <= WIRE_TTL_30D;
    p->entry = ok ? entry_loaded(&parcel_entry_kind, p, key) : NULL;
    if (p->entry == NULL || (watched && watch_new(&p->watch, c) != ZG_OK)) {
        entry_forget(&c->journal, p->entry);
        p->entry = NULL;
        parcel_free(c, p);
        return ok ? ZG_ERR_MEMORY : ZG_ERR_MALFORMED;
    }
    *out = p;
    return ZG_OK;
}
