/* A disk that runs short (relay/core/room.h), and how often one desk may be knocked at. */
#include "tests/unit/relay_core/scene.h"

/* The relay anew, so that what it stores comes to this. */
static void restart_with(struct scene *s, enum room room)
{
    s->limits.stored_bytes = UINT64_MAX;
    scene_restart(s);
    uint64_t used = scene_stats(s).stored_bytes;
    assert_true(used > 0);
    s->limits.stored_bytes = room == ROOM_ENOUGH ? 2 * used
                             : room == ROOM_LOW  ? used + used / 3 - used / 32
                                                 : used;
    scene_restart(s);
    assert_int_equal(scene_stats(s).room, room);
}

/* Messages that nobody reads. */
static void store_messages(struct scene *s, const struct thing *q, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t seq = say_send(s, &s->peers[0], q->put, 1000 + i, 'm');
        scene_settle(s);
        hear_reply(&s->peers[0], seq, STATUS_OK);
    }
}

/* --- knocks that cost no work --- */

struct knocking {
    struct thing queue;
    uint8_t cookie[WIRE_COOKIE_BYTES];
    struct name voucher;
    uint8_t secret[32]; /* of the voucher */
    uint8_t handle[WIRE_HANDLE_BYTES];
};

static void knock_from(struct scene *s, struct peer *p, struct knocking *k, const struct thing *desk,
                       uint32_t n)
{
    struct command c = {.op = OP_CHALLENGE, .u.challenge = {desk->put}};
    memset(k, 0, sizeof(*k));
    thing_from(&k->queue, n);
    memcpy(k->secret, &n, sizeof(n));
    secret_name(ROLE_VOUCHER, k->secret, &k->voucher);
    memset(k->handle, 0xee, sizeof(k->handle));
    memcpy(k->handle, &n, sizeof(n));
    peer_send(p, &c, s->now);
    scene_turn(s);
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_int_equal(h->c.op, OP_COOKIE);
    assert_int_equal(h->c.u.cookie.effort, 0);
    memcpy(k->cookie, h->c.u.cookie.cookie, sizeof(k->cookie));
    free(h);
}

static uint32_t say_knock(struct scene *s, struct peer *p, const struct thing *desk, const struct knocking *k)
{
    const uint8_t envelope[WIRE_ENVELOPE_BYTES] = {'k'};
    struct command c = {
        .op = OP_KNOCK,
        .u.knock = {desk->put, k->cookie, 0, k->queue.names, k->voucher.b, WIRE_TTL_7D, k->handle, envelope}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_settle(s);
    return seq;
}

static uint32_t knock(struct scene *s, struct peer *p, const struct thing *desk, uint32_t n)
{
    struct knocking k;
    knock_from(s, p, &k, desk, n);
    return say_knock(s, p, desk, &k);
}

static void make_desk(struct scene *s, struct thing *desk, uint32_t n)
{
    s->limits.calm_knocks_a_minute = 1000000;
    scene_restart(s);
    make_queue(s, desk, n, QUEUE_DESK);
}

/* --- slots --- */

static uint32_t say_create_slot(struct scene *s, struct peer *p, const uint8_t voucher[32], uint8_t ttl,
                                const struct slot_names *names)
{
    struct command c = {.op = OP_SLOT_CREATE, .u.slot_create = {voucher, ttl, *names}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

/* A slot with a number, and what its creation is answered. */
static void create_slot(struct scene *s, struct thing *t, uint32_t n, uint8_t ttl, enum status status)
{
    uint8_t voucher[32];
    const struct slot_names names = slot_from(t, n);
    give_voucher(s, ttl == WIRE_TTL_LASTING ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT, n, voucher);
    hear_reply(&s->peers[1], say_create_slot(s, &s->peers[1], voucher, ttl, &names), status);
}

static void set_slot(struct scene *s, const struct thing *t, uint64_t expected, uint32_t size,
                     enum status status)
{
    static const uint8_t value[WIRE_SLOT_PIECE_BYTES];
    struct peer *p = &s->peers[1];
    assert_true(size <= sizeof(value));
    struct command c = {.op = OP_SLOT_SET, .u.slot_set = {t->put, {expected, size, 0, {value, size}}}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    hear_reply(p, seq, status);
}

/* --- three quarters are used --- */

static void nobody_new_is_let_in_when_room_is_low(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk, q, new, slot, hers;
    struct knocking before, after;
    make_desk(s, &desk, 1);
    make_queue(s, &q, 2, QUEUE_CONVERSATION);
    create_slot(s, &slot, 3, WIRE_TTL_1D, STATUS_OK);
    store_messages(s, &q, 32);
    restart_with(s, ROOM_ENOUGH);
    knock_from(s, her, &before, &desk, 50);
    hear_reply(her, say_knock(s, her, &desk, &before), STATUS_OK);

    restart_with(s, ROOM_LOW);
    knock_from(s, her, &after, &desk, 51);
    assert_in_range(hear_reply(her, say_knock(s, her, &desk, &after), STATUS_FULL), 1, 3600);
    assert_int_equal(scene_stats(s).no_room, 1);
    hear_reply(her, say_knock(s, her, &desk, &before), STATUS_OK); /* as section 9 has it */
    /* Her voucher stays good. */
    const struct slot_names names = slot_from(&hers, 60);
    hear_reply(her, say_create_slot(s, her, before.secret, WIRE_TTL_1D, &names), STATUS_FULL);
    assert_int_equal(scene_stats(s).no_room, 2);
    /* Who is there already goes on, and so does a desk. */
    set_slot(s, &slot, 0, 4000, STATUS_OK);
    uint32_t seq = say_send(s, her, q.put, 7, 'a');
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
    make_queue(s, &new, 61, QUEUE_CONVERSATION);
    create_slot(s, &new, 62, WIRE_TTL_LASTING, STATUS_OK);
    assert_int_equal(scene_stats(s).no_room, 2);

    restart_with(s, ROOM_ENOUGH);
    hear_reply(her, say_create_slot(s, her, before.secret, WIRE_TTL_1D, &names), STATUS_OK);
    knock_from(s, her, &after, &desk, 51);
    hear_reply(her, say_knock(s, her, &desk, &after), STATUS_OK);
}

/* --- all is used --- */

/* One SEND in a tick of its own; it is delivered if somebody reads. When it was answered, and with what. */
static uint64_t answered_after(struct scene *s, const struct thing *q, uint32_t handle, enum status *status,
                               uint32_t *retry)
{
    struct peer *p = &s->peers[0];
    scene_tick(s);
    uint64_t from = s->now.mono_ms;
    uint32_t seq = say_send(s, p, q->put, handle, 'a');
    struct heard *h;
    while ((h = peer_take(p)) == NULL)
        scene_pass(s, 1);
    assert_int_equal(h->c.op, OP_REPLY);
    assert_int_equal(h->c.seq, seq);
    *status = h->c.u.reply.status;
    *retry = h->c.u.reply.retry_after;
    free(h);
    return s->now.mono_ms - from;
}

/* Who sends must not hear whether somebody reads: not now, not with a repetition, and not by the time. */
static void without_room_every_send_is_busy_and_delivered_all_the_same(void **state)
{
    struct scene *s = *state;
    struct peer *reader = &s->peers[1];
    struct thing read, unread;
    uint8_t sub[8];
    enum status status[2];
    uint32_t retry[2];
    make_queue(s, &read, 1, QUEUE_CONVERSATION);
    make_queue(s, &unread, 2, QUEUE_CONVERSATION);
    store_messages(s, &unread, 3);
    restart_with(s, ROOM_NONE);
    subscribe(s, reader, read.take, 16, sub);
    for (int again = 0; again < 3; again++) {
        uint64_t a = answered_after(s, &unread, 7, &status[0], &retry[0]);
        scene_tick(s);
        uint32_t seq = say_send(s, &s->peers[0], read.put, 8, 'a');
        if (again == 0)
            say_ack(s, reader, sub, hear_delivery(reader, sub, 'a'));
        scene_settle(s);
        assert_int_equal(hear_reply(&s->peers[0], seq, STATUS_BUSY), retry[0]);
        assert_int_equal(status[0], STATUS_BUSY);
        uint64_t b = answered_after(s, &read, 8, &status[1], &retry[1]);
        assert_int_equal(status[1], STATUS_BUSY);
        assert_int_equal(retry[0], retry[1]);
        assert_int_equal(a, b);
        assert_int_equal(a, 2 * SETTLE_MS);
        hear_nothing(reader);
    }
    assert_int_equal(scene_rows(s), 3);
    assert_int_equal(scene_stats(s).no_room, 9);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    /* A reader's part goes on as it was; what was busy counts for no quota. */
    s->limits.sends_of_queue_a_day = 4;
    restart_with(s, ROOM_NONE);
    for (int i = 0; i < 6; i++) {
        (void)answered_after(s, &read, 9, &status[0], &retry[0]);
        assert_int_equal(status[0], STATUS_BUSY);
    }
}

/* What was not accepted does not stay, if its reader goes before he acknowledged it. */
static void what_was_busy_goes_with_its_reader(void **state)
{
    struct scene *s = *state;
    struct thing read, unread;
    uint8_t sub[8];
    enum status status;
    uint32_t retry;
    make_queue(s, &read, 1, QUEUE_CONVERSATION);
    make_queue(s, &unread, 2, QUEUE_CONVERSATION);
    store_messages(s, &unread, 3);
    restart_with(s, ROOM_NONE);
    subscribe(s, &s->peers[1], read.take, 1, sub);
    (void)answered_after(s, &read, 7, &status, &retry);
    (void)answered_after(s, &read, 8, &status, &retry); /* his window is full */
    hear_delivery(&s->peers[1], sub, 'a');
    peer_hang_up(&s->peers[1]);
    scene_pass(s, 60 * 1000);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    subscribe(s, &s->peers[2], read.take, 16, sub);
    hear_nothing(&s->peers[2]);
    assert_int_equal(scene_rows(s), 3);
}

static void what_makes_room_goes_on(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0], *reader = &s->peers[1];
    struct thing q, new;
    uint8_t sub[8], voucher[32];
    enum status status;
    uint32_t retry;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 4);
    restart_with(s, ROOM_NONE);
    give_voucher(s, VOUCHER_CONVERSATION, 9, voucher);
    thing_from(&new, 9);
    assert_in_range(hear_reply(p, say_create(s, p, &new, QUEUE_CONVERSATION, voucher), STATUS_FULL), 1, 3600);
    uint32_t cancel = say_cancel(s, p, 1000);
    scene_settle(s);
    hear_reply(p, cancel, STATUS_OK);
    assert_int_equal(scene_rows(s), 3);
    assert_int_equal(scene_stats(s).room, ROOM_LOW);
    (void)answered_after(s, &q, 7, &status, &retry);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(scene_stats(s).room, ROOM_NONE);
    subscribe(s, reader, q.take, 16, sub);
    for (int i = 0; i < 4; i++)
        say_ack(s, reader, sub, hear_delivery(reader, sub, i < 3 ? 'm' : 'a'));
    scene_settle(s);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).room, ROOM_ENOUGH);
    hear_reply(p, say_create(s, p, &new, QUEUE_CONVERSATION, voucher), STATUS_OK);
    (void)answered_after(s, &new, 8, &status, &retry);
    assert_int_equal(status, STATUS_OK);
}

/* A CANCEL of a tick that has no room is carried out, and its SENDs are busy. */
static void a_tick_without_room_cancels(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 2);
    restart_with(s, ROOM_NONE);
    scene_tick(s);
    uint32_t cancel = say_cancel(s, p, 1000);
    uint32_t send = say_send(s, p, q.put, 7, 'a');
    scene_settle(s);
    hear_reply(p, cancel, STATUS_OK);
    hear_reply(p, send, STATUS_BUSY);
    assert_int_equal(scene_rows(s), 1);
}

static void lasting_values_do_not_grow_without_room(void **state)
{
    struct scene *s = *state;
    struct thing q, lasting, passing, other;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 3);
    create_slot(s, &lasting, 2, WIRE_TTL_LASTING, STATUS_OK);
    create_slot(s, &passing, 3, WIRE_TTL_7D, STATUS_OK);
    set_slot(s, &lasting, 0, 1000, STATUS_OK);
    restart_with(s, ROOM_NONE);
    create_slot(s, &other, 4, WIRE_TTL_LASTING, STATUS_FULL);
    create_slot(s, &other, 5, WIRE_TTL_7D, STATUS_FULL);
    set_slot(s, &lasting, 1, 1001, STATUS_FULL);
    set_slot(s, &lasting, 0, 1001, STATUS_CONFLICT);
    set_slot(s, &lasting, 1, 1000, STATUS_OK);
    /* Else whoever has a locker could not acknowledge. */
    set_slot(s, &passing, 0, 4096, STATUS_OK);
    assert_int_equal(scene_stats(s).room, ROOM_NONE);
    set_slot(s, &lasting, 2, 10, STATUS_OK);
    restart_with(s, ROOM_LOW);
    set_slot(s, &lasting, 3, 4000, STATUS_OK);
}

static void what_expires_makes_room(void **state)
{
    struct scene *s = *state;
    struct thing q;
    enum status status;
    uint32_t retry;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 4);
    restart_with(s, ROOM_NONE);
    (void)answered_after(s, &q, 7, &status, &retry);
    assert_int_equal(status, STATUS_BUSY);
    scene_pass(s, 26 * (uint64_t)HOUR_MS);
    assert_int_equal(scene_stats(s).room, ROOM_ENOUGH);
    (void)answered_after(s, &q, 7, &status, &retry);
    assert_int_equal(status, STATUS_OK);
}

/* --- where the marks lie --- */

/* In how many of 64 relays that store so many thousandths of what they may there is no room. */
static uint32_t without_room(struct scene *s, uint64_t thousandths)
{
    uint32_t none = 0;
    uint64_t used = scene_stats(s).stored_bytes;
    s->limits.stored_bytes = used * 1000 / thousandths;
    for (uint32_t i = 0; i < 64; i++) {
        scene_restart(s);
        none += scene_stats(s).room == ROOM_NONE;
    }
    return none;
}

static void nobody_knows_where_room_ends(void **state)
{
    struct scene *s = *state;
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 8);
    assert_int_equal(without_room(s, 968), 0);
    assert_in_range(without_room(s, 984), 16, 48);
    assert_int_equal(without_room(s, 1000), 64);
}

/* What was learnt of a mark by passing it is worth nothing afterwards. */
static void a_mark_that_was_passed_moves(void **state)
{
    enum { THERE = 200, TIMES = 12 };
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q, other;
    uint32_t least = UINT32_MAX, most = 0;
    make_queue(s, &other, 1, QUEUE_CONVERSATION);
    make_queue(s, &q, 2, QUEUE_CONVERSATION);
    store_messages(s, &other, THERE);
    s->limits.stored_bytes = scene_stats(s).stored_bytes + 30 * WIRE_ENVELOPE_BYTES;
    scene_restart(s);
    for (uint32_t time = 0; time < TIMES; time++) {
        enum status status = STATUS_OK;
        uint32_t taken = 0, retry;
        while (status == STATUS_OK) {
            (void)answered_after(s, &q, 10000 + taken, &status, &retry);
            taken += status == STATUS_OK;
        }
        least = taken < least ? taken : least;
        most = taken > most ? taken : most;
        for (uint32_t i = 0; i < taken; i++)
            say_cancel(s, p, 10000 + i);
        scene_settle(s);
        for (uint32_t i = 0; i < taken; i++)
            free(peer_take(p));
        assert_true(scene_stats(s).room < ROOM_NONE);
    }
    assert_in_range(least, 15, 30);
    assert_true(most > least);
}

/* One message less is no room: else the next one would tell whether another was stored. */
static void what_is_passed_is_passed_for_a_while(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    store_messages(s, &q, 96);
    restart_with(s, ROOM_NONE);
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t seq = say_cancel(s, p, 1000 + i);
        scene_settle(s);
        hear_reply(p, seq, STATUS_OK);
        if (i < 2)
            assert_int_equal(scene_stats(s).room, ROOM_NONE);
    }
    assert_int_equal(scene_stats(s).room, ROOM_LOW);
}

/* --- one desk --- */

static void a_desk_takes_so_many_knocks_a_minute(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk, other;
    struct knocking late;
    s->limits.knocks_of_desk_a_minute = 2;
    s->limits.waiting_of_desk = 1000;
    s->limits.idle_queues = 0;
    make_desk(s, &desk, 1);
    make_queue(s, &other, 2, QUEUE_DESK);
    for (uint32_t i = 0; i < 20; i++) /* of ten minutes */
        hear_reply(her, knock(s, her, &desk, 50 + i), STATUS_OK);
    knock_from(s, her, &late, &desk, 90);
    uint32_t wait = hear_reply(her, say_knock(s, her, &desk, &late), STATUS_BUSY);
    assert_in_range(wait, 15, 30);
    assert_int_equal(scene_stats(s).knocks_held_off, 1);
    assert_int_equal(scene_stats(s).no_room, 0);
    hear_reply(her, knock(s, her, &other, 91), STATUS_OK);
    scene_pass(s, wait * UINT64_C(1000));
    hear_reply(her, say_knock(s, her, &desk, &late), STATUS_OK); /* with the same cookie */
    hear_reply(her, knock(s, her, &desk, 92), STATUS_BUSY);
    /* An hour begins, and nobody uses the desk: it does not forget how often it was knocked at. */
    scene_pass(s, HOUR_MS - s->now.utc_ms % HOUR_MS - 1000);
    for (uint32_t i = 0; i < 20; i++)
        hear_reply(her, knock(s, her, &desk, 100 + i), STATUS_OK);
    scene_pass(s, 2000);
    uint32_t taken = 0;
    for (uint32_t i = 0; i < 5; i++) {
        struct knocking k;
        knock_from(s, her, &k, &desk, 200 + i);
        uint32_t seq = say_knock(s, her, &desk, &k);
        struct heard *h = peer_take(her);
        assert_non_null(h);
        assert_int_equal(h->c.seq, seq);
        taken += h->c.u.reply.status == STATUS_OK;
        free(h);
    }
    assert_in_range(taken, 0, 1);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(nobody_new_is_let_in_when_room_is_low),
    SCENE_TEST(without_room_every_send_is_busy_and_delivered_all_the_same),
    SCENE_TEST(what_was_busy_goes_with_its_reader),
    SCENE_TEST(what_makes_room_goes_on),
    SCENE_TEST(a_tick_without_room_cancels),
    SCENE_TEST(lasting_values_do_not_grow_without_room),
    SCENE_TEST(what_expires_makes_room),
    SCENE_TEST(nobody_knows_where_room_ends),
    SCENE_TEST(a_mark_that_was_passed_moves),
    SCENE_TEST(what_is_passed_is_passed_for_a_while),
    SCENE_TEST(a_desk_takes_so_many_knocks_a_minute),
};

RUN_TESTS
