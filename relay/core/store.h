/*
 * What storage must do for the relay. Asynchronous: the core submits a job, its completion comes back later
 * on the same thread, never inside submit. Jobs are carried out in the order in which they were submitted, so
 * a read sees every write before it.
 *
 * Happy path: the core fills a job, store->submit(job), the store carries it out, job->done(job).
 * Failure: a job whose result is not ZG_OK changed nothing on disk. A write inside a job that is refused
 * (name taken, voucher spent, version passed) has its own outcome and does not fail the others.
 *
 * In production relay/edge/committer runs jobs on one thread that owns SQLite; in the simulation the
 * scheduler does; the work itself is relay/store/sqlite or relay/store/memory behind `struct engine`.
 */
#ifndef RELAY_STORE_H
#define RELAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/command.h"
#include "proto/secret.h"
#include "proto/wire.h"

/*
 * At rest. Envelopes, and values of slots that are not lasting, are sealed under an epoch key of the hour in
 * which they expire (docs/protocol.md section 4). The engine makes, keeps and destroys these keys; a new one
 * is durable before the first commit that uses it. A message or slot whose key is gone counts as expired
 * since hour 0: it is never loaded or found, and purged first. A message or value that its key does not open
 * is damaged: it counts as gone, and the row stays until its hour.
 *
 * Queues and slots have random ids of STORE_ID_BITS bits, chosen by the core, never 0. A message's row key is
 * id << STORE_SEQ_BITS | seq, so that a queue's messages lie together in order and no row order tells when a
 * queue was made. Sequences start again at 0 when a queue is loaded and nothing is stored in it.
 */
enum { STORE_ID_BITS = 36, STORE_SEQ_BITS = 27 };
#define STORE_SEQ_MAX ((UINT32_C(1) << STORE_SEQ_BITS) - 1)

/* An envelope in memory. References are counted on the core's thread only; a store borrows it until done. */
struct envelope {
    uint32_t refs;
    uint8_t bytes[WIRE_ENVELOPE_BYTES];
};

struct envelope *envelope_new(const uint8_t bytes[WIRE_ENVELOPE_BYTES]); /* one reference; NULL: no memory */
struct envelope *envelope_ref(struct envelope *e);
void envelope_unref(struct envelope *e); /* NULL-safe */

/* Names of a queue, owned. put2 is meaningful if has_put2. */
struct stored_names {
    struct name put, put2, own, end;
    struct name take[WIRE_TAKES_MAX];
    uint8_t takes;
    bool has_put2;
};

struct stored_slot_names {
    struct name read, write, own;
};

/* --- writes --- */

enum write_kind {
    WRITE_MESSAGE, /* EXISTS if the handle is stored already and not over; NOT_FOUND: no such queue; CONFLICT:
                    * seq is taken
                    */
    WRITE_DROP_MESSAGE, /* OK also if it is not there */
    WRITE_DROP_HANDLE,  /* NOT_FOUND, or OK and queue, seq of what was deleted */
    WRITE_QUEUE, /* OK, EXISTS (the names are exactly those of one queue of this kind), REFUSED, CONFLICT */
    WRITE_KNOCK, /* queue without voucher, slot voucher and message at once: as WRITE_QUEUE */
    WRITE_QUEUE_NAMES, /* OK, REFUSED (a name is taken by something else), NOT_FOUND (no such id); it waits
                          for no answer then */
    WRITE_DROP_QUEUE,  /* queue, names, messages; NOT_FOUND */
    WRITE_TOUCH,       /* when it ends unless it is used, whether it still waits for an answer; NOT_FOUND */
    WRITE_VOUCHERS,    /* OK; names that are there already are left alone */
    WRITE_SLOT,        /* as WRITE_QUEUE; version 0, empty value */
    WRITE_SLOT_VALUE,  /* OK (the version is one more, the hour is the given one), CONFLICT, NOT_FOUND */
    WRITE_SLOT_NAMES,  /* as WRITE_QUEUE_NAMES */
    WRITE_DROP_SLOT,   /* NOT_FOUND */
};

/*
 * A write whose outcome is not OK changed nothing. CONFLICT of a write that creates something: the random id
 * is taken, choose another one and submit again. Names of one write must differ from each other and from all
 * others, whatever they are for; else REFUSED. A knock whose handle is stored already, or whose desk is gone,
 * is REFUSED. FULL: of WRITE_SLOT as it says, and of what has no_room.
 */
enum outcome {
    OUTCOME_OK,
    OUTCOME_EXISTS,
    OUTCOME_REFUSED,
    OUTCOME_NOT_FOUND,
    OUTCOME_CONFLICT,
    OUTCOME_FULL /* else it would be OK; a voucher can still be spent */
};

/* What a message row holds. */
struct stored_message {
    uint64_t queue;
    uint32_t seq;
    uint32_t hour; /* gone when this hour since 1970 begins */
    bool marked;   /* leaves a mark for STATUS when it expires (section 4: classes of a day and more) */
    struct handle handle; /* hashed */
    struct envelope *envelope;
};

struct store_write {
    enum write_kind kind;
    enum outcome outcome; /* set by the store */
    bool no_room;         /* QUEUE, SLOT, and a lasting SLOT_VALUE that is larger than what is there: FULL */
    union {
        struct stored_message message; /* MESSAGE; DROP_MESSAGE uses queue, seq; DROP_HANDLE uses handle */
        struct {
            uint64_t id;
            enum queue_kind kind;
            uint32_t ends;   /* it is gone with the beginning of this week since 1970, unless it is touched
                                before;   QUEUE_NAMES: if that is later than what is there */
            bool unanswered; /* TOUCH: made by a knock, and nobody has sent to it yet */
            struct name voucher;        /* spent by WRITE_QUEUE */
            struct stored_names *names; /* owned by the writer until done */
        } queue;                        /* QUEUE, QUEUE_NAMES, DROP_QUEUE, TOUCH */
        struct {
            uint64_t id;
            uint32_t ends; /* of her queue, which is unanswered */
            uint32_t voucher_hour;
            struct stored_names *names;
            struct name slot_voucher;
            struct stored_message message; /* to the desk's queue */
        } knock;
        struct {
            enum voucher_kind kind;
            uint32_t hour; /* gone when it begins */
            uint8_t count;
            struct name *names; /* owned by the writer until done */
        } vouchers;
        struct {
            uint64_t id;
            uint8_t ttl;
            uint32_t hour;
            struct name voucher; /* spent by WRITE_SLOT; its kind: lasting iff ttl is WIRE_TTL_LASTING */
            struct stored_slot_names names;
            uint32_t most; /* SLOT that is not lasting: FULL if so many of these are there; 0: no such end */
            uint64_t expected;    /* version */
            const uint8_t *value; /* borrowed until done */
            uint32_t size;
        } slot;
    } u;
};

/* --- jobs --- */

enum job_kind {
    JOB_COMMIT, /* the writes, in one transaction, synced when done */
    JOB_FIND,   /* what a name stands for; what is over by `hour` is not there, be it purged or not */
    JOB_LOAD,   /* messages of a queue from a sequence on, in order */
    JOB_SLOT,   /* a slot's value */
    JOB_PURGE,  /* destroys keys of hours that have begun, then deletes at most `limit` things whose time is
                   over; nothing sealed lasts longer than `latest` */
    JOB_STATUS, /* what became of messages */
    JOB_FORGET, /* when done, nothing that earlier jobs deleted is left in a file: the journal was emptied */
    JOB_BACKUP, /* copies a slice into a backup file */
    JOB_COUNTS, /* for status */
};

/* Why a job failed, for people: the first that applies. */
enum store_trouble {
    TROUBLE_NONE,
    TROUBLE_FULL,      /* no space left */
    TROUBLE_READ_ONLY, /* the disk or the file cannot be written */
    TROUBLE_IO,        /* reading, writing or syncing failed, or what is there is damaged */
    TROUBLE_MEMORY,
};

struct found {
    bool found;
    enum role role;
    uint64_t id;
    /* of a queue: */
    enum queue_kind kind;
    uint32_t ends;
    bool unanswered;
    struct stored_names names;
    /* Messages on disk that are not expired; of a conversation queue 1 if there are any: its reader could
     * have thousands of them counted again and again. */
    uint32_t stored;
    uint32_t first_seq; /* of those; 0 if none */
    uint32_t next_seq;  /* behind the last on disk, be it expired; 0 if none */
    /* of a slot: */
    uint8_t ttl;
    uint64_t version;
    /* of a voucher: */
    enum voucher_kind voucher_kind;
};

enum { STORE_LOAD_MAX = 64, STORE_ENDED_MAX = 32, STORE_MARK_DAYS = 7 };

struct counts {
    uint64_t queues, slots, vouchers, messages, marks, file_bytes;
    uint64_t passing; /* those of the slots that are not lasting, be they over and not purged */
};

/* What a backup holds beside queues, vouchers and lasting slots. */
enum backup_scope { BACKUP_STRUCTURE, BACKUP_EVERYTHING /* messages, other slots and the epoch keys, too */ };

/* What travels with it, by name: the relay's key, its configuration. At most BACKUP_BLOB_MAX bytes. */
struct backup_blob {
    const char *name;
    const void *data;
    size_t len;
};

struct store_job {
    struct store_job *next; /* the store's, while it has the job */
    enum job_kind kind;
    zg_err result;              /* set by the store: ZG_OK, ZG_ERR_STORAGE, ZG_ERR_MEMORY */
    enum store_trouble trouble; /* set by the store: TROUBLE_NONE iff result is ZG_OK */
    uint64_t used; /* set by COMMIT and PURGE: bytes in use, without what was freed; 0: not known */
    void (*done)(struct store_job *job);
    void *ctx; /* the submitter's */
    union {
        struct {
            struct store_write *writes; /* owned by the submitter until done */
            size_t count;
            uint32_t hour; /* now; a voucher whose hour has begun cannot be spent */
        } commit;
        struct {
            struct name name;
            uint32_t hour; /* now; what expired by then counts as not there */
            struct found found;
        } find;
        struct {
            uint64_t queue;
            uint32_t from_seq;
            uint32_t hour;
            uint32_t limit;   /* at most STORE_LOAD_MAX */
            uint32_t count;   /* set by the store; less than limit: there is no more */
            uint32_t damaged; /* set by the store: rows that were left out because they do not open */
            struct stored_message messages[STORE_LOAD_MAX]; /* each with one reference, the submitter's */
        } load;
        struct {
            uint64_t id;
            bool found;
            bool damaged; /* it does not open; then it is not found */
            uint64_t version;
            uint8_t *value; /* malloc'd by the store, the submitter frees; NULL if size is 0 */
            uint32_t size;
        } slot;
        struct {
            uint32_t hour;   /* now */
            uint32_t latest; /* what is sealed and would be over later is over then; 0: no such end */
            uint32_t limit;
            uint32_t messages, slots, vouchers, marks; /* deleted */
            uint32_t queues;                           /* ended, with their messages: */
            uint64_t ended[STORE_ENDED_MAX];
            bool more;
        } purge;
        struct {
            uint32_t hour; /* now */
            uint32_t count;
            struct handle handles[WIRE_STATUS_HANDLES_MAX]; /* hashed */
            uint8_t fates[WIRE_STATUS_HANDLES_MAX];         /* set by the store: enum message_fate */
        } status;
        struct {
            const char *path; /* owned by the submitter until done; made by the first slice, which must not
                                 find it there */
            enum backup_scope scope;
            uint32_t limit;                  /* rows of one slice */
            const struct backup_blob *blobs; /* put in with the first slice; the submitter's */
            size_t blob_count;
            uint64_t at; /* 0 with the first slice; then as the store left it */
            bool more;
        } backup;
        struct counts counts;
    } u;
};

/* What the core is given. submit takes the job until it calls done. */
struct store {
    void (*submit)(struct store *s, struct store_job *job);
};

/* What does the work: carries out one job and sets its result and outcomes; never calls done. Any thread, one
 * at a time. */
struct engine {
    void (*execute)(struct engine *e, struct store_job *job);
    /* No job for a while: lets go of what it keeps only to be faster. NULL: it keeps no such thing. */
    void (*rest)(struct engine *e);
    void (*close)(struct engine *e); /* frees e */
};

#endif
