#include "tests/sim/faults.h"

#include "tests/sim/invariants.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, AWAY_DAYS = 14, AWAY_ACTS = 24, EVENING = 20 * MINUTE, QUIET_HOURS = 3 };

#define HOUR_MS (INT64_C(60) * MINUTE)
#define DAY_MS (24 * HOUR_MS)

unsigned faults_of_seed(const struct rng *rng, uint64_t seed)
{
    unsigned kinds = 0;
    for (unsigned kind = 1; kind <= FAULTS_ALL; kind <<= 1)
        if (rng_below(rng, kind >= FAULT_RELAY_CLOCK ? 5 : 2) == 0)
            kinds |= kind;
    return seed % 5 == 0 ? kinds | FAULT_MEAN : kinds;
}

/* --- the relay --- */

static void relay_starts(struct people *p)
{
    if (p->world.relay != NULL)
        return;
    invariants_stood_still(p, p->world.relay_ended_ms);
    world_relay_start(&p->world);
}

static void power(struct people *p)
{
    plate_cut_after(disk_plate(p->world.disk), 1 + rng_below(&p->world.rng, 200));
    world_trace(&p->world, "the power will fail");
}

static void disk_trouble(struct people *p, bool on)
{
    p->world.disk_trouble = on;
    p->troubled = p->troubled || on;
    world_trouble(&p->world);
    world_trace(&p->world, "disk trouble %d", on);
}

static void full(struct people *p, bool on)
{
    if (plate_is_full(disk_plate(p->world.disk)) == on)
        return;
    plate_fill(disk_plate(p->world.disk), on);
    p->troubled = p->troubled || on;
    world_trouble(&p->world);
    world_trace(&p->world, "disk full %d", on);
}

static void restore(struct people *p)
{
    if (p->copy == NULL) {
        p->copy = disk_copy(p->world.disk);
        p->copy_ms = p->world.now.mono_ms;
        p->copy_hour = (uint32_t)(people_relay_ms(p) / (uint64_t)HOUR_MS);
        world_trace(&p->world, "a copy of the store is made");
        return;
    }
    if (rng_below(&p->world.rng, 3) != 0)
        return;
    if (p->world.relay != NULL)
        world_relay_stop(&p->world);
    disk_put_back(p->world.disk, p->copy);
    world_trace(&p->world, "the copy of %llu is put back", (unsigned long long)p->copy_ms);
    p->world.relay_hour = p->copy_hour;
    invariants_put_back(p, p->copy_ms);
    disk_copy_free(p->copy);
    p->copy = NULL;
    p->troubled = true;
    relay_starts(p);
}

/* --- clocks --- */

static int64_t some_skew(const struct rng *rng)
{
    static const int64_t skews[] = {HOUR_MS, 5 * HOUR_MS, 20 * HOUR_MS, 2 * DAY_MS, 9 * DAY_MS, 73 * 365 * DAY_MS};
    int64_t skew = skews[rng_below(rng, 6)];
    if (rng_below(rng, 2) == 0)
        return 0;
    return rng_below(rng, 2) == 0 && skew < 10 * DAY_MS ? -skew : skew;
}

static void relay_clock(struct people *p, int64_t skew);

/* A relay that is decades ahead for a day has forgotten everybody: a clock that wrong does not stay. */
static void no_decades(struct people *p)
{
    if (p->relay_wild_ms != 0)
        relay_clock(p, 0);
}

static uint64_t size_of(int64_t skew)
{
    return (uint64_t)(skew < 0 ? -skew : skew);
}

static void relay_clock(struct people *p, int64_t skew)
{
    if (size_of(skew) > p->relay_skew_max_ms)
        p->relay_skew_max_ms = size_of(skew);
    if (skew < 100 * DAY_MS)
        p->relay_wild_ms = 0;
    else if (p->relay_wild_ms == 0)
        p->relay_wild_ms = p->world.now.mono_ms;
    if (skew != 0)
        invariants_clock_wrong(p);
    p->relay_clock_touched = p->relay_clock_touched || skew != 0;
    p->world.relay_skew_ms = skew;
    world_trace(&p->world, "the relay's clock is %lld s ahead", (long long)skew / SECOND);
}

static void client_clock(struct people *p, struct peer *who, int64_t skew)
{
    if (skew != 0)
        invariants_clock_wrong(p);
    if (size_of(skew) > p->skew_max_ms)
        p->skew_max_ms = size_of(skew);
    who->skew_ms = skew;
    world_trace(&p->world, "%s's clock is %lld s ahead", who->name, (long long)skew / SECOND);
}

/* --- clients --- */

static void comes_back(struct people *p, struct peer *who, uint64_t ms)
{
    invariants_away(p, who, ms);
    peer_start(who);
}

static void crash(struct people *p, struct peer *who)
{
    uint64_t before = p->world.now.mono_ms;
    peer_crash(who);
    if (rng_below(&p->world.rng, 2) == 0)
        people_settle(p, rng_below(&p->world.rng, 10 * MINUTE));
    comes_back(p, who, p->world.now.mono_ms - before);
}

static void network(struct people *p, struct peer *who, bool on)
{
    if (who->client == NULL)
        return;
    who->calm_ms = on ? p->world.now.mono_ms : UINT64_MAX / 2;
    zg_client_network(who->client, on, peer_now(who));
    peer_turn(who);
}

/* The others sleep too, but for the worker in every fourth night, and every fourth of the women in every fourth: who is connected for days takes long to simulate. */
static void night(struct people *p, struct peer *who, uint64_t ms)
{
    struct world *w = &p->world;
    uint64_t evening = ms < EVENING ? ms : EVENING;
    bool sleeps[WORLD_CLIENTS_MAX] = {false}, all = rng_below(&w->rng, 4) != 0;
    people_settle(p, evening);
    for (size_t i = 0; i < w->peer_count; i++)
        sleeps[i] = &w->peers[i] != who && ((all && &w->peers[i] != p->worker) || rng_below(&w->rng, 4) != 0);
    for (size_t i = 0; i < w->peer_count; i++)
        if (sleeps[i])
            network(p, &w->peers[i], false);
    people_settle(p, ms - evening);
    for (size_t i = 0; i < w->peer_count; i++)
        if (sleeps[i])
            network(p, &w->peers[i], true);
}

/* The others go on, and say little. */
static void away(struct people *p, struct peer *who)
{
    uint64_t ms = (uint64_t)rng_below(&p->world.rng, AWAY_DAYS * 24) * (uint64_t)HOUR_MS + rng_below(&p->world.rng, HOUR_MS);
    bool ends = rng_below(&p->world.rng, 2) == 0;
    no_decades(p);
    if (p->world.disk_trouble)
        disk_trouble(p, false);
    full(p, false); /* a relay that tries again every few seconds for days takes long to simulate */
    who->calm_ms = UINT64_MAX / 2; /* last: what ends here counts as a disturbance of everybody */
    world_trace(&p->world, "%s is away for %llu s", who->name, (unsigned long long)ms / SECOND);
    if (ends)
        peer_crash(who);
    else
        zg_client_network(who->client, false, peer_now(who));
    if (!ends)
        peer_turn(who);
    for (uint32_t i = 0; i < AWAY_ACTS && !p->failed; i++) {
        people_act(p);
        night(p, who, ms / AWAY_ACTS);
        invariants_check(p);
    }
    if (ends) {
        comes_back(p, who, ms);
    } else {
        who->calm_ms = p->world.now.mono_ms;
        zg_client_network(who->client, true, peer_now(who));
        peer_turn(who);
    }
    if (rng_below(&p->world.rng, 4) == 0)
        people_settle(p, QUIET_HOURS * (uint64_t)HOUR_MS); /* what is promised after quiet hours */
}

static void vault_trouble(struct people *p, struct peer *who, bool on)
{
    drawer_trouble(who->drawer, on);
    who->calm_ms = p->world.now.mono_ms;
    world_trace(&p->world, "vault trouble of %s %d", who->name, on);
}

/* --- all of them --- */

static void break_something(struct people *p, enum fault kind)
{
    const struct rng *rng = &p->world.rng;
    struct peer *who = &p->world.peers[rng_below(rng, (uint32_t)p->world.peer_count)];
    switch (kind) {
    case FAULT_BREAK:
        peer_break(who);
        break;
    case FAULT_KILL:
        if (p->world.relay != NULL)
            world_relay_stop(&p->world);
        break;
    case FAULT_POWER:
        power(p);
        break;
    case FAULT_DISK:
        disk_trouble(p, true);
        break;
    case FAULT_FULL:
        full(p, true);
        break;
    case FAULT_CRASH:
        crash(p, who);
        break;
    case FAULT_VAULT:
        vault_trouble(p, who, true);
        break;
    case FAULT_AWAY:
        if (rng_below(rng, 4) == 0)
            away(p, who);
        break;
    case FAULT_RELAY_CLOCK:
        relay_clock(p, some_skew(rng));
        break;
    case FAULT_CLIENT_CLOCK:
        client_clock(p, who, some_skew(rng));
        break;
    default:
        restore(p);
        break;
    }
}

static void mend_something(struct people *p)
{
    const struct rng *rng = &p->world.rng;
    relay_starts(p);
    if (p->world.disk_trouble && rng_below(rng, 2) == 0)
        disk_trouble(p, false);
    if (rng_below(rng, 2) == 0)
        full(p, false);
    for (size_t i = 0; i < p->world.peer_count; i++)
        if (rng_below(rng, 2) == 0)
            vault_trouble(p, &p->world.peers[i], false);
}

void faults_meet_enemy(struct people *p)
{
    p->world.mean = true;
    /* It may let messages overtake each other, and says what time it likes. */
    p->troubled = true;
    p->relay_clock_touched = true;
    p->relay_skew_max_ms = (uint64_t)DAY_MS;
    world_trace(&p->world, "the relay is an enemy");
    for (size_t i = 0; i < p->world.peer_count; i++)
        peer_break(&p->world.peers[i]);
}

void faults_act(struct people *p)
{
    const struct rng *rng = &p->world.rng;
    enum fault kind = (enum fault)(1u << rng_below(rng, 11));
    if (p->world.now.mono_ms > p->relay_wild_ms + 10 * (uint64_t)HOUR_MS)
        no_decades(p);
    if (rng_below(rng, 8) == 0)
        mend_something(p);
    if (rng_below(rng, 4) == 0 && (p->kinds & (unsigned)kind) != 0)
        break_something(p, kind);
}

void faults_stop(struct people *p)
{
    p->world.gentle = true;
    plate_cut_after(disk_plate(p->world.disk), 0);
    disk_trouble(p, false);
    full(p, false);
    p->world.relay_skew_ms = 0;
    /* A clock that was ahead is forgotten with the process. */
    if (p->relay_clock_touched && p->world.relay != NULL)
        world_relay_stop(&p->world);
    relay_starts(p);
    for (size_t i = 0; i < p->world.peer_count; i++) {
        drawer_trouble(p->world.peers[i].drawer, false);
        p->world.peers[i].skew_ms = 0;
        peer_break(&p->world.peers[i]);
    }
}
