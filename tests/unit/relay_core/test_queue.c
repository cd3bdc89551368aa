/* QUEUE_CREATE, QUEUE_UPDATE, QUEUE_DELETE: docs/protocol.md section 1.1. */
#include "tests/unit/relay_core/scene.h"

static void a_voucher_is_spent_once(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t voucher[32], desk[32], nothing[32] = {0};
    thing_from(&a, 1);
    thing_from(&b, 2);
    give_voucher(s, VOUCHER_CONVERSATION, 1, voucher);
    give_voucher(s, VOUCHER_DESK, 2, desk);
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, nothing), STATUS_REFUSED);
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, desk), STATUS_REFUSED);
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, voucher), STATUS_OK);
    hear_reply(p, say_create(s, p, &b, QUEUE_CONVERSATION, voucher), STATUS_REFUSED);
    /* All names are there: ok again, whatever the voucher. */
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, voucher), STATUS_OK);
    /* As another kind it is not the same queue. */
    hear_reply(p, say_create(s, p, &a, QUEUE_DESK, desk), STATUS_REFUSED);
    hear_reply(p, say_create(s, p, &b, QUEUE_DESK, desk), STATUS_OK);
}

static void names_must_be_new_and_different(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t voucher[32];
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    give_voucher(s, VOUCHER_CONVERSATION, 2, voucher);
    thing_from(&b, 2);
    b.names.own = a.own_name.b;
    hear_reply(p, say_create(s, p, &b, QUEUE_CONVERSATION, voucher), STATUS_REFUSED);
    thing_from(&b, 2);
    b.names.end = b.own_name.b;
    hear_reply(p, say_create(s, p, &b, QUEUE_CONVERSATION, voucher), STATUS_REFUSED);
    thing_from(&b, 2);
    hear_reply(p, say_create(s, p, &b, QUEUE_CONVERSATION, voucher), STATUS_OK);
}

static void a_conversation_has_one_take(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t voucher[32];
    give_voucher(s, VOUCHER_CONVERSATION, 1, voucher);
    thing_from(&a, 1);
    thing_from(&b, 2);
    a.names.takes = 2;
    a.names.take[1] = b.take_name.b;
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, voucher), STATUS_REFUSED);
    a.names.takes = 1;
    hear_reply(p, say_create(s, p, &a, QUEUE_CONVERSATION, voucher), STATUS_OK);
    a.names.takes = 2;
    hear_reply(p, say_update(s, p, a.own, &a.names), STATUS_REFUSED);
}

static void an_update_cuts_off_and_what_was_unread_stays(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t sub[8], again[8];
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    thing_from(&b, 2);
    subscribe(s, &s->peers[1], a.take, 16, sub);
    uint32_t sent = say_send(s, p, a.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
    scene_settle(s);
    hear_reply(p, sent, STATUS_OK);
    hear_reply(p, say_update(s, p, a.own, &b.names), STATUS_OK);
    hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
    /* The old names are nothing any more, also the one that was in memory. */
    sent = say_send(s, p, a.put, 2, 'b');
    scene_settle(s);
    hear_reply(p, sent, STATUS_REFUSED);
    hear_forgotten(s, p, say_delete(s, p, DELETE_END, a.end), STATUS_REFUSED);
    subscribe(s, &s->peers[2], b.take, 16, again);
    hear_delivery(&s->peers[2], again, 'a');
    sent = say_send(s, p, b.put, 3, 'c');
    hear_delivery(&s->peers[2], again, 'c');
    scene_settle(s);
    hear_reply(p, sent, STATUS_OK);
}

static void a_repeated_update_is_ok_again(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b, c;
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    make_queue(s, &c, 3, QUEUE_CONVERSATION);
    thing_from(&b, 2);
    hear_reply(p, say_update(s, p, a.own, &b.names), STATUS_OK);
    hear_reply(p, say_update(s, p, a.own, &b.names), STATUS_OK);
    hear_reply(p, say_update(s, p, b.own, &b.names), STATUS_OK);
    /* Not all of the names. */
    struct queue_names other = b.names;
    other.put = a.put_name.b;
    hear_reply(p, say_update(s, p, a.own, &other), STATUS_REFUSED);
    /* Those of another queue. */
    hear_reply(p, say_update(s, p, b.own, &c.names), STATUS_REFUSED);
    hear_reply(p, say_update(s, p, b.put, &b.names), STATUS_OK); /* names only: nothing happens */
    hear_reply(p, say_update(s, p, b.put, &other), STATUS_REFUSED);
}

static void a_second_put_lasts_until_the_next_update(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t sub[8];
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    thing_from(&b, 2);
    subscribe(s, &s->peers[1], a.take, 16, sub);
    struct queue_names both = a.names;
    both.put = b.put_name.b;
    both.put2 = a.put_name.b;
    hear_reply(p, say_update(s, p, a.own, &both), STATUS_OK);
    say_send(s, p, a.put, 1, 'a');
    say_send(s, p, b.put, 2, 'b');
    hear_delivery(&s->peers[1], sub, 'a'); /* the reader stays */
    hear_delivery(&s->peers[1], sub, 'b');
    both.put2 = NULL;
    uint32_t seq = say_update(s, p, a.own, &both);
    hear_reply(p, seq, STATUS_OK);
    scene_settle(s);
    struct heard *h;
    while ((h = peer_take(p)) != NULL)
        free(h);
    seq = say_send(s, p, a.put, 3, 'c');
    scene_settle(s);
    hear_reply(p, seq, STATUS_REFUSED);
}

static void delete_by_own_or_end_takes_everything(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    for (uint32_t n = 0; n < 2; n++) {
        struct thing q;
        uint8_t sub[8];
        make_queue(s, &q, 10 + n, QUEUE_CONVERSATION);
        uint32_t sent = say_send(s, p, q.put, 100 + n, 'a');
        scene_settle(s);
        hear_reply(p, sent, STATUS_OK);
        subscribe(s, &s->peers[1], q.take, 1, sub);
        hear_delivery(&s->peers[1], sub, 'a');
        assert_int_equal(scene_rows(s), 1);
        hear_forgotten(s, p, say_delete(s, p, n == 0 ? DELETE_OWN : DELETE_END, q.put), STATUS_REFUSED);
        hear_forgotten(s, p, say_delete(s, p, n == 0 ? DELETE_END : DELETE_OWN, n == 0 ? q.own : q.end),
                       STATUS_REFUSED);
        hear_forgotten(s, p, say_delete(s, p, n == 0 ? DELETE_OWN : DELETE_END, n == 0 ? q.own : q.end),
                       STATUS_OK);
        hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
        assert_int_equal(scene_rows(s), 0);
        hear_forgotten(s, p, say_delete(s, p, n == 0 ? DELETE_OWN : DELETE_END, n == 0 ? q.own : q.end),
                       STATUS_REFUSED);
        sent = say_send(s, p, q.put, 200 + n, 'a');
        scene_settle(s);
        hear_reply(p, sent, STATUS_REFUSED);
        assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    }
}

/* Delivered or not, acknowledged or not: the sender is answered alike. */
static void a_queue_deleted_while_sends_are_pending(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing a, b;
    uint8_t sub[8];
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    make_queue(s, &b, 2, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], a.take, 2, sub);
    scene_tick(s);
    uint32_t acked = say_send(s, p, a.put, 1, 'a');
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    uint32_t flight = say_send(s, p, a.put, 2, 'b');
    uint32_t more = say_send(s, p, a.put, 3, 'c');
    uint32_t waiting = say_send(s, p, a.put, 4, 'd');
    uint32_t other = say_send(s, p, b.put, 5, 'e');
    uint32_t gone = say_delete(s, p, DELETE_OWN, a.own);
    uint32_t after = say_send(s, p, a.put, 6, 'f');
    scene_pass(s, 1000);
    hear_reply(p, acked, STATUS_OK);
    hear_reply(p, flight, STATUS_OK);
    hear_reply(p, more, STATUS_OK);
    hear_reply(p, waiting, STATUS_OK);
    hear_reply(p, other, STATUS_OK);
    hear_reply(p, after, STATUS_REFUSED);
    hear_reply(p, gone, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
    /* And with the commit of the messages already under way. */
    scene_tick(s);
    uint32_t seq = say_send(s, p, b.put, 7, 'g');
    s->hold = true;
    scene_pass(s, 2 * SETTLE_MS - 1);
    uint32_t del = say_delete(s, p, DELETE_OWN, b.own);
    s->hold = false;
    scene_turn(s);
    scene_pass(s, 1000);
    hear_reply(p, seq, STATUS_OK);
    hear_reply(p, del, STATUS_OK);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void a_queue_deleted_while_it_is_loaded(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    struct command c = {.op = OP_SUBSCRIBE};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 100; i++)
        say_send(s, &s->peers[2], q.put, i, 'a');
    scene_settle(s);
    s->hold = true;
    c.u.subscribe.take = q.take;
    c.u.subscribe.window = 8;
    peer_send(&s->peers[1], &c, s->now);
    uint32_t del = say_delete(s, p, DELETE_OWN, q.own);
    while (s->store.waiting > 0) {
        test_store_step(&s->store);
        relay_flush(s->relay);
    }
    s->hold = false;
    scene_pass(s, 1000);
    hear_reply(p, del, STATUS_OK);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    assert_int_equal(scene_stats(s).subscriptions, 0);
    assert_int_equal(scene_stats(s).queues_loaded, 0);
}

static void changes_gather_while_one_is_under_way(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    uint8_t voucher[8][32];
    uint32_t seq[8];
    struct thing q[8];
    uint32_t before = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    for (uint32_t i = 0; i < 8; i++) {
        give_voucher(s, VOUCHER_CONVERSATION, i, voucher[i]);
        thing_from(&q[i], i);
        seq[i] = say_create(s, p, &q[i], QUEUE_CONVERSATION, voucher[i]);
    }
    assert_int_equal(s->store.waiting, 1);
    s->hold = false;
    scene_turn(s);
    for (uint32_t i = 0; i < 8; i++)
        hear_reply(p, seq[i], STATUS_OK);
    assert_int_equal(s->store.jobs[JOB_COMMIT], before + 2);
}

/* Strangers ask for names that are not there, while the disk does not answer. */
static void too_much_that_waits_for_the_store_is_busy(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    uint8_t nothing[32] = {0};
    uint32_t seq[10], busy = 0, refused = 0;
    s->limits.waiting_bytes = 10000;
    s->limits.changes_a_commit = 2;
    scene_restart(s);
    s->hold = true;
    for (uint32_t i = 0; i < 10; i++) {
        nothing[0] = (uint8_t)i;
        seq[i] = say_delete(s, p, DELETE_OWN, nothing);
    }
    s->hold = false;
    scene_pass(s, 1000);
    for (struct heard *h; (h = peer_take(p)) != NULL; free(h)) {
        busy += h->c.u.reply.status == STATUS_BUSY;
        refused += h->c.u.reply.status == STATUS_REFUSED;
    }
    assert_int_equal(busy + refused, 10);
    assert_in_range(refused, 2, 5);
    /* And changes, in commits of two. */
    uint8_t voucher[32];
    struct thing q[4];
    uint32_t commits = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    for (uint32_t i = 0; i < 4; i++) {
        give_voucher(s, VOUCHER_CONVERSATION, i, voucher);
        thing_from(&q[i], i);
        seq[i] = say_create(s, p, &q[i], QUEUE_CONVERSATION, voucher);
    }
    s->hold = false;
    scene_turn(s);
    for (uint32_t i = 0; i < 4; i++)
        hear_reply(p, seq[i], STATUS_OK);
    assert_int_equal(s->store.jobs[JOB_COMMIT], commits + 3);
}

static void a_failed_change_is_busy_and_changes_nothing(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    uint8_t voucher[32], sub[8];
    give_voucher(s, VOUCHER_CONVERSATION, 1, voucher);
    thing_from(&q, 1);
    s->store.fail[JOB_COMMIT] = 1;
    assert_int_equal(hear_reply(p, say_create(s, p, &q, QUEUE_CONVERSATION, voucher), STATUS_BUSY), 5);
    hear_reply(p, say_create(s, p, &q, QUEUE_CONVERSATION, voucher), STATUS_OK);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    s->store.fail[JOB_COMMIT] = 1;
    hear_reply(p, say_delete(s, p, DELETE_OWN, q.own), STATUS_BUSY);
    s->store.fail[JOB_FIND] = 1;
    hear_reply(p, say_delete(s, p, DELETE_OWN, q.own), STATUS_BUSY);
    hear_nothing(&s->peers[1]);
    hear_forgotten(s, p, say_delete(s, p, DELETE_OWN, q.own), STATUS_OK);
    hear_ended(&s->peers[1], sub, ENDED_NOT_SERVED);
}

static void a_session_that_ends_leaves_nothing_behind(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t voucher[32];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    give_voucher(s, VOUCHER_CONVERSATION, 2, voucher);
    s->hold = true;
    say_send(s, &s->peers[1], q.put, 1, 'a');                     /* waits for its name */
    say_create(s, &s->peers[1], &q, QUEUE_CONVERSATION, voucher); /* waits for its commit */
    struct command get = {.op = OP_SLOT_GET, .u.slot_get = {q.take}};
    peer_send(&s->peers[1], &get, s->now);
    s->hold = false;
    peer_hang_up(&s->peers[1]);
    scene_settle(s);
    uint32_t seq = say_send(s, &s->peers[2], q.put, 2, 'b');
    peer_hang_up(&s->peers[2]); /* waits for its tick */
    scene_settle(s);
    assert_true(seq > 0);
    assert_int_equal(scene_rows(s), 1); /* what came is settled, what waited for its name was not yet there */
    assert_int_equal(scene_stats(s).connections, SCENE_PEERS - 2);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(a_voucher_is_spent_once),
    SCENE_TEST(names_must_be_new_and_different),
    SCENE_TEST(a_conversation_has_one_take),
    SCENE_TEST(an_update_cuts_off_and_what_was_unread_stays),
    SCENE_TEST(a_repeated_update_is_ok_again),
    SCENE_TEST(a_second_put_lasts_until_the_next_update),
    SCENE_TEST(delete_by_own_or_end_takes_everything),
    SCENE_TEST(a_queue_deleted_while_sends_are_pending),
    SCENE_TEST(a_queue_deleted_while_it_is_loaded),
    SCENE_TEST(changes_gather_while_one_is_under_way),
    SCENE_TEST(too_much_that_waits_for_the_store_is_busy),
    SCENE_TEST(a_failed_change_is_busy_and_changes_nothing),
    SCENE_TEST(a_session_that_ends_leaves_nothing_behind),
};

RUN_TESTS
