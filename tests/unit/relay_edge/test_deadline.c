#define _GNU_SOURCE
#include "relay/edge/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

enum { NS_IN_MS = 1000 * 1000, TIMES = 20 };

struct scene {
    uv_loop_t loop;
    struct deadline deadline;
    uint64_t passed_ns;
    int passed;
};

static void on_passed(void *ctx)
{
    struct scene *s = ctx;
    s->passed++;
    s->passed_ns = uv_hrtime();
}

static void begin(struct scene *s)
{
    s->passed = 0;
    assert_int_equal(uv_loop_init(&s->loop), 0);
    assert_true(deadline_open(&s->deadline, &s->loop, on_passed, s));
}

static void end(struct scene *s)
{
    deadline_close(&s->deadline);
    assert_int_equal(uv_run(&s->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&s->loop), 0);
}

/* Nor is the loop's clock, or the core would be asked in vain. */
static void it_passes_once_and_not_before_its_millisecond(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    for (uint64_t i = 0; i < TIMES; i++) {
        const uint64_t at = uv_hrtime() / NS_IN_MS + 2 + i % 3;
        deadline_set(&s.deadline, at);
        while (s.passed == (int)i)
            uv_run(&s.loop, UV_RUN_ONCE);
        assert_true(s.passed_ns >= at * NS_IN_MS);
        assert_true(uv_now(&s.loop) >= at);
        assert_int_equal(s.passed, i + 1);
    }
    uv_run(&s.loop, UV_RUN_NOWAIT);
    assert_int_equal(s.passed, TIMES);
    end(&s);
}

static void what_is_over_passes_at_once(void **state)
{
    struct scene s;
    (void)state;
    begin(&s);
    deadline_set(&s.deadline, 0);
    uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.passed, 1);
    end(&s);
}

static void on_later(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
}

static void it_can_be_moved_and_taken_back(void **state)
{
    struct scene s;
    uv_timer_t later;
    (void)state;
    begin(&s);
    deadline_set(&s.deadline, uv_hrtime() / NS_IN_MS + 1000000);
    deadline_set(&s.deadline, uv_hrtime() / NS_IN_MS + 1);
    uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.passed, 1);
    deadline_set(&s.deadline, uv_hrtime() / NS_IN_MS + 1);
    deadline_set(&s.deadline, UINT64_MAX);
    uv_timer_init(&s.loop, &later);
    uv_timer_start(&later, on_later, 20, 0); /* nothing else wakes the loop */
    uv_run(&s.loop, UV_RUN_ONCE);
    assert_int_equal(s.passed, 1);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_passes_once_and_not_before_its_millisecond),
        cmocka_unit_test(what_is_over_passes_at_once),
        cmocka_unit_test(it_can_be_moved_and_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
