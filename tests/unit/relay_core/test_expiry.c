/* What is due when an hour begins: docs/protocol.md sections 1 and 4. */
#include "tests/unit/relay_core/scene.h"

/* To the first millisecond of the next hour. */
static void next_hour(struct scene *s)
{
    scene_pass(s, HOUR_MS - s->now.utc_ms % HOUR_MS);
}

static void a_message_is_gone_when_its_hour_begins(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    /* Made in hour h with a lifetime of 1 h: gone when h + 2 begins. */
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 2, 'b', WIRE_TTL_6H);
    scene_settle(s);
    next_hour(s);
    scene_pass(s, HOUR_MS - 1);
    assert_int_equal(scene_rows(s), 2);
    scene_pass(s, 1);
    assert_int_equal(scene_rows(s), 1);
    assert_int_equal(scene_stats(s).expired, 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'b');
    hear_nothing(&s->peers[1]);
}

static void a_reader_that_has_it_gets_withdraw(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 1, sub);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 2, 'b', WIRE_TTL_6H);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    next_hour(s);
    next_hour(s);
    hear_withdraw(&s->peers[1], sub, id);
    hear_delivery(&s->peers[1], sub, 'b'); /* there is room in the window now */
    hear_nothing(&s->peers[1]);
    say_ack(s, &s->peers[1], sub, id);
    assert_int_equal(scene_stats(s).acknowledged, 0);
    assert_int_equal(scene_stats(s).expired, 1);
}

/* The disk fails; nothing that is over is handed out all the same. */
static void what_cannot_be_deleted_is_not_delivered(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    next_hour(s);
    s->store.fail[JOB_PURGE] = 2;
    next_hour(s);
    assert_int_equal(scene_rows(s), 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_nothing(&s->peers[1]);
    scene_pass(s, 20 * 1000);
    assert_int_equal(scene_rows(s), 0);
}

/* It was asked for in the last moment of its life. */
static void what_expires_while_it_is_read_is_not_delivered(void **state)
{
    struct scene *s = *state;
    struct thing q;
    struct command c = {.op = OP_SUBSCRIBE};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    next_hour(s);
    scene_pass(s, HOUR_MS - 1);
    s->hold = true;
    c.u.subscribe.take = q.take;
    c.u.subscribe.window = 8;
    peer_send(&s->peers[1], &c, s->now);
    assert_true(test_store_step(&s->store)); /* the name; now the row is asked for */
    scene_pass(s, 1);
    s->hold = false;
    scene_turn(s);
    struct heard *h = peer_take(&s->peers[1]);
    assert_int_equal(h->c.op, OP_SUBSCRIBED);
    free(h);
    hear_nothing(&s->peers[1]);
}

static void a_clock_that_goes_back_revives_nothing(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_6H);
    hear_delivery(&s->peers[1], sub, 'a');
    s->store.fail[JOB_PURGE] = UINT32_MAX; /* the rows stay */
    scene_pass(s, 8 * (uint64_t)HOUR_MS);
    struct heard *h = peer_take(&s->peers[1]);
    assert_int_equal(h->c.op, OP_WITHDRAW);
    free(h);
    assert_int_equal(scene_rows(s), 1);
    s->now.utc_ms -= 8 * (uint64_t)HOUR_MS;
    relay_advance(s->relay, s->now);
    peer_hang_up(&s->peers[1]);
    subscribe(s, &s->peers[2], q.take, 16, sub);
    hear_nothing(&s->peers[2]);
    /* What is sent now lives its time from the highest hour seen. */
    s->store.fail[JOB_PURGE] = 0;
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 2, 'b', WIRE_TTL_1H);
    hear_delivery(&s->peers[2], sub, 'b');
    scene_pass(s, 4 * (uint64_t)HOUR_MS);
    hear_nothing(&s->peers[2]);
    scene_pass(s, 6 * (uint64_t)HOUR_MS);
    h = peer_take(&s->peers[2]);
    assert_non_null(h);
    assert_int_equal(h->c.op, OP_WITHDRAW);
    free(h);
}

/* As an operator does who knows that the clock is right. */
static void restart_by_the_clock(struct scene *s, uint64_t hours)
{
    s->now.utc_ms += hours * HOUR_MS;
    scene_restart(s);
}

/* What was destroyed because of it would be lost; if it is right, it stays so. */
static void a_clock_that_jumps_far_ahead_is_believed_after_a_day(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    for (uint32_t ttl = WIRE_TTL_1H; ttl <= WIRE_TTL_30D; ttl++) {
        say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, ttl, (uint8_t)ttl, (uint8_t)ttl);
        hear_delivery(&s->peers[1], sub, (uint8_t)ttl);
    }
    scene_settle(s);
    s->now.utc_ms += UINT64_C(5000) * HOUR_MS;
    relay_advance(s->relay, s->now);
    scene_turn(s);
    hear_nothing(&s->peers[1]);
    assert_int_equal(scene_rows(s), WIRE_TTL_30D + 1);
    assert_int_equal(scene_stats(s).clock_doubted_utc_s, (s->now.utc_ms / HOUR_MS - 5000) * 3600 + 900);
    /* The hours go on. */
    scene_pass(s, 2 * (uint64_t)HOUR_MS);
    hear_withdraw(&s->peers[1], sub, 1);
    hear_nothing(&s->peers[1]);
    scene_pass(s, 22 * (uint64_t)HOUR_MS - 1);
    hear_withdraw(&s->peers[1], sub, 2);
    hear_nothing(&s->peers[1]);
    assert_int_equal(scene_rows(s), WIRE_TTL_30D - 1);
    scene_pass(s, HOUR_MS);
    assert_int_equal(scene_stats(s).clock_doubted_utc_s, 0);
    for (uint32_t ttl = WIRE_TTL_1D; ttl <= WIRE_TTL_30D; ttl++)
        hear_withdraw(&s->peers[1], sub, ttl + 1);
    scene_pass(s, 1000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void clock_jumps(struct scene *s, int64_t hours)
{
    s->now.utc_ms += (uint64_t)hours * HOUR_MS;
    relay_advance(s->relay, s->now);
    scene_turn(s);
}

/* A server that was off for months, or whose backup of then was put back: its clock is right, and doubted for a day. */
static void what_comes_on_the_day_of_doubt_outlives_it(void **state)
{
    struct scene *s = *state;
    struct thing old, q;
    uint8_t sub[8];
    make_queue(s, &old, 1, QUEUE_CONVERSATION);
    clock_jumps(s, 5000);
    assert_int_not_equal(scene_stats(s).clock_doubted_utc_s, 0);
    make_queue(s, &q, 2, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1D);
    scene_pass(s, 24 * (uint64_t)HOUR_MS + 10000);
    assert_int_equal(scene_stats(s).clock_doubted_utc_s, 0);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
    scene_pass(s, 2 * (uint64_t)HOUR_MS);
    hear_withdraw(&s->peers[1], sub, 1);
}

/* The clock was wrong after all: nothing lies longer than the longest lifetime because of it. */
static void what_was_stored_by_a_wrong_clock_is_cut(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_DESK);
    clock_jumps(s, 5000);
    say_send_ttl(s, &s->peers[0], SEND_TAKE, q.take, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    clock_jumps(s, -5000);
    assert_int_equal(scene_rows(s), 1);
    scene_pass(s, 720 * (uint64_t)HOUR_MS);
    assert_int_equal(scene_rows(s), 1);
    scene_pass(s, 2 * (uint64_t)HOUR_MS);
    assert_int_equal(scene_rows(s), 0);
}

/* Commands that come when the hour has begun do not put off what is due. */
static void traffic_does_not_put_off_the_hour(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    next_hour(s);
    scene_pass(s, HOUR_MS - 1);
    s->now.mono_ms += 2;
    s->now.utc_ms += 2;
    say_ping(s, &s->peers[1]);
    assert_int_equal(scene_rows(s), 0);
}

static void every_lifetime_class_has_its_hours(void **state)
{
    struct scene *s = *state;
    static const uint32_t hours[] = {1, 6, 24, 72, 168, 336, 720};
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t ttl = WIRE_TTL_1H; ttl <= WIRE_TTL_30D; ttl++)
        say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, ttl, 'a', (uint8_t)ttl);
    scene_settle(s);
    next_hour(s); /* hour 1 after h */
    uint32_t at = 1;
    for (uint32_t ttl = WIRE_TTL_1H; ttl <= WIRE_TTL_30D; ttl++) {
        scene_pass(s, (uint64_t)(hours[ttl] - at) * HOUR_MS + HOUR_MS - 1);
        assert_int_equal(scene_rows(s), WIRE_TTL_30D + 1 - ttl);
        scene_pass(s, 1);
        at = hours[ttl] + 1;
        assert_int_equal(scene_rows(s), WIRE_TTL_30D - ttl);
    }
}

static void rows_are_deleted_in_slices(void **state)
{
    struct scene *s = *state;
    struct thing q;
    s->limits.purge_rows = 10;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 35; i++)
        say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, i, 'a', WIRE_TTL_1H);
    scene_settle(s);
    next_hour(s);
    uint32_t before = s->store.jobs[JOB_PURGE];
    next_hour(s);
    assert_int_equal(scene_rows(s), 25);
    scene_pass(s, 1000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(s->store.jobs[JOB_PURGE], before + 4);
    assert_int_equal(scene_stats(s).expired, 35);
    /* Once an hour, and not more often. */
    scene_pass(s, HOUR_MS - 1001);
    assert_int_equal(s->store.jobs[JOB_PURGE], before + 4);
}

/* The store is at one hour's rows while the next hour begins. */
static void no_hour_is_passed_over(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    scene_pass(s, 5000); /* the journal is empty */
    s->hold = true;
    next_hour(s);
    assert_int_equal(s->store.waiting, 1);
    next_hour(s);
    s->hold = false;
    scene_pass(s, 100 * 1000); /* the slice took an hour; the pause behind it is bounded */
    assert_int_equal(scene_rows(s), 0);
}

/* Rows from a time when the clock was wrong: their hours lie beyond what the buckets can tell apart. */
static void hours_that_share_a_bucket_are_told_apart(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_DESK); /* it does not end meanwhile */
    restart_by_the_clock(s, 2000);
    say_send_ttl(s, &s->peers[0], SEND_TAKE, q.take, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    restart_by_the_clock(s, (uint64_t)-2000);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
    /* It was cut to the first hour that had not begun when the clock was ahead. */
    for (uint32_t hour = 1; hour < 2001; hour++) {
        s->now.utc_ms += HOUR_MS;
        s->now.mono_ms += HOUR_MS;
        relay_advance(s->relay, s->now);
        scene_turn(s);
        hear_nothing(&s->peers[1]);
    }
    s->now.utc_ms += HOUR_MS;
    s->now.mono_ms += HOUR_MS;
    relay_advance(s->relay, s->now);
    scene_turn(s);
    hear_withdraw(&s->peers[1], sub, 1);
}

/* A small board without a battery: what waits is not cut to what a lifetime could be in 1970. */
static void a_start_in_1970_shortens_nothing(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    const uint64_t right = s->now.utc_ms;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_7D);
    scene_settle(s);
    s->now.utc_ms = 5000;
    scene_restart(s);
    scene_pass(s, 1000);
    s->now.utc_ms = right;
    scene_pass(s, 25 * (uint64_t)HOUR_MS); /* doubted for a day, then believed */
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
}

static void what_expired_while_the_relay_was_down_goes_at_its_start(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    s->now.utc_ms += 5 * (uint64_t)HOUR_MS;
    scene_restart(s);
    assert_int_equal(scene_rows(s), 0);
}

/* It expires while its commit is under way. */
static void a_message_that_expires_before_it_is_written(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    next_hour(s);
    scene_pass(s, HOUR_MS - SETTLE_MS); /* the tick goes over the hour's end */
    uint32_t seq = say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    s->hold = true;
    scene_pass(s, 2 * (uint64_t)HOUR_MS);
    s->hold = false;
    scene_turn(s);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void idle_queues_leave_memory(void **state)
{
    struct scene *s = *state;
    struct thing q;
    s->limits.idle_queues = 2;
    scene_restart(s);
    for (uint32_t n = 1; n <= 6; n++) {
        make_queue(s, &q, n, QUEUE_CONVERSATION);
        say_send(s, &s->peers[0], q.put, n, 'a');
        scene_settle(s);
        free(peer_take(&s->peers[0]));
    }
    scene_pass(s, 1000 * 1000);
    assert_true(scene_stats(s).queues_loaded <= 3);
    /* And come back with what they had. */
    uint8_t sub[8];
    thing_from(&q, 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
    say_send(s, &s->peers[0], q.put, 100, 'b');
    hear_delivery(&s->peers[1], sub, 'b');
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(a_message_is_gone_when_its_hour_begins),
    SCENE_TEST(a_reader_that_has_it_gets_withdraw),
    SCENE_TEST(what_cannot_be_deleted_is_not_delivered),
    SCENE_TEST(what_expires_while_it_is_read_is_not_delivered),
    SCENE_TEST(a_clock_that_goes_back_revives_nothing),
    SCENE_TEST(a_clock_that_jumps_far_ahead_is_believed_after_a_day),
    SCENE_TEST(what_comes_on_the_day_of_doubt_outlives_it),
    SCENE_TEST(what_was_stored_by_a_wrong_clock_is_cut),
    SCENE_TEST(traffic_does_not_put_off_the_hour),
    SCENE_TEST(every_lifetime_class_has_its_hours),
    SCENE_TEST(rows_are_deleted_in_slices),
    SCENE_TEST(no_hour_is_passed_over),
    SCENE_TEST(hours_that_share_a_bucket_are_told_apart),
    SCENE_TEST(a_start_in_1970_shortens_nothing),
    SCENE_TEST(what_expired_while_the_relay_was_down_goes_at_its_start),
    SCENE_TEST(a_message_that_expires_before_it_is_written),
    SCENE_TEST(idle_queues_leave_memory),
};

RUN_TESTS
