/* Slots: docs/protocol.md section 1.1. */
#include "tests/unit/relay_core/scene.h"

static uint8_t value[WIRE_SLOT_BYTES_MAX];

static uint32_t say_create_slot(struct scene *s, struct peer *p, const uint8_t voucher[32], uint8_t ttl,
                                const struct slot_names *names)
{
    struct command c = {.op = OP_SLOT_CREATE, .u.slot_create = {voucher, ttl, *names}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

static void make_slot(struct scene *s, struct thing *t, uint32_t n, uint8_t ttl)
{
    uint8_t voucher[32];
    struct slot_names names = slot_from(t, n);
    give_voucher(s, ttl == WIRE_TTL_LASTING ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT, n, voucher);
    hear_reply(&s->peers[0], say_create_slot(s, &s->peers[0], voucher, ttl, &names), STATUS_OK);
}

static uint32_t pieces(uint32_t size)
{
    return size == 0 ? 1 : (size + WIRE_SLOT_PIECE_BYTES - 1) / WIRE_SLOT_PIECE_BYTES;
}

static struct command piece_of(const uint8_t write[32], uint64_t expected, uint32_t size, uint32_t piece,
                               uint32_t seq)
{
    uint32_t from = piece * WIRE_SLOT_PIECE_BYTES;
    uint32_t len = size - from < WIRE_SLOT_PIECE_BYTES ? size - from : WIRE_SLOT_PIECE_BYTES;
    return (struct command){
        .op = OP_SLOT_SET, .seq = seq, .u.slot_set = {write, {expected, size, piece, {value + from, len}}}};
}

static void give_piece(struct scene *s, struct peer *p, const struct command *c)
{
    static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    peer_give(p, record, peer_record(p, c, 1, record), s->now);
    scene_turn(s);
}

/* All pieces of the value; returns the seq. */
static uint32_t say_set(struct scene *s, struct peer *p, const uint8_t write[32], uint64_t expected,
                        uint32_t size, uint8_t fill)
{
    uint32_t seq = ++p->seq;
    for (uint32_t i = 0; i < size; i++)
        value[i] = (uint8_t)(fill + i % 251);
    for (uint32_t i = 0; i < pieces(size); i++) {
        hear_nothing(p);
        const struct command c = piece_of(write, expected, size, i, seq);
        give_piece(s, p, &c);
    }
    return seq;
}

static uint32_t say_get(struct scene *s, struct peer *p, const uint8_t read[32])
{
    struct command c = {.op = OP_SLOT_GET, .u.slot_get = {read}};
    uint32_t seq = peer_send(p, &c, s->now);
    scene_turn(s);
    return seq;
}

static void hear_value(struct peer *p, uint32_t seq, uint64_t version, uint32_t size, uint8_t fill)
{
    uint32_t heard = 0;
    for (uint32_t i = 0; i < pieces(size); i++) {
        struct heard *h = peer_take(p);
        assert_non_null(h);
        assert_int_equal(h->c.op, OP_SLOT_VALUE);
        assert_int_equal(h->c.seq, seq);
        assert_int_equal(h->c.u.slot_value.version, version);
        assert_int_equal(h->c.u.slot_value.size, size);
        assert_int_equal(h->c.u.slot_value.piece, i);
        for (size_t j = 0; j < h->c.u.slot_value.data.len; j++)
            assert_int_equal(h->c.u.slot_value.data.at[j], (uint8_t)(fill + (heard + j) % 251));
        heard += (uint32_t)h->c.u.slot_value.data.len;
        free(h);
    }
    assert_int_equal(heard, size);
}

static void a_slot_holds_values_of_all_sizes(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    static const uint32_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 61439, 61440};
    struct thing slot;
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    hear_value(p, say_get(s, p, slot.take), 0, 0, 0);
    for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        hear_reply(p, say_set(s, p, slot.put, i, sizes[i], (uint8_t)i), STATUS_OK);
        hear_value(&s->peers[2], say_get(s, &s->peers[2], slot.take), i + 1, sizes[i], (uint8_t)i);
    }
}

static void the_wrong_version_is_a_conflict(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot;
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    hear_reply(p, say_set(s, p, slot.put, 1, 10, 'a'), STATUS_CONFLICT);
    hear_reply(p, say_set(s, p, slot.put, 0, 10, 'b'), STATUS_OK);
    hear_reply(p, say_set(s, p, slot.put, 0, 10, 'c'), STATUS_CONFLICT);
    hear_value(p, say_get(s, p, slot.take), 1, 10, 'b');
    hear_reply(p, say_set(s, p, slot.put, 1, 5000, 'd'), STATUS_OK);
    hear_value(p, say_get(s, p, slot.take), 2, 5000, 'd');
}

static void wrong_secrets_are_refused(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot, q;
    uint8_t nothing[32] = {1};
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    make_queue(s, &q, 2, QUEUE_CONVERSATION);
    hear_reply(p, say_get(s, p, nothing), STATUS_REFUSED);
    hear_reply(p, say_get(s, p, slot.put), STATUS_REFUSED);
    hear_reply(p, say_get(s, p, q.take), STATUS_REFUSED);
    hear_reply(p, say_set(s, p, slot.take, 0, 10, 'a'), STATUS_REFUSED);
    hear_reply(p, say_set(s, p, slot.own, 0, 5000, 'a'), STATUS_REFUSED);
    hear_reply(p, say_set(s, p, q.own, 0, 5000, 'a'), STATUS_REFUSED);
}

/* Wrong order, other fields, another upload in between: the connection ends. */
static void pieces_out_of_order_close(void **state)
{
    struct scene *s = *state;
    struct thing slot;
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    memset(value, 'v', sizeof(value));
    for (int wrong = 0; wrong < 6; wrong++) {
        struct peer p;
        struct command first = piece_of(slot.put, 0, 10000, 0, 5),
                       second = piece_of(slot.put, 0, 10000, 1, 5);
        assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
        if (wrong == 0)
            second = piece_of(slot.put, 0, 10000, 2, 5);
        else if (wrong == 1)
            second = first;
        else if (wrong == 2)
            second.seq = 6;
        else if (wrong == 3)
            second.u.slot_set.piece.version = 1;
        else if (wrong == 4)
            second.u.slot_set.write = slot.own;
        else
            first = second;
        give_piece(s, &p, &first);
        give_piece(s, &p, &second);
        assert_true(p.closed);
        peer_clear(&p);
    }
}

static void an_upload_that_does_not_go_on_is_dropped(void **state)
{
    struct scene *s = *state;
    struct thing slot;
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    const struct command first = piece_of(slot.put, 0, 10000, 0, 5),
                         second = piece_of(slot.put, 0, 10000, 1, 5);
    give_piece(s, &s->peers[1], &first);
    scene_pass(s, 50 * 1000);
    give_piece(s, &s->peers[1], &second);
    scene_pass(s, 50 * 1000);
    assert_false(s->peers[1].closed);
    scene_pass(s, 11 * 1000);
    assert_true(s->peers[1].closed);
    hear_reply(&s->peers[2], say_set(s, &s->peers[2], slot.put, 0, 10000, 'x'), STATUS_OK);
}

static void vouchers_of_slots_have_kinds(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing t;
    uint8_t plain[32], lasting[32];
    s->ceiling = WIRE_TTL_1D;
    scene_restart(s);
    struct slot_names names = slot_from(&t, 1);
    give_voucher(s, VOUCHER_SLOT, 1, plain);
    give_voucher(s, VOUCHER_LASTING_SLOT, 2, lasting);
    hear_reply(p, say_create_slot(s, p, plain, WIRE_TTL_LASTING, &names), STATUS_REFUSED);
    hear_reply(p, say_create_slot(s, p, lasting, WIRE_TTL_1D, &names), STATUS_REFUSED);
    hear_reply(p, say_create_slot(s, p, plain, WIRE_TTL_3D, &names), STATUS_TOO_LARGE);
    hear_reply(p, say_create_slot(s, p, lasting, WIRE_TTL_LASTING, &names), STATUS_OK);
    hear_reply(p, say_create_slot(s, p, lasting, WIRE_TTL_LASTING, &names), STATUS_OK); /* again */
    hear_reply(p, say_create_slot(s, p, plain, WIRE_TTL_1D, &names), STATUS_REFUSED);
}

static void slots_are_renamed_and_deleted_by_their_owner(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing a, b;
    make_slot(s, &a, 1, WIRE_TTL_1D);
    hear_reply(p, say_set(s, p, a.put, 0, 100, 'a'), STATUS_OK);
    struct slot_names names = slot_from(&b, 2);
    struct command update = {.op = OP_SLOT_UPDATE, .u.slot_update = {a.put, names}};
    uint32_t seq = peer_send(p, &update, s->now);
    scene_turn(s);
    hear_reply(p, seq, STATUS_REFUSED);
    update.u.slot_update.own = a.own;
    seq = peer_send(p, &update, s->now);
    scene_turn(s);
    hear_reply(p, seq, STATUS_OK);
    hear_reply(p, say_get(s, p, a.take), STATUS_REFUSED);
    hear_value(p, say_get(s, p, b.take), 1, 100, 'a');
    struct command del = {.op = OP_SLOT_DELETE, .u.slot_delete = {a.own}};
    seq = peer_send(p, &del, s->now);
    scene_turn(s);
    hear_forgotten(s, p, seq, STATUS_REFUSED);
    del.u.slot_delete.own = b.own;
    seq = peer_send(p, &del, s->now);
    scene_turn(s);
    hear_forgotten(s, p, seq, STATUS_OK);
    hear_reply(p, say_get(s, p, b.take), STATUS_REFUSED);
}

static void a_slot_lives_from_its_last_write(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot, lasting;
    make_slot(s, &slot, 1, WIRE_TTL_6H);
    make_slot(s, &lasting, 2, WIRE_TTL_LASTING);
    hear_reply(p, say_set(s, p, slot.put, 0, 10, 'a'), STATUS_OK);
    scene_pass(s, 6 * (uint64_t)HOUR_MS);
    hear_reply(p, say_set(s, p, slot.put, 1, 10, 'b'), STATUS_OK);
    scene_pass(s, 6 * (uint64_t)HOUR_MS);
    hear_value(p, say_get(s, p, slot.take), 2, 10, 'b');
    scene_pass(s, HOUR_MS);
    hear_reply(p, say_get(s, p, slot.take), STATUS_REFUSED);
    scene_pass(s, 1000 * (uint64_t)HOUR_MS);
    hear_value(p, say_get(s, p, lasting.take), 0, 0, 0);
}

static void only_some_values_are_on_their_way_at_once(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot;
    uint32_t busy;
    s->limits.readings_of_one = 2;
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    hear_reply(p, say_set(s, p, slot.put, 0, 61440, 'a'), STATUS_OK);
    s->hold = true;
    uint32_t first = say_get(s, p, slot.take);
    uint32_t second = say_get(s, p, slot.take);
    busy = say_get(s, p, slot.take);
    s->hold = false;
    scene_turn(s);
    hear_reply(p, busy, STATUS_BUSY);
    hear_value(p, first, 1, 61440, 'a');
    hear_value(p, second, 1, 61440, 'a');
    hear_value(p, say_get(s, p, slot.take), 1, 61440, 'a');
}

/* Whoever has a card may ask for a value, over many connections, and then not take it. */
static void values_that_nobody_takes_are_bounded(void **state)
{
    struct scene *s = *state;
    struct thing slot;
    s->limits.memory_bytes = 61440;
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    hear_reply(&s->peers[0], say_set(s, &s->peers[0], slot.put, 0, 61440, 'a'), STATUS_OK);
    for (int i = 0; i < SCENE_PEERS; i++) {
        s->peers[i].full = true;
        say_get(s, &s->peers[i], slot.take);
        /* The first record is written all the same, a second one is not. */
        say_get(s, &s->peers[i], slot.take);
    }
    assert_in_range(scene_stats(s).bytes_in_flight, 61440, 2 * 61440);
    for (int i = 0; i < SCENE_PEERS; i++)
        peer_drain(&s->peers[i]);
    scene_turn(s);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    for (int i = 0; i < SCENE_PEERS; i++)
        for (struct heard *h; (h = peer_take(&s->peers[i])) != NULL; free(h))
            assert_true(h->c.op == OP_SLOT_VALUE || h->c.u.reply.status == STATUS_BUSY);
    hear_value(&s->peers[3], say_get(s, &s->peers[3], slot.take), 1, 61440, 'a');
}

/* What carriers keep for them is memory too, whoever they are. */
static void what_is_kept_for_those_that_take_nothing_is_bounded(void **state)
{
    enum { CROWD = 40, MOST = (61440 + (1 << 20)) / 61440 };
    static struct peer crowd[CROWD];
    struct scene *s = *state;
    struct thing slot;
    s->limits.memory_bytes = 61440;
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    hear_reply(&s->peers[0], say_set(s, &s->peers[0], slot.put, 0, 61440, 'a'), STATUS_OK);
    size_t open = 0;
    for (int i = 0; i < CROWD; i++) {
        assert_true(peer_open(&crowd[i], s->relay, s->pk, &s->rng, s->now));
        crowd[i].full = true;
        say_get(s, &crowd[i], slot.take);
    }
    for (int i = 0; i < CROWD; i++)
        open += !crowd[i].closed;
    assert_in_range(open, MOST - 2, MOST);
    assert_true(crowd[0].closed);
    assert_false(crowd[CROWD - 1].closed);
    /* Who takes it holds nothing. */
    hear_value(&s->peers[0], say_get(s, &s->peers[0], slot.take), 1, 61440, 'a');
    for (int i = 0; i < CROWD; i++)
        if (!crowd[i].closed)
            peer_drain(&crowd[i]);
    scene_turn(s);
    for (int i = 0; i < CROWD; i++)
        peer_clear(&crowd[i]);
}

static void failing_reads_are_busy(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot;
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    s->store.fail[JOB_FIND] = 1;
    hear_reply(p, say_get(s, p, slot.take), STATUS_BUSY);
    s->store.fail[JOB_SLOT] = 1;
    hear_reply(p, say_get(s, p, slot.take), STATUS_BUSY);
    s->store.fail[JOB_COMMIT] = 1;
    hear_reply(p, say_set(s, p, slot.put, 0, 5000, 'a'), STATUS_BUSY);
    hear_value(p, say_get(s, p, slot.take), 0, 0, 0);
    hear_reply(p, say_set(s, p, slot.put, 0, 5000, 'a'), STATUS_OK);
}

/* All pieces in one record; returns the seq. */
static uint32_t say_set_at_once(struct scene *s, struct peer *p, const uint8_t write[32], uint32_t size)
{
    static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    struct command all[WIRE_SLOT_BYTES_MAX / WIRE_SLOT_PIECE_BYTES];
    uint32_t seq = ++p->seq;
    assert_in_range(pieces(size), 1, sizeof(all) / sizeof(all[0]));
    for (uint32_t i = 0; i < pieces(size); i++)
        all[i] = piece_of(write, 0, size, i, seq);
    peer_give(p, record, peer_record(p, all, pieces(size), record), s->now);
    scene_turn(s);
    return seq;
}

enum { LARGE = 14 * WIRE_SLOT_PIECE_BYTES };

/* While the disk does not answer, of one connection and of many. */
static void values_that_wait_for_the_store_are_bounded(void **state)
{
    struct scene *s = *state;
    struct thing slot;
    uint32_t ok = 0, busy = 0, conflict = 0;
    struct peer *p = &s->peers[1];
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    s->hold = true;
    for (int i = 0; i < 10; i++)
        say_set_at_once(s, p, slot.put, LARGE);
    for (int i = 0; i < 8; i++)
        hear_reply(p, p->seq - 7 + (uint32_t)i, STATUS_BUSY);
    hear_nothing(p);
    s->hold = false;
    scene_turn(s);
    hear_reply(p, p->seq - 9, STATUS_OK);
    hear_reply(p, p->seq - 8, STATUS_CONFLICT);
    hear_reply(p, say_set(s, p, slot.put, 1, LARGE, 'a'), STATUS_OK);

    s->limits.waiting_bytes = 6 * LARGE + 1;
    scene_restart(s);
    s->hold = true;
    for (int i = 0; i < SCENE_PEERS; i++) {
        say_set_at_once(s, &s->peers[i], slot.put, LARGE);
        say_set_at_once(s, &s->peers[i], slot.put, LARGE);
    }
    /* Small commands have the other half. */
    uint32_t get = say_get(s, p, slot.take);
    s->hold = false;
    scene_turn(s);
    for (int i = 0; i < SCENE_PEERS; i++)
        for (struct heard *h; (h = peer_take(&s->peers[i])) != NULL; free(h)) {
            ok += h->c.op == OP_SLOT_VALUE && h->c.seq == get;
            busy += h->c.op == OP_REPLY && h->c.u.reply.status == STATUS_BUSY;
            conflict += h->c.op == OP_REPLY && h->c.u.reply.status == STATUS_CONFLICT;
        }
    assert_int_equal(ok, pieces(LARGE));
    assert_int_equal(busy + conflict, 2 * SCENE_PEERS);
    assert_in_range(conflict, 2, 3);
}

/* Who sent half a record is cut off for what others sent half of, not for what waits for the disk. */
static void values_that_wait_for_the_store_cut_nobody_off(void **state)
{
    struct scene *s = *state;
    static uint8_t record[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    struct thing slot;
    s->limits.input_bytes = LARGE;
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    s->hold = true;
    say_set_at_once(s, &s->peers[1], slot.put, LARGE);
    say_set_at_once(s, &s->peers[1], slot.put, LARGE);
    struct command ping = {.op = OP_PING, .seq = ++s->peers[2].seq};
    size_t len = peer_record(&s->peers[2], &ping, 1, record);
    peer_give(&s->peers[2], record, len / 2, s->now);
    scene_turn(s);
    assert_false(s->peers[2].closed);
    peer_give(&s->peers[2], record + len / 2, len - len / 2, s->now);
    s->hold = false;
    scene_turn(s);
    hear_reply(&s->peers[2], s->peers[2].seq, STATUS_OK);
}

/* Nor does a session that ends leave anything counted: the second time there is as much room. */
static void values_of_sessions_that_ended_are_not_counted(void **state)
{
    struct scene *s = *state;
    struct thing slot;
    s->limits.waiting_bytes = 2 * WIRE_SLOT_BYTES_MAX;
    s->limits.input_bytes = 2 * LARGE; /* of which strangers may have half */
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_1D);
    for (uint64_t i = 0; i < 10; i++) {
        struct peer p;
        assert_true(peer_open(&p, s->relay, s->pk, &s->rng, s->now));
        const struct command half = piece_of(slot.put, 0, LARGE, 0, 1000);
        s->hold = true;
        say_set_at_once(s, &p, slot.put, LARGE);
        give_piece(s, &p, &half);
        peer_hang_up(&p);
        s->hold = false;
        scene_turn(s);
        peer_clear(&p);
        hear_reply(&s->peers[1], say_set(s, &s->peers[1], slot.put, i, LARGE, 'a'), STATUS_OK);
    }
}

/* Large values do not stand in front of everybody's messages in one transaction. */
static void one_commit_takes_some_values(void **state)
{
    struct scene *s = *state;
    struct thing slot[60];
    struct peer p[30];
    for (uint32_t i = 0; i < 60; i++)
        make_slot(s, &slot[i], i, WIRE_TTL_1D);
    for (uint32_t i = 0; i < 30; i++)
        assert_true(peer_open(&p[i], s->relay, s->pk, &s->rng, s->now));
    uint32_t before = s->store.jobs[JOB_COMMIT];
    s->hold = true;
    for (uint32_t i = 0; i < 60; i++)
        say_set_at_once(s, &p[i / 2], slot[i].put, LARGE);
    s->hold = false;
    scene_turn(s);
    for (uint32_t i = 0; i < 30; i++) {
        hear_reply(&p[i], p[i].seq - 1, STATUS_OK);
        hear_reply(&p[i], p[i].seq, STATUS_OK);
        peer_clear(&p[i]);
    }
    assert_int_equal(s->store.jobs[JOB_COMMIT] - before, 4);
}

static void a_slot_has_a_number_of_writes_a_day(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot, other;
    s->limits.writes_of_slot_a_day = 3;
    scene_restart(s);
    make_slot(s, &slot, 1, WIRE_TTL_3D);
    make_slot(s, &other, 2, WIRE_TTL_3D);
    hear_reply(p, say_set(s, p, slot.put, 0, 10, 'a'), STATUS_OK);
    s->store.fail[JOB_COMMIT] = 1; /* what was not stored does not count */
    hear_reply(p, say_set(s, p, slot.put, 1, 10, 'b'), STATUS_BUSY);
    hear_reply(p, say_set(s, p, slot.put, 0, 10, 'b'), STATUS_CONFLICT);
    hear_reply(p, say_set(s, p, slot.put, 1, 10, 'b'), STATUS_OK);
    uint32_t retry = hear_reply(p, say_set(s, p, slot.put, 2, 10, 'c'), STATUS_FULL);
    assert_in_range(retry, 1, 24 * 3600);
    hear_value(p, say_get(s, p, slot.take), 2, 10, 'b');
    hear_reply(p, say_set(s, p, other.put, 0, 10, 'd'), STATUS_OK);
    /* A wrong secret takes nothing from it. */
    for (int i = 0; i < 3; i++)
        hear_reply(p, say_set(s, p, other.own, 1, 10, 'd'), STATUS_REFUSED);
    hear_reply(p, say_set(s, p, other.put, 1, 10, 'd'), STATUS_OK);
    scene_pass(s, retry * UINT64_C(1000));
    hear_reply(p, say_set(s, p, slot.put, 2, 10, 'c'), STATUS_OK);
}

/* Strangers get a voucher with every knock. What is full leaves it unspent, and lasting slots alone. */
static void slots_that_do_not_last_are_bounded(void **state)
{
    struct scene *s = *state;
    struct peer *p = &s->peers[1];
    struct thing slot[4], lasting;
    uint8_t voucher[32];
    s->limits.slots = 3;
    scene_restart(s);
    for (uint32_t i = 0; i < 2; i++)
        make_slot(s, &slot[i], i, WIRE_TTL_1D);
    make_slot(s, &lasting, 10, WIRE_TTL_LASTING);
    make_slot(s, &slot[2], 2, WIRE_TTL_6H);
    struct slot_names names = slot_from(&slot[3], 3);
    give_voucher(s, VOUCHER_SLOT, 3, voucher);
    assert_in_range(hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &names), STATUS_FULL), 1, 3600);
    scene_restart(s); /* it is counted on disk */
    hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &names), STATUS_FULL);
    make_slot(s, &lasting, 11, WIRE_TTL_LASTING);
    /* A repetition is no new one; who has a slot writes on. */
    struct slot_names old = slot_from(&slot[0], 0);
    hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &old), STATUS_OK);
    hear_reply(p, say_set(s, p, slot[0].put, 0, LARGE, 'a'), STATUS_OK);
    /* There is room when one is deleted, and when one is over. */
    struct command del = {.op = OP_SLOT_DELETE, .u.slot_delete = {slot[1].own}};
    uint32_t seq = peer_send(p, &del, s->now);
    scene_turn(s);
    hear_forgotten(s, p, seq, STATUS_OK);
    hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &names), STATUS_OK);
    names = slot_from(&slot[1], 4);
    give_voucher(s, VOUCHER_SLOT, 4, voucher);
    hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &names), STATUS_FULL);
    scene_pass(s, 7 * (uint64_t)HOUR_MS);
    hear_reply(p, say_create_slot(s, p, voucher, WIRE_TTL_1D, &names), STATUS_OK);
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(a_slot_holds_values_of_all_sizes),
    SCENE_TEST(the_wrong_version_is_a_conflict),
    SCENE_TEST(wrong_secrets_are_refused),
    SCENE_TEST(pieces_out_of_order_close),
    SCENE_TEST(an_upload_that_does_not_go_on_is_dropped),
    SCENE_TEST(vouchers_of_slots_have_kinds),
    SCENE_TEST(slots_are_renamed_and_deleted_by_their_owner),
    SCENE_TEST(a_slot_lives_from_its_last_write),
    SCENE_TEST(only_some_values_are_on_their_way_at_once),
    SCENE_TEST(values_that_nobody_takes_are_bounded),
    SCENE_TEST(what_is_kept_for_those_that_take_nothing_is_bounded),
    SCENE_TEST(failing_reads_are_busy),
    SCENE_TEST(values_that_wait_for_the_store_are_bounded),
    SCENE_TEST(values_that_wait_for_the_store_cut_nobody_off),
    SCENE_TEST(values_of_sessions_that_ended_are_not_counted),
    SCENE_TEST(one_commit_takes_some_values),
    SCENE_TEST(a_slot_has_a_number_of_writes_a_day),
    SCENE_TEST(slots_that_do_not_last_are_bounded),
};

RUN_TESTS
