#include "client/core/safety.h"

#include <sodium.h>

#include "proto/labels.h"

void safety_commit(uint8_t out[32], const uint8_t nonce_p[32], const uint8_t ek_p[32])
{
    const struct span parts[] = {SPAN_LABEL(LABEL_SAFETY_COMMITMENT), {nonce_p, 32}, {ek_p, 32}};
    kdf_blake2b(out, 32, NULL, parts, 3);
}

zg_err safety_check(const uint8_t commitment[32], const uint8_t nonce_p[32], const uint8_t ek_p[32])
{
    uint8_t expected[32];
    safety_commit(expected, nonce_p, ek_p);
    return sodium_memcmp(expected, commitment, 32) == 0 ? ZG_OK : ZG_ERR_FORGED;
}

void safety_words(uint8_t out[SAFETY_WORDS], const uint8_t th2[HASH_BYTES], const uint8_t nonce_p[32],
                  const uint8_t nonce_w[32])
{
    uint8_t hash[32];
    const struct span parts[] = {
        SPAN_LABEL(LABEL_SAFETY_WORDS), {th2, HASH_BYTES}, {nonce_p, 32}, {nonce_w, 32}};
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 4);
    for (size_t i = 0; i < SAFETY_WORDS; i++)
        out[i] = hash[i];
    sodium_memzero(hash, sizeof(hash));
}
