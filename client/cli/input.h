/*
 * Standard input inside the loop, byte by byte or line by line: a terminal, a pipe, a socket or a file. What was read is
 * wiped when it was handed on.
 */
#ifndef CLIENT_CLI_INPUT_H
#define CLIENT_CLI_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum { INPUT_LINE_MAX = 128 * 1024 };

struct input_handler {
    /* A line without its end, zero-terminated, borrowed until return. NULL: bytes wants what comes. */
    void (*line)(void *ctx, const char *line, size_t len);
    void (*bytes)(void *ctx, const char *bytes, size_t len);
    void (*end)(void *ctx);      /* nothing more comes; a last line without its end was handed on */
    void (*too_long)(void *ctx); /* the rest of that line is left out */
    void *ctx;
};

struct input {
    struct input_handler handler;
    union {
        uv_handle_t handle;
        uv_poll_t poll;
        uv_idle_t idle; /* files are always ready, and cannot be polled */
    } h;
    bool is_file;
    int flags; /* of the descriptor before: a shell shares it */
    bool open;
    bool skipping;
    char *buffer;
    size_t len;
};

/* false: no memory, or standard input is closed. */
bool input_open(struct input *in, uv_loop_t *loop, const struct input_handler *handler);
/* No calls any more; NULL-safe buffers, may be called twice. The loop must run afterwards. */
void input_close(struct input *in);

#endif
