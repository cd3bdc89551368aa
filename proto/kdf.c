#include "proto/kdf.h"

#include <assert.h>

/* Info in one piece, as libsodium wants it. */
static size_t join_lp(uint8_t out[KDF_INFO_MAX], const struct span *parts, size_t count)
{
    struct writer w;
    writer_init(&w, out, KDF_INFO_MAX);
    for (size_t i = 0; i < count; i++)
        writer_lp(&w, parts[i].at, parts[i].len);
    assert(!w.bad);
    return w.len;
}

void kdf_hkdf(uint8_t *out, size_t out_len, const uint8_t *salt, size_t salt_len, const uint8_t *ikm,
              size_t ikm_len, const struct span *parts, size_t count)
{
    uint8_t prk[crypto_kdf_hkdf_sha512_KEYBYTES];
    uint8_t info[KDF_INFO_MAX];
    size_t info_len = join_lp(info, parts, count);

    assert(out_len <= crypto_kdf_hkdf_sha512_BYTES_MAX);
    crypto_kdf_hkdf_sha512_extract(prk, salt, salt_len, ikm, ikm_len);
    crypto_kdf_hkdf_sha512_expand(out, out_len, (const char *)info, info_len, prk);
    sodium_memzero(prk, sizeof(prk));
    sodium_memzero(info, info_len);
}

static void big_endian_32(uint8_t out[4], size_t v)
{
    struct writer w;
    assert(v <= UINT32_MAX);
    writer_init(&w, out, 4);
    writer_u32(&w, (uint32_t)v);
}

void kdf_sha512(uint8_t out[HASH_BYTES], const struct span *parts, size_t count)
{
    crypto_hash_sha512_state state;
    uint8_t len[4];

    crypto_hash_sha512_init(&state);
    for (size_t i = 0; i < count; i++) {
        big_endian_32(len, parts[i].len);
        crypto_hash_sha512_update(&state, len, sizeof(len));
        crypto_hash_sha512_update(&state, parts[i].at, parts[i].len);
    }
    crypto_hash_sha512_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

void kdf_blake2b(uint8_t *out, size_t out_len, const uint8_t key[KEY_BYTES], const struct span *parts,
                 size_t count)
{
    crypto_generichash_blake2b_state state;
    uint8_t len[4];

    assert(out_len >= crypto_generichash_blake2b_BYTES_MIN &&
           out_len <= crypto_generichash_blake2b_BYTES_MAX);
    crypto_generichash_blake2b_init(&state, key, key == NULL ? 0 : KEY_BYTES, out_len);
    for (size_t i = 0; i < count; i++) {
        big_endian_32(len, parts[i].len);
        crypto_generichash_blake2b_update(&state, len, sizeof(len));
        crypto_generichash_blake2b_update(&state, parts[i].at, parts[i].len);
    }
    crypto_generichash_blake2b_final(&state, out, out_len);
    sodium_memzero(&state, sizeof(state));
}
