/*
 * The file: settings and tables.
 *
 * Nothing in it says in which order things were made: queues and slots have random ids, names are hashes and
 * their table has no row numbers, a message's number is its queue's id and its place in that queue. Nothing
 * connects two queues.
 */
#include "relay/store/sqlite_engine.h"

enum { SCHEMA_VERSION = 3, APPLICATION_ID = 0x5a416755 };

/* KiB of pages that SQLite keeps in memory, when there is little to do and when there is much. */
#define CACHE_SMALL "2048"
#define CACHE_ROOMY "16384"

/*
 * Pages of 4 KiB: an envelope fills one overflow page, and what it touches in the indexes, at random places,
 * costs a small page each. With 16 KiB three times as many bytes were written for each message, and with more
 * processor time.
 */
static const char settings_sql[] = "PRAGMA page_size = 4096;"
                                   "PRAGMA secure_delete = ON;"
                                   "PRAGMA trusted_schema = OFF;"
                                   "PRAGMA cell_size_check = ON;"
                                   "PRAGMA temp_store = MEMORY;"
                                   "PRAGMA mmap_size = 0;"
                                   "PRAGMA cache_size = -" CACHE_SMALL ";"
                                   /* A commit is not written out before its end. */
                                   "PRAGMA cache_spill = 4096;"
                                   "PRAGMA max_page_count = " SCRUB_PAGES_MAX ";"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   /* The limit is above what gathers until a checkpoint: a journal that is
                                      overwritten in place costs less to sync. */
                                   "PRAGMA wal_autocheckpoint = 4000;"
                                   "PRAGMA journal_size_limit = 25165824;";

/* How many messages of an epoch lie in a region of queues; nothing if none does. */
static const char due_sql[] =
    "CREATE TABLE due (epoch INTEGER NOT NULL, region INTEGER NOT NULL, messages INTEGER NOT NULL,"
    " PRIMARY KEY (epoch, region)) WITHOUT ROWID;"
    "PRAGMA user_version = 3;";

static const char tables_sql[] =
    /* All names, whatever they stand for. id: of the queue or slot; of a voucher its hour and kind
       (voucher_id). */
    "CREATE TABLE name (name BLOB PRIMARY KEY, role INTEGER NOT NULL, id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX voucher_due ON name (id) WHERE role = 8;"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, ends INTEGER NOT NULL,"
    " takes INTEGER NOT NULL, names BLOB NOT NULL);"
    "CREATE INDEX queue_due ON queue (ends);"
    /* What was sealed under one key: all that expires with one hour. The key itself lies elsewhere. */
    "CREATE TABLE epoch (id INTEGER PRIMARY KEY, hour INTEGER NOT NULL);"
    "CREATE TABLE message (key INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, marked INTEGER NOT NULL,"
    " handle BLOB NOT NULL, sealed BLOB NOT NULL);"
    "CREATE UNIQUE INDEX message_handle ON message (handle);"
    /* epoch: NULL if it is lasting; then the value is not sealed. */
    "CREATE TABLE slot (id INTEGER PRIMARY KEY, ttl INTEGER NOT NULL, version INTEGER NOT NULL,"
    " epoch INTEGER, hour INTEGER NOT NULL, names BLOB NOT NULL, value BLOB NOT NULL);"
    "CREATE INDEX slot_due ON slot (hour);"
    "CREATE INDEX slot_epoch ON slot (epoch) WHERE epoch IS NOT NULL;"
    /* Handles of what expired unread; day: since 1970, from which on it is told. */
    "CREATE TABLE mark (day INTEGER NOT NULL, handle BLOB NOT NULL, PRIMARY KEY (day, handle)) WITHOUT ROWID;"
    /* One row, kept by every transaction: counting a million rows would hold up everybody's messages. */
    "CREATE TABLE total (queues INTEGER NOT NULL, slots INTEGER NOT NULL, vouchers INTEGER NOT NULL,"
    " messages INTEGER NOT NULL, marks INTEGER NOT NULL);"
    "INSERT INTO total VALUES (0, 0, 0, 0, 0);"
    "PRAGMA application_id = 1514235733;";

_Static_assert(SCHEMA_VERSION == 3 && APPLICATION_ID == 1514235733,
               "due_sql and tables_sql write these numbers");
_Static_assert(ROLE_VOUCHER == 8, "voucher_due and two statements name it");

zg_err sqlite_err(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return ZG_OK;
    case SQLITE_NOMEM:
        return ZG_ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ZG_ERR_LOCKED;
    default:
        return ZG_ERR_STORAGE;
    }
}

/* The first column of a pragma's row as a number; -1: it could not be read, *rc says why. */
static int64_t read_number(sqlite3 *db, const char *sql, int *rc)
{
    sqlite3_stmt *s;
    int64_t v = -1;
    *rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (*rc != SQLITE_OK)
        return -1;
    *rc = sqlite3_step(s);
    if (*rc == SQLITE_ROW) {
        v = sqlite3_column_int64(s, 0);
        *rc = SQLITE_OK;
    }
    sqlite3_finalize(s);
    return v;
}

const char *schema_sentence(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "the database is in use by another program";
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return "this is not a database of the relay, or it is damaged";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "the database cannot be opened for writing; check permissions";
    case SQLITE_FULL:
        return "the disk is full";
    case SQLITE_NOMEM:
        return "out of memory";
    default:
        return "the database could not be read or written";
    }
}

static zg_err explain(int rc, const char **why)
{
    *why = schema_sentence(rc);
    return sqlite_err(rc);
}

/* Before anything is changed: is the file ours and of a version that is known? */
static zg_err recognise(sqlite3 *db, enum schema_state *state, const char **why)
{
    int rc;
    int64_t version = read_number(db, "PRAGMA user_version", &rc);
    if (rc != SQLITE_OK)
        return explain(rc, why);
    int64_t application = read_number(db, "PRAGMA application_id", &rc);
    if (rc != SQLITE_OK)
        return explain(rc, why);
    int64_t tables = read_number(db, "SELECT count(*) FROM sqlite_schema", &rc);
    if (rc != SQLITE_OK)
        return explain(rc, why);
    *state = tables == 0    ? SCHEMA_FRESH
             : version == 1 ? SCHEMA_FIRST
             : version == 2 ? SCHEMA_SECOND
                            : SCHEMA_CURRENT;
    if (*state == SCHEMA_FRESH)
        return ZG_OK;
    if (application != APPLICATION_ID) {
        *why = "this is not a database of the relay";
        return ZG_ERR_STORAGE;
    }
    if (version < 1) {
        *why = "the database does not hold what it should; it is damaged";
        return ZG_ERR_STORAGE;
    }
    if (version > SCHEMA_VERSION) {
        *why = "the database was written by a newer version of zaguan-relay";
        return ZG_ERR_VERSION;
    }
    return ZG_OK;
}

zg_err schema_open(sqlite3 *db, bool exclusive, enum schema_state *state, const char **why)
{
    int rc = SQLITE_OK;
    /* Before the first read: only then the journal's index needs no shared memory. */
    if (exclusive)
        rc = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return explain(rc, why);
    zg_err err = recognise(db, state, why);
    if (err != ZG_OK)
        return err;
    rc = sqlite3_exec(db, settings_sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ZG_OK : explain(rc, why);
}

int schema_make_room(sqlite3 *db, bool roomy)
{
    return sqlite3_exec(db, roomy ? "PRAGMA cache_size = -" CACHE_ROOMY : "PRAGMA cache_size = -" CACHE_SMALL,
                        NULL, NULL, NULL);
}

int schema_create(sqlite3 *db)
{
    int rc = sqlite3_exec(db, tables_sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? schema_create_due(db) : rc;
}

int schema_create_due(sqlite3 *db)
{
    return sqlite3_exec(db, due_sql, NULL, NULL, NULL);
}
