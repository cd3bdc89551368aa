#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client/town.h"

struct thing {
    struct thing *next;
    uint8_t key[ZG_VAULT_KEY_BYTES];
    size_t len;
    uint8_t value[];
};

struct shelf {
    zg_vault vault; /* first: handed out */
    struct thing *things;
    zg_vault_batch *first;
    zg_vault_batch **end;
    uint32_t fail_every;
    bool fails_late;
    uint32_t batches;
    bool held;
    void (*loaded)(void *ctx, zg_err err);
    void *loaded_ctx;
    zg_err load_result;
};

static void remove_key(struct shelf *s, const uint8_t *key)
{
    for (struct thing **at = &s->things; *at != NULL; at = &(*at)->next) {
        if (memcmp((*at)->key, key, ZG_VAULT_KEY_BYTES) == 0) {
            struct thing *t = *at;
            *at = t->next;
            free(t);
            return;
        }
    }
}

static struct thing *make(const zg_vault_write *w)
{
    if (w->len > ZG_VAULT_VALUE_MAX)
        abort();
    struct thing *t = malloc(sizeof(*t) + w->len);
    if (t == NULL)
        return NULL;
    t->next = NULL;
    memcpy(t->key, w->key, sizeof(t->key));
    t->len = w->len;
    memcpy(t->value, w->value, w->len);
    return t;
}

static void put(struct shelf *s, struct thing *t)
{
    t->next = s->things;
    s->things = t;
}

/* All or nothing, also without memory. */
static zg_err store(struct shelf *s, const zg_vault_batch *batch)
{
    struct thing *made = NULL;
    for (size_t i = batch->count; i-- > 0;) {
        if (batch->writes[i].value == NULL)
            continue;
        struct thing *t = make(&batch->writes[i]);
        if (t == NULL) {
            while (made != NULL) {
                t = made;
                made = t->next;
                free(t);
            }
            return ZG_ERR_MEMORY;
        }
        t->next = made;
        made = t;
    }
    for (size_t i = 0; i < batch->count; i++) {
        remove_key(s, batch->writes[i].key);
        if (batch->writes[i].value == NULL)
            continue;
        struct thing *t = made;
        made = t->next;
        put(s, t);
    }
    return ZG_OK;
}

static void load(zg_vault *v, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    struct shelf *s = (struct shelf *)v;
    s->load_result = ZG_OK;
    for (struct thing *t = s->things; t != NULL && s->load_result == ZG_OK; t = t->next)
        s->load_result = visit(ctx, t->key, t->value, t->len);
    s->loaded = done;
    s->loaded_ctx = ctx;
}

static void submit(zg_vault *v, zg_vault_batch *batch)
{
    struct shelf *s = (struct shelf *)v;
    batch->next = NULL;
    *s->end = batch;
    s->end = &batch->next;
}

static void finish_one(struct shelf *s, bool stored)
{
    zg_vault_batch *batch = s->first;
    s->first = batch->next;
    if (s->first == NULL)
        s->end = &s->first;
    zg_err err = stored ? store(s, batch) : ZG_ERR_STORAGE;
    batch->done(batch, s->fails_late ? ZG_ERR_STORAGE : err);
}

static void pump(zg_vault *v)
{
    struct shelf *s = (struct shelf *)v;
    if (s->loaded != NULL) {
        void (*done)(void *, zg_err) = s->loaded;
        s->loaded = NULL;
        done(s->loaded_ctx, s->load_result);
    }
    while (s->first != NULL && !s->held) {
        s->batches++;
        finish_one(s, s->fail_every == 0 || s->batches % s->fail_every != 0);
    }
}

/* As a crash: what waits is not stored. */
static void close_it(zg_vault *v)
{
    struct shelf *s = (struct shelf *)v;
    s->loaded = NULL;
    while (s->first != NULL)
        finish_one(s, false);
}

struct shelf *shelf_new(void)
{
    struct shelf *s = calloc(1, sizeof(*s));
    if (s == NULL)
        abort();
    s->vault = (zg_vault){load, submit, pump, close_it};
    s->end = &s->first;
    return s;
}

struct shelf *shelf_copy(const struct shelf *s)
{
    struct shelf *copy = shelf_new();
    for (const struct thing *t = s->things; t != NULL; t = t->next) {
        zg_vault_write w = {.value = t->value, .len = t->len};
        memcpy(w.key, t->key, sizeof(w.key));
        struct thing *same = make(&w);
        if (same == NULL)
            abort();
        put(copy, same);
    }
    return copy;
}

void shelf_free(struct shelf *s)
{
    while (s->things != NULL) {
        struct thing *t = s->things;
        s->things = t->next;
        free(t);
    }
    free(s);
}

zg_vault *shelf_vault(struct shelf *s)
{
    return &s->vault;
}

void shelf_fail(struct shelf *s, uint32_t every)
{
    s->fail_every = every;
}

void shelf_fail_late(struct shelf *s, bool late)
{
    s->fails_late = late;
}

void shelf_hold(struct shelf *s, bool held)
{
    s->held = held;
}

size_t shelf_count(const struct shelf *s)
{
    size_t count = 0;
    for (const struct thing *t = s->things; t != NULL; t = t->next)
        count++;
    return count;
}

size_t shelf_count_of(const struct shelf *s, uint8_t tag)
{
    size_t count = 0;
    for (const struct thing *t = s->things; t != NULL; t = t->next)
        count += t->key[0] == tag;
    return count;
}

bool shelf_holds(const struct shelf *s, const void *bytes, size_t len)
{
    for (const struct thing *t = s->things; t != NULL; t = t->next)
        for (size_t i = 0; i + len <= t->len; i++)
            if (memcmp(t->value + i, bytes, len) == 0)
                return true;
    return false;
}
