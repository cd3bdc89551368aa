#include <stdlib.h>
#include <string.h>

#include "relay/store/sqlite.h"
#include "tests/sim/world.h"

struct disk {
    struct store store; /* first: the core's handle */
    struct world *world;
    struct engine *engine;
    char *path;
    struct store_job *first, **last;
    uint64_t busy_until;
};

static void open_engine(struct disk *d)
{
    char why[256] = "";
    struct sqlite_options options = {.path = d->path, .exclusive = true};
    if (sqlite_engine_open(&d->engine, &options, why, sizeof(why)) != ZG_OK) {
        fprintf(stderr, "sim: %s: %s\n", d->path, why);
        abort();
    }
}

static void submit(struct store *s, struct store_job *job)
{
    struct disk *d = (struct disk *)s;
    job->next = NULL;
    if (d->first == NULL)
        d->busy_until = d->world->now.mono_ms + rng_below(&d->world->rng, 20);
    *d->last = job;
    d->last = &job->next;
}

struct disk *disk_open(struct world *w, const char *path)
{
    struct disk *d = calloc(1, sizeof(*d));
    if (d == NULL || (d->path = strdup(path)) == NULL)
        abort();
    d->store.submit = submit;
    d->world = w;
    d->last = &d->first;
    open_engine(d);
    return d;
}

void disk_close(struct disk *d)
{
    if (d->engine != NULL)
        d->engine->close(d->engine);
    free(d->path);
    free(d);
}

struct store *disk_store(struct disk *d)
{
    return &d->store;
}

uint64_t disk_due(const struct disk *d)
{
    return d->first == NULL ? UINT64_MAX : d->busy_until;
}

static struct store_job *take(struct disk *d)
{
    struct store_job *job = d->first;
    d->first = job->next;
    if (d->first == NULL)
        d->last = &d->first;
    d->busy_until = d->world->now.mono_ms + rng_below(&d->world->rng, 20);
    return job;
}

/* PLANT_LOSE: says that messages are stored, and does not store them. */
static void lose_messages(struct store_job *job)
{
    size_t kept = 0;
    for (size_t i = 0; i < job->u.commit.count; i++)
        if (job->u.commit.writes[i].kind != WRITE_MESSAGE)
            job->u.commit.writes[kept++] = job->u.commit.writes[i];
        else
            job->u.commit.writes[i].outcome = OUTCOME_OK;
    job->u.commit.count = kept;
}

bool disk_run(struct disk *d)
{
    if (disk_due(d) > d->world->now.mono_ms)
        return false;
    struct store_job *job = take(d);
    size_t count = job->u.commit.count;
    bool plant = job->kind == JOB_COMMIT && d->world->options.plant == PLANT_LOSE;
    if (plant)
        lose_messages(job);
    if (d->world->disk_trouble && rng_below(&d->world->rng, 3) == 0)
        job->result = ZG_ERR_STORAGE;
    else
        d->engine->execute(d->engine, job);
    if (plant)
        job->u.commit.count = count;
    world_trace(d->world, "disk job %d result %d", (int)job->kind, (int)job->result);
    job->done(job);
    relay_flush(d->world->relay);
    return true;
}

void disk_crash(struct disk *d)
{
    /* The first one may have been carried out, and only nobody heard of it any more. */
    if (d->first != NULL && d->first->kind == JOB_COMMIT && rng_below(&d->world->rng, 2) == 0)
        d->engine->execute(d->engine, d->first);
    while (d->first != NULL) {
        struct store_job *job = take(d);
        job->result = ZG_ERR_STORAGE;
        job->done(job);
    }
    d->engine->close(d->engine);
    open_engine(d);
}

void disk_now(struct disk *d, struct store_job *job)
{
    d->engine->execute(d->engine, job);
}
