/* Keys of epochs: where they lie, what is sealed under them, what is over when they are gone. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/labels.h"
#include "relay/store/at_rest.h"
#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"
#include "tests/unit/relay_store/fault_vfs.h"
#include "tests/unit/relay_store/harness.h"

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return -1;
    fault_vfs_register();
    fault_vfs_arm(FAULT_NONE, 0, 0);
    place_make(p);
    *state = p;
    return 0;
}

static int set_up_in_memory(void **state)
{
    if (set_up(state) != 0)
        return -1;
    struct place *p = *state;
    p->keys = epoch_memory_new();
    return p->keys == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    if (p->keys != NULL)
        p->keys->close(p->keys);
    place_remove(p);
    free(p);
    return 0;
}

/* --- jobs made short --- */

static struct store_job write_message(struct engine *e, uint32_t seq, uint32_t hour, bool marked)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES] = {0};
    static struct store_write w;
    w = (struct store_write){.kind = WRITE_MESSAGE};
    w.u.message = (struct stored_message){5, seq, hour, marked, handle_number(seq), envelope_new(bytes)};
    assert_non_null(w.u.message.envelope);
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {&w, 1, 0}};
    e->execute(e, &job);
    envelope_unref(w.u.message.envelope);
    return job;
}

static uint32_t load(struct engine *e, uint32_t hour, zg_err *result)
{
    static struct store_job job;
    job = (struct store_job){.kind = JOB_LOAD};
    job.u.load.queue = 5;
    job.u.load.hour = hour;
    job.u.load.limit = STORE_LOAD_MAX;
    e->execute(e, &job);
    for (uint32_t i = 0; i < job.u.load.count; i++)
        envelope_unref(job.u.load.messages[i].envelope);
    *result = job.result;
    return job.u.load.count;
}

static uint32_t damaged(struct engine *e)
{
    static struct store_job job;
    job = (struct store_job){.kind = JOB_LOAD, .u.load = {.queue = 5, .limit = 2}};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    for (uint32_t i = 0; i < job.u.load.count; i++)
        envelope_unref(job.u.load.messages[i].envelope);
    return job.u.load.damaged;
}

static uint32_t loaded(struct engine *e, uint32_t hour)
{
    zg_err result;
    uint32_t count = load(e, hour, &result);
    assert_int_equal(result, ZG_OK);
    return count;
}

static struct store_job purge(struct engine *e, uint32_t hour, uint32_t limit)
{
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = hour, .limit = limit}};
    e->execute(e, &job);
    return job;
}

static uint8_t fate(struct engine *e, uint32_t handle, uint32_t hour)
{
    struct store_job job = {.kind = JOB_STATUS, .u.status = {.hour = hour, .count = 1}};
    job.u.status.handles[0] = handle_number(handle);
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    return job.u.status.fates[0];
}

/* Paths of the key files; returns how many. */
static size_t key_files(const struct place *p, char out[8][400])
{
    size_t n = 0;
    DIR *dir = opendir(p->dir);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (strncmp(d->d_name, "epoch-", 6) == 0) {
            assert_true(n < 8);
            snprintf(out[n++], 400, "%s/%s", p->dir, d->d_name);
        }
    closedir(dir);
    return n;
}

static void run_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* --- files --- */

static void a_key_is_a_private_file_for_each_hour(void **state)
{
    struct place *p = *state;
    char paths[8][400];
    struct stat st;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    assert_int_equal(key_files(p, paths), 0);
    write_message(e, 0, 100, false);
    write_message(e, 1, 100, false);
    assert_int_equal(key_files(p, paths), 1);
    write_message(e, 2, 101, false);
    assert_int_equal(key_files(p, paths), 2);
    assert_int_equal(stat(paths[0], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    e->close(e);
    /* and no other one after a start */
    e = place_open(p, NULL);
    write_message(e, 3, 100, false);
    assert_int_equal(key_files(p, paths), 2);
    assert_int_equal(loaded(e, 0), 4);
    e->close(e);
}

/* Whatever hour a wrong clock gave them. */
static void nothing_sealed_lasts_longer_than_is_allowed(void **state)
{
    struct place *p = *state;
    struct store_job job = {.kind = JOB_PURGE, .u.purge = {.hour = 90, .latest = 200, .limit = 10}};
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    write_message(e, 0, 100, false);
    write_message(e, 1, 300, false);
    write_message(e, 2, 5000, false);
    write_message(e, 3, 200, false);
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.purge.messages, 0);
    assert_int_equal(loaded(e, 100), 3);
    assert_int_equal(loaded(e, 199), 3);
    assert_int_equal(loaded(e, 200), 0);
    e->close(e);
    e = place_open(p, NULL);
    assert_int_equal(loaded(e, 199), 3);
    assert_int_equal(purge(e, 199, 10).u.purge.messages, 1);
    assert_int_equal(purge(e, 200, 10).u.purge.messages, 3);
    e->close(e);
}

/* A second name for the file shows what became of its bytes. */
static void a_destroyed_key_is_overwritten(void **state)
{
    struct place *p = *state;
    char paths[8][400], other[128];
    uint8_t bytes[64];
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    write_message(e, 0, 100, false);
    assert_int_equal(key_files(p, paths), 1);
    snprintf(other, sizeof(other), "%s/other", p->dir);
    assert_int_equal(link(paths[0], other), 0);
    assert_int_equal(purge(e, 99, 10).result, ZG_OK);
    assert_int_equal(key_files(p, paths), 1);
    assert_int_equal(purge(e, 100, 10).result, ZG_OK);
    assert_int_equal(key_files(p, paths), 0);
    int fd = open(other, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof(bytes));
    close(fd);
    assert_int_equal(n, 48);
    assert_true(sodium_is_zero(bytes, (size_t)n));
    e->close(e);
}

static void a_lost_key_is_a_message_that_expired(void **state)
{
    struct place *p = *state;
    char paths[8][400];
    struct found found;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t i = 0; i < 4; i++)
        write_message(e, i, 1000, true);
    e->close(e);
    assert_int_equal(key_files(p, paths), 1);
    unlink(paths[0]);

    e = place_open(p, NULL);
    assert_int_equal(loaded(e, 0), 0);
    assert_int_equal(find_name(e, 1, 0, &found), ZG_OK);
    assert_int_equal(found.stored, 0);
    assert_int_equal(found.next_seq, 4);
    /* What is sent again is stored, and counts. */
    struct store_job job = write_message(e, 3, 1000, true);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.commit.writes[0].outcome, OUTCOME_OK);
    assert_int_equal(loaded(e, 0), 1);
    /* The day is the purge's. */
    assert_int_equal(purge(e, 25, 2).u.purge.messages, 2);
    job = purge(e, 26, 10);
    assert_int_equal(job.u.purge.messages, 1);
    assert_false(job.u.purge.more);
    assert_int_equal(loaded(e, 0), 1);
    assert_int_equal(fate(e, 0, 47), FATE_UNKNOWN);
    assert_int_equal(fate(e, 0, 48), FATE_EXPIRED);
    assert_int_equal(fate(e, 2, 48), FATE_EXPIRED);
    assert_int_equal(fate(e, 3, 48), FATE_UNKNOWN);
    assert_int_equal(fate(e, 0, 48 + 7 * 24 - 1), FATE_EXPIRED);
    assert_int_equal(fate(e, 0, 48 + 7 * 24), FATE_UNKNOWN);
    e->close(e);
}

static void a_torn_key_is_a_lost_one(void **state)
{
    struct place *p = *state;
    char paths[8][400];
    for (int how = 0; how < 3; how++) {
        struct engine *e = place_open(p, NULL);
        if (how == 0)
            make_queue(e, QUEUE_CONVERSATION, 5, 1);
        write_message(e, (uint32_t)how, 1000, false);
        assert_int_equal(loaded(e, 0), 1);
        e->close(e);
        assert_int_equal(key_files(p, paths), 1);
        FILE *f = fopen(paths[0], how == 2 ? "a" : "r+");
        assert_non_null(f);
        if (how == 0)
            assert_int_equal(ftruncate(fileno(f), 20), 0);
        fputc(how, f); /* a changed byte, or one too many */
        fclose(f);
        e = place_open(p, NULL);
        assert_int_equal(loaded(e, 0), 0);
        assert_int_equal(key_files(p, paths), 0);
        assert_int_equal(purge(e, 1, 10).result, ZG_OK);
        assert_int_equal(count_all(e).messages, 0);
        e->close(e);
    }
}

static void a_key_of_no_row_is_destroyed_and_other_files_are_not(void **state)
{
    struct place *p = *state;
    static const char *const others[] = {"epoch-", "epoch-0000000g", "epoch-00000001.old", "epoch-000000AB"};
    char path[128], paths[8][400];
    struct key_place *files = epoch_files_new(p->dir);
    const uint8_t key[EPOCH_KEY_BYTES] = {1};
    assert_non_null(files);
    assert_int_equal(files->add(files, 1, key), 0);
    assert_int_equal(files->add(files, EPOCH_ID_MAX, key), 0);
    assert_int_equal(files->add(files, 1, key), EEXIST);
    files->close(files);
    assert_int_equal(key_files(p, paths), 2);
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", p->dir, others[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    struct engine *e = place_open(p, NULL);
    assert_int_equal(key_files(p, paths), 4);
    e->close(e);
}

static void a_key_that_cannot_be_read_is_not_taken_for_a_lost_one(void **state)
{
    struct place *p = *state;
    char paths[8][400], why[128] = "";
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    write_message(e, 0, 1000, false);
    e->close(e);
    assert_int_equal(key_files(p, paths), 1);
    /* Whoever runs this may be allowed to read everything; a link that leads nowhere is read by nobody. */
    char kept[128];
    snprintf(kept, sizeof(kept), "%s/kept", p->dir);
    assert_int_equal(rename(paths[0], kept), 0);
    assert_int_equal(symlink(kept, paths[0]), 0);
    const struct sqlite_options options = {.path = p->db, .exclusive = true};
    assert_int_equal(sqlite_engine_open(&e, &options, why, sizeof(why)), ZG_ERR_STORAGE);
    assert_non_null(strstr(why, "epoch keys"));
    assert_int_equal(rename(kept, paths[0]), 0);
    e = place_open(p, NULL);
    assert_int_equal(loaded(e, 0), 1);
    e->close(e);
}

/* --- at rest --- */

static void what_is_sealed_opens_in_its_row_only(void **state)
{
    struct epoch a = {.id = 1, .hour = 1}, b = {.id = 2, .hour = 1, .key = {1}};
    const struct at_rest_row row = {LABEL_STORED_MESSAGE, 7, 0}, other_key = {LABEL_STORED_MESSAGE, 8, 0},
                             other_version = {LABEL_STORED_MESSAGE, 7, 1},
                             other_label = {LABEL_STORED_SLOT, 7, 0};
    const struct rng rng = rng_system();
    uint8_t sealed[10 + AT_REST_OVERHEAD], again[sizeof(sealed)], out[10];
    (void)state;
    at_rest_seal(sealed, &a, &row, (const uint8_t *)"ten bytes.", 10, &rng);
    at_rest_seal(again, &a, &row, (const uint8_t *)"ten bytes.", 10, &rng);
    assert_memory_not_equal(sealed, again, sizeof(sealed));
    assert_null(memmem(sealed, sizeof(sealed), "ten", 3));
    assert_true(at_rest_open(out, &a, &row, sealed, sizeof(sealed)));
    assert_memory_equal(out, "ten bytes.", 10);
    assert_false(at_rest_open(out, &b, &row, sealed, sizeof(sealed)));
    assert_false(at_rest_open(out, &a, &other_key, sealed, sizeof(sealed)));
    assert_false(at_rest_open(out, &a, &other_version, sealed, sizeof(sealed)));
    assert_false(at_rest_open(out, &a, &other_label, sealed, sizeof(sealed)));
    assert_false(at_rest_open(out, &a, &row, sealed, sizeof(sealed) - 1));
    assert_false(at_rest_open(out, &a, &row, sealed, AT_REST_OVERHEAD - 1));
}

/* What is damaged counts as gone, is told of at its hour, and holds nothing up that lies behind it. */
static void a_row_that_was_moved_is_left_out(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t i = 0; i < 6; i++)
        write_message(e, i, 100, true);
    e->close(e);
    run_sql(p->db, "UPDATE message SET sealed = (SELECT sealed FROM message m WHERE m.key = message.key + 3)"
                   " WHERE (key & 7) < 3");
    run_sql(p->db, "UPDATE message SET sealed = substr(sealed, 1, 40) WHERE (key & 7) = 4");

    e = place_open(p, NULL);
    assert_int_equal(damaged(e), 4);
    assert_int_equal(loaded(e, 0), 2);
    assert_int_equal(fate(e, 0, 99), FATE_UNKNOWN);
    assert_int_equal(fate(e, 0, 120), FATE_EXPIRED);
    struct store_job job = purge(e, 100, 10);
    assert_int_equal(job.u.purge.messages, 6);
    assert_int_equal(fate(e, 0, 120), FATE_EXPIRED);
    assert_int_equal(damaged(e), 0);
    e->close(e);
}

/* --- keys that cannot be written or destroyed --- */

static void a_commit_whose_key_cannot_be_kept_fails_and_the_next_one_works(void **state)
{
    static const struct {
        int err;
        enum store_trouble trouble;
    } cases[] = {{ENOSPC, TROUBLE_FULL},
                 {EDQUOT, TROUBLE_FULL},
                 {EROFS, TROUBLE_READ_ONLY},
                 {EIO, TROUBLE_IO},
                 {ENOMEM, TROUBLE_MEMORY}};
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        epoch_memory_fail(p->keys, cases[i].err, 1);
        struct store_job job = write_message(e, i, 100 + i, false);
        assert_int_equal(job.result, cases[i].err == ENOMEM ? ZG_ERR_MEMORY : ZG_ERR_STORAGE);
        assert_int_equal(job.trouble, cases[i].trouble);
        assert_int_equal(loaded(e, 0), i);
        job = write_message(e, i, 100 + i, false);
        assert_int_equal(job.result, ZG_OK);
        assert_int_equal(job.trouble, TROUBLE_NONE);
    }
    assert_int_equal(epoch_memory_count(p->keys), 5);
    e->close(e);
}

/* A key whose commit failed is used by the next one, and is no stranger after a start. */
static void a_commit_that_fails_behind_its_key(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, FAULT_VFS_NAME);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    fault_vfs_arm(FAULT_FULL, 0, UINT32_MAX);
    struct store_job job = write_message(e, 0, 100, false);
    assert_int_equal(job.result, ZG_ERR_STORAGE);
    assert_int_equal(job.trouble, TROUBLE_FULL);
    fault_vfs_arm(FAULT_NONE, 0, 0);
    assert_int_equal(epoch_memory_count(p->keys), 1);
    assert_int_equal(write_message(e, 0, 100, false).result, ZG_OK);
    assert_int_equal(epoch_memory_count(p->keys), 1);
    e->close(e);
    e = place_open(p, NULL);
    assert_int_equal(loaded(e, 0), 1);
    e->close(e);
}

static void a_key_that_cannot_be_destroyed_is_tried_again(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    write_message(e, 0, 100, true);
    write_message(e, 1, 200, true);
    epoch_memory_fail(p->keys, EROFS, 1);
    struct store_job job = purge(e, 100, 10);
    assert_int_equal(job.result, ZG_ERR_STORAGE);
    assert_int_equal(job.trouble, TROUBLE_READ_ONLY);
    assert_int_equal(epoch_memory_count(p->keys), 2);
    /* It is over all the same, and stays so if the clock goes back. */
    assert_int_equal(loaded(e, 0), 1);
    job = purge(e, 100, 10);
    assert_int_equal(job.result, ZG_OK);
    assert_int_equal(job.u.purge.messages, 1);
    assert_int_equal(epoch_memory_count(p->keys), 1);
    assert_int_equal(loaded(e, 0), 1);
    e->close(e);
}

/* Keys go first; a relay that is ended between them and the rows forgets nothing of what it has to tell. */
static void rows_without_keys_leave_their_marks_on_the_right_day(void **state)
{
    struct place *p = *state;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1);
    for (uint32_t i = 0; i < 3; i++)
        write_message(e, i, 100, i != 1);
    struct store_job job = purge(e, 100, 0);
    assert_int_equal(job.result, ZG_OK);
    assert_true(job.u.purge.more);
    assert_int_equal(epoch_memory_count(p->keys), 0);
    assert_int_equal(count_all(e).messages, 3);
    assert_int_equal(loaded(e, 0), 0);
    e->close(e);

    e = place_open(p, NULL);
    assert_int_equal(fate(e, 0, 119), FATE_UNKNOWN);
    assert_int_equal(fate(e, 0, 120), FATE_EXPIRED); /* though its row still stands */
    job = purge(e, 125, 2);
    assert_int_equal(job.u.purge.messages, 2);
    assert_true(job.u.purge.more);
    job = purge(e, 125, 2);
    assert_int_equal(job.u.purge.messages, 1);
    assert_false(job.u.purge.more);
    assert_int_equal(count_all(e).marks, 2);
    assert_int_equal(fate(e, 0, 120), FATE_EXPIRED);
    assert_int_equal(fate(e, 1, 120), FATE_UNKNOWN);
    assert_int_equal(fate(e, 2, 120), FATE_EXPIRED);
    /* Kept seven days, then forgotten too, in slices. */
    assert_int_equal(purge(e, 120 + 7 * 24 - 1, 10).u.purge.marks, 0);
    job = purge(e, 120 + 7 * 24, 1);
    assert_int_equal(job.u.purge.marks, 1);
    assert_true(job.u.purge.more);
    job = purge(e, 120 + 7 * 24, 1);
    assert_int_equal(job.u.purge.marks, 1);
    assert_false(job.u.purge.more);
    assert_int_equal(count_all(e).marks, 0);
    e->close(e);
}

static void a_queue_ends_in_slices_with_what_lies_in_it(void **state)
{
    struct place *p = *state;
    struct found found;
    struct engine *e = place_open(p, NULL);
    make_queue(e, QUEUE_CONVERSATION, 5, 1); /* ends with week 2900 */
    make_queue(e, QUEUE_CONVERSATION, 6, 11);
    struct store_write touch = {.kind = WRITE_TOUCH, .u.queue = {.id = 6, .ends = 2901}};
    assert_int_equal(write_one(e, &touch, 0), ZG_OK);
    for (uint32_t i = 0; i < 10; i++)
        write_message(e, i, 2900 * 168 + 50, true);
    assert_int_equal(find_name(e, 1, 2900 * 168 - 1, &found), ZG_OK);
    assert_true(found.found);
    assert_int_equal(purge(e, 2900 * 168 - 1, 4).u.purge.queues, 0);
    assert_int_equal(find_name(e, 1, 2900 * 168, &found), ZG_OK);
    assert_false(found.found);

    uint32_t slices = 0, queues = 0;
    struct store_job job;
    do {
        uint64_t before = count_all(e).messages;
        job = purge(e, 2900 * 168, 4);
        assert_int_equal(job.result, ZG_OK);
        assert_true(before - count_all(e).messages <= 4);
        queues += job.u.purge.queues;
        slices++;
    } while (job.u.purge.more);
    assert_int_equal(queues, 1);
    assert_int_equal(job.u.purge.ended[0], 5);
    assert_int_equal(slices, 3);
    struct counts c = count_all(e);
    assert_int_equal(c.queues, 1);
    assert_int_equal(c.messages, 0);
    assert_int_equal(c.marks, 0);
    e->close(e);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define MEMORY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up_in_memory, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_key_is_a_private_file_for_each_hour),
        FILE_TEST(nothing_sealed_lasts_longer_than_is_allowed),
        FILE_TEST(a_destroyed_key_is_overwritten),
        FILE_TEST(a_lost_key_is_a_message_that_expired),
        FILE_TEST(a_torn_key_is_a_lost_one),
        FILE_TEST(a_key_of_no_row_is_destroyed_and_other_files_are_not),
        FILE_TEST(a_key_that_cannot_be_read_is_not_taken_for_a_lost_one),
        FILE_TEST(a_row_that_was_moved_is_left_out),
        cmocka_unit_test(what_is_sealed_opens_in_its_row_only),
        MEMORY_TEST(a_commit_whose_key_cannot_be_kept_fails_and_the_next_one_works),
        MEMORY_TEST(a_commit_that_fails_behind_its_key),
        MEMORY_TEST(a_key_that_cannot_be_destroyed_is_tried_again),
        MEMORY_TEST(rows_without_keys_leave_their_marks_on_the_right_day),
        MEMORY_TEST(a_queue_ends_in_slices_with_what_lies_in_it),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
