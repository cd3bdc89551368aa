/* A knock that takes long: relays that cannot store or start again, words whose time is over;
 * docs/protocol.md sections 6 and 9. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/knocking.h"
#include "tests/unit/client/scene.h"
#include "tests/unit/client/stand_in.h"

/* Shorter than a cookie is good for. */
enum { MINUTE = 60000, LIFETIME_S = 300 };

static void start_knock(struct scene *s)
{
    const zg_send_options options = {.size = sizeof(options), .lifetime_s = LIFETIME_S};
    struct person *p = s->her;
    zg_err err =
        zg_client_knock(p->client, s->card, strlen(s->card), "hola", 4, &options, &s->hers, person_now(p));
    assert_int_equal(err, ZG_OK);
    person_turn(p);
}

/* Until KNOCK is under way. */
static void run_until_asked(struct scene *s)
{
    const struct conversation *v;
    do {
        town_run(s->town, 1);
        v = conversation_find(s->her->client, &s->hers);
        assert_non_null(v);
    } while (v->knocking->stage != KNOCKING_SEND || !call_waits(&v->knocking->call));
}

/* Her device has no network from here until the time of her words is over. */
static void be_away(struct scene *s)
{
    s->her->cut = true;
    person_break(s->her);
    town_run(s->town, 6 * MINUTE);
    assert_false(shelf_holds(s->her->shelf, "hola", 4));
    s->her->cut = false;
}

/* It was asked for, and the relay could not store it. */
static void a_knock_that_was_tried_is_not_stored_after_its_time(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    const struct counts before = town_counts(s.town);
    start_knock(&s);
    run_until_asked(&s);
    town_fail_store(s.town, 1);
    town_run(s.town, MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_SENT], 0);
    be_away(&s);
    town_fail_store(s.town, 0);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_FAILED, 1, 10 * MINUTE));
    assert_int_equal(s.her->last[ZG_EVENT_KNOCK_FAILED].err, ZG_ERR_EXPIRED);
    town_run(s.town, 20 * MINUTE);
    assert_int_equal(town_counts(s.town).queues, before.queues);
    assert_int_equal(s.worker->events[ZG_EVENT_KNOCK], 0);
    assert_int_equal(shelf_count(s.her->shelf), 1);
    close_scene(&s);
}

/* The relay kept it, and she was not told: the worker's answer must still reach her. */
static void a_knock_that_was_kept_in_time_is_found_after_its_time(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct scene s;
        open_scene(&s);
        const struct counts before = town_counts(s.town);
        start_knock(&s);
        while (town_counts(s.town).queues == before.queues)
            town_run(s.town, 1);
        assert_int_equal(s.her->events[ZG_EVENT_KNOCK_SENT], 0);
        s.her->cut = true;
        person_break(s.her);
        assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, MINUTE));
        must_send(s.worker, &s.worker->last[ZG_EVENT_KNOCK].conversation, "aquí", 0, ZG_AFTER_READ);
        be_away(&s);
        if (restart) {
            person_stop(s.her);
            person_start(s.her);
        }
        assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, 1, 10 * MINUTE));
        assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 1, 10 * MINUTE));
        assert_string_equal(last_heard(s.her), "aquí");
        assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 0);
        close_scene(&s);
    }
}

/* --- an accept that came to nothing --- */

/* She has the accept; the worker was cut off before he heard that the relay has it, so the knock still lies there. She erases. */
static void an_answered_knock_goes_with_her_erase(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    must_send(s.worker, &s.his, "aquí", 0, ZG_AFTER_READ);
    while (s.her->events[ZG_EVENT_ACCEPTED] == 0)
        town_run(s.town, 1);
    s.worker->cut = true;
    person_break(s.worker);
    town_run(s.town, MINUTE);
    assert_int_equal(town_counts(s.town).messages, 1);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
    assert_int_equal(town_counts(s.town).messages, 0);
    s.worker->cut = false;
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, 10 * MINUTE));
    close_scene(&s);
}

/* Her queue ended long ago, and nobody else acknowledges what she wrote. */
static void a_knock_that_cannot_be_answered_any_more_is_acknowledged(void **state)
{
    (void)state;
    const zg_send_options month = {.size = sizeof(month), .lifetime_s = 30 * 86400, .from = ZG_AFTER_SENT};
    struct scene s;
    open_scene(&s);
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "hola", 4, &month, &s.hers, person_now(s.her)), ZG_OK);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, 10 * MINUTE));
    person_stop(s.her);
    town_run(s.town, 22 * UINT64_C(86400000));
    assert_int_equal(town_counts(s.town).messages, 1);
    must_send(s.worker, &s.worker->last[ZG_EVENT_KNOCK].conversation, "aquí", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, 10 * MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(town_counts(s.town).messages, 0);
    close_scene(&s);
}

/* Her queue ended while her device was off, nobody was there to answer, and the knock is kept for longer. */
static void a_knock_whose_queue_ended_goes_with_her_erase(void **state)
{
    (void)state;
    const zg_send_options month = {.size = sizeof(month), .lifetime_s = 30 * 86400, .from = ZG_AFTER_SENT};
    struct scene s;
    open_scene(&s);
    person_stop(s.worker);
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "hola", 4, &month, &s.hers, person_now(s.her)), ZG_OK);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, 1, 10 * MINUTE));
    person_stop(s.her);
    town_run(s.town, 22 * UINT64_C(86400000));
    person_start(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ENDED, 1, 10 * MINUTE));
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
    assert_int_equal(town_counts(s.town).messages, 0);
    person_start(s.worker);
    town_run(s.town, 10 * MINUTE);
    assert_int_equal(s.worker->events[ZG_EVENT_KNOCK], 0);
    close_scene(&s);
}

/* --- a cookie that is too old is no refusal of her --- */

static struct stand_in relay;

static void run_until_knocks(unsigned count)
{
    for (int i = 0; relay.count[OP_KNOCK] < count && i < 600; i++)
        stand_in_run(&relay, 100);
    assert_int_equal(relay.count[OP_KNOCK], count);
}

/* KNOCK is under way to a relay by hand, which holds it. */
static void open_asked(struct scene *s)
{
    open_scene(s);
    start_knock(s);
    run_until_asked(s);
    stand_in_open(&relay, s->her);
    relay.holds[OP_KNOCK] = true;
    run_until_knocks(1);
}

static void close_asked(struct scene *s)
{
    stand_in_close(&relay);
    close_scene(s);
}

/* She asks again, with another cookie if this one was refused. */
static void answer_knock(enum status status)
{
    unsigned knocks = relay.count[OP_KNOCK], cookies = relay.count[OP_CHALLENGE];
    fake_relay_reply(&relay.relay, relay.seq[OP_KNOCK], status, 1);
    run_until_knocks(knocks + 1);
    assert_int_equal(relay.count[OP_CHALLENGE], cookies + (status == STATUS_REFUSED));
}

static void three_refusals_in_a_row_end_a_knock(void **state)
{
    (void)state;
    struct scene s;
    open_asked(&s);
    for (int i = 1; i < KNOCKING_REFUSALS_MAX; i++)
        answer_knock(STATUS_REFUSED);
    fake_relay_reply(&relay.relay, relay.seq[OP_KNOCK], STATUS_REFUSED, 0);
    stand_in_turn(&relay);
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 1);
    assert_int_equal(s.her->last[ZG_EVENT_KNOCK_FAILED].err, ZG_ERR_REFUSED);
    close_asked(&s);
}

static void a_knock_outlasts_a_relay_that_cannot_store(void **state)
{
    (void)state;
    struct scene s;
    open_asked(&s);
    for (int i = 0; i < 2 * KNOCKING_REFUSALS_MAX; i++) {
        answer_knock(STATUS_BUSY);
        answer_knock(STATUS_REFUSED);
    }
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 0);
    close_asked(&s);
}

/* Each start has another key for cookies. */
static void a_knock_outlasts_a_relay_that_starts_again_and_again(void **state)
{
    (void)state;
    struct scene s;
    open_asked(&s);
    for (int i = 0; i < 2 * KNOCKING_REFUSALS_MAX; i++) {
        stand_in_break(&relay);
        run_until_knocks(relay.count[OP_KNOCK] + 1);
        answer_knock(STATUS_REFUSED);
    }
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 0);
    close_asked(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knock_that_was_tried_is_not_stored_after_its_time),
        cmocka_unit_test(a_knock_that_was_kept_in_time_is_found_after_its_time),
        cmocka_unit_test(an_answered_knock_goes_with_her_erase),
        cmocka_unit_test(a_knock_that_cannot_be_answered_any_more_is_acknowledged),
        cmocka_unit_test(a_knock_whose_queue_ended_goes_with_her_erase),
        cmocka_unit_test(three_refusals_in_a_row_end_a_knock),
        cmocka_unit_test(a_knock_outlasts_a_relay_that_cannot_store),
        cmocka_unit_test(a_knock_outlasts_a_relay_that_starts_again_and_again),
    };
    return cmocka_run_group_tests_name("client_knocking", tests, NULL, NULL);
}
