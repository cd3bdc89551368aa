/*
 * Bounded cursors over bytes.
 *
 * Both remember the first failure: after it every read returns zero or NULL and every write does
 * nothing, so that a decoder reads as a schema and checks once, at its end.
 */
#ifndef PROTO_BYTES_H
#define PROTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

struct writer {
    uint8_t *buf;
    size_t len;
    size_t cap;
    bool bad;
};

/* Bytes borrowed from somewhere else. */
struct span {
    const uint8_t *at;
    size_t len;
};

void reader_init(struct reader *r, const void *data, size_t len);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
/* n bytes, borrowed from the input; NULL if there are fewer. */
const uint8_t *reader_take(struct reader *r, size_t n);
/* Copies n bytes to out; out is zeroed if there are fewer. */
void reader_copy(struct reader *r, void *out, size_t n);
/* u32 length and bytes; a length above max or beyond the input is bad. */
struct span reader_lp(struct reader *r, size_t max);
/* Whether everything was read and nothing failed. */
bool reader_done(const struct reader *r);
/* Whether the rest is zeros; reads it. */
void reader_zeros(struct reader *r);

void writer_init(struct writer *w, void *buf, size_t cap);
void writer_u8(struct writer *w, uint8_t v);
void writer_u16(struct writer *w, uint16_t v);
void writer_u32(struct writer *w, uint32_t v);
void writer_u64(struct writer *w, uint64_t v);
void writer_put(struct writer *w, const void *data, size_t len);
void writer_lp(struct writer *w, const void *data, size_t len);
/* Fills with zeros up to offset len; bad if already beyond. */
void writer_pad(struct writer *w, size_t len);
/* n bytes to be filled in by the caller; NULL if there is no room. */
uint8_t *writer_reserve(struct writer *w, size_t n);

#endif
