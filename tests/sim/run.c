/*
 * The simulation: a worker and a participant talk through a relay while connections break and the relay ends and
 * starts, from one seed.
 *
 *     zg_sim [--first SEED] [--seeds N] [--steps M] [--trace] [--plant lose]
 *
 * Checked at each message: none twice, none out of order, none changed, none shown after its time. Checked at the end,
 * after the faults stop: every message that was accepted and not at its end has arrived.
 */
#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/world.h"

enum { SHORT_LIFETIME_S = 20, TEXT_MAX = 6000, LOST_MAX = 65536 };

/* What one side said, and what the other side heard of it. */
struct line {
    const char *from;
    uint32_t said;  /* number of the last message */
    uint32_t heard; /* number of the last one that arrived */
    uint32_t arrived;
    uint32_t accepted;
    bool brief[LOST_MAX]; /* may end unread: number n has a short lifetime */
    bool got[LOST_MAX];
};

struct talk {
    struct world world;
    struct peer *worker, *she;
    zg_id hers, his;
    bool knocked, open;
    bool troubled; /* a disk that failed may have had messages overtaken: then only the order shown counts */
    struct line from_her, from_worker;
    bool failed;
};

static void fail(struct talk *t, const char *what, uint32_t number)
{
    world_trace(&t->world, "BROKEN: %s (number %u)", what, number);
    fprintf(stderr, "seed %llu at %llu ms: %s (number %u)\n", (unsigned long long)t->world.options.seed,
            (unsigned long long)t->world.now.mono_ms, what, number);
    t->failed = true;
}

/* Text that says who, which, and has a length of its own: "w 17 xxxx". */
static size_t compose(char *out, size_t cap, char who, uint32_t number, size_t length)
{
    int n = snprintf(out, cap, "%c %u ", who, number);
    size_t len = (size_t)n;
    while (len < length && len < cap)
        out[len++] = (char)('a' + number % 26);
    return len;
}

/* --- invariants at each message --- */

static void heard(struct talk *t, struct line *l, struct peer *p, const zg_event *e)
{
    static char expected[TEXT_MAX];
    zg_message m;
    unsigned number;
    char who;
    if (zg_client_message(p->client, &e->conversation, &e->message, &m) != ZG_OK) {
        fail(t, "a message that was announced is not there", l->heard);
        return;
    }
    if (sscanf(m.text, "%c %u ", &who, &number) != 2 || number == 0 || number > l->said) {
        fail(t, "a message that nobody sent", l->heard);
        return;
    }
    size_t len = compose(expected, sizeof(expected), who, number, m.text_len);
    if (who != l->from[0] || len != m.text_len || memcmp(expected, m.text, len) != 0)
        fail(t, "a changed message", number);
    if (l->got[number])
        fail(t, "a message twice", number);
    else if (number <= l->heard && !t->troubled)
        fail(t, "a message out of order", number);
    l->got[number] = true;
    l->heard = number > l->heard ? number : l->heard;
    l->arrived++;
    if (zg_client_read(p->client, &e->conversation, &e->message, t->world.now) != ZG_OK)
        fail(t, "a message cannot be read", number);
}

static void nothing_overdue(struct talk *t, struct peer *p)
{
    zg_conversation c;
    zg_message m;
    for (size_t i = 0; zg_client_conversation_at(p->client, i, &c); i++)
        for (size_t k = 0; zg_client_message_at(p->client, &c.id, k, &m); k++)
            if (m.expires_utc_ms != 0 && m.expires_utc_ms + 1000 < t->world.now.utc_ms)
                fail(t, "a message is shown after its time", (uint32_t)k);
}

/* However they came, they are shown as they were said. */
static void shown_in_order(struct talk *t, struct peer *p, const struct line *l)
{
    zg_conversation c;
    zg_message m;
    for (size_t i = 0; zg_client_conversation_at(p->client, i, &c); i++) {
        unsigned number, last = 0;
        char who;
        for (size_t k = 0; zg_client_message_at(p->client, &c.id, k, &m); k++) {
            if (sscanf(m.text, "%c %u ", &who, &number) != 2 || who != l->from[0])
                continue;
            if (number <= last)
                fail(t, "a message is shown in the wrong place", number);
            last = number;
        }
    }
}

static void worker_event(void *ctx, struct peer *p, const zg_event *e)
{
    struct talk *t = ctx;
    if (e->kind == ZG_EVENT_KNOCK && !t->open) {
        t->his = e->conversation;
        t->open = true;
        heard(t, &t->from_her, p, e);
    } else if (e->kind == ZG_EVENT_MESSAGE) {
        heard(t, &t->from_her, p, e);
    } else if (e->kind == ZG_EVENT_SENT) {
        t->from_worker.accepted++;
    } else if (e->kind == ZG_EVENT_DESK_FAILED || e->kind == ZG_EVENT_ENDED || e->kind == ZG_EVENT_FAILED) {
        fail(t, "the worker's side failed", (uint32_t)e->kind);
    }
}

static void her_event(void *ctx, struct peer *p, const zg_event *e)
{
    struct talk *t = ctx;
    if (e->kind == ZG_EVENT_MESSAGE)
        heard(t, &t->from_worker, p, e);
    else if (e->kind == ZG_EVENT_SENT || e->kind == ZG_EVENT_KNOCK_SENT)
        t->from_her.accepted++;
    else if (e->kind == ZG_EVENT_KNOCK_FAILED || e->kind == ZG_EVENT_ENDED || e->kind == ZG_EVENT_FAILED)
        fail(t, "her side failed", (uint32_t)e->kind);
}

/* --- what happens --- */

static void settle(struct talk *t, uint64_t ms)
{
    uint64_t end = t->world.now.mono_ms + ms;
    while (t->world.now.mono_ms < end && world_step(&t->world, end - t->world.now.mono_ms))
        continue;
}

static void set_up(struct talk *t)
{
    char relay[128], voucher[64], card[1024], text[64];
    zg_organisation *o;
    t->worker = world_peer(&t->world, "worker", worker_event, t);
    t->she = world_peer(&t->world, "she", her_event, t);
    world_address(&t->world, relay, sizeof(relay));
    world_voucher(&t->world, voucher, sizeof(voucher));
    zg_desk_options desk = {.size = sizeof(desk), .relay = relay, .voucher = voucher, .alias = "Ana"};
    if (zg_organisation_new(&o, t->world.now) != ZG_OK ||
        zg_client_desk_create(t->worker->client, o, &desk, t->world.now) != ZG_OK)
        abort();
    zg_organisation_free(o);
    peer_turn(t->worker);
    settle(t, 60000);
    if (zg_client_card(t->worker->client, "zaguan:", card, sizeof(card)) != ZG_OK) {
        fail(t, "the desk is not ready after a minute", 0);
        return;
    }
    size_t len = compose(text, sizeof(text), 'h', ++t->from_her.said, 0);
    if (zg_client_knock(t->she->client, card, strlen(card), text, len, NULL, &t->hers, t->world.now) != ZG_OK)
        abort();
    peer_turn(t->she);
}

static void say(struct talk *t, struct peer *p, struct line *l, const zg_id *conversation)
{
    static char text[TEXT_MAX];
    const struct rng *rng = &t->world.rng;
    uint32_t number = l->said + 1;
    if (number >= LOST_MAX)
        return;
    bool brief = rng_below(rng, 10) == 0;
    uint32_t length = rng_below(rng, 8) == 0 ? 10 + rng_below(rng, TEXT_MAX - 20) : 10 + rng_below(rng, 200);
    zg_send_options options = {
        .size = sizeof(options),
        .lifetime_s = brief ? SHORT_LIFETIME_S : 86400,
        .from = brief ? ZG_AFTER_SENT : ZG_AFTER_READ,
    };
    size_t len = compose(text, sizeof(text), l->from[0], number, length);
    if (zg_client_send(p->client, conversation, text, len, &options, NULL, t->world.now) != ZG_OK) {
        fail(t, "a message cannot be sent", number);
        return;
    }
    l->said = number;
    l->brief[number] = brief;
    world_trace(&t->world, "%s says %u", p->name, number);
    peer_turn(p);
}

static void trouble(struct talk *t, bool on)
{
    t->world.disk_trouble = on;
    t->troubled = t->troubled || on;
    world_trace(&t->world, "disk trouble %d", on);
}

static void act(struct talk *t)
{
    uint32_t what = rng_below(&t->world.rng, 100);
    if (what < 30)
        say(t, t->she, &t->from_her, &t->hers);
    else if (what < 60 && t->open)
        say(t, t->worker, &t->from_worker, &t->his);
    else if (what < 64)
        peer_break(t->she);
    else if (what < 68)
        peer_break(t->worker);
    else if (what == 68 && t->world.relay != NULL)
        world_relay_stop(&t->world);
    else if (what == 69 || (what < 75 && t->world.disk_trouble))
        trouble(t, !t->world.disk_trouble);
    else if (t->world.relay == NULL && what < 90)
        world_relay_start(&t->world);
    uint64_t pause = rng_below(&t->world.rng, 5) == 0 ? rng_below(&t->world.rng, 5000) : rng_below(&t->world.rng, 200);
    settle(t, pause);
}

/* After the faults: time enough for every retry, then nothing that was said may be missing. */
static void all_arrived(struct talk *t, struct line *l)
{
    for (uint32_t n = 1; n <= l->said; n++)
        if (!l->got[n] && !l->brief[n]) {
            fail(t, "a message was lost", n);
            return;
        }
}

static void finish(struct talk *t)
{
    trouble(t, false);
    if (t->world.relay == NULL)
        world_relay_start(&t->world);
    if (t->open)
        say(t, t->worker, &t->from_worker, &t->his);
    settle(t, 30 * 60 * 1000);
    if (!t->open)
        fail(t, "the knock never arrived", 0);
    all_arrived(t, &t->from_her);
    all_arrived(t, &t->from_worker);
}

static bool run(const struct world_options *options, uint32_t steps, uint8_t hash[32])
{
    struct talk *t = calloc(1, sizeof(*t));
    if (t == NULL)
        abort();
    t->from_her.from = "h";
    t->from_worker.from = "w";
    world_open(&t->world, options);
    set_up(t);
    for (uint32_t i = 0; i < steps && !t->failed; i++) {
        act(t);
        nothing_overdue(t, t->she);
        nothing_overdue(t, t->worker);
        shown_in_order(t, t->she, &t->from_worker);
        shown_in_order(t, t->worker, &t->from_her);
    }
    if (!t->failed)
        finish(t);
    printf("seed %llu: %s, %u + %u messages, %u + %u arrived, %llu s simulated, trace ",
           (unsigned long long)options->seed, t->failed ? "BROKEN" : "good", t->from_her.said, t->from_worker.said,
           t->from_her.arrived, t->from_worker.arrived, (unsigned long long)t->world.now.mono_ms / 1000);
    for (size_t i = 0; i < 8; i++)
        printf("%02x", t->world.trace_hash[i]);
    printf("\n");
    memcpy(hash, t->world.trace_hash, 32);
    bool good = !t->failed;
    world_close(&t->world);
    free(t);
    return good;
}

/* In a folder of its own, which is removed. */
static bool run_in_folder(struct world_options *options, uint32_t steps, uint8_t hash[32])
{
    char folder[] = "/tmp/zaguan-sim-XXXXXX", path[64];
    static const char *const files[] = {"relay.db", "relay.db-wal", "relay.db-shm", "relay.db-journal"};
    if (mkdtemp(folder) == NULL)
        abort();
    options->folder = folder;
    bool good = run(options, steps, hash);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return good;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        {"first", required_argument, NULL, 'f'}, {"seeds", required_argument, NULL, 'n'},
        {"steps", required_argument, NULL, 's'}, {"trace", no_argument, NULL, 't'},
        {"plant", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
    };
    struct world_options options = {.plant = PLANT_NOTHING};
    unsigned long first = 1, seeds = 1, steps = 1000, broken = 0;
    int c;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'f')
            first = strtoul(optarg, NULL, 10);
        else if (c == 'n')
            seeds = strtoul(optarg, NULL, 10);
        else if (c == 's')
            steps = strtoul(optarg, NULL, 10);
        else if (c == 't')
            options.trace = stdout;
        else if (c == 'p' && strcmp(optarg, "lose") == 0)
            options.plant = PLANT_LOSE;
        else
            return 2;
    }
    if (sodium_init() < 0)
        return 2;
    for (unsigned long i = 0; i < seeds; i++) {
        uint8_t once[32], again[32];
        options.seed = first + i;
        if (!run_in_folder(&options, (uint32_t)steps, once))
            broken++;
        /* The first seed twice: the same run, or the simulation is worth nothing. */
        if (i == 0 && (run_in_folder(&options, (uint32_t)steps, again), memcmp(once, again, 32) != 0)) {
            fprintf(stderr, "seed %lu: two runs differ\n", first);
            return 1;
        }
    }
    return broken == 0 ? 0 : 1;
}
