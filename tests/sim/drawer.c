#include "tests/sim/drawer.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/plants.h"
#include "tests/sim/world.h"

struct thing {
    struct thing *next;
    uint8_t key[ZG_VAULT_KEY_BYTES];
    size_t len;
    uint8_t value[];
};

struct drawer {
    zg_vault vault; /* first: the client's handle */
    struct world *world;
    struct thing *things;
    zg_vault_batch *first, **last;
    uint64_t busy_until;
    bool trouble;
    zg_vault_visit visit;
    void *ctx;
    void (*loaded)(void *ctx, zg_err err); /* NULL: nothing is to be loaded */
};

static struct drawer *of(zg_vault *v)
{
    return (struct drawer *)v;
}

static void be_busy(struct drawer *d)
{
    d->busy_until = d->world->now.mono_ms + rng_below(&d->world->rng, 30);
}

static void load(zg_vault *v, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    struct drawer *d = of(v);
    d->visit = visit;
    d->ctx = ctx;
    d->loaded = done;
    be_busy(d);
}

static void submit(zg_vault *v, zg_vault_batch *batch)
{
    struct drawer *d = of(v);
    batch->next = NULL;
    if (d->first == NULL && d->loaded == NULL)
        be_busy(d);
    *d->last = batch;
    d->last = &batch->next;
}

static void pump(zg_vault *v)
{
    (void)v; /* the scheduler does it */
}

/* --- entries --- */

static struct thing **find(struct drawer *d, const uint8_t *key)
{
    struct thing **at = &d->things;
    while (*at != NULL && memcmp((*at)->key, key, ZG_VAULT_KEY_BYTES) != 0)
        at = &(*at)->next;
    return at;
}

static void take_out(struct thing **at)
{
    struct thing *t = *at;
    if (t == NULL)
        return;
    *at = t->next;
    free(t);
}

static void store_one(struct drawer *d, const zg_vault_write *w)
{
    struct thing **at = find(d, w->key);
    if (plant_keeps_entry(d->world, w, *at != NULL))
        return;
    take_out(at);
    if (w->value == NULL)
        return;
    struct thing *t = malloc(sizeof(*t) + w->len);
    if (t == NULL)
        abort();
    memcpy(t->key, w->key, sizeof(t->key));
    t->len = w->len;
    memcpy(t->value, w->value, w->len);
    plant_entry(d->world, t->key, t->value, t->len);
    t->next = d->things;
    d->things = t;
}

static void store(struct drawer *d, const zg_vault_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        store_one(d, &batch->writes[i]);
}

/* --- in time --- */

static zg_vault_batch *take(struct drawer *d)
{
    zg_vault_batch *batch = d->first;
    d->first = batch->next;
    if (d->first == NULL)
        d->last = &d->first;
    return batch;
}

static void load_all(struct drawer *d)
{
    void (*done)(void *, zg_err) = d->loaded;
    zg_err err = ZG_OK;
    d->loaded = NULL;
    for (const struct thing *t = d->things; t != NULL && err == ZG_OK; t = t->next)
        err = d->visit(d->ctx, t->key, t->value, t->len);
    done(d->ctx, err);
}

uint64_t drawer_due(const struct drawer *d)
{
    return d->loaded == NULL && d->first == NULL ? UINT64_MAX : d->busy_until;
}

bool drawer_run(struct drawer *d)
{
    if (drawer_due(d) > d->world->now.mono_ms)
        return false;
    be_busy(d);
    if (d->loaded != NULL) {
        load_all(d);
        return true;
    }
    zg_vault_batch *batch = take(d);
    bool good = !d->trouble || rng_below(&d->world->rng, 2) == 0;
    if (good)
        store(d, batch);
    batch->done(batch, good ? ZG_OK : ZG_ERR_STORAGE);
    return true;
}

static void crash(zg_vault *v)
{
    struct drawer *d = of(v);
    d->loaded = NULL;
    if (d->first != NULL && rng_below(&d->world->rng, 2) == 0)
        store(d, d->first);
    while (d->first != NULL) {
        zg_vault_batch *batch = take(d);
        batch->done(batch, ZG_ERR_STORAGE);
    }
}

void drawer_trouble(struct drawer *d, bool on)
{
    d->trouble = on;
}

/* --- life --- */

struct drawer *drawer_new(struct world *w)
{
    struct drawer *d = calloc(1, sizeof(*d));
    if (d == NULL)
        abort();
    d->vault = (zg_vault){load, submit, pump, crash};
    d->world = w;
    d->last = &d->first;
    return d;
}

zg_vault *drawer_vault(struct drawer *d)
{
    return &d->vault;
}

void drawer_free(struct drawer *d)
{
    while (d->things != NULL) {
        struct thing *t = d->things;
        d->things = t->next;
        free(t);
    }
    free(d);
}
