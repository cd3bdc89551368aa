#include "client/core/parts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

enum { SAVED_VERSION = 1, SAVED_HEAD = 1 + ZG_ID_BYTES + 2 * 8 };

/* --- one part --- */

static void unlink_part(struct conversation *v, const struct part *p)
{
    struct part **at = &v->parts;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    v->part_count--;
}

static void on_due(void *thing)
{
    struct part *p = thing;
    unlink_part(p->conversation, p);
    part_free(p->conversation->client, p);
}

zg_err part_new(struct part **out, struct zg_client *c)
{
    struct part *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ZG_ERR_MEMORY;
    if (!agenda_reserve(&c->agenda))
        goto err0;
    p->due.due = on_due;
    p->due.thing = p;
    p->entry = entry_new(&part_entry_kind, p, &c->rng);
    if (p->entry == NULL)
        goto err1;
    *out = p;
    return ZG_OK;

err1:
    agenda_release(&c->agenda, &p->due);
err0:
    free(p);
    return ZG_ERR_MEMORY;
}

zg_err part_fill(struct part *p, struct span raw, uint64_t position, uint64_t received_ms)
{
    if (raw.len > sizeof(p->raw))
        return ZG_ERR_MALFORMED;
    memcpy(p->raw, raw.at, raw.len);
    p->raw_len = raw.len;
    p->position = position;
    p->received_ms = received_ms;
    return content_read(&p->content, (struct span){p->raw, p->raw_len});
}

void part_free(struct zg_client *c, struct part *p)
{
    entry_drop(&c->journal, p->entry);
    agenda_release(&c->agenda, &p->due);
    sodium_memzero(p, sizeof(*p));
    free(p);
}

void part_forget(struct zg_client *c, struct part *p)
{
    entry_forget(&c->journal, p->entry);
    p->entry = NULL;
    part_free(c, p);
}

/* --- parts coming together --- */

static bool same_message(const struct part *a, const struct part *b)
{
    return memcmp(a->content.id, b->content.id, CONTENT_ID_BYTES) == 0;
}

/* Section 7.1: parts that do not agree with the first one seen are dropped. */
static bool fits(const struct conversation *v, const struct part *p)
{
    const struct content *b = &p->content;
    for (const struct part *q = v->parts; q != NULL; q = q->next) {
        const struct content *a = &q->content;
        if (!same_message(q, p))
            continue;
        if (a->kind != b->kind || a->parts != b->parts || a->sent_minute != b->sent_minute ||
            a->lifetime_s != b->lifetime_s || a->from != b->from || a->part == b->part)
            return false;
    }
    return true;
}

static uint64_t expires_ms(const struct part *p, uint64_t max_ms)
{
    uint64_t life = (uint64_t)p->content.lifetime_s * 1000;
    uint64_t start = message_start_ms(p->content.sent_minute, p->received_ms);
    if (p->content.from == LIFETIME_FROM_READ || life > max_ms)
        life = max_ms;
    return (p->content.from == LIFETIME_FROM_READ ? p->received_ms : start) + life;
}

void part_shift(struct zg_client *c, struct part *p, const struct shift *s)
{
    if (!time_shift(&p->received_ms, s))
        return;
    agenda_set(&c->agenda, &p->due, expires_ms(p, c->lifetime_max_ms));
    entry_touch(&c->journal, p->entry);
}

static uint32_t parts_here(const struct conversation *v, const struct part *p, size_t *bytes)
{
    uint32_t count = 0;
    *bytes = 0;
    for (const struct part *q = v->parts; q != NULL; q = q->next) {
        if (same_message(q, p)) {
            count++;
            *bytes += q->content.body.len;
        }
    }
    return count;
}

static const struct part *find_part(const struct conversation *v, const struct part *of, uint32_t i)
{
    const struct part *q = v->parts;
    while (q != NULL && !(same_message(q, of) && q->content.part == i))
        q = q->next;
    return q;
}

static void copy_body(const struct conversation *v, const struct part *first, struct message *m)
{
    size_t at = 0;
    for (uint32_t i = 0; i < first->content.parts; i++) {
        const struct span body = find_part(v, first, i)->content.body;
        if (body.len > 0)
            memcpy(m->text + at, body.at, body.len);
        at += body.len;
    }
}

static void drop_parts(struct conversation *v, const uint8_t id[CONTENT_ID_BYTES])
{
    for (struct part **at = &v->parts; *at != NULL;) {
        struct part *p = *at;
        if (memcmp(p->content.id, id, CONTENT_ID_BYTES) != 0) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        v->part_count--;
        part_free(v->client, p);
    }
}

static void describe(struct message *m, const struct zg_client *c, const struct part *p)
{
    m->state = ZG_MESSAGE_RECEIVED;
    m->kind = content_kind_known(p->content.kind) ? (uint8_t)p->content.kind : 0;
    m->from = p->content.from == LIFETIME_FROM_READ ? ZG_AFTER_READ : ZG_AFTER_SENT;
    m->lifetime_s = lifetime_at_relay(p->conversation->connection, p->content.lifetime_s);
    m->sent_ms = m->from == ZG_AFTER_SENT ? message_start_ms(p->content.sent_minute, p->received_ms)
                                          : (uint64_t)p->content.sent_minute * 60000;
    m->limit_ms = p->received_ms + c->lifetime_max_ms;
}

/* ZG_ERR_MALFORMED: it is complete, but not what it says it is. */
static zg_err join(struct conversation *v, const struct part *first, size_t bytes)
{
    struct zg_client *c = v->client;
    struct message *m;
    bool known = content_kind_known(first->content.kind);

    zg_err err = conversation_reserve(v);
    if (err == ZG_OK)
        err = events_reserve(&c->events, 1);
    if (err == ZG_OK)
        err = message_make(&m, c, known ? bytes : 0, true);
    if (err != ZG_OK)
        return err;
    if (known)
        copy_body(v, first, m);
    if (known && !content_ok(first->content.kind, (const uint8_t *)m->text, m->len)) {
        message_free(c, m);
        return ZG_ERR_MALFORMED;
    }
    describe(m, c, first);
    m->order = ++c->order;
    m->position = find_part(v, first, 0)->position;
    conversation_add(v, m);
    message_schedule(c, m);
    entry_touch(&c->journal, m->entry);
    conversation_stir(v);
    client_event(c, ZG_EVENT_MESSAGE, ZG_OK, v, &m->id, 0);
    return ZG_OK;
}

/* Whether p is used up: it is part of a message now, or was dropped with what it completed. */
static bool try_join(struct conversation *v, const struct part *p)
{
    uint8_t id[CONTENT_ID_BYTES];
    size_t bytes;

    if (parts_here(v, p, &bytes) < p->content.parts)
        return false;
    if (join(v, p, bytes) == ZG_ERR_MEMORY) {
        v->again = true;
        return false;
    }
    memcpy(id, p->content.id, sizeof(id));
    drop_parts(v, id);
    return true;
}

void parts_join(struct conversation *v)
{
    for (struct part *p = v->parts; p != NULL && !v->again;)
        p = try_join(v, p) ? v->parts : p->next;
}

void parts_attach(struct conversation *v, struct part *p)
{
    struct part **end = &v->parts;
    while (*end != NULL)
        end = &(*end)->next;
    *end = p;
    v->part_count++;
    p->conversation = v;
    agenda_set(&v->client->agenda, &p->due, expires_ms(p, v->client->lifetime_max_ms));
}

void parts_add(struct conversation *v, struct part *p)
{
    struct zg_client *c = v->client;
    uint64_t at = expires_ms(p, c->lifetime_max_ms);

    /* Section 4: what is over is dropped unseen. */
    if (p->content.kind == CONTENT_FILLER || at <= client_time_ms(c) || !fits(v, p)) {
        part_free(c, p);
        return;
    }
    parts_attach(v, p);
    if (!try_join(v, p))
        entry_touch(&c->journal, p->entry);
    while (v->part_count > PARTS_WAITING_MAX)
        on_due(v->parts);
}

/* --- vault --- */

static size_t bound(const void *thing)
{
    const struct part *p = thing;
    return SAVED_HEAD + p->raw_len;
}

static void save(const void *thing, struct writer *w)
{
    const struct part *p = thing;
    writer_u8(w, SAVED_VERSION);
    writer_put(w, p->conversation->id.b, ZG_ID_BYTES);
    writer_u64(w, p->position);
    writer_u64(w, p->received_ms);
    writer_put(w, p->raw, p->raw_len);
}

const struct entry_kind part_entry_kind = {ENTRY_PART, bound, save};

zg_err part_load(struct part **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r,
                 zg_id *conversation)
{
    struct part *p;
    zg_err err = part_new(&p, c);
    if (err != ZG_OK)
        return err;
    entry_forget(&c->journal, p->entry);
    p->entry = NULL;
    uint8_t version = reader_u8(r);
    reader_copy(r, conversation->b, ZG_ID_BYTES);
    uint64_t position = reader_u64(r);
    uint64_t received_ms = reader_u64(r);
    err = r->bad || version != SAVED_VERSION ? ZG_ERR_MALFORMED
                                             : part_fill(p, (struct span){r->at, r->left}, position, received_ms);
    if (err == ZG_OK) {
        p->entry = entry_loaded(&part_entry_kind, p, key);
        err = p->entry == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err != ZG_OK) {
        part_free(c, p);
        return err;
    }
    *out = p;
    return ZG_OK;
}
