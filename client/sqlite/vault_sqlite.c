/*
 * A vault in an SQLite file, working inside the caller's thread.
 *
 * Happy path: submit puts a batch into the line; pump writes all that wait in one transaction, each batch in a
 * savepoint of its own, commits, and calls their done in order. Failures: a batch that cannot be written is rolled back
 * alone and done with its error; if the transaction or its commit fails, all of it is done with ZG_ERR_STORAGE. What
 * done submits is written by the same pump, unless something failed: then by the next one, so that a full disk does
 * not become an endless loop.
 */
#include <zaguan/vault_sqlite.h>

#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/sqlite/vault_file.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/seal.h"

enum statement { PUT, DELETE, ALL, STATEMENTS };

static const char *const statement_sql[STATEMENTS] = {
    [PUT] = "INSERT INTO entry(key, value) VALUES(?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
    [DELETE] = "DELETE FROM entry WHERE key = ?1",
    [ALL] = "SELECT key, value FROM entry",
};

struct line {
    zg_vault_batch *first;
    zg_vault_batch *last;
};

struct loading {
    zg_vault_visit visit;
    void *ctx;
    void (*done)(void *ctx, zg_err err); /* NULL: nothing is asked for */
};

struct vault {
    zg_vault base;
    struct vault_file file;
    sqlite3_stmt *statements[STATEMENTS];
    struct loading loading;
    struct line line;
    bool pumping;
    uint8_t *plain;  /* ZG_VAULT_VALUE_MAX, in guarded memory */
    uint8_t *sealed; /* ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD */
};

static struct vault *vault_of(zg_vault *v)
{
    return (struct vault *)v; /* base is the first member */
}

/* --- loading --- */

static zg_err load_row(struct vault *v, sqlite3_stmt *s)
{
    const uint8_t *key = sqlite3_column_blob(s, 0);
    const uint8_t *value = sqlite3_column_blob(s, 1);
    size_t key_len = (size_t)sqlite3_column_bytes(s, 0);
    size_t len = (size_t)sqlite3_column_bytes(s, 1);
    if (key == NULL || value == NULL || key_len != ZG_VAULT_KEY_BYTES || len < SEAL_OVERHEAD ||
        len > ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD)
        return ZG_ERR_MALFORMED;

    /* The key is associated data: nobody who has the file can put one entry in the place of another. */
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {key, key_len}};
    if (seal_open(v->plain, v->file.key, ad, 2, value, len) != ZG_OK)
        return ZG_ERR_MALFORMED;
    zg_err err = v->loading.visit(v->loading.ctx, key, v->plain, len - SEAL_OVERHEAD);
    sodium_memzero(v->plain, len - SEAL_OVERHEAD);
    return err;
}

static zg_err load_all(struct vault *v)
{
    sqlite3_stmt *s = v->statements[ALL];
    zg_err err = ZG_OK;
    int rc;
    while (err == ZG_OK && (rc = sqlite3_step(s)) != SQLITE_DONE)
        err = rc == SQLITE_ROW ? load_row(v, s) : vault_file_err(rc);
    sqlite3_reset(s);
    return err;
}

static void vault_load(zg_vault *base, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    vault_of(base)->loading = (struct loading){visit, ctx, done};
}

/* --- writing --- */

static zg_err step(sqlite3_stmt *s, int bound)
{
    int rc = bound == SQLITE_OK ? sqlite3_step(s) : bound;
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return vault_file_err(rc);
}

static zg_err write_one(struct vault *v, const zg_vault_write *w)
{
    if (w->value == NULL) {
        sqlite3_stmt *s = v->statements[DELETE];
        return step(s, sqlite3_bind_blob(s, 1, w->key, ZG_VAULT_KEY_BYTES, SQLITE_STATIC));
    }
    if (w->len > ZG_VAULT_VALUE_MAX)
        return ZG_ERR_TOO_LARGE;
    const struct rng rng = rng_system();
    const struct span ad[] = {SPAN_LABEL(LABEL_VAULT_ENTRY), {w->key, ZG_VAULT_KEY_BYTES}};
    seal(v->sealed, v->file.key, ad, 2, w->value, w->len, &rng);

    sqlite3_stmt *s = v->statements[PUT];
    int rc = sqlite3_bind_blob(s, 1, w->key, ZG_VAULT_KEY_BYTES, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(s, 2, v->sealed, (int)(w->len + SEAL_OVERHEAD), SQLITE_STATIC);
    return step(s, rc);
}

static zg_err run(struct vault *v, const char *sql)
{
    return vault_file_err(sqlite3_exec(v->file.db, sql, NULL, NULL, NULL));
}

static zg_err write_batch(struct vault *v, const zg_vault_batch *b)
{
    zg_err err = run(v, "SAVEPOINT batch");
    if (err != ZG_OK)
        return err;
    for (size_t i = 0; i < b->count && err == ZG_OK; i++)
        err = write_one(v, &b->writes[i]);
    if (err == ZG_OK)
        return run(v, "RELEASE batch");
    /* A full disk may have ended the whole transaction already: then there is nothing to roll back to. */
    if (sqlite3_get_autocommit(v->file.db) == 0) {
        zg_err undone = run(v, "ROLLBACK TO batch; RELEASE batch");
        if (undone != ZG_OK)
            (void)run(v, "ROLLBACK");
    }
    return err;
}

/* Calls back the first batch of the line; its memory may be gone afterwards. */
static void finish_first(struct line *l, zg_err err)
{
    zg_vault_batch *b = l->first;
    l->first = b->next;
    if (l->first == NULL)
        l->last = NULL;
    b->next = NULL;
    b->done(b, err);
}

static zg_err storage_err(zg_err err)
{
    return err == ZG_ERR_TOO_LARGE || err == ZG_ERR_MEMORY ? err : ZG_ERR_STORAGE;
}

/* Results of one transaction are few at a time; more batches make another transaction. */
enum { TRANSACTION_BATCHES = 64 };

/* One transaction; whether all of it was stored. */
static bool write_line(struct vault *v)
{
    zg_err results[TRANSACTION_BATCHES];
    size_t count = 0;
    bool all = true;
    struct line taken = v->line;
    v->line = (struct line){NULL, NULL};

    zg_err whole = run(v, "BEGIN IMMEDIATE");
    for (zg_vault_batch *b = taken.first; b != NULL && count < TRANSACTION_BATCHES; b = b->next, count++) {
        if (whole == ZG_OK) {
            results[count] = write_batch(v, b);
            if (sqlite3_get_autocommit(v->file.db) != 0)
                whole = ZG_ERR_STORAGE;
        }
    }
    if (whole == ZG_OK)
        whole = run(v, "COMMIT");
    if (whole != ZG_OK && sqlite3_get_autocommit(v->file.db) == 0)
        (void)run(v, "ROLLBACK");

    for (size_t i = 0; i < count; i++) {
        zg_err err = whole != ZG_OK ? ZG_ERR_STORAGE : results[i] == ZG_OK ? ZG_OK : storage_err(results[i]);
        all = all && err == ZG_OK;
        finish_first(&taken, err);
    }
    if (taken.first != NULL) { /* what did not fit stands before what done submitted */
        taken.last->next = v->line.first;
        if (v->line.last == NULL)
            v->line.last = taken.last;
        v->line.first = taken.first;
    }
    return all;
}

static void vault_submit(zg_vault *base, zg_vault_batch *batch)
{
    struct vault *v = vault_of(base);
    batch->next = NULL;
    if (v->line.last != NULL)
        v->line.last->next = batch;
    else
        v->line.first = batch;
    v->line.last = batch;
}

static void vault_pump(zg_vault *base)
{
    struct vault *v = vault_of(base);
    if (v->pumping) /* called from inside done or visit */
        return;
    v->pumping = true;
    if (v->loading.done != NULL) {
        zg_err err = load_all(v);
        struct loading l = v->loading;
        v->loading = (struct loading){NULL, NULL, NULL};
        l.done(l.ctx, err);
    }
    while (v->line.first != NULL && write_line(v))
        ;
    /* Pages in memory may hold copies of what was deleted (proto/sqlite/scrub.h); the next journal must not get them. */
    sqlite3_db_release_memory(v->file.db);
    v->pumping = false;
}

/* --- opening and closing --- */

static void vault_free(struct vault *v)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(v->statements[i]);
    vault_file_close(&v->file);
    sodium_free(v->plain);
    free(v->sealed);
    free(v);
}

static void vault_close(zg_vault *base)
{
    struct vault *v = vault_of(base);
    vault_pump(base);
    while (v->line.first != NULL)
        finish_first(&v->line, ZG_ERR_STORAGE);
    vault_free(v);
}

static zg_err prepare(struct vault *v)
{
    v->plain = sodium_malloc(ZG_VAULT_VALUE_MAX);
    v->sealed = malloc(ZG_VAULT_VALUE_MAX + SEAL_OVERHEAD);
    if (v->plain == NULL || v->sealed == NULL)
        return ZG_ERR_MEMORY;
    for (int i = 0; i < STATEMENTS; i++) {
        int rc = sqlite3_prepare_v3(v->file.db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                    &v->statements[i], NULL);
        if (rc != SQLITE_OK)
            return vault_file_err(rc);
    }
    return ZG_OK;
}

zg_err vault_sqlite_open_with(zg_vault **out, const struct vault_file_options *options)
{
    struct vault *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return ZG_ERR_MEMORY;
    v->base = (zg_vault){.load = vault_load, .submit = vault_submit, .pump = vault_pump, .close = vault_close};
    zg_err err = vault_file_open(&v->file, options);
    if (err != ZG_OK) {
        free(v);
        return err;
    }
    err = prepare(v);
    if (err != ZG_OK) {
        vault_free(v);
        return err;
    }
    *out = &v->base;
    return ZG_OK;
}

zg_err zg_vault_sqlite_open(zg_vault **out, const char *path, enum zg_vault_sqlite_mode mode,
                            const char *passphrase, size_t len)
{
    if (path == NULL || passphrase == NULL)
        return ZG_ERR_ARGUMENT;
    return vault_sqlite_open_with(out, &(struct vault_file_options){
                                           .path = path,
                                           .mode = mode,
                                           .passphrase = {(const uint8_t *)passphrase, len},
                                           .cost = box_cost_default(),
                                       });
}
