#define _GNU_SOURCE
#include "relay/edge/committer.h"

#include <assert.h>
#include <malloc.h>
#include <sodium.h>
#include <stdlib.h>

enum {
    STACK_USED = 32 * 1024,       /* by a job */
    CALM_NS = 1000 * 1000 * 1000, /* without a job; then the engine rests */
};

/* Jobs in the order in which they came. */
struct fifo {
    struct store_job *first;
    struct store_job **end;
};

struct committer {
    struct store store; /* first: the core's pointer is ours */
    uv_async_t wake;    /* the loop: something is done */
    uv_thread_t thread;
    struct engine *engine; /* the thread's */
    size_t outstanding;    /* the loop's: submitted, done not yet called */

    uv_mutex_t mutex; /* guards the rest */
    uv_cond_t work;   /* the thread waits for jobs */
    uv_cond_t result; /* committer_close waits for completions */
    struct fifo waiting, finished;
    bool stopping;

    void (*closed)(void *ctx);
    void *closed_ctx;
};

static void fifo_init(struct fifo *f)
{
    f->first = NULL;
    f->end = &f->first;
}

static void fifo_push(struct fifo *f, struct store_job *job)
{
    job->next = NULL;
    *f->end = job;
    f->end = &job->next;
}

/* Everything that is in it, linked. */
static struct store_job *fifo_take(struct fifo *f)
{
    struct store_job *all = f->first;
    fifo_init(f);
    return all;
}

/* --- the thread --- */

/* What is free goes back to the system, also between blocks that are in use. */
static void let_go(struct engine *engine)
{
    if (engine->rest != NULL)
        engine->rest(engine);
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}

/* The mutex is held, but not while memory is let go of. */
static void wait_for_work(struct committer *c)
{
    if (uv_cond_timedwait(&c->work, &c->mutex, CALM_NS) != UV_ETIMEDOUT)
        return;
    uv_mutex_unlock(&c->mutex);
    let_go(c->engine);
    uv_mutex_lock(&c->mutex);
    while (c->waiting.first == NULL && !c->stopping)
        uv_cond_wait(&c->work, &c->mutex);
}

/* The next jobs; NULL when the committer stops and nothing is left. */
static struct store_job *next_work(struct committer *c)
{
    uv_mutex_lock(&c->mutex);
    while (c->waiting.first == NULL && !c->stopping)
        wait_for_work(c);
    struct store_job *all = fifo_take(&c->waiting);
    uv_mutex_unlock(&c->mutex);
    return all;
}

static void finish(struct committer *c, struct store_job *job)
{
    uv_mutex_lock(&c->mutex);
    fifo_push(&c->finished, job);
    uv_cond_signal(&c->result);
    uv_mutex_unlock(&c->mutex);
    uv_async_send(&c->wake);
}

static void run(void *arg)
{
    struct committer *c = arg;
    struct store_job *job;
    while ((job = next_work(c)) != NULL) {
        while (job != NULL) {
            struct store_job *next = job->next;
            c->engine->execute(c->engine, job);
            finish(c, job); /* the loop's from here on */
            job = next;
        }
        sodium_stackzero(STACK_USED); /* what was copied from a row does not stay */
    }
}

/* --- the loop --- */

static void submit(struct store *s, struct store_job *job)
{
    struct committer *c = (struct committer *)s;
    c->outstanding++;
    uv_mutex_lock(&c->mutex);
    assert(!c->stopping);
    fifo_push(&c->waiting, job);
    uv_cond_signal(&c->work);
    uv_mutex_unlock(&c->mutex);
}

static void deliver(struct committer *c, struct store_job *job)
{
    while (job != NULL) {
        struct store_job *next = job->next; /* done may free the job */
        c->outstanding--;
        job->done(job);
        job = next;
    }
}

static void on_wake(uv_async_t *handle)
{
    struct committer *c = handle->data;
    uv_mutex_lock(&c->mutex);
    struct store_job *all = fifo_take(&c->finished);
    uv_mutex_unlock(&c->mutex);
    deliver(c, all);
}

zg_err committer_open(struct committer **out, uv_loop_t *loop, struct engine *engine)
{
    struct committer *c = calloc(1, sizeof(*c));
    if (c == NULL)
        goto err0;
    c->store.submit = submit;
    c->engine = engine;
    fifo_init(&c->waiting);
    fifo_init(&c->finished);
    if (uv_mutex_init(&c->mutex) != 0)
        goto err1;
    if (uv_cond_init(&c->work) != 0)
        goto err2;
    if (uv_cond_init(&c->result) != 0)
        goto err3;
    /* The thread before the handle: a handle can only be closed through the loop. It touches the handle after
     * a submit only. */
    if (uv_thread_create(&c->thread, run, c) != 0)
        goto err4;
    if (uv_async_init(loop, &c->wake, on_wake) != 0)
        goto err5;
    c->wake.data = c;
    *out = c;
    return ZG_OK;

err5:
    uv_mutex_lock(&c->mutex);
    c->stopping = true;
    uv_cond_signal(&c->work);
    uv_mutex_unlock(&c->mutex);
    uv_thread_join(&c->thread);
err4:
    uv_cond_destroy(&c->result);
err3:
    uv_cond_destroy(&c->work);
err2:
    uv_mutex_destroy(&c->mutex);
err1:
    free(c);
err0:
    engine->close(engine);
    return ZG_ERR_MEMORY;
}

struct store *committer_store(struct committer *c)
{
    return &c->store;
}

static void on_closed(uv_handle_t *handle)
{
    struct committer *c = handle->data;
    void (*closed)(void *ctx) = c->closed;
    void *ctx = c->closed_ctx;
    free(c);
    if (closed != NULL)
        closed(ctx);
}

void committer_close(struct committer *c, void (*closed)(void *ctx), void *ctx)
{
    while (c->outstanding > 0) {
        uv_mutex_lock(&c->mutex);
        while (c->finished.first == NULL)
            uv_cond_wait(&c->result, &c->mutex);
        struct store_job *all = fifo_take(&c->finished);
        uv_mutex_unlock(&c->mutex);
        deliver(c, all);
    }
    uv_mutex_lock(&c->mutex);
    c->stopping = true;
    uv_cond_signal(&c->work);
    uv_mutex_unlock(&c->mutex);
    uv_thread_join(&c->thread);
    c->engine->close(c->engine);

    uv_cond_destroy(&c->result);
    uv_cond_destroy(&c->work);
    uv_mutex_destroy(&c->mutex);
    c->closed = closed;
    c->closed_ctx = ctx;
    uv_close((uv_handle_t *)&c->wake, on_closed);
}
