/*
 * What the time of an answer to SEND tells: nothing. Not whether the reader is connected, and, of a refusal,
 * not whether the queue never was, was deleted, or the secret has another role (docs/protocol.md section 3).
 *
 * One message at a time at a relay where nobody else is, at a random moment of a tick, by turns at random to
 * each kind of queue; several relays at once, as they mostly wait. Three things are compared that a sender
 * sees: how long the answer took; the same within a millisecond, as timers of programs count in those; and
 * how long after the end of its tick it came. The sender here has the relay's own clock, which no real one
 * has. A difference counts if each of three rounds finds it.
 *
 * An answer that waited for a disk slower than the guard of section 3 tells that something was written. Those
 * are counted apart; if there are many, the disk is too slow for this test and it counts as skipped.
 *
 *   accept_times [--samples N] [--relays N] ZAGUAN_RELAY
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/distribution.h"
#include "tests/integration/estate.h"

enum {
    ROUNDS = 3,
    RELAYS_MAX = 24,
    WARM_UP = 20, /* of each relay */
    SETTLE_MS = 50,
    MS = 1000000,
    MARGIN_NS = MS,
    LATE_NS = 5 * MS,
    PATIENCE_NS = 2000 * MS,
    LATE_MAX_PERCENT = 25,
    SKIPPED = 77,
};

#define CHANCE_MAX 1e-6

enum kind { CONNECTED, AWAY, NEVER, GONE, OTHER_ROLE, KINDS };

static const char *const kind_names[KINDS] = {"connected", "away", "never", "gone", "other role"};

enum aspect { DELAY, WITHIN_MS, AFTER_TICK, ASPECTS };

static const char *const aspect_names[ASPECTS] = {"delay", "within a ms", "after its tick"};

/* Which are compared with which. */
static const enum kind pairs[][2] = {{CONNECTED, AWAY}, {NEVER, GONE}, {NEVER, OTHER_ROLE}};

enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* A relay, a sender, a reader, and the one message that is under way. */
struct lane {
    struct relay_process relay;
    struct hand sender, reader;
    struct estate estate;
    int64_t settle; /* ns */
    bool waits;     /* for an answer */
    int64_t at;     /* when the message was sent, or will be */
    uint32_t seq;
    enum kind kind;
};

static struct {
    struct lane lanes[RELAYS_MAX];
    size_t lane_count, samples;
    size_t taken; /* in this round */
    struct times times[KINDS][ASPECTS];
    size_t late[KINDS], all;
    bool fault;
} t;

static void tear_down(void)
{
    for (size_t i = 0; i < t.lane_count; i++) {
        hand_close(&t.lanes[i].sender);
        hand_close(&t.lanes[i].reader);
        relay_tear_down(&t.lanes[i].relay);
    }
}

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "accept_times: %s\n", what);
    tear_down();
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 * MS + now.tv_nsec;
}

/* --- sending --- */

static const uint8_t *secret_of(const struct estate *e, enum kind kind)
{
    const size_t any = 2 + randombytes_uniform(ESTATE_EACH - 2);
    switch (kind) {
    case CONNECTED:
        return e->queues[0].put;
    case AWAY:
        return e->queues[1].put;
    case GONE:
        return e->deleted_queues[any].put;
    case OTHER_ROLE:
        return e->queues[any].take;
    default:
        return e->never[any].put;
    }
}

/* Refusals cannot depend on a disk: fewer of them will do. */
static enum kind some_kind(void)
{
    uint32_t any = randombytes_uniform(11);
    return any < 4 ? CONNECTED : any < 8 ? AWAY : (enum kind)(NEVER + any - 8);
}

static void send_one(struct lane *l)
{
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t handle[WIRE_HANDLE_BYTES];
    l->kind = some_kind();
    struct command c = {.op = OP_SEND,
                        .u.send = {SEND_PUT, secret_of(&l->estate, l->kind), WIRE_TTL_1H, handle, envelope}};
    randombytes_buf(handle, sizeof(handle));
    l->at = now_ns();
    l->seq = hand_say(&l->sender, &c);
    l->waits = true;
}

/* In the next tick; away from its ends, so that it is known in which one the relay gets what is sent then. */
static void plan(struct lane *l)
{
    l->waits = false;
    l->at = (now_ns() / l->settle + 1) * l->settle + MARGIN_NS +
            randombytes_uniform((uint32_t)(l->settle - 2 * MARGIN_NS));
}

/* --- hearing --- */

static void note(const struct lane *l, int64_t now)
{
    /* At the end of the tick after the one in which it was sent. */
    const int64_t due = (l->at / l->settle + 2) * l->settle, delay = now - l->at;
    t.taken++;
    t.all++;
    if (now - due >= LATE_NS) {
        t.late[l->kind]++;
        return;
    }
    times_add(&t.times[l->kind][DELAY], (double)delay / 1e3);
    times_add(&t.times[l->kind][WITHIN_MS], (double)(delay % MS) / 1e3);
    times_add(&t.times[l->kind][AFTER_TICK], (double)(now - due) / 1e3);
}

static void take_reply(struct lane *l, const struct command *reply, int64_t now)
{
    const enum status wanted = l->kind == CONNECTED || l->kind == AWAY ? STATUS_OK : STATUS_REFUSED;
    if (reply->op != OP_REPLY || !l->waits || reply->seq != l->seq)
        stop("another answer was due");
    if (reply->u.reply.status != wanted || reply->u.reply.retry_after != 0) {
        printf("FAULT: %s: status %d\n", kind_names[l->kind], (int)reply->u.reply.status);
        t.fault = true;
    }
    note(l, now);
    plan(l);
}

static void acknowledge(struct lane *l, const struct command *c)
{
    if (c->op != OP_DELIVER)
        stop("the reader was told another thing");
    struct command ack = {
        .op = OP_ACK,
        .u.ack = {.subscription = c->u.deliver.subscription, .ids = {c->u.deliver.id}, .count = 1}};
    (void)hand_say(&l->reader, &ack);
}

/* Waits for anything to hear, at most until then. */
static void hear(int64_t until)
{
    struct pollfd fds[2 * RELAYS_MAX];
    struct command c;
    const int64_t left = until - now_ns();
    const struct timespec time = {0, left > 0 ? (long)left : 0};
    for (size_t i = 0; i < t.lane_count; i++) {
        fds[2 * i] = (struct pollfd){t.lanes[i].sender.fd, POLLIN, 0};
        fds[2 * i + 1] = (struct pollfd){t.lanes[i].reader.fd, POLLIN, 0};
    }
    if (ppoll(fds, (nfds_t)(2 * t.lane_count), &time, NULL) <= 0)
        return;
    const int64_t now = now_ns();
    for (size_t i = 0; i < t.lane_count; i++) {
        struct lane *l = &t.lanes[i];
        while (fds[2 * i].revents != 0 && hand_hear(&l->sender, &c, 0))
            take_reply(l, &c, now);
        while (fds[2 * i + 1].revents != 0 && hand_hear(&l->reader, &c, 0))
            acknowledge(l, &c);
    }
}

/* --- measuring --- */

static void sample(size_t count)
{
    for (t.taken = 0; t.taken < count;) {
        const int64_t now = now_ns();
        int64_t next = now + 100 * MS;
        for (size_t i = 0; i < t.lane_count; i++) {
            struct lane *l = &t.lanes[i];
            if (l->waits && now - l->at > PATIENCE_NS)
                stop("no answer");
            if (!l->waits && l->at <= now)
                send_one(l);
            if (!l->waits && l->at < next)
                next = l->at;
        }
        hear(next);
    }
}

static void clear(void)
{
    for (enum kind k = CONNECTED; k < KINDS; k++)
        for (enum aspect a = DELAY; a < ASPECTS; a++)
            times_clear(&t.times[k][a]);
}

static bool differs(enum kind a, enum kind b, enum aspect aspect)
{
    struct times *x = &t.times[a][aspect], *y = &t.times[b][aspect];
    if (x->count == 0 || y->count == 0)
        return false;
    struct difference d = times_compare(x, y);
    printf("%-14s %s %.1f us, %s %.1f us: distance %.4f, chance %.2g, t %.1f\n", aspect_names[aspect],
           kind_names[a], d.median[0], kind_names[b], d.median[1], d.distance, d.chance, d.welch);
    return d.chance < CHANCE_MAX;
}

static void measure(void)
{
    unsigned seen[PAIRS][ASPECTS] = {{0}};
    sample(WARM_UP * t.lane_count);
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

static void open_lane(struct lane *l, const char *program, size_t number)
{
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {.window = 16}};
    char settings[160];
    /* Ticks that do not end together. */
    snprintf(settings, sizeof(settings),
             "settle = %zu\n[limits]\nsends-a-day = 10000000\ndesk-vouchers-a-day = 100000\n",
             SETTLE_MS + number);
    relay_set_up(&l->relay, program, settings);
    relay_start(&l->relay);
    if (!hand_open(&l->sender, l->relay.address) || !hand_open(&l->reader, l->relay.address))
        stop("no connection");
    l->settle = (int64_t)l->sender.settle_ms * MS;
    estate_make(&l->estate, &l->sender, &l->relay);
    c.u.subscribe.take = l->estate.queues[0].take;
    if (hand_say(&l->reader, &c) == 0 || !hand_hear(&l->reader, &c, 2000) || c.op != OP_SUBSCRIBED)
        stop("not subscribed");
    plan(l);
}

static bool read_options(int argc, char **argv, size_t *relays)
{
    static const struct option options[] = {
        {"samples", required_argument, NULL, 's'}, {"relays", required_argument, NULL, 'r'}, {0}};
    int c;
    t.samples = 2000;
    *relays = 8;
    while ((c = getopt_long(argc, argv, "", options, NULL)) == 's' || c == 'r')
        *(c == 's' ? &t.samples : relays) = strtoul(optarg, NULL, 10);
    return c == -1 && optind == argc - 1 && t.samples >= 300 && *relays >= 1 && *relays <= RELAYS_MAX;
}

int main(int argc, char **argv)
{
    size_t relays;
    if (!read_options(argc, argv, &relays)) {
        fprintf(stderr, "accept_times [--samples N] [--relays N] ZAGUAN_RELAY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (t.lane_count < relays) {
        t.lane_count++;
        open_lane(&t.lanes[t.lane_count - 1], argv[optind], t.lane_count);
    }
    measure();
    tear_down();
    const size_t late = t.late[CONNECTED] + t.late[AWAY] + t.late[NEVER] + t.late[GONE] + t.late[OTHER_ROLE];
    printf("late: %zu of %zu (connected %zu, away %zu)\n", late, t.all, t.late[CONNECTED], t.late[AWAY]);
    if (t.fault)
        return 1;
    if (late * 100 > t.all * LATE_MAX_PERCENT) {
        printf("accept_times: this disk or machine is too slow to tell\n");
        return SKIPPED;
    }
    printf("accept_times: ok: %zu samples\n", t.samples);
    return 0;
}
