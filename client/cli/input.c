#define _POSIX_C_SOURCE 200809L

#include "client/cli/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

static void end_now(struct input *in)
{
    struct input_handler h = in->handler;
    if (h.line != NULL && in->len > 0 && !in->skipping) {
        in->buffer[in->len] = '\0';
        h.line(h.ctx, in->buffer, in->len);
    }
    if (!in->open) /* the line ended the program */
        return;
    input_close(in);
    h.end(h.ctx);
}

/* Hands on the lines at the front; stops when a handler closed the input. */
static void hand_on_lines(struct input *in)
{
    char *end;
    size_t start = 0;
    while (in->open && (end = memchr(in->buffer + start, '\n', in->len - start)) != NULL) {
        size_t len = (size_t)(end - in->buffer) - start;
        *end = '\0';
        if (len > 0 && in->buffer[start + len - 1] == '\r')
            in->buffer[start + --len] = '\0';
        if (!in->skipping)
            in->handler.line(in->handler.ctx, in->buffer + start, len);
        in->skipping = false;
        start = (size_t)(end - in->buffer) + 1;
    }
    if (!in->open)
        return;
    memmove(in->buffer, in->buffer + start, in->len - start);
    sodium_memzero(in->buffer + in->len - start, start);
    in->len -= start;
    if (in->len == INPUT_LINE_MAX) {
        in->len = 0;
        if (!in->skipping)
            in->handler.too_long(in->handler.ctx);
        in->skipping = true;
    }
}

static void read_some(struct input *in)
{
    ssize_t n = read(STDIN_FILENO, in->buffer + in->len, INPUT_LINE_MAX - in->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_now(in);
        return;
    }
    in->len += (size_t)n;
    if (in->handler.line != NULL) {
        hand_on_lines(in);
    } else {
        size_t len = in->len;
        in->len = 0;
        in->handler.bytes(in->handler.ctx, in->buffer, len);
        if (in->open)
            sodium_memzero(in->buffer, len);
    }
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events; /* an error shows in read */
    read_some(p->data);
}

static void on_idle(uv_idle_t *i)
{
    read_some(i->data);
}

bool input_open(struct input *in, uv_loop_t *loop, const struct input_handler *handler)
{
    memset(in, 0, sizeof(*in));
    in->handler = *handler;
    in->buffer = sodium_malloc(INPUT_LINE_MAX + 1);
    if (in->buffer == NULL)
        return false;
    in->flags = fcntl(STDIN_FILENO, F_GETFL);
    in->is_file = uv_guess_handle(STDIN_FILENO) == UV_FILE;
    int failed = in->is_file ? uv_idle_init(loop, &in->h.idle) : uv_poll_init(loop, &in->h.poll, STDIN_FILENO);
    if (failed != 0) {
        sodium_free(in->buffer);
        return false;
    }
    in->open = true;
    in->h.handle.data = in;
    if (in->is_file)
        uv_idle_start(&in->h.idle, on_idle);
    else
        uv_poll_start(&in->h.poll, UV_READABLE | UV_DISCONNECT, on_poll);
    return true;
}

void input_close(struct input *in)
{
    if (!in->open)
        return;
    in->open = false;
    uv_close(&in->h.handle, NULL);
    if (in->flags != -1)
        (void)fcntl(STDIN_FILENO, F_SETFL, in->flags);
    sodium_free(in->buffer); /* wipes */
    in->buffer = NULL;
}
