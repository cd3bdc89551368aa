#include "proto/bytes.h"

#include <string.h>

void reader_init(struct reader *r, const void *data, size_t len)
{
    r->at = data;
    r->left = len;
    r->bad = false;
}

const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (r->bad || n > r->left) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->at;
    r->at += n;
    r->left -= n;
    return at;
}

static uint64_t big_endian(struct reader *r, size_t n)
{
    const uint8_t *at = reader_take(r, n);
    uint64_t v = 0;
    if (at == NULL)
        return 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | at[i];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)big_endian(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)big_endian(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)big_endian(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return big_endian(r, 8);
}

void reader_copy(struct reader *r, void *out, size_t n)
{
    const uint8_t *at = reader_take(r, n);
    if (at != NULL)
        memcpy(out, at, n);
    else
        memset(out, 0, n);
}

struct span reader_lp(struct reader *r, size_t max)
{
    struct span s = {NULL, 0};
    size_t len = reader_u32(r);
    if (len > max)
        r->bad = true;
    s.at = reader_take(r, len);
    if (s.at != NULL)
        s.len = len;
    return s;
}

bool reader_done(const struct reader *r)
{
    return !r->bad && r->left == 0;
}

/* A word at a time, as padding is long; all of it, as its first bit that is set may be secret. */
static bool all_zero(const uint8_t *at, size_t len)
{
    uint64_t any = 0, word;
    for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        any |= word;
    }
    while (len-- > 0)
        any |= *at++;
    return any == 0;
}

void reader_zeros(struct reader *r)
{
    if (r->bad)
        return;
    r->bad = !all_zero(r->at, r->left);
    r->at += r->left;
    r->left = 0;
}

void writer_init(struct writer *w, void *buf, size_t cap)
{
    w->buf = buf;
    w->len = 0;
    w->cap = cap;
    w->bad = false;
}

uint8_t *writer_reserve(struct writer *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    uint8_t *at = w->buf + w->len;
    w->len += n;
    return at;
}

void writer_put(struct writer *w, const void *data, size_t len)
{
    uint8_t *at = writer_reserve(w, len);
    if (at != NULL && len > 0)
        memcpy(at, data, len);
}

static void big_endian_out(struct writer *w, uint64_t v, size_t n)
{
    uint8_t *at = writer_reserve(w, n);
    if (at == NULL)
        return;
    for (size_t i = n; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
}

void writer_u8(struct writer *w, uint8_t v)
{
    big_endian_out(w, v, 1);
}

void writer_u16(struct writer *w, uint16_t v)
{
    big_endian_out(w, v, 2);
}

void writer_u32(struct writer *w, uint32_t v)
{
    big_endian_out(w, v, 4);
}

void writer_u64(struct writer *w, uint64_t v)
{
    big_endian_out(w, v, 8);
}

void writer_lp(struct writer *w, const void *data, size_t len)
{
    if (len > UINT32_MAX) {
        w->bad = true;
        return;
    }
    writer_u32(w, (uint32_t)len);
    writer_put(w, data, len);
}

void writer_pad(struct writer *w, size_t len)
{
    if (w->bad || len < w->len) {
        w->bad = true;
        return;
    }
    size_t n = len - w->len;
    uint8_t *at = writer_reserve(w, n);
    if (at != NULL)
        memset(at, 0, n);
}
