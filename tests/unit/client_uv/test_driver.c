/*
 * The driver against a fake client and scripted peers. Three functions of libuv are wrapped: uv_getaddrinfo, to see which
 * names are resolved on this machine; uv_tcp_connect, to make it fail; uv_timer_start, to make the driver's long
 * timeouts short. Each test ends with a loop that closes cleanly.
 */
#define _POSIX_C_SOURCE 200809L

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include <zaguan/uv.h>

#include "tests/unit/client_uv/fake_client.h"
#include "tests/unit/client_uv/peer.h"

/* --- libuv, wrapped --- */

static char resolved[256]; /* the last host that was resolved here */
static int resolutions;
static int connects_to_fail;
static int connects;
static uint64_t hurry; /* divides timeouts of more than 10 s */

int __real_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node,
                          const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node,
                          const char *service, const struct addrinfo *hints);
int __real_uv_tcp_connect(uv_connect_t *req, uv_tcp_t *handle, const struct sockaddr *addr, uv_connect_cb cb);
int __wrap_uv_tcp_connect(uv_connect_t *req, uv_tcp_t *handle, const struct sockaddr *addr, uv_connect_cb cb);
int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat);

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node,
                          const char *service, const struct addrinfo *hints)
{
    struct addrinfo h = *hints;
    snprintf(resolved, sizeof(resolved), "%s", node);
    resolutions++;
    h.ai_flags |= AI_NUMERICHOST; /* no test asks a name server */
    h.ai_socktype = 0;            /* the same address comes several times */
    return __real_uv_getaddrinfo(loop, req, cb, node, service, &h);
}

int __wrap_uv_tcp_connect(uv_connect_t *req, uv_tcp_t *handle, const struct sockaddr *addr, uv_connect_cb cb)
{
    connects++;
    if (connects_to_fail > 0) {
        connects_to_fail--;
        return UV_ENETUNREACH;
    }
    return __real_uv_tcp_connect(req, handle, addr, cb);
}

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout, uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout > 10000 && hurry > 0 ? timeout / hurry : timeout, repeat);
}

/* --- what every test has --- */

struct world {
    uv_loop_t loop;
    zg_client client;
    zg_uv *driver;
    struct peer peer;
    uv_timer_t tick;
    int ticks;
    int woken;
    int driver_closed;
};

static void on_wake(void *ctx)
{
    ((struct world *)ctx)->woken++;
}

static void on_driver_closed(void *ctx)
{
    ((struct world *)ctx)->driver_closed++;
}

/* A turn of the loop looks at timers, then waits for sockets: without a tick it might wait for ever. */
static void on_tick(uv_timer_t *t)
{
    struct world *w = t->data;
    if (++w->ticks < 500)
        return;
    fprintf(stderr, "nothing happened for 5 seconds\n");
    abort();
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    resolved[0] = '\0';
    resolutions = connects = connects_to_fail = 0;
    hurry = 0;
    assert_int_equal(uv_loop_init(&w->loop), 0);
    fake_init(&w->client);
    peer_open(&w->peer, &w->loop);
    uv_timer_init(&w->loop, &w->tick);
    w->tick.data = w;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->driver != NULL)
        zg_uv_close(w->driver, on_driver_closed);
    peer_close(&w->peer);
    uv_close((uv_handle_t *)&w->tick, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (w->driver != NULL)
        assert_int_equal(w->driver_closed, 1);
    fake_clear(&w->client);
    peer_clear(&w->peer);
    free(w);
    return 0;
}

static void drive(struct world *w, const char *socks5)
{
    const zg_uv_options options = {.size = sizeof(options), .socks5 = socks5, .wake = on_wake, .ctx = w};
    assert_int_equal(zg_uv_open(&w->driver, &w->loop, &w->client, &options), ZG_OK);
}

static void drive_through_peer(struct world *w)
{
    char at[32];
    snprintf(at, sizeof(at), "127.0.0.1:%u", (unsigned)w->peer.port);
    drive(w, at);
}

#define RUN_UNTIL(w, condition)                              \
    do {                                                     \
        (w)->ticks = 0;                                      \
        uv_timer_start(&(w)->tick, on_tick, 10, 10);         \
        while (!(condition))                                 \
            uv_run(&(w)->loop, UV_RUN_ONCE);                 \
        uv_timer_stop(&(w)->tick);                           \
    } while (0)

/* Long enough for something to go wrong that should not happen. */
static void run_a_little(struct world *w)
{
    for (int i = 0; i < 20; i++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

/* --- directly --- */

static void bytes_go_both_ways(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, 5, "answer", 6);
    fake_connect(&w->client, 7, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1);
    assert_int_equal(w->client.last_opened, 7);
    fake_send(&w->client, 7, "hel", 3);
    fake_send(&w->client, 7, "lo", 2);
    zg_uv_kick(w->driver);
    RUN_UNTIL(w, w->client.received_len == 6);
    assert_memory_equal(w->client.received, "answer", 6);
    assert_memory_equal(w->peer.connections[0].got, "hello", 5);
    assert_true(w->woken >= 2);
    assert_int_equal(w->client.closed, 0);
}

static void long_writes_keep_their_order(void **state)
{
    struct world *w = *state;
    enum { LEN = 3 * 1024 * 1024 };
    uint8_t *data = malloc(LEN);
    assert_non_null(data);
    for (size_t i = 0; i < LEN; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 24);
    w->peer.deaf = true;
    fake_connect(&w->client, 1, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1 && w->peer.count == 1);
    fake_send(&w->client, 1, data, LEN - 2000);
    fake_send(&w->client, 1, data + LEN - 2000, 1000);
    fake_send(&w->client, 1, data + LEN - 1000, 1000);
    zg_uv_kick(w->driver);
    uint8_t *copy = malloc(LEN);
    assert_non_null(copy);
    memcpy(copy, data, LEN);
    memset(data, 0, LEN); /* it was borrowed until the next call only */
    peer_hear(&w->peer);
    RUN_UNTIL(w, w->peer.connections[0].got_len == LEN);
    assert_memory_equal(w->peer.connections[0].got, copy, LEN);
    free(copy);
    free(data);
}

static void refused_connections_are_reported_once(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 3, "127.0.0.1", 1); /* nobody listens on port 1 */
    drive(w, NULL);
    assert_int_equal(w->client.closed, 0); /* from the loop, not from inside */
    RUN_UNTIL(w, w->client.closed > 0);
    run_a_little(w);
    assert_int_equal(w->client.closed, 1);
    assert_int_equal(w->client.last_closed, 3);
    assert_int_equal(w->client.opened, 0);
    assert_true(w->woken >= 1);
}

static void next_address_is_tried(void **state)
{
    struct world *w = *state;
    connects_to_fail = 1;
    fake_connect(&w->client, 3, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1);
    assert_int_equal(connects, 2);
    assert_int_equal(w->client.closed, 0);
}

static void names_that_do_not_resolve_are_reported(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 3, "no.such.name.invalid", 80);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.closed == 1);
    assert_string_equal(resolved, "no.such.name.invalid");
    assert_int_equal(connects, 0);
}

static void hang_up_is_reported_once(void **state)
{
    struct world *w = *state;
    peer_hang_up(&w->peer, 5);
    fake_connect(&w->client, 9, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1);
    fake_send(&w->client, 9, "hello", 5);
    zg_uv_kick(w->driver);
    RUN_UNTIL(w, w->client.closed == 1);
    fake_send(&w->client, 9, "more", 4); /* nobody there: nothing happens */
    fake_close(&w->client, 9);
    zg_uv_kick(w->driver);
    run_a_little(w);
    assert_int_equal(w->client.closed, 1);
}

static void close_lets_out_what_was_written(void **state)
{
    struct world *w = *state;
    enum { LEN = 600000 };
    uint8_t *data = calloc(1, LEN);
    assert_non_null(data);
    peer_step(&w->peer, 0, "unread by the client", 20);
    w->peer.deaf = true;
    fake_connect(&w->client, 2, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1 && w->peer.count == 1);
    fake_send(&w->client, 2, data, LEN);
    fake_close(&w->client, 2);
    zg_uv_kick(w->driver);
    free(data);
    size_t before = w->client.received_len;
    peer_hear(&w->peer);
    RUN_UNTIL(w, w->peer.connections[0].ended || w->peer.connections[0].reset);
    assert_true(w->peer.connections[0].ended);
    assert_int_equal(w->peer.connections[0].got_len, LEN);
    run_a_little(w);
    assert_int_equal(w->client.received_len, before);
    assert_int_equal(w->client.closed, 0);
}

static void peer_that_does_not_read_cannot_hold_a_closed_link(void **state)
{
    struct world *w = *state;
    enum { LEN = 3 * 1024 * 1024 };
    uint8_t *data = calloc(1, LEN);
    assert_non_null(data);
    w->peer.deaf = true;
    fake_connect(&w->client, 2, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.opened == 1 && w->peer.count == 1);
    fake_send(&w->client, 2, data, LEN);
    zg_uv_kick(w->driver);
    free(data);
    zg_uv_close(w->driver, on_driver_closed);
    w->driver = NULL;
    RUN_UNTIL(w, w->driver_closed == 1);
}

/* --- time --- */

static void deadline_is_kept(void **state)
{
    struct world *w = *state;
    drive(w, NULL);
    run_a_little(w);
    assert_int_equal(w->client.advanced, 0);
    uint64_t due = zg_uv_now(w->driver).mono_ms + 60;
    w->client.deadline = due;
    zg_uv_kick(w->driver);
    RUN_UNTIL(w, w->client.advanced == 1);
    assert_in_range(w->client.advanced_at.mono_ms, due, due + 200);
    assert_true(w->woken >= 1);
    run_a_little(w);
    assert_int_equal(w->client.advanced, 1);
}

static void deadline_can_move_to_earlier_and_to_never(void **state)
{
    struct world *w = *state;
    drive(w, NULL);
    w->client.deadline = zg_uv_now(w->driver).mono_ms + 60000;
    zg_uv_kick(w->driver);
    w->client.deadline = 0; /* long ago */
    zg_uv_kick(w->driver);
    RUN_UNTIL(w, w->client.advanced == 1);
    w->client.deadline = zg_uv_now(w->driver).mono_ms + 10;
    zg_uv_kick(w->driver);
    w->client.deadline = UINT64_MAX;
    zg_uv_kick(w->driver);
    run_a_little(w);
    assert_int_equal(w->client.advanced, 1);
}

static void clocks_are_what_they_say(void **state)
{
    struct world *w = *state;
    drive(w, NULL);
    zg_now a = zg_uv_now(w->driver);
    run_a_little(w);
    zg_now b = zg_uv_now(w->driver);
    assert_in_range(b.mono_ms - a.mono_ms, 15, 2000);
    assert_in_range(a.utc_ms / 1000, (uint64_t)time(NULL) - 5, (uint64_t)time(NULL) + 5);
}

/* --- through a proxy --- */

#define GREETING 4
#define REQUEST (GREETING + 4 + 1 + 13 + 2) /* for relay.example */
#define OPENED "\x05\x00\x00\x01\0\0\0\0\0\0"

static void connect_through_proxy(struct world *w)
{
    fake_connect(&w->client, 1, "relay.example", 4433);
    drive_through_peer(w);
}

static void proxy_resolves_the_relays_name(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, GREETING, "\x05\x00", 2);
    peer_step(&w->peer, REQUEST, OPENED "first", 15);
    peer_step(&w->peer, REQUEST + 5, "second", 6);
    connect_through_proxy(w);
    RUN_UNTIL(w, w->client.opened == 1);
    fake_send(&w->client, 1, "hello", 5);
    zg_uv_kick(w->driver);
    RUN_UNTIL(w, w->client.received_len == 11);
    assert_memory_equal(w->client.received, "firstsecond", 11);
    assert_memory_equal(w->peer.connections[0].got + GREETING, "\x05\x01\x00\x03\x0drelay.example\x11\x51", 20);
    assert_memory_equal(w->peer.connections[0].got + REQUEST, "hello", 5);
    assert_int_equal(resolutions, 1); /* of the proxy itself */
    assert_string_equal(resolved, "127.0.0.1");
}

static void each_link_has_a_circuit_of_its_own(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, GREETING, "\x05\x02", 2);
    fake_connect(&w->client, 1, "relay.example", 4433);
    fake_connect(&w->client, 2, "relay.example", 4433);
    drive_through_peer(w);
    RUN_UNTIL(w, w->peer.count == 2 && w->peer.connections[0].got_len == GREETING + 35 &&
                     w->peer.connections[1].got_len == GREETING + 35);
    const uint8_t *a = w->peer.connections[0].got + GREETING;
    const uint8_t *b = w->peer.connections[1].got + GREETING;
    assert_int_equal(a[0], 1);
    assert_memory_not_equal(a + 2, b + 2, 16);
    assert_memory_not_equal(a + 19, b + 19, 16);
}

static void ends_without_opening(struct world *w)
{
    connect_through_proxy(w);
    RUN_UNTIL(w, w->client.closed == 1);
    run_a_little(w);
    assert_int_equal(w->client.closed, 1);
    assert_int_equal(w->client.opened, 0);
    assert_int_equal(resolutions, 1);
}

static void proxy_that_refuses_the_login_is_reported(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, GREETING, "\x05\xff", 2);
    ends_without_opening(w);
}

static void proxy_that_cannot_connect_is_reported(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, GREETING, "\x05\x00", 2);
    peer_step(&w->peer, REQUEST, "\x05\x05", 2);
    ends_without_opening(w);
}

static void proxy_that_hangs_up_in_half_an_answer_is_reported(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, GREETING, "\x05\x00", 2);
    peer_step(&w->peer, REQUEST, "\x05\x00\x00", 3);
    peer_hang_up(&w->peer, REQUEST);
    ends_without_opening(w);
}

static void proxy_that_is_something_else_is_reported(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, 0, "220 mail.example ESMTP\r\n", 24);
    ends_without_opening(w);
}

static void proxy_that_says_nothing_is_given_up(void **state)
{
    struct world *w = *state;
    hurry = 1000;
    ends_without_opening(w);
}

static void proxy_that_is_not_there_is_reported(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 1, "relay.example", 4433);
    drive(w, "127.0.0.1:1");
    RUN_UNTIL(w, w->client.closed == 1);
    assert_int_equal(w->client.opened, 0);
}

static void proxies_are_checked_when_opening(void **state)
{
    struct world *w = *state;
    static const char *const bad[] = {"", "127.0.0.1", ":9050", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                                      "127.0.0.1:90x", "::1:9050", "[]:9050", "127.0.0.1:-1", "a: 80"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const zg_uv_options options = {.size = sizeof(options), .socks5 = bad[i]};
        assert_int_equal(zg_uv_open(&w->driver, &w->loop, &w->client, &options), ZG_ERR_ARGUMENT);
    }
    assert_null(w->driver);
    drive(w, "[::1]:9050");
}

/* --- closing at every stage --- */

static void closing_while_resolving_leaves_nothing(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 1, "127.0.0.1", w->peer.port);
    drive(w, NULL); /* teardown closes at once */
    assert_int_equal(resolutions, 1);
}

static void closing_while_connecting_leaves_nothing(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 1, "127.0.0.1", w->peer.port);
    drive(w, NULL);
    RUN_UNTIL(w, connects == 1);
}

static void closing_while_the_proxy_thinks_leaves_nothing(void **state)
{
    struct world *w = *state;
    connect_through_proxy(w);
    RUN_UNTIL(w, w->peer.count == 1 && w->peer.connections[0].got_len == GREETING);
}

static void client_may_close_a_link_that_is_not_open_yet(void **state)
{
    struct world *w = *state;
    fake_connect(&w->client, 1, "127.0.0.1", w->peer.port);
    fake_close(&w->client, 1);
    drive(w, NULL);
    run_a_little(w);
    assert_int_equal(w->client.opened, 0);
    assert_int_equal(w->client.closed, 0);
}

static void close_in_wake(void *ctx)
{
    struct world *w = ctx;
    if (w->client.opened == 1 && w->driver != NULL) {
        zg_uv_close(w->driver, on_driver_closed);
        w->driver = NULL;
        fake_clear(&w->client);
    }
}

static void wake_may_close_the_driver_and_free_the_client(void **state)
{
    struct world *w = *state;
    const zg_uv_options options = {.size = sizeof(options), .wake = close_in_wake, .ctx = w};
    peer_step(&w->peer, 0, "hello", 5);
    fake_connect(&w->client, 1, "127.0.0.1", w->peer.port);
    assert_int_equal(zg_uv_open(&w->driver, &w->loop, &w->client, &options), ZG_OK);
    RUN_UNTIL(w, w->driver_closed == 1);
    assert_int_equal(w->client.closed, 0);
}

static void ask_again(struct zg_client *c, void *ctx)
{
    struct world *w = ctx;
    if (c->closed == 1 && c->opened == 0)
        fake_connect(c, 2, "127.0.0.1", w->peer.port);
    if (c->opened == 1 && c->received_len == 0)
        fake_send(c, 2, "hello", 5);
}

static void news_that_bring_more_io_are_served(void **state)
{
    struct world *w = *state;
    peer_step(&w->peer, 5, "hi", 2);
    w->client.news = ask_again;
    w->client.ctx = w;
    fake_connect(&w->client, 1, "127.0.0.1", 1);
    drive(w, NULL);
    RUN_UNTIL(w, w->client.received_len == 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(bytes_go_both_ways),
        TEST(long_writes_keep_their_order),
        TEST(refused_connections_are_reported_once),
        TEST(next_address_is_tried),
        TEST(names_that_do_not_resolve_are_reported),
        TEST(hang_up_is_reported_once),
        TEST(close_lets_out_what_was_written),
        TEST(peer_that_does_not_read_cannot_hold_a_closed_link),
        TEST(deadline_is_kept),
        TEST(deadline_can_move_to_earlier_and_to_never),
        TEST(clocks_are_what_they_say),
        TEST(proxy_resolves_the_relays_name),
        TEST(each_link_has_a_circuit_of_its_own),
        TEST(proxy_that_refuses_the_login_is_reported),
        TEST(proxy_that_cannot_connect_is_reported),
        TEST(proxy_that_hangs_up_in_half_an_answer_is_reported),
        TEST(proxy_that_is_something_else_is_reported),
        TEST(proxy_that_says_nothing_is_given_up),
        TEST(proxy_that_is_not_there_is_reported),
        TEST(proxies_are_checked_when_opening),
        TEST(closing_while_resolving_leaves_nothing),
        TEST(closing_while_connecting_leaves_nothing),
        TEST(closing_while_the_proxy_thinks_leaves_nothing),
        TEST(client_may_close_a_link_that_is_not_open_yet),
        TEST(wake_may_close_the_driver_and_free_the_client),
        TEST(news_that_bring_more_io_are_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
