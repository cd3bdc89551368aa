/* What expired unread, at the worker's side, by a relay by hand and by the real one; docs/protocol.md sections 4.1 and 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "tests/unit/client/scene.h"
#include "tests/unit/client/stand_in.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, TAG_WATCH = 7 };

#define DAY (24 * (uint64_t)HOUR)

static struct scene scene;
static struct stand_in relay;

static void open_worker(void)
{
    open_meeting(&scene);
    stand_in_open(&relay, scene.worker);
    /* Until nobody asks any more for what was said at the meeting. */
    stand_in_run(&relay, 10 * DAY);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    memset(relay.count, 0, sizeof(relay.count));
    relay.asked_count = relay.sent_count = 0;
}

static void close_worker(void)
{
    stand_in_close(&relay);
    close_scene(&scene);
}

static zg_id say(const char *text, uint32_t lifetime_s, zg_lifetime_from from)
{
    struct person *p = relay.person;
    const zg_id *conversation = p == scene.her ? &scene.hers : &scene.his;
    const zg_send_options o = {sizeof(o), lifetime_s, from};
    zg_id id;
    assert_int_equal(zg_client_send(p->client, conversation, text, strlen(text), &o, &id, person_now(p)), ZG_OK);
    stand_in_turn(&relay);
    return id;
}

static unsigned told(void)
{
    return scene.worker->events[ZG_EVENT_EXPIRED_UNREAD];
}

/* The 00:00 UTC after a message that is accepted now with a class of so many hours expired. */
static uint64_t ask_time(uint64_t hours)
{
    uint64_t gone = (scene.town->now.utc_ms / HOUR + hours + 1) * HOUR;
    return (gone / DAY + 1) * DAY;
}

static void run_to(uint64_t utc_ms)
{
    stand_in_run(&relay, utc_ms - scene.town->now.utc_ms);
}

static void what_was_not_read_in_time_is_said_the_day_after(void **state)
{
    (void)state;
    zg_message m;
    open_worker();
    uint64_t ask = ask_time(7 * 24);
    zg_id id = say("léelo pronto", 0, ZG_AFTER_READ);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 1);

    /* The words go at their time. What is kept for asking holds none. */
    stand_in_run(&relay, DAY + MINUTE);
    assert_int_equal(zg_client_message(scene.worker->client, &scene.his, &id, &m), ZG_ERR_NOT_FOUND);
    assert_false(shelf_holds(scene.worker->shelf, "léelo", 6));
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 1);

    run_to(ask - SECOND);
    relay.fate = FATE_EXPIRED;
    unsigned early = relay.count[OP_STATUS];
    run_to(ask + SECOND);
    assert_int_equal(relay.count[OP_STATUS], early + 1);
    assert_memory_equal(relay.asked[0], relay.sent[0], WIRE_HANDLE_BYTES);
    assert_int_equal(told(), 1);
    assert_memory_equal(scene.worker->last[ZG_EVENT_EXPIRED_UNREAD].message.b, id.b, sizeof(id.b));
    assert_memory_equal(scene.worker->last[ZG_EVENT_EXPIRED_UNREAD].conversation.b, scene.his.b, sizeof(id.b));
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);

    /* It stays until a person has read that, also over a restart, and a day. */
    stand_in_restart(&relay);
    stand_in_run(&relay, 2 * DAY);
    assert_int_equal(zg_client_message(scene.worker->client, &scene.his, &id, &m), ZG_OK);
    assert_int_equal(m.state, ZG_MESSAGE_EXPIRED_UNREAD);
    assert_int_equal(m.text_len, 0);
    assert_true(m.own);
    assert_int_equal(zg_client_read(scene.worker->client, &scene.his, &id, person_now(scene.worker)), ZG_OK);
    stand_in_run(&relay, DAY - MINUTE);
    assert_int_equal(zg_client_message(scene.worker->client, &scene.his, &id, &m), ZG_OK);
    stand_in_run(&relay, 2 * MINUTE);
    assert_int_equal(zg_client_message(scene.worker->client, &scene.his, &id, &m), ZG_ERR_NOT_FOUND);
    assert_int_equal(told(), 1);
    close_worker();
}

static void what_the_relay_does_not_know_is_asked_on_two_days_and_never_told(void **state)
{
    (void)state;
    open_worker();
    uint64_t ask = ask_time(24);
    say("un día", 86400, ZG_AFTER_SENT);
    run_to(ask + HOUR);
    assert_int_equal(relay.count[OP_STATUS], 1);
    stand_in_restart(&relay);
    run_to(ask + DAY - MINUTE);
    assert_int_equal(relay.count[OP_STATUS], 1);
    run_to(ask + 10 * DAY);
    assert_int_equal(relay.count[OP_STATUS], 2);
    assert_int_equal(told(), 0);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    close_worker();
}

static void what_a_clock_made_early_is_told_the_day_after(void **state)
{
    (void)state;
    open_worker();
    uint64_t ask = ask_time(24);
    say("un día", 86400, ZG_AFTER_SENT);
    run_to(ask + HOUR);
    relay.fate = FATE_EXPIRED;
    run_to(ask + 2 * DAY);
    assert_int_equal(told(), 1);
    close_worker();
}

/* A relay whose keys are gone has lost everything that waited, and says so for a week. */
static void what_a_relay_lost_early_is_told_within_that_week(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < 12; lost++) {
        open_worker();
        say("un mes", 30 * 86400, ZG_AFTER_SENT);
        uint64_t start = scene.town->now.utc_ms;
        run_to(start + lost * DAY);
        stand_in_restart(&relay);
        run_to((scene.town->now.utc_ms / DAY + 1) * DAY);
        relay.fate = FATE_EXPIRED;
        run_to((scene.town->now.utc_ms / DAY + 7) * DAY - SECOND);
        assert_int_equal(told(), 1);
        close_worker();
    }
}

/* A repetition may have been stored again after the first was read. */
static void what_may_have_been_sent_twice_is_not_asked_for(void **state)
{
    (void)state;
    open_worker();
    relay.fate = FATE_EXPIRED;
    relay.holds[OP_SEND] = true;
    say("una", 86400, ZG_AFTER_SENT);
    stand_in_break(&relay);
    relay.holds[OP_SEND] = false;
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.count[OP_SEND], 2);
    assert_int_equal(scene.worker->events[ZG_EVENT_SENT], 2);

    relay.answers[OP_SEND] = STATUS_BUSY;
    say("dos", 86400, ZG_AFTER_SENT);
    relay.answers[OP_SEND] = STATUS_OK;
    stand_in_run(&relay, MINUTE);
    assert_int_equal(scene.worker->events[ZG_EVENT_SENT], 3);

    /* The program ended before the reply. */
    relay.holds[OP_SEND] = true;
    say("tres", 86400, ZG_AFTER_SENT);
    relay.holds[OP_SEND] = false;
    stand_in_restart(&relay);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(scene.worker->events[ZG_EVENT_SENT], 4);

    stand_in_run(&relay, 5 * DAY);
    assert_int_equal(relay.count[OP_STATUS], 0);
    assert_int_equal(told(), 0);
    close_worker();
}

static void what_was_refused_by_a_quota_was_not_sent(void **state)
{
    (void)state;
    open_worker();
    relay.fate = FATE_EXPIRED;
    relay.answers[OP_SEND] = STATUS_FULL;
    say("una", 86400, ZG_AFTER_SENT);
    relay.answers[OP_SEND] = STATUS_OK;
    stand_in_run(&relay, 5 * DAY);
    assert_int_equal(told(), 1);
    close_worker();
}

static void what_was_written_without_network_and_sent_by_the_next_program_was_sent_once(void **state)
{
    (void)state;
    open_worker();
    relay.fate = FATE_EXPIRED;
    stand_in_break(&relay);
    say("una", 86400, ZG_AFTER_SENT);
    assert_int_equal(relay.count[OP_SEND], 0);
    stand_in_restart(&relay);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.count[OP_SEND], 1);
    stand_in_run(&relay, 5 * DAY);
    assert_int_equal(told(), 1);
    close_worker();
}

static void what_lives_less_than_a_day_at_the_relay_leaves_no_mark(void **state)
{
    (void)state;
    open_worker();
    say("horas", 6 * 3600, ZG_AFTER_SENT);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    /* Nor what the ceiling lowered to that. */
    scene.town->ttl_ceiling = WIRE_TTL_6H;
    stand_in_break(&relay);
    stand_in_run(&relay, MINUTE);
    say("días", 7 * 86400, ZG_AFTER_SENT);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(scene.worker->events[ZG_EVENT_SENT], 3);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    close_worker();
}

static void many_are_asked_in_few_questions_one_after_the_other(void **state)
{
    (void)state;
    open_worker();
    uint64_t ask = ask_time(24);
    for (int i = 0; i < 70; i++)
        say("otra", 86400, ZG_AFTER_SENT);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 70);
    relay.holds[OP_STATUS] = true;
    run_to(ask + 10 * SECOND);
    assert_int_equal(relay.count[OP_STATUS], 1);
    /* A relay that does not answer is not asked again at once. */
    stand_in_break(&relay);
    run_to(ask + 50 * SECOND);
    assert_int_equal(relay.count[OP_STATUS], 1);
    relay.holds[OP_STATUS] = false;
    relay.asked_count = 0;
    run_to(ask + 5 * MINUTE);
    assert_int_equal(relay.count[OP_STATUS], 1 + 3);
    assert_int_equal(relay.asked_count, 70);
    for (unsigned i = 0; i < 70; i++) {
        unsigned found = 0;
        for (unsigned k = 0; k < 70; k++)
            found += memcmp(relay.asked[i], relay.sent[k], WIRE_HANDLE_BYTES) == 0;
        assert_int_equal(found, 1);
    }
    close_worker();
}

static void a_long_message_is_told_once_and_fillers_are_not_asked_for(void **state)
{
    (void)state;
    open_worker();
    relay.fate = FATE_EXPIRED;
    char *text = make_text(4000); /* three parts, and a filler */
    say(text, 86400, ZG_AFTER_SENT);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.sent_count, 4);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 3);
    stand_in_run(&relay, 4 * DAY);
    assert_int_equal(relay.asked_count, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_not_equal(relay.asked[i], relay.sent[3], WIRE_HANDLE_BYTES);
    assert_int_equal(told(), 1);
    free(text);
    close_worker();
}

static void an_erased_conversation_asks_for_nothing(void **state)
{
    (void)state;
    open_worker();
    uint64_t ask = ask_time(24);
    for (int i = 0; i < 3; i++)
        say("otra", 86400, ZG_AFTER_SENT);
    relay.holds[OP_STATUS] = true;
    run_to(ask + SECOND);
    assert_int_equal(relay.count[OP_STATUS], 1); /* under way */
    assert_int_equal(zg_client_erase(scene.worker->client, &scene.his, person_now(scene.worker)), ZG_OK);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    relay.fate = FATE_EXPIRED;
    struct command states = {.op = OP_STATES, .seq = relay.seq[OP_STATUS]};
    states.u.states.count = 3;
    memset(states.u.states.fates, FATE_EXPIRED, 3);
    fake_relay_say(&relay.relay, &states, 1);
    stand_in_run(&relay, 5 * DAY);
    assert_int_equal(told(), 0);
    assert_int_equal(relay.count[OP_STATUS], 1);
    close_worker();
}

static void after_a_week_without_a_relay_nobody_can_know(void **state)
{
    (void)state;
    open_worker();
    relay.fate = FATE_EXPIRED;
    uint64_t ask = ask_time(24);
    say("una", 86400, ZG_AFTER_SENT);
    zg_client_network(scene.worker->client, false, person_now(scene.worker));
    run_to(ask + 6 * DAY);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 1);
    run_to(ask + 8 * DAY);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    zg_client_network(scene.worker->client, true, person_now(scene.worker));
    stand_in_run(&relay, 2 * DAY);
    assert_int_equal(relay.count[OP_STATUS], 0);
    close_worker();
}

static void an_answer_of_another_length_is_no_answer(void **state)
{
    (void)state;
    open_worker();
    uint64_t ask = ask_time(24);
    say("una", 86400, ZG_AFTER_SENT);
    relay.holds[OP_STATUS] = true;
    run_to(ask + SECOND);
    struct command states = {.op = OP_STATES, .seq = relay.seq[OP_STATUS]};
    states.u.states.count = 2;
    memset(states.u.states.fates, FATE_EXPIRED, 2);
    fake_relay_say(&relay.relay, &states, 1);
    stand_in_turn(&relay);
    assert_int_equal(told(), 0);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 1);
    close_worker();
}

/* Her device keeps nothing longer than its words. */
static void her_side_keeps_no_handles(void **state)
{
    (void)state;
    open_meeting(&scene);
    stand_in_open(&relay, scene.her);
    stand_in_run(&relay, MINUTE);
    say("una", 7 * 86400, ZG_AFTER_SENT);
    assert_true(relay.count[OP_SEND] > 0);
    assert_int_equal(shelf_count_of(scene.her->shelf, TAG_WATCH), 0);
    stand_in_run(&relay, 9 * DAY);
    assert_int_equal(relay.count[OP_STATUS], 0);
    close_worker();
}

/* --- the real relay --- */

/* She is away from the first message on; the worker's clock is off by so much. */
static void open_unheard(int64_t clock_ms)
{
    open_meeting(&scene);
    person_stop(scene.her);
    person_stop(scene.worker);
    scene.worker->clock_ms = clock_ms;
    person_start(scene.worker);
    town_run(scene.town, MINUTE);
}

static void a_relay_that_kept_it_for_nobody_says_so(void **state)
{
    (void)state;
    for (int64_t off = -23; off <= 23; off += 23) {
        zg_message m;
        open_unheard(off * HOUR);
        uint64_t gone = scene.town->now.utc_ms + 7 * DAY;
        zg_id id = must_send(scene.worker, &scene.his, "¿estás ahí?", 0, ZG_AFTER_READ);
        while (told() == 0 && scene.town->now.utc_ms < gone + 7 * DAY)
            town_run(scene.town, HOUR);
        assert_int_equal(told(), 1);
        assert_true(scene.town->now.utc_ms > gone);
        assert_true(scene.town->now.utc_ms < gone + 4 * DAY);
        assert_memory_equal(scene.worker->last[ZG_EVENT_EXPIRED_UNREAD].message.b, id.b, sizeof(id.b));
        assert_int_equal(zg_client_message(scene.worker->client, &scene.his, &id, &m), ZG_OK);
        assert_int_equal(m.state, ZG_MESSAGE_EXPIRED_UNREAD);
        /* The one before was read. */
        town_run(scene.town, 3 * DAY);
        assert_int_equal(told(), 1);
        close_scene(&scene);
    }
}

static void what_was_read_on_the_last_day_is_not_told(void **state)
{
    (void)state;
    open_unheard(0);
    must_send(scene.worker, &scene.his, "¿estás ahí?", 0, ZG_AFTER_READ);
    town_run(scene.town, 7 * DAY - HOUR);
    person_start(scene.her);
    town_run(scene.town, MINUTE);
    assert_string_equal(last_heard(scene.her), "¿estás ahí?");
    town_run(scene.town, 12 * DAY);
    assert_int_equal(told(), 0);
    assert_int_equal(shelf_count_of(scene.worker->shelf, TAG_WATCH), 0);
    close_scene(&scene);
}

static void who_was_off_meanwhile_is_told_on_return(void **state)
{
    (void)state;
    open_unheard(0);
    must_send(scene.worker, &scene.his, "¿estás ahí?", 86400, ZG_AFTER_SENT);
    town_run(scene.town, MINUTE);
    person_stop(scene.worker);
    town_run(scene.town, 6 * DAY);
    person_start(scene.worker);
    assert_true(town_until(scene.town, scene.worker, ZG_EVENT_EXPIRED_UNREAD, 1, MINUTE));
    close_scene(&scene);
}

static void what_she_erased_is_an_end_and_nothing_else(void **state)
{
    (void)state;
    open_unheard(0);
    must_send(scene.worker, &scene.his, "¿estás ahí?", 86400, ZG_AFTER_SENT);
    town_run(scene.town, MINUTE);
    scene.worker->cut = true;
    person_break(scene.worker);
    person_start(scene.her);
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_ERASED, 1, MINUTE));
    scene.worker->cut = false;
    town_run(scene.town, 6 * DAY);
    assert_int_equal(scene.worker->events[ZG_EVENT_ENDED], 1);
    assert_int_equal(told(), 0);
    close_scene(&scene);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_read_in_time_is_said_the_day_after),
        cmocka_unit_test(what_the_relay_does_not_know_is_asked_on_two_days_and_never_told),
        cmocka_unit_test(what_a_clock_made_early_is_told_the_day_after),
        cmocka_unit_test(what_a_relay_lost_early_is_told_within_that_week),
        cmocka_unit_test(what_may_have_been_sent_twice_is_not_asked_for),
        cmocka_unit_test(what_was_refused_by_a_quota_was_not_sent),
        cmocka_unit_test(what_was_written_without_network_and_sent_by_the_next_program_was_sent_once),
        cmocka_unit_test(what_lives_less_than_a_day_at_the_relay_leaves_no_mark),
        cmocka_unit_test(many_are_asked_in_few_questions_one_after_the_other),
        cmocka_unit_test(a_long_message_is_told_once_and_fillers_are_not_asked_for),
        cmocka_unit_test(an_erased_conversation_asks_for_nothing),
        cmocka_unit_test(after_a_week_without_a_relay_nobody_can_know),
        cmocka_unit_test(an_answer_of_another_length_is_no_answer),
        cmocka_unit_test(her_side_keeps_no_handles),
        cmocka_unit_test(a_relay_that_kept_it_for_nobody_says_so),
        cmocka_unit_test(what_was_read_on_the_last_day_is_not_told),
        cmocka_unit_test(who_was_off_meanwhile_is_told_on_return),
        cmocka_unit_test(what_she_erased_is_an_end_and_nothing_else),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client, expired unread", tests, NULL, NULL);
}
