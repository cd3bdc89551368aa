#define _GNU_SOURCE
#include "relay/edge/stream.h"

#include <stdlib.h>
#include <string.h>

#include "relay/edge/clock.h"
#include "relay/edge/stream_inside.h"

enum {
    SWEEP_MS = 5000,
    SWEEPS = 2, /* without progress, then an ended stream's last bytes are given up */
    SWEEPS_MAX =
        12, /* and after so many in any case: who takes a byte now and then would hold them for days */
};

/* What the socket did not take. */
struct rest {
    uv_write_t req;
    struct stream *stream;
    uint8_t bytes[];
};

/* --- the beginning and the end --- */

struct stream *stream_new(struct streams *ss, const struct stream_handler *handler)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->streams = ss;
    s->handler = handler;
    if (uv_tcp_init(ss->loop, &s->handle) != 0) {
        free(s);
        return NULL;
    }
    s->handle.data = s;
    list_append(&ss->all, &s->all);
    list_init(&s->waiting);
    ss->count++;
    ss->handles++;
    return s;
}

static void on_closed(uv_handle_t *handle)
{
    struct stream *s = handle->data;
    struct streams *ss = s->streams;
    list_remove(&s->all);
    list_remove(&s->waiting);
    origin_leave(ss->origins, s->origin);
    free(s);
    ss->count--;
    streams_forget_handle(ss);
}

void stream_close(struct stream *s)
{
    if (s->user != NULL) {
        void *user = s->user;
        s->user = NULL;
        s->handler->lost(user);
    }
    if (!uv_is_closing((uv_handle_t *)&s->handle))
        uv_close((uv_handle_t *)&s->handle, on_closed);
}

/* For later, when no handler is on the stack. */
static void mark_broken(struct stream *s)
{
    s->broken = true;
    if (list_empty(&s->waiting))
        list_append(&s->streams->waiting, &s->waiting);
}

/* Of streams that are over; how long an open one may take nothing is the handler's to say. */
static void on_sweep(uv_timer_t *timer)
{
    struct streams *ss = timer->data;
    bool any = false;
    for (struct link *l = ss->all.next, *next; l != &ss->all; l = next) {
        struct stream *s = LIST_ITEM(l, struct stream, all);
        next = l->next;
        if (s->rests == 0 || s->user != NULL)
            continue;
        uint32_t left = (uint32_t)uv_stream_get_write_queue_size((uv_stream_t *)&s->handle);
        s->sweeps = left == s->left ? (uint8_t)(s->sweeps + 1) : 0;
        s->left = left;
        any = true;
        if (s->sweeps >= SWEEPS || ++s->all_sweeps >= SWEEPS_MAX)
            stream_close(s);
    }
    if (!any)
        uv_timer_stop(timer);
}

/* It is over, but its last bytes are not out. */
static void linger(struct stream *s)
{
    s->sweeps = s->all_sweeps = 0;
    s->left = UINT32_MAX;
    if (!uv_is_active((uv_handle_t *)&s->streams->sweep))
        uv_timer_start(&s->streams->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

void stream_end(struct stream *s)
{
    s->user = NULL;
    uv_read_stop((uv_stream_t *)&s->handle);
    if (s->rests == 0)
        stream_close(s);
    else
        linger(s);
}

void stream_drop(struct stream *s)
{
    s->user = NULL;
    stream_close(s);
}

/* --- writing --- */

static void on_written(uv_write_t *req, int status)
{
    struct rest *rest = req->data;
    struct stream *s = rest->stream;
    free(rest);
    s->rests--;
    if (uv_is_closing((uv_handle_t *)&s->handle))
        return;
    if (status != 0 || (s->rests == 0 && s->user == NULL))
        stream_close(s);
    else if (s->rests == 0)
        s->handler->writable(s->user);
}

static uv_buf_t buffer_of(struct span span)
{
    return uv_buf_init((char *)(uintptr_t)span.at, (unsigned)span.len);
}

/* Takes up to *n bytes off. */
static struct span skip(struct span span, size_t *n)
{
    size_t part = *n < span.len ? *n : span.len;
    *n -= part;
    return (struct span){span.len > part ? span.at + part : NULL, span.len - part};
}

static bool keep_rest(struct stream *s, struct span head, struct span body, bool lasting)
{
    size_t copied = head.len + (lasting ? 0 : body.len);
    struct rest *rest = malloc(sizeof(*rest) + copied);
    uv_buf_t bufs[2];
    unsigned count = 0;

    if (rest == NULL)
        return false;
    if (head.len > 0)
        memcpy(rest->bytes, head.at, head.len);
    if (!lasting && body.len > 0)
        memcpy(rest->bytes + head.len, body.at, body.len);
    if (copied > 0)
        bufs[count++] = uv_buf_init((char *)rest->bytes, (unsigned)copied);
    if (lasting && body.len > 0)
        bufs[count++] = buffer_of(body);
    rest->req.data = rest;
    rest->stream = s;
    if (uv_write(&rest->req, (uv_stream_t *)&s->handle, bufs, count, on_written) != 0) {
        free(rest);
        return false;
    }
    s->rests++;
    return true;
}

static bool put(struct stream *s, struct span head, struct span body, bool lasting)
{
    const uv_buf_t bufs[2] = {buffer_of(head), buffer_of(body)};

    if (s->broken)
        return true;
    /* Behind what is kept, it takes nothing. */
    int n = uv_try_write((uv_stream_t *)&s->handle, bufs, 2);
    size_t taken = n > 0 ? (size_t)n : 0;
    if (taken == head.len + body.len)
        return true;
    head = skip(head, &taken);
    body = skip(body, &taken);
    if ((n >= 0 || n == UV_EAGAIN) && keep_rest(s, head, body, lasting))
        return false;
    mark_broken(s);
    return true;
}

bool stream_write(struct stream *s, struct span head, struct span body)
{
    return put(s, head, body, false);
}

bool stream_write_lasting(struct stream *s, struct span head, struct span body)
{
    return put(s, head, body, true);
}

bool stream_waits(const struct stream *s)
{
    return s->rests > 0;
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct stream *s = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)s->streams->scratch, STREAM_READ_MAX);
}

static void receive(struct stream *s, const uint8_t *data, size_t len)
{
    s->handler->receive(s->user, data, len, clock_now(s->streams->loop));
    if (s->user == NULL || s->paused || !s->handler->paused(s->user))
        return;
    s->paused = true;
    uv_read_stop((uv_stream_t *)&s->handle);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = stream->data;
    if (n == 0 || s->user == NULL || s->broken)
        return;
    if (n < 0)
        stream_close(s);
    else
        receive(s, (const uint8_t *)buf->base, (size_t)n);
}

void stream_resume(struct stream *s)
{
    if (s->paused && list_empty(&s->waiting))
        list_append(&s->streams->waiting, &s->waiting);
}

void stream_start(struct stream *s)
{
    s->paused = false;
    if (uv_read_start((uv_stream_t *)&s->handle, on_alloc, on_read) != 0)
        stream_close(s);
}

void stream_serve(struct stream *s)
{
    if (s->broken)
        stream_close(s);
    else if (s->user != NULL && !s->handler->paused(s->user))
        stream_start(s);
}

void stream_hand_over(struct stream *s, const struct stream_handler *handler, void *user)
{
    s->handler = handler;
    s->user = user;
}
