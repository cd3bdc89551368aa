/* include/zaguan/client.h: a participant's way in: card, look, knock, notice. */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/knocking.h"

/* Section 5.2: "on duty" of a notice counts so long. A clock that is ahead by more than this much wrote it
 * wrongly. */
enum { ON_DUTY_S = 12 * 3600, AHEAD_S = 3600 };

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

/* --- look --- */

static struct conversation *find_look(const struct zg_client *c, const struct card *card)
{
    for (size_t i = 0; i < c->conversation_count; i++) {
        struct conversation *v = c->conversations[i];
        if (v->state == ZG_CONVERSATION_LOOKING && !v->gone && knocking_is_of(v->knocking, card))
            return v;
    }
    return NULL;
}

static zg_err new_look(struct conversation **out, struct zg_client *c, const struct card *card)
{
    struct relay_place place = card_place(card);
    struct conversation *v;

    zg_err err = conversation_new(&v, c, SIDE_PARTICIPANT, ZG_CONVERSATION_LOOKING, &place);
    if (err != ZG_OK)
        return err;
    err = knocking_new(v, card);
    if (err != ZG_OK)
        conversation_forget(v);
    else
        *out = v;
    return err;
}

void client_forget_looks(struct zg_client *c)
{
    for (size_t i = 0; i < c->conversation_count;) {
        if (c->conversations[i]->state == ZG_CONVERSATION_LOOKING)
            conversation_forget(c->conversations[i]);
        else
            i++;
    }
}

static zg_err look(struct zg_client *c, const struct card *card, zg_id *id)
{
    zg_err err = ZG_OK;
    struct conversation *v = find_look(c, card);
    if (v != NULL)
        knocking_look(v->knocking);
    else
        err = new_look(&v, c, card);
    if (err == ZG_OK && id != NULL)
        *id = v->id;
    return err;
}

zg_err zg_client_look(zg_client *c, const char *card, size_t card_len, zg_id *conversation, zg_now now)
{
    struct card parsed;

    if (card == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY || c->locker != NULL)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = card_parse(&parsed, card, card_len);
    if (err == ZG_OK) {
        err = look(c, &parsed, conversation);
        card_clear(&parsed);
    }
    client_work(c);
    return err;
}

/* --- knock --- */

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

/* From a look to a knock. After an error it is a look still. */
static zg_err begin(struct conversation *v, const char *text, size_t len, const zg_send_options *options)
{
    uint32_t lifetime_s;
    zg_lifetime_from from;
    struct message *m;
    zg_err err = client_send_options(options, &lifetime_s, &from);

    if (err == ZG_OK)
        err = conversation_write(v, CONTENT_TEXT, text, len, lifetime_s, from, &m);
    if (err != ZG_OK)
        return err;
    err = conversation_keep(v);
    if (err != ZG_OK) {
        conversation_remove(v, m);
        return err;
    }
    conversation_move(v, ZG_CONVERSATION_KNOCKING);
    knocking_begin(v->knocking, m);
    return ZG_OK;
}

static zg_err knock(struct zg_client *c, const struct card *card, const char *text, size_t len,
                    const zg_send_options *options, zg_id *id)
{
    zg_err err = ZG_OK;
    struct conversation *v = find_look(c, card);
    bool made = v == NULL;

    if (made)
        err = new_look(&v, c, card);
    if (err != ZG_OK)
        return err;
    zg_id own = v->id;
    err = begin(v, text, len, options);
    if (err != ZG_OK && made)
        conversation_forget(v);
    if (err == ZG_OK && id != NULL)
        *id = own;
    return err;
}

zg_err zg_client_knock(zg_client *c, const char *card, size_t card_len, const char *text, size_t len,
                       const zg_send_options *options, zg_id *conversation, zg_now now)
{
    struct card parsed;

    if (card == NULL || text == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY || c->locker != NULL)
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

/* --- notice --- */

/* Nobody pretends to be there: who goes off duty may forget to say so. */
static enum desk_state state_now(const struct notice *n, uint64_t now_s)
{
    bool counts = now_s < n->written_s + ON_DUTY_S && n->written_s <= now_s + AHEAD_S;
    return n->state == DESK_ON_DUTY && !counts ? DESK_AWAY : n->state;
}

zg_err zg_client_notice(const zg_client *c, const zg_id *conversation, const char *language, zg_notice *out)
{
    const struct conversation *v = c->state == CLIENT_READY ? conversation_find(c, conversation) : NULL;
    if (v == NULL || v->notice == NULL)
        return ZG_ERR_NOT_FOUND;
    const struct notice *n = v->notice;
    size_t at = 0;
    for (size_t i = 0; i < n->count && language != NULL; i++)
        if (strncmp(n->texts[i].language, language, 2) == 0)
            at = i;
    *out = (zg_notice){(int)state_now(n, client_time_ms(c) / 1000), n->written_s,
                       n->count > 0 ? n->texts[at].text : ""};
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
