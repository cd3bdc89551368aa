/*
 * The carrier that a browser has: a WebSocket (RFC 6455) whose binary messages hold records (docs/protocol.md
 * section 2).
 *
 * Happy path: frames come, their payload is gathered in the one shared buffer and goes to the session; what
 * the session writes becomes one message. A message's pieces are not put together first: the session does
 * that, and has its limits. Failure: whatever RFC 6455 forbids, text, and a message that is too long end it
 * with a close frame that says so, if the peer takes it.
 */
#ifndef RELAY_EDGE_WEBSOCKET_H
#define RELAY_EDGE_WEBSOCKET_H

#include "relay/edge/stream.h"

enum {
    WEBSOCKET_MESSAGE_MAX = 1 << 20,
    WEBSOCKET_SCRATCH_BYTES = STREAM_READ_MAX + 4096,
    WEBSOCKET_KEY_LEN = 24,
    WEBSOCKET_ACCEPT_LEN = 28,
};

struct websocket_options {
    struct relay *relay; /* borrowed */
    uint8_t *scratch;    /* WEBSOCKET_SCRATCH_BYTES, one for all, borrowed */
};

/*
 * Makes a session and hands the stream over to it; the answer to the request is still to be written. false:
 * no memory, or the relay takes no session now; the stream is as it was. Options are borrowed as long as the
 * stream.
 */
ZG_MUST_CHECK bool websocket_open(const struct websocket_options *options, struct stream *stream,
                                  struct now now);

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key. */
void websocket_accept(const uint8_t key[WEBSOCKET_KEY_LEN], char out[WEBSOCKET_ACCEPT_LEN + 1]);

#endif
