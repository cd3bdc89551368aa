#define _POSIX_C_SOURCE 200809L

#include "client/uv/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 20 * 1000, /* for one address, and for resolving */
    PROXY_MS = 120 * 1000,  /* a circuit takes its time to be built */
    LINGER_MS = 1000,
};

#define BIT(state) (1u << (state))
#define ENDS (BIT(LINK_FAILING) | BIT(LINK_CLOSED))

static const unsigned moves[LINK_STATES] = {
    [LINK_RESOLVING] = BIT(LINK_CONNECTING) | ENDS,
    [LINK_CONNECTING] = BIT(LINK_NEXT_ADDRESS) | BIT(LINK_PROXY) | BIT(LINK_OPEN) | ENDS,
    [LINK_NEXT_ADDRESS] = BIT(LINK_CONNECTING) | ENDS,
    [LINK_PROXY] = BIT(LINK_OPEN) | ENDS,
    [LINK_OPEN] = BIT(LINK_LINGERING) | ENDS,
    [LINK_FAILING] = BIT(LINK_CLOSED),
    [LINK_LINGERING] = BIT(LINK_CLOSED),
    [LINK_CLOSED] = 0,
};

static void move(struct link *l, enum link_state to)
{
    assert((moves[l->state] & BIT(to)) != 0);
    l->state = to;
}

/* --- the end --- */

static void release(struct link *l)
{
    assert(l->holds > 0);
    if (--l->holds > 0)
        return;
    assert(l->state == LINK_CLOSED);
    l->events->gone(l);
    free(l);
}

static void on_timer_closed(uv_handle_t *h)
{
    release(h->data);
}

static void on_tcp_closed(uv_handle_t *h)
{
    release(h->data);
}

/* The one way down: closes every handle. Requests that wait come back with UV_ECANCELED. */
static void drop(struct link *l)
{
    if (l->state == LINK_RESOLVING)
        (void)uv_cancel((uv_req_t *)&l->resolve); /* not possible once a thread works on it: then it is waited for */
    move(l, LINK_CLOSED);
    if (l->tcp_open) {
        l->tcp_open = false;
        uv_close((uv_handle_t *)&l->tcp, on_tcp_closed);
    }
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
    uv_freeaddrinfo(l->addresses);
    l->addresses = NULL;
}

static void fail(struct link *l)
{
    drop(l);
    l->events->ended(l);
}

static void on_too_late(uv_timer_t *t)
{
    struct link *l = t->data;
    if (l->state == LINK_LINGERING)
        drop(l);
    else
        fail(l);
}

static void give_up_after(struct link *l, uint64_t ms)
{
    uv_timer_start(&l->timer, on_too_late, ms, 0);
}

/* For failures inside a call of the owner: it hears of them from the loop. */
static void fail_soon(struct link *l)
{
    move(l, LINK_FAILING);
    if (l->tcp_open)
        uv_read_stop((uv_stream_t *)&l->tcp);
    give_up_after(l, 0);
}

/* --- writing --- */

struct write {
    uv_write_t req;
    uint8_t data[];
};

static void on_written(uv_write_t *req, int status)
{
    struct link *l = req->data;
    free((struct write *)req);
    if (status < 0 && (l->state == LINK_OPEN || l->state == LINK_PROXY))
        fail(l);
}

static void write_rest(struct link *l, const uint8_t *data, size_t len)
{
    struct write *w = malloc(sizeof(*w) + len);
    if (w == NULL) {
        fail_soon(l);
        return;
    }
    memcpy(w->data, data, len);
    w->req.data = l;
    uv_buf_t buf = uv_buf_init((char *)w->data, (unsigned)len);
    if (uv_write(&w->req, (uv_stream_t *)&l->tcp, &buf, 1, on_written) != 0) {
        free(w);
        fail_soon(l);
    }
}

static void write_out(struct link *l, const uint8_t *data, size_t len)
{
    /* Fails while earlier bytes wait, so the order is kept. */
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&l->tcp, &buf, 1);
    size_t gone = n > 0 ? (size_t)n : 0;
    if (gone < len)
        write_rest(l, data + gone, len - gone);
}

void link_write(struct link *l, const uint8_t *data, size_t len)
{
    if (l->state == LINK_OPEN && len > 0)
        write_out(l, data, len);
}

/* --- reading --- */

static void open_now(struct link *l)
{
    move(l, LINK_OPEN);
    uv_timer_stop(&l->timer);
    l->events->opened(l);
}

static void read_proxy(struct link *l, const uint8_t *data, size_t len)
{
    while (len > 0 && l->state == LINK_PROXY) {
        size_t used;
        enum socks5_step step = socks5_feed(&l->socks5, data, len, &used);
        data += used;
        len -= used;
        if (step == SOCKS5_SEND)
            write_out(l, l->socks5.out, l->socks5.out_len);
        else if (step == SOCKS5_OPEN)
            open_now(l);
        else if (step == SOCKS5_REFUSED)
            fail(l);
    }
    if (len > 0 && l->state == LINK_OPEN)
        l->events->received(l, data, len);
}

static void lend_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct link *l = h->data;
    (void)suggested;
    *buf = uv_buf_init((char *)l->buffer, LINK_BUFFER_BYTES);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct link *l = s->data;
    const uint8_t *data = (const uint8_t *)buf->base;
    if (n == 0)
        return;
    if (n < 0 && l->state == LINK_LINGERING)
        drop(l);
    else if (n < 0)
        fail(l);
    else if (l->state == LINK_PROXY)
        read_proxy(l, data, (size_t)n);
    else if (l->state == LINK_OPEN)
        l->events->received(l, data, (size_t)n);
}

/* --- connecting --- */

static void try_address(struct link *l);

static void on_attempt_closed(uv_handle_t *h)
{
    struct link *l = h->data;
    if (l->state == LINK_NEXT_ADDRESS)
        try_address(l);
    release(l);
}

static void try_next_address(struct link *l)
{
    move(l, LINK_NEXT_ADDRESS);
    l->address = l->address->ai_next;
    l->tcp_open = false;
    uv_close((uv_handle_t *)&l->tcp, on_attempt_closed);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct link *l = req->data;
    if (l->state != LINK_CONNECTING || status == UV_ECANCELED)
        return;
    if (status < 0) {
        try_next_address(l);
        return;
    }
    uv_tcp_nodelay(&l->tcp, 1);
    uv_freeaddrinfo(l->addresses);
    l->addresses = NULL;
    if (uv_read_start((uv_stream_t *)&l->tcp, lend_buffer, on_read) != 0) {
        fail(l);
    } else if (l->through_proxy) {
        move(l, LINK_PROXY);
        give_up_after(l, PROXY_MS);
        write_out(l, l->socks5.out, l->socks5.out_len);
    } else {
        open_now(l);
    }
}

static void on_connect_too_late(uv_timer_t *t)
{
    try_next_address(t->data);
}

/* In NEXT_ADDRESS, or RESOLVING for the first one; no socket is open. */
static void try_address(struct link *l)
{
    if (l->address == NULL) {
        fail(l);
        return;
    }
    move(l, LINK_CONNECTING);
    if (uv_tcp_init(l->timer.loop, &l->tcp) != 0) {
        fail(l);
        return;
    }
    l->tcp.data = l;
    l->connect.data = l;
    l->tcp_open = true;
    l->holds++;
    uv_timer_start(&l->timer, on_connect_too_late, CONNECT_MS, 0);
    if (uv_tcp_connect(&l->connect, &l->tcp, l->address->ai_addr, on_connected) != 0)
        try_next_address(l);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct link *l = req->data;
    if (l->state != LINK_RESOLVING) {
        uv_freeaddrinfo(found);
    } else if (status < 0) {
        fail(l);
    } else {
        l->addresses = found;
        l->address = found;
        try_address(l);
    }
    release(l);
}

static void resolve(struct link *l)
{
    char service[8];
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(service, sizeof(service), "%u", (unsigned)l->target.port);
    l->resolve.data = l;
    if (uv_getaddrinfo(l->timer.loop, &l->resolve, on_resolved, l->target.host, service, &hints) != 0) {
        fail_soon(l);
        return;
    }
    l->holds++;
    give_up_after(l, CONNECT_MS);
}

static bool aim(struct link *l, const struct link_options *o)
{
    uint8_t isolation[SOCKS5_ISOLATION_BYTES];
    if (strlen(o->host) >= sizeof(l->target.host))
        return false;
    if (o->proxy == NULL) {
        strcpy(l->target.host, o->host);
        l->target.port = o->port;
        return true;
    }
    l->target = *o->proxy;
    l->through_proxy = true;
    return uv_random(NULL, NULL, isolation, sizeof(isolation), 0, NULL) == 0 &&
           socks5_init(&l->socks5, o->host, o->port, isolation);
}

struct link *link_open(const struct link_options *o)
{
    struct link *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    l->ctx = o->ctx;
    l->id = o->id;
    l->events = o->events;
    l->buffer = o->buffer;
    l->state = LINK_RESOLVING;
    uv_timer_init(o->loop, &l->timer);
    l->timer.data = l;
    l->holds = 1;
    if (aim(l, o))
        resolve(l);
    else
        fail_soon(l);
    return l;
}

/* --- closing from this side --- */

static void on_shut_down(uv_shutdown_t *req, int status)
{
    struct link *l = req->data;
    if (status < 0 && l->state == LINK_LINGERING)
        drop(l);
}

void link_close(struct link *l)
{
    if (l->state == LINK_LINGERING || l->state == LINK_CLOSED)
        return;
    /*
     * What was written goes out, and what still comes in is read: closing a socket with unread bytes makes the kernel
     * send a reset, which may overtake the last acknowledgement.
     */
    l->shutdown.data = l;
    if (l->state != LINK_OPEN || uv_shutdown(&l->shutdown, (uv_stream_t *)&l->tcp, on_shut_down) != 0) {
        drop(l);
        return;
    }
    move(l, LINK_LINGERING);
    give_up_after(l, LINGER_MS);
}
