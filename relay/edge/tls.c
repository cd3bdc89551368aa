#define _GNU_SOURCE
#include "relay/edge/tls.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "relay/edge/certificate.h"

#if MBEDTLS_VERSION_MAJOR >= 3
#include <psa/crypto.h>
#endif

#define AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

struct tls {
    int fd;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_x509_crt authorities;
};

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    randombytes_buf(out, len);
    return 0;
}

static int on_send(void *ctx, const unsigned char *data, size_t len)
{
    ssize_t n = send(*(const int *)ctx, data, len, MSG_NOSIGNAL);
    return n >= 0 ? (int)n : MBEDTLS_ERR_SSL_TIMEOUT;
}

static int on_recv(void *ctx, unsigned char *out, size_t cap)
{
    ssize_t n = recv(*(const int *)ctx, out, cap, 0);
    return n >= 0 ? (int)n : MBEDTLS_ERR_SSL_TIMEOUT;
}

static int prepare(struct tls *t, const char *host, struct tls_peer *peer)
{
#if MBEDTLS_VERSION_MAJOR >= 3
    if (psa_crypto_init() != PSA_SUCCESS)
        return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
#endif
    int rc = mbedtls_ssl_config_defaults(&t->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                         MBEDTLS_SSL_PRESET_DEFAULT);
    if (rc != 0)
        return rc;
    const char *list = getenv("SSL_CERT_FILE"); /* as other programs of TLS have it */
    /* Some of the list may be of a kind that is not known; the rest is good. */
    peer->trust_is_known =
        mbedtls_x509_crt_parse_file(&t->authorities, list != NULL ? list : AUTHORITIES) >= 0;
    mbedtls_ssl_conf_ca_chain(&t->config, &t->authorities, NULL);
    /* The handshake goes on with a bad certificate, so that all that is wrong can be said. */
    mbedtls_ssl_conf_authmode(&t->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    mbedtls_ssl_conf_rng(&t->config, random_bytes, NULL);
    rc = mbedtls_ssl_setup(&t->ssl, &t->config);
    if (rc == 0)
        rc = mbedtls_ssl_set_hostname(&t->ssl, host);
    mbedtls_ssl_set_bio(&t->ssl, &t->fd, on_send, on_recv, NULL);
    return rc;
}

static void describe(struct tls *t, struct tls_peer *peer)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&t->ssl);
    uint32_t flags = mbedtls_ssl_get_verify_result(&t->ssl);

    snprintf(peer->version, sizeof(peer->version), "%s", mbedtls_ssl_get_version(&t->ssl));
    peer->end_utc_s = crt != NULL ? certificate_moment(&crt->valid_to) : 0;
    peer->distrust[0] = '\0';
    if (flags == 0)
        return;
    if (mbedtls_x509_crt_verify_info(peer->distrust, sizeof(peer->distrust), "", flags) <= 0)
        snprintf(peer->distrust, sizeof(peer->distrust), "it does not hold");
    /* One line for each reason. */
    for (char *c = peer->distrust; *c != '\0'; c++)
        if (*c == '\n')
            *c = c[1] != '\0' ? ';' : '\0';
}

struct tls *tls_open(int fd, const char *host, struct tls_peer *peer, char *why, size_t why_cap)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        snprintf(why, why_cap, "out of memory");
        return NULL;
    }
    t->fd = fd;
    mbedtls_ssl_init(&t->ssl);
    mbedtls_ssl_config_init(&t->config);
    mbedtls_x509_crt_init(&t->authorities);
    int rc = prepare(t, host, peer);
    if (rc == 0)
        rc = mbedtls_ssl_handshake(&t->ssl);
    if (rc == 0) {
        describe(t, peer);
        return t;
    }
    mbedtls_strerror(rc, why, why_cap);
    tls_close(t);
    return NULL;
}

ssize_t tls_write(struct tls *t, const void *data, size_t len)
{
    int n = mbedtls_ssl_write(&t->ssl, data, len);
    return n < 0 ? -1 : n;
}

ssize_t tls_read(struct tls *t, void *out, size_t cap)
{
    int n;
    do
        n = mbedtls_ssl_read(&t->ssl, out, cap);
#if defined(MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET)
    while (n == MBEDTLS_ERR_SSL_WANT_READ || n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
#else
    while (n == MBEDTLS_ERR_SSL_WANT_READ);
#endif
    if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
        return 0;
    return n < 0 ? -1 : n;
}

void tls_close(struct tls *t)
{
    if (t == NULL)
        return;
    mbedtls_ssl_close_notify(&t->ssl);
    mbedtls_ssl_free(&t->ssl);
    mbedtls_ssl_config_free(&t->config);
    mbedtls_x509_crt_free(&t->authorities);
    free(t);
}
