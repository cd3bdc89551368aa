/* Life of a ratchet, sending, and the accept's mix. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"
#include "proto/labels.h"
#include "proto/seal.h"

/* --- life --- */

static zg_err allocate(struct ratchet **out, enum side side, const struct ratchet_start *start)
{
    struct ratchet *r = sodium_malloc(sizeof(*r));
    if (r == NULL)
        return ZG_ERR_MEMORY;
    memset(r, 0, sizeof(*r));
    r->side = side;
    memcpy(r->th1, start->th1, HASH_BYTES);
    *out = r;
    return ZG_OK;
}

void ratchet_free(struct ratchet *r)
{
    if (r == NULL)
        return;
    /* sodium_free wipes only where it has pages of its own. */
    sodium_memzero(r, sizeof(*r));
    sodium_free(r);
}

/* Her step 0 is the knock: root RK0, answered under HK, and her first step goes under NHK0. */
zg_err ratchet_new_participant(struct ratchet **out, const struct ratchet_start *start,
                               const uint8_t dh_sk[32], const uint8_t dh_pk[32],
                               const uint8_t dk[RATCHET_DK_BYTES], const uint8_t ek[RATCHET_EK_BYTES])
{
    struct ratchet *r;
    zg_err err = allocate(&r, SIDE_PARTICIPANT, start);
    if (err != ZG_OK)
        return err;
    struct own_step *s = &r->own[0];
    memcpy(s->dh_sk, dh_sk, sizeof(s->dh_sk));
    memcpy(s->dh_pk, dh_pk, sizeof(s->dh_pk));
    memcpy(s->dk, dk, sizeof(s->dk));
    assert(memcmp(own_step_ek(s), ek, RATCHET_EK_BYTES) == 0);
    step_id(s->id, dh_pk, ek);
    memcpy(s->root, start->root, KEY_BYTES);
    memcpy(s->reply_hk, start->hk, KEY_BYTES);
    memcpy(s->nhk, start->nhk, KEY_BYTES);
    r->own_count = 1;
    memcpy(r->sending.id, s->id, sizeof(s->id));
    *out = r;
    return ZG_OK;
}

zg_err ratchet_new_worker(struct ratchet **out, const struct ratchet_start *start, const uint8_t peer_dh[32],
                          const uint8_t peer_ek[RATCHET_EK_BYTES], struct step_public *step,
                          const struct rng *rng)
{
    struct ratchet *r;
    zg_err err = allocate(&r, SIDE_WORKER, start);
    if (err != ZG_OK)
        return err;
    struct peer_step *p = &r->peer;
    memcpy(p->dh, peer_dh, sizeof(p->dh));
    memcpy(p->ek, peer_ek, sizeof(p->ek));
    step_id(p->chain.id, peer_dh, peer_ek);
    memcpy(p->root, start->root, KEY_BYTES);
    memcpy(p->answer_hk, start->hk, KEY_BYTES);
    memcpy(p->nhk, start->nhk, KEY_BYTES);
    r->has_peer = true;
    err = step_make(r, rng);
    if (err != ZG_OK) {
        ratchet_free(r);
        return err;
    }
    *step = r->sending.public;
    *out = r;
    return ZG_OK;
}

/* --- the accept --- */

/* RK = HKDF(RK, DHI, LP("accept mix") | LP(TH2), 32) */
static void mix(uint8_t root[KEY_BYTES], const uint8_t dhi[32], const uint8_t th2[HASH_BYTES])
{
    uint8_t mixed[KEY_BYTES];
    const struct span info[] = {SPAN_LABEL(LABEL_ACCEPT_MIX), {th2, HASH_BYTES}};
    kdf_hkdf(mixed, sizeof(mixed), root, KEY_BYTES, dhi, 32, info, 2);
    memcpy(root, mixed, KEY_BYTES);
    sodium_memzero(mixed, sizeof(mixed));
}

zg_err ratchet_mix_accept(struct ratchet *r, const uint8_t dhi[32], const uint8_t th2[HASH_BYTES])
{
    if (r->accepted || !r->has_peer)
        return ZG_ERR_STATE;
    /* Section 6: of the worker's step 1 and of her step 0, which one is whose depends on the side. */
    mix(r->own[0].root, dhi, th2);
    mix(r->peer.root, dhi, th2);
    memcpy(r->th2, th2, HASH_BYTES);
    r->accepted = true;
    return ZG_OK;
}

bool ratchet_sends_accept(const struct ratchet *r)
{
    return r->side == SIDE_WORKER && r->sending.step == 1 && !r->due;
}

/* --- sending --- */

void header_ad(uint8_t out[HEADER_AD_BYTES], const struct ratchet *r, enum side direction)
{
    struct writer w;
    writer_init(&w, out, HEADER_AD_BYTES);
    writer_lp(&w, r->th1, HASH_BYTES);
    writer_u8(&w, (uint8_t)direction);
}

void body_ad(uint8_t out[BODY_AD_BYTES], const struct ratchet *r, enum side direction, uint32_t step)
{
    struct writer w;
    writer_init(&w, out, BODY_AD_BYTES);
    writer_lp(&w, step_th(r, direction, step), HASH_BYTES);
    writer_u8(&w, (uint8_t)direction);
    writer_u32(&w, BODY_AT);
}

static void write_header(uint8_t out[HEADER_BYTES], const struct sending *s)
{
    struct writer w;
    writer_init(&w, out, HEADER_BYTES);
    writer_put(&w, s->public.dh, sizeof(s->public.dh));
    writer_put(&w, s->public.ek, sizeof(s->public.ek));
    writer_put(&w, s->public.ct, sizeof(s->public.ct));
    writer_put(&w, s->answers, sizeof(s->answers));
    writer_u32(&w, s->step);
    writer_u32(&w, s->pn);
    writer_u32(&w, s->n);
    assert(!w.bad && w.len == HEADER_BYTES);
}

static void seal_header(uint8_t out[WIRE_ENVELOPE_BYTES], const struct ratchet *r, const struct rng *rng)
{
    uint8_t header[HEADER_BYTES];
    uint8_t ad[HEADER_AD_BYTES];

    write_header(header, &r->sending);
    header_ad(ad, r, r->side);
    rng_fill(rng, out, HEADER_NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEADER_NONCE_BYTES, NULL, header, sizeof(header), ad,
                                               sizeof(ad), NULL, out, r->sending.hk);
    sodium_memzero(header, sizeof(header));
    sodium_memzero(ad, sizeof(ad));
}

zg_err ratchet_encrypt(struct ratchet *r, const uint8_t frame[RATCHET_FRAME_BYTES],
                       uint8_t out[WIRE_ENVELOPE_BYTES], const struct rng *rng)
{
    uint8_t mk[KEY_BYTES];
    uint8_t ad[BODY_AD_BYTES];

    if (!r->accepted)
        return ZG_ERR_STATE;
    if (r->due) {
        zg_err err = step_make(r, rng);
        if (err != ZG_OK)
            return err;
    }
    /* The last number is never used, so that a receiver can count one further. */
    if (r->sending.n == UINT32_MAX)
        return ZG_ERR_STATE;
    seal_header(out, r, rng);
    chain_next(r->sending.chain, mk);
    r->sending.n++;
    body_ad(ad, r, r->side, r->sending.step);
    const struct span ads[] = {SPAN_OF(ad), {out, BODY_AT}};
    seal(out + BODY_AT, mk, ads, 2, frame, RATCHET_FRAME_BYTES, rng);
    sodium_memzero(mk, sizeof(mk));
    sodium_memzero(ad, sizeof(ad));
    return ZG_OK;
}
