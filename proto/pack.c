#include "proto/pack.h"

#include <msgpack/pack.h>

static int put(void *w, const char *data, size_t len)
{
    writer_put(w, data, len);
    return ((struct writer *)w)->bad ? -1 : 0;
}

/* The packer's own results are not needed: the writer remembers the first failure. */

void pack_array(struct writer *w, uint32_t n)
{
    msgpack_packer pk = {w, put};
    (void)msgpack_pack_array(&pk, n);
}

void pack_uint(struct writer *w, uint64_t v)
{
    msgpack_packer pk = {w, put};
    (void)msgpack_pack_uint64(&pk, v);
}

void pack_bin(struct writer *w, const void *data, size_t len)
{
    msgpack_packer pk = {w, put};
    if (len > UINT32_MAX) {
        w->bad = true;
        return;
    }
    (void)msgpack_pack_bin(&pk, len);
    (void)msgpack_pack_bin_body(&pk, data, len);
}

/* v, unless it is above max or a shorter encoding reaches it: then zero, and r is bad. */
static uint64_t bounded(struct reader *r, uint64_t v, uint64_t shortest_from, uint64_t max)
{
    if (r->bad || v < shortest_from || v > max) {
        r->bad = true;
        return 0;
    }
    return v;
}

uint32_t unpack_array(struct reader *r, uint32_t max)
{
    uint8_t head = reader_u8(r);
    if ((head & 0xf0) == 0x90)
        return (uint32_t)bounded(r, head & 0x0f, 0, max);
    if (head == 0xdc)
        return (uint32_t)bounded(r, reader_u16(r), 16, max);
    if (head == 0xdd)
        return (uint32_t)bounded(r, reader_u32(r), UINT16_MAX + 1, max);
    r->bad = true;
    return 0;
}

uint64_t unpack_uint(struct reader *r, uint64_t max)
{
    uint8_t head = reader_u8(r);
    if (head <= 0x7f)
        return bounded(r, head, 0, max);
    switch (head) {
    case 0xcc:
        return bounded(r, reader_u8(r), 0x80, max);
    case 0xcd:
        return bounded(r, reader_u16(r), UINT8_MAX + 1, max);
    case 0xce:
        return bounded(r, reader_u32(r), UINT16_MAX + 1, max);
    case 0xcf:
        return bounded(r, reader_u64(r), (uint64_t)UINT32_MAX + 1, max);
    default:
        r->bad = true;
        return 0;
    }
}

static uint64_t bin_len(struct reader *r, size_t max)
{
    switch (reader_u8(r)) {
    case 0xc4:
        return bounded(r, reader_u8(r), 0, max);
    case 0xc5:
        return bounded(r, reader_u16(r), UINT8_MAX + 1, max);
    case 0xc6:
        return bounded(r, reader_u32(r), UINT16_MAX + 1, max);
    default:
        r->bad = true;
        return 0;
    }
}

struct span unpack_bin(struct reader *r, size_t max)
{
    size_t len = (size_t)bin_len(r, max);
    const uint8_t *at = reader_take(r, len);
    return (struct span){at, at == NULL ? 0 : len};
}

const uint8_t *unpack_exact(struct reader *r, size_t len)
{
    struct span s = unpack_bin(r, len);
    if (s.len != len)
        r->bad = true;
    return r->bad ? NULL : s.at;
}
