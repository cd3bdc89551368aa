/*
 * Receiving; docs/protocol.md section 7.
 *
 *     open the header -> find its place -> derive the message key -> open the body -> (check the accept) ->
 * commit
 *
 * Everything before the commit works in `struct arrival` and leaves the ratchet alone. Whatever fails, the
 * arrival is wiped and the state is as before.
 */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"
#include "proto/seal.h"

/* Where a message belongs. */
enum place {
    PLACE_STORED,    /* its key was stored when it was skipped */
    PLACE_CURRENT,   /* in the chain of the other side's current step */
    PLACE_ASIDE,     /* in the chain that was set aside */
    PLACE_ADOPT,     /* first of a step that becomes the current one */
    PLACE_SET_ASIDE, /* first of a step that crossed an own one: read but not answered */
};

struct arrival {
    uint8_t plain[HEADER_BYTES];
    struct header header;
    enum place place;
    int stored;            /* PLACE_STORED: index of its key */
    uint32_t own;          /* a new step: index of the own step that it answers */
    struct peer_step step; /* a new step */
    struct chain chain;    /* the chain it belongs to, gone on to behind it */
    struct gap gap;        /* what was passed over in that chain */
    uint8_t key[KEY_BYTES];
    uint8_t frame[RATCHET_FRAME_BYTES];
};

static enum side other_side(const struct ratchet *r)
{
    return r->side == SIDE_PARTICIPANT ? SIDE_WORKER : SIDE_PARTICIPANT;
}

/* --- the header --- */

enum { HEADER_KEYS_MAX = 2 + RATCHET_OWN_STEPS + RATCHET_STORED_GROUPS };

struct header_keys {
    const uint8_t *key[HEADER_KEYS_MAX];
    size_t count;
};

static void try_also(struct header_keys *k, const uint8_t *key)
{
    for (size_t i = 0; i < k->count; i++)
        if (sodium_memcmp(k->key[i], key, KEY_BYTES) == 0)
            return;
    k->key[k->count++] = key;
}

/* Every key that a header may have. What is likely comes first; what it means is decided by what the header
 * says. */
static void list_header_keys(struct header_keys *k, const struct ratchet *r)
{
    k->count = 0;
    if (r->has_peer && r->peer.readable)
        try_also(k, r->peer.chain.hk);
    for (uint32_t i = 0; i < r->own_count; i++)
        try_also(k, r->own[i].reply_hk);
    if (r->has_aside)
        try_also(k, r->aside.hk);
    for (uint32_t i = 0; i < r->stored.groups_count; i++)
        try_also(k, r->stored.groups[i].hk);
}

static void read_header(struct header *h, const uint8_t plain[HEADER_BYTES])
{
    struct reader in;
    reader_init(&in, plain, HEADER_BYTES);
    h->dh = reader_take(&in, RATCHET_DH_BYTES);
    h->ek = reader_take(&in, RATCHET_EK_BYTES);
    h->ct = reader_take(&in, RATCHET_CT_BYTES);
    h->answers = reader_take(&in, RATCHET_ID_BYTES);
    h->step = reader_u32(&in);
    h->pn = reader_u32(&in);
    h->n = reader_u32(&in);
    assert(reader_done(&in));
    step_id(h->id, h->dh, h->ek);
}

static zg_err open_header(struct arrival *a, const struct ratchet *r, const uint8_t *envelope)
{
    uint8_t ad[HEADER_AD_BYTES];
    struct header_keys keys;

    header_ad(ad, r, other_side(r));
    list_header_keys(&keys, r);
    for (size_t i = 0; i < keys.count; i++) {
        if (crypto_aead_xchacha20poly1305_ietf_decrypt(a->plain, NULL, NULL, envelope + HEADER_NONCE_BYTES,
                                                       HEADER_SEALED_BYTES, ad, sizeof(ad), envelope,
                                                       keys.key[i]) != 0)
            continue;
        read_header(&a->header, a->plain);
        return ZG_OK;
    }
    return ZG_ERR_NOT_FOUND;
}

/* --- its place --- */

/* Rule 4: what a step that was not seen before may be. */
static zg_err place_new_step(struct arrival *a, const struct ratchet *r)
{
    const struct header *h = &a->header;

    /* Numbers only rise, or a relay that held an old sibling back could take the receiver back to it. */
    if ((r->has_peer && h->step <= r->peer.chain.step) || (r->has_aside && h->step <= r->aside.step))
        return ZG_ERR_NOT_FOUND;
    /* Section 6: before the accept there is nothing but the worker's step 1. */
    if (!r->accepted && h->step != 1)
        return ZG_ERR_NOT_FOUND;
    for (a->own = 0; a->own < r->own_count; a->own++)
        if (memcmp(h->answers, r->own[a->own].id, RATCHET_ID_BYTES) == 0)
            break;
    if (a->own == r->own_count)
        return ZG_ERR_NOT_FOUND;
    /* An own newer step was not answered: they crossed. At her side the worker's step wins, at the worker's
     * the own. */
    a->place = a->own == 0 || r->side == SIDE_PARTICIPANT ? PLACE_ADOPT : PLACE_SET_ASIDE;
    return ZG_OK;
}

static bool in_chain(const struct chain *c, const struct header *h)
{
    return memcmp(c->id, h->id, RATCHET_ID_BYTES) == 0;
}

static zg_err find_place(struct arrival *a, const struct ratchet *r)
{
    const struct header *h = &a->header;

    a->stored = stored_find(&r->stored, h->id, h->n);
    if (a->stored >= 0) {
        a->place = PLACE_STORED;
        return ZG_OK;
    }
    if (r->has_peer && in_chain(&r->peer.chain, h)) {
        a->place = PLACE_CURRENT;
        return r->peer.readable && h->step == r->peer.chain.step ? ZG_OK : ZG_ERR_NOT_FOUND;
    }
    if (r->has_aside && in_chain(&r->aside, h)) {
        a->place = PLACE_ASIDE;
        return h->step == r->aside.step ? ZG_OK : ZG_ERR_NOT_FOUND;
    }
    return place_new_step(a, r);
}

/* --- its key --- */

/* Rule 5: forward to N. */
static zg_err advance(struct arrival *a)
{
    uint32_t n = a->header.n;
    if (n < a->chain.n)
        return ZG_ERR_NOT_FOUND; /* a duplicate, or its key is gone */
    if (n - a->chain.n > RATCHET_SKIP_MAX || n == UINT32_MAX)
        return ZG_ERR_TOO_LARGE;
    chain_skip(&a->chain, n, &a->gap);
    chain_next(a->chain.key, a->key);
    a->chain.n++;
    return ZG_OK;
}

static zg_err derive_key(struct arrival *a, const struct ratchet *r)
{
    zg_err err;

    switch (a->place) {
    case PLACE_STORED:
        memcpy(a->key, r->stored.keys[a->stored].key, KEY_BYTES);
        return ZG_OK;
    case PLACE_CURRENT:
        a->chain = r->peer.chain;
        return advance(a);
    case PLACE_ASIDE:
        a->chain = r->aside;
        return advance(a);
    case PLACE_ADOPT:
    case PLACE_SET_ASIDE:
        if (!step_keys_usable(a->header.dh, a->header.ek))
            return ZG_ERR_CRYPTO;
        err = step_receive(&a->step, r, &r->own[a->own], &a->header);
        if (err != ZG_OK)
            return err;
        a->chain = a->step.chain;
        return advance(a);
    }
    return ZG_ERR_STATE;
}

static zg_err open_body(struct arrival *a, const struct ratchet *r, const uint8_t *envelope)
{
    uint8_t ad[BODY_AD_BYTES];
    body_ad(ad, r, other_side(r), a->header.step);
    const struct span ads[] = {SPAN_OF(ad), {envelope, BODY_AT}};
    return seal_open(a->frame, a->key, ads, 2, envelope + BODY_AT, BODY_BYTES);
}

static void describe(struct ratchet_info *info, const struct arrival *a, const struct ratchet *r)
{
    const struct header *h = &a->header;
    info->step = h->step;
    info->n = h->n;
    info->accept = r->side == SIDE_PARTICIPANT && h->step == 1;
    info->new_step = a->place == PLACE_ADOPT;
    info->answers_newest = memcmp(h->answers, r->sending.id, RATCHET_ID_BYTES) == 0;
    memcpy(info->public.dh, h->dh, sizeof(info->public.dh));
    memcpy(info->public.ek, h->ek, sizeof(info->public.ek));
    memcpy(info->public.ct, h->ct, sizeof(info->public.ct));
}

/* --- commit: nothing below can fail --- */

/*
 * The length of the step before is known now: keys of what is still missing of it are stored. PN speaks of
 * the step numbered one less; if that was never seen, or the gap is absurd, there is nothing to store, and no
 * reason to refuse what came.
 */
static void close_former(struct ratchet *r, const struct arrival *a, uint64_t now_s)
{
    struct chain *former = NULL;
    struct gap gap;
    uint32_t step = a->header.step - 1;
    uint32_t pn = a->header.pn;

    if (r->has_aside && r->aside.step == step)
        former = &r->aside;
    else if (r->has_peer && r->peer.readable && r->peer.chain.step == step)
        former = &r->peer.chain;
    if (former == NULL || pn <= former->n || pn - former->n > RATCHET_SKIP_MAX)
        return;
    chain_skip(former, pn, &gap);
    stored_add(&r->stored, former, &gap, now_s);
    sodium_memzero(&gap, sizeof(gap));
}

/* Own steps [from, to) will not be answered any more. */
static void forget_own(struct ratchet *r, uint32_t from, uint32_t to)
{
    memmove(&r->own[from], &r->own[to], (r->own_count - to) * sizeof(r->own[0]));
    r->own_count -= to - from;
    sodium_memzero(&r->own[r->own_count], (to - from) * sizeof(r->own[0]));
}

static void commit_new_step(struct ratchet *r, const struct arrival *a, uint64_t now_s)
{
    stored_age(&r->stored, a->header.step);
    close_former(r, a, now_s);
    /* The other side has seen the step that it answers: it answers no older one from now on. */
    forget_own(r, a->own + 1, r->own_count);
    if (a->place == PLACE_SET_ASIDE) {
        r->aside = a->chain;
        r->has_aside = true;
        return;
    }
    /* Own steps that crossed with the adopted one are void: the next own message makes a new one. */
    forget_own(r, 0, a->own);
    r->peer = a->step;
    r->peer.chain = a->chain;
    r->has_peer = true;
    sodium_memzero(&r->aside, sizeof(r->aside));
    r->has_aside = false;
    r->due = true;
}

static void commit(struct ratchet *r, const struct arrival *a, uint64_t now_s)
{
    switch (a->place) {
    case PLACE_STORED:
        stored_remove(&r->stored, (uint32_t)a->stored);
        return;
    case PLACE_CURRENT:
        r->peer.chain = a->chain;
        break;
    case PLACE_ASIDE:
        r->aside = a->chain;
        break;
    case PLACE_ADOPT:
    case PLACE_SET_ASIDE:
        commit_new_step(r, a, now_s);
        break;
    }
    stored_add(&r->stored, &a->chain, &a->gap, now_s);
}

zg_err ratchet_decrypt(struct ratchet *r, const uint8_t envelope[WIRE_ENVELOPE_BYTES], uint64_t now_s,
                       ratchet_accept_check check, void *ctx, uint8_t frame[RATCHET_FRAME_BYTES],
                       struct ratchet_info *info)
{
    struct arrival a;
    struct ratchet_info about;
    uint8_t dhi[32];
    uint8_t th2[HASH_BYTES];
    const bool accepts = !r->accepted;
    zg_err err = ZG_ERR_STATE;

    /* The worker mixes before it can receive; she cannot accept without a check. */
    if (accepts && (r->side == SIDE_WORKER || check == NULL))
        return ZG_ERR_STATE;
    err = open_header(&a, r, envelope);
    if (err == ZG_OK)
        err = find_place(&a, r);
    if (err == ZG_OK)
        err = derive_key(&a, r);
    if (err == ZG_OK)
        err = open_body(&a, r, envelope);
    if (err != ZG_OK)
        goto out;
    describe(&about, &a, r);
    if (accepts) {
        err = check(ctx, a.frame, &about, dhi, th2);
        if (err != ZG_OK)
            goto out;
    }
    commit(r, &a, now_s);
    if (accepts) {
        err = ratchet_mix_accept(r, dhi, th2);
        assert(err == ZG_OK);
    }
    memcpy(frame, a.frame, RATCHET_FRAME_BYTES);
    if (info != NULL)
        *info = about;
out:
    sodium_memzero(&a, sizeof(a));
    sodium_memzero(dhi, sizeof(dhi));
    sodium_memzero(th2, sizeof(th2));
    return err;
}

void ratchet_expire(struct ratchet *r, uint64_t now_s)
{
    stored_expire(&r->stored, now_s);
}
