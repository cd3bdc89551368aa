/*
 * A relay that is killed two hundred times while queues are made and erased, messages sent, taken back, read and left to
 * expire.
 *
 * In each round some commands are said one after the other; in the middle of them the relay is killed with kill -9. After
 * the next start what was not answered is said again, as a client does; then some queues are read. What was answered "ok" must hold: every
 * message that was accepted is delivered, in order; one that was taken back, whose time is over or whose queue was erased is not.
 *
 *   killed [--kills N] [--seed N] [--plant lose|revive] ZAGUAN_RELAY CLOCK.so
 *
 * --plant damages the database while the relay is down; the test must then fail.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "proto/voucher.h"
#include "tests/integration/hand.h"
#include "tests/integration/killed_plant.h"
#include "tests/integration/relay_process.h"
#include "tests/support/support.h"

enum {
    QUEUES = 24,
    MESSAGES_MAX = 200000,
    COMMANDS_EACH_ROUND = 60,
    REPLY_MS = 10000,
    QUIET_MS = 100,
    KILL_WITHIN_MS = 60,
    DRAW = 8,
    HOUR_S = 3600,
};

static const char settings[] = "settle = 20\n[limits]\nsends-a-day = 10000000\ndesk-vouchers-a-day = 100000\n";

/* What we know of something that was asked for. */
enum known { NOT_YET, ASKED, HOLDS };

struct message {
    uint32_t queue;
    enum known sent, cancelled;
    bool read;                  /* acknowledged; nobody answers that */
    uint32_t over_from, over_to; /* it is gone at an hour of these */
    uint8_t handle[WIRE_HANDLE_BYTES];
};

struct queue {
    enum known made, erased;
    uint8_t put[WIRE_SECRET_BYTES], take[WIRE_SECRET_BYTES], own[WIRE_SECRET_BYTES], end[WIRE_SECRET_BYTES];
    uint8_t voucher[WIRE_SECRET_BYTES];
    uint32_t first; /* of its messages, so that old ones are not looked through again */
};

/* A command whose reply is awaited. */
struct asked {
    uint32_t seq;
    enum op op;
    uint32_t what; /* queue or message */
};

static struct {
    struct relay_process relay;
    struct hand hand;
    struct rng_seed rng_state;
    struct rng rng;
    uint64_t seed;
    uint32_t kills, killed;
    enum killed_plant plant;
    uint8_t desk_take[WIRE_SECRET_BYTES];
    uint8_t vouchers[DRAW][WIRE_SECRET_BYTES];
    uint32_t vouchers_left;
    struct queue queues[QUEUES];
    struct message *messages;
    uint32_t message_count;
    struct asked asked[COMMANDS_EACH_ROUND * 4];
    uint32_t asked_count;
    uint32_t accepted, taken_back, erased, delivered, expired;
    volatile int64_t *ahead;
} t;

static _Noreturn void fault(const char *what, uint32_t which)
{
    printf("FAULT: %s (%u), after %u kills, seed %llu\n", what, which, t.killed, (unsigned long long)t.seed);
    relay_tear_down(&t.relay);
    exit(1);
}

static uint32_t below(uint32_t bound)
{
    return rng_below(&t.rng, bound);
}

static void draw(uint8_t *out, size_t len)
{
    rng_fill(&t.rng, out, len);
}

static uint32_t hour_now(void)
{
    return (uint32_t)((time(NULL) + *t.ahead) / HOUR_S);
}

/* --- commands --- */

static void ask(struct command *c, uint32_t what)
{
    uint32_t seq = hand_say(&t.hand, c);
    if (seq != 0 && t.asked_count < sizeof(t.asked) / sizeof(t.asked[0]))
        t.asked[t.asked_count++] = (struct asked){seq, c->op, what};
}

static void name_of(enum role role, const uint8_t secret[WIRE_SECRET_BYTES], struct name *out)
{
    secret_name(role, secret, out);
}

static void ask_create(uint32_t which)
{
    struct queue *q = &t.queues[which];
    struct name put, take, own, end;
    name_of(ROLE_PUT, q->put, &put);
    name_of(ROLE_TAKE, q->take, &take);
    name_of(ROLE_OWN, q->own, &own);
    name_of(ROLE_END, q->end, &end);
    struct command c = {.op = OP_QUEUE_CREATE,
                        .u.queue_create = {.voucher = q->voucher,
                                           .kind = QUEUE_CONVERSATION,
                                           .names = {.put = put.b, .take = {take.b}, .takes = 1, .own = own.b, .end = end.b}}};
    q->made = q->made == HOLDS ? HOLDS : ASKED;
    ask(&c, which);
}

static void ask_erase(uint32_t which)
{
    struct queue *q = &t.queues[which];
    struct command c = {.op = OP_QUEUE_DELETE, .u.queue_delete = {DELETE_END, q->end}};
    q->erased = ASKED;
    ask(&c, which);
}

/* Sender's number, then bytes that depend on it. */
static void compose(uint32_t number, uint8_t out[WIRE_ENVELOPE_BYTES])
{
    for (size_t i = 0; i < WIRE_ENVELOPE_BYTES; i++)
        out[i] = (uint8_t)(number * 7 + i * 13);
    memcpy(out, &number, sizeof(number));
}

static void ask_send(uint32_t number)
{
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    struct message *m = &t.messages[number];
    compose(number, envelope);
    struct command c = {.op = OP_SEND,
                        .u.send = {SEND_PUT, t.queues[m->queue].put, m->over_to == UINT32_MAX ? WIRE_TTL_1D : WIRE_TTL_1H,
                                   m->handle, envelope}};
    m->sent = m->sent == HOLDS ? HOLDS : ASKED;
    ask(&c, number);
}

static void ask_cancel(uint32_t number)
{
    struct command c = {.op = OP_CANCEL, .u = {.cancel = {t.messages[number].handle}}};
    t.messages[number].cancelled = ASKED;
    ask(&c, number);
}

/* Its queue was erased since, and another one stands in its place. */
static bool is_of_old(uint32_t number)
{
    return number < t.queues[t.messages[number].queue].first;
}

/* --- answers --- */

static void settle_asked(const struct asked *a, enum status status)
{
    if (status == STATUS_BUSY)
        fault("busy", (uint32_t)a->op);
    if (status == STATUS_FULL)
        fault("a quota", (uint32_t)a->op);
    if (a->op == OP_QUEUE_CREATE) {
        if (status != STATUS_OK)
            fault("a queue was refused", a->what);
        t.queues[a->what].made = HOLDS;
    } else if (a->op == OP_QUEUE_DELETE) {
        t.queues[a->what].erased = HOLDS; /* refused: an erase before was done and not answered */
        t.erased++;
    } else if (a->op == OP_SEND) {
        if (status != STATUS_OK && t.queues[t.messages[a->what].queue].erased == NOT_YET && !is_of_old(a->what))
            fault("lost: a queue does not take a message", a->what);
        if (status == STATUS_OK) {
            t.messages[a->what].sent = HOLDS;
            t.messages[a->what].over_to = t.messages[a->what].over_to == UINT32_MAX ? UINT32_MAX : hour_now() + 2;
            t.accepted++;
        }
    } else if (a->op == OP_CANCEL) {
        t.messages[a->what].cancelled = HOLDS;
        t.taken_back++;
    }
}

/* Takes one reply; false: it was another thing. */
static bool take_reply(const struct command *c)
{
    if (c->op != OP_REPLY)
        return false;
    for (uint32_t i = 0; i < t.asked_count; i++)
        if (t.asked[i].seq == c->seq) {
            struct asked a = t.asked[i];
            memmove(&t.asked[i], &t.asked[i + 1], (--t.asked_count - i) * sizeof(a));
            settle_asked(&a, c->u.reply.status);
            return true;
        }
    fault("an answer to nothing", c->seq);
}

/* Until all is answered; what the connection does not answer any more stays asked for. */
static void hear_answers(int timeout_ms)
{
    struct command c;
    while (t.asked_count > 0 && hand_hear(&t.hand, &c, timeout_ms))
        take_reply(&c);
}

static void hear_all_answers(void)
{
    hear_answers(REPLY_MS);
    if (t.asked_count > 0)
        fault("no answer", (uint32_t)t.asked[0].op);
}

/* --- vouchers --- */

static void make_desk(void)
{
    char text[128];
    uint8_t voucher[WIRE_SECRET_BYTES];
    uint8_t secrets[3][WIRE_SECRET_BYTES];
    struct name put, take, own, end;
    relay_voucher(&t.relay, text, sizeof(text));
    if (voucher_parse(voucher, text, strlen(text)) != ZG_OK)
        fault("no voucher", 0);
    for (size_t i = 0; i < 3; i++)
        draw(secrets[i], WIRE_SECRET_BYTES);
    draw(t.desk_take, sizeof(t.desk_take));
    name_of(ROLE_PUT, secrets[0], &put);
    name_of(ROLE_TAKE, t.desk_take, &take);
    name_of(ROLE_OWN, secrets[1], &own);
    name_of(ROLE_END, secrets[2], &end);
    struct command c = {.op = OP_QUEUE_CREATE,
                        .u.queue_create = {.voucher = voucher,
                                           .kind = QUEUE_DESK,
                                           .names = {.put = put.b, .take = {take.b}, .takes = 1, .own = own.b, .end = end.b}}};
    struct command reply;
    if (hand_say(&t.hand, &c) == 0 || !hand_hear(&t.hand, &reply, REPLY_MS) || reply.u.reply.status != STATUS_OK)
        fault("no desk", 0);
}

static void draw_vouchers(void)
{
    struct name names[DRAW];
    struct command reply, c = {.op = OP_VOUCHER_DRAW,
                               .u.voucher_draw = {.take = t.desk_take, .kind = VOUCHER_CONVERSATION, .count = DRAW}};
    for (size_t i = 0; i < DRAW; i++) {
        draw(t.vouchers[i], WIRE_SECRET_BYTES);
        name_of(ROLE_VOUCHER, t.vouchers[i], &names[i]);
        c.u.voucher_draw.names[i] = names[i].b;
    }
    if (hand_say(&t.hand, &c) == 0 || !hand_hear(&t.hand, &reply, REPLY_MS) || reply.u.reply.status != STATUS_OK)
        fault("no vouchers", 0);
    t.vouchers_left = DRAW;
}

/* --- a round --- */

static void new_queue(uint32_t which)
{
    struct queue *q = &t.queues[which];
    if (t.vouchers_left == 0)
        return;
    memset(q, 0, sizeof(*q));
    draw(q->put, sizeof(q->put));
    draw(q->take, sizeof(q->take));
    draw(q->own, sizeof(q->own));
    draw(q->end, sizeof(q->end));
    memcpy(q->voucher, t.vouchers[--t.vouchers_left], sizeof(q->voucher));
    q->first = t.message_count;
    ask_create(which);
}

static void new_message(uint32_t which)
{
    if (t.message_count == MESSAGES_MAX)
        fault("too many messages for the test", 0);
    struct message *m = &t.messages[t.message_count];
    bool is_short = below(4) == 0;
    *m = (struct message){.queue = which,
                          .over_from = is_short ? hour_now() + 2 : UINT32_MAX,
                          .over_to = is_short ? hour_now() + 3 : UINT32_MAX};
    draw(m->handle, sizeof(m->handle));
    ask_send(t.message_count++);
}

static void some_command(void)
{
    uint32_t which = below(QUEUES), kind = below(100);
    struct queue *q = &t.queues[which];
    if (q->made == NOT_YET || q->erased == HOLDS) {
        new_queue(which);
    } else if (q->made == HOLDS && q->erased == NOT_YET && kind < 70) {
        new_message(which);
    } else if (kind < 94 && t.message_count > 0) {
        uint32_t number = t.message_count - 1 - below(t.message_count < 200 ? t.message_count : 200);
        if (t.messages[number].sent != NOT_YET && t.messages[number].cancelled == NOT_YET)
            ask_cancel(number);
    } else if (q->made == HOLDS && q->erased == NOT_YET) {
        ask_erase(which);
    }
}

/* What was asked for and not answered before the kill, in the order in which it was asked. */
static void say_again(void)
{
    static struct asked before[sizeof(t.asked) / sizeof(t.asked[0])];
    uint32_t count = t.asked_count;
    memcpy(before, t.asked, sizeof(before));
    t.asked_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (before[i].op == OP_QUEUE_CREATE)
            ask_create(before[i].what);
        else if (before[i].op == OP_QUEUE_DELETE)
            ask_erase(before[i].what);
        else if (before[i].op == OP_SEND && !is_of_old(before[i].what))
            ask_send(before[i].what);
        else if (before[i].op == OP_CANCEL)
            ask_cancel(before[i].what);
    }
    hear_all_answers();
}

/* --- reading --- */

static bool must_come(uint32_t number, uint32_t which)
{
    const struct message *m = &t.messages[number];
    return m->queue == which && m->sent == HOLDS && m->cancelled == NOT_YET && !m->read && hour_now() < m->over_from;
}

static void take_delivery(uint32_t which, uint32_t *last, const struct command *c)
{
    static uint8_t expected[WIRE_ENVELOPE_BYTES];
    uint32_t number;
    memcpy(&number, c->u.deliver.envelope, sizeof(number));
    if (number >= t.message_count || t.messages[number].queue != which)
        fault("a message that nobody sent", number);
    if (is_of_old(number))
        fault("came back: its queue was erased", number);
    compose(number, expected);
    struct message *m = &t.messages[number];
    if (memcmp(expected, c->u.deliver.envelope, sizeof(expected)) != 0)
        fault("changed", number);
    if (m->cancelled == HOLDS)
        fault("came back: it was taken back", number);
    if (hour_now() >= m->over_to)
        fault("came back: its time is over", number);
    if (*last != UINT32_MAX && number <= *last)
        fault("out of order, or twice", number);
    for (uint32_t i = *last == UINT32_MAX ? t.queues[which].first : *last + 1; i < number; i++)
        if (must_come(i, which))
            fault("lost", i);
    *last = number;
    t.delivered++;
    m->read = true;
    struct command ack = {.op = OP_ACK,
                          .u.ack = {.subscription = c->u.deliver.subscription, .ids = {c->u.deliver.id}, .count = 1}};
    (void)hand_say(&t.hand, &ack);
}

static bool something_must_come(uint32_t which)
{
    for (uint32_t i = t.queues[which].first; i < t.message_count; i++)
        if (must_come(i, which))
            return true;
    return false;
}

/* A queue that was erased must be unknown; all that waits in another must come. quiet: wait for what must not. */
static void read_queue(uint32_t which, bool quiet)
{
    struct queue *q = &t.queues[which];
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {q->take, 256}};
    uint32_t last = UINT32_MAX;
    if (q->made != HOLDS || q->erased == ASKED)
        return;
    if (hand_say(&t.hand, &c) == 0 || !hand_hear(&t.hand, &c, REPLY_MS))
        fault("no answer to SUBSCRIBE", which);
    if ((c.op == OP_SUBSCRIBED) != (q->erased == NOT_YET))
        fault(c.op == OP_SUBSCRIBED ? "came back: an erased queue" : "lost: a queue", which);
    if (c.op != OP_SUBSCRIBED)
        return;
    uint8_t subscription[WIRE_SUBSCRIPTION_BYTES];
    memcpy(subscription, c.u.subscribed.subscription, sizeof(subscription));
    for (;;) {
        bool wanted = something_must_come(which);
        if (!hand_hear(&t.hand, &c, wanted ? REPLY_MS : quiet ? QUIET_MS : 20)) {
            if (wanted)
                fault("lost: a message does not come", which);
            break;
        }
        if (c.op == OP_DELIVER)
            take_delivery(which, &last, &c);
    }
    struct command end = {.op = OP_UNSUBSCRIBE, .u.unsubscribe = {subscription}};
    while (hand_say(&t.hand, &end) != 0 && hand_hear(&t.hand, &c, REPLY_MS) && c.op != OP_REPLY)
        ;
    for (uint32_t i = q->first; i < t.message_count; i++)
        t.expired += t.messages[i].queue == which && t.messages[i].sent == HOLDS && !t.messages[i].read &&
                     hour_now() >= t.messages[i].over_to;
}

/* --- */

static void connect_again(void)
{
    for (int i = 0; i < 50; i++) {
        if (hand_open(&t.hand, t.relay.address))
            return;
        usleep(20000);
    }
    fault("the relay is not reached", 0);
}

static void one_round(void)
{
    connect_again();
    say_again();
    if (t.vouchers_left < DRAW / 2)
        draw_vouchers();
    for (uint32_t i = 0; i < 4; i++)
        read_queue(below(QUEUES), false);
    for (uint32_t i = 0; i < COMMANDS_EACH_ROUND; i++) {
        some_command();
        hear_answers(i % 8 == 0 ? 2 : 0);
    }
    hear_answers((int)below(KILL_WITHIN_MS));
    relay_kill(&t.relay);
    hand_close(&t.hand);
    t.killed++;
    killed_plant(t.plant, t.relay.dir);
    if (below(4) == 0)
        *t.ahead += HOUR_S;
    relay_start(&t.relay);
}

static void clock_start(const char *library)
{
    char path[160];
    snprintf(path, sizeof(path), "%s/clock", t.relay.folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(*t.ahead)) != 0)
        fault("no clock", 0);
    t.ahead = mmap(NULL, sizeof(*t.ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (t.ahead == MAP_FAILED)
        fault("no clock", 0);
    setenv("ZG_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", library, 1);
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "killed [--kills N] [--seed N] [--plant lose|revive] RELAY CLOCK.so\n");
    exit(2);
}

static void read_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"kills", required_argument, NULL, 'k'},
        {"seed", required_argument, NULL, 's'},
        {"plant", required_argument, NULL, 'p'},
        {NULL, 0, NULL, 0},
    };
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        if (c == 'k')
            t.kills = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 's')
            t.seed = strtoul(optarg, NULL, 10);
        else if (c == 'p' && strcmp(optarg, "lose") == 0)
            t.plant = KILLED_LOSE;
        else if (c == 'p' && strcmp(optarg, "revive") == 0)
            t.plant = KILLED_REVIVE;
        else
            usage();
    }
    if (optind + 2 != argc)
        usage();
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    t.kills = 200;
    t.seed = (uint64_t)time(NULL) % 1000000;
    read_options(argc, argv);
    if (sodium_init() < 0)
        return 1;
    t.rng = rng_seeded(&t.rng_state, t.seed);
    t.messages = calloc(MESSAGES_MAX, sizeof(*t.messages));
    relay_set_up(&t.relay, argv[optind], settings);
    clock_start(argv[optind + 1]);
    relay_start(&t.relay);
    connect_again();
    make_desk();
    hand_close(&t.hand);
    while (t.killed < t.kills)
        one_round();
    connect_again();
    say_again();
    for (uint32_t i = 0; i < QUEUES; i++)
        read_queue(i, true);
    printf("killed: ok: %u kills, %u accepted, %u delivered, %u taken back, %u queues erased, %u times one had expired, seed %llu\n",
           t.killed, t.accepted, t.delivered, t.taken_back, t.erased, t.expired, (unsigned long long)t.seed);
    hand_close(&t.hand);
    relay_tear_down(&t.relay);
    free(t.messages);
    return 0;
}
