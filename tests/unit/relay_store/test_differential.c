/*
 * The SQLite engine against the one in memory: the same random jobs, every outcome and every read compared.
 * In one run the disk fails now and then: a job that failed on SQLite is not given to the other engine, so
 * whatever it left behind would show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store/memory.h"
#include "tests/support/support.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/relay_store/harness.h"

/* Few of everything, so that jobs meet each other. */
enum {
    NAMES = 90,
    VOUCHERS = 24,
    IDS = 12,
    HANDLES = 60,
    SEQS = 40,
    HOURS = 30,
    WRITES_MAX = 8,
    VALUE_MAX = 9000
};

struct world {
    struct place place;
    struct engine *disk, *memory;
    const char *vfs;
    struct rng_seed seed;
    struct rng rng;
    uint32_t hour;
    uint64_t marks, ended, expired, counted;
    uint64_t no_queue, no_growth; /* for want of room */
    uint64_t jobs, failed, ok, exists, refused, not_found, conflict, full;
    struct envelope *envelopes[4];
    uint8_t value[VALUE_MAX];
};

/* One job's writes and what they borrow. */
struct batch {
    struct store_write writes[WRITES_MAX];
    struct stored_names names[WRITES_MAX];
    struct name vouchers[WRITES_MAX][4];
    size_t count;
};

static uint32_t below(struct world *w, uint32_t bound)
{
    return rng_below(&w->rng, bound);
}

static struct name any_name(struct world *w)
{
    return name_number(below(w, NAMES));
}

/* The names behind NAMES are mostly vouchers; the last of them tell their kind, so that spending often works.
 */
static struct name any_voucher(struct world *w, enum voucher_kind kind)
{
    if (below(w, 10) == 0)
        return any_name(w);
    return name_number(NAMES + 4 * below(w, VOUCHERS / 4) + (uint32_t)kind - 1);
}

static uint64_t any_id(struct world *w)
{
    /* the largest one too */
    uint64_t id = 1 + below(w, IDS);
    return id == IDS ? (UINT64_C(1) << STORE_ID_BITS) - 1 : id;
}

/* Not over yet: what is stored after its key was destroyed would have another one. */
static uint32_t any_hour(struct world *w)
{
    return w->hour + 1 + below(w, HOURS);
}

static uint32_t any_week(struct world *w)
{
    return w->hour / 168 + below(w, 8);
}

/* Mostly names in a row, which repeats and meets others; sometimes names of all kinds. */
static void any_names(struct world *w, struct stored_names *out)
{
    *out = names_from(4 * below(w, NAMES / 4));
    if (below(w, 4) == 0)
        out->own = any_name(w);
    if (below(w, 4) == 0) {
        out->takes = (uint8_t)(1 + below(w, 3));
        for (size_t i = 1; i < out->takes; i++)
            out->take[i] = any_name(w);
    }
    if (below(w, 5) == 0) {
        out->has_put2 = true;
        out->put2 = any_name(w);
    }
}

static struct stored_slot_names any_slot_names(struct world *w)
{
    uint32_t n = 4 * below(w, NAMES / 4);
    struct stored_slot_names names = {name_number(n), name_number(n + 1), name_number(n + 2)};
    if (below(w, 4) == 0)
        names.write = any_name(w);
    return names;
}

static struct stored_message any_message(struct world *w)
{
    return (struct stored_message){any_id(w),
                                   below(w, SEQS),
                                   any_hour(w),
                                   below(w, 2) == 0,
                                   handle_number(below(w, HANDLES)),
                                   w->envelopes[below(w, 4)]};
}

static void fill_slot(struct world *w, struct store_write *write)
{
    write->u.slot.id = any_id(w);
    write->u.slot.ttl = below(w, 2) == 0 ? WIRE_TTL_LASTING : WIRE_TTL_7D;
    write->u.slot.hour = any_hour(w);
    write->u.slot.voucher = any_voucher(w, below(w, 2) == 0 ? VOUCHER_SLOT : VOUCHER_LASTING_SLOT);
    write->u.slot.names = any_slot_names(w);
    write->u.slot.most = below(w, 3);
    write->u.slot.expected = below(w, 3);
    write->u.slot.value = w->value;
    write->u.slot.size = below(w, 4) == 0 ? 0 : below(w, VALUE_MAX);
}

static void fill_write(struct world *w, struct batch *b, size_t i)
{
    /* Vouchers and messages more often than the rest. */
    static const enum write_kind kinds[] = {
        WRITE_MESSAGE,     WRITE_MESSAGE,   WRITE_MESSAGE,    WRITE_MESSAGE,  WRITE_DROP_MESSAGE,
        WRITE_DROP_HANDLE, WRITE_QUEUE,     WRITE_QUEUE,      WRITE_KNOCK,    WRITE_QUEUE_NAMES,
        WRITE_DROP_QUEUE,  WRITE_TOUCH,     WRITE_VOUCHERS,   WRITE_VOUCHERS, WRITE_VOUCHERS,
        WRITE_VOUCHERS,    WRITE_SLOT,      WRITE_SLOT_VALUE, WRITE_SLOT,     WRITE_KNOCK,
        WRITE_SLOT_NAMES,  WRITE_DROP_SLOT,
    };
    struct store_write *write = &b->writes[i];
    memset(write, 0, sizeof(*write));
    write->kind = kinds[below(w, sizeof(kinds) / sizeof(kinds[0]))];
    if (write->kind == WRITE_DROP_QUEUE && below(w, 3) > 0)
        write->kind = WRITE_TOUCH; /* else few queues live long enough to meet anything */
    write->no_room = below(w, write->kind == WRITE_SLOT_VALUE ? 2 : 8) == 0;
    switch (write->kind) {
    case WRITE_MESSAGE:
    case WRITE_DROP_MESSAGE:
    case WRITE_DROP_HANDLE:
        write->u.message = any_message(w);
        break;
    case WRITE_QUEUE:
    case WRITE_QUEUE_NAMES:
    case WRITE_DROP_QUEUE:
    case WRITE_TOUCH:
        any_names(w, &b->names[i]);
        write->u.queue.id = any_id(w);
        write->u.queue.kind = below(w, 2) == 0 ? QUEUE_DESK : QUEUE_CONVERSATION;
        write->u.queue.ends = any_week(w);
        write->u.queue.unanswered = below(w, 2) == 0;
        write->u.queue.voucher = any_voucher(w, below(w, 2) == 0 ? VOUCHER_DESK : VOUCHER_CONVERSATION);
        write->u.queue.names = &b->names[i];
        break;
    case WRITE_KNOCK:
        any_names(w, &b->names[i]);
        write->u.knock.id = any_id(w);
        write->u.knock.ends = any_week(w);
        write->u.knock.voucher_hour = any_hour(w);
        write->u.knock.names = &b->names[i];
        write->u.knock.slot_voucher = any_voucher(w, VOUCHER_SLOT);
        write->u.knock.message = any_message(w);
        break;
    case WRITE_VOUCHERS:
        write->u.vouchers.kind = (enum voucher_kind)(1 + below(w, 4));
        write->u.vouchers.hour = any_hour(w);
        write->u.vouchers.count = (uint8_t)(1 + below(w, 4));
        write->u.vouchers.names = b->vouchers[i];
        for (size_t k = 0; k < 4; k++)
            b->vouchers[i][k] = any_voucher(w, write->u.vouchers.kind);
        break;
    case WRITE_SLOT:
    case WRITE_SLOT_VALUE:
    case WRITE_SLOT_NAMES:
    case WRITE_DROP_SLOT:
        fill_slot(w, write);
        break;
    }
}

/* False: it failed on disk, and the other engine must not see it. */
static bool run_both(struct world *w, struct store_job *disk, struct store_job *memory)
{
    w->jobs++;
    w->disk->execute(w->disk, disk);
    if (disk->result == ZG_ERR_STORAGE && fault_vfs_hits() > 0) {
        w->failed++;
        fault_vfs_arm(FAULT_NONE, 0, 0);
        return false;
    }
    w->memory->execute(w->memory, memory);
    assert_int_equal(disk->result, ZG_OK);
    assert_int_equal(memory->result, ZG_OK);
    return true;
}

static void tally(struct world *w, enum write_kind kind, enum outcome outcome)
{
    w->no_queue += outcome == OUTCOME_FULL && kind == WRITE_QUEUE;
    w->no_growth += outcome == OUTCOME_FULL && kind == WRITE_SLOT_VALUE;
    w->ok += outcome == OUTCOME_OK;
    w->exists += outcome == OUTCOME_EXISTS;
    w->refused += outcome == OUTCOME_REFUSED;
    w->not_found += outcome == OUTCOME_NOT_FOUND;
    w->conflict += outcome == OUTCOME_CONFLICT;
    w->full += outcome == OUTCOME_FULL;
}

static void try_commit(struct world *w)
{
    struct batch a, b;
    a.count = 1 + below(w, WRITES_MAX);
    for (size_t i = 0; i < a.count; i++)
        fill_write(w, &a, i);
    b = a;
    struct store_job disk = {.kind = JOB_COMMIT, .u.commit = {a.writes, a.count, w->hour}};
    struct store_job memory = {.kind = JOB_COMMIT, .u.commit = {b.writes, b.count, w->hour}};
    if (!run_both(w, &disk, &memory))
        return;
    for (size_t i = 0; i < a.count; i++) {
        if (a.writes[i].outcome != b.writes[i].outcome)
            fail_msg("write %zu of kind %d: outcome %d on disk, %d in memory", i, (int)a.writes[i].kind,
                     (int)a.writes[i].outcome, (int)b.writes[i].outcome);
        tally(w, a.writes[i].kind, a.writes[i].outcome);
        if (a.writes[i].kind == WRITE_DROP_HANDLE) {
            assert_int_equal(a.writes[i].u.message.queue, b.writes[i].u.message.queue);
            assert_int_equal(a.writes[i].u.message.seq, b.writes[i].u.message.seq);
        }
    }
}

static void compare_found(const struct found *a, const struct found *b)
{
    assert_int_equal(a->found, b->found);
    if (!a->found)
        return;
    assert_int_equal(a->role, b->role);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->ends, b->ends);
    assert_int_equal(a->unanswered, b->unanswered);
    assert_int_equal(a->stored, b->stored);
    assert_int_equal(a->first_seq, b->first_seq);
    assert_int_equal(a->next_seq, b->next_seq);
    assert_int_equal(a->ttl, b->ttl);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->voucher_kind, b->voucher_kind);
    assert_int_equal(a->names.takes, b->names.takes);
    assert_int_equal(a->names.has_put2, b->names.has_put2);
    assert_memory_equal(&a->names.put, &b->names.put, sizeof(struct name));
    assert_memory_equal(&a->names.own, &b->names.own, sizeof(struct name));
    assert_memory_equal(&a->names.end, &b->names.end, sizeof(struct name));
    assert_memory_equal(a->names.take, b->names.take, a->names.takes * sizeof(struct name));
    if (a->names.has_put2)
        assert_memory_equal(&a->names.put2, &b->names.put2, sizeof(struct name));
}

static void try_find(struct world *w, uint32_t name)
{
    struct store_job disk = {.kind = JOB_FIND, .u.find = {.name = name_number(name), .hour = w->hour}};
    struct store_job memory = disk;
    if (run_both(w, &disk, &memory))
        compare_found(&disk.u.find.found, &memory.u.find.found);
}

static void try_load(struct world *w, uint64_t queue, uint32_t from, uint32_t limit)
{
    struct store_job disk = {.kind = JOB_LOAD};
    disk.u.load.queue = queue;
    disk.u.load.from_seq = from;
    disk.u.load.hour = w->hour;
    disk.u.load.limit = limit;
    struct store_job memory = disk;
    if (!run_both(w, &disk, &memory))
        return;
    assert_int_equal(disk.u.load.count, memory.u.load.count);
    for (size_t i = 0; i < disk.u.load.count; i++) {
        struct stored_message *a = &disk.u.load.messages[i], *b = &memory.u.load.messages[i];
        assert_int_equal(a->queue, b->queue);
        assert_int_equal(a->seq, b->seq);
        assert_int_equal(a->hour, b->hour);
        assert_int_equal(a->marked, b->marked);
        assert_memory_equal(&a->handle, &b->handle, sizeof(a->handle));
        assert_memory_equal(a->envelope->bytes, b->envelope->bytes, WIRE_ENVELOPE_BYTES);
        envelope_unref(a->envelope);
        envelope_unref(b->envelope);
    }
}

static void try_slot(struct world *w, uint64_t id)
{
    struct store_job disk = {.kind = JOB_SLOT, .u.slot = {.id = id}};
    struct store_job memory = disk;
    if (!run_both(w, &disk, &memory))
        return;
    assert_int_equal(disk.u.slot.found, memory.u.slot.found);
    assert_int_equal(disk.u.slot.version, memory.u.slot.version);
    assert_int_equal(disk.u.slot.size, memory.u.slot.size);
    if (disk.u.slot.size > 0)
        assert_memory_equal(disk.u.slot.value, memory.u.slot.value, disk.u.slot.size);
    free(disk.u.slot.value);
    free(memory.u.slot.value);
}

static void try_purge(struct world *w)
{
    struct store_job disk = {.kind = JOB_PURGE, .u.purge = {.hour = w->hour, .limit = below(w, 12)}};
    struct store_job memory = disk;
    if (!run_both(w, &disk, &memory)) {
        /* The keys were destroyed all the same. */
        memory.u.purge.limit = 0;
        w->memory->execute(w->memory, &memory);
        return;
    }
    assert_int_equal(disk.u.purge.marks, memory.u.purge.marks);
    assert_int_equal(disk.u.purge.queues, memory.u.purge.queues);
    for (size_t i = 0; i < disk.u.purge.queues; i++)
        assert_int_equal(disk.u.purge.ended[i], memory.u.purge.ended[i]);
    w->marks += disk.u.purge.marks;
    w->ended += disk.u.purge.queues;
    assert_int_equal(disk.u.purge.messages, memory.u.purge.messages);
    assert_int_equal(disk.u.purge.slots, memory.u.purge.slots);
    assert_int_equal(disk.u.purge.vouchers, memory.u.purge.vouchers);
    assert_int_equal(disk.u.purge.more, memory.u.purge.more);
}

static void try_counts(struct world *w)
{
    struct store_job disk = {.kind = JOB_COUNTS};
    struct store_job memory = disk;
    if (!run_both(w, &disk, &memory))
        return;
    assert_int_equal(disk.u.counts.queues, memory.u.counts.queues);
    assert_int_equal(disk.u.counts.slots, memory.u.counts.slots);
    assert_int_equal(disk.u.counts.vouchers, memory.u.counts.vouchers);
    assert_int_equal(disk.u.counts.messages, memory.u.counts.messages);
    assert_int_equal(disk.u.counts.marks, memory.u.counts.marks);
    assert_int_equal(disk.u.counts.passing, memory.u.counts.passing);
}

static void try_status(struct world *w)
{
    struct store_job disk = {.kind = JOB_STATUS, .u.status = {.hour = w->hour, .count = 8}};
    for (size_t i = 0; i < 8; i++)
        disk.u.status.handles[i] = handle_number(below(w, HANDLES));
    struct store_job memory = disk;
    if (!run_both(w, &disk, &memory))
        return;
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(disk.u.status.fates[i], memory.u.status.fates[i]);
        w->expired += disk.u.status.fates[i] == FATE_EXPIRED;
    }
}

static void try_forget(struct world *w)
{
    struct store_job disk = {.kind = JOB_FORGET};
    struct store_job memory = disk;
    (void)run_both(w, &disk, &memory);
}

static void reopen(struct world *w)
{
    fault_vfs_arm(FAULT_NONE, 0, 0);
    w->disk->close(w->disk);
    w->disk = place_open(&w->place, w->vfs);
}

static void compare_all(struct world *w)
{
    for (uint32_t i = 0; i < NAMES + VOUCHERS; i++)
        try_find(w, i);
    for (uint64_t id = 1; id < IDS; id++) {
        try_load(w, id, 0, STORE_LOAD_MAX);
        try_slot(w, id);
    }
    try_load(w, (UINT64_C(1) << STORE_ID_BITS) - 1, 0, STORE_LOAD_MAX);
    for (uint32_t i = 0; i < 20; i++)
        try_status(w);
    try_counts(w);
}

/* How many messages of each epoch lie in each region, as it stands and as it is. */
static void compare_due(struct world *w)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM (SELECT * FROM due"
        " EXCEPT SELECT epoch, key >> 49, count(*) FROM message GROUP BY 1, 2)),"
        " (SELECT count(*) FROM (SELECT epoch, key >> 49, count(*) FROM message"
        " GROUP BY 1, 2 EXCEPT SELECT * FROM due))";
    sqlite3 *db;
    sqlite3_stmt *s;
    fault_vfs_arm(FAULT_NONE, 0, 0);
    w->disk->close(w->disk);
    assert_int_equal(sqlite3_open(w->place.db, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    w->counted += (uint64_t)sqlite3_column_int64(s, 0);
    assert_int_equal(sqlite3_column_int64(s, 1), 0);
    assert_int_equal(sqlite3_column_int64(s, 2), 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    w->disk = place_open(&w->place, w->vfs);
}

static void step(struct world *w)
{
    uint32_t what = below(w, 100);
    if (w->vfs != NULL && below(w, 20) == 0)
        fault_vfs_arm(below(w, 2) == 0 ? FAULT_IO : FAULT_FULL, below(w, 12), 1 + below(w, 3));
    if (what < 60)
        try_commit(w);
    else if (what < 75)
        try_find(w, below(w, NAMES + VOUCHERS));
    else if (what < 80)
        try_status(w);
    else if (what < 85)
        try_load(w, any_id(w), below(w, SEQS), below(w, 80));
    else if (what < 90)
        try_slot(w, any_id(w));
    else if (what < 96)
        try_purge(w);
    else if (what < 98)
        try_counts(w);
    else if (what < 99)
        try_forget(w);
    else if (below(w, 4) == 0)
        reopen(w);
    if (below(w, 50) == 0)
        w->hour++;
    if (below(w, 400) == 0)
        w->hour += below(w, 60); /* else no queue would end and no mark be told */
}

/* What the seeds of one test met of what is rare. */
struct rare {
    uint64_t marks, ended, expired, no_queue, no_growth;
};

static void run(uint64_t seed, uint32_t steps, const char *vfs, struct rare *rare)
{
    struct world w = {.vfs = vfs, .hour = 100};
    place_make(&w.place);
    w.rng = rng_seeded(&w.seed, seed);
    w.disk = place_open(&w.place, vfs);
    w.memory = memory_engine_new();
    assert_non_null(w.memory);
    for (size_t i = 0; i < 4; i++) {
        uint8_t bytes[WIRE_ENVELOPE_BYTES];
        rng_fill(&w.rng, bytes, sizeof(bytes));
        w.envelopes[i] = envelope_new(bytes);
        assert_non_null(w.envelopes[i]);
    }
    rng_fill(&w.rng, w.value, sizeof(w.value));

    printf("seed %" PRIu64 "%s\n", seed, vfs != NULL ? ", with a failing disk" : "");
    for (uint32_t i = 0; i < steps; i++) {
        step(&w);
        if (i % 500 == 499)
            compare_due(&w);
    }
    assert_true(w.counted > 0);
    compare_all(&w);
    printf("  %" PRIu64 " jobs, %" PRIu64 " failed; outcomes: ok %" PRIu64 ", exists %" PRIu64
           ", refused %" PRIu64 ", not found %" PRIu64 ", conflict %" PRIu64 ", full %" PRIu64 "\n",
           w.jobs, w.failed, w.ok, w.exists, w.refused, w.not_found, w.conflict, w.full);
    printf("  %" PRIu64 " marks over, %" PRIu64 " queues ended, %" PRIu64 " told as expired\n", w.marks,
           w.ended, w.expired);
    /* A run that met none of a kind would compare nothing. */
    assert_true(w.ok > 0 && w.exists > 0 && w.refused > 0 && w.not_found > 0 && w.conflict > 0 && w.full > 0);
    assert_true(vfs == NULL || w.failed > steps / 200);
    rare->marks += w.marks;
    rare->ended += w.ended;
    rare->expired += w.expired;
    rare->no_queue += w.no_queue;
    rare->no_growth += w.no_growth;

    for (size_t i = 0; i < 4; i++)
        envelope_unref(w.envelopes[i]);
    w.disk->close(w.disk);
    w.memory->close(w.memory);
    place_remove(&w.place);
}

static void run_seeds(uint64_t first, uint64_t count, const char *vfs)
{
    struct rare rare = {0};
    for (uint64_t seed = first; seed < first + count; seed++)
        run(seed, 5000, vfs, &rare);
    assert_true(rare.marks > 0 && rare.ended > 0 && rare.expired > 0);
    assert_true(rare.no_queue > 0 && rare.no_growth > 0);
}

static void both_engines_answer_the_same(void **state)
{
    (void)state;
    run_seeds(1, 4, NULL);
}

static void a_failed_job_changes_nothing_and_the_next_one_works(void **state)
{
    (void)state;
    fault_vfs_register();
    run_seeds(101, 4, FAULT_VFS_NAME);
}

int main(int argc, char **argv)
{
    if (argc == 2) { /* one seed by hand */
        struct rare rare = {0};
        run(strtoull(argv[1], NULL, 10), 20000, NULL, &rare);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_engines_answer_the_same),
        cmocka_unit_test(a_failed_job_changes_nothing_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
