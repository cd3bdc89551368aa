/* What several kinds of tests share: hex, seeded randomness, vector files. Mistakes here end the program. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/rng.h"

/* --- hex --- */

/* Bytes written to out, at most cap; ends the program if text is not hex or too long. */
size_t hex_decode(const char *text, uint8_t *out, size_t cap);
/* NUL-terminated; out holds 2 * len + 1. */
void hex_encode(char *out, const uint8_t *data, size_t len);

/* --- randomness that repeats --- */

struct rng_seed {
    uint8_t key[32];
    uint64_t calls;
    uint8_t pool[512];
    size_t pool_left;
};

/* A stream that depends on seed only; *state is borrowed as long as the rng is used. */
struct rng rng_seeded(struct rng_seed *state, uint64_t seed);
/* An integer below bound (at least 1). */
uint32_t rng_below(const struct rng *rng, uint32_t bound);

/* Hands out exactly the given bytes, in order; asking for more ends the program. */
struct rng_bytes {
    const uint8_t *at;
    size_t left;
};

struct rng rng_fixed(struct rng_bytes *bytes);

/* --- vector files ---
 *
 * Blocks of `name = value` separated by empty lines. `#` starts a line of comment. A line that starts with a
 * space goes on with the value before it.
 */

struct vector_file;

/* A file of tests/vectors/; the first call of vector_next goes to its first block. */
struct vector_file *vector_open(const char *name);
void vector_close(struct vector_file *f);
/* To the next block; false after the last one. */
bool vector_next(struct vector_file *f);

bool vector_has(const struct vector_file *f, const char *name);
/* The value as it stands, borrowed until vector_next. The three below end the program if there is none. */
const char *vector_text(const struct vector_file *f, const char *name);
size_t vector_bytes(const struct vector_file *f, const char *name, uint8_t *out, size_t cap);
uint64_t vector_uint(const struct vector_file *f, const char *name);

/* Writing, for generators. */
void vector_write_text(FILE *out, const char *name, const char *value);
void vector_write_bytes(FILE *out, const char *name, const uint8_t *data, size_t len);
void vector_write_uint(FILE *out, const char *name, uint64_t value);
void vector_write_end(FILE *out);

#endif
