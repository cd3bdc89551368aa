/* A real relay whose room on the disk is used up: relay/core/room.h, on SQLite's pages. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/caller.h"

enum { SOON_MS = 5000, SAID_MAX = 16384, ROOM_MIB = 2, BATCH = 16, HANDLES = 1000 };

#define SETTINGS(mib) "settle = 20\n[limits]\ndisk-mib = " mib "\n[alarms]\ndisk-free = 1\n"

struct fixture {
    struct relay_process relay;
    char said[SAID_MAX];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    relay_set_up(&f->relay, ZG_RELAY_PROGRAM, SETTINGS("2"));
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

static int status(struct fixture *f, const char *form)
{
    const char *const argv[] = {f->relay.program, "status", f->relay.dir, form, NULL};
    return process_run(argv, NULL, f->said, sizeof(f->said));
}

static void has(const struct fixture *f, const char *part)
{
    if (strstr(f->said, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, f->said);
}

static void hears_in_log(struct fixture *f, const char *part)
{
    char line[512];
    assert_true(process_line_with(&f->relay.process, part, line, sizeof(line), SOON_MS));
}

static uint64_t number(struct fixture *f, const char *name)
{
    char quoted[64];
    snprintf(quoted, sizeof(quoted), "\"%s\": ", name);
    assert_int_equal(status(f, "--json"), 0);
    const char *at = strstr(f->said, quoted);
    assert_non_null(at);
    return strtoull(at + strlen(quoted), NULL, 10);
}

static enum status send_one(struct caller *c, const struct queue_secrets *q, uint32_t handle)
{
    return caller_reply(c, caller_send(c, q, handle, 'm', WIRE_TTL_1D), SOON_MS);
}

/* Until the relay takes no more; how many it took. */
static uint32_t fill(struct caller *c, const struct queue_secrets *q)
{
    uint32_t seq[BATCH], taken = 0, busy = 0;
    for (uint32_t n = 0; busy == 0 && n < HANDLES; n += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++)
            seq[i] = caller_send(c, q, n + i, 'm', WIRE_TTL_1D);
        for (uint32_t i = 0; i < BATCH; i++) {
            enum status s = caller_reply(c, seq[i], SOON_MS);
            assert_true(s == STATUS_OK || s == STATUS_BUSY);
            taken += s == STATUS_OK;
            busy += s == STATUS_BUSY;
        }
    }
    assert_true(busy > 0);
    return taken;
}

static void hears(struct caller *c, const uint8_t sub[8])
{
    struct command heard;
    assert_true(caller_hear(c, &heard, SOON_MS));
    assert_int_equal(heard.op, OP_DELIVER);
    assert_memory_equal(heard.u.deliver.subscription, sub, 8);
    uint32_t id = heard.u.deliver.id;
    struct command ack = {.op = OP_ACK, .u.ack = {.subscription = sub, .ids = {id}, .count = 1}};
    caller_say(c, &ack);
}

static void a_relay_without_room_accepts_nothing_and_delivers_on(void **state)
{
    struct fixture *f = *state;
    const uint64_t room = (uint64_t)ROOM_MIB << 20;
    struct caller sender, reader;
    struct queue_secrets unread, read, late;
    uint8_t sub[8];
    struct command heard;

    secrets_from(&unread, 1);
    secrets_from(&read, 2);
    secrets_from(&late, 3);
    relay_start(&f->relay);
    caller_open(&sender, &f->relay);
    caller_open(&reader, &f->relay);
    assert_int_equal(caller_reply(&sender, caller_create(&sender, &f->relay, &unread), SOON_MS), STATUS_OK);
    assert_int_equal(caller_reply(&sender, caller_create(&sender, &f->relay, &read), SOON_MS), STATUS_OK);
    assert_int_equal(status(f, "--alarms"), 0);

    uint32_t taken = fill(&sender, &unread);
    assert_in_range(taken, room / 6000, room / WIRE_ENVELOPE_BYTES);
    hears_in_log(f, "three quarters of the room of disk-mib are used");
    hears_in_log(f, "the room of disk-mib is used up");
    assert_int_equal(status(f, "--alarms"), 3);
    has(f, "Room runs short: 2 of the 2 MiB of disk-mib are in use, and no message is accepted");
    assert_int_equal(number(f, "room"), 2);
    assert_int_equal(number(f, "trouble"), 0);

    /* Who is connected gets it; who sent it hears nothing of that. */
    caller_subscribe(&reader, &read, sub);
    assert_int_equal(send_one(&sender, &read, 5000), STATUS_BUSY);
    hears(&reader, sub);
    assert_int_equal(send_one(&sender, &read, 5000), STATUS_BUSY);
    assert_false(caller_hear(&reader, &heard, 300));
    assert_int_equal(caller_reply(&sender, caller_create(&sender, &f->relay, &late), SOON_MS), STATUS_FULL);

    /* It was not counted, so it is known at once after the worst end. */
    relay_kill(&f->relay);
    caller_close(&sender);
    caller_close(&reader);
    relay_configure(&f->relay, SETTINGS("1"));
    relay_start(&f->relay);
    caller_open(&sender, &f->relay);
    assert_int_equal(send_one(&sender, &read, 5001), STATUS_BUSY);
    assert_int_equal(number(f, "messages_waiting"), taken);
    uint64_t before = number(f, "file_bytes");
    /* The end is blurred by a thirty-second, and a tick or two come on top of it. */
    assert_in_range(before, room - room / 32, room + 2 * BATCH * 6000);

    /* What is taken back makes room, in a file that does not shrink. */
    assert_int_equal(caller_reply(&sender, caller_delete(&sender, &unread), SOON_MS), STATUS_OK);
    assert_int_equal(send_one(&sender, &read, 5001), STATUS_OK);
    assert_int_equal(number(f, "file_bytes"), before);
    assert_int_equal(status(f, "--alarms"), 0);
    assert_int_equal(number(f, "room"), 0);
    assert_int_equal(number(f, "messages_waiting"), 1);
    caller_close(&sender);
    assert_int_equal(relay_stop(&f->relay), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_relay_without_room_accepts_nothing_and_delivers_on, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
