/* The two KEMs of the library we link, against published answers. */
#include "tests/unit/proto/test.h"

struct kem {
    size_t pk_bytes, sk_bytes, ct_bytes;
    int (*keypair)(unsigned char *pk, unsigned char *sk, const unsigned char *seed);
    int (*enc)(unsigned char *ct, unsigned char *ss, const unsigned char *pk, const unsigned char *seed);
    int (*dec)(unsigned char *ss, const unsigned char *ct, const unsigned char *sk);
};

static const struct kem mlkem = {crypto_kem_mlkem768_PUBLICKEYBYTES,    crypto_kem_mlkem768_SECRETKEYBYTES,
                                 crypto_kem_mlkem768_CIPHERTEXTBYTES,   crypto_kem_mlkem768_seed_keypair,
                                 crypto_kem_mlkem768_enc_deterministic, crypto_kem_mlkem768_dec};

static const struct kem xwing = {crypto_kem_xwing_PUBLICKEYBYTES,    crypto_kem_xwing_SECRETKEYBYTES,
                                 crypto_kem_xwing_CIPHERTEXTBYTES,   crypto_kem_xwing_seed_keypair,
                                 crypto_kem_xwing_enc_deterministic, crypto_kem_xwing_dec};

static void starts_with(const struct vector_file *f, const char *name, const uint8_t *got)
{
    uint8_t expected[64];
    if (vector_has(f, name))
        assert_memory_equal(got, expected, vector_bytes(f, name, expected, sizeof(expected)));
}

static void check(const struct vector_file *f, const struct kem *kem)
{
    static uint8_t pk[2400], sk[2400], ct[2400];
    uint8_t seed[64], random[64], sent[32], received[32];
    vector_bytes(f, "seed", seed, sizeof(seed));
    vector_bytes(f, "random", random, sizeof(random));
    assert_int_equal(kem->keypair(pk, sk, seed), 0);
    starts_with(f, "public_key", pk);
    assert_int_equal(kem->enc(ct, sent, pk, random), 0);
    starts_with(f, "ciphertext", ct);
    starts_with(f, "shared_secret", sent);
    assert_int_equal(kem->dec(received, ct, sk), 0);
    assert_memory_equal(sent, received, sizeof(sent));

    /* Another ciphertext gives another secret, without a word. */
    ct[0] ^= 1;
    assert_int_equal(kem->dec(received, ct, sk), 0);
    assert_memory_not_equal(sent, received, sizeof(sent));
}

static void kems_agree_with_published_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("kem.txt");
    size_t count = 0;
    for (; vector_next(f); count++)
        check(f, strcmp(vector_text(f, "kem"), "X-Wing") == 0 ? &xwing : &mlkem);
    assert_int_equal(count, 5);
    vector_close(f);
}

static void sizes_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(mlkem.pk_bytes, 1184);
    assert_int_equal(mlkem.sk_bytes, 2400);
    assert_int_equal(mlkem.ct_bytes, 1088);
    assert_int_equal(xwing.pk_bytes, 1216);
    assert_int_equal(xwing.sk_bytes, 32);
    assert_int_equal(xwing.ct_bytes, 1120);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kems_agree_with_published_vectors),
    cmocka_unit_test(sizes_are_those_of_the_specification),
};

RUN_TESTS
