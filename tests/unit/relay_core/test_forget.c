/* When the journal is emptied, and who waits for it: docs/protocol.md section 4. */
#include "tests/unit/relay_core/scene.h"

static uint32_t forgets(const struct scene *s)
{
    return s->store.jobs[JOB_FORGET];
}

/* A queue with a message on disk; nothing is left to be forgotten. */
static void make_stored(struct scene *s, struct thing *q, uint32_t n)
{
    make_queue(s, q, n, QUEUE_CONVERSATION);
    uint32_t seq = say_send(s, &s->peers[0], q->put, n, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    scene_pass(s, 6000);
}

static void what_was_acknowledged_is_forgotten_within_5_seconds(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_stored(s, &q, 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t before = forgets(s);
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    scene_pass(s, 5000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(forgets(s), before + 1);
    scene_pass(s, 60 * 1000);
    assert_int_equal(forgets(s), before + 1);
}

static void what_was_cancelled_is_forgotten_within_5_seconds(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_stored(s, &q, 1);
    uint32_t before = forgets(s);
    say_cancel(s, &s->peers[0], 1);
    scene_pass(s, 5000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(forgets(s), before + 1);
    /* There is nothing to be cancelled. */
    say_cancel(s, &s->peers[0], 99);
    scene_pass(s, 60 * 1000);
    assert_int_equal(forgets(s), before + 1);
}

static void what_was_never_written_needs_no_forgetting(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_stored(s, &q, 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    scene_pass(s, 5000);
    uint32_t before = forgets(s);
    say_send(s, &s->peers[0], q.put, 2, 'b');
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'b'));
    scene_pass(s, 60 * 1000);
    assert_int_equal(forgets(s), before);
}

static void a_deletion_is_answered_when_it_is_forgotten(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    make_stored(s, &q, 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
    s->store.fail[JOB_FORGET] = 2;
    uint32_t seq = say_delete(s, p, DELETE_OWN, q.own);
    hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
    assert_int_equal(scene_rows(s), 0);
    for (uint32_t failed = 0; failed < 2; failed++) {
        uint32_t before = forgets(s);
        scene_pass(s, 1000);
        assert_int_equal(forgets(s), before + 1);
        hear_nothing(p);
    }
    assert_int_equal(scene_stats(s).trouble, TROUBLE_IO);
    scene_pass(s, 1000);
    hear_reply(p, seq, STATUS_OK);
    assert_int_equal(scene_stats(s).trouble, TROUBLE_NONE);
}

/* What others deleted must not be seen in the time of the answer, nor whether the queue was there. */
static void the_time_of_the_answer_tells_nothing(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q[3];
    uint8_t nothing[32] = {0}, sub[8];
    for (uint32_t i = 0; i < 3; i++)
        make_stored(s, &q[i], i);
    for (uint32_t round = 0; round < 3; round++) {
        scene_pass(s, 10300 - s->now.mono_ms % 1000);
        if (round > 0) {
            subscribe(s, &s->peers[1], q[round].take, 16, sub);
            say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
        }
        if (round > 1)
            say_delete(s, &s->peers[2], DELETE_OWN, q[round].own);
        uint32_t seq = say_delete(s, p, DELETE_OWN, round == 0 ? q[0].own : nothing);
        scene_pass(s, 699);
        hear_nothing(p);
        scene_pass(s, 1);
        hear_reply(p, seq, round == 0 ? STATUS_OK : STATUS_REFUSED);
    }
}

static void not_more_often_than_once_a_second(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint32_t before = forgets(s);
    for (uint32_t i = 0; i < 20; i++) {
        make_queue(s, &q, i, QUEUE_CONVERSATION);
        say_delete(s, &s->peers[1], DELETE_OWN, q.own);
        scene_pass(s, 250);
    }
    scene_pass(s, 1000);
    assert_in_range(forgets(s) - before, 5, 6);
    for (uint32_t i = 0; i < 20; i++)
        free(peer_take(&s->peers[1]));
    hear_nothing(&s->peers[1]);
}

static void a_session_that_ends_meanwhile_changes_nothing(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_stored(s, &q, 1);
    say_delete(s, &s->peers[1], DELETE_OWN, q.own);
    uint32_t before = forgets(s);
    peer_hang_up(&s->peers[1]);
    scene_pass(s, 1000);
    assert_int_equal(forgets(s), before + 1);
}

static void drain(struct scene *s)
{
    relay_drain(s->relay, s->now);
    scene_turn(s);
    assert_true(relay_drained(s->relay));
}

static void a_relay_that_stops_forgets_before_it_answers(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_stored(s, &q, 1);
    uint32_t before = forgets(s);
    uint32_t seq = say_delete(s, &s->peers[0], DELETE_OWN, q.own);
    drain(s);
    assert_int_equal(forgets(s), before + 1);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

static void a_relay_that_stops_and_cannot_forget_is_busy(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_stored(s, &q, 1);
    s->store.fail[JOB_FORGET] = UINT32_MAX;
    uint32_t before = forgets(s);
    uint32_t seq = say_delete(s, &s->peers[0], DELETE_OWN, q.own);
    drain(s);
    assert_int_equal(forgets(s), before + 1);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
}

static void what_expired_is_forgotten(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    scene_pass(s, 2 * (uint64_t)HOUR_MS - s->now.utc_ms % HOUR_MS - 1);
    uint32_t before = forgets(s);
    scene_pass(s, 5001);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(forgets(s), before + 1);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(what_was_acknowledged_is_forgotten_within_5_seconds),
    SCENE_TEST(what_was_cancelled_is_forgotten_within_5_seconds),
    SCENE_TEST(what_was_never_written_needs_no_forgetting),
    SCENE_TEST(a_deletion_is_answered_when_it_is_forgotten),
    SCENE_TEST(the_time_of_the_answer_tells_nothing),
    SCENE_TEST(not_more_often_than_once_a_second),
    SCENE_TEST(a_session_that_ends_meanwhile_changes_nothing),
    SCENE_TEST(a_relay_that_stops_forgets_before_it_answers),
    SCENE_TEST(a_relay_that_stops_and_cannot_forget_is_busy),
    SCENE_TEST(what_expired_is_forgotten),
};

RUN_TESTS
