#include "tests/support/fake_relay.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/labels.h"
#include "proto/record.h"

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "fake relay: %s\n", what);
    abort();
}

static void *get(size_t len)
{
    void *p = malloc(len);
    check(p != NULL, "out of memory");
    return p;
}

static void start(struct fake_relay *r)
{
    uint8_t prologue[64];
    struct writer w;
    writer_init(&w, prologue, sizeof(prologue));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_responder_init(&r->handshake, NOISE_NKHFS, prologue, w.len, r->sk, r->pk);
}

void fake_relay_init(struct fake_relay *r, uint64_t seed, uint32_t utc_minute)
{
    struct writer w;
    memset(r, 0, sizeof(*r));
    r->rng = rng_seeded(&r->seed, seed);
    rng_fill(&r->rng, r->sk, sizeof(r->sk));
    crypto_scalarmult_curve25519_base(r->pk, r->sk);
    writer_init(&w, r->welcome, sizeof(r->welcome));
    writer_u8(&w, WIRE_VERSION);
    writer_u32(&w, utc_minute);
    writer_u8(&w, WIRE_TTL_30D);
    writer_u16(&w, 250);
    writer_u16(&w, WIRE_WINDOW_MAX);
    r->in = get(FAKE_BUFFER);
    r->out = get(FAKE_BUFFER);
    start(r);
}

static void drop_units(struct fake_relay *r)
{
    for (size_t i = 0; i < r->unit_count; i++)
        free(r->units[i]);
    r->unit_count = 0;
    free(r->current);
    r->current = NULL;
}

void fake_relay_clear(struct fake_relay *r)
{
    drop_units(r);
    free(r->in);
    free(r->out);
}

void fake_relay_restart(struct fake_relay *r)
{
    drop_units(r);
    r->open = false;
    r->in_len = r->out_len = 0;
    start(r);
}

static uint8_t *frame(struct fake_relay *r, size_t len)
{
    check(r->out_len + 2 + len <= FAKE_BUFFER, "too much to say");
    uint8_t *at = r->out + r->out_len;
    at[0] = (uint8_t)(len >> 8);
    at[1] = (uint8_t)len;
    r->out_len += 2 + len;
    return at + 2;
}

static void hello(struct fake_relay *r, const struct span *body)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t len;
    check(noise_read_message1(&r->handshake, body->at, body->len, payload, &len) == ZG_OK, "message 1");
    check(len == 0, "message 1 carries something");
    check(noise_write_message2(&r->handshake, r->welcome, sizeof(r->welcome), frame(r, WIRE_WELCOME_BYTES),
                               &r->rng) == ZG_OK,
          "message 2");
    noise_split(&r->handshake, &r->receive, &r->send);
    r->open = true;
}

static void take_record(struct fake_relay *r, const struct span *body)
{
    uint8_t *plain = get(body->len);
    struct reader reader;
    struct span unit;
    enum framing framing;

    check(record_length_ok(body->len), "a record of a length that none has");
    check(noise_decrypt(&r->receive, plain, body->at, body->len) == ZG_OK, "a record that does not open");
    r->records++;
    reader_init(&reader, plain, body->len - WIRE_TAG_BYTES);
    while ((framing = record_next(&reader, &unit)) == FRAMING_WHOLE) {
        check(r->unit_count < FAKE_COMMANDS_MAX, "too many commands");
        r->units[r->unit_count] = get(unit.len);
        memcpy(r->units[r->unit_count], unit.at, unit.len);
        r->unit_lens[r->unit_count++] = unit.len;
    }
    check(framing == FRAMING_PARTIAL, "a record with bad padding");
    free(plain);
}

void fake_relay_receive(struct fake_relay *r, const uint8_t *data, size_t len)
{
    struct span body;
    size_t used;

    check(r->in_len + len <= FAKE_BUFFER, "too much to hear");
    memcpy(r->in + r->in_len, data, len);
    r->in_len += len;
    while (framing_next(r->in, r->in_len, 1, WIRE_RECORD_CIPHER_MAX, &body, &used) == FRAMING_WHOLE) {
        if (r->open)
            take_record(r, &body);
        else
            hello(r, &body);
        memmove(r->in, r->in + used, r->in_len - used);
        r->in_len -= used;
    }
}

bool fake_relay_next(struct fake_relay *r, struct command *out)
{
    if (r->unit_count == 0)
        return false;
    free(r->current);
    r->current = r->units[0];
    size_t len = r->unit_lens[0];
    r->unit_count--;
    memmove(r->units, r->units + 1, r->unit_count * sizeof(r->units[0]));
    memmove(r->unit_lens, r->unit_lens + 1, r->unit_count * sizeof(r->unit_lens[0]));
    check(command_decode(COMMAND_FROM_CLIENT, r->current, len, out) == ZG_OK, "a command that is none");
    return true;
}

struct command fake_relay_expect(struct fake_relay *r, enum op op)
{
    struct command c;
    check(fake_relay_next(r, &c), "no command came");
    if (c.op != op)
        fprintf(stderr, "fake relay: %s instead of %s\n", op_name(c.op), op_name(op));
    check(c.op == op, "another command came");
    return c;
}

void fake_relay_say_plain(struct fake_relay *r, const uint8_t *plain, size_t len)
{
    noise_encrypt(&r->send, frame(r, len + WIRE_TAG_BYTES), plain, len);
}

void fake_relay_say(struct fake_relay *r, const struct command *commands, size_t count)
{
    uint8_t *plain = get(WIRE_RECORD_PLAIN_MAX);
    struct record_writer record;

    record_begin(&record, plain);
    for (size_t i = 0; i < count; i++) {
        struct writer unit = record_unit_begin(&record);
        check(command_encode(&commands[i], &unit) == ZG_OK, "a command that cannot be said");
        check(record_unit_end(&record, &unit) == ZG_OK, "too much for a record");
    }
    fake_relay_say_plain(r, plain, record_finish(&record));
    free(plain);
}

void fake_relay_reply(struct fake_relay *r, uint32_t seq, enum status status, uint32_t retry_after)
{
    struct command reply = {.op = OP_REPLY, .seq = seq};
    reply.u.reply.status = status;
    reply.u.reply.retry_after = retry_after;
    fake_relay_say(r, &reply, 1);
}
