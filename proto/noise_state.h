/* Noise's symmetric state, under the handshake: internal to proto/noise*.c. */
#ifndef PROTO_NOISE_STATE_H
#define PROTO_NOISE_STATE_H

#include "proto/bytes.h"
#include "proto/noise.h"

enum { NOISE_SHARED_BYTES = 32 };

/* h and ck from the protocol's name, at most 64 bytes. */
void noise_symmetric_init(struct noise_symmetric *ss, struct span protocol_name);
void noise_mix_hash(struct noise_symmetric *ss, const uint8_t *data, size_t len);
void noise_mix_key(struct noise_symmetric *ss, const uint8_t *ikm, size_t len);
/* MixKey(X25519(sk, pk)); ZG_ERR_CRYPTO and ss unchanged if the result is all zero. */
ZG_MUST_CHECK zg_err noise_mix_dh(struct noise_symmetric *ss, const uint8_t sk[NOISE_KEY_BYTES],
                                  const uint8_t pk[NOISE_KEY_BYTES]);
/* Only after a key was mixed: in both patterns e and es come first. out holds len + 16, or len - 16. */
void noise_encrypt_and_hash(struct noise_symmetric *ss, uint8_t *out, const uint8_t *in, size_t len);
ZG_MUST_CHECK zg_err noise_decrypt_and_hash(struct noise_symmetric *ss, uint8_t *out, const uint8_t *in,
                                            size_t len);
/* Split. */
void noise_derive_ciphers(const struct noise_symmetric *ss, struct noise_cipher *first,
                          struct noise_cipher *second);

#endif
