/* What is inside an envelope after the knock: blocks and content; docs/protocol.md section 7. */
#ifndef CLIENT_FRAME_H
#define CLIENT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "client/core/ratchet.h"
#include "proto/bytes.h"

/* Every part may be absent (at NULL). rotation: new put | new end, 64 bytes. nonce: n_P, 32 bytes. Borrowed. */
struct frame {
    struct span accept; /* the block as encoded */
    const uint8_t *nonce;
    const uint8_t *rotation;
    uint64_t version;    /* of her locker; 0: none */
    struct span content; /* may be empty */
};

/* What a sender plans with: room for content beside these blocks; a version, which may come later, has its room
   always. A frame without one can hold 8 bytes more, and is read. */
size_t frame_room(const struct frame *f);
/* ZG_ERR_TOO_LARGE if it does not fit. Pads with zeros. */
ZG_MUST_CHECK zg_err frame_write(const struct frame *f, uint8_t out[RATCHET_FRAME_BYTES]);
/* ZG_ERR_MALFORMED: unknown flags, wrong lengths, padding that is not zero. */
ZG_MUST_CHECK zg_err frame_read(struct frame *out, const uint8_t in[RATCHET_FRAME_BYTES]);

#endif
