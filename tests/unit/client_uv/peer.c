#define _POSIX_C_SOURCE 200809L

#include "tests/unit/client_uv/peer.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { GOT_MAX = 4 * 1024 * 1024 };

static void hang_up(struct peer_connection *c)
{
    if (c->open)
        uv_close((uv_handle_t *)&c->tcp, NULL);
    c->open = false;
}

static void follow_script(struct peer_connection *c)
{
    struct peer *p = c->peer;
    while (c->open && c->next_step < p->step_count && c->got_len >= p->steps[c->next_step].after) {
        const struct peer_step *s = &p->steps[c->next_step++];
        if (s->say_len > 0) {
            uv_buf_t buf = uv_buf_init((char *)(uintptr_t)s->say, (unsigned)s->say_len);
            assert_int_equal(uv_try_write((uv_stream_t *)&c->tcp, &buf, 1), s->say_len);
        }
        if (s->hang_up)
            hang_up(c);
    }
}

static void lend(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct peer_connection *c = h->data;
    (void)suggested;
    *buf = uv_buf_init((char *)c->got + c->got_len, (unsigned)(GOT_MAX - c->got_len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct peer_connection *c = s->data;
    (void)buf;
    if (n > 0) {
        c->got_len += (size_t)n;
        follow_script(c);
    } else if (n < 0) {
        c->ended = n == UV_EOF;
        c->reset = n != UV_EOF;
        hang_up(c);
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct peer *p = server->data;
    assert_int_equal(status, 0);
    assert_true(p->count < PEER_CONNECTIONS_MAX);
    struct peer_connection *c = &p->connections[p->count++];
    c->peer = p;
    c->got = malloc(GOT_MAX);
    assert_non_null(c->got);
    uv_tcp_init(server->loop, &c->tcp);
    c->tcp.data = c;
    assert_int_equal(uv_accept(server, (uv_stream_t *)&c->tcp), 0);
    c->open = true;
    if (!p->deaf)
        assert_int_equal(uv_read_start((uv_stream_t *)&c->tcp, lend, on_read), 0);
    follow_script(c);
}

void peer_open(struct peer *p, uv_loop_t *loop)
{
    struct sockaddr_in at;
    int len = sizeof(at);
    memset(p, 0, sizeof(*p));
    assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &at), 0);
    uv_tcp_init(loop, &p->server);
    p->server.data = p;
    assert_int_equal(uv_tcp_bind(&p->server, (const struct sockaddr *)&at, 0), 0);
    int buffer = 4096; /* so that long writes have to wait */
    assert_int_equal(uv_recv_buffer_size((uv_handle_t *)&p->server, &buffer), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&p->server, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&p->server, (struct sockaddr *)&at, &len), 0);
    p->port = ntohs(at.sin_port);
}

void peer_step(struct peer *p, size_t after, const char *say, size_t say_len)
{
    assert_true(p->step_count < PEER_STEPS_MAX);
    p->steps[p->step_count++] = (struct peer_step){after, say, say_len, false};
}

void peer_hang_up(struct peer *p, size_t after)
{
    assert_true(p->step_count < PEER_STEPS_MAX);
    p->steps[p->step_count++] = (struct peer_step){after, NULL, 0, true};
}

void peer_hear(struct peer *p)
{
    for (size_t i = 0; i < p->count; i++)
        assert_int_equal(uv_read_start((uv_stream_t *)&p->connections[i].tcp, lend, on_read), 0);
}

void peer_close(struct peer *p)
{
    for (size_t i = 0; i < p->count; i++)
        hang_up(&p->connections[i]);
    uv_close((uv_handle_t *)&p->server, NULL);
}

void peer_clear(struct peer *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->connections[i].got);
}
