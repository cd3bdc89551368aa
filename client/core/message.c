#include "client/core/message.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

/* Since version 3 the kind stands in the upper half of the flags; before, everything known was text. */
enum { SAVED_VERSION = 3, FLAG_OWN = 1, FLAG_NEWER = 2, FLAG_SEALED = 4, KIND_SHIFT = 4 };
enum { FLAGS_AT = 1 + 2 * ZG_ID_BYTES + 2 * 8, STATE_AT = FLAGS_AT + 1 };

static void on_due(void *thing)
{
    struct message *m = thing;
    struct conversation *v = m->conversation;
    client_event(v->client, ZG_EVENT_EXPIRED, ZG_OK, v, &m->id, 0);
    conversation_remove(v, m);
}

zg_err message_make(struct message **out, struct zg_client *c, size_t len, bool kept)
{
    struct message *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ZG_ERR_MEMORY;
    m->text = calloc(1, len + 1);
    if (m->text == NULL)
        goto err0;
    m->len = len;
    m->kind = CONTENT_TEXT;
    if (!agenda_reserve(&c->agenda))
        goto err1;
    m->due.due = on_due;
    m->due.thing = m;
    if (kept) {
        m->entry = entry_new(&message_entry_kind, m, &c->rng);
        if (m->entry == NULL)
            goto err2;
    }
    client_id(c, &m->id);
    *out = m;
    return ZG_OK;

err2:
    agenda_release(&c->agenda, &m->due);
err1:
    free(m->text);
err0:
    free(m);
    return ZG_ERR_MEMORY;
}

void message_forget(struct zg_client *c, struct message *m)
{
    entry_forget(&c->journal, m->entry);
    m->entry = NULL;
    message_free(c, m);
}

void message_free(struct zg_client *c, struct message *m)
{
    if (m == NULL)
        return;
    entry_drop(&c->journal, m->entry);
    agenda_release(&c->agenda, &m->due);
    sodium_memzero(m->text, m->len);
    free(m->text);
    sodium_memzero(m, sizeof(*m));
    free(m);
}

/* --- lifetime --- */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t lifetime_ms(const struct zg_client *c, const struct message *m)
{
    return smaller((uint64_t)m->lifetime_s * 1000, c->lifetime_max_ms);
}

/* Section 4.2: the conversation's own limit counts from sending and from reading, so it takes nothing away unseen. */
static uint64_t expires_ms(const struct zg_client *c, const struct message *m)
{
    uint64_t at = UINT64_MAX;
    uint64_t life = lifetime_ms(c, m);
    uint64_t shorter = life;
    if (m->conversation->limit_s != 0)
        shorter = smaller(life, (uint64_t)m->conversation->limit_s * 1000);
    /* An own message counts from being sent: nobody is told when the other side reads. */
    if (m->own && m->len > 0)
        at = m->sent_ms + shorter;
    else if (!m->own && m->from == ZG_AFTER_SENT)
        at = m->sent_ms + life;
    return m->read_ms != 0 ? smaller(at, m->read_ms + shorter) : at;
}

void message_schedule(struct zg_client *c, struct message *m)
{
    uint64_t at = expires_ms(c, m);
    m->expires_ms = at == UINT64_MAX ? 0 : at;
    agenda_set(&c->agenda, &m->due, smaller(at, m->limit_ms));
}

static void touch(struct zg_client *c, struct message *m)
{
    message_schedule(c, m);
    if (m->entry != NULL)
        entry_touch(&c->journal, m->entry);
}

void message_read(struct zg_client *c, struct message *m)
{
    if ((m->own && m->len > 0) || m->read_ms != 0)
        return;
    if (!m->own)
        m->state = ZG_MESSAGE_READ;
    m->read_ms = client_time_ms(c);
    touch(c, m);
}

void message_shift(struct zg_client *c, struct message *m, const struct shift *s)
{
    struct shift ends = {s->above_ms + c->lifetime_max_ms, s->latest_ms + c->lifetime_max_ms, s->by_ms};
    bool moved = time_shift(&m->limit_ms, &ends);
    if (m->own || m->from == ZG_AFTER_SENT)
        moved = time_shift(&m->sent_ms, s) || moved;
    moved = time_shift(&m->read_ms, s) || moved;
    if (moved)
        touch(c, m);
}

uint64_t message_start_ms(uint32_t sent_minute, uint64_t received_ms)
{
    uint64_t minute_end = ((uint64_t)sent_minute + 1) * 60000;
    return minute_end + MESSAGE_GRACE_MS >= received_ms ? received_ms : minute_end;
}

static bool is_text(const struct message *m)
{
    return m->kind == CONTENT_TEXT || m->len == 0;
}

void message_show(const struct message *m, zg_message *out)
{
    *out = (zg_message){
        .id = m->id,
        .own = m->own,
        .newer_version = m->kind == 0,
        .kind = m->kind == 0 ? ZG_MESSAGE_TEXT : (zg_message_kind)m->kind,
        .state = m->state,
        .text = is_text(m) ? m->text : "",
        .text_len = is_text(m) ? m->len : 0,
        .data = is_text(m) ? NULL : (const uint8_t *)m->text,
        .data_len = is_text(m) ? 0 : m->len,
        .sent_utc_ms = m->sent_ms,
        .lifetime_s = m->lifetime_s,
        .from = m->from,
        .expires_utc_ms = m->expires_ms == 0 || m->expires_ms < m->limit_ms ? m->expires_ms : m->limit_ms,
    };
}

/* --- vault --- */

static size_t bound(const void *thing)
{
    const struct message *m = thing;
    return MESSAGE_SAVED_OVERHEAD + m->len;
}

static void save(const void *thing, struct writer *w)
{
    const struct message *m = thing;
    unsigned flags = (m->own ? FLAG_OWN : 0u) | (m->kind == 0 ? FLAG_NEWER : 0u) | (m->sealed ? FLAG_SEALED : 0u) |
                     (unsigned)m->kind << KIND_SHIFT;
    writer_u8(w, SAVED_VERSION);
    writer_put(w, m->conversation->id.b, ZG_ID_BYTES);
    writer_put(w, m->id.b, ZG_ID_BYTES);
    writer_u64(w, m->order);
    writer_u64(w, m->position);
    writer_u8(w, (uint8_t)flags);
    writer_u8(w, (uint8_t)m->state);
    writer_u8(w, (uint8_t)m->from);
    writer_u32(w, m->lifetime_s);
    writer_u64(w, m->sent_ms);
    writer_u64(w, m->limit_ms);
    writer_u64(w, m->read_ms);
    writer_put(w, m->text, m->len);
}

const struct entry_kind message_entry_kind = {ENTRY_MESSAGE, bound, save};

static zg_err read_fields(struct message *m, struct reader *r, zg_id *conversation)
{
    uint8_t version = reader_u8(r);
    reader_copy(r, conversation->b, ZG_ID_BYTES);
    reader_copy(r, m->id.b, ZG_ID_BYTES);
    m->order = reader_u64(r);
    m->position = reader_u64(r);
    uint8_t flags = reader_u8(r);
    m->own = (flags & FLAG_OWN) != 0;
    m->kind = (flags & FLAG_NEWER) != 0 ? 0 : flags >> KIND_SHIFT == 0 ? CONTENT_TEXT : flags >> KIND_SHIFT;
    m->sealed = (flags & FLAG_SEALED) != 0;
    m->state = (zg_message_state)reader_u8(r);
    m->from = (zg_lifetime_from)reader_u8(r);
    m->lifetime_s = reader_u32(r);
    m->sent_ms = reader_u64(r);
    m->limit_ms = reader_u64(r);
    m->read_ms = reader_u64(r);
    /* Version 1 had the end of what ran. */
    if (version == 1)
        m->read_ms = m->state == ZG_MESSAGE_READ ? m->read_ms - (uint64_t)m->lifetime_s * 1000 : 0;
    reader_copy(r, m->text, m->len);
    bool ok = reader_done(r) && (m->kind == 0 || content_kind_known(m->kind)) && version >= 1 && version <= SAVED_VERSION && m->state >= ZG_MESSAGE_RECEIVED &&
              m->state <= ZG_MESSAGE_EXPIRED_UNREAD && m->from <= ZG_AFTER_READ;
    return ok ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err message_load(struct message **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                    struct reader *r, zg_id *conversation)
{
    struct message *m;

    if (r->left < MESSAGE_SAVED_HEAD)
        return ZG_ERR_MALFORMED;
    zg_err err = message_make(&m, c, r->left - MESSAGE_SAVED_HEAD, false);
    if (err != ZG_OK)
        return err;
    err = read_fields(m, r, conversation);
    if (err == ZG_OK) {
        m->entry = entry_loaded(&message_entry_kind, m, key);
        err = m->entry == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err != ZG_OK) {
        message_free(c, m);
        return err;
    }
    *out = m;
    return ZG_OK;
}

bool message_saved_waits(const uint8_t *saved, size_t len)
{
    return len >= MESSAGE_SAVED_HEAD && (saved[FLAGS_AT] & FLAG_OWN) != 0 &&
           saved[STATE_AT] == ZG_MESSAGE_WAITING;
}

void message_saved_give_up(uint8_t head[MESSAGE_SAVED_HEAD])
{
    head[STATE_AT] = ZG_MESSAGE_NOT_SENT;
}
