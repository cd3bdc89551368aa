/*
 * Options and stages of the load generator; load.h says which stages follow each other.
 *
 * Whatever goes wrong ends in load_fail: the loop stops, the reason is printed, the exit code is 1. A run that takes longer than its
 * limit ends with 3.
 */
#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/voucher.h"
#include "tests/bench/ledger.h"

void load_fail(struct load *l, const char *why)
{
    if (l->failure == NULL && l->stage != STAGE_DONE)
        l->failure = why;
    uv_stop(&l->loop);
}

void load_mark_now(const struct load *l, struct mark *m)
{
    m->at_ns = uv_hrtime();
    m->confirmed = l->confirmed;
    m->delivered = l->delivered;
    m->own_cpu_s = own_cpu_s();
    m->server = server_look(l->o.watch);
    m->bytes_in = l->yard->bytes_in;
    m->bytes_out = l->yard->bytes_out;
}

static uint64_t ms(double seconds)
{
    return (uint64_t)(seconds * 1000);
}

/* --- stages --- */

static void to_done(struct load *l)
{
    l->stage = STAGE_DONE;
    uv_close((uv_handle_t *)&l->timer, NULL);
    uv_close((uv_handle_t *)&l->limit, NULL);
    pairs_close(l);
}

static void on_held(uv_timer_t *t)
{
    struct load *l = t->data;
    struct server s = server_look(l->o.watch);
    l->idle_ready.server = s;
    to_done(l);
}

/* What the server needs for connections that do nothing: after a moment in which it can put things away. */
static void to_hold(struct load *l)
{
    l->stage = STAGE_HOLD;
    say_now("holding=1\n");
    load_mark_now(l, &l->idle_ready);
    uv_timer_start(&l->timer, on_held, ms(l->o.hold_s), 0);
}

static void to_connect(struct load *l, enum stage stage)
{
    l->stage = stage;
    l->opened = 0;
    l->ready = 0;
    l->before_connect = l->yard->bytes_out;
    l->before_connect_in = l->yard->bytes_in;
    pairs_connect(l);
}

static void on_window_end(uv_timer_t *t)
{
    struct load *l = t->data;
    l->measuring = false;
    load_mark_now(l, &l->last);
    l->stage = STAGE_SETTLE;
    if (l->confirmed == l->sent && l->delivered == l->sent)
        load_next(l);
}

static void on_warm(uv_timer_t *t)
{
    struct load *l = t->data;
    l->measuring = true;
    load_mark_now(l, &l->first);
    if (l->o.count == 0)
        uv_timer_start(t, on_window_end, ms(l->o.seconds), 0);
}

static void to_run(struct load *l)
{
    l->stage = STAGE_RUN;
    if (l->o.ledger != NULL)
        say_now("storing=1\n");
    if (l->o.count == 0)
        uv_timer_start(&l->timer, on_warm, ms(l->o.warmup_s), 0);
    else
        on_warm(&l->timer);
    pairs_send(l);
}

static void on_drained(uv_timer_t *t)
{
    struct load *l = t->data;
    if (l->delivered != l->drained_before) {
        l->drained_before = l->delivered;
        return;
    }
    uv_timer_stop(t);
    l->sent = l->delivered;
    load_next(l);
}

static void to_drain(struct load *l)
{
    l->stage = STAGE_DRAIN;
    if (l->o.kind == LOAD_DRAIN)
        l->sent = l->o.count;
    if (l->o.kind == LOAD_DRAIN && l->o.ledger != NULL) {
        /* Nobody knows how many there are: until none came for a second. */
        l->sent = UINT64_MAX;
        uv_timer_start(&l->timer, on_drained, 1000, 1000);
    }
    load_mark_now(l, &l->drain_first);
    pairs_subscribe(l);
}

static void to_check(struct load *l)
{
    l->stage = STAGE_CHECK;
    l->ready = 0;
    pairs_ping(l);
}

static void after_senders(struct load *l)
{
    l->hello_bytes = (l->yard->bytes_out - l->before_connect) / l->o.pairs;
    l->welcome_bytes = (l->yard->bytes_in - l->before_connect_in) / l->o.pairs;
    if (l->o.kind == LOAD_LIVE)
        to_connect(l, STAGE_READERS);
    else
        to_run(l);
}

static void after_readers(struct load *l)
{
    if (l->o.kind == LOAD_IDLE)
        to_hold(l);
    else if (l->o.kind == LOAD_LIVE)
        to_run(l);
    else
        to_drain(l);
}

static void after_run(struct load *l)
{
    if (l->measuring)
        load_mark_now(l, &l->last);
    l->measuring = false;
    if (l->o.kind == LOAD_AWAY)
        to_connect(l, STAGE_READERS);
    else if (l->o.kind == LOAD_STORE)
        to_done(l);
    else
        to_check(l);
}

static void after_make(struct load *l)
{
    if (l->o.kind == LOAD_MAKE) {
        to_done(l);
        return;
    }
    load_mark_now(l, &l->at_rest);
    to_connect(l, l->o.kind == LOAD_DRAIN || l->o.kind == LOAD_IDLE ? STAGE_READERS : STAGE_SENDERS);
}

void load_next(struct load *l)
{
    switch (l->stage) {
    case STAGE_MAKE:
        after_make(l);
        break;
    case STAGE_SENDERS:
        after_senders(l);
        break;
    case STAGE_READERS:
        after_readers(l);
        break;
    case STAGE_RUN:
    case STAGE_SETTLE:
        after_run(l);
        break;
    case STAGE_DRAIN:
        to_check(l);
        break;
    case STAGE_CHECK:
        load_mark_now(l, &l->drain_last);
        to_done(l);
        break;
    case STAGE_HOLD:
    case STAGE_DONE:
        break;
    }
}

static void on_limit(uv_timer_t *t)
{
    struct load *l = t->data;
    l->out_of_time = true;
    load_fail(l, "it took longer than its limit");
}

/* --- options --- */

static const char usage[] =
    "bench_load: pairs of a sender and a reader against a relay or a bare server, until a time or a count is reached.\n"
    "\n"
    "  --relay ADDRESS:PORT/KEY   a relay, as `zaguan-relay init` prints it; or\n"
    "  --bare ADDRESS:PORT        bench_bare; with --crypt if it encrypts\n"
    "  --voucher TEXT             a desk voucher, to make the queues with\n"
    "  --made                     the queues of this seed are there already\n"
    "  --seed N                   secrets and envelopes follow from it (1)\n"
    "  --pairs N                  (10)\n"
    "  --in-flight K              unconfirmed messages of each sender (1)\n"
    "  --window W                 unacknowledged messages of each reader (32)\n"
    "  --seconds S, --warmup S    how long is measured, and not measured before (2, 0.5)\n"
    "  --count M                  messages in all instead of a time\n"
    "  --away                     store --count messages, then connect the readers and drain\n"
    "  --store, --drain           one half of it\n"
    "  --ledger FILE              --store writes how many were confirmed, also if the relay ends; --drain takes what is there, and compares\n"
    "  --idle N                   N connections with one subscription each, then --hold seconds (2)\n"
    "  --make                     make the queues, nothing else\n"
    "  --skim                     decrypt most large records in part only, to spare the load generator\n"
    "  --watch PID                the server, for its CPU and memory\n"
    "  --limit S                  end after it in any case (300)\n";

static bool read_address(struct load_options *o, const char *text, bool with_key)
{
    char host[64];
    const char *slash = strchr(text, '/');
    size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    size_t key_len = 0;
    if (len >= sizeof(host) || with_key != (slash != NULL))
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    char *colon = strrchr(host, ':');
    if (colon == NULL)
        return false;
    *colon = '\0';
    o->mode = with_key ? CABLE_NOISE : o->mode;
    if (with_key && (sodium_base642bin(o->relay_pk, sizeof(o->relay_pk), slash + 1, strlen(slash + 1), " \n", &key_len, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
                     key_len != sizeof(o->relay_pk)))
        return false;
    return uv_ip4_addr(strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, atoi(colon + 1), &o->to) == 0;
}

enum option_id {
    O_RELAY = 256, O_BARE, O_CRYPT, O_VOUCHER, O_MADE, O_SEED, O_PAIRS, O_IN_FLIGHT, O_WINDOW, O_SECONDS, O_WARMUP, O_COUNT,
    O_AWAY, O_STORE, O_DRAIN, O_IDLE, O_HOLD, O_MAKE, O_SKIM, O_WATCH, O_LIMIT, O_LEDGER, O_HELP
};

static const struct option long_options[] = {
    {"relay", 1, NULL, O_RELAY},     {"bare", 1, NULL, O_BARE},           {"crypt", 0, NULL, O_CRYPT},
    {"voucher", 1, NULL, O_VOUCHER}, {"made", 0, NULL, O_MADE},           {"seed", 1, NULL, O_SEED},
    {"pairs", 1, NULL, O_PAIRS},     {"in-flight", 1, NULL, O_IN_FLIGHT}, {"window", 1, NULL, O_WINDOW},
    {"seconds", 1, NULL, O_SECONDS}, {"warmup", 1, NULL, O_WARMUP},       {"count", 1, NULL, O_COUNT},
    {"away", 0, NULL, O_AWAY},       {"store", 0, NULL, O_STORE},         {"drain", 0, NULL, O_DRAIN},
    {"idle", 1, NULL, O_IDLE},       {"hold", 1, NULL, O_HOLD},           {"make", 0, NULL, O_MAKE},
    {"skim", 0, NULL, O_SKIM},       {"watch", 1, NULL, O_WATCH},         {"limit", 1, NULL, O_LIMIT},
    {"ledger", 1, NULL, O_LEDGER},   {"help", 0, NULL, O_HELP},           {NULL, 0, NULL, 0},
};

static uint32_t number(const char *text)
{
    return (uint32_t)strtoul(text, NULL, 10);
}

static bool take_option(struct load_options *o, int id, const char *value)
{
    switch (id) {
    case O_RELAY: return read_address(o, value, true);
    case O_BARE: return read_address(o, value, false);
    case O_CRYPT: o->mode = CABLE_CRYPT; return true;
    case O_VOUCHER: return o->has_voucher = voucher_parse(o->voucher, value, strlen(value)) == ZG_OK;
    case O_MADE: return o->made = true;
    case O_SEED: o->seed = strtoull(value, NULL, 10); return true;
    case O_PAIRS: return (o->pairs = number(value)) > 0;
    case O_IN_FLIGHT: return (o->in_flight = number(value)) > 0 && o->in_flight <= IN_FLIGHT_MAX;
    case O_WINDOW: return (o->window = number(value)) > 0 && o->window <= WIRE_WINDOW_MAX;
    case O_SECONDS: return (o->seconds = atof(value)) > 0;
    case O_WARMUP: return (o->warmup_s = atof(value)) >= 0;
    case O_COUNT: return (o->count = strtoull(value, NULL, 10)) > 0;
    case O_AWAY: o->kind = LOAD_AWAY; return true;
    case O_STORE: o->kind = LOAD_STORE; return true;
    case O_DRAIN: o->kind = LOAD_DRAIN; return true;
    case O_IDLE: o->kind = LOAD_IDLE; return (o->pairs = number(value)) > 0;
    case O_HOLD: return (o->hold_s = atof(value)) >= 0;
    case O_MAKE: o->kind = LOAD_MAKE; return true;
    case O_SKIM: return o->skim = true;
    case O_WATCH: return (o->watch = atoi(value)) > 0;
    case O_LEDGER: o->ledger = value; return true;
    case O_LIMIT: return (o->limit_s = number(value)) > 0;
    default: return false;
    }
}

static const char *check_options(const struct load_options *o)
{
    bool counted = o->kind == LOAD_AWAY || o->kind == LOAD_STORE || (o->kind == LOAD_DRAIN && o->ledger == NULL);
    if (o->to.sin_family != AF_INET)
        return "--relay or --bare is needed, with an IPv4 address";
    if (o->mode == CABLE_NOISE && !o->made && !o->has_voucher)
        return "a relay needs --voucher, or --made";
    if (counted && o->count == 0)
        return "--count is needed";
    return NULL;
}

static bool read_options(struct load_options *o, int argc, char **argv)
{
    int id;
    while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        if (id == O_HELP)
            fputs(usage, stdout);
        if (id == O_HELP || id == '?')
            return false; /* getopt has said what it does not know */
        if (!take_option(o, id, optarg)) {
            fprintf(stderr, "bench_load: \"%s\" cannot be used here\n", optarg != NULL ? optarg : "");
            return false;
        }
    }
    const char *why = optind < argc ? "unknown argument" : check_options(o);
    if (why != NULL)
        fprintf(stderr, "bench_load: %s\n", why);
    return why == NULL;
}

/* --- the run --- */

static bool start(struct load *l)
{
    uv_loop_init(&l->loop);
    l->yard = calloc(1, sizeof(*l->yard));
    if (l->yard == NULL || pairs_new(l) != ZG_OK)
        return false;
    yard_init(l->yard, &l->loop, l->o.mode);
    l->yard->skim = l->o.skim;
    memcpy(l->yard->relay_pk, l->o.relay_pk, sizeof(l->o.relay_pk));
    l->talk.bare = l->o.mode != CABLE_NOISE;
    randombytes_buf(l->talk.run, sizeof(l->talk.run));
    uv_timer_init(&l->loop, &l->timer);
    uv_timer_init(&l->loop, &l->limit);
    l->timer.data = l;
    l->limit.data = l;
    uv_timer_start(&l->limit, on_limit, (uint64_t)l->o.limit_s * 1000, 0);
    l->stage = STAGE_MAKE;
    if (l->o.mode == CABLE_NOISE && !l->o.made)
        make_start(l);
    else
        load_next(l);
    return true;
}

static bool with_ledger(const struct load *l)
{
    uint32_t *numbers = calloc(l->o.pairs, sizeof(*numbers));
    bool write = l->o.kind == LOAD_STORE;
    if (numbers == NULL)
        return false;
    for (uint32_t i = 0; i < l->o.pairs; i++) {
        const struct pair *p = &l->pairs[i];
        numbers[i] = write ? p->next_message - (l->o.in_flight - p->free_count) : p->delivered;
    }
    bool good = write ? ledger_write(l->o.ledger, numbers, l->o.pairs) : ledger_compare(l->o.ledger, numbers, l->o.pairs);
    free(numbers);
    return good;
}

static const char *const stage_names[] = {"make", "senders", "readers", "run", "settle", "drain", "check", "hold", "done"};

static int run(struct load *l)
{
    bool good = false;
    if (start(l))
        uv_run(&l->loop, UV_RUN_DEFAULT);
    else
        l->failure = "no memory";
    if (l->failure == NULL)
        good = report(l);
    else
        fprintf(stderr, "bench_load: %s (stage %s; sent %llu, confirmed %llu, delivered %llu)\n", l->failure,
                stage_names[l->stage], (unsigned long long)l->sent, (unsigned long long)l->confirmed,
                (unsigned long long)l->delivered);
    if (l->o.ledger != NULL && !with_ledger(l))
        good = false;
    if (l->out_of_time)
        return 3;
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct load l = {
        .o = {.kind = LOAD_LIVE, .seed = 1, .pairs = 10, .in_flight = 1, .window = 32, .seconds = 2, .warmup_s = 0.5,
              .hold_s = 2, .limit_s = 300},
    };
    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0 || !read_options(&l.o, argc, argv))
        return 2;
    int code = run(&l);
    pairs_free(&l);
    free(l.yard);
    return code;
}
