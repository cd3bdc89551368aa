/*
 * Noise NK and NKhfs with 25519, MLKEM768, ChaChaPoly, SHA512 (Noise revision 34, hfs extension);
 * docs/protocol.md section 2.1. Plain NK is here so that published vectors can be run against the same code.
 */
#ifndef PROTO_NOISE_H
#define PROTO_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/rng.h"

enum noise_pattern { NOISE_NK, NOISE_NKHFS };

enum {
    NOISE_KEY_BYTES = 32,
    NOISE_TAG_BYTES = 16,
    NOISE_KEM_PK_BYTES = 1184,
    NOISE_KEM_SK_BYTES = 2400,
    NOISE_KEM_CT_BYTES = 1088,
    NOISE_PAYLOAD_MAX = 256,
};

/* One direction of an open connection. Secret; wiped by noise_cipher_clear. */
struct noise_cipher {
    uint8_t k[NOISE_KEY_BYTES];
    uint64_t n;
};

struct noise_symmetric {
    uint8_t ck[64];
    uint8_t h[64];
    struct noise_cipher cipher;
    bool keyed;
};

/* One handshake. About 4 KiB, on the caller's stack or heap; noise_handshake_clear on every exit. */
struct noise_handshake {
    enum noise_pattern pattern;
    struct noise_symmetric ss;
    uint8_t s[NOISE_KEY_BYTES];  /* responder: static secret key */
    uint8_t rs[NOISE_KEY_BYTES]; /* responder's static public key, on both sides */
    uint8_t e[NOISE_KEY_BYTES];  /* own ephemeral secret key */
    uint8_t re[NOISE_KEY_BYTES]; /* peer's ephemeral public key */
    uint8_t kem_sk[NOISE_KEM_SK_BYTES];
    uint8_t kem_pk[NOISE_KEM_PK_BYTES]; /* responder: received in message 1 */
};

size_t noise_message1_bytes(enum noise_pattern pattern, size_t payload_len);
size_t noise_message2_bytes(enum noise_pattern pattern, size_t payload_len);

void noise_initiator_init(struct noise_handshake *hs, enum noise_pattern pattern, const uint8_t *prologue,
                          size_t prologue_len, const uint8_t relay_pk[NOISE_KEY_BYTES]);
void noise_responder_init(struct noise_handshake *hs, enum noise_pattern pattern, const uint8_t *prologue,
                          size_t prologue_len, const uint8_t relay_sk[NOISE_KEY_BYTES],
                          const uint8_t relay_pk[NOISE_KEY_BYTES]);

/* Each write fills exactly noise_messageN_bytes; each read wants exactly that many. */
ZG_MUST_CHECK zg_err noise_write_message1(struct noise_handshake *hs, const uint8_t *payload, size_t len,
                                          uint8_t *out, const struct rng *rng);
ZG_MUST_CHECK zg_err noise_read_message1(struct noise_handshake *hs, const uint8_t *in, size_t in_len,
                                         uint8_t *payload, size_t *payload_len);
ZG_MUST_CHECK zg_err noise_write_message2(struct noise_handshake *hs, const uint8_t *payload, size_t len,
                                          uint8_t *out, const struct rng *rng);
ZG_MUST_CHECK zg_err noise_read_message2(struct noise_handshake *hs, const uint8_t *in, size_t in_len,
                                         uint8_t *payload, size_t *payload_len);

/* After message 2, on both sides: the two directions; clears the handshake. */
void noise_split(struct noise_handshake *hs, struct noise_cipher *initiator_to_responder,
                 struct noise_cipher *responder_to_initiator);
void noise_handshake_clear(struct noise_handshake *hs);

/*
 * Transport messages with empty associated data. out holds len + 16 (encrypt) or len - 16 (decrypt) bytes and
 * may be in place. Rekeys by itself every WIRE_REKEY_RECORDS messages. After ZG_ERR_FORGED the cipher is
 * unchanged and out is undefined.
 */
void noise_encrypt(struct noise_cipher *c, uint8_t *out, const uint8_t *in, size_t len);
ZG_MUST_CHECK zg_err noise_decrypt(struct noise_cipher *c, uint8_t *out, const uint8_t *in, size_t len);
void noise_cipher_clear(struct noise_cipher *c);

#endif
