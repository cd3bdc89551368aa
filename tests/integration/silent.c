/*
 * A thousand connections that say nothing, half a handshake, or a byte now and then: each is dropped ten
 * seconds after it came, not earlier and not much later (docs/protocol.md 2.1), and a conversation goes on
 * meanwhile as if they were not there.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/wire.h"
#include "tests/integration/talkers.h"

enum {
    CONNECTIONS = 1000,
    AT_ONCE = 25, /* opened in one tick */
    TICK_MS = 10,
    EARLIEST_MS = WIRE_HANDSHAKE_SECONDS * 1000 - 1000, /* the relay looks at its clock once in a turn */
    LATEST_MS = WIRE_HANDSHAKE_SECONDS * 1000 + 3000,
    GAP_MS = 1000, /* so long may nothing of the conversation arrive */
    OVER_MS = 40000,
    MESSAGES = 1000000,
};

enum manner { SILENT, HALF, SLOW };

struct stranger {
    int fd; /* -1: not open */
    enum manner manner;
    uint64_t opened_ms, said_ms;
    size_t said;
};

struct test {
    uv_loop_t loop;
    uv_timer_t tick;
    struct relay_process relay;
    struct pair pair;
    struct stranger stranger[CONNECTIONS];
    size_t opened, dropped;
    uint64_t began_ms, heard_ms, longest_gap_ms;
    uint32_t heard;
};

/* --- strangers --- */

static void stranger_open(struct stranger *s, uint16_t port, size_t i)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->manner = i % 10 == 0 ? SLOW : i % 10 < 3 ? HALF : SILENT;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || connect(s->fd, (const struct sockaddr *)&where, sizeof(where)) != 0)
        fault("connection %zu cannot be opened: %s", i, strerror(errno));
    if (fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0)
        fault("connection %zu: %s", i, strerror(errno));
    s->opened_ms = now_ms();
}

/* The beginning of message 1: its length, then zeros. */
static void stranger_speak(struct stranger *s, uint64_t now)
{
    static const uint8_t half[2 + WIRE_HELLO_BYTES / 2] = {WIRE_HELLO_BYTES >> 8, WIRE_HELLO_BYTES & 0xff};
    size_t len = 0;
    if (s->manner == HALF && s->said == 0)
        len = sizeof(half);
    else if (s->manner == SLOW && now - s->said_ms >= 1000)
        len = 1;
    if (len == 0)
        return;
    ssize_t n = send(s->fd, half + s->said, len, MSG_NOSIGNAL);
    s->said += n > 0 ? (size_t)n : 0;
    s->said_ms = now;
}

static void stranger_look(struct test *t, struct stranger *s, uint64_t now)
{
    char byte;
    ssize_t n = recv(s->fd, &byte, 1, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        fault("the relay spoke to somebody who did not finish message 1");
    uint64_t after = now - s->opened_ms;
    if (after < EARLIEST_MS || after > LATEST_MS)
        fault("a connection (manner %d) was dropped after %llu ms", (int)s->manner,
              (unsigned long long)after);
    close(s->fd);
    s->fd = -1;
    t->dropped++;
}

static void strangers(struct test *t)
{
    for (size_t i = 0; i < AT_ONCE && t->opened < CONNECTIONS; i++, t->opened++)
        stranger_open(&t->stranger[t->opened], t->relay.port, t->opened);
    uint64_t now = now_ms();
    for (size_t i = 0; i < t->opened; i++) {
        struct stranger *s = &t->stranger[i];
        if (s->fd < 0)
            continue;
        stranger_speak(s, now);
        stranger_look(t, s, now);
        if (s->fd >= 0 && now - s->opened_ms > LATEST_MS)
            fault("a connection (manner %d) is still there after %u ms", (int)s->manner, LATEST_MS);
    }
}

/* --- the conversation --- */

static void conversation(struct test *t)
{
    struct talker *worker = &t->pair.worker, *participant = &t->pair.participant;
    uint32_t heard = worker->says.received + participant->says.received;
    uint64_t now = now_ms();
    if (heard == worker->says.sent + participant->says.sent) { /* ping-pong, one at a time */
        struct talker *next = participant->says.sent < worker->says.sent ? participant : worker;
        talker_say(next, 1);
        talker_kick(next);
    }
    if (heard != t->heard) {
        if (t->heard_ms != 0 && now - t->heard_ms > t->longest_gap_ms)
            t->longest_gap_ms = now - t->heard_ms;
        t->heard = heard;
        t->heard_ms = now;
    }
    if (t->heard_ms != 0 && now - t->heard_ms > GAP_MS)
        fault("the conversation stood still for %u ms", GAP_MS);
    if (worker->disconnects + participant->disconnects > 0)
        fault("the conversation lost its connection");
}

/* --- all of it --- */

static void on_gone(uv_handle_t *h)
{
    (void)h;
}

static void on_tick(uv_timer_t *timer)
{
    struct test *t = timer->data;
    talker_kick(&t->pair.worker);
    talker_kick(&t->pair.participant);
    if (!relay_hear(&t->relay, false))
        fault("the relay ended by itself");
    if (now_ms() - t->began_ms > OVER_MS)
        fault("not done after %u ms", OVER_MS);
    if (pair_meet(&t->pair) != MEET_TALK)
        return;
    conversation(t);
    strangers(t);
    if (t->dropped == CONNECTIONS) {
        uv_close((uv_handle_t *)&t->tick, on_gone);
        pair_close(&t->pair);
    }
}

/* After the relay was started: it must do with what the system gives to everybody. */
static void allow_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        fault("the limit of open files is not known: %s", strerror(errno));
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur < CONNECTIONS + 64)
        fault("too few open files are allowed");
}

int main(int argc, char **argv)
{
    static struct test t;
    if (argc != 2) {
        fprintf(stderr, "silent RELAY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    fault_prepare(&t.relay, NULL);
    relay_set_up(&t.relay, argv[1], "settle = 10\n[limits]\nsends-a-day = 10000000\n");
    relay_start(&t.relay);
    allow_files();
    uv_loop_init(&t.loop);
    uv_timer_init(&t.loop, &t.tick);
    t.tick.data = &t;
    t.began_ms = now_ms();
    pair_open(&t.pair, &t.loop, &t.relay, NULL, MESSAGES);
    uv_timer_start(&t.tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    printf("silent: ok: %d connections dropped, %u messages meanwhile, longest gap %llu ms\n", CONNECTIONS,
           t.heard, (unsigned long long)t.longest_gap_ms);
    relay_tear_down(&t.relay);
    return 0;
}
