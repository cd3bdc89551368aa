/*
 * What the files of the ratchet share; docs/protocol.md section 7. Only they and the ratchet's tests include it.
 *
 * The words are those of the specification: a step is a key pair of one side, made against a step of the other side
 * that it answers, with the chain of message keys that comes from it.
 *
 *     ratchet.c          life, sending, the accept's mix
 *     ratchet_step.c     key derivation: steps and chains
 *     ratchet_receive.c  receiving
 *     ratchet_stored.c   keys of messages that did not come yet
 *     ratchet_save.c     the state as bytes
 */
#ifndef CLIENT_RATCHET_STATE_H
#define CLIENT_RATCHET_STATE_H

#include "client/core/ratchet.h"

enum {
    RATCHET_OWN_STEPS = 4,
    RATCHET_STORED_GROUPS = RATCHET_STORED_STEPS + 1,

    HEADER_NONCE_BYTES = 24,
    HEADER_BYTES = RATCHET_DH_BYTES + RATCHET_EK_BYTES + RATCHET_CT_BYTES + RATCHET_ID_BYTES + 12,
    HEADER_SEALED_BYTES = HEADER_BYTES + WIRE_TAG_BYTES,
    BODY_AT = HEADER_NONCE_BYTES + HEADER_SEALED_BYTES,
    BODY_BYTES = WIRE_ENVELOPE_BYTES - BODY_AT,
};

#define RATCHET_STORED_SECONDS (30 * UINT64_C(86400))

/* An own step that the other side may still answer: what is needed to read that answer. */
struct own_step {
    uint8_t id[RATCHET_ID_BYTES];
    uint8_t dh_sk[RATCHET_DH_BYTES];
    uint8_t dh_pk[RATCHET_DH_BYTES];
    uint8_t dk[RATCHET_DK_BYTES]; /* holds its ek: own_step_ek */
    uint8_t root[KEY_BYTES];
    uint8_t nhk[KEY_BYTES];      /* header key of the own step that answers such an answer */
    uint8_t reply_hk[KEY_BYTES]; /* header key of the other side's steps that answer this one */
};

/* The own newest step, from which is sent. */
struct sending {
    uint32_t step;
    uint32_t n;  /* of the next message */
    uint32_t pn; /* length of the chain before */
    uint8_t id[RATCHET_ID_BYTES];
    uint8_t answers[RATCHET_ID_BYTES];
    struct step_public public;
    uint8_t hk[KEY_BYTES];
    uint8_t chain[KEY_BYTES];
};

/* A chain of the other side, as far as it was read. */
struct chain {
    uint32_t step;
    uint32_t n; /* the next message expected */
    uint8_t id[RATCHET_ID_BYTES];
    uint8_t hk[KEY_BYTES];
    uint8_t key[KEY_BYTES];
};

/* The other side's current step: the one that the next own step answers. */
struct peer_step {
    bool readable; /* false: her step 0, the knock, has no chain */
    struct chain chain;
    uint8_t dh[RATCHET_DH_BYTES];
    uint8_t ek[RATCHET_EK_BYTES];
    uint8_t root[KEY_BYTES];
    uint8_t nhk[KEY_BYTES];
    uint8_t answer_hk[KEY_BYTES]; /* header key of own steps that answer it */
};

struct stored_key {
    uint64_t since_s;
    uint32_t step;
    uint32_t n;
    uint8_t key[KEY_BYTES];
};

struct stored_group {
    uint32_t step;
    uint8_t id[RATCHET_ID_BYTES];
    uint8_t hk[KEY_BYTES];
};

/* Keys of messages that were skipped, the oldest first. Every key's step has its group, and every group a key. */
struct stored {
    uint32_t groups_count;
    uint32_t count;
    struct stored_group groups[RATCHET_STORED_GROUPS];
    struct stored_key keys[RATCHET_STORED_MAX];
};

struct ratchet {
    enum side side;
    bool accepted; /* the accept's mix was done */
    bool due;      /* the current step of the other side has no answer yet: the next message makes one */
    bool has_peer; /* false: her side before the accept */
    bool has_aside;
    uint8_t th1[HASH_BYTES];
    uint8_t th2[HASH_BYTES];
    struct sending sending;
    uint32_t own_count;
    struct own_step own[RATCHET_OWN_STEPS]; /* the newest first */
    struct peer_step peer;
    struct chain aside; /* of a step that crossed an own one: read, never answered */
    struct stored stored;
};

/* --- ratchet_step.c --- */

/* The newest keys of a gap, to be stored. Secret. */
struct gap {
    uint32_t first; /* number of keys[0] */
    uint32_t count;
    uint8_t keys[RATCHET_STORED_PER_GAP][KEY_BYTES];
};

/* A header as it was opened; pointers into its plaintext. */
struct header {
    const uint8_t *dh;
    const uint8_t *ek;
    const uint8_t *ct;
    const uint8_t *answers;
    uint32_t step;
    uint32_t pn;
    uint32_t n;
    uint8_t id[RATCHET_ID_BYTES]; /* of the step it belongs to */
};

void step_id(uint8_t out[RATCHET_ID_BYTES], const uint8_t dh[RATCHET_DH_BYTES], const uint8_t ek[RATCHET_EK_BYTES]);
/* FIPS 203 keeps the encapsulation key within the decapsulation key. */
const uint8_t *own_step_ek(const struct own_step *s);
/* TH of a step and of the bodies in its chain; direction is the side that sends. */
const uint8_t *step_th(const struct ratchet *r, enum side direction, uint32_t step);
/* Makes the own step that answers the other side's current one. ZG_ERR_STATE: no numbers left; ZG_ERR_CRYPTO. */
ZG_MUST_CHECK zg_err step_make(struct ratchet *r, const struct rng *rng);
/* The other side's step of h, which answers t. ZG_ERR_CRYPTO. */
ZG_MUST_CHECK zg_err step_receive(struct peer_step *out, const struct ratchet *r, const struct own_step *t,
                                  const struct header *h);
/* The message key at the head of a chain; the chain goes on. */
void chain_next(uint8_t chain[KEY_BYTES], uint8_t message_key[KEY_BYTES]);
/* Goes on to message n (not behind c->n) and keeps the newest keys of those passed over. */
void chain_skip(struct chain *c, uint32_t n, struct gap *gap);

/* --- ratchet_stored.c --- */

/* Index of a key, or -1. */
int stored_find(const struct stored *s, const uint8_t id[RATCHET_ID_BYTES], uint32_t n);
void stored_remove(struct stored *s, uint32_t index);
void stored_add(struct stored *s, const struct chain *c, const struct gap *gap, uint64_t now_s);
/* Drops what lies five steps and more behind `newest`. */
void stored_age(struct stored *s, uint32_t newest);
void stored_expire(struct stored *s, uint64_t now_s);

/* --- envelopes --- */

/* LP(TH1) | direction */
enum { HEADER_AD_BYTES = 4 + HASH_BYTES + 1 };
void header_ad(uint8_t out[HEADER_AD_BYTES], const struct ratchet *r, enum side direction);
/* LP(TH) | direction | the length that stands before header nonce and header ciphertext */
enum { BODY_AD_BYTES = 4 + HASH_BYTES + 1 + 4 };
void body_ad(uint8_t out[BODY_AD_BYTES], const struct ratchet *r, enum side direction, uint32_t step);

#endif
