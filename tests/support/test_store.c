#include "tests/support/test_store.h"

#include <string.h>

static void submit(struct store *store, struct store_job *job)
{
    struct test_store *ts = (struct test_store *)store;
    job->next = NULL;
    *ts->last = job;
    ts->last = &job->next;
    ts->waiting++;
}

void test_store_init(struct test_store *ts, struct engine *engine)
{
    memset(ts, 0, sizeof(*ts));
    ts->store.submit = submit;
    ts->engine = engine;
    ts->last = &ts->first;
}

static bool fails(struct test_store *ts, const struct store_job *job)
{
    ts->carried++;
    if (ts->fail[job->kind] > 0) {
        ts->fail[job->kind]--;
        return true;
    }
    return ts->fail_every > 0 && ts->carried % ts->fail_every == 0;
}

static void count(struct test_store *ts, const struct store_job *job)
{
    ts->jobs[job->kind]++;
    if (job->kind == JOB_COMMIT)
        for (size_t i = 0; i < job->u.commit.count; i++)
            ts->writes[job->u.commit.writes[i].kind]++;
}

bool test_store_step(struct test_store *ts)
{
    struct store_job *job = ts->first;

    if (job == NULL)
        return false;
    ts->first = job->next;
    if (ts->first == NULL)
        ts->last = &ts->first;
    ts->waiting--;
    count(ts, job);
    if (fails(ts, job))
        job->result = ZG_ERR_STORAGE, job->trouble = TROUBLE_IO;
    else
        ts->engine->execute(ts->engine, job);
    job->done(job);
    return true;
}

void test_store_run(struct test_store *ts)
{
    while (test_store_step(ts))
        ;
}

uint32_t test_store_jobs(const struct test_store *ts)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < TEST_STORE_KINDS; i++)
        sum += ts->jobs[i];
    return sum;
}
