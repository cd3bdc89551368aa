/* A driver that connects a client to libuv: TCP, directly or through a SOCKS5 proxy (RFC 1928), such as Tor's. */
#ifndef ZAGUAN_UV_H
#define ZAGUAN_UV_H

#include <zaguan/client.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;
typedef struct zg_uv zg_uv;

typedef struct zg_uv_options {
    size_t size;
    const char *socks5; /* "host:port" of a proxy that also resolves names; NULL: connect directly */
    /* There may be new events, or a state changed. Called from the loop; may call the client. */
    void (*wake)(void *ctx);
    void *ctx;
} zg_uv_options;

/* Borrows the client and the loop until closed. ZG_ERR_ARGUMENT (proxy), ZG_ERR_MEMORY. */
ZG_API ZG_MUST_CHECK zg_err zg_uv_open(zg_uv **out, struct uv_loop_s *loop, zg_client *client,
                                       const zg_uv_options *options);
/* The current time for actions on the client, and for zg_client_new: d may be NULL. */
ZG_API zg_now zg_uv_now(const zg_uv *d);
/* After actions on the client: does its I/O and sets the timer. */
ZG_API void zg_uv_kick(zg_uv *d);
/* Closes all links; closed (may be NULL) is called when everything of it left the loop; only then is d freed. */
ZG_API void zg_uv_close(zg_uv *d, void (*closed)(void *ctx));

#ifdef __cplusplus
}
#endif

#endif
