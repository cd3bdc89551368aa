/*
 * An organisation, its desk, a worker and a participant, made from one seed: what most tests of the client's core start
 * from. Mistakes here end the program.
 */
#ifndef TESTS_MEETING_H
#define TESTS_MEETING_H

#include "client/core/agreement.h"
#include "client/core/bundle.h"
#include "client/core/card.h"
#include "client/core/frame.h"
#include "client/core/organisation.h"
#include "client/core/ratchet.h"
#include "client/core/ratchet_state.h"
#include "tests/support/support.h"

#define MEETING_NOW UINT64_C(1800000000)

/* Ends the program with the place if it is not ZG_OK. */
#define MUST(e) must((e), __FILE__, __LINE__)
void must(zg_err err, const char *file, int line);

struct worker {
    struct sign_key sign;
    uint8_t dh_sk[32];
    struct credential credential;
    uint8_t encoded[CREDENTIAL_BYTES_MAX];
    size_t encoded_len;
};

struct desk {
    struct rng_seed seed;
    struct rng rng;
    struct sign_key root;
    struct sign_key issuing;
    struct sign_key publishing;
    struct card card;
    uint8_t bundle_key[32];
    struct bundle_keys keys;
    struct notice notice;
    struct intake_epoch epoch;
    struct worker worker;
    uint8_t sealed[BUNDLE_SEALED_MAX];
    size_t sealed_len;
    struct bundle bundle; /* as she opened it */
};

/* Everything up to a bundle that was opened; depends on seed only. The caller frees. */
struct desk *desk_new(uint64_t seed);
void desk_free(struct desk *d);
/* Makes the bundle from keys and notice, and opens it again. */
void desk_publish(struct desk *d);
/* A credential by this desk's issuing key, for `worker` at d's desk. */
void desk_hire(struct desk *d, struct worker *w, const char *alias);

/* A conversation: her knock, opened and answered. */
struct meeting {
    struct desk *desk;
    struct rng rng;
    struct knock_output knock;
    struct knock_opened opened;
    struct accept_output accept;
    struct accept_context context;
    struct ratchet *her;    /* borrowed from knock */
    struct ratchet *worker; /* borrowed from accept */
};

/* A knock that the worker has opened and answered; nothing has reached her. The caller frees; borrows d. */
struct meeting *meeting_new(struct desk *d);
/* The same, and the first envelope of the accept has reached her. */
struct meeting *meeting_agreed(struct desk *d);
void meeting_free(struct meeting *m);

/* A frame with this text, and with the accept block while the worker's side needs it (m may be NULL: none). */
void frame_of(uint8_t out[RATCHET_FRAME_BYTES], const struct ratchet *from, const struct meeting *m,
              const char *text);
/* The text of a frame. */
const char *text_of(const uint8_t frame[RATCHET_FRAME_BYTES]);

/* Encrypts text from one side. */
void say(struct meeting *m, struct ratchet *from, const char *text, uint8_t envelope[WIRE_ENVELOPE_BYTES]);
/* Decrypts; text gets what was said. */
zg_err hear(struct meeting *m, struct ratchet *to, const uint8_t envelope[WIRE_ENVELOPE_BYTES],
            uint8_t frame[RATCHET_FRAME_BYTES], struct ratchet_info *info);

/* --- what only a peer that lies would send --- */

/* The header of the next message of r. */
void header_of(uint8_t out[HEADER_BYTES], const struct ratchet *r);
/* An envelope with any header under r's header key, and any frame under any message key. */
void envelope_forge(uint8_t out[WIRE_ENVELOPE_BYTES], const struct ratchet *r, const uint8_t header[HEADER_BYTES],
                    const uint8_t key[KEY_BYTES], const uint8_t frame[RATCHET_FRAME_BYTES], const struct rng *rng);

/* A state as bytes, and back. */
struct snapshot {
    uint8_t bytes[RATCHET_SAVED_MAX];
    size_t len;
};

void snapshot_take(struct snapshot *s, const struct ratchet *r);
struct ratchet *snapshot_revive(const struct snapshot *s);
bool snapshot_same(const struct snapshot *a, const struct snapshot *b);

#endif
