/*
 * Random traffic while the disk fails, connections break and the relay goes down. What must hold at every
 * step: a message that was answered ok and not acknowledged comes again; what was acknowledged does not;
 * order holds within a subscription; nothing hangs.
 */
#include "tests/unit/relay_core/scene.h"

#include "tests/unit/client/heap.h"

enum { QUEUES = 3, MESSAGES = 250, STEPS = 400 };

struct tracked {
    uint32_t queue;
    uint32_t asked[SCENE_PEERS]; /* seq + 1 of the outstanding SEND, by peer */
    bool accepted, acked, sent_again;
    bool doubtful; /* the connection broke with its acknowledgement */
};

struct listener {
    struct peer *peer; /* NULL: none */
    uint8_t sub[8];
    bool subscribed;
    uint32_t asked; /* seq of the SUBSCRIBE */
    uint32_t last;  /* number of the message delivered last, for order */
    uint32_t ids[MESSAGES];
    uint32_t held[MESSAGES]; /* numbers, not acknowledged */
    uint32_t count;
};

struct run {
    struct scene *s;
    uint64_t number; /* the seed: queues and handles are those of this run */
    struct rng rng;
    struct rng_seed seed;
    struct thing queues[QUEUES];
    struct listener listeners[QUEUES];
    struct tracked messages[MESSAGES];
    uint32_t count;
    uint64_t full_since[SCENE_PEERS]; /* mono_ms; meaningful if the peer is full */
    bool ordered;                     /* no failures: order must hold for all that were sent once */
    bool forgetful; /* the relay went down: what was acknowledged just before may come again */
};

static uint32_t below(struct run *r, uint32_t n)
{
    return rng_below(&r->rng, n);
}

static struct peer *sender(struct run *r)
{
    return &r->s->peers[below(r, 2)];
}

static void forget_listener(struct listener *l)
{
    memset(l, 0, sizeof(*l));
}

/* Another connection: nothing that was asked over the old one will be answered. */
static void reopen(struct run *r, struct peer *p)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        if (r->listeners[q].peer == p)
            forget_listener(&r->listeners[q]);
    for (uint32_t m = 0; m < r->count; m++)
        r->messages[m].asked[p - r->s->peers] = 0;
    peer_clear(p);
    assert_true(peer_open(p, r->s->relay, r->s->pk, &r->s->rng, r->s->now));
}

/* --- what the relay says --- */

static void on_reply(struct run *r, uint32_t peer, const struct command *c)
{
    for (uint32_t i = 0; i < r->count; i++) {
        struct tracked *m = &r->messages[i];
        if (m->asked[peer] != c->seq + 1)
            continue;
        m->asked[peer] = 0;
        assert_int_not_equal(c->u.reply.status, STATUS_REFUSED);
        if (c->u.reply.status == STATUS_OK)
            m->accepted = true;
    }
    for (uint32_t q = 0; q < QUEUES; q++)
        if (r->listeners[q].peer == &r->s->peers[peer] && r->listeners[q].asked == c->seq)
            r->listeners[q].peer = NULL; /* busy: subscribes again later */
}

static struct listener *listener_of(struct run *r, const uint8_t *sub)
{
    for (uint32_t q = 0; q < QUEUES; q++)
        if (r->listeners[q].subscribed && memcmp(r->listeners[q].sub, sub, 8) == 0)
            return &r->listeners[q];
    return NULL;
}

static void on_delivery(struct run *r, const struct command *c)
{
    struct listener *l = listener_of(r, c->u.deliver.subscription);
    uint32_t number;

    memcpy(&number, c->u.deliver.envelope, sizeof(number));
    assert_true(number < r->count);
    if (l == NULL)
        return; /* displaced, and the carrier held it back */
    struct tracked *m = &r->messages[number];
    assert_int_equal(m->queue, l - r->listeners);
    /* Unless it was sent again when its acknowledgement was forgotten. */
    if (!r->forgetful && !m->doubtful && !(m->sent_again && r->s->limits.acknowledged < MESSAGES))
        assert_false(m->acked);
    for (uint32_t i = 0; i < l->count; i++)
        assert_int_not_equal(l->held[i], number);
    if (r->ordered && !m->sent_again && l->last > 0)
        assert_true(number + 1 > l->last);
    l->last = number + 1;
    l->ids[l->count] = c->u.deliver.id;
    l->held[l->count++] = number;
}

static void on_subscribed(struct run *r, uint32_t peer, const struct command *c)
{
    for (uint32_t q = 0; q < QUEUES; q++) {
        struct listener *l = &r->listeners[q];
        if (l->peer != &r->s->peers[peer] || l->asked != c->seq)
            continue;
        memcpy(l->sub, c->u.subscribed.subscription, 8);
        l->subscribed = true;
        l->asked = 0;
    }
}

static void hear_all(struct run *r)
{
    for (uint32_t i = 0; i < SCENE_PEERS; i++) {
        struct heard *h;
        while ((h = peer_take(&r->s->peers[i])) != NULL) {
            if (h->c.op == OP_REPLY)
                on_reply(r, i, &h->c);
            else if (h->c.op == OP_DELIVER)
                on_delivery(r, &h->c);
            else if (h->c.op == OP_SUBSCRIBED)
                on_subscribed(r, i, &h->c);
            free(h);
        }
    }
}

/* --- what is done --- */

static void send_number(struct run *r, uint32_t number)
{
    struct tracked *m = &r->messages[number];
    struct peer *p = sender(r);
    uint8_t envelope[WIRE_ENVELOPE_BYTES] = {0};
    uint8_t handle[WIRE_HANDLE_BYTES] = {0};
    struct command c = {.op = OP_SEND,
                        .u.send = {SEND_PUT, r->queues[m->queue].put, WIRE_TTL_7D, handle, envelope}};

    if (p->session == NULL)
        reopen(r, p);
    memcpy(envelope, &number, sizeof(number));
    memcpy(handle, &number, sizeof(number));
    memcpy(handle + 8, &r->number, sizeof(r->number));
    m->asked[p - r->s->peers] = peer_send(p, &c, r->s->now) + 1;
}

static void do_send(struct run *r)
{
    if (r->count == MESSAGES)
        return;
    r->messages[r->count] = (struct tracked){.queue = below(r, QUEUES)};
    send_number(r, r->count++);
}

static void do_send_again(struct run *r)
{
    if (r->count == 0)
        return;
    uint32_t number = below(r, r->count);
    r->messages[number].sent_again = true;
    send_number(r, number);
}

static void do_subscribe(struct run *r)
{
    uint32_t q = below(r, QUEUES);
    struct listener *l = &r->listeners[q];
    struct peer *p = &r->s->peers[2 + below(r, 2)];
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {r->queues[q].take, 1 + below(r, 20)}};

    if (l->peer != NULL && !l->subscribed)
        return;
    hear_all(r);
    if (p->session == NULL)
        reopen(r, p);
    forget_listener(l);
    l->peer = p;
    l->asked = peer_send(p, &c, r->s->now);
    /* What comes for the displaced one until it hears of it must not be counted. */
    scene_turn(r->s);
    if (r->s->hold) {
        r->s->hold = false;
        scene_turn(r->s);
        r->s->hold = true;
    }
}

static void do_ack(struct run *r)
{
    struct listener *l = &r->listeners[below(r, QUEUES)];
    if (!l->subscribed || l->count == 0 || l->peer->session == NULL)
        return;
    uint32_t i = below(r, l->count);
    struct command c = {.op = OP_ACK, .u.ack = {.subscription = l->sub, .ids = {l->ids[i]}, .count = 1}};
    struct tracked *m = &r->messages[l->held[i]];
    m->acked = true;
    l->count--;
    l->ids[i] = l->ids[l->count];
    l->held[i] = l->held[l->count];
    peer_send(l->peer, &c, r->s->now);
    m->doubtful = l->peer->session == NULL;
}

static void do_hang_up(struct run *r)
{
    reopen(r, &r->s->peers[below(r, SCENE_PEERS)]);
}

/* Without a word: what the store had not begun is lost. */
static void do_crash(struct run *r)
{
    struct scene *s = r->s;
    for (uint32_t n = below(r, s->store.waiting + 1); n > 0; n--)
        test_store_step(&s->store);
    hear_all(r);
    s->store.fail_every = 1;
    scene_restart(s);
    s->store.fail_every = 0;
    for (uint32_t q = 0; q < QUEUES; q++)
        forget_listener(&r->listeners[q]);
    for (uint32_t m = 0; m < r->count; m++)
        memset(r->messages[m].asked, 0, sizeof(r->messages[m].asked));
    r->forgetful = true;
}

static void do_time(struct run *r)
{
    static const uint32_t times[] = {1, 20, 50, 100, 250, 600};
    scene_pass(r->s, times[below(r, sizeof(times) / sizeof(times[0]))]);
}

static void do_choke(struct run *r)
{
    struct peer *p = &r->s->peers[2 + below(r, 2)];
    if (p->full) {
        peer_drain(p);
    } else {
        p->full = true;
        r->full_since[p - r->s->peers] = r->s->now.mono_ms;
    }
}

/* --- runs --- */

static void begin(struct run *r, struct scene *s, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    r->s = s;
    r->number = seed;
    r->rng = rng_seeded(&r->seed, seed);
    r->ordered = true;
    for (uint32_t q = 0; q < QUEUES; q++)
        make_queue(s, &r->queues[q], (uint32_t)seed * 10 + q, QUEUE_CONVERSATION);
}

/* The relay ends a connection only if nothing was taken from it for a while. */
static void check_cut_off(const struct run *r, uint32_t i)
{
    const struct peer *p = &r->s->peers[i];
    if (p->session == NULL)
        assert_true(p->full && r->s->now.mono_ms - r->full_since[i] >= 5000);
}

/* Everything works again: all that was accepted arrives. */
static void finish(struct run *r)
{
    struct scene *s = r->s;
    bool here[MESSAGES] = {false};

    s->hold = false;
    s->store.fail_every = 0;
    for (uint32_t i = 0; i < SCENE_PEERS; i++) {
        check_cut_off(r, i);
        if (s->peers[i].full)
            peer_drain(&s->peers[i]);
    }
    scene_pass(s, 5000);
    hear_all(r);
    for (uint32_t m = 0; m < r->count; m++)
        for (uint32_t i = 0; i < SCENE_PEERS; i++)
            assert_int_equal(r->messages[m].asked[i], 0); /* every SEND was answered */
    if (s->peers[2].session == NULL) {                    /* cut off before this began */
        peer_clear(&s->peers[2]);
        assert_true(peer_open(&s->peers[2], s->relay, s->pk, &s->rng, s->now));
    }
    for (uint32_t q = 0; q < QUEUES; q++) {
        struct listener *l = &r->listeners[q];
        forget_listener(l);
        l->peer = &s->peers[2];
        struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {r->queues[q].take, 256}};
        l->asked = peer_send(&s->peers[2], &c, s->now);
    }
    scene_pass(s, 5000);
    hear_all(r);
    for (uint32_t q = 0; q < QUEUES; q++) {
        assert_true(r->listeners[q].subscribed);
        for (uint32_t i = 0; i < r->listeners[q].count; i++)
            here[r->listeners[q].held[i]] = true;
    }
    for (uint32_t m = 0; m < r->count; m++)
        if (r->messages[m].accepted && !r->messages[m].acked && !here[m])
            fail_msg("message %u was accepted and is lost", m);
    for (uint32_t q = 0; q < QUEUES; q++)
        while (r->listeners[q].count > 0)
            for (uint32_t i = 0; i < 50; i++)
                do_ack(r);
    scene_pass(s, 5000);
    assert_int_equal(scene_rows(s), 0);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
}

static void step(struct run *r, bool crashes)
{
    switch (below(r, 20)) {
    case 0:
        do_subscribe(r);
        break;
    case 1:
        do_hang_up(r);
        r->ordered = false; /* a SEND may be lost on the way and sent again */
        break;
    case 2:
    case 3:
        do_send_again(r);
        break;
    case 4:
        r->s->hold = !r->s->hold;
        break;
    case 5:
        do_choke(r);
        break;
    case 6:
        if (crashes && below(r, 4) == 0)
            do_crash(r);
        break;
    case 7:
    case 8:
    case 9:
        do_time(r);
        break;
    case 10:
    case 11:
    case 12:
    case 13:
        do_ack(r);
        break;
    default:
        do_send(r);
        break;
    }
    scene_turn(r->s);
    hear_all(r);
}

static void run_all(struct scene *s, uint32_t seeds, uint32_t fail_every, bool crashes)
{
    struct run *r = malloc(sizeof(*r));
    assert_non_null(r);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        begin(r, s, seed);
        s->store.fail_every = fail_every;
        r->ordered = r->ordered && fail_every == 0;
        for (uint32_t i = 0; i < STEPS; i++)
            step(r, crashes);
        finish(r);
        scene_restart(s);
    }
    free(r);
}

static void nothing_accepted_is_lost(void **state)
{
    run_all(*state, 10, 0, false);
}

static void nothing_accepted_is_lost_when_jobs_fail(void **state)
{
    for (uint32_t every = 2; every < 12; every++)
        run_all(*state, 3, every, false);
}

static void nothing_accepted_is_lost_when_the_relay_goes_down(void **state)
{
    run_all(*state, 10, 0, true);
    run_all(*state, 10, 5, true);
}

static void a_little_memory_and_many_idle_queues_lose_nothing(void **state)
{
    struct scene *s = *state;
    s->limits.memory_bytes = 8 * 4100;
    s->limits.idle_queues = 0;
    s->limits.acknowledged = 2;
    scene_restart(s);
    run_all(s, 10, 0, false);
    run_all(s, 10, 4, false);
}

/* The nth allocation fails, for every n. */
static void no_allocation_is_one_too_many(void **state)
{
    struct scene *s = *state;
    struct run *r = malloc(sizeof(*r));
    assert_non_null(r);
    for (int n = 0; n < 400; n++) {
        begin(r, s, 1000 + (uint64_t)n);
        r->ordered = false;
        heap_fail_after(n);
        for (uint32_t i = 0; i < 30; i++) {
            if (i % 10 == 0)
                do_subscribe(r);
            do_send(r);
            do_send(r);
            do_ack(r);
            scene_pass(s, 60);
            hear_all(r);
        }
        heap_fail_never();
        for (uint32_t p = 0; p < SCENE_PEERS; p++)
            if (s->peers[p].session == NULL)
                reopen(r, &s->peers[p]);
        finish(r);
    }
    free(r);
}

/* One of every kind of command that the runs above do not use. Replies are not looked at. */
static void say_everything(struct scene *s, struct peer *p, uint32_t n)
{
    struct thing q, desk, her, drawn, slot;
    struct slot_names names = slot_from(&slot, n + 4);
    uint8_t vouchers[3][32], cookie[WIRE_COOKIE_BYTES] = {0}, handle[WIRE_HANDLE_BYTES] = {1}, sub[8] = {0};
    uint8_t data[WIRE_ENVELOPE_BYTES] = {0};
    struct heard *h;

    heap_fail_never();
    give_voucher(s, VOUCHER_CONVERSATION, n, vouchers[0]);
    give_voucher(s, VOUCHER_DESK, n + 1, vouchers[1]);
    give_voucher(s, VOUCHER_SLOT, n + 2, vouchers[2]);
    heap_fail_after((int)(n / 10));
    thing_from(&q, n);
    thing_from(&desk, n + 1);
    thing_from(&her, n + 2);
    thing_from(&drawn, n + 3);
    memcpy(handle + 4, &n, sizeof(n));
    struct command said[] = {
        {.op = OP_QUEUE_CREATE, .u.queue_create = {vouchers[0], QUEUE_CONVERSATION, q.names}},
        {.op = OP_QUEUE_CREATE, .u.queue_create = {vouchers[1], QUEUE_DESK, desk.names}},
        {.op = OP_SLOT_CREATE, .u.slot_create = {vouchers[2], WIRE_TTL_1D, names}},
        {.op = OP_SLOT_SET, .u.slot_set = {slot.put, {0, 4097, 0, {data, 4096}}}},
        {.op = OP_SLOT_SET, .u.slot_set = {slot.put, {0, 4097, 1, {data, 1}}}},
        {.op = OP_SLOT_GET, .u.slot_get = {slot.take}},
        {.op = OP_VOUCHER_DRAW,
         .u.voucher_draw =
             {.take = desk.take, .kind = VOUCHER_SLOT, .names = {drawn.end_name.b}, .count = 1}},
        {.op = OP_SUBSCRIBE, .u.subscribe = {desk.take, 8}},
        {.op = OP_CHALLENGE, .u.challenge = {desk.put}},
        {.op = OP_KNOCK,
         .u.knock = {desk.put, cookie, 0, her.names, slot.end_name.b, WIRE_TTL_1D, handle, data}},
        {.op = OP_CLAIM, .u.claim = {sub, 1}},
        {.op = OP_CANCEL, .u.cancel = {handle}},
        {.op = OP_QUEUE_UPDATE, .u.queue_update = {q.own, q.names}},
        {.op = OP_SLOT_UPDATE, .u.slot_update = {slot.own, names}},
        {.op = OP_SLOT_DELETE, .u.slot_delete = {slot.own}},
        {.op = OP_QUEUE_DELETE, .u.queue_delete = {DELETE_OWN, q.own}},
        {.op = OP_QUEUE_DELETE, .u.queue_delete = {DELETE_END, desk.end}},
    };
    slot.end_name.b[0] = (uint8_t)n; /* the voucher that the knock makes */
    memcpy(slot.end_name.b + 4, &n, sizeof(n));
    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]) && p->session != NULL; i++) {
        if (said[i].op == OP_SLOT_SET && said[i].u.slot_set.piece.piece > 0)
            p->seq--; /* the pieces have one */
        peer_send(p, &said[i], s->now);
        scene_turn(s);
        for (; (h = peer_take(p)) != NULL; free(h))
            if (h->c.op == OP_COOKIE)
                memcpy(cookie, h->c.u.cookie.cookie, sizeof(cookie));
        if (said[i].op == OP_KNOCK || said[i].op == OP_CANCEL)
            scene_settle(s);
    }
    heap_fail_never();
}

static void no_allocation_of_any_command_is_one_too_many(void **state)
{
    struct scene *s = *state;
    for (uint32_t n = 0; n < 250; n++) {
        struct peer *p = &s->peers[1];
        if (p->session == NULL) {
            peer_clear(p);
            assert_true(peer_open(p, s->relay, s->pk, &s->rng, s->now));
        }
        say_everything(s, p, 10 * n);
        scene_settle(s);
    }
    scene_pass(s, 5000);
    assert_int_equal(scene_stats(s).bytes_in_flight, 0);
    assert_true(scene_stats(s).written > 100); /* knocks */
    hear_reply(&s->peers[0], say_ping(s, &s->peers[0]), STATUS_OK);
}

static void a_relay_that_cannot_be_made_leaves_nothing(void **state)
{
    struct scene *s = *state;
    struct relay_options options = {
        .limits = s->limits, .settle_ms = 10, .ttl_ceiling = 0, .store = &s->store.store, .rng = s->rng};
    zg_err err = ZG_ERR_MEMORY;
    for (int n = 0; err != ZG_OK; n++) {
        struct relay *r = NULL;
        assert_true(n < 50);
        heap_fail_after(n);
        err = relay_new(&r, &options, s->now);
        heap_fail_never();
        assert_true(err == ZG_OK || (err == ZG_ERR_MEMORY && r == NULL));
        relay_free(r);
    }
}

static const struct CMUnitTest tests[] = {
    SCENE_TEST(nothing_accepted_is_lost),
    SCENE_TEST(nothing_accepted_is_lost_when_jobs_fail),
    SCENE_TEST(nothing_accepted_is_lost_when_the_relay_goes_down),
    SCENE_TEST(a_little_memory_and_many_idle_queues_lose_nothing),
    SCENE_TEST(no_allocation_is_one_too_many),
    SCENE_TEST(no_allocation_of_any_command_is_one_too_many),
    SCENE_TEST(a_relay_that_cannot_be_made_leaves_nothing),
};

RUN_TESTS
