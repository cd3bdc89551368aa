#define _DEFAULT_SOURCE

#include "client/cli/screen.h"

#include "client/cli/report.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define ENTER "\x1b[?1049h\x1b[2J\x1b[H"
#define LEAVE "\x1b[2J\x1b[3J\x1b[H\x1b[?1049l"
#define HOME "\x1b[H"
#define END_OF_LINE "\x1b[K\r\n"
#define REST_OF_SCREEN "\x1b[J"

enum { ROWS_MAX = 500, COLUMNS_MAX = 500, INDENT = 2 };

/* --- the terminal --- */

bool screen_enter(struct screen *s)
{
    struct text out = TEXT_INIT;
    if (tcgetattr(STDIN_FILENO, &s->before) != 0)
        return false;
    struct termios keys = s->before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ECHONL | IEXTEN);
    keys.c_iflag &= ~(tcflag_t)(IXON);
    keys.c_cc[VSUSP] = _POSIX_VDISABLE;
    keys.c_cc[VQUIT] = _POSIX_VDISABLE;
    keys.c_cc[VMIN] = 1;
    keys.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &keys) != 0)
        return false;
    s->entered = true;
    text_add(&out, ENTER);
    text_flush(&out, STDOUT_FILENO);
    text_clear(&out);
    return true;
}

void screen_leave(struct screen *s)
{
    struct text out = TEXT_INIT;
    screen_forget_notes(s);
    if (!s->entered)
        return;
    s->entered = false;
    text_add(&out, LEAVE);
    text_flush(&out, STDOUT_FILENO);
    text_clear(&out);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

static void size_of_terminal(size_t *rows, size_t *columns)
{
    struct winsize w = {0};
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0;
    *rows = known ? w.ws_row : 24;
    *columns = known ? w.ws_col : 80;
    if (*rows > ROWS_MAX)
        *rows = ROWS_MAX;
    if (*columns > COLUMNS_MAX)
        *columns = COLUMNS_MAX;
}

/* --- notes --- */

void screen_forget_notes(struct screen *s)
{
    for (int i = 0; i < SCREEN_NOTES; i++)
        text_clear(&s->notes[i]);
}

void screen_note(struct screen *s, const char *note)
{
    text_clear(&s->notes[0]);
    memmove(&s->notes[0], &s->notes[1], sizeof(s->notes[0]) * (SCREEN_NOTES - 1));
    s->notes[SCREEN_NOTES - 1] = (struct text)TEXT_INIT;
    text_add(&s->notes[SCREEN_NOTES - 1], note);
}

/* --- rows: the last ones that fit --- */

struct row {
    size_t at; /* in words */
    size_t len;
    size_t indent;
};

struct page {
    struct text words;
    struct row rows[ROWS_MAX];
    size_t first;
    size_t count;
    size_t columns;
};

static void add_row(struct page *p, size_t at, size_t len, size_t indent)
{
    if (p->count == ROWS_MAX) {
        p->first = (p->first + 1) % ROWS_MAX;
        p->count--;
    }
    p->rows[(p->first + p->count++) % ROWS_MAX] = (struct row){at, len, indent};
}

/* Where the row that starts at `at` must end; *next: where the next one starts. */
static size_t break_row(const char *s, size_t len, size_t columns, size_t *next)
{
    size_t used = 0;
    size_t space = 0;
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t c;
        n = utf8_next(s + i, len - i, &c);
        if (c == '\n') {
            *next = i + 1;
            return i;
        }
        if (c == ' ')
            space = i;
        used += (size_t)character_width(c);
        if (used > columns) {
            bool at_space = space > 0;
            *next = at_space ? space + 1 : i;
            return at_space ? space : i;
        }
    }
    *next = len;
    return len;
}

/* Cleaned words as rows; the first without indent. */
static void add_words(struct page *p, size_t from)
{
    size_t indent = 0;
    size_t at = from;
    do {
        size_t next;
        size_t len = break_row(p->words.at + at, p->words.len - at, p->columns - indent, &next);
        add_row(p, at, len, indent);
        at += next;
        indent = INDENT;
    } while (at < p->words.len);
}

/* --- what stands there --- */

static void add_clock(struct text *out, uint64_t utc_ms)
{
    time_t t = (time_t)(utc_ms / 1000);
    struct tm local;
    if (localtime_r(&t, &local) != NULL)
        text_format(out, "%02d:%02d", local.tm_hour, local.tm_min);
}

static void add_expiry(struct text *out, const zg_message *m, uint64_t utc_ms)
{
    char left[24];
    if (m->expires_utc_ms == 0) {
        duration_text(left, (uint64_t)m->lifetime_s * 1000);
        text_format(out, "gone %s after it is read", left);
    } else {
        duration_text(left, m->expires_utc_ms > utc_ms ? m->expires_utc_ms - utc_ms : 0);
        text_format(out, "gone in %s", left);
    }
}

static void add_message(struct page *p, const zg_message *m, const char *name, uint64_t utc_ms)
{
    size_t from = p->words.len;
    add_clock(&p->words, m->sent_utc_ms);
    text_add(&p->words, " ");
    text_add(&p->words, m->own ? "me" : name); /* rows that go on are indented: a line end cannot pose as a name */
    text_add(&p->words, ": ");
    report_body(&p->words, m);
    if (report_is_stub(m)) {
        add_words(p, from);
        return;
    }
    text_add(&p->words, "  [");
    add_expiry(&p->words, m, utc_ms);
    if (m->own && m->state == ZG_MESSAGE_WAITING)
        text_add(&p->words, ", waiting to be sent");
    else if (m->own && m->state == ZG_MESSAGE_NOT_SENT)
        text_add(&p->words, ", NOT SENT");
    else if (m->own && m->state == ZG_MESSAGE_EXPIRED_UNREAD)
        text_add(&p->words, ", not read in time");
    text_add(&p->words, "]");
    add_words(p, from);
}

static const char *safety_word_of_state(zg_safety_state s)
{
    switch (s) {
    case ZG_SAFETY_COMPARED:
        return "safety words compared";
    case ZG_SAFETY_MISMATCH:
        return "SAFETY WORDS DO NOT AGREE";
    case ZG_SAFETY_WORDS:
    case ZG_SAFETY_NONE:
        break;
    }
    return "safety words not yet compared";
}

static void add_title(struct text *out, const struct screen_view *v, const zg_conversation *c)
{
    if (v->conversation == NULL) {
        text_add(out, v->title);
    } else {
        text_add_clean(out, c->alias, strlen(c->alias));
        text_format(out, "%s%s, %s", c->alias[0] != '\0' ? ", " : "",
                    c->state == ZG_CONVERSATION_OPEN ? "conversation" : c->state == ZG_CONVERSATION_ENDED
                    ? "the other side ended it" : c->state == ZG_CONVERSATION_WAITING
                    ? "your first message accepts this knock" : "nobody has answered yet",
                    safety_word_of_state(c->safety));
    }
    if (v->conversation != NULL && !v->connected)
        text_add(out, ", no connection");
}

static void fill(struct page *p, struct screen *s, const struct screen_view *v, const zg_conversation *c)
{
    struct text name = TEXT_INIT;
    zg_message m;
    text_add_clean(&name, c->alias, strlen(c->alias));
    if (name.len == 0)
        text_add(&name, "participant");
    for (size_t i = 0; v->conversation != NULL && zg_client_message_at(v->client, v->conversation, i, &m); i++)
        add_message(p, &m, name.at, v->utc_ms);
    text_clear(&name);
    for (int i = 0; i < SCREEN_NOTES; i++) {
        if (s->notes[i].len == 0)
            continue;
        size_t from = p->words.len;
        text_add(&p->words, "* ");
        text_add(&p->words, s->notes[i].at);
        add_words(p, from);
    }
}

/* The end of the line that is being typed, as much as fits. */
static void add_typed(struct text *out, const struct editor *e, size_t columns)
{
    struct text clean = TEXT_INIT;
    size_t at = 0;
    size_t used = 0;
    text_add_clean(&clean, e->text, e->len);
    for (size_t i = 0, n; i < clean.len; i += n) {
        uint32_t c;
        n = utf8_next(clean.at + i, clean.len - i, &c);
        used += (size_t)character_width(c);
        while (used > columns) {
            at += utf8_next(clean.at + at, clean.len - at, &c);
            used -= (size_t)character_width(c);
        }
    }
    text_add(out, "> ");
    if (clean.len > at)
        text_add_bytes(out, clean.at + at, clean.len - at);
    text_clear(&clean);
}

static void add_rows(struct text *out, const struct page *p, size_t room)
{
    static const char spaces[INDENT + 1] = "  ";
    size_t skip = p->count > room ? p->count - room : 0;
    for (size_t i = skip; i < p->count; i++) {
        const struct row *r = &p->rows[(p->first + i) % ROWS_MAX];
        text_add_bytes(out, spaces, r->indent);
        text_add_bytes(out, p->words.at + r->at, r->len);
        text_add(out, END_OF_LINE);
    }
    for (size_t i = p->count - skip; i < room; i++)
        text_add(out, END_OF_LINE);
}

/* Below the title, in a row of its own. */
static void add_note(struct text *out, const struct screen_view *v, size_t columns)
{
    struct text clean = TEXT_INIT;
    size_t next;
    const char *note = v->conversation == NULL ? NULL : zg_client_note_get(v->client, v->conversation);
    if (note == NULL || note[0] == '\0')
        return;
    text_add(&clean, "your note: ");
    text_add_clean(&clean, note, strlen(note));
    text_add_bytes(out, clean.at, break_row(clean.at, clean.len, columns, &next));
    text_clear(&clean);
}

static void compose(struct text *out, struct screen *s, const struct screen_view *v, struct page *p)
{
    size_t rows;
    zg_conversation c = {.alias = ""};
    struct text title = TEXT_INIT;
    size_of_terminal(&rows, &p->columns);
    if (p->columns < 20)
        p->columns = 20;
    if (v->conversation != NULL && zg_client_conversation(v->client, v->conversation, &c) != ZG_OK)
        c.alias[0] = '\0';

    add_title(&title, v, &c);
    fill(p, s, v, &c);
    size_t next;
    text_add(out, HOME);
    text_add_bytes(out, title.at, break_row(title.at, title.len, p->columns, &next));
    text_add(out, END_OF_LINE);
    add_note(out, v, p->columns);
    text_add(out, END_OF_LINE);
    add_rows(out, p, rows > 4 ? rows - 4 : 0);
    text_add(out, END_OF_LINE);
    add_typed(out, v->editor, p->columns - 3);
    text_add(out, REST_OF_SCREEN);
    text_clear(&title);
}

void screen_draw(struct screen *s, const struct screen_view *v, bool all)
{
    uint8_t hash[sizeof(s->shown)];
    struct text out = TEXT_INIT;
    struct page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return;
    compose(&out, s, v, p);
    /* Only a hash of what is shown is kept: the words themselves are in the client, as long as they may be. */
    crypto_generichash(hash, sizeof(hash), (const uint8_t *)out.at, out.len, NULL, 0);
    if (all || memcmp(hash, s->shown, sizeof(hash)) != 0) {
        memcpy(s->shown, hash, sizeof(hash));
        text_flush(&out, STDOUT_FILENO);
    }
    text_clear(&out);
    text_clear(&p->words);
    free(p);
}
