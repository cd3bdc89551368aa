/* What she reads before her first word, and whether the desk is still there; docs/protocol.md sections 5.2
 * and 6. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/card.h"
#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/knocking.h"
#include "relay/core/store.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/scene.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

static void start_look(struct scene *s)
{
    struct person *p = s->her;
    assert_int_equal(zg_client_look(p->client, s->card, strlen(s->card), &s->hers, person_now(p)), ZG_OK);
    person_turn(p);
}

static void look(struct scene *s)
{
    unsigned looked = s->her->events[ZG_EVENT_LOOKED];
    start_look(s);
    assert_true(town_until(s->town, s->her, ZG_EVENT_LOOKED, looked + 1, 60000));
}

static zg_notice notice(const struct scene *s)
{
    zg_notice n;
    assert_int_equal(zg_client_notice(s->her->client, &s->hers, "en", &n), ZG_OK);
    return n;
}

static void say(struct scene *s, int state, const char *text)
{
    unsigned ready = s->worker->events[ZG_EVENT_DESK_READY];
    assert_int_equal(zg_client_desk_notice(s->worker->client, state, "en", text, person_now(s->worker)),
                     ZG_OK);
    person_turn(s->worker);
    assert_true(town_until(s->town, s->worker, ZG_EVENT_DESK_READY, ready + 1, 60000));
}

static enum knocking_stage stage(const struct scene *s)
{
    return conversation_find(s->her->client, &s->hers)->knocking->stage;
}

static void knock_again(struct scene *s)
{
    struct person *p = s->her;
    zg_id id;
    assert_int_equal(
        zg_client_knock(p->client, s->card, strlen(s->card), "hola", 4, NULL, &id, person_now(p)), ZG_OK);
    assert_memory_equal(&id, &s->hers, sizeof(id));
}

static void a_look_leaves_nothing_anywhere(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    const struct counts before = town_counts(s.town);
    look(&s);
    const struct counts after = town_counts(s.town);
    assert_int_equal(before.queues, after.queues);
    assert_int_equal(before.slots, after.slots);
    assert_int_equal(before.vouchers, after.vouchers);
    assert_int_equal(before.messages, after.messages);
    assert_int_equal(before.marks, after.marks);
    assert_int_equal(shelf_count(s.her->shelf), 1);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_LOOKING);
    assert_int_equal(notice(&s).state, 2);
    assert_string_equal(notice(&s).text, "9 to 5");

    zg_id message;
    assert_int_equal(zg_client_send(s.her->client, &s.hers, "x", 1, NULL, &message, person_now(s.her)),
                     ZG_ERR_STATE);
    assert_int_equal(zg_client_note_set(s.her->client, &s.hers, "x", person_now(s.her)), ZG_ERR_STATE);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_int_equal(s.her->events[ZG_EVENT_ERASED], 1);
    assert_int_equal(s.her->client->conversation_count, 0);
    close_scene(&s);
}

static void a_knock_takes_what_was_looked_at(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    look(&s);
    town_run(s.town, 9 * MINUTE);
    knock_again(&s);
    assert_int_equal(stage(&s), KNOCKING_ASK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, 1, 60000));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, 60000));
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_KNOCKING);
    assert_int_equal(s.her->client->conversation_count, 1);
    assert_string_equal(last_heard(s.worker), "hola");
    close_scene(&s);
}

static void after_ten_minutes_it_is_fetched_anew(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    look(&s);
    const struct connection *link = conversation_find(s.her->client, &s.hers)->connection;
    say(&s, 1, "we are here");
    assert_int_equal(notice(&s).state, 2);
    assert_int_equal(link->state, CONNECTION_OPEN);
    town_run(s.town, 11 * MINUTE);
    /* Whoever has the page open and writes nothing keeps no connection. */
    assert_int_equal(link->state, CONNECTION_IDLE);
    assert_int_equal(zg_client_deadline(s.her->client), UINT64_MAX);
    knock_again(&s);
    assert_int_equal(stage(&s), KNOCKING_FETCH);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, 1, 60000));
    assert_int_equal(notice(&s).state, 1);
    assert_string_equal(notice(&s).text, "we are here");
    close_scene(&s);
}

static void looking_again_tells_what_is_there_or_fetches_it(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    look(&s);
    zg_id first = s.hers;
    say(&s, 3, "call 112");
    start_look(&s);
    assert_int_equal(s.her->events[ZG_EVENT_LOOKED], 2);
    assert_int_equal(notice(&s).state, 2);
    town_run(s.town, 11 * MINUTE);
    look(&s);
    assert_memory_equal(&first, &s.hers, sizeof(first));
    assert_int_equal(notice(&s).state, 3);
    assert_string_equal(notice(&s).text, "call 112");
    close_scene(&s);
}

static void words_may_come_before_the_look_is_done(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    s.her->cut = true;
    start_look(&s);
    town_run(s.town, MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_LOOKED], 0);
    knock_again(&s);
    s.her->cut = false;
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, 1, 10 * MINUTE));
    assert_int_equal(s.her->events[ZG_EVENT_LOOKED], 0);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, 60000));
    close_scene(&s);
}

static void look_fails(struct scene *s, zg_err err)
{
    zg_conversation c;
    start_look(s);
    assert_true(town_until(s->town, s->her, ZG_EVENT_KNOCK_FAILED, 1, 60000));
    assert_int_equal(s->her->last[ZG_EVENT_KNOCK_FAILED].err, err);
    assert_int_equal(zg_client_conversation(s->her->client, &s->hers, &c), ZG_ERR_NOT_FOUND);
    assert_int_equal(shelf_count(s->her->shelf), 1);
    town_run(s->town, 2 * MINUTE);
    assert_true(s->her->client->connections == NULL || s->her->client->connections->state == CONNECTION_IDLE);
}

static void false_cards_are_found_by_looking(void **state)
{
    (void)state;
    static const struct {
        enum change change;
        zg_err err;
    } cases[] = {{CHANGE_ORGANISATION, ZG_ERR_FOREIGN}, {CHANGE_CARD_KEY, ZG_ERR_REFUSED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;
        open_scene(&s);
        change_card(&s, cases[i].change);
        look_fails(&s, cases[i].err);
        close_scene(&s);
    }
}

/* What only somebody who has the desk's secrets could do, or the relay itself. */
static void empty_the_slot(struct scene *s)
{
    struct card card;
    struct secret read;
    uint8_t key[32];
    assert_int_equal(card_parse(&card, s->card, strlen(s->card)), ZG_OK);
    card_secrets(&card, &read, key);
    struct store_job find = {.kind = JOB_FIND};
    secret_name(ROLE_READ, read.b, &find.u.find.name);
    s->town->engine->execute(s->town->engine, &find);
    assert_true(find.u.find.found.found);
    struct store_write write = {.kind = WRITE_SLOT_VALUE};
    struct store_job commit = {.kind = JOB_COMMIT};
    write.u.slot.id = find.u.find.found.id;
    write.u.slot.expected = find.u.find.found.version;
    write.u.slot.ttl = find.u.find.found.ttl;
    write.u.slot.hour = UINT32_MAX;
    commit.u.commit.writes = &write;
    commit.u.commit.count = 1;
    s->town->engine->execute(s->town->engine, &commit);
    assert_int_equal(write.outcome, OUTCOME_OK);
}

static void where_nothing_was_published_there_is_no_desk(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    person_stop(s.worker);
    empty_the_slot(&s);
    look_fails(&s, ZG_ERR_REFUSED);
    close_scene(&s);
}

/* While the bundle is on its way, the nth allocation fails in every call of her client. */
static int failing_nth;

static void arm(struct person *p)
{
    const struct zg_client *c = p->client;
    if (failing_nth < 0 || c == NULL || c->conversation_count == 0)
        return;
    const struct knocking *k = c->conversations[0]->knocking;
    if (k != NULL && k->stage == KNOCKING_FETCH && call_waits(&k->call))
        heap_fail_after(failing_nth);
}

static void disarm(struct person *p)
{
    (void)p;
    heap_fail_never();
}

static void a_look_without_memory_is_tried_again(void **state)
{
    (void)state;
    for (int n = 0; n < 8; n++) {
        struct scene s;
        open_scene(&s);
        s.town->before = arm;
        s.town->after = disarm;
        failing_nth = n;
        start_look(&s);
        town_run(s.town, 3 * 60000);
        failing_nth = -1;
        assert_true(town_until(s.town, s.her, ZG_EVENT_LOOKED, 1, 10 * MINUTE));
        assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 0);
        close_scene(&s);
    }
}

static void another_card_is_another_look(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    look(&s);
    zg_id first = s.hers;
    change_card(&s, CHANGE_ORGANISATION);
    start_look(&s);
    assert_memory_not_equal(&first, &s.hers, sizeof(first));
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_FAILED, 1, 60000));
    assert_int_equal(s.her->client->conversation_count, 1);
    close_scene(&s);
}

/* Her program asks what is due. */
static void pass(struct scene *s, uint64_t ms)
{
    town_run(s->town, ms);
    zg_client_advance(s->her->client, person_now(s->her));
    person_turn(s->her);
}

static void on_duty_counts_for_twelve_hours(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    say(&s, 1, "9 to 5");
    look(&s);
    assert_int_equal(notice(&s).state, 1);
    pass(&s, 12 * HOUR - 5 * MINUTE);
    assert_int_equal(notice(&s).state, 1);
    pass(&s, 5 * MINUTE);
    assert_int_equal(notice(&s).state, 2);
    assert_string_equal(notice(&s).text, "9 to 5");
    /* Nor for her who looks then, though the bundle was published anew since. */
    look(&s);
    assert_int_equal(notice(&s).state, 2);
    say(&s, 1, "9 to 5");
    town_run(s.town, 11 * MINUTE);
    look(&s);
    assert_int_equal(notice(&s).state, 1);
    close_scene(&s);
}

static void a_clock_that_is_ahead_does_not_stretch_it(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    say(&s, 1, "");
    look(&s);
    struct notice *n = conversation_find(s.her->client, &s.hers)->notice;
    uint64_t now_s = client_time_ms(s.her->client) / 1000;
    n->written_s = now_s + 3600;
    assert_int_equal(notice(&s).state, 1);
    n->written_s = now_s + 3601;
    assert_int_equal(notice(&s).state, 2);
    n->written_s = UINT64_MAX - 100;
    assert_int_equal(notice(&s).state, 2);
    n->state = DESK_ENDED;
    assert_int_equal(notice(&s).state, 3);
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_leaves_nothing_anywhere),
        cmocka_unit_test(a_knock_takes_what_was_looked_at),
        cmocka_unit_test(after_ten_minutes_it_is_fetched_anew),
        cmocka_unit_test(looking_again_tells_what_is_there_or_fetches_it),
        cmocka_unit_test(words_may_come_before_the_look_is_done),
        cmocka_unit_test(false_cards_are_found_by_looking),
        cmocka_unit_test(another_card_is_another_look),
        cmocka_unit_test(on_duty_counts_for_twelve_hours),
        cmocka_unit_test(a_clock_that_is_ahead_does_not_stretch_it),
        cmocka_unit_test(where_nothing_was_published_there_is_no_desk),
        cmocka_unit_test(a_look_without_memory_is_tried_again),
    };
    return cmocka_run_group_tests_name("client_look", tests, NULL, NULL);
}
