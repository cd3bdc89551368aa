/*
 * A backup in slices: rows are copied into a second file table by table, in the order of their keys, while
 * commits go on in between. So it is no picture of one moment; what was made or ended meanwhile may be in it
 * or not. Queues come before vouchers: a voucher that is spent in between is in it, or what it bought is, or
 * neither.
 *
 * The file has no journal and is not synced while it grows: until the last slice it is worth nothing, and it
 * says so itself ("complete").
 */
#define _POSIX_C_SOURCE 200809L
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/store/backup.h"
#include "relay/store/backup_form.h"
#include "relay/store/sqlite_engine.h"

static const char form_sql[] =
    "PRAGMA page_size = 4096;"
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA temp_store = MEMORY;"
    "CREATE TABLE about (complete INTEGER NOT NULL, scope INTEGER NOT NULL);"
    "CREATE TABLE blob (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " takes INTEGER NOT NULL, names BLOB NOT NULL);"
    "CREATE TABLE voucher (name BLOB PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE slot (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, version INTEGER NOT NULL,"
    " epoch INTEGER, hour INTEGER NOT NULL, names BLOB NOT NULL, value BLOB NOT NULL);"
    "CREATE TABLE message (key INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, marked INTEGER NOT NULL,"
    " handle BLOB NOT NULL, sealed BLOB NOT NULL);"
    "CREATE TABLE epoch (id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, key BLOB NOT NULL);"
    "PRAGMA user_version = 1;"
    "PRAGMA application_id = 1514235714;";

_Static_assert(BACKUP_VERSION == 1 && BACKUP_APPLICATION_ID == 1514235714, "form_sql writes these numbers");

/*
 * One table's way. read is given the cursor behind which it goes on and how many rows; its first column is
 * the next cursor. The names of vouchers are no numbers: they go by hour, and the hour's names in turn.
 */
struct part {
    const char *read, *write;
    int columns;
    bool everything; /* only with BACKUP_EVERYTHING */
};

static const struct part parts[] = {
    {"SELECT id, kind, ends, takes, names FROM queue WHERE id > ?1 ORDER BY id LIMIT ?2",
     "INSERT INTO queue VALUES (?1, ?2, ?3, ?4, ?5)", 5, false},
    {"SELECT id, name FROM name WHERE role = 8 AND (id, name) > (?1, ?3) ORDER BY id, name LIMIT ?2",
     "INSERT OR IGNORE INTO voucher (id, name) VALUES (?1, ?2)", 2, false},
    {"SELECT id, ttl, version, epoch, hour, names, value FROM slot"
     " WHERE id > ?1 AND (epoch IS NULL OR ?3) ORDER BY id LIMIT ?2",
     "INSERT INTO slot VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", 7, false},
    {"SELECT key, epoch, marked, handle, sealed FROM message WHERE key > ?1 ORDER BY key LIMIT ?2",
     "INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5)", 5, true},
};

enum { PARTS = sizeof(parts) / sizeof(parts[0]), PART_QUEUES = 0, PART_VOUCHERS = 1, PART_SLOTS = 2 };

struct backup_writer {
    sqlite3 *db;
    char *path;
    enum backup_scope scope;
    size_t part;
    int64_t cursor;
    struct name name; /* the last voucher's */
    uint64_t slices;
};

/* The file goes with it, unless it is complete. */
void db_backup_abandon(struct sqlite_engine *e)
{
    struct backup_writer *b = e->backup;
    if (b == NULL)
        return;
    sqlite3_close(b->db);
    unlink(b->path);
    free(b->path);
    free(b);
    e->backup = NULL;
}

static int put_blobs(struct backup_writer *b, const struct store_job *job)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(b->db, "INSERT INTO blob VALUES (?1, ?2)", -1, &s, NULL);
    for (size_t i = 0; i < job->u.backup.blob_count && rc == SQLITE_OK; i++) {
        const struct backup_blob *blob = &job->u.backup.blobs[i];
        assert(blob->len <= BACKUP_BLOB_MAX);
        sqlite3_bind_text(s, 1, blob->name, -1, SQLITE_STATIC);
        bind_bytes(s, 2, blob->data, blob->len);
        rc = statement_run(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static int start(struct sqlite_engine *e, struct store_job *job)
{
    int fd = open(job->u.backup.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return db_key_err(errno);
    close(fd);
    struct backup_writer *b = calloc(1, sizeof(*b));
    char *path = strdup(job->u.backup.path);
    if (b == NULL || path == NULL) {
        unlink(job->u.backup.path);
        free(path);
        free(b);
        return SQLITE_NOMEM;
    }
    b->path = path;
    b->scope = job->u.backup.scope;
    e->backup = b;
    int rc = sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db, form_sql, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db,
                          b->scope == BACKUP_EVERYTHING ? "INSERT INTO about VALUES (0, 1)"
                                                        : "INSERT INTO about VALUES (0, 0)",
                          NULL, NULL, NULL);
    return rc == SQLITE_OK ? put_blobs(b, job) : rc;
}

static void bind_cursor(const struct backup_writer *b, sqlite3_stmt *s, uint32_t limit)
{
    sqlite3_bind_int64(s, 1, b->cursor);
    bind_number(s, 2, limit);
    if (b->part == PART_VOUCHERS)
        bind_name(s, 3, &b->name);
    else if (b->part == PART_SLOTS)
        bind_number(s, 3, b->scope == BACKUP_EVERYTHING);
}

static int copy_row(struct backup_writer *b, sqlite3_stmt *from, sqlite3_stmt *to)
{
    for (int i = 0; i < parts[b->part].columns; i++) {
        int rc = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
        if (rc != SQLITE_OK)
            return rc;
    }
    int rc = statement_run(to);
    b->cursor = sqlite3_column_int64(from, 0);
    if (rc == SQLITE_OK && b->part == PART_VOUCHERS)
        rc = column_copy(from, 1, b->name.b, sizeof(b->name.b));
    return rc;
}

/* *count: how many of `limit` rows there were. */
static int copy_rows(struct sqlite_engine *e, uint32_t limit, uint32_t *count)
{
    struct backup_writer *b = e->backup;
    sqlite3_stmt *from = NULL, *to = NULL;
    bool row = true;

    *count = 0;
    int rc = sqlite3_prepare_v2(e->db, parts[b->part].read, -1, &from, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(b->db, parts[b->part].write, -1, &to, NULL);
    if (rc == SQLITE_OK) {
        bind_cursor(b, from, limit);
        rc = sqlite3_exec(b->db, "BEGIN", NULL, NULL, NULL);
    }
    while (rc == SQLITE_OK && (rc = statement_row(from, &row)) == SQLITE_OK && row) {
        rc = copy_row(b, from, to);
        (*count)++;
    }
    sqlite3_finalize(from);
    sqlite3_finalize(to);
    return rc == SQLITE_OK ? sqlite3_exec(b->db, "COMMIT", NULL, NULL, NULL) : rc;
}

static int put_keys(struct sqlite_engine *e)
{
    sqlite3_stmt *s;
    int rc = sqlite3_prepare_v2(e->backup->db, "INSERT INTO epoch VALUES (?1, ?2, ?3)", -1, &s, NULL);
    for (size_t i = 0; i < e->ring.count && rc == SQLITE_OK; i++) {
        const struct epoch *epoch = &e->ring.epochs[i];
        if (epoch->begun)
            continue;
        bind_number(s, 1, epoch->id);
        bind_number(s, 2, epoch->hour);
        bind_bytes(s, 3, epoch->key, sizeof(epoch->key));
        rc = statement_run(s);
    }
    sqlite3_finalize(s);
    return rc;
}

static int sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    int err = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return db_key_err(err);
}

static int sync_folder_of(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash == NULL)
        return sync_path(".", O_RDONLY | O_DIRECTORY);
    char kept = slash[1];
    slash[1] = '\0';
    int rc = sync_path(path, O_RDONLY | O_DIRECTORY);
    slash[1] = kept;
    return rc;
}

static int finish(struct sqlite_engine *e)
{
    struct backup_writer *b = e->backup;
    int rc = b->scope == BACKUP_EVERYTHING ? put_keys(e) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(b->db, "UPDATE about SET complete = 1", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_close(b->db);
        b->db = NULL;
    }
    if (rc == SQLITE_OK)
        rc = sync_path(b->path, O_RDONLY);
    if (rc == SQLITE_OK)
        rc = sync_folder_of(b->path);
    if (rc != SQLITE_OK)
        return rc;
    free(b->path);
    free(b);
    e->backup = NULL;
    return SQLITE_OK;
}

/* The rest of a table, or a slice of it; then the next table. */
static int slice(struct sqlite_engine *e, uint32_t limit, bool *more)
{
    struct backup_writer *b = e->backup;
    uint32_t count;
    int rc = copy_rows(e, limit, &count);
    if (rc != SQLITE_OK)
        return rc;
    if (count < limit) {
        b->cursor = 0;
        do
            b->part++;
        while (b->part < PARTS && parts[b->part].everything && b->scope != BACKUP_EVERYTHING);
    }
    *more = b->part < PARTS;
    return *more ? SQLITE_OK : finish(e);
}

int db_job_backup(struct sqlite_engine *e, struct store_job *job)
{
    int rc = SQLITE_OK;

    job->u.backup.more = false;
    if (job->u.backup.at == 0) {
        db_backup_abandon(e);
        rc = start(e, job);
    } else if (e->backup == NULL || job->u.backup.at != e->backup->slices) {
        rc = SQLITE_MISUSE;
    }
    if (rc == SQLITE_OK) {
        job->u.backup.at = ++e->backup->slices;
        rc = slice(e, job->u.backup.limit > 0 ? job->u.backup.limit : 1, &job->u.backup.more);
    }
    if (rc != SQLITE_OK)
        db_backup_abandon(e);
    return rc;
}
