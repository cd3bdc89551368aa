#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <inttypes.h>
#include <stdio.h>

static void say_run(const struct load *l)
{
    double wall = between_s(&l->first, &l->last);
    uint64_t confirmed = l->last.confirmed - l->first.confirmed;
    uint64_t delivered = l->last.delivered - l->first.delivered;
    bool stored = l->o.kind != LOAD_LIVE;
    uint64_t messages = stored || confirmed < delivered ? confirmed : delivered;
    printf("seconds=%.3f\n", wall);
    printf("%s=%.0f\n", stored ? "stored_per_s" : "messages_per_s", (double)messages / wall);
    say_cpu("run", &l->first, &l->last, messages, l->o.watch > 0);
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
    if (stored && l->o.watch > 0)
        say_kept(&l->first, &l->last, messages);
}

static void say_drain(const struct load *l)
{
    double wall = between_s(&l->drain_first, &l->drain_last);
    printf("drained_per_s=%.0f\n", (double)l->delivered / wall);
    say_cpu("drain", &l->drain_first, &l->drain_last, l->delivered, l->o.watch > 0);
}

bool report(const struct load *l)
{
    enum load_kind kind = l->o.kind;
    if (kind == LOAD_MAKE)
        return true;
    if (kind == LOAD_IDLE) {
        say_idle(&l->at_rest, &l->idle_ready, l->o.pairs, l->o.watch > 0);
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
