#define _POSIX_C_SOURCE 200809L

#include "client/cli/report.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "client/cli/attachment.h"
#include "client/cli/common.h"

enum { HEX_BYTES = 2 * ZG_ID_BYTES + 1 };

/* --- names --- */

static const char *event_name(zg_event_kind kind)
{
    switch (kind) {
    case ZG_EVENT_READY:
        return "ready";
    case ZG_EVENT_FAILED:
        return "failed";
    case ZG_EVENT_CONNECTED:
        return "connected";
    case ZG_EVENT_DISCONNECTED:
        return "disconnected";
    case ZG_EVENT_DESK_READY:
        return "desk_ready";
    case ZG_EVENT_DESK_FAILED:
        return "desk_failed";
    case ZG_EVENT_KNOCK:
        return "knock";
    case ZG_EVENT_KNOCK_SENT:
        return "knock_sent";
    case ZG_EVENT_KNOCK_FAILED:
        return "knock_failed";
    case ZG_EVENT_PUZZLE:
        return "puzzle";
    case ZG_EVENT_ACCEPTED:
        return "accepted";
    case ZG_EVENT_MESSAGE:
        return "message";
    case ZG_EVENT_SENT:
        return "sent";
    case ZG_EVENT_NOT_SENT:
        return "not_sent";
    case ZG_EVENT_EXPIRED:
        return "expired";
    case ZG_EVENT_SAFETY:
        return "safety";
    case ZG_EVENT_ENDED:
        return "ended";
    case ZG_EVENT_ERASED:
        return "erased";
    case ZG_EVENT_STORAGE:
        return "storage";
    case ZG_EVENT_DISPLACED:
        return "displaced";
    case ZG_EVENT_EXPIRED_UNREAD:
        return "expired_unread";
    case ZG_EVENT_RELAY_WENT_BACK:
        return "relay_went_back";
    case ZG_EVENT_LOCKER_READY:
        return "locker_ready";
    case ZG_EVENT_LOCKER_LOST:
        return "locker_lost";
    case ZG_EVENT_RETURNED:
        return "returned";
    case ZG_EVENT_RETURN_FAILED:
        return "return_failed";
    case ZG_EVENT_CLOSED:
        return "closed";
    case ZG_EVENT_LOOKED:
        return "looked";
    }
    return "unknown";
}

static const char *state_name(zg_conversation_state state)
{
    switch (state) {
    case ZG_CONVERSATION_KNOCKING:
        return "knocking";
    case ZG_CONVERSATION_WAITING:
        return "waiting";
    case ZG_CONVERSATION_OPEN:
        return "open";
    case ZG_CONVERSATION_ENDED:
        return "ended";
    case ZG_CONVERSATION_ERASING:
        return "erasing";
    case ZG_CONVERSATION_LOOKING:
        return "looking";
    }
    return "unknown";
}

static const char *safety_name(zg_safety_state state)
{
    switch (state) {
    case ZG_SAFETY_NONE:
        return "none";
    case ZG_SAFETY_WORDS:
        return "words";
    case ZG_SAFETY_COMPARED:
        return "compared";
    case ZG_SAFETY_MISMATCH:
        return "mismatch";
    }
    return "unknown";
}

static const char *message_state_name(zg_message_state state)
{
    switch (state) {
    case ZG_MESSAGE_RECEIVED:
        return "received";
    case ZG_MESSAGE_READ:
        return "read";
    case ZG_MESSAGE_WAITING:
        return "waiting";
    case ZG_MESSAGE_SENT:
        return "sent";
    case ZG_MESSAGE_NOT_SENT:
        return "not_sent";
    case ZG_MESSAGE_EXPIRED_UNREAD:
        return "expired_unread";
    }
    return "unknown";
}

const char *report_state(zg_conversation_state state)
{
    switch (state) {
    case ZG_CONVERSATION_KNOCKING:
        return "knocking";
    case ZG_CONVERSATION_WAITING:
        return "waits for an answer";
    case ZG_CONVERSATION_OPEN:
        return "open";
    case ZG_CONVERSATION_ENDED:
        return "ended by the other side";
    case ZG_CONVERSATION_ERASING:
        return "being erased";
    case ZG_CONVERSATION_LOOKING:
        return "nothing was sent yet";
    }
    return "";
}

/* --- JSON --- */

static void add_string(struct text *out, const char *key, const char *value)
{
    text_format(out, ",\"%s\":", key);
    text_add_json(out, value, strlen(value));
}

static void add_id(struct text *out, const char *key, const zg_id *id)
{
    char hex[HEX_BYTES];
    sodium_bin2hex(hex, sizeof(hex), id->b, sizeof(id->b));
    add_string(out, key, hex);
}

static void add_id_if_any(struct text *out, const char *key, const zg_id *id)
{
    if (!sodium_is_zero(id->b, sizeof(id->b)))
        add_id(out, key, id);
}

static void add_safety(struct text *out, const zg_conversation *c, const char *language)
{
    add_string(out, "safety", safety_name(c->safety));
    if (c->safety != ZG_SAFETY_WORDS && c->safety != ZG_SAFETY_COMPARED)
        return;
    text_add(out, ",\"words\":[");
    for (size_t i = 0; i < sizeof(c->safety_words); i++) {
        const char *word = zg_safety_word(language, c->safety_words[i]);
        text_add(out, i == 0 ? "" : ",");
        text_add_json(out, word, strlen(word));
    }
    text_add(out, "]");
}

static const char *kind_name(zg_message_kind kind)
{
    switch (kind) {
    case ZG_MESSAGE_TEXT:
        return "text";
    case ZG_MESSAGE_JPEG:
        return "jpeg";
    case ZG_MESSAGE_VOICE_WEBM:
        return "voice_webm";
    case ZG_MESSAGE_VOICE_MP4:
        return "voice_mp4";
    }
    return "unknown";
}

static void add_message(struct text *out, const zg_message *m)
{
    add_id(out, "message", &m->id);
    text_format(out, ",\"own\":%s", m->own ? "true" : "false");
    add_string(out, "state", message_state_name(m->state));
    if (m->newer_version)
        text_add(out, ",\"newer_version\":true");
    if (m->data != NULL) {
        add_string(out, "kind", kind_name(m->kind));
        text_format(out, ",\"bytes\":%zu", m->data_len);
    }
    text_add(out, ",\"text\":");
    text_add_json(out, m->text, m->text_len);
    text_format(out, ",\"lifetime_s\":%" PRIu32, m->lifetime_s);
    add_string(out, "after", m->from == ZG_AFTER_READ ? "read" : "sent");
    text_format(out, ",\"sent_utc_ms\":%" PRIu64 ",\"expires_utc_ms\":%" PRIu64, m->sent_utc_ms, m->expires_utc_ms);
}

static void add_conversation_parts(struct text *out, const zg_client *c, const zg_event *e, const char *language)
{
    zg_conversation k;
    zg_message m;
    if (e->kind == ZG_EVENT_MESSAGE && zg_client_message(c, &e->conversation, &e->message, &m) == ZG_OK)
        add_message(out, &m);
    else
        add_id_if_any(out, "message", &e->message);
    if (e->kind != ZG_EVENT_ACCEPTED && e->kind != ZG_EVENT_SAFETY)
        return;
    if (zg_client_conversation(c, &e->conversation, &k) != ZG_OK)
        return;
    if (e->kind == ZG_EVENT_ACCEPTED)
        add_string(out, "alias", k.alias);
    else
        add_safety(out, &k, language);
}

void report_event_json(struct text *out, const zg_client *c, const zg_event *e, const char *language)
{
    text_format(out, "{\"event\":\"%s\"", event_name(e->kind));
    add_id_if_any(out, "conversation", &e->conversation);
    add_conversation_parts(out, c, e, language);
    if (e->kind == ZG_EVENT_PUZZLE)
        text_format(out, ",\"effort\":%" PRIu32, e->value);
    if (e->kind == ZG_EVENT_SENT || e->kind == ZG_EVENT_KNOCK_SENT)
        text_format(out, ",\"lifetime_s\":%" PRIu32, e->value);
    if (e->err != ZG_OK)
        add_string(out, "error", zg_err_name(e->err));
    text_add(out, "}\n");
}

void report_message_json(struct text *out, const zg_id *conversation, const zg_message *m)
{
    text_add(out, "{\"event\":\"message\"");
    add_id(out, "conversation", conversation);
    add_message(out, m);
    text_add(out, "}\n");
}

unsigned report_count_expired_unread(const zg_client *c, const zg_id *conversation)
{
    unsigned n = 0;
    zg_message m;
    for (size_t i = 0; zg_client_message_at(c, conversation, i, &m); i++)
        n += m.state == ZG_MESSAGE_EXPIRED_UNREAD;
    return n;
}

void report_conversation_json(struct text *out, const zg_client *client, const zg_conversation *c, const char *language)
{
    text_add(out, "{\"event\":\"conversation\"");
    add_id(out, "conversation", &c->id);
    add_string(out, "state", state_name(c->state));
    if (c->alias[0] != '\0')
        add_string(out, "alias", c->alias);
    add_safety(out, c, language);
    text_format(out, ",\"messages\":%" PRIu32 ",\"unread\":%" PRIu32 ",\"expired_unread\":%u,\"last_utc_ms\":%" PRIu64 "}\n",
                c->messages, c->unread, report_count_expired_unread(client, &c->id), c->last_utc_ms);
}

void report_note_json(struct text *out, const zg_id *conversation, const char *text)
{
    text_add(out, "{\"event\":\"note\"");
    add_id(out, "conversation", conversation);
    add_string(out, "text", text);
    text_add(out, "}\n");
}

void report_notice_json(struct text *out, const zg_id *conversation, const zg_notice *n)
{
    static const char *const states[] = {"", "on_duty", "away", "ended"};
    text_add(out, "{\"event\":\"notice\"");
    add_id(out, "conversation", conversation);
    add_string(out, "state", n->state >= 1 && n->state <= 3 ? states[n->state] : "unknown");
    text_format(out, ",\"written_utc_s\":%" PRIu64, n->written_utc_s);
    add_string(out, "text", n->text);
    text_add(out, "}\n");
}

void report_error_json(struct text *out, zg_err err, const char *what)
{
    text_format(out, "{\"event\":\"error\",\"error\":\"%s\"", zg_err_name(err));
    add_string(out, "text", what);
    text_add(out, "}\n");
}

/* --- words --- */

void report_safety_words(struct text *out, const zg_conversation *c, const char *language)
{
    for (size_t i = 0; i < sizeof(c->safety_words); i++) {
        text_add(out, i == 0 ? "" : " ");
        text_add(out, zg_safety_word(language, c->safety_words[i]));
    }
}

static void safety_sentence(struct text *out, const zg_client *c, const zg_event *e, const char *language)
{
    zg_conversation k;
    if (e->err != ZG_OK) {
        text_add(out, "the safety words cannot be trusted: somebody may stand between. Do not go on here.");
    } else if (zg_client_conversation(c, &e->conversation, &k) == ZG_OK && k.safety == ZG_SAFETY_WORDS) {
        text_add(out, "safety words: ");
        report_safety_words(out, &k, language);
        text_add(out, ". The other side must have the same four; say /compared when they agree.");
    }
}

static void accepted_sentence(struct text *out, const zg_client *c, const zg_event *e)
{
    zg_conversation k;
    if (zg_client_conversation(c, &e->conversation, &k) != ZG_OK)
        return;
    text_add_clean(out, k.alias, strlen(k.alias));
    text_add(out, " is here");
}

const char report_expired_unread[] = "a message of yours was not read in time; it is gone";

bool report_is_stub(const zg_message *m)
{
    return m->state == ZG_MESSAGE_EXPIRED_UNREAD && m->text_len == 0 && m->data == NULL;
}

bool report_tried_again(zg_err err)
{
    return err == ZG_ERR_BUSY || err == ZG_ERR_FULL || err == ZG_ERR_NETWORK;
}

static void not_sent_sentence(struct text *out, const zg_event *e)
{
    text_format(out, "not sent%s: %s", report_tried_again(e->err) ? " yet" : "", zg_err_text(e->err));
}

void report_body(struct text *out, const zg_message *m)
{
    char hex[HEX_BYTES];
    if (m->newer_version) {
        text_add(out, "(needs a newer version of this program)");
    } else if (report_is_stub(m)) {
        text_add(out, "(not read in time; it is gone)");
    } else if (m->data == NULL) {
        text_add_clean(out, m->text, m->text_len);
    } else {
        sodium_bin2hex(hex, sizeof(hex), m->id.b, sizeof(m->id.b));
        text_format(out, "[%s, %zu KB: /save %.6s FILE]", attachment_name(m->kind), (m->data_len + 999) / 1000, hex);
    }
}

void report_event_words(struct text *out, const zg_client *c, const zg_event *e, const char *language)
{
    switch (e->kind) {
    case ZG_EVENT_DISCONNECTED:
        text_format(out, "no connection: %s; it will be tried again", zg_err_text(e->err));
        break;
    case ZG_EVENT_CONNECTED:
        text_add(out, "connected");
        break;
    case ZG_EVENT_KNOCK:
        text_add(out, "somebody knocks");
        break;
    case ZG_EVENT_KNOCK_SENT:
        text_add(out, "your words wait at the desk");
        break;
    case ZG_EVENT_KNOCK_FAILED:
        text_format(out, "this did not work: %s", zg_err_text(e->err));
        break;
    case ZG_EVENT_PUZZLE:
        text_add(out, "many people write just now; this device has to work a moment first");
        break;
    case ZG_EVENT_ACCEPTED:
        accepted_sentence(out, c, e);
        break;
    case ZG_EVENT_SENT:
        text_add(out, "sent");
        break;
    case ZG_EVENT_NOT_SENT:
        not_sent_sentence(out, e);
        break;
    case ZG_EVENT_EXPIRED:
        text_add(out, "a message is gone");
        break;
    case ZG_EVENT_SAFETY:
        safety_sentence(out, c, e, language);
        break;
    case ZG_EVENT_ENDED:
        text_add(out, "the other side ended the conversation");
        break;
    case ZG_EVENT_ERASED:
        text_add(out, "erased");
        break;
    case ZG_EVENT_STORAGE:
        text_format(out, "the vault cannot be written: %s", zg_err_text(e->err));
        break;
    case ZG_EVENT_DESK_READY:
        text_add(out, "the desk is ready");
        break;
    case ZG_EVENT_DESK_FAILED:
        text_format(out, "the desk could not be set up: %s", zg_err_text(e->err));
        break;
    case ZG_EVENT_DISPLACED:
        text_add(out, "another program reads this now");
        break;
    case ZG_EVENT_EXPIRED_UNREAD:
        text_add(out, report_expired_unread);
        break;
    case ZG_EVENT_RELAY_WENT_BACK:
        text_add(out, "the relay seems to have been put back to an older state: what it took since then may be lost. Ask, and "
                      "write again what matters");
        break;
    case ZG_EVENT_READY:
    case ZG_EVENT_FAILED:
    case ZG_EVENT_MESSAGE:
    case ZG_EVENT_LOCKER_READY: /* return phrases: not in this program */
    case ZG_EVENT_LOCKER_LOST:
    case ZG_EVENT_RETURNED:
    case ZG_EVENT_RETURN_FAILED:
    case ZG_EVENT_CLOSED:
    case ZG_EVENT_LOOKED:
        break;
    }
}

void report_say(const zg_client *c, const zg_event *e)
{
    struct text words = TEXT_INIT;
    report_event_words(&words, c, e, "en");
    if (words.len > 0)
        say("%s", words.at);
    text_clear(&words);
}
