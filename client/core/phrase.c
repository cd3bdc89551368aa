/* The return phrase: include/zaguan/client.h, docs/protocol.md section 8.1. */
#include <sodium.h>
#include <string.h>

#include <zaguan/client.h>

#include "client/core/card.h"
#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/rng.h"

enum { PHRASE_BYTES = 9, PASSES = 3, MEMORY_BYTES = 32 << 20 };

/* 2^66, the first number that is none. */
static const char beyond[ZG_PHRASE_DIGITS + 1] = "73786976294838206464";

void zg_phrase_new(char out[ZG_PHRASE_DIGITS + 1])
{
    uint8_t random[PHRASE_BYTES];
    const struct rng rng = rng_system();

    rng_fill(&rng, random, sizeof(random));
    random[0] &= 3;
    memset(out, 0, ZG_PHRASE_DIGITS + 1);
    /* To decimal: times 256, plus the next byte. */
    for (size_t i = 0; i < sizeof(random); i++) {
        unsigned carry = random[i];
        for (size_t at = ZG_PHRASE_DIGITS; at-- > 0;) {
            carry += 256u * (unsigned char)out[at];
            out[at] = (char)(carry % 10);
            carry /= 10;
        }
    }
    for (size_t i = 0; i < ZG_PHRASE_DIGITS; i++)
        out[i] = (char)(out[i] + '0');
    sodium_memzero(random, sizeof(random));
}

static zg_err read_digits(char out[ZG_PHRASE_DIGITS + 1], const char *text, size_t len)
{
    size_t count = 0;
    memset(out, 0, ZG_PHRASE_DIGITS + 1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ' || text[i] == '-')
            continue;
        if (text[i] < '0' || text[i] > '9')
            return ZG_ERR_MALFORMED;
        if (count == ZG_PHRASE_DIGITS)
            return ZG_ERR_TOO_LARGE;
        out[count++] = text[i];
    }
    if (count < ZG_PHRASE_DIGITS)
        return ZG_ERR_TRUNCATED;
    return memcmp(out, beyond, ZG_PHRASE_DIGITS) < 0 ? ZG_OK : ZG_ERR_MALFORMED;
}

static zg_err stretch(uint8_t out[ZG_LOCKER_SECRET_BYTES], const struct card *card,
                      const char digits[ZG_PHRASE_DIGITS + 1])
{
    const struct span salt_parts[] = {SPAN_LABEL(LABEL_PHRASE_SALT), SPAN_OF(card->organisation)};
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
    char password[64];
    struct writer w;

    kdf_blake2b(salt, sizeof(salt), NULL, salt_parts, 2);
    writer_init(&w, password, sizeof(password));
    writer_lp(&w, LABEL_PHRASE, sizeof(LABEL_PHRASE) - 1);
    writer_put(&w, digits, ZG_PHRASE_DIGITS);
    int failed = crypto_pwhash_argon2id(out, ZG_LOCKER_SECRET_BYTES, password, w.len, salt, PASSES, MEMORY_BYTES,
                                        crypto_pwhash_argon2id_ALG_ARGON2ID13);
    sodium_memzero(password, sizeof(password));
    return failed == 0 ? ZG_OK : ZG_ERR_MEMORY;
}

zg_err zg_phrase_stretch(const char *card, size_t card_len, const char *phrase, size_t len,
                         uint8_t out[ZG_LOCKER_SECRET_BYTES])
{
    struct card parsed;
    char digits[ZG_PHRASE_DIGITS + 1];

    if (card == NULL || phrase == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    zg_err err = read_digits(digits, phrase, len);
    if (err == ZG_OK)
        err = card_parse(&parsed, card, card_len);
    if (err == ZG_OK) {
        err = stretch(out, &parsed, digits);
        card_clear(&parsed);
    }
    sodium_memzero(digits, sizeof(digits));
    return err;
}
