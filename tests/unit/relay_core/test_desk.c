/* CHALLENGE, KNOCK, VOUCHER_DRAW, CLAIM: docs/protocol.md sections 1.1 and 9. */
#include "tests/unit/relay_core/scene.h"

#include "proto/puzzle.h"

/* A knock by hand. */
struct knocking {
    struct thing queue;
    uint8_t cookie[WIRE_COOKIE_BYTES];
    uint8_t effort;
    uint64_t solution;
    uint8_t voucher[32];
    struct name voucher_name;
    uint8_t handle[WIRE_HANDLE_BYTES];
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
};

static void challenge(struct scene *s, struct peer *p, const uint8_t put[32], struct knocking *k)
{
    struct command c = {.op = OP_CHALLENGE, .u.challenge = {put}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    struct heard *h = peer_take(p);
    assert_non_null(h);
    assert_int_equal(h->c.op, OP_COOKIE);
    assert_int_equal(h->c.seq, seq);
    memcpy(k->cookie, h->c.u.cookie.cookie, sizeof(k->cookie));
    k->effort = h->c.u.cookie.effort;
    free(h);
}

static void knock_from(struct knocking *k, uint32_t n, uint8_t fill)
{
    memset(k, 0, sizeof(*k));
    thing_from(&k->queue, n);
    memset(k->voucher, (int)n, sizeof(k->voucher));
    memcpy(k->voucher, &n, sizeof(n));
    secret_name(ROLE_VOUCHER, k->voucher, &k->voucher_name);
    memset(k->handle, 0xee, sizeof(k->handle));
    memcpy(k->handle, &n, sizeof(n));
    memset(k->envelope, fill, sizeof(k->envelope));
}

static void solve(struct knocking *k)
{
    uint8_t hash[PUZZLE_HASH_BYTES];
    puzzle_hash(hash, &k->queue.names, k->envelope);
    k->solution = 0;
    assert_int_equal(puzzle_solve(k->cookie, hash, k->effort, &k->solution, UINT32_MAX), ZG_OK);
}

static uint32_t say_knock_ttl(struct scene *s, struct peer *p, const uint8_t put[32],
                              const struct knocking *k, uint8_t ttl)
{
    struct command c = {.op = OP_KNOCK,
                        .u.knock = {put, k->cookie, k->solution, k->queue.names, k->voucher_name.b, ttl,
                                    k->handle, k->envelope}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

static uint32_t say_knock(struct scene *s, struct peer *p, const uint8_t put[32], const struct knocking *k)
{
    return say_knock_ttl(s, p, put, k, WIRE_TTL_7D);
}

static uint32_t say_draw(struct scene *s, struct peer *p, const uint8_t take[32], enum voucher_kind kind,
                         const struct name *names, uint32_t count)
{
    struct command c = {.op = OP_VOUCHER_DRAW,
                        .u.voucher_draw = {.take = take, .kind = kind, .count = count}};
    for (uint32_t i = 0; i < count; i++)
        c.u.voucher_draw.names[i] = names[i].b;
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

static uint32_t say_claim(struct scene *s, struct peer *p, const uint8_t sub[8], uint32_t id)
{
    struct command c = {.op = OP_CLAIM, .u.claim = {sub, id}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

/* It is answered at once and not on the tick, so it must not tell whether a queue is in memory. */
static void a_challenge_is_looked_up_always(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t seq = say_send(s, p, q.put, 1, 'a');
    scene_settle(s);
    hear_reply(p, seq, STATUS_OK);
    struct command c = {.op = OP_CHALLENGE, .u.challenge = {q.put}};
    s->hold = true;
    seq = peer_send(p, &c, s->now);
    scene_turn(s);
    hear_nothing(p);
    s->hold = false;
    scene_turn(s);
    hear_reply(p, seq, STATUS_REFUSED);
}

static void a_knock_makes_a_queue_and_is_delivered_after_its_commit(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1], *worker = &s->peers[2];
    struct thing desk;
    struct knocking k;
    uint8_t sub[8], mine[8];
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, worker, desk.take, 16, sub);
    knock_from(&k, 50, 'k');
    challenge(s, her, desk.put, &k);
    assert_int_equal(k.effort, 0);
    scene_tick(s);
    uint32_t seq = say_knock(s, her, desk.put, &k);
    s->hold = true;
    scene_pass(s, 3 * SETTLE_MS);
    hear_nothing(worker);
    hear_nothing(her);
    s->hold = false;
    scene_turn(s);
    uint32_t id = hear_delivery(worker, sub, 'k');
    hear_reply(her, seq, STATUS_OK);
    /* Her queue works at once. */
    subscribe(s, her, k.queue.take, 16, mine);
    say_send(s, worker, k.queue.put, 1, 'w');
    hear_delivery(her, mine, 'w');
    /* The voucher too. */
    struct thing slot;
    struct slot_names names = slot_from(&slot, 60);
    struct command c = {.op = OP_SLOT_CREATE, .u.slot_create = {k.voucher, WIRE_TTL_1D, names}};
    seq = peer_send(her, &c, s->now);
    scene_turn(s);
    hear_reply(her, seq, STATUS_OK);
    say_ack(s, worker, sub, id);
    scene_settle(s);
    scene_settle(s);
    assert_int_equal(scene_rows(s), 1); /* the worker's, which she did not acknowledge */
}

static void a_knock_that_expired_before_the_disk_was_done_is_not_delivered(void **state)
{
    struct scene *s = *state;
    struct thing desk;
    struct knocking k;
    uint8_t sub[8];
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, &s->peers[2], desk.take, 16, sub);
    knock_from(&k, 50, 'k');
    challenge(s, &s->peers[1], desk.put, &k);
    uint32_t seq = say_knock_ttl(s, &s->peers[1], desk.put, &k, WIRE_TTL_1H);
    scene_pass(s, SETTLE_MS);
    s->hold = true;
    scene_pass(s, UINT64_C(2) * HOUR_MS);
    s->hold = false;
    scene_settle(s);
    hear_reply(&s->peers[1], seq, STATUS_OK);
    hear_nothing(&s->peers[2]);
    scene_pass(s, 10000);
    assert_int_equal(scene_rows(s), 0);
}

/* It is looked up, and before its tick is written somebody makes a queue of these names. */
static void a_queue_that_was_made_meanwhile_decides_a_knock(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    for (uint32_t same = 0; same < 2; same++) {
        struct thing desk, other;
        struct knocking k;
        uint8_t sub[8], voucher[32];
        make_queue(s, &desk, 1 + 10 * same, QUEUE_DESK);
        subscribe(s, &s->peers[2], desk.take, 16, sub);
        knock_from(&k, 50 + same, 'k');
        challenge(s, her, desk.put, &k);
        scene_tick(s);
        uint32_t seq = say_knock(s, her, desk.put, &k);
        give_voucher(s, VOUCHER_CONVERSATION, 60 + same, voucher);
        thing_from(&other, 70 + same);
        if (same == 0)
            other.names.put = k.queue.names.put; /* one name, not all of them */
        uint32_t made =
            say_create(s, &s->peers[3], same == 0 ? &other : &k.queue, QUEUE_CONVERSATION, voucher);
        hear_reply(&s->peers[3], made, STATUS_OK);
        scene_settle(s);
        hear_reply(her, seq, same == 0 ? STATUS_REFUSED : STATUS_OK);
        hear_nothing(&s->peers[2]);
        assert_int_equal(scene_rows(s), 0);
    }
}

/* Rows where a desk's next messages would go: as after a sequence that was given out twice. */
static void take_places(struct scene *s, const struct thing *desk, uint32_t count)
{
    struct store_job find = {.kind = JOB_FIND};
    uint8_t bytes[WIRE_ENVELOPE_BYTES] = {0};
    find.u.find.name = desk->put_name;
    s->engine->execute(s->engine, &find);
    assert_true(find.u.find.found.found);
    for (uint32_t i = 0; i < count; i++) {
        struct store_write w = {.kind = WRITE_MESSAGE};
        struct store_job commit = {.kind = JOB_COMMIT};
        w.u.message = (struct stored_message){
            find.u.find.found.id, i, UINT32_MAX, false, {{(uint8_t)i, desk->put_name.b[0], 1}},
            envelope_new(bytes)};
        commit.u.commit.writes = &w;
        commit.u.commit.count = 1;
        s->engine->execute(s->engine, &commit);
        assert_int_equal(w.outcome, OUTCOME_OK);
        envelope_unref(w.u.message.envelope);
    }
}

static void a_knock_whose_place_is_taken_gets_another_one(void **state)
{
    struct scene *s = *state;
    static const struct {
        uint32_t taken;
        enum status status;
    } cases[] = {{3, STATUS_OK}, {4, STATUS_BUSY}};
    for (uint32_t i = 0; i < 2; i++) {
        struct thing desk;
        struct knocking k;
        make_queue(s, &desk, 1 + 10 * i, QUEUE_DESK);
        knock_from(&k, 50 + i, 'k');
        challenge(s, &s->peers[1], desk.put, &k);
        take_places(s, &desk, cases[i].taken);
        uint32_t seq = say_knock(s, &s->peers[1], desk.put, &k);
        scene_settle(s);
        scene_settle(s);
        hear_reply(&s->peers[1], seq, cases[i].status);
    }
}

/* Its tick and the next one were written together; only the knock is tried again. */
static void a_knock_that_gets_another_place_takes_nobody_along(void **state)
{
    struct scene *s = *state;
    struct thing desk, q;
    struct knocking k;
    make_queue(s, &desk, 1, QUEUE_DESK);
    make_queue(s, &q, 11, QUEUE_CONVERSATION);
    knock_from(&k, 50, 'k');
    challenge(s, &s->peers[1], desk.put, &k);
    take_places(s, &desk, 2);
    scene_tick(s);
    uint32_t commits = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    uint32_t knock = say_knock(s, &s->peers[1], desk.put, &k);
    scene_pass(s, SETTLE_MS);
    uint32_t send = say_send(s, &s->peers[2], q.put, 1, 'a');
    scene_pass(s, 3 * SETTLE_MS);
    s->hold = false;
    scene_turn(s);
    hear_reply(&s->peers[1], knock, STATUS_OK);
    hear_reply(&s->peers[2], send, STATUS_OK);
    assert_int_equal(s->store.writes[WRITE_KNOCK], 3);
    assert_int_equal(s->store.writes[WRITE_MESSAGE], 1);
    assert_int_equal(s->store.jobs[JOB_COMMIT] - commits, 3);
}

static void a_knock_that_comes_again_is_ok_again(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k, other;
    make_queue(s, &desk, 1, QUEUE_DESK);
    knock_from(&k, 50, 'k');
    challenge(s, her, desk.put, &k);
    /* In the same tick, over another connection, and when it is long done, with a cookie that is spent. */
    uint32_t a = say_knock(s, her, desk.put, &k);
    uint32_t b = say_knock(s, &s->peers[2], desk.put, &k);
    scene_settle(s);
    hear_reply(her, a, STATUS_OK);
    hear_reply(&s->peers[2], b, STATUS_OK);
    scene_pass(s, 1000 * 1000);
    a = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, a, STATUS_OK);
    assert_int_equal(scene_rows(s), 1);
    /* Some of its names and others: no. */
    knock_from(&other, 51, 'k');
    other.queue.names.put = k.queue.put_name.b;
    challenge(s, her, desk.put, &other);
    a = say_knock(s, her, desk.put, &other);
    scene_settle(s);
    hear_reply(her, a, STATUS_REFUSED);
    assert_int_equal(scene_rows(s), 1);
}

static void a_cookie_is_good_for_one_knock_at_one_desk(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk, second;
    struct knocking k, other;
    make_queue(s, &desk, 1, QUEUE_DESK);
    make_queue(s, &second, 2, QUEUE_DESK);
    knock_from(&k, 50, 'k');
    knock_from(&other, 51, 'l');
    challenge(s, her, desk.put, &k);
    memcpy(other.cookie, k.cookie, sizeof(k.cookie));
    uint32_t elsewhere = say_knock(s, her, second.put, &k);
    uint32_t good = say_knock(s, her, desk.put, &k);
    uint32_t spent = say_knock(s, her, desk.put, &other);
    scene_settle(s);
    hear_reply(her, elsewhere, STATUS_REFUSED);
    hear_reply(her, good, STATUS_OK);
    hear_reply(her, spent, STATUS_REFUSED);
    /* Too old. */
    challenge(s, her, desk.put, &other);
    scene_pass(s, WIRE_COOKIE_SECONDS * 1000);
    uint32_t old = say_knock(s, her, desk.put, &other);
    scene_settle(s);
    hear_reply(her, old, STATUS_REFUSED);
    /* Forged. */
    challenge(s, her, desk.put, &other);
    other.cookie[4] = 0;
    other.cookie[31] ^= 1;
    uint32_t forged = say_knock(s, her, desk.put, &other);
    scene_settle(s);
    hear_reply(her, forged, STATUS_REFUSED);
}

/* Nor for the same knock, once it was accepted. */
static void a_solution_does_not_pay_for_a_second_message(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k;
    make_queue(s, &desk, 1, QUEUE_DESK);
    knock_from(&k, 50, 'k');
    challenge(s, her, desk.put, &k);
    uint32_t seq = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
    hear_forgotten(s, her, say_delete(s, her, DELETE_OWN, k.queue.own), STATUS_OK);
    k.handle[5] ^= 1;
    k.voucher_name.b[5] ^= 1;
    seq = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, seq, STATUS_REFUSED);
    assert_int_equal(scene_rows(s), 1);
}

static void cookies_of_a_calm_hour_do_not_pay_for_a_flood(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k[4];
    uint32_t seq;
    s->limits.calm_knocks_a_minute = 2;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    for (uint32_t i = 0; i < 4; i++) {
        knock_from(&k[i], 50 + i, (uint8_t)i);
        challenge(s, her, desk.put, &k[i]);
        assert_int_equal(k[i].effort, 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        seq = say_knock(s, her, desk.put, &k[i]);
        scene_settle(s);
        hear_reply(her, seq, i < 2 ? STATUS_OK : STATUS_REFUSED);
    }
    /* With work it goes on. */
    challenge(s, her, desk.put, &k[3]);
    solve(&k[3]);
    seq = say_knock(s, her, desk.put, &k[3]);
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
}

/* A clock that is set back does not make a cookie live longer. */
static void cookies_do_not_follow_the_clock(void **state)
{
    struct scene *s = *state;
    struct thing desk;
    struct knocking k;
    make_queue(s, &desk, 1, QUEUE_DESK);
    knock_from(&k, 50, 'k');
    challenge(s, &s->peers[1], desk.put, &k);
    scene_pass(s, WIRE_COOKIE_SECONDS * 1000);
    s->now.utc_ms -= 2 * WIRE_COOKIE_SECONDS * 1000;
    uint32_t seq = say_knock(s, &s->peers[1], desk.put, &k);
    scene_settle(s);
    hear_reply(&s->peers[1], seq, STATUS_REFUSED);
}

static void a_busy_desk_asks_for_work(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k;
    s->limits.calm_knocks_a_minute = 2;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    for (uint32_t i = 0; i < 2; i++) {
        knock_from(&k, 50 + i, 'k');
        challenge(s, her, desk.put, &k);
        assert_int_equal(k.effort, 0);
        uint32_t seq = say_knock(s, her, desk.put, &k);
        scene_settle(s);
        hear_reply(her, seq, STATUS_OK);
    }
    knock_from(&k, 60, 'l');
    challenge(s, her, desk.put, &k);
    assert_in_range(k.effort, 1, 8);
    k.solution = 0;
    uint8_t hash[PUZZLE_HASH_BYTES];
    bool right = true;
    puzzle_hash(hash, &k.queue.names, k.envelope);
    assert_int_equal(puzzle_check(k.cookie, hash, k.effort, 0, &right), ZG_OK);
    if (!right) {
        uint32_t wrong = say_knock(s, her, desk.put, &k);
        scene_settle(s);
        hear_reply(her, wrong, STATUS_REFUSED);
        wrong = say_knock(s, her, desk.put, &k); /* not by being stubborn either */
        scene_settle(s);
        hear_reply(her, wrong, STATUS_REFUSED);
        her = &s->peers[2]; /* a connection that was never wrong */
        challenge(s, her, desk.put, &k);
    }
    solve(&k);
    uint32_t seq = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
    /* Two calm minutes, and it costs nothing again. */
    scene_pass(s, 121 * 1000);
    challenge(s, her, desk.put, &k);
    assert_int_equal(k.effort, 0);
}

static uint32_t knock_wrongly(struct scene *s, struct peer *p, const struct thing *desk, uint32_t n,
                              struct knocking *k)
{
    knock_from(k, n, 'k');
    challenge(s, p, desk->put, k);
    assert_true(k->effort > 8);
    k->solution = 12345;
    return say_knock(s, p, desk->put, k);
}

static void solutions_are_looked_at_only_so_often(void **state)
{
    struct scene *s = *state;
    struct peer *first = &s->peers[1], *second = &s->peers[2];
    struct thing desk;
    struct knocking k;
    s->limits.calm_knocks_a_minute = 0;
    s->limits.puzzles_a_second = 1;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    uint32_t looked = knock_wrongly(s, first, &desk, 50, &k);
    uint32_t seq = knock_wrongly(s, second, &desk, 51, &k);
    scene_settle(s);
    hear_reply(first, looked, STATUS_REFUSED);
    assert_int_equal(hear_reply(second, seq, STATUS_BUSY), 1);
    scene_pass(s, 500);
    seq = say_knock(s, second, desk.put, &k);
    scene_settle(s);
    hear_reply(second, seq, STATUS_REFUSED);
}

static uint32_t knock_again(struct scene *s, struct peer *p, const struct thing *desk,
                            const struct knocking *k, enum status status)
{
    uint32_t seq = say_knock(s, p, desk->put, k);
    scene_settle(s);
    return hear_reply(p, seq, status);
}

/* Else those who ask most often would be looked at. */
static void solutions_are_looked_at_in_the_order_in_which_they_came(void **state)
{
    struct scene *s = *state;
    struct peer *first = &s->peers[1], *second = &s->peers[2], *third = &s->peers[3];
    struct thing desk;
    struct knocking k, hers;
    s->limits.calm_knocks_a_minute = 0;
    s->limits.puzzles_a_second = 1;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    uint32_t seq = knock_wrongly(s, first, &desk, 50, &k);
    uint32_t seq2 = knock_wrongly(s, second, &desk, 51, &hers);
    uint32_t seq3 = knock_wrongly(s, third, &desk, 52, &k);
    scene_settle(s);
    hear_reply(first, seq, STATUS_REFUSED);
    assert_int_equal(hear_reply(second, seq2, STATUS_BUSY), 1);
    assert_int_equal(hear_reply(third, seq3, STATUS_BUSY), 2);
    /* Whoever comes too early; the second in her time; who still has to wait; and then need not. */
    knock_again(s, third, &desk, &k, STATUS_BUSY);
    scene_pass(s, 100);
    knock_again(s, second, &desk, &hers, STATUS_REFUSED);
    knock_again(s, third, &desk, &k, STATUS_BUSY);
    scene_pass(s, 1000);
    knock_again(s, third, &desk, &k, STATUS_REFUSED);
}

/* Else a place in line that somebody took and left would be lost, and many of them keep everybody waiting. */
static void who_waits_goes_on_when_those_before_her_do_not_come(void **state)
{
    struct scene *s = *state;
    struct peer *first = &s->peers[1], *absent = &s->peers[2], *she = &s->peers[3];
    struct thing desk;
    struct knocking k;
    s->limits.calm_knocks_a_minute = 0;
    s->limits.puzzles_a_second = 1;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    uint32_t seq = knock_wrongly(s, first, &desk, 50, &k);
    uint32_t seq2 = knock_wrongly(s, absent, &desk, 51, &k);
    uint32_t seq3 = knock_wrongly(s, she, &desk, 52, &k);
    scene_settle(s);
    hear_reply(first, seq, STATUS_REFUSED);
    hear_reply(absent, seq2, STATUS_BUSY);
    assert_int_equal(hear_reply(she, seq3, STATUS_BUSY), 2);
    peer_hang_up(absent);
    scene_pass(s, 600);
    knock_again(s, she, &desk, &k, STATUS_REFUSED);
}

/* The disk may answer for many of them at once. */
static void a_turn_looks_at_one_solution(void **state)
{
    struct scene *s = *state;
    struct peer *first = &s->peers[1], *second = &s->peers[2], *third = &s->peers[3];
    struct thing desk;
    struct knocking k, hers;
    s->limits.calm_knocks_a_minute = 0;
    s->limits.puzzles_a_second = 100;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    uint32_t seq = knock_wrongly(s, first, &desk, 50, &k);
    uint32_t later = knock_wrongly(s, second, &desk, 51, &hers);
    scene_settle(s);
    hear_reply(first, seq, STATUS_REFUSED);
    hear_reply(second, later, STATUS_BUSY);
    knock_from(&k, 52, 'k');
    challenge(s, third, desk.put, &k);
    k.solution = 12345;
    /* Both may be looked at now. */
    s->hold = true;
    seq = say_knock(s, third, desk.put, &k);
    later = say_knock(s, second, desk.put, &hers);
    s->hold = false;
    scene_settle(s);
    hear_reply(third, seq, STATUS_REFUSED);
    assert_int_equal(hear_reply(second, later, STATUS_BUSY), 1);
    knock_again(s, second, &desk, &hers, STATUS_REFUSED);
}

/* Else those who guess, as fast as they can, take the looks of those who mean it. */
static void who_gave_a_wrong_solution_is_looked_at_no_more(void **state)
{
    struct scene *s = *state;
    struct peer *liar = &s->peers[1], *other = &s->peers[2];
    struct thing desk;
    struct knocking k;
    s->limits.calm_knocks_a_minute = 0;
    s->limits.puzzles_a_second = 2;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    uint32_t seq = knock_wrongly(s, liar, &desk, 50, &k);
    scene_settle(s);
    hear_reply(liar, seq, STATUS_REFUSED);
    scene_pass(s, 1000);
    for (uint32_t i = 0; i < 3; i++) {
        seq = knock_wrongly(s, liar, &desk, 51 + i, &k);
        scene_settle(s);
        hear_reply(liar, seq, STATUS_BUSY);
    }
    seq = knock_wrongly(s, other, &desk, 60, &k);
    scene_settle(s);
    hear_reply(other, seq, STATUS_REFUSED);
}

static void a_full_desk_says_full(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k[5];
    uint8_t sub[8];
    uint32_t seq[5];
    s->limits.waiting_of_desk = 4;
    s->limits.calm_knocks_a_minute = 100;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    for (uint32_t i = 0; i < 5; i++) {
        knock_from(&k[i], 50 + i, (uint8_t)i);
        challenge(s, her, desk.put, &k[i]);
        solve(&k[i]);
        seq[i] = say_knock(s, her, desk.put, &k[i]);
        scene_settle(s);
        hear_reply(her, seq[i], i < 4 ? STATUS_OK : STATUS_FULL);
    }
    uint32_t full = say_send_ttl(s, her, SEND_TAKE, desk.take, 77, 'x', WIRE_TTL_1D);
    scene_settle(s);
    hear_reply(her, full, STATUS_FULL);
    challenge(s, her, desk.put, &k[4]);
    assert_true(k[4].effort > 8);
    /* One is answered: there is room for one. */
    subscribe(s, &s->peers[2], desk.take, 16, sub);
    say_ack(s, &s->peers[2], sub, hear_delivery(&s->peers[2], sub, 0));
    uint32_t send = say_send_ttl(s, her, SEND_TAKE, desk.take, 78, 'x', WIRE_TTL_1D);
    scene_settle(s);
    hear_reply(her, send, STATUS_OK);
}

/* What expired makes room, although the desk stays in memory. */
static void a_desk_is_counted_anew_every_hour(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k;
    uint8_t sub[8];
    s->limits.waiting_of_desk = 1;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, &s->peers[2], desk.take, 16, sub);
    peer_hang_up(&s->peers[2]);
    knock_from(&k, 50, 'k');
    challenge(s, her, desk.put, &k);
    uint32_t seq = say_knock_ttl(s, her, desk.put, &k, WIRE_TTL_1H);
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
    scene_pass(s, 2 * HOUR_MS);
    assert_int_equal(scene_rows(s), 0);
    knock_from(&k, 51, 'k');
    challenge(s, her, desk.put, &k);
    assert_int_equal(k.effort, 0);
    seq = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
}

static void knocks_at_what_is_no_desk_are_refused(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk, conversation;
    struct knocking k;
    uint8_t nothing[32] = {3};
    make_queue(s, &desk, 1, QUEUE_DESK);
    make_queue(s, &conversation, 2, QUEUE_CONVERSATION);
    const uint8_t *puts[] = {nothing, conversation.put, desk.take};
    knock_from(&k, 50, 'k');
    for (int i = 0; i < 3; i++) {
        struct command c = {.op = OP_CHALLENGE, .u.challenge = {puts[i]}};
        uint32_t seq = peer_send(her, &c, s->now);
        scene_turn(s);
        hear_reply(her, seq, STATUS_REFUSED);
        seq = say_knock(s, her, puts[i], &k);
        scene_settle(s);
        hear_reply(her, seq, STATUS_REFUSED);
    }
    s->ceiling = WIRE_TTL_1D;
    scene_restart(s);
    her = &s->peers[1];
    challenge(s, her, desk.put, &k);
    uint32_t seq = say_knock_ttl(s, her, desk.put, &k, WIRE_TTL_3D);
    scene_settle(s);
    hear_reply(her, seq, STATUS_TOO_LARGE);
}

static void a_failed_commit_of_a_knock_leaves_nothing_and_the_same_knock_may_come_again(void **state)
{
    struct scene *s = *state;
    struct peer *her = &s->peers[1];
    struct thing desk;
    struct knocking k;
    uint8_t sub[8];
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, &s->peers[2], desk.take, 16, sub);
    knock_from(&k, 50, 'k');
    challenge(s, her, desk.put, &k);
    s->store.fail[JOB_COMMIT] = 1;
    uint32_t seq = say_knock(s, her, desk.put, &k);
    scene_settle(s);
    hear_reply(her, seq, STATUS_BUSY);
    hear_nothing(&s->peers[2]);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    seq = say_knock(s, her, desk.put, &k); /* the same cookie */
    scene_settle(s);
    hear_reply(her, seq, STATUS_OK);
    hear_delivery(&s->peers[2], sub, 'k');
}

static void a_claimed_message_comes_back_after_its_lease(void **state)
{
    struct scene *s = *state;
    struct peer *worker = &s->peers[2];
    struct thing desk;
    uint8_t sub[8];
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, worker, desk.take, 16, sub);
    say_send_ttl(s, &s->peers[0], SEND_TAKE, desk.take, 1, 'a', WIRE_TTL_1D);
    say_send_ttl(s, &s->peers[0], SEND_TAKE, desk.take, 2, 'b', WIRE_TTL_1D);
    uint32_t a = hear_delivery(worker, sub, 'a');
    uint32_t b = hear_delivery(worker, sub, 'b');
    hear_reply(worker, say_claim(s, worker, sub, a), STATUS_OK);
    scene_pass(s, (WIRE_CLAIM_SECONDS - 1) * 1000);
    hear_nothing(worker);
    scene_pass(s, 1000);
    uint32_t again = hear_delivery(worker, sub, 'a');
    assert_true(again > b);
    hear_nothing(worker); /* the other one was not claimed */
    /* The old id is nothing any more, the new one is. */
    say_ack(s, worker, sub, a);
    hear_reply(worker, say_claim(s, worker, sub, again), STATUS_OK);
    scene_pass(s, 300 * 1000);
    hear_reply(worker, say_claim(s, worker, sub, again), STATUS_OK); /* the lease begins anew */
    scene_pass(s, 400 * 1000);
    hear_nothing(worker);
    say_ack(s, worker, sub, again);
    scene_pass(s, 400 * 1000);
    hear_nothing(worker);
    assert_int_equal(scene_rows(s), 1);
    /* Not mine, not there, not a desk: ok, and nothing else. */
    hear_reply(&s->peers[3], say_claim(s, &s->peers[3], sub, b), STATUS_OK);
    hear_reply(worker, say_claim(s, worker, sub, 999), STATUS_OK);
    scene_pass(s, 700 * 1000);
    hear_nothing(worker);
}

static void a_lease_ends_with_its_subscription(void **state)
{
    struct scene *s = *state;
    struct thing desk;
    uint8_t sub[8];
    make_queue(s, &desk, 1, QUEUE_DESK);
    subscribe(s, &s->peers[2], desk.take, 16, sub);
    say_send_ttl(s, &s->peers[0], SEND_TAKE, desk.take, 1, 'a', WIRE_TTL_1D);
    say_claim(s, &s->peers[2], sub, hear_delivery(&s->peers[2], sub, 'a'));
    peer_hang_up(&s->peers[2]);
    subscribe(s, &s->peers[3], desk.take, 16, sub);
    hear_delivery(&s->peers[3], sub, 'a');
    scene_pass(s, 700 * 1000);
    hear_nothing(&s->peers[3]);
}

static void vouchers_are_drawn_by_a_desk_within_its_quota(void **state)
{
    struct scene *s = *state;
    struct peer *worker = &s->peers[2];
    struct thing desk, q, conversation;
    struct name names[3];
    uint8_t secrets[3][32];
    s->limits.draws_of_desk_a_day = 4;
    scene_restart(s);
    worker = &s->peers[2];
    make_queue(s, &desk, 1, QUEUE_DESK);
    make_queue(s, &conversation, 2, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 3; i++) {
        memset(secrets[i], (int)(i + 1), 32);
        secret_name(ROLE_VOUCHER, secrets[i], &names[i]);
    }
    hear_reply(worker, say_draw(s, worker, desk.put, VOUCHER_CONVERSATION, names, 3), STATUS_REFUSED);
    hear_reply(worker, say_draw(s, worker, conversation.take, VOUCHER_CONVERSATION, names, 3),
               STATUS_REFUSED);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_CONVERSATION, names, 3), STATUS_OK);
    thing_from(&q, 10);
    hear_reply(worker, say_create(s, worker, &q, QUEUE_CONVERSATION, secrets[1]), STATUS_OK);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_SLOT, names, 2), STATUS_FULL);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_SLOT, names, 1), STATUS_OK);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_SLOT, names, 1), STATUS_FULL);
    scene_pass(s, 24 * (uint64_t)HOUR_MS);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_SLOT, names, 1), STATUS_OK);
}

static void vouchers_that_could_not_be_stored_do_not_count(void **state)
{
    struct scene *s = *state;
    struct peer *worker;
    struct thing desk;
    struct name names[4] = {{{1}}, {{2}}, {{3}}, {{4}}};
    s->limits.draws_of_desk_a_day = 4;
    scene_restart(s);
    worker = &s->peers[2];
    make_queue(s, &desk, 1, QUEUE_DESK);
    for (int i = 0; i < 3; i++) {
        s->store.fail_every = 1;
        hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_CONVERSATION, names, 4), STATUS_BUSY);
        s->store.fail_every = 0;
        scene_pass(s, 60 * 1000);
    }
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_CONVERSATION, names, 4), STATUS_OK);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_CONVERSATION, names, 1), STATUS_FULL);
}

static void a_voucher_expires(void **state)
{
    struct scene *s = *state;
    struct peer *worker = &s->peers[2];
    struct thing desk, q;
    struct name name;
    uint8_t secret[32] = {9};
    s->limits.voucher_days = 1;
    scene_restart(s);
    make_queue(s, &desk, 1, QUEUE_DESK);
    secret_name(ROLE_VOUCHER, secret, &name);
    hear_reply(worker, say_draw(s, worker, desk.take, VOUCHER_CONVERSATION, &name, 1), STATUS_OK);
    scene_pass(s, 26 * (uint64_t)HOUR_MS);
    thing_from(&q, 10);
    hear_reply(worker, say_create(s, worker, &q, QUEUE_CONVERSATION, secret), STATUS_REFUSED);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(a_challenge_is_looked_up_always),
    SCENE_TEST(a_knock_makes_a_queue_and_is_delivered_after_its_commit),
    SCENE_TEST(a_knock_that_expired_before_the_disk_was_done_is_not_delivered),
    SCENE_TEST(a_queue_that_was_made_meanwhile_decides_a_knock),
    SCENE_TEST(a_knock_whose_place_is_taken_gets_another_one),
    SCENE_TEST(a_knock_that_gets_another_place_takes_nobody_along),
    SCENE_TEST(a_knock_that_comes_again_is_ok_again),
    SCENE_TEST(a_cookie_is_good_for_one_knock_at_one_desk),
    SCENE_TEST(a_solution_does_not_pay_for_a_second_message),
    SCENE_TEST(cookies_of_a_calm_hour_do_not_pay_for_a_flood),
    SCENE_TEST(cookies_do_not_follow_the_clock),
    SCENE_TEST(a_busy_desk_asks_for_work),
    SCENE_TEST(solutions_are_looked_at_only_so_often),
    SCENE_TEST(solutions_are_looked_at_in_the_order_in_which_they_came),
    SCENE_TEST(who_waits_goes_on_when_those_before_her_do_not_come),
    SCENE_TEST(a_turn_looks_at_one_solution),
    SCENE_TEST(who_gave_a_wrong_solution_is_looked_at_no_more),
    SCENE_TEST(a_full_desk_says_full),
    SCENE_TEST(a_desk_is_counted_anew_every_hour),
    SCENE_TEST(knocks_at_what_is_no_desk_are_refused),
    SCENE_TEST(a_failed_commit_of_a_knock_leaves_nothing_and_the_same_knock_may_come_again),
    SCENE_TEST(a_claimed_message_comes_back_after_its_lease),
    SCENE_TEST(a_lease_ends_with_its_subscription),
    SCENE_TEST(vouchers_are_drawn_by_a_desk_within_its_quota),
    SCENE_TEST(vouchers_that_could_not_be_stored_do_not_count),
    SCENE_TEST(a_voucher_expires),
};

RUN_TESTS
