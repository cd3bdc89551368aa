/* Safety words; docs/protocol.md section 6.1. */
#ifndef CLIENT_SAFETY_H
#define CLIENT_SAFETY_H

#include <stdint.h>

#include <zaguan/err.h>

#include "proto/kdf.h"

enum { SAFETY_WORDS = 4 };

enum words_language { WORDS_EN, WORDS_ES, WORDS_FR, WORDS_LANGUAGES };

void safety_commit(uint8_t out[32], const uint8_t nonce_p[32], const uint8_t ek_p[32]);
/* ZG_ERR_FORGED if nonce_p is not what was committed to. Constant time. */
ZG_MUST_CHECK zg_err safety_check(const uint8_t commitment[32], const uint8_t nonce_p[32], const uint8_t ek_p[32]);
void safety_words(uint8_t out[SAFETY_WORDS], const uint8_t th2[HASH_BYTES], const uint8_t nonce_p[32],
                  const uint8_t nonce_w[32]);
/* Static storage. */
const char *safety_word(enum words_language language, uint8_t index);

#endif
