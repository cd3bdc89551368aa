/* The caller's side of control.sock (admin.h says what is spoken). */
#ifndef RELAY_EDGE_CONTROL_H
#define RELAY_EDGE_CONTROL_H

#include <stddef.h>

enum control_result {
    CONTROL_OK,      /* answer: the lines behind "ok" */
    CONTROL_NOBODY,  /* no relay listens there */
    CONTROL_REFUSED, /* answer: the relay's words */
    CONTROL_BROKEN,  /* no answer came, or one that is not understood */
};

/* Asks the relay of the current folder; request without line feed. Waits 10 seconds at most. */
enum control_result control_ask(const char *request, char *answer, size_t cap);

#endif
