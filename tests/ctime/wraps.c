/*
 * Around functions of libsodium and of seal.h, by the linker (--wrap), so that calls from inside libsodium
 * pass here too. Each publishes what its caller may show to everybody, and nothing else. The plants are here
 * because secrets come by.
 */
#include "tests/ctime/wraps.h"

#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"
#include "proto/seal.h"
#include "tests/ctime/ctime.h"

enum { MLKEM_PK_BYTES = crypto_kem_mlkem768_PUBLICKEYBYTES, MLKEM_PK_IN_SK = 1152, MLKEM_PK_HASH_BYTES = 32 };

static bool randomness_hidden;

void (*publish_form)(uint8_t *plain, size_t len);

void wraps_hide_randomness(void)
{
    randomness_hidden = true;
}

/* --- plants --- */

static volatile unsigned seen;

static int planted_compare(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < len; i++)
        if (x[i] != y[i])
            return -1;
    return 0;
}

static void planted_branch(const uint8_t *secret)
{
    if (plant == PLANT_BRANCH && (secret[0] & 1) != 0)
        seen++;
}

static void planted_index(const uint8_t *secret)
{
    static volatile const uint8_t table[256];
    if (plant == PLANT_INDEX)
        seen = table[secret[0]];
}

/* --- randomness --- */

void __real_randombytes_buf(void *out, size_t len);
void __wrap_randombytes_buf(void *out, size_t len);

void __wrap_randombytes_buf(void *out, size_t len)
{
    __real_randombytes_buf(out, len);
    if (randomness_hidden)
        hide(out, len);
}

/* --- comparisons: what they take stays secret, the outcome is acted on --- */

int __real_sodium_memcmp(const void *a, const void *b, size_t len);
int __wrap_sodium_memcmp(const void *a, const void *b, size_t len);

int __wrap_sodium_memcmp(const void *a, const void *b, size_t len)
{
    int differ = plant == PLANT_COMPARE ? planted_compare(a, b, len) : __real_sodium_memcmp(a, b, len);
    /* ML-KEM's own check of a ciphertext must not show: a wrong one gives another key and no error (FIPS
     * 203, 6.3). */
    if (len != crypto_kem_mlkem768_CIPHERTEXTBYTES)
        publish(&differ, sizeof(differ));
    return differ;
}

int __real_crypto_verify_16(const unsigned char *a, const unsigned char *b);
int __wrap_crypto_verify_16(const unsigned char *a, const unsigned char *b);

int __wrap_crypto_verify_16(const unsigned char *a, const unsigned char *b)
{
    int differ = plant == PLANT_COMPARE ? planted_compare(a, b, 16) : __real_crypto_verify_16(a, b);
    publish(&differ, sizeof(differ));
    return differ;
}

/* --- X25519: public keys, also those that came under a seal; whether the result is all zeros --- */

int __real_crypto_scalarmult_curve25519_base(unsigned char *pk, const unsigned char *sk);
int __wrap_crypto_scalarmult_curve25519_base(unsigned char *pk, const unsigned char *sk);

int __wrap_crypto_scalarmult_curve25519_base(unsigned char *pk, const unsigned char *sk)
{
    int err = __real_crypto_scalarmult_curve25519_base(pk, sk);
    publish(pk, crypto_scalarmult_curve25519_BYTES);
    return err;
}

int __real_crypto_scalarmult_curve25519(unsigned char *out, const unsigned char *sk, const unsigned char *pk);
int __wrap_crypto_scalarmult_curve25519(unsigned char *out, const unsigned char *sk, const unsigned char *pk);

int __wrap_crypto_scalarmult_curve25519(unsigned char *out, const unsigned char *sk, const unsigned char *pk)
{
    planted_branch(sk);
    publish(pk, crypto_scalarmult_curve25519_BYTES);
    int err = __real_crypto_scalarmult_curve25519(out, sk, pk);
    publish(&err, sizeof(err));
    return err;
}

/* --- ML-KEM-768 and X-Wing: public keys, ciphertexts --- */

int __real_crypto_kem_mlkem768_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed);
int __wrap_crypto_kem_mlkem768_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed);

int __wrap_crypto_kem_mlkem768_seed_keypair(unsigned char *pk, unsigned char *sk, const unsigned char *seed)
{
    int err = __real_crypto_kem_mlkem768_seed_keypair(pk, sk, seed);
    publish(pk, MLKEM_PK_BYTES);
    /* FIPS 203 keeps the public key and its hash within the secret one. */
    publish(sk + MLKEM_PK_IN_SK, MLKEM_PK_BYTES + MLKEM_PK_HASH_BYTES);
    return err;
}

int __real_crypto_kem_mlkem768_enc_deterministic(unsigned char *ct, unsigned char *ss,
                                                 const unsigned char *pk, const unsigned char *seed);
int __wrap_crypto_kem_mlkem768_enc_deterministic(unsigned char *ct, unsigned char *ss,
                                                 const unsigned char *pk, const unsigned char *seed);

int __wrap_crypto_kem_mlkem768_enc_deterministic(unsigned char *ct, unsigned char *ss,
                                                 const unsigned char *pk, const unsigned char *seed)
{
    /* The check of FIPS 203, 7.2, ends early at a key that fails it. */
    publish(pk, MLKEM_PK_BYTES);
    int err = __real_crypto_kem_mlkem768_enc_deterministic(ct, ss, pk, seed);
    publish(ct, crypto_kem_mlkem768_CIPHERTEXTBYTES);
    return err;
}

int __real_crypto_kem_xwing_enc_deterministic(unsigned char *ct, unsigned char *ss, const unsigned char *pk,
                                              const unsigned char *seed);
int __wrap_crypto_kem_xwing_enc_deterministic(unsigned char *ct, unsigned char *ss, const unsigned char *pk,
                                              const unsigned char *seed);

int __wrap_crypto_kem_xwing_enc_deterministic(unsigned char *ct, unsigned char *ss, const unsigned char *pk,
                                              const unsigned char *seed)
{
    int err = __real_crypto_kem_xwing_enc_deterministic(ct, ss, pk, seed);
    publish(ct, crypto_kem_xwing_CIPHERTEXTBYTES);
    return err;
}

/* --- seals: nonces, commitments, ciphertexts; of what was opened only its form, if the subject says so ---
 */

void __real_seal(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                 const uint8_t *plain, size_t len, const struct rng *rng);
void __wrap_seal(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                 const uint8_t *plain, size_t len, const struct rng *rng);

void __wrap_seal(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                 const uint8_t *plain, size_t len, const struct rng *rng)
{
    planted_index(key);
    __real_seal(out, key, ad, ad_count, plain, len, rng);
    publish(out, len + SEAL_OVERHEAD);
}

zg_err __real_seal_open(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                        const uint8_t *sealed, size_t len);
zg_err __wrap_seal_open(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                        const uint8_t *sealed, size_t len);

zg_err __wrap_seal_open(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                        const uint8_t *sealed, size_t len)
{
    planted_index(key);
    zg_err err = __real_seal_open(out, key, ad, ad_count, sealed, len);
    if (err == ZG_OK && publish_form != NULL)
        publish_form(out, len - SEAL_OVERHEAD);
    return err;
}

int __real_crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *c_len,
                                                      const unsigned char *m, unsigned long long m_len,
                                                      const unsigned char *ad, unsigned long long ad_len,
                                                      const unsigned char *unused, const unsigned char *nonce,
                                                      const unsigned char *key);
int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *c_len,
                                                      const unsigned char *m, unsigned long long m_len,
                                                      const unsigned char *ad, unsigned long long ad_len,
                                                      const unsigned char *unused, const unsigned char *nonce,
                                                      const unsigned char *key);

int __wrap_crypto_aead_xchacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *c_len,
                                                      const unsigned char *m, unsigned long long m_len,
                                                      const unsigned char *ad, unsigned long long ad_len,
                                                      const unsigned char *unused, const unsigned char *nonce,
                                                      const unsigned char *key)
{
    publish(nonce, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    int err =
        __real_crypto_aead_xchacha20poly1305_ietf_encrypt(c, c_len, m, m_len, ad, ad_len, unused, nonce, key);
    publish(c, m_len + crypto_aead_xchacha20poly1305_ietf_ABYTES);
    return err;
}

int __real_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *m_len,
                                                      unsigned char *unused, const unsigned char *c,
                                                      unsigned long long c_len, const unsigned char *ad,
                                                      unsigned long long ad_len, const unsigned char *nonce,
                                                      const unsigned char *key);
int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *m_len,
                                                      unsigned char *unused, const unsigned char *c,
                                                      unsigned long long c_len, const unsigned char *ad,
                                                      unsigned long long ad_len, const unsigned char *nonce,
                                                      const unsigned char *key);

int __wrap_crypto_aead_xchacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *m_len,
                                                      unsigned char *unused, const unsigned char *c,
                                                      unsigned long long c_len, const unsigned char *ad,
                                                      unsigned long long ad_len, const unsigned char *nonce,
                                                      const unsigned char *key)
{
    planted_branch(key);
    int err =
        __real_crypto_aead_xchacha20poly1305_ietf_decrypt(m, m_len, unused, c, c_len, ad, ad_len, nonce, key);
    /* A ratchet's header: public keys and numbers. What it says decides which key comes next. */
    if (err == 0 && c_len == HEADER_SEALED_BYTES)
        publish(m, HEADER_BYTES);
    return err;
}

/* --- hashes: only a place for a plant --- */

int __real_crypto_generichash_blake2b_update(crypto_generichash_blake2b_state *state, const unsigned char *in,
                                             unsigned long long len);
int __wrap_crypto_generichash_blake2b_update(crypto_generichash_blake2b_state *state, const unsigned char *in,
                                             unsigned long long len);

int __wrap_crypto_generichash_blake2b_update(crypto_generichash_blake2b_state *state, const unsigned char *in,
                                             unsigned long long len)
{
    if (len > 0)
        planted_index(in);
    return __real_crypto_generichash_blake2b_update(state, in, len);
}
