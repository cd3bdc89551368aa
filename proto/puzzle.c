#include "proto/puzzle.h"

#include <sodium.h>

#include "proto/kdf.h"
#include "proto/labels.h"

enum {
    COOKIE_HEAD_BYTES = 16, /* expiry, effort, random */
    COOKIE_RANDOM_BYTES = 11,
    COOKIE_MAC_BYTES = 16,
    PUZZLE_MEMORY_BYTES = 1 << 20,
    PUZZLE_PASSES = 1,
    PUZZLE_OUT_BYTES = 16,
};

_Static_assert(WIRE_COOKIE_BYTES == COOKIE_HEAD_BYTES + COOKIE_MAC_BYTES, "layout of section 9");
_Static_assert(WIRE_EFFORT_MAX <= 8 * PUZZLE_OUT_BYTES, "more zeros than bits");

static void cookie_mac(uint8_t out[COOKIE_MAC_BYTES], const uint8_t cookie_key[KEY_BYTES],
                       const struct name *desk_put, const uint8_t head[COOKIE_HEAD_BYTES])
{
    const struct span parts[] = {SPAN_LABEL(LABEL_COOKIE), SPAN_OF(desk_put->b), {head, COOKIE_HEAD_BYTES}};
    kdf_blake2b(out, COOKIE_MAC_BYTES, cookie_key, parts, 3);
}

void cookie_make(uint8_t out[WIRE_COOKIE_BYTES], const uint8_t cookie_key[32], const struct name *desk_put,
                 uint32_t now_s, uint8_t effort, const struct rng *rng)
{
    struct writer w;
    writer_init(&w, out, COOKIE_HEAD_BYTES);
    writer_u32(&w, now_s + WIRE_COOKIE_SECONDS);
    writer_u8(&w, effort);
    rng_fill(rng, writer_reserve(&w, COOKIE_RANDOM_BYTES), COOKIE_RANDOM_BYTES);
    cookie_mac(out + COOKIE_HEAD_BYTES, cookie_key, desk_put, out);
}

zg_err cookie_check(const uint8_t cookie[WIRE_COOKIE_BYTES], const uint8_t cookie_key[32],
                    const struct name *desk_put, uint32_t now_s, uint8_t *effort)
{
    uint8_t expected[COOKIE_MAC_BYTES];
    struct reader r;

    cookie_mac(expected, cookie_key, desk_put, cookie);
    int differs = sodium_memcmp(expected, cookie + COOKIE_HEAD_BYTES, COOKIE_MAC_BYTES);
    sodium_memzero(expected, sizeof(expected));
    if (differs != 0)
        return ZG_ERR_FORGED;

    reader_init(&r, cookie, COOKIE_HEAD_BYTES);
    if (now_s >= reader_u32(&r))
        return ZG_ERR_EXPIRED;
    *effort = reader_u8(&r);
    return ZG_OK;
}

void puzzle_hash(uint8_t out[PUZZLE_HASH_BYTES], const struct queue_names *names,
                 const uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    const struct span parts[] = {
        SPAN_LABEL(LABEL_PUZZLE_KNOCK), {names->put, WIRE_NAME_BYTES}, {names->take[0], WIRE_NAME_BYTES},
        {names->own, WIRE_NAME_BYTES},  {names->end, WIRE_NAME_BYTES}, {envelope, WIRE_ENVELOPE_BYTES},
    };
    kdf_blake2b(out, PUZZLE_HASH_BYTES, NULL, parts, sizeof(parts) / sizeof(parts[0]));
}

static void puzzle_salt(uint8_t out[crypto_pwhash_argon2id_SALTBYTES],
                        const uint8_t cookie[WIRE_COOKIE_BYTES])
{
    const struct span parts[] = {SPAN_LABEL(LABEL_PUZZLE_SALT), {cookie, WIRE_COOKIE_BYTES}};
    kdf_blake2b(out, crypto_pwhash_argon2id_SALTBYTES, NULL, parts, 2);
}

static bool starts_with_zero_bits(const uint8_t out[PUZZLE_OUT_BYTES], uint8_t bits)
{
    uint8_t rest = (uint8_t)(bits % 8);
    for (size_t i = 0; i < bits / 8u; i++)
        if (out[i] != 0)
            return false;
    return rest == 0 || out[bits / 8u] >> (8 - rest) == 0;
}

zg_err puzzle_check(const uint8_t cookie[WIRE_COOKIE_BYTES], const uint8_t hash[PUZZLE_HASH_BYTES],
                    uint8_t effort, uint64_t solution, bool *right)
{
    uint8_t password[4 + sizeof(LABEL_PUZZLE) - 1 + 4 + WIRE_COOKIE_BYTES + 4 + PUZZLE_HASH_BYTES + 8];
    uint8_t salt[crypto_pwhash_argon2id_SALTBYTES];
    uint8_t out[PUZZLE_OUT_BYTES];
    struct writer w;

    if (effort > WIRE_EFFORT_MAX)
        return ZG_ERR_ARGUMENT;
    if (effort == 0) {
        *right = solution == 0;
        return ZG_OK;
    }
    writer_init(&w, password, sizeof(password));
    writer_lp(&w, LABEL_PUZZLE, sizeof(LABEL_PUZZLE) - 1);
    writer_lp(&w, cookie, WIRE_COOKIE_BYTES);
    writer_lp(&w, hash, PUZZLE_HASH_BYTES);
    writer_u64(&w, solution);
    puzzle_salt(salt, cookie);
    if (crypto_pwhash_argon2id(out, sizeof(out), (const char *)password, w.len, salt, PUZZLE_PASSES,
                               PUZZLE_MEMORY_BYTES, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        return ZG_ERR_MEMORY;
    *right = starts_with_zero_bits(out, effort);
    return ZG_OK;
}

zg_err puzzle_solve(const uint8_t cookie[WIRE_COOKIE_BYTES], const uint8_t hash[PUZZLE_HASH_BYTES],
                    uint8_t effort, uint64_t *x, uint32_t tries)
{
    if (effort == 0) {
        *x = 0;
        return ZG_OK;
    }
    for (; tries > 0; tries--, (*x)++) {
        bool right;
        zg_err err = puzzle_check(cookie, hash, effort, *x, &right);
        if (err != ZG_OK)
            return err;
        if (right)
            return ZG_OK;
    }
    return ZG_ERR_BUSY;
}
