/* The line that a person is typing, in a terminal that sends each key. Pure: bytes in, what they mean out. */
#ifndef CLIENT_CLI_EDITOR_H
#define CLIENT_CLI_EDITOR_H

#include <stdbool.h>
#include <stddef.h>

enum { EDITOR_CAP = 16 * 1024 };

enum editor_key {
    EDITOR_NOTHING,
    EDITOR_CHANGED,
    EDITOR_LINE, /* text holds it; editor_take_line afterwards */
    EDITOR_REDRAW,
    EDITOR_QUIT, /* Ctrl-D on an empty line */
};

struct editor {
    char *text; /* in guarded memory, zero-terminated */
    size_t len;
    enum { PLAIN, ESCAPE, SEQUENCE } state;
};

bool editor_init(struct editor *e);
void editor_clear(struct editor *e);
/* One byte of input. */
enum editor_key editor_key(struct editor *e, char c);
/* Empties the line, wiping. */
void editor_take_line(struct editor *e);

#endif
