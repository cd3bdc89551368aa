#define _GNU_SOURCE

#include "tests/forensic/capture.h"

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zaguan/vault_sqlite.h>

#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"
#include "tests/support/process.h"

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "forensic: %s: %s\n", what, why);
    abort();
}

/* A copy of a file or folder, in a new folder: what is in use is not touched. */
static void copy(const char *from, char *folder, size_t cap)
{
    char said[256];
    folder_make(folder, cap);
    const char *const cp[] = {"cp", "-r", from, folder, NULL};
    if (process_run(cp, NULL, said, sizeof(said)) != 0)
        give_up("cannot be copied", said);
}

/* --- the relay --- */

/* Columns by their sizes: the schema is not this test's. */
static void add_column(struct wanted *w, sqlite3_stmt *s, int column)
{
    const void *blob = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);
    if (sqlite3_column_type(s, column) != SQLITE_BLOB)
        return;
    if (len == WIRE_HANDLE_BYTES)
        wanted_add(w, WHAT_HANDLE, blob, len);
    else if (len >= WIRE_ENVELOPE_BYTES)
        wanted_add(w, WHAT_SEALED, blob, len);
}

static void add_envelopes(struct wanted *w, struct engine *e, uint64_t queue)
{
    static struct store_job job;
    job = (struct store_job){.kind = JOB_LOAD, .u.load = {.queue = queue, .limit = STORE_LOAD_MAX}};
    e->execute(e, &job);
    if (job.result != ZG_OK)
        give_up("a queue cannot be loaded", zg_err_name(job.result));
    for (uint32_t i = 0; i < job.u.load.count; i++) {
        wanted_add(w, WHAT_ENVELOPE, job.u.load.messages[i].envelope->bytes, WIRE_ENVELOPE_BYTES);
        envelope_unref(job.u.load.messages[i].envelope);
    }
}

enum { QUEUES_MAX = 16 };

/* Rows as they are; returns the queues that they belong to. */
static size_t read_rows(struct wanted *w, const char *db_path, uint64_t queues[QUEUES_MAX], size_t *queue_count)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    size_t rows = 0;
    *queue_count = 0;
    if (sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT key, * FROM message", -1, &s, NULL) != SQLITE_OK)
        give_up("the relay's database", sqlite3_errmsg(db));
    while (sqlite3_step(s) == SQLITE_ROW) {
        uint64_t queue = (uint64_t)sqlite3_column_int64(s, 0) >> STORE_SEQ_BITS;
        for (int i = 1; i < sqlite3_column_count(s); i++)
            add_column(w, s, i);
        if ((*queue_count == 0 || queues[*queue_count - 1] != queue) && *queue_count < QUEUES_MAX)
            queues[(*queue_count)++] = queue;
        rows++;
    }
    sqlite3_finalize(s);
    sqlite3_close(db);
    return rows;
}

static int add_key(void *ctx, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    (void)id;
    wanted_add(ctx, WHAT_EPOCH_KEY, key, EPOCH_KEY_BYTES);
    return 0;
}

size_t capture_relay(struct wanted *w, const char *relay_dir)
{
    char folder[64], path[128], why[128] = "";
    uint64_t queues[QUEUES_MAX];
    size_t count;
    struct engine *e;
    copy(relay_dir, folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/relay/relay.db", folder);
    size_t rows = read_rows(w, path, queues, &count);

    char keys[128];
    snprintf(keys, sizeof(keys), "%s/relay/keys", folder);
    struct key_place *place = epoch_files_new(keys);
    if (place == NULL || place->load(place, add_key, w) != 0)
        give_up("the relay's keys", "cannot be read");
    const struct sqlite_options options = {.path = path, .exclusive = true, .keys = place};
    if (sqlite_engine_open(&e, &options, why, sizeof(why)) != ZG_OK)
        give_up("the copy cannot be opened", why);
    for (size_t i = 0; i < count; i++)
        add_envelopes(w, e, queues[i]);
    e->close(e);
    place->close(place);
    folder_remove(folder);
    return rows;
}

/* --- a vault --- */

static void read_entries(struct wanted *w, const char *path)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT * FROM entries", -1, &s, NULL) != SQLITE_OK)
        give_up("the vault", sqlite3_errmsg(db));
    while (sqlite3_step(s) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(s); i++)
            if (sqlite3_column_type(s, i) == SQLITE_BLOB && sqlite3_column_bytes(s, i) > WANTED_BYTES)
                wanted_add(w, WHAT_ENTRY, sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i));
    sqlite3_finalize(s);
    sqlite3_close(db);
}

/* Bytes that could stand anywhere say nothing. */
static bool is_telling(const uint8_t *bytes, size_t len)
{
    size_t different = 0;
    for (size_t i = 1; i < len; i++)
        different += bytes[i] != bytes[i - 1];
    return different > len * 3 / 4;
}

struct opened {
    struct wanted *add; /* or drop */
    struct wanted *drop;
    size_t count;
    zg_err err;
};

static zg_err visit(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct opened *o = ctx;
    (void)key;
    o->count++;
    if (o->drop != NULL)
        wanted_drop(o->drop, value, len);
    for (size_t at = 0; o->add != NULL && at + WANTED_BYTES <= len && at < 20 * WANTED_BYTES; at += 4 * WANTED_BYTES)
        if (is_telling(value + at, WANTED_BYTES))
            wanted_add(o->add, WHAT_ENTRY_WORDS, value + at, WANTED_BYTES);
    return ZG_OK;
}

static void on_loaded(void *ctx, zg_err err)
{
    ((struct opened *)ctx)->err = err;
}

static void open_vault(struct opened *o, const char *path, const char *passphrase)
{
    zg_vault *v;
    zg_err err = zg_vault_sqlite_open(&v, path, ZG_VAULT_OPEN, passphrase, strlen(passphrase));
    if (err != ZG_OK)
        give_up("the copy of the vault cannot be opened", zg_err_name(err));
    v->load(v, visit, o, on_loaded);
    v->pump(v);
    v->close(v);
    if (o->err != ZG_OK)
        give_up("the copy of the vault cannot be read", zg_err_name(o->err));
}

size_t capture_vault(struct wanted *w, const char *vault, const char *passphrase)
{
    char folder[64], path[128];
    struct opened o = {.add = w};
    copy(vault, folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, strrchr(vault, '/') + 1);
    read_entries(w, path);
    open_vault(&o, path, passphrase);
    folder_remove(folder);
    return o.count;
}

void capture_keep(struct wanted *w, const char *vault, const char *passphrase)
{
    char folder[64], path[128];
    struct opened o = {.drop = w};
    static struct wanted now;
    now.count = 0;
    copy(vault, folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/%s", folder, strrchr(vault, '/') + 1);
    read_entries(&now, path);
    open_vault(&o, path, passphrase);
    for (size_t i = 0; i < now.count; i++)
        wanted_drop(w, now.items[i].bytes, now.items[i].len);
    folder_remove(folder);
}
