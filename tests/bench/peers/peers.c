/*
 * Options and stages of the load generator for other brokers. A stage says what it waits for and lets the links turn until then.
 */
#define _GNU_SOURCE
#include "tests/bench/ledger.h"
#include "tests/bench/peers/peers.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURN_MS = 20 };

static void mark_now(const struct peers *p, struct mark *m)
{
    *m = (struct mark){now_ns(), p->confirmed, p->delivered, own_cpu_s(), server_look(p->o.watch), 0, 0};
}

/* --- waiting --- */

static bool turn(struct peers *p)
{
    links_turn(&p->links, TURN_MS);
    if (p->failure == NULL && now_ns() > p->end_ns)
        p->failure = "it took longer than its limit";
    return p->failure == NULL;
}

static bool for_seconds(struct peers *p, double seconds)
{
    uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
    while (now_ns() < end) {
        if (!turn(p))
            return false;
    }
    return true;
}

typedef bool (*condition)(const struct peers *p);

static bool until(struct peers *p, condition done)
{
    while (!done(p)) {
        if (!turn(p))
            return false;
    }
    return true;
}

static bool all_ready(const struct peers *p)
{
    return p->ready == p->o.pairs;
}

static bool all_confirmed(const struct peers *p)
{
    return p->confirmed == p->sent && (p->o.count == 0 || p->sent == p->o.count);
}

static bool all_delivered(const struct peers *p)
{
    return all_confirmed(p) && p->delivered >= p->sent;
}

static bool all_acked(const struct peers *p)
{
    return p->acked >= p->delivered;
}

static bool all_spoke(const struct peers *p)
{
    for (uint32_t i = 0; i < p->o.pairs; i++) {
        if (p->pairs[i].delivered == 0)
            return false;
    }
    return true;
}

static bool quiet(const struct peers *p)
{
    return now_ns() > p->last_delivery_ns + (uint64_t)(p->o.quiet_s * 1e9);
}

/* --- stages --- */

static bool open_ends(struct peers *p, bool senders)
{
    if (!pairs_open(p, senders)) {
        peers_fail(p, "no more connections");
        return false;
    }
    return until(p, all_ready);
}

static bool subscribe(struct peers *p)
{
    p->ready = 0;
    for (uint32_t i = 0; i < p->o.pairs; i++) {
        p->o.backend->subscribe(&p->pairs[i].reader);
        if (i % 32 == 31)
            links_turn(&p->links, 0);
    }
    return until(p, all_ready);
}

static bool check_acks(struct peers *p)
{
    p->asking = true;
    for (uint32_t i = 0; p->o.backend->ask != NULL && i < p->o.pairs; i++)
        p->o.backend->ask(&p->pairs[i].reader);
    return until(p, all_acked);
}

static void start_sending(struct peers *p)
{
    p->sending = true;
    for (uint32_t i = 0; i < p->o.pairs; i++)
        pairs_send(&p->pairs[i].sender);
}

static bool run_live(struct peers *p)
{
    if (!open_ends(p, true) || !open_ends(p, false) || !subscribe(p))
        return false;
    start_sending(p);
    /* A broker that makes files for a queue's first message has made them all. */
    if (p->o.count == 0 && !(for_seconds(p, p->o.warmup_s) && until(p, all_spoke)))
        return false;
    p->measuring = true;
    mark_now(p, &p->first);
    if (p->o.count != 0 ? !until(p, all_delivered) : !for_seconds(p, p->o.seconds))
        return false;
    mark_now(p, &p->last);
    p->measuring = false;
    p->sending = false;
    return until(p, all_delivered) && check_acks(p);
}

static bool run_store(struct peers *p)
{
    if (p->o.backend->knows_readers) {
        if (!open_ends(p, false) || !subscribe(p))
            return false;
        pairs_close(p, false);
    }
    if (!open_ends(p, true))
        return false;
    if (p->o.ledger != NULL)
        say_now("storing=1\n");
    p->measuring = true;
    mark_now(p, &p->first);
    start_sending(p);
    if (!until(p, all_confirmed))
        return false;
    mark_now(p, &p->last);
    p->measuring = false;
    return true;
}

static bool run_away(struct peers *p)
{
    if (!run_store(p) || !open_ends(p, false))
        return false;
    mark_now(p, &p->drain_first);
    if (!subscribe(p) || !until(p, all_delivered) || !check_acks(p))
        return false;
    mark_now(p, &p->drain_last);
    return true;
}

/* Takes what is there, whatever that is. */
static bool run_drain(struct peers *p)
{
    p->last_delivery_ns = now_ns();
    if (!open_ends(p, false) || !subscribe(p))
        return false;
    return until(p, quiet) && check_acks(p);
}

static bool run_idle(struct peers *p)
{
    mark_now(p, &p->at_rest);
    if (!open_ends(p, false) || !subscribe(p))
        return false;
    mark_now(p, &p->held);
    if (!for_seconds(p, p->o.hold_s))
        return false;
    p->held.server = server_look(p->o.watch);
    return true;
}

static bool run(struct peers *p)
{
    switch (p->o.kind) {
    case KIND_LIVE:
        return run_live(p);
    case KIND_AWAY:
        return run_away(p);
    case KIND_STORE:
        return run_store(p);
    case KIND_DRAIN:
        return run_drain(p);
    case KIND_IDLE:
        return run_idle(p);
    }
    return false;
}

/* --- what was confirmed, for the one who looks what is left of it --- */

static bool with_ledger(const struct peers *p)
{
    uint32_t *numbers = calloc(p->o.pairs, sizeof(*numbers));
    bool write = p->o.kind == KIND_STORE;
    if (numbers == NULL)
        return false;
    for (uint32_t i = 0; i < p->o.pairs; i++)
        numbers[i] = write ? p->pairs[i].confirmed : p->pairs[i].delivered;
    bool good = write ? ledger_write(p->o.ledger, numbers, p->o.pairs) : ledger_compare(p->o.ledger, numbers, p->o.pairs);
    free(numbers);
    return good;
}

/* --- report --- */

static void say_measured(const struct peers *p)
{
    double wall = between_s(&p->first, &p->last);
    bool stored = p->o.kind != KIND_LIVE;
    uint64_t confirmed = p->last.confirmed - p->first.confirmed;
    uint64_t delivered = p->last.delivered - p->first.delivered;
    uint64_t messages = stored || confirmed < delivered ? confirmed : delivered;

    printf("pairs=%" PRIu32 "\nin_flight=%" PRIu32 "\nsize=%" PRIu32 "\nseconds=%.3f\n", p->o.pairs, p->o.in_flight, p->o.size,
           wall);
    printf("%s=%.0f\n", stored ? "stored_per_s" : "messages_per_s", (double)messages / wall);
    say_cpu("run", &p->first, &p->last, messages, p->o.watch > 0);
    say_latency("confirm", &p->confirm);
    if (!stored)
        say_latency("deliver", &p->deliver);
    printf("server_rss_kib=%" PRIu64 "\nserver_private_dirty_kib=%" PRIu64 "\n", p->last.server.rss_kib,
           p->last.server.private_dirty_kib);
    if (stored)
        say_kept(&p->first, &p->last, messages);
}

static bool report(const struct peers *p)
{
    enum kind kind = p->o.kind;
    if (kind == KIND_IDLE) {
        say_idle(&p->at_rest, &p->held, p->o.pairs, p->o.watch > 0);
        return true;
    }
    if (kind == KIND_DRAIN) {
        printf("delivered=%" PRIu64 "\nmisordered=%" PRIu64 "\ndamaged=%" PRIu64 "\n", p->delivered, p->misordered, p->damaged);
        return true;
    }
    say_measured(p);
    if (kind == KIND_AWAY) {
        printf("drained_per_s=%.0f\n", (double)p->delivered / between_s(&p->drain_first, &p->drain_last));
        say_cpu("drain", &p->drain_first, &p->drain_last, p->delivered, p->o.watch > 0);
    }
    printf("sent=%" PRIu64 "\nconfirmed=%" PRIu64 "\ndelivered=%" PRIu64 "\nacked=%" PRIu64 "\n", p->sent, p->confirmed,
           p->delivered, p->acked);
    printf("misordered=%" PRIu64 "\ndamaged=%" PRIu64 "\n", p->misordered, p->damaged);
    bool read = kind == KIND_STORE || (p->delivered == p->sent && p->acked == p->delivered);
    return read && p->confirmed == p->sent && p->misordered == 0 && p->damaged == 0;
}

/* --- links --- */

static long on_heard(struct link *l, const uint8_t *b, size_t len)
{
    struct end *e = (struct end *)l;
    return e->all->o.backend->heard(e, b, len);
}

static void on_lost(struct link *l, const char *why)
{
    struct end *e = (struct end *)l;
    e->open = false;
    peers_fail(e->all, why);
}

/* --- options --- */

static const char usage[] =
    "bench_peers: pairs of a sender and a reader against another broker, until a time or a count is reached.\n"
    "\n"
    "  --redis|--mqtt|--nats PORT  the broker, on 127.0.0.1\n"
    "  --pairs N                   (10)\n"
    "  --in-flight K               unconfirmed messages of each sender (1)\n"
    "  --size BYTES                of a message (4096)\n"
    "  --seconds S, --warmup S     how long is measured, and not measured before (2, 0.5)\n"
    "  --count M                   messages in all instead of a time\n"
    "  --away                      store --count messages, then connect the readers and drain\n"
    "  --store, --drain            one half of it; --drain takes what is there, until nothing came for a second\n"
    "  --ledger FILE               --store writes how many were confirmed, also if the broker ends; --drain compares\n"
    "  --idle N                    N connections with one subscription each, then --hold seconds (2)\n"
    "  --watch PID                 the broker, for its CPU and memory\n"
    "  --limit S                   end after it in any case (300)\n";

enum option_id {
    O_REDIS = 256, O_MQTT, O_NATS, O_PAIRS, O_IN_FLIGHT, O_SIZE, O_SECONDS, O_WARMUP, O_COUNT, O_AWAY, O_STORE, O_DRAIN,
    O_LEDGER, O_IDLE, O_HOLD, O_WATCH, O_LIMIT
};

static const struct option long_options[] = {
    {"redis", 1, NULL, O_REDIS},         {"mqtt", 1, NULL, O_MQTT},     {"nats", 1, NULL, O_NATS},
    {"pairs", 1, NULL, O_PAIRS},         {"size", 1, NULL, O_SIZE},     {"seconds", 1, NULL, O_SECONDS},
    {"in-flight", 1, NULL, O_IN_FLIGHT}, {"warmup", 1, NULL, O_WARMUP}, {"count", 1, NULL, O_COUNT},
    {"away", 0, NULL, O_AWAY},           {"store", 0, NULL, O_STORE},   {"drain", 0, NULL, O_DRAIN},
    {"ledger", 1, NULL, O_LEDGER},       {"idle", 1, NULL, O_IDLE},     {"hold", 1, NULL, O_HOLD},
    {"watch", 1, NULL, O_WATCH},         {"limit", 1, NULL, O_LIMIT},   {NULL, 0, NULL, 0},
};

static bool take_broker(struct options *o, const struct backend *b, const char *port)
{
    o->backend = b;
    o->to.sin_family = AF_INET;
    o->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    o->to.sin_port = htons((uint16_t)atoi(port));
    return o->to.sin_port != 0;
}

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static bool take_option(struct options *o, int id, const char *value)
{
    switch (id) {
    case O_REDIS: return take_broker(o, &redis_backend, value);
    case O_MQTT: return take_broker(o, &mqtt_backend, value);
    case O_NATS: return take_broker(o, &nats_backend, value);
    case O_PAIRS: return (o->pairs = number(value)) > 0;
    case O_IN_FLIGHT: return (o->in_flight = number(value)) > 0 && o->in_flight <= IN_FLIGHT_MAX;
    case O_SIZE: return (o->size = number(value)) >= 64 && o->size <= SIZE_MAX_BYTES;
    case O_SECONDS: return (o->seconds = atof(value)) > 0;
    case O_WARMUP: return (o->warmup_s = atof(value)) >= 0;
    case O_COUNT: return (o->count = strtoull(value, NULL, 10)) > 0;
    case O_AWAY: o->kind = KIND_AWAY; return true;
    case O_STORE: o->kind = KIND_STORE; return true;
    case O_DRAIN: o->kind = KIND_DRAIN; return true;
    case O_LEDGER: o->ledger = value; return true;
    case O_IDLE: o->kind = KIND_IDLE; return (o->pairs = number(value)) > 0;
    case O_HOLD: return (o->hold_s = atof(value)) >= 0;
    case O_WATCH: return (o->watch = atoi(value)) > 0;
    case O_LIMIT: return (o->limit_s = atof(value)) > 0;
    default: return false;
    }
}

static bool read_options(struct options *o, int argc, char **argv)
{
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (!take_option(o, id, optarg))
            return false;
    }
    bool counted = o->kind == KIND_AWAY || o->kind == KIND_STORE;
    return optind == argc && o->backend != NULL && (!counted || o->count > 0);
}

int main(int argc, char **argv)
{
    static struct peers p = {.o = {.kind = KIND_LIVE, .pairs = 10, .in_flight = 1, .size = 4096, .seconds = 2, .warmup_s = 0.5,
                                   .hold_s = 2, .limit_s = 300, .quiet_s = 1}};

    if (sodium_init() < 0 || !read_options(&p.o, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    p.links.heard = on_heard;
    p.links.lost = on_lost;
    p.end_ns = now_ns() + (uint64_t)(p.o.limit_s * 1e9);
    if (!links_init(&p.links) || !pairs_new(&p))
        p.failure = "no memory";
    bool good = p.failure == NULL && run(&p) && report(&p);
    if (p.failure != NULL)
        fprintf(stderr, "bench_peers: %s: %s (sent %" PRIu64 ", confirmed %" PRIu64 ", delivered %" PRIu64 ", acked %" PRIu64 ")\n",
                p.o.backend->name, p.failure, p.sent, p.confirmed, p.delivered, p.acked);
    /* Also when the broker ended: that is what it is for. */
    if (p.o.ledger != NULL && !with_ledger(&p))
        good = false;
    pairs_close(&p, true);
    pairs_close(&p, false);
    pairs_free(&p);
    links_free(&p.links);
    return good ? 0 : 1;
}
