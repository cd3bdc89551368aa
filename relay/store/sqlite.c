/*
 * One job at a time: reads run as they are, commits and purges in one transaction each.
 *
 * Failure: whatever SQLite reports rolls the transaction back, and the job's result says so. The connection
 * stays open: the next job tries again, so that a disk that was full works as soon as there is room.
 */
#define _POSIX_C_SOURCE 200809L
#include "relay/store/sqlite.h"

#include <assert.h>
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
    if (d->queues == 0 && d->slots == 0 && d->vouchers == 0 && d->messages == 0)
        return SQLITE_OK;
    sqlite3_stmt *s = statement_get(e, S_TOTALS_ADD);
    sqlite3_bind_int64(s, 1, d->queues);
    sqlite3_bind_int64(s, 2, d->slots);
    sqlite3_bind_int64(s, 3, d->vouchers);
    sqlite3_bind_int64(s, 4, d->messages);
    return statement_run(s);
}

static void roll_back(struct sqlite_engine *e)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_reset(e->statement[i]);
    /* SQLite has rolled back by itself after most errors; then this would be an error of its own. */
    if (!sqlite3_get_autocommit(e->db))
        (void)statement_run(statement_get(e, S_ROLLBACK));
}

static int transact(struct sqlite_engine *e, struct store_job *job,
                    int (*work)(struct sqlite_engine *, struct store_job *))
{
    memset(&e->delta, 0, sizeof(e->delta));
    int rc = statement_run(statement_get(e, S_BEGIN));
    if (rc != SQLITE_OK)
        return rc;
    rc = work(e, job);
    if (rc == SQLITE_OK)
        rc = add_totals(e);
    if (rc == SQLITE_OK)
        rc = statement_run(statement_get(e, S_COMMIT));
    if (rc != SQLITE_OK)
        roll_back(e);
    return rc;
}

/*
 * After the last slice of a purge the journal is emptied, so that what expired, was acknowledged or erased
 * before is not found in it either (section 4). Nothing depends on its success: what was committed stays
 * committed, and the next purge tries again.
 */
static void empty_journal(struct sqlite_engine *e)
{
    if (sqlite3_wal_checkpoint_v2(e->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK)
        e->journal_used = false;
}

static int job_purge(struct sqlite_engine *e, struct store_job *job)
{
    int rc = transact(e, job, db_purge);
    e->journal_used =
        e->journal_used || job->u.purge.messages + job->u.purge.slots + job->u.purge.vouchers > 0;
    if (rc == SQLITE_OK && !job->u.purge.more && e->journal_used)
        empty_journal(e);
    return rc;
}

static int job_commit(struct sqlite_engine *e, struct store_job *job)
{
    if (job->u.commit.count == 0)
        return SQLITE_OK;
    e->journal_used = true;
    return transact(e, job, write_all);
}

static int job_forget(struct sqlite_engine *e, struct store_job *job)
{
    (void)job;
    return sqlite3_wal_checkpoint_v2(e->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

static int job_not_yet(struct sqlite_engine *e, struct store_job *job)
{
    (void)e;
    (void)job;
    return SQLITE_IOERR;
}

static int job_status(struct sqlite_engine *e, struct store_job *job)
{
    (void)e;
    memset(job->u.status.fates, FATE_UNKNOWN, sizeof(job->u.status.fates));
    return SQLITE_OK;
}

static void execute(struct engine *engine, struct store_job *job)
{
    static int (*const jobs[])(struct sqlite_engine *, struct store_job *) = {
        [JOB_COMMIT] = job_commit, [JOB_FIND] = db_job_find,   [JOB_LOAD] = db_job_load,
        [JOB_SLOT] = db_job_slot,  [JOB_PURGE] = job_purge,    [JOB_COUNTS] = db_job_counts,
        [JOB_FORGET] = job_forget, [JOB_BACKUP] = job_not_yet, [JOB_STATUS] = job_status,
    };
    struct sqlite_engine *e = (struct sqlite_engine *)engine;

    assert((size_t)job->kind < sizeof(jobs) / sizeof(jobs[0]));
    zg_err err = sqlite_err(jobs[job->kind](e, job));
    job->result = err == ZG_OK || err == ZG_ERR_MEMORY ? err : ZG_ERR_STORAGE;
    job->trouble = err == ZG_OK ? TROUBLE_NONE : err == ZG_ERR_MEMORY ? TROUBLE_MEMORY : TROUBLE_IO;
}

static void close_engine(struct engine *engine)
{
    struct sqlite_engine *e = (struct sqlite_engine *)engine;
    statements_finalize(e);
    sqlite3_close(e->db);
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

zg_err sqlite_engine_open(struct engine **out, const struct sqlite_options *options, char *why,
                          size_t why_cap)
{
    const char *reason = "out of memory";
    zg_err err = ZG_ERR_MEMORY;

    struct sqlite_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        goto err0;
    e->engine = (struct engine){execute, close_engine};
    e->journal_used = true; /* by a process that was ended hard */
    if (options->vfs == NULL)
        create_private(options->path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    int rc = sqlite3_open_v2(options->path, &e->db, flags, options->vfs);
    if (rc != SQLITE_OK) {
        err = sqlite_err(rc);
        reason = "the database cannot be opened; check that the folder exists and permissions";
        goto err1;
    }
    sqlite3_db_config(e->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    err = schema_open(e->db, options->exclusive, &reason);
    if (err != ZG_OK)
        goto err1;
    rc = statements_prepare(e);
    if (rc != SQLITE_OK) {
        err = sqlite_err(rc);
        reason = "the database does not hold what it should; it is damaged";
        goto err1;
    }
    *out = &e->engine;
    return ZG_OK;

err1:
    statements_finalize(e);
    sqlite3_close(e->db);
    free(e);
err0:
    if (why != NULL && why_cap > 0)
        snprintf(why, why_cap, "%s", reason);
    return err;
}
