/*
 * Connections of `check` to a relay, as somebody makes them from outside. They block, each step for
 * PROBE_PATIENCE_S at most.
 */
#ifndef RELAY_EDGE_PROBE_H
#define RELAY_EDGE_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "relay/edge/tls.h"

enum { PROBE_PATIENCE_S = 8, PROBE_ADDRESSES_MAX = 8 };

struct probe_address {
    struct sockaddr_storage socket;
    socklen_t len;
    char text[64]; /* the number, without a port */
};

/* The numbers of a name. 0: there are none, and why says so. */
size_t probe_resolve(const char *host, uint16_t port, struct probe_address out[PROBE_ADDRESSES_MAX],
                     char *why, size_t why_cap);

/* A connection, with or without TLS, and with or without the frames of a WebSocket around what is said. */
struct probe {
    int fd;          /* -1: none */
    struct tls *tls; /* NULL: plain */
    bool frames;     /* what is written becomes one binary message each; what is read has lost its heads */
    size_t frame_left;
};

/* false: why says what is wrong. took_ms: how long it took. */
bool probe_connect(struct probe *p, const struct probe_address *to, unsigned *took_ms, char *why,
                   size_t why_cap);
bool probe_write(struct probe *p, const void *data, size_t len);
/* As recv. */
ssize_t probe_read(struct probe *p, void *out, size_t cap);
void probe_close(struct probe *p);

/* What a relay says in its handshake (docs/protocol.md section 2.1). */
struct probe_welcome {
    uint32_t utc_minute;
    uint8_t ttl_ceiling;
    unsigned took_ms;
};

enum probe_handshake {
    HANDSHAKE_GOOD,
    HANDSHAKE_HUNG_UP, /* at once and without a word, as a relay does when the key is not its own */
    HANDSHAKE_SILENT,  /* nothing came in time */
    HANDSHAKE_FOREIGN, /* an answer that is none of a relay with this key */
};

enum probe_handshake probe_handshake(struct probe *p, const uint8_t relay_pk[32], struct probe_welcome *out);

#endif
