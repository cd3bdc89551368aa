#include "client/core/message.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

enum { SAVED_VERSION = 1, FLAG_OWN = 1, FLAG_NEWER = 2, FLAG_SEALED = 4 };

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

static uint64_t lifetime_ms(const struct zg_client *c, const struct message *m)
{
    uint64_t ms = (uint64_t)m->lifetime_s * 1000;
    return ms < c->lifetime_max_ms ? ms : c->lifetime_max_ms;
}

void message_schedule(struct zg_client *c, struct message *m)
{
    /* An own message counts from being sent: nobody is told when the other side reads. */
    if (m->own || m->from == ZG_AFTER_SENT)
        m->expires_ms = m->sent_ms + lifetime_ms(c, m);
    uint64_t at = m->limit_ms;
    if (m->expires_ms != 0 && m->expires_ms < at)
        at = m->expires_ms;
    agenda_set(&c->agenda, &m->due, at);
}

void message_read(struct zg_client *c, struct message *m)
{
    if (m->own || m->state == ZG_MESSAGE_READ)
        return;
    m->state = ZG_MESSAGE_READ;
    if (m->from == ZG_AFTER_READ)
        m->expires_ms = client_time_ms(c) + lifetime_ms(c, m);
    message_schedule(c, m);
    if (m->entry != NULL)
        entry_touch(&c->journal, m->entry);
}

uint64_t message_start_ms(uint32_t sent_minute, uint64_t received_ms)
{
    uint64_t minute_end = ((uint64_t)sent_minute + 1) * 60000;
    return minute_end + MESSAGE_GRACE_MS >= received_ms ? received_ms : minute_end;
}

void message_show(const struct message *m, zg_message *out)
{
    *out = (zg_message){
        .id = m->id,
        .own = m->own,
        .newer_version = m->newer_version,
        .state = m->state,
        .text = m->text,
        .text_len = m->len,
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
    unsigned flags = (m->own ? FLAG_OWN : 0u) | (m->newer_version ? FLAG_NEWER : 0u) |
                     (m->sealed ? FLAG_SEALED : 0u);
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
    writer_u64(w, m->expires_ms);
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
    m->newer_version = (flags & FLAG_NEWER) != 0;
    m->sealed = (flags & FLAG_SEALED) != 0;
    m->state = (zg_message_state)reader_u8(r);
    m->from = (zg_lifetime_from)reader_u8(r);
    m->lifetime_s = reader_u32(r);
    m->sent_ms = reader_u64(r);
    m->limit_ms = reader_u64(r);
    m->expires_ms = reader_u64(r);
    reader_copy(r, m->text, m->len);
    bool ok = reader_done(r) && version == SAVED_VERSION && m->state >= ZG_MESSAGE_RECEIVED &&
              m->state <= ZG_MESSAGE_NOT_SENT && m->from <= ZG_AFTER_READ;
    return ok ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err message_load(struct message **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                    struct reader *r, zg_id *conversation)
{
    enum { FIXED = 1 + 2 * ZG_ID_BYTES + 2 * 8 + 3 + 4 + 3 * 8 };
    struct message *m;

    if (r->left < FIXED)
        return ZG_ERR_MALFORMED;
    zg_err err = message_make(&m, c, r->left - FIXED, false);
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
