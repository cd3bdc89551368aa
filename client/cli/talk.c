#define _POSIX_C_SOURCE 200809L

#include "client/cli/talk.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/report.h"

enum { LAST_MESSAGES_MS = 30 * 1000, TICK_MS = 1000 };

static struct talk *talk_of(struct session *s)
{
    return s->ctx;
}

/* --- showing --- */

static void draw(struct talk *t, bool all)
{
    if (!t->screen.entered)
        return;
    screen_draw(&t->screen,
                &(struct screen_view){
                    .client = t->session.client,
                    .conversation = t->has_conversation ? &t->conversation : NULL,
                    .title = "Write your first message. It goes to the desk of this card.",
                    .language = t->common->language,
                    .editor = &t->editor,
                    .connected = t->session.connected,
                    .utc_ms = session_now(&t->session).utc_ms,
                },
                all);
}

void talk_show(struct talk *t)
{
    if (t->mode == TALK_SCREEN)
        draw(t, false);
    else if (t->out.len > 0 && !text_flush(&t->out, STDOUT_FILENO))
        session_end(&t->session, FAILED); /* nobody reads any more */
}

static void note(struct talk *t, const char *words)
{
    if (t->mode == TALK_SCREEN) {
        screen_note(&t->screen, words);
    } else if (t->mode == TALK_PLAIN) {
        text_add(&t->out, "* ");
        text_add(&t->out, words);
        text_add(&t->out, "\n");
    }
}

void talk_note(struct talk *t, const char *format, ...)
{
    char words[512];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    note(t, words);
}

void talk_error(struct talk *t, zg_err err, const char *what)
{
    if (t->mode == TALK_JSON)
        report_error_json(&t->out, err, what);
    else if (err == ZG_ERR_STATE || err == ZG_ERR_ARGUMENT)
        talk_note(t, "%s", what);
    else
        talk_note(t, "%s: %s", what, zg_err_text(err));
}

/* "< " before each line: a line end inside a message cannot pose as something else. */
static void add_plain_message(struct text *out, const zg_message *m)
{
    struct text clean = TEXT_INIT;
    const char *mark = m->own ? "> " : "< ";
    report_body(&clean, m);
    text_add(out, mark);
    for (size_t i = 0; i < clean.len; i++) {
        text_add_bytes(out, &clean.at[i], 1);
        if (clean.at[i] == '\n')
            text_add(out, mark);
    }
    text_add(out, "\n");
    text_clear(&clean);
}

/* What was shown has been read: from now on its time runs. */
static void mark_read(struct talk *t, const zg_message *m)
{
    bool waits = m->own ? m->state == ZG_MESSAGE_EXPIRED_UNREAD : m->state == ZG_MESSAGE_RECEIVED;
    if (waits && zg_client_read(t->session.client, &t->conversation, &m->id, session_now(&t->session)) != ZG_OK)
        talk_note(t, "this message could not be marked as read");
}

static void show_message(struct talk *t, const zg_id *id)
{
    zg_message m;
    if (zg_client_message(t->session.client, &t->conversation, id, &m) != ZG_OK)
        return;
    if (t->mode == TALK_PLAIN)
        add_plain_message(&t->out, &m);
    else if (t->mode == TALK_JSON)
        report_message_json(&t->out, &t->conversation, &m);
    mark_read(t, &m);
}

void talk_show_kept(struct talk *t)
{
    zg_message m;
    for (size_t i = 0; zg_client_message_at(t->session.client, &t->conversation, i, &m); i++) {
        const zg_id id = m.id;
        show_message(t, &id);
    }
}

static void show_notice(struct talk *t)
{
    static const char *const states[] = {"", "somebody is on duty", "nobody is there just now; your words wait",
                                         "this service has ended"};
    zg_notice n;
    struct text clean = TEXT_INIT;
    if (t->notice_shown || t->prefix != NULL ||
        zg_client_notice(t->session.client, &t->conversation, t->common->language, &n) != ZG_OK)
        return;
    t->notice_shown = true;
    if (t->mode == TALK_JSON) {
        report_notice_json(&t->out, &t->conversation, &n);
    } else {
        text_add(&clean, "the desk: ");
        text_add(&clean, n.state >= 1 && n.state <= 3 ? states[n.state] : "");
        if (n.text[0] != '\0') {
            text_add(&clean, ". ");
            text_add_clean(&clean, n.text, strlen(n.text));
        }
        for (size_t i = 0; i < clean.len; i++)
            if (clean.at[i] == '\n')
                clean.at[i] = ' ';
        note(t, clean.at);
    }
    text_clear(&clean);
}

void talk_show_note(struct talk *t)
{
    const char *text = zg_client_note_get(t->session.client, &t->conversation);
    struct text clean = TEXT_INIT;
    if (text == NULL || text[0] == '\0')
        return;
    text_add_clean(&clean, text, strlen(text));
    if (t->mode == TALK_JSON)
        report_note_json(&t->out, &t->conversation, text);
    else if (t->mode == TALK_PLAIN) /* the screen has it at its top */
        talk_note(t, "your note: %s", clean.at);
    text_clear(&clean);
}

void talk_show_event(struct talk *t, const zg_event *e)
{
    struct text words = TEXT_INIT;
    if (t->mode == TALK_JSON) {
        report_event_json(&t->out, t->session.client, e, t->common->language);
        return;
    }
    /* On the screen the message itself tells whether it was sent. */
    bool seen = t->mode == TALK_SCREEN && (e->kind == ZG_EVENT_SENT || e->kind == ZG_EVENT_EXPIRED ||
                                           e->kind == ZG_EVENT_CONNECTED || e->kind == ZG_EVENT_EXPIRED_UNREAD);
    if (!seen)
        report_event_words(&words, t->session.client, e, t->common->language);
    if (words.len > 0)
        note(t, words.at);
    text_clear(&words);
}

/* Nobody goes above the relay's ceiling, or the own limit. */
static void say_lowered(struct talk *t, const zg_event *e)
{
    char time[24];
    if (e->value == 0 || e->value >= t->send.lifetime_s || e->value == t->lowered_to_s)
        return;
    t->lowered_to_s = e->value;
    duration_text(time, (uint64_t)e->value * 1000);
    talk_note(t, "nothing stays longer than %s here: the relay or your limit allows no more", time);
}

/* --- the end --- */

static void end_saying(struct talk *t, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void end_saying(struct talk *t, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->farewell, sizeof(t->farewell), format, args);
    va_end(args);
    session_end(&t->session, code);
}

/* Own messages that the relay has not accepted yet. */
static unsigned count_unsent(const struct talk *t)
{
    unsigned n = 0;
    zg_message m;
    for (size_t i = 0; t->has_conversation && zg_client_message_at(t->session.client, &t->conversation, i, &m); i++)
        n += m.own && m.state == ZG_MESSAGE_WAITING;
    return n;
}

static void check_finished(struct talk *t)
{
    if (t->erasing || !t->input_ended || count_unsent(t) > 0)
        return;
    if (t->refused)
        session_end(&t->session, NOT_ACCEPTED);
    else if (t->common->wait_s > 0 && t->mode != TALK_SCREEN)
        session_limit(&t->session, (uint64_t)t->common->wait_s * 1000);
    else
        session_end(&t->session, DONE);
}

static void on_late(struct session *s)
{
    struct talk *t = talk_of(s);
    unsigned unsent = count_unsent(t);
    if (t->erasing)
        end_saying(t, NO_RELAY, "erased here; the relay could not be told%s",
                   t->prefix != NULL ? " and is told when zaguan runs next" : "");
    else if (unsent == 0)
        session_end(s, DONE);
    else
        end_saying(t, NO_RELAY, "%u %s not reach the relay in time and %s", unsent,
                   unsent == 1 ? "message did" : "messages did",
                   t->prefix != NULL ? "will be sent when zaguan runs next" : "are forgotten");
}

void talk_finish(struct talk *t)
{
    if (t->input_ended)
        return;
    t->input_ended = true;
    input_close(&t->input);
    if (!t->erasing && count_unsent(t) > 0) {
        talk_note(t, "waiting until your words are at the relay; Ctrl-C leaves at once");
        session_limit(&t->session, LAST_MESSAGES_MS);
    }
    check_finished(t);
}

void talk_limit(struct talk *t)
{
    if (t->limit_s == 0)
        return;
    zg_err err = zg_client_limit(t->session.client, &t->conversation, t->limit_s, session_now(&t->session));
    if (err != ZG_OK)
        talk_error(t, err, "the limit was not set");
}

void talk_erase(struct talk *t)
{
    zg_err err = zg_client_erase(t->session.client, &t->conversation, session_now(&t->session));
    if (err != ZG_OK) {
        talk_error(t, err, "/erase");
        return;
    }
    t->erasing = true;
    screen_forget_notes(&t->screen);
    talk_note(t, "erased here; the relay is told");
    session_limit(&t->session, LAST_MESSAGES_MS);
}

/* --- events --- */

static bool is_ours(const struct talk *t, const zg_event *e)
{
    static const zg_id none;
    if (memcmp(&e->conversation, &none, sizeof(none)) == 0)
        return true;
    return memcmp(&e->conversation, &t->conversation, sizeof(none)) == 0;
}

static bool was_shown(struct talk *t, const zg_event *e)
{
    zg_message m;
    return zg_client_message(t->session.client, &e->conversation, &e->message, &m) != ZG_OK ||
           m.state != ZG_MESSAGE_RECEIVED;
}

static void act_on(struct talk *t, const zg_event *e)
{
    zg_message m;
    switch (e->kind) {
    case ZG_EVENT_SENT:
    case ZG_EVENT_KNOCK_SENT:
        say_lowered(t, e);
        break;
    case ZG_EVENT_EXPIRED_UNREAD:
        if (zg_client_message(t->session.client, &t->conversation, &e->message, &m) == ZG_OK)
            mark_read(t, &m);
        break;
    case ZG_EVENT_NOT_SENT:
        t->refused = t->refused || !report_tried_again(e->err);
        break;
    case ZG_EVENT_KNOCK_FAILED:
        end_saying(t, code_of(e->err), "%s: %s", t->has_conversation ? "the knock did not arrive" : "nothing was sent",
                   zg_err_text(e->err));
        break;
    case ZG_EVENT_ERASED:
        session_end(&t->session, DONE);
        break;
    default:
        break;
    }
}

static void on_event(struct session *s, const zg_event *e)
{
    struct talk *t = talk_of(s);
    if (!is_ours(t, e)) {
        if (e->kind == ZG_EVENT_KNOCK)
            talk_show_event(t, e);
        talk_show(t);
        return;
    }
    show_notice(t);
    if (e->kind != ZG_EVENT_MESSAGE)
        talk_show_event(t, e);
    else if (!was_shown(t, e))
        show_message(t, &e->message);
    act_on(t, e);
    if (!s->ended)
        check_finished(t);
    talk_show(t);
}

/* --- standard input --- */

static void on_line(void *ctx, const char *line, size_t len)
{
    struct talk *t = ctx;
    talk_line(t, line, len);
    talk_show(t);
    session_act(&t->session);
}

static void on_end(void *ctx)
{
    struct talk *t = ctx;
    talk_finish(t);
    talk_show(t);
}

static void on_too_long(void *ctx)
{
    struct talk *t = ctx;
    talk_error(t, ZG_ERR_TOO_LARGE, "not sent");
    talk_show(t);
}

static void on_keys(void *ctx, const char *bytes, size_t len)
{
    struct talk *t = ctx;
    for (size_t i = 0; i < len && t->input.open; i++) {
        enum editor_key key = editor_key(&t->editor, bytes[i]);
        if (key == EDITOR_LINE) {
            talk_line(t, t->editor.text, t->editor.len);
            editor_take_line(&t->editor);
        } else if (key == EDITOR_QUIT) {
            talk_finish(t);
        } else if (key == EDITOR_REDRAW) {
            draw(t, true);
        }
    }
    talk_show(t);
    session_act(&t->session);
}

static bool start_input(struct talk *t)
{
    const struct input_handler h = {
        .line = t->mode == TALK_SCREEN ? NULL : on_line,
        .bytes = on_keys,
        .end = on_end,
        .too_long = on_too_long,
        .ctx = t,
    };
    return input_open(&t->input, &t->session.loop, &h);
}

/* --- the terminal --- */

static void on_tick(uv_timer_t *timer)
{
    draw(timer->data, false);
}

static void on_resized(uv_signal_t *h, int number)
{
    (void)number;
    draw(h->data, true);
}

static bool start_screen(struct talk *t)
{
    if (!editor_init(&t->editor) || !screen_enter(&t->screen))
        return false;
    uv_timer_start(&t->tick, on_tick, TICK_MS, TICK_MS);
    uv_signal_start(&t->resized, on_resized, SIGWINCH);
    return true;
}

/* --- beginning --- */

static void say_limits(struct talk *t)
{
    talk_note(t, "Nobody has to know your name here. What you write is kept in this program only and is gone when it ends.");
    talk_note(t, "It does not help against somebody who sees this screen, a program that watches this device, or photos of it.");
    talk_note(t, "This is not for emergencies: nobody may be reading now. /quit leaves, /erase takes back what you wrote.");
}

/* What the desk says of itself, before her first words. */
static void look(struct talk *t)
{
    zg_err err = zg_client_look(t->session.client, t->card->at, t->card->len, &t->conversation, session_now(&t->session));
    if (err != ZG_OK)
        talk_error(t, err, "the card");
}

static void on_ready(struct session *s)
{
    struct talk *t = talk_of(s);
    int code = DONE;
    t->conversation = s->conversation;
    t->has_conversation = t->prefix != NULL;
    if (t->mode == TALK_SCREEN && !start_screen(t))
        code = complain(FAILED, "the terminal cannot be used; a pipe works too");
    if (code == DONE && !start_input(t))
        code = complain(FAILED, "standard input cannot be read");
    if (code != DONE) {
        session_end(s, code);
        return;
    }
    if (t->prefix == NULL) {
        say_limits(t);
        look(t);
    } else {
        talk_limit(t);
        talk_show_note(t);
        talk_show_kept(t);
    }
    talk_show(t);
}

static void on_ended(struct session *s)
{
    struct talk *t = talk_of(s);
    talk_show(t);
    screen_leave(&t->screen);
    input_close(&t->input);
    uv_close((uv_handle_t *)&t->tick, NULL);
    uv_close((uv_handle_t *)&t->resized, NULL);
}

static const struct session_handler handler = {
    .ready = on_ready,
    .event = on_event,
    .late = on_late,
    .ended = on_ended,
};

int talk_run(const struct talk_options *o)
{
    struct talk t;
    memset(&t, 0, sizeof(t));
    t.common = o->common;
    t.prefix = o->prefix;
    t.card = o->card;
    t.send = o->send;
    t.limit_s = o->limit_s;
    t.mode = o->common->json ? TALK_JSON : isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? TALK_SCREEN : TALK_PLAIN;
    int code = session_open(&t.session, &(struct session_options){
                                            .common = o->common, .handler = &handler, .ctx = &t, .vault = o->vault,
                                            .prefix = o->prefix});
    if (code == DONE) {
        uv_timer_init(&t.session.loop, &t.tick);
        uv_signal_init(&t.session.loop, &t.resized);
        t.tick.data = t.resized.data = &t;
        code = session_run(&t.session);
    }
    if (t.farewell[0] != '\0')
        say("%s", t.farewell);
    editor_clear(&t.editor);
    text_clear(&t.out);
    return code;
}
