/* A relay that is copied and set up again, and one whose keys lie in memory: docs/operate.md. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <poll.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "relay/edge/keys.h"
#include "tests/integration/caller.h"

enum { SOON_MS = 3000, PATIENCE_MS = 10000, SAID_MAX = 16384, MANY = 300 };

struct fixture {
    struct relay_process relay;
    char copy[96]; /* where the backup goes */
    char keys[64]; /* in memory */
    char said[SAID_MAX];
};

static int set_up_with(void **state, const char *settings)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    relay_set_up(&f->relay, ZG_RELAY_PROGRAM, settings);
    snprintf(f->copy, sizeof(f->copy), "%s/copy", f->relay.folder);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, "");
}

static int set_up_in_memory(void **state)
{
    char keys[64], settings[96];
    snprintf(keys, sizeof(keys), "/dev/shm/zaguan-keys-%d", (int)getpid());
    snprintf(settings, sizeof(settings), "keys = %s\n", keys);
    if (set_up_with(state, settings) != 0)
        return -1;
    memcpy(((struct fixture *)*state)->keys, keys, sizeof(keys));
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    relay_tear_down(&f->relay);
    if (f->keys[0] != '\0')
        folder_remove(f->keys);
    free(f);
    return 0;
}

#define RUN(f, ...) run_program((f), (const char *const[]){(f)->relay.program, __VA_ARGS__, NULL})

static int run_program(struct fixture *f, const char *const argv[])
{
    return process_run(argv, NULL, f->said, sizeof(f->said));
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static bool is_ok(struct caller *c, uint32_t seq)
{
    return caller_reply(c, seq, PATIENCE_MS) == STATUS_OK;
}

/* A queue with a message that waits. */
static void fill(struct fixture *f, struct queue_secrets *q)
{
    struct caller c;
    caller_open(&c, &f->relay);
    secrets_from(q, 1);
    assert_true(is_ok(&c, caller_create(&c, &f->relay, q)));
    assert_true(is_ok(&c, caller_send(&c, q, 1, 'a', WIRE_TTL_1D)));
    caller_close(&c);
}

static bool has_message(struct fixture *f, const struct queue_secrets *q)
{
    struct command heard;
    struct caller c;
    uint8_t sub[8];
    caller_open(&c, &f->relay);
    caller_subscribe(&c, q, sub);
    bool any = caller_hear(&c, &heard, 500);
    if (any) {
        assert_string_equal(op_name(heard.op), op_name(OP_DELIVER));
        assert_int_equal(heard.u.deliver.envelope[100], 'a');
    }
    caller_close(&c);
    return any;
}

/* In another folder; the relay goes on from there. */
static void move_to_copy(struct fixture *f)
{
    char line[SAID_MAX], dir[96];
    assert_int_equal(RUN(f, "address", f->relay.dir), 0);
    memcpy(line, f->said, sizeof(line));
    snprintf(dir, sizeof(dir), "%s/new", f->relay.folder);
    assert_int_equal(RUN(f, "restore", f->copy, dir), 0);
    has(f->said, "Never run the old one again");
    assert_int_equal(RUN(f, "address", dir), 0);
    assert_string_equal(f->said, line);
    assert_int_equal(RUN(f, "restore", f->copy, dir), 1);
    has(f->said, "is there already");
    memcpy(f->relay.dir, dir, sizeof(dir) < sizeof(f->relay.dir) ? sizeof(dir) : sizeof(f->relay.dir));
}

static void it_goes_on_working(struct fixture *f, const struct queue_secrets *q, bool with_message)
{
    struct caller c;
    relay_start(&f->relay);
    assert_int_equal(has_message(f, q), with_message);
    caller_open(&c, &f->relay);
    assert_true(is_ok(&c, caller_send(&c, q, 2, 'a', WIRE_TTL_1D)));
    assert_true(is_ok(&c, caller_delete(&c, q)));
    caller_close(&c);
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void check_file(struct fixture *f)
{
    struct stat st;
    assert_int_equal(stat(f->copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_stopped_relay_is_copied_without_messages(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(relay_stop(&f->relay), 0);
    assert_int_equal(RUN(f, "backup", f->relay.dir, f->copy), 0);
    check_file(f);
    assert_int_equal(RUN(f, "backup", f->relay.dir, f->copy), 1);
    has(f->said, "nothing is overwritten");
    move_to_copy(f);
    it_goes_on_working(f, &q, false);
}

static void a_stopped_relay_is_moved_with_messages(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(relay_stop(&f->relay), 0);
    assert_int_equal(RUN(f, "backup", f->relay.dir, f->copy, "--with-messages"), 0);
    has(f->said, "Warning: this file keeps messages");
    check_file(f);
    move_to_copy(f);
    it_goes_on_working(f, &q, true);
}

/* Ticks go on meanwhile. */
static void a_running_relay_is_copied(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    struct caller c;
    struct process copying;
    uint32_t during = 0;

    relay_start(&f->relay);
    fill(f, &q);
    caller_open(&c, &f->relay);
    for (uint32_t n = 0; n < MANY; n++)
        caller_send(&c, &q, 100 + n, 'a', WIRE_TTL_1D);
    for (uint32_t n = 0; n < MANY; n++)
        assert_true(is_ok(&c, c.seq - MANY + 1 + n));
    process_start(&copying, (const char *const[]){f->relay.program, "backup", f->relay.dir, f->copy,
                                                  "--with-messages", NULL});
    int code;
    while ((code = process_wait(&copying, 0)) == -1) {
        assert_int_equal(caller_reply(&c, caller_send(&c, &q, 1000 + during, 'a', WIRE_TTL_1D), SOON_MS),
                         STATUS_OK);
        during++;
    }
    assert_int_equal(code, 0);
    caller_close(&c);
    check_file(f);
    assert_int_equal(RUN(f, "backup", f->relay.dir, f->copy), 1);
    has(f->said, "nothing is overwritten");
    assert_int_equal(relay_stop(&f->relay), 0);
    move_to_copy(f);
    it_goes_on_working(f, &q, true);
}

static void what_is_no_backup_is_refused(void **state)
{
    struct fixture *f = *state;
    char dir[96], path[128];
    snprintf(dir, sizeof(dir), "%s/new", f->relay.folder);
    assert_int_equal(RUN(f, "restore", f->copy, dir), 1);
    FILE *out = fopen(f->copy, "w");
    assert_non_null(out);
    for (int i = 0; i < 1000; i++)
        fputs("this is something else\n", out);
    fclose(out);
    assert_int_equal(RUN(f, "restore", f->copy, dir), 1);
    snprintf(path, sizeof(path), "%s/relay.key", dir);
    assert_int_equal(access(path, F_OK), -1);
    /* Nor over a relay that is there. */
    assert_int_equal(unlink(f->copy), 0);
    assert_int_equal(RUN(f, "backup", f->relay.dir, f->copy), 0);
    assert_int_equal(RUN(f, "restore", f->copy, f->relay.dir), 1);
    has(f->said, "nothing was changed");
    assert_int_equal(RUN(f, "backup", f->relay.dir), 2);
    assert_int_equal(RUN(f, "restore", f->copy), 2);
}

/* --- keys in memory --- */

static void with_keys_in_memory_a_power_cut_leaves_nothing_to_read(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    struct caller c;
    if (swap_in_use("/proc/swaps")) {
        assert_int_equal(RUN(f, "serve", f->relay.dir), 1);
        has(f->said, "swap is on");
        return;
    }
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(RUN(f, "status", f->relay.dir), 0);
    has(f->said, "Keys lie in memory only");
    /* A restart keeps them. */
    assert_int_equal(relay_stop(&f->relay), 0);
    relay_start(&f->relay);
    assert_true(has_message(f, &q));
    /* The power goes, and with it what was in memory. */
    relay_kill(&f->relay);
    folder_remove(f->keys);
    relay_start(&f->relay);
    assert_false(has_message(f, &q));
    caller_open(&c, &f->relay);
    assert_true(is_ok(&c, caller_send(&c, &q, 1, 'a', WIRE_TTL_1D)));
    caller_close(&c);
    assert_true(has_message(f, &q));
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void keys_on_a_disk_are_said(void **state)
{
    struct fixture *f = *state;
    relay_start(&f->relay);
    assert_int_equal(RUN(f, "status", f->relay.dir), 0);
    has(f->said, "Keys lie on a disk.");
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* The folder of keys was not carried along: nothing is destroyed before somebody says that it is gone for
 * good. */
static void without_its_keys_it_does_not_start(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    char keys[96], elsewhere[96];
    snprintf(keys, sizeof(keys), "%s/keys", f->relay.dir);
    snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", f->relay.folder);
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(relay_stop(&f->relay), 0);
    assert_int_equal(rename(keys, elsewhere), 0);
    assert_int_equal(RUN(f, "serve", f->relay.dir), 1);
    has(f->said, "Put the folder back");
    has(f->said, "--without-keys");
    assert_int_equal(RUN(f, "voucher", "new", f->relay.dir), 1);
    folder_remove(keys);
    assert_int_equal(rename(elsewhere, keys), 0);
    relay_start(&f->relay);
    assert_true(has_message(f, &q));
    assert_int_equal(relay_stop(&f->relay), 0);

    folder_remove(keys);
    relay_start_with(&f->relay, "--without-keys");
    assert_false(has_message(f, &q));
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* A clock that was set back makes nobody miss the keys of hours that the relay went by. */
static void keys_of_hours_that_were_are_not_missed(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    char path[96];
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(relay_stop(&f->relay), 0);
    snprintf(path, sizeof(path), "%s/keys", f->relay.dir);
    folder_remove(path);
    snprintf(path, sizeof(path), "%s/hour", f->relay.dir);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "%010lu\n", (unsigned long)time(NULL) / 3600 + 10 * 24);
    assert_int_equal(fclose(out), 0);
    relay_start(&f->relay);
    assert_false(has_message(f, &q));
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* What does not open is left out; status says so. */
static void damage_is_counted(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    char path[96];
    sqlite3 *db;
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(relay_stop(&f->relay), 0);
    snprintf(path, sizeof(path), "%s/relay.db", f->relay.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE message SET sealed = zeroblob(length(sealed))", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    relay_start(&f->relay);
    assert_int_equal(RUN(f, "status", f->relay.dir), 0);
    has(f->said, " 0  times that something was left out");
    assert_false(has_message(f, &q));
    assert_int_equal(RUN(f, "status", f->relay.dir), 0);
    has(f->said, " 1  times that something was left out");
    assert_null(strstr(f->said, "Trouble"));
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* Keys that a database does not name are destroyed, so two relays must not share a folder. */
static void the_keys_of_another_relay_are_left_alone(void **state)
{
    struct fixture *f = *state;
    struct queue_secrets q;
    char other[96], settings[160];
    snprintf(other, sizeof(other), "%s/other", f->relay.folder);
    relay_start(&f->relay);
    fill(f, &q);
    assert_int_equal(RUN(f, "init", other), 0);
    snprintf(settings, sizeof(settings), "%s/relay.conf", other);
    FILE *out = fopen(settings, "w");
    assert_non_null(out);
    fprintf(out, "[relay]\nlisten = 127.0.0.1:0\nkeys = %s/keys\n", f->relay.dir);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(RUN(f, "serve", other), 1);
    has(f->said, "in use by another relay");
    assert_int_equal(relay_stop(&f->relay), 0);
    assert_int_equal(RUN(f, "serve", other), 1);
    has(f->said, "belongs to another relay");
    relay_start(&f->relay);
    assert_true(has_message(f, &q));
    assert_int_equal(relay_stop(&f->relay), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stopped_relay_is_copied_without_messages),
        TEST(a_stopped_relay_is_moved_with_messages),
        TEST(a_running_relay_is_copied),
        TEST(what_is_no_backup_is_refused),
        TEST(keys_on_a_disk_are_said),
        TEST(without_its_keys_it_does_not_start),
        TEST(keys_of_hours_that_were_are_not_missed),
        TEST(damage_is_counted),
        TEST(the_keys_of_another_relay_are_left_alone),
        cmocka_unit_test_setup_teardown(with_keys_in_memory_a_power_cut_leaves_nothing_to_read,
                                        set_up_in_memory, tear_down),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
