#include "client/core/journal.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_FIRST_MS = 500, PAUSE_LAST_MS = 60000 };

struct entry {
    struct entry *next; /* while touched */
    const struct entry_kind *kind;
    const void *thing; /* NULL: dropped */
    uint8_t key[ZG_VAULT_KEY_BYTES];
    bool touched;
    bool flying; /* in the batch that is with the vault */
    bool stored; /* the vault may have it: also what it said to have failed with */
};

struct batch {
    zg_vault_batch vault;
    struct journal *journal;
    uint64_t number;
    struct entry **entries;
    zg_vault_write *writes;
    size_t count;
};

void journal_init(struct journal *j, zg_vault *vault, void (*done)(void *ctx), void *ctx)
{
    memset(j, 0, sizeof(*j));
    j->vault = vault;
    j->touched_end = &j->touched;
    j->gathering = 1;
    j->pause_ms = PAUSE_FIRST_MS;
    j->done = done;
    j->ctx = ctx;
}

void journal_clear(struct journal *j)
{
    assert(j->flight == NULL);
    while (j->touched != NULL) {
        struct entry *e = j->touched;
        j->touched = e->next;
        free(e);
    }
    j->touched_end = &j->touched;
}

/* --- entries --- */

struct entry *entry_new(const struct entry_kind *kind, const void *thing, const struct rng *rng)
{
    uint8_t key[ZG_VAULT_KEY_BYTES];
    rng_fill(rng, key, sizeof(key));
    key[0] = kind->tag;
    struct entry *e = entry_loaded(kind, thing, key);
    if (e != NULL)
        e->stored = false;
    return e;
}

struct entry *entry_loaded(const struct entry_kind *kind, const void *thing,
                           const uint8_t key[ZG_VAULT_KEY_BYTES])
{
    struct entry *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->thing = thing;
    e->stored = true;
    memcpy(e->key, key, ZG_VAULT_KEY_BYTES);
    return e;
}

void entry_touch(struct journal *j, struct entry *e)
{
    if (e->touched)
        return;
    e->touched = true;
    e->next = NULL;
    *j->touched_end = e;
    j->touched_end = &e->next;
}

static void untouch(struct journal *j, struct entry *e)
{
    struct entry **at = &j->touched;
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    if (j->touched_end == &e->next)
        j->touched_end = at;
    e->touched = false;
}

void entry_drop(struct journal *j, struct entry *e)
{
    if (e == NULL)
        return;
    e->thing = NULL;
    if (e->stored) {
        entry_touch(j, e);
        return;
    }
    if (e->touched)
        untouch(j, e);
    free(e);
}

void entry_forget(struct journal *j, struct entry *e)
{
    if (e == NULL)
        return;
    assert(!e->flying);
    if (e->touched)
        untouch(j, e);
    free(e);
}

/* --- batches --- */

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        union {
            const uint8_t *borrowed;
            uint8_t *own;
        } value = {b->writes[i].value};
        if (value.own != NULL)
            sodium_memzero(value.own, b->writes[i].len);
        free(value.own);
    }
    free(b->writes);
    free(b->entries);
    free(b);
}

static bool take_value(struct batch *b, struct entry *e)
{
    zg_vault_write *write = &b->writes[b->count];
    struct writer w;

    memcpy(write->key, e->key, sizeof(write->key));
    write->value = NULL;
    write->len = 0;
    if (e->thing != NULL) {
        size_t bound = e->kind->bound(e->thing);
        uint8_t *value = malloc(bound > 0 ? bound : 1);
        if (value == NULL)
            return false;
        writer_init(&w, value, bound);
        e->kind->save(e->thing, &w);
        assert(!w.bad && w.len <= ZG_VAULT_VALUE_MAX);
        write->value = value;
        write->len = w.len;
    }
    b->entries[b->count++] = e;
    return true;
}

static struct batch *batch_new(struct journal *j)
{
    size_t count = 0;
    for (const struct entry *e = j->touched; e != NULL; e = e->next)
        count++;
    struct batch *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return NULL;
    b->entries = malloc(count * sizeof(struct entry *));
    b->writes = malloc(count * sizeof(zg_vault_write));
    if (b->entries == NULL || b->writes == NULL)
        goto err0;
    for (struct entry *e = j->touched; e != NULL; e = e->next)
        if (!take_value(b, e))
            goto err0;
    b->journal = j;
    return b;

err0:
    batch_free(b);
    return NULL;
}

static void pause_a_while(struct journal *j)
{
    j->retry_at = j->now_ms + j->pause_ms;
    j->pause_ms = 2 * j->pause_ms < PAUSE_LAST_MS ? 2 * j->pause_ms : PAUSE_LAST_MS;
}

static void settle(struct journal *j, struct entry *e, zg_err err)
{
    e->flying = false;
    if (err != ZG_OK)
        entry_touch(j, e);
    /* A deletion that is done, and nothing to do any more. */
    if (e->thing == NULL && !e->touched)
        free(e);
}

static void on_done(zg_vault_batch *vault_batch, zg_err err)
{
    struct batch *b = vault_batch->ctx;
    struct journal *j = b->journal;

    j->flight = NULL;
    j->failure = err;
    for (size_t i = 0; i < b->count; i++)
        settle(j, b->entries[i], err);
    if (err == ZG_OK) {
        j->safe = b->number;
        j->pause_ms = PAUSE_FIRST_MS;
    } else {
        pause_a_while(j);
    }
    batch_free(b);
    j->done(j->ctx);
}

void journal_work(struct journal *j, uint64_t mono_ms)
{
    j->now_ms = mono_ms;
    if (j->flight != NULL || j->touched == NULL || mono_ms < j->retry_at)
        return;
    j->retry_at = 0;

    struct batch *b = batch_new(j);
    if (b == NULL) {
        j->failure = ZG_ERR_MEMORY;
        pause_a_while(j);
        return;
    }
    for (size_t i = 0; i < b->count; i++) {
        b->entries[i]->touched = false;
        b->entries[i]->flying = true;
        b->entries[i]->stored = true;
    }
    j->touched = NULL;
    j->touched_end = &j->touched;
    b->number = j->gathering++;
    b->vault = (zg_vault_batch){NULL, b->writes, b->count, on_done, b};
    j->flight = b;
    j->vault->submit(j->vault, &b->vault);
}

uint64_t journal_stamp(const struct journal *j)
{
    if (j->touched != NULL)
        return j->gathering;
    return j->flight != NULL ? j->flight->number : j->safe;
}

bool journal_settled(const struct journal *j, uint64_t stamp)
{
    return stamp <= j->safe;
}

uint64_t journal_deadline(const struct journal *j)
{
    return j->touched != NULL && j->flight == NULL ? j->retry_at : UINT64_MAX;
}
