#include "relay/core/trouble.h"

#include "relay/core/inside.h"

enum { TRY_AGAIN_MS = 5000 };

static void begin(struct relay *r, const struct store_job *job)
{
    enum store_trouble why = job->trouble != TROUBLE_NONE ? job->trouble : TROUBLE_IO;

    r->stats.failed_jobs++;
    if (r->stats.trouble == TROUBLE_NONE) {
        r->stats.trouble_since_utc_s = hour_utc_ms(&r->hours, r->now) / 1000;
        r->trouble.at = r->now.mono_ms + TRY_AGAIN_MS;
    }
    r->stats.trouble = why;
    r->trouble.kind = (uint8_t)job->kind;
}

static uint32_t damaged(const struct store_job *job)
{
    if (job->result != ZG_OK)
        return 0;
    return job->kind == JOB_LOAD ? job->u.load.damaged : job->kind == JOB_SLOT && job->u.slot.damaged;
}

void trouble_note(struct relay *r, const struct store_job *job)
{
    r->stats.damaged += damaged(job);
    if (job->result != ZG_OK)
        begin(r, job);
    else if (r->stats.trouble != TROUBLE_NONE && job->kind == r->trouble.kind)
        r->stats.trouble = TROUBLE_NONE;
}

/* A commit may have been the last thing that anybody wanted; the other jobs come again by themselves. */
static bool needs_trial(const struct relay *r)
{
    return r->stats.trouble != TROUBLE_NONE && r->trouble.kind == JOB_COMMIT && !r->trouble.under_way &&
           !r->draining;
}

static void tried(struct store_job *job)
{
    struct relay *r = job->ctx;

    relay_done(r, job);
    r->trouble.under_way = false;
    r->trouble.at = r->now.mono_ms + TRY_AGAIN_MS;
}

void trouble_advance(struct relay *r)
{
    struct trouble *t = &r->trouble;

    if (!needs_trial(r) || r->now.mono_ms < t->at)
        return;
    rng_fill(&r->rng, &t->name, sizeof(t->name));
    t->write = (struct store_write){.kind = WRITE_VOUCHERS};
    t->write.u.vouchers.kind = VOUCHER_SLOT;
    t->write.u.vouchers.hour = r->hours.now;
    t->write.u.vouchers.count = 1;
    t->write.u.vouchers.names = &t->name;
    t->job = (struct store_job){.kind = JOB_COMMIT, .done = tried, .ctx = r};
    t->job.u.commit.writes = &t->write;
    t->job.u.commit.count = 1;
    t->job.u.commit.hour = r->hours.now;
    t->under_way = true;
    relay_submit(r, &t->job);
}

uint64_t trouble_deadline(const struct relay *r)
{
    return needs_trial(r) ? r->trouble.at : UINT64_MAX;
}
