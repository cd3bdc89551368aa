/*
 * msgpack, in the forms that the protocol uses: array, unsigned integer, bin (section 1.1).
 *
 * Writing is msgpack-c's packer over a struct writer. Reading is a cursor, because msgpack-c's
 * unpacker allocates what a stranger's length claims before it looks for the bytes; here nothing is
 * allocated, and every length is checked against the input. The tests hold both against
 * msgpack-c's unpacker.
 */
#ifndef PROTO_PACK_H
#define PROTO_PACK_H

#include "proto/bytes.h"

void pack_array(struct writer *w, uint32_t n);
void pack_uint(struct writer *w, uint64_t v);
void pack_bin(struct writer *w, const void *data, size_t len);

/* The readers mark r as bad on another type, on an encoding that is not the shortest, and beyond max. */
uint32_t unpack_array(struct reader *r, uint32_t max);
uint64_t unpack_uint(struct reader *r, uint64_t max);
struct span unpack_bin(struct reader *r, size_t max);
/* A bin of exactly len bytes, borrowed; NULL if it is not that. */
const uint8_t *unpack_exact(struct reader *r, size_t len);

#endif
