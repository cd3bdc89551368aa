/*
 * Ten thousand messages through a relay that is killed twenty times.
 *
 * A worker and a participant talk in bursts and in ping-pong; now and then one of them is without a network,
 * so that messages wait at the relay. At random moments the relay is killed with kill -9 and started again on
 * the same folder and port, sometimes a second later, while they go on writing. Every message must arrive
 * once and in order; each is checked when it comes. At the end nothing waits, neither here nor in the relay's
 * database.
 *
 * With --plant the harness damages the database while the relay is down; the test must then fail.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zaguan/vault_sqlite.h>

#include "tests/integration/relay_process.h"
#include "tests/integration/talkers.h"
#include "tests/integration/talkers_plant.h"
#include "tests/support/support.h"

enum {
    TICK_MS = 5,
    IN_FLIGHT = 300, /* messages that did not arrive yet; then nobody says anything new */
    KILL_WITHIN_MS = 250,
    AWAY_BEFORE_MS = 60, /* so long is somebody away before some of the kills */
    DOWN_MS = 150,
    DOWN_LONG_MS = 1000,
    AWAY_MS = 400,
    QUIET_MS = 2000, /* both connected all the while: acknowledgements that a kill lost are made up for */
    MESSAGES_MAX = 10 * 1000 * 1000,
    KILLS_MAX = 100000,
};

static const char settings[] = "settle = 10\n[limits]\nsends-a-day = 10000000\n";
static const char passphrase[] = "not a real passphrase";

enum phase { MEETING, TALKING, QUIET, OVER };

struct test {
    uint32_t messages, kills, seconds;
    uint64_t seed;
    enum plant plant;

    uv_loop_t loop;
    uv_timer_t tick, kill, start, back;
    struct rng_seed rng_state;
    struct rng rng;
    struct relay_process relay;
    struct pair pair;
    enum phase phase;
    uint64_t started_ms, quiet_ms;

    uint32_t *kill_at; /* when so many messages were sent */
    uint32_t killed, planted;
    bool kill_set;
    uint32_t sent_while_down, waited;
};

static struct test *the_test; /* for the report of a fault, which comes from everywhere */

static uint32_t below(uint32_t bound)
{
    return rng_below(&the_test->rng, bound);
}

static void report(void)
{
    pair_print(&the_test->pair);
    printf("  seed %llu, %u kills, %.1f s\n", (unsigned long long)the_test->seed, the_test->killed,
           (double)(now_ms() - the_test->started_ms) / 1000);
}

/* --- the relay goes and comes --- */

static void on_start(uv_timer_t *timer)
{
    struct test *t = timer->data;
    relay_start(&t->relay);
    t->kill_set = false;
}

static void on_back(uv_timer_t *timer)
{
    struct test *t = timer->data;
    talker_go_away(&t->pair.worker, false);
    talker_go_away(&t->pair.participant, false);
}

static void on_kill(uv_timer_t *timer)
{
    struct test *t = timer->data;
    if (!relay_hear(&t->relay, false))
        fault("the relay ended by itself");
    relay_kill(&t->relay);
    t->waited += plant_waiting(t->relay.dir);
    t->planted += plant_do(t->plant, t->relay.dir);
    t->killed++;
    uv_timer_start(&t->start, on_start, below(4) == 0 ? DOWN_LONG_MS : below(DOWN_MS), 0);
}

static void send_away(struct test *t, struct talker *who, uint32_t ms)
{
    talker_go_away(who, true);
    uv_timer_start(&t->back, on_back, ms, 0);
}

static struct talker *somebody(struct test *t)
{
    return below(2) == 0 ? &t->pair.worker : &t->pair.participant;
}

/* Half of the kills come while one of them is away and the other writes: then there is something to lose. */
static void plan_kill(struct test *t)
{
    uint32_t sent = t->pair.worker.says.sent + t->pair.participant.says.sent;
    bool both = t->pair.worker.connected && t->pair.participant.connected && !t->pair.worker.away &&
                !t->pair.participant.away;
    if (t->kill_set || t->killed == t->kills || sent < t->kill_at[t->killed] || !both)
        return;
    t->kill_set = true;
    if (below(2) == 0) {
        uv_timer_start(&t->kill, on_kill, below(KILL_WITHIN_MS), 0);
        return;
    }
    struct talker *away = somebody(t);
    send_away(t, away, AWAY_BEFORE_MS + below(AWAY_MS));
    talker_say(away->other, 5 + below(40));
    talker_kick(away->other);
    uv_timer_start(&t->kill, on_kill, below(AWAY_BEFORE_MS), 0);
}

/* --- what they say --- */

static void burst(struct talker *who, uint32_t count)
{
    talker_say(who, count);
    talker_kick(who);
}

static void say_something(struct test *t)
{
    struct talker *who = somebody(t);
    uint32_t kind = below(100);
    if (kind < 55)
        return;
    if (kind < 75) {
        burst(who, 1 + below(60));
    } else if (kind < 85) {
        burst(who, 1 + below(30));
        burst(who->other, 1 + below(30));
    } else if (kind < 98) {
        t->pair.worker.answers += below(20);
        t->pair.participant.answers += below(20);
        burst(who, 1);
    } else if (!t->pair.worker.away && !t->pair.participant.away && !t->kill_set) {
        send_away(t, who, 20 + below(AWAY_MS));
        burst(who->other, 1 + below(60));
    }
}

static uint32_t on_the_way(const struct test *t)
{
    return t->pair.worker.says.sent - t->pair.worker.says.received + t->pair.participant.says.sent -
           t->pair.participant.says.received;
}

static bool all_done(const struct talker *t)
{
    return t->says.sent == t->limit && t->says.kept == t->limit && t->says.received == t->limit;
}

static void talk(struct test *t)
{
    uint32_t before = t->pair.worker.says.sent + t->pair.participant.says.sent;
    /* Nobody runs ahead of the next kill, so that all of them come while there is something to say. */
    bool ahead = t->killed < t->kills && before > t->kill_at[t->killed] + IN_FLIGHT;
    if (on_the_way(t) < IN_FLIGHT && !ahead)
        say_something(t);
    if (t->relay.process.pid == 0)
        t->sent_while_down += t->pair.worker.says.sent + t->pair.participant.says.sent - before;
    plan_kill(t);
    if (all_done(&t->pair.worker) && all_done(&t->pair.participant) && t->killed == t->kills &&
        t->relay.process.pid != 0) {
        t->phase = QUIET;
        t->quiet_ms = now_ms();
    }
}

/* --- beginning and end --- */

static void on_gone(uv_handle_t *h)
{
    (void)h;
}

static void finish(struct test *t)
{
    t->phase = OVER;
    uv_timer_t *const timers[] = {&t->tick, &t->kill, &t->start, &t->back};
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
        uv_close((uv_handle_t *)timers[i], on_gone);
    report();
    pair_close(&t->pair);
}

static void on_tick(uv_timer_t *timer)
{
    struct test *t = timer->data;
    if (now_ms() - t->started_ms > (uint64_t)t->seconds * 1000)
        fault("not done after %u s", t->seconds);
    if (t->relay.process.pid != 0 && !relay_hear(&t->relay, false))
        fault("the relay ended by itself");
    talker_kick(&t->pair.worker);
    talker_kick(&t->pair.participant);
    if (t->phase == MEETING && pair_meet(&t->pair) == MEET_TALK)
        t->phase = TALKING;
    else if (t->phase == TALKING)
        talk(t);
    else if (t->phase == QUIET && !(t->pair.worker.connected && t->pair.participant.connected))
        t->quiet_ms = now_ms();
    else if (t->phase == QUIET && now_ms() - t->quiet_ms > QUIET_MS)
        finish(t);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void plan_kills(struct test *t)
{
    t->kill_at = calloc((size_t)t->kills + 1, sizeof(*t->kill_at));
    if (t->kill_at == NULL)
        fault("out of memory");
    for (uint32_t i = 0; i < t->kills; i++)
        t->kill_at[i] = 1 + below(t->messages - 1);
    qsort(t->kill_at, t->kills, sizeof(*t->kill_at), by_size);
}

static zg_vault *worker_vault(const struct test *t)
{
    char path[128];
    zg_vault *vault;
    snprintf(path, sizeof(path), "%s/desk.vault", t->relay.folder);
    zg_err err = zg_vault_sqlite_open(&vault, path, ZG_VAULT_CREATE, passphrase, strlen(passphrase));
    if (err != ZG_OK)
        fault("no vault: %s", zg_err_name(err));
    return vault;
}

/* What is left at the relay when both have everything. */
static void check_relay(struct test *t)
{
    int code = relay_stop(&t->relay);
    if (code != 0)
        fault("the relay was asked to stop and ended with %d", code);
    uint32_t left = plant_waiting(t->relay.dir);
    if (left != 0)
        fault("%u messages that arrived are still at the relay", left);
}

static void run(struct test *t, const char *program)
{
    uv_timer_t *const timers[] = {&t->tick, &t->kill, &t->start, &t->back};
    t->rng = rng_seeded(&t->rng_state, t->seed);
    t->started_ms = now_ms();
    fault_prepare(&t->relay, report);
    plan_kills(t);
    relay_set_up(&t->relay, program, settings);
    relay_start(&t->relay);

    uv_loop_init(&t->loop);
    for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
        uv_timer_init(&t->loop, timers[i]);
        timers[i]->data = t;
    }
    pair_open(&t->pair, &t->loop, &t->relay, worker_vault(t), t->messages);
    uv_timer_start(&t->tick, on_tick, TICK_MS, TICK_MS);
    uv_run(&t->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&t->loop) != 0)
        fault("something is left in the loop");

    check_relay(t);
    printf("talkers: ok: %u messages, %u kills, %u said while it was down, %u waited on its disk at a kill\n",
           t->messages, t->killed, t->sent_while_down, t->waited);
    if (t->plant != PLANT_NOTHING)
        printf("talkers: %u rows were changed, and nothing was noticed\n", t->planted);
    relay_tear_down(&t->relay);
    free(t->kill_at);
}

/* --- options --- */

static _Noreturn void usage(void)
{
    fprintf(stderr,
            "talkers [--messages N] [--kills N] [--seconds N] [--seed N] [--plant lose|swap] RELAY\n");
    exit(2);
}

static uint32_t number(const char *text, uint32_t max)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v > max)
        usage();
    return (uint32_t)v;
}

static enum plant plant_of(const char *text)
{
    if (strcmp(text, "lose") == 0)
        return PLANT_LOSE;
    if (strcmp(text, "swap") == 0)
        return PLANT_SWAP;
    usage();
}

static const struct option long_options[] = {
    {"messages", required_argument, NULL, 'm'}, {"kills", required_argument, NULL, 'k'},
    {"seconds", required_argument, NULL, 's'},  {"seed", required_argument, NULL, 'r'},
    {"plant", required_argument, NULL, 'p'},    {NULL, 0, NULL, 0},
};

static void read_options(struct test *t, int argc, char **argv)
{
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == 'm')
            t->messages = number(optarg, MESSAGES_MAX);
        else if (c == 'k')
            t->kills = number(optarg, KILLS_MAX);
        else if (c == 's')
            t->seconds = number(optarg, UINT32_MAX);
        else if (c == 'r')
            t->seed = number(optarg, UINT32_MAX);
        else if (c == 'p')
            t->plant = plant_of(optarg);
        else
            usage();
    }
    if (optind + 1 != argc || t->messages < 2)
        usage();
}

int main(int argc, char **argv)
{
    static struct test t = {
        .messages = 10000,
        .kills = 20,
        .seconds = 240,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);
    t.seed = uv_hrtime() % 1000000; /* another one each time; it is printed */
    read_options(&t, argc, argv);
    the_test = &t;
    run(&t, argv[optind]);
    return 0;
}
