/* SEND, delivery, ACK, CANCEL: docs/protocol.md sections 1.1 and 3. */
#include "tests/unit/relay_core/scene.h"

static void a_message_reaches_a_connected_reader_at_once(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    assert_int_equal(hear_delivery(&s->peers[1], sub, 'a'), 1);
    hear_nothing(&s->peers[0]);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_stats(s).delivered, 1);
}

static void an_acknowledged_message_costs_no_job(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_ack(s, &s->peers[1], sub, 99);
    /* The first one teaches the relay the put name. */
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    scene_pass(s, 5000); /* the voucher is forgotten */
    uint32_t jobs = test_store_jobs(&s->store);
    for (uint32_t i = 2; i < 50; i++) {
        seq = say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
        say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, (uint8_t)i));
        scene_settle(s);
        hear_reply(&s->peers[0], seq, STATUS_OK);
    }
    assert_int_equal(test_store_jobs(&s->store), jobs);
    assert_int_equal(s->store.writes[WRITE_MESSAGE], 0);
    assert_int_equal(scene_stats(s).written, 0);
    assert_int_equal(scene_stats(s).acknowledged, 49);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

/* A turn that is longer than a tick: its reader had no chance to acknowledge before the time to write was over. */
static void what_a_long_turn_brings_is_delivered_before_it_is_written(void **state)
{
    static const uint8_t envelope[WIRE_ENVELOPE_BYTES] = {'b'}, handle[WIRE_HANDLE_BYTES] = {2};
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    scene_settle(s);
    struct command c = {.op = OP_SEND, .u.send = {.role = SEND_PUT, .secret = q.put, .ttl = WIRE_TTL_1D, .handle = handle, .envelope = envelope}};
    uint32_t seq = peer_send(&s->peers[0], &c, s->now);
    s->now.mono_ms += 2 * SETTLE_MS;
    s->now.utc_ms += 2 * SETTLE_MS;
    relay_advance(s->relay, s->now);
    relay_flush(s->relay);
    say_ack(s, &s->peers[1], sub, 2);
    assert_int_equal(s->store.writes[WRITE_MESSAGE], 0);
    assert_int_equal(scene_stats(s).acknowledged, 2);
    hear_reply(&s->peers[0], seq - 1, STATUS_OK);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

static void what_is_not_acknowledged_is_written_before_the_reply(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    scene_tick(s);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    s->hold = true;
    scene_pass(s, 5 * SETTLE_MS);
    assert_int_equal(s->store.waiting, 1);
    hear_nothing(&s->peers[0]);
    assert_int_equal(scene_stats(s).late_ticks, 1);
    s->hold = false;
    scene_turn(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

/* A queue that needs no lookup, so that only commits wait in the store. */
static void make_known_queue(struct scene *s, struct thing *q)
{
    make_queue(s, q, 1, QUEUE_CONVERSATION);
    uint32_t seq = say_send(s, &s->peers[0], q->put, 9999, 'z');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    seq = say_cancel(s, &s->peers[0], 9999);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    scene_tick(s);
}

/* Ticks whose time came while the disk was slow. */
static void ticks_that_had_to_wait_are_written_together(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint32_t seq[4];
    make_known_queue(s, &q);
    uint32_t commits = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    for (uint32_t i = 0; i < 4; i++) {
        seq[i] = say_send(s, &s->peers[i], q.put, i, (uint8_t)('a' + i));
        scene_pass(s, SETTLE_MS);
    }
    scene_pass(s, SETTLE_MS);
    assert_int_equal(s->store.waiting, 1);
    s->hold = false;
    scene_turn(s);
    for (uint32_t i = 0; i < 4; i++)
        hear_reply(&s->peers[i], seq[i], STATUS_OK);
    assert_int_equal(s->store.jobs[JOB_COMMIT] - commits, 2);
    assert_int_equal(scene_rows(s), 4);

    uint8_t sub[8];
    subscribe(s, &s->peers[0], q.take, 16, sub);
    for (uint32_t i = 0; i < 4; i++)
        hear_delivery(&s->peers[0], sub, (uint8_t)('a' + i));
}

static void ticks_that_were_written_together_fail_together(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint32_t seq[3];
    make_known_queue(s, &q);
    s->hold = true;
    for (uint32_t i = 0; i < 3; i++) {
        seq[i] = say_send(s, &s->peers[i], q.put, i, 'a');
        scene_pass(s, SETTLE_MS);
    }
    scene_pass(s, SETTLE_MS);
    assert_true(test_store_step(&s->store));
    s->store.fail[JOB_COMMIT] = 1;
    s->hold = false;
    scene_turn(s);
    hear_reply(&s->peers[0], seq[0], STATUS_OK);
    hear_reply(&s->peers[1], seq[1], STATUS_BUSY);
    hear_reply(&s->peers[2], seq[2], STATUS_BUSY);
    assert_int_equal(scene_rows(s), 1);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

/* A withdrawal and what it withdraws, in two ticks of one commit; and a handle that is sent again in the
 * next. */
static void order_holds_among_ticks_that_are_written_together(void **state)
{
    struct scene *s = *state;
    struct peer *sender = &s->peers[0];
    struct thing q;
    uint32_t seq[5];
    make_known_queue(s, &q);
    s->hold = true;
    seq[0] = say_send(s, sender, q.put, 1, 'a');
    scene_pass(s, SETTLE_MS);
    seq[1] = say_send(s, sender, q.put, 2, 'b');
    seq[2] = say_send(s, sender, q.put, 3, 'c');
    scene_pass(s, SETTLE_MS);
    seq[3] = say_cancel(s, sender, 2);
    seq[4] = say_send(s, &s->peers[1], q.put, 3, 'c');
    scene_pass(s, 3 * SETTLE_MS);
    s->hold = false;
    scene_turn(s);
    for (uint32_t i = 0; i < 4; i++)
        hear_reply(sender, seq[i], STATUS_OK);
    hear_reply(&s->peers[1], seq[4], STATUS_OK);
    assert_int_equal(scene_rows(s), 2);
    uint8_t sub[8];
    subscribe(s, &s->peers[2], q.take, 16, sub);
    hear_delivery(&s->peers[2], sub, 'a');
    hear_delivery(&s->peers[2], sub, 'c');
    hear_nothing(&s->peers[2]);
}

/* Whatever waits behind a commit waits for so many at most. */
static void one_commit_takes_so_many_of_them(void **state)
{
    enum { EACH = 400 };
    struct scene *s = *state;
    struct thing q;
    make_known_queue(s, &q);
    uint32_t commits = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t n = 0; n < EACH; n++)
            say_send(s, &s->peers[i], q.put, EACH * i + n, 'a');
        scene_pass(s, SETTLE_MS);
    }
    scene_pass(s, SETTLE_MS);
    s->hold = false;
    scene_turn(s);
    assert_int_equal(scene_rows(s), 4 * EACH);
    assert_int_equal(s->store.jobs[JOB_COMMIT] - commits, 3); /* one, two together, the last */
}

/* When the reply leaves: mono_ms. */
static uint64_t reply_time(struct scene *s, struct peer *p, uint32_t seq, enum status status)
{
    for (int i = 0; i < 10 * SETTLE_MS && p->first == NULL; i++)
        scene_pass(s, 1);
    hear_reply(p, seq, status);
    return s->now.mono_ms;
}

/* The guard of tick.c: what it leaves for the disk is what the disk was measured to need. */
static void a_slow_sync_fits_between_the_last_look_and_the_end_of_its_tick(void **state)
{
    (void)state;
    assert_int_equal(relay_settle_for(0), 0);
    assert_int_equal(relay_settle_for(100), 250);
    for (uint32_t sync_ms = 0; sync_ms < 3000; sync_ms++)
        assert_true(relay_settle_for(sync_ms) * 2 / 5 >= sync_ms);
    assert_int_equal(relay_settle_for(UINT32_MAX), UINT32_MAX);
}

static void the_time_of_a_reply_tells_nothing_about_the_reader(void **state)
{
    struct scene *s = *state;
    struct peer *sender = &s->peers[0], *reader = &s->peers[1];
    struct thing with, without;
    uint8_t sub[8], wrong[32] = {7};
    make_queue(s, &with, 1, QUEUE_CONVERSATION);
    make_queue(s, &without, 2, QUEUE_CONVERSATION);
    subscribe(s, reader, with.take, 16, sub);
    static const uint64_t offsets[] = {0, 1, 100, 149, 150, 151, SETTLE_MS - 1};
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        uint32_t n = 10 * (uint32_t)i, seq;
        uint64_t begin, expected;
        scene_tick(s);
        begin = s->now.mono_ms;
        expected = begin + 2 * SETTLE_MS;
        /* acknowledged */
        scene_pass(s, offsets[i]);
        seq = say_send(s, sender, with.put, n + 1, 'a');
        say_ack(s, reader, sub, hear_delivery(reader, sub, 'a'));
        assert_int_equal(reply_time(s, sender, seq, STATUS_OK), expected);
        /* delivered, not acknowledged before the guard */
        scene_tick(s);
        expected = s->now.mono_ms + 2 * SETTLE_MS;
        scene_pass(s, offsets[i]);
        seq = say_send(s, sender, with.put, n + 2, 'b');
        uint32_t id = hear_delivery(reader, sub, 'b');
        assert_int_equal(reply_time(s, sender, seq, STATUS_OK), expected);
        say_ack(s, reader, sub, id);
        /* nobody reads */
        scene_tick(s);
        expected = s->now.mono_ms + 2 * SETTLE_MS;
        scene_pass(s, offsets[i]);
        seq = say_send(s, sender, without.put, n + 3, 'c');
        assert_int_equal(reply_time(s, sender, seq, STATUS_OK), expected);
        /* refused, in both ways, and too large */
        scene_tick(s);
        expected = s->now.mono_ms + 2 * SETTLE_MS;
        scene_pass(s, offsets[i]);
        seq = say_send(s, sender, wrong, n + 4, 'd');
        assert_int_equal(reply_time(s, sender, seq, STATUS_REFUSED), expected);
        /* a cancel of what is there, and of what is not */
        scene_tick(s);
        expected = s->now.mono_ms + 2 * SETTLE_MS;
        scene_pass(s, offsets[i]);
        seq = say_cancel(s, sender, n + 3);
        assert_int_equal(reply_time(s, sender, seq, STATUS_OK), expected);
        scene_tick(s);
        expected = s->now.mono_ms + 2 * SETTLE_MS;
        scene_pass(s, offsets[i]);
        seq = say_cancel(s, sender, n + 9);
        assert_int_equal(reply_time(s, sender, seq, STATUS_OK), expected);
    }
}

/* A slow lookup must not show in other replies, nor shift the SEND into a later tick of its own. */
static void a_ping_does_not_wait_for_a_lookup(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    scene_tick(s);
    s->hold = true;
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
    scene_pass(s, SETTLE_MS + 10);
    s->hold = false;
    scene_pass(s, SETTLE_MS - 11);
    hear_nothing(&s->peers[0]);
    scene_pass(s, 1);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

static void unread_messages_come_in_order_to_who_subscribes_later(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 200; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 200);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    subscribe(s, &s->peers[1], q.take, 256, sub);
    scene_turn(s);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(hear_delivery(&s->peers[1], sub, (uint8_t)i), i + 1);
    for (uint32_t i = 0; i < 200; i++)
        say_ack(s, &s->peers[1], sub, i + 1);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void no_more_than_the_window_is_in_flight(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 3, sub);
    for (uint32_t i = 0; i < 10; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(hear_delivery(&s->peers[1], sub, (uint8_t)i), i + 1);
    hear_nothing(&s->peers[1]);
    scene_settle(s);
    hear_nothing(&s->peers[1]);
    say_ack(s, &s->peers[1], sub, 2);
    assert_int_equal(hear_delivery(&s->peers[1], sub, 3), 4);
    hear_nothing(&s->peers[1]);
    for (uint32_t i = 0; i < 10; i++)
        say_ack(s, &s->peers[1], sub, i + 1);
    for (uint32_t i = 4; i < 10; i++)
        assert_int_equal(hear_delivery(&s->peers[1], sub, (uint8_t)i), i + 1);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 0);
}

static void a_message_comes_again_after_a_broken_connection(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8], again[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    for (uint32_t i = 0; i < 4; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    for (uint32_t i = 0; i < 4; i++)
        hear_delivery(&s->peers[1], sub, (uint8_t)i);
    say_ack(s, &s->peers[1], sub, 2);
    peer_hang_up(&s->peers[1]); /* before the commit */
    subscribe(s, &s->peers[2], q.take, 16, again);
    hear_delivery(&s->peers[2], again, 0);
    hear_delivery(&s->peers[2], again, 2);
    hear_delivery(&s->peers[2], again, 3);
    hear_nothing(&s->peers[2]);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 3);
    peer_hang_up(&s->peers[2]); /* after it */
    subscribe(s, &s->peers[3], q.take, 16, sub);
    assert_int_equal(hear_delivery(&s->peers[3], sub, 0), 1);
    hear_delivery(&s->peers[3], sub, 2);
    hear_delivery(&s->peers[3], sub, 3);
    hear_nothing(&s->peers[3]);
}

static void an_acknowledged_row_does_not_come_back_before_it_is_deleted(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8], again[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    say_send(s, &s->peers[0], q.put, 2, 'b');
    scene_settle(s);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    assert_int_equal(scene_rows(s), 2);
    subscribe(s, &s->peers[2], q.take, 16, again);
    hear_delivery(&s->peers[2], again, 'b');
    hear_nothing(&s->peers[2]);
    scene_tick(s);
    assert_int_equal(scene_rows(s), 1);
}

static void an_acknowledgement_between_submit_and_done_deletes_the_row(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    scene_tick(s);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    s->hold = true;
    scene_pass(s, 2 * SETTLE_MS - 1);
    assert_int_equal(s->store.waiting, 1);
    say_ack(s, &s->peers[1], sub, id);
    s->hold = false;
    scene_turn(s);
    assert_int_equal(scene_rows(s), 1);
    scene_pass(s, SETTLE_MS);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_rows(s), 0);
}

static void ids_of_others_are_ignored(void **state)
{
    struct scene *s = *state;
    struct thing a, b;
    uint8_t sub_a[8], sub_b[8];
    make_queue(s, &a, 1, QUEUE_CONVERSATION);
    make_queue(s, &b, 2, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], a.take, 16, sub_a);
    subscribe(s, &s->peers[2], b.take, 16, sub_b);
    say_send(s, &s->peers[0], a.put, 1, 'a');
    hear_delivery(&s->peers[1], sub_a, 'a');
    say_ack(s, &s->peers[2], sub_a, 1); /* another session's subscription */
    say_ack(s, &s->peers[2], sub_b, 1); /* nothing there */
    say_ack(s, &s->peers[1], sub_a, 2);
    say_ack(s, &s->peers[1], sub_a, 0);
    assert_int_equal(scene_stats(s).acknowledged, 0);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
}

static void a_handle_that_comes_again_has_no_second_effect(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    /* In the same tick, in the next one, and when it is on disk only. */
    uint32_t a = say_send(s, &s->peers[0], q.put, 1, 'a');
    uint32_t b = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_tick(s);
    uint32_t c = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    uint32_t d = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], a, STATUS_OK);
    hear_reply(&s->peers[0], b, STATUS_OK);
    hear_reply(&s->peers[0], c, STATUS_OK);
    hear_reply(&s->peers[0], d, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    hear_nothing(&s->peers[1]);
    /* In flight. */
    say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_nothing(&s->peers[1]);
    /* For ten minutes after it was acknowledged. */
    say_ack(s, &s->peers[1], sub, id);
    scene_pass(s, 599 * 1000);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_nothing(&s->peers[1]);
    scene_pass(s, 2 * 1000);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
}

/* The first copy is on disk and was not loaded; the second one meets it while a reader comes. */
static void a_repeat_meets_its_row(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    say_send(s, &s->peers[0], q.put, 2, 'b');
    scene_settle(s);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    hear_delivery(&s->peers[1], sub, 'b');
    hear_nothing(&s->peers[1]);
    say_ack(s, &s->peers[1], sub, id);
    scene_settle(s);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
}

/* "Without a second effect": it stays as long as the first copy was accepted for. */
static void a_repeat_with_a_shorter_lifetime_takes_nothing_away(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8], again[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1D);
    scene_settle(s);
    say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1H);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'a');
    scene_pass(s, UINT64_C(3) * HOUR_MS);
    hear_nothing(&s->peers[1]);
    subscribe(s, &s->peers[2], q.take, 16, again);
    uint32_t id = hear_delivery(&s->peers[2], again, 'a');
    say_ack(s, &s->peers[2], again, id);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 0);
}

/* The row is read while the second copy's commit is under way, and the reader goes before it is done. */
static void a_repeat_meets_its_row_while_it_is_written(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    struct command c = {.op = OP_SUBSCRIBE};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    scene_tick(s);
    free(peer_take(&s->peers[0]));
    s->hold = true;
    c.u.subscribe.take = q.take;
    c.u.subscribe.window = 8;
    peer_send(&s->peers[1], &c, s->now);
    scene_turn(s);
    assert_true(test_store_step(&s->store)); /* the name; now the row is asked for */
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_pass(s, 2 * SETTLE_MS - 1);
    assert_int_equal(s->store.waiting, 2);
    assert_true(test_store_step(&s->store)); /* the row */
    relay_flush(s->relay);
    peer_hang_up(&s->peers[1]);
    s->hold = false;
    scene_pass(s, SETTLE_MS);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
    subscribe(s, &s->peers[2], q.take, 16, sub);
    say_ack(s, &s->peers[2], sub, hear_delivery(&s->peers[2], sub, 'a'));
    hear_nothing(&s->peers[2]);
    scene_tick(s);
    assert_int_equal(scene_rows(s), 0);
}

static void a_load_that_fails_is_tried_again(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    s->store.fail[JOB_LOAD] = 2;
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_nothing(&s->peers[1]);
    scene_pass(s, 1999);
    hear_nothing(&s->peers[1]);
    scene_pass(s, 1);
    hear_delivery(&s->peers[1], sub, 'a');
}

static void a_failed_commit_is_busy_for_all_and_nothing_stays(void **state)
{
    struct scene *s = *state;
    struct thing q, r;
    uint8_t sub[8], wrong[32] = {1};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    make_queue(s, &r, 2, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    scene_tick(s);
    uint32_t acked = say_send(s, &s->peers[0], q.put, 1, 'a');
    say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
    uint32_t away = say_send(s, &s->peers[0], r.put, 2, 'b');
    uint32_t delivered = say_send(s, &s->peers[0], q.put, 3, 'c');
    uint32_t id = hear_delivery(&s->peers[1], sub, 'c');
    uint32_t refused = say_send(s, &s->peers[0], wrong, 4, 'd');
    uint32_t cancelled = say_cancel(s, &s->peers[0], 77);
    s->store.fail[JOB_COMMIT] = 1;
    scene_settle(s);
    assert_int_equal(hear_reply(&s->peers[0], acked, STATUS_BUSY), 5);
    hear_reply(&s->peers[0], away, STATUS_BUSY);
    hear_reply(&s->peers[0], delivered, STATUS_BUSY);
    hear_reply(&s->peers[0], refused, STATUS_REFUSED);
    hear_reply(&s->peers[0], cancelled, STATUS_BUSY);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).failed_commits, 1);
    /* All of them again: nothing comes twice, nothing is lost. */
    acked = say_send(s, &s->peers[0], q.put, 1, 'a');
    away = say_send(s, &s->peers[0], r.put, 2, 'b');
    delivered = say_send(s, &s->peers[0], q.put, 3, 'c');
    hear_nothing(&s->peers[1]);
    scene_settle(s);
    hear_reply(&s->peers[0], acked, STATUS_OK);
    hear_reply(&s->peers[0], away, STATUS_OK);
    hear_reply(&s->peers[0], delivered, STATUS_OK);
    assert_int_equal(scene_rows(s), 2);
    say_ack(s, &s->peers[1], sub, id);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
}

static void what_was_delivered_without_a_commit_is_dropped_with_its_reader(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
    s->store.fail[JOB_COMMIT] = 1;
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
    peer_hang_up(&s->peers[1]);
    subscribe(s, &s->peers[2], q.take, 16, sub);
    hear_nothing(&s->peers[2]);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void what_was_sent_again_after_a_failure_outlives_its_reader(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
    s->store.fail[JOB_COMMIT] = 1;
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_BUSY);
    seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    peer_hang_up(&s->peers[1]);
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
}

static void the_newest_reader_displaces(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t first[8], second[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, first);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    uint32_t id = hear_delivery(&s->peers[1], first, 'a');
    subscribe(s, &s->peers[2], q.take, 16, second);
    hear_ended(&s->peers[1], first, ENDED_DISPLACED);
    hear_delivery(&s->peers[2], second, 'a');
    /* The ended one's acknowledgement is nothing. */
    say_ack(s, &s->peers[1], first, id);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
    assert_int_equal(scene_stats(s).subscriptions, 1);
    /* Over the same connection too. */
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {q.take, 16}};
    peer_send(&s->peers[2], &c, s->now);
    scene_turn(s);
    hear_ended(&s->peers[2], second, ENDED_DISPLACED);
    struct heard *h = peer_take(&s->peers[2]);
    assert_int_equal(h->c.op, OP_SUBSCRIBED);
    memcpy(first, h->c.u.subscribed.subscription, sizeof(first));
    free(h);
    hear_delivery(&s->peers[2], first, 'a');
}

static void unsubscribe_ends_without_a_word(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    struct command c = {.op = OP_UNSUBSCRIBE, .u.unsubscribe = {sub}};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t foreign = peer_send(&s->peers[2], &c, s->now);
    scene_turn(s);
    hear_reply(&s->peers[2], foreign, STATUS_OK);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
    uint32_t seq = peer_send(&s->peers[1], &c, s->now);
    scene_turn(s);
    hear_reply(&s->peers[1], seq, STATUS_OK);
    say_send(s, &s->peers[0], q.put, 2, 'b');
    scene_settle(s);
    hear_nothing(&s->peers[1]);
    assert_int_equal(scene_rows(s), 2);
}

static void a_cancelled_message_is_gone_everywhere(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    /* Before its commit. */
    uint32_t sent = say_send(s, &s->peers[0], q.put, 1, 'a');
    uint32_t seq = say_cancel(s, &s->peers[0], 1);
    scene_settle(s);
    hear_reply(&s->peers[0], sent, STATUS_OK);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    assert_int_equal(s->store.writes[WRITE_MESSAGE], 0);
    /* On disk. */
    say_send(s, &s->peers[0], q.put, 2, 'b');
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
    say_cancel(s, &s->peers[0], 2);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 0);
    /* With a reader. */
    subscribe(s, &s->peers[1], q.take, 16, sub);
    say_send(s, &s->peers[0], q.put, 3, 'c');
    say_send(s, &s->peers[0], q.put, 4, 'd');
    uint32_t id = hear_delivery(&s->peers[1], sub, 'c');
    hear_delivery(&s->peers[1], sub, 'd');
    scene_settle(s);
    say_cancel(s, &s->peers[0], 3);
    hear_withdraw(&s->peers[1], sub, id);
    hear_nothing(&s->peers[1]);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1);
    /* The handle is new again. */
    say_send(s, &s->peers[0], q.put, 3, 'e');
    hear_delivery(&s->peers[1], sub, 'e');
}

/* The row is read from the disk between the CANCEL and its commit. */
static void a_cancel_catches_what_was_loaded_meanwhile(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    say_cancel(s, &s->peers[0], 1);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t id = hear_delivery(&s->peers[1], sub, 'a');
    scene_settle(s);
    hear_withdraw(&s->peers[1], sub, id);
    assert_int_equal(scene_rows(s), 0);
}

/* A message that is sent again after its CANCEL is another message. */
static void a_cancel_does_not_take_what_is_sent_after_it(void **state)
{
    struct scene *s = *state;
    struct peer *sender = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 2; i++) {
        scene_tick(s);
        uint32_t cancel = say_cancel(s, sender, 7);
        uint32_t send = say_send(s, sender, q.put, 7, (uint8_t)('a' + i));
        scene_settle(s);
        hear_reply(sender, cancel, STATUS_OK);
        hear_reply(sender, send, STATUS_OK);
    }
    scene_restart(s);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    hear_delivery(&s->peers[1], sub, 'b');
    hear_nothing(&s->peers[1]);
}

/* The CANCEL is carried out behind a SEND that had to be looked up. */
static void a_cancel_takes_what_was_sent_before_it(void **state)
{
    struct scene *s = *state;
    struct peer *sender = &s->peers[0];
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    scene_tick(s);
    s->hold = true;
    uint32_t send = say_send(s, sender, q.put, 7, 'a');
    uint32_t cancel = say_cancel(s, sender, 7);
    s->hold = false;
    scene_settle(s);
    hear_reply(sender, send, STATUS_OK);
    hear_reply(sender, cancel, STATUS_OK);
    assert_int_equal(scene_rows(s), 0);
}

/* Else it would tell which of two queues is in memory, that is, has a reader. */
static void replies_leave_in_the_order_of_the_commands(void **state)
{
    struct scene *s = *state;
    struct peer *sender = &s->peers[0];
    struct thing known, unknown;
    uint8_t sub[8];
    make_queue(s, &known, 1, QUEUE_CONVERSATION);
    make_queue(s, &unknown, 2, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], known.take, 16, sub);
    uint32_t before = say_send(s, sender, known.put, 1, 'a');
    scene_settle(s);
    hear_reply(sender, before, STATUS_OK);
    scene_tick(s);
    s->hold = true;
    uint32_t first = say_send(s, sender, unknown.put, 2, 'b');
    uint32_t second = say_send(s, sender, known.put, 3, 'c');
    uint32_t third = say_cancel(s, sender, 99);
    s->hold = false;
    scene_settle(s);
    hear_reply(sender, first, STATUS_OK);
    hear_reply(sender, second, STATUS_OK);
    hear_reply(sender, third, STATUS_OK);
}

static void a_full_queue_says_full_and_recovers_the_next_day(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    s->limits.sends_of_queue_a_day = 5;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    for (uint32_t i = 0; i < 5; i++) {
        uint32_t seq = say_send(s, &s->peers[0], q.put, i < 4 ? i : 0, 'a'); /* a repeat counts */
        if (i < 4)
            say_ack(s, &s->peers[1], sub, hear_delivery(&s->peers[1], sub, 'a'));
        scene_settle(s);
        hear_reply(&s->peers[0], seq, STATUS_OK);
    }
    /* Also when nobody used it for a while. */
    scene_pass(s, HOUR_MS);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 9, 'a');
    scene_settle(s);
    uint32_t wait = hear_reply(&s->peers[0], seq, STATUS_FULL);
    hear_nothing(&s->peers[1]);
    assert_in_range(wait, 1, 24 * 3600);
    scene_pass(s, (uint64_t)wait * 1000);
    seq = say_send(s, &s->peers[0], q.put, 9, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_OK);
}

static void what_could_not_be_stored_does_not_count(void **state)
{
    struct scene *s = *state;
    struct thing q;
    s->limits.sends_of_queue_a_day = 2;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 8; i++) {
        s->store.fail_every = i < 6 ? 1 : 0;
        uint32_t seq = say_send(s, &s->peers[0], q.put, 0, 'a');
        scene_settle(s);
        hear_reply(&s->peers[0], seq, i < 6 ? STATUS_BUSY : STATUS_OK);
    }
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_settle(s);
    hear_reply(&s->peers[0], seq, STATUS_FULL);
}

static void a_lifetime_above_the_ceiling_is_too_large(void **state)
{
    struct scene *s = *state;
    struct thing q;
    s->ceiling = WIRE_TTL_1D;
    scene_restart(s);
    assert_int_equal(s->peers[0].welcome[5], WIRE_TTL_1D);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    uint32_t good = say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 1, 'a', WIRE_TTL_1D);
    uint32_t large = say_send_ttl(s, &s->peers[0], SEND_PUT, q.put, 2, 'a', WIRE_TTL_3D);
    scene_settle(s);
    hear_reply(&s->peers[0], good, STATUS_OK);
    hear_reply(&s->peers[0], large, STATUS_TOO_LARGE);
}

static void wrong_secrets_and_roles_are_refused_alike(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q, desk;
    uint32_t seqs[7];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    make_queue(s, &desk, 2, QUEUE_DESK);
    seqs[0] = say_send(s, p, q.take, 1, 'a');
    seqs[1] = say_send(s, p, q.own, 2, 'a');
    seqs[2] = say_send_ttl(s, p, SEND_TAKE, q.take, 3, 'a', WIRE_TTL_1D);
    seqs[3] = say_send_ttl(s, p, SEND_TAKE, q.put, 4, 'a', WIRE_TTL_1D);
    seqs[4] = say_send(s, p, desk.put, 5, 'a');
    seqs[5] = say_send_ttl(s, p, SEND_TAKE, desk.put, 6, 'a', WIRE_TTL_1D);
    seqs[6] = say_send_ttl(s, p, SEND_TAKE, desk.take, 7, 'a', WIRE_TTL_1D);
    scene_settle(s);
    /* Refusals that needed no lookup of the disk and others: the order within a tick is free. */
    for (int i = 0; i < 7; i++) {
        struct heard *h = peer_take(p);
        assert_non_null(h);
        assert_int_equal(h->c.u.reply.status, h->c.seq == seqs[6] ? STATUS_OK : STATUS_REFUSED);
        free(h);
    }
    hear_nothing(p);
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {q.put, 1}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    hear_reply(p, seq, STATUS_REFUSED);
}

static void a_slow_reader_holds_no_more_than_a_record(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 256, sub);
    s->peers[1].full = true;
    for (uint32_t i = 0; i < 100; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 100);
    assert_true(scene_stats(s).bytes_in_flight <= 16 * 4200);
    peer_drain(&s->peers[1]);
    scene_turn(s);
    for (uint32_t i = 0; i < 100; i++)
        assert_int_equal(hear_delivery(&s->peers[1], sub, (uint8_t)i), i + 1);
}

static void who_reads_nothing_is_cut_off(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 256, sub);
    s->peers[1].full = true;
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    scene_pass(s, 59 * 1000);
    assert_false(s->peers[1].closed);
    scene_pass(s, 2 * 1000);
    assert_true(s->peers[1].closed);
    hear_reply(&s->peers[0], seq, STATUS_OK);
    subscribe(s, &s->peers[2], q.take, 256, sub);
    hear_delivery(&s->peers[2], sub, 'a');
}

static void above_the_memory_limit_sends_are_busy_and_nothing_is_lost(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint32_t ok = 0, busy = 0;
    s->limits.memory_bytes = 10 * 4100;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 50; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    scene_settle(s);
    for (struct heard *h; (h = peer_take(&s->peers[0])) != NULL; free(h)) {
        ok += h->c.u.reply.status == STATUS_OK;
        busy += h->c.u.reply.status == STATUS_BUSY;
    }
    assert_int_equal(ok + busy, 50);
    assert_in_range(ok, 20, 21);
    assert_int_equal(scene_rows(s), ok);
}

/* Bytes of envelopes that the loads of the store's queue may bring. */
static uint64_t asked_for(const struct scene *s)
{
    uint64_t bytes = 0;
    for (const struct store_job *job = s->store.first; job != NULL; job = job->next)
        if (job->kind == JOB_LOAD)
            bytes += job->u.load.limit * UINT64_C(4096);
    return bytes;
}

static void loads_stay_below_the_memory_limit_together(void **state)
{
    enum { QUEUES = 40, EACH = 8 };
    struct scene *s = *state;
    struct peer *reader = &s->peers[1];
    struct thing q[QUEUES];
    s->limits.memory_bytes = 100 * 4100;
    s->limits.commands_a_turn = QUEUES; /* all ask in one */
    scene_restart(s);
    for (uint32_t i = 0; i < QUEUES; i++) {
        make_queue(s, &q[i], i + 1, QUEUE_CONVERSATION);
        for (uint32_t n = 0; n < EACH; n++)
            say_send(s, &s->peers[2], q[i].put, i * EACH + n, (uint8_t)i);
        scene_settle(s);
    }
    /* Found, but nothing is loaded before all have asked. */
    for (uint32_t i = 0; i < QUEUES; i++) {
        struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {q[i].take, 64}};
        peer_send(reader, &c, s->now);
    }
    s->hold = true;
    for (uint32_t i = 0; i < QUEUES; i++)
        assert_true(test_store_step(&s->store));
    assert_in_range(asked_for(s), 1, 164 * 4096 + QUEUES * 4096);
    s->hold = false;
    scene_turn(s);
    uint32_t heard = 0;
    for (struct heard *h; (h = peer_take(reader)) != NULL; free(h))
        heard += h->c.op == OP_DELIVER;
    assert_int_equal(heard, QUEUES * EACH);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(a_message_reaches_a_connected_reader_at_once),
    SCENE_TEST(an_acknowledged_message_costs_no_job),
    SCENE_TEST(what_a_long_turn_brings_is_delivered_before_it_is_written),
    SCENE_TEST(what_is_not_acknowledged_is_written_before_the_reply),
    SCENE_TEST(ticks_that_had_to_wait_are_written_together),
    SCENE_TEST(ticks_that_were_written_together_fail_together),
    SCENE_TEST(order_holds_among_ticks_that_are_written_together),
    SCENE_TEST(one_commit_takes_so_many_of_them),
    cmocka_unit_test(a_slow_sync_fits_between_the_last_look_and_the_end_of_its_tick),
    SCENE_TEST(the_time_of_a_reply_tells_nothing_about_the_reader),
    SCENE_TEST(a_ping_does_not_wait_for_a_lookup),
    SCENE_TEST(unread_messages_come_in_order_to_who_subscribes_later),
    SCENE_TEST(no_more_than_the_window_is_in_flight),
    SCENE_TEST(a_message_comes_again_after_a_broken_connection),
    SCENE_TEST(an_acknowledged_row_does_not_come_back_before_it_is_deleted),
    SCENE_TEST(an_acknowledgement_between_submit_and_done_deletes_the_row),
    SCENE_TEST(ids_of_others_are_ignored),
    SCENE_TEST(a_handle_that_comes_again_has_no_second_effect),
    SCENE_TEST(a_repeat_meets_its_row),
    SCENE_TEST(a_repeat_with_a_shorter_lifetime_takes_nothing_away),
    SCENE_TEST(a_repeat_meets_its_row_while_it_is_written),
    SCENE_TEST(a_load_that_fails_is_tried_again),
    SCENE_TEST(a_failed_commit_is_busy_for_all_and_nothing_stays),
    SCENE_TEST(what_was_delivered_without_a_commit_is_dropped_with_its_reader),
    SCENE_TEST(what_was_sent_again_after_a_failure_outlives_its_reader),
    SCENE_TEST(the_newest_reader_displaces),
    SCENE_TEST(unsubscribe_ends_without_a_word),
    SCENE_TEST(a_cancelled_message_is_gone_everywhere),
    SCENE_TEST(a_cancel_catches_what_was_loaded_meanwhile),
    SCENE_TEST(a_cancel_does_not_take_what_is_sent_after_it),
    SCENE_TEST(a_cancel_takes_what_was_sent_before_it),
    SCENE_TEST(replies_leave_in_the_order_of_the_commands),
    SCENE_TEST(a_full_queue_says_full_and_recovers_the_next_day),
    SCENE_TEST(what_could_not_be_stored_does_not_count),
    SCENE_TEST(a_lifetime_above_the_ceiling_is_too_large),
    SCENE_TEST(wrong_secrets_and_roles_are_refused_alike),
    SCENE_TEST(a_slow_reader_holds_no_more_than_a_record),
    SCENE_TEST(who_reads_nothing_is_cut_off),
    SCENE_TEST(above_the_memory_limit_sends_are_busy_and_nothing_is_lost),
    SCENE_TEST(loads_stay_below_the_memory_limit_together),
};

RUN_TESTS
