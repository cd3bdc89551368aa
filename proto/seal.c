#include "proto/seal.h"

#include <assert.h>

#include "proto/labels.h"

enum {
    NONCE_BYTES = 24,
    COMMITMENT_BYTES = 32,
    TAG_BYTES = 16,
};

_Static_assert(SEAL_OVERHEAD == NONCE_BYTES + COMMITMENT_BYTES + TAG_BYTES, "layout of section 0.1");
_Static_assert(NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20-Poly1305");
_Static_assert(TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "XChaCha20-Poly1305");

struct seal_keys {
    uint8_t encrypt[KEY_BYTES];
    uint8_t commit[KEY_BYTES];
};

_Static_assert(sizeof(struct seal_keys) == 2 * KEY_BYTES, "EK | CK without a gap");

static void derive(struct seal_keys *out, const uint8_t key[KEY_BYTES])
{
    const struct span info = SPAN_LABEL(LABEL_SEAL);
    kdf_hkdf((uint8_t *)out, sizeof(*out), NULL, 0, key, KEY_BYTES, &info, 1);
}

static size_t join_ad(uint8_t out[SEAL_AD_MAX], const struct span *ad, size_t count)
{
    struct writer w;
    writer_init(&w, out, SEAL_AD_MAX);
    for (size_t i = 0; i < count; i++)
        writer_put(&w, ad[i].at, ad[i].len);
    assert(!w.bad);
    return w.len;
}

static void update_lp(crypto_generichash_blake2b_state *state, const void *data, size_t len)
{
    uint8_t head[4];
    struct writer w;
    assert(len <= UINT32_MAX);
    writer_init(&w, head, sizeof(head));
    writer_u32(&w, (uint32_t)len);
    crypto_generichash_blake2b_update(state, head, sizeof(head));
    crypto_generichash_blake2b_update(state, data, len);
}

/* T of section 0.1; the nonce stands without a length. */
static void commit(uint8_t out[COMMITMENT_BYTES], const uint8_t key[KEY_BYTES],
                   const uint8_t nonce[NONCE_BYTES], struct span ad, struct span cipher)
{
    crypto_generichash_blake2b_state state;
    crypto_generichash_blake2b_init(&state, key, KEY_BYTES, COMMITMENT_BYTES);
    update_lp(&state, LABEL_SEAL_COMMITMENT, sizeof(LABEL_SEAL_COMMITMENT) - 1);
    crypto_generichash_blake2b_update(&state, nonce, NONCE_BYTES);
    update_lp(&state, ad.at, ad.len);
    update_lp(&state, cipher.at, cipher.len);
    crypto_generichash_blake2b_final(&state, out, COMMITMENT_BYTES);
    sodium_memzero(&state, sizeof(state));
}

void seal(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
          const uint8_t *plain, size_t len, const struct rng *rng)
{
    struct seal_keys keys;
    uint8_t joined[SEAL_AD_MAX];
    const struct span ads = {joined, join_ad(joined, ad, ad_count)};
    uint8_t *cipher = out + NONCE_BYTES + COMMITMENT_BYTES;

    derive(&keys, key);
    rng_fill(rng, out, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(cipher, NULL, plain, len, ads.at, ads.len, NULL, out,
                                               keys.encrypt);
    commit(out + NONCE_BYTES, keys.commit, out, ads, (struct span){cipher, len + TAG_BYTES});
    sodium_memzero(&keys, sizeof(keys));
}

zg_err seal_open(uint8_t *out, const uint8_t key[KEY_BYTES], const struct span *ad, size_t ad_count,
                 const uint8_t *sealed, size_t len)
{
    zg_err err = ZG_ERR_FORGED;
    struct seal_keys keys;
    uint8_t expected[COMMITMENT_BYTES];
    uint8_t joined[SEAL_AD_MAX];

    if (len < SEAL_OVERHEAD)
        return ZG_ERR_FORGED;
    const struct span ads = {joined, join_ad(joined, ad, ad_count)};
    const uint8_t *cipher = sealed + NONCE_BYTES + COMMITMENT_BYTES;
    const size_t cipher_len = len - NONCE_BYTES - COMMITMENT_BYTES;

    derive(&keys, key);
    /* Section 0.1: the commitment comes before decryption, in constant time. */
    commit(expected, keys.commit, sealed, ads, (struct span){cipher, cipher_len});
    if (sodium_memcmp(expected, sealed + NONCE_BYTES, COMMITMENT_BYTES) != 0)
        goto out;
    /*
     * Who has the key can commit to a wrong tag, and libsodium zeroes its output then. So the tag alone comes
     * first, and out stays untouched.
     */
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(NULL, NULL, NULL, cipher, cipher_len, ads.at, ads.len,
                                                   sealed, keys.encrypt) != 0)
        goto out;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, cipher, cipher_len, ads.at, ads.len,
                                                   sealed, keys.encrypt) != 0)
        goto out;
    err = ZG_OK;
out:
    sodium_memzero(&keys, sizeof(keys));
    sodium_memzero(expected, sizeof(expected));
    return err;
}
