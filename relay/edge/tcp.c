#define _GNU_SOURCE
#include "relay/edge/tcp.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/list.h"
#include "relay/edge/clock.h"
#include "relay/edge/config.h"

enum {
    SCRATCH_BYTES = 65536,
    BACKLOG = 1024,
    KEEPALIVE_SECONDS = 600,
    SWEEP_MS = 5000,
    SWEEPS = 2, /* without progress, then an ended session's last bytes are given up */
};

/* What the socket did not take. */
struct rest {
    uv_write_t req;
    uint8_t bytes[];
};

struct connection {
    struct link all;
    struct link waiting; /* in tcp's list if paused or broken */
    uv_tcp_t handle;
    struct tcp *tcp;
    struct session *session; /* NULL: over */
    struct rest *rest;
    uint32_t left;  /* of the rest, at the last sweep; if the session is over */
    uint8_t sweeps; /* without progress */
    bool paused;    /* reading stopped because the session asked for it */
    bool broken;    /* a write failed; to be dropped when no session is on the stack */
};

struct listener {
    uv_tcp_t handle;
    struct tcp *tcp;
    bool open;
};

struct tcp {
    uv_loop_t *loop;
    struct relay *relay;
    uint8_t *scratch; /* every read goes here first: an idle connection owns no buffer */
    struct link all, waiting;
    uv_timer_t sweep;
    struct listener listeners[CONFIG_LISTEN_MAX];
    size_t listener_count;
    size_t handles; /* of which the close callback has not come */
    bool closing;
};

/* --- the end of a connection --- */

/* Frees t when it closes and its last handle is gone. */
static void forget_handle(struct tcp *t)
{
    t->handles--;
    if (!t->closing || t->handles > 0)
        return;
    free(t->scratch);
    free(t);
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    struct tcp *t = c->tcp;
    list_remove(&c->all);
    list_remove(&c->waiting);
    free(c);
    forget_handle(t);
}

/* The one way in which a connection goes. */
static void drop(struct connection *c)
{
    if (c->session != NULL) {
        struct session *s = c->session;
        c->session = NULL;
        session_close(s);
    }
    if (!uv_is_closing((uv_handle_t *)&c->handle))
        uv_close((uv_handle_t *)&c->handle, on_closed);
}

/* For later, when no session is on the stack. */
static void mark_broken(struct connection *c)
{
    c->broken = true;
    if (list_empty(&c->waiting))
        list_append(&c->tcp->waiting, &c->waiting);
}

/* --- writing --- */

static void on_written(uv_write_t *req, int status)
{
    struct connection *c = req->data;
    free(c->rest);
    c->rest = NULL;
    if (uv_is_closing((uv_handle_t *)&c->handle))
        return;
    if (status != 0 || c->session == NULL)
        drop(c);
    else
        session_writable(c->session);
}

/* Of sessions that are over; how long an open one may take nothing is the core's to say. */
static void on_sweep(uv_timer_t *timer)
{
    struct tcp *t = timer->data;
    bool any = false;
    for (struct link *l = t->all.next, *next; l != &t->all; l = next) {
        struct connection *c = LIST_ITEM(l, struct connection, all);
        next = l->next;
        if (c->rest == NULL || c->session != NULL)
            continue;
        uint32_t left = (uint32_t)uv_stream_get_write_queue_size((uv_stream_t *)&c->handle);
        c->sweeps = left == c->left ? (uint8_t)(c->sweeps + 1) : 0;
        c->left = left;
        any = true;
        if (c->sweeps >= SWEEPS)
            drop(c);
    }
    if (!any)
        uv_timer_stop(timer);
}

/* The session is over, but its last bytes are not out. */
static void linger(struct connection *c)
{
    c->sweeps = 0;
    c->left = UINT32_MAX;
    if (!uv_is_active((uv_handle_t *)&c->tcp->sweep))
        uv_timer_start(&c->tcp->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static bool keep_rest(struct connection *c, const uint8_t *data, size_t len)
{
    struct rest *rest = malloc(sizeof(*rest) + len);
    if (rest == NULL)
        return false;
    memcpy(rest->bytes, data, len);
    rest->req.data = c;
    uv_buf_t buf = uv_buf_init((char *)rest->bytes, (unsigned)len);
    if (uv_write(&rest->req, (uv_stream_t *)&c->handle, &buf, 1, on_written) != 0) {
        free(rest);
        return false;
    }
    c->rest = rest;
    return true;
}

static bool carrier_write(void *ctx, const uint8_t *data, size_t len)
{
    struct connection *c = ctx;
    assert(c->rest == NULL);
    if (c->broken)
        return true;
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&c->handle, &buf, 1);
    if (n == UV_EAGAIN)
        n = 0;
    if (n >= 0 && (size_t)n == len)
        return true;
    if (n >= 0 && keep_rest(c, data + n, len - (size_t)n))
        return false;
    mark_broken(c);
    return true;
}

static void carrier_close(void *ctx)
{
    struct connection *c = ctx;
    c->session = NULL;
    uv_read_stop((uv_stream_t *)&c->handle);
    if (c->rest == NULL)
        drop(c);
    else
        linger(c);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)c->tcp->scratch, SCRATCH_BYTES);
}

static void receive(struct connection *c, const uint8_t *data, size_t len)
{
    if (!session_receive(c->session, data, len, clock_now(c->tcp->loop)))
        return; /* carrier_close was called */
    if (!session_paused(c->session) || c->paused)
        return;
    c->paused = true;
    uv_read_stop((uv_stream_t *)&c->handle);
    if (list_empty(&c->waiting))
        list_append(&c->tcp->waiting, &c->waiting);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    if (n == 0 || c->session == NULL || c->broken)
        return;
    if (n < 0)
        drop(c);
    else
        receive(c, (const uint8_t *)buf->base, (size_t)n);
}

static void resume(struct connection *c)
{
    list_remove(&c->waiting);
    c->paused = false;
    if (uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0)
        drop(c);
}

void tcp_turn(struct tcp *t)
{
    struct link *last = t->waiting.prev;
    for (struct link *l = t->waiting.next, *next; l != &t->waiting; l = next) {
        struct connection *c = LIST_ITEM(l, struct connection, waiting);
        bool at_end = l == last; /* what comes behind was added meanwhile */
        next = l->next;
        if (c->broken) {
            list_remove(&c->waiting);
            drop(c);
        } else if (c->session == NULL) {
            list_remove(&c->waiting); /* it goes when its rest is out */
        } else if (!session_paused(c->session)) {
            resume(c);
        }
        if (at_end)
            break;
    }
}

/* --- accepting --- */

static struct connection *connection_new(struct tcp *t)
{
    struct connection *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->tcp = t;
    if (uv_tcp_init(t->loop, &c->handle) != 0) {
        free(c);
        return NULL;
    }
    c->handle.data = c;
    list_append(&t->all, &c->all);
    list_init(&c->waiting);
    t->handles++;
    return c;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    struct tcp *t = listener->tcp;
    struct connection *c = status == 0 ? connection_new(t) : NULL;
    if (c == NULL)
        return;
    if (uv_accept(stream, (uv_stream_t *)&c->handle) != 0) {
        drop(c);
        return;
    }
    uv_tcp_nodelay(&c->handle, 1);
    uv_tcp_keepalive(&c->handle, 1, KEEPALIVE_SECONDS);
    const struct carrier carrier = {carrier_write, carrier_close, c};
    c->session = session_open(t->relay, &carrier, clock_now(t->loop));
    if (c->session == NULL || uv_read_start((uv_stream_t *)&c->handle, on_alloc, on_read) != 0)
        drop(c);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    forget_handle(l->tcp);
}

static void close_listener(struct listener *l)
{
    if (!l->open)
        return;
    l->open = false;
    uv_close((uv_handle_t *)&l->handle, on_listener_closed);
}

static int bind_and_listen(struct listener *l, const struct sockaddr_storage *where)
{
    int rc = uv_tcp_bind(&l->handle, (const struct sockaddr *)where,
                         where->ss_family == AF_INET6 ? UV_TCP_IPV6ONLY : 0);
    return rc != 0 ? rc : uv_listen((uv_stream_t *)&l->handle, BACKLOG, on_connection);
}

zg_err tcp_listen(struct tcp *t, const struct address *where, char bound[ADDRESS_BYTES_MAX + 1], char *why,
                  size_t why_cap)
{
    struct sockaddr_storage s;
    int len = sizeof(s);

    assert(t->listener_count < CONFIG_LISTEN_MAX);
    struct listener *l = &t->listeners[t->listener_count];
    if (address_socket(where, &s) != ZG_OK)
        return ZG_ERR_ARGUMENT;
    int rc = uv_tcp_init(t->loop, &l->handle);
    if (rc == 0) {
        t->listener_count++;
        t->handles++;
        l->handle.data = l;
        l->tcp = t;
        l->open = true;
        rc = bind_and_listen(l, &s);
    }
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

zg_err tcp_open(struct tcp **out, uv_loop_t *loop, struct relay *relay)
{
    struct tcp *t = calloc(1, sizeof(*t));
    if (t == NULL)
        goto err0;
    t->scratch = malloc(SCRATCH_BYTES);
    if (t->scratch == NULL)
        goto err1;
    if (uv_timer_init(loop, &t->sweep) != 0)
        goto err2;
    t->sweep.data = t;
    t->handles = 1;
    t->loop = loop;
    t->relay = relay;
    list_init(&t->all);
    list_init(&t->waiting);
    *out = t;
    return ZG_OK;

err2:
    free(t->scratch);
err1:
    free(t);
err0:
    return ZG_ERR_MEMORY;
}

void tcp_stop_accepting(struct tcp *t)
{
    for (size_t i = 0; i < t->listener_count; i++)
        close_listener(&t->listeners[i]);
}

void tcp_close_sessions(struct tcp *t)
{
    for (struct link *l = t->all.next, *next; l != &t->all; l = next) {
        struct connection *c = LIST_ITEM(l, struct connection, all);
        next = l->next;
        if (c->session == NULL)
            continue;
        uv_read_stop((uv_stream_t *)&c->handle);
        struct session *s = c->session;
        c->session = NULL;
        session_close(s);
        if (c->rest == NULL)
            drop(c);
        else
            linger(c);
    }
}

bool tcp_empty(const struct tcp *t)
{
    return list_empty(&t->all);
}

void tcp_close(struct tcp *t)
{
    tcp_stop_accepting(t);
    for (struct link *l = t->all.next, *next; l != &t->all; l = next) {
        next = l->next;
        assert(LIST_ITEM(l, struct connection, all)->session == NULL);
        drop(LIST_ITEM(l, struct connection, all));
    }
    t->closing = true;
    uv_close((uv_handle_t *)&t->sweep, on_timer_closed);
}
