/* Handshake, records, pauses, silence: docs/protocol.md section 2. */
#include "tests/unit/relay_core/scene.h"

#include "proto/bytes.h"

static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];

static void the_welcome_says_the_limits(void **state)
{
    struct scene *s = *state;
    struct reader r;
    reader_init(&r, s->peers[0].welcome, sizeof(s->peers[0].welcome));
    assert_int_equal(reader_u8(&r), WIRE_VERSION);
    assert_int_equal(reader_u32(&r), s->now.utc_ms / 60000);
    assert_int_equal(reader_u8(&r), WIRE_TTL_30D);
    assert_int_equal(reader_u16(&r), SETTLE_MS);
    assert_int_equal(reader_u16(&r), WIRE_WINDOW_MAX);
    reader_zeros(&r);
    assert_true(reader_done(&r));
    assert_true(s->peers[0].bytes_heard + WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES <= 2700);
}

static void anything_wrong_in_the_first_message_closes(void **state)
{
    struct scene *s = *state;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    for (size_t at = 0; at < sizeof(hello); at += at < 4 ? 1 : 97) {
        struct peer p;
        assert_true(peer_connect(&p, s->relay, &s->rng, s->now));
        peer_hello(&p, s->pk, hello);
        hello[at] ^= 0x40;
        assert_false(peer_give(&p, hello, sizeof(hello), s->now));
        assert_true(p.closed);
        assert_int_equal(p.bytes_heard, 0);
        peer_clear(&p);
    }
    /* Another relay's key. */
    struct peer p;
    uint8_t other[32];
    crypto_scalarmult_base(other, hello + 100);
    assert_false(peer_open(&p, s->relay, other, &s->rng, s->now));
    assert_true(p.closed);
    peer_clear(&p);
}

static void everything_may_come_one_byte_at_a_time(void **state)
{
    struct scene *s = *state;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    struct command pings[2] = {{.op = OP_PING, .seq = 7}, {.op = OP_PING, .seq = 8}};
    struct peer p;
    assert_true(peer_connect(&p, s->relay, &s->rng, s->now));
    peer_hello(&p, s->pk, hello);
    for (size_t i = 0; i < sizeof(hello); i++) {
        assert_false(p.open);
        assert_true(peer_give(&p, &hello[i], 1, s->now));
    }
    assert_true(p.open);
    size_t len = peer_record(&p, pings, 2, record);
    len += peer_record(&p, pings, 1, record + len);
    for (size_t i = 0; i < len; i++)
        assert_true(peer_give(&p, &record[i], 1, s->now));
    scene_turn(s);
    hear_reply(&p, 7, STATUS_OK);
    hear_reply(&p, 8, STATUS_OK);
    hear_reply(&p, 7, STATUS_OK);
    assert_int_equal(p.records, 1);
    peer_clear(&p);
}

static void several_messages_may_come_in_one_piece(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct command ping = {.op = OP_PING};
    size_t len = 0;
    for (uint32_t i = 1; i <= 20; i++) {
        ping.seq = i;
        len += peer_record(p, &ping, 1, record + len);
    }
    assert_true(peer_give(p, record, len - 30, s->now));
    assert_true(peer_give(p, record + len - 30, 30, s->now));
    scene_turn(s);
    for (uint32_t i = 1; i <= 20; i++)
        hear_reply(p, i, STATUS_OK);
}

static void half_a_handshake_is_dropped_after_ten_seconds(void **state)
{
    struct scene *s = *state;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    struct peer p;
    assert_true(peer_connect(&p, s->relay, &s->rng, s->now));
    peer_hello(&p, s->pk, hello);
    peer_give(&p, hello, 600, s->now);
    scene_pass(s, 5000);
    peer_give(&p, hello + 600, 600, s->now);
    scene_pass(s, 4999);
    assert_false(p.closed);
    scene_pass(s, 1);
    assert_true(p.closed);
    peer_clear(&p);
}

static void a_thousand_silent_connections_are_dropped(void **state)
{
    struct scene *s = *state;
    enum { COUNT = 1000 };
    struct peer *silent = calloc(COUNT, sizeof(*silent));
    assert_non_null(silent);
    for (int i = 0; i < COUNT; i++)
        assert_true(peer_connect(&silent[i], s->relay, &s->rng, s->now));
    assert_int_equal(scene_stats(s).connections, COUNT + SCENE_PEERS);
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
    scene_pass(s, WIRE_HANDSHAKE_SECONDS * 1000);
    for (int i = 0; i < COUNT; i++)
        assert_true(silent[i].closed);
    assert_int_equal(scene_stats(s).connections, SCENE_PEERS);
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
    free(silent);
}

/* Handshakes cost the relay most: many at once must not keep the others waiting. */
static void a_turn_carries_out_only_some_handshakes(void **state)
{
    struct scene *s = *state;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    enum { EACH = SCENE_PEERS, COUNT = 2 * EACH + 1 };
    struct peer p[COUNT];
    s->limits.hellos_a_turn = EACH;
    scene_restart(s);
    for (int i = 0; i < COUNT; i++) {
        assert_true(peer_connect(&p[i], s->relay, &s->rng, s->now));
        peer_hello(&p[i], s->pk, hello);
        assert_true(peer_give(&p[i], hello, sizeof(hello), s->now));
        assert_int_equal(p[i].open, i < EACH);
    }
    assert_true(peer_paused(&p[EACH]));
    assert_int_equal(relay_deadline(s->relay), 0);
    relay_flush(s->relay);
    relay_advance(s->relay, s->now);
    assert_true(p[2 * EACH - 1].open);
    assert_false(p[2 * EACH].open);
    scene_turn(s);
    assert_true(p[2 * EACH].open);
    hear_reply(&p[2 * EACH], say_ping(s, &p[2 * EACH]), STATUS_OK);
    for (int i = 0; i < COUNT; i++)
        peer_clear(&p[i]);
}

/* More wait, and get on when the next second's share comes. */
static void a_second_carries_out_only_some_handshakes(void **state)
{
    struct scene *s = *state;
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    enum { BURST = SCENE_PEERS, COUNT = BURST + 2 };
    struct peer p[COUNT];
    s->limits.hellos_a_second = 4 * BURST; /* a quarter of it at once */
    scene_restart(s);
    scene_pass(s, 1000);
    for (int i = 0; i < COUNT; i++) {
        assert_true(peer_connect(&p[i], s->relay, &s->rng, s->now));
        peer_hello(&p[i], s->pk, hello);
        assert_true(peer_give(&p[i], hello, sizeof(hello), s->now));
        scene_turn(s);
        assert_int_equal(p[i].open, i < BURST);
    }
    assert_true(peer_paused(&p[BURST]));
    uint64_t next = relay_deadline(s->relay);
    assert_true(next > s->now.mono_ms && next <= s->now.mono_ms + 1000 / (4 * BURST) + 1);
    scene_pass(s, next - s->now.mono_ms);
    assert_true(p[BURST].open); /* in the order in which they came */
    assert_false(p[BURST + 1].open);
    /* Who said everything in time is not dropped because the relay was slow. */
    s->now.mono_ms += 2 * WIRE_HANDSHAKE_SECONDS * 1000;
    s->now.utc_ms += 2 * WIRE_HANDSHAKE_SECONDS * 1000;
    scene_turn(s);
    hear_reply(&p[BURST + 1], say_ping(s, &p[BURST + 1]), STATUS_OK);
    for (int i = 0; i < COUNT; i++)
        peer_clear(&p[i]);
}

static void no_more_connections_than_allowed(void **state)
{
    struct scene *s = *state;
    struct peer a, b;
    s->limits.connections = SCENE_PEERS + 1;
    scene_restart(s);
    assert_true(peer_connect(&a, s->relay, &s->rng, s->now));
    assert_false(peer_connect(&b, s->relay, &s->rng, s->now));
    peer_clear(&a);
    assert_true(peer_connect(&b, s->relay, &s->rng, s->now));
    peer_clear(&b);
}

/* A crowd that does nothing does not keep others out, and nobody goes for it who takes part. */
static void when_it_is_full_old_strangers_make_room(void **state)
{
    struct scene *s = *state;
    struct thing q;
    struct peer a, b, c, d, e;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.connections = SCENE_PEERS + 1;
    scene_restart(s);
    subscribe(s, &s->peers[0], q.take, 10, sub);
    scene_pass(s, 1000);
    assert_true(peer_open(&a, s->relay, s->pk, &s->rng, s->now));
    scene_pass(s, 58 * 1000);
    assert_false(peer_connect(&b, s->relay, &s->rng, s->now));
    scene_pass(s, 1000);
    assert_true(peer_open(&b, s->relay, s->pk, &s->rng, s->now));
    assert_true(s->peers[1].closed);
    assert_false(s->peers[2].closed);
    assert_true(peer_connect(&c, s->relay, &s->rng, s->now));
    assert_true(s->peers[2].closed);
    assert_true(peer_connect(&d, s->relay, &s->rng, s->now));
    assert_true(s->peers[3].closed);
    /* The next one has not had its minute. */
    assert_false(peer_connect(&e, s->relay, &s->rng, s->now));
    assert_false(a.closed);
    assert_int_equal(scene_stats(s).connections, s->limits.connections);
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
    struct peer *all[] = {&a, &b, &c, &d};
    for (size_t i = 0; i < 4; i++)
        peer_clear(all[i]);
}

/* The length alone ends it, before a byte more is kept. */
static void a_length_that_is_not_allowed_closes(void **state)
{
    struct scene *s = *state;
    static const uint16_t bad[] = {0, 1, 16, 127 + 16, 129 + 16, 4319 + 16, 4321 + 16, 64800 + 17, 65535};
    static const uint16_t good[] = {128 + 16, 4320 + 16, 2 * 4320 + 16, 64800 + 16};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct peer p;
        const uint8_t header[2] = {(uint8_t)(bad[i] >> 8), (uint8_t)bad[i]};
        assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
        assert_false(peer_give(&p, header, 2, s->now));
        assert_true(p.closed);
        peer_clear(&p);
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct peer p;
        const uint8_t header[2] = {(uint8_t)(good[i] >> 8), (uint8_t)good[i]};
        assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
        assert_true(peer_give(&p, header, 2, s->now));
        peer_clear(&p);
    }
}

static void damaged_records_close(void **state)
{
    struct scene *s = *state;
    struct command ping = {.op = OP_PING, .seq = 1};
    for (size_t at = 2; at < 2 + 128 + 16; at += 13) {
        struct peer p;
        assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
        size_t len = peer_record(&p, &ping, 1, record);
        record[at] ^= 1;
        assert_false(peer_give(&p, record, len, s->now));
        assert_true(p.closed);
        peer_clear(&p);
    }
}

static void refuse_plain(struct scene *s, const uint8_t *bytes, size_t len)
{
    uint8_t plain[128] = {0};
    struct peer p;
    assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
    memcpy(plain, bytes, len);
    assert_false(peer_give(&p, record, peer_seal(&p, plain, sizeof(plain), record), s->now));
    assert_true(p.closed);
    peer_clear(&p);
}

static void what_is_not_a_command_closes(void **state)
{
    struct scene *s = *state;
    static const uint8_t unknown[] = {0, 3, 0x92, 99, 1};
    static const uint8_t kept_for_later[] = {0, 3, 0x92, 11, 1};
    static const uint8_t a_relays[] = {0, 5, 0x94, 64, 1, 0, 0};
    static const uint8_t trailing[] = {0, 4, 0x92, 1, 1, 1};
    static const uint8_t fields[] = {0, 4, 0x93, 1, 1, 1};
    static const uint8_t beyond[] = {0, 200, 0x92, 1, 1};
    static const uint8_t padding[] = {0, 3, 0x92, 1, 1, 0, 0, 0, 1};
    refuse_plain(s, unknown, sizeof(unknown));
    refuse_plain(s, kept_for_later, sizeof(kept_for_later));
    refuse_plain(s, a_relays, sizeof(a_relays));
    refuse_plain(s, trailing, sizeof(trailing));
    refuse_plain(s, fields, sizeof(fields));
    refuse_plain(s, beyond, sizeof(beyond));
    refuse_plain(s, padding, sizeof(padding));
}

static void half_a_record_is_dropped_after_a_while(void **state)
{
    struct scene *s = *state;
    struct command ping = {.op = OP_PING, .seq = 1};
    size_t len = peer_record(&s->peers[0], &ping, 1, record);
    peer_give(&s->peers[0], record, len - 1, s->now);
    scene_pass(s, 59 * 1000);
    assert_false(s->peers[0].closed);
    /* Whoever goes on is not dropped. */
    peer_give(&s->peers[0], record + len - 1, 1, s->now);
    scene_pass(s, 10 * 1000);
    hear_reply(&s->peers[0], 1, STATUS_OK);
    len = peer_record(&s->peers[0], &ping, 1, record);
    peer_give(&s->peers[0], record, 1, s->now);
    scene_pass(s, 60 * 1000);
    assert_true(s->peers[0].closed);
    assert_false(s->peers[1].closed);
}

static void above_the_input_limit_the_oldest_half_records_go(void **state)
{
    struct scene *s = *state;
    struct peer p[4];
    memset(record, 0, sizeof(record));
    record[0] = (64800 + 16) >> 8;
    record[1] = (64800 + 16) & 0xff;
    s->limits.input_bytes = 200 * 1000;
    scene_restart(s);
    for (int i = 0; i < 4; i++) {
        assert_true(peer_open(&p[i], s->relay, s->pk, &s->rng, s->now));
        assert_true(peer_give(&p[i], record, 60000, s->now));
        scene_pass(s, 1);
    }
    assert_true(p[0].closed);
    assert_false(p[3].closed);
    for (int i = 0; i < 4; i++)
        peer_clear(&p[i]);
}

static void too_many_unanswered_commands_pause(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct command ping[50];
    struct thing q;
    uint32_t send;
    s->limits.unanswered_of_one = 10;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 50; i++)
        ping[i] = (struct command){.op = OP_PING, .seq = 1000 + i};
    assert_true(peer_give(p, record, peer_record(p, ping, 50, record), s->now));
    assert_true(peer_paused(p));
    scene_turn(s);
    assert_false(peer_paused(p));
    for (uint32_t i = 0; i < 50; i++)
        hear_reply(p, 1000 + i, STATUS_OK);
    /* Replies that wait for the tick hold everything behind them. */
    for (uint32_t i = 0; i < 10; i++)
        send = say_send(s, p, q.put, i, 'a');
    assert_true(peer_paused(p));
    assert_true(peer_give(p, record, peer_record(p, ping, 1, record), s->now));
    scene_turn(s);
    hear_nothing(p);
    scene_settle(s);
    for (uint32_t i = 0; i < 10; i++)
        hear_reply(p, send - 9 + i, STATUS_OK);
    hear_reply(p, 1000, STATUS_OK);
    assert_false(peer_paused(p));
}

static uint32_t heard_by(struct peer *p)
{
    uint32_t count = 0;
    for (struct heard *h; (h = peer_take(p)) != NULL; count++)
        free(h);
    return count;
}

/* Nothing is left of its record, not even padding: it has no turn to wait for. */
static void who_waits_for_replies_only_is_told(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    enum { UNITS = 16 };
    static const uint8_t handle[WIRE_HANDLE_BYTES] = {1};
    struct command c[UNITS];
    s->limits.unanswered_of_one = UNITS;
    s->limits.strangers_a_turn = s->limits.strangers_a_second = 1000000;
    scene_restart(s);
    for (uint32_t i = 0; i < UNITS; i++)
        c[i] = (struct command){.op = OP_PING, .seq = 1000 + i};
    /* A unit of 23 bytes, 15 of 7. */
    c[0].op = OP_CANCEL;
    c[0].seq = 0;
    c[0].u.cancel.handle = handle;
    assert_int_equal(peer_record(p, c, UNITS, record),
                     WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES);
    assert_true(
        peer_give(p, record, WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES, s->now));
    assert_true(peer_paused(p));
    scene_turn(s);
    assert_false(peer_paused(p));
    scene_settle(s);
    assert_int_equal(heard_by(p), UNITS);
}

static void a_turn_carries_out_only_some_commands_of_one(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct command ping[40];
    s->limits.commands_a_turn = 16;
    scene_restart(s);
    for (uint32_t i = 0; i < 40; i++)
        ping[i] = (struct command){.op = OP_PING, .seq = i};
    peer_give(p, record, peer_record(p, ping, 40, record), s->now);
    assert_true(peer_paused(p));
    assert_int_equal(relay_deadline(s->relay), 0);
    for (uint32_t round = 0; round < 3; round++) {
        relay_flush(s->relay);
        for (uint32_t i = 16 * round; i < 16 * (round + 1) && i < 40; i++)
            hear_reply(p, i, STATUS_OK);
        hear_nothing(p);
        relay_advance(s->relay, s->now);
    }
    assert_false(peer_paused(p));
}

static void give_pings(struct scene *s, struct peer *p, uint32_t count)
{
    struct command ping[40];
    for (uint32_t i = 0; i < count; i++)
        ping[i] = (struct command){.op = OP_PING, .seq = i};
    assert_true(peer_give(p, record, peer_record(p, ping, count, record), s->now));
}

/* Those who show no right share what is left, evenly; somebody with a queue does not wait for them. */
static void strangers_share_a_turn_and_others_go_first(void **state)
{
    struct scene *s = *state;
    struct peer *known = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.strangers_a_turn = 4; /* one each */
    s->limits.strangers_a_second = 1000000;
    scene_restart(s);
    subscribe(s, known, q.take, 10, sub);
    for (int i = 1; i < SCENE_PEERS; i++)
        give_pings(s, &s->peers[i], 10);
    give_pings(s, known, 10);
    relay_flush(s->relay);
    assert_int_equal(heard_by(known), 10);
    /* The first has had its share; nobody overtakes it while it waits. */
    for (int i = 1; i < SCENE_PEERS; i++) {
        assert_true(peer_paused(&s->peers[i]));
        assert_int_equal(heard_by(&s->peers[i]), i == 1);
    }
    assert_int_equal(relay_deadline(s->relay), 0);
    relay_advance(s->relay, s->now);
    relay_flush(s->relay);
    for (int i = 1; i < SCENE_PEERS; i++)
        assert_int_equal(heard_by(&s->peers[i]), 1);
    scene_turn(s);
    for (int i = 1; i < SCENE_PEERS; i++) {
        assert_int_equal(heard_by(&s->peers[i]), i == 1 ? 8 : 9);
        assert_false(peer_paused(&s->peers[i]));
    }
}

static void next_turn(struct scene *s)
{
    relay_advance(s->relay, s->now);
    relay_flush(s->relay);
}

/* To knock, or to come back, takes a few commands; those who flood do not have to wait for ever. */
static void who_asks_for_little_goes_before_those_who_insist(void **state)
{
    struct scene *s = *state;
    struct peer *some = &s->peers[1], *others = &s->peers[2], *she = &s->peers[3];
    s->limits.strangers_a_turn = 1;
    s->limits.strangers_a_second = 1000000;
    scene_restart(s);
    give_pings(s, some, 40);
    give_pings(s, others, 40);
    for (int turn = 0; turn < 40; turn++)
        next_turn(s);
    assert_in_range(heard_by(some), 18, 22);
    assert_in_range(heard_by(others), 18, 22);
    give_pings(s, she, 8);
    for (int turn = 0; turn < 8; turn++)
        next_turn(s);
    assert_in_range(heard_by(she), 5, 7);
    assert_in_range(heard_by(some) + heard_by(others), 1, 3);
}

/* A tick answers many strangers at once: what a conversation has to hear does not wait for all of them. */
static void a_turn_answers_known_ones_first_and_only_some_strangers(void **state)
{
    struct scene *s = *state;
    struct peer *known = &s->peers[0];
    enum { CROWD = 40 };
    struct peer crowd[CROWD];
    struct thing q;
    uint8_t sub[8];
    uint32_t heard = 0;
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.strangers_a_turn = s->limits.hellos_a_turn = 1000;
    s->limits.strangers_a_second = s->limits.hellos_a_second = 1000000;
    scene_restart(s);
    subscribe(s, known, q.take, 10, sub);
    for (int i = 0; i < CROWD; i++) {
        assert_true(peer_open(&crowd[i], s->relay, s->pk, &s->rng, s->now));
        give_pings(s, &crowd[i], 1);
    }
    give_pings(s, known, 1);
    relay_flush(s->relay);
    assert_int_equal(heard_by(known), 1);
    for (int i = 0; i < CROWD; i++)
        heard += heard_by(&crowd[i]);
    assert_in_range(heard, 1, CROWD / 2);
    assert_int_equal(relay_deadline(s->relay), 0);
    /* Who shows a right meanwhile waits no more. */
    struct command right = {.op = OP_SUBSCRIBE, .u.subscribe = {q.take, 10}};
    peer_send(&crowd[CROWD - 1], &right, s->now);
    test_store_run(&s->store);
    relay_flush(s->relay);
    assert_int_equal(heard_by(&crowd[CROWD - 1]), 2);
    for (int turn = 0; turn < CROWD; turn++)
        relay_flush(s->relay);
    for (int i = 0; i < CROWD - 1; i++)
        heard += heard_by(&crowd[i]);
    assert_int_equal(heard, CROWD - 1);
    for (int i = 0; i < CROWD; i++)
        peer_clear(&crowd[i]);
}

static void strangers_get_only_so_much_of_a_second(void **state)
{
    struct scene *s = *state;
    struct peer *known = &s->peers[0];
    struct thing q, desk;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    make_queue(s, &desk, 2, QUEUE_DESK);
    s->limits.strangers_a_second = 16; /* four at once */
    scene_restart(s);
    subscribe(s, known, q.take, 10, sub); /* was the first */
    /* That she asks at a desk does not make her known. */
    struct command challenge = {.op = OP_CHALLENGE, .u.challenge = {desk.put}};
    peer_send(&s->peers[1], &challenge, s->now);
    scene_turn(s);
    assert_int_equal(heard_by(&s->peers[1]), 1);
    give_pings(s, &s->peers[1], 10);
    scene_turn(s);
    assert_int_equal(heard_by(&s->peers[1]), 2);
    give_pings(s, known, 40);
    scene_turn(s);
    assert_int_equal(heard_by(known), 40);
    scene_pass(s, 250);
    assert_int_equal(heard_by(&s->peers[1]), 4);
    scene_pass(s, 1000);
    assert_int_equal(heard_by(&s->peers[1]), 4);
}

static void who_sends_too_much_rests(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.commands_a_second = 10; /* twice as many at once */
    scene_restart(s);
    subscribe(s, p, q.take, 10, sub);
    give_pings(s, p, 40);
    scene_turn(s);
    uint32_t heard = heard_by(p);
    assert_in_range(heard, 19, 21);
    assert_true(peer_paused(p));
    assert_true(relay_deadline(s->relay) > s->now.mono_ms);
    scene_pass(s, 1000);
    uint32_t more = heard_by(p);
    assert_in_range(more, 9, 12);
    scene_pass(s, 3000);
    assert_int_equal(heard + more + heard_by(p), 40);
    assert_false(peer_paused(p));
}

/* It is the strangers who go, the oldest first, and not somebody who takes part. */
static void strangers_hold_less_input_than_others(void **state)
{
    struct scene *s = *state;
    struct peer *known = &s->peers[0];
    struct thing q;
    uint8_t sub[8];
    static const uint8_t half[2 + 3000] = {(4320 + 16) >> 8, (4320 + 16) & 0xff};
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.input_bytes = 3 * sizeof(half);
    scene_restart(s);
    subscribe(s, known, q.take, 10, sub);
    assert_true(peer_give(known, half, sizeof(half), s->now));
    scene_pass(s, 1);
    assert_true(peer_give(&s->peers[1], half, sizeof(half), s->now));
    assert_true(peer_give(&s->peers[2], half, sizeof(half), s->now));
    assert_false(peer_give(&s->peers[3], half, sizeof(half), s->now));
    assert_int_equal(relay_deadline(s->relay), 0);
    scene_turn(s);
    assert_true(s->peers[1].closed);
    assert_false(s->peers[2].closed);
    assert_false(known->closed);
}

/* As much as one read brings, in whole records, so that it waits for its turn for a long time. */
static bool give_much(struct scene *s, struct peer *p)
{
    static uint8_t much[60000];
    struct command ping[20];
    size_t len = 0;
    for (uint32_t i = 0; i < 20; i++)
        ping[i] = (struct command){.op = OP_PING, .seq = i};
    while (len + 200 < sizeof(much))
        len += peer_record(p, ping, 20, much + len);
    return peer_give(p, much, len, s->now);
}

static struct peer *crowd_with_much(struct scene *s, size_t count)
{
    struct peer *crowd = calloc(count, sizeof(*crowd));
    assert_non_null(crowd);
    for (size_t i = 0; i < count; i++) {
        assert_true(peer_open(&crowd[i], s->relay, s->pk, &s->rng, s->now));
        (void)give_much(s, &crowd[i]);
        relay_flush(s->relay);
    }
    return crowd;
}

static void clear_crowd(struct peer *crowd, size_t count)
{
    for (size_t i = 0; i < count; i++)
        peer_clear(&crowd[i]);
    free(crowd);
}

/* A few connections that send nonsense as fast as they can do not fill the room in which others begin. */
static void who_waits_with_much_goes_before_who_comes_with_little(void **state)
{
    struct scene *s = *state;
    static const uint8_t half[2 + 3000] = {(4320 + 16) >> 8, (4320 + 16) & 0xff};
    uint8_t hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    enum { COUNT = 20 };
    struct peer p;
    s->limits.input_bytes = 1 << 20;
    s->limits.strangers_a_second = 10;
    scene_restart(s);
    assert_true(peer_give(&s->peers[1], half, sizeof(half), s->now));
    struct peer *crowd = crowd_with_much(s, COUNT);
    assert_true(peer_connect(&p, s->relay, &s->rng, s->now));
    peer_hello(&p, s->pk, hello);
    assert_true(peer_give(&p, hello, 700, s->now));
    assert_true(peer_give(&s->peers[2], half, sizeof(half), s->now));
    scene_turn(s);
    assert_true(peer_give(&p, hello + 700, sizeof(hello) - 700, s->now));
    assert_true(p.open);
    assert_false(s->peers[1].closed);
    assert_false(s->peers[2].closed);
    assert_false(session_paused(s->peers[3].session));
    assert_true(crowd[0].closed);
    peer_clear(&p);
    clear_crowd(crowd, COUNT);
}

/* Nor do those who have shown a right to something fill the memory. */
static void known_ones_hold_no_more_input_than_all_may(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    enum { COUNT = 40 };
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    s->limits.input_bytes = 1 << 20;
    s->limits.commands_a_second = 1;
    scene_restart(s);
    struct peer *crowd = calloc(COUNT, sizeof(*crowd));
    assert_non_null(crowd);
    size_t open = 0;
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(peer_open(&crowd[i], s->relay, s->pk, &s->rng, s->now));
        subscribe(s, &crowd[i], q.take, 10, sub);
        (void)give_much(s, &crowd[i]);
        scene_turn(s);
    }
    for (size_t i = 0; i < COUNT; i++)
        open += !crowd[i].closed;
    assert_in_range(open, 8, 17);
    /* And somebody new gets in, slowly. */
    static const uint8_t half[2 + 3000] = {(4320 + 16) >> 8, (4320 + 16) & 0xff};
    assert_true(peer_give(&s->peers[1], half, sizeof(half), s->now));
    scene_turn(s);
    assert_false(s->peers[1].closed);
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
    clear_crowd(crowd, COUNT);
}

/* Whoever does not pause is dropped before it fills the memory. */
static void who_sends_although_paused_is_dropped(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct thing q;
    size_t given = 0;
    s->limits.unanswered_of_one = 1;
    scene_restart(s);
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    say_send(s, p, q.put, 1, 'a');
    memset(record, 0, sizeof(record));
    while (!p->closed && given < 1 << 20) {
        peer_give(p, record, 10000, s->now);
        given += 10000;
    }
    assert_true(p->closed);
}

static void rekeying_goes_on_in_both_directions(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[0];
    struct command ping = {.op = OP_PING};
    for (uint32_t i = 0; i < WIRE_REKEY_RECORDS + 3; i++) {
        ping.seq = i;
        peer_give(p, record, peer_record(p, &ping, 1, record), s->now);
        relay_flush(s->relay);
        hear_reply(p, i, STATUS_OK);
    }
    assert_int_equal(p->records, WIRE_REKEY_RECORDS + 3);
}

static void deliveries_share_records(void **state)
{
    struct scene *s = *state;
    struct thing q;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    for (uint32_t i = 0; i < 30; i++)
        say_send(s, &s->peers[0], q.put, i, (uint8_t)i);
    scene_settle(s);
    subscribe(s, &s->peers[1], q.take, 64, sub);
    for (uint32_t i = 0; i < 30; i++)
        hear_delivery(&s->peers[1], sub, (uint8_t)i);
    /* SUBSCRIBED in the first one; 15 envelopes in each. */
    assert_int_equal(s->peers[1].records, 2);
}

static void stopping_settles_what_came(void **state)
{
    struct scene *s = *state;
    struct thing q;
    struct peer late;
    uint8_t sub[8];
    make_queue(s, &q, 1, QUEUE_CONVERSATION);
    make_queue(s, &(struct thing){0}, 2, QUEUE_CONVERSATION);
    subscribe(s, &s->peers[1], q.take, 16, sub);
    uint32_t seq = say_send(s, &s->peers[0], q.put, 1, 'a');
    hear_delivery(&s->peers[1], sub, 'a');
    s->hold = true;
    relay_drain(s->relay, s->now);
    assert_false(relay_drained(s->relay));
    assert_false(peer_connect(&late, s->relay, &s->rng, s->now));
    uint32_t ignored = say_ping(s, &s->peers[0]);
    s->hold = false;
    scene_turn(s); /* no time passes */
    hear_reply(&s->peers[0], seq, STATUS_OK);
    hear_nothing(&s->peers[0]);
    assert_true(ignored > seq);
    assert_true(relay_drained(s->relay));
    assert_int_equal(scene_rows(s), 1);
}

static void options_out_of_range_are_refused(void **state)
{
    struct scene *s = *state;
    struct relay *r = NULL;
    struct relay_options good = {
        .limits = s->limits, .settle_ms = 10, .ttl_ceiling = 0, .store = &s->store.store, .rng = s->rng};
    struct relay_options bad = good;
    assert_int_equal(relay_new(&r, &good, s->now), ZG_OK);
    relay_free(r);
    r = NULL;
    relay_free(r);
    bad.settle_ms = 9;
    assert_int_equal(relay_new(&r, &bad, s->now), ZG_ERR_ARGUMENT);
    bad.settle_ms = 5001;
    assert_int_equal(relay_new(&r, &bad, s->now), ZG_ERR_ARGUMENT);
    bad = good;
    bad.ttl_ceiling = WIRE_TTL_LASTING;
    assert_int_equal(relay_new(&r, &bad, s->now), ZG_ERR_ARGUMENT);
    bad = good;
    bad.store = NULL;
    assert_int_equal(relay_new(&r, &bad, s->now), ZG_ERR_ARGUMENT);
    assert_null(r);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(the_welcome_says_the_limits),
    SCENE_TEST(anything_wrong_in_the_first_message_closes),
    SCENE_TEST(everything_may_come_one_byte_at_a_time),
    SCENE_TEST(several_messages_may_come_in_one_piece),
    SCENE_TEST(half_a_handshake_is_dropped_after_ten_seconds),
    SCENE_TEST(a_thousand_silent_connections_are_dropped),
    SCENE_TEST(a_turn_carries_out_only_some_handshakes),
    SCENE_TEST(a_second_carries_out_only_some_handshakes),
    SCENE_TEST(no_more_connections_than_allowed),
    SCENE_TEST(when_it_is_full_old_strangers_make_room),
    SCENE_TEST(a_length_that_is_not_allowed_closes),
    SCENE_TEST(damaged_records_close),
    SCENE_TEST(what_is_not_a_command_closes),
    SCENE_TEST(half_a_record_is_dropped_after_a_while),
    SCENE_TEST(above_the_input_limit_the_oldest_half_records_go),
    SCENE_TEST(too_many_unanswered_commands_pause),
    SCENE_TEST(who_waits_for_replies_only_is_told),
    SCENE_TEST(a_turn_carries_out_only_some_commands_of_one),
    SCENE_TEST(strangers_share_a_turn_and_others_go_first),
    SCENE_TEST(who_asks_for_little_goes_before_those_who_insist),
    SCENE_TEST(a_turn_answers_known_ones_first_and_only_some_strangers),
    SCENE_TEST(strangers_get_only_so_much_of_a_second),
    SCENE_TEST(who_sends_too_much_rests),
    SCENE_TEST(strangers_hold_less_input_than_others),
    SCENE_TEST(who_waits_with_much_goes_before_who_comes_with_little),
    SCENE_TEST(known_ones_hold_no_more_input_than_all_may),
    SCENE_TEST(who_sends_although_paused_is_dropped),
    SCENE_TEST(rekeying_goes_on_in_both_directions),
    SCENE_TEST(deliveries_share_records),
    SCENE_TEST(stopping_settles_what_came),
    SCENE_TEST(options_out_of_range_are_refused),
};

RUN_TESTS
