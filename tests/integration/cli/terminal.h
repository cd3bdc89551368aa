/* A program on a pseudo-terminal, as a person would use it. Mistakes of the test end it with a sentence. */
#ifndef TESTS_TERMINAL_H
#define TESTS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { TERMINAL_SHOWN_MAX = 1024 * 1024, TERMINAL_ROWS = 24, TERMINAL_COLUMNS = 100 };

struct terminal {
    pid_t pid;
    int fd;
    char *shown; /* every byte that the program wrote, zero-terminated */
    size_t len;
    size_t mark; /* terminal_expect looks from here on */
};

void terminal_start(struct terminal *t, const char *const argv[]);
/* Waits until text was written, after what was expected before; false: it was not, in so long. */
bool terminal_expect(struct terminal *t, const char *text, int timeout_ms);
void terminal_type(struct terminal *t, const char *keys);
/* Whether the terminal repeats what is typed. */
bool terminal_echoes(const struct terminal *t);
/* What stands on the screen after the last redraw from its top corner; borrowed until the next call. */
const char *terminal_screen(struct terminal *t);
/* Lets the program write for so long. */
void terminal_wait(struct terminal *t, int ms);
/* Its exit code, or 128 + signal; it is given 10 s. Afterwards the terminal stays for terminal_echoes. */
int terminal_end(struct terminal *t);
void terminal_close(struct terminal *t);

#endif
