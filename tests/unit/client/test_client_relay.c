/* Whole clients and the relay's real core in one process: what is promised from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static void a_knock_is_answered_and_words_agree(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    zg_conversation hers = must_show(s.her, &s.hers);
    zg_conversation his = must_show(s.worker, &s.his);
    assert_int_equal(hers.state, ZG_CONVERSATION_OPEN);
    assert_int_equal(his.state, ZG_CONVERSATION_OPEN);
    assert_string_equal(hers.alias, "Amal");
    assert_int_equal(hers.safety, ZG_SAFETY_WORDS);
    assert_int_equal(his.safety, ZG_SAFETY_WORDS);
    assert_memory_equal(hers.safety_words, his.safety_words, sizeof(hers.safety_words));
    assert_string_equal(last_heard(s.her), "buenos días");
    assert_string_equal(s.worker->heard[0], "hola");
    assert_string_equal(last_heard(s.worker), "gracias");
    assert_int_equal(town_counts(s.town).messages, 0);
    assert_int_equal(town_counts(s.town).queues, 3);
    close_scene(&s);
}

static void her_words_are_ready_with_the_accept_and_his_with_her_first_envelope(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    must_send(s.worker, &s.his, "aquí estoy", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_SAFETY, 1, MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(must_show(s.worker, &s.his).safety, ZG_SAFETY_NONE);
    must_send(s.her, &s.hers, "sí", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_SAFETY, 1, MINUTE));
    assert_int_equal(s.worker->last[ZG_EVENT_SAFETY].err, ZG_OK);
    assert_int_equal(zg_client_safety_compared(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    assert_int_equal(must_show(s.her, &s.hers).safety, ZG_SAFETY_COMPARED);
    close_scene(&s);
}

static void what_is_written_before_the_answer_arrives_after_it_in_order(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    must_send(s.her, &s.hers, "uno", 0, ZG_AFTER_READ);
    must_send(s.her, &s.hers, "dos", 0, ZG_AFTER_READ);
    town_run(s.town, MINUTE);
    assert_int_equal(s.worker->heard_count, 1);
    must_send(s.worker, &s.his, "hola", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, MINUTE));
    assert_string_equal(s.worker->heard[1], "uno");
    assert_string_equal(s.worker->heard[2], "dos");
    close_scene(&s);
}

static void long_texts_travel_in_parts_both_ways(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 1200, 1600, 1700, 3000, 3300, 20000, 75000};
    struct scene s;
    open_meeting(&s);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        char *text = make_text(lengths[i]);
        unsigned hers = s.her->events[ZG_EVENT_MESSAGE];
        unsigned his = s.worker->events[ZG_EVENT_MESSAGE];
        must_send(s.her, &s.hers, text, 0, ZG_AFTER_READ);
        must_send(s.worker, &s.his, text, 0, ZG_AFTER_READ);
        assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, hers + 1, 5 * MINUTE));
        assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, his + 1, 5 * MINUTE));
        assert_string_equal(last_heard(s.her), text);
        assert_string_equal(last_heard(s.worker), text);
        free(text);
    }
    char *text = make_text(200000);
    assert_int_equal(zg_client_send(s.her->client, &s.hers, text, strlen(text), NULL, NULL, person_now(s.her)),
                     ZG_ERR_TOO_LARGE);
    free(text);
    close_scene(&s);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    struct scene s;
    zg_send_options o = {sizeof(o), 31 * 86400, ZG_AFTER_SENT};
    zg_id nobody = {{1}};
    open_meeting(&s);
    zg_client *c = s.her->client;
    zg_now now = person_now(s.her);
    assert_int_equal(zg_client_send(c, &s.hers, "", 0, NULL, NULL, now), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_client_send(c, &s.hers, "a", 1, &o, NULL, now), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_client_send(c, &s.hers, "\xff", 1, NULL, NULL, now), ZG_ERR_MALFORMED);
    assert_int_equal(zg_client_send(c, &nobody, "a", 1, NULL, NULL, now), ZG_ERR_NOT_FOUND);
    assert_int_equal(zg_client_read(c, &s.hers, &nobody, now), ZG_ERR_NOT_FOUND);
    assert_int_equal(zg_client_erase(c, &nobody, now), ZG_ERR_NOT_FOUND);
    assert_int_equal(zg_client_knock(c, s.card, strlen(s.card), "\xff", 1, NULL, NULL, now), ZG_ERR_MALFORMED);
    char *text = make_text(zg_knock_text_max() + 1);
    assert_int_equal(zg_client_knock(c, s.card, strlen(s.card), text, strlen(text), NULL, NULL, now),
                     ZG_ERR_TOO_LARGE);
    assert_int_equal(zg_client_desk_notice(c, 1, "en", "x", now), ZG_ERR_STATE);
    free(text);
    close_scene(&s);
}

static void a_knock_may_be_as_long_as_promised(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    char *text = make_text(zg_knock_text_max());
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), text, strlen(text), NULL, &s.hers,
                                     person_now(s.her)),
                     ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, MINUTE));
    assert_string_equal(last_heard(s.worker), text);
    free(text);
    close_scene(&s);
}

static void the_notice_can_be_read_by_who_knocks(void **state)
{
    (void)state;
    struct scene s;
    zg_notice n;
    open_scene(&s);
    assert_int_equal(zg_client_desk_notice(s.worker->client, 2, "es", "de 9 a 5", person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_DESK_READY, 2, MINUTE));
    knock(&s);
    assert_int_equal(zg_client_notice(s.her->client, &s.hers, "es", &n), ZG_OK);
    assert_string_equal(n.text, "de 9 a 5");
    assert_int_equal(n.state, 2);
    assert_int_equal(zg_client_notice(s.her->client, &s.hers, "ro", &n), ZG_OK);
    assert_string_equal(n.text, "9 to 5");
    close_scene(&s);
}

static void a_notice_that_changes_while_the_former_is_being_published_is_published_too(void **state)
{
    (void)state;
    struct scene s;
    zg_notice n;
    open_scene(&s);
    zg_client *c = s.worker->client;
    assert_int_equal(zg_client_desk_notice(c, 1, "en", "first", person_now(s.worker)), ZG_OK);
    assert_int_equal(zg_client_desk_notice(c, 1, "en", "second", person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_DESK_READY, 3, MINUTE));
    knock(&s);
    assert_int_equal(zg_client_notice(s.her->client, &s.hers, "en", &n), ZG_OK);
    assert_string_equal(n.text, "second");
    close_scene(&s);
}

/* Section 5.2: of one desk never back to a smaller epoch. */
static void a_bundle_older_than_one_already_seen_is_refused(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    s.her->client->conversations[0]->desk_epoch += 1;
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "x", 1, NULL, NULL, person_now(s.her)),
                     ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_FAILED, 1, MINUTE));
    assert_int_equal(s.her->last[ZG_EVENT_KNOCK_FAILED].err, ZG_ERR_EXPIRED);
    assert_int_equal(s.her->events[ZG_EVENT_RELAY_WENT_BACK], 1);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_OPEN);
    close_scene(&s);
}

static void a_broken_commitment_is_said(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    must_send(s.worker, &s.his, "hola", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ACCEPTED, 1, MINUTE));
    s.worker->client->conversations[0]->keys->commitment[0] ^= 1;
    must_send(s.her, &s.hers, "sí", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_SAFETY, 1, MINUTE));
    assert_int_equal(s.worker->last[ZG_EVENT_SAFETY].err, ZG_ERR_FORGED);
    assert_int_equal(must_show(s.worker, &s.his).safety, ZG_SAFETY_MISMATCH);
    assert_int_equal(zg_client_safety_compared(s.worker->client, &s.his, person_now(s.worker)), ZG_ERR_STATE);
    close_scene(&s);
}

static void an_answer_by_somebody_without_a_credential_is_not_shown(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    struct conversation *v = s.her->client->conversations[0];
    v->keys->trust.issuing_pk[0] ^= 1; /* so the worker's credential is of no organisation of hers */
    must_send(s.worker, &s.his, "soy Amal", 0, ZG_AFTER_READ);
    must_send(s.worker, &s.his, "de verdad", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_SAFETY, 1, MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_SAFETY], 1);
    assert_int_equal(s.her->last[ZG_EVENT_SAFETY].err, ZG_ERR_FORGED);
    assert_int_equal(s.her->events[ZG_EVENT_MESSAGE], 0);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_KNOCKING);
    /* The right one still counts. */
    v->keys->trust.issuing_pk[0] ^= 1;
    must_send(s.worker, &s.his, "ahora sí", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ACCEPTED, 1, MINUTE));
    assert_string_equal(last_heard(s.her), "ahora sí");
    close_scene(&s);
}

/* --- expiry --- */

static void five_seconds_after_sent_it_is_gone_on_both_sides(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    unsigned hers = s.her->events[ZG_EVENT_EXPIRED];
    must_send(s.her, &s.hers, "efímero", 5, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, 4 * SECOND));
    uint32_t kept = must_show(s.worker, &s.his).messages;
    assert_true(shelf_holds(s.worker->shelf, "efímero", 8));
    town_run(s.town, 5 * SECOND);
    assert_int_equal(s.her->events[ZG_EVENT_EXPIRED], hers + 1);
    assert_int_equal(s.worker->events[ZG_EVENT_EXPIRED], 1);
    assert_int_equal(must_show(s.worker, &s.his).messages, kept - 1);
    assert_false(shelf_holds(s.worker->shelf, "efímero", 8));
    assert_false(shelf_holds(s.her->shelf, "efímero", 8));
    close_scene(&s);
}

static void after_read_counts_from_reading_and_own_copies_from_sending(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.her, &s.hers, "léelo", 10, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, MINUTE));
    zg_id id = s.worker->last[ZG_EVENT_MESSAGE].message;
    zg_message m;
    town_run(s.town, HOUR);
    assert_int_equal(s.her->events[ZG_EVENT_EXPIRED], 1);
    assert_int_equal(zg_client_message(s.worker->client, &s.his, &id, &m), ZG_OK);
    assert_int_equal(m.expires_utc_ms, 0);
    assert_int_equal(zg_client_read(s.worker->client, &s.his, &id, person_now(s.worker)), ZG_OK);
    town_run(s.town, 9 * SECOND);
    assert_int_equal(zg_client_message(s.worker->client, &s.his, &id, &m), ZG_OK);
    assert_int_equal(m.state, ZG_MESSAGE_READ);
    town_run(s.town, 2 * SECOND);
    assert_int_equal(zg_client_message(s.worker->client, &s.his, &id, &m), ZG_ERR_NOT_FOUND);
    close_scene(&s);
}

static void what_expired_while_the_program_was_off_is_never_shown(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.her, &s.hers, "un minuto", 60, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, MINUTE));
    person_stop(s.worker);
    town_run(s.town, 2 * MINUTE);
    person_start(s.worker);
    assert_int_equal(s.worker->events[ZG_EVENT_READY], 2);
    zg_message m;
    for (size_t i = 0; zg_client_message_at(s.worker->client, &s.his, i, &m); i++)
        assert_string_not_equal(m.text, "un minuto");
    assert_int_equal(s.worker->events[ZG_EVENT_EXPIRED], 0);
    close_scene(&s);
}

static void what_came_too_late_is_dropped_unseen(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    person_stop(s.worker);
    must_send(s.her, &s.hers, "tarde", 60, ZG_AFTER_SENT);
    town_run(s.town, 30 * MINUTE);
    person_start(s.worker);
    town_run(s.town, MINUTE);
    assert_int_equal(s.worker->events[ZG_EVENT_MESSAGE], 1);
    assert_int_equal(town_counts(s.town).messages, 0);
    close_scene(&s);
}

/* --- erase and end --- */

static void she_erases_and_the_worker_is_told(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_false(shelf_holds(s.her->shelf, "gracias", 7));
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    assert_int_equal(must_show(s.worker, &s.his).state, ZG_CONVERSATION_ENDED);
    zg_conversation c;
    assert_int_equal(zg_client_conversation(s.her->client, &s.hers, &c), ZG_ERR_NOT_FOUND);
    assert_int_equal(shelf_count(s.her->shelf), 1); /* the mark of time */
    assert_int_equal(zg_client_send(s.worker->client, &s.his, "?", 1, NULL, NULL, person_now(s.worker)),
                     ZG_ERR_STATE);
    town_run(s.town, MINUTE);
    assert_int_equal(town_counts(s.town).queues, 1);
    assert_int_equal(town_counts(s.town).messages, 0);
    /* The worker puts it away. */
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
    assert_int_equal(shelf_count(s.worker->shelf), 2);
    close_scene(&s);
}

static void the_worker_erases_and_she_is_told(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
    assert_true(town_until(s.town, s.her, ZG_EVENT_ENDED, 1, MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(town_counts(s.town).queues, 1);
    close_scene(&s);
}

/* In every phase of the rotation of her queue, both ways of deleting it must work. */
static void the_worker_can_erase_before_and_after_her_queue_was_rotated(void **state)
{
    (void)state;
    for (int phase = 0; phase < 3; phase++) {
        struct scene s;
        open_knock(&s);
        must_send(s.worker, &s.his, "hola", 0, ZG_AFTER_READ);
        assert_true(town_until(s.town, s.her, ZG_EVENT_ACCEPTED, 1, MINUTE));
        town_run(s.town, MINUTE);
        if (phase >= 1) {
            must_send(s.her, &s.hers, "sí", 0, ZG_AFTER_READ);
            town_run(s.town, MINUTE);
        }
        if (phase >= 2) {
            must_send(s.worker, &s.his, "bien", 0, ZG_AFTER_READ);
            town_run(s.town, MINUTE);
        }
        assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
        person_turn(s.worker);
        assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
        assert_true(town_until(s.town, s.her, ZG_EVENT_ENDED, 1, MINUTE));
        town_run(s.town, MINUTE);
        assert_int_equal(town_counts(s.town).queues, 1);
        close_scene(&s);
    }
}

static void a_waiting_knock_can_be_taken_back(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    zg_conversation c;
    assert_false(zg_client_conversation_at(s.worker->client, 0, &c));
    assert_int_equal(town_counts(s.town).messages, 0);
    assert_int_equal(town_counts(s.town).queues, 1);
    close_scene(&s);
}

static void a_worker_can_put_a_knock_away(void **state)
{
    (void)state;
    struct scene s;
    open_knock(&s);
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
    assert_true(town_until(s.town, s.her, ZG_EVENT_ENDED, 1, MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(town_counts(s.town).messages, 0);
    assert_int_equal(town_counts(s.town).queues, 1);
    person_stop(s.worker);
    person_start(s.worker);
    town_run(s.town, MINUTE);
    assert_int_equal(s.worker->events[ZG_EVENT_KNOCK], 1);
    close_scene(&s);
}

static void an_erase_without_network_is_done_when_there_is_one_also_after_a_restart(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    s.her->cut = true;
    person_break(s.her);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    town_run(s.town, MINUTE);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_ERASING);
    assert_int_equal(must_show(s.her, &s.hers).messages, 0);
    person_stop(s.her);
    person_start(s.her);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_ERASING);
    s.her->cut = false;
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, 10 * MINUTE));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    assert_int_equal(shelf_count(s.her->shelf), 1);
    close_scene(&s);
}

static void who_was_away_learns_of_the_end_on_return(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    person_stop(s.worker);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
    person_start(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    close_scene(&s);
}

/* --- cards and bundles --- */

static void bad_cards_are_refused_at_once(void **state)
{
    (void)state;
    struct scene s;
    char text[1024];
    open_scene(&s);
    zg_client *c = s.her->client;
    zg_now now = person_now(s.her);
    size_t len = strlen(s.card);
    assert_int_equal(zg_client_knock(c, s.card, len - 40, "x", 1, NULL, NULL, now), ZG_ERR_TRUNCATED);
    strcpy(text, s.card);
    text[30] = text[30] == 'A' ? 'B' : 'A';
    assert_int_equal(zg_client_knock(c, text, len, "x", 1, NULL, NULL, now), ZG_ERR_MALFORMED);
    assert_int_equal(zg_client_knock(c, "hello", 5, "x", 1, NULL, NULL, now), ZG_ERR_MALFORMED);
    zg_conversation v;
    assert_false(zg_client_conversation_at(c, 0, &v));
    close_scene(&s);
}

static void a_bundle_of_another_organisation_is_refused(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    change_card(&s, CHANGE_ORGANISATION);
    knock_fails(&s, ZG_ERR_FOREIGN);
    close_scene(&s);
}

static void a_card_without_a_desk_is_refused(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    change_card(&s, CHANGE_CARD_KEY);
    knock_fails(&s, ZG_ERR_REFUSED);
    close_scene(&s);
}

static void another_relay_cannot_play_the_cards_relay(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    change_card(&s, CHANGE_RELAY);
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "x", 1, NULL, &s.hers,
                                     person_now(s.her)),
                     ZG_OK);
    person_turn(s.her);
    town_run(s.town, MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_CONNECTED], 0);
    assert_true(s.her->events[ZG_EVENT_DISCONNECTED] > 0);
    assert_int_equal(must_show(s.her, &s.hers).state, ZG_CONVERSATION_KNOCKING);
    close_scene(&s);
}

static void nobody_at_the_desk_for_days_then_the_last_resort_key(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    person_stop(s.worker);
    town_run(s.town, 5 * 24 * (uint64_t)HOUR);
    knock(&s);
    person_start(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, MINUTE));
    assert_string_equal(last_heard(s.worker), "hola");
    close_scene(&s);
}

static void nobody_at_the_desk_for_months_and_she_is_told(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    person_stop(s.worker);
    town_run(s.town, 100 * 24 * (uint64_t)HOUR);
    knock_fails(&s, ZG_ERR_EXPIRED);
    close_scene(&s);
}

static const struct desk_epoch *newest_epoch(const struct scene *s)
{
    const struct desk *d = s->worker->client->desk;
    return &d->keys->epochs[d->epoch_count - 1];
}

/* By then every key of before has been deleted; the number of the last one has not. */
static void a_desk_that_was_away_for_months_counts_on(void **state)
{
    static const uint8_t none[XWING_SK_BYTES] = {0};
    (void)state;
    struct scene s;
    open_scene(&s);
    town_run(s.town, 3 * 24 * (uint64_t)HOUR + HOUR);
    uint32_t epoch = newest_epoch(&s)->keys.epoch;
    person_stop(s.her);
    person_stop(s.worker);
    town_run(s.town, 130 * 24 * (uint64_t)HOUR);
    person_start(s.worker);
    town_run(s.town, MINUTE);
    assert_int_equal(newest_epoch(&s)->keys.epoch, epoch + 1);
    assert_int_equal(s.worker->client->desk->epoch_count, 2);
    assert_memory_equal(newest_epoch(&s)[-1].keys.intake_sk, none, sizeof(none));
    assert_memory_equal(newest_epoch(&s)[-1].keys.last_resort_sk, none, sizeof(none));
    /* Whatever moment it is stopped at, its vault opens. */
    desk_expire_keys(s.worker->client->desk);
    person_turn(s.worker);
    town_run(s.town, MINUTE);
    person_stop(s.worker);
    person_start(s.worker);
    assert_int_equal(zg_client_desk_renew(s.worker->client, s.town->organisation, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    person_start(s.her);
    town_run(s.town, MINUTE);
    town_meet(s.town, s.her, s.worker, s.card, &s.hers, &s.his);
    close_scene(&s);
}

static void a_new_key_every_day_and_a_knock_to_yesterdays_is_read(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    unsigned ready = s.worker->events[ZG_EVENT_DESK_READY];
    town_run(s.town, 3 * 24 * (uint64_t)HOUR + HOUR);
    assert_int_equal(s.worker->events[ZG_EVENT_DESK_READY], ready + 3);
    person_stop(s.worker);
    knock(&s);
    town_run(s.town, 2 * 24 * (uint64_t)HOUR);
    person_start(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, MINUTE));
    close_scene(&s);
}

static void a_credential_ends_after_a_month_and_is_renewed(void **state)
{
    (void)state;
    struct scene s;
    zg_desk d;
    open_scene(&s);
    town_run(s.town, 31 * 24 * (uint64_t)HOUR);
    knock(&s);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 1, MINUTE));
    zg_id his = s.worker->last[ZG_EVENT_KNOCK].conversation;
    assert_int_equal(zg_client_send(s.worker->client, &his, "x", 1, NULL, NULL, person_now(s.worker)),
                     ZG_ERR_EXPIRED);
    assert_int_equal(must_show(s.worker, &his).state, ZG_CONVERSATION_WAITING);
    assert_int_equal(zg_client_desk_renew(s.worker->client, s.town->organisation, person_now(s.worker)), ZG_OK);
    assert_int_equal(zg_client_desk(s.worker->client, &d), ZG_OK);
    assert_true(d.credential_until_utc_s > person_now(s.worker).utc_ms / 1000);
    must_send(s.worker, &his, "x", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ACCEPTED, 1, MINUTE));

    zg_organisation *other;
    assert_int_equal(zg_organisation_new(&other, person_now(s.worker)), ZG_OK);
    assert_int_equal(zg_client_desk_renew(s.worker->client, other, person_now(s.worker)), ZG_ERR_FOREIGN);
    zg_organisation_free(other);
    close_scene(&s);
}

static void a_desk_after_a_year_has_new_certificates(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    town_run(s.town, 350 * 24 * (uint64_t)HOUR);
    assert_int_equal(zg_client_desk_renew(s.worker->client, s.town->organisation, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    town_run(s.town, 100 * 24 * (uint64_t)HOUR);
    assert_int_equal(zg_client_desk_renew(s.worker->client, s.town->organisation, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    town_run(s.town, MINUTE);
    town_meet(s.town, s.her, s.worker, s.card, &s.hers, &s.his);
    close_scene(&s);
}

static void a_spent_voucher_makes_no_desk(void **state)
{
    (void)state;
    struct scene s;
    char relay[128], voucher[64];
    zg_desk d;
    open_scene(&s);
    town_address(s.town, relay, sizeof(relay));
    town_voucher(s.town, voucher, sizeof(voucher));
    const zg_desk_options o = {.size = sizeof(o), .relay = relay, .voucher = voucher, .alias = "Inés"};
    zg_client *c = s.her->client;
    struct person *third = town_person(s.town);
    assert_int_equal(zg_client_desk_create(c, s.town->organisation, &o, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_DESK_READY, 1, MINUTE));
    assert_int_equal(zg_client_desk_create(c, s.town->organisation, &o, person_now(s.her)), ZG_ERR_STATE);
    assert_int_equal(zg_client_desk_create(third->client, s.town->organisation, &o, person_now(third)), ZG_OK);
    person_turn(third);
    assert_true(town_until(s.town, third, ZG_EVENT_DESK_FAILED, 1, MINUTE));
    assert_int_equal(third->last[ZG_EVENT_DESK_FAILED].err, ZG_ERR_REFUSED);
    assert_int_equal(zg_client_desk(third->client, &d), ZG_ERR_NOT_FOUND);
    char better[64];
    town_voucher(s.town, better, sizeof(better));
    const zg_desk_options again = {.size = sizeof(o), .relay = relay, .voucher = better, .alias = "Inés"};
    assert_int_equal(zg_client_desk_create(third->client, s.town->organisation, &again, person_now(third)), ZG_OK);
    person_turn(third);
    assert_true(town_until(s.town, third, ZG_EVENT_DESK_READY, 1, MINUTE));
    close_scene(&s);
}

/* --- puzzle --- */

static void a_desk_under_load_asks_for_work(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    /* Half of what the desk may hold waits. */
    s.town->limits.waiting_of_desk = 4;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    town_run(s.town, 10 * MINUTE);
    person_stop(s.worker);
    knock(&s);
    knock(&s);
    unsigned puzzles = s.her->events[ZG_EVENT_PUZZLE];
    knock(&s);
    assert_true(s.her->events[ZG_EVENT_PUZZLE] > puzzles);
    assert_in_range(s.her->last[ZG_EVENT_PUZZLE].value, 1, WIRE_EFFORT_MAX);
    person_start(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 3, MINUTE));
    close_scene(&s);
}

/* She is told to come later, and does by herself. */
static void a_knock_at_a_desk_that_had_too_many_arrives_a_little_later(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    s.town->limits.knocks_of_desk_a_minute = 1;
    s.town->limits.calm_knocks_a_minute = 1000;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    town_run(s.town, 10 * MINUTE);
    unsigned sent = s.her->events[ZG_EVENT_KNOCK_SENT];
    for (unsigned i = 0; i < 12; i++) /* ten at once, one while they are said */
        assert_int_equal(
            zg_client_knock(s.her->client, s.card, strlen(s.card), "hola", 4, NULL, NULL, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    town_run(s.town, 10 * SECOND);
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_SENT], sent + 10);
    assert_true(town_until(s.town, s.her, ZG_EVENT_KNOCK_SENT, sent + 12, 5 * MINUTE));
    assert_int_equal(s.her->events[ZG_EVENT_KNOCK_FAILED], 0);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_KNOCK, 12, MINUTE));
    close_scene(&s);
}

/* --- a disk without room --- */

static void set_room(struct scene *s, uint64_t bytes)
{
    s->town->limits.stored_bytes = bytes;
    town_relay_stop(s->town);
    town_relay_start(s->town);
    town_run(s->town, 10 * MINUTE);
}

static void words_reach_who_is_there_although_the_relay_has_no_room(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    set_room(&s, 1);
    unsigned hers = s.her->events[ZG_EVENT_SENT], his = s.worker->events[ZG_EVENT_SENT];
    size_t heard = s.worker->heard_count;
    must_send(s.her, &s.hers, "uno", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_NOT_SENT, 1, 5 * SECOND));
    assert_int_equal(s.her->last[ZG_EVENT_NOT_SENT].err, ZG_ERR_BUSY);
    assert_string_equal(last_heard(s.worker), "uno");
    must_send(s.worker, &s.his, "dos", 0, ZG_AFTER_READ);
    town_run(s.town, 2 * SECOND);
    assert_string_equal(last_heard(s.her), "dos");
    /* Said once, tried again and again, and heard once: also after the relay forgot that it was read. */
    town_run(s.town, 30 * MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_NOT_SENT], 1);
    assert_int_equal(s.her->events[ZG_EVENT_SENT], hers);
    assert_int_equal(s.worker->events[ZG_EVENT_SENT], his);
    assert_int_equal(s.worker->heard_count, heard + 1);
    assert_int_equal(town_counts(s.town).messages, 0);
    set_room(&s, UINT64_MAX);
    assert_int_equal(s.her->events[ZG_EVENT_SENT], hers + 1);
    assert_int_equal(s.worker->events[ZG_EVENT_SENT], his + 1);
    assert_int_equal(s.worker->heard_count, heard + 1);
    close_scene(&s);
}

static void who_is_turned_away_for_want_of_room_is_told(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s);
    set_room(&s, 1);
    knock_fails(&s, ZG_ERR_FULL);
    close_scene(&s);
}

/* --- clocks --- */

static void a_clock_that_is_a_day_wrong_does_no_harm(void **state)
{
    (void)state;
    static const int days[] = {-1, 1};
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        open_scene(&s);
        s.her->clock_ms = days[i] * (int64_t)(23 * HOUR);
        person_stop(s.her);
        person_start(s.her);
        town_meet(s.town, s.her, s.worker, s.card, &s.hers, &s.his);
        must_send(s.her, &s.hers, "cinco", 5, ZG_AFTER_SENT);
        must_send(s.worker, &s.his, "seis", 5, ZG_AFTER_SENT);
        assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, 4 * SECOND));
        assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 2, 4 * SECOND));
        unsigned hers = s.her->events[ZG_EVENT_EXPIRED], his = s.worker->events[ZG_EVENT_EXPIRED];
        town_run(s.town, 6 * SECOND);
        assert_int_equal(s.her->events[ZG_EVENT_EXPIRED], hers + 2);
        assert_int_equal(s.worker->events[ZG_EVENT_EXPIRED], his + 2);
        close_scene(&s);
    }
}

static void a_clock_that_is_years_wrong_is_said(void **state)
{
    (void)state;
    static const int years[] = {-3, 3};
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        open_scene(&s);
        s.her->clock_ms = years[i] * (int64_t)365 * 24 * HOUR;
        person_stop(s.her);
        shelf_free(s.her->shelf);
        s.her->shelf = shelf_new();
        person_start(s.her);
        knock_fails(&s, ZG_ERR_EXPIRED);
        close_scene(&s);
    }
}

static void a_clock_set_back_revives_nothing_and_holds_nothing_up(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.her, &s.hers, "una hora", 3600, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, MINUTE));
    town_run(s.town, HOUR / 2);
    s.worker->clock_ms = -20 * (int64_t)HOUR;
    town_run(s.town, HOUR / 2 + MINUTE);
    assert_int_equal(s.worker->events[ZG_EVENT_EXPIRED], 1);
    person_stop(s.worker);
    person_start(s.worker);
    zg_message m;
    for (size_t i = 0; zg_client_message_at(s.worker->client, &s.his, i, &m); i++)
        assert_string_not_equal(m.text, "una hora");
    close_scene(&s);
}

static void a_relay_from_the_far_future_erases_nothing(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.her, &s.hers, "un día", 86400, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, MINUTE));
    uint32_t kept = must_show(s.worker, &s.his).messages;
    int64_t years = 50 * (int64_t)365 * 24 * HOUR;
    town_relay_stop(s.town);
    s.town->now.utc_ms += (uint64_t)years;
    s.her->clock_ms = s.worker->clock_ms = -years;
    town_relay_start(s.town);
    town_run(s.town, HOUR);
    assert_int_equal(must_show(s.worker, &s.his).messages, kept);
    person_stop(s.worker);
    person_start(s.worker);
    town_run(s.town, MINUTE);
    assert_int_equal(must_show(s.worker, &s.his).messages, kept);
    close_scene(&s);
}

/* --- a relay that loses, another program --- */

static void a_relay_that_forgot_everything_ends_what_it_held(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    town_relay_forget(s.town);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ENDED, 1, 10 * MINUTE));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, 10 * MINUTE));
    assert_true(town_until(s.town, s.worker, ZG_EVENT_DESK_FAILED, 1, 10 * MINUTE));
    town_run(s.town, HOUR);
    assert_int_equal(s.her->events[ZG_EVENT_ENDED], 1);
    close_scene(&s);
}

static void a_second_program_displaces_the_first_which_does_not_fight(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    struct person *twin = town_twin(s.town, s.her);
    assert_true(town_until(s.town, s.her, ZG_EVENT_DISPLACED, 1, MINUTE));
    town_run(s.town, HOUR);
    assert_int_equal(s.her->events[ZG_EVENT_DISPLACED], 1);
    assert_int_equal(twin->events[ZG_EVENT_DISPLACED], 0);
    must_send(s.worker, &s.his, "¿dónde?", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, twin, ZG_EVENT_MESSAGE, 1, MINUTE));
    zg_client_network(s.her->client, true, person_now(s.her));
    person_turn(s.her);
    assert_true(town_until(s.town, twin, ZG_EVENT_DISPLACED, 1, MINUTE));
    close_scene(&s);
}

static void quotas_are_waited_out(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    s.town->limits.sends_of_queue_a_day = 8;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    for (int i = 0; i < 12; i++)
        must_send(s.her, &s.hers, "más", 7 * 86400, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.her, ZG_EVENT_NOT_SENT, 1, 10 * MINUTE));
    assert_int_equal(s.her->last[ZG_EVENT_NOT_SENT].err, ZG_ERR_FULL);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 13, 3 * 24 * (uint64_t)HOUR));
    close_scene(&s);
}

static void a_low_ceiling_is_kept_to(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    s.town->ttl_ceiling = WIRE_TTL_1H;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    must_send(s.her, &s.hers, "largo", 86400, ZG_AFTER_SENT);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, 10 * MINUTE));
    assert_int_equal(s.her->events[ZG_EVENT_NOT_SENT], 0);
    close_scene(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knock_is_answered_and_words_agree),
        cmocka_unit_test(her_words_are_ready_with_the_accept_and_his_with_her_first_envelope),
        cmocka_unit_test(what_is_written_before_the_answer_arrives_after_it_in_order),
        cmocka_unit_test(long_texts_travel_in_parts_both_ways),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(a_knock_may_be_as_long_as_promised),
        cmocka_unit_test(the_notice_can_be_read_by_who_knocks),
        cmocka_unit_test(a_notice_that_changes_while_the_former_is_being_published_is_published_too),
        cmocka_unit_test(a_bundle_older_than_one_already_seen_is_refused),
        cmocka_unit_test(a_broken_commitment_is_said),
        cmocka_unit_test(an_answer_by_somebody_without_a_credential_is_not_shown),
        cmocka_unit_test(five_seconds_after_sent_it_is_gone_on_both_sides),
        cmocka_unit_test(after_read_counts_from_reading_and_own_copies_from_sending),
        cmocka_unit_test(what_expired_while_the_program_was_off_is_never_shown),
        cmocka_unit_test(what_came_too_late_is_dropped_unseen),
        cmocka_unit_test(she_erases_and_the_worker_is_told),
        cmocka_unit_test(the_worker_erases_and_she_is_told),
        cmocka_unit_test(the_worker_can_erase_before_and_after_her_queue_was_rotated),
        cmocka_unit_test(a_waiting_knock_can_be_taken_back),
        cmocka_unit_test(a_worker_can_put_a_knock_away),
        cmocka_unit_test(an_erase_without_network_is_done_when_there_is_one_also_after_a_restart),
        cmocka_unit_test(who_was_away_learns_of_the_end_on_return),
        cmocka_unit_test(bad_cards_are_refused_at_once),
        cmocka_unit_test(a_bundle_of_another_organisation_is_refused),
        cmocka_unit_test(a_card_without_a_desk_is_refused),
        cmocka_unit_test(another_relay_cannot_play_the_cards_relay),
        cmocka_unit_test(nobody_at_the_desk_for_days_then_the_last_resort_key),
        cmocka_unit_test(nobody_at_the_desk_for_months_and_she_is_told),
        cmocka_unit_test(a_desk_that_was_away_for_months_counts_on),
        cmocka_unit_test(a_new_key_every_day_and_a_knock_to_yesterdays_is_read),
        cmocka_unit_test(a_credential_ends_after_a_month_and_is_renewed),
        cmocka_unit_test(a_desk_after_a_year_has_new_certificates),
        cmocka_unit_test(a_spent_voucher_makes_no_desk),
        cmocka_unit_test(a_desk_under_load_asks_for_work),
        cmocka_unit_test(a_knock_at_a_desk_that_had_too_many_arrives_a_little_later),
        cmocka_unit_test(words_reach_who_is_there_although_the_relay_has_no_room),
        cmocka_unit_test(who_is_turned_away_for_want_of_room_is_told),
        cmocka_unit_test(a_clock_that_is_a_day_wrong_does_no_harm),
        cmocka_unit_test(a_clock_that_is_years_wrong_is_said),
        cmocka_unit_test(a_clock_set_back_revives_nothing_and_holds_nothing_up),
        cmocka_unit_test(a_relay_from_the_far_future_erases_nothing),
        cmocka_unit_test(a_relay_that_forgot_everything_ends_what_it_held),
        cmocka_unit_test(a_second_program_displaces_the_first_which_does_not_fight),
        cmocka_unit_test(quotas_are_waited_out),
        cmocka_unit_test(a_low_ceiling_is_kept_to),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client and relay", tests, NULL, NULL);
}
