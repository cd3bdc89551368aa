/*
 * One job at a time: reads run as they are, commits and purges in one transaction each.
 *
 * Failure: whatever SQLite reports rolls the transaction back, and the job's result says so. The connection
 * stays open: the next job tries again, so that a disk that was full works as soon as there is room.
 */
#define _POSIX_C_SOURCE 200809L
#include "relay/store/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/store/sqlite_engine.h"

static write_fn *const writers[] = {
    [WRITE_MESSAGE] = db_write_message,
    [WRITE_DROP_MESSAGE] = db_write_drop_message,
    [WRITE_DROP_HANDLE] = db_write_drop_handle,
    [WRITE_QUEUE] = db_write_queue,
    [WRITE_KNOCK] = db_write_knock,
    [WRITE_QUEUE_NAMES] = db_write_queue_names,
    [WRITE_DROP_QUEUE] = db_write_drop_queue,
    [WRITE_TOUCH] = db_write_touch,
    [WRITE_VOUCHERS] = db_write_vouchers,
    [WRITE_SLOT] = db_write_slot,
    [WRITE_SLOT_VALUE] = db_write_slot_value,
    [WRITE_SLOT_NAMES] = db_write_slot_names,
    [WRITE_DROP_SLOT] = db_write_drop_slot,
};

/* Of one commit; between the two it stays as it is. */
enum { WRITES_FEW = 10, WRITES_MANY = 100 };

static int write_all(struct sqlite_engine *e, struct store_job *job)
{
    for (size_t i = 0; i < job->u.commit.count; i++) {
        struct store_write *w = &job->u.commit.writes[i];
        assert((size_t)w->kind < sizeof(writers) / sizeof(writers[0]));
        int rc = writers[w->kind](e, w, job->u.commit.hour);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

static int add_totals(struct sqlite_engine *e)
{
    const struct totals *d = &e->delta;
    if (d->queues == 0 && d->slots == 0 && d->vouchers == 0 && d->messages == 0 && d->marks == 0)
        return SQLITE_OK;
    sqlite3_stmt *s = statement_get(e, S_TOTALS_ADD);
    sqlite3_bind_int64(s, 1, d->queues);
    sqlite3_bind_int64(s, 2, d->slots);
    sqlite3_bind_int64(s, 3, d->vouchers);
    sqlite3_bind_int64(s, 4, d->messages);
    sqlite3_bind_int64(s, 5, d->marks);
    return statement_run(s);
}

static int read_pragma(struct sqlite_engine *e, enum statement which, uint64_t *out)
{
    bool row;
    sqlite3_stmt *s = statement_get(e, which);
    int rc = statement_row(s, &row);
    if (rc != SQLITE_OK || !row)
        return rc == SQLITE_OK ? SQLITE_CORRUPT : rc;
    *out = column_number(s, 0);
    sqlite3_reset(s);
    return SQLITE_OK;
}

/* What the first page says of pages, with what this transaction did to them; 0: it makes no sense. */
static int bytes_used(struct sqlite_engine *e, uint64_t *out)
{
    uint64_t count, unused, size;
    int rc = read_pragma(e, S_PAGE_COUNT, &count);
    if (rc == SQLITE_OK)
        rc = read_pragma(e, S_PAGES_FREE, &unused);
    if (rc == SQLITE_OK)
        rc = read_pragma(e, S_PAGE_SIZE, &size);
    if (rc == SQLITE_OK)
        *out = count > unused ? (count - unused) * size : 0;
    return rc;
}

static void roll_back(struct sqlite_engine *e)
{
    e->due_walk.epoch = 0;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_reset(e->statement[i]);
    /* SQLite has rolled back by itself after most errors; then this would be an error of its own. */
    if (!sqlite3_get_autocommit(e->db))
        (void)statement_run(statement_get(e, S_ROLLBACK));
}

int db_transact(struct sqlite_engine *e, struct store_job *job,
                int (*work)(struct sqlite_engine *, struct store_job *))
{
    memset(&e->delta, 0, sizeof(e->delta));
    e->due_note.epoch = 0;
    e->fresh_count = 0;
    e->journal_used = true;
    int rc = statement_run(statement_get(e, S_BEGIN));
    if (rc != SQLITE_OK)
        return rc;
    rc = work(e, job);
    if (rc == SQLITE_OK)
        rc = db_due_write(e);
    if (rc == SQLITE_OK)
        rc = add_totals(e);
    if (rc == SQLITE_OK)
        rc = bytes_used(e, &job->used);
    if (rc == SQLITE_OK)
        rc = statement_run(statement_get(e, S_COMMIT));
    if (rc == SQLITE_OK) {
        e->passing += e->delta.passing;
        db_epochs_committed(e);
    } else {
        roll_back(e);
    }
    return rc;
}

static int job_purge(struct sqlite_engine *e, struct store_job *job)
{
    int rc = db_key_err(key_ring_begin(&e->ring, job->u.purge.hour));
    return rc == SQLITE_OK ? db_transact(e, job, db_purge) : rc;
}

/*
 * Who is busy looks at the same pages of the trees again and again, and a large commit changes more pages
 * than fit else. With the first small one the memory is given back.
 */
static void make_room(struct sqlite_engine *e, size_t writes)
{
    bool roomy = writes >= (e->roomy ? WRITES_FEW : WRITES_MANY);
    if (roomy == e->roomy)
        return;
    if (schema_make_room(e->db, roomy) == SQLITE_OK)
        e->roomy = roomy;
}

static int job_commit(struct sqlite_engine *e, struct store_job *job)
{
    if (job->u.commit.count == 0)
        return SQLITE_OK;
    make_room(e, job->u.commit.count);
    return db_transact(e, job, write_all);
}

/* SQLite truncates the journal, but does not wait until the disk knows its new length. */
static int sync_journal(struct sqlite_engine *e)
{
    sqlite3_file *journal = NULL;
    int rc = sqlite3_file_control(e->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &journal);
    if (rc != SQLITE_OK || journal == NULL || journal->pMethods == NULL)
        return rc;
    return journal->pMethods->xSync(journal, SQLITE_SYNC_FULL);
}

/*
 * What SQLite keeps in memory. Its pages may hold copies of what was deleted (proto/sqlite/scrub.h), and the
 * next journal must not get them. The last row that was written stands in its room for rows until another one
 * does: one of zeros, which is taken back.
 */
static void forget_in_memory(struct sqlite_engine *e)
{
    if (statement_run(statement_get(e, S_BEGIN)) == SQLITE_OK)
        (void)statement_run(statement_get(e, S_OVERWRITE));
    roll_back(e);
    sqlite3_db_release_memory(e->db);
}

static int job_forget(struct sqlite_engine *e, struct store_job *job)
{
    (void)job;
    if (!e->journal_used)
        return SQLITE_OK;
    int rc = sqlite3_wal_checkpoint_v2(e->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sync_journal(e);
    forget_in_memory(e);
    e->journal_used = rc != SQLITE_OK;
    return rc;
}

static enum store_trouble trouble_of(struct sqlite_engine *e, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return TROUBLE_NONE;
    case SQLITE_FULL:
        return TROUBLE_FULL;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return TROUBLE_READ_ONLY;
    case SQLITE_NOMEM:
        return TROUBLE_MEMORY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        break;
    default:
        return TROUBLE_IO;
    }
    if (rc == SQLITE_IOERR_NOMEM)
        return TROUBLE_MEMORY;
    switch (sqlite3_system_errno(e->db)) {
    case ENOSPC:
    case EDQUOT:
        return TROUBLE_FULL;
    case EROFS:
        return TROUBLE_READ_ONLY;
    default:
        return TROUBLE_IO;
    }
}

static void execute(struct engine *engine, struct store_job *job)
{
    static int (*const jobs[])(struct sqlite_engine *, struct store_job *) = {
        [JOB_COMMIT] = job_commit, [JOB_FIND] = db_job_find,     [JOB_LOAD] = db_job_load,
        [JOB_SLOT] = db_job_slot,  [JOB_PURGE] = job_purge,      [JOB_STATUS] = db_job_status,
        [JOB_FORGET] = job_forget, [JOB_BACKUP] = db_job_backup, [JOB_COUNTS] = db_job_counts,
    };
    struct sqlite_engine *e = (struct sqlite_engine *)engine;

    assert((size_t)job->kind < sizeof(jobs) / sizeof(jobs[0]));
    int rc = jobs[job->kind](e, job);
    job->trouble = trouble_of(e, rc);
    job->result = job->trouble == TROUBLE_NONE     ? ZG_OK
                  : job->trouble == TROUBLE_MEMORY ? ZG_ERR_MEMORY
                                                   : ZG_ERR_STORAGE;
}

/* Pages that were read stay in memory until others need their room, or as long as nobody asks. */
static void rest(struct engine *engine)
{
    sqlite3_db_release_memory(((struct sqlite_engine *)engine)->db);
}

static void close_engine(struct engine *engine)
{
    struct sqlite_engine *e = (struct sqlite_engine *)engine;
    db_backup_abandon(e);
    statements_finalize(e);
    sqlite3_close(e->db);
    scrub_unregister(&e->scrub);
    key_ring_close(&e->ring);
    if (e->own_keys != NULL)
        e->own_keys->close(e->own_keys);
    free(e);
}

/*
 * SQLite would create the file readable for others and the journal with the file's mode. A file that is there
 * is not opened here: closing it would drop the locks that an engine of this process holds on it.
 */
static void create_private(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
}

static struct key_place *keys_beside(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return epoch_files_new(".");
    char *folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    struct key_place *place = folder == NULL ? NULL : epoch_files_new(folder);
    free(folder);
    return place;
}

static zg_err open_keys(struct sqlite_engine *e, const struct sqlite_options *options, const char **why)
{
    struct key_place *place = options->keys;
    if (place == NULL)
        place = e->own_keys = keys_beside(options->path);
    int err = place == NULL ? ENOMEM : key_ring_open(&e->ring, place);
    if (err == 0)
        return ZG_OK;
    *why =
        err == ENOMEM ? "out of memory" : "the epoch keys cannot be read; check their folder and permissions";
    return err == ENOMEM ? ZG_ERR_MEMORY : ZG_ERR_STORAGE;
}

static int create_tables(struct sqlite_engine *e)
{
    int rc = sqlite3_exec(e->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = schema_create(e->db);
    return rc == SQLITE_OK ? sqlite3_exec(e->db, "COMMIT", NULL, NULL, NULL) : rc;
}

/* *wrong_place: no key that is needed is there, so those that are may be somebody else's. */
static int open_epochs(struct sqlite_engine *e, const struct sqlite_options *options, bool *wrong_place)
{
    struct epochs_found found;
    int rc = db_epochs_load(e, options->hour, &found);
    *wrong_place = options->keys_needed && found.missing > 0 && found.there == 0;
    if (rc != SQLITE_OK || *wrong_place)
        return rc == SQLITE_OK ? SQLITE_CANTOPEN : rc;
    key_ring_sweep(&e->ring);
    if (options->keys_missing != NULL)
        *options->keys_missing = found.missing;
    return SQLITE_OK;
}

/* Tables and statements as they are to be, whatever was there. */
static int bring_up(struct sqlite_engine *e, const struct sqlite_options *options, enum schema_state state,
                    bool *wrong_place)
{
    int rc = db_epoch_function(e);
    bool older = state == SCHEMA_FIRST || state == SCHEMA_SECOND;
    if (rc == SQLITE_OK && older)
        rc = db_migrate(e, state);
    else if (rc == SQLITE_OK && state == SCHEMA_FRESH)
        rc = create_tables(e);
    if (rc == SQLITE_OK && !older)
        rc = statements_prepare(e);
    if (rc == SQLITE_OK)
        rc = open_epochs(e, options, wrong_place);
    if (rc == SQLITE_OK)
        rc = db_slots_count(e);
    /* What the old version wrote is not to stay in the journal. */
    return rc == SQLITE_OK && older ? job_forget(e, NULL) : rc;
}

static zg_err open_database(struct sqlite_engine *e, const struct sqlite_options *options, const char **why)
{
    enum schema_state state;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;

    if (options->vfs == NULL)
        create_private(options->path);
    int rc = scrub_register(&e->scrub, options->vfs);
    if (rc == SQLITE_OK)
        rc = sqlite3_open_v2(options->path, &e->db, flags, e->scrub.name);
    if (rc != SQLITE_OK) {
        *why = "the database cannot be opened; check that the folder exists and permissions";
        return sqlite_err(rc);
    }
    sqlite3_extended_result_codes(e->db, 1);
    sqlite3_db_config(e->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    zg_err err = schema_open(e->db, options->exclusive, &state, why);
    if (err == ZG_OK)
        err = open_keys(e, options, why);
    if (err != ZG_OK)
        return err;
    bool wrong_place = false;
    rc = bring_up(e, options, state, &wrong_place);
    if (wrong_place) {
        *why = "the keys of the messages in it are not in the keys' folder";
        return ZG_ERR_NOT_FOUND;
    }
    if (rc == SQLITE_OK)
        return ZG_OK;
    *why = (rc & 0xff) == SQLITE_ERROR ? "the database does not hold what it should; it is damaged"
                                       : schema_sentence(rc);
    return sqlite_err(rc);
}

zg_err sqlite_engine_open(struct engine **out, const struct sqlite_options *options, char *why,
                          size_t why_cap)
{
    const char *reason = "out of memory";
    zg_err err = ZG_ERR_MEMORY;

    struct sqlite_engine *e = calloc(1, sizeof(*e));
    if (e != NULL) {
        e->engine = (struct engine){execute, rest, close_engine};
        e->journal_used = true; /* by a process that was ended hard */
        e->rng = rng_system();
        err = open_database(e, options, &reason);
    }
    if (err == ZG_OK) {
        *out = &e->engine;
        return ZG_OK;
    }
    if (e != NULL)
        close_engine(&e->engine);
    if (why != NULL && why_cap > 0)
        snprintf(why, why_cap, "%s", reason);
    return err;
}
