/* The value of a slot, which travels in pieces; docs/protocol.md section 1.1. */
#ifndef CLIENT_SLOT_H
#define CLIENT_SLOT_H

#include "client/core/connection.h"

/* What came of a SLOT_GET so far. Zeroed: nothing. */
struct slot_reading {
    uint8_t *value; /* cap bytes */
    size_t cap;
    size_t len;
    struct slot_piece last;
};

/* Takes the next piece of a value of at most cap bytes. ZG_ERR_MEMORY; ZG_ERR_MALFORMED: too long, or pieces that do not fit. */
ZG_MUST_CHECK zg_err slot_take(struct slot_reading *s, size_t cap, const struct slot_piece *piece);
/* Wipes. */
void slot_drop(struct slot_reading *s);

/*
 * SLOT_SET of a value, all pieces; done and owner of the call are set already. Without room or memory the call is not in use
 * afterwards, or the connection is dropped: half a value is none.
 */
void slot_write(struct connection *c, struct call *call, const struct secret *write, uint64_t version,
                const uint8_t *value, size_t len);

#endif
