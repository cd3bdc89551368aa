/* The caller's side of control.sock (admin.h says what is spoken). */
#ifndef RELAY_EDGE_CONTROL_H
#define RELAY_EDGE_CONTROL_H

#include <stddef.h>

enum control_result {
    CONTROL_OK,      /* answer: the lines behind "ok" */
    CONTROL_NOBODY,  /* no relay listens there */
    CONTROL_REFUSED, /* answer: the relay's words */
    CONTROL_SILENT,  /* no answer came: it is stopping, or too many ask at once */
    CONTROL_BROKEN,  /* an answer that is not understood */
};

enum { CONTROL_FOREVER = 0, CONTROL_PATIENCE_S = 10 };

/* Asks the relay of the current folder; request without line feed. Waits so many seconds at most. */
enum control_result control_ask(const char *request, int patience_s, char *answer, size_t cap);

/* Says on stderr why there was no good answer. dir: as the person named it. */
void control_explain(enum control_result result, const char *answer, const char *dir);

#endif
