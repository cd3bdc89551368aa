/*
 * The ratchet; docs/protocol.md section 7. Pure: no clock, no output, randomness handed in.
 *
 * Decrypting works on a copy and commits only after the body opened: after any error the state is byte for byte as before.
 */
#ifndef CLIENT_RATCHET_H
#define CLIENT_RATCHET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/bytes.h"
#include "proto/kdf.h"
#include "proto/rng.h"
#include "proto/wire.h"

enum {
    RATCHET_DH_BYTES = 32,
    RATCHET_EK_BYTES = 1184,
    RATCHET_DK_BYTES = 2400,
    RATCHET_CT_BYTES = 1088,
    RATCHET_ID_BYTES = 16,
    RATCHET_FRAME_BYTES = 1652,
    RATCHET_SKIP_MAX = 65536,
    RATCHET_STORED_PER_GAP = 128,
    RATCHET_STORED_MAX = 256,
    RATCHET_STORED_STEPS = 5,
};

enum side { SIDE_PARTICIPANT = 1, SIDE_WORKER = 2 };

/* The public values of a step, as headers carry them. */
struct step_public {
    uint8_t dh[RATCHET_DH_BYTES];
    uint8_t ek[RATCHET_EK_BYTES];
    uint8_t ct[RATCHET_CT_BYTES]; /* to the ek of the step it answers; zeros for her step 0 */
};

/*
 * Whether a step with these public keys can be answered at all: X25519 with dh is not all zeros, and ek passes the
 * check of FIPS 203. A step or a knock that cannot is refused when it comes, or nothing could ever be sent again.
 */
bool step_keys_usable(const uint8_t dh[RATCHET_DH_BYTES], const uint8_t ek[RATCHET_EK_BYTES]);

/* Opaque, secret, in sodium_malloc'd memory. */
struct ratchet;

/* What agreement hands over: the outcome of steps 1 to 3 of section 6. */
struct ratchet_start {
    uint8_t th1[HASH_BYTES];
    uint8_t root[KEY_BYTES];
    uint8_t hk[KEY_BYTES];  /* the worker's first sending header key */
    uint8_t nhk[KEY_BYTES]; /* her first sending header key */
};

/* Her side: owns the key pairs of her step 0. dk is the ML-KEM-768 secret key. Copies its inputs. */
ZG_MUST_CHECK zg_err ratchet_new_participant(struct ratchet **out, const struct ratchet_start *start,
                                             const uint8_t dh_sk[32], const uint8_t dh_pk[32],
                                             const uint8_t dk[RATCHET_DK_BYTES], const uint8_t ek[RATCHET_EK_BYTES]);

/* The worker's side: knows her step 0; makes its own step 1 at once, whose public values go to *step. */
ZG_MUST_CHECK zg_err ratchet_new_worker(struct ratchet **out, const struct ratchet_start *start,
                                        const uint8_t peer_dh[32], const uint8_t peer_ek[RATCHET_EK_BYTES],
                                        struct step_public *step, const struct rng *rng);

void ratchet_free(struct ratchet *r);

/*
 * The accept's mix (section 6): RK of the worker's step 1 is replaced, TH becomes TH2. On the worker's side right after
 * ratchet_new_worker; on hers inside ratchet_decrypt's check. ZG_ERR_STATE if it was done.
 */
ZG_MUST_CHECK zg_err ratchet_mix_accept(struct ratchet *r, const uint8_t dhi[32], const uint8_t th2[HASH_BYTES]);

/* Whether frames that are sent now belong to the worker's step 1 and must hold the accept block. */
bool ratchet_sends_accept(const struct ratchet *r);

/*
 * Encrypts one frame; makes a step first when one is due. out: WIRE_ENVELOPE_BYTES. ZG_ERR_STATE before the accept's
 * mix, and when the numbers of a chain or of steps are used up; ZG_ERR_CRYPTO if the other side's key is of no use.
 */
ZG_MUST_CHECK zg_err ratchet_encrypt(struct ratchet *r, const uint8_t frame[RATCHET_FRAME_BYTES],
                                     uint8_t out[WIRE_ENVELOPE_BYTES], const struct rng *rng);

/* About a message that opened. */
struct ratchet_info {
    uint32_t step;
    uint32_t n;
    bool accept;           /* of the worker's step 1 */
    bool new_step;         /* the first of its step, which was adopted (not set aside) */
    bool answers_newest;   /* its step answers the own newest step: the other side has read what that step sent first */
    struct step_public public; /* of its step */
};

/*
 * Called with the opened frame of an envelope of the worker's step 1 while her side has not accepted yet, before anything is
 * committed. It checks the accept block and fills dhi and th2 for the mix; any error refuses the message and leaves the
 * state as before.
 */
typedef zg_err (*ratchet_accept_check)(void *ctx, const uint8_t frame[RATCHET_FRAME_BYTES],
                                       const struct ratchet_info *info, uint8_t dhi[32], uint8_t th2[HASH_BYTES]);

/*
 * frame gets the plaintext; info may be NULL. check may be NULL on the worker's side. ZG_ERR_NOT_FOUND: no header key
 * opens it, a duplicate, or a step that answers nothing known (drop and acknowledge); ZG_ERR_FORGED: a header opened but the
 * body did not; ZG_ERR_TOO_LARGE: a gap above RATCHET_SKIP_MAX; ZG_ERR_CRYPTO: a step with a key of no use; ZG_ERR_STATE: no
 * check at her side before the accept, or no mix yet at the worker's; or what check returned. now_s is only written beside stored keys
 * for ratchet_expire.
 */
ZG_MUST_CHECK zg_err ratchet_decrypt(struct ratchet *r, const uint8_t envelope[WIRE_ENVELOPE_BYTES], uint64_t now_s,
                                     ratchet_accept_check check, void *ctx, uint8_t frame[RATCHET_FRAME_BYTES],
                                     struct ratchet_info *info);

/* Drops stored keys older than 30 days at now_s. */
void ratchet_expire(struct ratchet *r, uint64_t now_s);

/* Exact size of ratchet_save's output; at most RATCHET_SAVED_MAX. */
enum { RATCHET_SAVED_MAX = 40 * 1024 };
size_t ratchet_saved_bytes(const struct ratchet *r);
/* Writes the state, secret, in a versioned fixed layout, so that equal states save to equal bytes. */
void ratchet_save(const struct ratchet *r, struct writer *w);
/* ZG_ERR_MALFORMED, ZG_ERR_VERSION, ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err ratchet_load(struct ratchet **out, struct span saved);

#endif
