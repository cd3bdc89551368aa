#include "tests/fuzz/sequence/world.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store/memory.h"

enum { TURNS_MAX = 10000 };

void world_trace(const char *format, ...)
{
    va_list args;
    if (getenv("ZG_FUZZ_TRACE") == NULL)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* --- the relay --- */

/* So small that an input of some hundred bytes gets to them. */
static struct limits small(void)
{
    struct limits limits = limits_default();
    limits.subscriptions_of_one = 2 * THINGS;
    limits.unanswered_of_one = 16;
    limits.commands_a_turn = 8;
    limits.hellos_a_turn = 2;
    limits.readings_of_one = 2;
    limits.sends_of_queue_a_day = SENDS_A_DAY;
    limits.waiting_of_desk = 8;
    limits.draws_of_desk_a_day = 20;
    limits.memory_bytes = 16 * WIRE_ENVELOPE_BYTES;
    limits.input_bytes = 256 * 1024;
    limits.waiting_bytes = 256 * 1024;
    limits.calm_knocks_a_minute = 4;
    limits.puzzles_a_second = 2;
    limits.spent_cookies = 4;
    limits.acknowledged = 64;
    limits.idle_queues = 2;
    limits.counted_queues = 8;
    limits.purge_rows = 2;
    limits.changes_a_commit = 2;
    limits.knocks_of_desk_a_minute = 1;
    limits.stored_bytes = 16 * WIRE_ENVELOPE_BYTES;
    return limits;
}

static void start(struct world *w, uint32_t known_hour)
{
    struct relay_options options = {.limits = small(),
                                    .settle_ms = SETTLE_MS,
                                    .ttl_ceiling = WIRE_TTL_14D,
                                    .store = &w->store.store,
                                    .known_hour = known_hour,
                                    .rng = w->rng};
    memcpy(options.relay_sk, w->sk, sizeof(w->sk));
    memcpy(options.relay_pk, w->pk, sizeof(w->pk));
    must(relay_new(&w->relay, &options, w->now) == ZG_OK);
}

void world_open(struct world *w)
{
    w->rng = rng_seeded(&w->seed, 1);
    w->engine = memory_engine_new();
    must(w->engine != NULL);
    test_store_init(&w->store, w->engine);
    memset(w->sk, 7, sizeof(w->sk));
    crypto_scalarmult_base(w->pk, w->sk);
    w->now = (struct now){.mono_ms = 1000000, .utc_ms = UINT64_C(487000) * HOUR_MS + HOUR_MS / 4};
    start(w, 0);
    for (size_t i = 0; i < PEOPLE; i++)
        person_connect(w, &w->people[i], false);
    world_turn(w);
}

static void stop(struct world *w)
{
    for (size_t i = 0; i < PEOPLE; i++)
        person_leave(w, &w->people[i]);
    test_store_run(&w->store);
    relay_free(w->relay);
}

void world_close(struct world *w)
{
    stop(w);
    w->engine->close(w->engine);
}

uint32_t world_hour(const struct world *w)
{
    return w->relay->hours.now;
}

void world_restart(struct world *w, bool done)
{
    uint32_t hour = world_hour(w);

    if (!done)
        for (size_t kind = 0; kind < TEST_STORE_KINDS; kind++)
            w->store.fail[kind] = UINT32_MAX;
    stop(w);
    memset(w->store.fail, 0, sizeof(w->store.fail));
    w->quiet = w->serial;
    for (size_t i = 0; i < THINGS; i++)
        w->things[i].muddled = true;
    start(w, hour);
    for (size_t i = 0; i < PEOPLE; i++)
        person_connect(w, &w->people[i], false);
}

/* --- time --- */

static bool nothing_under_way(const struct world *w)
{
    const struct relay *r = w->relay;

    if (w->store.waiting > 0 || r->jobs > 0 || !list_empty(&r->ticks.list) ||
        !list_empty(&r->changes.gathered) || !list_empty(&r->changes.submitted) || !forget_quiet(r))
        return false;
    for (size_t i = 0; i < PEOPLE; i++)
        if (w->people[i].asked_count > 0)
            return false;
    return true;
}

static bool to_be_done(const struct world *w)
{
    return (w->store.waiting > 0 && !w->hold) || relay_deadline(w->relay) <= w->now.mono_ms;
}

void world_turn(struct world *w)
{
    int turns = 0;
    do {
        must(++turns < TURNS_MAX);
        if (!w->hold)
            test_store_run(&w->store);
        if (relay_deadline(w->relay) <= w->now.mono_ms)
            relay_advance(w->relay, w->now);
        relay_flush(w->relay);
        for (size_t i = 0; i < PEOPLE; i++)
            hear_all(w, &w->people[i]);
    } while (to_be_done(w));
    if (nothing_under_way(w))
        w->quiet = w->serial;
}

void world_pass(struct world *w, uint64_t ms)
{
    const uint64_t until = w->now.mono_ms + ms;

    world_turn(w);
    while (w->now.mono_ms < until) {
        uint64_t due = relay_deadline(w->relay);
        uint64_t step = (due < until ? due : until) - w->now.mono_ms;
        w->now.mono_ms += step;
        w->now.utc_ms += step;
        world_turn(w);
    }
}

/* --- connections --- */

/* As after a handshake, which takes a hundred times as long as all that this target looks at. */
static void agree(struct world *w, struct person *p)
{
    struct session *s = p->peer.session;

    s->keys = key_slab_take(&w->relay->sessions.keys);
    must(s->keys != NULL);
    memset(s->keys, 0, sizeof(*s->keys));
    memset(s->keys->out.k, 1, sizeof(s->keys->out.k));
    p->peer.out = s->keys->in;
    p->peer.in = s->keys->out;
    list_remove(&s->stalled);
    session_move(s, SESSION_OPEN);
    p->peer.open = true;
}

void person_connect(struct world *w, struct person *p, bool hello)
{
    person_leave(w, p);
    must(peer_connect(&p->peer, w->relay, &w->rng, w->now));
    if (!hello) {
        agree(w, p);
        return;
    }
    peer_hello(&p->peer, w->pk, p->wire);
    p->wire_len = WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES;
}

void person_leave(struct world *w, struct person *p)
{
    if (p->peer.relay == NULL)
        return;
    hear_no_more(w, p);
    peer_clear(&p->peer);
    p->gathering = false;
    p->wire_len = 0;
}

void person_seal(struct person *p)
{
    if (!p->gathering)
        return;
    p->gathering = false;
    p->wire_len += peer_seal(&p->peer, p->plain, record_finish(&p->record), p->wire + p->wire_len);
}

void person_give(struct world *w, struct person *p, size_t len)
{
    if (len > p->wire_len)
        len = p->wire_len;
    if (len == 0)
        return;
    peer_give(&p->peer, p->wire, len, w->now);
    p->wire_len -= len;
    memmove(p->wire, p->wire + len, p->wire_len);
}
