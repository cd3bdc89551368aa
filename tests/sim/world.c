#include "tests/sim/world.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/voucher.h"

/* The middle of a day in 2026; only differences matter. */
static const uint64_t epoch_ms = UINT64_C(1782000000000);

void world_trace(struct world *w, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, sizeof(w->trace_hash));
    crypto_generichash_update(&h, w->trace_hash, sizeof(w->trace_hash));
    crypto_generichash_update(&h, (const uint8_t *)&w->now.mono_ms, sizeof(w->now.mono_ms));
    crypto_generichash_update(&h, (const uint8_t *)line, (unsigned long long)(n < 0 ? 0 : strlen(line)));
    crypto_generichash_final(&h, w->trace_hash, sizeof(w->trace_hash));
    w->trace_lines++;
    if (w->options.trace != NULL)
        fprintf(w->options.trace, "%10llu  %s\n", (unsigned long long)w->now.mono_ms, line);
}

/* --- the relay --- */

struct now world_relay_now(const struct world *w)
{
    return (struct now){.mono_ms = w->now.mono_ms, .utc_ms = w->now.utc_ms + (uint64_t)w->relay_skew_ms};
}

bool world_little_room(const struct world *w)
{
    return w->options.seed % 8 == 5;
}

static struct limits limits_of(const struct world *w)
{
    struct limits l = limits_default();
    if (w->options.seed % 2 == 0)
        return l;
    l.unanswered_of_one = 4;
    l.commands_a_turn = 2;
    l.memory_bytes = 64 * 1024;
    l.acknowledged = 8;
    l.idle_queues = 0;
    if (world_little_room(w))
        l.stored_bytes = UINT64_C(88) << 10; /* of which 56 are in use when nothing is stored */
    return l;
}

void world_relay_start(struct world *w)
{
    struct relay_options options = {
        .limits = limits_of(w),
        .settle_ms = 250,
        .known_hour = w->relay_hour,
        .ttl_ceiling = WIRE_TTL_30D,
        .store = disk_store(w->disk),
        .rng = rng_seeded(&w->relay_seed, w->options.seed ^ (UINT64_C(1) << 40) ^ w->now.mono_ms),
    };
    disk_start(w->disk);
    memcpy(options.relay_sk, w->relay_sk, sizeof(options.relay_sk));
    memcpy(options.relay_pk, w->relay_pk, sizeof(options.relay_pk));
    if (relay_new(&w->relay, &options, world_relay_now(w)) != ZG_OK)
        abort();
    world_trouble(w);
    world_trace(w, "relay starts");
}

void world_trouble(struct world *w)
{
    for (size_t i = 0; i < w->peer_count; i++)
        w->peers[i].calm_ms = w->now.mono_ms;
    w->store_calm_ms = w->now.mono_ms;
}

void world_relay_stop(struct world *w)
{
    struct relay_stats stats;
    world_trace(w, "relay ends");
    world_trouble(w);
    relay_stats(w->relay, &stats);
    w->relay_hour = (uint32_t)stats.hour;
    w->relay_ended_ms = w->now.mono_ms;
    for (size_t i = 0; i < w->peer_count; i++)
        for (struct link *l = w->peers[i].links; l != NULL; l = l->next)
            link_relay_gone(l);
    disk_crash(w->disk);
    relay_free(w->relay);
    w->relay = NULL;
}

void world_open(struct world *w, const struct world_options *options)
{
    memset(w, 0, sizeof(*w));
    w->options = *options;
    w->rng = rng_seeded(&w->seed, options->seed);
    w->now = (zg_now){.mono_ms = 1000, .utc_ms = epoch_ms};
    rng_fill(&w->rng, w->relay_sk, sizeof(w->relay_sk));
    if (crypto_scalarmult_base(w->relay_pk, w->relay_sk) != 0)
        abort();
    w->start_utc_ms = epoch_ms;
    w->plate_rng = rng_seeded(&w->plate_seed, options->seed ^ (UINT64_C(1) << 41));
    w->disk = disk_open(w);
    w->loot = mean_loot_new();
    world_relay_start(w);
}

void world_close(struct world *w)
{
    if (w->relay != NULL)
        world_relay_stop(w);
    for (size_t i = 0; i < w->peer_count; i++) {
        while (w->peers[i].links != NULL)
            link_drop(w->peers[i].links);
        zg_client_free(w->peers[i].client);
        drawer_free(w->peers[i].drawer);
    }
    disk_close(w->disk);
    mean_loot_free(w->loot);
}

/* --- clients --- */

static void peer_random(void *ctx, void *out, size_t len)
{
    rng_fill(ctx, out, len);
}

zg_now peer_now(const struct peer *p)
{
    zg_now now = p->world->now;
    now.utc_ms += (uint64_t)p->skew_ms;
    return now;
}

struct peer *world_peer(struct world *w, const char *name,
                        void (*event)(void *ctx, struct peer *p, const zg_event *e), void *ctx)
{
    if (w->peer_count == WORLD_CLIENTS_MAX)
        abort();
    struct peer *p = &w->peers[w->peer_count];
    p->rng = rng_seeded(&p->seed, w->options.seed + 1000 + w->peer_count);
    p->world = w;
    p->name = name;
    p->drawer = drawer_new(w);
    p->event = event;
    p->ctx = ctx;
    w->peer_count++;
    return p;
}

void peer_start(struct peer *p)
{
    zg_client_options options = {
        .size = sizeof(options),
        .vault = drawer_vault(p->drawer),
        .random = peer_random,
        .random_ctx = &p->rng,
        .lifetime_max_s = p->lifetime_max_s,
    };
    world_trace(p->world, "%s starts", p->name);
    p->calm_ms = p->world->now.mono_ms;
    if (zg_client_new(&p->client, &options, peer_now(p)) != ZG_OK)
        abort();
    peer_turn(p);
}

void peer_crash(struct peer *p)
{
    struct link *next;
    world_trace(p->world, "%s crashes", p->name);
    for (struct link *l = p->links; l != NULL; l = next) {
        next = l->next;
        if (!l->left)
            link_leave(l);
    }
    zg_client_free(p->client);
    p->client = NULL;
    p->ready = false;
}

static void do_io(struct peer *p)
{
    zg_io io;
    while (zg_client_io(p->client, &io)) {
        if (io.kind == ZG_IO_CONNECT)
            link_connect(p, io.link);
        else if (io.kind == ZG_IO_SEND)
            link_send(p, io.link, io.data, io.len);
        else
            link_drop(link_find(p, io.link));
    }
}

static const char *event_name(zg_event_kind kind)
{
    static const char *const names[] = {
        [ZG_EVENT_READY] = "is ready",
        [ZG_EVENT_FAILED] = "cannot load its vault",
        [ZG_EVENT_CONNECTED] = "is connected",
        [ZG_EVENT_DISCONNECTED] = "is not connected any more",
        [ZG_EVENT_DESK_READY] = "has a desk",
        [ZG_EVENT_DESK_FAILED] = "has no desk",
        [ZG_EVENT_KNOCK] = "gets a knock",
        [ZG_EVENT_KNOCK_SENT] = "is told that the knock is kept",
        [ZG_EVENT_KNOCK_FAILED] = "is told that the knock failed",
        [ZG_EVENT_PUZZLE] = "has a puzzle to solve",
        [ZG_EVENT_ACCEPTED] = "is answered",
        [ZG_EVENT_MESSAGE] = "gets a message",
        [ZG_EVENT_SENT] = "is told that a message is kept",
        [ZG_EVENT_NOT_SENT] = "is told that a message is not sent",
        [ZG_EVENT_EXPIRED] = "loses a message to time",
        [ZG_EVENT_SAFETY] = "can read safety words",
        [ZG_EVENT_ENDED] = "is told of an end",
        [ZG_EVENT_ERASED] = "is told that an erase is done",
        [ZG_EVENT_STORAGE] = "cannot store",
        [ZG_EVENT_DISPLACED] = "is displaced",
        [ZG_EVENT_EXPIRED_UNREAD] = "is told that a message expired unread",
        [ZG_EVENT_RELAY_WENT_BACK] = "notices that the relay went back",
    };
    size_t i = (size_t)kind;
    return i < sizeof(names) / sizeof(names[0]) && names[i] != NULL ? names[i] : "has an event";
}

static void trace_event(const struct peer *p, const zg_event *e)
{
    if (e->err == ZG_OK)
        world_trace(p->world, "%s %s", p->name, event_name(e->kind));
    else
        world_trace(p->world, "%s %s: %s", p->name, event_name(e->kind), zg_err_name(e->err));
}

void peer_turn(struct peer *p)
{
    zg_event e;
    do_io(p);
    while (zg_client_event(p->client, &e)) {
        trace_event(p, &e);
        p->ready = p->ready || e.kind == ZG_EVENT_READY;
        p->event(p->ctx, p, &e);
        do_io(p);
    }
}

void peer_break(struct peer *p)
{
    struct link *next;
    world_trace(p->world, "%s is cut off", p->name);
    p->calm_ms = p->world->now.mono_ms;
    for (struct link *l = p->links; l != NULL; l = next) {
        uint32_t id = l->id;
        next = l->next;
        if (l->left)
            continue;
        link_leave(l);
        zg_client_link_closed(p->client, id, peer_now(p));
    }
    peer_turn(p);
}

/* --- the scheduler --- */

static uint64_t client_due(const struct peer *p)
{
    uint64_t stored = drawer_due(p->drawer);
    if (p->client == NULL)
        return stored;
    uint64_t due = plant_deadline(p->world, zg_client_deadline(p->client));
    return stored < due ? stored : due;
}

static uint64_t earliest(const struct world *w)
{
    uint64_t due = disk_due(w->disk);
    if (w->relay != NULL && relay_deadline(w->relay) < due)
        due = relay_deadline(w->relay);
    for (size_t i = 0; i < w->peer_count; i++) {
        uint64_t t = client_due(&w->peers[i]);
        due = t < due ? t : due;
        for (const struct link *l = w->peers[i].links; l != NULL; l = l->next) {
            t = link_due(l);
            due = t < due ? t : due;
        }
    }
    return due;
}

static void forward(struct world *w, uint64_t mono_ms)
{
    if (mono_ms <= w->now.mono_ms)
        return;
    w->now.utc_ms += mono_ms - w->now.mono_ms;
    w->now.mono_ms = mono_ms;
}

static bool run_links(struct world *w)
{
    for (size_t i = 0; i < w->peer_count; i++)
        for (struct link *l = w->peers[i].links; l != NULL; l = l->next)
            if (link_run(l))
                return true; /* the list may have changed */
    return false;
}

static bool run_client(struct peer *p)
{
    if (p->client == NULL || client_due(p) > p->world->now.mono_ms)
        return false;
    if (!drawer_run(p->drawer))
        zg_client_advance(p->client, peer_now(p));
    peer_turn(p);
    return true;
}

bool world_step(struct world *w, uint64_t limit_ms)
{
    uint64_t due = earliest(w), end = w->now.mono_ms + limit_ms;
    if (due > end) {
        forward(w, end);
        return false;
    }
    forward(w, due);
    if (w->relay != NULL && disk_run(w->disk))
        return true;
    if (run_links(w))
        return true;
    if (w->relay != NULL && relay_deadline(w->relay) <= w->now.mono_ms) {
        relay_advance(w->relay, world_relay_now(w));
        relay_flush(w->relay);
        return true;
    }
    for (size_t i = 0; i < w->peer_count; i++)
        if (run_client(&w->peers[i]))
            return true;
    return false;
}

/* --- what an operator hands over --- */

void world_address(const struct world *w, char *out, size_t cap)
{
    char key[64];
    sodium_bin2base64(key, sizeof(key), w->relay_pk, sizeof(w->relay_pk),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(out, cap, "relay.example:7443/%s", key);
}

static void ignore(struct store_job *job)
{
    (void)job;
}

void world_voucher(struct world *w, char *out, size_t cap)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    char text[VOUCHER_TEXT_LEN + 1];
    struct name name;
    rng_fill(&w->rng, secret, sizeof(secret));
    secret_name(ROLE_VOUCHER, secret, &name);
    struct store_write write = {
        .kind = WRITE_VOUCHERS,
        .u.vouchers = {.kind = VOUCHER_DESK, .hour = UINT32_MAX, .count = 1, .names = &name},
    };
    struct store_job job = {.kind = JOB_COMMIT, .done = ignore, .u.commit = {.writes = &write, .count = 1}};
    disk_now(w->disk, &job);
    if (job.result != ZG_OK)
        abort();
    voucher_text(secret, text);
    snprintf(out, cap, "%s", text);
}
