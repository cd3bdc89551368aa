/*
 * A vault in an SQLite file, working inside the caller's thread.
 *
 * Happy path: submit puts a batch into the line; pump writes all that wait in one transaction, each batch in
 * a savepoint of its own, commits, and calls their done in order. Failures: a batch that cannot be written is
 * rolled back alone and done with its error; if the transaction or its commit fails, all of it is done with
 * ZG_ERR_STORAGE. So it is if all was stored but former content could not be overwritten: the same batches
 * again do no harm, and to be told that something is gone while it is not does. What done submits is written
 * by the same pump, unless something failed: then by the next one, so that a full disk does not become an
 * endless loop.
 */
#include <zaguan/vault_sqlite.h>

#include <stdbool.h>
#include <stdlib.h>

#include "client/sqlite/vault_file.h"
#include "client/sqlite/vault_sql.h"

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
    struct loading loading;
    struct line line;
    bool pumping;
};

static struct vault *vault_of(zg_vault *v)
{
    return (struct vault *)v; /* base is the first member */
}

static void vault_load(zg_vault *base, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err))
{
    vault_of(base)->loading = (struct loading){visit, ctx, done};
}

/* --- writing --- */

static zg_err write_one(struct vault *v, const zg_vault_write *w)
{
    if (w->value == NULL)
        return vault_rows_delete(v->file.rows, w->key);
    return vault_rows_put(v->file.rows, w->key, w->value, w->len);
}

static zg_err write_all(struct vault *v, const zg_vault_batch *b)
{
    zg_err err = sql_run(v->file.db, "SAVEPOINT batch");
    for (size_t i = 0; i < b->count && err == ZG_OK; i++)
        err = write_one(v, &b->writes[i]);
    return err == ZG_OK ? sql_run(v->file.db, "RELEASE batch") : err;
}

static zg_err write_batch(struct vault *v, const zg_vault_batch *b)
{
    size_t mark = vault_keys_mark(v->file.keys);
    zg_err err = write_all(v, b);
    if (err == ZG_OK)
        return ZG_OK;
    /* A full disk may have ended the whole transaction already: then there is nothing to roll back to. */
    if (sqlite3_get_autocommit(v->file.db) == 0 &&
        sql_run(v->file.db, "ROLLBACK TO batch; RELEASE batch") == ZG_OK)
        vault_keys_undo(v->file.keys, mark);
    else
        vault_file_rollback(&v->file);
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

    zg_err whole = vault_file_begin(&v->file);
    for (zg_vault_batch *b = taken.first; b != NULL && count < TRANSACTION_BATCHES; b = b->next, count++) {
        if (whole == ZG_OK) {
            results[count] = write_batch(v, b);
            if (sqlite3_get_autocommit(v->file.db) != 0)
                whole = ZG_ERR_STORAGE;
        }
    }
    if (whole == ZG_OK)
        whole = vault_file_commit(&v->file);
    else
        vault_file_rollback(&v->file);

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
        struct loading l = v->loading;
        zg_err err = v->file.rows != NULL ? vault_rows_each(v->file.rows, l.visit, l.ctx) : ZG_ERR_STORAGE;
        v->loading = (struct loading){NULL, NULL, NULL};
        l.done(l.ctx, err);
    }
    while (v->line.first != NULL && write_line(v))
        ;
    v->pumping = false;
}

/* --- opening and closing --- */

static void vault_close(zg_vault *base)
{
    struct vault *v = vault_of(base);
    vault_pump(base);
    while (v->line.first != NULL)
        finish_first(&v->line, ZG_ERR_STORAGE);
    vault_file_close(&v->file);
    free(v);
}

zg_err vault_sqlite_open_with(zg_vault **out, const struct vault_file_options *options)
{
    struct vault *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return ZG_ERR_MEMORY;
    v->base =
        (zg_vault){.load = vault_load, .submit = vault_submit, .pump = vault_pump, .close = vault_close};
    zg_err err = vault_file_open(&v->file, options);
    if (err != ZG_OK) {
        free(v);
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
