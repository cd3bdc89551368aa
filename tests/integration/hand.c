#define _GNU_SOURCE

#include "tests/integration/hand.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proto/labels.h"
#include "proto/record.h"

enum { HANDSHAKE_MS = 5000, SETTLE_AT = 6 /* in the payload of message 2 */ };

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "hand: %s\n", what);
    abort();
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- bytes --- */

static bool send_all(struct hand *h, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(h->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool receive_more(struct hand *h, int64_t deadline)
{
    int64_t left = deadline - now_ms();
    struct pollfd fd = {h->fd, POLLIN, 0};
    if (poll(&fd, 1, left > 0 ? (int)left : 0) <= 0)
        return false;
    ssize_t n = recv(h->fd, h->bytes + h->len, sizeof(h->bytes) - h->len, 0);
    if (n <= 0) {
        hand_close(h);
        return false;
    }
    h->len += (size_t)n;
    return true;
}

/* What stands behind the next length; taken out of the buffer by drop. */
static bool next_body(struct hand *h, struct span *body, size_t *used, int64_t deadline)
{
    while (framing_next(h->bytes, h->len, 1, WIRE_RECORD_CIPHER_MAX, body, used) == FRAMING_PARTIAL)
        if (h->fd < 0 || !receive_more(h, deadline))
            return false;
    return true;
}

static void drop(struct hand *h, size_t used)
{
    memmove(h->bytes, h->bytes + used, h->len - used);
    h->len -= used;
}

/* --- connecting --- */

static bool connect_to(struct hand *h, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    h->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (h->fd < 0)
        give_up("no socket");
    setsockopt(h->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(h->fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
        return true;
    hand_close(h);
    return false;
}

static bool shake(struct hand *h, const uint8_t relay_pk[NOISE_KEY_BYTES])
{
    uint8_t prologue[64], hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES], welcome[NOISE_PAYLOAD_MAX];
    const struct rng rng = rng_system();
    struct noise_handshake hs;
    struct span body;
    struct writer w;
    size_t used, len;
    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(&hs, NOISE_NKHFS, prologue, w.len, relay_pk);
    hello[0] = WIRE_HELLO_BYTES >> 8;
    hello[1] = WIRE_HELLO_BYTES & 0xff;
    bool ok = noise_write_message1(&hs, NULL, 0, hello + WIRE_RECORD_HEADER_BYTES, &rng) == ZG_OK &&
              send_all(h, hello, sizeof(hello)) && next_body(h, &body, &used, now_ms() + HANDSHAKE_MS);
    if (ok && noise_read_message2(&hs, body.at, body.len, welcome, &len) != ZG_OK)
        give_up("a handshake that does not fit");
    if (ok) {
        h->settle_ms = (uint16_t)(welcome[SETTLE_AT] << 8 | welcome[SETTLE_AT + 1]);
        drop(h, used);
        noise_split(&hs, &h->out, &h->in);
    }
    noise_handshake_clear(&hs);
    return ok;
}

bool hand_open(struct hand *h, const char *address)
{
    uint8_t pk[NOISE_KEY_BYTES];
    size_t len;
    const char *colon = strchr(address, ':'), *slash = strchr(address, '/');
    memset(h, 0, sizeof(*h));
    h->fd = -1;
    if (colon == NULL || slash == NULL ||
        sodium_base642bin(pk, sizeof(pk), slash + 1, strlen(slash + 1), NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        len != sizeof(pk))
        give_up("not an address");
    if (!connect_to(h, (uint16_t)strtoul(colon + 1, NULL, 10)))
        return false;
    if (shake(h, pk))
        return true;
    hand_close(h);
    return false;
}

void hand_close(struct hand *h)
{
    if (h->fd >= 0)
        close(h->fd);
    h->fd = -1;
}

/* --- talking --- */

uint32_t hand_say(struct hand *h, struct command *c)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    static uint8_t sealed[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    struct record_writer record;
    if (h->fd < 0)
        return 0;
    c->seq = ++h->seq;
    record_begin(&record, plain);
    struct writer unit = record_unit_begin(&record);
    if (command_encode(c, &unit) != ZG_OK || record_unit_end(&record, &unit) != ZG_OK)
        give_up("a command that does not fit");
    size_t len = record_finish(&record) + WIRE_TAG_BYTES;
    sealed[0] = (uint8_t)(len >> 8);
    sealed[1] = (uint8_t)len;
    noise_encrypt(&h->out, sealed + WIRE_RECORD_HEADER_BYTES, plain, len - WIRE_TAG_BYTES);
    if (send_all(h, sealed, WIRE_RECORD_HEADER_BYTES + len))
        return c->seq;
    hand_close(h);
    return 0;
}

static bool next_record(struct hand *h, int64_t deadline)
{
    struct span body;
    size_t used;
    if (!next_body(h, &body, &used, deadline))
        return false;
    if (!record_length_ok(body.len) || noise_decrypt(&h->in, h->plain, body.at, body.len) != ZG_OK)
        give_up("a record that does not open");
    h->plain_len = body.len - WIRE_TAG_BYTES;
    h->plain_at = 0;
    drop(h, used);
    return true;
}

bool hand_hear(struct hand *h, struct command *out, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    struct reader r;
    struct span unit;
    for (;;) {
        reader_init(&r, h->plain + h->plain_at, h->plain_len - h->plain_at);
        enum framing framing = record_next(&r, &unit);
        if (framing == FRAMING_BAD)
            give_up("a record with damaged units");
        if (framing == FRAMING_WHOLE) {
            h->plain_at = (size_t)(unit.at - h->plain) + unit.len;
            if (command_decode(COMMAND_FROM_RELAY, unit.at, unit.len, out) != ZG_OK)
                give_up("the relay said what is not in the protocol");
            return true;
        }
        if (!next_record(h, deadline))
            return false;
    }
}
