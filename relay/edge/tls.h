/* A TLS connection for checks: over a socket that is connected, and blocks with a time limit. */
#ifndef RELAY_EDGE_TLS_H
#define RELAY_EDGE_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls;

/* What a browser would ask, too. */
struct tls_peer {
    uint64_t end_utc_s;  /* of its certificate */
    char version[16];    /* "TLSv1.2" */
    char distrust[200];  /* why the certificate is not to be trusted; empty: it is */
    bool trust_is_known; /* there is a list of authorities on this system */
};

/* NULL: why says what went wrong. The socket stays the caller's. A bad certificate is no failure. */
struct tls *tls_open(int fd, const char *host, struct tls_peer *peer, char *why, size_t why_cap);
/* As send and recv; -1 is any failure. */
ssize_t tls_write(struct tls *t, const void *data, size_t len);
ssize_t tls_read(struct tls *t, void *out, size_t cap);
/* NULL-safe. */
void tls_close(struct tls *t);

#endif
