/*
 * A conversation on a terminal, on its alternate screen: what has expired is drawn over, and nothing of it is in the
 * terminal's scroll-back. Leaving wipes the screen and puts the terminal right.
 */
#ifndef CLIENT_CLI_SCREEN_H
#define CLIENT_CLI_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include <zaguan/client.h>

#include "client/cli/editor.h"
#include "client/cli/text.h"

enum { SCREEN_NOTES = 4 };

struct screen {
    bool entered;
    struct termios before;
    struct text notes[SCREEN_NOTES]; /* the newest last; the program's own words */
    uint8_t shown[32];               /* hash of what the terminal shows */
};

/* What to draw; borrowed. */
struct screen_view {
    const zg_client *client;
    const zg_id *conversation; /* NULL: none yet */
    const char *title;         /* without a conversation */
    const char *language;
    const struct editor *editor;
    bool connected;
    uint64_t utc_ms;
};

/* false: not a terminal. Ctrl-C still ends the program; Ctrl-Z is switched off: it would leave words on the screen. */
bool screen_enter(struct screen *s);
void screen_leave(struct screen *s);
/* A line of the program's own, wrapped when drawn. The oldest goes. */
void screen_note(struct screen *s, const char *note);
void screen_forget_notes(struct screen *s);
/* Draws if something changed; all: in any case. */
void screen_draw(struct screen *s, const struct screen_view *v, bool all);

#endif
