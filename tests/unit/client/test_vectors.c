/* The library against tests/vectors/{card,bundle,knock,accept,ratchet}.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/safety.h"
#include "tests/unit/client/meeting.h"

static void assert_bytes(const struct vector_file *f, const char *name, const uint8_t *got, size_t len)
{
    static uint8_t expected[RATCHET_SAVED_MAX];
    assert_int_equal(vector_bytes(f, name, expected, sizeof(expected)), len);
    assert_memory_equal(got, expected, len);
}

static void assert_result(const struct vector_file *f, zg_err err)
{
    assert_string_equal(zg_err_name(err), vector_text(f, "result"));
}

static void cards(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("card.txt");
    int count = 0;
    while (vector_next(f)) {
        struct card c;
        const char *text = vector_text(f, "text");
        zg_err err = card_parse(&c, text, strlen(text));
        assert_result(f, err);
        count++;
        if (err != ZG_OK)
            continue;
        struct secret read;
        uint8_t key[32];
        card_secrets(&c, &read, key);
        assert_int_equal(c.count, vector_uint(f, "count"));
        assert_string_equal(c.address[0], vector_text(f, "address0"));
        if (c.count == 2)
            assert_string_equal(c.address[1], vector_text(f, "address1"));
        assert_bytes(f, "relay_pk", c.relay_pk, 32);
        assert_bytes(f, "card_key", c.card_key, 32);
        assert_bytes(f, "organisation", c.organisation, 32);
        assert_bytes(f, "read_secret", read.b, 32);
        assert_bytes(f, "bundle_key", key, 32);
    }
    assert_int_equal(count, 9);
    vector_close(f);
}

static void bundles(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("bundle.txt");
    static struct bundle b;
    static uint8_t sealed[BUNDLE_SEALED_MAX];
    int count = 0;
    while (vector_next(f)) {
        uint8_t organisation[32];
        uint8_t key[32];
        size_t len = vector_bytes(f, "sealed", sealed, sizeof(sealed));
        vector_bytes(f, "organisation", organisation, 32);
        vector_bytes(f, "bundle_key", key, 32);
        zg_err err = bundle_open(&b, sealed, len, key, organisation, vector_uint(f, "now"));
        assert_result(f, err);
        count++;
        if (err != ZG_OK)
            continue;
        assert_bytes(f, "root_pk", b.trust.root_pk, 32);
        assert_bytes(f, "issuing_pk", b.trust.issuing_pk, 32);
        assert_bytes(f, "desk_id", b.trust.desk_id, 16);
        assert_bytes(f, "key_part_hash", b.key_part_hash, HASH_BYTES);
        assert_int_equal(b.keys.epoch, vector_uint(f, "epoch"));
        assert_bytes(f, "put", b.keys.put.b, 32);
        assert_bytes(f, "intake_pk", b.keys.intake_pk, XWING_PK_BYTES);
        assert_int_equal(b.keys.intake_validity.until, vector_uint(f, "intake_until"));
        assert_bytes(f, "last_resort_pk", b.keys.last_resort_pk, XWING_PK_BYTES);
        assert_int_equal(b.keys.last_resort_validity.until, vector_uint(f, "last_resort_until"));
        assert_int_equal(b.notice.state, vector_uint(f, "state"));
        assert_int_equal(b.notice.written_s, vector_uint(f, "written"));
        assert_string_equal(b.notice.texts[0].language, vector_text(f, "language0"));
        assert_bytes(f, "text0", (const uint8_t *)b.notice.texts[0].text, strlen(b.notice.texts[0].text));
    }
    assert_int_equal(count, 3);
    vector_close(f);
}

static void knocks(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("knock.txt");
    struct trust trust = {{0}, {0}, {0}};
    struct intake_epoch keys = {0};
    struct knock_opened k;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t nonce[32];
    assert_true(vector_next(f));
    vector_bytes(f, "root_pk", trust.root_pk, 32);
    vector_bytes(f, "desk_id", trust.desk_id, 16);
    keys.epoch = (uint32_t)vector_uint(f, "epoch");
    vector_bytes(f, "key_part_hash", keys.key_part_hash, HASH_BYTES);
    vector_bytes(f, "intake_sk", keys.intake_sk, 32);
    vector_bytes(f, "envelope", envelope, sizeof(envelope));
    vector_bytes(f, "nonce_p", nonce, sizeof(nonce));
    assert_int_equal(knock_open(&k, envelope, &trust, &keys), ZG_OK);
    assert_bytes(f, "th1", k.th1, HASH_BYTES);
    assert_bytes(f, "root", k.start.root, 32);
    assert_bytes(f, "hk", k.start.hk, 32);
    assert_bytes(f, "nhk", k.start.nhk, 32);
    assert_bytes(f, "ek_p_pk", k.dh, 32);
    assert_bytes(f, "ek_p_kem", k.ek, RATCHET_EK_BYTES);
    assert_bytes(f, "put", k.put.b, 32);
    assert_bytes(f, "end", k.end.b, 32);
    assert_bytes(f, "commitment", k.commitment, 32);
    assert_bytes(f, "content", k.content, k.content_len);
    assert_int_equal(safety_check(k.commitment, nonce, k.dh), ZG_OK);
    assert_false(vector_next(f));
    vector_close(f);
}

static struct ratchet *state_of(const struct vector_file *f, const char *name)
{
    static struct snapshot s;
    s.len = vector_bytes(f, name, s.bytes, sizeof(s.bytes));
    return snapshot_revive(&s);
}

static void assert_state(const struct vector_file *f, const char *name, const struct ratchet *r)
{
    static struct snapshot s;
    snapshot_take(&s, r);
    assert_bytes(f, name, s.bytes, s.len);
}

static void accepts(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("accept.txt");
    struct trust trust = {{0}, {0}, {0}};
    uint8_t th1[HASH_BYTES];
    uint8_t ek_p_sk[32];
    uint8_t nonce_p[32];
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
    uint8_t words[SAFETY_WORDS];
    char text[64];
    assert_true(vector_next(f));
    vector_bytes(f, "issuing_pk", trust.issuing_pk, 32);
    vector_bytes(f, "desk_id", trust.desk_id, 16);
    vector_bytes(f, "th1", th1, sizeof(th1));
    vector_bytes(f, "ek_p_sk", ek_p_sk, sizeof(ek_p_sk));
    vector_bytes(f, "nonce_p", nonce_p, sizeof(nonce_p));
    vector_bytes(f, "envelope", envelope, sizeof(envelope));
    struct accept_context c = {
        .trust = &trust, .knocked_s = vector_uint(f, "now"), .now_s = vector_uint(f, "now"), .th1 = th1, .ek_p_sk = ek_p_sk};
    struct ratchet *her = state_of(f, "her");
    assert_int_equal(ratchet_decrypt(her, envelope, c.now_s, accept_check, &c, frame, NULL), ZG_OK);
    assert_string_equal(text_of(frame), vector_text(f, "text"));
    assert_bytes(f, "th2", c.th2, HASH_BYTES);
    assert_bytes(f, "nonce_w", c.nonce, 32);
    assert_bytes(f, "root", her->peer.root, 32);
    assert_bytes(f, "her_root0", her->own[0].root, 32);
    safety_words(words, c.th2, nonce_p, c.nonce);
    assert_bytes(f, "words", words, sizeof(words));
    snprintf(text, sizeof(text), "%s %s %s %s", safety_word(WORDS_EN, words[0]),
             safety_word(WORDS_EN, words[1]), safety_word(WORDS_EN, words[2]),
             safety_word(WORDS_EN, words[3]));
    assert_string_equal(text, vector_text(f, "words_en"));
    ratchet_free(her);
    vector_close(f);
}

struct talk {
    struct ratchet *her;
    struct ratchet *worker;
    uint8_t envelopes[16][WIRE_ENVELOPE_BYTES];
    bool to_her[16];
};

/* With the same state and randomness, the same envelope. */
static void send_again(struct talk *t, const struct vector_file *f)
{
    uint8_t random[512];
    uint8_t frame[RATCHET_FRAME_BYTES];
    const size_t number = vector_uint(f, "number");
    assert_in_range(number, 0, 15);
    struct rng_bytes bytes = {random, vector_bytes(f, "random", random, sizeof(random))};
    const struct rng rng = rng_fixed(&bytes);
    const bool by_her = strcmp(vector_text(f, "from"), "her") == 0;
    struct ratchet *from = by_her ? t->her : t->worker;
    from->due |= vector_uint(f, "hand_over") != 0;
    frame_of(frame, from, NULL, vector_text(f, "text"));
    assert_int_equal(ratchet_encrypt(from, frame, t->envelopes[number], &rng), ZG_OK);
    assert_int_equal(bytes.left, 0);
    assert_bytes(f, "envelope", t->envelopes[number], WIRE_ENVELOPE_BYTES);
    t->to_her[number] = !by_her;
}

static void arrives(struct talk *t, const struct vector_file *f)
{
    uint8_t frame[RATCHET_FRAME_BYTES];
    struct ratchet_info info;
    const size_t number = vector_uint(f, "number");
    zg_err err = ratchet_decrypt(t->to_her[number] ? t->her : t->worker, t->envelopes[number], MEETING_NOW,
                                 NULL, NULL, frame, &info);
    assert_result(f, err);
    if (err != ZG_OK)
        return;
    assert_int_equal(info.step, vector_uint(f, "step"));
    assert_int_equal(info.n, vector_uint(f, "n"));
}

static void conversations(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("ratchet.txt");
    static struct talk t;
    int sent = 0;
    int arrived = 0;
    while (vector_next(f)) {
        const char *kind = vector_text(f, "kind");
        if (strcmp(kind, "start") == 0) {
            t.her = state_of(f, "her");
            t.worker = state_of(f, "worker");
        } else if (strcmp(kind, "send") == 0) {
            send_again(&t, f);
            sent++;
        } else if (strcmp(kind, "arrive") == 0) {
            arrives(&t, f);
            arrived++;
        } else {
            assert_string_equal(kind, "end");
            assert_state(f, "her", t.her);
            assert_state(f, "worker", t.worker);
        }
    }
    assert_int_equal(sent, 9);
    assert_int_equal(arrived, 10);
    ratchet_free(t.her);
    ratchet_free(t.worker);
    vector_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards),   cmocka_unit_test(bundles),       cmocka_unit_test(knocks),
        cmocka_unit_test(accepts), cmocka_unit_test(conversations),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
