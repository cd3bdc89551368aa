/* What time it is, when neither clock is to be believed alone; docs/protocol.md section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "client/core/timekeeper.h"

#define HOUR UINT64_C(3600000)
#define DAY (24 * HOUR)
#define T0 UINT64_C(1800000000000) /* on a minute */

static zg_now at(uint64_t mono_ms, uint64_t utc_ms)
{
    return (zg_now){mono_ms, utc_ms};
}

static uint32_t minute(uint64_t utc_ms)
{
    return (uint32_t)(utc_ms / 60000);
}

static void before_a_relay_the_own_clock_counts(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, 0, at(5, T0));
    assert_true(timekeeper_advance(&t, at(1005, T0 + 1000)) == T0 + 1000);
    assert_true(timekeeper_mark(&t) == 0);
    /* Also when it is set: what was off for a week must be able to expire. */
    assert_true(timekeeper_advance(&t, at(2005, T0 + 7 * DAY)) == T0 + 7 * DAY);
}

static void before_a_relay_nothing_goes_back_behind_the_mark(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(5, T0 - DAY));
    assert_true(timekeeper_advance(&t, at(1005, T0 - DAY)) == T0 + 1000);
}

static void while_they_agree_it_is_the_smaller(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, 0, at(0, T0 + 10 * HOUR));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_ms(&t) >= T0 && timekeeper_ms(&t) < T0 + 60000);
    timekeeper_init(&t, 0, at(0, T0 - 10 * HOUR));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_ms(&t) == T0 - 10 * HOUR);
    /* A clock that is right within the minute is taken as it is. */
    timekeeper_init(&t, 0, at(0, T0 + 30000));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_ms(&t) == T0 + 30000);
}

static void a_day_apart_is_still_believed_and_more_is_not(void **state)
{
    (void)state;
    struct timekeeper t;
    uint64_t relay = T0 + 59999;
    timekeeper_init(&t, 0, at(0, relay + DAY));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_ms(&t) == relay);
    timekeeper_init(&t, 0, at(0, relay + DAY + 1));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_mark(&t) == 0);
    assert_true(timekeeper_ms(&t) == relay + DAY + 1);
}

static void a_relay_from_2099_moves_nothing(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(0, T0));
    (void)timekeeper_relay(&t, minute(T0 + 70 * 365 * DAY));
    assert_true(timekeeper_advance(&t, at(HOUR, T0 + HOUR)) == T0 + HOUR);
    assert_true(timekeeper_mark(&t) == T0 + HOUR);
}

static void when_they_disagree_time_goes_by_monotonically(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(0, T0 + 30 * DAY));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_advance(&t, at(5 * HOUR, T0 + 60 * DAY)) == T0 + 5 * HOUR);
    /* A client that never saw them agree counts from its start. */
    timekeeper_init(&t, 0, at(0, T0 + 30 * DAY));
    (void)timekeeper_relay(&t, minute(T0));
    assert_true(timekeeper_advance(&t, at(HOUR, T0 - 60 * DAY)) == T0 + 30 * DAY + HOUR);
}

/* A device was off for a week; whichever clock is wrong, the week is over. */
static void days_off_count_also_when_they_disagree(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(0, T0 + 7 * DAY));
    (void)timekeeper_relay(&t, minute(T0 + 5 * DAY));
    assert_true(timekeeper_ms(&t) == T0 + 5 * DAY);
    timekeeper_init(&t, T0, at(0, T0 + 7 * DAY));
    (void)timekeeper_relay(&t, minute(T0 + 70 * 365 * DAY));
    assert_true(timekeeper_ms(&t) == T0 + 7 * DAY);
    timekeeper_init(&t, T0, at(0, T0 + 70 * 365 * DAY));
    (void)timekeeper_relay(&t, minute(T0 + 7 * DAY));
    assert_true(timekeeper_ms(&t) == T0 + 7 * DAY);
}

static void a_clock_that_is_set_back_neither_revives_nor_stops(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, 0, at(0, T0));
    (void)timekeeper_relay(&t, minute(T0));
    timekeeper_advance(&t, at(HOUR, T0 + HOUR));
    assert_true(timekeeper_advance(&t, at(2 * HOUR, T0 - 3 * HOUR)) == T0 + 2 * HOUR);
    assert_true(timekeeper_advance(&t, at(3 * HOUR, T0 - 2 * HOUR)) == T0 + 3 * HOUR);
}

static void a_monotonic_clock_that_goes_back_is_taken_as_standing_still(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(HOUR, T0));
    assert_true(timekeeper_advance(&t, at(0, T0)) == T0);
    assert_true(timekeeper_advance(&t, at(HOUR + 1, T0)) == T0 + 1);
}

/* A relay's clock that was behind is put right while the device runs: no time went by that was not counted.
 */
static void a_relay_that_was_put_right_is_no_sleep(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, T0, at(0, T0 + 7 * DAY));
    assert_false(timekeeper_relay(&t, minute(T0 - 2 * DAY)));
    timekeeper_advance(&t, at(HOUR, T0 + 7 * DAY + HOUR));
    assert_false(timekeeper_relay(&t, minute(T0 + 7 * DAY + HOUR)));
    /* It slept if both clocks say so. */
    timekeeper_advance(&t, at(2 * HOUR, T0 + 10 * DAY));
    assert_true(timekeeper_relay(&t, minute(T0 + 10 * DAY)));
    timekeeper_advance(&t, at(3 * HOUR, T0 + 10 * DAY + HOUR));
    assert_false(timekeeper_relay(&t, minute(T0 + 10 * DAY + HOUR)));
}

/* Days that a device slept count also while one of the two clocks is wrong, and once. */
static void a_sleep_counts_also_when_they_disagree(void **state)
{
    (void)state;
    struct timekeeper t;
    /* They never agreed: the own clock is a month ahead. */
    timekeeper_init(&t, 0, at(0, T0 + 30 * DAY));
    (void)timekeeper_relay(&t, minute(T0));
    timekeeper_advance(&t, at(HOUR, T0 + 33 * DAY));
    assert_true(timekeeper_ms(&t) == T0 + 30 * DAY + HOUR);
    assert_true(timekeeper_relay(&t, minute(T0 + 3 * DAY)));
    assert_in_range(timekeeper_ms(&t), T0 + 33 * DAY - 60000, T0 + 33 * DAY);
    /* They did, before the relay fell behind. */
    timekeeper_init(&t, T0, at(0, T0));
    (void)timekeeper_relay(&t, minute(T0 - 2 * DAY));
    timekeeper_advance(&t, at(HOUR, T0 + 3 * DAY));
    assert_true(timekeeper_relay(&t, minute(T0 + DAY)));
    assert_in_range(timekeeper_ms(&t), T0 + 3 * DAY - 60000, T0 + 3 * DAY);
    /* They do, and the own clock is hours behind: a part of the sleep was seen before the relay was asked. */
    timekeeper_init(&t, 0, at(0, T0 - 5 * HOUR));
    (void)timekeeper_relay(&t, minute(T0));
    timekeeper_advance(&t, at(1000, T0 + 5 * HOUR));
    assert_true(timekeeper_relay(&t, minute(T0 + 10 * HOUR)));
    assert_true(timekeeper_ms(&t) == T0 + 5 * HOUR);
}

/* Only one of them went further than it should: nothing went by. */
static void one_clock_alone_shows_no_sleep(void **state)
{
    (void)state;
    struct timekeeper t;
    timekeeper_init(&t, 0, at(0, T0 + 30 * DAY));
    (void)timekeeper_relay(&t, minute(T0));
    timekeeper_advance(&t, at(HOUR, T0 + 90 * DAY));
    assert_false(timekeeper_relay(&t, minute(T0 + HOUR)));
    assert_true(timekeeper_ms(&t) == T0 + 30 * DAY + HOUR);
    timekeeper_init(&t, 0, at(0, T0 + 30 * DAY));
    (void)timekeeper_relay(&t, minute(T0));
    timekeeper_advance(&t, at(HOUR, T0 + 30 * DAY + HOUR));
    assert_false(timekeeper_relay(&t, minute(T0 + 9 * DAY)));
    assert_true(timekeeper_ms(&t) == T0 + 30 * DAY + HOUR);
}

static void messages_are_never_stamped_too_early(void **state)
{
    (void)state;
    struct timekeeper t;
    /* The own clock is hours behind; the relay's minute counts. */
    timekeeper_init(&t, 0, at(0, T0 - 5 * HOUR));
    (void)timekeeper_relay(&t, minute(T0));
    for (uint64_t ms = 0; ms < 10 * 60000; ms += 7777) {
        timekeeper_advance(&t, at(ms, T0 - 5 * HOUR + ms));
        assert_true(timekeeper_sent_minute(&t) >= minute(T0 + ms));
        assert_true(timekeeper_sent_minute(&t) <= minute(T0 + ms) + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_a_relay_the_own_clock_counts),
        cmocka_unit_test(before_a_relay_nothing_goes_back_behind_the_mark),
        cmocka_unit_test(while_they_agree_it_is_the_smaller),
        cmocka_unit_test(a_day_apart_is_still_believed_and_more_is_not),
        cmocka_unit_test(a_relay_from_2099_moves_nothing),
        cmocka_unit_test(when_they_disagree_time_goes_by_monotonically),
        cmocka_unit_test(days_off_count_also_when_they_disagree),
        cmocka_unit_test(a_clock_that_is_set_back_neither_revives_nor_stops),
        cmocka_unit_test(a_monotonic_clock_that_goes_back_is_taken_as_standing_still),
        cmocka_unit_test(a_relay_that_was_put_right_is_no_sleep),
        cmocka_unit_test(a_sleep_counts_also_when_they_disagree),
        cmocka_unit_test(one_clock_alone_shows_no_sleep),
        cmocka_unit_test(messages_are_never_stamped_too_early),
    };
    return cmocka_run_group_tests_name("timekeeper", tests, NULL, NULL);
}
