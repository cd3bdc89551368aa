/*
 * What strangers say to a relay, in any order: commands of every kind with secrets that fit, do not fit, or
 * no longer do; records cut and merged; connections that come and go, or take nothing; hours and days; a
 * store that is late or fails; a relay that starts again. Each byte of the input decides something, so an
 * input always does the same. What must hold all the time: tests/fuzz/sequence/world.h.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/sequence/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1200, LONG_ONES_MAX = 12 };

/* How the command leaves: with the next one in a record, later, cut in two, or at once. */
enum { MERGED = 0x10, KEPT = 0x20, CUT = 0x40 };

static void let_go(struct world *w, struct person *p, uint8_t how, struct script *in)
{
    if (how & MERGED)
        return;
    person_seal(p);
    if (how & KEPT)
        return;
    if (how & CUT) {
        person_give(w, p, next(in));
        world_turn(w);
    }
    person_give(w, p, p->wire_len);
}

/* What is no command. */
static void talk_nonsense(struct world *w, struct person *p, struct script *in)
{
    uint8_t bytes[WIRE_RECORD_CONTROL_BYTES];
    const uint8_t how = next(in);

    if (p->peer.session == NULL || WIRE_MAX - p->wire_len < 256)
        return;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i < 8 ? next(in) : how;
    person_seal(p);
    if (p->peer.open && how % 2 == 0) {
        p->wire_len += peer_seal(&p->peer, bytes, sizeof(bytes), p->wire + p->wire_len);
    } else {
        memcpy(p->wire + p->wire_len, bytes, sizeof(bytes));
        p->wire_len += sizeof(bytes);
    }
    person_give(w, p, p->wire_len);
}

static void connect_or_leave(struct world *w, struct person *p, uint8_t how)
{
    if (how % 4 == 0)
        person_leave(w, p);
    else
        person_connect(w, p, how % 4 == 1);
}

static void listen_or_not(struct person *p)
{
    if (p->peer.session == NULL)
        return;
    if (p->peer.full)
        peer_drain(&p->peer);
    else
        p->peer.full = p->late = true;
}

/* Long times only so often, so that no input takes for ever. */
static uint64_t some_time(uint8_t how, int *long_ones)
{
    static const uint64_t times[] = {
        50, SETTLE_MS, 2 * SETTLE_MS, SECOND_MS, 6 * SECOND_MS, 61 * SECOND_MS, 601 * SECOND_MS, HOUR_MS / 2,
        /* the long ones */
        HOUR_MS, UINT64_C(7) * HOUR_MS, UINT64_C(25) * HOUR_MS, UINT64_C(3) * 24 * HOUR_MS,
        UINT64_C(8) * 24 * HOUR_MS, UINT64_C(15) * 24 * HOUR_MS, UINT64_C(31) * 24 * HOUR_MS,
        UINT64_C(62) * 24 * HOUR_MS};
    const uint8_t which = how % 16;
    if (which >= 8 && ++*long_ones > LONG_ONES_MAX)
        return 0;
    return times[which];
}

/* A new day, with what is still on its way. */
static void count_days(struct world *w)
{
    for (uint8_t i = 0; i < THINGS; i++) {
        struct thing *t = &w->things[i];
        if (t->day == world_hour(w) / 24)
            continue;
        *t = (struct thing){
            .deleted = t->deleted, .made = t->made, .gone = t->gone, .day = world_hour(w) / 24};
        t->muddled = w->quiet < t->deleted || w->quiet < t->made;
        for (size_t k = 0; k < w->note_count; k++)
            t->given += w->notes[k].thing == i ? w->notes[k].under_way : 0;
    }
}

enum { COMMANDS = OP_SLOT_DELETE };
enum event { CONNECT = COMMANDS, NONSENSE, LISTEN, GIVE, TIME, HOLD, STEP, FAIL, RESTART, EVENTS };

static void happen(struct world *w, struct script *in, int *long_ones)
{
    const uint8_t event = next(in) % EVENTS, how = next(in);
    struct person *p = &w->people[how % PEOPLE];

    world_trace("event %u, %u", event, how);
    switch (event) {
    case CONNECT:
        connect_or_leave(w, p, how / 16);
        break;
    case NONSENSE:
        talk_nonsense(w, p, in);
        break;
    case LISTEN:
        listen_or_not(p);
        break;
    case GIVE:
        person_give(w, p, how);
        break;
    case TIME:
        world_pass(w, some_time(how, long_ones));
        break;
    case HOLD:
        w->hold = !w->hold;
        break;
    case STEP:
        test_store_step(&w->store);
        break;
    case FAIL:
        w->store.fail[how % (JOB_FORGET + 1)] = how / 64 + 1u;
        break;
    case RESTART:
        world_restart(w, how % 2 == 0);
        break;
    default:
        if (say(w, p, (enum op)(event + OP_PING), in))
            let_go(w, p, how, in);
        break;
    }
    world_turn(w);
    count_days(w);
    counts_check(w);
}

static struct world *world_new(void)
{
    static uint8_t plain[PEOPLE][WIRE_RECORD_PLAIN_MAX], wire[PEOPLE][WIRE_MAX];
    struct world *w = calloc(1, sizeof(*w));
    must(w != NULL);
    for (size_t i = 0; i < PEOPLE; i++) {
        w->people[i].plain = plain[i];
        w->people[i].wire = wire[i];
    }
    world_open(w);
    count_days(w);
    return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int long_ones = 0;
    if (size > INPUT_MAX)
        return 0;
    must(sodium_init() >= 0);
    struct world *w = world_new();
    struct script in = {data, size};
    while (in.left > 0)
        happen(w, &in, &long_ones);
    end_check(w);
    world_close(w);
    free(w);
    return 0;
}
