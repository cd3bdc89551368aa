#define _GNU_SOURCE
#include "tests/integration/caller.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/labels.h"
#include "proto/record.h"
#include "proto/rng.h"
#include "proto/voucher.h"

enum { PATIENCE_MS = 10000 };

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "caller: %s\n", what);
    abort();
}

/* --- bytes --- */

static void send_all(struct caller *c, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            give_up("the relay takes nothing");
        data += n;
        len -= (size_t)n;
    }
}

/* One message, without its length, in c->bytes + WIRE_RECORD_HEADER_BYTES; false: nothing came for so long.
 */
static bool next_message(struct caller *c, struct span *body, int timeout_ms)
{
    size_t used;

    while (framing_next(c->bytes, c->len, 1, WIRE_RECORD_CIPHER_MAX, body, &used) != FRAMING_WHOLE) {
        struct pollfd fd = {c->fd, POLLIN, 0};
        if (poll(&fd, 1, timeout_ms) == 0)
            return false;
        ssize_t n = recv(c->fd, c->bytes + c->len, sizeof(c->bytes) - c->len, 0);
        if (n <= 0)
            give_up("the relay hung up");
        c->len += (size_t)n;
    }
    return true;
}

static void drop_message(struct caller *c, const struct span *body)
{
    size_t used = body->len + WIRE_RECORD_HEADER_BYTES;
    memmove(c->bytes, c->bytes + used, c->len - used);
    c->len -= used;
}

/* --- opening --- */

static void relay_pk(const struct relay_process *r, uint8_t pk[32])
{
    const char *key = strchr(r->address, '/');
    if (key == NULL || sodium_base642bin(pk, 32, key + 1, strlen(key + 1), NULL, NULL, NULL,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        give_up("the relay has no key");
}

static void connect_to(struct caller *c, uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
        give_up("no connection");
}

static void say_hello(struct caller *c, const uint8_t pk[32])
{
    uint8_t prologue[64], hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    struct rng rng = rng_system();
    struct writer w;

    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(&c->hs, NOISE_NKHFS, prologue, w.len, pk);
    hello[0] = WIRE_HELLO_BYTES >> 8;
    hello[1] = WIRE_HELLO_BYTES & 0xff;
    if (noise_write_message1(&c->hs, NULL, 0, hello + WIRE_RECORD_HEADER_BYTES, &rng) != ZG_OK)
        give_up("no first message");
    send_all(c, hello, sizeof(hello));
}

void caller_open(struct caller *c, const struct relay_process *r)
{
    uint8_t pk[32], payload[NOISE_PAYLOAD_MAX];
    struct span body;
    size_t len;

    memset(c, 0, sizeof(*c));
    relay_pk(r, pk);
    connect_to(c, r->port);
    say_hello(c, pk);
    if (!next_message(c, &body, PATIENCE_MS) ||
        noise_read_message2(&c->hs, body.at, body.len, payload, &len) != ZG_OK)
        give_up("no handshake");
    noise_split(&c->hs, &c->out, &c->in);
    drop_message(c, &body);
    reader_init(&c->units, c->plain, 0);
}

void caller_close(struct caller *c)
{
    close(c->fd);
}

/* --- saying and hearing --- */

uint32_t caller_say(struct caller *c, struct command *command)
{
    static uint8_t plain[WIRE_RECORD_PLAIN_MAX];
    static uint8_t buf[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX];
    struct record_writer record;

    command->seq = ++c->seq;
    record_begin(&record, plain);
    struct writer unit = record_unit_begin(&record);
    if (command_encode(command, &unit) != ZG_OK || record_unit_end(&record, &unit) != ZG_OK)
        give_up("a command that does not fit");
    size_t len = record_finish(&record);
    size_t cipher = len + WIRE_TAG_BYTES;
    buf[0] = (uint8_t)(cipher >> 8);
    buf[1] = (uint8_t)cipher;
    noise_encrypt(&c->out, buf + WIRE_RECORD_HEADER_BYTES, plain, len);
    send_all(c, buf, WIRE_RECORD_HEADER_BYTES + cipher);
    return command->seq;
}

bool caller_hear(struct caller *c, struct command *out, int timeout_ms)
{
    struct span unit, body;

    while (record_next(&c->units, &unit) != FRAMING_WHOLE) {
        if (!next_message(c, &body, timeout_ms))
            return false;
        if (noise_decrypt(&c->in, c->plain, body.at, body.len) != ZG_OK)
            give_up("a record that does not open");
        reader_init(&c->units, c->plain, body.len - WIRE_TAG_BYTES);
        drop_message(c, &body);
    }
    if (command_decode(COMMAND_FROM_RELAY, unit.at, unit.len, out) != ZG_OK)
        give_up("the relay said what is not in the protocol");
    return true;
}

enum status caller_reply(struct caller *c, uint32_t seq, int timeout_ms)
{
    struct command reply;
    if (!caller_hear(c, &reply, timeout_ms))
        give_up("no reply");
    if (reply.op != OP_REPLY || reply.seq != seq)
        give_up("another reply was due");
    return reply.u.reply.status;
}

/* --- queues --- */

static void secret_from(uint8_t out[32], enum role role, uint32_t n, struct name *name)
{
    const uint8_t number[5] = {(uint8_t)role, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                               (uint8_t)n};
    crypto_generichash(out, 32, number, sizeof(number), NULL, 0);
    secret_name(role, out, name);
}

void secrets_from(struct queue_secrets *q, uint32_t n)
{
    secret_from(q->put, ROLE_PUT, n, &q->put_name);
    secret_from(q->take, ROLE_TAKE, n, &q->take_name);
    secret_from(q->own, ROLE_OWN, n, &q->own_name);
    secret_from(q->end, ROLE_END, n, &q->end_name);
}

uint32_t caller_create(struct caller *c, const struct relay_process *r, const struct queue_secrets *q)
{
    char said[512];
    uint8_t voucher[WIRE_SECRET_BYTES];
    const char *const make[] = {r->program, "voucher", "new", r->dir, "--kind", "conversation", NULL};
    if (process_run(make, NULL, said, sizeof(said)) != 0 ||
        voucher_parse(voucher, said, strlen(said)) != ZG_OK)
        give_up("no voucher");
    struct queue_names names = {.put = q->put_name.b, .takes = 1, .own = q->own_name.b, .end = q->end_name.b};
    names.take[0] = q->take_name.b;
    struct command create = {.op = OP_QUEUE_CREATE, .u.queue_create = {voucher, QUEUE_CONVERSATION, names}};
    return caller_say(c, &create);
}

uint32_t caller_send(struct caller *c, const struct queue_secrets *q, uint32_t handle, uint8_t fill,
                     uint8_t ttl)
{
    uint8_t envelope[WIRE_ENVELOPE_BYTES], bytes[WIRE_HANDLE_BYTES] = {0};
    struct command send = {.op = OP_SEND, .u.send = {SEND_PUT, q->put, ttl, bytes, envelope}};
    memset(envelope, fill, sizeof(envelope));
    memcpy(bytes, &handle, sizeof(handle));
    return caller_say(c, &send);
}

uint32_t caller_cancel(struct caller *c, uint32_t handle)
{
    uint8_t bytes[WIRE_HANDLE_BYTES] = {0};
    struct command cancel = {.op = OP_CANCEL, .u.cancel = {bytes}};
    memcpy(bytes, &handle, sizeof(handle));
    return caller_say(c, &cancel);
}

uint32_t caller_delete(struct caller *c, const struct queue_secrets *q)
{
    struct command del = {.op = OP_QUEUE_DELETE, .u.queue_delete = {DELETE_OWN, q->own}};
    return caller_say(c, &del);
}

void caller_subscribe(struct caller *c, const struct queue_secrets *q, uint8_t subscription[8])
{
    struct command say = {.op = OP_SUBSCRIBE, .u.subscribe = {q->take, 16}}, heard;
    caller_say(c, &say);
    if (!caller_hear(c, &heard, PATIENCE_MS) || heard.op != OP_SUBSCRIBED)
        give_up("not subscribed");
    memcpy(subscription, heard.u.subscribed.subscription, 8);
}

enum message_fate caller_fate(struct caller *c, uint32_t handle)
{
    uint8_t bytes[WIRE_HANDLE_BYTES] = {0};
    struct command say = {.op = OP_STATUS, .u.status = {{bytes}, 1}}, heard;
    memcpy(bytes, &handle, sizeof(handle));
    caller_say(c, &say);
    if (!caller_hear(c, &heard, PATIENCE_MS) || heard.op != OP_STATES || heard.u.states.count != 1)
        give_up("no fate");
    return (enum message_fate)heard.u.states.fates[0];
}
