#include "proto/record.h"

#include <assert.h>

_Static_assert(WIRE_RECORD_CIPHER_MAX <= UINT16_MAX, "a record's length is a u16");

enum { UNIT_HEADER_BYTES = 2 };

enum framing framing_next(const uint8_t *buf, size_t len, size_t min, size_t max, struct span *body,
                          size_t *used)
{
    struct reader r;
    reader_init(&r, buf, len);
    size_t body_len = reader_u16(&r);

    if (r.bad)
        return FRAMING_PARTIAL;
    if (body_len < min || body_len > max)
        return FRAMING_BAD;
    const uint8_t *at = reader_take(&r, body_len);
    if (at == NULL)
        return FRAMING_PARTIAL;
    *body = (struct span){at, body_len};
    *used = WIRE_RECORD_HEADER_BYTES + body_len;
    return FRAMING_WHOLE;
}

int record_length_ok(size_t cipher_len)
{
    if (cipher_len <= WIRE_TAG_BYTES || cipher_len > WIRE_RECORD_CIPHER_MAX)
        return 0;
    size_t plain = cipher_len - WIRE_TAG_BYTES;
    return plain == WIRE_RECORD_CONTROL_BYTES || plain % WIRE_RECORD_UNIT_BYTES == 0;
}

void record_begin(struct record_writer *r, uint8_t *buf)
{
    writer_init(&r->w, buf, WIRE_RECORD_PLAIN_MAX);
}

int record_fits(const struct record_writer *r, size_t len)
{
    size_t left = r->w.cap - r->w.len;
    return len <= WIRE_COMMAND_BYTES_MAX && left >= UNIT_HEADER_BYTES && len <= left - UNIT_HEADER_BYTES;
}

struct writer record_unit_begin(struct record_writer *r)
{
    struct writer unit;
    size_t left = r->w.cap - r->w.len;
    size_t room = left > UNIT_HEADER_BYTES ? left - UNIT_HEADER_BYTES : 0;

    if (room > WIRE_COMMAND_BYTES_MAX)
        room = WIRE_COMMAND_BYTES_MAX;
    writer_init(&unit, room > 0 ? r->w.buf + r->w.len + UNIT_HEADER_BYTES : NULL, room);
    return unit;
}

zg_err record_unit_end(struct record_writer *r, const struct writer *unit)
{
    if (unit->bad)
        return ZG_ERR_TOO_LARGE;
    /* Length 0 would end the units. */
    assert(unit->len > 0 && unit->buf == r->w.buf + r->w.len + UNIT_HEADER_BYTES);
    writer_u16(&r->w, (uint16_t)unit->len);
    (void)writer_reserve(&r->w, unit->len);
    assert(!r->w.bad);
    return ZG_OK;
}

int record_empty(const struct record_writer *r)
{
    return r->w.len == 0;
}

size_t record_finish(struct record_writer *r)
{
    size_t units = (r->w.len + WIRE_RECORD_UNIT_BYTES - 1) / WIRE_RECORD_UNIT_BYTES;

    if (r->w.len <= WIRE_RECORD_CONTROL_BYTES)
        writer_pad(&r->w, WIRE_RECORD_CONTROL_BYTES);
    else
        writer_pad(&r->w, units * WIRE_RECORD_UNIT_BYTES);
    assert(!r->w.bad);
    return r->w.len;
}

enum framing record_next(struct reader *plain, struct span *unit)
{
    /* One byte is left when the units end just before the last one. */
    size_t len = plain->left >= UNIT_HEADER_BYTES ? reader_u16(plain) : 0;

    if (len == 0) {
        reader_zeros(plain);
        return plain->bad ? FRAMING_BAD : FRAMING_PARTIAL;
    }
    const uint8_t *at = reader_take(plain, len);
    if (at == NULL)
        return FRAMING_BAD;
    *unit = (struct span){at, len};
    return FRAMING_WHOLE;
}
