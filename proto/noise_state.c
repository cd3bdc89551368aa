/* CipherState and SymmetricState of Noise revision 34, section 5, with the calls named as there. */
#include "proto/noise_state.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/wire.h"

enum { NONCE_BYTES = 12 };

_Static_assert(NOISE_KEY_BYTES == crypto_scalarmult_curve25519_BYTES, "X25519");
_Static_assert(NONCE_BYTES == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "ChaChaPoly");
_Static_assert(NOISE_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "ChaChaPoly");

/* Four zero bytes, then the counter with its least significant byte first. */
static void nonce_of(uint8_t out[NONCE_BYTES], uint64_t n)
{
    memset(out, 0, NONCE_BYTES);
    for (size_t i = 4; i < NONCE_BYTES; i++, n >>= 8)
        out[i] = (uint8_t)n;
}

static void encrypt_ad(struct noise_cipher *c, uint8_t *out, struct span ad, const uint8_t *in, size_t len)
{
    uint8_t nonce[NONCE_BYTES];
    nonce_of(nonce, c->n);
    crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, in, len, ad.at, ad.len, NULL, nonce, c->k);
    c->n++;
}

static zg_err decrypt_ad(struct noise_cipher *c, uint8_t *out, struct span ad, const uint8_t *in, size_t len)
{
    uint8_t nonce[NONCE_BYTES];
    nonce_of(nonce, c->n);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, in, len, ad.at, ad.len, nonce, c->k) != 0)
        return ZG_ERR_FORGED;
    c->n++;
    return ZG_OK;
}

/* REKEY: the new key is the encryption of zeros under the reserved nonce. The counter goes on. */
static void rekey_when_due(struct noise_cipher *c)
{
    static const uint8_t zeros[NOISE_KEY_BYTES];
    uint8_t nonce[NONCE_BYTES];
    uint8_t sealed[NOISE_KEY_BYTES + NOISE_TAG_BYTES];

    if (c->n % WIRE_REKEY_RECORDS != 0)
        return;
    nonce_of(nonce, UINT64_MAX);
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, zeros, sizeof(zeros), NULL, 0, NULL, nonce, c->k);
    memcpy(c->k, sealed, NOISE_KEY_BYTES);
    sodium_memzero(sealed, sizeof(sealed));
}

void noise_encrypt(struct noise_cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
    encrypt_ad(c, out, (struct span){NULL, 0}, in, len);
    rekey_when_due(c);
}

zg_err noise_decrypt(struct noise_cipher *c, uint8_t *out, const uint8_t *in, size_t len)
{
    zg_err err = decrypt_ad(c, out, (struct span){NULL, 0}, in, len);
    if (err == ZG_OK)
        rekey_when_due(c);
    return err;
}

void noise_cipher_clear(struct noise_cipher *c)
{
    sodium_memzero(c, sizeof(*c));
}

void noise_symmetric_init(struct noise_symmetric *ss, struct span protocol_name)
{
    assert(protocol_name.len <= sizeof(ss->h));
    memset(ss, 0, sizeof(*ss));
    /* A name of at most 64 bytes is h itself, filled with zeros. */
    memcpy(ss->h, protocol_name.at, protocol_name.len);
    memcpy(ss->ck, ss->h, sizeof(ss->ck));
}

void noise_mix_hash(struct noise_symmetric *ss, const uint8_t *data, size_t len)
{
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, ss->h, sizeof(ss->h));
    crypto_hash_sha512_update(&state, data, len);
    crypto_hash_sha512_final(&state, ss->h);
}

/* Noise's HKDF is that of RFC 5869 with ck as salt and no info. */
static void hkdf2(uint8_t out[2 * HASH_BYTES], const struct noise_symmetric *ss, const uint8_t *ikm,
                  size_t len)
{
    kdf_hkdf(out, 2 * HASH_BYTES, ss->ck, sizeof(ss->ck), ikm, len, NULL, 0);
}

void noise_mix_key(struct noise_symmetric *ss, const uint8_t *ikm, size_t len)
{
    uint8_t out[2 * HASH_BYTES];
    hkdf2(out, ss, ikm, len);
    memcpy(ss->ck, out, HASH_BYTES);
    memcpy(ss->cipher.k, out + HASH_BYTES, NOISE_KEY_BYTES);
    ss->cipher.n = 0;
    ss->keyed = true;
    sodium_memzero(out, sizeof(out));
}

void noise_encrypt_and_hash(struct noise_symmetric *ss, uint8_t *out, const uint8_t *in, size_t len)
{
    encrypt_ad(&ss->cipher, out, SPAN_OF(ss->h), in, len);
    noise_mix_hash(ss, out, len + NOISE_TAG_BYTES);
}

zg_err noise_decrypt_and_hash(struct noise_symmetric *ss, uint8_t *out, const uint8_t *in, size_t len)
{
    zg_err err = decrypt_ad(&ss->cipher, out, SPAN_OF(ss->h), in, len);
    if (err == ZG_OK)
        noise_mix_hash(ss, in, len);
    return err;
}

zg_err noise_mix_dh(struct noise_symmetric *ss, const uint8_t sk[NOISE_KEY_BYTES],
                    const uint8_t pk[NOISE_KEY_BYTES])
{
    zg_err err = ZG_ERR_CRYPTO;
    uint8_t shared[NOISE_SHARED_BYTES];
    /* Conventions: an all-zero result aborts; libsodium tells. */
    if (crypto_scalarmult_curve25519(shared, sk, pk) == 0) {
        noise_mix_key(ss, shared, sizeof(shared));
        err = ZG_OK;
    }
    sodium_memzero(shared, sizeof(shared));
    return err;
}

void noise_derive_ciphers(const struct noise_symmetric *ss, struct noise_cipher *first,
                          struct noise_cipher *second)
{
    uint8_t out[2 * HASH_BYTES];
    assert(ss->keyed);
    hkdf2(out, ss, NULL, 0);
    memcpy(first->k, out, NOISE_KEY_BYTES);
    memcpy(second->k, out + HASH_BYTES, NOISE_KEY_BYTES);
    first->n = 0;
    second->n = 0;
    sodium_memzero(out, sizeof(out));
}
