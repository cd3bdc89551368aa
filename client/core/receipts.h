/*
 * What the relay is known to have deleted, so that it is noticed when it brings it again: then it is an older
 * copy of itself (docs/protocol.md section 4.3).
 *
 * An acknowledgement has no reply, and a crash of the relay may undo it. But a SEND that went out after it on
 * the same connection and was answered ok speaks for both: one commit. The sender may have sent an envelope
 * twice, and the second one may come although the first was deleted; so the newest RECEIPTS_SENDER ones prove
 * nothing. A sender has no more under way.
 */
#ifndef CLIENT_RECEIPTS_H
#define CLIENT_RECEIPTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/bytes.h"
#include "proto/wire.h"

enum {
    RECEIPT_BYTES = 8,
    RECEIPTS_SENDER = 16, /* section 3 */
    RECEIPTS_MAX = RECEIPTS_SENDER + 32,
    RECEIPTS_SAVED_MAX = 4 + RECEIPTS_MAX * RECEIPT_BYTES,
};

/* The first bytes of an envelope's hash. */
struct receipt {
    uint8_t b[RECEIPT_BYTES];
};

/* Of one conversation. Zeroed: empty. */
struct receipts {
    struct receipt known[RECEIPTS_MAX]; /* the relay deleted them; the oldest first */
    uint32_t known_count;
    struct receipt told[RECEIPTS_MAX]; /* acknowledged on this connection, not known yet; not saved */
    uint32_t told_first;               /* number of told[0] */
    uint32_t told_count;
};

void receipt_of(struct receipt *out, const uint8_t envelope[WIRE_ENVELOPE_BYTES]);
/* The acknowledgement of r went out. */
void receipts_told(struct receipts *s, const struct receipt *r);
/* Number of the next one that will be told. */
uint32_t receipts_mark(const struct receipts *s);
/* A SEND that went out at this mark was answered ok. true: there is something to be saved. */
bool receipts_confirm(struct receipts *s, uint32_t mark);
/* The connection is gone: what is not known now never will be. */
void receipts_lost(struct receipts *s);
/* Whether the relay had deleted it, and its sender has long had an answer. */
bool receipts_know(const struct receipts *s, const struct receipt *r);

void receipts_save(const struct receipts *s, struct writer *w);
void receipts_load(struct receipts *s, struct reader *r);

#endif
