#define _GNU_SOURCE
#include "relay/edge/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { NS_IN_MS = 1000 * 1000, TIMES = 20 };

/* Linked with --wrap: on some virtual machines no timer goes off sooner than in a tenth of a millisecond. */
static long shortest_ns;
static unsigned sets;

int __real_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before);
int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before);

int __wrap_timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *before)
{
    struct itimerspec w = *when;
    sets++;
    if (w.it_value.tv_sec == 0 && w.it_value.tv_nsec != 0 && w.it_value.tv_nsec < shortest_ns)
        w.it_value.tv_nsec = shortest_ns;
    return __real_timerfd_settime(fd, flags, &w, before);
}

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

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)poll;
    (void)status;
    (void)events;
}

/* It is set in each turn; with connections that always have something to read, a turn is short. */
static void a_loop_that_never_waits_does_not_put_it_off(void **state)
{
    struct scene s;
    uv_poll_t ready;
    int ends[2];
    (void)state;
    begin(&s);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    uv_poll_init(&s.loop, &ready, ends[0]);
    uv_poll_start(&ready, UV_READABLE, on_ready);
    shortest_ns = 20 * NS_IN_MS;
    sets = 0;
    const uint64_t began = uv_hrtime(), at = began / NS_IN_MS;
    for (uint64_t turn = 0; s.passed == 0 && uv_hrtime() - began < 2000 * (uint64_t)NS_IN_MS; turn++) {
        deadline_set(&s.deadline, turn % 2 == 0 ? 0 : at);
        uv_run(&s.loop, UV_RUN_NOWAIT);
    }
    shortest_ns = 0;
    assert_int_equal(s.passed, 1);
    assert_int_equal(sets, 1);
    /* And again. */
    deadline_set(&s.deadline, 0);
    while (s.passed == 1)
        uv_run(&s.loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&ready, NULL);
    end(&s);
    close(ends[0]);
    close(ends[1]);
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
        cmocka_unit_test(a_loop_that_never_waits_does_not_put_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
