/* The hour that the relay goes by: docs/protocol.md section 4, docs/operate.md. */
#include "tests/unit/relay_core/scene.h"

#include "relay/core/hour.h"

enum { START = 500000 };

static struct now at(uint64_t hours_passed, int64_t clock_off)
{
    return (struct now){.mono_ms = 5000 + hours_passed * HOUR_MS,
                        .utc_ms = (uint64_t)((START + (int64_t)hours_passed + clock_off) * HOUR_MS) + 1000};
}

static uint32_t hour_at(struct hour *h, uint64_t hours_passed, int64_t clock_off)
{
    hour_advance(h, at(hours_passed, clock_off));
    return h->now - START;
}

static void it_goes_by_the_clock(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(h.now, START);
    assert_false(hour_advance(&h, at(0, 0)));
    assert_int_equal(hour_left(&h, at(0, 0)), HOUR_MS - 1000);
    assert_true(hour_advance(&h, at(1, 0)));
    assert_int_equal(hour_at(&h, 500, 0), 500);
    assert_int_equal(hour_at(&h, 500, 24), 524); /* set right */
    assert_false(h.doubted);
}

static void it_never_goes_back(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_at(&h, 10, 0), 10);
    assert_int_equal(hour_at(&h, 10, -8), 10);
    assert_int_equal(hour_at(&h, 17, -8), 10);
    assert_int_equal(hour_at(&h, 19, -8), 11);
    assert_false(h.doubted);
    /* A clock that is years behind does not stop it. */
    assert_int_equal(hour_at(&h, 20, -50000), 12);
    assert_true(h.doubted);
    assert_int_equal(hour_at(&h, 120, -50000), 112);
    assert_int_equal(hour_at(&h, 121, 0), 121);
    assert_false(h.doubted);
}

static void a_jump_ahead_is_believed_when_it_lasted_a_day(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_at(&h, 1, 8760), 1);
    assert_true(h.doubted);
    assert_int_equal(h.doubted_utc_s, (START + 1) * UINT64_C(3600) + 1);
    assert_int_equal(hour_at(&h, 24, 8760), 24);
    assert_int_equal(hour_at(&h, 25, 8760), 8785);
    assert_false(h.doubted);
}

/* Whoever lies to the relay's NTP client can take small steps, too. */
static void steps_of_one_day_count_together(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_at(&h, 1, 20), 21);
    assert_int_equal(hour_at(&h, 2, 40), 22);
    assert_true(h.doubted);
    assert_int_equal(hour_at(&h, 3, 60), 23);
    assert_int_equal(hour_at(&h, 4, 600), 24);
    /* The first step was not wrong: it goes on from there, and another day allows another one. */
    assert_int_equal(hour_at(&h, 5, 20), 25);
    assert_false(h.doubted);
    assert_int_equal(hour_at(&h, 30, 20), 50);
    assert_int_equal(hour_at(&h, 31, 40), 71);
    assert_false(h.doubted);
    assert_int_equal(hour_at(&h, 32, 60), 72);
    assert_true(h.doubted);
    /* Or it is the clock that is right. */
    assert_int_equal(hour_at(&h, 55, 60), 95);
    assert_int_equal(hour_at(&h, 56, 60), 116);
    assert_false(h.doubted);
}

static void a_jump_that_is_taken_back_did_nothing(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_at(&h, 1, 25), 1);
    assert_int_equal(hour_at(&h, 20, 8000), 20);
    assert_int_equal(hour_at(&h, 24, 0), 24);
    assert_false(h.doubted);
    /* Nor does one that comes and goes. */
    assert_int_equal(hour_at(&h, 25, 8000), 25);
    assert_int_equal(hour_at(&h, 48, -640), 48);
    assert_int_equal(hour_at(&h, 49, 8000), 49);
    assert_int_equal(hour_at(&h, 71, 8000), 71);
    assert_int_equal(hour_at(&h, 72, 8000), 8072);
}

/* Desks and cards would end, and nobody can bring them back. */
static void a_jump_of_more_than_a_year_is_never_believed(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_at(&h, 1, 640000), 1);
    assert_true(h.doubted);
    assert_int_equal(hour_at(&h, 1000, 640000), 1000);
    /* What can be believed counts its day from then on. */
    assert_int_equal(hour_at(&h, 1001, 100), 1001);
    assert_int_equal(hour_at(&h, 1023, 100), 1023);
    assert_int_equal(hour_at(&h, 1024, 100), 1124);
    /* Nor at a start, unless its hour is not known, as with --believe-clock. */
    hour_init(&h, at(0, 0), START - 366 * 24 - 1);
    assert_int_equal(hour_at(&h, 100, 0) + 366 * 24 + 1, 100);
    assert_true(h.doubted);
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(h.now, START);
}

static void a_clock_that_was_not_set_can_be_set(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, -START), 0);
    assert_int_equal(h.now, 0);
    hour_advance(&h, at(1, 0));
    assert_int_equal(h.now, 1);
    assert_int_equal(hour_at(&h, 25, 0), 25);
}

static void a_start_goes_on_from_what_was_known(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), START - 31 * 24);
    assert_int_equal(h.now, START);
    assert_false(h.doubted);
    hour_init(&h, at(0, 0), START + 20);
    assert_int_equal(h.now, START + 20);
    assert_false(h.doubted);
    assert_int_equal(hour_at(&h, 20, 0), 20);
    assert_int_equal(hour_at(&h, 21, 0), 21);
}

static void a_start_with_a_clock_that_cannot_be_goes_on_by_itself(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), START - 31 * 24 - 1);
    assert_int_equal(h.now, START - 31 * 24 - 1);
    assert_true(h.doubted);
    hour_advance(&h, at(23, 0));
    assert_int_equal(h.now, START - 31 * 24 - 1 + 23);
    assert_true(hour_left(&h, at(23, 0)) <= HOUR_MS);
    assert_int_equal(hour_at(&h, 24, 0), 24);
    assert_false(h.doubted);
    /* Behind: nothing is revived, and it does not stop. */
    hour_init(&h, at(0, 0), START + 50000);
    assert_int_equal(hour_at(&h, 0, 0), 50000);
    assert_int_equal(hour_at(&h, 100, 0), 50100);
    assert_true(h.doubted);
}

/* What is stored on the day of doubt must outlive the jump at its end. */
static void the_end_of_what_is_stored_counts_from_a_clock_that_may_be_right(void **state)
{
    struct hour h;
    (void)state;
    hour_init(&h, at(0, 0), 0);
    assert_int_equal(hour_of_storing(&h, at(0, 0)), START);
    assert_int_equal(hour_at(&h, 1, 8000), 1);
    assert_int_equal(hour_of_storing(&h, at(1, 8000)), START + 8001);
    assert_int_equal(hour_at(&h, 25, 8000), 8025);
    assert_int_equal(hour_of_storing(&h, at(25, 8000)), START + 8025);
    /* One that is behind, and one that is never believed, may not. */
    assert_int_equal(hour_at(&h, 26, 0), 8026);
    assert_int_equal(hour_of_storing(&h, at(26, 0)), START + 8026);
    assert_int_equal(hour_at(&h, 27, 640000), 8027);
    assert_true(h.doubted);
    assert_int_equal(hour_of_storing(&h, at(27, 640000)), START + 8027);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_goes_by_the_clock),
    cmocka_unit_test(it_never_goes_back),
    cmocka_unit_test(a_jump_ahead_is_believed_when_it_lasted_a_day),
    cmocka_unit_test(a_jump_that_is_taken_back_did_nothing),
    cmocka_unit_test(steps_of_one_day_count_together),
    cmocka_unit_test(a_jump_of_more_than_a_year_is_never_believed),
    cmocka_unit_test(a_clock_that_was_not_set_can_be_set),
    cmocka_unit_test(a_start_goes_on_from_what_was_known),
    cmocka_unit_test(a_start_with_a_clock_that_cannot_be_goes_on_by_itself),
    cmocka_unit_test(the_end_of_what_is_stored_counts_from_a_clock_that_may_be_right),
};

RUN_TESTS
