/*
 * Asking a person, or a descriptor, for passphrases and other single lines, before anything else runs.
 *
 * On a terminal: from and to /dev/tty, so that it works beside redirected input; a secret is never echoed, and the
 * terminal is put right again before a signal ends the program.
 */
#ifndef CLIENT_CLI_PROMPT_H
#define CLIENT_CLI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "client/cli/common.h"

enum { SECRET_CAP = 1024 };

/* A line in guarded memory, without its end; zero-terminated. */
struct secret_line {
    char *at;
    size_t len;
};

void secret_line_clear(struct secret_line *s);

enum passphrase_kind { PASSPHRASE_EXISTING, PASSPHRASE_NEW /* asked for twice; at least 8 bytes */ };

/*
 * fd >= 0: the next line of that descriptor, read byte by byte, so that one descriptor may hold several. Else the person
 * at the terminal is asked. An exit code; what was wrong was said.
 */
int prompt_passphrase(struct secret_line *out, int fd, enum passphrase_kind kind, const char *what);

/* The next line of standard input, or, if that is a terminal, an answer of the person. */
int prompt_line(struct secret_line *out, const char *question, bool echo);
/* The next line of a descriptor. what: for messages. */
int prompt_fd_line(struct secret_line *out, int fd, const char *what);

#endif
