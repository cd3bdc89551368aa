/*
 * What a program says to a SOCKS5 proxy (RFC 1928, user and password by RFC 1929): bytes in, bytes out.
 *
 * Happy path: greeting -> method -> (user, password -> accepted) -> CONNECT host, port -> succeeded; then the stream is the
 * relay's. The host goes to the proxy as it is: a name is never resolved here. User and password are random for each
 * stream, so that Tor gives each a circuit of its own. Failure: anything else is SOCKS5_REFUSED.
 */
#ifndef CLIENT_UV_SOCKS5_H
#define CLIENT_UV_SOCKS5_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SOCKS5_HOST_MAX = 255,
    SOCKS5_ISOLATION_BYTES = 16,
    SOCKS5_OUT_MAX = 4 + 1 + SOCKS5_HOST_MAX + 2,
    SOCKS5_IN_MAX = 4 + 1 + 255 + 2,
};

enum socks5_step {
    SOCKS5_MORE,    /* wait for bytes */
    SOCKS5_SEND,    /* send out */
    SOCKS5_OPEN,    /* the proxy connected; the rest of the bytes is the stream */
    SOCKS5_REFUSED, /* the proxy will not, or is none */
};

struct socks5 {
    enum socks5_state { SOCKS5_METHOD, SOCKS5_LOGIN, SOCKS5_REPLY } state;
    char host[SOCKS5_HOST_MAX + 1];
    uint16_t port;
    uint8_t isolation[SOCKS5_ISOLATION_BYTES];
    uint8_t out[SOCKS5_OUT_MAX];
    size_t out_len;
    uint8_t in[SOCKS5_IN_MAX];
    size_t in_len;
};

/* Afterwards out holds the greeting. host has at most SOCKS5_HOST_MAX bytes: else false. */
bool socks5_init(struct socks5 *s, const char *host, uint16_t port, const uint8_t isolation[SOCKS5_ISOLATION_BYTES]);

/* Takes *used of the len bytes, never more than belong to the proxy. */
enum socks5_step socks5_feed(struct socks5 *s, const uint8_t *data, size_t len, size_t *used);

#endif
