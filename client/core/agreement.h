/*
 * Knock and accept; docs/protocol.md section 6. Pure: make on one side, consume on the other.
 */
#ifndef CLIENT_AGREEMENT_H
#define CLIENT_AGREEMENT_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "client/core/bundle.h"
#include "client/core/organisation.h"
#include "client/core/ratchet.h"
#include "proto/secret.h"
#include "proto/wire.h"

enum {
    KNOCK_FRAME_BYTES = 2899,
    KNOCK_CONTENT_MAX = KNOCK_FRAME_BYTES - (32 + RATCHET_EK_BYTES + 3 * 32 + 2),
    ACCEPT_BLOCK_MAX = 4 + CREDENTIAL_BYTES_MAX + 4 * 32,
    KNOCK_ID_BYTES = 16, /* first bytes of TH1: recognises a knock that comes again */
    NONCE_BYTES = 32,
};

/* --- her side --- */

struct knock_input {
    const struct bundle *bundle;
    uint64_t now_s;
    struct secret put; /* of her queue */
    struct secret end;
    struct span content; /* at most KNOCK_CONTENT_MAX */
};

struct knock_output {
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
    struct ratchet *ratchet; /* the caller frees */
    uint8_t th1[HASH_BYTES];
    uint8_t ek_p_pk[32]; /* EK_P, and its secret half for the accept's DHI */
    uint8_t ek_p_sk[32];
    uint8_t nonce[NONCE_BYTES]; /* n_P */
};

/* ZG_ERR_EXPIRED (no valid intake key), ZG_ERR_TOO_LARGE (content), ZG_ERR_CRYPTO, ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err knock_make(struct knock_output *out, const struct knock_input *in, const struct rng *rng);
void knock_output_clear(struct knock_output *out); /* wipes; frees the ratchet unless it was taken (set to NULL) */

/* --- the worker's side --- */

/* Private half of one epoch, kept until 30 days after its validity. Secret. */
struct intake_epoch {
    uint32_t epoch;
    uint8_t key_part_hash[HASH_BYTES];
    uint8_t intake_sk[XWING_SK_BYTES];
    uint8_t last_resort_sk[XWING_SK_BYTES];
};

struct knock_opened {
    uint8_t th1[HASH_BYTES];
    struct ratchet_start start;
    uint8_t dh[32]; /* EK_P */
    uint8_t ek[RATCHET_EK_BYTES];
    struct secret put;
    struct secret end;
    uint8_t commitment[32];
    uint8_t content[KNOCK_CONTENT_MAX];
    size_t content_len;
};

/* The epoch an envelope was made for, so that the caller can find its keys. Never fails. */
uint32_t knock_epoch(const uint8_t envelope[WIRE_ENVELOPE_BYTES]);

/* ZG_ERR_FORGED, ZG_ERR_MALFORMED, ZG_ERR_CRYPTO. Secret output: knock_opened_clear. */
ZG_MUST_CHECK zg_err knock_open(struct knock_opened *out, const uint8_t envelope[WIRE_ENVELOPE_BYTES],
                                const struct trust *trust, const struct intake_epoch *keys);
void knock_opened_clear(struct knock_opened *k);

struct accept_input {
    const struct knock_opened *knock;
    struct span credential;  /* encoded */
    const uint8_t *dh_sk;    /* secret half of IK_W, 32 bytes */
    struct secret put;       /* of the worker's queue */
    struct secret end;
};

struct accept_output {
    struct ratchet *ratchet; /* step 1 made, mix done; the caller frees */
    uint8_t th2[HASH_BYTES];
    uint8_t nonce[NONCE_BYTES]; /* n_W */
    uint8_t block[ACCEPT_BLOCK_MAX]; /* goes into every frame while ratchet_sends_accept */
    size_t block_len;
};

ZG_MUST_CHECK zg_err accept_make(struct accept_output *out, const struct accept_input *in, const struct rng *rng);
void accept_output_clear(struct accept_output *out);

/* --- her side again --- */

struct accept_context {
    const struct trust *trust;
    uint64_t knocked_s; /* at most now_s */
    uint64_t now_s;
    const uint8_t *th1;
    const uint8_t *ek_p_sk;
    /* filled by accept_check: */
    struct credential credential;
    struct secret put; /* of the worker's queue */
    struct secret end;
    uint8_t nonce[NONCE_BYTES]; /* n_W */
    uint8_t th2[HASH_BYTES];
};

/* A ratchet_accept_check; ctx is a struct accept_context. ZG_ERR_FORGED, ZG_ERR_FOREIGN, ZG_ERR_EXPIRED, ZG_ERR_MALFORMED. */
zg_err accept_check(void *ctx, const uint8_t frame[RATCHET_FRAME_BYTES], const struct ratchet_info *info,
                    uint8_t dhi[32], uint8_t th2[HASH_BYTES]);

#endif
