/* The purge finds messages whose hour is over by epochs and regions of queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "tests/unit/relay_store/harness.h"

/* Queues of one region, of the next one, and of the last. */
enum { QUEUE = 5, NEIGHBOUR = 6 };
#define ELSEWHERE (UINT64_C(1) << 22)
#define LAST ((UINT64_C(1) << STORE_ID_BITS) - 1)

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    place_make(p);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static int64_t number_of(const struct place *p, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(p->db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    int64_t v = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_finalize(s);
    sqlite3_close(db);
    return v;
}

/* One slice; how many messages. */
static uint32_t purge(struct engine *e, uint32_t hour, uint32_t limit, bool *more)
{
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = hour, .limit = limit}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    *more = job.u.purge.more;
    return job.u.purge.messages;
}

static void what_is_over_is_found_wherever_it_lies(void **state)
{
    static const uint64_t queues[] = {QUEUE, NEIGHBOUR, ELSEWHERE - 1, ELSEWHERE, LAST};
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    bool more = true;
    uint32_t handle = 0, found = 0;
    for (uint32_t i = 0; i < 5; i++) {
        make_queue(e, QUEUE_CONVERSATION, queues[i], 1 + 10 * i);
        for (uint32_t seq = 0; seq < 9; seq++)
            assert_int_equal(put_message(e, queues[i], seq, handle++, seq % 3 == 1 ? 100 : 200, 1),
                             OUTCOME_OK);
    }
    for (int slices = 0; more; slices++) {
        assert_true(slices <= 8);
        found += purge(e, 100, 2, &more);
    }
    assert_int_equal(found, 15);
    assert_int_equal(count_all(e).messages, 30);
    assert_int_equal(purge(e, 200, 100, &more), 30);
    assert_false(more);
    e->close(e);
    assert_int_equal(number_of(p, "SELECT count(*) FROM due"), 0);
}

/* However many others lie before it: a slice passes over a few of them, and the next one goes on from there.
 */
static void a_slice_looks_at_a_few_rows_only(void **state)
{
    enum { OTHERS = 1000 };
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    bool more = true;
    uint32_t slices = 0;
    make_queue(e, QUEUE_CONVERSATION, QUEUE, 1);
    for (uint32_t seq = 0; seq < OTHERS; seq++)
        assert_int_equal(put_message(e, QUEUE, seq, seq, 900, 1), OUTCOME_OK);
    assert_int_equal(put_message(e, QUEUE, OTHERS, OTHERS, 100, 1), OUTCOME_OK);
    while (purge(e, 100, 6, &more) == 0) {
        assert_true(more);
        slices++;
    }
    assert_false(more);
    assert_true(slices >= 5 && slices <= 20);
    assert_int_equal(count_all(e).messages, OTHERS);
    e->close(e);
}

/* The file does not tell that they were there, not even when they would have expired. */
static void what_goes_before_its_hour_leaves_no_number(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    struct store_write drops[] = {{.kind = WRITE_DROP_MESSAGE, .u.message = {.queue = QUEUE, .seq = 0}},
                                  {.kind = WRITE_DROP_HANDLE, .u.message = {.handle = handle_number(1)}},
                                  {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = NEIGHBOUR}}};
    make_queue(e, QUEUE_CONVERSATION, QUEUE, 1);
    make_queue(e, QUEUE_CONVERSATION, NEIGHBOUR, 11);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(put_message(e, i < 2 ? QUEUE : NEIGHBOUR, i, i, 100 + i, 1), OUTCOME_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(write_one(e, &drops[i], 0), ZG_OK);
        assert_int_equal(drops[i].outcome, OUTCOME_OK);
    }
    assert_int_equal(count_all(e).messages, 0);
    e->close(e);
    assert_int_equal(number_of(p, "SELECT count(*) FROM due"), 0);
}

static void a_number_that_is_too_large_does_not_keep_the_purge(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    bool more;
    make_queue(e, QUEUE_CONVERSATION, QUEUE, 1);
    put_message(e, QUEUE, 0, 0, 100, 1);
    put_message(e, QUEUE, 1, 1, 900, 1);
    e->close(e);
    assert_int_equal(number_of(p, "UPDATE due SET messages = 7 RETURNING messages"), 7);
    e = place_open(p, NULL);
    assert_int_equal(purge(e, 100, 10, &more), 1);
    assert_false(more);
    e->close(e);
}

/* What a job counted goes with it. */
static void a_job_that_fails_halfway_changes_no_number(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, QUEUE, 1);
    make_queue(e, QUEUE_CONVERSATION, NEIGHBOUR, 11);
    make_queue(e, QUEUE_CONVERSATION, ELSEWHERE, 21);
    put_message(e, QUEUE, 0, 0, 100, 1);
    e->close(e);
    assert_int_equal(number_of(p, "UPDATE queue SET names = x'00' WHERE id = 6 RETURNING id"), NEIGHBOUR);
    e = place_open(p, NULL);
    struct store_write w[] = {{.kind = WRITE_DROP_MESSAGE, .u.message = {.queue = QUEUE, .seq = 0}},
                              {.kind = WRITE_DROP_QUEUE, .u.queue = {.id = NEIGHBOUR}}};
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, 2, 0}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_ERR_STORAGE);
    put_message(e, ELSEWHERE, 0, 1, 100, 1);
    assert_int_equal(count_all(e).messages, 2);
    e->close(e);
    assert_int_equal(number_of(p, "SELECT sum(messages) FROM due"), 2);
}

/* A relay that was off for so long tells nothing of it any more. */
static void what_is_over_for_a_week_leaves_no_mark(void **state)
{
    enum { END = 24 * 100 };
    static const uint8_t bytes[WIRE_ENVELOPE_BYTES];
    struct place *p = *state;
    struct envelope *envelope = envelope_new(bytes);
    assert_non_null(envelope);
    for (uint32_t days = STORE_MARK_DAYS - 1; days <= STORE_MARK_DAYS; days++) {
        struct engine *e = place_open(p, NULL);
        struct store_write w = {.kind = WRITE_MESSAGE,
                                .u.message = {QUEUE, 0, END, true, handle_number(1), envelope}};
        bool more;
        make_queue(e, QUEUE_CONVERSATION, QUEUE, 1);
        assert_int_equal(write_one(e, &w, 0), ZG_OK);
        assert_int_equal(purge(e, END + 24 * (days + 1), 1, &more), 1);
        assert_int_equal(count_all(e).marks, days < STORE_MARK_DAYS ? 1 : 0);
        e->close(e);
        place_remove(p);
        place_make(p);
    }
    envelope_unref(envelope);
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACE_TEST(what_is_over_is_found_wherever_it_lies),
        PLACE_TEST(a_slice_looks_at_a_few_rows_only),
        PLACE_TEST(what_goes_before_its_hour_leaves_no_number),
        PLACE_TEST(a_number_that_is_too_large_does_not_keep_the_purge),
        PLACE_TEST(a_job_that_fails_halfway_changes_no_number),
        PLACE_TEST(what_is_over_for_a_week_leaves_no_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
