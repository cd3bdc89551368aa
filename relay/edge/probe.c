#define _GNU_SOURCE
#include "relay/edge/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "proto/bytes.h"
#include "proto/labels.h"
#include "proto/noise.h"
#include "proto/wire.h"

enum { FRAME_MAX = 2048 };

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- names --- */

size_t probe_resolve(const char *host, uint16_t port, struct probe_address out[PROBE_ADDRESSES_MAX],
                     char *why, size_t why_cap)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL;
    char service[8];
    size_t n = 0;

    snprintf(service, sizeof(service), "%u", (unsigned)port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        snprintf(why, why_cap, "%s", gai_strerror(rc));
        return 0;
    }
    for (const struct addrinfo *a = found; a != NULL && n < PROBE_ADDRESSES_MAX; a = a->ai_next) {
        memcpy(&out[n].socket, a->ai_addr, a->ai_addrlen);
        out[n].len = a->ai_addrlen;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, out[n].text, sizeof(out[n].text), NULL, 0,
                        NI_NUMERICHOST) == 0)
            n++;
    }
    freeaddrinfo(found);
    return n;
}

/* --- connections --- */

/* Waits until it is connected or is not going to be. */
static int await_connection(int fd)
{
    struct pollfd ready = {fd, POLLOUT, 0};
    int error = 0;
    socklen_t len = sizeof(error);
    int n = poll(&ready, 1, PROBE_PATIENCE_S * 1000);
    if (n <= 0)
        return ETIMEDOUT;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void make_blocking(int fd)
{
    const struct timeval patience = {PROBE_PATIENCE_S, 0};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

bool probe_connect(struct probe *p, const struct probe_address *to, unsigned *took_ms, char *why,
                   size_t why_cap)
{
    uint64_t since = now_ms();
    int rc = 0;

    *p = (struct probe){.fd = socket(to->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (p->fd < 0 || connect(p->fd, (const struct sockaddr *)&to->socket, to->len) != 0)
        rc = errno == EINPROGRESS ? await_connection(p->fd) : errno;
    if (rc == 0) {
        make_blocking(p->fd);
        *took_ms = (unsigned)(now_ms() - since);
        return true;
    }
    snprintf(why, why_cap, "%s", rc == ECONNREFUSED ? "nothing listens there" : strerror(rc));
    probe_close(p);
    return false;
}

static bool write_all(struct probe *p, const uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = p->tls != NULL ? tls_write(p->tls, at, len) : send(p->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* RFC 6455: what a client sends is masked; with zeros that changes nothing, and nothing here is to be hidden.
 */
static bool write_frame(struct probe *p, const void *data, size_t len)
{
    uint8_t frame[8 + FRAME_MAX] = {0x82, 0x80 | 126, (uint8_t)(len >> 8), (uint8_t)len};
    if (len < 126 || len > FRAME_MAX)
        return false;
    memcpy(frame + 8, data, len);
    return write_all(p, frame, 8 + len);
}

bool probe_write(struct probe *p, const void *data, size_t len)
{
    return p->frames ? write_frame(p, data, len) : write_all(p, data, len);
}

static ssize_t read_some(struct probe *p, void *out, size_t cap)
{
    return p->tls != NULL ? tls_read(p->tls, out, cap) : recv(p->fd, out, cap, 0);
}

/* A binary frame's head, its length in p->frame_left; as recv if there is none. */
static ssize_t read_frame_head(struct probe *p)
{
    uint8_t head[4];
    size_t len = 0, wanted = 2;
    while (len < wanted) {
        ssize_t n = read_some(p, head + len, wanted - len);
        if (n <= 0)
            return n;
        len += (size_t)n;
        if (len >= 2 && (head[1] & 0x7f) == 126)
            wanted = 4;
    }
    if ((head[0] & 0x0f) != 2 || head[1] > 126)
        return 0; /* it ends the conversation, or says what no relay says here */
    p->frame_left = wanted == 4 ? ((size_t)head[2] << 8) | head[3] : head[1];
    return 1;
}

ssize_t probe_read(struct probe *p, void *out, size_t cap)
{
    if (!p->frames)
        return read_some(p, out, cap);
    while (p->frame_left == 0) {
        ssize_t n = read_frame_head(p);
        if (n <= 0)
            return n;
    }
    ssize_t n = read_some(p, out, cap < p->frame_left ? cap : p->frame_left);
    if (n > 0)
        p->frame_left -= (size_t)n;
    return n;
}

void probe_close(struct probe *p)
{
    tls_close(p->tls);
    if (p->fd >= 0)
        close(p->fd);
    *p = (struct probe){.fd = -1};
}

/* --- the handshake --- */

static bool say_hello(struct probe *p, struct noise_handshake *hs, const uint8_t relay_pk[32])
{
    uint8_t prologue[64], hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    struct rng rng = rng_system();
    struct writer w;

    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(hs, NOISE_NKHFS, prologue, w.len, relay_pk);
    hello[0] = WIRE_HELLO_BYTES >> 8;
    hello[1] = WIRE_HELLO_BYTES & 0xff;
    return noise_write_message1(hs, NULL, 0, hello + WIRE_RECORD_HEADER_BYTES, &rng) == ZG_OK &&
           probe_write(p, hello, sizeof(hello));
}

/* HANDSHAKE_GOOD: in is full. */
static enum probe_handshake hear(struct probe *p, uint8_t *in, size_t wanted)
{
    size_t len = 0;
    while (len < wanted) {
        ssize_t n = probe_read(p, in + len, wanted - len);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return len == 0 ? HANDSHAKE_HUNG_UP : HANDSHAKE_FOREIGN;
        if (n < 0)
            return len == 0 ? HANDSHAKE_SILENT : HANDSHAKE_FOREIGN;
        len += (size_t)n;
        if (len >= 2 && ((in[0] << 8) | in[1]) != WIRE_WELCOME_BYTES)
            return HANDSHAKE_FOREIGN;
    }
    return HANDSHAKE_GOOD;
}

static enum probe_handshake read_welcome(struct noise_handshake *hs, const uint8_t *in,
                                         struct probe_welcome *out)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    struct reader r;
    size_t len;

    if (noise_read_message2(hs, in + WIRE_RECORD_HEADER_BYTES, WIRE_WELCOME_BYTES, payload, &len) != ZG_OK ||
        len != WIRE_WELCOME_PAYLOAD_BYTES)
        return HANDSHAKE_FOREIGN;
    reader_init(&r, payload, len);
    if (reader_u8(&r) != WIRE_VERSION)
        return HANDSHAKE_FOREIGN;
    out->utc_minute = reader_u32(&r);
    out->ttl_ceiling = reader_u8(&r);
    return HANDSHAKE_GOOD;
}

enum probe_handshake probe_handshake(struct probe *p, const uint8_t relay_pk[32], struct probe_welcome *out)
{
    uint8_t in[WIRE_RECORD_HEADER_BYTES + WIRE_WELCOME_BYTES];
    struct noise_handshake hs;
    uint64_t since = now_ms();

    enum probe_handshake result = HANDSHAKE_HUNG_UP;
    if (say_hello(p, &hs, relay_pk))
        result = hear(p, in, sizeof(in));
    if (result == HANDSHAKE_GOOD)
        result = read_welcome(&hs, in, out);
    noise_handshake_clear(&hs);
    out->took_ms = (unsigned)(now_ms() - since);
    return result;
}
