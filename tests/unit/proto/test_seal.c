#include "tests/unit/proto/test.h"

#include "proto/labels.h"
#include "proto/seal.h"

enum { PLAIN_BYTES = 100, SEALED_BYTES = PLAIN_BYTES + SEAL_OVERHEAD };

struct sealed {
    uint8_t key[KEY_BYTES];
    uint8_t ad[20];
    uint8_t plain[PLAIN_BYTES];
    uint8_t out[SEALED_BYTES];
};

static struct span ad_of(const struct sealed *s)
{
    return (struct span){s->ad, sizeof(s->ad)};
}

static void make(struct sealed *s)
{
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 1);
    rng_fill(&rng, s->key, sizeof(s->key));
    rng_fill(&rng, s->ad, sizeof(s->ad));
    rng_fill(&rng, s->plain, sizeof(s->plain));
    const struct span ad = ad_of(s);
    seal(s->out, s->key, &ad, 1, s->plain, sizeof(s->plain), &rng);
}

/* Must be refused, with out as it was. */
static void refuse(const struct sealed *s, const uint8_t *key, struct span ad, size_t len)
{
    uint8_t out[PLAIN_BYTES];
    uint8_t before[PLAIN_BYTES];
    memset(before, 0xa5, sizeof(before));
    memcpy(out, before, sizeof(out));
    assert_int_equal(seal_open(out, key, &ad, 1, s->out, len), ZG_ERR_FORGED);
    assert_memory_equal(out, before, sizeof(out));
}

static void seal_agrees_with_its_vectors(void **state)
{
    (void)state;
    static uint8_t plain[4096], expected[4096 + SEAL_OVERHEAD], out[4096 + SEAL_OVERHEAD];
    struct vector_file *f = vector_open("seal.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        uint8_t key[KEY_BYTES], ad[128], nonce[24];
        struct rng_bytes bytes = {nonce, vector_bytes(f, "nonce", nonce, sizeof(nonce))};
        struct rng rng = rng_fixed(&bytes);
        vector_bytes(f, "key", key, sizeof(key));
        const struct span parts = {ad, vector_bytes(f, "ad", ad, sizeof(ad))};
        size_t len = vector_bytes(f, "plain", plain, sizeof(plain));
        assert_int_equal(vector_bytes(f, "sealed", expected, sizeof(expected)), len + SEAL_OVERHEAD);
        seal(out, key, &parts, 1, plain, len, &rng);
        assert_memory_equal(out, expected, len + SEAL_OVERHEAD);
        assert_int_equal(seal_open(out, key, &parts, 1, expected, len + SEAL_OVERHEAD), ZG_OK);
        assert_memory_equal(out, plain, len);
    }
    assert_int_equal(count, 4);
    vector_close(f);
}

static void what_was_sealed_opens(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t out[PLAIN_BYTES];
    make(&s);
    const struct span ad = ad_of(&s);
    assert_int_equal(seal_open(out, s.key, &ad, 1, s.out, sizeof(s.out)), ZG_OK);
    assert_memory_equal(out, s.plain, sizeof(out));
}

static void associated_data_in_parts_is_their_concatenation(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t out[PLAIN_BYTES];
    make(&s);
    const struct span parts[] = {{s.ad, 3}, {s.ad + 3, 0}, {s.ad + 3, sizeof(s.ad) - 3}};
    assert_int_equal(seal_open(out, s.key, parts, 3, s.out, sizeof(s.out)), ZG_OK);
}

static void a_flipped_bit_in_any_byte_is_refused(void **state)
{
    (void)state;
    struct sealed s;
    make(&s);
    for (size_t i = 0; i < sizeof(s.out); i++) {
        uint8_t bit = (uint8_t)(1u << (i % 8));
        s.out[i] ^= bit;
        refuse(&s, s.key, ad_of(&s), sizeof(s.out));
        s.out[i] ^= bit;
    }
}

static void another_key_or_associated_data_is_refused(void **state)
{
    (void)state;
    struct sealed s;
    make(&s);
    for (size_t i = 0; i < KEY_BYTES; i++) {
        uint8_t key[KEY_BYTES];
        memcpy(key, s.key, sizeof(key));
        key[i] ^= 1;
        refuse(&s, key, ad_of(&s), sizeof(s.out));
    }
    for (size_t i = 0; i < sizeof(s.ad); i++) {
        s.ad[i] ^= 0x80;
        refuse(&s, s.key, ad_of(&s), sizeof(s.out));
        s.ad[i] ^= 0x80;
    }
    refuse(&s, s.key, (struct span){s.ad, sizeof(s.ad) - 1}, sizeof(s.out));
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct sealed s;
    make(&s);
    for (size_t len = 0; len < sizeof(s.out); len++)
        refuse(&s, s.key, ad_of(&s), len);
}

static void update_lp(crypto_generichash_blake2b_state *b, struct span s)
{
    uint8_t len[4];
    struct writer w;
    writer_init(&w, len, sizeof(len));
    writer_u32(&w, (uint32_t)s.len);
    crypto_generichash_blake2b_update(b, len, sizeof(len));
    crypto_generichash_blake2b_update(b, s.at, s.len);
}

/* What somebody who has the key can put there. */
static void commit_again(struct sealed *s)
{
    uint8_t keys[64];
    const struct span info = SPAN_LABEL(LABEL_SEAL);
    crypto_generichash_blake2b_state b;
    kdf_hkdf(keys, sizeof(keys), NULL, 0, s->key, KEY_BYTES, &info, 1);
    crypto_generichash_blake2b_init(&b, keys + 32, 32, 32);
    update_lp(&b, SPAN_LABEL(LABEL_SEAL_COMMITMENT));
    crypto_generichash_blake2b_update(&b, s->out, 24);
    update_lp(&b, ad_of(s));
    update_lp(&b, (struct span){s->out + 56, SEALED_BYTES - 56});
    crypto_generichash_blake2b_final(&b, s->out + 24, 32);
}

static void a_right_commitment_to_a_wrong_tag_leaves_out_untouched(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t before[SEALED_BYTES];
    make(&s);
    memcpy(before, s.out, sizeof(before));
    commit_again(&s);
    assert_memory_equal(s.out, before, sizeof(before));

    s.out[SEALED_BYTES - 1] ^= 1;
    commit_again(&s);
    refuse(&s, s.key, ad_of(&s), sizeof(s.out));
}

static void the_same_text_never_looks_the_same(void **state)
{
    (void)state;
    uint8_t key[KEY_BYTES] = {1}, a[SEAL_OVERHEAD + 4], b[SEAL_OVERHEAD + 4];
    struct rng rng = rng_system();
    seal(a, key, NULL, 0, (const uint8_t *)"text", 4, &rng);
    seal(b, key, NULL, 0, (const uint8_t *)"text", 4, &rng);
    assert_memory_not_equal(a, b, 24);
    assert_memory_not_equal(a + 24, b + 24, 32);
    assert_memory_not_equal(a + 56, b + 56, 4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(seal_agrees_with_its_vectors),
    cmocka_unit_test(what_was_sealed_opens),
    cmocka_unit_test(associated_data_in_parts_is_their_concatenation),
    cmocka_unit_test(a_flipped_bit_in_any_byte_is_refused),
    cmocka_unit_test(another_key_or_associated_data_is_refused),
    cmocka_unit_test(every_truncation_is_refused),
    cmocka_unit_test(a_right_commitment_to_a_wrong_tag_leaves_out_untouched),
    cmocka_unit_test(the_same_text_never_looks_the_same),
};

RUN_TESTS
