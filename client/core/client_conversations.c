/* include/zaguan/client.h: conversations and messages, and a participant's knock. */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/knocking.h"

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

static zg_err read_options(const zg_send_options *options, uint32_t *lifetime_s, zg_lifetime_from *from)
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

static zg_err write_and_seal(struct conversation *v, const char *text, size_t len, uint32_t lifetime_s,
                             zg_lifetime_from from, struct message **out)
{
    zg_err err = conversation_write(v, text, len, lifetime_s, from, out);
    if (err != ZG_OK || v->state == ZG_CONVERSATION_KNOCKING)
        return err; /* what is written before the accept is sealed after it */
    err = conversation_seal(v, *out);
    if (err != ZG_OK)
        conversation_remove(v, *out);
    return err;
}

/* The first send to a waiting knock is the accept. */
static zg_err answer(struct conversation *v, const char *text, size_t len, uint32_t lifetime_s,
                     zg_lifetime_from from, struct message **out)
{
    struct desk *d = v->client->desk;
    zg_err err = d == NULL || d->gone ? ZG_ERR_STATE : desk_accept(d, v);
    if (err != ZG_OK)
        return err;
    err = write_and_seal(v, text, len, lifetime_s, from, out);
    if (err == ZG_OK)
        desk_accepted(v);
    else
        desk_undo_accept(v);
    return err;
}

static zg_err send(struct conversation *v, const char *text, size_t len, const zg_send_options *options,
                   struct message **out)
{
    uint32_t lifetime_s;
    zg_lifetime_from from;
    zg_err err = read_options(options, &lifetime_s, &from);

    if (err == ZG_OK)
        err = conversation_check_text(v, text, len);
    if (err != ZG_OK)
        return err;
    switch (v->state) {
    case ZG_CONVERSATION_WAITING:
        return answer(v, text, len, lifetime_s, from, out);
    case ZG_CONVERSATION_KNOCKING:
    case ZG_CONVERSATION_OPEN:
        return write_and_seal(v, text, len, lifetime_s, from, out);
    default:
        return ZG_ERR_STATE;
    }
}

zg_err zg_client_send(zg_client *c, const zg_id *conversation, const char *text, size_t len,
                      const zg_send_options *options, zg_id *message, zg_now now)
{
    struct message *m;

    if (text == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : send(v, text, len, options, &m);
    if (err == ZG_OK && message != NULL)
        *message = m->id;
    client_work(c);
    return err;
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

/* --- a participant --- */

zg_err zg_card_check(const char *text, size_t len)
{
    struct card card;
    if (text == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    zg_err err = card_parse(&card, text, len);
    if (err == ZG_OK)
        card_clear(&card);
    return err;
}

size_t zg_knock_text_max(void)
{
    return KNOCK_CONTENT_MAX - CONTENT_OVERHEAD_MAX;
}

static zg_err check_knock(const char *text, size_t len)
{
    if (len == 0)
        return ZG_ERR_ARGUMENT;
    if (len > zg_knock_text_max())
        return ZG_ERR_TOO_LARGE;
    return content_utf8_ok((const uint8_t *)text, len) ? ZG_OK : ZG_ERR_MALFORMED;
}

static zg_err start_knocking(struct conversation *v, const struct card *card, const char *text, size_t len,
                             const zg_send_options *options)
{
    uint32_t lifetime_s;
    zg_lifetime_from from;
    struct message *m;
    zg_err err = read_options(options, &lifetime_s, &from);

    if (err == ZG_OK)
        err = conversation_keep(v);
    if (err == ZG_OK)
        err = conversation_write(v, text, len, lifetime_s, from, &m);
    return err == ZG_OK ? knocking_new(v, card, m) : err;
}

static zg_err knock(struct zg_client *c, const struct card *card, const char *text, size_t len,
                    const zg_send_options *options, zg_id *id)
{
    struct relay_place place = card_place(card);
    struct conversation *v;

    zg_err err = conversation_new(&v, c, SIDE_PARTICIPANT, ZG_CONVERSATION_KNOCKING, &place);
    if (err != ZG_OK)
        return err;
    err = start_knocking(v, card, text, len, options);
    if (err != ZG_OK)
        conversation_forget(v);
    else if (id != NULL)
        *id = v->id;
    return err;
}

zg_err zg_client_knock(zg_client *c, const char *card, size_t card_len, const char *text, size_t len,
                       const zg_send_options *options, zg_id *conversation, zg_now now)
{
    struct card parsed;

    if (card == NULL || text == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = card_parse(&parsed, card, card_len);
    if (err == ZG_OK) {
        err = check_knock(text, len);
        if (err == ZG_OK)
            err = knock(c, &parsed, text, len, options, conversation);
        card_clear(&parsed);
    }
    client_work(c);
    return err;
}

zg_err zg_client_notice(const zg_client *c, const zg_id *conversation, const char *language, zg_notice *out)
{
    const struct conversation *v = find(c, conversation);
    if (v == NULL || v->notice == NULL)
        return ZG_ERR_NOT_FOUND;
    const struct notice *n = v->notice;
    size_t at = 0;
    for (size_t i = 0; i < n->count && language != NULL; i++)
        if (strncmp(n->texts[i].language, language, 2) == 0)
            at = i;
    *out = (zg_notice){(int)n->state, n->written_s, n->count > 0 ? n->texts[at].text : ""};
    return ZG_OK;
}

const char *zg_safety_word(const char *language, uint8_t index)
{
    enum words_language words = WORDS_EN;
    if (language != NULL && strncmp(language, "es", 2) == 0)
        words = WORDS_ES;
    else if (language != NULL && strncmp(language, "fr", 2) == 0)
        words = WORDS_FR;
    return safety_word(words, index);
}
