/*
 * Steps in a row and steps that cross, as a hand-over makes them; docs/protocol.md section 7, rule 4.
 *
 * A hand-over is played by making the worker's ratchet owe a step again: its next message then starts a step
 * that answers the same step of hers as the one before. W1, P1, ... are the worker's and her steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client/meeting.h"

typedef uint8_t envelope_bytes[WIRE_ENVELOPE_BYTES];

static struct desk *desk;

static int setup(void **state)
{
    desk = desk_new(5);
    *state = meeting_agreed(desk);
    return 0;
}

static int teardown(void **state)
{
    meeting_free(*state);
    desk_free(desk);
    return 0;
}

static void expect(struct meeting *m, struct ratchet *to, const uint8_t *envelope, const char *text)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    assert_int_equal(hear(m, to, envelope, frame, NULL), ZG_OK);
    assert_string_equal(text_of(frame), text);
}

static void drop(struct meeting *m, struct ratchet *to, const uint8_t *envelope)
{
    static struct snapshot before;
    static struct snapshot after;
    uint8_t frame[RATCHET_FRAME_BYTES];
    snapshot_take(&before, to);
    assert_int_equal(hear(m, to, envelope, frame, NULL), ZG_ERR_NOT_FOUND);
    snapshot_take(&after, to);
    assert_true(snapshot_same(&before, &after));
}

static void pass(struct meeting *m, struct ratchet *from, struct ratchet *to, const char *text)
{
    envelope_bytes e;
    say(m, from, text, e);
    expect(m, to, e, text);
}

static void hand_over(struct ratchet *worker)
{
    worker->due = true;
}

static void exchange(struct meeting *m)
{
    pass(m, m->her, m->worker, "ping");
    pass(m, m->worker, m->her, "pong");
}

/* One saved state on two devices; the second one knows how far the first one counted. */
static void two_devices_answer_the_same_step(void **state)
{
    struct meeting *m = *state;
    static struct snapshot s;
    envelope_bytes a[3];
    envelope_bytes b[2];
    exchange(m);
    pass(m, m->her, m->worker, "to be answered twice");
    snapshot_take(&s, m->worker);
    struct ratchet *colleague = snapshot_revive(&s);
    say(m, m->worker, "a0", a[0]);
    say(m, m->worker, "a1", a[1]);
    say(m, m->worker, "a2", a[2]);
    colleague->sending.step = m->worker->sending.step;
    colleague->sending.n = m->worker->sending.n;
    say(m, colleague, "b0", b[0]);
    say(m, colleague, "b1", b[1]);
    assert_int_equal(colleague->sending.step, m->worker->sending.step + 1);
    assert_memory_equal(colleague->sending.answers, m->worker->sending.answers, RATCHET_ID_BYTES);
    assert_memory_equal(colleague->sending.hk, m->worker->sending.hk, KEY_BYTES); /* siblings share it */

    expect(m, m->her, a[0], "a0");
    expect(m, m->her, b[0], "b0");
    expect(m, m->her, a[2], "a2"); /* stored: the header key is that of the current chain, N is in both */
    expect(m, m->her, b[1], "b1");
    expect(m, m->her, a[1], "a1");
    drop(m, m->her, a[1]);
    /* She answers the colleague; the former device cannot read it. */
    say(m, m->her, "hello colleague", a[0]);
    drop(m, m->worker, a[0]);
    expect(m, colleague, a[0], "hello colleague");
    ratchet_free(m->worker);
    m->worker = colleague;
    exchange(m);
}

static void the_second_of_two_steps_alone_is_enough(void **state)
{
    struct meeting *m = *state;
    envelope_bytes lost;
    exchange(m);
    pass(m, m->her, m->worker, "x");
    say(m, m->worker, "lost with its whole step", lost);
    hand_over(m->worker);
    pass(m, m->worker, m->her, "second");
    drop(m, m->her, lost); /* smaller number: she never goes back */
    exchange(m);
}

/* PN speaks of a step that she never saw: it says nothing about the one that she did see. */
static void the_length_of_a_step_that_was_not_seen_is_not_taken_for_anothers(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    pass(m, m->her, m->worker, "x");
    for (int i = 0; i < 5; i++)
        say(m, m->worker, "lost", e);
    hand_over(m->worker);
    say(m, m->worker, "second", e);
    assert_int_equal(m->worker->sending.pn, 5);
    expect(m, m->her, e, "second");
    assert_int_equal(m->her->stored.count, 0);
}

/* Both of hers answer W2, while W3 wins. */
static void an_older_step_of_hers_is_not_set_aside_after_a_newer_one(void **state)
{
    struct meeting *m = *state;
    envelope_bytes older;
    envelope_bytes newer;
    exchange(m);
    say(m, m->her, "older", older);
    m->her->due = true;
    say(m, m->her, "newer", newer);
    hand_over(m->worker);
    pass(m, m->worker, m->her, "winner");
    expect(m, m->worker, newer, "newer");
    drop(m, m->worker, older);
    pass(m, m->her, m->worker, "after");
    exchange(m);
}

static void an_old_sibling_never_takes_her_back(void **state)
{
    struct meeting *m = *state;
    envelope_bytes old[2];
    exchange(m);
    pass(m, m->her, m->worker, "x");
    say(m, m->worker, "old 0", old[0]);
    say(m, m->worker, "old 1", old[1]);
    hand_over(m->worker);
    pass(m, m->worker, m->her, "new");
    drop(m, m->her, old[0]);
    pass(m, m->her, m->worker, "y");
    drop(m, m->her, old[1]);
    exchange(m);
    drop(m, m->her, old[0]);
}

/* W2 -> her; she makes P2 while W3 (a hand-over) is on its way. */
static void when_steps_cross_the_workers_wins_and_nothing_is_lost(void **state)
{
    struct meeting *m = *state;
    envelope_bytes hers[3];
    envelope_bytes his;
    exchange(m);
    say(m, m->her, "crossing 0", hers[0]);
    say(m, m->her, "crossing 1", hers[1]);
    say(m, m->her, "crossing 2", hers[2]);
    hand_over(m->worker);
    say(m, m->worker, "crossing too", his);
    const uint32_t hers_number = m->her->sending.step;

    uint8_t frame[RATCHET_FRAME_BYTES];
    struct ratchet_info info;
    assert_int_equal(hear(m, m->her, his, frame, &info), ZG_OK);
    assert_true(info.new_step);
    assert_false(info.answers_newest);
    assert_int_equal(m->her->own_count, 1); /* her crossing step is void */

    assert_int_equal(hear(m, m->worker, hers[1], frame, &info), ZG_OK);
    assert_false(info.new_step);
    assert_false(info.answers_newest);
    assert_true(m->worker->has_aside);
    assert_false(m->worker->due);
    expect(m, m->worker, hers[0], "crossing 0"); /* stored when it was skipped */

    say(m, m->her, "on the worker's step", hers[0]);
    assert_int_equal(m->her->sending.step, hers_number + 1);
    assert_int_equal(hear(m, m->worker, hers[0], frame, &info), ZG_OK);
    assert_true(info.new_step && info.answers_newest);
    assert_false(m->worker->has_aside);
    expect(m, m->worker, hers[2], "crossing 2"); /* PN spoke of the chain set aside */
    drop(m, m->worker, hers[1]);
    exchange(m);
}

static void what_is_set_aside_is_never_answered(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "crossing", e);
    hand_over(m->worker);
    pass(m, m->worker, m->her, "winner");
    expect(m, m->worker, e, "crossing");
    const uint32_t step = m->worker->sending.step;
    pass(m, m->worker, m->her, "still from the winner");
    assert_int_equal(m->worker->sending.step, step);
    exchange(m);
}

/* Late messages of her former chain are readable after a crossing step closed it. */
static void a_step_set_aside_closes_the_chain_before_it(void **state)
{
    struct meeting *m = *state;
    envelope_bytes late;
    envelope_bytes crossing;
    pass(m, m->her, m->worker, "first");
    say(m, m->her, "late", late);
    pass(m, m->worker, m->her, "pong");
    say(m, m->her, "crossing", crossing);
    hand_over(m->worker);
    pass(m, m->worker, m->her, "winner");
    expect(m, m->worker, crossing, "crossing");
    expect(m, m->worker, late, "late");
    pass(m, m->her, m->worker, "after");
    drop(m, m->worker, late);
}

static void steps_cross_several_times(void **state)
{
    struct meeting *m = *state;
    exchange(m);
    for (int i = 0; i < 6; i++) {
        envelope_bytes hers;
        envelope_bytes his;
        say(m, m->her, "hers", hers);
        hand_over(m->worker);
        say(m, m->worker, "his", his);
        expect(m, m->her, his, "his");
        expect(m, m->worker, hers, "hers");
        assert_true(m->her->own_count <= 2);
    }
    exchange(m);
}

/* She is away while the conversation changes hands three times, and has written before she reads that. */
static void three_hand_overs_while_she_is_away(void **state)
{
    struct meeting *m = *state;
    envelope_bytes hers;
    envelope_bytes his[3];
    exchange(m);
    say(m, m->her, "written offline", hers);
    for (int i = 0; i < 3; i++) {
        hand_over(m->worker);
        say(m, m->worker, "a colleague is here", his[i]);
    }
    expect(m, m->worker, hers, "written offline");
    for (int i = 0; i < 3; i++)
        expect(m, m->her, his[i], "a colleague is here");
    exchange(m);
    assert_int_equal(m->worker->own_count, 2);
}

static void more_hand_overs_than_steps_are_kept_end_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes hers;
    envelope_bytes his[9];
    exchange(m);
    say(m, m->her, "too old", hers);
    for (int i = 0; i < 9; i++) {
        hand_over(m->worker);
        say(m, m->worker, "x", his[i]);
        assert_true(m->worker->own_count <= RATCHET_OWN_STEPS);
    }
    drop(m, m->worker, hers);
    expect(m, m->her, his[8], "x");
    drop(m, m->her, his[7]);
    exchange(m);
    exchange(m);
}

/* A second step that answers the knock, after the accept. */
static void a_hand_over_before_her_first_answer(void **state)
{
    (void)state;
    struct meeting *m = meeting_agreed(desk);
    envelope_bytes e;
    hand_over(m->worker);
    assert_false(ratchet_sends_accept(m->worker));
    pass(m, m->worker, m->her, "a colleague is here");
    say(m, m->her, "hello", e);
    expect(m, m->worker, e, "hello");
    exchange(m);
    meeting_free(m);
}

/* Whoever holds the intake key knows RK0, HK and NHK0, and her public keys: that must not be enough after the
 * accept. */
static void a_holder_of_the_intake_key_cannot_step_in_after_the_accept(void **state)
{
    (void)state;
    struct meeting *m = meeting_agreed(desk);
    struct ratchet *thief;
    struct step_public step;
    uint8_t dhi[32] = {9};
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    envelope_bytes e;
    MUST(ratchet_new_worker(&thief, &m->opened.start, m->opened.dh, m->opened.ek, &step, &m->rng));
    /* Even one who got hold of TH2: without DHI the roots differ. */
    MUST(ratchet_mix_accept(thief, dhi, m->accept.th2));
    thief->due = true;
    MUST(ratchet_encrypt(thief, frame, e, &m->rng));
    static struct snapshot before;
    static struct snapshot after;
    snapshot_take(&before, m->her);
    assert_int_equal(hear(m, m->her, e, frame, NULL),
                     ZG_ERR_FORGED); /* HK opens the header, nothing opens the body */
    snapshot_take(&after, m->her);
    assert_true(snapshot_same(&before, &after));
    ratchet_free(thief);
    meeting_free(m);
}

static void a_step_that_answers_nothing_known_is_dropped(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "x", e);
    memset(m->her->sending.answers, 0x11, RATCHET_ID_BYTES);
    say(m, m->her, "x", e);
    drop(m, m->worker, e);
}

static void own_steps_are_forgotten_once_a_newer_one_was_answered(void **state)
{
    struct meeting *m = *state;
    for (int i = 0; i < 5; i++) {
        exchange(m);
        assert_int_equal(m->worker->own_count, 2); /* the newest, and the one before until it is answered */
        assert_int_equal(m->her->own_count, 1);
        static const struct own_step nothing;
        for (uint32_t j = m->her->own_count; j < RATCHET_OWN_STEPS; j++)
            assert_memory_equal(&m->her->own[j], &nothing, sizeof(nothing));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_devices_answer_the_same_step),
        TEST(the_second_of_two_steps_alone_is_enough),
        TEST(the_length_of_a_step_that_was_not_seen_is_not_taken_for_anothers),
        TEST(an_older_step_of_hers_is_not_set_aside_after_a_newer_one),
        TEST(an_old_sibling_never_takes_her_back),
        TEST(when_steps_cross_the_workers_wins_and_nothing_is_lost),
        TEST(what_is_set_aside_is_never_answered),
        TEST(a_step_set_aside_closes_the_chain_before_it),
        TEST(steps_cross_several_times),
        TEST(three_hand_overs_while_she_is_away),
        TEST(more_hand_overs_than_steps_are_kept_end_nothing),
        TEST(a_hand_over_before_her_first_answer),
        TEST(a_holder_of_the_intake_key_cannot_step_in_after_the_accept),
        TEST(a_step_that_answers_nothing_known_is_dropped),
        TEST(own_steps_are_forgotten_once_a_newer_one_was_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
