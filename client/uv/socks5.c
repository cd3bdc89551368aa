#define _POSIX_C_SOURCE 200809L

#include "client/uv/socks5.h"

#include <string.h>
#include <uv.h>

enum {
    VERSION = 5,
    METHOD_NONE = 0,
    METHOD_PASSWORD = 2,
    LOGIN_VERSION = 1,
    COMMAND_CONNECT = 1,
    ADDRESS_V4 = 1,
    ADDRESS_NAME = 3,
    ADDRESS_V6 = 4,
};

static void put(struct socks5 *s, const void *data, size_t len)
{
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
}

static void put_u8(struct socks5 *s, size_t v)
{
    const uint8_t b = (uint8_t)v;
    put(s, &b, 1);
}

bool socks5_init(struct socks5 *s, const char *host, uint16_t port, const uint8_t isolation[SOCKS5_ISOLATION_BYTES])
{
    size_t len = strlen(host);
    if (len == 0 || len > SOCKS5_HOST_MAX)
        return false;
    memset(s, 0, sizeof(*s));
    memcpy(s->host, host, len);
    s->port = port;
    memcpy(s->isolation, isolation, SOCKS5_ISOLATION_BYTES);
    put(s, (const uint8_t[]){VERSION, 2, METHOD_NONE, METHOD_PASSWORD}, 4);
    return true;
}

static void put_hex(struct socks5 *s, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    put_u8(s, 2 * len);
    for (size_t i = 0; i < len; i++) {
        put_u8(s, (size_t)digits[data[i] >> 4]);
        put_u8(s, (size_t)digits[data[i] & 15]);
    }
}

static enum socks5_step say_login(struct socks5 *s)
{
    const size_t half = SOCKS5_ISOLATION_BYTES / 2;
    s->out_len = 0;
    put_u8(s, LOGIN_VERSION);
    put_hex(s, s->isolation, half);
    put_hex(s, s->isolation + half, half);
    s->state = SOCKS5_LOGIN;
    return SOCKS5_SEND;
}

static enum socks5_step say_connect(struct socks5 *s)
{
    uint8_t ip[16];
    s->out_len = 0;
    put(s, (const uint8_t[]){VERSION, COMMAND_CONNECT, 0}, 3);
    if (uv_inet_pton(AF_INET, s->host, ip) == 0) {
        put_u8(s, ADDRESS_V4);
        put(s, ip, 4);
    } else if (uv_inet_pton(AF_INET6, s->host, ip) == 0) {
        put_u8(s, ADDRESS_V6);
        put(s, ip, 16);
    } else {
        size_t len = strlen(s->host);
        put_u8(s, ADDRESS_NAME);
        put_u8(s, len);
        put(s, s->host, len);
    }
    put_u8(s, s->port >> 8);
    put_u8(s, s->port & 0xff);
    s->state = SOCKS5_REPLY;
    return SOCKS5_SEND;
}

/* How many bytes the present answer has, as far as what came tells. */
static size_t wanted(const struct socks5 *s)
{
    if (s->state != SOCKS5_REPLY)
        return 2;
    if (s->in_len < 5)
        return 5;
    switch (s->in[3]) {
    case ADDRESS_V4:
        return 4 + 4 + 2;
    case ADDRESS_V6:
        return 4 + 16 + 2;
    case ADDRESS_NAME:
        return 4 + 1 + (size_t)s->in[4] + 2;
    default:
        return 5; /* answered below: refused */
    }
}

static enum socks5_step answer(struct socks5 *s)
{
    const uint8_t *in = s->in;
    s->in_len = 0;
    switch (s->state) {
    case SOCKS5_METHOD:
        if (in[0] == VERSION && in[1] == METHOD_PASSWORD)
            return say_login(s);
        return in[0] == VERSION && in[1] == METHOD_NONE ? say_connect(s) : SOCKS5_REFUSED;
    case SOCKS5_LOGIN:
        return in[0] == LOGIN_VERSION && in[1] == 0 ? say_connect(s) : SOCKS5_REFUSED;
    case SOCKS5_REPLY:
        return in[3] == ADDRESS_V4 || in[3] == ADDRESS_V6 || in[3] == ADDRESS_NAME ? SOCKS5_OPEN : SOCKS5_REFUSED;
    }
    return SOCKS5_REFUSED;
}

/* A proxy that refuses may say no more than that: version and reason are enough. */
static bool refused_already(const struct socks5 *s)
{
    return s->state == SOCKS5_REPLY && ((s->in_len >= 1 && s->in[0] != VERSION) || (s->in_len >= 2 && s->in[1] != 0));
}

enum socks5_step socks5_feed(struct socks5 *s, const uint8_t *data, size_t len, size_t *used)
{
    size_t n = 0;
    while (n < len) {
        s->in[s->in_len++] = data[n++];
        *used = n;
        if (refused_already(s))
            return SOCKS5_REFUSED;
        if (s->in_len == wanted(s))
            return answer(s);
    }
    *used = n;
    return SOCKS5_MORE;
}
