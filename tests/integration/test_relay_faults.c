/*
 * A real relay whose disk and clock do what they should not (faulty.c), and what it promises all the same:
 * docs/protocol.md sections 3 and 4.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/caller.h"

enum { SOON_MS = 3000, RECOVERY_MS = 12000, HOUR_S = 3600, SAID_MAX = 16384 };

struct fixture {
    struct relay_process relay;
    char disk[96], clock[96];
    char said[SAID_MAX];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    relay_set_up(&f->relay, ZG_RELAY_PROGRAM, "");
    snprintf(f->disk, sizeof(f->disk), "%s/fault", f->relay.folder);
    snprintf(f->clock, sizeof(f->clock), "%s/clock", f->relay.folder);
    setenv("FAULT_DISK", f->disk, 1);
    setenv("FAULT_CLOCK", f->clock, 1);
    setenv("FAULT_FOLDER", f->relay.dir, 1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    relay_tear_down(&f->relay);
    free(f);
    return 0;
}

/* Only the relay gets it; not what the test runs beside it. */
static void start(struct fixture *f)
{
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    setenv("LD_PRELOAD", ZG_FAULTY, 1);
    relay_start(&f->relay);
    unsetenv("LD_PRELOAD");
}

static void put_number(const char *path, long n)
{
    char beside[128];
    snprintf(beside, sizeof(beside), "%s.new", path);
    FILE *out = fopen(beside, "w");
    assert_non_null(out);
    fprintf(out, "%ld\n", n);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(rename(beside, path), 0);
}

static const char *status(struct fixture *f)
{
    const char *const argv[] = {f->relay.program, "status", f->relay.dir, NULL};
    assert_int_equal(process_run(argv, NULL, f->said, sizeof(f->said)), 0);
    return f->said;
}

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

/* The size of a file in the relay's folder; 0: there is none. */
static long size_of(const struct fixture *f, const char *name)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", f->relay.dir, name);
    return stat(path, &st) == 0 ? (long)st.st_size : 0;
}

static bool file_has(const struct fixture *f, const char *name, const uint8_t *bytes, size_t len)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", f->relay.dir, name);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return false;
    size_t size = (size_t)size_of(f, name);
    uint8_t *all = malloc(size + 1);
    assert_non_null(all);
    size_t got = fread(all, 1, size, in);
    fclose(in);
    bool found = memmem(all, got, bytes, len) != NULL;
    free(all);
    return found;
}

static bool on_disk(const struct fixture *f, const struct name *name)
{
    return file_has(f, "relay.db", name->b, sizeof(name->b)) ||
           file_has(f, "relay.db-wal", name->b, sizeof(name->b));
}

static bool is_ok(struct caller *c, uint32_t seq)
{
    return caller_reply(c, seq, RECOVERY_MS) == STATUS_OK;
}

/* A relay with a queue, and a message 'a' that waits in it. */
static void start_with_message(struct fixture *f, struct caller *c, struct queue_secrets *q)
{
    start(f);
    caller_open(c, &f->relay);
    secrets_from(q, 1);
    assert_true(is_ok(c, caller_create(c, &f->relay, q)));
    assert_true(is_ok(c, caller_send(c, q, 1, 'a', WIRE_TTL_1D)));
}

static void hears_message(struct caller *c, const uint8_t sub[8], uint8_t fill, uint32_t *id)
{
    struct command heard;
    assert_true(caller_hear(c, &heard, SOON_MS));
    assert_string_equal(op_name(heard.op), op_name(OP_DELIVER));
    assert_memory_equal(heard.u.deliver.subscription, sub, 8);
    assert_int_equal(heard.u.deliver.envelope[17], fill);
    *id = heard.u.deliver.id;
}

static void acknowledge(struct caller *c, const uint8_t sub[8], uint32_t id)
{
    struct command ack = {.op = OP_ACK, .u.ack = {.subscription = sub, .ids = {id}, .count = 1}};
    caller_say(c, &ack);
}

/* --- the disk --- */

static void hears_in_log(struct fixture *f, const char *part, int timeout_ms)
{
    if (!process_line_with(&f->relay.process, part, f->said, sizeof(f->said), timeout_ms))
        fail_msg("the log does not say \"%s\"", part);
}

static void a_disk_that_fails_with(void **state, int why, const char *words)
{
    struct fixture *f = *state;
    struct caller sender, reader;
    struct queue_secrets q, other;
    uint8_t sub[8];
    uint32_t id;

    start(f);
    caller_open(&sender, &f->relay);
    caller_open(&reader, &f->relay);
    secrets_from(&q, 1);
    secrets_from(&other, 2);
    assert_true(is_ok(&sender, caller_create(&sender, &f->relay, &q)));
    assert_true(is_ok(&sender, caller_send(&sender, &q, 1, 'a', WIRE_TTL_1D)));

    put_number(f->disk, why);
    uint32_t seq = caller_send(&sender, &q, 2, 'b', WIRE_TTL_1D);
    assert_int_equal(caller_reply(&sender, seq, RECOVERY_MS), STATUS_BUSY);
    hears_in_log(f, words, SOON_MS);
    assert_int_equal(caller_reply(&sender, caller_cancel(&sender, 1), RECOVERY_MS), STATUS_BUSY);
    assert_int_equal(caller_reply(&sender, caller_delete(&sender, &q), RECOVERY_MS), STATUS_BUSY);
    has(status(f), "Trouble: ");
    has(f->said, words);
    /* Reading goes on. */
    caller_subscribe(&reader, &q, sub);
    hears_message(&reader, sub, 'a', &id);
    acknowledge(&reader, sub, id);

    assert_int_equal(unlink(f->disk), 0);
    if (why == ENOSPC) /* by itself */
        hears_in_log(f, "is written again", RECOVERY_MS);
    assert_true(is_ok(&sender, caller_send(&sender, &q, 2, 'b', WIRE_TTL_1D)));
    if (why != ENOSPC)
        hears_in_log(f, "is written again", SOON_MS);
    assert_null(strstr(status(f), "Trouble: "));
    hears_message(&reader, sub, 'b', &id);
    assert_true(is_ok(&sender, caller_create(&sender, &f->relay, &other)));

    /* What it said is true on disk. */
    poll(NULL, 0, 500);
    relay_kill(&f->relay);
    start(f);
    caller_close(&reader);
    caller_close(&sender);
    caller_open(&reader, &f->relay);
    caller_subscribe(&reader, &q, sub);
    hears_message(&reader, sub, 'b', &id);
    struct command heard;
    assert_false(caller_hear(&reader, &heard, 300)); /* 'a' was acknowledged */
    caller_close(&reader);
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void a_full_disk(void **state)
{
    a_disk_that_fails_with(state, ENOSPC, "the disk is full");
}

static void a_disk_that_became_read_only(void **state)
{
    a_disk_that_fails_with(state, EROFS, "the disk ");
}

static void a_disk_with_errors(void **state)
{
    a_disk_that_fails_with(state, EIO, "the disk ");
}

static void a_relay_stops_although_the_disk_is_full(void **state)
{
    struct fixture *f = *state;
    struct caller c;
    struct queue_secrets q;
    start_with_message(f, &c, &q);
    put_number(f->disk, ENOSPC);
    assert_int_equal(caller_reply(&c, caller_send(&c, &q, 2, 'b', WIRE_TTL_1D), RECOVERY_MS), STATUS_BUSY);
    assert_int_equal(relay_stop(&f->relay), 0);
    caller_close(&c);
    assert_int_equal(unlink(f->disk), 0);
    start(f);
    caller_open(&c, &f->relay);
    uint8_t sub[8];
    uint32_t id;
    caller_subscribe(&c, &q, sub);
    hears_message(&c, sub, 'a', &id);
    caller_close(&c);
}

/* --- forgetting --- */

static void a_deletion_is_answered_when_nothing_is_left_in_a_file(void **state)
{
    struct fixture *f = *state;
    struct command heard;
    struct caller c;
    struct queue_secrets q;
    start_with_message(f, &c, &q);
    assert_true(on_disk(f, &q.put_name)); /* it can be seen */
    assert_true(is_ok(&c, caller_cancel(&c, 1)));
    assert_true(is_ok(&c, caller_delete(&c, &q)));
    assert_int_equal(size_of(f, "relay.db-wal"), 0);
    assert_false(on_disk(f, &q.put_name));
    assert_false(on_disk(f, &q.take_name));
    /* And while the journal cannot be emptied it is not answered. */
    secrets_from(&q, 2);
    assert_true(is_ok(&c, caller_create(&c, &f->relay, &q)));
    put_number(f->disk, -EIO);
    uint32_t seq = caller_delete(&c, &q);
    assert_false(caller_hear(&c, &heard, 2500));
    assert_true(on_disk(f, &q.put_name));
    assert_int_equal(unlink(f->disk), 0);
    assert_true(is_ok(&c, seq));
    assert_int_equal(size_of(f, "relay.db-wal"), 0);
    assert_false(on_disk(f, &q.put_name));
    caller_close(&c);
}

static void what_was_acknowledged_leaves_the_files_in_5_seconds(void **state)
{
    struct fixture *f = *state;
    struct caller c;
    struct queue_secrets q;
    uint8_t sub[8];
    uint32_t id;
    start_with_message(f, &c, &q);
    assert_true(size_of(f, "relay.db-wal") > 0);
    caller_subscribe(&c, &q, sub);
    hears_message(&c, sub, 'a', &id);
    acknowledge(&c, sub, id);
    poll(NULL, 0, 5500);
    assert_int_equal(size_of(f, "relay.db-wal"), 0);
    caller_close(&c);
}

/* --- the clock --- */

static void a_sender_hears_that_nobody_read_it(void **state)
{
    struct fixture *f = *state;
    struct caller c;
    struct queue_secrets q;
    start_with_message(f, &c, &q);
    assert_true(is_ok(&c, caller_send(&c, &q, 2, 'b', WIRE_TTL_1D)));
    assert_true(is_ok(&c, caller_cancel(&c, 2)));
    assert_int_equal(caller_fate(&c, 1), FATE_UNKNOWN);
    /* It was off for three days. */
    caller_close(&c);
    assert_int_equal(relay_stop(&f->relay), 0);
    put_number(f->clock, 3 * 24 * HOUR_S);
    start(f);
    caller_open(&c, &f->relay);
    assert_int_equal(caller_fate(&c, 9), FATE_UNKNOWN);
    poll(NULL, 0, 300);
    assert_int_equal(caller_fate(&c, 1), FATE_EXPIRED);
    assert_int_equal(caller_fate(&c, 2), FATE_UNKNOWN);
    caller_close(&c);
}

/* As somebody between the relay and its time server would do it. */
static void small_steps_destroy_no_more_than_a_day(void **state)
{
    struct fixture *f = *state;
    struct caller c;
    struct queue_secrets q;
    uint8_t sub[8];
    uint32_t id;
    start_with_message(f, &c, &q);
    for (long step = 1; step <= 10; step++) {
        put_number(f->clock, step * 23 * HOUR_S);
        assert_int_equal(caller_fate(&c, 9), FATE_UNKNOWN);
        poll(NULL, 0, 100);
    }
    hears_in_log(f, "the clock jumped", SOON_MS);
    caller_subscribe(&c, &q, sub);
    hears_message(&c, sub, 'a', &id);
    caller_close(&c);
}

static void a_clock_in_2099_destroys_nothing(void **state)
{
    struct fixture *f = *state;
    struct caller c;
    struct queue_secrets q;
    uint8_t sub[8];
    uint32_t id;
    start_with_message(f, &c, &q);
    put_number(f->clock, 74L * 365 * 24 * HOUR_S);
    assert_int_equal(caller_fate(&c, 1), FATE_UNKNOWN);
    hears_in_log(f, "the clock jumped", SOON_MS);
    has(status(f), "The clock is not believed since ");
    /* Nor after a start. */
    assert_int_equal(relay_stop(&f->relay), 0);
    caller_close(&c);
    start(f);
    has(status(f), "The clock is not believed since ");
    assert_int_equal(unlink(f->clock), 0);
    caller_open(&c, &f->relay);
    caller_subscribe(&c, &q, sub);
    hears_message(&c, sub, 'a', &id);
    hears_in_log(f, "the clock is believed again", RECOVERY_MS);
    assert_null(strstr(status(f), "The clock is not believed"));
    caller_close(&c);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_full_disk),
        TEST(a_disk_that_became_read_only),
        TEST(a_disk_with_errors),
        TEST(a_relay_stops_although_the_disk_is_full),
        TEST(a_deletion_is_answered_when_nothing_is_left_in_a_file),
        TEST(what_was_acknowledged_leaves_the_files_in_5_seconds),
        TEST(a_sender_hears_that_nobody_read_it),
        TEST(small_steps_destroy_no_more_than_a_day),
        TEST(a_clock_in_2099_destroys_nothing),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
