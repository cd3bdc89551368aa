/* Commands in words, as in tests/support/samples.h, to and from msgpack. */
#ifndef TESTS_UNIT_PROTO_WORDS_H
#define TESTS_UNIT_PROTO_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "proto/bytes.h"

/*
 * Writes the words as msgpack without the code under test. A ~ before a word asks for the next longer
 * encoding than the shortest.
 */
void words_pack(const char *words, struct writer *w);

/* The words of one msgpack object as msgpack-c's unpacker reads it; fails the test if that is not all of it.
 */
void words_unpack(const uint8_t *in, size_t len, char *out, size_t cap);

#endif
