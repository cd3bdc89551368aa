#include "client/core/content.h"

#include <string.h>

#include "proto/pack.h"
#include "proto/wire.h"

enum { FIELDS = 8 };

/* --- one part --- */

zg_err content_write(const struct content *c, struct writer *w)
{
    pack_array(w, FIELDS);
    pack_uint(w, c->kind);
    pack_bin(w, c->id, CONTENT_ID_BYTES);
    pack_uint(w, c->part);
    pack_uint(w, c->parts);
    pack_uint(w, c->sent_minute);
    pack_uint(w, c->lifetime_s);
    pack_uint(w, c->from);
    pack_bin(w, c->body.at, c->body.len);
    return w->bad ? ZG_ERR_TOO_LARGE : ZG_OK;
}

zg_err content_read(struct content *out, struct span in)
{
    struct reader r;
    struct content c;

    reader_init(&r, in.at, in.len);
    if (unpack_array(&r, FIELDS) != FIELDS)
        return ZG_ERR_MALFORMED;
    c.kind = (uint32_t)unpack_uint(&r, UINT32_MAX);
    const uint8_t *id = unpack_exact(&r, CONTENT_ID_BYTES);
    c.part = (uint32_t)unpack_uint(&r, CONTENT_PARTS_MAX - 1);
    c.parts = (uint32_t)unpack_uint(&r, CONTENT_PARTS_MAX);
    c.sent_minute = (uint32_t)unpack_uint(&r, UINT32_MAX);
    c.lifetime_s = (uint32_t)unpack_uint(&r, CONTENT_LIFETIME_MAX_S);
    c.from =
        unpack_uint(&r, LIFETIME_FROM_READ) == LIFETIME_FROM_READ ? LIFETIME_FROM_READ : LIFETIME_FROM_SENT;
    c.body = unpack_bin(&r, WIRE_ENVELOPE_BYTES);
    if (!reader_done(&r) || c.part >= c.parts || c.lifetime_s == 0)
        return ZG_ERR_MALFORMED;
    memcpy(c.id, id, CONTENT_ID_BYTES);
    *out = c;
    return ZG_OK;
}

uint32_t content_envelopes(uint32_t parts)
{
    uint32_t n = 1;
    while (n < parts && n < CONTENT_PARTS_MAX)
        n *= 2;
    return n;
}

/* --- UTF-8 --- */

/*
 * Bytes of the character at text, 0 if it is not well-formed: RFC 3629, so neither longer than needed, nor a
 * surrogate, nor above U+10FFFF.
 */
static size_t character(const uint8_t *text, size_t len)
{
    uint8_t a = text[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t n;

    if (a < 0x80)
        return 1;
    if (a < 0xc2 || a > 0xf4)
        return 0;
    n = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
    if (n > len)
        return 0;
    if (a == 0xe0)
        low = 0xa0;
    else if (a == 0xed)
        high = 0x9f;
    else if (a == 0xf0)
        low = 0x90;
    else if (a == 0xf4)
        high = 0x8f;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

int content_utf8_ok(const uint8_t *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t n = character(text + at, len - at);
        if (n == 0)
            return 0;
        at += n;
    }
    return 1;
}

size_t content_cut(const uint8_t *text, size_t len, size_t room)
{
    if (len <= room)
        return len;
    size_t cut = room;
    while (cut > 0 && (text[cut] & 0xc0) == 0x80)
        cut--;
    /* A character has at most 4 bytes: this is not UTF-8, so there is none to spare. */
    return room - cut > 3 ? room : cut;
}

/* --- kinds --- */

bool content_kind_known(uint32_t kind)
{
    return kind == CONTENT_TEXT || (kind >= CONTENT_JPEG && kind <= CONTENT_VOICE_MP4);
}

static bool begins(const uint8_t *bytes, size_t len, size_t at, const char *with, size_t count)
{
    return len >= at + count && memcmp(bytes + at, with, count) == 0;
}

/* By its brand: pictures (HEIC, AVIF) and films begin in the same way. What browsers record begins with one of the last four. */
static bool is_sound(const uint8_t *bytes, size_t len)
{
    static const char brands[][9] = {"ftypM4A ", "ftypM4B ", "ftypisom", "ftypiso5", "ftypiso6", "ftypmp42"};
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        if (begins(bytes, len, 4, brands[i], 8))
            return true;
    return false;
}

bool content_ok(uint32_t kind, const uint8_t *bytes, size_t len)
{
    switch (kind) {
    case CONTENT_TEXT:
        return content_utf8_ok(bytes, len);
    case CONTENT_JPEG:
        return begins(bytes, len, 0, "\xff\xd8\xff", 3);
    case CONTENT_VOICE_WEBM:
        return begins(bytes, len, 0, "\x1a\x45\xdf\xa3", 4);
    case CONTENT_VOICE_MP4:
        return is_sound(bytes, len);
    default:
        return false;
    }
}
