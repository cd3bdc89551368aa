#define _POSIX_C_SOURCE 200809L

#include "client/sqlite/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/sqlite/scrub.h"

enum { SCHEMA_VERSION = 1, APPLICATION_ID = 0x5a61676e /* "Zagn" */, KEY_BOX_BYTES = KEY_BYTES + BOX_OVERHEAD };

#define SQL_ENTRY "CREATE TABLE entry(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
#define SQL_META "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), box BLOB NOT NULL)"

zg_err vault_file_err(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ZG_OK;
    case SQLITE_NOMEM:
        return ZG_ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ZG_ERR_LOCKED;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ZG_ERR_MALFORMED;
    default:
        return ZG_ERR_STORAGE;
    }
}

/* --- the file --- */

/* A new file's name survives a power cut only when its folder was synced. */
static zg_err sync_folder(const char *path)
{
    zg_err err = ZG_ERR_STORAGE;
    char *copy = strdup(path);
    if (copy == NULL)
        return ZG_ERR_MEMORY;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        if (fsync(fd) == 0)
            err = ZG_OK;
        close(fd);
    }
    free(copy);
    return err;
}

static zg_err make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ZG_ERR_CONFLICT : ZG_ERR_STORAGE;
    close(fd);
    return sync_folder(path);
}

/*
 * An empty file is what a creation leaves that was cut off: it may be created again. An existing file is only
 * looked at, never opened here: closing it would drop the locks that this process holds on it.
 */
static zg_err prepare_file(const char *path, enum zg_vault_sqlite_mode mode)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (errno != ENOENT)
            return ZG_ERR_STORAGE;
        return mode == ZG_VAULT_CREATE ? make_file(path) : ZG_ERR_NOT_FOUND;
    }
    if (!S_ISREG(st.st_mode))
        return mode == ZG_VAULT_CREATE ? ZG_ERR_CONFLICT : ZG_ERR_MALFORMED;
    if (mode == ZG_VAULT_CREATE && st.st_size > 0)
        return ZG_ERR_CONFLICT;
    if (mode == ZG_VAULT_CREATE)
        return chmod(path, 0600) == 0 ? ZG_OK : ZG_ERR_STORAGE;
    return st.st_size > 0 ? ZG_OK : ZG_ERR_NOT_FOUND;
}

/* --- SQLite --- */

static zg_err run(sqlite3 *db, const char *sql)
{
    return vault_file_err(sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* The first column of the first row as an integer. */
static zg_err ask_int(sqlite3 *db, const char *sql, int *out)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *out = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? ZG_ERR_MALFORMED : vault_file_err(rc);
}

static zg_err set_up_connection(sqlite3 *db)
{
    /* What a stranger may have put into the file must not run. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_extended_result_codes(db, 1);
    zg_err err = run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                         "PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=EXTRA");
    if (err == ZG_OK)
        err = vault_file_err(scrub_limit(db));
    /* With EXCLUSIVE the lock is kept from here on until the file is closed. */
    if (err == ZG_OK)
        err = run(db, "BEGIN EXCLUSIVE; COMMIT; PRAGMA journal_mode=TRUNCATE");
    return err;
}

static zg_err connect(sqlite3 **out, const char *path, const char *vfs)
{
    sqlite3 *db;
    const char *scrubbing = scrub_vfs(vfs);
    if (scrubbing == NULL)
        return ZG_ERR_MEMORY;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, scrubbing);
    zg_err err = rc == SQLITE_OK ? set_up_connection(db) : vault_file_err(rc);
    if (err == ZG_OK)
        *out = db;
    else
        sqlite3_close(db);
    return err;
}

/* --- a new vault --- */

static zg_err store_box(sqlite3 *db, const uint8_t box[KEY_BOX_BYTES])
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, "INSERT INTO meta(id, box) VALUES(1, ?)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob(s, 1, box, KEY_BOX_BYTES, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    sqlite3_finalize(s);
    return vault_file_err(rc);
}

static zg_err write_schema(sqlite3 *db, const uint8_t box[KEY_BOX_BYTES])
{
    char head[96];
    sqlite3_snprintf(sizeof(head), head, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
                     SCHEMA_VERSION);
    zg_err err = run(db, "BEGIN EXCLUSIVE");
    if (err == ZG_OK)
        err = run(db, SQL_ENTRY ";" SQL_META);
    if (err == ZG_OK)
        err = run(db, head);
    if (err == ZG_OK)
        err = store_box(db, box);
    return err == ZG_OK ? run(db, "COMMIT") : err;
}

static zg_err create(struct vault_file *f, const struct vault_file_options *options)
{
    int version = 0;
    uint8_t box[KEY_BOX_BYTES];
    const struct rng rng = rng_system();

    zg_err err = ask_int(f->db, "PRAGMA user_version", &version);
    if (err != ZG_OK)
        return err;
    if (version != 0)
        return ZG_ERR_CONFLICT; /* somebody else made it in between */
    rng_fill(&rng, f->key, KEY_BYTES);
    err = box_make(box, SPAN_LABEL(LABEL_VAULT_KEY), options->passphrase, options->cost, f->key, KEY_BYTES, &rng);
    return err == ZG_OK ? write_schema(f->db, box) : err;
}

/* --- an existing one --- */

static zg_err check_trees(sqlite3 *db)
{
    sqlite3_stmt *s;
    /* Not as a function in a SELECT: newer versions of SQLite take its argument for the name of a table. */
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    const unsigned char *found = rc == SQLITE_ROW ? sqlite3_column_text(s, 0) : NULL;
    bool whole = found != NULL && strcmp((const char *)found, "ok") == 0;
    sqlite3_finalize(s);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return vault_file_err(rc);
    return whole ? ZG_OK : ZG_ERR_MALFORMED;
}

static zg_err check_schema(sqlite3 *db)
{
    int is_ours = 0;
    int version = 0;
    int tables = 0;
    zg_err err = ask_int(db, "SELECT application_id = 0x5a61676e FROM pragma_application_id", &is_ours);
    if (err == ZG_OK)
        err = ask_int(db, "PRAGMA user_version", &version);
    if (err != ZG_OK)
        return err;
    if (!is_ours || version < 1)
        return ZG_ERR_MALFORMED;
    if (version > SCHEMA_VERSION)
        return ZG_ERR_VERSION;
    err = ask_int(db,
                  "SELECT count(*) = 2 AND sum(sql IN ('" SQL_ENTRY "','" SQL_META "')) = 2 FROM sqlite_schema",
                  &tables);
    if (err == ZG_OK && !tables)
        err = ZG_ERR_MALFORMED;
    /* A damaged tree could lose entries without a word: say so before anything is loaded. */
    return err == ZG_OK ? check_trees(db) : err;
}

static zg_err load_box(sqlite3 *db, uint8_t box[KEY_BOX_BYTES])
{
    zg_err err = ZG_ERR_MALFORMED;
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(db, "SELECT box FROM meta", -1, &s, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(s);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(s, 0) == KEY_BOX_BYTES) {
        const void *at = sqlite3_column_blob(s, 0);
        if (at != NULL) {
            memcpy(box, at, KEY_BOX_BYTES);
            err = ZG_OK;
        }
    } else if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        err = vault_file_err(rc);
    }
    sqlite3_finalize(s);
    return err;
}

static zg_err unlock(struct vault_file *f, const struct vault_file_options *options)
{
    uint8_t box[KEY_BOX_BYTES];
    zg_err err = check_schema(f->db);
    if (err == ZG_OK)
        err = load_box(f->db, box);
    if (err == ZG_OK)
        err = box_open(f->key, SPAN_LABEL(LABEL_VAULT_KEY), options->passphrase, box, sizeof(box));
    return err;
}

zg_err vault_file_open(struct vault_file *out, const struct vault_file_options *options)
{
    struct vault_file f = {NULL, NULL};
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    if (options->mode == ZG_VAULT_CREATE && options->passphrase.len < BOX_PASSPHRASE_MIN)
        return ZG_ERR_ARGUMENT;

    zg_err err = prepare_file(options->path, options->mode);
    if (err != ZG_OK)
        return err;
    err = connect(&f.db, options->path, options->vfs);
    if (err != ZG_OK)
        goto err0;
    f.key = sodium_malloc(KEY_BYTES);
    if (f.key == NULL) {
        err = ZG_ERR_MEMORY;
        goto err1;
    }
    err = options->mode == ZG_VAULT_CREATE ? create(&f, options) : unlock(&f, options);
    if (err != ZG_OK)
        goto err2;
    *out = f;
    return ZG_OK;
err2:
    sodium_free(f.key);
err1:
    sqlite3_close(f.db);
err0:
    if (options->mode == ZG_VAULT_CREATE && err != ZG_ERR_CONFLICT && err != ZG_ERR_LOCKED)
        unlink(options->path);
    return err;
}

void vault_file_close(struct vault_file *f)
{
    sodium_free(f->key); /* wipes */
    sqlite3_close(f->db);
    f->key = NULL;
    f->db = NULL;
}
