/*
 * Two people who write while everything around them breaks: every message arrives exactly once and in order, and nothing is
 * acknowledged or sent that a crash could take back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

#define MONTH_S (30 * 86400)

struct trouble {
    uint32_t cuts;      /* one piece in so many breaks its connection */
    uint32_t restarts;  /* one turn in so many restarts one of the two */
    uint32_t kills;     /* the same for the relay */
    uint32_t vault;     /* every n-th batch of each vault fails */
    uint32_t store;     /* every n-th job of the relay's store fails */
    unsigned each;      /* messages of each */
    uint64_t seed;
};

static void number(char *out, size_t cap, unsigned i, uint64_t seed)
{
    /* Some take several envelopes. */
    size_t long_ones = (i * 7 + seed) % 40 == 0 ? 4000 : 0;
    int n = snprintf(out, cap, "%u ", i);
    memset(out + n, 'x', long_ones);
    out[(size_t)n + long_ones] = '\0';
}

static void write_some(struct trouble *t, struct scene *s, struct person *p, const zg_id *id, unsigned *sent)
{
    char text[5000];
    zg_send_options o = {sizeof(o), MONTH_S, ZG_AFTER_SENT};
    for (uint32_t n = rng_below(&s->town->rng, 8); n > 0 && *sent < t->each; n--) {
        number(text, sizeof(text), *sent, t->seed);
        zg_err err = zg_client_send(p->client, id, text, strlen(text), &o, NULL, person_now(p));
        if (err != ZG_OK)
            fail_msg("send: %s", zg_err_name(err));
        (*sent)++;
    }
    person_turn(p);
}

/* What p has received, beside what the meeting said: 0, 1, 2, ... with nothing missing. */
static unsigned check_received(const struct trouble *t, const struct person *p, const zg_id *id)
{
    char text[5000];
    unsigned next = 0;
    zg_message m;
    for (size_t i = 0; zg_client_message_at(p->client, id, i, &m); i++) {
        if (m.own || m.text[0] < '0' || m.text[0] > '9')
            continue;
        number(text, sizeof(text), next, t->seed);
        if (strcmp(m.text, text) != 0)
            fail_msg("seed %llu: %.10s instead of %.10s", (unsigned long long)t->seed, m.text, text);
        next++;
    }
    return next;
}

static void check_own(const struct person *p, const zg_id *id, unsigned expected)
{
    unsigned own = 0;
    zg_message m;
    for (size_t i = 0; zg_client_message_at(p->client, id, i, &m); i++) {
        if (!m.own || m.text[0] < '0' || m.text[0] > '9')
            continue;
        assert_int_equal(m.state, ZG_MESSAGE_SENT);
        own++;
    }
    assert_int_equal(own, expected);
}

static unsigned count(const struct person *p, const zg_id *id, bool own)
{
    unsigned n = 0;
    zg_message m;
    for (size_t i = 0; zg_client_message_at(p->client, id, i, &m); i++)
        n += m.own == own && m.text[0] >= '0' && m.text[0] <= '9';
    return n;
}

static void make_trouble(struct trouble *t, struct scene *s)
{
    struct rng *rng = &s->town->rng;
    if (t->restarts != 0 && rng_below(rng, t->restarts) == 0) {
        struct person *p = rng_below(rng, 2) == 0 ? s->her : s->worker;
        person_stop(p);
        if (rng_below(rng, 2) == 0)
            town_run(s->town, rng_below(rng, 5 * MINUTE));
        person_start(p);
        assert_true(p->events[ZG_EVENT_FAILED] == 0);
    }
    if (t->kills != 0 && rng_below(rng, t->kills) == 0) {
        town_relay_stop(s->town);
        town_run(s->town, rng_below(rng, MINUTE));
        town_relay_start(s->town);
    }
}

static void live_through(struct trouble *t)
{
    struct scene s;
    unsigned hers = 0, his = 0;
    open_meeting(&s);
    s.town->limits.sends_of_queue_a_day = 100000;
    town_relay_stop(s.town);
    town_relay_start(s.town);
    s.town->rng = rng_seeded(&s.town->seed, t->seed);
    s.town->cut_one_in = t->cuts;
    shelf_fail(s.her->shelf, t->vault);
    shelf_fail(s.worker->shelf, t->vault);
    town_fail_store(s.town, t->store);
    while (hers < t->each || his < t->each) {
        if (rng_below(&s.town->rng, 2) == 0)
            write_some(t, &s, s.her, &s.hers, &hers);
        else
            write_some(t, &s, s.worker, &s.his, &his);
        make_trouble(t, &s);
        /* What a vault did not store before the program ended was never sent: it is written again. */
        hers = count(s.her, &s.hers, true);
        his = count(s.worker, &s.his, true);
        town_run(s.town, rng_below(&s.town->rng, 600));
    }
    s.town->cut_one_in = 0;
    town_fail_store(s.town, 0);
    shelf_fail(s.her->shelf, 0);
    shelf_fail(s.worker->shelf, 0);
    for (int i = 0; i < 60 && count(s.her, &s.hers, false) + count(s.worker, &s.his, false) < 2 * t->each; i++)
        town_run(s.town, MINUTE);
    town_run(s.town, 10 * MINUTE);
    assert_int_equal(check_received(t, s.her, &s.hers), t->each);
    assert_int_equal(check_received(t, s.worker, &s.his), t->each);
    check_own(s.her, &s.hers, t->each);
    check_own(s.worker, &s.his, t->each);
    assert_int_equal(s.her->events[ZG_EVENT_RELAY_WENT_BACK] + s.worker->events[ZG_EVENT_RELAY_WENT_BACK], 0);
    assert_int_equal(town_counts(s.town).messages, 0);
    assert_int_equal(shelf_count_of(s.her->shelf, 5) + shelf_count_of(s.her->shelf, 6), 0);
    assert_int_equal(shelf_count_of(s.worker->shelf, 5) + shelf_count_of(s.worker->shelf, 6), 0);
    close_scene(&s);
}

/* ZG_CHAOS multiplies how many seeds are tried. */
static uint64_t seeds(uint64_t usual)
{
    const char *more = getenv("ZG_CHAOS");
    return more == NULL ? usual : usual * strtoull(more, NULL, 10);
}

static void connections_that_break(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(3); seed++)
        live_through(&(struct trouble){.cuts = 15, .each = 100, .seed = seed});
}

static void programs_that_crash(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(3); seed++)
        live_through(&(struct trouble){.restarts = 4, .each = 100, .seed = seed});
}

static void vaults_that_fail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(2); seed++)
        for (uint32_t every = 2; every <= 5; every++)
            live_through(&(struct trouble){.vault = every, .each = 40, .seed = seed});
}

static void a_relay_that_is_killed(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(3); seed++)
        live_through(&(struct trouble){.kills = 6, .each = 100, .seed = seed});
}

static void a_relay_whose_disk_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(3); seed++)
        live_through(&(struct trouble){.store = 5, .restarts = 10, .each = 60, .seed = seed});
}

static void everything_at_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(4); seed++)
        live_through(&(struct trouble){
            .cuts = 40, .restarts = 12, .kills = 15, .vault = 7, .each = 100, .seed = seed});
}

static void ten_thousand_messages_over_connections_that_break(void **state)
{
    (void)state;
    live_through(&(struct trouble){.cuts = 60, .each = 5000, .seed = 99});
}

/* Nothing goes out before it is safe: while the vault does not answer, the relay hears nothing. */
static void what_is_not_stored_is_neither_sent_nor_acknowledged(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    shelf_hold(s.her->shelf, true);
    must_send(s.her, &s.hers, "espera", MONTH_S, ZG_AFTER_SENT);
    town_run(s.town, 10 * MINUTE);
    assert_int_equal(s.worker->events[ZG_EVENT_MESSAGE], 1);
    must_send(s.worker, &s.his, "recibe", MONTH_S, ZG_AFTER_SENT);
    town_run(s.town, 10 * MINUTE);
    assert_string_equal(last_heard(s.her), "recibe");
    assert_int_equal(town_counts(s.town).messages, 1); /* she has it, but did not acknowledge */
    person_stop(s.her);
    shelf_hold(s.her->shelf, false);
    person_start(s.her);
    town_run(s.town, 10 * MINUTE);
    assert_int_equal(town_counts(s.town).messages, 0);
    assert_string_equal(last_heard(s.her), "recibe");
    /* The message that was never stored is gone with the program. */
    assert_int_equal(s.worker->events[ZG_EVENT_MESSAGE], 1);
    close_scene(&s);
}

static void a_vault_that_fails_is_said_once_until_it_works_again(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    shelf_fail(s.her->shelf, 1);
    must_send(s.her, &s.hers, "espera", MONTH_S, ZG_AFTER_SENT);
    town_run(s.town, 10 * MINUTE);
    assert_int_equal(s.her->events[ZG_EVENT_STORAGE], 1);
    assert_int_equal(s.her->last[ZG_EVENT_STORAGE].err, ZG_ERR_STORAGE);
    assert_int_equal(s.worker->events[ZG_EVENT_MESSAGE], 1);
    shelf_fail(s.her->shelf, 0);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_MESSAGE, 2, 2 * MINUTE));
    close_scene(&s);
}

/* What a vault stored although it said that it failed must go, too: alone it would be damage when the vault is opened again. */
static void what_was_stored_in_spite_of_a_failure_is_erased(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    shelf_fail_late(s.her->shelf, true);
    must_send(s.her, &s.hers, "secreto", MONTH_S, ZG_AFTER_SENT);
    assert_true(shelf_holds(s.her->shelf, "secreto", 7));
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    shelf_fail_late(s.her->shelf, false);
    assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, 2 * MINUTE));
    assert_false(shelf_holds(s.her->shelf, "secreto", 7));
    assert_int_equal(shelf_count(s.her->shelf), 1);
    unsigned ready = s.her->events[ZG_EVENT_READY];
    person_stop(s.her);
    person_start(s.her);
    assert_int_equal(s.her->events[ZG_EVENT_READY], ready + 1);
    close_scene(&s);
}

/* The outbox keeps handle and envelope: what was under way when the program ended arrives once. */
static void what_was_under_way_survives_the_program(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    s.worker->cut = true;
    person_break(s.worker);
    for (int i = 0; i < 5; i++)
        must_send(s.worker, &s.his, "sin red", MONTH_S, ZG_AFTER_SENT);
    char *text = make_text(9000);
    must_send(s.worker, &s.his, text, MONTH_S, ZG_AFTER_SENT);
    person_stop(s.worker);
    assert_int_equal(shelf_count_of(s.worker->shelf, 6), 5 + 8);
    person_start(s.worker);
    s.worker->cut = false;
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 1 + 6, 10 * MINUTE));
    assert_string_equal(last_heard(s.her), text);
    town_run(s.town, MINUTE);
    assert_int_equal(shelf_count_of(s.worker->shelf, 6), 0);
    free(text);
    close_scene(&s);
}

/* A crash after every single batch of a whole first conversation: it goes on each time. */
static void a_crash_at_any_point_of_knock_and_accept(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(12); seed++) {
        struct scene s;
        char relay[128], voucher[64];
        memset(&s, 0, sizeof(s));
        s.town = town_open(seed);
        s.worker = town_person(s.town);
        s.her = town_person(s.town);
        town_address(s.town, relay, sizeof(relay));
        town_voucher(s.town, voucher, sizeof(voucher));
        const zg_desk_options o = {.size = sizeof(o), .relay = relay, .voucher = voucher, .alias = "Amal"};
        assert_int_equal(zg_client_desk_create(s.worker->client, s.town->organisation, &o, person_now(s.worker)),
                         ZG_OK);
        person_turn(s.worker);
        zg_desk d = {0};
        while (zg_client_desk(s.worker->client, &d) == ZG_OK && !d.ready) {
            town_run(s.town, rng_below(&s.town->rng, 40));
            person_stop(s.worker);
            person_start(s.worker);
            town_run(s.town, rng_below(&s.town->rng, 100));
        }
        assert_true(d.ready);
        assert_int_equal(zg_client_card(s.worker->client, "zaguan:", s.card, sizeof(s.card)), ZG_OK);

        assert_int_equal(zg_client_knock(s.her->client, s.card, strlen(s.card), "hola", 4, NULL, &s.hers,
                                         person_now(s.her)),
                         ZG_OK);
        person_turn(s.her);
        bool answered = false, thanked = false;
        for (int i = 0; i < 4000 && last_heard(s.worker) == NULL; i++)
            town_run(s.town, 100);
        zg_conversation c;
        for (int i = 0; i < 3000; i++) {
            if (rng_below(&s.town->rng, 4) == 0) {
                struct person *p = rng_below(&s.town->rng, 2) == 0 ? s.her : s.worker;
                person_stop(p);
                person_start(p);
            }
            town_run(s.town, rng_below(&s.town->rng, 400));
            if (!answered && zg_client_conversation_at(s.worker->client, 0, &c)) {
                s.his = c.id;
                must_send(s.worker, &s.his, "0 ", MONTH_S, ZG_AFTER_SENT);
                answered = true;
            }
            if (answered && !thanked && zg_client_conversation(s.her->client, &s.hers, &c) == ZG_OK &&
                c.state == ZG_CONVERSATION_OPEN) {
                must_send(s.her, &s.hers, "0 ", MONTH_S, ZG_AFTER_SENT);
                thanked = true;
            }
            if (thanked && zg_client_conversation(s.worker->client, &s.his, &c) == ZG_OK &&
                c.safety == ZG_SAFETY_WORDS)
                break;
        }
        assert_true(thanked);
        town_run(s.town, 5 * MINUTE);
        const struct trouble t = {.seed = 1};
        assert_int_equal(check_received(&t, s.her, &s.hers), 1);
        assert_int_equal(check_received(&t, s.worker, &s.his), 1);
        assert_memory_equal(must_show(s.her, &s.hers).safety_words, must_show(s.worker, &s.his).safety_words, 4);
        assert_int_equal(town_counts(s.town).messages, 0);
        close_scene(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_that_break),
        cmocka_unit_test(programs_that_crash),
        cmocka_unit_test(vaults_that_fail),
        cmocka_unit_test(a_relay_that_is_killed),
        cmocka_unit_test(a_relay_whose_disk_fails),
        cmocka_unit_test(everything_at_once),
        cmocka_unit_test(what_is_not_stored_is_neither_sent_nor_acknowledged),
        cmocka_unit_test(a_vault_that_fails_is_said_once_until_it_works_again),
        cmocka_unit_test(what_was_stored_in_spite_of_a_failure_is_erased),
        cmocka_unit_test(what_was_under_way_survives_the_program),
        cmocka_unit_test(a_crash_at_any_point_of_knock_and_accept),
        cmocka_unit_test(ten_thousand_messages_over_connections_that_break),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client, relay and trouble", tests, NULL, NULL);
}
