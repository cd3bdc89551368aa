/* Connections of browsers over real sockets, with a core that is played: what a test from outside cannot
 * bring about. */
#define _GNU_SOURCE
#include "relay/edge/web.h"
#include "relay/edge/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/relay_edge/played_core.h"

#define OPENING \
    "GET /zaguan HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

enum { CONNECTIONS_MAX = 3, FILE_BYTES = 12 << 20 };

struct world {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct streams *streams;
    struct site *site;
    struct web *web;
    uint16_t port;
    int fd;
};

static void on_prepare(uv_prepare_t *p)
{
    struct world *w = p->data;
    streams_turn(w->streams);
}

static void turn(struct world *w, int times)
{
    for (int i = 0; i < times; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* Turns until *what is at least `enough`; fails after five seconds. */
static void turn_until(struct world *w, const size_t *what, size_t enough)
{
    for (int i = 0; i < 5000 && *what < enough; i++) {
        turn(w, 1);
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
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[80];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct site *make_site(void)
{
    char folder[64], path[80], why[300];
    struct site *site;
    folder_make(folder, sizeof(folder));
    put(folder, "a.js", "plain");
    put(folder, "a.js.br", "brotli");
    put(folder, "a.js.gz", "gzip");
    snprintf(path, sizeof(path), "%s/large.txt", folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < FILE_BYTES; i++)
        putc(core_byte(i), f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(site_open(&site, folder, why, sizeof(why)), ZG_OK);
    folder_remove(folder);
    return site;
}

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct address a;
    char bound[ADDRESS_BYTES_MAX + 1], why[100];

    memset(&core, 0, sizeof(core));
    memset(&played_time, 0, sizeof(played_time));
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->site = make_site();
    const struct web_options options = {.loop = &w->loop, .site = w->site, .connect = "wss://b"};
    assert_int_equal(web_open(&w->web, &options), ZG_OK);
    assert_int_equal(streams_open(&w->streams, &w->loop, CONNECTIONS_MAX, NULL), ZG_OK);
    assert_int_equal(address_parse(&a, "127.0.0.1:0"), ZG_OK);
    assert_int_equal(streams_listen(w->streams, &a, &web_handler, w->web, bound, why, sizeof(why)), ZG_OK);
    assert_int_equal(address_parse(&a, bound), ZG_OK);
    w->port = a.port;
    uv_prepare_init(&w->loop, &w->prepare);
    w->prepare.data = w;
    uv_prepare_start(&w->prepare, on_prepare);
    w->fd = connect_to(w);
    *state = w;
    return 0;
}

static int end_world(void **state)
{
    struct world *w = *state;
    streams_leave(w->streams);
    streams_close(w->streams);
    web_close(w->web);
    uv_close((uv_handle_t *)&w->prepare, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(core.closed + core.ended, core.opened);
    site_close(w->site);
    if (w->fd >= 0)
        close(w->fd);
    free(w);
    return 0;
}

/* --- the browser's part --- */

static void say(struct world *w, const void *what, size_t len)
{
    assert_int_equal(send(w->fd, what, len, MSG_NOSIGNAL), len);
}

/* A frame whose mask is 0x55. */
static void say_frame(struct world *w, uint8_t first, const char *payload, size_t len)
{
    uint8_t bytes[6 + 125] = {first, (uint8_t)(0x80 | len), 0x55, 0x55, 0x55, 0x55};
    assert_true(len <= 125);
    for (size_t i = 0; i < len; i++)
        bytes[6 + i] = (uint8_t)(payload[i] ^ 0x55);
    say(w, bytes, 6 + len);
}

/* Exactly so many bytes; fewer if the connection ends or nothing comes for five seconds. */
static size_t hear(struct world *w, uint8_t *out, size_t wanted)
{
    size_t got = 0;
    for (int idle = 0; got < wanted && idle < 5000;) {
        turn(w, 1);
        ssize_t n = recv(w->fd, out + got, wanted - got, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            break;
        if (n > 0) {
            got += (size_t)n;
            continue;
        }
        idle++;
        poll(NULL, 0, 1);
    }
    return got;
}

static void hear_end(struct world *w)
{
    uint8_t byte;
    assert_int_equal(hear(w, &byte, 1), 0);
    turn(w, 10);
    assert_true(streams_empty(w->streams));
}

static void hear_head(struct world *w, const char *line)
{
    char head[8192] = "";
    size_t len = 0;
    while (len < sizeof(head) - 1 && strstr(head, "\r\n\r\n") == NULL &&
           hear(w, (uint8_t *)head + len, 1) == 1)
        len++;
    assert_memory_equal(head, line, strlen(line));
}

/* Header of the next frame, which has no mask; its payload's length. */
static size_t hear_frame(struct world *w, uint8_t first)
{
    uint8_t head[10];
    assert_int_equal(hear(w, head, 2), 2);
    assert_int_equal(head[0], first);
    if (head[1] < 126)
        return head[1];
    size_t wide = head[1] == 126 ? 2 : 8, len = 0;
    assert_int_equal(hear(w, head, wide), wide);
    for (size_t i = 0; i < wide; i++)
        len = len << 8 | head[i];
    return len;
}

static void hear_close(struct world *w, unsigned code)
{
    uint8_t payload[2];
    assert_int_equal(hear_frame(w, 0x88), 2);
    assert_int_equal(hear(w, payload, 2), 2);
    assert_int_equal(payload[0] << 8 | payload[1], code);
}

/* Messages with the bytes from `at' on, all in all so many. */
static size_t hear_messages(struct world *w, size_t wanted)
{
    uint8_t *buf = malloc(CORE_BIG);
    size_t got = 0;
    while (got < wanted) {
        size_t len = hear_frame(w, 0x82);
        assert_int_equal(hear(w, buf, len), len);
        for (size_t i = 0; i < len; i++)
            if (buf[i] != core_byte(got + i))
                fail_msg("byte %zu is wrong", got + i);
        got += len;
    }
    free(buf);
    return got;
}

static struct session *open_socket(struct world *w)
{
    say(w, OPENING, sizeof(OPENING) - 1);
    turn_until(w, &core.opened, 1);
    hear_head(w, "HTTP/1.1 101 Switching Protocols\r\n");
    return core.session;
}

/* --- tests --- */

static void payload_reaches_the_session_in_one_piece(void **state)
{
    struct world *w = *state;
    struct session *s = open_socket(w);
    say_frame(w, 0x82, "aaaa", 4);
    turn_until(w, &s->received, 4);
    assert_int_equal(s->sum, 4 * 'a');
    say_frame(w, 0x02, "", 0);
    say_frame(w, 0x89, "ping", 4);
    say_frame(w, 0x80, "abcdef", 6);
    turn_until(w, &s->received, 10);
    assert_int_equal(s->sum, 5 * 'a' + 'b' + 'c' + 'd' + 'e' + 'f');
    uint8_t pong[4];
    assert_int_equal(hear_frame(w, 0x8a), 4);
    assert_int_equal(hear(w, pong, 4), 4);
    assert_memory_equal(pong, "ping", 4);
    close(w->fd);
    w->fd = -1;
    turn_until(w, &core.closed, 1);
}

static void what_a_session_writes_is_one_message(void **state)
{
    static const size_t sizes[] = {1, 125, 126, 65535, 65536};
    static uint8_t data[65536], heard[65536];
    struct world *w = *state;
    struct session *s = open_socket(w);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = core_byte(i);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        (void)s->carrier.write(s->carrier.ctx, data, sizes[i]);
        assert_int_equal(hear_frame(w, 0x82), sizes[i]);
        assert_int_equal(hear(w, heard, sizes[i]), sizes[i]);
        assert_memory_equal(heard, data, sizes[i]);
    }
}

static void a_slow_reader_gets_everything_in_order_and_its_pong_after_it(void **state)
{
    struct world *w = *state;
    struct session *s = open_socket(w);
    uint8_t pong[2];
    say_frame(w, 0x82, "b", 1);
    turn_until(w, &s->received, 1);
    assert_true(s->waiting && s->written < CORE_BIG); /* or the test shows nothing */
    say_frame(w, 0x89, "p1", 2);
    say_frame(w, 0x89, "p2", 2);
    turn(w, 50);
    size_t until = s->written;
    assert_int_equal(hear_messages(w, until), until);
    assert_int_equal(hear_frame(w, 0x8a), 2);
    assert_int_equal(hear(w, pong, 2), 2);
    assert_memory_equal(pong, "p2", 2);
}

static void last_words_arrive_before_the_close(void **state)
{
    struct world *w = *state;
    (void)open_socket(w);
    say_frame(w, 0x82, "h", 1);
    turn_until(w, &core.ended, 1);
    assert_false(streams_empty(w->streams));
    assert_int_equal(hear_messages(w, CORE_BIG), CORE_BIG);
    hear_close(w, 1000);
    hear_end(w);
}

static void a_paused_session_gets_nothing_until_it_carries_on(void **state)
{
    struct world *w = *state;
    struct session *s = open_socket(w);
    say_frame(w, 0x82, "p", 1);
    turn_until(w, &s->received, 1);
    say_frame(w, 0x82, "aaaa", 4);
    turn(w, 50);
    assert_int_equal(s->received, 1);
    core_resume(s);
    turn_until(w, &s->received, 5);
}

static void what_came_before_a_mistake_is_still_carried_out(void **state)
{
    struct world *w = *state;
    (void)open_socket(w);
    static const uint8_t both[] = {0x82, 0x81, 0, 0, 0, 0, 'x', 0x81, 0x80, 0, 0, 0, 0};
    say(w, both, sizeof(both));
    turn_until(w, &core.ended, 1);
    hear_close(w, 1000);
    hear_end(w);
}

static void a_close_is_answered(void **state)
{
    struct world *w = *state;
    (void)open_socket(w);
    say_frame(w, 0x88,
              "\x03\xe9"
              "bye",
              5);
    turn_until(w, &core.closed, 1);
    hear_close(w, 1001);
    hear_end(w);
}

static void who_stops_says_so(void **state)
{
    struct world *w = *state;
    (void)open_socket(w);
    streams_leave(w->streams);
    hear_close(w, 1001);
    hear_end(w);
}

static void no_session_no_socket(void **state)
{
    struct world *w = *state;
    core.refuse = true;
    say(w, OPENING, sizeof(OPENING) - 1);
    hear_head(w, "HTTP/1.1 503 Service Unavailable\r\n");
}

static void more_connections_than_allowed_are_closed(void **state)
{
    struct world *w = *state;
    int others[CONNECTIONS_MAX - 1], first = w->fd;
    for (int i = 0; i < CONNECTIONS_MAX - 1; i++)
        others[i] = connect_to(w);
    turn(w, 20);
    uint8_t byte;
    w->fd = connect_to(w);
    turn(w, 50);
    assert_int_equal(recv(w->fd, &byte, 1, 0), 0);
    close(w->fd);
    for (int i = 0; i < CONNECTIONS_MAX - 1; i++)
        close(others[i]);
    w->fd = first;
    (void)open_socket(w);
}

/* Thousands who ask at once would keep everybody else waiting; time stands still here, so that one does. */
static void in_a_millisecond_only_some_requests_are_answered(void **state)
{
    static const char request[] = "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n";
    struct world *w = *state;
    uint8_t rest[10];
    int answered = 0;
    played_time.stands_at = uv_now(&w->loop);
    for (;; answered++) {
        char byte;
        say(w, request, sizeof(request) - 1);
        turn(w, 50);
        if (recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
            break;
        hear_head(w, "HTTP/1.1 404 Not Found\r\n");
        assert_int_equal(hear(w, rest, sizeof(rest)), sizeof(rest));
        assert_true(answered < 100);
    }
    assert_in_range(answered, 1, 20);
    /* Its turn comes, and that of somebody who opens a socket behind it. */
    int first = w->fd;
    w->fd = connect_to(w);
    say(w, OPENING, sizeof(OPENING) - 1);
    turn(w, 50);
    assert_int_equal(core.opened, 0);
    played_time.stands_at = 0;
    turn_until(w, &core.opened, 1);
    hear_head(w, "HTTP/1.1 101 Switching Protocols\r\n");
    say_frame(w, 0x82, "aaaa", 4);
    turn_until(w, &core.session->received, 4);
    close(w->fd);
    w->fd = first;
    hear_head(w, "HTTP/1.1 404 Not Found\r\n");
}

/* A visit that asks for ever does not keep others out. */
static void when_it_is_full_old_visits_make_room(void **state)
{
    static const char request[] = "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n";
    struct world *w = *state;
    int others[CONNECTIONS_MAX - 1], first = w->fd;
    uint8_t byte;
    for (int i = 0; i < CONNECTIONS_MAX - 1; i++)
        others[i] = connect_to(w);
    turn(w, 20);
    say(w, request, sizeof(request) - 1);
    hear_head(w, "HTTP/1.1 404 Not Found\r\n");
    w->fd = connect_to(w);
    turn(w, 50);
    assert_int_equal(recv(w->fd, &byte, 1, 0), 0);
    close(w->fd);
    played_time.ahead_ms = WEB_VISIT_SECONDS * 1000;
    w->fd = connect_to(w);
    say(w, request, sizeof(request) - 1);
    hear_head(w, "HTTP/1.1 404 Not Found\r\n");
    turn(w, 50);
    while (recv(first, &byte, 1, MSG_DONTWAIT) > 0)
        ; /* the answer's rest */
    assert_int_equal(recv(first, &byte, 1, MSG_DONTWAIT), 0);
    for (int i = 0; i < CONNECTIONS_MAX - 1; i++)
        close(others[i]);
    close(w->fd);
    w->fd = first;
}

static void a_large_file_reaches_a_slow_reader_whole(void **state)
{
    static const char request[] = "GET /large.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    struct world *w = *state;
    say(w, request, sizeof(request) - 1);
    turn(w, 100);
    /* Whoever asks again before the answer is there waits. */
    say(w, request, sizeof(request) - 1);
    turn(w, 100);
    uint8_t *body = malloc(FILE_BYTES);
    for (int round = 0; round < 2; round++) {
        hear_head(w, "HTTP/1.1 200 OK\r\n");
        assert_int_equal(hear(w, body, FILE_BYTES), FILE_BYTES);
        for (size_t i = 0; i < FILE_BYTES; i++)
            if (body[i] != core_byte(i))
                fail_msg("byte %zu is wrong", i);
    }
    free(body);
}

static void whoever_does_not_take_the_answer_is_not_read(void **state)
{
    static const char request[] = "GET /large.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    static const char more[65536];
    struct world *w = *state;
    size_t sent = 0;
    int full = 0;
    say(w, request, sizeof(request) - 1);
    turn(w, 100);
    while (sent < (64 << 20) && full < 100) {
        ssize_t n = send(w->fd, more, sizeof(more), MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        full = n > 0 ? 0 : full + 1;
        turn(w, 2);
    }
    assert_int_equal(full, 100);
    assert_false(streams_empty(w->streams));
}

static void whoever_vanishes_under_an_answer_is_let_go(void **state)
{
    static const char request[] = "GET /large.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    struct world *w = *state;
    const struct linger hard = {1, 0};
    say(w, request, sizeof(request) - 1);
    turn(w, 100);
    setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    close(w->fd);
    w->fd = -1;
    turn(w, 100);
    assert_true(streams_empty(w->streams));
}

/* One request, and what of the answer stands behind its head. */
static void ask(struct world *w, const char *request, const char *line, const char *body)
{
    char heard[64] = "";
    say(w, request, strlen(request));
    hear_head(w, line);
    assert_int_equal(hear(w, (uint8_t *)heard, strlen(body)), strlen(body));
    assert_string_equal(heard, body);
}

static void the_smallest_form_that_is_taken_is_sent(void **state)
{
    struct world *w = *state;
    ask(w, "GET /a.js HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "plain");
    ask(w, "GET /a.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n", "gzip");
    ask(w, "GET /a.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip, br\r\n\r\n", "HTTP/1.1 200 OK\r\n",
        "brotli");
    ask(w, "HEAD /a.js HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n", "");
    ask(w, "HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "");
    ask(w, "GET /none HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "Not found\n");
    ask(w, "POST /a.js HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n", "Not allowed\n");
    hear_end(w);
}

static void what_is_no_request_is_answered_and_ends(void **state)
{
    struct world *w = *state;
    ask(w, "\x01\x02\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Not understood\n");
    hear_end(w);
}

static void a_head_that_is_too_large_is_answered_and_ends(void **state)
{
    static char head[REQUEST_HEAD_MAX + 1];
    struct world *w = *state;
    memset(head, 'a', sizeof(head) - 1);
    ask(w, head, "HTTP/1.1 431 Request Header Fields Too Large\r\n", "Too large\n");
    hear_end(w);
}

static void who_does_not_ask_in_time_is_let_go(void **state)
{
    struct world *w = *state;
    uint8_t byte;
    played_time.hurry = true;
    say(w, "GET / HT", 8);
    turn(w, 20);
    played_time.ahead_ms = WEB_REQUEST_SECONDS * 1000 - 5000;
    poll(NULL, 0, 5);
    turn(w, 20);
    assert_int_equal(recv(w->fd, &byte, 1, 0), -1);
    assert_false(streams_empty(w->streams));
    played_time.ahead_ms = WEB_REQUEST_SECONDS * 1000;
    poll(NULL, 0, 5);
    hear_end(w);
}

static void who_does_not_take_the_answer_in_time_is_let_go(void **state)
{
    static const char request[] = "GET /large.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    struct world *w = *state;
    played_time.hurry = true;
    say(w, request, sizeof(request) - 1);
    turn(w, 100);
    played_time.ahead_ms = WEB_REQUEST_SECONDS * 1000;
    poll(NULL, 0, 5);
    turn(w, 20);
    assert_false(streams_empty(w->streams));
    played_time.ahead_ms = WEB_ANSWER_SECONDS * 1000;
    poll(NULL, 0, 5);
    turn(w, 20);
    assert_true(streams_empty(w->streams));
}

/* Whoever goes while his last bytes are not out has as much time as the socket goes on taking. */
static void last_words_that_nobody_takes_are_given_up(void **state)
{
    struct world *w = *state;
    (void)open_socket(w);
    played_time.hurry = true;
    say_frame(w, 0x82, "h", 1);
    turn_until(w, &core.ended, 1);
    assert_false(streams_empty(w->streams));
    for (int i = 0; i < 10; i++) {
        poll(NULL, 0, 2);
        turn(w, 2);
    }
    assert_true(streams_empty(w->streams));
}

/* A new connection and a request, with the nth allocation failing: an answer, or the end; and the next one is
 * served. */
static void without_memory_nobody_else_suffers(void **state)
{
    struct world *w = *state;
    static const char request[] = "GET /a.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    size_t whole = 0, refused = 0, ended = 0;
    turn(w, 20);
    for (int n = 0; n < 12; n++) {
        char heard[4096] = "";
        close(w->fd);
        turn(w, 20);
        assert_true(streams_empty(w->streams));
        w->fd = connect_to(w);
        say(w, n < 6 ? request : OPENING, n < 6 ? sizeof(request) - 1 : sizeof(OPENING) - 1);
        heap_fail_after(n % 6);
        turn(w, 20);
        heap_fail_never();
        ssize_t len = recv(w->fd, heard, sizeof(heard) - 1, 0);
        whole +=
            len > 0 && (strncmp(heard, "HTTP/1.1 200", 12) == 0 || strncmp(heard, "HTTP/1.1 101", 12) == 0);
        refused += len > 0 && strncmp(heard, "HTTP/1.1 503", 12) == 0;
        ended += len == 0 || (len < 0 && errno == ECONNRESET);
    }
    assert_int_equal(whole + refused + ended, 12);
    assert_true(whole >= 2 && refused >= 2 && ended >= 2);
}

static void a_web_opens_whole_or_not_at_all(void **state)
{
    static char longest[5000];
    struct web *web = NULL;
    uv_loop_t loop;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    struct web_options options = {.loop = &loop, .connect = longest};
    memset(longest, 'a', sizeof(longest) - 1);
    assert_int_equal(web_open(&web, &options), ZG_ERR_ARGUMENT);
    options.connect = "";
    for (int n = 0; n < 2; n++) {
        struct streams *streams = NULL;
        heap_fail_after(n);
        assert_int_equal(web_open(&web, &options), ZG_ERR_MEMORY);
        heap_fail_after(n);
        assert_int_equal(streams_open(&streams, &loop, 1, NULL), ZG_ERR_MEMORY);
    }
    heap_fail_never();
    web_close(NULL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_world, end_world)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    const struct CMUnitTest tests[] = {
        TEST(payload_reaches_the_session_in_one_piece),
        TEST(what_a_session_writes_is_one_message),
        TEST(a_slow_reader_gets_everything_in_order_and_its_pong_after_it),
        TEST(last_words_arrive_before_the_close),
        TEST(a_paused_session_gets_nothing_until_it_carries_on),
        TEST(what_came_before_a_mistake_is_still_carried_out),
        TEST(a_close_is_answered),
        TEST(who_stops_says_so),
        TEST(no_session_no_socket),
        TEST(more_connections_than_allowed_are_closed),
        TEST(when_it_is_full_old_visits_make_room),
        TEST(in_a_millisecond_only_some_requests_are_answered),
        TEST(a_large_file_reaches_a_slow_reader_whole),
        TEST(whoever_does_not_take_the_answer_is_not_read),
        TEST(whoever_vanishes_under_an_answer_is_let_go),
        TEST(the_smallest_form_that_is_taken_is_sent),
        TEST(what_is_no_request_is_answered_and_ends),
        TEST(a_head_that_is_too_large_is_answered_and_ends),
        TEST(who_does_not_ask_in_time_is_let_go),
        TEST(who_does_not_take_the_answer_in_time_is_let_go),
        TEST(last_words_that_nobody_takes_are_given_up),
        TEST(without_memory_nobody_else_suffers),
        cmocka_unit_test(a_web_opens_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
