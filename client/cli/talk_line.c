/* What a person types in a conversation: words to send, or a command. */
#define _POSIX_C_SOURCE 200809L

#include <sodium.h>
#include <string.h>

#include "client/cli/attachment.h"
#include "client/cli/report.h"
#include "client/cli/talk.h"

static const char help[] = "/words  /compared  /lifetime 5s|10m|24h|7d [sent|read]  /limit TIME  /note TEXT  /erase  /quit  (//x sends /x)"
                           "  /file PATH sends a picture or a voice note  /save NAME PATH keeps one";

static void knock(struct talk *t, const char *text, size_t len)
{
    size_t first = len;
    size_t most = zg_knock_text_max();
    if (first > most) { /* what does not fit follows as a message, which waits for the answer */
        first = most;
        while (first > 0 && ((unsigned char)text[first] & 0xc0) == 0x80)
            first--;
    }
    zg_err err = zg_client_knock(t->session.client, t->card->at, t->card->len, text, first, &t->send, &t->conversation,
                                 session_now(&t->session));
    if (err != ZG_OK) {
        talk_error(t, err, "this cannot be sent");
        return;
    }
    t->has_conversation = true;
    talk_limit(t);
    secret_line_clear(t->card);
    if (first < len)
        talk_line(t, text + first, len - first);
}

static void send_text(struct talk *t, const char *text, size_t len)
{
    if (len == 0)
        return;
    if (!t->has_conversation) {
        knock(t, text, len);
        return;
    }
    zg_err err = zg_client_send(t->session.client, &t->conversation, text, len, &t->send, NULL, session_now(&t->session));
    if (err != ZG_OK)
        talk_error(t, err, "not sent");
}

/* --- commands --- */

static void say_words(struct talk *t, const char *argument)
{
    const zg_event again = {.kind = ZG_EVENT_SAFETY, .conversation = t->conversation};
    zg_conversation c;
    (void)argument;
    if (zg_client_conversation(t->session.client, &t->conversation, &c) != ZG_OK || c.safety == ZG_SAFETY_NONE) {
        talk_error(t, ZG_ERR_STATE, "there are no safety words yet");
    } else if (t->mode == TALK_JSON) {
        talk_show_event(t, &again);
    } else {
        struct text words = TEXT_INIT;
        report_safety_words(&words, &c, t->common->language);
        talk_note(t, "safety words: %s", words.at);
        text_clear(&words);
    }
}

static void compared(struct talk *t, const char *argument)
{
    (void)argument;
    zg_err err = zg_client_safety_compared(t->session.client, &t->conversation, session_now(&t->session));
    if (err != ZG_OK)
        talk_error(t, err, "/compared");
    else
        talk_note(t, "noted: the safety words agree");
}

static void lifetime(struct talk *t, const char *argument)
{
    char value[16];
    const char *space = strchr(argument, ' ');
    size_t len = space != NULL ? (size_t)(space - argument) : strlen(argument);
    const char *from = space != NULL ? space + 1 : "read";
    uint32_t seconds;
    if (len >= sizeof(value))
        len = 0;
    memcpy(value, argument, len);
    value[len] = '\0';
    if (!duration_parse(value, &seconds) || (strcmp(from, "sent") != 0 && strcmp(from, "read") != 0)) {
        talk_error(t, ZG_ERR_ARGUMENT, "/lifetime takes 5s, 10m, 24h or 7d, and perhaps sent or read");
        return;
    }
    t->send.lifetime_s = seconds;
    t->send.from = strcmp(from, "sent") == 0 ? ZG_AFTER_SENT : ZG_AFTER_READ;
    talk_note(t, "your next messages are gone %s after they were %s", value, from);
}

static void limit(struct talk *t, const char *argument)
{
    if (!duration_parse(argument, &t->limit_s)) {
        talk_error(t, ZG_ERR_ARGUMENT, "/limit takes 5s, 10m, 24h or 7d, at most 30d");
        return;
    }
    if (t->has_conversation)
        talk_limit(t);
    talk_note(t, "nothing of this conversation stays here longer than %s after it was read or sent", argument);
}

static void send_file(struct talk *t, const char *path)
{
    struct attachment a;
    const char *why = attachment_read(&a, path);
    if (why != NULL) {
        talk_error(t, ZG_ERR_ARGUMENT, why);
        return;
    }
    zg_err err = zg_client_send_data(t->session.client, &t->conversation, a.kind, a.bytes, a.len, &t->send, NULL,
                                     session_now(&t->session));
    if (err == ZG_ERR_STATE)
        talk_error(t, err, "answer with words first; a picture or a voice note can follow");
    else if (err != ZG_OK)
        talk_error(t, err, "not sent");
    else if (a.kind != ZG_MESSAGE_JPEG)
        talk_note(t,
                  "a voice note goes as it is: a title, the place and the time of recording may stand in it");
    attachment_clear(&a);
}

/* The picture or voice note whose id begins so; false: there is none, or more than one. */
static bool find_data(struct talk *t, const char *prefix, size_t len, zg_message *out)
{
    char hex[2 * ZG_ID_BYTES + 1];
    zg_message m;
    unsigned found = 0;
    for (size_t i = 0; len > 0 && zg_client_message_at(t->session.client, &t->conversation, i, &m); i++) {
        sodium_bin2hex(hex, sizeof(hex), m.id.b, sizeof(m.id.b));
        if (m.data == NULL || len >= sizeof(hex) || strncmp(hex, prefix, len) != 0)
            continue;
        *out = m;
        found++;
    }
    return found == 1;
}

static void save(struct talk *t, const char *argument)
{
    const char *space = strchr(argument, ' ');
    zg_message m;
    if (space == NULL || space[1] == '\0') {
        talk_error(t, ZG_ERR_ARGUMENT, "/save takes the name that stands beside the picture or voice note, and a file");
        return;
    }
    if (!find_data(t, argument, (size_t)(space - argument), &m)) {
        talk_error(t, ZG_ERR_NOT_FOUND, "nothing here has this name (any more)");
        return;
    }
    const char *why = attachment_save(space + 1, m.data, m.data_len);
    if (why != NULL)
        talk_error(t, ZG_ERR_ARGUMENT, why);
    else
        talk_note(t, "saved: this file does not disappear by itself, and was made on another device; delete it when you can");
}

/* Without words the note is shown; "-" takes it away. */
static void set_note(struct talk *t, const char *argument)
{
    zg_err err = ZG_OK;
    if (argument[0] != '\0')
        err = zg_client_note_set(t->session.client, &t->conversation, strcmp(argument, "-") == 0 ? "" : argument,
                                 session_now(&t->session));
    if (err == ZG_ERR_STATE)
        talk_error(t, err, "a note is kept once the conversation is answered");
    else if (err == ZG_ERR_TOO_LARGE)
        talk_error(t, ZG_ERR_ARGUMENT, "a note has at most 200 bytes");
    else if (err != ZG_OK)
        talk_error(t, err, "/note");
    else if (zg_client_note_get(t->session.client, &t->conversation)[0] == '\0')
        talk_note(t, "there is no note");
    else
        talk_show_note(t);
}

static void erase(struct talk *t, const char *argument)
{
    (void)argument;
    talk_erase(t);
}

static void quit(struct talk *t, const char *argument)
{
    (void)argument;
    talk_finish(t);
}

static void show_help(struct talk *t, const char *argument)
{
    (void)argument;
    talk_note(t, "%s", help);
}

static const struct command {
    const char *name;
    bool needs_conversation;
    void (*run)(struct talk *t, const char *argument);
} commands[] = {
    {"words", true, say_words}, {"compared", true, compared}, {"lifetime", false, lifetime},
    {"limit", false, limit},    {"note", true, set_note},
    {"file", true, send_file},  {"save", true, save},
    {"erase", true, erase},     {"quit", false, quit},        {"help", false, show_help},
};

static void command(struct talk *t, const char *line)
{
    const char *space = strchr(line, ' ');
    size_t len = space != NULL ? (size_t)(space - line) : strlen(line);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strlen(commands[i].name) != len || strncmp(commands[i].name, line, len) != 0)
            continue;
        if (commands[i].needs_conversation && !t->has_conversation)
            talk_error(t, ZG_ERR_STATE, "there is no conversation yet");
        else
            commands[i].run(t, space != NULL ? space + 1 : "");
        return;
    }
    talk_error(t, ZG_ERR_ARGUMENT, help);
}

void talk_line(struct talk *t, const char *line, size_t len)
{
    bool doubled = len >= 2 && line[0] == '/' && line[1] == '/';
    if (doubled)
        send_text(t, line + 1, len - 1);
    else if (len > 0 && line[0] == '/')
        command(t, line + 1);
    else
        send_text(t, line, len);
}
