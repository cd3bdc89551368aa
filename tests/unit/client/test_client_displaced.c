/* A newer reader took the queue: whether that may have been the client's own former connection;
 * docs/protocol.md section 1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/client/scene.h"
#include "tests/unit/client/stand_in.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static struct scene scene;
static struct stand_in relay;

/* She reads her queue. */
static void open_reader(void)
{
    open_meeting(&scene);
    stand_in_open(&relay, scene.her);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.count[OP_SUBSCRIBE], 1);
}

static void close_reader(void)
{
    stand_in_close(&relay);
    close_scene(&scene);
}

/* So many SUBSCRIBE of connections that break before they are answered. */
static void lose_subscribes(unsigned times)
{
    relay.holds[OP_SUBSCRIBE] = true;
    for (; times > 0; times--) {
        unsigned before = relay.count[OP_SUBSCRIBE];
        stand_in_break(&relay);
        for (int i = 0; relay.count[OP_SUBSCRIBE] == before && i < 600; i++)
            stand_in_run(&relay, 100);
        assert_int_equal(relay.count[OP_SUBSCRIBE], before + 1);
    }
    relay.holds[OP_SUBSCRIBE] = false;
    stand_in_break(&relay);
    stand_in_run(&relay, MINUTE);
}

/* The relay has another reader. Whether she reads again. */
static bool comes_back(void)
{
    uint8_t id[WIRE_SUBSCRIPTION_BYTES] = {1, (uint8_t)relay.count[OP_SUBSCRIBE]};
    unsigned before = relay.count[OP_SUBSCRIBE];
    const struct command ended = {.op = OP_ENDED, .u.ended = {.subscription = id, .reason = ENDED_DISPLACED}};
    fake_relay_say(&relay.relay, &ended, 1);
    stand_in_turn(&relay);
    return relay.count[OP_SUBSCRIBE] == before + 1;
}

static unsigned displaced(void)
{
    return scene.her->events[ZG_EVENT_DISPLACED];
}

static void a_subscribe_that_comes_late_displaces_nobody(void **state)
{
    (void)state;
    open_reader();
    lose_subscribes(2);
    assert_true(comes_back());
    assert_true(comes_back());
    assert_int_equal(displaced(), 0);
    /* There were no more. */
    assert_false(comes_back());
    assert_int_equal(displaced(), 1);
    unsigned count = relay.count[OP_SUBSCRIBE];
    stand_in_run(&relay, HOUR);
    assert_int_equal(relay.count[OP_SUBSCRIBE], count);
    close_reader();
}

static void what_was_answered_does_not_come_late(void **state)
{
    (void)state;
    open_reader();
    lose_subscribes(0);
    assert_false(comes_back());
    assert_int_equal(displaced(), 1);
    close_reader();
}

static void nothing_comes_late_for_ever(void **state)
{
    (void)state;
    open_reader();
    lose_subscribes(1);
    stand_in_run(&relay, 10 * MINUTE);
    assert_false(comes_back());
    assert_int_equal(displaced(), 1);
    close_reader();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_subscribe_that_comes_late_displaces_nobody),
        cmocka_unit_test(what_was_answered_does_not_come_late),
        cmocka_unit_test(nothing_comes_late_for_ever),
    };
    return cmocka_run_group_tests_name("client_displaced", tests, NULL, NULL);
}
