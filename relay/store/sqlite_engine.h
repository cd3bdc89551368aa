/*
 * Inside of the SQLite engine: the connection, its prepared statements, and small helpers to use them.
 *
 * Functions here return SQLite's result codes, SQLITE_OK for success; sqlite.c turns them into zg_err once.
 */
#ifndef RELAY_STORE_SQLITE_ENGINE_H
#define RELAY_STORE_SQLITE_ENGINE_H

#include <sqlite3.h>

#include "proto/sqlite/scrub.h"
#include "relay/core/store.h"
#include "relay/store/at_rest.h"
#include "relay/store/epoch.h"
#include "relay/store/names.h"
#include "relay/store/over.h"

/*
 * identifier, SQL. Prepared once when the file is opened. live(epoch, hour) is ours: whether the key is there
 * and its hour has not begun. CROSS JOIN: the few epochs outside, the many rows inside.
 */
#define STATEMENTS(X) \
    X(BEGIN, "BEGIN IMMEDIATE") \
    X(COMMIT, "COMMIT") \
    X(ROLLBACK, "ROLLBACK") \
    X(OVERWRITE, "INSERT INTO queue (id, kind, ends, takes, names) VALUES (0, 0, 0, 0, zeroblob(4000))") \
    X(NAME_FIND, "SELECT role, id FROM name WHERE name = ?1") \
    X(NAME_ADD, "INSERT INTO name (name, role, id) VALUES (?1, ?2, ?3)") \
    X(NAME_OFFER, "INSERT OR IGNORE INTO name (name, role, id) VALUES (?1, ?2, ?3)") \
    X(NAME_DROP, "DELETE FROM name WHERE name = ?1") \
    X(QUEUE_FIND, "SELECT kind, ends, takes, names FROM queue WHERE id = ?1") \
    X(QUEUE_IS, "SELECT 1 FROM queue WHERE id = ?1") \
    X(QUEUE_ADD, "INSERT INTO queue (id, kind, ends, takes, names) VALUES (?1, ?2, ?3, ?4, ?5)") \
    X(QUEUE_NAMES, "UPDATE queue SET takes = ?2, names = ?3, ends = max(ends, ?4)," \
                   " kind = CASE kind WHEN 1 THEN 1 ELSE ?5 END WHERE id = ?1") \
    X(QUEUE_TOUCH, "UPDATE queue SET ends = ?2, kind = CASE kind WHEN 1 THEN 1 ELSE ?3 END WHERE id = ?1") \
    X(QUEUE_DROP, "DELETE FROM queue WHERE id = ?1") \
    X(EPOCHS, "SELECT id, hour FROM epoch") \
    X(EPOCH_HOUR, "SELECT hour FROM epoch WHERE id = ?1") \
    X(EPOCH_ADD, "INSERT OR IGNORE INTO epoch (id, hour) VALUES (?1, ?2)") \
    X(MESSAGE_ADD, "INSERT OR IGNORE INTO message (key, epoch, marked, handle, sealed)" \
                   " VALUES (?1, ?2, ?3, ?4, ?5)") \
    X(MESSAGE_DROP, "DELETE FROM message WHERE key = ?1") \
    X(MESSAGE_BY_HANDLE, "SELECT key, epoch, marked FROM message WHERE handle = ?1") \
    X(MESSAGE_IS, "SELECT 1 FROM message WHERE key = ?1") \
    X(MESSAGE_EPOCH, "SELECT epoch FROM message WHERE key = ?1") \
    X(MESSAGE_NEXT, "SELECT key, epoch, marked, handle FROM message WHERE key BETWEEN ?1 AND ?2" \
                    " ORDER BY key LIMIT 1") \
    X(MESSAGES_COUNT, "SELECT count(*) FROM message WHERE key BETWEEN ?1 AND ?2 AND live(epoch, ?3)") \
    X(MESSAGES_FIRST, \
      "SELECT key FROM message WHERE key BETWEEN ?1 AND ?2 AND live(epoch, ?3) ORDER BY key LIMIT 1") \
    X(MESSAGES_LAST, "SELECT key FROM message WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1") \
    X(MESSAGES_LOAD, "SELECT key, epoch, marked, handle, sealed FROM message" \
                     " WHERE key BETWEEN ?1 AND ?2 AND live(epoch, ?3) ORDER BY key") \
    X(SLOT_FIND, "SELECT ttl, version, epoch, hour, names FROM slot WHERE id = ?1") \
    X(SLOT_ADD, "INSERT INTO slot (id, ttl, version, epoch, hour, names, value)" \
                " VALUES (?1, ?2, 0, ?3, ?4, ?5, x'')") \
    X(SLOT_COPY, "INSERT INTO slot (id, ttl, version, epoch, hour, names, value)" \
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)") \
    X(SLOT_SET, "UPDATE slot SET version = ?2, epoch = ?3, hour = ?4, value = ?5 WHERE id = ?1") \
    X(SLOT_NAMES, "UPDATE slot SET names = ?2 WHERE id = ?1") \
    X(SLOT_VALUE, "SELECT version, epoch, value FROM slot WHERE id = ?1") \
    X(SLOT_LENGTH, "SELECT length(value) FROM slot WHERE id = ?1") \
    X(SLOTS_PASSING, "SELECT count(*) FROM slot WHERE epoch IS NOT NULL") \
    X(SLOT_DROP, "DELETE FROM slot WHERE id = ?1") \
    X(DUE_EPOCHS, "SELECT id, hour FROM epoch WHERE NOT live(id, ?1) ORDER BY hour, id") \
    X(MARK_ADD, "INSERT OR IGNORE INTO mark (day, handle) VALUES (?1, ?2)") \
    X(DUE_ADD, "INSERT INTO due (epoch, region, messages) VALUES (?1, ?2, ?3)" \
               " ON CONFLICT DO UPDATE SET messages = messages + excluded.messages") \
    X(DUE_DROP_EMPTY, "DELETE FROM due WHERE epoch = ?1 AND region = ?2 AND messages <= 0") \
    X(DUE_DROP, "DELETE FROM due WHERE epoch = ?1 AND region = ?2") \
    X(DUE_REGION, "SELECT region, messages FROM due WHERE epoch = ?1 ORDER BY region LIMIT 1") \
    X(DUE_SLOT, "SELECT id FROM slot WHERE hour <= ?1 ORDER BY hour, id LIMIT 1") \
    X(LOST_SLOT, "SELECT slot.id FROM epoch CROSS JOIN slot ON slot.epoch = epoch.id" \
                 " WHERE NOT live(epoch.id, ?1) LIMIT 1") \
    X(DUE_VOUCHER, "SELECT name FROM name WHERE role = 8 AND id < ?1 ORDER BY id, name LIMIT 1") \
    X(DUE_QUEUE, "SELECT id FROM queue WHERE ends < ?1 ORDER BY ends, id LIMIT 1") \
    X(DUE_MARKS, "DELETE FROM mark WHERE (day, handle) IN" \
                 " (SELECT day, handle FROM mark WHERE day < ?1 ORDER BY day, handle LIMIT ?2)") \
    X(SLOTS_SHORTEN, "UPDATE slot SET hour = ?1 WHERE epoch IN (SELECT id FROM epoch WHERE hour > ?1)") \
    X(EPOCHS_SHORTEN, "UPDATE epoch SET hour = ?1 WHERE hour > ?1") \
    X(DUE_EPOCHS_DROP, "DELETE FROM epoch WHERE NOT live(id, ?1)" \
                       " AND NOT EXISTS (SELECT 1 FROM due WHERE due.epoch = epoch.id)" \
                       " AND NOT EXISTS (SELECT 1 FROM slot WHERE slot.epoch = epoch.id)") \
    X(DUE_ANY, "SELECT EXISTS (SELECT 1 FROM epoch WHERE NOT live(id, ?1))" \
               " OR EXISTS (SELECT 1 FROM slot WHERE hour <= ?1)" \
               " OR EXISTS (SELECT 1 FROM name WHERE role = 8 AND id < ?2)" \
               " OR EXISTS (SELECT 1 FROM queue WHERE ends < ?3)" \
               " OR EXISTS (SELECT 1 FROM mark WHERE day < ?4)") \
    X(MARK_IS, "SELECT 1 FROM mark WHERE day = ?1 AND handle = ?2") \
    X(TOTALS_ADD, "UPDATE total SET queues = queues + ?1, slots = slots + ?2, vouchers = vouchers + ?3," \
                  " messages = messages + ?4, marks = marks + ?5") \
    X(TOTALS, "SELECT queues, slots, vouchers, messages, marks FROM total") \
    X(PAGES, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size") \
    X(PAGE_COUNT, "PRAGMA page_count") \
    X(PAGES_FREE, "PRAGMA freelist_count") \
    X(PAGE_SIZE, "PRAGMA page_size")

enum statement {
#define STATEMENT_ENUM(name, sql) S_##name,
    STATEMENTS(STATEMENT_ENUM)
#undef STATEMENT_ENUM
        STATEMENT_COUNT
};

/* What a transaction adds to the row of totals, and to `passing` below. */
struct totals {
    int64_t queues, slots, vouchers, messages, marks, passing;
};

/* A conversation's kind in its row while nobody answered the knock that made it. */
enum { KIND_UNANSWERED = 3 };

/* Keys that a transaction is the first to use; those that do not fit are looked at once more. */
enum { FRESH_MAX = 16 };

/*
 * A region is all queues whose ids begin with the same bits. Rows of `due` say how many messages of an epoch
 * lie in a region: a message costs no place of its own in an index by time, and the purge looks through
 * regions.
 */
enum { REGION_BITS = 14, REGION_SHIFT = STORE_ID_BITS + STORE_SEQ_BITS - REGION_BITS };

/* What is still to be added to a row of `due`. Messages of a queue often come and go in a row. */
struct due_note {
    uint32_t epoch; /* 0: nothing */
    uint32_t region;
    int64_t messages;
};

/* How far the purge has looked through the first region of an epoch that is over. */
struct due_walk {
    uint32_t epoch; /* 0: it begins anew */
    uint32_t region;
    uint64_t next;
};

struct sqlite_engine {
    struct engine engine;
    sqlite3 *db;
    sqlite3_stmt *statement[STATEMENT_COUNT];
    struct totals delta;
    int64_t passing;   /* slots that are not lasting: counted when the file was opened, and since then by what
                          was committed */
    bool journal_used; /* since it was emptied, for all we know */
    bool roomy;        /* many pages may stay in memory */
    struct scrub_vfs scrub;
    struct key_place *own_keys; /* if the opener gave none */
    struct key_ring ring;
    struct due_note due_note;
    struct due_walk due_walk;
    uint32_t fresh[FRESH_MAX];
    size_t fresh_count;
    struct rng rng;
    struct backup_writer *backup;                           /* NULL: none is under way */
    uint8_t sealed[WIRE_SLOT_BYTES_MAX + AT_REST_OVERHEAD]; /* of the statement that runs */
};

/* --- sqlite.c --- */

/* One transaction around work. */
int db_transact(struct sqlite_engine *e, struct store_job *job,
                int (*work)(struct sqlite_engine *, struct store_job *));
/* What the key ring says, as one of SQLite's codes. */
int db_key_err(int err);

/* --- sqlite_epoch.c --- */

struct epochs_found {
    uint32_t there, missing; /* keys; those of hours that have begun are not missed */
};
/* Reads the epochs' rows into the ring. hour: now; 0: no key is missed. */
int db_epochs_load(struct sqlite_engine *e, uint32_t hour, struct epochs_found *out);
/* live() for statements. */
int db_epoch_function(struct sqlite_engine *e);
bool db_epoch_lives(const struct sqlite_engine *e, uint32_t epoch, uint32_t hour);
/* The key for what expires with this hour, with its row. */
int db_epoch_use(struct sqlite_engine *e, uint32_t hour, const struct epoch **out);
/* The transaction was committed. */
void db_epochs_committed(struct sqlite_engine *e);
struct at_rest_row db_message_row(uint64_t key);
struct at_rest_row db_slot_row(uint64_t id, uint64_t version);

/* --- sqlite_due.c --- */

/* One more or one less message of an epoch, by its key; written with db_due_write, at the latest when the
 * transaction ends. */
int db_due_count(struct sqlite_engine *e, uint32_t epoch, uint64_t key, int change);
int db_due_write(struct sqlite_engine *e);
/* Purges messages of hours that have begun: at most *left, which becomes less. */
int db_due_purge(struct sqlite_engine *e, uint32_t hour, uint32_t *left, uint32_t *deleted);

/* --- sqlite_statement.c --- */

int statements_prepare(struct sqlite_engine *e);
void statements_finalize(struct sqlite_engine *e);
/* A statement ready to be bound. */
sqlite3_stmt *statement_get(struct sqlite_engine *e, enum statement which);
/* Bound values must stay until the statement was run. None can fail: the places exist and nothing is copied.
 */
void bind_number(sqlite3_stmt *s, int place, uint64_t v);
void bind_bytes(sqlite3_stmt *s, int place, const void *data, size_t len);
void bind_name(sqlite3_stmt *s, int place, const struct name *name);
/* Runs to its end. */
int statement_run(sqlite3_stmt *s);
/* Steps once: *row says whether there is one. The caller resets when it has read the row. */
int statement_row(sqlite3_stmt *s, bool *row);
/* Whether there is a row; resets. */
int statement_exists(sqlite3_stmt *s, bool *there);
uint64_t column_number(sqlite3_stmt *s, int column);
/* Copies a blob of exactly len bytes; SQLITE_CORRUPT if it is of another length. */
int column_copy(sqlite3_stmt *s, int column, void *out, size_t len);

/* The first and last key that messages of a queue can have. */
uint64_t db_message_key(uint64_t queue, uint32_t seq);

/* A voucher's name row holds its hour and kind in place of an id, so that one partial index orders them by
 * hour. */
uint64_t db_voucher_id(enum voucher_kind kind, uint32_t hour);
enum voucher_kind db_voucher_id_kind(uint64_t id);
uint32_t db_voucher_id_hour(uint64_t id);

/* --- sqlite_schema.c --- */

enum schema_state { SCHEMA_FRESH, SCHEMA_FIRST /* version 1 */, SCHEMA_SECOND, SCHEMA_CURRENT };

/* Is the file ours? Then its settings. *why gets a static sentence on failure. */
zg_err schema_open(sqlite3 *db, bool exclusive, enum schema_state *state, const char **why);
/* Tables of the current version; inside a transaction. */
int schema_create(sqlite3 *db);
/* What version 2 had otherwise; what becomes of its index by time is the caller's. */
int schema_create_due(sqlite3 *db);
/* How many pages stay in memory: those of a busy relay's trees, or few. */
int schema_make_room(sqlite3 *db, bool roomy);
const char *schema_sentence(int rc);
zg_err sqlite_err(int rc);

/* --- sqlite_migrate.c --- */

/* An older version becomes the current one, in one transaction. Prepares the statements. */
int db_migrate(struct sqlite_engine *e, enum schema_state from);

/* --- sqlite_names.c --- */

struct owner {
    bool found;
    enum role role;
    uint64_t id;
};

struct queue_row {
    bool found;
    enum queue_kind kind;
    uint32_t ends;
    bool unanswered;
    struct stored_names names;
};

struct slot_row {
    bool found;
    uint8_t ttl;
    uint64_t version;
    uint32_t epoch; /* 0: lasting */
    uint32_t hour;
    struct stored_slot_names names;
};

/* How a list of names stands to those that are stored. */
enum standing {
    NAMES_FREE,   /* none is stored */
    NAMES_OF_ONE, /* all are, in their roles, of one thing */
    NAMES_TAKEN,  /* anything else */
};

int db_name_find(struct sqlite_engine *e, const struct name *name, struct owner *out);
int db_names_stand(struct sqlite_engine *e, const struct named *list, size_t count, enum standing *out,
                   uint64_t *id);
int db_names_add(struct sqlite_engine *e, const struct named *list, size_t count, uint64_t id);
int db_names_drop(struct sqlite_engine *e, const struct named *list, size_t count);
int db_queue_find(struct sqlite_engine *e, uint64_t id, struct queue_row *out);
int db_slot_find(struct sqlite_engine *e, uint64_t id, struct slot_row *out);
/* Runs a statement with the names column of a queue or slot in this place: 16 bytes each, in the order of the
 * list. */
int statement_run_names(sqlite3_stmt *s, int place, const struct named *list, size_t count);

/* --- sqlite_queue.c, sqlite_message.c, sqlite_slot.c: one function for each kind of write --- */

/* hour: now. Sets w->outcome. */
typedef int write_fn(struct sqlite_engine *e, struct store_write *w, uint32_t hour);

write_fn db_write_message, db_write_drop_message, db_write_drop_handle;
write_fn db_write_queue, db_write_knock, db_write_queue_names, db_write_drop_queue, db_write_touch;
write_fn db_write_vouchers, db_write_slot, db_write_slot_value, db_write_slot_names, db_write_drop_slot;

/* The row of this key and epoch. */
int db_message_drop(struct sqlite_engine *e, uint64_t key, uint32_t epoch);
/* Up to `most` of a queue's messages. */
int db_messages_drop(struct sqlite_engine *e, uint64_t queue, uint32_t most, uint32_t *dropped);
/* Message without looking whether its queue exists. */
int db_message_add(struct sqlite_engine *e, const struct stored_message *m, uint32_t hour,
                   enum outcome *outcome);
/* Whether the handle is stored. What is over does not count, and makes room. */
int db_handle_taken(struct sqlite_engine *e, const struct handle *handle, uint32_t hour, bool *taken);
/* Whether a voucher of this kind can be spent now. */
int db_voucher_check(struct sqlite_engine *e, const struct name *name, enum voucher_kind kind, uint32_t hour,
                     bool *good);
int db_voucher_spend(struct sqlite_engine *e, const struct name *name);
/* Counts those that are not lasting; none if what they stand in is damaged. */
int db_slots_count(struct sqlite_engine *e);
/* Slot with its names. */
int db_slot_drop(struct sqlite_engine *e, uint64_t id, bool *found);
/* The row with a value; epoch and version as they are to be. */
int db_slot_put(struct sqlite_engine *e, uint64_t id, const struct slot_row *row, const uint8_t *value,
                uint32_t size);
/* Queue with its names; messages are the caller's. */
int db_queue_drop(struct sqlite_engine *e, uint64_t id, bool *found);

/* --- sqlite_read.c, sqlite_purge.c, sqlite_backup.c: jobs --- */

int db_job_find(struct sqlite_engine *e, struct store_job *job);
int db_job_load(struct sqlite_engine *e, struct store_job *job);
int db_job_slot(struct sqlite_engine *e, struct store_job *job);
int db_job_counts(struct sqlite_engine *e, struct store_job *job);
int db_job_backup(struct sqlite_engine *e, struct store_job *job);
/* One that is under way is given up, its file too. */
void db_backup_abandon(struct sqlite_engine *e);
int db_job_status(struct sqlite_engine *e, struct store_job *job);
/* Inside a transaction. */
int db_purge(struct sqlite_engine *e, struct store_job *job);

#endif
