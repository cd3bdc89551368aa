/*
 * Conversations on open connections while strangers knock as fast as they can and connections come and go.
 *
 * Phases: calm, then the flood begins and is waited for, then flooded, then the end, when everything said
 * must have been confirmed and heard. Judged: nothing lost or twice; nobody loses a connection; one that is
 * dropped is back, connected, subscribed and heard, within 30 s; the relay's memory stays below what its
 * config says. Latencies are printed, and judged with much room: the strangers and this program share the
 * relay's processors.
 *
 *   flood [--long] [--open] [--apart] [--priority] [--cunning] [--plant lose|away] ZAGUAN_RELAY
 *
 * --open: the limits that are there for floods are as high as they go. --apart: the relay has core 0 for
 * itself, everybody else core 1, strangers only what conversations leave of it: what is measured then is the
 * relay. --priority: they come before other programs of this machine (needs root). --cunning:
 * strangers make the best of what the relay does about them. --plant: it must fail
 * then.
 */
#define _GNU_SOURCE
#include "tests/integration/flood.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    TICK_MS = 10,
    AWAY_MAX_S = 30,
    HONEST_S = 60, /* that the flood goes on for them */
    DESK_MS = 20000,
    RATIO_MAX = 200, /* p99 flooded to p99 calm, and no less than: */
    RATIO_FLOOR_MS = 5,
    OWN_HOME = 0x7f020000,   /* 127.2.0.0 */
    CROWD_HOME = 0x7f030001, /* 127.3.0.1 */
    CROWD_MIN = 100,         /* ten seconds' connections may come at once */
    MEMORY_MIB = 16,
    INPUT_MIB = 32,
    WAITING_MIB = 16,
    BASE_KIB = 40 * 1024, /* program, libraries, the database's cache, tables */
    CONNECTION_KIB = 4,   /* session, socket, keys */
    RELAY_CORE = 0,
    OTHERS_CORE = 1,
    RANK = RANK_STRANGERS + 1,
};

#ifdef MEMORY_UNKNOWN
enum { MEMORY_JUDGED = 0 };
#else
enum { MEMORY_JUDGED = 1 };
#endif

struct size {
    uint32_t conversations, dropped, knockers, comers, honest;
    uint32_t calm_s, grow_s, flooded_s, drop_ms;
};

static const struct size short_form = {20, 5, 200, 500, 4, 5, 2, 8, 700};
static const struct size long_form = {50, 10, 2000, 5000, 30, 15, 15, 60, 1000};

/* At the beginning or the end of a phase. */
struct moment {
    uint64_t at_ns;
    struct share relay, talks, strangers;
};

enum phase { MEET, CALM, GROW, FLOODED, SETTLE, OVER };

static struct test {
    const struct size *size;
    bool apart, priority, cunning;
    struct relay_process relay;
    struct process strangers, honest;
    char desk[2 * WIRE_SECRET_BYTES + 1]; /* its put, in hex */
    bool honest_done;
    uv_loop_t loop;
    uv_timer_t tick;
    struct talks talks;
    enum phase phase;
    uint64_t since_ns, dropped_ns, looked_ns;
    uint64_t rss_kib;
    struct latency calm, flooded;
    struct moment calm_from, calm_to, flooded_from, flooded_to;
    char said[512], meant[512]; /* by strangers, by those who mean it */
} t;

void fault(const char *format, ...)
{
    va_list args;
    printf("FAULT: ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    if (t.relay.process.pid != 0)
        relay_hear(&t.relay, true);
    process_kill(&t.strangers);
    process_kill(&t.honest);
    relay_tear_down(&t.relay);
    exit(1);
}

static void move(enum phase to)
{
    t.phase = to;
    t.since_ns = uv_hrtime();
}

static bool over(uint64_t now, uint32_t seconds)
{
    return now - t.since_ns >= seconds * UINT64_C(1000000000);
}

/* --- strangers --- */

static void strangers_begin(void)
{
    char port[8], pk[65], knockers[16], comers[16];
    snprintf(port, sizeof(port), "%u", (unsigned)t.relay.port);
    snprintf(knockers, sizeof(knockers), "%u", t.size->knockers);
    snprintf(comers, sizeof(comers), "%u", t.size->comers);
    sodium_bin2hex(pk, sizeof(pk), t.talks.yard->relay_pk, sizeof(t.talks.yard->relay_pk));
    const char *place = t.priority ? "ranked" : t.apart ? "last" : "behind";
    const char *manner = t.cunning ? "cunning" : "plain";
    const char *const argv[] = {"/proc/self/exe", "strangers", port,  pk,     t.desk,
                                knockers,         comers,      place, manner, NULL};
    process_start(&t.strangers, argv);
}

static void strangers_end(void)
{
    process_close_input(&t.strangers);
    if (!process_line_with(&t.strangers, "strangers:", t.said, sizeof(t.said), 10000))
        fault("the strangers ended by themselves");
    process_wait(&t.strangers, 5000);
}

/* --- who means it --- */

static void honest_begin(void)
{
    char voucher[128], count[16], rank[4], line[256] = "nothing";
    relay_voucher(&t.relay, voucher, sizeof(voucher));
    snprintf(count, sizeof(count), "%u", t.size->honest);
    snprintf(rank, sizeof(rank), "%d", t.priority ? RANK_STRANGERS : 0);
    const char *const argv[] = {"/proc/self/exe", "honest", t.relay.address, voucher, count, rank, NULL};
    process_start(&t.honest, argv);
    if (!process_line_with(&t.honest, "desk ", line, sizeof(line), DESK_MS) ||
        sscanf(line, "desk %64s", t.desk) != 1)
        fault("no desk: %s", line);
}

/* All got through, or one was turned away. */
static void honest_look(void)
{
    char line[256];
    while (process_line(&t.honest, line, sizeof(line), 0)) {
        if (strstr(line, "FAULT") != NULL)
            fault("%s", line);
        t.honest_done = t.honest_done || strstr(line, "all are through") != NULL;
    }
}

static void honest_end(void)
{
    process_close_input(&t.honest);
    if (!process_line_with(&t.honest, "honest:", t.meant, sizeof(t.meant), 10000))
        fault("those who mean it ended by themselves");
    process_wait(&t.honest, 5000);
}

/* --- the relay's memory --- */

static uint64_t rss_max_kib(void)
{
    const struct size *z = t.size;
    uint64_t connections = 2 * z->conversations + z->knockers + z->comers;
    return BASE_KIB + (2 * MEMORY_MIB + INPUT_MIB + WAITING_MIB) * 1024 + connections * CONNECTION_KIB;
}

static void look_at_relay(uint64_t now)
{
    if (now - t.looked_ns < 200000000)
        return;
    t.looked_ns = now;
    uint64_t rss = server_look(t.relay.process.pid).rss_kib;
    if (rss > t.rss_kib)
        t.rss_kib = rss;
    if (!relay_hear(&t.relay, false))
        fault("the relay ended by itself");
    if (MEMORY_JUDGED && rss > rss_max_kib())
        fault("the relay has %llu KiB of memory, and %llu were allowed", (unsigned long long)rss,
              (unsigned long long)rss_max_kib());
}

/* --- who had the cores --- */

static struct moment this_moment(uint64_t now)
{
    struct moment m = {
        .at_ns = now, .relay = cores_share(t.relay.process.pid), .talks = cores_share(getpid())};
    if (t.strangers.pid != 0)
        m.strangers = cores_share(t.strangers.pid);
    return m;
}

static void print_share(const char *who, struct share from, struct share to, double seconds)
{
    printf("  %s ran %.1f %% of the time and waited for a core %.1f %%", who,
           100 * (to.ran_s - from.ran_s) / seconds, 100 * (to.waited_s - from.waited_s) / seconds);
}

static void print_shares(const struct moment *from, const struct moment *to)
{
    double seconds = (double)(to->at_ns - from->at_ns) / 1e9;
    print_share("relay", from->relay, to->relay, seconds);
    print_share("; conversations", from->talks, to->talks, seconds);
    print_share("; strangers", from->strangers, to->strangers, seconds);
    printf("\n");
}

/* --- phases --- */

static void drop_some(uint64_t now)
{
    if (now - t.dropped_ns < t.size->drop_ms * UINT64_C(1000000))
        return;
    t.dropped_ns = now;
    talks_drop_one(&t.talks, now);
}

static void all_come_back(uint64_t now)
{
    for (uint32_t i = 0; i < t.talks.count; i++) {
        const struct conversation *c = &t.talks.at[i];
        if (c->dropped_ns != 0 && now - c->dropped_ns > AWAY_MAX_S * UINT64_C(1000000000))
            fault("conversation %u was dropped and is not back after %d s", i, AWAY_MAX_S);
    }
}

static void meet(uint64_t now)
{
    if (t.talks.ready == 2 * t.talks.count) {
        t.talks.talking = true;
        t.talks.latency = &t.calm;
        t.calm_from = this_moment(now);
        move(CALM);
    } else if (over(now, AWAY_MAX_S)) {
        fault("not everybody could connect");
    }
}

static void finish(void)
{
    move(OVER);
    talks_close(&t.talks);
    uv_close((uv_handle_t *)&t.tick, NULL);
    yard_close(t.talks.yard);
}

static void step(uint64_t now)
{
    switch (t.phase) {
    case MEET:
        meet(now);
        break;
    case CALM:
        if (!over(now, t.size->calm_s))
            break;
        t.talks.latency = NULL;
        t.calm_to = this_moment(now);
        strangers_begin();
        move(GROW);
        break;
    case GROW:
        if (!over(now, t.size->grow_s))
            break;
        t.talks.latency = &t.flooded;
        t.flooded_from = this_moment(now);
        if (!process_write(&t.honest, "go\n"))
            fault("those who mean it ended by themselves");
        move(FLOODED);
        break;
    case FLOODED:
        drop_some(now);
        all_come_back(now);
        if (!over(now, t.size->flooded_s))
            break;
        t.talks.talking = false;
        t.flooded_to = this_moment(now);
        move(SETTLE);
        break;
    case SETTLE: /* the flood goes on */
        all_come_back(now);
        honest_look();
        if (!talks_done(&t.talks) && over(now, AWAY_MAX_S))
            fault("messages are missing after %d s", AWAY_MAX_S);
        if (talks_done(&t.talks) && (t.honest_done || over(now, HONEST_S)))
            finish();
        break;
    case OVER:
        break;
    }
}

static void on_tick(uv_timer_t *timer)
{
    uint64_t now = uv_hrtime();
    (void)timer;
    look_at_relay(now);
    step(now);
    if (t.phase != OVER)
        talks_tick(&t.talks, now);
}

/* --- beginning and end --- */

static void prepare(const char *program, bool open)
{
    static const char opened[] = "connections-of-address = 1000000\nconnects-a-second = 1000000\n"
                                 "handshakes-a-second = 1000000\nstrangers-a-second = 1000000\n"
                                 "commands-a-second = 1000000\npuzzles-a-second = 1000000\n";
    char settings[512];
    snprintf(settings, sizeof(settings), "[limits]\nmemory-mib = %d\ninput-mib = %d\nwaiting-mib = %d\n%s",
             MEMORY_MIB, INPUT_MIB, WAITING_MIB, open ? opened : "");
    relay_set_up(&t.relay, program, settings);
    if (t.priority)
        cores_come_first(RANK);
    if (t.apart)
        cores_keep_to(RELAY_CORE);
    relay_start(&t.relay);
    if (t.apart)
        cores_keep_to(OTHERS_CORE);
    t.talks.yard = calloc(1, sizeof(*t.talks.yard));
    t.talks.at = calloc(CONVERSATIONS_MAX, sizeof(*t.talks.at));
    if (t.talks.yard == NULL || t.talks.at == NULL)
        fault("no memory");
    const char *key = strchr(t.relay.address, '/') + 1;
    size_t len;
    if (sodium_base642bin(t.talks.yard->relay_pk, sizeof(t.talks.yard->relay_pk), key, strlen(key), NULL,
                          &len, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        fault("the relay's key is not known");
    uv_loop_init(&t.loop);
    yard_init(t.talks.yard, &t.loop, CABLE_NOISE);
    randombytes_buf(t.talks.talk.run, sizeof(t.talks.talk.run));
    t.talks.loop = &t.loop;
    t.talks.to = address_of(INADDR_LOOPBACK, t.relay.port);
}

/* Half come from an address of their own, half from the one that everybody behind a proxy has. */
static void arrange(void)
{
    t.talks.count = t.size->conversations + 1;
    honest_begin();
    flood_make(&t.relay, &t.talks, t.talks.count);
    for (uint32_t i = 0; i < t.talks.count; i++) {
        struct conversation *c = &t.talks.at[i];
        c->talks = &t.talks;
        c->from = address_of(i % 2 == 0 ? INADDR_LOOPBACK : OWN_HOME + i, 0);
        c->is_slow = i == t.size->conversations;
        c->is_dropped = i < t.size->dropped;
    }
}

static void crowd(bool open)
{
    uint32_t counted = flood_crowd(t.relay.port, CROWD_HOME),
             shared = flood_crowd(t.relay.port, INADDR_LOOPBACK);
    printf("of %d connections from one address %u stay, from a shared one %u\n", CROWD, counted, shared);
    if (shared != CROWD || (!open && (counted < CROWD_MIN || counted >= CROWD / 2)))
        fault("these are not the limits of one address");
}

static bool judge(void)
{
    double calm = latency_ms(&t.calm, 0.99), flooded = latency_ms(&t.flooded, 0.99);
    printf("%s\n%s\n", t.said, t.meant);
    printf("calm     p50 %.2f ms  p99 %.2f ms  max %.2f ms  (%llu messages)\n", latency_ms(&t.calm, 0.5),
           calm, (double)t.calm.max_ns / 1e6, (unsigned long long)t.calm.count);
    print_shares(&t.calm_from, &t.calm_to);
    printf("flooded  p50 %.2f ms  p99 %.2f ms  max %.2f ms  (%llu messages); p99 %.1f times\n",
           latency_ms(&t.flooded, 0.5), flooded, (double)t.flooded.max_ns / 1e6,
           (unsigned long long)t.flooded.count, flooded / calm);
    print_shares(&t.flooded_from, &t.flooded_to);
    printf("%u drops, longest away %.1f s; %u answers busy; relay at most %llu MiB of %llu\n", t.talks.drops,
           (double)t.talks.longest_away_ns / 1e9, t.talks.busy, (unsigned long long)t.rss_kib / 1024,
           (unsigned long long)rss_max_kib() / 1024);
    return flooded <= RATIO_MAX * (calm > RATIO_FLOOR_MS ? calm : RATIO_FLOOR_MS);
}

int main(int argc, char **argv)
{
    bool open = false;
    const char *plant = "";
    int at = 1;
    if (sodium_init() < 0)
        return 2;
    if (argc > 1 && strcmp(argv[1], "strangers") == 0)
        return strangers_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "honest") == 0)
        return honest_main(argc - 1, argv + 1);
    t.size = &short_form;
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--long") == 0)
            t.size = &long_form;
        else if (strcmp(argv[at], "--open") == 0)
            open = true;
        else if (strcmp(argv[at], "--apart") == 0)
            t.apart = true;
        else if (strcmp(argv[at], "--priority") == 0)
            t.priority = true;
        else if (strcmp(argv[at], "--cunning") == 0)
            t.cunning = true;
        else if (strcmp(argv[at], "--plant") == 0 && at + 1 < argc)
            plant = argv[++at];
        else
            at = argc;
    }
    t.talks.loses = strcmp(plant, "lose") == 0;
    t.talks.stays_away = strcmp(plant, "away") == 0;
    if (at + 1 != argc) {
        fprintf(
            stderr,
            "flood [--long] [--open] [--apart] [--priority] [--cunning] [--plant lose|away] ZAGUAN_RELAY\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    prepare(argv[at], open);
    crowd(open);
    arrange();
    uv_timer_init(&t.loop, &t.tick);
    move(MEET);
    uv_timer_start(&t.tick, on_tick, 0, TICK_MS);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    honest_end();
    strangers_end();
    bool good = judge();
    relay_tear_down(&t.relay);
    printf(good ? "flood: ok\n" : "FAULT: the flood slowed conversations down too much\n");
    return good ? 0 : 1;
}
