/*
 * Random conversations over a network that loses, repeats and reorders, against a model: every message is
 * read at most once and says what was said; what must be readable is read. After each event the state goes
 * through its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client/meeting.h"

enum { MESSAGES = 2000, IN_FLIGHT = 12 };

struct message {
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint32_t number; /* among all: its text */
    uint32_t step;
    bool read;
};

/* One direction: what is under way. */
struct way {
    struct message messages[IN_FLIGHT];
    size_t count;
    uint32_t delivered;
};

struct talk {
    struct meeting *m;
    struct way to_worker;
    struct way to_her;
    uint32_t sent;
    uint32_t lost;
    bool hand_overs;
};

static void round_trip(struct ratchet **r)
{
    static struct snapshot a;
    static struct snapshot b;
    snapshot_take(&a, *r);
    struct ratchet *again = snapshot_revive(&a);
    snapshot_take(&b, again);
    assert_true(snapshot_same(&a, &b));
    ratchet_free(*r);
    *r = again;
}

static void remove_at(struct way *w, size_t i)
{
    memmove(&w->messages[i], &w->messages[i + 1], (w->count - i - 1) * sizeof(w->messages[0]));
    w->count--;
}

static void send(struct talk *t, struct ratchet **from, struct way *w)
{
    if (w->count == IN_FLIGHT) {
        t->lost += w->messages[0].read ? 0 : 1;
        remove_at(w, 0);
    }
    struct message *msg = &w->messages[w->count++];
    char text[32];
    msg->number = t->sent++;
    msg->read = false;
    snprintf(text, sizeof(text), "message %u", msg->number);
    if (t->hand_overs && *from == t->m->worker && rng_below(&t->m->rng, 8) == 0)
        (*from)->due = true;
    say(t->m, *from, text, msg->envelope);
    msg->step = (*from)->sending.step;
    round_trip(from);
}

static uint32_t newest_step(const struct ratchet *r)
{
    uint32_t step = r->has_peer ? r->peer.chain.step : 0;
    return r->has_aside && r->aside.step > step ? r->aside.step : step;
}

/* Delivers one of what is under way, most often the oldest; sometimes it stays and comes again. */
static void deliver(struct talk *t, struct ratchet **to, struct way *w)
{
    const struct rng *rng = &t->m->rng;
    if (w->count == 0)
        return;
    size_t i = rng_below(rng, 3) == 0 ? rng_below(rng, (uint32_t)w->count) : 0;
    struct message *msg = &w->messages[i];
    uint8_t frame[RATCHET_FRAME_BYTES];
    char text[32];
    const bool aged = newest_step(*to) >= msg->step + RATCHET_STORED_STEPS;

    zg_err err = hear(t->m, *to, msg->envelope, frame, NULL);
    if (err == ZG_OK) {
        assert_false(msg->read);
        snprintf(text, sizeof(text), "message %u", msg->number);
        assert_string_equal(text_of(frame), text);
        msg->read = true;
        w->delivered++;
    } else {
        assert_int_equal(err, ZG_ERR_NOT_FOUND);
        /* Without steps in a row, all that is not too old is readable. */
        assert_true(msg->read || aged || t->hand_overs);
    }
    round_trip(to);
    if (rng_below(rng, 6) != 0)
        remove_at(w, i);
}

static void step_of(struct talk *t)
{
    const struct rng *rng = &t->m->rng;
    struct way *w;
    switch (rng_below(rng, 11)) {
    case 0:
    case 1:
        send(t, &t->m->her, &t->to_worker);
        break;
    case 2:
    case 3:
        send(t, &t->m->worker, &t->to_her);
        break;
    case 4: /* lost */
        w = rng_below(rng, 2) == 0 ? &t->to_worker : &t->to_her;
        if (w->count > 0) {
            size_t i = rng_below(rng, (uint32_t)w->count);
            t->lost += w->messages[i].read ? 0 : 1;
            remove_at(w, i);
        }
        break;
    default:
        if (rng_below(rng, 2) == 0)
            deliver(t, &t->m->worker, &t->to_worker);
        else
            deliver(t, &t->m->her, &t->to_her);
    }
}

/* Whatever happened: what is said now, arrives. */
static void comes_together_again(struct talk *t)
{
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    for (int i = 0; i < 4; i++) {
        struct ratchet *from = i % 2 == 0 ? t->m->worker : t->m->her;
        struct ratchet *to = i % 2 == 0 ? t->m->her : t->m->worker;
        say(t->m, from, "at the end", envelope);
        assert_int_equal(hear(t->m, to, envelope, frame, NULL), ZG_OK);
        assert_string_equal(text_of(frame), "at the end");
    }
}

static void converse(uint64_t seed, bool hand_overs)
{
    struct desk *desk = desk_new(seed);
    struct talk *t = calloc(1, sizeof(*t));
    t->m = meeting_agreed(desk);
    t->hand_overs = hand_overs;
    while (t->sent < MESSAGES)
        step_of(t);
    comes_together_again(t);
    const uint32_t delivered = t->to_worker.delivered + t->to_her.delivered;
    const uint32_t waiting = (uint32_t)(t->to_worker.count + t->to_her.count);
    assert_true(delivered + t->lost <= t->sent);
    assert_true(delivered + t->lost + waiting >= (hand_overs ? t->sent / 2 : t->sent - t->sent / 20));
    meeting_free(t->m);
    free(t);
    desk_free(desk);
}

static void every_message_is_read_at_most_once_and_none_is_lost_on_the_way(void **state)
{
    (void)state;
    converse(100, false);
}

static void the_same_while_the_conversation_changes_hands(void **state)
{
    (void)state;
    converse(101, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_read_at_most_once_and_none_is_lost_on_the_way),
        cmocka_unit_test(the_same_while_the_conversation_changes_hands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
