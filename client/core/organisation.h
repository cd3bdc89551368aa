/*
 * The chain of keys: root key -> issuing key -> desk certificate, credential; docs/protocol.md section 5.
 *
 * Pure functions over fixed layouts. Objects travel as the exact bytes that were signed; here they stay encoded and
 * are parsed after the signature was checked.
 */
#ifndef CLIENT_ORGANISATION_H
#define CLIENT_ORGANISATION_H

#include <stdint.h>

#include <zaguan/err.h>

#include "proto/bytes.h"
#include "proto/kdf.h"
#include "proto/rng.h"

enum {
    SIGN_SEED_BYTES = 32,
    SIGN_PK_BYTES = 32,
    SIGNATURE_BYTES = 64,
    DESK_ID_BYTES = 16,
    ALIAS_BYTES_MAX = 32,
    ISSUING_CERTIFICATE_BYTES = 2 + 32 + 16 + 64,
    DESK_CERTIFICATE_BYTES = 2 + 16 + 4 + 32 + 16 + 64,
    CREDENTIAL_BYTES_MAX = 3 + 4 + ALIAS_BYTES_MAX + 16 + 8 + 32 + 32 + 16 + 64,
};

#define DAY_S UINT64_C(86400)
#define ISSUING_VALIDITY_S (396 * DAY_S)
#define DESK_VALIDITY_S (396 * DAY_S)
#define CREDENTIAL_VALIDITY_S (30 * DAY_S)

enum credential_role { CREDENTIAL_WORKER = 1, CREDENTIAL_PEER_WORKER = 2 };

/* [from, until) in seconds since 1970 UTC. */
struct validity {
    uint64_t from;
    uint64_t until;
};

/* from = one day before now, until = now + seconds. */
struct validity validity_from(uint64_t now_s, uint64_t seconds);
/* ZG_ERR_EXPIRED outside. */
ZG_MUST_CHECK zg_err validity_check(const struct validity *v, uint64_t now_s);
void validity_write(struct writer *w, const struct validity *v);
struct validity validity_read(struct reader *r);

/* An Ed25519 key pair. Secret; key_pair_clear on every exit. */
struct sign_key {
    uint8_t seed[SIGN_SEED_BYTES];
    uint8_t pk[SIGN_PK_BYTES];
};

void sign_key_new(struct sign_key *k, const struct rng *rng);
void sign_key_from_seed(struct sign_key *k, const uint8_t seed[SIGN_SEED_BYTES]);
void sign_key_clear(struct sign_key *k);

/* Signature over LP(label) | LP(message). */
void sign_message(uint8_t out[SIGNATURE_BYTES], const struct sign_key *k, struct span label, struct span message);
/* ZG_ERR_FORGED if it is not by pk. */
ZG_MUST_CHECK zg_err sign_verify(const uint8_t signature[SIGNATURE_BYTES], const uint8_t pk[SIGN_PK_BYTES],
                                 struct span label, struct span message);

/* The hash of R that stands in a card. */
void organisation_hash(uint8_t out[32], const uint8_t root_pk[SIGN_PK_BYTES]);

struct issuing_certificate {
    uint8_t issuing_pk[SIGN_PK_BYTES];
    struct validity validity;
};

struct desk_certificate {
    uint8_t desk_id[DESK_ID_BYTES];
    uint32_t generation;
    uint8_t publishing_pk[SIGN_PK_BYTES];
    struct validity validity;
};

struct credential {
    enum credential_role role;
    char alias[ALIAS_BYTES_MAX + 1]; /* UTF-8; no controls, nothing that turns the writing direction */
    uint8_t desk_id[DESK_ID_BYTES];
    uint64_t serial;
    uint8_t sign_pk[SIGN_PK_BYTES];
    uint8_t dh_pk[32]; /* IK_W */
    struct validity validity;
};

void issuing_certificate_make(uint8_t out[ISSUING_CERTIFICATE_BYTES], const struct issuing_certificate *c,
                              const struct sign_key *root);
ZG_MUST_CHECK zg_err issuing_certificate_open(struct issuing_certificate *out, struct span encoded,
                                              const uint8_t root_pk[SIGN_PK_BYTES], uint64_t now_s);

void desk_certificate_make(uint8_t out[DESK_CERTIFICATE_BYTES], const struct desk_certificate *c,
                           const struct sign_key *issuing);
ZG_MUST_CHECK zg_err desk_certificate_open(struct desk_certificate *out, struct span encoded,
                                           const uint8_t issuing_pk[SIGN_PK_BYTES], uint64_t now_s);

/* ZG_ERR_ARGUMENT for an alias that is empty, too long, or not plain UTF-8. *len is set to what was written. */
ZG_MUST_CHECK zg_err credential_make(uint8_t out[CREDENTIAL_BYTES_MAX], size_t *len, const struct credential *c,
                                     const struct sign_key *issuing);
/* Valid at some moment from since_s to now_s (section 6: from her knock to now). */
ZG_MUST_CHECK zg_err credential_open(struct credential *out, struct span encoded,
                                     const uint8_t issuing_pk[SIGN_PK_BYTES], uint64_t since_s, uint64_t now_s);

/*
 * What everybody in a conversation holds the other side's objects against, taken from a bundle that was checked.
 */
struct trust {
    uint8_t root_pk[SIGN_PK_BYTES];
    uint8_t issuing_pk[SIGN_PK_BYTES];
    uint8_t desk_id[DESK_ID_BYTES];
};

#endif
