/* How long messages stay, whatever limits and clocks say; docs/protocol.md section 4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY_S = 86400 };

#define DAY (24 * (int64_t)HOUR)

static bool shows(const struct person *p, const zg_id *conversation, const char *text, zg_message *out)
{
    zg_message m;
    for (size_t i = 0; zg_client_message_at(p->client, conversation, i, &m); i++) {
        if (strcmp(m.text, text) != 0)
            continue;
        if (out != NULL)
            *out = m;
        return true;
    }
    return false;
}

static void read_it(struct person *p, const zg_id *conversation, const char *text)
{
    zg_message m;
    assert_true(shows(p, conversation, text, &m));
    assert_int_equal(zg_client_read(p->client, conversation, &m.id, person_now(p)), ZG_OK);
    person_turn(p);
}

static void pass(struct town *t, int64_t ms)
{
    town_run(t, (uint64_t)ms);
}

/* --- limits --- */

static void set_limit(struct person *p, const zg_id *conversation, uint32_t seconds)
{
    assert_int_equal(zg_client_limit(p->client, conversation, seconds, person_now(p)), ZG_OK);
    person_turn(p);
}

static void she_shortens_what_is_there_and_what_comes(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.worker, &s.his, "leído", DAY_S, ZG_AFTER_READ);
    pass(s.town, MINUTE);
    read_it(s.her, &s.hers, "leído");
    pass(s.town, HOUR / 2);
    set_limit(s.her, &s.hers, 3600);
    pass(s.town, HOUR / 2 - 2 * MINUTE);
    assert_true(shows(s.her, &s.hers, "leído", NULL));
    pass(s.town, 3 * MINUTE);
    assert_false(shows(s.her, &s.hers, "leído", NULL));
    assert_false(shelf_holds(s.her->shelf, "leído", 6));
    assert_false(shows(s.her, &s.hers, "gracias", NULL)); /* her own */

    must_send(s.worker, &s.his, "nuevo", 7 * DAY_S, ZG_AFTER_SENT);
    pass(s.town, MINUTE);
    read_it(s.her, &s.hers, "nuevo");
    pass(s.town, HOUR + MINUTE);
    assert_false(shows(s.her, &s.hers, "nuevo", NULL));
    /* No limit, again. */
    set_limit(s.her, &s.hers, 0);
    must_send(s.worker, &s.his, "largo", DAY_S, ZG_AFTER_READ);
    pass(s.town, MINUTE);
    read_it(s.her, &s.hers, "largo");
    pass(s.town, 23 * HOUR);
    assert_true(shows(s.her, &s.hers, "largo", NULL));
    close_scene(&s);
}

static void a_limit_takes_nothing_away_unread_and_lengthens_nothing(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    set_limit(s.her, &s.hers, 60);
    must_send(s.worker, &s.his, "espera", DAY_S, ZG_AFTER_READ);
    must_send(s.worker, &s.his, "medio", 30, ZG_AFTER_READ);
    must_send(s.worker, &s.his, "dos días", 2 * DAY_S, ZG_AFTER_SENT);
    pass(s.town, 12 * HOUR);
    assert_true(shows(s.her, &s.hers, "dos días", NULL));
    assert_true(shows(s.her, &s.hers, "espera", NULL));
    read_it(s.her, &s.hers, "espera");
    read_it(s.her, &s.hers, "medio");
    pass(s.town, 40 * SECOND);
    assert_false(shows(s.her, &s.hers, "medio", NULL));
    assert_true(shows(s.her, &s.hers, "espera", NULL));
    pass(s.town, 30 * SECOND);
    assert_false(shows(s.her, &s.hers, "espera", NULL));
    close_scene(&s);
}

static void a_limit_survives_the_program_and_holds_for_what_is_written(void **state)
{
    (void)state;
    struct scene s;
    zg_message m;
    open_meeting(&s);
    set_limit(s.worker, &s.his, 600);
    pass(s.town, MINUTE);
    person_stop(s.worker);
    person_start(s.worker);
    must_send(s.worker, &s.his, "breve", DAY_S, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_SENT, 2, MINUTE));
    assert_int_equal(s.worker->last[ZG_EVENT_SENT].value, 600);
    pass(s.town, MINUTE);
    assert_true(shows(s.her, &s.hers, "breve", &m));
    assert_int_equal(m.lifetime_s, 600);
    close_scene(&s);
}

static void nobody_sets_a_limit_above_a_month_or_for_nobody(void **state)
{
    (void)state;
    struct scene s;
    zg_id nobody = {{1}};
    open_meeting(&s);
    zg_now now = person_now(s.her);
    assert_int_equal(zg_client_limit(s.her->client, &s.hers, 30 * DAY_S, now), ZG_OK);
    assert_int_equal(zg_client_limit(s.her->client, &s.hers, 30 * DAY_S + 1, now), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_client_limit(s.her->client, &nobody, 60, now), ZG_ERR_NOT_FOUND);
    close_scene(&s);
}

static void open_low_ceiling(struct scene *s)
{
    open_meeting(s);
    s->town->ttl_ceiling = WIRE_TTL_1H;
    town_relay_stop(s->town);
    town_relay_start(s->town);
}

static void nobody_goes_above_the_relays_ceiling(void **state)
{
    (void)state;
    struct scene s;
    zg_message m;
    open_low_ceiling(&s);
    pass(s.town, MINUTE);
    must_send(s.her, &s.hers, "largo", 7 * DAY_S, ZG_AFTER_READ);
    assert_true(shows(s.her, &s.hers, "largo", &m));
    assert_int_equal(m.lifetime_s, 3600);
    assert_true(town_until(s.town, s.her, ZG_EVENT_SENT, 2, MINUTE));
    assert_int_equal(s.her->last[ZG_EVENT_SENT].value, 3600);
    pass(s.town, MINUTE);
    assert_true(shows(s.worker, &s.his, "largo", &m));
    assert_int_equal(m.lifetime_s, 3600);
    close_scene(&s);
}

/* Written before the relay has said what its ceiling is: the reader holds it down. */
static void what_was_written_without_network_does_not_stay_above_the_ceiling_either(void **state)
{
    (void)state;
    struct scene s;
    zg_message m;
    open_low_ceiling(&s);
    s.her->cut = true;
    person_stop(s.her);
    person_start(s.her);
    must_send(s.her, &s.hers, "largo", 7 * DAY_S, ZG_AFTER_READ);
    assert_true(shows(s.her, &s.hers, "largo", &m));
    assert_int_equal(m.lifetime_s, 7 * DAY_S);
    s.her->cut = false;
    pass(s.town, 10 * MINUTE);
    assert_true(shows(s.worker, &s.his, "largo", &m));
    assert_int_equal(m.lifetime_s, 3600);
    assert_true(shows(s.her, &s.hers, "largo", &m));
    assert_int_equal(m.lifetime_s, 3600);
    close_scene(&s);
}

static void a_knock_keeps_to_the_ceiling(void **state)
{
    (void)state;
    struct scene s;
    zg_message m;
    open_scene(&s);
    s.town->ttl_ceiling = WIRE_TTL_6H;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    knock(&s);
    assert_int_equal(s.her->last[ZG_EVENT_KNOCK_SENT].value, 6 * 3600);
    assert_true(shows(s.her, &s.hers, "hola", &m));
    assert_int_equal(m.lifetime_s, 6 * 3600);
    close_scene(&s);
}

/* --- clocks: a message of an hour or a day, and what happens to it --- */

/* The device had no network; nobody is to read it when its time is over. */
static void a_knock_whose_time_is_over_is_not_sent_any_more(void **state)
{
    (void)state;
    struct town *t = town_open(12);
    struct person *worker = town_person(t), *her = town_person(t);
    char card[1024];
    zg_id hers;
    town_desk(t, worker, card);
    const struct counts before = town_counts(t);
    const zg_send_options options = {.size = sizeof(options), .lifetime_s = 3600};
    her->cut = true;
    assert_int_equal(zg_client_knock(her->client, card, strlen(card), "hola", 4, &options, &hers, person_now(her)), ZG_OK);
    person_turn(her);
    town_run(t, 2 * HOUR);
    her->cut = false;
    assert_true(town_until(t, her, ZG_EVENT_KNOCK_FAILED, 1, 10 * MINUTE));
    assert_int_equal(her->last[ZG_EVENT_KNOCK_FAILED].err, ZG_ERR_EXPIRED);
    town_run(t, HOUR);
    const struct counts after = town_counts(t);
    assert_int_equal(after.queues, before.queues);
    assert_int_equal(after.messages, before.messages);
    assert_int_equal(worker->events[ZG_EVENT_KNOCK], 0);
    town_close(t);
}

static void open_with(struct scene *s, const char *text, uint32_t lifetime_s)
{
    open_meeting(s);
    must_send(s->her, &s->hers, text, lifetime_s, ZG_AFTER_READ);
    pass(s->town, MINUTE);
    assert_true(shows(s->worker, &s->his, text, NULL));
}

/* 1. The own clock jumps forward while a relay is there. */
static void clock_1_forward_erases_nothing(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "uno", DAY_S);
    read_it(s.worker, &s.his, "uno");
    s.worker->clock_ms = 40 * DAY;
    pass(s.town, 23 * HOUR);
    assert_true(shows(s.worker, &s.his, "uno", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "uno", NULL));
    close_scene(&s);
}

/* 2. It jumps back. */
static void clock_2_back_revives_and_lengthens_nothing(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "dos", DAY_S);
    read_it(s.worker, &s.his, "dos");
    s.worker->clock_ms = -40 * DAY;
    pass(s.town, 23 * HOUR);
    assert_true(shows(s.worker, &s.his, "dos", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "dos", NULL));
    person_stop(s.worker);
    s.worker->cut = true;
    person_start(s.worker);
    assert_false(shows(s.worker, &s.his, "dos", NULL));
    close_scene(&s);
}

/* 3. The relay claims 2099, from one moment to the next. */
static void clock_3_a_relay_from_2099_erases_nothing(void **state)
{
    (void)state;
    struct scene s;
    int64_t years = 72 * 365 * DAY;
    open_with(&s, "tres", DAY_S);
    read_it(s.worker, &s.his, "tres");
    town_relay_stop(s.town);
    s.town->now.utc_ms += (uint64_t)years;
    s.her->clock_ms = s.worker->clock_ms = -years;
    town_relay_start(s.town);
    pass(s.town, 23 * HOUR);
    assert_true(shows(s.worker, &s.his, "tres", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "tres", NULL));
    close_scene(&s);
}

/* 4. From the start the two clocks are three days apart, one way or the other. */
static void clock_4_when_both_disagree_time_goes_by_as_it_does(void **state)
{
    (void)state;
    for (int64_t off = -3; off <= 3; off += 6) {
        struct scene s;
        open_with(&s, "cuatro", 3600);
        person_stop(s.worker);
        s.worker->clock_ms = off * DAY;
        person_start(s.worker);
        pass(s.town, MINUTE);
        read_it(s.worker, &s.his, "cuatro");
        pass(s.town, 58 * MINUTE);
        assert_true(shows(s.worker, &s.his, "cuatro", NULL));
        pass(s.town, 3 * MINUTE);
        assert_false(shows(s.worker, &s.his, "cuatro", NULL));
        close_scene(&s);
    }
}

/* 5. The device was off for days; there is no relay. Nothing is shown before it was purged. */
static void clock_5_off_for_days_is_purged_before_it_is_shown(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "cinco", DAY_S);
    read_it(s.worker, &s.his, "cinco");
    person_stop(s.worker);
    s.worker->cut = true;
    pass(s.town, 3 * DAY);
    assert_true(shelf_holds(s.worker->shelf, "cinco", 5));
    person_start(s.worker);
    assert_int_equal(s.worker->events[ZG_EVENT_READY], 2);
    assert_false(shows(s.worker, &s.his, "cinco", NULL));
    assert_int_equal(s.worker->events[ZG_EVENT_EXPIRED], 0);
    pass(s.town, SECOND);
    assert_false(shelf_holds(s.worker->shelf, "cinco", 5));
    close_scene(&s);
}

/* 6. While the vault is being loaded, or could not be, there is nothing to be seen. */
static void clock_6_what_is_not_purged_yet_is_not_shown(void **state)
{
    (void)state;
    static const enum client_state states[] = {CLIENT_LOADING, CLIENT_FAILED};
    struct scene s;
    zg_conversation c;
    zg_message m;
    open_with(&s, "seis", DAY_S);
    zg_client *k = s.worker->client;
    assert_true(zg_client_message_at(k, &s.his, 0, &m));
    for (size_t i = 0; i < 2; i++) {
        k->state = states[i];
        assert_false(zg_client_message_at(k, &s.his, 0, &m));
        assert_int_equal(zg_client_message(k, &s.his, &m.id, &m), ZG_ERR_NOT_FOUND);
        assert_false(zg_client_conversation_at(k, 0, &c));
        assert_int_equal(zg_client_conversation(k, &s.his, &c), ZG_ERR_NOT_FOUND);
    }
    k->state = CLIENT_READY;
    close_scene(&s);
}

/* 7. The device sleeps, and its monotonic clock goes on: gone with the first call after it. */
static void clock_7_what_expired_in_sleep_is_gone_on_waking(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "siete", DAY_S);
    read_it(s.worker, &s.his, "siete");
    s.town->now.mono_ms += 2 * (uint64_t)DAY;
    s.town->now.utc_ms += 2 * (uint64_t)DAY;
    zg_client_advance(s.worker->client, person_now(s.worker));
    assert_false(shows(s.worker, &s.his, "siete", NULL));
    close_scene(&s);
}

/* 8. The monotonic clock stands still in sleep: gone as soon as the relay is reached again. */
static void clock_8_with_a_clock_that_stands_still_the_relay_tells(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "ocho", DAY_S);
    read_it(s.worker, &s.his, "ocho");
    s.town->now.utc_ms += 2 * (uint64_t)DAY;
    person_break(s.worker);
    pass(s.town, MINUTE);
    assert_false(shows(s.worker, &s.his, "ocho", NULL));
    close_scene(&s);
}

static void put_right_later(bool with_relay)
{
    struct scene s;
    open_scene(&s);
    person_stop(s.her);
    s.her->clock_ms = 10 * DAY;
    s.her->cut = true;
    person_start(s.her);
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "nueve", 5, NULL, &s.hers,
                                     person_now(s.her)),
                     ZG_OK);
    pass(s.town, 2 * HOUR);
    s.her->clock_ms = 0;
    s.her->cut = !with_relay;
    pass(s.town, 21 * HOUR);
    assert_true(shows(s.her, &s.hers, "nueve", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.her, &s.hers, "nueve", NULL));
    close_scene(&s);
}

/* 9. A clock that was ten days ahead is put right: what runs goes on with what was left of it. */
static void clock_9_put_right_after_being_ahead(void **state)
{
    (void)state;
    put_right_later(false);
    put_right_later(true);
}

static void ahead_since_the_start(bool ends_between)
{
    struct scene s;
    open_scene(&s);
    person_stop(s.her);
    s.her->clock_ms = 5 * HOUR;
    s.her->cut = true;
    person_start(s.her);
    assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "nueve", 5, NULL, &s.hers,
                                     person_now(s.her)),
                     ZG_OK);
    pass(s.town, 10 * HOUR); /* longer than the clock is ahead */
    if (ends_between) {
        person_stop(s.her);
        person_start(s.her);
    }
    s.her->cut = false;
    pass(s.town, 13 * HOUR);
    assert_true(shows(s.her, &s.hers, "nueve", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.her, &s.hers, "nueve", NULL));
    close_scene(&s);
}

/* 9a. What was sent hours ago, by a clock that was ahead since the start, is not given these hours again. */
static void clock_9a_all_of_a_run_moves_when_the_clocks_agree(void **state)
{
    (void)state;
    ahead_since_the_start(false);
}

/* 9b. Nor in the next run, if it is the first that ever reaches the relay. */
static void clock_9b_and_all_of_the_runs_before_if_they_never_did(void **state)
{
    (void)state;
    ahead_since_the_start(true);
}

/* 9c. The clocks agreed once; in this run there is no relay for longer than the own clock is ahead. */
static void clock_9c_all_of_a_run_moves_when_a_relay_is_reached(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "nueve", 5 * DAY_S);
    person_stop(s.worker);
    s.worker->clock_ms = 2 * DAY;
    s.worker->cut = true;
    person_start(s.worker);
    read_it(s.worker, &s.his, "nueve");
    pass(s.town, 3 * DAY);
    s.worker->cut = false;
    pass(s.town, 2 * DAY - HOUR);
    assert_true(shows(s.worker, &s.his, "nueve", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "nueve", NULL));
    close_scene(&s);
}

/* 9d. The own clock was right when it was read, and jumped ahead before the relay was reached. */
static void clock_9d_what_a_right_clock_counted_does_not_move(void **state)
{
    (void)state;
    for (int64_t days = 2; days <= 4; days += 2) {
        struct scene s;
        open_with(&s, "nueve", 5 * DAY_S);
        person_stop(s.worker);
        s.worker->cut = true;
        person_start(s.worker);
        read_it(s.worker, &s.his, "nueve");
        pass(s.town, HOUR);
        s.worker->clock_ms = days * DAY;
        pass(s.town, HOUR);
        s.worker->cut = false;
        pass(s.town, 5 * DAY - 3 * HOUR);
        assert_true(shows(s.worker, &s.his, "nueve", NULL));
        pass(s.town, 2 * HOUR);
        assert_false(shows(s.worker, &s.his, "nueve", NULL));
        close_scene(&s);
    }
}

/* 10. The same, with the end of the program between. */
static void put_right_between_two_runs(int64_t first_run_ms)
{
    struct scene s;
    open_with(&s, "diez", DAY_S);
    person_stop(s.worker);
    s.worker->clock_ms = 10 * DAY;
    s.worker->cut = true;
    person_start(s.worker);
    read_it(s.worker, &s.his, "diez");
    pass(s.town, first_run_ms);
    person_stop(s.worker);
    s.worker->clock_ms = 0;
    s.worker->cut = false;
    person_start(s.worker);
    pass(s.town, 23 * HOUR - first_run_ms);
    assert_true(shows(s.worker, &s.his, "diez", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "diez", NULL));
    close_scene(&s);
}

static void clock_10_put_right_between_two_runs(void **state)
{
    (void)state;
    put_right_between_two_runs(2 * HOUR);
    put_right_between_two_runs(SECOND);
}

/* 11. A clock that was behind is put right: what came meanwhile is not taken for old, and what is old goes. */
static void clock_11_put_right_after_being_behind(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "once", 3 * DAY_S);
    read_it(s.worker, &s.his, "once");
    person_stop(s.worker);
    pass(s.town, 5 * DAY);
    s.worker->clock_ms = -3 * DAY;
    person_start(s.worker);
    pass(s.town, MINUTE);
    must_send(s.her, &s.hers, "reciente", DAY_S, ZG_AFTER_READ);
    pass(s.town, MINUTE);
    assert_true(shows(s.worker, &s.his, "once", NULL)); /* nobody knows better yet */
    read_it(s.worker, &s.his, "reciente");
    pass(s.town, HOUR);
    s.worker->clock_ms = 0;
    pass(s.town, HOUR);
    assert_true(shows(s.worker, &s.his, "reciente", NULL));
    assert_false(shows(s.worker, &s.his, "once", NULL));
    pass(s.town, 21 * HOUR);
    assert_true(shows(s.worker, &s.his, "reciente", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "reciente", NULL));
    close_scene(&s);
}

/* 12. A clock five minutes ahead, and many short runs: nothing is worn away. */
static void clock_12_many_runs_of_a_clock_a_little_ahead(void **state)
{
    (void)state;
    struct scene s;
    open_with(&s, "doce", DAY_S);
    read_it(s.worker, &s.his, "doce");
    s.worker->clock_ms = 5 * MINUTE;
    for (int i = 0; i < 40; i++) {
        person_stop(s.worker);
        pass(s.town, 30 * MINUTE);
        person_start(s.worker);
        pass(s.town, MINUTE);
    }
    pass(s.town, 2 * HOUR);
    assert_true(shows(s.worker, &s.his, "doce", NULL));
    pass(s.town, 2 * HOUR);
    assert_false(shows(s.worker, &s.his, "doce", NULL));
    close_scene(&s);
}

/* 13. What a clock counted that was further ahead than the one that is put right starts now. */
static void clock_13_nothing_is_left_in_the_future(void **state)
{
    (void)state;
    static const struct {
        uint64_t at;
        struct shift shift;
        uint64_t then;
    } cases[] = {{100, {100, 100, -50}, 100}, {120, {100, 100, -50}, 70},  {170, {100, 100, -50}, 100},
                 {120, {100, 100, -130}, 100}, {0, {0, 0, 50}, 0},         {99, {99, 99, 50}, 99},
                 {100, {99, 99, 50}, 150},     {90, {80, 100, -50}, 40},   {80, {80, 100, -50}, 80},
                 {170, {80, 100, -50}, 100}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t at = cases[i].at;
        assert_int_equal(time_shift(&at, &cases[i].shift), cases[i].at > cases[i].shift.above_ms);
        assert_int_equal(at, cases[i].then);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(she_shortens_what_is_there_and_what_comes),
        cmocka_unit_test(a_limit_takes_nothing_away_unread_and_lengthens_nothing),
        cmocka_unit_test(a_limit_survives_the_program_and_holds_for_what_is_written),
        cmocka_unit_test(nobody_sets_a_limit_above_a_month_or_for_nobody),
        cmocka_unit_test(nobody_goes_above_the_relays_ceiling),
        cmocka_unit_test(what_was_written_without_network_does_not_stay_above_the_ceiling_either),
        cmocka_unit_test(a_knock_keeps_to_the_ceiling),
        cmocka_unit_test(a_knock_whose_time_is_over_is_not_sent_any_more),
        cmocka_unit_test(clock_1_forward_erases_nothing),
        cmocka_unit_test(clock_2_back_revives_and_lengthens_nothing),
        cmocka_unit_test(clock_3_a_relay_from_2099_erases_nothing),
        cmocka_unit_test(clock_4_when_both_disagree_time_goes_by_as_it_does),
        cmocka_unit_test(clock_5_off_for_days_is_purged_before_it_is_shown),
        cmocka_unit_test(clock_6_what_is_not_purged_yet_is_not_shown),
        cmocka_unit_test(clock_7_what_expired_in_sleep_is_gone_on_waking),
        cmocka_unit_test(clock_8_with_a_clock_that_stands_still_the_relay_tells),
        cmocka_unit_test(clock_9_put_right_after_being_ahead),
        cmocka_unit_test(clock_9a_all_of_a_run_moves_when_the_clocks_agree),
        cmocka_unit_test(clock_9b_and_all_of_the_runs_before_if_they_never_did),
        cmocka_unit_test(clock_9c_all_of_a_run_moves_when_a_relay_is_reached),
        cmocka_unit_test(clock_9d_what_a_right_clock_counted_does_not_move),
        cmocka_unit_test(clock_10_put_right_between_two_runs),
        cmocka_unit_test(clock_11_put_right_after_being_behind),
        cmocka_unit_test(clock_12_many_runs_of_a_clock_a_little_ahead),
        cmocka_unit_test(clock_13_nothing_is_left_in_the_future),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client, lifetimes", tests, NULL, NULL);
}
