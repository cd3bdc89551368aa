/* Queues that nobody uses end by themselves: docs/protocol.md section 4. */
#include "tests/unit/relay_core/scene.h"

#define WEEK_MS (UINT64_C(7) * 24 * HOUR_MS)

static uint32_t touches(const struct scene *s)
{
    return s->store.writes[WRITE_TOUCH];
}

static uint64_t queues(struct scene *s)
{
    struct store_job job = {.kind = JOB_COUNTS};
    s->engine->execute(s->engine, &job);
    return job.u.counts.queues;
}

static uint32_t ends_of(struct scene *s, const struct thing *q, bool *unanswered)
{
    struct store_job job = {.kind = JOB_FIND, .u.find = {.name = q->put_name, .hour = 0}};
    s->engine->execute(s->engine, &job);
    assert_true(job.u.find.found.found);
    *unanswered = job.u.find.found.unanswered;
    return job.u.find.found.ends;
}

/* As a knock leaves it. */
static void make_unanswered(struct scene *s, const struct thing *q)
{
    struct store_job job = {.kind = JOB_FIND, .u.find = {.name = q->put_name, .hour = 0}};
    s->engine->execute(s->engine, &job);
    struct store_write w = {.kind = WRITE_TOUCH};
    w.u.queue.id = job.u.find.found.id;
    w.u.queue.ends = (uint32_t)(s->now.utc_ms / WEEK_MS) + 3;
    w.u.queue.unanswered = true;
    job = (struct store_job){.kind = JOB_COMMIT, .u.commit = {&w, 1, 0}};
    s->engine->execute(s->engine, &job);
    assert_int_equal(w.outcome, OUTCOME_OK);
}

/* Past the beginning of a week, and of what is done then. */
static void to_week(struct scene *s, uint64_t weeks)
{
    scene_pass(s, weeks * WEEK_MS - s->now.utc_ms % WEEK_MS);
    scene_pass(s, 5000);
}

static void queues_that_nobody_uses_end(void **state)
{
    struct scene *s = *state;
    struct thing conversation, desk, unanswered;
    make_queue(s, &conversation, 1, QUEUE_CONVERSATION);
    make_queue(s, &desk, 2, QUEUE_DESK);
    make_queue(s, &unanswered, 3, QUEUE_CONVERSATION);
    make_unanswered(s, &unanswered);
    to_week(s, 2);
    assert_int_equal(queues(s), 3);
    to_week(s, 1);
    assert_int_equal(queues(s), 2);
    to_week(s, 6);
    assert_int_equal(queues(s), 2);
    to_week(s, 1);
    assert_int_equal(queues(s), 1);
    to_week(s, 95);
    assert_int_equal(queues(s), 1);
    to_week(s, 1);
    assert_int_equal(queues(s), 0);
}

static void an_ended_queue_in_memory_is_an_unknown_name(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    uint32_t seq = say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_stats(s).queues_loaded, 1);
    scene_pass(s, 9 * WEEK_MS);
    s->store.fail[JOB_PURGE] = UINT32_MAX; /* whether it is purged or not */
    to_week(s, 1);
    assert_int_equal(scene_stats(s).queues_loaded, 0);
    seq = say_send(s, &s->peers[0], q.put, 2, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_REFUSED);
}

static void sending_touches_once_a_week(void **state)
{
    struct scene *s = *state;
    struct thing q;
    bool unanswered;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    uint32_t first = ends_of(s, &q, &unanswered);
    for (uint32_t week = 1; week <= 12; week++) {
        to_week(s, 1);
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t seq = say_send(s, &s->peers[0], q.put, 10 * week + i, 'a');
            scene_settle(s);
            hear_reply(&s->peers[0], seq, STATUS_OK);
        }
        assert_int_equal(touches(s), week);
        assert_int_equal(ends_of(s, &q, &unanswered), first + week);
        assert_false(unanswered);
    }
}

/* Hers, who knocked and listens. Returns when it will end once it is answered. */
static uint32_t make_waiting(struct scene *s, struct thing *q)
{
    bool unanswered;
    uint8_t sub[8];
    make_queue(s, q, 1, QUEUE_CONVERSATION);
    uint32_t answered = ends_of(s, q, &unanswered);
    make_unanswered(s, q);
    subscribe(s, &s->peers[1], q->take, 16, sub);
    return answered;
}

static void the_first_message_to_it_answers_a_queue(void **state)
{
    struct scene *s = *state;
    struct thing q;
    bool unanswered;
    uint32_t answered = make_waiting(s, &q);
    /* Waiting for an answer is no answer. */
    assert_int_equal(ends_of(s, &q, &unanswered), answered - 7);
    assert_true(unanswered);
    /* A failure is made good. */
    s->store.fail[JOB_COMMIT] = 1;
    say_send(s, &s->peers[0], q.put, 1, 'a');
    ends_of(s, &q, &unanswered);
    assert_true(unanswered);
    scene_pass(s, 60 * 1000);
    say_send(s, &s->peers[0], q.put, 2, 'a');
    scene_turn(s);
    assert_int_equal(ends_of(s, &q, &unanswered), answered);
    assert_false(unanswered);
}

/* The accept was delivered at once, and that somebody sent was not written before the relay ended. */
static void who_changes_her_queue_was_answered(void **state)
{
    struct scene *s = *state;
    struct thing q, changed;
    bool unanswered;
    uint32_t answered = make_waiting(s, &q);
    thing_from(&changed, 2);
    changed.names.take[0] = q.take_name.b;
    hear_reply(&s->peers[0], say_update(s, &s->peers[0], q.own, &changed.names), STATUS_OK);
    assert_int_equal(ends_of(s, &changed, &unanswered), answered);
    assert_false(unanswered);
    /* What is in memory does not take it back. */
    to_week(s, 2);
    assert_true(touches(s) > 0);
    assert_true(ends_of(s, &changed, &unanswered) > answered);
    assert_false(unanswered);
}

static void a_queue_with_a_reader_does_not_end(void **state)
{
    struct scene *s = *state;
    struct thing q[8];
    uint8_t sub[8];
    for (uint32_t i = 0; i < 8; i++) {
        make_queue(s, &q[i], i, QUEUE_CONVERSATION);
        subscribe(s, &s->peers[1], q[i].take, 16, sub);
    }
    make_unanswered(s, &q[0]);
    /* Spread over the week. */
    to_week(s, 1);
    assert_in_range(touches(s), 0, 3);
    scene_pass(s, WEEK_MS / 2);
    assert_in_range(touches(s), 1, 7);
    to_week(s, 1);
    assert_in_range(touches(s), 8, 10); /* some are the first in the next week */
    to_week(s, 18);
    assert_in_range(touches(s), 8 * 19, 8 * 19 + 2);
    assert_int_equal(queues(s), 8);
    hear_nothing(&s->peers[1]);
}

/* The disk failed for weeks, and the first thing that works is the end of the queue. */
static void a_reader_whose_queue_ended_is_told(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    s->store.fail[JOB_COMMIT] = UINT32_MAX;
    to_week(s, 9);
    hear_nothing(&s->peers[1]);
    to_week(s, 1);
    hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
    assert_int_equal(queues(s), 0);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(queues_that_nobody_uses_end),        SCENE_TEST(an_ended_queue_in_memory_is_an_unknown_name),
    SCENE_TEST(sending_touches_once_a_week),        SCENE_TEST(the_first_message_to_it_answers_a_queue),
    SCENE_TEST(who_changes_her_queue_was_answered), SCENE_TEST(a_queue_with_a_reader_does_not_end),
    SCENE_TEST(a_reader_whose_queue_ended_is_told),
};

RUN_TESTS
