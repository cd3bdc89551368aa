/* The vault in memory: a hash table by the random bytes of the keys. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/vault_memory.h"

enum { BUCKETS_FIRST = 64 };

struct item {
    struct item *next;
    uint8_t key[ZG_VAULT_KEY_BYTES];
    size_t len;
    uint8_t value[];
};

struct memory {
    zg_vault vault; /* first: a zg_vault is cast back */
    struct item **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
    zg_vault_batch *first;
    zg_vault_batch **end;
    void (*loaded)(void *ctx, zg_err err);
    void *loaded_ctx;
    zg_err load_result;
};

static struct memory *of(zg_vault *v)
{
    return (struct memory *)v;
}

static size_t bucket_of(const uint8_t key[ZG_VAULT_KEY_BYTES], size_t count)
{
    size_t h;
    memcpy(&h, key + ZG_VAULT_KEY_BYTES - sizeof(h), sizeof(h));
    return h & (count - 1);
}

static struct item **find(struct memory *m, const uint8_t key[ZG_VAULT_KEY_BYTES])
{
    struct item **at = &m->buckets[bucket_of(key, m->bucket_count)];
    while (*at != NULL && memcmp((*at)->key, key, ZG_VAULT_KEY_BYTES) != 0)
        at = &(*at)->next;
    return at;
}

static void item_free(struct item *item)
{
    sodium_memzero(item, sizeof(*item) + item->len);
    free(item);
}

/* Without memory the chains get longer; that is all. */
static void grow(struct memory *m)
{
    size_t count = 2 * m->bucket_count;
    struct item **buckets = calloc(count, sizeof(struct item *));
    if (buckets == NULL)
        return;
    for (size_t i = 0; i < m->bucket_count; i++) {
        while (m->buckets[i] != NULL) {
            struct item *item = m->buckets[i];
            m->buckets[i] = item->next;
            size_t bucket = bucket_of(item->key, count);
            item->next = buckets[bucket];
            buckets[bucket] = item;
        }
    }
    free(m->buckets);
    m->buckets = buckets;
    m->bucket_count = count;
}

static void apply(struct memory *m, const zg_vault_write *write, struct item *fresh)
{
    struct item **at = find(m, write->key);
    if (*at != NULL) {
        struct item *old = *at;
        *at = old->next;
        item_free(old);
        m->count--;
    }
    if (fresh == NULL)
        return;
    if (m->count >= m->bucket_count)
        grow(m);
    at = &m->buckets[bucket_of(write->key, m->bucket_count)];
    fresh->next = *at;
    *at = fresh;
    m->count++;
}

/* All or nothing: every allocation comes first. */
static zg_err store(struct memory *m, const zg_vault_batch *batch)
{
    struct item *fresh = NULL;
    struct item **end = &fresh;

    for (size_t i = 0; i < batch->count; i++) {
        const zg_vault_write *write = &batch->writes[i];
        if (write->value == NULL)
            continue;
        struct item *item = write->len > ZG_VAULT_VALUE_MAX ? NULL : malloc(sizeof(*item) + write->len);
        if (item == NULL)
            goto err0;
        item->next = NULL;
        memcpy(item->key, write->key, sizeof(item->key));
        item->len = write->len;
        memcpy(item->value, write->value, write->len);
        *end = item;
        end = &item->next;
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->writes[i].value == NULL ? NULL : fresh;
        if (item != NULL)
            fresh = item->next;
        apply(m, &batch->writes[i], item);
    }
    return ZG_OK;

err0:
    while (fresh != NULL) {
        struct item *item = fresh;
        fresh = item->next;
        item_free(item);
    }
    return ZG_ERR_MEMORY;
}

zg_err vault_memory_visit(zg_vault *v, zg_vault_visit visit, void *ctx)
{
    const struct memory *m = of(v);
    zg_err err = ZG_OK;
    for (size_t i = 0; i < m->bucket_count && err == ZG_OK; i++)
        for (const struct item *item = m->buckets[i]; item != NULL && err == ZG_OK; item = item->next)
            err = visit(ctx, item->key, item->value, item->len);
    return err;
}

static void memory_load(zg_vault *v, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    struct memory *m = of(v);
    m->load_result = vault_memory_visit(v, visit, ctx);
    m->loaded = done;
    m->loaded_ctx = ctx;
}

static void memory_submit(zg_vault *v, zg_vault_batch *batch)
{
    struct memory *m = of(v);
    batch->next = NULL;
    *m->end = batch;
    m->end = &batch->next;
}

static void memory_pump(zg_vault *v)
{
    struct memory *m = of(v);
    if (m->loaded != NULL) {
        void (*done)(void *, zg_err) = m->loaded;
        m->loaded = NULL;
        done(m->loaded_ctx, m->load_result);
    }
    while (m->first != NULL) {
        zg_vault_batch *batch = m->first;
        m->first = batch->next;
        if (m->first == NULL)
            m->end = &m->first;
        batch->done(batch, store(m, batch));
    }
}

void vault_memory_wipe(zg_vault *v)
{
    struct memory *m = of(v);
    for (size_t i = 0; i < m->bucket_count; i++) {
        while (m->buckets[i] != NULL) {
            struct item *item = m->buckets[i];
            m->buckets[i] = item->next;
            item_free(item);
        }
    }
    m->count = 0;
}

static void memory_close(zg_vault *v)
{
    struct memory *m = of(v);
    memory_pump(v);
    vault_memory_wipe(v);
    free(m->buckets);
    free(m);
}

zg_vault *zg_vault_memory(void)
{
    struct memory *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->buckets = calloc(BUCKETS_FIRST, sizeof(struct item *));
    if (m->buckets == NULL) {
        free(m);
        return NULL;
    }
    m->bucket_count = BUCKETS_FIRST;
    m->end = &m->first;
    m->vault = (zg_vault){memory_load, memory_submit, memory_pump, memory_close};
    return &m->vault;
}
