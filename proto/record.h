/* Records: length, padding, units; docs/protocol.md section 2.2. Encryption is the caller's (proto/noise). */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/bytes.h"
#include "proto/wire.h"

enum framing { FRAMING_PARTIAL, FRAMING_WHOLE, FRAMING_BAD };

/*
 * Looks at the start of buf. WHOLE: *body (borrowed from buf) is the message behind the u16, *used counts
 * both. BAD: the length is not in [min, max].
 */
enum framing framing_next(const uint8_t *buf, size_t len, size_t min, size_t max, struct span *body,
                          size_t *used);

/* Lengths of C that a record may have. */
int record_length_ok(size_t cipher_len);

/* --- writing: units go in one after the other, then record_finish pads. --- */

struct record_writer {
    struct writer w;
};

/* buf: WIRE_RECORD_PLAIN_MAX bytes, borrowed until record_finish. */
void record_begin(struct record_writer *r, uint8_t *buf);
/* Room for one more command of len bytes? */
int record_fits(const struct record_writer *r, size_t len);
/* A writer over the room that is left, for one command; then record_unit_end with it. */
struct writer record_unit_begin(struct record_writer *r);
ZG_MUST_CHECK zg_err record_unit_end(struct record_writer *r, const struct writer *unit);
int record_empty(const struct record_writer *r);
/* Pads with zeros; returns the length of the plaintext. */
size_t record_finish(struct record_writer *r);

/* --- reading --- */

/* The next unit of a plaintext. WHOLE: *unit is a command. PARTIAL: no more. BAD: malformed. */
enum framing record_next(struct reader *plain, struct span *unit);

#endif
