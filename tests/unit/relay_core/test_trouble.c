/* A relay that cannot write: docs/protocol.md section 3. */
#include "tests/unit/relay_core/scene.h"

static void trouble_has_a_name_and_a_beginning_and_ends(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    scene_pass(s, 6000);
    s->store.fail[JOB_COMMIT] = UINT32_MAX;
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
    struct relay_stats stats = scene_stats(s);
    assert_int_equal(stats.trouble, TROUBLE_IO);
    assert_in_range(stats.trouble_since_utc_s, s->now.utc_ms / 1000 - 1, s->now.utc_ms / 1000);
    assert_int_equal(stats.failed_jobs, 1);
    /* Nobody wants to write, but it tries. */
    uint64_t since = stats.trouble_since_utc_s;
    scene_pass(s, 60 * 1000);
    stats = scene_stats(s);
    assert_int_equal(stats.trouble, TROUBLE_IO);
    assert_int_equal(stats.trouble_since_utc_s, since);
    assert_in_range(stats.failed_jobs, 11, 13);
    s->store.fail[JOB_COMMIT] = 0;
    scene_pass(s, 5000);
    assert_int_equal(scene_stats(s).trouble, TROUBLE_NONE);
    uint32_t commits = s->store.jobs[JOB_COMMIT];
    scene_pass(s, 60 * 1000);
    assert_int_equal(s->store.jobs[JOB_COMMIT], commits);
    /* What it tried with goes with the hour. */
    scene_pass(s, HOUR_MS);
    struct store_job job = {.kind = JOB_COUNTS};
    s->engine->execute(s->engine, &job);
    assert_int_equal(job.u.counts.vouchers, 0);
}

static void reading_goes_on_and_nothing_is_ok_that_is_not_written(void **state)
{
    struct scene *s = *state;
    struct thing q, other;
    uint8_t sub[8], voucher[32];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    s->store.fail[JOB_COMMIT] = UINT32_MAX;
    s->store.fail[JOB_FORGET] = UINT32_MAX;
    s->store.fail[JOB_PURGE] = UINT32_MAX;
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    say_ack(s, &s->peers[1], sub, id); /* it cannot be deleted yet */
    give_voucher(s, VOUCHER_CONVERSATION, 2, voucher);
    thing_from(&other, 2);
    seq = say_create(s, &s->peers[0], &other, QUEUE_CONVERSATION, voucher);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
    hear_reply(&s->peers[0], say_delete(s, &s->peers[0], DELETE_OWN, q.own), STATUS_BUSY);
    seq = say_cancel(s, &s->peers[0], 1);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
    scene_pass(s, 3 * (uint64_t)HOUR_MS);
    assert_int_equal(scene_rows(s), 1);
    hear_nothing(&s->peers[1]);
    for (size_t kind = 0; kind < TEST_STORE_KINDS; kind++)
        s->store.fail[kind] = 0;
    scene_pass(s, 10 * 1000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).trouble, TROUBLE_NONE);
    hear_forgotten(s, &s->peers[0], say_delete(s, &s->peers[0], DELETE_OWN, q.own), STATUS_OK);
    hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(trouble_has_a_name_and_a_beginning_and_ends),
    SCENE_TEST(reading_goes_on_and_nothing_is_ok_that_is_not_written),
};

RUN_TESTS
