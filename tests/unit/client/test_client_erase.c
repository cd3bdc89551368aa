/* Erasing, and a relay that is an older copy of itself; docs/protocol.md sections 4.1, 4.3 and 8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "tests/unit/client/scene.h"
#include "tests/unit/client/stand_in.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

#define DAY (24 * (uint64_t)HOUR)

static struct scene scene;
static struct stand_in relay;

static void close_both(void)
{
    stand_in_close(&relay);
    close_scene(&scene);
}

/* --- erase --- */

static void erase(struct person *p, const zg_id *conversation)
{
    assert_int_equal(zg_client_erase(p->client, conversation, person_now(p)), ZG_OK);
    stand_in_turn(&relay);
}

/* Her knock waits; the relay is by hand and holds what it is asked to delete. */
static void open_waiting(void)
{
    open_knock(&scene);
    stand_in_open(&relay, scene.her);
    stand_in_run(&relay, MINUTE);
    relay.holds[OP_CANCEL] = relay.holds[OP_QUEUE_DELETE] = true;
}

static void reply(enum op op, enum status status)
{
    fake_relay_reply(&relay.relay, relay.seq[op], status, 0);
    stand_in_turn(&relay);
}

static void erased_is_said_when_the_relay_has_confirmed_all_of_it(void **state)
{
    (void)state;
    open_waiting();
    unsigned subscribed = relay.count[OP_SUBSCRIBE];
    assert_true(shelf_holds(scene.her->shelf, "hola", 4));
    erase(scene.her, &scene.hers);
    assert_false(shelf_holds(scene.her->shelf, "hola", 4));
    assert_int_equal(relay.count[OP_CANCEL], 1);
    stand_in_run(&relay, 10 * SECOND);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 0);
    reply(OP_CANCEL, STATUS_OK);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 1);
    /* The journal is emptied within 5 seconds; a slow disk may take longer. */
    stand_in_run(&relay, 20 * SECOND);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 0);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 1);
    assert_int_equal(relay.count[OP_SUBSCRIBE], subscribed); /* the connection is still the same */
    reply(OP_QUEUE_DELETE, STATUS_OK);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 1);
    assert_int_equal(shelf_count(scene.her->shelf), 1);
    close_both();
}

static void a_busy_relay_has_not_confirmed(void **state)
{
    (void)state;
    open_waiting();
    erase(scene.her, &scene.hers);
    reply(OP_CANCEL, STATUS_BUSY);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 0);
    stand_in_run(&relay, 10 * SECOND);
    assert_int_equal(relay.count[OP_CANCEL], 2);
    reply(OP_CANCEL, STATUS_OK);
    reply(OP_QUEUE_DELETE, STATUS_BUSY);
    stand_in_run(&relay, 10 * SECOND);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 0);
    reply(OP_QUEUE_DELETE, STATUS_OK);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 1);
    close_both();
}

/* Only ok, and refused, say that nothing is there any more. */
static void an_answer_that_makes_no_sense_confirms_nothing(void **state)
{
    static const enum status senseless[] = {STATUS_FULL, STATUS_TOO_LARGE, STATUS_MALFORMED, STATUS_CONFLICT};
    (void)state;
    open_waiting();
    erase(scene.her, &scene.hers);
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        reply(OP_CANCEL, senseless[i]);
        assert_int_equal(relay.count[OP_QUEUE_DELETE], 0);
        stand_in_run(&relay, 10 * SECOND);
        assert_int_equal(relay.count[OP_CANCEL], i + 2);
    }
    reply(OP_CANCEL, STATUS_OK);
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        reply(OP_QUEUE_DELETE, senseless[i]);
        assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 0);
        stand_in_run(&relay, 10 * SECOND);
        assert_int_equal(relay.count[OP_QUEUE_DELETE], i + 2);
    }
    reply(OP_QUEUE_DELETE, STATUS_OK);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 1);
    close_both();
}

static void what_is_refused_the_second_time_was_done_the_first(void **state)
{
    (void)state;
    open_waiting();
    erase(scene.her, &scene.hers);
    reply(OP_CANCEL, STATUS_OK);
    stand_in_restart(&relay);
    stand_in_run(&relay, MINUTE / 2);
    assert_int_equal(relay.count[OP_CANCEL], 1);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 0);
    reply(OP_QUEUE_DELETE, STATUS_REFUSED);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 1);
    close_both();
}

/* An answer may take seconds: both queues are asked for at once. Her own is once more when the knock is cancelled: that answer speaks for all. */
static void both_queues_are_deleted_together(void **state)
{
    (void)state;
    open_meeting(&scene);
    stand_in_open(&relay, scene.her);
    stand_in_run(&relay, MINUTE);
    relay.holds[OP_CANCEL] = relay.holds[OP_QUEUE_DELETE] = true;
    erase(scene.her, &scene.hers);
    assert_int_equal(relay.count[OP_CANCEL], 1);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    uint32_t second = relay.seq[OP_QUEUE_DELETE];
    reply(OP_QUEUE_DELETE, STATUS_OK);
    fake_relay_reply(&relay.relay, second - 1, STATUS_OK, 0);
    stand_in_turn(&relay);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    reply(OP_CANCEL, STATUS_OK);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 3);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 0);
    reply(OP_QUEUE_DELETE, STATUS_REFUSED);
    assert_int_equal(scene.her->events[ZG_EVENT_ERASED], 1);
    close_both();
}

/* She erases and closes the page. */
static void who_erases_and_goes_has_deleted_both_queues(void **state)
{
    (void)state;
    open_meeting(&scene);
    assert_int_equal(town_counts(scene.town).queues, 3);
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    town_run(scene.town, 0);
    person_stop(scene.her);
    town_run(scene.town, MINUTE);
    assert_int_equal(town_counts(scene.town).queues, 1);
    assert_int_equal(scene.worker->events[ZG_EVENT_ENDED], 1);
    close_scene(&scene);
}

/* The relay looked for it before the QUEUE_CREATE, whose answer nobody waits for any more, was carried out. */
static void a_queue_that_was_being_made_is_not_left(void **state)
{
    (void)state;
    open_knock(&scene);
    stand_in_open(&relay, scene.worker);
    stand_in_run(&relay, MINUTE);
    relay.holds[OP_QUEUE_CREATE] = relay.holds[OP_QUEUE_DELETE] = true;
    assert_int_equal(
        zg_client_send(scene.worker->client, &scene.his, "hola", 4, NULL, NULL, person_now(scene.worker)), ZG_OK);
    stand_in_run(&relay, SECOND);
    assert_int_equal(relay.count[OP_QUEUE_CREATE], 1);
    erase(scene.worker, &scene.his);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    uint32_t hers = relay.seq[OP_QUEUE_DELETE];
    fake_relay_reply(&relay.relay, hers - 1, STATUS_REFUSED, 0);
    fake_relay_reply(&relay.relay, hers, STATUS_OK, 0);
    stand_in_turn(&relay);
    assert_int_equal(scene.worker->events[ZG_EVENT_ERASED], 0);
    stand_in_run(&relay, 3 * SECOND);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 3);
    reply(OP_QUEUE_DELETE, STATUS_REFUSED);
    assert_int_equal(scene.worker->events[ZG_EVENT_ERASED], 1);
    close_both();
}

static void be_off(int64_t days)
{
    scene.town->now.mono_ms += (uint64_t)days * DAY;
    scene.town->now.utc_ms += (uint64_t)days * DAY;
    stand_in_restart(&relay);
    stand_in_run(&relay, SECOND);
}

/* She erased; he is told, and his device is off before it has deleted his queue, until the ended conversation's own time is over. */
static void open_owing(void)
{
    open_meeting(&scene);
    stand_in_open(&relay, scene.worker);
    stand_in_run(&relay, MINUTE);
    relay.holds[OP_QUEUE_DELETE] = true;
    relay.answers[OP_SEND] = STATUS_REFUSED;
    must_send(scene.worker, &scene.his, "sigues ahí", 0, ZG_AFTER_READ);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(scene.worker->events[ZG_EVENT_ENDED], 1);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 1);
    be_off(31);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    assert_int_equal(shelf_count_of(scene.worker->shelf, ENTRY_CONVERSATION), 1);
}

static void what_an_end_owes_the_relay_outlasts_the_conversation(void **state)
{
    (void)state;
    zg_conversation c;
    open_owing();
    reply(OP_QUEUE_DELETE, STATUS_OK);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.count[OP_QUEUE_DELETE], 2);
    assert_int_equal(zg_client_conversation(scene.worker->client, &scene.his, &c), ZG_ERR_NOT_FOUND);
    assert_int_equal(shelf_count_of(scene.worker->shelf, ENTRY_CONVERSATION), 0);
    assert_int_equal(scene.worker->events[ZG_EVENT_ERASED], 0); /* nobody did */
    close_both();
}

/* The relay never answers. By then it has ended a queue that nobody uses, and a trace on the device helps nobody. */
static void what_nobody_can_owe_any_more_is_forgotten(void **state)
{
    (void)state;
    open_owing();
    be_off(60);
    assert_int_equal(shelf_count_of(scene.worker->shelf, ENTRY_CONVERSATION), 1);
    be_off(10);
    assert_int_equal(shelf_count_of(scene.worker->shelf, ENTRY_CONVERSATION), 0);
    assert_int_equal(scene.worker->events[ZG_EVENT_ERASED], 0);
    close_both();
}

/* --- a bundle that is an older one --- */

static void open_desk(void)
{
    open_scene(&scene);
    stand_in_open(&relay, scene.worker);
    stand_in_run(&relay, 3 * DAY + HOUR);
    assert_int_equal(relay.slot_version, 4);
}

static unsigned said(const struct person *p)
{
    return p->events[ZG_EVENT_RELAY_WENT_BACK];
}

static void a_bundle_of_a_lower_version_is_noticed_and_replaced(void **state)
{
    (void)state;
    open_desk();
    relay.slot_version = 2;
    stand_in_run(&relay, DAY);
    assert_int_equal(said(scene.worker), 1);
    assert_int_equal(relay.slot_version, 3);
    stand_in_run(&relay, 2 * DAY);
    assert_int_equal(said(scene.worker), 1);
    assert_int_equal(relay.slot_version, 5);
    /* The next time is another time. */
    relay.slot_version = 1;
    stand_in_run(&relay, DAY);
    assert_int_equal(said(scene.worker), 2);
    close_both();
}

static void a_write_whose_reply_was_lost_is_no_sign(void **state)
{
    (void)state;
    open_desk();
    relay.slot_version = 5;
    stand_in_run(&relay, DAY);
    assert_int_equal(said(scene.worker), 0);
    assert_int_equal(relay.slot_version, 6);
    close_both();
}

static void a_bundle_that_is_gone_is_noticed_and_made_again(void **state)
{
    (void)state;
    open_desk();
    unsigned created = relay.count[OP_SLOT_CREATE];
    relay.answers[OP_SLOT_SET] = STATUS_REFUSED;
    stand_in_run(&relay, DAY - 30 * MINUTE);
    relay.answers[OP_SLOT_SET] = STATUS_OK;
    relay.slot_version = 0;
    stand_in_run(&relay, HOUR);
    assert_int_equal(said(scene.worker), 1);
    assert_true(relay.count[OP_SLOT_CREATE] > created);
    assert_int_equal(relay.slot_version, 1);
    close_both();
}

/* --- an envelope that comes again --- */

enum { ENVELOPES = 60 };

static struct {
    void (*deliver)(void *owner, uint32_t id, const uint8_t *envelope);
    uint8_t envelopes[ENVELOPES][WIRE_ENVELOPE_BYTES];
    unsigned count;
} tap;

static void on_tapped(void *owner, uint32_t id, const uint8_t *envelope)
{
    assert_true(tap.count < ENVELOPES);
    memcpy(tap.envelopes[tap.count++], envelope, WIRE_ENVELOPE_BYTES);
    tap.deliver(owner, id, envelope);
}

static void tap_her(void)
{
    struct subscription *s = &scene.her->client->conversations[0]->subscription;
    if (s->deliver == on_tapped)
        return;
    tap.deliver = s->deliver;
    s->deliver = on_tapped;
}

/* The worker writes n times; she answers the last one, or not. */
static void open_talk(unsigned n, bool answers)
{
    open_meeting(&scene);
    memset(&tap, 0, sizeof(tap));
    tap_her();
    for (unsigned i = 0; i < n; i++) {
        must_send(scene.worker, &scene.his, "otra", 7 * 86400, ZG_AFTER_SENT);
        town_run(scene.town, 2 * SECOND);
    }
    if (answers)
        must_send(scene.her, &scene.hers, "sí", 0, ZG_AFTER_READ);
    town_run(scene.town, MINUTE);
    assert_int_equal(tap.count, n);
}

static void deliver_again(unsigned i)
{
    tap_her();
    tap.deliver(scene.her->client->conversations[0], 1000 + i, tap.envelopes[i]);
    zg_client_advance(scene.her->client, person_now(scene.her));
    person_turn(scene.her);
}

static void what_was_deleted_long_ago_and_comes_again_is_noticed_once(void **state)
{
    (void)state;
    open_talk(30, true);
    unsigned messages = scene.her->events[ZG_EVENT_MESSAGE];
    for (unsigned i = 0; i < 10; i++)
        deliver_again(i);
    assert_int_equal(said(scene.her), 1);
    assert_int_equal(scene.her->events[ZG_EVENT_MESSAGE], messages);
    /* The conversation goes on. */
    must_send(scene.worker, &scene.his, "sigo", 0, ZG_AFTER_READ);
    town_run(scene.town, MINUTE);
    assert_string_equal(last_heard(scene.her), "sigo");
    close_scene(&scene);
}

static void it_is_noticed_after_a_restart_too(void **state)
{
    (void)state;
    open_talk(30, true);
    person_stop(scene.her);
    person_start(scene.her);
    town_run(scene.town, MINUTE);
    deliver_again(3);
    assert_int_equal(said(scene.her), 1);
    close_scene(&scene);
}

/* Its sender may have sent it twice, and the second one came late. */
static void what_came_last_proves_nothing(void **state)
{
    (void)state;
    open_talk(30, true);
    for (unsigned i = 30 - RECEIPTS_SENDER; i < 30; i++)
        deliver_again(i);
    assert_int_equal(said(scene.her), 0);
    close_scene(&scene);
}

/* The acknowledgements may have been lost. */
static void what_nobody_confirmed_proves_nothing(void **state)
{
    (void)state;
    open_talk(30, false);
    for (unsigned i = 0; i < 30; i++)
        deliver_again(i);
    assert_int_equal(said(scene.her), 0);
    close_scene(&scene);
}

/* Section 3: so it cannot be repeated long after others were read. */
static void no_more_than_sixteen_in_a_row_are_under_way(void **state)
{
    (void)state;
    open_meeting(&scene);
    stand_in_open(&relay, scene.worker);
    stand_in_run(&relay, MINUTE);
    relay.holds[OP_SEND] = true;
    char *text = make_text(60000);
    assert_int_equal(zg_client_send(scene.worker->client, &scene.his, text, strlen(text), NULL, NULL,
                                    person_now(scene.worker)),
                     ZG_OK);
    stand_in_turn(&relay);
    assert_int_equal(relay.count[OP_SEND], RECEIPTS_SENDER);
    uint32_t last = relay.seq[OP_SEND];
    for (uint32_t i = 0; i < RECEIPTS_SENDER - 1; i++)
        fake_relay_reply(&relay.relay, last - i, STATUS_OK, 0);
    stand_in_run(&relay, SECOND);
    assert_int_equal(relay.count[OP_SEND], RECEIPTS_SENDER);
    fake_relay_reply(&relay.relay, last - (RECEIPTS_SENDER - 1), STATUS_OK, 0);
    stand_in_turn(&relay);
    assert_int_equal(relay.count[OP_SEND], 2 * RECEIPTS_SENDER);
    free(text);
    close_both();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(erased_is_said_when_the_relay_has_confirmed_all_of_it),
        cmocka_unit_test(a_busy_relay_has_not_confirmed),
        cmocka_unit_test(an_answer_that_makes_no_sense_confirms_nothing),
        cmocka_unit_test(what_is_refused_the_second_time_was_done_the_first),
        cmocka_unit_test(both_queues_are_deleted_together),
        cmocka_unit_test(who_erases_and_goes_has_deleted_both_queues),
        cmocka_unit_test(a_queue_that_was_being_made_is_not_left),
        cmocka_unit_test(what_an_end_owes_the_relay_outlasts_the_conversation),
        cmocka_unit_test(what_nobody_can_owe_any_more_is_forgotten),
        cmocka_unit_test(a_bundle_of_a_lower_version_is_noticed_and_replaced),
        cmocka_unit_test(a_write_whose_reply_was_lost_is_no_sign),
        cmocka_unit_test(a_bundle_that_is_gone_is_noticed_and_made_again),
        cmocka_unit_test(what_was_deleted_long_ago_and_comes_again_is_noticed_once),
        cmocka_unit_test(it_is_noticed_after_a_restart_too),
        cmocka_unit_test(what_came_last_proves_nothing),
        cmocka_unit_test(what_nobody_confirmed_proves_nothing),
        cmocka_unit_test(no_more_than_sixteen_in_a_row_are_under_way),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client, erase and a relay that went back", tests, NULL, NULL);
}
