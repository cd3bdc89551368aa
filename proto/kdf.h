/* Hashes and key derivation of docs/protocol.md, conventions. */
#ifndef PROTO_KDF_H
#define PROTO_KDF_H

#include <sodium.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/bytes.h"

enum { KEY_BYTES = 32, HASH_BYTES = 64, KDF_INFO_MAX = 2048 };

/* A string literal as a span, without its terminating zero. */
#define SPAN_LABEL(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})
#define SPAN_OF(array) ((struct span){(array), sizeof(array)})

/*
 * HKDF-SHA-512 (RFC 5869): salt may be NULL with length 0; info is the concatenation of LP(part) over
 * the given parts, at most KDF_INFO_MAX bytes with their lengths. Writes out_len bytes.
 */
void kdf_hkdf(uint8_t *out, size_t out_len, const uint8_t *salt, size_t salt_len, const uint8_t *ikm,
              size_t ikm_len, const struct span *parts, size_t count);

/* SHA-512 over LP(part) of each part. */
void kdf_sha512(uint8_t out[HASH_BYTES], const struct span *parts, size_t count);

/* BLAKE2b with out_len bytes (16 to 64) of output over LP(part) of each part; key may be NULL. */
void kdf_blake2b(uint8_t *out, size_t out_len, const uint8_t key[KEY_BYTES], const struct span *parts,
                 size_t count);

#endif
