#include <stdlib.h>
#include <string.h>

#include "relay/store/memory.h"
#include "relay/store/sqlite.h"
#include "tests/sim/keys.h"
#include "tests/sim/ledger.h"
#include "tests/sim/world.h"

static const char vfs_name[] = "plate";

struct disk {
    struct store store; /* first: the core's handle */
    struct world *world;
    struct plate *plate;
    struct keys *keys;
    struct ledger *ledger;
    struct engine *engine; /* NULL while the relay is down */
    struct store_job *first, **last;
    uint64_t busy_until;
};

static void submit(struct store *s, struct store_job *job)
{
    struct disk *d = (struct disk *)s;
    job->next = NULL;
    if (d->first == NULL)
        d->busy_until = d->world->now.mono_ms + rng_below(&d->world->rng, 20);
    *d->last = job;
    d->last = &job->next;
}

struct disk *disk_open(struct world *w)
{
    struct disk *d = calloc(1, sizeof(*d));
    if (d == NULL)
        abort();
    d->store.submit = submit;
    d->world = w;
    d->last = &d->first;
    d->plate = plate_open(vfs_name, &w->plate_rng);
    d->keys = keys_open(d->plate, &w->plate_rng);
    d->ledger = ledger_new();
    keys_stay(d->keys, w->options.plant == PLANT_KEEP_KEYS);
    plate_lies(d->plate, w->options.plant == PLANT_TEAR);
    return d;
}

void disk_close(struct disk *d)
{
    if (d->engine != NULL)
        d->engine->close(d->engine);
    keys_close(d->keys);
    ledger_free(d->ledger);
    plate_close(d->plate);
    free(d);
}

static void power_on(struct disk *d)
{
    plate_power_on(d->plate);
    keys_power_on(d->keys);
}

static void open_memory(struct disk *d)
{
    if (d->engine == NULL && (d->engine = memory_engine_new()) == NULL)
        abort();
}

static void open_files(struct disk *d)
{
    char why[256] = "";
    struct sqlite_options options = {
        .path = "relay.db", .vfs = vfs_name, .exclusive = true, .keys = keys_place(d->keys)};
    zg_err err = sqlite_engine_open(&d->engine, &options, why, sizeof(why));
    while (err != ZG_OK && plate_is_out(d->plate)) {
        world_trace(d->world, "the power fails at the start");
        power_on(d);
        err = sqlite_engine_open(&d->engine, &options, why, sizeof(why));
    }
    if (err != ZG_OK) {
        fprintf(stderr, "sim: seed %llu at %llu ms: the relay does not start: %s\n",
                (unsigned long long)d->world->options.seed, (unsigned long long)d->world->now.mono_ms, why);
        abort();
    }
}

void disk_start(struct disk *d)
{
    if (d->world->options.memory)
        open_memory(d);
    else
        open_files(d);
}

struct store *disk_store(struct disk *d)
{
    return &d->store;
}

struct plate *disk_plate(struct disk *d)
{
    return d->plate;
}

struct disk_copy {
    struct plate_copy *files;
    struct keys *keys;
};

struct disk_copy *disk_copy(const struct disk *d)
{
    struct disk_copy *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        abort();
    *copy = (struct disk_copy){plate_copy(d->plate), keys_copy(d->keys)};
    return copy;
}

void disk_put_back(struct disk *d, const struct disk_copy *copy)
{
    plate_put_back(d->plate, copy->files);
    keys_put_back(d->keys, copy->keys);
    ledger_forget(d->ledger);
}

void disk_copy_free(struct disk_copy *copy)
{
    if (copy == NULL)
        return;
    plate_copy_free(copy->files);
    keys_close(copy->keys);
    free(copy);
}

const char *disk_leftover(const struct disk *d, uint64_t mono_ms)
{
    return d->world->options.memory ? NULL : ledger_leftover(d->ledger, d->plate, mono_ms);
}

size_t disk_keys(const struct disk *d)
{
    return keys_count(d->keys);
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

static void carry_out(struct disk *d, struct store_job *job)
{
    if (plant_before_job(d->world, job))
        d->engine->execute(d->engine, job);
    plant_after_job(d->world, job);
    if (!plate_is_out(d->plate))
        ledger_job(d->ledger, job, d->world->now.mono_ms);
}

static void refuse(struct store_job *job)
{
    job->result = ZG_ERR_STORAGE;
    job->trouble = TROUBLE_IO;
}

bool disk_run(struct disk *d)
{
    if (disk_due(d) > d->world->now.mono_ms)
        return false;
    struct store_job *job = d->first;
    if (d->world->disk_trouble && rng_below(&d->world->rng, 3) == 0)
        refuse(job);
    else
        carry_out(d, job);
    if (plate_is_out(d->plate)) {
        world_trace(d->world, "the power fails in job %d", (int)job->kind);
        ledger_cut(d->ledger, job);
        world_relay_stop(d->world);
        return true;
    }
    (void)take(d);
    world_trace(d->world, "disk job %d result %d", (int)job->kind, (int)job->result);
    job->done(job);
    relay_flush(d->world->relay);
    return true;
}

void disk_crash(struct disk *d)
{
    /* The first one may have been carried out, and only nobody heard of it any more. */
    if (d->first != NULL && !plate_is_out(d->plate) && d->first->kind == JOB_COMMIT &&
        rng_below(&d->world->rng, 2) == 0)
        carry_out(d, d->first);
    while (d->first != NULL) {
        struct store_job *job = take(d);
        refuse(job);
        job->done(job);
    }
    if (d->world->options.memory)
        return;
    d->engine->close(d->engine);
    d->engine = NULL;
    if (plate_is_out(d->plate))
        power_on(d);
}

void disk_now(struct disk *d, struct store_job *job)
{
    d->engine->execute(d->engine, job);
}
