/* Key derivation of section 7: steps and chains. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"
#include "proto/labels.h"

_Static_assert(crypto_kem_mlkem768_PUBLICKEYBYTES == RATCHET_EK_BYTES, "ML-KEM-768");
_Static_assert(crypto_kem_mlkem768_SECRETKEYBYTES == RATCHET_DK_BYTES, "ML-KEM-768");
_Static_assert(crypto_kem_mlkem768_CIPHERTEXTBYTES == RATCHET_CT_BYTES, "ML-KEM-768");
_Static_assert(HEADER_BYTES == 2332 && BODY_AT == 2372 && BODY_BYTES == 1724, "layout of section 7");

enum { EK_IN_DK = 1152, KEM_SEED_BYTES = 64, ENC_SEED_BYTES = 32 };

void step_id(uint8_t out[RATCHET_ID_BYTES], const uint8_t dh[RATCHET_DH_BYTES],
             const uint8_t ek[RATCHET_EK_BYTES])
{
    uint8_t hash[32];
    const struct span parts[] = {SPAN_LABEL(LABEL_STEP_ID), {dh, RATCHET_DH_BYTES}, {ek, RATCHET_EK_BYTES}};
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 3);
    memcpy(out, hash, RATCHET_ID_BYTES);
}

const uint8_t *own_step_ek(const struct own_step *s)
{
    return s->dk + EK_IN_DK;
}

const uint8_t *step_th(const struct ratchet *r, enum side direction, uint32_t step)
{
    /* Section 6: the accept's chain keeps TH1. */
    return direction == SIDE_WORKER && step == 1 ? r->th1 : r->th2;
}

/* --- one step --- */

/* Trials with nothing secret in them: what fails here would fail with every answer. */
bool step_keys_usable(const uint8_t dh[RATCHET_DH_BYTES], const uint8_t ek[RATCHET_EK_BYTES])
{
    static const uint8_t seed[ENC_SEED_BYTES];
    static const uint8_t scalar[RATCHET_DH_BYTES] = {1};
    uint8_t ct[RATCHET_CT_BYTES];
    uint8_t shared[32];

    return crypto_scalarmult_curve25519(shared, scalar, dh) == 0 &&
           crypto_kem_mlkem768_enc_deterministic(ct, shared, ek, seed) == 0;
}

struct step_keys {
    uint8_t root[KEY_BYTES];
    uint8_t chain[KEY_BYTES];
    uint8_t nhk[KEY_BYTES];
};

/* X25519 and ML-KEM-768 shared secrets, as they are fed to HKDF. */
struct shared {
    uint8_t dh[32];
    uint8_t kem[32];
};

_Static_assert(sizeof(struct step_keys) == 3 * KEY_BYTES, "root | chain | nhk without a gap");
_Static_assert(sizeof(struct shared) == 64, "DH | ss without a gap");

/* One end of a step: its public keys. */
struct ends {
    const uint8_t *s_dh;
    const uint8_t *s_ek;
    const uint8_t *t_dh;
    const uint8_t *t_ek;
    const uint8_t *ct;
};

static void derive(struct step_keys *out, const uint8_t root[KEY_BYTES], const struct shared *shared,
                   const uint8_t th[HASH_BYTES], const struct ends *e)
{
    uint8_t kh[HASH_BYTES];

    /* KH = SHA512(LP(DH of s) | LP(ek of s) | LP(DH of t) | LP(ek of t) | LP(ct)) */
    const struct span ends[] = {{e->s_dh, RATCHET_DH_BYTES},
                                {e->s_ek, RATCHET_EK_BYTES},
                                {e->t_dh, RATCHET_DH_BYTES},
                                {e->t_ek, RATCHET_EK_BYTES},
                                {e->ct, RATCHET_CT_BYTES}};
    kdf_sha512(kh, ends, 5);

    /* root(s) | chain(s) | nhk(s) = HKDF(root(t), X25519 | ss, LP("step") | LP(TH) | LP(KH), 96) */
    const struct span info[] = {SPAN_LABEL(LABEL_STEP), {th, HASH_BYTES}, SPAN_OF(kh)};
    kdf_hkdf((uint8_t *)out, sizeof(*out), root, KEY_BYTES, (const uint8_t *)shared, sizeof(*shared), info,
             3);
    sodium_memzero(kh, sizeof(kh));
}

/* Fresh key pairs. */
static zg_err new_keys(struct own_step *s, const struct rng *rng)
{
    uint8_t ek[RATCHET_EK_BYTES];
    uint8_t seed[KEM_SEED_BYTES];
    zg_err err = ZG_ERR_CRYPTO;

    rng_fill(rng, s->dh_sk, sizeof(s->dh_sk));
    rng_fill(rng, seed, sizeof(seed));
    if (crypto_scalarmult_curve25519_base(s->dh_pk, s->dh_sk) != 0)
        goto out;
    if (crypto_kem_mlkem768_seed_keypair(ek, s->dk, seed) != 0)
        goto out;
    assert(memcmp(ek, own_step_ek(s), sizeof(ek)) == 0);
    step_id(s->id, s->dh_pk, ek);
    err = ZG_OK;
out:
    sodium_memzero(seed, sizeof(seed));
    return err;
}

/* The newest goes in front; the oldest goes when there is no room. */
static void remember(struct ratchet *r, const struct own_step *s)
{
    size_t keep = r->own_count < RATCHET_OWN_STEPS ? r->own_count : RATCHET_OWN_STEPS - 1;
    memmove(&r->own[1], &r->own[0], keep * sizeof(r->own[0]));
    r->own[0] = *s;
    r->own_count = (uint32_t)keep + 1;
}

zg_err step_make(struct ratchet *r, const struct rng *rng)
{
    struct own_step s;
    struct shared shared;
    struct step_keys keys;
    uint8_t enc_seed[ENC_SEED_BYTES];
    uint8_t ct[RATCHET_CT_BYTES];
    const struct peer_step *t = &r->peer;
    zg_err err = ZG_ERR_CRYPTO;

    assert(r->has_peer);
    if (r->sending.step == UINT32_MAX)
        return ZG_ERR_STATE;
    if (new_keys(&s, rng) != ZG_OK)
        goto out;
    /* ct, ss = ML-KEM.Encaps(ek of t) */
    rng_fill(rng, enc_seed, sizeof(enc_seed));
    if (crypto_kem_mlkem768_enc_deterministic(ct, shared.kem, t->ek, enc_seed) != 0)
        goto out;
    /* X25519(DH of s, DH of t); all zeros aborts */
    if (crypto_scalarmult_curve25519(shared.dh, s.dh_sk, t->dh) != 0)
        goto out;

    const struct ends ends = {s.dh_pk, own_step_ek(&s), t->dh, t->ek, ct};
    derive(&keys, t->root, &shared, step_th(r, r->side, r->sending.step + 1), &ends);

    memcpy(s.root, keys.root, KEY_BYTES);
    memcpy(s.nhk, keys.nhk, KEY_BYTES);
    memcpy(s.reply_hk, t->nhk, KEY_BYTES); /* hk of what answers s: nhk of t, which s answers */
    remember(r, &s);

    struct sending *out = &r->sending;
    out->step++;
    out->pn = out->n;
    out->n = 0;
    memcpy(out->id, s.id, sizeof(out->id));
    memcpy(out->answers, t->chain.id, sizeof(out->answers));
    memcpy(out->public.dh, s.dh_pk, sizeof(out->public.dh));
    memcpy(out->public.ek, own_step_ek(&s), sizeof(out->public.ek));
    memcpy(out->public.ct, ct, sizeof(out->public.ct));
    memcpy(out->hk, t->answer_hk, KEY_BYTES); /* hk(s) = nhk of the step that t answers */
    memcpy(out->chain, keys.chain, KEY_BYTES);
    r->due = false;
    err = ZG_OK;
out:
    sodium_memzero(&s, sizeof(s));
    sodium_memzero(&shared, sizeof(shared));
    sodium_memzero(&keys, sizeof(keys));
    sodium_memzero(enc_seed, sizeof(enc_seed));
    return err;
}

zg_err step_receive(struct peer_step *out, const struct ratchet *r, const struct own_step *t,
                    const struct header *h)
{
    struct shared shared;
    struct step_keys keys;
    const enum side direction = r->side == SIDE_PARTICIPANT ? SIDE_WORKER : SIDE_PARTICIPANT;
    zg_err err = ZG_ERR_CRYPTO;

    /* ss from ct; a wrong ct gives another ss (FIPS 203), and the body does not open */
    if (crypto_kem_mlkem768_dec(shared.kem, h->ct, t->dk) != 0)
        goto out;
    /* X25519(DH of t, DH of s); all zeros aborts */
    if (crypto_scalarmult_curve25519(shared.dh, t->dh_sk, h->dh) != 0)
        goto out;

    const struct ends ends = {h->dh, h->ek, t->dh_pk, own_step_ek(t), h->ct};
    derive(&keys, t->root, &shared, step_th(r, direction, h->step), &ends);

    out->readable = true;
    out->chain.step = h->step;
    out->chain.n = 0;
    memcpy(out->chain.id, h->id, sizeof(out->chain.id));
    memcpy(out->chain.hk, t->reply_hk, KEY_BYTES);
    memcpy(out->chain.key, keys.chain, KEY_BYTES);
    memcpy(out->dh, h->dh, sizeof(out->dh));
    memcpy(out->ek, h->ek, sizeof(out->ek));
    memcpy(out->root, keys.root, KEY_BYTES);
    memcpy(out->nhk, keys.nhk, KEY_BYTES);
    memcpy(out->answer_hk, t->nhk, KEY_BYTES);
    err = ZG_OK;
out:
    sodium_memzero(&shared, sizeof(shared));
    sodium_memzero(&keys, sizeof(keys));
    return err;
}

/* --- chains --- */

/* MK = BLAKE2b-32(chain, LP("message key")) */
static void message_key(uint8_t out[KEY_BYTES], const uint8_t chain[KEY_BYTES])
{
    const struct span label = SPAN_LABEL(LABEL_MESSAGE_KEY);
    kdf_blake2b(out, KEY_BYTES, chain, &label, 1);
}

/* next chain = BLAKE2b-32(chain, LP("next chain")) */
static void next_chain(uint8_t chain[KEY_BYTES])
{
    uint8_t next[KEY_BYTES];
    const struct span label = SPAN_LABEL(LABEL_NEXT_CHAIN);
    kdf_blake2b(next, KEY_BYTES, chain, &label, 1);
    memcpy(chain, next, KEY_BYTES);
    sodium_memzero(next, sizeof(next));
}

void chain_next(uint8_t chain[KEY_BYTES], uint8_t out[KEY_BYTES])
{
    message_key(out, chain);
    next_chain(chain);
}

void chain_skip(struct chain *c, uint32_t n, struct gap *gap)
{
    assert(n >= c->n);
    gap->count = n - c->n < RATCHET_STORED_PER_GAP ? n - c->n : RATCHET_STORED_PER_GAP;
    gap->first = n - gap->count;
    for (; c->n < n; c->n++) {
        if (c->n >= gap->first)
            message_key(gap->keys[c->n - gap->first], c->key);
        next_chain(c->key);
    }
}
