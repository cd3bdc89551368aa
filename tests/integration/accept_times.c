/*
 * What the time of an answer to SEND tells: nothing. Not whether the reader is connected, and, of a refusal,
 * not whether the queue never was, was deleted, or the secret has another role (docs/protocol.md section 3).
 *
 * One message at a time at a relay where nobody else is, at a random moment of a tick, by turns at random to
 * each kind of queue. Three things are compared that a sender sees: how long the answer took; the same within
 * a millisecond, as timers of programs count in those; and how long after the end of its tick it came. The
 * sender here has the relay's own clock, which no real one has. A difference counts if each of three rounds
 * finds it.
 *
 *   accept_times [--samples N] ZAGUAN_RELAY
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/distribution.h"
#include "tests/integration/estate.h"

enum { ROUNDS = 3, WARM_UP = 20, MS = 1000000, MARGIN_NS = MS, PATIENCE_NS = 2000 * MS };

#define CHANCE_MAX 1e-6

enum kind { CONNECTED, AWAY, NEVER, GONE, OTHER_ROLE, KINDS };

static const char *const kind_names[KINDS] = {"connected", "away", "never", "gone", "other role"};

enum aspect { DELAY, WITHIN_MS, AFTER_TICK, ASPECTS };

static const char *const aspect_names[ASPECTS] = {"delay", "within a ms", "after its tick"};

/* Which are compared with which. */
static const enum kind pairs[][2] = {{CONNECTED, AWAY}, {NEVER, GONE}, {NEVER, OTHER_ROLE}};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* A message that was sent. */
struct asked {
    uint32_t seq;
    enum kind kind;
    int64_t at;
};

static struct {
    struct relay_process relay;
    struct hand sender, reader;
    struct estate estate;
    size_t samples;
    int64_t settle;     /* ns */
    struct asked asked; /* seq 0: its answer came */
    struct times times[KINDS][ASPECTS];
    size_t late[KINDS]; /* answers that came a tick or more too late: the disk or the machine was slow */
    bool fault;
} t;

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "accept_times: %s\n", what);
    relay_tear_down(&t.relay);
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

/* --- the two ends --- */

static const uint8_t *secret_of(enum kind kind)
{
    const size_t any = 2 + randombytes_uniform(ESTATE_EACH - 2);
    switch (kind) {
    case CONNECTED:
        return t.estate.queues[0].put;
    case AWAY:
        return t.estate.queues[1].put;
    case GONE:
        return t.estate.deleted_queues[any].put;
    case OTHER_ROLE:
        return t.estate.queues[any].take;
    default:
        return t.estate.never[any].put;
    }
}

static void send_one(enum kind kind)
{
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t handle[WIRE_HANDLE_BYTES];
    struct command c = {.op = OP_SEND, .u.send = {SEND_PUT, secret_of(kind), WIRE_TTL_1H, handle, envelope}};
    randombytes_buf(handle, sizeof(handle));
    t.asked = (struct asked){.kind = kind, .at = now_ns()};
    t.asked.seq = hand_say(&t.sender, &c);
    if (t.asked.seq == 0)
        stop("the connection is lost");
}

/* The end of the tick after the one in which it was sent. */
static int64_t due_at(const struct asked *a)
{
    return (a->at / t.settle + 2) * t.settle;
}

static void note(const struct asked *a, int64_t now)
{
    const int64_t delay = now - a->at, after = now - due_at(a);
    t.late[a->kind] += after >= t.settle;
    times_add(&t.times[a->kind][DELAY], (double)delay / 1e3);
    times_add(&t.times[a->kind][WITHIN_MS], (double)(delay % MS) / 1e3);
    times_add(&t.times[a->kind][AFTER_TICK], (double)after / 1e3);
}

static void take_reply(const struct command *reply, int64_t now)
{
    const enum kind kind = t.asked.kind;
    const enum status wanted = kind == CONNECTED || kind == AWAY ? STATUS_OK : STATUS_REFUSED;
    if (reply->op != OP_REPLY || reply->seq != t.asked.seq)
        stop("another answer was due");
    if (reply->u.reply.status != wanted || reply->u.reply.retry_after != 0) {
        printf("FAULT: %s: status %d\n", kind_names[kind], (int)reply->u.reply.status);
        t.fault = true;
    }
    note(&t.asked, now);
    t.asked.seq = 0;
}

static void acknowledge(const struct command *c)
{
    if (c->op != OP_DELIVER)
        stop("the reader was told another thing");
    struct command ack = {
        .op = OP_ACK,
        .u.ack = {.subscription = c->u.deliver.subscription, .ids = {c->u.deliver.id}, .count = 1}};
    (void)hand_say(&t.reader, &ack);
}

/* Hears both ends until that moment, or until the answer is there. */
static void hear_until(int64_t end, bool answer)
{
    struct command c;
    for (int64_t now = now_ns(); now < end && !(answer && t.asked.seq == 0); now = now_ns()) {
        struct pollfd fds[2] = {{t.sender.fd, POLLIN, 0}, {t.reader.fd, POLLIN, 0}};
        struct timespec left = {(end - now) / (1000 * (int64_t)MS), (end - now) % (1000 * (int64_t)MS)};
        if (ppoll(fds, 2, &left, NULL) <= 0)
            continue;
        now = now_ns();
        while (fds[0].revents != 0 && hand_hear(&t.sender, &c, 0))
            take_reply(&c, now);
        while (fds[1].revents != 0 && hand_hear(&t.reader, &c, 0))
            acknowledge(&c);
        if (t.sender.fd < 0 || t.reader.fd < 0)
            stop("the connection is lost");
    }
}

static void connect_reader(void)
{
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {t.estate.queues[0].take, 16}};
    if (hand_say(&t.reader, &c) == 0 || !hand_hear(&t.reader, &c, 2000) || c.op != OP_SUBSCRIBED)
        stop("not subscribed");
}

/* --- measuring --- */

/* Of the next tick; away from its ends, so that it is known in which one the relay gets what is sent then. */
static int64_t some_moment(void)
{
    return (now_ns() / t.settle + 1) * t.settle + MARGIN_NS +
           randombytes_uniform((uint32_t)(t.settle - 2 * MARGIN_NS));
}

/* Refusals cannot depend on a disk: fewer of them will do. */
static enum kind some_kind(void)
{
    uint32_t any = randombytes_uniform(11);
    return any < 4 ? CONNECTED : any < 8 ? AWAY : (enum kind)(NEVER + any - 8);
}

static void clear(void)
{
    for (enum kind k = CONNECTED; k < KINDS; k++)
        for (enum aspect a = DELAY; a < ASPECTS; a++)
            times_clear(&t.times[k][a]);
}

static void sample(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        hear_until(some_moment(), false);
        send_one(some_kind());
        hear_until(now_ns() + PATIENCE_NS, true);
        if (t.asked.seq != 0)
            stop("no answer");
    }
}

static bool differs(enum kind a, enum kind b, enum aspect aspect)
{
    struct difference d = times_compare(&t.times[a][aspect], &t.times[b][aspect]);
    printf("%-14s %s %.1f us, %s %.1f us: distance %.4f, chance %.2g, t %.1f\n", aspect_names[aspect],
           kind_names[a], d.median[0], kind_names[b], d.median[1], d.distance, d.chance, d.welch);
    return d.chance < CHANCE_MAX;
}

static void measure(void)
{
    unsigned seen[PAIRS][ASPECTS] = {{0}};
    sample(WARM_UP);
    for (int round = 0; round < ROUNDS; round++) {
        clear();
        sample(t.samples / ROUNDS);
        for (size_t p = 0; p < PAIRS; p++)
            for (enum aspect a = DELAY; a < ASPECTS; a++)
                seen[p][a] += differs(pairs[p][0], pairs[p][1], a);
    }
    clear();
    for (size_t p = 0; p < PAIRS; p++)
        for (enum aspect a = DELAY; a < ASPECTS; a++)
            if (seen[p][a] == ROUNDS) {
                printf("FAULT: %s can be told from %s: %s\n", kind_names[pairs[p][0]],
                       kind_names[pairs[p][1]], aspect_names[a]);
                t.fault = true;
            }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"samples", required_argument, NULL, 's'}, {0}};
    int c;
    t.samples = 3000;
    while ((c = getopt_long(argc, argv, "", options, NULL)) == 's')
        t.samples = strtoul(optarg, NULL, 10);
    if (c != -1 || optind != argc - 1 || t.samples < 300) {
        fprintf(stderr, "accept_times [--samples N] ZAGUAN_RELAY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    relay_set_up(&t.relay, argv[optind],
                 "settle = 10\n[limits]\nsends-a-day = 10000000\ndesk-vouchers-a-day = 100000\n");
    relay_start(&t.relay);
    if (!hand_open(&t.sender, t.relay.address) || !hand_open(&t.reader, t.relay.address))
        stop("no connection");
    t.settle = (int64_t)t.sender.settle_ms * MS;
    estate_make(&t.estate, &t.sender, &t.relay);
    connect_reader();
    measure();
    hand_close(&t.sender);
    hand_close(&t.reader);
    relay_tear_down(&t.relay);
    printf("a tick late or more, of ticks of %u ms: connected %zu, away %zu\n", (unsigned)t.sender.settle_ms,
           t.late[CONNECTED], t.late[AWAY]);
    if (!t.fault)
        printf("accept_times: ok: %zu samples\n", t.samples);
    return t.fault ? 1 : 0;
}
