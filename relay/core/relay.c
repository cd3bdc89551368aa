#include "relay/core/relay.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

enum { SETTLE_MIN_MS = 10, SETTLE_MAX_MS = 5000, HOUR_S = 3600, DAY_HOURS = 24 };

static bool options_good(const struct relay_options *o)
{
    return o->settle_ms >= SETTLE_MIN_MS && o->settle_ms <= SETTLE_MAX_MS && o->ttl_ceiling <= WIRE_TTL_30D &&
           o->store != NULL && o->rng.fill != NULL;
}

static zg_err init_parts(struct relay *r)
{
    zg_err err = messages_init(&r->messages, &r->rng);
    if (err == ZG_OK)
        err = exchange_init(&r->exchange, &r->rng);
    if (err == ZG_OK)
        err = map_init(&r->lookups, &r->rng);
    if (err == ZG_OK)
        err = door_init(&r->door, &r->rng);
    if (err == ZG_OK)
        err = quota_init(&r->quota, &r->rng, r->limits.counted_queues);
    if (err == ZG_OK)
        err = sessions_init(&r->sessions);
    return err;
}

static struct relay_secrets *secrets_new(const struct relay_options *o)
{
    struct relay_secrets *secrets = sodium_malloc(sizeof(*secrets));
    if (secrets == NULL)
        return NULL;
    memcpy(secrets->relay_sk, o->relay_sk, sizeof(secrets->relay_sk));
    rng_fill(&o->rng, secrets->cookie_key, sizeof(secrets->cookie_key));
    return secrets;
}

zg_err relay_new(struct relay **out, const struct relay_options *options, struct now now)
{
    struct relay *r;

    if (!options_good(options))
        return ZG_ERR_ARGUMENT;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ZG_ERR_MEMORY;
    r->limits = options->limits;
    r->settle_ms = options->settle_ms;
    r->ttl_ceiling = options->ttl_ceiling;
    r->store = options->store;
    r->rng = options->rng;
    memcpy(r->relay_pk, options->relay_pk, sizeof(r->relay_pk));
    r->now = now;
    r->started = now;
    hour_init(&r->hours, now, options->known_hour);
    r->stats.started_utc_s = now.utc_ms / 1000;
    ticks_init(&r->ticks);
    changes_init(&r->changes);
    expiry_init(&r->expiry);
    forget_init(&r->forget);
    room_init(r);
    r->secrets = secrets_new(options);
    if (r->secrets == NULL)
        goto err1;
    if (init_parts(r) != ZG_OK)
        goto err2;
    *out = r;
    return ZG_OK;

err2:
    relay_free(r);
    return ZG_ERR_MEMORY;
err1:
    free(r);
    return ZG_ERR_MEMORY;
}

void relay_free(struct relay *r)
{
    if (r == NULL)
        return;
    assert(r->stats.connections == 0 && r->jobs == 0);
    ticks_clear(r);
    changes_clear(r);
    forget_clear(r);
    door_clear(r);
    lookups_clear(r);
    exchange_clear(r);
    messages_clear(r);
    quota_clear(&r->quota);
    sessions_clear(&r->sessions);
    sodium_free(r->secrets);
    sodium_memzero(r, sizeof(*r));
    free(r);
}

void relay_set_now(struct relay *r, struct now now)
{
    assert(now.mono_ms >= r->now.mono_ms);
    r->now = now;
}

void relay_advance(struct relay *r, struct now now)
{
    relay_set_now(r, now);
    expiry_advance(r);
    ticks_advance(r);
    messages_forget_acked(r);
    door_forget_cookies(r);
    queues_retry(r);
    sessions_advance(r);
    forget_advance(r);
    trouble_advance(r);
    changes_advance(r);
    exchange_sweep(r, false);
}

void relay_flush(struct relay *r)
{
    r->turns++;
    sessions_flush(r);
    changes_advance(r);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t relay_deadline(const struct relay *r)
{
    uint64_t at = earlier(sessions_deadline(r), ticks_deadline(r));

    at = earlier(at, expiry_deadline(r));
    at = earlier(at, forget_deadline(r));
    at = earlier(at, trouble_deadline(r));
    if (!list_empty(&r->exchange.retry))
        at = earlier(at, r->exchange.retry_at);
    at = earlier(at, messages_deadline(r));
    return at;
}

void relay_stats(const struct relay *r, struct relay_stats *out)
{
    *out = r->stats;
    out->hour = r->hours.now;
    out->room = room_now(r);
    out->clock_doubted_utc_s = r->hours.doubted ? r->hours.doubted_utc_s : 0;
}

void relay_drain(struct relay *r, struct now now)
{
    r->draining = true;
    relay_advance(r, now);
}

bool relay_drained(const struct relay *r)
{
    return r->draining && r->jobs == 0 && list_empty(&r->ticks.list) && list_empty(&r->changes.gathered) &&
           list_empty(&r->messages.rows) && forget_quiet(r) && sessions_quiet(r);
}

/* --- what the parts share --- */

void relay_submit(struct relay *r, struct store_job *job)
{
    r->jobs++;
    r->store->submit(r->store, job);
}

void relay_done(struct relay *r, const struct store_job *job)
{
    r->jobs--;
    trouble_note(r, job);
    room_note(r, job);
}

uint64_t relay_random_id(struct relay *r)
{
    uint64_t id;
    do {
        rng_fill(&r->rng, &id, sizeof(id));
        id &= (UINT64_C(1) << STORE_ID_BITS) - 1;
    } while (id == 0);
    return id;
}

uint32_t relay_expiry_hour(const struct relay *r, uint8_t ttl)
{
    static const uint32_t hours[] = {
        [WIRE_TTL_1H] = 1,        [WIRE_TTL_6H] = 6,
        [WIRE_TTL_1D] = 24,       [WIRE_TTL_3D] = 3 * 24,
        [WIRE_TTL_7D] = 7 * 24,   [WIRE_TTL_14D] = 14 * 24,
        [WIRE_TTL_30D] = 30 * 24, [WIRE_TTL_LASTING] = 730 * 24,
    };
    assert(ttl <= WIRE_TTL_LASTING);
    /* Section 1: the hour in which it is made is not counted. */
    return hour_of_storing(&r->hours, r->now) + hours[ttl] + 1;
}

uint32_t relay_voucher_hour(const struct relay *r)
{
    return hour_of_storing(&r->hours, r->now) + r->limits.voucher_days * 24 + 1;
}

uint32_t relay_rest_of_day(const struct relay *r)
{
    uint64_t hours = DAY_HOURS - r->hours.now % DAY_HOURS;
    return (uint32_t)(hours * HOUR_S - r->now.utc_ms / 1000 % HOUR_S);
}

uint32_t relay_queue_ends(const struct relay *r, enum queue_kind kind, bool unanswered)
{
    /* At least 24 months, 14 and 60 days: the week that has begun is not counted. */
    uint32_t weeks = kind == QUEUE_DESK ? 105 : unanswered ? 2 : 9;
    return hour_of_storing(&r->hours, r->now) / (7 * 24) + weeks + 1;
}

uint32_t relay_cookie_seconds(const struct relay *r)
{
    return (uint32_t)(r->started.utc_ms / 1000 + (r->now.mono_ms - r->started.mono_ms) / 1000);
}
