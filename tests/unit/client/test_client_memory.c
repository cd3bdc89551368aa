/* Allocations that fail, one at a time, anywhere in a client: nothing is lost, shown twice, or left half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

#define MONTH_S (30 * 86400)

static void arm(struct person *p)
{
    if (rng_below(&p->town->rng, 3) == 0)
        heap_fail_after((int)rng_below(&p->town->rng, 12));
}

static void disarm(struct person *p)
{
    (void)p;
    heap_fail_never();
}

static int failing_nth;

static void arm_states(struct person *p)
{
    if (p->client == NULL || !call_waits(&p->client->unread.call) || failing_nth < 0)
        return;
    heap_fail_after(failing_nth);
    failing_nth = -1;
}

static void stubborn_send(struct person *p, const zg_id *id, const char *text)
{
    zg_send_options o = {sizeof(o), MONTH_S, ZG_AFTER_SENT};
    zg_conversation before, after;
    zg_err err;
    do {
        assert_int_equal(zg_client_conversation(p->client, id, &before), ZG_OK);
        heap_fail_after((int)rng_below(&p->town->rng, 40));
        err = zg_client_send(p->client, id, text, strlen(text), &o, NULL, person_now(p));
        heap_fail_never();
        assert_int_equal(zg_client_conversation(p->client, id, &after), ZG_OK);
        if (err != ZG_OK) {
            assert_int_equal(err, ZG_ERR_MEMORY);
            assert_int_equal(after.messages, before.messages);
            assert_int_equal(after.state, before.state);
        }
        person_turn(p);
    } while (err != ZG_OK);
}

static void check_numbers(const struct person *p, const zg_id *id, unsigned expected)
{
    zg_message m;
    unsigned next = 0;
    for (size_t i = 0; zg_client_message_at(p->client, id, i, &m); i++) {
        if (m.own || m.text[0] < '0' || m.text[0] > '9')
            continue;
        assert_int_equal(strtoul(m.text, NULL, 10), next);
        next++;
    }
    assert_int_equal(next, expected);
}

static void stubborn_knock(struct scene *s)
{
    zg_conversation c;
    zg_err err;
    do {
        heap_fail_after((int)rng_below(&s->town->rng, 30));
        err = zg_client_knock(s->her->client, s->card, strlen(s->card), "hola", 4, NULL, &s->hers,
                              person_now(s->her));
        heap_fail_never();
        if (err != ZG_OK) {
            assert_int_equal(err, ZG_ERR_MEMORY);
            assert_false(zg_client_conversation_at(s->her->client, 0, &c));
        }
        person_turn(s->her);
    } while (err != ZG_OK);
}

static void a_conversation_with_hardly_any_memory(void **state)
{
    (void)state;
    const char *more = getenv("ZG_CHAOS");
    uint64_t seeds = more == NULL ? 6 : 6 * strtoull(more, NULL, 10);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct scene s;
        enum { EACH = 25 };
        char *text = make_text(5000);
        zg_conversation c;
        open_scene(&s);
        s.town->rng = rng_seeded(&s.town->seed, seed);
        s.town->before = arm;
        s.town->after = disarm;
        stubborn_knock(&s);
        for (int i = 0; i < 100 && !zg_client_conversation_at(s.worker->client, 0, &c); i++)
            town_run(s.town, MINUTE);
        assert_true(zg_client_conversation_at(s.worker->client, 0, &c));
        s.his = c.id;
        stubborn_send(s.worker, &s.his, "sí");
        for (int i = 0; i < 100 && must_show(s.her, &s.hers).state != ZG_CONVERSATION_OPEN; i++)
            town_run(s.town, MINUTE);
        for (unsigned i = 0; i < EACH; i++) {
            char number[6000];
            snprintf(number, sizeof(number), "%u %s", i, i % 5 == 0 ? text : "");
            stubborn_send(s.her, &s.hers, number);
            stubborn_send(s.worker, &s.his, number);
            town_run(s.town, rng_below(&s.town->rng, 2000));
        }
        town_run(s.town, 120 * MINUTE);
        s.town->before = NULL;
        town_run(s.town, 10 * MINUTE);
        check_numbers(s.her, &s.hers, EACH);
        check_numbers(s.worker, &s.his, EACH);
        assert_memory_equal(must_show(s.her, &s.hers).safety_words, must_show(s.worker, &s.his).safety_words, 4);
        assert_int_equal(town_counts(s.town).messages, 0);
        assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
        person_turn(s.her);
        assert_true(town_until(s.town, s.her, ZG_EVENT_ERASED, 1, MINUTE));
        free(text);
        close_scene(&s);
    }
}

static void a_desk_is_made_with_hardly_any_memory(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct town *t = town_open(seed);
        struct person *p = town_person(t);
        char relay[128], voucher[64];
        town_address(t, relay, sizeof(relay));
        town_voucher(t, voucher, sizeof(voucher));
        const zg_desk_options o = {.size = sizeof(o), .relay = relay, .voucher = voucher, .alias = "Amal"};
        zg_err err;
        zg_desk d = {0};
        do {
            heap_fail_after((int)rng_below(&t->rng, 20));
            err = zg_client_desk_create(p->client, t->organisation, &o, person_now(p));
            heap_fail_never();
            if (err != ZG_OK) {
                assert_int_equal(err, ZG_ERR_MEMORY);
                assert_int_equal(zg_client_desk(p->client, &d), ZG_ERR_NOT_FOUND);
            }
        } while (err != ZG_OK);
        t->before = arm;
        t->after = disarm;
        person_turn(p);
        for (int i = 0; i < 100 && !d.ready; i++) {
            town_run(t, MINUTE);
            assert_int_equal(zg_client_desk(p->client, &d), ZG_OK);
        }
        assert_true(d.ready);
        town_close(t);
    }
}

/* Every single allocation of a start with a full vault. */
static void a_client_starts_or_says_why_not(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    char *text = make_text(9000);
    s.worker->cut = true;
    person_break(s.worker);
    must_send(s.worker, &s.his, text, MONTH_S, ZG_AFTER_SENT);
    person_stop(s.worker);
    bool loaded = false;
    for (int n = 0; !loaded; n++) {
        zg_client *c;
        zg_event e;
        zg_client_options o = {.size = sizeof(o), .vault = shelf_vault(s.worker->shelf)};
        heap_fail_after(n);
        zg_err err = zg_client_new(&c, &o, person_now(s.worker));
        heap_fail_never();
        if (err != ZG_OK) {
            assert_int_equal(err, ZG_ERR_MEMORY);
            continue;
        }
        while (zg_client_event(c, &e)) {
            assert_true(e.kind != ZG_EVENT_FAILED || e.err == ZG_ERR_MEMORY);
            loaded = loaded || e.kind == ZG_EVENT_READY;
        }
        zg_client_free(c);
        assert_true(n < 1000);
    }
    person_start(s.worker);
    s.worker->cut = false;
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 2, 10 * MINUTE));
    assert_string_equal(last_heard(s.her), text);
    free(text);
    close_scene(&s);
}

/* Each allocation of the call that learns it fails once; then there is memory again. */
static void what_expired_unread_is_told_with_hardly_any_memory(void **state)
{
    (void)state;
    unsigned told = 0;
    for (int nth = 0; nth < 12; nth++) {
        struct scene s;
        open_meeting(&s);
        person_stop(s.her);
        zg_id id = must_send(s.worker, &s.his, "¿estás ahí?", 86400, ZG_AFTER_SENT);
        zg_message m;
        town_run(s.town, MINUTE);
        while (s.worker->client->unread.waiting == 0) {
            s.worker->cut = true; /* it is learnt in one moment */
            person_break(s.worker);
            town_run(s.town, 60 * MINUTE);
        }
        s.worker->cut = false;
        failing_nth = nth;
        s.town->before = arm_states;
        s.town->after = disarm;
        town_run(s.town, 10 * MINUTE);
        s.town->before = NULL;
        told += s.worker->events[ZG_EVENT_EXPIRED_UNREAD] == 1;
        assert_int_equal(zg_client_message(s.worker->client, &s.his, &id, &m), ZG_OK);
        assert_int_equal(m.state, ZG_MESSAGE_EXPIRED_UNREAD);
        close_scene(&s);
    }
    assert_int_equal(told, 12);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_desk_is_made_with_hardly_any_memory),
        cmocka_unit_test(a_client_starts_or_says_why_not),
        cmocka_unit_test(what_expired_unread_is_told_with_hardly_any_memory),
        cmocka_unit_test(a_conversation_with_hardly_any_memory),
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("client without memory", tests, NULL, NULL);
}
