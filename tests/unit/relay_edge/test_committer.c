/* The committer under random load, with an engine that is slow now and then. Meant for the thread sanitizer.
 */
#define _GNU_SOURCE
#include "relay/edge/committer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "relay/store/memory.h"
#include "tests/support/support.h"

/* Counts without a lock: the sanitizer notices if two threads were ever in it at once. */
struct slow_engine {
    struct engine engine;
    uint64_t executed;
    uint64_t sleeps;
    uint64_t *closed_after; /* jobs executed when it was closed */
};

static void nap(uint32_t microseconds)
{
    const struct timespec t = {0, (long)microseconds * 1000};
    nanosleep(&t, NULL);
}

static void execute(struct engine *engine, struct store_job *job)
{
    struct slow_engine *e = (struct slow_engine *)engine;
    e->executed++;
    if (e->executed % 37 == 0) {
        e->sleeps++;
        nap(700);
    }
    job->u.find.found.id = e->executed;
    job->result = e->executed % 5 == 0 ? ZG_ERR_STORAGE : ZG_OK;
}

static void close_engine(struct engine *engine)
{
    struct slow_engine *e = (struct slow_engine *)engine;
    *e->closed_after = e->executed;
    free(e);
}

struct load {
    uv_loop_t loop;
    uv_timer_t timer;
    struct committer *committer;
    struct rng_seed seed;
    struct rng rng;
    uint64_t submitted, done, errors, chained;
    uint64_t target;
    uint64_t closed_after;
    bool inside_submit, closed;
};

struct test_job {
    struct store_job job;
    struct load *load;
    uint64_t number;
};

static void submit_one(struct load *l);

static void on_done(struct store_job *job)
{
    struct test_job *t = (struct test_job *)job;
    struct load *l = t->load;

    assert_false(l->inside_submit);
    l->done++;
    /* in order, each once: the engine saw them in the order in which they were submitted */
    assert_int_equal(t->number, l->done);
    assert_int_equal(t->job.u.find.found.id, l->done);
    l->errors += t->job.result != ZG_OK;
    if (rng_below(&l->rng, 20) == 0 && l->chained < 2000) {
        l->chained++;
        submit_one(l);
    }
    free(t);
}

static void submit_one(struct load *l)
{
    struct test_job *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->load = l;
    t->number = ++l->submitted;
    t->job.kind = JOB_FIND;
    t->job.done = on_done;
    struct store *s = committer_store(l->committer);
    l->inside_submit = true;
    s->submit(s, &t->job);
    l->inside_submit = false;
}

static void on_closed(void *ctx)
{
    struct load *l = ctx;
    l->closed = true;
}

static void on_timer(uv_timer_t *timer)
{
    struct load *l = timer->data;
    uint32_t burst = rng_below(&l->rng, 60);
    for (uint32_t i = 0; i < burst; i++)
        submit_one(l);
    if (l->submitted < l->target)
        return;
    uv_close((uv_handle_t *)timer, NULL);
    /* with jobs on the way, which must all be done first */
    for (uint32_t i = 0; i < 200; i++)
        submit_one(l);
    committer_close(l->committer, on_closed, l);
    assert_int_equal(l->done, l->submitted);
    assert_false(l->closed);
}

static void everything_submitted_is_done_once_and_in_order(void **state)
{
    (void)state;
    struct load l = {.target = 5000};
    struct slow_engine *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    e->engine = (struct engine){execute, NULL, close_engine};
    e->closed_after = &l.closed_after;
    l.rng = rng_seeded(&l.seed, 11);

    assert_int_equal(uv_loop_init(&l.loop), 0);
    assert_int_equal(committer_open(&l.committer, &l.loop, &e->engine), ZG_OK);
    assert_int_equal(uv_timer_init(&l.loop, &l.timer), 0);
    l.timer.data = &l;
    assert_int_equal(uv_timer_start(&l.timer, on_timer, 0, 1), 0);
    uv_run(&l.loop, UV_RUN_DEFAULT);

    assert_true(l.closed);
    assert_true(l.submitted >= l.target + 200);
    assert_true(l.chained > 100);
    assert_int_equal(l.done, l.submitted);
    assert_int_equal(l.errors, l.done / 5);
    assert_int_equal(l.closed_after, l.done);
    assert_int_equal(uv_loop_close(&l.loop), 0);
}

static void closing_at_once_leaves_nothing(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct committer *c;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(committer_open(&c, &loop, memory_engine_new()), ZG_OK);
    committer_close(c, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

struct calm_engine {
    struct engine engine;
    atomic_uint rests;
};

static void do_nothing(struct engine *engine, struct store_job *job)
{
    (void)engine;
    job->result = ZG_OK;
}

static void count_rest(struct engine *engine)
{
    ((struct calm_engine *)engine)->rests++;
}

static void leave_it(struct engine *engine)
{
    (void)engine;
}

static void on_counted(struct store_job *job)
{
    ++*(unsigned *)job->ctx;
}

static void carry_out_one(uv_loop_t *loop, struct committer *c)
{
    unsigned done = 0;
    struct store_job job = {.kind = JOB_FIND, .done = on_counted, .ctx = &done};
    struct store *s = committer_store(c);
    s->submit(s, &job);
    while (done == 0)
        uv_run(loop, UV_RUN_ONCE);
}

static void wait_for_rests(const struct calm_engine *e, unsigned count)
{
    while (e->rests < count)
        nap(10000);
}

static void an_engine_rests_once_in_each_calm(void **state)
{
    (void)state;
    struct calm_engine e = {.engine = {do_nothing, count_rest, leave_it}};
    uv_loop_t loop;
    struct committer *c;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(committer_open(&c, &loop, &e.engine), ZG_OK);

    wait_for_rests(&e, 1);
    carry_out_one(&loop, c);
    wait_for_rests(&e, 2);
    for (int i = 0; i < 250; i++)
        nap(10000);
    assert_int_equal(e.rests, 2);

    carry_out_one(&loop, c);
    committer_close(c, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_submitted_is_done_once_and_in_order),
        cmocka_unit_test(closing_at_once_leaves_nothing),
        cmocka_unit_test(an_engine_rests_once_in_each_calm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
