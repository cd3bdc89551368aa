#include "client/cli/editor.h"

#include <sodium.h>

enum { CTRL_D = 4, CTRL_H = 8, CTRL_L = 12, CTRL_U = 21, CTRL_W = 23, ESC = 27, DEL = 127 };

bool editor_init(struct editor *e)
{
    e->text = sodium_malloc(EDITOR_CAP);
    e->len = 0;
    e->state = PLAIN;
    if (e->text == NULL)
        return false;
    e->text[0] = '\0';
    return true;
}

void editor_clear(struct editor *e)
{
    sodium_free(e->text); /* wipes */
    e->text = NULL;
}

static void cut(struct editor *e, size_t len)
{
    sodium_memzero(e->text + len, e->len - len);
    e->len = len;
}

void editor_take_line(struct editor *e)
{
    cut(e, 0);
}

static size_t before_character(const struct editor *e)
{
    size_t at = e->len;
    while (at > 0 && ((unsigned char)e->text[--at] & 0xc0) == 0x80)
        ;
    return at;
}

static size_t before_word(const struct editor *e)
{
    size_t at = e->len;
    while (at > 0 && e->text[at - 1] == ' ')
        at--;
    while (at > 0 && e->text[at - 1] != ' ')
        at--;
    return at;
}

/* Arrow keys and the like: there is nothing to move about, so they are taken out whole. */
static enum editor_key escape(struct editor *e, char c)
{
    if (e->state == ESCAPE)
        e->state = c == '[' || c == 'O' ? SEQUENCE : PLAIN;
    else if (c >= 0x40 && c <= 0x7e)
        e->state = PLAIN;
    return EDITOR_NOTHING;
}

enum editor_key editor_key(struct editor *e, char c)
{
    if (e->state != PLAIN)
        return escape(e, c);
    switch (c) {
    case '\r':
    case '\n':
        return EDITOR_LINE;
    case CTRL_D:
        return e->len == 0 ? EDITOR_QUIT : EDITOR_NOTHING;
    case CTRL_L:
        return EDITOR_REDRAW;
    case CTRL_H:
    case DEL:
        cut(e, before_character(e));
        return EDITOR_CHANGED;
    case CTRL_U:
        cut(e, 0);
        return EDITOR_CHANGED;
    case CTRL_W:
        cut(e, before_word(e));
        return EDITOR_CHANGED;
    case ESC:
        e->state = ESCAPE;
        return EDITOR_NOTHING;
    default:
        break;
    }
    if ((unsigned char)c < ' ' || e->len + 1 == EDITOR_CAP)
        return EDITOR_NOTHING;
    e->text[e->len++] = c;
    e->text[e->len] = '\0';
    return EDITOR_CHANGED;
}
