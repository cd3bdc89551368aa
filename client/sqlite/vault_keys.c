#include "client/sqlite/vault_keys.h"

#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/sqlite/vault_sql.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/seal.h"

enum {
    BLOCK_BYTES = KEYS_IN_BLOCK * KEY_BYTES,
    BLOCKS_MAX = 1 << 16, /* more than 7 million entries */
    FIRST_CAPACITY = 8,
};

struct block {
    uint8_t key[KEY_BYTES];
    uint8_t keys[KEYS_IN_BLOCK][KEY_BYTES];
    bool used[KEYS_IN_BLOCK];
    bool dirty; /* stays after a failure: then the block is sealed anew by the next transaction, which harms
                   nobody */
};

/* What a slot was before it changed. */
struct former {
    int64_t slot;
    bool used;
    uint8_t key[KEY_BYTES];
};

enum statement { PUT_BLOCK, PUT_ROOT, TRIM, STATEMENTS };

static const char *const statement_sql[STATEMENTS] = {
    [PUT_BLOCK] = "INSERT INTO block(id, box) VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET box = ?2",
    [PUT_ROOT] = "INSERT INTO root(id, box) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET box = ?1",
    [TRIM] = "DELETE FROM block WHERE id >= ?1",
};

struct vault_keys {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct block *blocks; /* in guarded memory */
    size_t count, capacity;
    size_t kept;            /* how many of them the transaction has written */
    struct former *formers; /* in guarded memory */
    size_t formers_count, formers_capacity;
    int64_t free_from; /* no free slot below */
};

/* --- memory --- */

/* Room for one more in an array in guarded memory; what was in the old one is wiped by sodium_free. */
static zg_err grow(void **array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return ZG_OK;
    size_t more = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *bigger = sodium_allocarray(more, size);
    if (bigger == NULL)
        return ZG_ERR_MEMORY;
    if (count > 0)
        memcpy(bigger, *array, count * size);
    sodium_free(*array);
    *array = bigger;
    *capacity = more;
    return ZG_OK;
}

static zg_err add_block(struct vault_keys *k)
{
    void *blocks = k->blocks;
    if (k->count == BLOCKS_MAX)
        return ZG_ERR_FULL;
    zg_err err = grow(&blocks, &k->capacity, k->count, sizeof(struct block));
    k->blocks = blocks;
    if (err != ZG_OK)
        return err;
    struct block *b = &k->blocks[k->count++];
    const struct rng rng = rng_system();
    memset(b, 0, sizeof(*b));
    rng_fill(&rng, b->keys, sizeof(b->keys));
    b->dirty = true;
    return ZG_OK;
}

zg_err vault_keys_new(struct vault_keys **out, sqlite3 *db)
{
    struct vault_keys *k = calloc(1, sizeof(*k));
    if (k == NULL)
        return ZG_ERR_MEMORY;
    k->db = db;
    for (int i = 0; i < STATEMENTS; i++) {
        zg_err err = sql_prepare(db, &k->statements[i], statement_sql[i]);
        if (err != ZG_OK) {
            vault_keys_free(k);
            return err;
        }
    }
    *out = k;
    return ZG_OK;
}

void vault_keys_free(struct vault_keys *k)
{
    if (k == NULL)
        return;
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(k->statements[i]);
    sodium_free(k->blocks);
    sodium_free(k->formers);
    free(k);
}

/* --- reading --- */

static void write_block_id(uint8_t out[4], size_t id)
{
    struct writer w;
    writer_init(&w, out, 4);
    writer_u32(&w, (uint32_t)id);
}

/* The root row; the keys of all blocks are in place then. */
static zg_err open_root(struct vault_keys *k, const uint8_t *vault_key, const uint8_t *box, size_t len)
{
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ROOT)};
    if (box == NULL || len < SEAL_OVERHEAD || (len - SEAL_OVERHEAD) % KEY_BYTES != 0 ||
        (len - SEAL_OVERHEAD) / KEY_BYTES > BLOCKS_MAX)
        return ZG_ERR_MALFORMED;
    size_t count = (len - SEAL_OVERHEAD) / KEY_BYTES;
    uint8_t *plain = sodium_malloc(count * KEY_BYTES + 1);
    if (plain == NULL)
        return ZG_ERR_MEMORY;
    zg_err err = seal_open(plain, vault_key, ad, 1, box, len) == ZG_OK ? ZG_OK : ZG_ERR_MALFORMED;
    for (size_t i = 0; i < count && err == ZG_OK; i++) {
        err = add_block(k);
        if (err == ZG_OK)
            memcpy(k->blocks[i].key, plain + i * KEY_BYTES, KEY_BYTES);
    }
    sodium_free(plain);
    return err;
}

static zg_err load_root(struct vault_keys *k, const uint8_t *vault_key)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(k->db, "SELECT box FROM root", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    zg_err err = rc == SQLITE_DONE ? ZG_ERR_MALFORMED : sql_err(rc);
    if (err == ZG_OK) {
        const uint8_t *box = sqlite3_column_blob(s, 0);
        err = open_root(k, vault_key, box, (size_t)sqlite3_column_bytes(s, 0));
    }
    sqlite3_finalize(s);
    return err;
}

static zg_err open_block(struct vault_keys *k, size_t id, sqlite3_stmt *s)
{
    uint8_t id_bytes[4];
    write_block_id(id_bytes, id);
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_BLOCK), SPAN_OF(id_bytes)};
    if (id >= k->count || sqlite3_column_int64(s, 0) != (int64_t)id)
        return ZG_ERR_MALFORMED;
    struct block *b = &k->blocks[id];
    const uint8_t *box = sqlite3_column_blob(s, 1);
    if (box == NULL || sqlite3_column_bytes(s, 1) != BLOCK_BYTES + SEAL_OVERHEAD)
        return ZG_ERR_MALFORMED;
    if (seal_open(b->keys[0], b->key, ad, 2, box, BLOCK_BYTES + SEAL_OVERHEAD) != ZG_OK)
        return ZG_ERR_MALFORMED;
    b->dirty = false;
    return ZG_OK;
}

static zg_err load_blocks(struct vault_keys *k)
{
    sqlite3_stmt *s;
    size_t id = 0;
    int rc = sqlite3_prepare_v2(k->db, "SELECT id, box FROM block ORDER BY id", -1, &s, NULL);
    zg_err err = sql_err(rc);
    while (err == ZG_OK && (rc = sqlite3_step(s)) != SQLITE_DONE)
        err = rc == SQLITE_ROW ? open_block(k, id++, s) : sql_err(rc);
    sqlite3_finalize(s);
    return err == ZG_OK && id != k->count ? ZG_ERR_MALFORMED : err;
}

zg_err vault_keys_load(struct vault_keys *k, const uint8_t *vault_key)
{
    zg_err err = load_root(k, vault_key);
    return err == ZG_OK ? load_blocks(k) : err;
}

/* --- slots --- */

static bool slot_exists(const struct vault_keys *k, int64_t slot)
{
    return slot >= 0 && slot < (int64_t)k->count * KEYS_IN_BLOCK;
}

static struct block *block_of(const struct vault_keys *k, int64_t slot)
{
    return &k->blocks[slot / KEYS_IN_BLOCK];
}

zg_err vault_keys_claim(struct vault_keys *k, int64_t slot)
{
    if (!slot_exists(k, slot) || block_of(k, slot)->used[slot % KEYS_IN_BLOCK])
        return ZG_ERR_MALFORMED;
    block_of(k, slot)->used[slot % KEYS_IN_BLOCK] = true;
    return ZG_OK;
}

const uint8_t *vault_keys_at(const struct vault_keys *k, int64_t slot)
{
    if (!slot_exists(k, slot) || !block_of(k, slot)->used[slot % KEYS_IN_BLOCK])
        return NULL;
    return block_of(k, slot)->keys[slot % KEYS_IN_BLOCK];
}

/* Puts a fresh key into the slot and keeps the former one until the transaction is over. */
static zg_err change(struct vault_keys *k, int64_t slot, bool used)
{
    void *formers = k->formers;
    zg_err err = grow(&formers, &k->formers_capacity, k->formers_count, sizeof(struct former));
    k->formers = formers;
    if (err != ZG_OK)
        return err;
    struct block *b = block_of(k, slot);
    struct former *f = &k->formers[k->formers_count++];
    const struct rng rng = rng_system();
    *f = (struct former){.slot = slot, .used = b->used[slot % KEYS_IN_BLOCK]};
    memcpy(f->key, b->keys[slot % KEYS_IN_BLOCK], KEY_BYTES);
    rng_fill(&rng, b->keys[slot % KEYS_IN_BLOCK], KEY_BYTES);
    b->used[slot % KEYS_IN_BLOCK] = used;
    b->dirty = true;
    if (!used && slot < k->free_from)
        k->free_from = slot;
    return ZG_OK;
}

static zg_err find_free(struct vault_keys *k, int64_t *slot)
{
    int64_t at = k->free_from;
    while (slot_exists(k, at) && block_of(k, at)->used[at % KEYS_IN_BLOCK])
        at++;
    k->free_from = at;
    *slot = at;
    return slot_exists(k, at) ? ZG_OK : add_block(k);
}

zg_err vault_keys_renew(struct vault_keys *k, int64_t *slot)
{
    int64_t at = *slot;
    zg_err err = at < 0 ? find_free(k, &at) : slot_exists(k, at) ? ZG_OK : ZG_ERR_MALFORMED;
    if (err == ZG_OK)
        err = change(k, at, true);
    if (err == ZG_OK)
        *slot = at;
    return err;
}

zg_err vault_keys_drop(struct vault_keys *k, int64_t slot)
{
    return slot_exists(k, slot) ? change(k, slot, false) : ZG_ERR_MALFORMED;
}

size_t vault_keys_mark(const struct vault_keys *k)
{
    return k->formers_count;
}

void vault_keys_undo(struct vault_keys *k, size_t mark)
{
    while (k->formers_count > mark) {
        struct former *f = &k->formers[--k->formers_count];
        struct block *b = block_of(k, f->slot);
        memcpy(b->keys[f->slot % KEYS_IN_BLOCK], f->key, KEY_BYTES);
        b->used[f->slot % KEYS_IN_BLOCK] = f->used;
        if (!f->used && f->slot < k->free_from)
            k->free_from = f->slot;
        sodium_memzero(f, sizeof(*f));
    }
}

/* --- writing --- */

static zg_err write_block(struct vault_keys *k, size_t id)
{
    uint8_t id_bytes[4];
    uint8_t box[BLOCK_BYTES + SEAL_OVERHEAD];
    struct block *b = &k->blocks[id];
    sqlite3_stmt *s = k->statements[PUT_BLOCK];
    const struct rng rng = rng_system();

    write_block_id(id_bytes, id);
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_BLOCK), SPAN_OF(id_bytes)};
    rng_fill(&rng, b->key, sizeof(b->key));
    seal(box, b->key, ad, 2, b->keys[0], BLOCK_BYTES, &rng);
    int rc = sqlite3_bind_int64(s, 1, (int64_t)id);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(s, 2, box, sizeof(box), SQLITE_STATIC);
    return sql_step(s, rc);
}

static bool block_is_empty(const struct block *b)
{
    for (size_t i = 0; i < KEYS_IN_BLOCK; i++)
        if (b->used[i])
            return false;
    return true;
}

/* Blocks at the end without an entry are not kept. */
static size_t count_kept(const struct vault_keys *k)
{
    size_t count = k->count;
    while (count > 0 && block_is_empty(&k->blocks[count - 1]))
        count--;
    return count;
}

static zg_err write_root(struct vault_keys *k, const uint8_t *vault_key)
{
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ROOT)};
    const struct rng rng = rng_system();
    size_t len = k->kept * KEY_BYTES;
    zg_err err = ZG_ERR_MEMORY;
    uint8_t *plain = sodium_malloc(len + 1);
    uint8_t *box = malloc(len + SEAL_OVERHEAD);
    if (plain == NULL || box == NULL)
        goto out;
    for (size_t i = 0; i < k->kept; i++)
        memcpy(plain + i * KEY_BYTES, k->blocks[i].key, KEY_BYTES);
    seal(box, vault_key, ad, 1, plain, len, &rng);
    sqlite3_stmt *s = k->statements[PUT_ROOT];
    err = sql_step(s, sqlite3_bind_blob(s, 1, box, (int)(len + SEAL_OVERHEAD), SQLITE_STATIC));
out:
    sodium_free(plain);
    free(box);
    return err;
}

zg_err vault_keys_write(struct vault_keys *k, const uint8_t *vault_key)
{
    k->kept = count_kept(k);
    zg_err err = sql_step(k->statements[TRIM], sqlite3_bind_int64(k->statements[TRIM], 1, (int64_t)k->kept));
    for (size_t i = 0; i < k->kept && err == ZG_OK; i++)
        if (k->blocks[i].dirty)
            err = write_block(k, i);
    return err == ZG_OK ? write_root(k, vault_key) : err;
}

void vault_keys_committed(struct vault_keys *k)
{
    while (k->count > k->kept)
        sodium_memzero(&k->blocks[--k->count], sizeof(struct block));
    for (size_t i = 0; i < k->count; i++)
        k->blocks[i].dirty = false;
    if (k->free_from > (int64_t)k->count * KEYS_IN_BLOCK)
        k->free_from = (int64_t)k->count * KEYS_IN_BLOCK;
    if (k->formers_count > 0)
        sodium_memzero(k->formers, k->formers_count * sizeof(struct former));
    k->formers_count = 0;
}
