#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/safety.h"
#include "proto/labels.h"
#include "proto/seal.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/meeting.h"

typedef uint8_t envelope_bytes[WIRE_ENVELOPE_BYTES];

static struct desk *desk;

static int setup(void **state)
{
    desk = desk_new(6);
    *state = meeting_new(desk);
    return 0;
}

static int teardown(void **state)
{
    meeting_free(*state);
    desk_free(desk);
    return 0;
}

/* --- helpers --- */

/* Refused by her, with her state and the context as before. */
static void refuse(struct meeting *m, const uint8_t *envelope, zg_err err)
{
    static struct snapshot before;
    static struct snapshot after;
    uint8_t frame[RATCHET_FRAME_BYTES];
    const struct accept_context context = m->context;
    snapshot_take(&before, m->her);
    assert_int_equal(hear(m, m->her, envelope, frame, NULL), err);
    snapshot_take(&after, m->her);
    assert_true(snapshot_same(&before, &after));
    assert_memory_equal(&context, &m->context, sizeof(context));
}

static void accept_as(struct accept_output *out, struct meeting *m, const struct worker *w)
{
    struct accept_input in = {.knock = &m->opened, .dh_sk = w->dh_sk};
    in.credential = (struct span){w->encoded, w->encoded_len};
    memset(in.put.b, 0x70, sizeof(in.put.b));
    memset(in.end.b, 0x71, sizeof(in.end.b));
    MUST(accept_make(out, &in, &m->rng));
}

/* The first envelope of an accept. */
static void first_envelope(struct meeting *m, const struct accept_output *a, uint8_t *envelope)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct frame f = {.accept = {a->block, a->block_len}, .content = {(const uint8_t *)"hi", 3}};
    MUST(frame_write(&f, frame));
    MUST(ratchet_encrypt(a->ratchet, frame, envelope, &m->rng));
}

/* What she says to an accept by this worker. */
static zg_err accept_by(struct meeting *m, const struct worker *w)
{
    struct accept_output a;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    accept_as(&a, m, w);
    first_envelope(m, &a, e);
    accept_output_clear(&a);
    return hear(m, m->her, e, frame, NULL);
}

/* --- knock --- */

static void a_knock_is_opened_as_it_was_made(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(knock_epoch(m->knock.envelope), 7);
    assert_memory_equal(m->opened.th1, m->knock.th1, HASH_BYTES);
    assert_memory_equal(m->opened.dh, m->knock.ek_p_pk, 32);
    assert_int_equal(m->opened.content_len, strlen("Hola, necesito hablar con alguien."));
    assert_memory_equal(m->opened.content, "Hola, necesito hablar con alguien.", m->opened.content_len);
    assert_int_equal(safety_check(m->opened.commitment, m->knock.nonce, m->opened.dh), ZG_OK);
}

static void tampering_with_any_byte_of_a_knock_is_noticed(void **state)
{
    struct meeting *m = *state;
    struct knock_opened out;
    memset(&out, 0x5a, sizeof(out));
    const struct knock_opened before = out;
    for (size_t i = 0; i < WIRE_ENVELOPE_BYTES; i++) {
        m->knock.envelope[i] ^= 0x20;
        zg_err err = knock_open(&out, m->knock.envelope, &desk->bundle.trust, &desk->epoch);
        assert_int_equal(err, i == 4 ? ZG_ERR_MALFORMED : ZG_ERR_FORGED);
        m->knock.envelope[i] ^= 0x20;
    }
    m->knock.envelope[4] = 2; /* the other key */
    assert_int_equal(knock_open(&out, m->knock.envelope, &desk->bundle.trust, &desk->epoch), ZG_ERR_FORGED);
    assert_memory_equal(&out, &before, sizeof(out));
}

static void another_epochs_keys_do_not_open_it(void **state)
{
    struct meeting *m = *state;
    struct knock_opened out;
    struct intake_epoch wrong = desk->epoch;
    wrong.epoch++;
    assert_int_equal(knock_open(&out, m->knock.envelope, &desk->bundle.trust, &wrong), ZG_ERR_FORGED);
    wrong = desk->epoch;
    wrong.intake_sk[0] ^= 1;
    assert_int_equal(knock_open(&out, m->knock.envelope, &desk->bundle.trust, &wrong), ZG_ERR_FORGED);
    wrong = desk->epoch;
    wrong.key_part_hash[0] ^= 1;
    assert_int_equal(knock_open(&out, m->knock.envelope, &desk->bundle.trust, &wrong), ZG_ERR_FORGED);
}

static void a_knock_under_the_last_resort_key_is_opened(void **state)
{
    struct meeting *m = *state;
    struct knock_output out;
    struct knock_opened opened;
    struct knock_input in = {.bundle = &desk->bundle, .now_s = desk->keys.intake_validity.until};
    MUST(knock_make(&out, &in, &m->rng));
    assert_int_equal(out.envelope[4], INTAKE_LAST_RESORT);
    assert_int_equal(knock_open(&opened, out.envelope, &desk->bundle.trust, &desk->epoch), ZG_OK);
    assert_int_equal(opened.content_len, 0);
    knock_output_clear(&out);
    in.now_s = desk->keys.last_resort_validity.until;
    assert_int_equal(knock_make(&out, &in, &m->rng), ZG_ERR_EXPIRED);
}

static void a_knock_holds_exactly_so_much(void **state)
{
    struct meeting *m = *state;
    struct knock_output out;
    struct knock_opened opened;
    static uint8_t text[KNOCK_CONTENT_MAX + 1];
    memset(text, 'x', sizeof(text));
    struct knock_input in = {.bundle = &desk->bundle, .now_s = MEETING_NOW, .content = SPAN_OF(text)};
    assert_int_equal(knock_make(&out, &in, &m->rng), ZG_ERR_TOO_LARGE);
    in.content.len--;
    MUST(knock_make(&out, &in, &m->rng));
    MUST(knock_open(&opened, out.envelope, &desk->bundle.trust, &desk->epoch));
    assert_int_equal(opened.content_len, KNOCK_CONTENT_MAX);
    assert_memory_equal(opened.content, text, KNOCK_CONTENT_MAX);
    knock_output_clear(&out);
}

static void two_knocks_have_nothing_in_common(void **state)
{
    struct meeting *m = *state;
    struct meeting *other = meeting_new(desk);
    assert_memory_not_equal(m->knock.th1, other->knock.th1, HASH_BYTES);
    assert_memory_not_equal(m->knock.ek_p_sk, other->knock.ek_p_sk, 32);
    assert_memory_not_equal(m->knock.nonce, other->knock.nonce, 32);
    meeting_free(other);
}

static void a_knock_with_a_key_of_zeros_is_not_answered(void **state)
{
    struct meeting *m = *state;
    struct accept_output out;
    struct accept_input in = {.knock = &m->opened, .dh_sk = desk->worker.dh_sk};
    in.credential = (struct span){desk->worker.encoded, desk->worker.encoded_len};
    memset(m->opened.dh, 0, 32);
    assert_int_equal(accept_make(&out, &in, &m->rng), ZG_ERR_CRYPTO);
}

/* A knock by the book of section 6, but for what frame holds. */
static void forge_knock(uint8_t envelope[WIRE_ENVELOPE_BYTES], const struct meeting *m,
                        const uint8_t frame[KNOCK_FRAME_BYTES])
{
    static const uint8_t label[] = "\0\0\0\x13zaguan/1 knock body";
    uint8_t ss[32];
    uint8_t key[KEY_BYTES];
    uint8_t *ct = envelope + 5;
    memcpy(envelope, m->knock.envelope, 5);
    assert_int_equal(crypto_kem_xwing_enc(ct, ss, desk->keys.intake_pk), 0);
    const struct span info[] = {SPAN_LABEL(LABEL_KNOCK_BODY), {ct, XWING_CT_BYTES}, SPAN_OF(desk->epoch.key_part_hash)};
    kdf_hkdf(key, sizeof(key), NULL, 0, ss, sizeof(ss), info, 3);
    const struct span ad[] = {{label, sizeof(label) - 1}, {envelope, 5 + XWING_CT_BYTES}};
    seal(ct + XWING_CT_BYTES, key, ad, 2, frame, KNOCK_FRAME_BYTES, &desk->rng);
}

/* Shown, it could never be answered: every answer would fail. */
static void a_knock_that_nobody_could_answer_is_refused(void **state)
{
    struct meeting *m = *state;
    struct knock_opened out;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[KNOCK_FRAME_BYTES] = {0};
    memcpy(frame, m->opened.dh, 32);
    memcpy(frame + 32, m->opened.ek, RATCHET_EK_BYTES);
    forge_knock(envelope, m, frame);
    assert_int_equal(knock_open(&out, envelope, &desk->bundle.trust, &desk->epoch), ZG_OK);
    memset(frame + 32, 0xff, 300); /* ek_P: coefficients above the modulus */
    forge_knock(envelope, m, frame);
    assert_int_equal(knock_open(&out, envelope, &desk->bundle.trust, &desk->epoch), ZG_ERR_MALFORMED);
    memcpy(frame + 32, m->opened.ek, RATCHET_EK_BYTES);
    memset(frame, 0, 32); /* EK_P: a point of low order */
    forge_knock(envelope, m, frame);
    assert_int_equal(knock_open(&out, envelope, &desk->bundle.trust, &desk->epoch), ZG_ERR_MALFORMED);
}

/* --- accept --- */

static void an_accept_is_accepted_and_both_agree(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    uint8_t hers[SAFETY_WORDS];
    uint8_t his[SAFETY_WORDS];
    struct frame f;
    say(m, m->worker, "soy Luz", e);
    assert_int_equal(hear(m, m->her, e, frame, NULL), ZG_OK);
    assert_string_equal(m->context.credential.alias, "Luz");
    assert_memory_equal(m->context.th2, m->accept.th2, HASH_BYTES);
    assert_memory_equal(m->context.nonce, m->accept.nonce, NONCE_BYTES);
    MUST(frame_read(&f, frame));
    assert_int_equal(f.accept.len, m->accept.block_len);
    assert_memory_equal(m->context.put.b, f.accept.at + f.accept.len - 128, 32);
    assert_memory_equal(m->context.end.b, f.accept.at + f.accept.len - 96, 32);
    safety_words(hers, m->context.th2, m->knock.nonce, m->context.nonce);
    safety_words(his, m->accept.th2, m->knock.nonce, m->accept.nonce);
    assert_memory_equal(hers, his, sizeof(hers));

    say(m, m->her, "gracias", e);
    assert_int_equal(hear(m, m->worker, e, frame, NULL), ZG_OK);
    assert_string_equal(text_of(frame), "gracias");
}

static void any_envelope_of_the_first_chain_will_do(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e[3];
    uint8_t frame[RATCHET_FRAME_BYTES];
    for (int i = 0; i < 3; i++)
        say(m, m->worker, "again", e[i]);
    assert_int_equal(hear(m, m->her, e[2], frame, NULL), ZG_OK);
    assert_int_equal(hear(m, m->her, e[0], frame, NULL), ZG_OK);
    assert_int_equal(hear(m, m->her, e[1], frame, NULL), ZG_OK);
}

static void an_accept_tampered_in_any_byte_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    say(m, m->worker, "soy Luz", e);
    for (size_t i = 0; i < sizeof(e); i++) {
        e[i] ^= 0x04;
        refuse(m, e, i < BODY_AT ? ZG_ERR_NOT_FOUND : ZG_ERR_FORGED);
        e[i] ^= 0x04;
    }
    assert_int_equal(hear(m, m->her, e, frame, NULL), ZG_OK);
}

/* Every byte of the block counts: credential, put, end, n_W, MAC. */
static void a_block_changed_in_any_byte_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    for (size_t i = 0; i < m->accept.block_len; i++) {
        m->accept.block[i] ^= 0x01;
        first_envelope(m, &m->accept, e);
        static struct snapshot before;
        static struct snapshot after;
        uint8_t frame[RATCHET_FRAME_BYTES];
        snapshot_take(&before, m->her);
        zg_err err = hear(m, m->her, e, frame, NULL);
        assert_true(err == ZG_ERR_FORGED || (i < 4 && err == ZG_ERR_MALFORMED));
        snapshot_take(&after, m->her);
        assert_true(snapshot_same(&before, &after));
        m->accept.block[i] ^= 0x01;
    }
}

static void an_accept_without_its_block_is_refused(void **state)
{
    struct meeting *m = *state;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct frame f = {.content = {(const uint8_t *)"hi", 3}};
    MUST(frame_write(&f, frame));
    MUST(ratchet_encrypt(m->worker, frame, e, &m->rng));
    refuse(m, e, ZG_ERR_MALFORMED);
}

static void a_worker_of_another_organisation_is_refused(void **state)
{
    struct meeting *m = *state;
    struct desk *foreign = desk_new(7);
    assert_int_equal(accept_by(m, &foreign->worker), ZG_ERR_FORGED);
    desk_free(foreign);
}

static void a_worker_of_another_desk_is_refused(void **state)
{
    struct meeting *m = *state;
    struct worker w = desk->worker;
    w.credential.desk_id[0] ^= 1;
    MUST(credential_make(w.encoded, &w.encoded_len, &w.credential, &desk->issuing));
    assert_int_equal(accept_by(m, &w), ZG_ERR_FOREIGN);
}

static void a_credential_is_good_in_its_time_only(void **state)
{
    struct meeting *m = *state;
    const struct validity *valid = &desk->worker.credential.validity;
    m->context.knocked_s = m->context.now_s = valid->until;
    assert_int_equal(accept_by(m, &desk->worker), ZG_ERR_EXPIRED);
    m->context.knocked_s = m->context.now_s = valid->from - 1;
    assert_int_equal(accept_by(m, &desk->worker), ZG_ERR_EXPIRED);
    m->context.now_s++;
    assert_int_equal(accept_by(m, &desk->worker), ZG_OK);
}

/* She was away for long, or a clock runs ahead: the worker had the credential when she knocked. */
static void a_credential_that_ended_after_the_knock_is_good(void **state)
{
    struct meeting *m = *state;
    const struct validity *valid = &desk->worker.credential.validity;
    m->context.now_s = valid->until + UINT64_C(80) * 365 * 86400;
    m->context.knocked_s = valid->until;
    assert_int_equal(accept_by(m, &desk->worker), ZG_ERR_EXPIRED);
    m->context.knocked_s = valid->until - 1;
    assert_int_equal(accept_by(m, &desk->worker), ZG_OK);
}

/* Somebody who has the intake key and a colleague's credential, but not the colleague's secret. */
static void a_credential_without_its_secret_is_refused(void **state)
{
    struct meeting *m = *state;
    struct worker w = desk->worker;
    w.dh_sk[5] ^= 1;
    assert_int_equal(accept_by(m, &w), ZG_ERR_FORGED);
    assert_int_equal(accept_by(m, &desk->worker), ZG_OK);
}

/* With a key of zeros DHI would be zeros for everybody: a MAC under it proves nothing. */
static void a_credential_with_a_key_of_zeros_is_refused(void **state)
{
    struct meeting *m = *state;
    struct worker w = desk->worker;
    struct accept_output a;
    envelope_bytes e;
    const uint8_t zeros[32] = {0};
    uint8_t key[32];
    memset(w.credential.dh_pk, 0, 32);
    MUST(credential_make(w.encoded, &w.encoded_len, &w.credential, &desk->issuing));
    accept_as(&a, m, &w);
    const struct span info = SPAN_LABEL(LABEL_ACCEPT_MAC);
    kdf_hkdf(key, sizeof(key), NULL, 0, zeros, sizeof(zeros), &info, 1);
    crypto_auth_hmacsha512256(a.block + a.block_len - 32, a.th2, HASH_BYTES, key);
    first_envelope(m, &a, e);
    refuse(m, e, ZG_ERR_FORGED);
    accept_output_clear(&a);
}

static void the_first_valid_accept_counts_and_no_other(void **state)
{
    struct meeting *m = *state;
    struct worker second;
    struct accept_output late;
    envelope_bytes first;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    desk_hire(desk, &second, "Sol");
    accept_as(&late, m, &second);
    say(m, m->worker, "soy Luz", first);
    assert_int_equal(hear(m, m->her, first, frame, NULL), ZG_OK);

    first_envelope(m, &late, e);
    refuse(m, e, ZG_ERR_NOT_FOUND);     /* another worker */
    refuse(m, first, ZG_ERR_NOT_FOUND); /* the same again */
    late.ratchet->sending.step = 8;     /* another worker with a larger number */
    uint8_t header[HEADER_BYTES];
    uint8_t key[KEY_BYTES] = {0};
    header_of(header, late.ratchet);
    envelope_forge(e, late.ratchet, header, key, frame, &m->rng);
    refuse(m, e, ZG_ERR_FORGED);

    say(m, m->her, "gracias", e);
    assert_int_equal(hear(m, m->worker, e, frame, NULL), ZG_OK);
    static struct snapshot before;
    static struct snapshot after;
    say(m, m->her, "gracias", e);
    snapshot_take(&before, late.ratchet);
    assert_int_equal(hear(m, late.ratchet, e, frame, NULL), ZG_ERR_NOT_FOUND);
    snapshot_take(&after, late.ratchet);
    assert_true(snapshot_same(&before, &after));
    accept_output_clear(&late);
}

/* The same knock answered once more by the same worker: her client has followed the first. */
static void a_knock_that_is_replayed_leads_nowhere(void **state)
{
    struct meeting *m = *state;
    struct knock_opened again;
    struct accept_output other;
    envelope_bytes e;
    uint8_t frame[RATCHET_FRAME_BYTES];
    MUST(knock_open(&again, m->knock.envelope, &desk->bundle.trust, &desk->epoch));
    assert_memory_equal(again.th1, m->opened.th1, KNOCK_ID_BYTES); /* by which the worker recognises it */
    say(m, m->worker, "soy Luz", e);
    assert_int_equal(hear(m, m->her, e, frame, NULL), ZG_OK);
    accept_as(&other, m, &desk->worker);
    first_envelope(m, &other, e);
    refuse(m, e, ZG_ERR_NOT_FOUND);
    accept_output_clear(&other);
}

static void an_accept_for_another_knock_is_nothing_to_her(void **state)
{
    struct meeting *m = *state;
    struct meeting *other = meeting_new(desk);
    envelope_bytes e;
    say(other, other->worker, "soy Luz", e);
    refuse(m, e, ZG_ERR_NOT_FOUND);
    meeting_free(other);
}

static void a_failing_heap_is_said_and_leaks_nothing(void **state)
{
    struct meeting *m = *state;
    struct knock_output knock;
    struct accept_output accept;
    struct knock_input k = {.bundle = &desk->bundle, .now_s = MEETING_NOW};
    struct accept_input a = {.knock = &m->opened, .dh_sk = desk->worker.dh_sk};
    a.credential = (struct span){desk->worker.encoded, desk->worker.encoded_len};
    heap_fail_after(0);
    assert_int_equal(knock_make(&knock, &k, &m->rng), ZG_ERR_MEMORY);
    heap_fail_after(0);
    assert_int_equal(accept_make(&accept, &a, &m->rng), ZG_ERR_MEMORY);
    heap_fail_never();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_knock_is_opened_as_it_was_made),
        TEST(tampering_with_any_byte_of_a_knock_is_noticed),
        TEST(another_epochs_keys_do_not_open_it),
        TEST(a_knock_under_the_last_resort_key_is_opened),
        TEST(a_knock_holds_exactly_so_much),
        TEST(two_knocks_have_nothing_in_common),
        TEST(a_knock_with_a_key_of_zeros_is_not_answered),
        TEST(a_knock_that_nobody_could_answer_is_refused),
        TEST(an_accept_is_accepted_and_both_agree),
        TEST(any_envelope_of_the_first_chain_will_do),
        TEST(an_accept_tampered_in_any_byte_is_refused),
        TEST(a_block_changed_in_any_byte_is_refused),
        TEST(an_accept_without_its_block_is_refused),
        TEST(a_worker_of_another_organisation_is_refused),
        TEST(a_worker_of_another_desk_is_refused),
        TEST(a_credential_is_good_in_its_time_only),
        TEST(a_credential_that_ended_after_the_knock_is_good),
        TEST(a_credential_without_its_secret_is_refused),
        TEST(a_credential_with_a_key_of_zeros_is_refused),
        TEST(the_first_valid_accept_counts_and_no_other),
        TEST(a_knock_that_is_replayed_leads_nowhere),
        TEST(an_accept_for_another_knock_is_nothing_to_her),
        TEST(a_failing_heap_is_said_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
