/*
 * Whoever asks with a secret that opens nothing must not learn why: never heard of, deleted, of another role,
 * a voucher that is spent. The same answer, and in the same time, over a real connection to the real program.
 * SEND waits for the tick and is looked at in accept_times.c; deletions are answered at full seconds.
 *
 * Questions of all kinds are asked one after the other in random order, and the times of each kind's answers
 * compared. A difference counts if each of three rounds finds it, so that what else the machine does cannot
 * fail the test.
 *
 *   answer_times [--samples N] ZAGUAN_RELAY      N of each command
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/distribution.h"
#include "tests/integration/estate.h"

enum { ROUNDS = 3, REPLY_MS = 20000, WARM_UP = 200 };

#define CHANCE_MAX 1e-6

enum kind { NEVER, GONE, OTHER_ROLE, KINDS };

static const char *const kind_names[KINDS] = {"never", "gone", "other role"};

/* Fills in a command whose secret is of this kind; `at` says which one of them. */
typedef void ask_fn(struct command *c, const struct estate *e, enum kind kind, size_t at);

static struct {
    struct relay_process relay;
    struct hand hand;
    struct estate estate;
    size_t samples;
    bool fault;
} t;

/* --- questions --- */

/* What stands in names and pieces of questions that are refused does not matter, only that it is new. */
static struct name fresh[4];

static const struct holding *queue_of(const struct estate *e, enum kind kind, size_t at)
{
    return kind == NEVER ? &e->never[at] : kind == GONE ? &e->deleted_queues[at] : &e->queues[at];
}

static const struct holding *slot_of(const struct estate *e, enum kind kind, size_t at)
{
    return kind == NEVER ? &e->never[at] : kind == GONE ? &e->deleted_slots[at] : &e->slots[at];
}

static struct queue_names fresh_names(void)
{
    randombytes_buf(fresh, sizeof(fresh));
    return (struct queue_names){
        .put = fresh[0].b, .take = {fresh[1].b}, .takes = 1, .own = fresh[2].b, .end = fresh[3].b};
}

static void ask_subscribe(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    const struct holding *q = queue_of(e, kind, at);
    c->op = OP_SUBSCRIBE;
    c->u.subscribe.take = kind == OTHER_ROLE ? q->put : q->take;
    c->u.subscribe.window = 16;
}

static void ask_challenge(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    const struct holding *q = queue_of(e, kind, at);
    c->op = OP_CHALLENGE;
    c->u.challenge.put = kind == OTHER_ROLE ? q->take : q->put;
}

static void ask_update(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    const struct holding *q = queue_of(e, kind, at);
    c->op = OP_QUEUE_UPDATE;
    c->u.queue_update.own = kind == OTHER_ROLE ? q->end : q->own;
    c->u.queue_update.names = fresh_names();
}

/* A voucher that is gone is one that was spent; another role: a queue's secret. */
static void ask_create(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    c->op = OP_QUEUE_CREATE;
    c->u.queue_create.voucher = kind == NEVER  ? e->never[at].voucher
                                : kind == GONE ? e->queues[at].voucher
                                               : e->queues[at].put;
    c->u.queue_create.kind = QUEUE_CONVERSATION;
    c->u.queue_create.names = fresh_names();
}

static void ask_slot_create(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    const struct queue_names n = fresh_names();
    c->op = OP_SLOT_CREATE;
    c->u.slot_create.voucher = kind == NEVER  ? e->never[at].voucher
                               : kind == GONE ? e->slots[at].voucher
                                              : e->slots[at].put;
    c->u.slot_create.ttl = WIRE_TTL_1D;
    c->u.slot_create.names = (struct slot_names){n.put, n.own, n.end};
}

static void ask_slot_get(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    const struct holding *s = slot_of(e, kind, at);
    c->op = OP_SLOT_GET;
    c->u.slot_get.read = kind == OTHER_ROLE ? s->take : s->put;
}

static void ask_slot_set(struct command *c, const struct estate *e, enum kind kind, size_t at)
{
    static const uint8_t value[100];
    const struct holding *s = slot_of(e, kind, at);
    c->op = OP_SLOT_SET;
    c->u.slot_set.write = kind == OTHER_ROLE ? s->put : s->take;
    c->u.slot_set.piece.size = sizeof(value);
    c->u.slot_set.piece.data = (struct span){value, sizeof(value)};
}

static const struct question {
    const char *name;
    ask_fn *ask;
} questions[] = {
    {"SUBSCRIBE", ask_subscribe},     {"CHALLENGE", ask_challenge}, {"QUEUE_UPDATE", ask_update},
    {"QUEUE_CREATE", ask_create},     {"SLOT_GET", ask_slot_get},   {"SLOT_SET", ask_slot_set},
    {"SLOT_CREATE", ask_slot_create},
};

/* --- measuring --- */

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "answer_times: %s\n", what);
    relay_tear_down(&t.relay);
    exit(2);
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* One question and its answer, which must be the one there is. */
static double ask(const struct question *q, enum kind kind)
{
    struct command c = {0}, reply;
    q->ask(&c, &t.estate, kind, randombytes_uniform(ESTATE_EACH));
    double begin = now_us();
    uint32_t seq = hand_say(&t.hand, &c);
    if (seq == 0 || !hand_hear(&t.hand, &reply, REPLY_MS))
        stop("no answer");
    double us = now_us() - begin;
    if (reply.op != OP_REPLY || reply.seq != seq || reply.u.reply.status != STATUS_REFUSED ||
        reply.u.reply.retry_after != 0 || t.hand.plain_len != WIRE_RECORD_CONTROL_BYTES) {
        printf("FAULT: %s, %s: another answer\n", q->name, kind_names[kind]);
        t.fault = true;
    }
    return us;
}

static void sample(const struct question *q, size_t count, struct times out[KINDS])
{
    for (size_t i = 0; i < WARM_UP; i++)
        ask(q, (enum kind)(i % KINDS));
    for (size_t i = 0; i < count; i++) {
        enum kind kind = (enum kind)randombytes_uniform(KINDS);
        times_add(&out[kind], ask(q, kind));
    }
}

static void show(const char *name, enum kind a, enum kind b, const struct difference *d)
{
    printf("%-13s %s %.1f us, %s %.1f us: distance %.4f, chance %.2g, t %.1f\n", name, kind_names[a],
           d->median[0], kind_names[b], d->median[1], d->distance, d->chance, d->welch);
}

static void judge(const struct question *q)
{
    unsigned seen[KINDS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct times times[KINDS] = {{0}};
        sample(q, t.samples / ROUNDS, times);
        for (enum kind k = GONE; k < KINDS; k++) {
            struct difference d = times_compare(&times[NEVER], &times[k]);
            show(q->name, NEVER, k, &d);
            seen[k] += d.chance < CHANCE_MAX;
        }
        for (enum kind k = NEVER; k < KINDS; k++)
            times_clear(&times[k]);
    }
    for (enum kind k = GONE; k < KINDS; k++)
        if (seen[k] == ROUNDS) {
            printf("FAULT: %s: %s can be told from never by the time of its answer\n", q->name,
                   kind_names[k]);
            t.fault = true;
        }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"samples", required_argument, NULL, 's'}, {0}};
    int c;
    t.samples = 5000;
    while ((c = getopt_long(argc, argv, "", options, NULL)) == 's')
        t.samples = strtoul(optarg, NULL, 10);
    if (c != -1 || optind != argc - 1 || t.samples < 600) {
        fprintf(stderr, "answer_times [--samples N] ZAGUAN_RELAY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    relay_set_up(&t.relay, argv[optind], "settle = 10\n[limits]\ndesk-vouchers-a-day = 100000\n");
    relay_start(&t.relay);
    if (!hand_open(&t.hand, t.relay.address))
        stop("no connection");
    estate_make(&t.estate, &t.hand, &t.relay);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        judge(&questions[i]);
    hand_close(&t.hand);
    relay_tear_down(&t.relay);
    if (!t.fault)
        printf("answer_times: ok: %zu samples of each command\n", t.samples);
    return t.fault ? 1 : 0;
}
