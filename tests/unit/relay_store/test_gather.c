/* The write-ahead log's layer over a file in memory that counts what comes, and fails when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sqlite/gather.h"
#include "tests/support/support.h"

enum { FILE_MAX = 512 * 1024, PIECE_MAX = 80 * 1024, FRAME_HEAD = 24, PAGE = 4096 };

static struct {
    uint8_t bytes[FILE_MAX];
    sqlite3_int64 size;
    uint32_t writes, syncs, writes_at_sync;
    int write_rc; /* of the next write */
} disk;

static int disk_close(sqlite3_file *f)
{
    (void)f;
    return SQLITE_OK;
}

static int disk_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    (void)f;
    sqlite3_int64 there = at >= disk.size ? 0 : disk.size - at < n ? disk.size - at : n;
    memcpy(p, disk.bytes + at, (size_t)there);
    memset((uint8_t *)p + there, 0, (size_t)(n - there));
    return there == n ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int disk_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    (void)f;
    int rc = disk.write_rc;
    disk.write_rc = SQLITE_OK;
    if (rc != SQLITE_OK)
        return rc;
    assert_true(at + n <= FILE_MAX);
    memcpy(disk.bytes + at, p, (size_t)n);
    disk.size = at + n > disk.size ? at + n : disk.size;
    disk.writes++;
    return SQLITE_OK;
}

static int disk_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    (void)f;
    if (size < disk.size)
        memset(disk.bytes + size, 0, (size_t)(disk.size - size));
    disk.size = size;
    return SQLITE_OK;
}

static int disk_sync(sqlite3_file *f, int flags)
{
    (void)f, (void)flags;
    disk.syncs++;
    disk.writes_at_sync = disk.writes;
    return SQLITE_OK;
}

static int disk_size(sqlite3_file *f, sqlite3_int64 *size)
{
    (void)f;
    *size = disk.size;
    return SQLITE_OK;
}

static const sqlite3_io_methods disk_methods = {
    .iVersion = 1,
    .xClose = disk_close,
    .xRead = disk_read,
    .xWrite = disk_write,
    .xTruncate = disk_truncate,
    .xSync = disk_sync,
    .xFileSize = disk_size,
};

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    (void)vfs, (void)name, (void)out_flags;
    if ((flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    f->pMethods = &disk_methods;
    return SQLITE_OK;
}

static sqlite3_vfs disk_vfs = {.iVersion = 1, .szOsFile = sizeof(sqlite3_file), .xOpen = disk_open};

static int set_up(void **state)
{
    memset(&disk, 0, sizeof(disk));
    sqlite3_file *f = calloc(1, (size_t)gather_file_bytes() + sizeof(sqlite3_file));
    *state = f;
    return f == NULL ? -1 : gather_open(&disk_vfs, "log", f, SQLITE_OPEN_WAL | SQLITE_OPEN_CREATE, NULL);
}

static int tear_down(void **state)
{
    sqlite3_file *f = *state;
    if (f->pMethods != NULL)
        f->pMethods->xClose(f);
    free(f);
    return 0;
}

static int write_bytes(sqlite3_file *f, uint8_t fill, int n, sqlite3_int64 at)
{
    uint8_t bytes[PAGE];
    memset(bytes, fill, sizeof(bytes));
    return f->pMethods->xWrite(f, bytes, n, at);
}

static void frames_go_out_together_before_their_sync(void **state)
{
    enum { FRAMES = 100, TOGETHER = 65536 / (FRAME_HEAD + PAGE) };
    sqlite3_file *f = *state;
    sqlite3_int64 at = 0;
    for (uint8_t i = 1; i <= FRAMES; i++) {
        assert_int_equal(write_bytes(f, i, FRAME_HEAD, at), SQLITE_OK);
        assert_int_equal(write_bytes(f, i, PAGE, at + FRAME_HEAD), SQLITE_OK);
        at += FRAME_HEAD + PAGE;
    }
    assert_int_equal(f->pMethods->xSync(f, SQLITE_SYNC_FULL), SQLITE_OK);
    assert_int_equal(disk.syncs, 1);
    assert_int_equal(disk.writes, disk.writes_at_sync);
    assert_int_equal(disk.size, at);
    assert_true(disk.writes <= FRAMES / TOGETHER + 1);
    for (sqlite3_int64 i = 0; i < at; i++)
        assert_int_equal(disk.bytes[i], 1 + i / (FRAME_HEAD + PAGE));
}

/* Whatever is read, and the length, is as if every write had gone out at once. */
static void nobody_sees_that_something_is_kept_back(void **state)
{
    static uint8_t model[FILE_MAX], bytes[PIECE_MAX];
    sqlite3_file *f = *state;
    sqlite3_int64 size = 0, at = 0, told;
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 5);
    memset(model, 0, sizeof(model));
    for (int i = 0; i < 20000; i++) {
        uint32_t what = rng_below(&rng, 100);
        int n = what < 90 ? 1 + (int)rng_below(&rng, PAGE) : 1 + (int)rng_below(&rng, PIECE_MAX);
        if (rng_below(&rng, 8) == 0)
            at = rng_below(&rng, FILE_MAX / 2);
        at = at + n > FILE_MAX ? 0 : at;
        if (what % 10 < 6) {
            rng_fill(&rng, bytes, (size_t)n);
            assert_int_equal(f->pMethods->xWrite(f, bytes, n, at), SQLITE_OK);
            memcpy(model + at, bytes, (size_t)n);
            size = at + n > size ? at + n : size;
            at += n;
        } else if (what % 10 < 9) {
            sqlite3_int64 from = rng_below(&rng, FILE_MAX - PIECE_MAX);
            from = rng_below(&rng, 2) == 0 && at > n ? at - n : from;
            int rc = f->pMethods->xRead(f, bytes, n, from);
            assert_int_equal(rc, from + n <= size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ);
            assert_memory_equal(bytes, model + from, (size_t)n);
        } else if (what < 40) {
            assert_int_equal(f->pMethods->xFileSize(f, &told), SQLITE_OK);
            assert_int_equal(told, size);
        } else if (what < 60) {
            sqlite3_int64 less = size - rng_below(&rng, (uint32_t)size / 8 + 1);
            assert_int_equal(f->pMethods->xTruncate(f, less), SQLITE_OK);
            memset(model + less, 0, (size_t)(size - less));
            size = less;
        } else {
            assert_int_equal(f->pMethods->xSync(f, SQLITE_SYNC_FULL), SQLITE_OK);
            assert_int_equal(disk.size, size);
            assert_memory_equal(disk.bytes, model, FILE_MAX);
        }
    }
    assert_int_equal(f->pMethods->xClose(f), SQLITE_OK);
    f->pMethods = NULL;
    assert_memory_equal(disk.bytes, model, FILE_MAX);
}

static int by_sync(sqlite3_file *f)
{
    return f->pMethods->xSync(f, SQLITE_SYNC_FULL);
}

static int by_write(sqlite3_file *f)
{
    return write_bytes(f, 2, PAGE, 10 * PAGE);
}

static int by_read(sqlite3_file *f)
{
    uint8_t bytes[FRAME_HEAD];
    return f->pMethods->xRead(f, bytes, FRAME_HEAD, PAGE - 1);
}

static int by_size(sqlite3_file *f)
{
    sqlite3_int64 size;
    return f->pMethods->xFileSize(f, &size);
}

static int by_truncate(sqlite3_file *f)
{
    return f->pMethods->xTruncate(f, PAGE);
}

static int by_close(sqlite3_file *f)
{
    int rc = f->pMethods->xClose(f);
    f->pMethods = NULL;
    return rc;
}

static void a_write_that_fails_is_told_by_what_makes_it_go_out(void **state)
{
    static int (*const ways[])(sqlite3_file *) = {by_sync, by_write, by_read, by_size, by_truncate, by_close};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        sqlite3_file *f = *state;
        assert_int_equal(write_bytes(f, 1, PAGE, 0), SQLITE_OK);
        disk.write_rc = SQLITE_FULL;
        assert_int_equal(ways[i](f), SQLITE_FULL);
        assert_int_equal(disk.syncs, 0);
        /* It is not tried again behind the back of what comes next. */
        assert_true(ways[i] == by_close || by_sync(f) == SQLITE_OK);
        assert_int_equal(disk.writes, 0);
        tear_down(state);
        assert_int_equal(set_up(state), 0);
    }
}

static void what_cannot_be_opened_is_not_open(void **state)
{
    sqlite3_file *f = *state, *other = calloc(1, (size_t)gather_file_bytes() + sizeof(sqlite3_file));
    assert_non_null(other);
    other->pMethods = f->pMethods;
    assert_int_equal(gather_open(&disk_vfs, "log", other, SQLITE_OPEN_WAL, NULL), SQLITE_CANTOPEN);
    assert_null(other->pMethods);
    free(other);
}

#define GATHER_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GATHER_TEST(frames_go_out_together_before_their_sync),
        GATHER_TEST(nobody_sees_that_something_is_kept_back),
        GATHER_TEST(a_write_that_fails_is_told_by_what_makes_it_go_out),
        GATHER_TEST(what_cannot_be_opened_is_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
