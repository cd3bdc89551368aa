/*
 * One connection to a relay over TCP, directly or through a SOCKS5 proxy. Internal to client/uv.
 *
 * Happy path: resolve -> connect -> (proxy) -> opened, then received for what comes and link_write for what goes.
 * Failures: every step that fails, or takes too long, ends in ended, once, from the loop. link_close ends it from
 * this side: what was written still goes out, for a second at most. In all cases gone comes last, when no handle is
 * left in the loop; the link is freed then, and only then.
 */
#ifndef CLIENT_UV_LINK_H
#define CLIENT_UV_LINK_H

#include <stdint.h>
#include <uv.h>

#include "client/uv/socks5.h"

enum { LINK_BUFFER_BYTES = 65536 };

struct endpoint {
    char host[SOCKS5_HOST_MAX + 1];
    uint16_t port;
};

struct link;

struct link_events {
    void (*opened)(struct link *l);
    void (*received)(struct link *l, const uint8_t *data, size_t len);
    void (*ended)(struct link *l); /* could not be opened, or was closed by the other side */
    void (*gone)(struct link *l);  /* freed when this returns */
};

enum link_state {
    LINK_RESOLVING,
    LINK_CONNECTING,
    LINK_NEXT_ADDRESS, /* the socket of the address that failed is closing */
    LINK_PROXY,
    LINK_OPEN,
    LINK_FAILING,   /* ended will be called from the loop */
    LINK_LINGERING, /* closed from this side; what was written goes out */
    LINK_CLOSED,
    LINK_STATES
};

struct link {
    struct link *next; /* the owner's */
    void *ctx;         /* the owner's */
    uint32_t id;       /* the owner's */

    const struct link_events *events;
    enum link_state state;
    unsigned holds; /* handles and requests of it in the loop */
    struct endpoint target;
    bool through_proxy;
    struct socks5 socks5;
    uint8_t *buffer;
    uv_tcp_t tcp;
    bool tcp_open;
    uv_timer_t timer;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    struct addrinfo *addresses;
    struct addrinfo *address; /* tried now */
};

struct link_options {
    uv_loop_t *loop;
    const struct link_events *events;
    void *ctx;
    uint32_t id;
    const char *host;
    uint16_t port;
    const struct endpoint *proxy; /* NULL: directly */
    uint8_t *buffer; /* LINK_BUFFER_BYTES, borrowed until gone; may be shared by all links of a loop */
};

/* Copies what the options point to, but events and buffer. NULL: no memory. All failures come later, as ended. */
struct link *link_open(const struct link_options *options);
/* Copies what does not go out at once. Ignored unless open. */
void link_write(struct link *l, const uint8_t *data, size_t len);
/* No ended will be called any more; gone will. */
void link_close(struct link *l);

#endif
