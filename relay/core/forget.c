#include "relay/core/forget.h"

#include "relay/core/inside.h"

/* A job begins at a full second: the last one before the promise has a second left of it. */
enum { GRID_MS = 1000, LAST_MS = FORGET_WITHIN_MS - GRID_MS };

void forget_init(struct forget *f)
{
    list_init(&f->asked);
    list_init(&f->covered);
    f->under_way = false;
    f->hurry = false;
    f->at = UINT64_MAX;
}

static void no_later_than(struct forget *f, uint64_t at)
{
    if (at < f->at)
        f->at = at;
}

static uint64_t next_second(const struct relay *r)
{
    return (r->now.mono_ms / GRID_MS + 1) * GRID_MS;
}

void forget_deleted(struct relay *r)
{
    no_later_than(&r->forget, (r->now.mono_ms + LAST_MS) / GRID_MS * GRID_MS);
}

void forget_answer(struct relay *r, struct change *change)
{
    list_remove(&change->place);
    list_append(&r->forget.asked, &change->place);
    r->forget.hurry = true;
}

static void done(struct store_job *job)
{
    struct relay *r = job->ctx;
    struct forget *f = &r->forget;
    const bool good = job->result == ZG_OK;

    relay_done(r, job);
    f->under_way = false;
    r->stats.forgotten += good;
    f->hurry = f->hurry || !good;
    while (!list_empty(&f->covered)) {
        struct change *change = LIST_ITEM(f->covered.next, struct change, place);
        if (good || r->draining)
            change_answer(r, change, good ? (enum status)change->status : STATUS_BUSY);
        else
            forget_answer(r, change);
    }
}

/* When stopping, the journal is emptied anyway with the end of the store; only who waits is a reason. */
static bool due(const struct relay *r)
{
    const struct forget *f = &r->forget;
    return r->draining ? !list_empty(&f->asked) : r->now.mono_ms >= f->at;
}

void forget_advance(struct relay *r)
{
    struct forget *f = &r->forget;

    if (f->hurry)
        no_later_than(f, next_second(r));
    f->hurry = false;
    if (f->under_way || !due(r))
        return;
    while (!list_empty(&f->asked)) {
        struct link *change = f->asked.next;
        list_remove(change);
        list_append(&f->covered, change);
    }
    f->under_way = true;
    f->at = UINT64_MAX;
    f->job = (struct store_job){.kind = JOB_FORGET, .done = done, .ctx = r};
    relay_submit(r, &f->job);
}

uint64_t forget_deadline(const struct relay *r)
{
    const struct forget *f = &r->forget;

    if (f->under_way)
        return UINT64_MAX;
    if (r->draining)
        return list_empty(&f->asked) ? UINT64_MAX : 0;
    return f->hurry ? 0 : f->at;
}

bool forget_quiet(const struct relay *r)
{
    return list_empty(&r->forget.asked) && list_empty(&r->forget.covered);
}

void forget_clear(struct relay *r)
{
    struct forget *f = &r->forget;
    while (!list_empty(&f->asked))
        change_answer(r, LIST_ITEM(f->asked.next, struct change, place), STATUS_BUSY);
}
