/* One chain after the other: order, loss, gaps, tampering, limits. Steps in a row and crossing:
 * test_ratchet_steps.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/client/heap.h"
#include "tests/unit/client/meeting.h"

static struct desk *desk;

static int setup(void **state)
{
    desk = desk_new(4);
    *state = meeting_agreed(desk);
    return 0;
}

static int teardown(void **state)
{
    meeting_free(*state);
    desk_free(desk);
    return 0;
}

/* --- helpers --- */

static void expect(struct meeting *m, struct ratchet *to, const uint8_t *envelope, const char *text)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    assert_int_equal(hear(m, to, envelope, frame, NULL), ZG_OK);
    assert_string_equal(text_of(frame), text);
}

/* Refused, with the state, the frame and the info untouched. */
static void refuse(struct meeting *m, struct ratchet *to, const uint8_t *envelope, zg_err err)
{
    static struct snapshot before;
    static struct snapshot after;
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct ratchet_info info;
    memset(frame, 0x5a, sizeof(frame));
    memset(&info, 0x5a, sizeof(info));
    snapshot_take(&before, to);
    assert_int_equal(hear(m, to, envelope, frame, &info), err);
    snapshot_take(&after, to);
    assert_true(snapshot_same(&before, &after));
    for (size_t i = 0; i < sizeof(frame); i++)
        assert_int_equal(frame[i], 0x5a);
    for (size_t i = 0; i < sizeof(info); i++)
        assert_int_equal(((uint8_t *)&info)[i], 0x5a);
}

/* One message and its answer: a new step on each side. */
static void exchange(struct meeting *m)
{
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    say(m, m->her, "ping", envelope);
    expect(m, m->worker, envelope, "ping");
    say(m, m->worker, "pong", envelope);
    expect(m, m->her, envelope, "pong");
}

/* Messages that were sent and never came, without the work of sealing them. */
static void lose(struct ratchet *from, uint32_t count)
{
    uint8_t key[KEY_BYTES];
    for (uint32_t i = 0; i < count; i++)
        chain_next(from->sending.chain, key);
    from->sending.n += count;
}

typedef uint8_t envelope_bytes[WIRE_ENVELOPE_BYTES];

static void say_many(struct meeting *m, struct ratchet *from, envelope_bytes *out, size_t count)
{
    char text[32];
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "m%zu", i);
        say(m, from, text, out[i]);
    }
}

static void expect_nth(struct meeting *m, struct ratchet *to, envelope_bytes *in, size_t i)
{
    char text[32];
    snprintf(text, sizeof(text), "m%zu", i);
    expect(m, to, in[i], text);
}

/* --- order --- */

static void messages_in_order_are_read(void **state)
{
    struct meeting *m = *state;
    for (int round = 0; round < 20; round++) {
        envelope_bytes e[5];
        struct ratchet *from = round % 2 == 0 ? m->her : m->worker;
        struct ratchet *to = round % 2 == 0 ? m->worker : m->her;
        say_many(m, from, e, 5);
        for (size_t i = 0; i < 5; i++)
            expect_nth(m, to, e, i);
    }
}

static void messages_out_of_order_are_read(void **state)
{
    struct meeting *m = *state;
    static const size_t order[] = {7, 0, 3, 9, 1, 8, 2, 6, 4, 5};
    envelope_bytes e[10];
    exchange(m);
    say_many(m, m->her, e, 10);
    for (size_t i = 0; i < 10; i++)
        expect_nth(m, m->worker, e, order[i]);
    assert_int_equal(m->worker->stored.count, 0);
    assert_int_equal(m->worker->stored.groups_count, 0);
}

static void a_message_is_read_once(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[4];
    say_many(m, m->her, e, 4);
    expect_nth(m, m->worker, e, 0);
    expect_nth(m, m->worker, e, 3);
    expect_nth(m, m->worker, e, 1);
    for (size_t i = 0; i < 4; i++)
        if (i != 2)
            refuse(m, m->worker, e[i], ZG_ERR_NOT_FOUND);
    exchange(m);
    exchange(m);
    for (size_t i = 0; i < 4; i++)
        if (i != 2)
            refuse(m, m->worker, e[i], ZG_ERR_NOT_FOUND);
    expect_nth(m, m->worker, e, 2);
    refuse(m, m->worker, e[2], ZG_ERR_NOT_FOUND);
}

static void what_was_lost_ends_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[8];
    say_many(m, m->her, e, 8); /* none of them arrives */
    say(m, m->worker, "are you there?", e[0]);
    expect(m, m->her, e[0], "are you there?");
    say(m, m->her, "yes", e[1]);
    expect(m, m->worker, e[1], "yes");
    exchange(m);
}

static void an_envelope_comes_back_to_its_sender_as_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    say(m, m->her, "x", e);
    refuse(m, m->her, e, ZG_ERR_NOT_FOUND);
    say(m, m->worker, "x", e);
    refuse(m, m->worker, e, ZG_ERR_NOT_FOUND);
}

static void another_conversation_does_not_open_it(void **state)
{
    struct meeting *m = *state;
    struct meeting *other = meeting_agreed(desk);
    envelope_bytes e;
    say(other, other->her, "x", e);
    refuse(m, m->worker, e, ZG_ERR_NOT_FOUND);
    meeting_free(other);
}

/* --- gaps --- */

static void of_a_gap_the_newest_128_keys_are_stored(void **state)
{
    struct meeting *m = *state;
    envelope_bytes *e = calloc(131, sizeof(*e));
    say_many(m, m->her, e, 131);
    expect_nth(m, m->worker, e, 0);
    expect_nth(m, m->worker, e, 130); /* 129 between */
    assert_int_equal(m->worker->stored.count, 128);
    refuse(m, m->worker, e[1], ZG_ERR_NOT_FOUND);
    for (size_t i = 129; i >= 2; i--)
        expect_nth(m, m->worker, e, i);
    free(e);
}

static void a_gap_of_128_loses_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes *e = calloc(129, sizeof(*e));
    say_many(m, m->her, e, 129);
    expect_nth(m, m->worker, e, 128);
    for (size_t i = 0; i < 128; i++)
        expect_nth(m, m->worker, e, i);
    free(e);
}

static void a_gap_of_65536_is_passed_and_one_more_is_not(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    say(m, m->her, "near", e);
    expect(m, m->worker, e, "near");
    lose(m->her, RATCHET_SKIP_MAX);
    say(m, m->her, "far", e);
    expect(m, m->worker, e, "far");
    assert_int_equal(m->worker->stored.count, 128);
    lose(m->her, RATCHET_SKIP_MAX + 1);
    say(m, m->her, "too far", e);
    refuse(m, m->worker, e, ZG_ERR_TOO_LARGE);
}

/* At the end of a chain the same gap is only a matter of what is stored: a new step is never refused for it.
 */
static void a_chain_that_ended_65536_further_is_stored_and_one_more_is_not(void **state)
{
    struct meeting *m = *state;
    for (uint32_t more = 0; more < 2; more++) {
        envelope_bytes last;
        envelope_bytes e;
        say(m, m->her, "near", e);
        expect(m, m->worker, e, "near");
        lose(m->her, RATCHET_SKIP_MAX - 1 + more);
        say(m, m->her, "last", last);
        say(m, m->worker, "pong", e);
        expect(m, m->her, e, "pong");
        say(m, m->her, "new step", e);
        expect(m, m->worker, e, "new step");
        if (more == 0)
            expect(m, m->worker, last, "last");
        else
            refuse(m, m->worker, last, ZG_ERR_NOT_FOUND);
        say(m, m->worker, "pong", e);
        expect(m, m->her, e, "pong");
    }
}

static void of_all_gaps_the_newest_256_keys_are_stored(void **state)
{
    struct meeting *m = *state;
    envelope_bytes oldest;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "oldest", oldest);
    lose(m->her, 127);
    say(m, m->her, "a", e);
    expect(m, m->worker, e, "a");
    lose(m->her, 128);
    say(m, m->her, "b", e);
    expect(m, m->worker, e, "b");
    assert_int_equal(m->worker->stored.count, 256);
    struct snapshot s;
    snapshot_take(&s, m->worker);
    assert_true(s.len <= RATCHET_SAVED_MAX);
    struct ratchet *before = snapshot_revive(&s);
    expect(m, before, oldest, "oldest");
    ratchet_free(before);

    lose(m->her, 1);
    say(m, m->her, "c", e);
    expect(m, m->worker, e, "c");
    assert_int_equal(m->worker->stored.count, 256);
    refuse(m, m->worker, oldest, ZG_ERR_NOT_FOUND);
}

/* --- how long keys are stored --- */

static void a_stored_key_goes_with_the_fifth_further_step(void **state)
{
    struct meeting *m = *state;
    envelope_bytes late[2];
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "late 0", late[0]);
    say(m, m->her, "late 1", late[1]);
    say(m, m->her, "now", e);
    expect(m, m->worker, e, "now");
    say(m, m->worker, "ok", e);
    expect(m, m->her, e, "ok");
    for (int i = 0; i < 4; i++)
        exchange(m);
    expect(m, m->worker, late[0], "late 0");
    exchange(m);
    refuse(m, m->worker, late[1], ZG_ERR_NOT_FOUND);
    assert_int_equal(m->worker->stored.count, 0);
}

static void the_length_of_the_chain_before_stores_what_is_missing_at_its_end(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[4];
    envelope_bytes x;
    exchange(m);
    say_many(m, m->her, e, 4);
    expect_nth(m, m->worker, e, 0);
    say(m, m->worker, "next", x);
    expect(m, m->her, x, "next");
    say(m, m->her, "new step", x);
    expect(m, m->worker, x, "new step");
    expect_nth(m, m->worker, e, 3);
    expect_nth(m, m->worker, e, 1);
    expect_nth(m, m->worker, e, 2);
}

static void stored_keys_expire_after_30_days(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[3];
    say_many(m, m->her, e, 3);
    expect_nth(m, m->worker, e, 2);
    assert_int_equal(m->worker->stored.count, 2);
    ratchet_expire(m->worker, MEETING_NOW + 30 * DAY_S - 1);
    assert_int_equal(m->worker->stored.count, 2);
    ratchet_expire(m->worker, MEETING_NOW - 1); /* a clock that went back */
    assert_int_equal(m->worker->stored.count, 2);
    ratchet_expire(m->worker, MEETING_NOW + 30 * DAY_S);
    assert_int_equal(m->worker->stored.count, 0);
    refuse(m, m->worker, e[0], ZG_ERR_NOT_FOUND);
}

/* --- tampering --- */

static void tamper(struct meeting *m, struct ratchet *to, const uint8_t *good)
{
    envelope_bytes e;
    for (size_t i = 0; i < sizeof(e); i++) {
        memcpy(e, good, sizeof(e));
        e[i] ^= (uint8_t)(1u << (i % 8));
        refuse(m, to, e, i < BODY_AT ? ZG_ERR_NOT_FOUND : ZG_ERR_FORGED);
    }
}

static void tampering_with_any_byte_in_a_chain_changes_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[3];
    exchange(m);
    say_many(m, m->her, e, 3);
    expect_nth(m, m->worker, e, 0);
    tamper(m, m->worker, e[2]);
    expect_nth(m, m->worker, e, 2);
    tamper(m, m->worker, e[1]); /* its key is stored */
    expect_nth(m, m->worker, e, 1);
}

static void tampering_with_any_byte_of_a_new_step_changes_nothing(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "new step", e);
    tamper(m, m->worker, e);
    expect(m, m->worker, e, "new step");
}

static void parts_of_two_envelopes_do_not_mix(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[2];
    envelope_bytes mixed;
    exchange(m);
    say_many(m, m->her, e, 2);
    memcpy(mixed, e[0], BODY_AT);
    memcpy(mixed + BODY_AT, e[1] + BODY_AT, BODY_BYTES);
    refuse(m, m->worker, mixed, ZG_ERR_FORGED);
    memcpy(mixed, e[1], BODY_AT);
    memcpy(mixed + BODY_AT, e[0] + BODY_AT, BODY_BYTES);
    refuse(m, m->worker, mixed, ZG_ERR_FORGED);
}

/* --- a peer that lies --- */

static void a_wrong_length_of_the_chain_before_harms_nothing(void **state)
{
    static const uint32_t lies[] = {0, 3, RATCHET_SKIP_MAX + 2, UINT32_MAX};
    struct meeting *m = *state;
    envelope_bytes e;
    for (size_t i = 0; i < 4; i++) {
        exchange(m);
        say(m, m->her, "x", e);
        expect(m, m->worker, e, "x");
        say(m, m->worker, "y", e);
        expect(m, m->her, e, "y");
        m->her->sending.n = lies[i];
        say(m, m->her, "z", e);
        assert_int_equal(m->her->sending.pn, lies[i]);
        expect(m, m->worker, e, "z");
        say(m, m->worker, "y", e);
        expect(m, m->her, e, "y");
    }
    exchange(m);
}

static void a_message_number_behind_the_last_one_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "x", e);
    expect(m, m->worker, e, "x");
    m->worker->peer.chain.n = UINT32_MAX - 1;
    m->her->sending.n = UINT32_MAX - 1;
    say(m, m->her, "last", e);
    expect(m, m->worker, e, "last");
    assert_int_equal(m->her->sending.n, UINT32_MAX);
    assert_int_equal(m->worker->peer.chain.n, UINT32_MAX);
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    static struct snapshot before;
    static struct snapshot after;
    snapshot_take(&before, m->her);
    assert_int_equal(ratchet_encrypt(m->her, frame, e, &m->rng), ZG_ERR_STATE);
    snapshot_take(&after, m->her);
    assert_true(snapshot_same(&before, &after));

    /* A peer that uses it all the same. */
    uint8_t header[HEADER_BYTES];
    uint8_t key[KEY_BYTES];
    header_of(header, m->her);
    memcpy(key, m->worker->peer.chain.key, KEY_BYTES);
    m->worker->peer.chain.n = UINT32_MAX;
    envelope_forge(e, m->her, header, key, frame, &m->rng);
    refuse(m, m->worker, e, ZG_ERR_TOO_LARGE);
}

static void step_numbers_end_without_harm(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    m->her->sending.step = UINT32_MAX - 1;
    say(m, m->her, "the last step", e);
    expect(m, m->worker, e, "the last step");
    say(m, m->worker, "go on", e);
    expect(m, m->her, e, "go on");
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    static struct snapshot before;
    static struct snapshot after;
    snapshot_take(&before, m->her);
    assert_int_equal(ratchet_encrypt(m->her, frame, e, &m->rng), ZG_ERR_STATE);
    snapshot_take(&after, m->her);
    assert_true(snapshot_same(&before, &after));
}

static void a_chain_keeps_its_step_number(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "x", e);
    expect(m, m->worker, e, "x");
    m->her->sending.step++;
    say(m, m->her, "x", e);
    refuse(m, m->worker, e, ZG_ERR_NOT_FOUND);
}

static void a_public_key_of_zeros_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "x", e); /* a new step that has not arrived */
    memset(m->her->sending.public.dh, 0, 32);
    say(m, m->her, "x", e);
    refuse(m, m->worker, e, ZG_ERR_CRYPTO);
    m->her->sending.public.dh[0] = 1; /* another point of low order */
    say(m, m->her, "x", e);
    refuse(m, m->worker, e, ZG_ERR_CRYPTO);
}

/* Adopted, it would end every later message of this side: there is nothing else to answer. */
static void a_step_that_nobody_could_answer_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    exchange(m);
    say(m, m->her, "x", e); /* a new step that has not arrived; its keys are made by the book but for this one */
    struct sending good = m->her->sending;
    memset(m->her->sending.public.ek, 0xff, 300); /* coefficients above the modulus */
    struct header h = {.dh = m->her->sending.public.dh, .ek = m->her->sending.public.ek,
                       .ct = m->her->sending.public.ct, .step = m->her->sending.step};
    step_id(h.id, h.dh, h.ek);
    struct peer_step derived;
    memset(&derived, 0, sizeof(derived));
    assert_int_equal(step_receive(&derived, m->worker, &m->worker->own[0], &h), ZG_OK);
    memcpy(m->her->sending.chain, derived.chain.key, KEY_BYTES);
    m->her->sending.n = 0;
    say(m, m->her, "x", e);
    refuse(m, m->worker, e, ZG_ERR_CRYPTO);

    m->her->sending = good;
    say(m, m->her, "by the book", e);
    expect(m, m->worker, e, "by the book");
    say(m, m->worker, "answer", e);
    expect(m, m->her, e, "answer");
}

/* Her step 0 has no chain: at the worker's side nothing may open under keys that were never set. */
static void keys_that_were_never_set_open_nothing(void **state)
{
    struct meeting *m = *state;
    struct meeting *fresh = meeting_new(desk);
    envelope_bytes e;
    struct ratchet *r = fresh->her;
    r->accepted = true;
    memcpy(r->th2, fresh->worker->th2, HASH_BYTES);
    memcpy(r->sending.public.dh, r->own[0].dh_pk, 32);
    memcpy(r->sending.public.ek, own_step_ek(&r->own[0]), RATCHET_EK_BYTES);
    say(m, r, "from nobody", e);
    refuse(fresh, fresh->worker, e, ZG_ERR_NOT_FOUND);
    /* The same as a new step. */
    r->sending.public.dh[0] ^= 1;
    r->sending.step = 1;
    memcpy(r->sending.answers, fresh->worker->sending.id, RATCHET_ID_BYTES);
    say(m, r, "from nobody", e);
    refuse(fresh, fresh->worker, e, ZG_ERR_NOT_FOUND);
    r->sending.public.dh[0] ^= 1;
    r->sending.step = 0;
    /* Step 0 again, under a header key that the worker does try. */
    memcpy(r->sending.hk, fresh->worker->own[0].reply_hk, KEY_BYTES);
    say(m, r, "from nobody", e);
    refuse(fresh, fresh->worker, e, ZG_ERR_NOT_FOUND);
    meeting_free(fresh);
}

/* --- information --- */

static void a_message_that_opened_is_described(void **state)
{
    (void)state;
    struct meeting *m = meeting_new(desk);
    envelope_bytes e[2];
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct ratchet_info info;

    assert_true(ratchet_sends_accept(m->worker));
    assert_false(ratchet_sends_accept(m->her));
    say_many(m, m->worker, e, 2);
    assert_int_equal(hear(m, m->her, e[1], frame, &info), ZG_OK);
    assert_int_equal(info.step, 1);
    assert_int_equal(info.n, 1);
    assert_true(info.accept && info.new_step && info.answers_newest);
    assert_memory_equal(&info.public, &m->worker->sending.public, sizeof(info.public));
    say(m, m->her, "x", e[1]);
    assert_int_equal(hear(m, m->her, e[0], frame, &info), ZG_OK);
    assert_int_equal(info.n, 0);
    assert_true(info.accept);
    assert_false(info.new_step);
    assert_false(info.answers_newest); /* it answers her step 0, and she made step 1 */

    assert_int_equal(hear(m, m->worker, e[1], frame, &info), ZG_OK);
    assert_int_equal(info.step, 1);
    assert_true(info.new_step && info.answers_newest);
    assert_false(info.accept); /* her step 1 is not the worker's */
    assert_false(ratchet_sends_accept(m->worker));
    meeting_free(m);
}

/* --- before the accept --- */

static void before_the_accept_nothing_is_sent_and_only_step_1_is_taken(void **state)
{
    (void)state;
    struct meeting *m = meeting_new(desk);
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    envelope_bytes e;
    assert_int_equal(ratchet_encrypt(m->her, frame, e, &m->rng), ZG_ERR_STATE);
    assert_int_equal(ratchet_mix_accept(m->her, frame, frame), ZG_ERR_STATE);

    say(m, m->worker, "x", e);
    assert_int_equal(ratchet_decrypt(m->her, e, 0, NULL, NULL, frame, NULL), ZG_ERR_STATE);
    /* A second step that answers the knock, before the first was seen. */
    m->worker->due = true;
    struct frame f = {.accept = {m->accept.block, m->accept.block_len}};
    MUST(frame_write(&f, frame));
    MUST(ratchet_encrypt(m->worker, frame, e, &m->rng));
    refuse(m, m->her, e, ZG_ERR_NOT_FOUND);
    meeting_free(m);
}

static void the_worker_mixes_once_and_first(void **state)
{
    struct meeting *m = *state;
    struct ratchet *r;
    struct step_public step;
    uint8_t zeros[HASH_BYTES] = {0};
    uint8_t frame[RATCHET_FRAME_BYTES] = {0};
    envelope_bytes e = {0};
    assert_int_equal(ratchet_mix_accept(m->worker, zeros, zeros), ZG_ERR_STATE);
    assert_int_equal(ratchet_mix_accept(m->her, zeros, zeros), ZG_ERR_STATE);
    assert_int_equal(ratchet_new_worker(&r, &m->opened.start, m->opened.dh, m->opened.ek, &step, &m->rng),
                     ZG_OK);
    assert_int_equal(ratchet_encrypt(r, frame, e, &m->rng), ZG_ERR_STATE);
    assert_int_equal(ratchet_decrypt(r, e, 0, NULL, NULL, frame, NULL), ZG_ERR_STATE);
    ratchet_free(r);
}

static void a_knock_with_keys_of_no_use_makes_no_ratchet(void **state)
{
    struct meeting *m = *state;
    struct ratchet *r = NULL;
    struct step_public step;
    uint8_t bad[RATCHET_EK_BYTES] = {0};
    assert_int_equal(ratchet_new_worker(&r, &m->opened.start, bad, m->opened.ek, &step, &m->rng),
                     ZG_ERR_CRYPTO);
    memset(bad, 0xff, sizeof(bad)); /* coefficients above the modulus */
    assert_int_equal(ratchet_new_worker(&r, &m->opened.start, m->opened.dh, bad, &step, &m->rng),
                     ZG_ERR_CRYPTO);
    assert_null(r);
}

/* --- save and load --- */

static void a_state_cut_or_changed_in_its_frame_is_not_loaded(void **state)
{
    struct meeting *m = *state;
    static struct snapshot s;
    struct ratchet *r = NULL;
    envelope_bytes e[3];
    exchange(m);
    say_many(m, m->her, e, 3);
    expect_nth(m, m->worker, e, 2);
    snapshot_take(&s, m->worker);
    for (size_t len = 0; len < s.len; len++)
        assert_int_equal(ratchet_load(&r, (struct span){s.bytes, len}), ZG_ERR_MALFORMED);
    s.bytes[s.len] = 0;
    assert_int_equal(ratchet_load(&r, (struct span){s.bytes, s.len + 1}), ZG_ERR_MALFORMED);
    s.bytes[0] = 2;
    assert_int_equal(ratchet_load(&r, (struct span){s.bytes, s.len}), ZG_ERR_VERSION);
    s.bytes[0] = 1;
    for (int side = 0; side < 256; side++) {
        s.bytes[1] = (uint8_t)side;
        zg_err err = ratchet_load(&r, (struct span){s.bytes, s.len});
        assert_int_equal(err, side == 1 || side == 2 ? ZG_OK : ZG_ERR_MALFORMED);
        if (err == ZG_OK)
            ratchet_free(r);
    }
    s.bytes[1] = 2;
    const uint8_t flags = s.bytes[2];
    for (int f = 0; f < 256; f++) {
        s.bytes[2] = (uint8_t)f;
        if (ratchet_load(&r, (struct span){s.bytes, s.len}) == ZG_OK) {
            assert_int_equal(f & (4 | 16), flags & (4 | 16)); /* what is there decides the layout */
            ratchet_free(r);
        }
    }
    s.bytes[2] = flags;
    r = snapshot_revive(&s);
    ratchet_free(r);
    ratchet_free(NULL);
}

static void every_count_of_a_saved_state_is_bounded(void **state)
{
    struct meeting *m = *state;
    static struct snapshot s;
    static struct snapshot again;
    envelope_bytes e[3];
    exchange(m);
    say_many(m, m->her, e, 3);
    expect_nth(m, m->worker, e, 2);
    snapshot_take(&s, m->worker);
    /* Whatever byte is changed: it loads to something that saves to the same bytes, or it does not load. */
    static const uint8_t changes[] = {0x01, 0x07, 0x40, 0xff};
    for (size_t i = 0; i < 4 * s.len; i++) {
        struct ratchet *r;
        s.bytes[i / 4] ^= changes[i % 4];
        if (ratchet_load(&r, (struct span){s.bytes, s.len}) == ZG_OK) {
            snapshot_take(&again, r);
            assert_true(snapshot_same(&s, &again));
            ratchet_free(r);
        }
        s.bytes[i / 4] ^= changes[i % 4];
    }
    /* A key of a step that has no group. */
    s.bytes[s.len - KEY_BYTES - 5] ^= 1;
    struct ratchet *r;
    assert_int_equal(ratchet_load(&r, (struct span){s.bytes, s.len}), ZG_ERR_MALFORMED);
    s.bytes[s.len - KEY_BYTES - 5] ^= 1;
    /* More groups and keys than there may be, with bytes enough for them. */
    const size_t groups_at = s.len - 2 - 2 * (8 + 4 + 4 + KEY_BYTES) - (4 + RATCHET_ID_BYTES + KEY_BYTES) - 1;
    assert_int_equal(s.bytes[groups_at], 1);
    for (unsigned count = RATCHET_STORED_GROUPS + 1; count < 256; count += 60) {
        s.bytes[groups_at] = (uint8_t)count;
        assert_int_equal(ratchet_load(&r, (struct span){s.bytes, sizeof(s.bytes)}), ZG_ERR_MALFORMED);
    }
    s.bytes[groups_at] = 1;
    s.bytes[s.len - 2 * (8 + 4 + 4 + KEY_BYTES) - 2] = 1; /* 258 keys */
    assert_int_equal(ratchet_load(&r, (struct span){s.bytes, sizeof(s.bytes)}), ZG_ERR_MALFORMED);
}

static void a_failing_heap_is_said(void **state)
{
    struct meeting *m = *state;
    static struct snapshot s;
    struct ratchet *r = NULL;
    struct step_public step;
    snapshot_take(&s, m->her);
    heap_fail_after(0);
    assert_int_equal(ratchet_load(&r, (struct span){s.bytes, s.len}), ZG_ERR_MEMORY);
    heap_fail_after(0);
    assert_int_equal(ratchet_new_worker(&r, &m->opened.start, m->opened.dh, m->opened.ek, &step, &m->rng),
                     ZG_ERR_MEMORY);
    heap_fail_never();
    assert_null(r);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(messages_in_order_are_read),
        TEST(messages_out_of_order_are_read),
        TEST(a_message_is_read_once),
        TEST(what_was_lost_ends_nothing),
        TEST(an_envelope_comes_back_to_its_sender_as_nothing),
        TEST(another_conversation_does_not_open_it),
        TEST(of_a_gap_the_newest_128_keys_are_stored),
        TEST(a_gap_of_128_loses_nothing),
        TEST(a_gap_of_65536_is_passed_and_one_more_is_not),
        TEST(a_chain_that_ended_65536_further_is_stored_and_one_more_is_not),
        TEST(of_all_gaps_the_newest_256_keys_are_stored),
        TEST(a_stored_key_goes_with_the_fifth_further_step),
        TEST(the_length_of_the_chain_before_stores_what_is_missing_at_its_end),
        TEST(stored_keys_expire_after_30_days),
        TEST(tampering_with_any_byte_in_a_chain_changes_nothing),
        TEST(tampering_with_any_byte_of_a_new_step_changes_nothing),
        TEST(parts_of_two_envelopes_do_not_mix),
        TEST(a_wrong_length_of_the_chain_before_harms_nothing),
        TEST(a_message_number_behind_the_last_one_is_refused),
        TEST(step_numbers_end_without_harm),
        TEST(a_chain_keeps_its_step_number),
        TEST(a_public_key_of_zeros_is_refused),
        TEST(a_step_that_nobody_could_answer_is_refused),
        TEST(keys_that_were_never_set_open_nothing),
        TEST(a_message_that_opened_is_described),
        TEST(before_the_accept_nothing_is_sent_and_only_step_1_is_taken),
        TEST(the_worker_mixes_once_and_first),
        TEST(a_knock_with_keys_of_no_use_makes_no_ratchet),
        TEST(a_state_cut_or_changed_in_its_frame_is_not_loaded),
        TEST(every_count_of_a_saved_state_is_bounded),
        TEST(a_failing_heap_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
