/* include/zaguan/client.h: conversations and messages. */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"

enum { DAY_SECONDS = 86400 };

const char *zg_version(void)
{
    return ZG_VERSION;
}

/* --- looking --- */

/* Before everything is loaded, and what is over purged, nothing is shown; docs/protocol.md section 4.2. */
static struct conversation *find(const struct zg_client *c, const zg_id *id)
{
    return c->state == CLIENT_READY ? conversation_find(c, id) : NULL;
}

static void show(const struct conversation *v, zg_conversation *out)
{
    memset(out, 0, sizeof(*out));
    out->id = v->id;
    out->state = v->state;
    out->safety = v->safety;
    memcpy(out->safety_words, v->words, sizeof(out->safety_words));
    memcpy(out->alias, v->alias, sizeof(out->alias));
    out->last_utc_ms = v->last_ms;
    out->messages = (uint32_t)v->message_count;
    for (size_t i = 0; i < v->message_count; i++)
        out->unread += v->messages[i]->state == ZG_MESSAGE_RECEIVED;
}

bool zg_client_conversation_at(const zg_client *c, size_t i, zg_conversation *out)
{
    for (size_t at = 0; c->state == CLIENT_READY && at < c->conversation_count; at++) {
        if (c->conversations[at]->gone)
            continue;
        if (i-- == 0) {
            show(c->conversations[at], out);
            return true;
        }
    }
    return false;
}

zg_err zg_client_conversation(const zg_client *c, const zg_id *id, zg_conversation *out)
{
    const struct conversation *v = find(c, id);
    if (v == NULL)
        return ZG_ERR_NOT_FOUND;
    show(v, out);
    return ZG_OK;
}

bool zg_client_message_at(const zg_client *c, const zg_id *conversation, size_t i, zg_message *out)
{
    const struct conversation *v = find(c, conversation);
    if (v == NULL || i >= v->message_count)
        return false;
    message_show(v->messages[i], out);
    return true;
}

zg_err zg_client_message(const zg_client *c, const zg_id *conversation, const zg_id *message, zg_message *out)
{
    const struct conversation *v = find(c, conversation);
    const struct message *m = v == NULL ? NULL : conversation_message(v, message);
    if (m == NULL)
        return ZG_ERR_NOT_FOUND;
    message_show(m, out);
    return ZG_OK;
}

/* --- sending --- */

zg_err client_send_options(const zg_send_options *options, uint32_t *lifetime_s, zg_lifetime_from *from)
{
    *lifetime_s = DAY_SECONDS;
    *from = ZG_AFTER_READ;
    if (options == NULL)
        return ZG_OK;
    if (options->size != sizeof(*options) || options->lifetime_s > CONTENT_LIFETIME_MAX_S ||
        options->from > ZG_AFTER_READ)
        return ZG_ERR_ARGUMENT;
    if (options->lifetime_s != 0)
        *lifetime_s = options->lifetime_s;
    *from = options->from;
    return ZG_OK;
}

/* What a person wants to send. */
struct writing {
    uint8_t kind; /* of enum content_kind */
    const char *bytes;
    size_t len;
    uint32_t lifetime_s;
    zg_lifetime_from from;
};

static zg_err write_and_seal(struct conversation *v, const struct writing *w, struct message **out)
{
    zg_err err = conversation_write(v, w->kind, w->bytes, w->len, w->lifetime_s, w->from, out);
    if (err != ZG_OK || v->state == ZG_CONVERSATION_KNOCKING)
        return err; /* what is written before the accept is sealed after it */
    err = conversation_seal(v, *out);
    if (err != ZG_OK)
        conversation_remove(v, *out);
    return err;
}

/* The first send to a waiting knock is the accept. */
static zg_err answer(struct conversation *v, const struct writing *w, struct message **out)
{
    struct desk *d = v->client->desk;
    zg_err err = d == NULL || d->gone ? ZG_ERR_STATE : desk_accept(d, v);
    if (err != ZG_OK)
        return err;
    err = write_and_seal(v, w, out);
    if (err == ZG_OK)
        desk_accepted(v);
    else
        desk_undo_accept(v);
    return err;
}

static zg_err send(struct conversation *v, struct writing *w, const zg_send_options *options, struct message **out)
{
    zg_err err = client_send_options(options, &w->lifetime_s, &w->from);
    if (err == ZG_OK)
        err = conversation_check(v, w->kind, w->bytes, w->len);
    if (err != ZG_OK)
        return err;
    switch (v->state) {
    case ZG_CONVERSATION_WAITING:
        return w->kind == CONTENT_TEXT ? answer(v, w, out) : ZG_ERR_STATE;
    case ZG_CONVERSATION_KNOCKING:
    case ZG_CONVERSATION_OPEN:
        return write_and_seal(v, w, out);
    default:
        return ZG_ERR_STATE;
    }
}

static zg_err send_to(zg_client *c, const zg_id *conversation, struct writing *w, const zg_send_options *options,
                      zg_id *message, zg_now now)
{
    struct message *m;

    if (w->bytes == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : send(v, w, options, &m);
    if (err == ZG_OK && message != NULL)
        *message = m->id;
    client_work(c);
    return err;
}

zg_err zg_client_send(zg_client *c, const zg_id *conversation, const char *text, size_t len,
                      const zg_send_options *options, zg_id *message, zg_now now)
{
    struct writing w = {.kind = CONTENT_TEXT, .bytes = text, .len = len};
    return send_to(c, conversation, &w, options, message, now);
}

zg_err zg_client_send_data(zg_client *c, const zg_id *conversation, zg_message_kind kind, const uint8_t *data,
                           size_t len, const zg_send_options *options, zg_id *message, zg_now now)
{
    struct writing w = {.kind = (uint8_t)kind, .bytes = (const char *)data, .len = len};
    if (kind != ZG_MESSAGE_JPEG && kind != ZG_MESSAGE_VOICE_WEBM && kind != ZG_MESSAGE_VOICE_MP4)
        return ZG_ERR_ARGUMENT;
    return send_to(c, conversation, &w, options, message, now);
}

/* --- acting --- */

zg_err zg_client_read(zg_client *c, const zg_id *conversation, const zg_id *message, zg_now now)
{
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    struct message *m = v == NULL ? NULL : conversation_message(v, message);
    if (m != NULL)
        message_read(c, m);
    client_work(c);
    return m == NULL ? ZG_ERR_NOT_FOUND : ZG_OK;
}

zg_err zg_client_limit(zg_client *c, const zg_id *conversation, uint32_t lifetime_s, zg_now now)
{
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    if (lifetime_s > CONTENT_LIFETIME_MAX_S)
        return ZG_ERR_ARGUMENT;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    if (v != NULL)
        conversation_limit(v, lifetime_s);
    client_work(c);
    return v == NULL ? ZG_ERR_NOT_FOUND : ZG_OK;
}

zg_err zg_client_safety_compared(zg_client *c, const zg_id *conversation, zg_now now)
{
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : ZG_OK;
    if (v != NULL && v->safety != ZG_SAFETY_WORDS && v->safety != ZG_SAFETY_COMPARED)
        err = ZG_ERR_STATE;
    if (err == ZG_OK) {
        v->safety = ZG_SAFETY_COMPARED;
        conversation_touch(v);
    }
    client_work(c);
    return err;
}

static zg_err set_note(struct conversation *v, const char *text)
{
    size_t len = strlen(text);
    if (len > ZG_NOTE_BYTES_MAX)
        return ZG_ERR_TOO_LARGE;
    if (!content_utf8_ok((const uint8_t *)text, len))
        return ZG_ERR_MALFORMED;
    /* What is not in the vault yet would lose it without a word; what is being erased is to hold nothing. */
    if (v->entry == NULL || v->state == ZG_CONVERSATION_ERASING)
        return ZG_ERR_STATE;
    sodium_memzero(v->note, sizeof(v->note));
    memcpy(v->note, text, len);
    conversation_touch(v);
    return ZG_OK;
}

zg_err zg_client_note_set(zg_client *c, const zg_id *conversation, const char *text, zg_now now)
{
    if (text == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : set_note(v, text);
    client_work(c);
    return err;
}

const char *zg_client_note_get(const zg_client *c, const zg_id *conversation)
{
    const struct conversation *v = find(c, conversation);
    return v == NULL ? NULL : v->note;
}

zg_err zg_client_erase(zg_client *c, const zg_id *conversation, zg_now now)
{
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : conversation_erase(v);
    client_work(c);
    return err;
}
