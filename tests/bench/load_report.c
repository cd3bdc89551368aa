#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <inttypes.h>
#include <stdio.h>

static double between_s(const struct mark *a, const struct mark *b)
{
    return (double)(b->at_ns - a->at_ns) / 1e9;
}

/* CPU of both sides between two moments; "saturated" says that the figure is the load generator's and not the server's. */
static void say_cpu(const struct load *l, const char *what, const struct mark *a, const struct mark *b, uint64_t messages)
{
    double wall = between_s(a, b);
    double own = (b->own_cpu_s - a->own_cpu_s) / wall;
    double server = (b->server.cpu_s - a->server.cpu_s) / wall;
    printf("%s_load_cpu=%.2f\n%s_saturated=%d\n", what, own, what, own > 0.95);
    if (l->o.watch > 0 && messages > 0)
        printf("%s_server_cpu=%.2f\n%s_server_us=%.2f\n", what, server, what, server * wall * 1e6 / (double)messages);
}

static void say_latency(const char *what, const struct latency *d)
{
    printf("%s_p50_ms=%.3f\n%s_p99_ms=%.3f\n%s_max_ms=%.3f\n", what, latency_ms(d, 0.5), what, latency_ms(d, 0.99), what,
           (double)d->max_ns / 1e6);
}

static void say_run(const struct load *l)
{
    double wall = between_s(&l->first, &l->last);
    uint64_t confirmed = l->last.confirmed - l->first.confirmed;
    uint64_t delivered = l->last.delivered - l->first.delivered;
    bool stored = l->o.kind != LOAD_LIVE;
    uint64_t messages = stored || confirmed < delivered ? confirmed : delivered;
    printf("seconds=%.3f\n", wall);
    printf("%s=%.0f\n", stored ? "stored_per_s" : "messages_per_s", (double)messages / wall);
    say_cpu(l, "run", &l->first, &l->last, messages);
    say_latency("confirm", &l->confirm);
    if (!stored)
        say_latency("deliver", &l->deliver);
    if (messages > 0)
        printf("bytes_up_per_message=%.0f\nbytes_down_per_message=%.0f\n",
               (double)(l->last.bytes_out - l->first.bytes_out) / (double)messages,
               (double)(l->last.bytes_in - l->first.bytes_in) / (double)messages);
    if (l->o.watch > 0)
        printf("server_rss_kib=%" PRIu64 "\nserver_private_dirty_kib=%" PRIu64 "\n", l->last.server.rss_kib,
               l->last.server.private_dirty_kib);
}

static void say_drain(const struct load *l)
{
    double wall = between_s(&l->drain_first, &l->drain_last);
    printf("drained_per_s=%.0f\n", (double)l->delivered / wall);
    say_cpu(l, "drain", &l->drain_first, &l->drain_last, l->delivered);
}

static void say_idle(const struct load *l, const struct mark *ready)
{
    printf("connections=%" PRIu32 "\n", l->o.pairs);
    printf("connect_s=%.3f\n", between_s(&l->at_rest, ready));
    if (l->o.watch == 0)
        return;
    double kib = (double)ready->server.private_dirty_kib - (double)l->at_rest.server.private_dirty_kib;
    printf("rest_rss_kib=%" PRIu64 "\nrest_private_dirty_kib=%" PRIu64 "\n", l->at_rest.server.rss_kib,
           l->at_rest.server.private_dirty_kib);
    printf("idle_private_dirty_kib=%" PRIu64 "\n", ready->server.private_dirty_kib);
    printf("private_dirty_bytes_per_connection=%.0f\n", kib * 1024 / l->o.pairs);
    printf("handshake_server_us=%.0f\n", (ready->server.cpu_s - l->at_rest.server.cpu_s) * 1e6 / l->o.pairs);
}

bool report(const struct load *l)
{
    enum load_kind kind = l->o.kind;
    if (kind == LOAD_MAKE)
        return true;
    if (kind == LOAD_IDLE) {
        say_idle(l, &l->idle_ready);
        return true;
    }
    if (l->o.mode == CABLE_NOISE)
        printf("settle_ms=%u\n", (unsigned)l->yard->settle_ms);
    printf("pairs=%" PRIu32 "\nin_flight=%" PRIu32 "\n", l->o.pairs, l->o.in_flight);
    if (kind != LOAD_DRAIN) {
        printf("hello_bytes=%" PRIu64 "\nwelcome_bytes=%" PRIu64 "\n", l->hello_bytes, l->welcome_bytes);
        say_run(l);
    }
    if (kind == LOAD_AWAY || kind == LOAD_DRAIN)
        say_drain(l);
    printf("sent=%" PRIu64 "\nconfirmed=%" PRIu64 "\ndelivered=%" PRIu64 "\nacked=%" PRIu64 "\n", l->sent, l->confirmed,
           l->delivered, l->acked);
    printf("misordered=%" PRIu64 "\ndamaged=%" PRIu64 "\n", l->misordered, l->damaged);
    bool read = kind == LOAD_STORE || (l->delivered == l->sent && l->acked == l->delivered);
    bool confirmed = kind == LOAD_DRAIN || l->confirmed == l->sent;
    return read && confirmed && l->misordered == 0 && l->damaged == 0;
}
