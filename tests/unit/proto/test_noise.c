#include "tests/unit/proto/test.h"

#include "proto/bytes.h"
#include "proto/kdf.h"
#include "proto/noise_state.h"
#include "proto/wire.h"

enum { MESSAGE_MAX = 2048 };

/* Both ends of one handshake, with fixed randomness unless told. */
struct pair {
    uint8_t relay_sk[32], relay_pk[32];
    struct noise_handshake initiator, responder;
    struct rng_seed seed;
    struct rng rng;
    uint8_t m1[MESSAGE_MAX], m2[MESSAGE_MAX];
    size_t m1_len, m2_len;
    uint8_t payload2[WIRE_WELCOME_PAYLOAD_BYTES];
};

static const uint8_t prologue[] = "prologue";

static void pair_init(struct pair *p, enum noise_pattern pattern)
{
    p->rng = rng_seeded(&p->seed, 21);
    rng_fill(&p->rng, p->relay_sk, sizeof(p->relay_sk));
    rng_fill(&p->rng, p->payload2, sizeof(p->payload2));
    crypto_scalarmult_base(p->relay_pk, p->relay_sk);
    noise_initiator_init(&p->initiator, pattern, prologue, sizeof(prologue), p->relay_pk);
    noise_responder_init(&p->responder, pattern, prologue, sizeof(prologue), p->relay_sk, p->relay_pk);
    p->m1_len = noise_message1_bytes(pattern, 0);
    p->m2_len = noise_message2_bytes(pattern, sizeof(p->payload2));
}

static void write1(struct pair *p)
{
    assert_int_equal(noise_write_message1(&p->initiator, NULL, 0, p->m1, &p->rng), ZG_OK);
}

static void read1(struct pair *p)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t len = 99;
    assert_int_equal(noise_read_message1(&p->responder, p->m1, p->m1_len, payload, &len), ZG_OK);
    assert_int_equal(len, 0);
}

static void write2(struct pair *p)
{
    assert_int_equal(noise_write_message2(&p->responder, p->payload2, sizeof(p->payload2), p->m2, &p->rng),
                     ZG_OK);
}

static void read2(struct pair *p)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t len = 0;
    assert_int_equal(noise_read_message2(&p->initiator, p->m2, p->m2_len, payload, &len), ZG_OK);
    assert_int_equal(len, sizeof(p->payload2));
    assert_memory_equal(payload, p->payload2, len);
}

struct ciphers {
    struct noise_cipher to_responder, to_initiator;
};

static void finish(struct pair *p, struct ciphers *a, struct ciphers *b)
{
    write1(p);
    read1(p);
    write2(p);
    read2(p);
    noise_split(&p->initiator, &a->to_responder, &a->to_initiator);
    noise_split(&p->responder, &b->to_responder, &b->to_initiator);
}

/* --- vectors --- */

struct inputs {
    uint8_t prologue[64];
    size_t prologue_len;
    uint8_t static_sk[32], static_pk[32];
    uint8_t initiator_random[128], responder_random[128];
    struct rng_bytes initiator_bytes, responder_bytes;
};

static void read_inputs(const struct vector_file *f, struct inputs *in)
{
    in->prologue_len = vector_bytes(f, "prologue", in->prologue, sizeof(in->prologue));
    vector_bytes(f, "static_secret", in->static_sk, sizeof(in->static_sk));
    crypto_scalarmult_base(in->static_pk, in->static_sk);
    in->initiator_bytes.at = in->initiator_random;
    in->initiator_bytes.left =
        vector_bytes(f, "initiator_random", in->initiator_random, sizeof(in->initiator_random));
    in->responder_bytes.at = in->responder_random;
    in->responder_bytes.left =
        vector_bytes(f, "responder_random", in->responder_random, sizeof(in->responder_random));
}

static void same(const struct vector_file *f, const char *name, const uint8_t *got, size_t len)
{
    uint8_t expected[MESSAGE_MAX];
    assert_int_equal(vector_bytes(f, name, expected, sizeof(expected)), len);
    assert_memory_equal(got, expected, len);
}

/* Runs the handshake of one block; all of its randomness must be used. */
static void run_vector(const struct vector_file *f, enum noise_pattern pattern, struct ciphers *a,
                       struct ciphers *b)
{
    struct inputs in;
    struct noise_handshake i, r;
    uint8_t m[MESSAGE_MAX], sent[NOISE_PAYLOAD_MAX], got[NOISE_PAYLOAD_MAX];
    size_t sent_len, got_len;
    read_inputs(f, &in);
    struct rng irng = rng_fixed(&in.initiator_bytes), rrng = rng_fixed(&in.responder_bytes);
    noise_initiator_init(&i, pattern, in.prologue, in.prologue_len, in.static_pk);
    noise_responder_init(&r, pattern, in.prologue, in.prologue_len, in.static_sk, in.static_pk);

    sent_len = vector_bytes(f, "payload1", sent, sizeof(sent));
    assert_int_equal(noise_write_message1(&i, sent, sent_len, m, &irng), ZG_OK);
    same(f, "message1", m, noise_message1_bytes(pattern, sent_len));
    assert_int_equal(noise_read_message1(&r, m, noise_message1_bytes(pattern, sent_len), got, &got_len),
                     ZG_OK);
    assert_int_equal(got_len, sent_len);
    assert_memory_equal(got, sent, sent_len);

    sent_len = vector_bytes(f, "payload2", sent, sizeof(sent));
    assert_int_equal(noise_write_message2(&r, sent, sent_len, m, &rrng), ZG_OK);
    same(f, "message2", m, noise_message2_bytes(pattern, sent_len));
    assert_int_equal(noise_read_message2(&i, m, noise_message2_bytes(pattern, sent_len), got, &got_len),
                     ZG_OK);
    assert_int_equal(got_len, sent_len);
    assert_memory_equal(got, sent, sent_len);

    assert_int_equal(in.initiator_bytes.left + in.responder_bytes.left, 0);
    noise_split(&i, &a->to_responder, &a->to_initiator);
    noise_split(&r, &b->to_responder, &b->to_initiator);
}

static void nk_agrees_with_published_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("noise_nk.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        struct ciphers a, b;
        uint8_t text[64], out[64];
        run_vector(f, NOISE_NK, &a, &b);
        size_t len = vector_bytes(f, "payload3", text, sizeof(text));
        noise_encrypt(&a.to_responder, out, text, len);
        same(f, "message3", out, len + NOISE_TAG_BYTES);
        assert_int_equal(noise_decrypt(&b.to_responder, out, out, len + NOISE_TAG_BYTES), ZG_OK);
        assert_memory_equal(out, text, len);
        len = vector_bytes(f, "payload4", text, sizeof(text));
        noise_encrypt(&b.to_initiator, out, text, len);
        same(f, "message4", out, len + NOISE_TAG_BYTES);
        assert_int_equal(noise_decrypt(&a.to_initiator, out, out, len + NOISE_TAG_BYTES), ZG_OK);
        assert_memory_equal(out, text, len);
    }
    assert_int_equal(count, 4);
    vector_close(f);
}

static void run_direction(const struct vector_file *f, const char *direction, struct noise_cipher *sender,
                          struct noise_cipher *receiver)
{
    char name[64];
    uint8_t out[9 + NOISE_TAG_BYTES];
    snprintf(name, sizeof(name), "%s_key", direction);
    same(f, name, sender->k, sizeof(sender->k));
    for (unsigned n = 0; n <= WIRE_REKEY_RECORDS; n++) {
        noise_encrypt(sender, out, (const uint8_t *)"transport", 9);
        snprintf(name, sizeof(name), "%s_%u", direction, n);
        if (vector_has(f, name))
            same(f, name, out, sizeof(out));
        assert_int_equal(noise_decrypt(receiver, out, out, sizeof(out)), ZG_OK);
        assert_memory_equal(out, "transport", 9);
    }
    snprintf(name, sizeof(name), "%s_key_rekeyed", direction);
    same(f, name, sender->k, sizeof(sender->k));
}

static void nkhfs_agrees_with_its_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("noise_nkhfs.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        struct ciphers a, b;
        run_vector(f, NOISE_NKHFS, &a, &b);
        run_direction(f, "to_responder", &a.to_responder, &b.to_responder);
        run_direction(f, "to_initiator", &b.to_initiator, &a.to_initiator);
    }
    assert_int_equal(count, 2);
    vector_close(f);
}

/* --- the handshake --- */

static void messages_have_the_lengths_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(noise_message1_bytes(NOISE_NKHFS, 0), WIRE_HELLO_BYTES);
    assert_int_equal(noise_message2_bytes(NOISE_NKHFS, WIRE_WELCOME_PAYLOAD_BYTES), WIRE_WELCOME_BYTES);
    assert_int_equal(noise_message1_bytes(NOISE_NK, 0), 48);
    assert_int_equal(noise_message2_bytes(NOISE_NK, 0), 48);
}

/* Refused, with the state and the payload as they were. */
static void refuse1(struct pair *p, size_t len, zg_err expected)
{
    uint8_t payload[NOISE_PAYLOAD_MAX], untouched[NOISE_PAYLOAD_MAX];
    size_t payload_len = 99;
    struct noise_handshake before = p->responder;
    memset(payload, 0xa5, sizeof(payload));
    memset(untouched, 0xa5, sizeof(untouched));
    assert_int_equal(noise_read_message1(&p->responder, p->m1, len, payload, &payload_len), expected);
    assert_memory_equal(&p->responder, &before, sizeof(before));
    assert_memory_equal(payload, untouched, sizeof(payload));
    assert_int_equal(payload_len, 99);
}

static void refuse2(struct pair *p, size_t len, zg_err expected)
{
    uint8_t payload[NOISE_PAYLOAD_MAX], untouched[NOISE_PAYLOAD_MAX];
    size_t payload_len = 99;
    struct noise_handshake before = p->initiator;
    memset(payload, 0xa5, sizeof(payload));
    memset(untouched, 0xa5, sizeof(untouched));
    assert_int_equal(noise_read_message2(&p->initiator, p->m2, len, payload, &payload_len), expected);
    assert_memory_equal(&p->initiator, &before, sizeof(before));
    assert_memory_equal(payload, untouched, sizeof(payload));
    assert_int_equal(payload_len, 99);
}

static void a_flipped_bit_in_any_byte_of_a_handshake_is_refused(void **state)
{
    (void)state;
    for (int pattern = NOISE_NK; pattern <= NOISE_NKHFS; pattern++) {
        struct pair p;
        pair_init(&p, (enum noise_pattern)pattern);
        write1(&p);
        for (size_t i = 0; i < p.m1_len; i++) {
            uint8_t bit = (uint8_t)(0x80u >> (i % 8));
            p.m1[i] ^= bit;
            refuse1(&p, p.m1_len, ZG_ERR_FORGED);
            p.m1[i] ^= bit;
        }
        read1(&p);
        write2(&p);
        for (size_t i = 0; i < p.m2_len; i++) {
            uint8_t bit = (uint8_t)(0x80u >> (i % 8));
            p.m2[i] ^= bit;
            refuse2(&p, p.m2_len, ZG_ERR_FORGED);
            p.m2[i] ^= bit;
        }
        read2(&p);
    }
}

static void a_message_of_another_length_is_malformed(void **state)
{
    (void)state;
    struct pair p;
    pair_init(&p, NOISE_NKHFS);
    memset(p.m1, 0, sizeof(p.m1));
    memset(p.m2, 0, sizeof(p.m2));
    write1(&p);
    for (size_t len = 0; len < p.m1_len; len += 47)
        refuse1(&p, len, ZG_ERR_MALFORMED);
    refuse1(&p, p.m1_len - 1, ZG_ERR_MALFORMED);
    refuse1(&p, p.m1_len + 1, ZG_ERR_FORGED);
    refuse1(&p, p.m1_len + NOISE_PAYLOAD_MAX + 1, ZG_ERR_MALFORMED);
    refuse1(&p, SIZE_MAX, ZG_ERR_MALFORMED);
    read1(&p);
    write2(&p);
    size_t least = noise_message2_bytes(NOISE_NKHFS, 0);
    refuse2(&p, 0, ZG_ERR_MALFORMED);
    refuse2(&p, least - 1, ZG_ERR_MALFORMED);
    refuse2(&p, least, ZG_ERR_FORGED);
    refuse2(&p, p.m2_len - 1, ZG_ERR_FORGED);
    refuse2(&p, p.m2_len + 1, ZG_ERR_FORGED);
    refuse2(&p, least + NOISE_PAYLOAD_MAX + 1, ZG_ERR_MALFORMED);
    read2(&p);
}

static void another_relay_key_prologue_or_pattern_is_refused(void **state)
{
    (void)state;
    struct pair p;
    uint8_t other_sk[32] = {3}, other_pk[32];
    crypto_scalarmult_base(other_pk, other_sk);

    pair_init(&p, NOISE_NKHFS);
    noise_responder_init(&p.responder, NOISE_NKHFS, prologue, sizeof(prologue), other_sk, other_pk);
    write1(&p);
    refuse1(&p, p.m1_len, ZG_ERR_FORGED);

    pair_init(&p, NOISE_NKHFS);
    noise_responder_init(&p.responder, NOISE_NKHFS, prologue, sizeof(prologue) - 1, p.relay_sk, p.relay_pk);
    write1(&p);
    refuse1(&p, p.m1_len, ZG_ERR_FORGED);

    pair_init(&p, NOISE_NK);
    noise_responder_init(&p.responder, NOISE_NKHFS, prologue, sizeof(prologue), p.relay_sk, p.relay_pk);
    write1(&p);
    refuse1(&p, p.m1_len, ZG_ERR_MALFORMED);
}

/* Points of small order: with them every secret gives zero. RFC 7748, section 6.1. */
static const char *const small_order[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

static void public_keys_that_give_zero_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(small_order) / sizeof(small_order[0]); i++) {
        struct pair p;
        uint8_t point[32];
        hex_decode(small_order[i], point, sizeof(point));

        pair_init(&p, NOISE_NKHFS);
        noise_initiator_init(&p.initiator, NOISE_NKHFS, prologue, sizeof(prologue), point);
        assert_int_equal(noise_write_message1(&p.initiator, NULL, 0, p.m1, &p.rng), ZG_ERR_CRYPTO);

        pair_init(&p, NOISE_NKHFS);
        write1(&p);
        uint8_t honest[32];
        memcpy(honest, p.m1, 32);
        memcpy(p.m1, point, 32);
        refuse1(&p, p.m1_len, ZG_ERR_CRYPTO);
        memcpy(p.m1, honest, 32);
        read1(&p);
        write2(&p);
        memcpy(p.m2, point, 32);
        refuse2(&p, p.m2_len, ZG_ERR_CRYPTO);
    }
}

/* Message 1 by hand, with a key that ML-KEM does not allow: coefficients beyond the modulus. */
static void a_kem_key_that_is_none_is_refused(void **state)
{
    (void)state;
    static uint8_t bad_pk[NOISE_KEM_PK_BYTES];
    struct pair p;
    struct writer w;
    pair_init(&p, NOISE_NKHFS);
    struct noise_symmetric ss = p.initiator.ss;
    const uint8_t e[32] = {5};
    memset(bad_pk, 0xff, sizeof(bad_pk));
    writer_init(&w, p.m1, sizeof(p.m1));
    uint8_t *at = writer_reserve(&w, 32);
    crypto_scalarmult_base(at, e);
    noise_mix_hash(&ss, at, 32);
    assert_int_equal(noise_mix_dh(&ss, e, p.relay_pk), ZG_OK);
    noise_encrypt_and_hash(&ss, writer_reserve(&w, sizeof(bad_pk) + NOISE_TAG_BYTES), bad_pk, sizeof(bad_pk));
    noise_encrypt_and_hash(&ss, writer_reserve(&w, NOISE_TAG_BYTES), NULL, 0);
    assert_int_equal(w.len, p.m1_len);
    read1(&p);
    assert_int_equal(noise_write_message2(&p.responder, p.payload2, sizeof(p.payload2), p.m2, &p.rng),
                     ZG_ERR_CRYPTO);
}

static void two_handshakes_have_different_keys(void **state)
{
    (void)state;
    struct pair p;
    struct ciphers a, b, c;
    pair_init(&p, NOISE_NKHFS);
    finish(&p, &a, &b);
    assert_memory_equal(a.to_responder.k, b.to_responder.k, 32);
    assert_memory_equal(a.to_initiator.k, b.to_initiator.k, 32);
    assert_memory_not_equal(a.to_responder.k, a.to_initiator.k, 32);

    pair_init(&p, NOISE_NKHFS);
    p.rng = rng_system();
    finish(&p, &c, &b);
    assert_memory_not_equal(a.to_responder.k, c.to_responder.k, 32);
}

static void nothing_secret_stays_after_the_split(void **state)
{
    (void)state;
    static const struct noise_handshake empty;
    struct pair p;
    struct ciphers a, b;
    pair_init(&p, NOISE_NKHFS);
    finish(&p, &a, &b);
    assert_memory_equal(&p.initiator, &empty, sizeof(empty));
    assert_memory_equal(&p.responder, &empty, sizeof(empty));
    noise_cipher_clear(&a.to_responder);
    assert_true(sodium_is_zero((const uint8_t *)&a.to_responder, sizeof(a.to_responder)));
}

/* --- transport --- */

static void a_changed_record_is_refused_and_the_connection_can_go_on(void **state)
{
    (void)state;
    struct pair p;
    struct ciphers a, b;
    uint8_t sealed[32 + NOISE_TAG_BYTES], out[32], text[32] = {1, 2, 3};
    pair_init(&p, NOISE_NKHFS);
    finish(&p, &a, &b);
    noise_encrypt(&a.to_responder, sealed, text, sizeof(text));
    for (size_t i = 0; i < sizeof(sealed); i++) {
        struct noise_cipher before = b.to_responder;
        sealed[i] ^= 0x10;
        assert_int_equal(noise_decrypt(&b.to_responder, out, sealed, sizeof(sealed)), ZG_ERR_FORGED);
        assert_memory_equal(&before, &b.to_responder, sizeof(before));
        sealed[i] ^= 0x10;
    }
    for (size_t len = 0; len < sizeof(sealed); len++)
        assert_int_equal(noise_decrypt(&b.to_responder, out, sealed, len), ZG_ERR_FORGED);
    assert_int_equal(noise_decrypt(&b.to_responder, out, sealed, sizeof(sealed)), ZG_OK);
    assert_memory_equal(out, text, sizeof(text));
}

static void a_repeated_or_reflected_record_is_refused(void **state)
{
    (void)state;
    struct pair p;
    struct ciphers a, b;
    uint8_t first[4 + NOISE_TAG_BYTES], second[4 + NOISE_TAG_BYTES], out[4];
    pair_init(&p, NOISE_NKHFS);
    finish(&p, &a, &b);
    noise_encrypt(&a.to_responder, first, (const uint8_t *)"abcd", 4);
    noise_encrypt(&a.to_responder, second, (const uint8_t *)"abcd", 4);
    assert_memory_not_equal(first, second, 4);
    assert_int_equal(noise_decrypt(&b.to_responder, out, second, sizeof(second)), ZG_ERR_FORGED);
    assert_int_equal(noise_decrypt(&a.to_initiator, out, first, sizeof(first)), ZG_ERR_FORGED);
    assert_int_equal(noise_decrypt(&b.to_responder, out, first, sizeof(first)), ZG_OK);
    assert_int_equal(noise_decrypt(&b.to_responder, out, first, sizeof(first)), ZG_ERR_FORGED);
    assert_int_equal(noise_decrypt(&b.to_responder, out, second, sizeof(second)), ZG_OK);
}

static void the_key_changes_after_65536_records_and_the_nonce_goes_on(void **state)
{
    (void)state;
    struct noise_cipher sender = {{1, 2, 3}, 0}, receiver = sender;
    uint8_t first_key[32], second_key[32], buf[1 + NOISE_TAG_BYTES];
    memcpy(first_key, sender.k, sizeof(first_key));
    for (uint32_t n = 0; n < 2 * 65536 + 2; n++) {
        if (n < 65536)
            assert_memory_equal(sender.k, first_key, 32);
        else if (n == 65536)
            memcpy(second_key, sender.k, sizeof(second_key));
        else if (n < 2 * 65536)
            assert_memory_equal(sender.k, second_key, 32);
        assert_true(sender.n == n);
        buf[0] = (uint8_t)n;
        noise_encrypt(&sender, buf, buf, 1);
        assert_int_equal(noise_decrypt(&receiver, buf, buf, sizeof(buf)), ZG_OK);
        assert_int_equal(buf[0], (uint8_t)n);
    }
    assert_memory_not_equal(first_key, second_key, 32);
    assert_memory_not_equal(second_key, sender.k, 32);
    assert_memory_equal(sender.k, receiver.k, 32);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nk_agrees_with_published_vectors),
    cmocka_unit_test(nkhfs_agrees_with_its_vectors),
    cmocka_unit_test(messages_have_the_lengths_of_the_specification),
    cmocka_unit_test(a_flipped_bit_in_any_byte_of_a_handshake_is_refused),
    cmocka_unit_test(a_message_of_another_length_is_malformed),
    cmocka_unit_test(another_relay_key_prologue_or_pattern_is_refused),
    cmocka_unit_test(public_keys_that_give_zero_are_refused),
    cmocka_unit_test(a_kem_key_that_is_none_is_refused),
    cmocka_unit_test(two_handshakes_have_different_keys),
    cmocka_unit_test(nothing_secret_stays_after_the_split),
    cmocka_unit_test(a_changed_record_is_refused_and_the_connection_can_go_on),
    cmocka_unit_test(a_repeated_or_reflected_record_is_refused),
    cmocka_unit_test(the_key_changes_after_65536_records_and_the_nonce_goes_on),
};

RUN_TESTS
