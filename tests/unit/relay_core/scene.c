#include "tests/unit/relay_core/scene.h"

#include "proto/kdf.h"
#include "relay/core/session.h"

enum { TURNS_MAX = 100000, TTL = WIRE_TTL_1D };

/* --- the relay --- */

static void start(struct scene *s)
{
    struct relay_options options = {.limits = s->limits,
                                    .settle_ms = SETTLE_MS,
                                    .ttl_ceiling = s->ceiling,
                                    .store = &s->store.store,
                                    .rng = s->rng};
    memcpy(options.relay_sk, s->sk, 32);
    memcpy(options.relay_pk, s->pk, 32);
    assert_int_equal(relay_new(&s->relay, &options, s->now), ZG_OK);
    for (int i = 0; i < SCENE_PEERS; i++)
        assert_true(peer_open(&s->peers[i], s->relay, s->pk, &s->rng, s->now));
    scene_turn(s);
}

static void stop(struct scene *s)
{
    s->hold = false;
    for (int i = 0; i < SCENE_PEERS; i++)
        peer_clear(&s->peers[i]);
    test_store_run(&s->store);
    relay_free(s->relay);
    s->relay = NULL;
}

int scene_setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->rng = rng_seeded(&s->seed, 1);
    s->engine = memory_engine_new();
    assert_non_null(s->engine);
    test_store_init(&s->store, s->engine);
    s->limits = limits_default();
    /* So that peer_open and what is said is done when it returns. */
    s->limits.hellos_a_turn = 1000;
    s->limits.hellos_a_second = s->limits.strangers_a_turn = s->limits.strangers_a_second = 1000000;
    s->limits.commands_a_second = 1000000;
    s->ceiling = WIRE_TTL_30D;
    rng_fill(&s->rng, s->sk, sizeof(s->sk));
    crypto_scalarmult_base(s->pk, s->sk);
    /* A quarter past an hour of a day in 2025, when a tick begins. */
    s->now = (struct now){.mono_ms = 1000000, .utc_ms = UINT64_C(487000) * HOUR_MS + HOUR_MS / 4};
    start(s);
    *state = s;
    return 0;
}

int scene_teardown(void **state)
{
    struct scene *s = *state;
    stop(s);
    s->engine->close(s->engine);
    free(s);
    return 0;
}

void scene_restart(struct scene *s)
{
    stop(s);
    start(s);
}

static bool turn(struct scene *s)
{
    bool any = s->store.waiting > 0 && !s->hold;
    if (any)
        test_store_run(&s->store);
    if (relay_deadline(s->relay) <= s->now.mono_ms) {
        relay_advance(s->relay, s->now);
        any = true;
    }
    relay_flush(s->relay);
    return any || (s->store.waiting > 0 && !s->hold) || relay_deadline(s->relay) <= s->now.mono_ms;
}

void scene_turn(struct scene *s)
{
    int turns = 0;
    while (turn(s))
        assert_true(++turns < TURNS_MAX);
}

void scene_pass(struct scene *s, uint64_t ms)
{
    uint64_t until = s->now.mono_ms + ms;

    scene_turn(s);
    while (s->now.mono_ms < until) {
        uint64_t next = relay_deadline(s->relay);
        uint64_t step = (next < until ? next : until) - s->now.mono_ms;
        s->now.mono_ms += step;
        s->now.utc_ms += step;
        scene_turn(s);
    }
}

void scene_tick(struct scene *s)
{
    scene_pass(s, SETTLE_MS - s->now.mono_ms % SETTLE_MS);
}

void scene_settle(struct scene *s)
{
    scene_pass(s, 2 * SETTLE_MS);
}

struct relay_stats scene_stats(const struct scene *s)
{
    struct relay_stats stats;
    relay_stats(s->relay, &stats);
    return stats;
}

uint64_t scene_rows(struct scene *s)
{
    struct store_job job = {.kind = JOB_COUNTS};
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.result, ZG_OK);
    return job.u.counts.messages;
}

/* --- queues --- */

static void secret_from(uint8_t out[32], enum role role, uint32_t n, struct name *name)
{
    const uint8_t number[5] = {(uint8_t)role, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                               (uint8_t)n};
    crypto_generichash(out, 32, number, sizeof(number), NULL, 0);
    secret_name(role, out, name);
}

void thing_from(struct thing *t, uint32_t n)
{
    secret_from(t->put, ROLE_PUT, n, &t->put_name);
    secret_from(t->take, ROLE_TAKE, n, &t->take_name);
    secret_from(t->own, ROLE_OWN, n, &t->own_name);
    secret_from(t->end, ROLE_END, n, &t->end_name);
    t->names =
        (struct queue_names){.put = t->put_name.b, .takes = 1, .own = t->own_name.b, .end = t->end_name.b};
    t->names.take[0] = t->take_name.b;
}

struct slot_names slot_from(struct thing *t, uint32_t n)
{
    secret_from(t->put, ROLE_WRITE, n, &t->put_name);
    secret_from(t->take, ROLE_READ, n, &t->take_name);
    secret_from(t->own, ROLE_SLOT_OWN, n, &t->own_name);
    return (struct slot_names){t->take_name.b, t->put_name.b, t->own_name.b};
}

void give_voucher(struct scene *s, enum voucher_kind kind, uint32_t n, uint8_t secret[32])
{
    struct name name;
    struct store_write w = {.kind = WRITE_VOUCHERS};
    struct store_job job = {.kind = JOB_COMMIT};

    secret_from(secret, ROLE_VOUCHER, n, &name);
    w.u.vouchers.kind = kind;
    w.u.vouchers.hour = UINT32_MAX;
    w.u.vouchers.count = 1;
    w.u.vouchers.names = &name;
    job.u.commit.writes = &w;
    job.u.commit.count = 1;
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.result, ZG_OK);
}

void make_queue(struct scene *s, struct thing *t, uint32_t n, enum queue_kind kind)
{
    uint8_t voucher[32];
    give_voucher(s, kind == QUEUE_DESK ? VOUCHER_DESK : VOUCHER_CONVERSATION, n, voucher);
    thing_from(t, n);
    uint32_t seq = say_create(s, &s->peers[0], t, kind, voucher);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

/* --- saying --- */

static uint32_t say(struct scene *s, struct peer *p, struct command *c)
{
    uint32_t seq = peer_send(p, c, s->now);
    scene_turn(s);
    return seq;
}

uint32_t say_ping(struct scene *s, struct peer *p)
{
    struct command c = {.op = OP_PING};
    return say(s, p, &c);
}

uint32_t say_create(struct scene *s, struct peer *p, const struct thing *t, enum queue_kind kind,
                    const uint8_t voucher[32])
{
    struct command c = {.op = OP_QUEUE_CREATE, .u.queue_create = {voucher, kind, t->names}};
    return say(s, p, &c);
}

uint32_t say_send_ttl(struct scene *s, struct peer *p, enum send_role role, const uint8_t secret[32],
                      uint32_t handle, uint8_t fill, uint8_t ttl)
{
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t handle_bytes[WIRE_HANDLE_BYTES] = {0};
    struct command c = {.op = OP_SEND, .u.send = {role, secret, ttl, handle_bytes, envelope}};

    memset(envelope, fill, sizeof(envelope));
    memcpy(handle_bytes, &handle, sizeof(handle));
    return say(s, p, &c);
}

uint32_t say_update(struct scene *s, struct peer *p, const uint8_t own[32], const struct queue_names *names)
{
    struct command c = {.op = OP_QUEUE_UPDATE, .u.queue_update = {own, *names}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

uint32_t say_send(struct scene *s, struct peer *p, const uint8_t put[32], uint32_t handle, uint8_t fill)
{
    return say_send_ttl(s, p, SEND_PUT, put, handle, fill, TTL);
}

uint32_t say_cancel(struct scene *s, struct peer *p, uint32_t handle)
{
    uint8_t handle_bytes[WIRE_HANDLE_BYTES] = {0};
    struct command c = {.op = OP_CANCEL, .u.cancel = {handle_bytes}};
    memcpy(handle_bytes, &handle, sizeof(handle));
    return say(s, p, &c);
}

uint32_t say_delete(struct scene *s, struct peer *p, enum delete_role role, const uint8_t secret[32])
{
    struct command c = {.op = OP_QUEUE_DELETE, .u.queue_delete = {role, secret}};
    return say(s, p, &c);
}

void say_ack(struct scene *s, struct peer *p, const uint8_t subscription[8], uint32_t id)
{
    struct command c = {.op = OP_ACK, .u.ack = {.subscription = subscription, .ids = {id}, .count = 1}};
    say(s, p, &c);
}

void subscribe(struct scene *s, struct peer *p, const uint8_t take[32], uint32_t window,
               uint8_t subscription[8])
{
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {take, window}};
    uint32_t seq = say(s, p, &c);
    struct heard *h = peer_take(p);

    assert_non_null(h);
    assert_int_equal(h->c.op, OP_SUBSCRIBED);
    assert_int_equal(h->c.seq, seq);
    memcpy(subscription, h->c.u.subscribed.subscription, WIRE_SUBSCRIPTION_BYTES);
    free(h);
}

/* --- hearing --- */

uint32_t hear_reply(struct peer *p, uint32_t seq, enum status status)
{
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_string_equal(op_name(h->c.op), op_name(OP_REPLY));
    assert_int_equal(h->c.seq, seq);
    assert_int_equal(h->c.u.reply.status, status);
    uint32_t retry_after = h->c.u.reply.retry_after;
    assert_int_equal(retry_after > 0, status == STATUS_BUSY || status == STATUS_FULL);
    free(h);
    return retry_after;
}

void hear_forgotten(struct scene *s, struct peer *p, uint32_t seq, enum status status)
{
    uint64_t forgotten = scene_stats(s).forgotten;

    hear_nothing(p);
    scene_pass(s, 1000);
    assert_true(scene_stats(s).forgotten > forgotten);
    hear_reply(p, seq, status);
}

uint32_t hear_delivery(struct peer *p, const uint8_t subscription[8], uint8_t fill)
{
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    struct heard *h = peer_take(p);

    memset(envelope, fill, sizeof(envelope));
    assert_non_null(h);
    assert_string_equal(op_name(h->c.op), op_name(OP_DELIVER));
    assert_memory_equal(h->c.u.deliver.subscription, subscription, WIRE_SUBSCRIPTION_BYTES);
    assert_int_equal(h->c.u.deliver.envelope[0], fill);
    assert_memory_equal(h->c.u.deliver.envelope, envelope, sizeof(envelope));
    uint32_t id = h->c.u.deliver.id;
    free(h);
    return id;
}

void hear_withdraw(struct peer *p, const uint8_t subscription[8], uint32_t id)
{
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_string_equal(op_name(h->c.op), op_name(OP_WITHDRAW));
    assert_memory_equal(h->c.u.withdraw.subscription, subscription, WIRE_SUBSCRIPTION_BYTES);
    assert_int_equal(h->c.u.withdraw.id, id);
    free(h);
}

void hear_ended(struct peer *p, const uint8_t subscription[8], enum ended_reason reason)
{
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_string_equal(op_name(h->c.op), op_name(OP_ENDED));
    assert_memory_equal(h->c.u.ended.subscription, subscription, WIRE_SUBSCRIPTION_BYTES);
    assert_int_equal(h->c.u.ended.reason, reason);
    free(h);
}

void hear_nothing(struct peer *p)
{
    struct heard *h = peer_take(p);
    if (h != NULL)
        fail_msg("the relay said %s", op_name(h->c.op));
}
