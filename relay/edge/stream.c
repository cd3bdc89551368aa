#define _GNU_SOURCE
#include "relay/edge/stream.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/list.h"
#include "relay/edge/clock.h"
#include "relay/edge/config.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_A_TURN = 16,          /* of all listeners; then others have their turn first */
    CLOSING_MAX = ACCEPTS_A_TURN, /* in whose place others came */
    KEEPALIVE_SECONDS = 600,
    SWEEP_MS = 5000,
    SWEEPS = 2, /* without progress, then an ended stream's last bytes are given up */
    SWEEPS_MAX =
        12, /* and after so many in any case: who takes a byte now and then would hold them for days */
    LISTENERS_MAX = 2 * CONFIG_LISTEN_MAX,
};

/* What the socket did not take. */
struct rest {
    uv_write_t req;
    struct stream *stream;
    uint8_t bytes[];
};

struct stream {
    struct link all;
    struct link waiting; /* in the list of all if to be read again, or broken */
    uv_tcp_t handle;
    struct streams *streams;
    const struct stream_handler *handler;
    struct origin *origin; /* NULL: not counted */
    void *user;            /* NULL: over */
    uint32_t rests;        /* that are kept */
    uint32_t left;         /* of them, at the last sweep; if it is over */
    uint8_t sweeps;        /* without progress */
    uint8_t all_sweeps;    /* since it is over */
    bool paused;           /* reading stopped because the handler asked for it */
    bool broken;           /* a write failed; to be dropped when no handler is on the stack */
};

struct listener {
    uv_tcp_t handle;
    struct streams *streams;
    const struct stream_handler *handler;
    void *ctx;
    bool open;
    bool waits; /* a connection came and was not accepted yet */
};

struct streams {
    uv_loop_t *loop;
    uint8_t *scratch; /* every read goes here first: an idle connection owns no buffer */
    struct link all, waiting;
    uv_timer_t sweep;
    struct listener listeners[LISTENERS_MAX];
    size_t listener_count;
    struct origins *origins;
    uint32_t accepted;  /* in this turn */
    size_t count, most; /* of streams */
    size_t handles;     /* of which the close callback has not come */
    bool closing;
};

/* --- the end of a stream --- */

/* Frees ss when it closes and its last handle is gone. */
static void forget_handle(struct streams *ss)
{
    ss->handles--;
    if (!ss->closing || ss->handles > 0)
        return;
    free(ss->scratch);
    free(ss);
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
    forget_handle(ss);
}

/* The one way in which a stream goes. */
static void drop(struct stream *s)
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
            drop(s);
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
        drop(s);
    else
        linger(s);
}

void stream_drop(struct stream *s)
{
    s->user = NULL;
    drop(s);
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
        drop(s);
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
        drop(s);
    else
        receive(s, (const uint8_t *)buf->base, (size_t)n);
}

void stream_resume(struct stream *s)
{
    if (s->paused && list_empty(&s->waiting))
        list_append(&s->streams->waiting, &s->waiting);
}

static void read_again(struct stream *s)
{
    s->paused = false;
    if (uv_read_start((uv_stream_t *)&s->handle, on_alloc, on_read) != 0)
        drop(s);
}

static void serve_waiting(struct streams *ss)
{
    while (!list_empty(&ss->waiting)) {
        struct stream *s = LIST_ITEM(ss->waiting.next, struct stream, waiting);
        list_remove(&s->waiting);
        if (s->broken)
            drop(s);
        else if (s->user != NULL && !s->handler->paused(s->user))
            read_again(s);
    }
}

void stream_hand_over(struct stream *s, const struct stream_handler *handler, void *user)
{
    s->handler = handler;
    s->user = user;
}

/* --- accepting --- */

static struct stream *stream_new(struct streams *ss, const struct stream_handler *handler)
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

/* Or is some made, by whatever has a connection that need not stay? */
static bool has_room(struct streams *ss)
{
    if (ss->count <= ss->most)
        return true;
    for (size_t i = 0; i < ss->listener_count && ss->count <= ss->most + CLOSING_MAX; i++) {
        const struct listener *l = &ss->listeners[i];
        if (l->handler->make_room(l->ctx, clock_now(ss->loop)))
            return true;
    }
    return false;
}

/* Too many from there, or in all? Nobody goes for one who may not come. */
static bool may_come(struct stream *s)
{
    struct streams *ss = s->streams;
    struct sockaddr_storage from;
    int len = sizeof(from);
    if (uv_tcp_getpeername(&s->handle, (struct sockaddr *)&from, &len) != 0)
        return false;
    if (ss->origins != NULL &&
        !origin_enter(ss->origins, (const struct sockaddr *)&from, uv_now(ss->loop), &s->origin))
        return false;
    return has_room(ss);
}

static void accept_one(struct listener *listener)
{
    struct streams *ss = listener->streams;
    struct stream *s = stream_new(ss, listener->handler);
    if (s == NULL) {
        listener->waits = true;
        return;
    }
    ss->accepted++;
    if (uv_accept((uv_stream_t *)&listener->handle, (uv_stream_t *)&s->handle) != 0 || !may_come(s)) {
        drop(s);
        return;
    }
    s->user = s->handler->open(listener->ctx, s, clock_now(ss->loop));
    if (s->user == NULL || uv_read_start((uv_stream_t *)&s->handle, on_alloc, on_read) != 0)
        drop(s);
}

/* As long as a connection is not accepted, libuv brings no other. */
static void on_connection(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;
    if (status != 0)
        return;
    if (listener->streams->accepted >= ACCEPTS_A_TURN)
        listener->waits = true;
    else
        accept_one(listener);
}

static void accept_waiting(struct streams *ss)
{
    ss->accepted = 0;
    for (size_t i = 0; i < ss->listener_count; i++) {
        struct listener *l = &ss->listeners[i];
        if (!l->waits || !l->open)
            continue;
        l->waits = false;
        accept_one(l);
    }
}

void streams_turn(struct streams *ss)
{
    serve_waiting(ss);
    accept_waiting(ss);
    if (ss->origins != NULL)
        origins_forget(ss->origins, uv_now(ss->loop));
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    forget_handle(l->streams);
}

static void close_listener(struct listener *l)
{
    if (!l->open)
        return;
    l->open = false;
    uv_close((uv_handle_t *)&l->handle, on_listener_closed);
}

/* Its options are inherited by what it accepts: four system calls less for each of a flood. */
static int bind_and_listen(struct listener *l, const struct sockaddr_storage *where)
{
    int rc = uv_tcp_bind(&l->handle, (const struct sockaddr *)where,
                         where->ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
    if (rc == 0)
        rc = uv_tcp_nodelay(&l->handle, 1);
    if (rc == 0)
        rc = uv_tcp_keepalive(&l->handle, 1, KEEPALIVE_SECONDS);
    return rc != 0 ? rc : uv_listen((uv_stream_t *)&l->handle, BACKLOG, on_connection);
}

/* A libuv error. */
static int open_listener(struct streams *ss, struct listener *l, const struct sockaddr_storage *where)
{
    int rc = uv_tcp_init(ss->loop, &l->handle);
    if (rc != 0)
        return rc;
    ss->listener_count++;
    ss->handles++;
    l->handle.data = l;
    l->streams = ss;
    l->open = true;
    return bind_and_listen(l, where);
}

zg_err streams_listen(struct streams *ss, const struct address *where, const struct stream_handler *handler,
                      void *ctx, char bound[ADDRESS_BYTES_MAX + 1], char *why, size_t why_cap)
{
    struct sockaddr_storage s;
    int len = sizeof(s);

    assert(ss->listener_count < LISTENERS_MAX);
    struct listener *l = &ss->listeners[ss->listener_count];
    if (address_socket(where, &s) != ZG_OK)
        return ZG_ERR_ARGUMENT;
    l->handler = handler;
    l->ctx = ctx;
    int rc = open_listener(ss, l, &s);
    if (rc == 0)
        rc = uv_tcp_getsockname(&l->handle, (struct sockaddr *)&s, &len);
    if (rc != 0) {
        snprintf(why, why_cap, "%s",
                 rc == UV_EADDRINUSE ? "the port is in use by another program" : uv_strerror(rc));
        return ZG_ERR_NETWORK;
    }
    address_of_socket(&s, bound);
    return ZG_OK;
}

/* --- life --- */

static void on_timer_closed(uv_handle_t *handle)
{
    forget_handle(handle->data);
}

zg_err streams_open(struct streams **out, uv_loop_t *loop, size_t most, struct origins *origins)
{
    struct streams *ss = calloc(1, sizeof(*ss));
    if (ss == NULL)
        goto err0;
    ss->scratch = malloc(STREAM_READ_MAX);
    if (ss->scratch == NULL)
        goto err1;
    if (uv_timer_init(loop, &ss->sweep) != 0)
        goto err2;
    ss->sweep.data = ss;
    ss->handles = 1;
    ss->loop = loop;
    ss->most = most;
    ss->origins = origins;
    list_init(&ss->all);
    list_init(&ss->waiting);
    *out = ss;
    return ZG_OK;

err2:
    free(ss->scratch);
err1:
    free(ss);
err0:
    return ZG_ERR_MEMORY;
}

void streams_stop_accepting(struct streams *ss)
{
    for (size_t i = 0; i < ss->listener_count; i++)
        close_listener(&ss->listeners[i]);
}

void streams_leave(struct streams *ss)
{
    for (struct link *l = ss->all.next, *next; l != &ss->all; l = next) {
        struct stream *s = LIST_ITEM(l, struct stream, all);
        next = l->next;
        if (s->user == NULL)
            continue;
        void *user = s->user;
        s->handler->leave(user);
        stream_end(s);
    }
}

bool streams_empty(const struct streams *ss)
{
    return list_empty(&ss->all);
}

void streams_close(struct streams *ss)
{
    streams_stop_accepting(ss);
    for (struct link *l = ss->all.next, *next; l != &ss->all; l = next) {
        next = l->next;
        assert(LIST_ITEM(l, struct stream, all)->user == NULL);
        drop(LIST_ITEM(l, struct stream, all));
    }
    ss->closing = true;
    uv_close((uv_handle_t *)&ss->sweep, on_timer_closed);
}
