/*
 * A relay that repeats, holds back and floods: what an honest relay would not do is done here by hand, with what it was
 * given to keep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* --- envelopes that were delivered once, to be delivered again --- */

static struct {
    void (*deliver)(void *owner, uint32_t id, const uint8_t *envelope);
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    unsigned count;
} tap;

static void on_tapped(void *owner, uint32_t id, const uint8_t *envelope)
{
    memcpy(tap.envelope, envelope, sizeof(tap.envelope));
    tap.count++;
    tap.deliver(owner, id, envelope);
}

static void tap_desk(struct person *worker)
{
    struct subscription *s = &worker->client->desk->subscription;
    memset(&tap, 0, sizeof(tap));
    tap.deliver = s->deliver;
    s->deliver = on_tapped;
}

static void deliver(struct person *worker, uint32_t id, const uint8_t *envelope)
{
    struct desk *d = worker->client->desk;
    tap.deliver(d, id, envelope);
    zg_client_advance(worker->client, person_now(worker));
    person_turn(worker);
}

static unsigned count_conversations(const struct person *p)
{
    zg_conversation c;
    unsigned n = 0;
    while (zg_client_conversation_at(p->client, n, &c))
        n++;
    return n;
}

/* A knock that the relay keeps, and the worker sees; its envelope is in the tap. */
static void open_tapped_knock(struct scene *s)
{
    open_scene(s);
    tap_desk(s->worker);
    knock(s);
    assert_true(town_until(s->town, s->worker, ZG_EVENT_KNOCK, 1, MINUTE));
    s->his = s->worker->last[ZG_EVENT_KNOCK].conversation;
    assert_int_equal(tap.count, 1);
}

static void assert_replay_leads_nowhere(struct scene *s)
{
    unsigned before = count_conversations(s->worker);
    deliver(s->worker, 99, tap.envelope);
    assert_int_equal(s->worker->events[ZG_EVENT_KNOCK], 1);
    assert_int_equal(count_conversations(s->worker), before);
}

static void a_knock_comes_again_and_does_not_bring_back_what_was_erased(void **state)
{
    (void)state;
    struct scene s;
    open_tapped_knock(&s);
    must_send(s.worker, &s.his, "buenos días", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 1, MINUTE));
    town_run(s.town, MINUTE); /* until the relay has said that it keeps the answer */
    assert_replay_leads_nowhere(&s);
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
    town_run(s.town, MINUTE);
    assert_int_equal(count_conversations(s.worker), 0);
    assert_replay_leads_nowhere(&s);

    /* Nor after a restart, nor a month later, whatever the worker forgets meanwhile. */
    person_stop(s.worker);
    person_start(s.worker);
    town_run(s.town, MINUTE);
    assert_replay_leads_nowhere(&s);
    town_run(s.town, UINT64_C(40) * DAY);
    assert_replay_leads_nowhere(&s);
    close_scene(&s);
}

static void a_knock_that_was_taken_back_stays_away(void **state)
{
    (void)state;
    struct scene s;
    open_tapped_knock(&s);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    assert_int_equal(count_conversations(s.worker), 0);
    assert_replay_leads_nowhere(&s);
    close_scene(&s);
}

static void a_conversation_that_ended_and_went_is_not_knocked_back(void **state)
{
    (void)state;
    struct scene s;
    open_tapped_knock(&s);
    must_send(s.worker, &s.his, "buenos días", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 1, MINUTE));
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, MINUTE));
    for (int i = 0; i < 31; i++)
        town_run(s.town, DAY);
    assert_int_equal(count_conversations(s.worker), 0);
    assert_replay_leads_nowhere(&s);
    close_scene(&s);
}

/* A knock that the relay let expire, or was held back from: it must not wait here for ever. */
static void a_knock_that_the_relay_forgot_goes_after_a_month(void **state)
{
    (void)state;
    struct scene s;
    open_tapped_knock(&s);
    person_break(s.worker);
    s.worker->cut = true;
    for (int i = 0; i < 29; i++)
        town_run(s.town, DAY);
    assert_int_equal(count_conversations(s.worker), 1);
    town_run(s.town, 2 * DAY);
    assert_int_equal(count_conversations(s.worker), 0);
    close_scene(&s);
}

/* --- floods --- */

static struct content knock_text(const struct desk *d)
{
    return (struct content){.kind = CONTENT_TEXT,
                            .parts = 1,
                            .sent_minute = (uint32_t)(client_time_ms(d->client) / 60000),
                            .lifetime_s = 86400,
                            .from = LIFETIME_FROM_READ,
                            .body = {(const uint8_t *)"x", 1}};
}

/* What somebody who has the card can make as often as she likes. */
static void make_knock(const struct desk *d, const struct content *content, const struct rng *rng,
                       uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    static struct bundle b;
    const struct desk_epoch *e = &d->keys->epochs[d->epoch_count - 1];
    uint8_t encoded[64];
    struct writer w;
    struct knock_output out;
    memset(&out, 0, sizeof(out));
    memset(&b, 0, sizeof(b));
    b.trust = d->trust;
    b.keys.epoch = e->keys.epoch;
    memcpy(b.keys.intake_pk, d->intake_pk, sizeof(b.keys.intake_pk));
    b.keys.intake_validity = e->intake;
    memcpy(b.key_part_hash, e->keys.key_part_hash, sizeof(b.key_part_hash));
    writer_init(&w, encoded, sizeof(encoded));
    assert_int_equal(content_write(content, &w), ZG_OK);
    const struct knock_input in = {
        .bundle = &b, .now_s = client_time_ms(d->client) / 1000, .content = {encoded, w.len}};
    assert_int_equal(knock_make(&out, &in, rng), ZG_OK);
    memcpy(envelope, out.envelope, WIRE_ENVELOPE_BYTES);
    knock_output_clear(&out);
}

static void a_relay_that_ignores_the_window_does_not_fill_the_memory(void **state)
{
    (void)state;
    struct scene s;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    open_scene(&s);
    tap_desk(s.worker);
    for (uint32_t i = 0; i < DESK_WAITING_MAX + 100; i++) {
        const struct content content = knock_text(s.worker->client->desk);
        make_knock(s.worker->client->desk, &content, &s.town->rng, envelope);
        deliver(s.worker, i + 1, envelope);
    }
    assert_int_equal(count_conversations(s.worker), DESK_WAITING_MAX);
    /* Whoever is put away makes room. */
    zg_conversation c;
    assert_true(zg_client_conversation_at(s.worker->client, 0, &c));
    assert_int_equal(zg_client_erase(s.worker->client, &c.id, person_now(s.worker)), ZG_OK);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ERASED, 1, MINUTE));
    deliver(s.worker, 9999, envelope);
    assert_int_equal(count_conversations(s.worker), DESK_WAITING_MAX);
    close_scene(&s);
}

/* --- knocks that are none, and what is remembered of others --- */

static void a_knock_that_is_none_is_not_shown(void **state)
{
    (void)state;
    struct scene s;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    open_scene(&s);
    tap_desk(s.worker);
    struct desk *d = s.worker->client->desk;
    struct content content = knock_text(d);
    content.parts = 2; /* it has no room for a second one */
    make_knock(d, &content, &s.town->rng, envelope);
    deliver(s.worker, 1, envelope);
    content = knock_text(d);
    content.sent_minute -= 31 * 24 * 60; /* no relay keeps one as long */
    make_knock(d, &content, &s.town->rng, envelope);
    deliver(s.worker, 2, envelope);
    content = knock_text(d);
    make_knock(d, &content, &s.town->rng, envelope);
    envelope[3] ^= 0x40; /* keys that the desk does not have */
    deliver(s.worker, 3, envelope);
    assert_int_equal(count_conversations(s.worker), 0);
    assert_int_equal(s.worker->events[ZG_EVENT_KNOCK], 0);
    envelope[3] ^= 0x40;
    deliver(s.worker, 4, envelope);
    assert_int_equal(s.worker->events[ZG_EVENT_KNOCK], 1);
    close_scene(&s);
}

static void what_was_put_away_is_forgotten_after_a_month(void **state)
{
    (void)state;
    struct scene s;
    zg_id id = {{0}};
    open_tapped_knock(&s);
    struct desk *d = s.worker->client->desk;
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_int_equal(d->dismissed_count, 1);
    town_run(s.town, UINT64_C(33) * DAY);
    desk_remember(d, &id);
    assert_int_equal(d->dismissed_count, 1);
    desk_remember(d, &id); /* it is known */
    assert_int_equal(d->dismissed_count, 1);
    /* The oldest go first. */
    for (uint32_t i = 1; i < DESK_DISMISSED_MAX + 3; i++) {
        memcpy(id.b, &i, sizeof(i));
        desk_remember(d, &id);
    }
    assert_int_equal(d->dismissed_count, DESK_DISMISSED_MAX);
    uint32_t first;
    memcpy(&first, d->dismissed[0].id.b, sizeof(first));
    assert_int_equal(first, 3);
    close_scene(&s);
}

/* WITHDRAW of what a person has seen already. */
static void a_relay_takes_nothing_back_that_was_shown(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    must_send(s.worker, &s.his, "buenas", 0, ZG_AFTER_READ);
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 2, MINUTE));
    const size_t shown = must_show(s.her, &s.hers).messages;
    struct subscription *sub = &s.her->client->conversations[0]->subscription;
    for (uint32_t id = 1; id < 10; id++)
        sub->withdraw(sub->owner, id);
    person_turn(s.her);
    assert_int_equal(must_show(s.her, &s.hers).messages, shown);
    close_scene(&s);
}

/* The first answer makes keys, a queue and entries: without memory none of them, and the knock still waits. */
static void an_answer_without_memory_leaves_the_knock_as_it_was(void **state)
{
    (void)state;
    struct scene s;
    int n = 0;
    open_knock(&s);
    zg_err err;
    do {
        heap_fail_after(n);
        err = zg_client_send(s.worker->client, &s.his, "buenas", 6, NULL, NULL, person_now(s.worker));
        heap_fail_never();
        assert_true(err == ZG_OK || err == ZG_ERR_MEMORY);
        const struct conversation *v = conversation_find(s.worker->client, &s.his);
        assert_true(err == ZG_OK || (v->state == ZG_CONVERSATION_WAITING && v->ratchet == NULL && v->entry == NULL));
    } while (err != ZG_OK && ++n < 100);
    assert_in_range(n, 3, 99);
    person_turn(s.worker);
    assert_true(town_until(s.town, s.her, ZG_EVENT_MESSAGE, 1, MINUTE));
    assert_string_equal(last_heard(s.her), "buenas");
    close_scene(&s);
}

/* --- answers that make a client turn in circles --- */

static void say_busy(struct subscription *s)
{
    struct command reply = {.op = OP_REPLY};
    reply.u.reply.status = STATUS_BUSY;
    reply.u.reply.retry_after = 5;
    subscription_stop(s);
    s->call.done(&s->call, &reply, ZG_ERR_BUSY);
}

static void a_busy_relay_that_goes_leaves_nobody_awake(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    struct person *both[] = {s.her, s.worker};
    say_busy(&s.her->client->conversations[0]->subscription);
    say_busy(&s.worker->client->desk->subscription);
    for (int i = 0; i < 2; i++) {
        both[i]->cut = true;
        person_break(both[i]);
    }
    for (int i = 0; i < 600; i++) {
        town_run(s.town, SECOND);
        for (int k = 0; k < 2; k++)
            assert_true(zg_client_deadline(both[k]->client) > s.town->now.mono_ms);
    }
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knock_comes_again_and_does_not_bring_back_what_was_erased),
        cmocka_unit_test(a_knock_that_was_taken_back_stays_away),
        cmocka_unit_test(a_conversation_that_ended_and_went_is_not_knocked_back),
        cmocka_unit_test(a_knock_that_the_relay_forgot_goes_after_a_month),
        cmocka_unit_test(a_relay_that_ignores_the_window_does_not_fill_the_memory),
        cmocka_unit_test(a_busy_relay_that_goes_leaves_nobody_awake),
        cmocka_unit_test(a_knock_that_is_none_is_not_shown),
        cmocka_unit_test(what_was_put_away_is_forgotten_after_a_month),
        cmocka_unit_test(a_relay_takes_nothing_back_that_was_shown),
        cmocka_unit_test(an_answer_without_memory_leaves_the_knock_as_it_was),
    };
    return cmocka_run_group_tests_name("client and a hostile relay", tests, NULL, NULL);
}
