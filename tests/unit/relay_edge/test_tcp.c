/* Connections by TCP over real sockets, with a core that is played. */
#define _GNU_SOURCE
#include "relay/edge/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/client/heap.h"
#include "tests/unit/relay_edge/played_core.h"

enum { CONNECTIONS_MAX = 3, CROWD = 40, CROWD_MAX = 30 };

/* --- the world --- */

struct world {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct streams *streams;
    uint16_t port;
    int fd;
};

static void on_prepare(uv_prepare_t *p)
{
    struct world *w = p->data;
    streams_turn(w->streams);
}

static void turn(struct world *w)
{
    uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* Turns until *what is at least `enough`; fails after five seconds. */
static void turn_until(struct world *w, const size_t *what, size_t enough)
{
    for (int i = 0; i < 5000 && *what < enough; i++) {
        turn(w);
        if (*what < enough)
            poll(NULL, 0, 1);
    }
    assert_true(*what >= enough);
}

static int connect_to(const struct world *w)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(w->port)};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&where, sizeof(where)), 0);
    return fd;
}

static int open_world(void **state, size_t most, struct origins *origins)
{
    struct world *w = calloc(1, sizeof(*w));
    struct address a;
    char bound[ADDRESS_BYTES_MAX + 1], why[100];

    memset(&core, 0, sizeof(core));
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(streams_open(&w->streams, &w->loop, most, origins), ZG_OK);
    assert_int_equal(address_parse(&a, "127.0.0.1:0"), ZG_OK);
    assert_int_equal(streams_listen(w->streams, &a, &tcp_handler, NULL, bound, why, sizeof(why)), ZG_OK);
    assert_int_equal(address_parse(&a, bound), ZG_OK);
    w->port = a.port;
    uv_prepare_init(&w->loop, &w->prepare);
    w->prepare.data = w;
    uv_prepare_start(&w->prepare, on_prepare);

    w->fd = connect_to(w);
    assert_int_equal(fcntl(w->fd, F_SETFL, O_NONBLOCK), 0);
    *state = w;
    return 0;
}

static int make_world(void **state)
{
    return open_world(state, CONNECTIONS_MAX, NULL);
}

static int end_world(void **state)
{
    struct world *w = *state;
    streams_leave(w->streams);
    streams_close(w->streams);
    uv_close((uv_handle_t *)&w->prepare, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(core.closed + core.ended, core.opened);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
    return 0;
}

static void say(struct world *w, const char *what, size_t len)
{
    assert_int_equal(send(w->fd, what, len, MSG_NOSIGNAL), len);
}

/* Reads what there is; -1: the end, or an error. */
static ssize_t hear(struct world *w, uint8_t *buf, size_t cap)
{
    ssize_t n = recv(w->fd, buf, cap, 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return n == 0 ? -1 : n;
}

/* All that the session writes, slowly; checks every byte. Returns how many came before the end or `wanted`.
 */
static size_t hear_all(struct world *w, size_t wanted)
{
    static uint8_t buf[30000];
    size_t got = 0;
    for (int idle = 0; got < wanted && idle < 5000;) {
        turn(w);
        ssize_t n = hear(w, buf, sizeof(buf));
        if (n < 0)
            break;
        if (n == 0) {
            idle++;
            poll(NULL, 0, 1);
            continue;
        }
        for (ssize_t i = 0; i < n; i++)
            if (buf[i] != core_byte(got + (size_t)i))
                fail_msg("byte %zu is wrong", got + (size_t)i);
        got += (size_t)n;
    }
    return got;
}

static void bytes_reach_the_session(void **state)
{
    struct world *w = *state;
    char data[3000];
    memset(data, 'a', sizeof(data));
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    for (int i = 0; i < 100; i++)
        say(w, data, sizeof(data));
    turn_until(w, &s->received, 300000);
    assert_int_equal(s->sum, 300000 * 'a');
    close(w->fd);
    w->fd = -1;
    turn_until(w, &core.closed, 1);
    turn(w);
    turn(w);
    assert_true(streams_empty(w->streams));
}

static void what_a_socket_does_not_take_follows_in_order(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    say(w, "b", 1);
    turn_until(w, &s->received, 1);
    assert_true(s->waiting); /* or the test shows nothing */
    assert_true(s->written < CORE_BIG);
    assert_int_equal(hear_all(w, CORE_BIG), CORE_BIG);
    assert_false(s->waiting);
}

static void an_ended_session_s_last_bytes_still_arrive(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    say(w, "e", 1);
    assert_int_equal(hear_all(w, (size_t)CORE_BIG + 1), CORE_BIG);
    assert_int_equal(core.ended, 1);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_true(streams_empty(w->streams));
}

static void what_the_socket_had_not_taken_at_the_end_still_arrives(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    say(w, "h", 1);
    turn_until(w, &core.ended, 1);
    assert_false(streams_empty(w->streams));
    assert_int_equal(hear_all(w, (size_t)CORE_BIG + 1), CORE_BIG);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_true(streams_empty(w->streams));
}

static void make_small(uv_handle_t *handle, void *arg)
{
    const int bytes = 8192;
    int fd;
    (void)arg;
    if (uv_fileno(handle, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* Twenty times in a second instead of every five seconds. */
static void hurry(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (handle->type == UV_TIMER)
        uv_timer_set_repeat((uv_timer_t *)handle, 50);
}

/* Who takes a little now and then does not hold for days what a session said last. */
static void a_peer_that_takes_little_has_a_minute_for_the_last_bytes(void **state)
{
    static uint8_t buf[8000];
    struct world *w = *state;
    size_t got = 0;
    turn_until(w, &core.opened, 1);
    uv_walk(&w->loop, make_small, NULL);
    played_time.hurry = true;
    say(w, "h", 1);
    turn_until(w, &core.ended, 1);
    uv_walk(&w->loop, hurry, NULL);
    for (int i = 0; i < 1000 && !streams_empty(w->streams); i++) {
        ssize_t n = hear(w, buf, sizeof(buf));
        got += n > 0 ? (size_t)n : 0;
        poll(NULL, 0, 2);
        turn(w);
    }
    played_time.hurry = false;
    assert_true(streams_empty(w->streams));
    assert_true(got > 0);
}

static void a_session_that_ends_closes_its_connection(void **state)
{
    struct world *w = *state;
    uint8_t byte;
    turn_until(w, &core.opened, 1);
    say(w, "x", 1);
    turn_until(w, &core.ended, 1);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_int_equal(hear(w, &byte, 1), -1);
    assert_true(streams_empty(w->streams));
}

static void a_refused_session_closes_its_connection(void **state)
{
    struct world *w = *state;
    uint8_t byte;
    core.refuse = true;
    for (int i = 0; i < 50; i++)
        turn(w);
    assert_int_equal(hear(w, &byte, 1), -1);
    assert_true(streams_empty(w->streams));
}

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
    return value;
}

static void look_at_socket(uv_handle_t *handle, void *arg)
{
    size_t *seen = arg;
    uv_os_fd_t fd;
    if (handle->type != UV_TCP || uv_fileno(handle, &fd) != 0 || option(fd, SOL_SOCKET, SO_ACCEPTCONN) != 0)
        return;
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 600);
    (*seen)++;
}

/* They have it from the listener. */
static void a_connection_is_kept_alive_and_little_things_leave_at_once(void **state)
{
    struct world *w = *state;
    size_t seen = 0;
    turn_until(w, &core.opened, 1);
    uv_walk(&w->loop, look_at_socket, &seen);
    assert_int_equal(seen, 1);
}

static void when_it_is_full_one_goes_for_a_new_one_if_the_core_says_so(void **state)
{
    enum { MORE = 5 };
    struct world *w = *state;
    int fds[CONNECTIONS_MAX + MORE];
    for (int i = 1; i < CONNECTIONS_MAX; i++)
        fds[i] = connect_to(w);
    turn_until(w, &core.opened, CONNECTIONS_MAX);
    fds[0] = connect_to(w);
    for (int i = 0; i < 20; i++)
        turn(w);
    assert_int_equal(core.opened, CONNECTIONS_MAX);
    core.make_room = true;
    for (size_t i = 0; i < MORE; i++) {
        fds[CONNECTIONS_MAX + i] = connect_to(w);
        turn_until(w, &core.opened, CONNECTIONS_MAX + i + 1);
        assert_int_equal(core.ended, i + 1);
    }
    for (int i = 0; i < CONNECTIONS_MAX + MORE; i++)
        close(fds[i]);
}

static void a_paused_session_gets_no_bytes_until_it_carries_on(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    say(w, "p", 1);
    turn_until(w, &s->received, 1);
    say(w, "aaaa", 4);
    for (int i = 0; i < 50; i++)
        turn(w);
    assert_int_equal(s->received, 1);
    core_resume(s);
    turn_until(w, &s->received, 5);
}

static void a_peer_that_vanishes_while_it_is_written_to_is_let_go(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    say(w, "b", 1);
    turn_until(w, &s->received, 1);
    assert_true(s->waiting);
    const struct linger hard = {1, 0}; /* a reset, as when a phone's network is gone */
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(w->fd);
    w->fd = -1;
    turn_until(w, &core.closed, 1);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_true(streams_empty(w->streams));
}

static void a_write_to_a_dead_socket_ends_the_session_outside_of_the_write(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    say(w, "p", 1); /* paused: nobody reads, so only the write can notice */
    turn_until(w, &s->received, 1);
    const struct linger hard = {1, 0};
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(w->fd);
    w->fd = -1;
    poll(NULL, 0, 20);
    s->to_write = 2 * CORE_PIECE;
    (void)core_write_on(s);
    assert_int_equal(core.closed, 0);
    turn_until(w, &core.closed, 1);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_true(streams_empty(w->streams));
}

static void no_connection_is_accepted_any_more_when_it_stops(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    streams_stop_accepting(w->streams);
    for (int i = 0; i < 10; i++)
        turn(w);
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(w->port)};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&where, sizeof(where)), -1);
    close(fd);
    say(w, "aaaa", 4); /* who is there stays */
    turn_until(w, &core.session->received, 4);
}

static void where_nobody_can_listen_is_told(void **state)
{
    struct world *w = *state;
    struct address a;
    char taken[64], bound[ADDRESS_BYTES_MAX + 1] = "", why[100] = "";
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", w->port);
    assert_int_equal(address_parse(&a, taken), ZG_OK);
    assert_int_equal(streams_listen(w->streams, &a, &tcp_handler, NULL, bound, why, sizeof(why)),
                     ZG_ERR_NETWORK);
    assert_string_equal(why, "the port is in use by another program");
    assert_int_equal(address_parse(&a, "192.0.2.1:0"), ZG_OK); /* no address of this machine */
    assert_int_equal(streams_listen(w->streams, &a, &tcp_handler, NULL, bound, why, sizeof(why)),
                     ZG_ERR_NETWORK);
    assert_string_equal(why, uv_strerror(UV_EADDRNOTAVAIL));
    assert_string_equal(bound, "");
    turn_until(w, &core.opened, 1); /* who listens already goes on */
}

/* What is kept for a slow reader needs memory; without it the connection ends, and not in the middle of the
 * write. */
static void without_memory_for_a_rest_the_connection_ends(void **state)
{
    struct world *w = *state;
    turn_until(w, &core.opened, 1);
    struct session *s = core.session;
    s->to_write = 2 * CORE_BIG;
    heap_fail_after(0);
    (void)core_write_on(s);
    heap_fail_never();
    assert_false(s->waiting);
    assert_int_equal(core.closed, 0);
    turn_until(w, &core.closed, 1);
    for (int i = 0; i < 10; i++)
        turn(w);
    assert_true(streams_empty(w->streams));
}

/* A crowd from one address: each turn of the loop takes some of it, and the address has its limit. */
static void a_crowd_comes_in_turns_and_not_all_of_it(void **state)
{
    const struct rng rng = rng_system();
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct shared_addresses shared = {.count = 0};
    const struct limits limits = {
        .connections = 2 * CROWD, .connections_of_address = CROWD_MAX, .connects_of_address_a_second = 1000};
    struct origins *origins;
    struct world *w;
    int crowd[CROWD];
    (void)state;
    assert_int_equal(origins_new(&origins, &limits, &shared, &rng), ZG_OK);
    assert_int_equal(open_world((void **)&w, 2 * CROWD, origins), 0);
    to.sin_port = htons(w->port);
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(crowd[i], (const struct sockaddr *)&to, sizeof(to)), 0);
    }
    size_t turns = 0;
    for (size_t before = 0; core.opened < CROWD_MAX && turns < 1000; turns++, before = core.opened) {
        turn(w);
        assert_true(core.opened <= before + 17);
    }
    for (int i = 0; i < 20; i++)
        turn(w);
    assert_int_equal(core.opened, CROWD_MAX);
    assert_true(turns > 1);
    for (size_t i = 0; i < CROWD; i++)
        close(crowd[i]);
    assert_int_equal(end_world((void **)&w), 0);
    origins_free(origins);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, end_world)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        TEST(bytes_reach_the_session),
        TEST(what_a_socket_does_not_take_follows_in_order),
        TEST(an_ended_session_s_last_bytes_still_arrive),
        TEST(what_the_socket_had_not_taken_at_the_end_still_arrives),
        TEST(a_peer_that_takes_little_has_a_minute_for_the_last_bytes),
        TEST(a_session_that_ends_closes_its_connection),
        TEST(a_refused_session_closes_its_connection),
        TEST(a_connection_is_kept_alive_and_little_things_leave_at_once),
        TEST(when_it_is_full_one_goes_for_a_new_one_if_the_core_says_so),
        TEST(a_paused_session_gets_no_bytes_until_it_carries_on),
        TEST(a_peer_that_vanishes_while_it_is_written_to_is_let_go),
        TEST(a_write_to_a_dead_socket_ends_the_session_outside_of_the_write),
        TEST(no_connection_is_accepted_any_more_when_it_stops),
        TEST(where_nobody_can_listen_is_told),
        TEST(without_memory_for_a_rest_the_connection_ends),
        cmocka_unit_test(a_crowd_comes_in_turns_and_not_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
