#define _POSIX_C_SOURCE 200809L

#include "client/sqlite/vault_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/sqlite/vault_sql.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/sqlite/scrub.h"

enum { SCHEMA_VERSION = 2, APPLICATION_ID = 0x5a61676e /* "Zagn" */, JOURNAL_KEPT = 64 * 1024 };

#define SQL_ENTRY_1 \
    "CREATE TABLE entry(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID" /* schema 1 */
#define SQL_META "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), box BLOB NOT NULL)"

/* --- the file --- */

zg_err vault_folder_sync(const char *path)
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
    return vault_folder_sync(path);
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

/* --- the connection --- */

static zg_err set_up_connection(sqlite3 *db)
{
    /* What a stranger may have put into the file must not run. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_extended_result_codes(db, 1);
    zg_err err = sql_run(db, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
                             "PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON; PRAGMA synchronous=EXTRA;"
                             "PRAGMA max_page_count=" SCRUB_PAGES_MAX);
    /*
     * With EXCLUSIVE the lock is kept from here on until the file is closed. With PERSIST a journal stays
     * where it is and can be overwritten; nothing is moved to blocks that nobody can name any more.
     */
    if (err == ZG_OK)
        err = sql_run(db, "BEGIN EXCLUSIVE; COMMIT; PRAGMA journal_mode=PERSIST");
    return err;
}

/* f has both afterwards, or neither. */
static zg_err connect(struct vault_file *f, const char *path, const char *vfs)
{
    sqlite3 *db = NULL;
    struct scrub_vfs *scrub = calloc(1, sizeof(*scrub));
    if (scrub == NULL)
        return ZG_ERR_MEMORY;
    zg_err err = sql_err(scrub_register(scrub, vfs));
    if (err == ZG_OK)
        err = sql_err(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, scrub->name));
    if (err == ZG_OK)
        err = set_up_connection(db);
    if (err == ZG_OK) {
        f->db = db;
        f->scrub = scrub;
        return ZG_OK;
    }
    sqlite3_close(db);
    scrub_unregister(scrub);
    free(scrub);
    return err;
}

/* --- the journal --- */

/*
 * The journal of a transaction holds former pages: of the root too, and with it the former keys. SQLite only
 * puts zeros over its head. NULL: there is none open.
 */
static sqlite3_file *journal_of(sqlite3 *db)
{
    sqlite3_file *j = NULL;
    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &j) != SQLITE_OK || j == NULL)
        return NULL;
    return j->pMethods != NULL ? j : NULL;
}

static zg_err overwrite_journal(sqlite3 *db)
{
    static const uint8_t zeros[4096];
    sqlite3_file *j = journal_of(db);
    sqlite3_int64 size = 0;
    if (j == NULL)
        return ZG_OK;
    int rc = j->pMethods->xFileSize(j, &size);
    for (sqlite3_int64 at = 0; at < size && rc == SQLITE_OK; at += (sqlite3_int64)sizeof(zeros)) {
        sqlite3_int64 left = size - at;
        rc = j->pMethods->xWrite(j, zeros, left < (int)sizeof(zeros) ? (int)left : (int)sizeof(zeros), at);
    }
    if (rc == SQLITE_OK && size > 0)
        rc = j->pMethods->xSync(j, SQLITE_SYNC_NORMAL);
    if (rc == SQLITE_OK && size > JOURNAL_KEPT)
        rc = j->pMethods->xTruncate(j, 0);
    return sql_err(rc) == ZG_OK ? ZG_OK : ZG_ERR_STORAGE;
}

/* Whether a program that was killed left a journal behind. */
static bool journal_left(const struct vault_file_options *o)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(o->vfs);
    int there = 0;
    char *name = sqlite3_mprintf("%s-journal", o->path);
    if (vfs != NULL && name != NULL && vfs->xAccess(vfs, name, SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK)
        there = 0;
    sqlite3_free(name);
    return there != 0;
}

/* --- transactions --- */

zg_err vault_file_commit(struct vault_file *f)
{
    zg_err err = vault_keys_write(f->keys, f->key);
    if (err == ZG_OK)
        err = sql_run(f->db, "COMMIT");
    if (err != ZG_OK) {
        vault_file_rollback(f);
        return err;
    }
    vault_keys_committed(f->keys);
    /* Pages in memory may hold copies of what was deleted (proto/sqlite/scrub.h); no journal must get them.
     */
    sqlite3_db_release_memory(f->db);
    err = overwrite_journal(f->db);
    f->clean = err == ZG_OK;
    return err;
}

void vault_file_rollback(struct vault_file *f)
{
    f->broken = true;
    if (f->db != NULL && sqlite3_get_autocommit(f->db) == 0 && sql_run(f->db, "ROLLBACK") != ZG_OK)
        return; /* it will be rolled back when the file is opened again */
}

/* --- keys --- */

zg_err vault_file_rekey(struct vault_file *f, struct span passphrase, struct box_cost cost)
{
    uint8_t box[VAULT_KEY_BOX_BYTES];
    const struct rng rng = rng_system();
    rng_fill(&rng, f->key, KEY_BYTES);
    zg_err err = box_make(box, SPAN_LABEL(LABEL_VAULT_KEY), passphrase, cost, f->key, KEY_BYTES, &rng);
    if (err != ZG_OK)
        return err;
    return sql_run_blob(f->db,
                        "INSERT INTO meta(id, box) VALUES(1, ?1) ON CONFLICT(id) DO UPDATE SET box = ?1", box,
                        sizeof(box));
}

zg_err vault_file_prepare(struct vault_file *f)
{
    zg_err err = vault_keys_new(&f->keys, f->db);
    return err == ZG_OK ? vault_rows_new(&f->rows, f->db, f->keys) : err;
}

/* --- a new vault --- */

zg_err vault_file_make_tables(sqlite3 *db)
{
    char head[96];
    sqlite3_snprintf(sizeof(head), head, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
                     SCHEMA_VERSION);
    zg_err err = sql_run(db, KEYS_SQL_ROOT ";" KEYS_SQL_BLOCK ";" ROWS_SQL);
    return err == ZG_OK ? sql_run(db, head) : err;
}

static zg_err fill(struct vault_file *f, const struct vault_file_options *options)
{
    /* The box stands on the second page of the file, at its beginning, where a wipe starts. */
    zg_err err = sql_run(f->db, SQL_META);
    if (err == ZG_OK)
        err = vault_file_make_tables(f->db);
    if (err == ZG_OK)
        err = vault_file_prepare(f);
    return err == ZG_OK ? vault_file_rekey(f, options->passphrase, options->cost) : err;
}

static zg_err create(struct vault_file *f, const struct vault_file_options *options)
{
    int version = 0;
    zg_err err = sql_ask_int(f->db, "PRAGMA user_version", &version);
    if (err != ZG_OK)
        return err;
    if (version != 0)
        return ZG_ERR_CONFLICT; /* somebody else made it in between */
    err = sql_run(f->db, "BEGIN EXCLUSIVE");
    if (err == ZG_OK)
        err = fill(f, options);
    return err == ZG_OK ? vault_file_commit(f) : err; /* closing rolls back */
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
        return sql_err(rc);
    return whole ? ZG_OK : ZG_ERR_MALFORMED;
}

/* The tables of a version, exactly as that version makes them, and nothing else. */
static const char *const schema_sql[SCHEMA_VERSION + 1] = {
    [1] = "SELECT count(*) = 2 AND sum(sql IN ('" SQL_ENTRY_1 "','" SQL_META "')) = 2 FROM sqlite_schema",
    [2] = "SELECT count(*) = 4 AND sum(sql IN ('" ROWS_SQL "','" KEYS_SQL_ROOT "','" KEYS_SQL_BLOCK
          "','" SQL_META "')) = 4 FROM sqlite_schema",
};

static zg_err check_schema(sqlite3 *db, int *version)
{
    int is_ours = 0;
    int tables = 0;
    zg_err err = sql_ask_int(db, "SELECT application_id = 0x5a61676e FROM pragma_application_id", &is_ours);
    if (err == ZG_OK)
        err = sql_ask_int(db, "PRAGMA user_version", version);
    if (err != ZG_OK)
        return err;
    if (!is_ours || *version < 1)
        return ZG_ERR_MALFORMED;
    if (*version > SCHEMA_VERSION)
        return ZG_ERR_VERSION;
    err = sql_ask_int(db, schema_sql[*version], &tables);
    if (err == ZG_OK && !tables)
        err = ZG_ERR_MALFORMED;
    /* A damaged tree could lose entries without a word: say so before anything is loaded. */
    return err == ZG_OK ? check_trees(db) : err;
}

static zg_err load(struct vault_file *f)
{
    zg_err err = vault_file_prepare(f);
    if (err == ZG_OK)
        err = vault_keys_load(f->keys, f->key);
    return err == ZG_OK ? vault_rows_claim(f->rows) : err;
}

/* Everything but the key, which is the same. */
static void disconnect(struct vault_file *f)
{
    sqlite3_file *journal = f->clean && f->db != NULL ? journal_of(f->db) : NULL;
    vault_rows_free(f->rows);
    vault_keys_free(f->keys);
    /* It is in zeros: an empty one says that nothing is left to overwrite. */
    if (journal != NULL)
        (void)journal->pMethods->xTruncate(journal, 0);
    sqlite3_close(f->db);
    if (f->scrub != NULL)
        scrub_unregister(f->scrub);
    free(f->scrub);
    f->scrub = NULL;
    f->rows = NULL;
    f->keys = NULL;
    f->db = NULL;
}

static zg_err open_again(struct vault_file *f)
{
    disconnect(f);
    zg_err err = connect(f, f->path, f->vfs);
    if (err == ZG_OK)
        err = load(f);
    f->broken = err != ZG_OK;
    return err;
}

zg_err vault_file_begin(struct vault_file *f)
{
    f->clean = false;
    zg_err err = f->broken ? open_again(f) : ZG_OK;
    return err == ZG_OK ? sql_run(f->db, "BEGIN IMMEDIATE") : err;
}

/* A commit without content: it overwrites what lies in a journal. That it fails is no reason not to open. */
static zg_err clean(struct vault_file *f)
{
    if (vault_file_begin(f) != ZG_OK || vault_file_commit(f) != ZG_OK)
        return f->broken ? open_again(f) : ZG_OK;
    return ZG_OK;
}

static zg_err unlock(struct vault_file *f, const struct vault_file_options *options)
{
    uint8_t box[VAULT_KEY_BOX_BYTES];
    int version = 0;
    bool left = journal_left(options);
    zg_err err = check_schema(f->db, &version);
    if (err == ZG_OK)
        err = sql_ask_blob(f->db, "SELECT box FROM meta", box, sizeof(box));
    if (err == ZG_OK)
        err = box_open(f->key, SPAN_LABEL(LABEL_VAULT_KEY), options->passphrase, box, sizeof(box));
    if (err == ZG_OK)
        err = version < SCHEMA_VERSION ? vault_file_migrate(f, options) : load(f);
    return err == ZG_OK && left ? clean(f) : err;
}

/* --- opening and closing --- */

zg_err vault_file_open(struct vault_file *out, const struct vault_file_options *options)
{
    struct vault_file f = {.vfs = options->vfs};
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    if (options->mode == ZG_VAULT_CREATE && options->passphrase.len < BOX_PASSPHRASE_MIN)
        return ZG_ERR_ARGUMENT;

    zg_err err = prepare_file(options->path, options->mode);
    if (err != ZG_OK)
        return err;
    err = connect(&f, options->path, options->vfs);
    if (err != ZG_OK)
        goto err0;
    err = ZG_ERR_MEMORY;
    f.key = sodium_malloc(KEY_BYTES);
    f.path = strdup(options->path);
    if (f.key == NULL || f.path == NULL)
        goto err1;
    err = options->mode == ZG_VAULT_CREATE ? create(&f, options) : unlock(&f, options);
    if (err != ZG_OK)
        goto err1;
    *out = f;
    return ZG_OK;
err1:
    vault_file_close(&f);
err0:
    if (options->mode == ZG_VAULT_CREATE && err != ZG_ERR_CONFLICT && err != ZG_ERR_LOCKED)
        unlink(options->path);
    return err;
}

void vault_file_close(struct vault_file *f)
{
    disconnect(f);
    sodium_free(f->key); /* wipes */
    free(f->path);
    *f = (struct vault_file){0};
}
