/*
 * The handshake, section 2.1 (tokens of NKhfs; plain NK leaves out e1 and ekem1):
 *
 *     before    <- s             the initiator knows it from the card
 *     message 1 -> e, es, e1     payload empty in this protocol; published vectors have one
 *     message 2 <- e, ee, ekem1  payload of 16 bytes
 *
 * Each message is worked on in a copy of the symmetric state, which is kept only if all of it was authentic.
 */
#include "proto/noise.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/noise_state.h"

enum { KEM_ENC_SEED_BYTES = 32 };

_Static_assert(NOISE_KEM_PK_BYTES == crypto_kem_mlkem768_PUBLICKEYBYTES, "ML-KEM-768");
_Static_assert(NOISE_KEM_SK_BYTES == crypto_kem_mlkem768_SECRETKEYBYTES, "ML-KEM-768");
_Static_assert(NOISE_KEM_CT_BYTES == crypto_kem_mlkem768_CIPHERTEXTBYTES, "ML-KEM-768");
_Static_assert(NOISE_SHARED_BYTES == crypto_kem_mlkem768_SHAREDSECRETBYTES, "ML-KEM-768");

static const struct span pattern_names[] = {
    [NOISE_NK] = SPAN_LABEL("Noise_NK_25519_ChaChaPoly_SHA512"),
    [NOISE_NKHFS] = SPAN_LABEL("Noise_NKhfs_25519+MLKEM768_ChaChaPoly_SHA512"),
};

size_t noise_message1_bytes(enum noise_pattern pattern, size_t payload_len)
{
    size_t e1 = pattern == NOISE_NKHFS ? NOISE_KEM_PK_BYTES + NOISE_TAG_BYTES : 0;
    return NOISE_KEY_BYTES + e1 + payload_len + NOISE_TAG_BYTES;
}

size_t noise_message2_bytes(enum noise_pattern pattern, size_t payload_len)
{
    size_t ekem1 = pattern == NOISE_NKHFS ? NOISE_KEM_CT_BYTES + NOISE_TAG_BYTES : 0;
    return NOISE_KEY_BYTES + ekem1 + payload_len + NOISE_TAG_BYTES;
}

static void start(struct noise_handshake *hs, enum noise_pattern pattern, const uint8_t *prologue,
                  size_t prologue_len, const uint8_t relay_pk[NOISE_KEY_BYTES])
{
    memset(hs, 0, sizeof(*hs));
    hs->pattern = pattern;
    memcpy(hs->rs, relay_pk, NOISE_KEY_BYTES);
    noise_symmetric_init(&hs->ss, pattern_names[pattern]);
    noise_mix_hash(&hs->ss, prologue, prologue_len);
    noise_mix_hash(&hs->ss, relay_pk, NOISE_KEY_BYTES); /* <- s */
}

void noise_initiator_init(struct noise_handshake *hs, enum noise_pattern pattern, const uint8_t *prologue,
                          size_t prologue_len, const uint8_t relay_pk[NOISE_KEY_BYTES])
{
    start(hs, pattern, prologue, prologue_len, relay_pk);
}

void noise_responder_init(struct noise_handshake *hs, enum noise_pattern pattern, const uint8_t *prologue,
                          size_t prologue_len, const uint8_t relay_sk[NOISE_KEY_BYTES],
                          const uint8_t relay_pk[NOISE_KEY_BYTES])
{
    start(hs, pattern, prologue, prologue_len, relay_pk);
    memcpy(hs->s, relay_sk, NOISE_KEY_BYTES);
}

/* Makes the ephemeral key, writes its public half and mixes it. */
static void write_e(struct noise_handshake *hs, struct noise_symmetric *ss, struct writer *w,
                    const struct rng *rng)
{
    uint8_t *pk = writer_reserve(w, NOISE_KEY_BYTES);
    assert(pk != NULL);
    rng_fill(rng, hs->e, NOISE_KEY_BYTES);
    crypto_scalarmult_curve25519_base(pk, hs->e);
    noise_mix_hash(ss, pk, NOISE_KEY_BYTES);
}

static void write_sealed(struct noise_symmetric *ss, struct writer *w, const uint8_t *data, size_t len)
{
    uint8_t *out = writer_reserve(w, len + NOISE_TAG_BYTES);
    assert(out != NULL);
    noise_encrypt_and_hash(ss, out, data, len);
}

/* Opens into out, which holds len bytes. */
static zg_err read_sealed(struct noise_symmetric *ss, struct reader *r, uint8_t *out, size_t len)
{
    const uint8_t *in = reader_take(r, len + NOISE_TAG_BYTES);
    return in == NULL ? ZG_ERR_MALFORMED : noise_decrypt_and_hash(ss, out, in, len + NOISE_TAG_BYTES);
}

/* The length of the payload of a message whose other parts take `overhead` bytes. */
static zg_err payload_bytes(size_t in_len, size_t overhead, size_t *len)
{
    if (in_len < overhead || in_len - overhead > NOISE_PAYLOAD_MAX)
        return ZG_ERR_MALFORMED;
    *len = in_len - overhead;
    return ZG_OK;
}

/* e1: the KEM public key, encrypted. */
static void write_e1(struct noise_handshake *hs, struct noise_symmetric *ss, struct writer *w,
                     const struct rng *rng)
{
    uint8_t seed[crypto_kem_mlkem768_SEEDBYTES];
    rng_fill(rng, seed, sizeof(seed));
    crypto_kem_mlkem768_seed_keypair(hs->kem_pk, hs->kem_sk, seed);
    sodium_memzero(seed, sizeof(seed));
    write_sealed(ss, w, hs->kem_pk, NOISE_KEM_PK_BYTES);
}

zg_err noise_write_message1(struct noise_handshake *hs, const uint8_t *payload, size_t len, uint8_t *out,
                            const struct rng *rng)
{
    zg_err err;
    struct noise_symmetric ss = hs->ss;
    struct writer w;

    assert(len <= NOISE_PAYLOAD_MAX && !ss.keyed);
    writer_init(&w, out, noise_message1_bytes(hs->pattern, len));
    write_e(hs, &ss, &w, rng);              /* e */
    err = noise_mix_dh(&ss, hs->e, hs->rs); /* es */
    if (err != ZG_OK)
        goto out;
    if (hs->pattern == NOISE_NKHFS)
        write_e1(hs, &ss, &w, rng); /* e1 */
    write_sealed(&ss, &w, payload, len);
    hs->ss = ss;
out:
    sodium_memzero(&ss, sizeof(ss));
    return err;
}

zg_err noise_read_message1(struct noise_handshake *hs, const uint8_t *in, size_t in_len, uint8_t *payload,
                           size_t *payload_len)
{
    zg_err err;
    struct noise_symmetric ss = hs->ss;
    struct reader r;
    uint8_t re[NOISE_KEY_BYTES];
    uint8_t kem_pk[NOISE_KEM_PK_BYTES];
    uint8_t opened[NOISE_PAYLOAD_MAX];
    size_t len;

    assert(!ss.keyed);
    err = payload_bytes(in_len, noise_message1_bytes(hs->pattern, 0), &len);
    if (err != ZG_OK)
        goto out;
    reader_init(&r, in, in_len);
    reader_copy(&r, re, sizeof(re));
    noise_mix_hash(&ss, re, sizeof(re)); /* e */
    err = noise_mix_dh(&ss, hs->s, re);  /* es */
    if (err == ZG_OK && hs->pattern == NOISE_NKHFS)
        err = read_sealed(&ss, &r, kem_pk, sizeof(kem_pk)); /* e1 */
    if (err == ZG_OK)
        err = read_sealed(&ss, &r, opened, len);
    if (err != ZG_OK)
        goto out;

    hs->ss = ss;
    memcpy(hs->re, re, sizeof(re));
    if (hs->pattern == NOISE_NKHFS)
        memcpy(hs->kem_pk, kem_pk, sizeof(kem_pk));
    memcpy(payload, opened, len);
    *payload_len = len;
out:
    sodium_memzero(&ss, sizeof(ss));
    sodium_memzero(opened, sizeof(opened));
    return err;
}

/* ekem1: the ciphertext, encrypted; then the shared secret. */
static zg_err write_ekem1(struct noise_handshake *hs, struct noise_symmetric *ss, struct writer *w,
                          const struct rng *rng)
{
    zg_err err = ZG_ERR_CRYPTO;
    uint8_t seed[KEM_ENC_SEED_BYTES];
    uint8_t ct[NOISE_KEM_CT_BYTES];
    uint8_t shared[NOISE_SHARED_BYTES];

    rng_fill(rng, seed, sizeof(seed));
    /* A public key that is not one of ML-KEM is refused here. */
    if (crypto_kem_mlkem768_enc_deterministic(ct, shared, hs->kem_pk, seed) != 0)
        goto out;
    write_sealed(ss, w, ct, sizeof(ct));
    noise_mix_key(ss, shared, sizeof(shared));
    err = ZG_OK;
out:
    sodium_memzero(seed, sizeof(seed));
    sodium_memzero(shared, sizeof(shared));
    return err;
}

static zg_err read_ekem1(struct noise_handshake *hs, struct noise_symmetric *ss, struct reader *r)
{
    uint8_t ct[NOISE_KEM_CT_BYTES];
    uint8_t shared[NOISE_SHARED_BYTES];
    zg_err err = read_sealed(ss, r, ct, sizeof(ct));

    if (err != ZG_OK)
        return err;
    if (crypto_kem_mlkem768_dec(shared, ct, hs->kem_sk) == 0)
        noise_mix_key(ss, shared, sizeof(shared));
    else
        err = ZG_ERR_CRYPTO;
    sodium_memzero(shared, sizeof(shared));
    return err;
}

zg_err noise_write_message2(struct noise_handshake *hs, const uint8_t *payload, size_t len, uint8_t *out,
                            const struct rng *rng)
{
    zg_err err;
    struct noise_symmetric ss = hs->ss;
    struct writer w;

    assert(len <= NOISE_PAYLOAD_MAX && ss.keyed);
    writer_init(&w, out, noise_message2_bytes(hs->pattern, len));
    write_e(hs, &ss, &w, rng);              /* e */
    err = noise_mix_dh(&ss, hs->e, hs->re); /* ee */
    if (err == ZG_OK && hs->pattern == NOISE_NKHFS)
        err = write_ekem1(hs, &ss, &w, rng); /* ekem1 */
    if (err != ZG_OK)
        goto out;
    write_sealed(&ss, &w, payload, len);
    hs->ss = ss;
out:
    sodium_memzero(&ss, sizeof(ss));
    return err;
}

zg_err noise_read_message2(struct noise_handshake *hs, const uint8_t *in, size_t in_len, uint8_t *payload,
                           size_t *payload_len)
{
    zg_err err;
    struct noise_symmetric ss = hs->ss;
    struct reader r;
    uint8_t re[NOISE_KEY_BYTES];
    uint8_t opened[NOISE_PAYLOAD_MAX];
    size_t len;

    assert(ss.keyed);
    err = payload_bytes(in_len, noise_message2_bytes(hs->pattern, 0), &len);
    if (err != ZG_OK)
        goto out;
    reader_init(&r, in, in_len);
    reader_copy(&r, re, sizeof(re));
    noise_mix_hash(&ss, re, sizeof(re)); /* e */
    err = noise_mix_dh(&ss, hs->e, re);  /* ee */
    if (err == ZG_OK && hs->pattern == NOISE_NKHFS)
        err = read_ekem1(hs, &ss, &r); /* ekem1 */
    if (err == ZG_OK)
        err = read_sealed(&ss, &r, opened, len);
    if (err != ZG_OK)
        goto out;

    hs->ss = ss;
    memcpy(hs->re, re, sizeof(re));
    memcpy(payload, opened, len);
    *payload_len = len;
out:
    sodium_memzero(&ss, sizeof(ss));
    sodium_memzero(opened, sizeof(opened));
    return err;
}

void noise_split(struct noise_handshake *hs, struct noise_cipher *initiator_to_responder,
                 struct noise_cipher *responder_to_initiator)
{
    noise_derive_ciphers(&hs->ss, initiator_to_responder, responder_to_initiator);
    noise_handshake_clear(hs);
}

void noise_handshake_clear(struct noise_handshake *hs)
{
    sodium_memzero(hs, sizeof(*hs));
}
