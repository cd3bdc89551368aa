#define _GNU_SOURCE
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/edge/clock.h"
#include "relay/edge/stream_inside.h"

enum {
    BACKLOG = 1024,
    ACCEPTS_A_TURN = 16,          /* of all listeners; then others have their turn first */
    CLOSING_MAX = ACCEPTS_A_TURN, /* in whose place others came */
    KEEPALIVE_SECONDS = 600,
};

/* --- accepting --- */

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
        stream_close(s);
        return;
    }
    s->user = s->handler->open(listener->ctx, s, clock_now(ss->loop));
    if (s->user == NULL)
        stream_close(s);
    else
        stream_start(s);
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
    while (!list_empty(&ss->waiting)) {
        struct stream *s = LIST_ITEM(ss->waiting.next, struct stream, waiting);
        list_remove(&s->waiting);
        stream_serve(s);
    }
    accept_waiting(ss);
    if (ss->origins != NULL)
        origins_forget(ss->origins, uv_now(ss->loop));
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct listener *l = handle->data;
    streams_forget_handle(l->streams);
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

    assert(ss->listener_count < STREAM_LISTENERS_MAX);
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

void streams_forget_handle(struct streams *ss)
{
    ss->handles--;
    if (!ss->closing || ss->handles > 0)
        return;
    free(ss->scratch);
    free(ss);
}

static void on_timer_closed(uv_handle_t *handle)
{
    streams_forget_handle(handle->data);
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
        stream_close(LIST_ITEM(l, struct stream, all));
    }
    ss->closing = true;
    uv_close((uv_handle_t *)&ss->sweep, on_timer_closed);
}
