/* One link to one relay, against a scripted one; docs/protocol.md section 2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/connection.h"
#include "client/core/handout.h"
#include "client/core/slot.h"
#include "tests/support/fake_relay.h"
#include "tests/unit/client/heap.h"

enum { MINUTE = 28000000 };

struct fixture {
    struct rng_seed seed;
    struct rng rng;
    uint32_t links;
    struct connection c;
    struct fake_relay relay;
    uint64_t now;
    unsigned opened;
    unsigned closed;
    zg_err why;
    uint32_t link;
    char host[128];
    uint16_t port;
};

struct answer {
    struct call call;
    unsigned count;
    zg_err err;
    enum op op;
    uint32_t retry_after;
};

static void on_opened(void *ctx, struct connection *c)
{
    struct fixture *f = ctx;
    assert_ptr_equal(c, &f->c);
    f->opened++;
}

static void on_closed(void *ctx, struct connection *c, zg_err why)
{
    struct fixture *f = ctx;
    assert_ptr_equal(c, &f->c);
    f->closed++;
    f->why = why;
}

static void on_answer(struct call *call, const struct command *reply, zg_err err)
{
    struct answer *a = call->owner;
    a->count++;
    a->err = err;
    a->op = reply == NULL ? OP_PING : reply->op;
    if (reply != NULL && reply->op == OP_REPLY)
        a->retry_after = reply->u.reply.retry_after;
}

static void start(struct fixture *f, uint8_t addresses)
{
    struct relay_place place = {.count = addresses, .address = {"one.example:443", "[::1]:7000"}};
    const struct connection_hooks hooks = {on_opened, on_closed, f};

    memset(f, 0, sizeof(*f));
    f->rng = rng_seeded(&f->seed, 7);
    f->now = 1000000;
    fake_relay_init(&f->relay, 8, MINUTE);
    memcpy(place.pk, f->relay.pk, sizeof(place.pk));
    connection_init(&f->c, &place, &f->rng, &f->links, &hooks, f->now);
    connection_want(&f->c, true);
}

static void stop(struct fixture *f)
{
    connection_clear(&f->c);
    fake_relay_clear(&f->relay);
}

/* Bytes of the relay to the client, in pieces of at most `step`. */
static void down(struct fixture *f, size_t step)
{
    for (size_t at = 0; at < f->relay.out_len; at += step) {
        size_t left = f->relay.out_len - at;
        connection_received(&f->c, f->relay.out + at, left < step ? left : step, f->now);
    }
    f->relay.out_len = 0;
}

/* What the client wants of the network. Returns the last kind; 0: nothing. */
static int up(struct fixture *f)
{
    zg_io io;
    int last = 0;
    while (connection_io(&f->c, &io)) {
        last = (int)io.kind;
        if (io.kind == ZG_IO_CONNECT) {
            f->link = io.link;
            strcpy(f->host, io.host);
            f->port = io.port;
        } else if (io.kind == ZG_IO_SEND) {
            assert_int_equal(io.link, f->link);
            fake_relay_receive(&f->relay, io.data, io.len);
        }
    }
    return last;
}

static void open_link(struct fixture *f, size_t step)
{
    connection_advance(&f->c, f->now);
    assert_int_equal(up(f), ZG_IO_CONNECT);
    fake_relay_restart(&f->relay);
    connection_opened(&f->c, f->now);
    assert_int_equal(up(f), ZG_IO_SEND);
    down(f, step);
    assert_int_equal(f->c.state, CONNECTION_OPEN);
}

static zg_err ask(struct fixture *f, struct answer *a, enum op op)
{
    static const uint8_t bytes[4096];
    struct command command = {.op = op};
    if (op == OP_SUBSCRIBE) {
        command.u.subscribe.take = bytes;
        command.u.subscribe.window = 1;
    } else if (op == OP_SLOT_GET) {
        command.u.slot_get.read = bytes;
    } else if (op == OP_SEND) {
        command.u.send.role = SEND_PUT;
        command.u.send.secret = command.u.send.handle = command.u.send.envelope = bytes;
    }
    a->call.done = on_answer;
    a->call.owner = a;
    return connection_call(&f->c, &a->call, &command);
}

/* --- tests --- */

static void opens_and_reads_what_the_relay_says_of_itself(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 1);
    open_link(&f, 100000);
    assert_string_equal(f.host, "one.example");
    assert_int_equal(f.port, 443);
    assert_int_equal(f.opened, 1);
    assert_int_equal(f.c.welcome.utc_minute, MINUTE);
    assert_int_equal(f.c.welcome.ttl_ceiling, WIRE_TTL_30D);
    assert_int_equal(f.c.welcome.settle_ms, 250);
    assert_int_equal(f.c.welcome.window_max, 256);
    stop(&f);
}

static void bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 1);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    assert_int_equal(up(&f), ZG_IO_SEND);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_PING).seq, STATUS_OK, 0);
    down(&f, 1);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.err, ZG_OK);
    stop(&f);
}

static void several_commands_share_a_record(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a[3] = {0};
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a[0], OP_PING), ZG_OK);
    assert_int_equal(ask(&f, &a[1], OP_SEND), ZG_OK);
    assert_int_equal(ask(&f, &a[2], OP_PING), ZG_OK);
    up(&f);
    assert_int_equal(f.relay.records, 1);
    uint32_t first = fake_relay_expect(&f.relay, OP_PING).seq;
    uint32_t second = fake_relay_expect(&f.relay, OP_SEND).seq;
    uint32_t third = fake_relay_expect(&f.relay, OP_PING).seq;
    assert_true(first != second && second != third && first != third);
    /* Replies may come in any order. */
    fake_relay_reply(&f.relay, third, STATUS_REFUSED, 0);
    fake_relay_reply(&f.relay, second, STATUS_BUSY, 9);
    fake_relay_reply(&f.relay, first, STATUS_OK, 0);
    down(&f, 100000);
    assert_int_equal(a[0].err, ZG_OK);
    assert_int_equal(a[1].err, ZG_ERR_BUSY);
    assert_int_equal(a[1].retry_after, 9);
    assert_int_equal(a[2].err, ZG_ERR_REFUSED);
    stop(&f);
}

static void no_relay_makes_anybody_wait_for_years(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_SEND), ZG_OK);
    up(&f);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_SEND).seq, STATUS_BUSY, UINT32_MAX);
    down(&f, 100000);
    assert_int_equal(a.err, ZG_ERR_BUSY);
    assert_int_equal(a.retry_after, 3600);
    stop(&f);
}

static void calls_and_bytes_are_bounded(void **state)
{
    (void)state;
    struct fixture f;
    static struct answer a[CONNECTION_CALLS_MAX + 1];
    memset(a, 0, sizeof(a));
    start(&f, 1);
    open_link(&f, 100000);
    for (size_t i = 0; i < CONNECTION_CALLS_MAX; i++)
        assert_int_equal(ask(&f, &a[i], OP_PING), ZG_OK);
    assert_false(connection_room(&f.c));
    assert_int_equal(ask(&f, &a[CONNECTION_CALLS_MAX], OP_PING), ZG_ERR_BUSY);
    assert_false(call_waits(&a[CONNECTION_CALLS_MAX].call));
    stop(&f);

    memset(a, 0, sizeof(a));
    start(&f, 1);
    open_link(&f, 100000);
    size_t sends = 0;
    while (ask(&f, &a[sends], OP_SEND) == ZG_OK)
        sends++;
    assert_true(sends * 4096 <= CONNECTION_QUEUED_MAX + 2 * 4096);
    stop(&f);
}

static void a_forgotten_call_swallows_its_reply(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    up(&f);
    call_forget(&a.call);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_PING).seq, STATUS_OK, 0);
    down(&f, 100000);
    assert_int_equal(a.count, 0);
    assert_int_equal(f.c.state, CONNECTION_OPEN);
    stop(&f);
}

static void a_value_comes_in_pieces(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    static uint8_t bytes[4096];
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_SLOT_GET), ZG_OK);
    up(&f);
    struct command piece = {.op = OP_SLOT_VALUE, .seq = fake_relay_expect(&f.relay, OP_SLOT_GET).seq};
    piece.u.slot_value = (struct slot_piece){3, 5000, 0, {bytes, 4096}};
    fake_relay_say(&f.relay, &piece, 1);
    down(&f, 100000);
    assert_int_equal(a.count, 1);
    assert_true(call_waits(&a.call));
    piece.u.slot_value = (struct slot_piece){3, 5000, 1, {bytes, 904}};
    fake_relay_say(&f.relay, &piece, 1);
    down(&f, 100000);
    assert_int_equal(a.count, 2);
    assert_false(call_waits(&a.call));
    stop(&f);
}

/* Every way in which a relay can talk nonsense ends the connection, and every call with ZG_ERR_NETWORK. */
static void garbage_ends_the_connection(void **state)
{
    (void)state;
    enum { CASES = 9 };
    for (int i = 0; i < CASES; i++) {
        struct fixture f;
        struct answer a = {0};
        uint8_t plain[WIRE_RECORD_CONTROL_BYTES] = {0};
        uint8_t noise[200];
        struct command command;
        start(&f, 1);
        open_link(&f, 100000);
        assert_int_equal(ask(&f, &a, OP_SUBSCRIBE), ZG_OK);
        up(&f);
        uint32_t seq = fake_relay_expect(&f.relay, OP_SUBSCRIBE).seq;
        rng_fill(&f.rng, noise, sizeof(noise));
        zg_err expected = ZG_ERR_MALFORMED;
        switch (i) {
        case 0: /* a length that no record has */
            noise[0] = 0, noise[1] = 20;
            connection_received(&f.c, noise, sizeof(noise), f.now);
            break;
        case 1: /* between the two sizes */
            noise[0] = 0, noise[1] = 180;
            connection_received(&f.c, noise, sizeof(noise), f.now);
            break;
        case 2: /* not authentic */
            noise[0] = 0, noise[1] = WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES;
            connection_received(&f.c, noise, sizeof(noise), f.now);
            expected = ZG_ERR_FORGED;
            break;
        case 3: /* padding that is not zero */
            plain[127] = 1;
            fake_relay_say_plain(&f.relay, plain, sizeof(plain));
            break;
        case 4: /* a unit that is no command */
            plain[1] = 1, plain[2] = 0xc0;
            fake_relay_say_plain(&f.relay, plain, sizeof(plain));
            break;
        case 5: /* a reply to nothing */
            fake_relay_reply(&f.relay, seq + 1, STATUS_OK, 0);
            break;
        case 6: /* SUBSCRIBE is not answered by ok */
            fake_relay_reply(&f.relay, seq, STATUS_OK, 0);
            break;
        case 7: /* nor by a cookie */
            command = (struct command){.op = OP_COOKIE, .seq = seq};
            command.u.cookie.cookie = noise;
            fake_relay_say(&f.relay, &command, 1);
            break;
        default: /* what only clients say */
            command = (struct command){.op = OP_PING, .seq = seq};
            fake_relay_say(&f.relay, &command, 1);
            break;
        }
        down(&f, 100000);
        assert_int_equal(f.c.state, CONNECTION_IDLE);
        assert_int_equal(f.why, expected);
        assert_int_equal(a.count, 1);
        assert_int_equal(a.err, ZG_ERR_NETWORK);
        assert_int_equal(up(&f), ZG_IO_CLOSE);
        stop(&f);
    }
}

static void garbage_instead_of_the_welcome_ends_it(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct fixture f;
        start(&f, 1);
        connection_advance(&f.c, f.now);
        up(&f);
        if (i == 4) /* another relay than the card's */
            f.relay.pk[0] ^= 1;
        fake_relay_restart(&f.relay);
        connection_opened(&f.c, f.now);
        if (i == 0)
            f.relay.welcome[0] = 2;
        if (i == 1)
            f.relay.welcome[5] = WIRE_TTL_LASTING;
        if (i == 4) {
            zg_io io;
            assert_true(connection_io(&f.c, &io));
            static uint8_t wrong[2 + WIRE_WELCOME_BYTES] = {WIRE_WELCOME_BYTES >> 8,
                                                            WIRE_WELCOME_BYTES & 255};
            connection_received(&f.c, wrong, sizeof(wrong), f.now);
        } else {
            up(&f);
        }
        if (i == 2)
            f.relay.out[1] ^= 1; /* the length */
        if (i == 3)
            f.relay.out[500] ^= 1;
        down(&f, 100000);
        assert_int_equal(f.c.state, CONNECTION_IDLE);
        assert_int_equal(f.opened, 0);
        assert_int_equal(f.why, i == 0 ? ZG_ERR_VERSION : i < 3 ? ZG_ERR_MALFORMED : f.why);
        if (i >= 3)
            assert_true(f.why == ZG_ERR_FORGED || f.why == ZG_ERR_CRYPTO);
        stop(&f);
    }
}

static void half_a_welcome_and_silence_times_out(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 1);
    connection_advance(&f.c, f.now);
    up(&f);
    fake_relay_restart(&f.relay);
    connection_opened(&f.c, f.now);
    up(&f);
    connection_received(&f.c, f.relay.out, 600, f.now);
    assert_int_equal(connection_deadline(&f.c), f.now + CONNECTION_SETUP_MS);
    f.now += CONNECTION_SETUP_MS - 1;
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_HELLO);
    f.now++;
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_IDLE);
    assert_int_equal(f.why, ZG_ERR_NETWORK);
    assert_int_equal(up(&f), ZG_IO_CLOSE);
    stop(&f);
}

static void an_answer_that_does_not_come_ends_it(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 100000);
    f.now += 5000;
    connection_advance(&f.c, f.now);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    up(&f);
    assert_int_equal(connection_deadline(&f.c), f.now + CONNECTION_ANSWER_MS);
    f.now += CONNECTION_ANSWER_MS;
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_IDLE);
    assert_int_equal(a.err, ZG_ERR_NETWORK);
    stop(&f);
}

static struct listener listener;
static unsigned pushes;
static unsigned losses;

static void on_push(struct listener *l, const struct command *push)
{
    assert_ptr_equal(l, &listener);
    assert_int_equal(push->op, OP_DELIVER);
    pushes++;
}

static void on_lost(struct listener *l)
{
    assert_ptr_equal(l, &listener);
    losses++;
}

static void listen_to(struct fixture *f, const uint8_t id[8])
{
    memset(&listener, 0, sizeof(listener));
    pushes = losses = 0;
    listener.pushed = on_push;
    listener.lost = on_lost;
    connection_listen(&f->c, &listener, id);
}

static void silence_is_broken_by_a_ping_and_ends_without_answer(void **state)
{
    (void)state;
    struct fixture f;
    static const uint8_t id[8] = {1};
    start(&f, 1);
    open_link(&f, 100000);
    assert_true(connection_deadline(&f.c) == UINT64_MAX); /* nobody waits for anything */
    listen_to(&f, id);
    assert_int_equal(connection_deadline(&f.c), f.now + CONNECTION_SILENCE_MS);
    f.now += CONNECTION_SILENCE_MS;
    connection_advance(&f.c, f.now);
    up(&f);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_PING).seq, STATUS_OK, 0);
    f.now += 100;
    down(&f, 100000);
    f.now += CONNECTION_SILENCE_MS;
    connection_advance(&f.c, f.now);
    up(&f);
    fake_relay_expect(&f.relay, OP_PING);
    f.now += CONNECTION_ANSWER_MS;
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_IDLE);
    assert_int_equal(losses, 1);
    stop(&f);
}

static void pushes_go_to_their_subscription(void **state)
{
    (void)state;
    struct fixture f;
    static const uint8_t id[8] = {1};
    static const uint8_t other[8] = {2};
    static uint8_t envelope[4096];
    struct command push[2] = {{.op = OP_DELIVER}, {.op = OP_DELIVER}};
    start(&f, 1);
    open_link(&f, 100000);
    listen_to(&f, id);
    push[0].u.deliver.subscription = other;
    push[1].u.deliver.subscription = id;
    push[0].u.deliver.envelope = push[1].u.deliver.envelope = envelope;
    fake_relay_say(&f.relay, push, 2);
    down(&f, 1000);
    assert_int_equal(pushes, 1);
    assert_int_equal(f.c.state, CONNECTION_OPEN);
    listener_remove(&listener);
    fake_relay_say(&f.relay, push, 2);
    down(&f, 1000);
    assert_int_equal(pushes, 1);
    stop(&f);
}

/* Section 2.2: below a bound that doubles from 1 s to 5 min; anywhere below it. */
static void the_pause_is_random_below_a_bound_that_doubles(void **state)
{
    (void)state;
    struct fixture f;
    uint64_t bound = CONNECTION_PAUSE_MS;
    unsigned early = 0;
    start(&f, 1);
    for (int i = 0; i < 200; i++) {
        f.now = f.c.retry_ms > f.now ? f.c.retry_ms : f.now;
        connection_advance(&f.c, f.now);
        assert_int_equal(f.c.state, CONNECTION_CONNECTING);
        up(&f);
        connection_closed(&f.c, f.now);
        uint64_t pause = connection_deadline(&f.c) - f.now;
        assert_true(pause < bound);
        early += pause < bound / 2;
        if (f.c.retry_ms > f.now) {
            connection_advance(&f.c, f.c.retry_ms - 1);
            assert_int_equal(f.c.state, CONNECTION_IDLE);
        }
        bound = 2 * bound < CONNECTION_PAUSE_MAX_MS ? 2 * bound : CONNECTION_PAUSE_MAX_MS;
    }
    assert_in_range(early, 60, 140);

    /* A relay that answered makes the next pause short again. */
    struct answer a = {0};
    f.now = f.c.retry_ms;
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    up(&f);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_PING).seq, STATUS_OK, 0);
    down(&f, 100000);
    connection_closed(&f.c, f.now);
    assert_true(connection_deadline(&f.c) - f.now < CONNECTION_PAUSE_MS);
    stop(&f);
}

static void a_relay_that_only_shakes_hands_is_not_hurried(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 1);
    for (int i = 0; i < 20; i++) {
        f.now = f.c.retry_ms > f.now ? f.c.retry_ms : f.now;
        open_link(&f, 100000);
        connection_closed(&f.c, f.now);
    }
    assert_int_equal(f.c.pause_ms, CONNECTION_PAUSE_MAX_MS);
    stop(&f);
}

/* Somebody on the way who cuts in with bytes of his own must not have her come back faster, nor keep a dead link alive. */
static void what_is_not_authentic_counts_for_nothing(void **state)
{
    (void)state;
    struct fixture f;
    uint8_t noise[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES] = {0};
    noise[1] = WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES;
    start(&f, 1);
    for (int i = 0; i < 20; i++) {
        f.now = f.c.retry_ms > f.now ? f.c.retry_ms : f.now;
        open_link(&f, 100000);
        uint64_t heard = f.c.heard_ms;
        f.now += 10;
        connection_received(&f.c, noise, sizeof(noise), f.now);
        assert_int_equal(f.why, ZG_ERR_FORGED);
        assert_int_equal(f.c.heard_ms, heard);
        assert_int_equal(up(&f), ZG_IO_CLOSE);
    }
    assert_int_equal(f.c.pause_ms, CONNECTION_PAUSE_MAX_MS);
    stop(&f);
}

static void the_second_address_is_tried_at_once(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, 2);
    connection_advance(&f.c, f.now);
    up(&f);
    assert_string_equal(f.host, "one.example");
    connection_closed(&f.c, f.now);
    connection_advance(&f.c, f.now);
    assert_int_equal(up(&f), ZG_IO_CONNECT);
    assert_string_equal(f.host, "::1");
    assert_int_equal(f.port, 7000);
    connection_closed(&f.c, f.now);
    assert_string_equal(f.c.place.address[f.c.address], "one.example:443");
    assert_int_equal(f.c.pause_ms, 2 * CONNECTION_PAUSE_MS);
    stop(&f);
}

static void nothing_is_tried_without_a_network(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    connection_network(&f.c, false, f.now);
    assert_int_equal(a.err, ZG_ERR_NETWORK);
    assert_int_equal(up(&f), ZG_IO_CLOSE);
    assert_true(connection_deadline(&f.c) == UINT64_MAX);
    f.now += 3600000;
    connection_advance(&f.c, f.now);
    assert_int_equal(up(&f), 0);
    connection_network(&f.c, true, f.now);
    connection_advance(&f.c, f.now);
    assert_int_equal(up(&f), ZG_IO_CONNECT);
    stop(&f);
}

static void a_link_is_closed_before_the_next_is_opened_and_no_number_comes_twice(void **state)
{
    (void)state;
    struct fixture f;
    zg_io io;
    start(&f, 1);
    connection_advance(&f.c, f.now);
    assert_true(connection_io(&f.c, &io));
    uint32_t first = io.link;
    f.now += CONNECTION_SETUP_MS;
    connection_advance(&f.c, f.now);
    f.now = f.c.retry_ms;
    connection_advance(&f.c, f.now);
    assert_true(connection_io(&f.c, &io));
    assert_int_equal(io.kind, ZG_IO_CLOSE);
    assert_int_equal(io.link, first);
    assert_true(connection_io(&f.c, &io));
    assert_int_equal(io.kind, ZG_IO_CONNECT);
    assert_int_not_equal(io.link, first);
    assert_false(connection_io(&f.c, &io));
    stop(&f);
}

static void what_nobody_wants_is_closed_when_nothing_waits(void **state)
{
    (void)state;
    struct fixture f;
    struct answer a = {0};
    start(&f, 1);
    open_link(&f, 100000);
    assert_int_equal(ask(&f, &a, OP_PING), ZG_OK);
    connection_want(&f.c, false);
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_OPEN);
    up(&f);
    fake_relay_reply(&f.relay, fake_relay_expect(&f.relay, OP_PING).seq, STATUS_OK, 0);
    down(&f, 100000);
    assert_int_equal(a.err, ZG_OK);
    connection_advance(&f.c, f.now);
    assert_int_equal(f.c.state, CONNECTION_IDLE);
    assert_int_equal(up(&f), ZG_IO_CLOSE);
    assert_true(connection_deadline(&f.c) == UINT64_MAX);
    stop(&f);
}

/* --- what comes in pieces, and where a relay is --- */

static zg_err take(struct slot_reading *reading, uint64_t version, uint32_t size, uint32_t piece, size_t len)
{
    static const uint8_t data[WIRE_SLOT_PIECE_BYTES] = {7};
    const struct slot_piece p = {version, size, piece, {data, len}};
    return slot_take(reading, 5000, &p);
}

static void pieces_of_two_values_do_not_make_one(void **state)
{
    struct slot_reading reading = {0};
    (void)state;
    assert_int_equal(take(&reading, 1, 4100, 1, 4), ZG_ERR_MALFORMED); /* without a first one */
    assert_int_equal(take(&reading, 1, 4100, 0, 4096), ZG_OK);
    assert_int_equal(take(&reading, 1, 4100, 2, 4), ZG_ERR_MALFORMED);
    assert_int_equal(take(&reading, 2, 4100, 1, 4), ZG_ERR_MALFORMED);
    assert_int_equal(take(&reading, 1, 4101, 1, 4), ZG_ERR_MALFORMED);
    assert_int_equal(take(&reading, 1, 4100, 1, 4), ZG_OK);
    assert_int_equal(reading.len, 4100);
    assert_int_equal(reading.value[4096], 7);
    /* From the beginning. */
    assert_int_equal(take(&reading, 3, 3, 0, 3), ZG_OK);
    assert_int_equal(reading.len, 3);
    /* Longer than it may be. */
    assert_int_equal(take(&reading, 4, 8192, 0, 4096), ZG_OK);
    assert_int_equal(take(&reading, 4, 8192, 1, 4096), ZG_ERR_MALFORMED);
    slot_drop(&reading);
    heap_fail_after(0);
    assert_int_equal(take(&reading, 5, 1, 0, 1), ZG_ERR_MEMORY);
    heap_fail_never();
    assert_null(reading.value);
}

/* Half a value is none: without memory it is not begun, or the connection ends. */
static void half_a_value_is_not_left_with_the_relay(void **state)
{
    static const uint8_t value[2 * WIRE_SLOT_PIECE_BYTES] = {1};
    static const struct secret write;
    struct fixture f;
    unsigned ended = 0;
    int n = 0;
    bool written = false;
    (void)state;
    start(&f, 1);
    struct answer a = {.call = {.done = on_answer, .owner = &a}};
    slot_write(&f.c, &a.call, &write, 0, value, sizeof(value));
    assert_false(call_waits(&a.call)); /* it is not open */
    stop(&f);
    for (; !written && n < 20; n++) {
        start(&f, 1);
        open_link(&f, 4096);
        struct answer answer = {.call = {.done = on_answer, .owner = &answer}};
        heap_fail_after(n);
        slot_write(&f.c, &answer.call, &write, 0, value, sizeof(value));
        heap_fail_never();
        connection_advance(&f.c, f.now);
        if (f.closed > 0)
            assert_int_equal(f.why, ZG_ERR_MEMORY);
        ended += f.closed;
        written = call_waits(&answer.call);
        call_forget(&answer.call);
        stop(&f);
    }
    assert_true(written && ended > 0);
}

static void a_relay_is_where_its_operator_says(void **state)
{
    static const char good[] = "relay.example:443/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    static const char *const bad[] = {"",
                                      "relay.example:443",
                                      "relay.example/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                                      ":443/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
                                      "relay.example:443/",
                                      "relay.example:443/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg",
                                      "relay.example:443/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIQ",
                                      "relay.example:443/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 ",
                                      "relay.example:443/*AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"};
    struct relay_place place;
    char text[200];
    (void)state;
    assert_int_equal(relay_place_parse(&place, good), ZG_OK);
    assert_int_equal(place.count, 1);
    assert_string_equal(place.address[0], "relay.example:443");
    for (uint8_t i = 0; i < 32; i++)
        assert_int_equal(place.pk[i], i);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (relay_place_parse(&place, bad[i]) != ZG_ERR_MALFORMED)
            fail_msg("%s", bad[i]);
    memset(text, 'a', sizeof(text));
    memcpy(text + 100, strchr(good, '/'), strlen(strchr(good, '/')) + 1);
    memcpy(text + 96, ":443", 4);
    assert_int_equal(relay_place_parse(&place, text), ZG_ERR_MALFORMED); /* an address longer than 80 bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_and_reads_what_the_relay_says_of_itself),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(several_commands_share_a_record),
        cmocka_unit_test(no_relay_makes_anybody_wait_for_years),
        cmocka_unit_test(calls_and_bytes_are_bounded),
        cmocka_unit_test(a_forgotten_call_swallows_its_reply),
        cmocka_unit_test(a_value_comes_in_pieces),
        cmocka_unit_test(garbage_ends_the_connection),
        cmocka_unit_test(garbage_instead_of_the_welcome_ends_it),
        cmocka_unit_test(half_a_welcome_and_silence_times_out),
        cmocka_unit_test(an_answer_that_does_not_come_ends_it),
        cmocka_unit_test(silence_is_broken_by_a_ping_and_ends_without_answer),
        cmocka_unit_test(pushes_go_to_their_subscription),
        cmocka_unit_test(the_pause_is_random_below_a_bound_that_doubles),
        cmocka_unit_test(a_relay_that_only_shakes_hands_is_not_hurried),
        cmocka_unit_test(what_is_not_authentic_counts_for_nothing),
        cmocka_unit_test(the_second_address_is_tried_at_once),
        cmocka_unit_test(nothing_is_tried_without_a_network),
        cmocka_unit_test(a_link_is_closed_before_the_next_is_opened_and_no_number_comes_twice),
        cmocka_unit_test(what_nobody_wants_is_closed_when_nothing_waits),
        cmocka_unit_test(pieces_of_two_values_do_not_make_one),
        cmocka_unit_test(a_relay_is_where_its_operator_says),
        cmocka_unit_test(half_a_value_is_not_left_with_the_relay),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
