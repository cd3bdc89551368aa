/*
 * Happy path: connect -> (handshake) -> open; bytes -> record -> units -> heard; mark -> end of the turn -> fill -> record ->
 * one write. Failure: whatever goes wrong on a connection ends in drop(), once, and from there in lost().
 */
#define _GNU_SOURCE
#include "tests/bench/cable.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/labels.h"

static void on_closed(uv_handle_t *h)
{
    struct cable *c = h->data;
    free(c->held);
    free(c->unsent);
    free(c->hs);
    noise_cipher_clear(&c->in);
    noise_cipher_clear(&c->out);
    if (c->why != NULL)
        c->events->lost(c, c->why);
    else if (c->events->closed != NULL)
        c->events->closed(c);
}

static void unmark(struct cable *c)
{
    struct cable **at = &c->yard->marked;
    while (*at != NULL && *at != c)
        at = &(*at)->next_marked;
    if (*at == c)
        *at = c->next_marked;
    c->is_marked = false;
}

static void drop(struct cable *c, const char *why)
{
    if (c->is_closing)
        return;
    c->is_closing = true;
    c->why = why;
    if (c->is_marked)
        unmark(c);
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

void cable_close(struct cable *c)
{
    drop(c, NULL);
}

void cable_mark(struct cable *c)
{
    if (c->is_marked || c->is_closing || !c->is_open)
        return;
    c->is_marked = true;
    c->next_marked = c->yard->marked;
    c->yard->marked = c;
}

/* --- writing --- */

static void on_written(uv_write_t *w, int status)
{
    struct cable *c = w->data;
    free(c->unsent);
    c->unsent = NULL;
    if (status != 0)
        drop(c, "writing failed");
    else
        cable_mark(c);
}

static void put(struct cable *c, const uint8_t *bytes, size_t len)
{
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)bytes, (unsigned)len);
    int n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
        drop(c, "writing failed");
        return;
    }
    size_t done = n > 0 ? (size_t)n : 0;
    c->yard->bytes_out += len;
    if (done == len)
        return;
    c->unsent = malloc(len - done);
    if (c->unsent == NULL) {
        drop(c, "no memory");
        return;
    }
    memcpy(c->unsent, bytes + done, len - done);
    buf = uv_buf_init((char *)c->unsent, (unsigned)(len - done));
    c->writing.data = c;
    if (uv_write(&c->writing, (uv_stream_t *)&c->tcp, &buf, 1, on_written) != 0)
        drop(c, "writing failed");
}

/* The plaintext of yard->plain as a record behind at; returns its length on the wire. */
static size_t wrap(struct cable *c, uint8_t *at, size_t len)
{
    const uint8_t *plain = c->yard->plain;
    size_t body = len;
    if (c->yard->mode == CABLE_PLAIN) {
        memcpy(at + WIRE_RECORD_HEADER_BYTES, plain, len);
    } else {
        noise_encrypt(&c->out, at + WIRE_RECORD_HEADER_BYTES, plain, len);
        body += WIRE_TAG_BYTES;
    }
    at[0] = (uint8_t)(body >> 8);
    at[1] = (uint8_t)body;
    c->yard->records_out++;
    return WIRE_RECORD_HEADER_BYTES + body;
}

static void flush(struct cable *c)
{
    struct yard *y = c->yard;
    size_t len = 0;
    bool more = true;
    while (more && len + WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX <= YARD_WRITE_BYTES) {
        struct record_writer r;
        record_begin(&r, y->plain);
        c->events->fill(c, &r);
        more = !record_empty(&r);
        if (more)
            len += wrap(c, y->write_buf + len, record_finish(&r));
    }
    if (len > 0)
        put(c, y->write_buf, len);
    if (more)
        cable_mark(c);
}

static void flush_all(struct yard *y)
{
    while (y->marked != NULL) {
        struct cable *c = y->marked;
        y->marked = c->next_marked;
        c->is_marked = false;
        if (c->unsent == NULL) /* else on_written marks it again */
            flush(c);
    }
}

static void on_prepare(uv_prepare_t *h)
{
    flush_all(h->data);
}

static void on_check(uv_check_t *h)
{
    flush_all(h->data);
}

/* --- reading --- */

/* Decrypts in place from `done` on, as far as `to`, without looking at the tag; returns how far it came. */
static size_t skim_to(const struct noise_cipher *cipher, uint8_t *body, size_t len, size_t done, size_t to)
{
    uint8_t nonce[crypto_stream_chacha20_IETF_NONCEBYTES] = {0};
    size_t end = (to + 63) / 64 * 64;
    if (end > len)
        end = len;
    if (end <= done)
        return done;
    for (size_t i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(cipher->n >> (8 * i));
    crypto_stream_chacha20_ietf_xor_ic(body + done, body + done, end - done, nonce, (uint32_t)(done / 64) + 1,
                                       cipher->k);
    return end;
}

/* The units of a large record with only the beginning of each decrypted. */
static bool skim_record(struct cable *c, uint8_t *body, size_t cipher_len)
{
    size_t len = cipher_len - WIRE_TAG_BYTES;
    size_t at = 0, done = 0;
    while (len - at >= 2 && !c->is_closing) {
        if (done < at)
            done = at / 64 * 64;
        done = skim_to(&c->in, body, len, done, at + CABLE_SKIM_BYTES);
        size_t unit = (size_t)body[at] << 8 | body[at + 1];
        if (unit == 0)
            break;
        if (unit > len - at - 2 || !c->events->heard(c, (struct span){body + at + 2, unit}))
            return false;
        at += 2 + unit;
    }
    c->in.n++;
    return true;
}

static bool whole_record(struct cable *c, uint8_t *body, size_t len)
{
    struct reader plain;
    struct span unit;
    enum framing f;
    if (c->yard->mode != CABLE_PLAIN) {
        if (noise_decrypt(&c->in, body, body, len) != ZG_OK)
            return false;
        len -= WIRE_TAG_BYTES;
    }
    reader_init(&plain, body, len);
    while ((f = record_next(&plain, &unit)) == FRAMING_WHOLE) {
        if (!c->events->heard(c, unit))
            return false;
        if (c->is_closing)
            return true;
    }
    return f != FRAMING_BAD;
}

static bool take_record(struct cable *c, uint8_t *body, size_t len)
{
    struct yard *y = c->yard;
    size_t tag = y->mode == CABLE_PLAIN ? 0 : WIRE_TAG_BYTES;
    if (!record_length_ok(len + WIRE_TAG_BYTES - tag))
        return false;
    y->records_in++;
    /* Records that end a period are read whole, so that a rekey, which falls on such a record, is noticed. */
    if (y->skim && y->mode != CABLE_PLAIN && len >= WIRE_RECORD_UNIT_BYTES &&
        (c->in.n + 1) % CABLE_SKIM_PERIOD != 0)
        return skim_record(c, body, len);
    return whole_record(c, body, len);
}

static bool take_welcome(struct cable *c, const uint8_t *body, size_t len)
{
    uint8_t payload[NOISE_PAYLOAD_MAX];
    size_t payload_len;
    if (len != WIRE_WELCOME_BYTES || noise_read_message2(c->hs, body, len, payload, &payload_len) != ZG_OK)
        return false;
    noise_split(c->hs, &c->out, &c->in);
    free(c->hs);
    c->hs = NULL;
    struct reader r; /* version, minute, ceiling, settle */
    reader_init(&r, payload, payload_len);
    (void)reader_take(&r, 1 + 4 + 1);
    c->yard->settle_ms = reader_u16(&r);
    c->is_open = true;
    c->events->open(c);
    return true;
}

/* Consumes whole records from the start of the yard's buffer, which holds len bytes; returns how many bytes they took. */
static size_t consume(struct cable *c, size_t len)
{
    uint8_t *buf = c->yard->read_buf;
    size_t used = 0;
    while (!c->is_closing) {
        struct span body;
        size_t n;
        enum framing f = framing_next(buf + used, len - used, 1, UINT16_MAX, &body, &n);
        if (f != FRAMING_WHOLE)
            break;
        uint8_t *at = buf + used + WIRE_RECORD_HEADER_BYTES;
        used += n;
        if (!(c->hs != NULL ? take_welcome(c, at, body.len) : take_record(c, at, body.len)))
            drop(c, "a record made no sense");
    }
    return used;
}

/* What is held goes in front of what is read next. */
static void lend(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct cable *c = h->data;
    (void)suggested;
    if (c->held_len > 0)
        memcpy(c->yard->read_buf, c->held, c->held_len);
    *buf = uv_buf_init((char *)c->yard->read_buf + c->held_len, (unsigned)(YARD_READ_BYTES - c->held_len));
}

static void hold(struct cable *c, const uint8_t *bytes, size_t len)
{
    free(c->held);
    c->held = NULL;
    c->held_len = 0;
    if (len == 0)
        return;
    c->held = malloc(len);
    if (c->held == NULL) {
        drop(c, "no memory");
        return;
    }
    memcpy(c->held, bytes, len);
    c->held_len = len;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct cable *c = s->data;
    (void)buf;
    if (n < 0) {
        drop(c, n == UV_EOF ? "the other side closed the connection" : "reading failed");
        return;
    }
    if (n == 0)
        return;
    c->yard->bytes_in += (uint64_t)n;
    size_t len = c->held_len + (size_t)n;
    size_t used = consume(c, len);
    if (!c->is_closing)
        hold(c, c->yard->read_buf + used, len - used);
    /* Not at the end of the turn: else both sides would take turns, each waiting until the other has seen all its connections. */
    flush_all(c->yard);
}

/* --- beginnings --- */

/* Keys that everybody knows: they cost what secret ones cost. */
static void known_keys(struct cable *c, bool server)
{
    memset(c->in.k, server ? 1 : 2, sizeof(c->in.k));
    memset(c->out.k, server ? 2 : 1, sizeof(c->out.k));
}

/* Step 1 of section 2.1. */
static void say_hello(struct cable *c)
{
    uint8_t bytes[64], hello[WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES];
    struct writer w;
    struct rng rng = rng_system();
    c->hs = malloc(sizeof(*c->hs));
    if (c->hs == NULL) {
        drop(c, "no memory");
        return;
    }
    writer_init(&w, bytes, sizeof(bytes));
    writer_lp(&w, LABEL_PROLOGUE, sizeof(LABEL_PROLOGUE) - 1);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    noise_initiator_init(c->hs, NOISE_NKHFS, bytes, w.len, c->yard->relay_pk);
    if (noise_write_message1(c->hs, NULL, 0, hello + WIRE_RECORD_HEADER_BYTES, &rng) != ZG_OK) {
        drop(c, "the handshake could not be made");
        return;
    }
    hello[0] = (uint8_t)(WIRE_HELLO_BYTES >> 8);
    hello[1] = (uint8_t)(WIRE_HELLO_BYTES & 0xff);
    put(c, hello, sizeof(hello));
}

static void begin(struct cable *c)
{
    uv_tcp_nodelay(&c->tcp, 1);
    if (uv_read_start((uv_stream_t *)&c->tcp, lend, on_read) != 0)
        drop(c, "reading failed");
}

static void on_connected(uv_connect_t *r, int status)
{
    struct cable *c = r->data;
    if (c->is_closing)
        return;
    if (status != 0) {
        drop(c, "no connection");
        return;
    }
    begin(c);
    if (c->yard->mode == CABLE_NOISE) {
        say_hello(c);
        return;
    }
    known_keys(c, false);
    c->is_open = true;
    c->events->open(c);
}

int cable_connect(struct cable *c, struct yard *y, const struct cable_events *events, const struct sockaddr *to,
                  const struct sockaddr *from)
{
    c->yard = y;
    c->events = events;
    int rc = uv_tcp_init(y->loop, &c->tcp);
    if (rc != 0)
        return rc;
    c->tcp.data = c;
    c->connecting.data = c;
    if (from != NULL)
        rc = uv_tcp_bind(&c->tcp, from, 0);
    if (rc == 0)
        rc = uv_tcp_connect(&c->connecting, &c->tcp, to, on_connected);
    if (rc != 0)
        drop(c, "no connection");
    return 0;
}

int cable_accept(struct cable *c, struct yard *y, const struct cable_events *events, uv_stream_t *listener)
{
    assert(y->mode != CABLE_NOISE);
    c->yard = y;
    c->events = events;
    int rc = uv_tcp_init(y->loop, &c->tcp);
    if (rc != 0)
        return rc;
    c->tcp.data = c;
    if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
        drop(c, "no connection");
        return 0;
    }
    known_keys(c, true);
    c->is_open = true;
    begin(c);
    return 0;
}

void yard_init(struct yard *y, uv_loop_t *loop, enum cable_mode mode)
{
    y->loop = loop;
    y->mode = mode;
    y->marked = NULL;
    uv_prepare_init(loop, &y->prepare);
    uv_check_init(loop, &y->check);
    y->prepare.data = y;
    y->check.data = y;
    uv_prepare_start(&y->prepare, on_prepare);
    uv_check_start(&y->check, on_check);
    uv_unref((uv_handle_t *)&y->prepare);
    uv_unref((uv_handle_t *)&y->check);
}

void yard_close(struct yard *y)
{
    uv_close((uv_handle_t *)&y->prepare, NULL);
    uv_close((uv_handle_t *)&y->check, NULL);
}
