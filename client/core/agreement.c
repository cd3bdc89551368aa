/* Knock and accept; docs/protocol.md section 6. The numbers are those of its steps. */
#include "client/core/agreement.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/frame.h"
#include "client/core/safety.h"
#include "proto/labels.h"
#include "proto/seal.h"

enum {
    WHICH_AT = 4,
    CT_AT = 5,
    SEALED_AT = CT_AT + XWING_CT_BYTES,
    SS_BYTES = 32,
    SECRET_BYTES = WIRE_SECRET_BYTES,
    MAC_BYTES = 32,
};

_Static_assert(SEALED_AT + SEAL_OVERHEAD + KNOCK_FRAME_BYTES == WIRE_ENVELOPE_BYTES, "layout of section 6");
_Static_assert(crypto_kem_xwing_PUBLICKEYBYTES == XWING_PK_BYTES, "X-Wing");
_Static_assert(crypto_kem_xwing_SECRETKEYBYTES == XWING_SK_BYTES, "X-Wing");
_Static_assert(crypto_kem_xwing_CIPHERTEXTBYTES == XWING_CT_BYTES, "X-Wing");
_Static_assert(crypto_auth_hmacsha512256_BYTES == MAC_BYTES, "HMAC of the conventions");

/* --- transcript and keys of a knock --- */

/* Everything public that a knock depends on. */
struct knock_public {
    const struct trust *trust;
    const uint8_t *key_part_hash;
    const uint8_t *ct;
    const uint8_t *dh; /* EK_P */
    const uint8_t *ek; /* ek_P */
};

/* 2. TH1 = SHA512(LP("knock") | LP(version | suite) | LP(R) | LP(desk id) | LP(KPH) | LP(ct) | LP(EK_P) |
 * LP(ek_P)) */
static void transcript1(uint8_t out[HASH_BYTES], const struct knock_public *k)
{
    static const uint8_t suite[] = {WIRE_VERSION, WIRE_SUITE};
    const struct span parts[] = {SPAN_LABEL(LABEL_KNOCK),
                                 SPAN_OF(suite),
                                 {k->trust->root_pk, SIGN_PK_BYTES},
                                 {k->trust->desk_id, DESK_ID_BYTES},
                                 {k->key_part_hash, HASH_BYTES},
                                 {k->ct, XWING_CT_BYTES},
                                 {k->dh, RATCHET_DH_BYTES},
                                 {k->ek, RATCHET_EK_BYTES}};
    kdf_sha512(out, parts, 8);
}

/* 3. RK0 | HK | NHK0 = HKDF("", ss, LP("knock root") | LP(TH1), 96) */
static void start_keys(struct ratchet_start *out, const uint8_t ss[SS_BYTES], const struct knock_public *k)
{
    uint8_t keys[3 * KEY_BYTES];

    transcript1(out->th1, k);
    const struct span info[] = {SPAN_LABEL(LABEL_KNOCK_ROOT), SPAN_OF(out->th1)};
    kdf_hkdf(keys, sizeof(keys), NULL, 0, ss, SS_BYTES, info, 2);
    memcpy(out->root, keys, KEY_BYTES);
    memcpy(out->hk, keys + KEY_BYTES, KEY_BYTES);
    memcpy(out->nhk, keys + 2 * KEY_BYTES, KEY_BYTES);
    sodium_memzero(keys, sizeof(keys));
}

/* 4. KB = HKDF("", ss, LP("knock body") | LP(ct) | LP(KPH), 32) */
static void body_key(uint8_t out[KEY_BYTES], const uint8_t ss[SS_BYTES], const uint8_t ct[XWING_CT_BYTES],
                     const uint8_t key_part_hash[HASH_BYTES])
{
    const struct span info[] = {
        SPAN_LABEL(LABEL_KNOCK_BODY), {ct, XWING_CT_BYTES}, {key_part_hash, HASH_BYTES}};
    kdf_hkdf(out, KEY_BYTES, NULL, 0, ss, SS_BYTES, info, 3);
}

/* LP("knock body"); epoch | which | ct follow it as they stand in the envelope. */
static struct span body_label(uint8_t out[64])
{
    struct writer w;
    const struct span label = SPAN_LABEL(LABEL_KNOCK_BODY);
    writer_init(&w, out, 64);
    writer_lp(&w, label.at, label.len);
    return (struct span){out, w.len};
}

/* --- her side: knock --- */

/* Her keys for this conversation and what the key exchange gave. */
struct knock_keys {
    uint8_t dh_sk[RATCHET_DH_BYTES];
    uint8_t dh[RATCHET_DH_BYTES];
    uint8_t dk[RATCHET_DK_BYTES];
    uint8_t ek[RATCHET_EK_BYTES];
    uint8_t nonce[NONCE_BYTES];
    uint8_t ss[SS_BYTES];
    struct ratchet_start start;
};

static zg_err new_keys(struct knock_keys *k, const struct rng *rng)
{
    uint8_t seed[64];

    rng_fill(rng, k->dh_sk, sizeof(k->dh_sk));
    rng_fill(rng, seed, sizeof(seed));
    rng_fill(rng, k->nonce, sizeof(k->nonce));
    bool ok = crypto_scalarmult_curve25519_base(k->dh, k->dh_sk) == 0 &&
              crypto_kem_mlkem768_seed_keypair(k->ek, k->dk, seed) == 0;
    sodium_memzero(seed, sizeof(seed));
    return ok ? ZG_OK : ZG_ERR_CRYPTO;
}

/* 1. ct, ss = X-Wing.Encaps(intake or last-resort key) */
static zg_err encapsulate(uint8_t ct[XWING_CT_BYTES], uint8_t ss[SS_BYTES], const uint8_t pk[XWING_PK_BYTES],
                          const struct rng *rng)
{
    uint8_t seed[64];
    rng_fill(rng, seed, sizeof(seed));
    int failed = crypto_kem_xwing_enc_deterministic(ct, ss, pk, seed);
    sodium_memzero(seed, sizeof(seed));
    return failed == 0 ? ZG_OK : ZG_ERR_CRYPTO;
}

static void write_frame(uint8_t out[KNOCK_FRAME_BYTES], const struct knock_input *in,
                        const struct knock_keys *k)
{
    struct writer w;
    uint8_t commitment[32];

    safety_commit(commitment, k->nonce, k->dh);
    writer_init(&w, out, KNOCK_FRAME_BYTES);
    writer_put(&w, k->dh, sizeof(k->dh));
    writer_put(&w, k->ek, sizeof(k->ek));
    writer_put(&w, in->put.b, SECRET_BYTES);
    writer_put(&w, in->end.b, SECRET_BYTES);
    writer_put(&w, commitment, sizeof(commitment));
    writer_u16(&w, (uint16_t)in->content.len);
    writer_put(&w, in->content.at, in->content.len);
    writer_pad(&w, KNOCK_FRAME_BYTES);
    assert(!w.bad);
}

static void seal_knock(uint8_t envelope[WIRE_ENVELOPE_BYTES], const struct knock_input *in,
                       const struct knock_keys *k, const struct rng *rng)
{
    uint8_t frame[KNOCK_FRAME_BYTES];
    uint8_t key[KEY_BYTES];
    uint8_t label[64];

    write_frame(frame, in, k);
    body_key(key, k->ss, envelope + CT_AT, in->bundle->key_part_hash);
    const struct span ad[] = {body_label(label), {envelope, SEALED_AT}};
    seal(envelope + SEALED_AT, key, ad, 2, frame, sizeof(frame), rng);
    sodium_memzero(frame, sizeof(frame));
    sodium_memzero(key, sizeof(key));
}

zg_err knock_make(struct knock_output *out, const struct knock_input *in, const struct rng *rng)
{
    struct knock_keys k;
    struct ratchet *ratchet;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    enum intake_which which;
    const uint8_t *intake;
    struct writer w;
    zg_err err;

    if (in->content.len > KNOCK_CONTENT_MAX)
        return ZG_ERR_TOO_LARGE;
    err = bundle_intake(in->bundle, in->now_s, &which, &intake);
    if (err != ZG_OK)
        return err;

    writer_init(&w, envelope, CT_AT);
    writer_u32(&w, in->bundle->keys.epoch);
    writer_u8(&w, (uint8_t)which);
    err = new_keys(&k, rng);
    if (err != ZG_OK)
        goto out;
    err = encapsulate(envelope + CT_AT, k.ss, intake, rng);
    if (err != ZG_OK)
        goto out;
    const struct knock_public public = {&in->bundle->trust, in->bundle->key_part_hash, envelope + CT_AT, k.dh,
                                        k.ek};
    start_keys(&k.start, k.ss, &public);
    seal_knock(envelope, in, &k, rng);
    err = ratchet_new_participant(&ratchet, &k.start, k.dh_sk, k.dh, k.dk, k.ek);
    if (err != ZG_OK)
        goto out;

    memcpy(out->envelope, envelope, sizeof(envelope));
    out->ratchet = ratchet;
    memcpy(out->th1, k.start.th1, HASH_BYTES);
    memcpy(out->ek_p_pk, k.dh, sizeof(k.dh));
    memcpy(out->ek_p_sk, k.dh_sk, sizeof(k.dh_sk));
    memcpy(out->nonce, k.nonce, sizeof(k.nonce));
out:
    sodium_memzero(&k, sizeof(k));
    return err;
}

void knock_output_clear(struct knock_output *out)
{
    ratchet_free(out->ratchet);
    sodium_memzero(out, sizeof(*out));
}

/* --- the worker's side: knock --- */

uint32_t knock_epoch(const uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    struct reader r;
    reader_init(&r, envelope, 4);
    return reader_u32(&r);
}

static zg_err read_frame(struct knock_opened *k, const uint8_t frame[KNOCK_FRAME_BYTES])
{
    struct reader r;
    reader_init(&r, frame, KNOCK_FRAME_BYTES);
    reader_copy(&r, k->dh, sizeof(k->dh));
    reader_copy(&r, k->ek, sizeof(k->ek));
    reader_copy(&r, k->put.b, SECRET_BYTES);
    reader_copy(&r, k->end.b, SECRET_BYTES);
    reader_copy(&r, k->commitment, sizeof(k->commitment));
    size_t len = reader_u16(&r);
    const uint8_t *content = reader_take(&r, len);
    reader_zeros(&r);
    if (!reader_done(&r) || len > KNOCK_CONTENT_MAX || !step_keys_usable(k->dh, k->ek))
        return ZG_ERR_MALFORMED;
    if (len > 0)
        memcpy(k->content, content, len);
    k->content_len = len;
    return ZG_OK;
}

zg_err knock_open(struct knock_opened *out, const uint8_t envelope[WIRE_ENVELOPE_BYTES],
                  const struct trust *trust, const struct intake_epoch *keys)
{
    struct knock_opened k = {0};
    uint8_t ss[SS_BYTES];
    uint8_t key[KEY_BYTES];
    uint8_t frame[KNOCK_FRAME_BYTES];
    uint8_t label[64];
    const uint8_t which = envelope[WHICH_AT];
    const uint8_t *ct = envelope + CT_AT;
    zg_err err = ZG_ERR_CRYPTO;

    if (which != INTAKE_OF_DAY && which != INTAKE_LAST_RESORT)
        return ZG_ERR_MALFORMED;
    if (knock_epoch(envelope) != keys->epoch)
        return ZG_ERR_FORGED;
    /* A wrong key or ct gives another ss, and the body does not open. */
    if (crypto_kem_xwing_dec(ss, ct, which == INTAKE_OF_DAY ? keys->intake_sk : keys->last_resort_sk) != 0)
        goto out;
    body_key(key, ss, ct, keys->key_part_hash);
    const struct span ad[] = {body_label(label), {envelope, SEALED_AT}};
    err = seal_open(frame, key, ad, 2, envelope + SEALED_AT, SEAL_OVERHEAD + KNOCK_FRAME_BYTES);
    if (err == ZG_OK)
        err = read_frame(&k, frame);
    if (err != ZG_OK)
        goto out;
    const struct knock_public public = {trust, keys->key_part_hash, ct, k.dh, k.ek};
    start_keys(&k.start, ss, &public);
    memcpy(k.th1, k.start.th1, HASH_BYTES);
    *out = k;
out:
    sodium_memzero(&k, sizeof(k));
    sodium_memzero(ss, sizeof(ss));
    sodium_memzero(key, sizeof(key));
    sodium_memzero(frame, sizeof(frame));
    return err;
}

void knock_opened_clear(struct knock_opened *k)
{
    sodium_memzero(k, sizeof(*k));
}

/* --- accept --- */

/* An accept block, its fields in place. */
struct block {
    struct span credential;
    const uint8_t *put;
    const uint8_t *end;
    const uint8_t *nonce;
    const uint8_t *mac;
};

/*
 * TH2 = SHA512(LP("accept") | LP(TH1) | LP(credential) | LP(DH_W) | LP(ek_W) | LP(ct_W) | LP(put) | LP(end) |
 *              LP(n_W))
 */
static void transcript2(uint8_t out[HASH_BYTES], const uint8_t th1[HASH_BYTES], const struct block *b,
                        const struct step_public *step)
{
    const struct span parts[] = {SPAN_LABEL(LABEL_ACCEPT), {th1, HASH_BYTES},      b->credential,
                                 SPAN_OF(step->dh),        SPAN_OF(step->ek),      SPAN_OF(step->ct),
                                 {b->put, SECRET_BYTES},   {b->end, SECRET_BYTES}, {b->nonce, NONCE_BYTES}};
    kdf_sha512(out, parts, 9);
}

/* MAC = HMAC(HKDF("", DHI, LP("accept mac"), 32), TH2) */
static void accept_mac(uint8_t out[MAC_BYTES], const uint8_t dhi[32], const uint8_t th2[HASH_BYTES])
{
    uint8_t key[KEY_BYTES];
    const struct span info = SPAN_LABEL(LABEL_ACCEPT_MAC);
    _Static_assert(crypto_auth_hmacsha512256_KEYBYTES == KEY_BYTES, "HMAC of the conventions");
    kdf_hkdf(key, sizeof(key), NULL, 0, dhi, 32, &info, 1);
    crypto_auth_hmacsha512256(out, th2, HASH_BYTES, key);
    sodium_memzero(key, sizeof(key));
}

static size_t write_block(uint8_t out[ACCEPT_BLOCK_MAX], const struct block *b)
{
    struct writer w;
    writer_init(&w, out, ACCEPT_BLOCK_MAX);
    writer_lp(&w, b->credential.at, b->credential.len);
    writer_put(&w, b->put, SECRET_BYTES);
    writer_put(&w, b->end, SECRET_BYTES);
    writer_put(&w, b->nonce, NONCE_BYTES);
    writer_put(&w, b->mac, MAC_BYTES);
    assert(!w.bad);
    return w.len;
}

zg_err accept_make(struct accept_output *out, const struct accept_input *in, const struct rng *rng)
{
    struct ratchet *ratchet = NULL;
    struct step_public step;
    uint8_t nonce[NONCE_BYTES];
    uint8_t th2[HASH_BYTES];
    uint8_t dhi[32];
    uint8_t mac[MAC_BYTES];
    zg_err err;

    if (in->credential.len > CREDENTIAL_BYTES_MAX)
        return ZG_ERR_TOO_LARGE;
    err = ratchet_new_worker(&ratchet, &in->knock->start, in->knock->dh, in->knock->ek, &step, rng);
    if (err != ZG_OK)
        goto out;
    rng_fill(rng, nonce, sizeof(nonce));
    const struct block block = {in->credential, in->put.b, in->end.b, nonce, mac};
    transcript2(th2, in->knock->th1, &block, &step);
    /* DHI = X25519(IK_W, EK_P); all zeros aborts */
    err = ZG_ERR_CRYPTO;
    if (crypto_scalarmult_curve25519(dhi, in->dh_sk, in->knock->dh) != 0)
        goto out;
    accept_mac(mac, dhi, th2);
    err = ratchet_mix_accept(ratchet, dhi, th2);
    if (err != ZG_OK)
        goto out;

    out->ratchet = ratchet;
    ratchet = NULL;
    memcpy(out->th2, th2, sizeof(th2));
    memcpy(out->nonce, nonce, sizeof(nonce));
    out->block_len = write_block(out->block, &block);
out:
    ratchet_free(ratchet);
    sodium_memzero(nonce, sizeof(nonce));
    sodium_memzero(th2, sizeof(th2));
    sodium_memzero(dhi, sizeof(dhi));
    return err;
}

void accept_output_clear(struct accept_output *out)
{
    ratchet_free(out->ratchet);
    sodium_memzero(out, sizeof(*out));
}

static zg_err read_block(struct block *b, const uint8_t frame[RATCHET_FRAME_BYTES])
{
    struct frame f;
    struct reader r;

    zg_err err = frame_read(&f, frame);
    if (err != ZG_OK)
        return err;
    if (f.accept.at == NULL)
        return ZG_ERR_MALFORMED;
    reader_init(&r, f.accept.at, f.accept.len);
    b->credential = reader_lp(&r, CREDENTIAL_BYTES_MAX);
    b->put = reader_take(&r, SECRET_BYTES);
    b->end = reader_take(&r, SECRET_BYTES);
    b->nonce = reader_take(&r, NONCE_BYTES);
    b->mac = reader_take(&r, MAC_BYTES);
    return reader_done(&r) ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err accept_check(void *ctx, const uint8_t frame[RATCHET_FRAME_BYTES], const struct ratchet_info *info,
                    uint8_t dhi[32], uint8_t th2[HASH_BYTES])
{
    struct accept_context *c = ctx;
    struct block block;
    struct credential credential;
    uint8_t mac[MAC_BYTES];

    zg_err err = read_block(&block, frame);
    if (err != ZG_OK)
        return err;
    err = credential_open(&credential, block.credential, c->trust->issuing_pk, c->knocked_s, c->now_s);
    if (err != ZG_OK)
        return err;
    if (memcmp(credential.desk_id, c->trust->desk_id, DESK_ID_BYTES) != 0)
        return ZG_ERR_FOREIGN;
    transcript2(th2, c->th1, &block, &info->public);
    if (crypto_scalarmult_curve25519(dhi, c->ek_p_sk, credential.dh_pk) != 0)
        return ZG_ERR_FORGED;
    accept_mac(mac, dhi, th2);
    if (sodium_memcmp(mac, block.mac, MAC_BYTES) != 0)
        return ZG_ERR_FORGED;

    c->credential = credential;
    memcpy(c->put.b, block.put, SECRET_BYTES);
    memcpy(c->end.b, block.end, SECRET_BYTES);
    memcpy(c->nonce, block.nonce, NONCE_BYTES);
    memcpy(c->th2, th2, HASH_BYTES);
    return ZG_OK;
}
