/* What a sender can ask about what nobody read: docs/protocol.md section 4. */
#include "tests/unit/relay_core/scene.h"

enum { DAY_MS = 24 * HOUR_MS };

static uint32_t say_status(struct scene *s, struct peer *p, const uint32_t *handles, uint32_t count)
{
    uint8_t bytes[WIRE_STATUS_HANDLES_MAX][WIRE_HANDLE_BYTES] = {{0}};
    struct command c = {.op = OP_STATUS, .u.status.count = count};
    for (uint32_t i = 0; i < count; i++) {
        memcpy(bytes[i], &handles[i], sizeof(handles[i]));
        c.u.status.handles[i] = bytes[i];
    }
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

static void hear_fate(struct scene *s, uint32_t handle, enum message_fate fate)
{
    struct peer *p = &s->peers[3];
    uint32_t seq = say_status(s, p, &handle, 1);
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_int_equal(h->c.op, OP_STATES);
    assert_int_equal(h->c.seq, seq);
    assert_int_equal(h->c.u.states.count, 1);
    if (h->c.u.states.fates[0] != (uint8_t)fate)
        fail_msg("message %u: fate %u", handle, h->c.u.states.fates[0]);
    free(h);
}

/* To the first milliseconds of the next day, and of what is done then. */
static void next_day(struct scene *s)
{
    scene_pass(s, DAY_MS - s->now.utc_ms % DAY_MS);
    scene_pass(s, 5000);
}

static void send(struct scene *s, const struct thing *q, uint32_t handle, uint8_t ttl)
{
    uint32_t seq = say_send_ttl(s, &s->peers[0], SEND_PUT, q->put, handle, 'a', ttl);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

static void what_nobody_read_is_expired_from_midnight_for_7_days(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    send(s, &q, 1, WIRE_TTL_1D);
    send(s, &q, 2, WIRE_TTL_6H);
    hear_fate(s, 1, FATE_UNKNOWN);
    scene_pass(s, DAY_MS + 2 * HOUR_MS);
    assert_int_equal(scene_rows(s), 0);
    hear_fate(s, 1, FATE_UNKNOWN); /* the hour would tell too much */
    next_day(s);
    hear_fate(s, 1, FATE_EXPIRED);
    hear_fate(s, 2, FATE_UNKNOWN);
    hear_fate(s, 3, FATE_UNKNOWN);
    for (int day = 0; day < 6; day++)
        next_day(s);
    hear_fate(s, 1, FATE_EXPIRED);
    next_day(s);
    next_day(s);
    hear_fate(s, 1, FATE_UNKNOWN);
}

static void what_was_read_or_cancelled_is_unknown(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t n = 1; n <= 4; n++)
        send(s, &q, n, WIRE_TTL_1D);
    say_cancel(s, &s->peers[2], 1);
    scene_settle(s);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    for (uint32_t n = 2; n <= 4; n++) {
        uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
        if (n <= 3)
            say_ack(s, &s->peers[1], sub, id);
    }
    /* 4 was delivered and not acknowledged; nobody comes any more. */
    peer_hang_up(&s->peers[1]);
    scene_pass(s, 2 * (uint64_t)DAY_MS);
    next_day(s);
    for (uint32_t n = 1; n <= 3; n++)
        hear_fate(s, n, FATE_UNKNOWN);
    hear_fate(s, 4, FATE_EXPIRED);
}

/* It was read in the last moment, and the disk could not delete it before the hour began. */
static void what_was_read_before_its_hour_leaves_no_mark(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    send(s, &q, 1, WIRE_TTL_1D);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    scene_pass(s, 24 * (uint64_t)HOUR_MS + HOUR_MS - s->now.utc_ms % HOUR_MS - 10);
    s->store.fail[JOB_COMMIT] = 20;
    say_ack(s, &s->peers[1], sub, id);
    uint32_t purges = s->store.jobs[JOB_PURGE];
    scene_pass(s, 1000);
    assert_int_equal(s->store.jobs[JOB_PURGE], purges + 1); /* the key went */
    assert_int_equal(scene_rows(s), 1);
    scene_pass(s, 60 * 1000);
    assert_int_equal(scene_rows(s), 0);
    next_day(s);
    hear_fate(s, 1, FATE_UNKNOWN);
}

static void many_can_be_asked_about_at_once(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint32_t handles[WIRE_STATUS_HANDLES_MAX];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t n = 0; n < WIRE_STATUS_HANDLES_MAX; n++) {
        handles[n] = n + 1;
        if (n % 3 == 0)
            send(s, &q, n + 1, WIRE_TTL_3D);
    }
    scene_pass(s, 3 * (uint64_t)DAY_MS);
    next_day(s);
    uint32_t seq = say_status(s, &s->peers[0], handles, WIRE_STATUS_HANDLES_MAX);
    struct heard *h = peer_take(&s->peers[0]);
    assert_non_null(h);
    assert_int_equal(h->c.op, OP_STATES);
    assert_int_equal(h->c.seq, seq);
    assert_int_equal(h->c.u.states.count, WIRE_STATUS_HANDLES_MAX);
    for (uint32_t n = 0; n < WIRE_STATUS_HANDLES_MAX; n++)
        assert_int_equal(h->c.u.states.fates[n], n % 3 == 0 ? FATE_EXPIRED : FATE_UNKNOWN);
    free(h);
}

static void it_is_busy_when_the_store_fails_or_too_much_waits(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    uint32_t handle = 1, states = 0, busy = 0;
    s->store.fail[JOB_STATUS] = 1;
    hear_reply(p, say_status(s, p, &handle, 1), STATUS_BUSY);
    hear_fate(s, 1, FATE_UNKNOWN);
    s->limits.waiting_bytes = 3 * sizeof(struct store_job);
    scene_restart(s);
    s->hold = true;
    for (uint32_t n = 0; n < 10; n++)
        say_status(s, p, &handle, 1);
    s->hold = false;
    scene_turn(s);
    for (struct heard *h; (h = peer_take(p)) != NULL; free(h)) {
        states += h->c.op == OP_STATES;
        busy += h->c.op == OP_REPLY && h->c.u.reply.status == STATUS_BUSY;
    }
    assert_int_equal(states + busy, 10);
    assert_in_range(states, 2, 3);
}

static void a_session_that_ends_meanwhile_leaves_nothing(void **state)
{
    struct scene *s = *state;
    uint32_t handle = 1;
    s->hold = true;
    say_status(s, &s->peers[0], &handle, 1);
    peer_hang_up(&s->peers[0]);
    s->hold = false;
    scene_turn(s);
    hear_fate(s, 1, FATE_UNKNOWN);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(what_nobody_read_is_expired_from_midnight_for_7_days),
    SCENE_TEST(what_was_read_or_cancelled_is_unknown),
    SCENE_TEST(what_was_read_before_its_hour_leaves_no_mark),
    SCENE_TEST(many_can_be_asked_about_at_once),
    SCENE_TEST(it_is_busy_when_the_store_fails_or_too_much_waits),
    SCENE_TEST(a_session_that_ends_meanwhile_leaves_nothing),
};

RUN_TESTS
