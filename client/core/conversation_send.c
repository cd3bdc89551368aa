/*
 * Text to envelopes; docs/protocol.md sections 7 and 7.1.
 *
 * A message is written down first. It is sealed when there is a ratchet to seal it with, once: all its parcels are made before any is
 * sent, together with fillers up to a power of two, and are never made again.
 */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/frame.h"
#include "client/core/locker.h"

/* Smallest lifetime class that is not shorter, and its seconds; section 1. */
static const uint32_t class_hours[] = {
    [WIRE_TTL_1H] = 1,       [WIRE_TTL_6H] = 6,        [WIRE_TTL_1D] = 24,       [WIRE_TTL_3D] = 3 * 24,
    [WIRE_TTL_7D] = 7 * 24,  [WIRE_TTL_14D] = 14 * 24, [WIRE_TTL_30D] = 30 * 24,
};

uint8_t lifetime_class(uint32_t lifetime_s, zg_lifetime_from from)
{
    uint8_t class = WIRE_TTL_1H;
    /* Nobody can say when it will be read: it may wait for a week. */
    if (from == ZG_AFTER_READ)
        return WIRE_TTL_7D;
    while (class < WIRE_TTL_30D && class_hours[class] * UINT64_C(3600) < lifetime_s)
        class++;
    return class;
}

uint32_t lifetime_class_hours(uint8_t class)
{
    return class_hours[class];
}

uint32_t lifetime_at_relay(const struct connection *c, uint32_t lifetime_s)
{
    /* No relay has a window of 0: it was not reached yet. */
    if (c->welcome.window_max == 0)
        return lifetime_s;
    uint32_t most = class_hours[c->welcome.ttl_ceiling] * 3600;
    return lifetime_s < most ? lifetime_s : most;
}

/* Section 4.2: neither the relay's ceiling nor the own limit is passed. */
static void lower_lifetime(struct conversation *v, struct message *m)
{
    uint32_t s = lifetime_at_relay(v->connection, m->lifetime_s);
    if (v->limit_s != 0 && v->limit_s < s)
        s = v->limit_s;
    if (s == m->lifetime_s)
        return;
    m->lifetime_s = s;
    message_schedule(v->client, m);
    if (m->entry != NULL)
        entry_touch(&v->client->journal, m->entry);
}

/* --- blocks --- */

/* What stands in every frame now, beside content. rotation and nonce are borrowed from buf and v. */
static void fill_blocks(const struct conversation *v, struct frame *f, uint8_t rotation[2 * WIRE_SECRET_BYTES])
{
    const struct conversation_keys *k = v->keys;
    memset(f, 0, sizeof(*f));
    f->version = v->side == SIDE_WORKER ? v->locker_seen : locker_next_version(v->client->locker);
    if (v->side == SIDE_WORKER) {
        if (v->ratchet == NULL)
            f->accept = (struct span){k->block, sizeof(k->block)}; /* nothing is agreed on yet: the largest */
        else if (ratchet_sends_accept(v->ratchet))
            f->accept = (struct span){k->block, v->block_len};
        return;
    }
    /* Sections 6 and 6.1: told until the worker's next step shows that they were read. */
    if (v->queue == QUEUE_LIVE && v->state == ZG_CONVERSATION_OPEN)
        return;
    if (v->queue == QUEUE_SETTLE)
        return;
    memcpy(rotation, k->queue.put.b, WIRE_SECRET_BYTES);
    memcpy(rotation + WIRE_SECRET_BYTES, k->queue.end.b, WIRE_SECRET_BYTES);
    f->rotation = rotation;
    f->nonce = k->nonce_p;
}

static size_t text_room(const struct conversation *v)
{
    uint8_t rotation[2 * WIRE_SECRET_BYTES];
    struct frame f;
    fill_blocks(v, &f, rotation);
    size_t room = frame_room(&f) - CONTENT_OVERHEAD_MAX;
    sodium_memzero(rotation, sizeof(rotation));
    return room;
}

static size_t count_parts(const char *text, size_t len, size_t room)
{
    size_t parts = 0;
    while (len > 0 && parts <= CONTENT_PARTS_MAX) {
        size_t take = content_cut((const uint8_t *)text, len, room);
        text += take;
        len -= take;
        parts++;
    }
    return parts;
}

/* --- writing --- */

zg_err conversation_check_text(const struct conversation *v, const char *text, size_t len)
{
    if (len == 0)
        return ZG_ERR_ARGUMENT;
    if (len > (size_t)CONTENT_PARTS_MAX * RATCHET_FRAME_BYTES)
        return ZG_ERR_TOO_LARGE;
    if (!content_utf8_ok((const uint8_t *)text, len))
        return ZG_ERR_MALFORMED;
    return count_parts(text, len, text_room(v)) > CONTENT_PARTS_MAX ? ZG_ERR_TOO_LARGE : ZG_OK;
}

zg_err conversation_write(struct conversation *v, const char *text, size_t len, uint32_t lifetime_s,
                          zg_lifetime_from from, struct message **out)
{
    struct zg_client *c = v->client;
    struct message *m;

    zg_err err = conversation_reserve(v);
    if (err == ZG_OK)
        err = message_make(&m, c, len, v->entry != NULL);
    if (err != ZG_OK)
        return err;
    memcpy(m->text, text, len);
    m->own = true;
    m->state = ZG_MESSAGE_WAITING;
    m->from = from;
    m->lifetime_s = lifetime_s;
    m->sent_ms = client_time_ms(c);
    m->limit_ms = m->sent_ms + c->lifetime_max_ms;
    m->order = ++c->order;
    conversation_add(v, m);
    message_schedule(c, m);
    if (m->entry != NULL)
        entry_touch(&c->journal, m->entry);
    conversation_stir(v);
    *out = m;
    return ZG_OK;
}

/* --- sealing --- */

/* What is the same in all parts of a message. */
static struct content content_of(const struct conversation *v, const struct message *m)
{
    uint32_t minute = timekeeper_sent_minute(&v->client->time);
    uint64_t waited = (client_time_ms(v->client) - m->sent_ms) / 60000; /* for the accept */
    struct content c = {
        .kind = CONTENT_TEXT,
        .parts = 1,
        .sent_minute = waited < minute ? minute - (uint32_t)waited : minute,
        .lifetime_s = m->lifetime_s,
        .from = m->from == ZG_AFTER_READ ? LIFETIME_FROM_READ : LIFETIME_FROM_SENT,
    };
    rng_fill(&v->client->rng, c.id, sizeof(c.id));
    return c;
}

static zg_err seal_content(struct conversation *v, struct parcel *p, const struct content *content)
{
    zg_err err;
    uint8_t encoded[RATCHET_FRAME_BYTES];
    uint8_t rotation[2 * WIRE_SECRET_BYTES];
    uint8_t plain[RATCHET_FRAME_BYTES];
    struct frame frame;
    struct writer w;

    writer_init(&w, encoded, sizeof(encoded));
    err = content_write(content, &w);
    if (err != ZG_OK)
        goto out;
    fill_blocks(v, &frame, rotation);
    frame.content = (struct span){encoded, w.len};
    err = frame_write(&frame, plain);
    if (err != ZG_OK)
        goto out;
    err = ratchet_encrypt(v->ratchet, plain, p->envelope, &v->client->rng);
out:
    sodium_memzero(encoded, sizeof(encoded));
    sodium_memzero(rotation, sizeof(rotation));
    sodium_memzero(plain, sizeof(plain));
    return err;
}

static void free_parcels(struct zg_client *c, struct parcel *p)
{
    while (p != NULL) {
        struct parcel *next = p->next;
        parcel_free(c, p);
        p = next;
    }
}

static zg_err new_parcels(struct conversation *v, const struct message *m, uint32_t parts, struct parcel **out)
{
    struct parcel *first = NULL;
    for (uint32_t i = content_envelopes(parts); i-- > 0;) {
        struct parcel *p;
        /* Only the worker's side asks what became of a message (section 4.2), and of no filler. */
        zg_err err = parcel_new(&p, v->client, v->side == SIDE_WORKER && i < parts);
        if (err != ZG_OK) {
            free_parcels(v->client, first);
            return err;
        }
        p->ttl = lifetime_class(m->lifetime_s, m->from);
        p->next = first;
        first = p;
    }
    *out = first;
    return ZG_OK;
}

static zg_err fill_parcels(struct conversation *v, const struct message *m, struct parcel *p, uint32_t parts)
{
    struct content content = content_of(v, m);
    const uint8_t *text = (const uint8_t *)m->text;
    size_t left = m->len;
    size_t room = text_room(v);

    content.parts = parts;
    for (; p != NULL && content.part < parts; p = p->next, content.part++) {
        size_t take = content_cut(text, left, room);
        content.body = (struct span){text, take};
        zg_err err = seal_content(v, p, &content);
        if (err != ZG_OK)
            return err;
        text += take;
        left -= take;
    }
    assert(left == 0);
    /* Section 7.1: fillers up to a power of two. */
    for (; p != NULL; p = p->next) {
        struct content filler = content_of(v, m);
        filler.kind = CONTENT_FILLER;
        zg_err err = seal_content(v, p, &filler);
        if (err != ZG_OK)
            return err;
    }
    return ZG_OK;
}

zg_err conversation_seal(struct conversation *v, struct message *m)
{
    struct zg_client *c = v->client;
    uint32_t parts = (uint32_t)count_parts(m->text, m->len, text_room(v));
    struct parcel *first;

    if (parts > CONTENT_PARTS_MAX)
        return ZG_ERR_TOO_LARGE;
    lower_lifetime(v, m);
    zg_err err = new_parcels(v, m, parts, &first);
    if (err != ZG_OK)
        return err;
    err = fill_parcels(v, m, first, parts);
    if (err != ZG_OK) {
        /* The keys that were used are a gap, which the other side skips. */
        free_parcels(c, first);
        return err;
    }
    while (first != NULL) {
        struct parcel *p = first;
        first = p->next;
        p->next = NULL;
        p->message = m;
        p->order = ++c->order;
        p->sendable = p->watch == NULL || v->connection->state == CONNECTION_OPEN;
        parcels_add(v, p);
        entry_touch(&c->journal, p->entry);
        p->stamp = journal_stamp(&c->journal);
    }
    m->sealed = true;
    if (m->entry != NULL)
        entry_touch(&c->journal, m->entry);
    conversation_touch(v);
    return ZG_OK;
}

void conversation_seal_waiting(struct conversation *v)
{
    for (size_t i = 0; i < v->message_count; i++) {
        struct message *m = v->messages[i];
        if (!m->own || m->sealed || m->state != ZG_MESSAGE_WAITING)
            continue;
        zg_err err = conversation_seal(v, m);
        if (err == ZG_ERR_MEMORY) {
            v->again = true;
            return;
        }
        if (err != ZG_OK) {
            m->state = ZG_MESSAGE_NOT_SENT;
            entry_touch(&v->client->journal, m->entry);
            client_event(v->client, ZG_EVENT_NOT_SENT, err, v, &m->id, 0);
        }
    }
}

zg_err conversation_knock_content(struct conversation *v, struct message *m, struct writer *w)
{
    lower_lifetime(v, m);
    struct content content = content_of(v, m);
    content.body = (struct span){(const uint8_t *)m->text, m->len};
    return content_write(&content, w);
}
