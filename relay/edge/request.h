/* One HTTP request, as far as the relay wants to know. What tells who asks (Origin, Cookie, X-Forwarded-For,
 * Referer, User-Agent) is not looked at. */
#ifndef RELAY_EDGE_REQUEST_H
#define RELAY_EDGE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/bytes.h"

enum {
    REQUEST_HEAD_MAX = 8192,
    REQUEST_KEY_LEN = 24, /* of Sec-WebSocket-Key */
};

enum request_method { REQUEST_GET, REQUEST_HEAD, REQUEST_OTHER };

/* Spans are borrowed from the head. */
struct request {
    enum request_method method;
    struct span path; /* without a query */
    bool last;        /* no other one follows on this connection */
    bool gzip, brotli;
    bool websocket;  /* asks for a WebSocket, and in the right way */
    struct span key; /* if it does */
};

/* Length of a head that begins at data, its empty line included. 0: not whole yet. */
size_t request_head_length(const uint8_t *data, size_t len);
/* A whole head and nothing else. false: no request that can be answered; bodies are none. */
bool request_parse(struct request *out, const uint8_t *head, size_t len);

#endif
