#include "client/core/receipts.h"

#include <sodium.h>
#include <string.h>

void receipt_of(struct receipt *out, const uint8_t envelope[WIRE_ENVELOPE_BYTES])
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    crypto_generichash(hash, sizeof(hash), envelope, WIRE_ENVELOPE_BYTES, NULL, 0);
    memcpy(out->b, hash, sizeof(out->b));
}

static void drop_first(struct receipt *all, uint32_t *count, uint32_t n)
{
    *count -= n;
    memmove(all, all + n, *count * sizeof(*all));
}

void receipts_told(struct receipts *s, const struct receipt *r)
{
    if (s->told_count == RECEIPTS_MAX) {
        drop_first(s->told, &s->told_count, 1);
        s->told_first++;
    }
    s->told[s->told_count++] = *r;
}

uint32_t receipts_mark(const struct receipts *s)
{
    return s->told_first + s->told_count;
}

bool receipts_confirm(struct receipts *s, uint32_t mark)
{
    uint32_t n = mark - s->told_first;
    if (n == 0 || n > s->told_count) /* all of them known already, or fallen out */
        return false;
    if (s->known_count + n > RECEIPTS_MAX)
        drop_first(s->known, &s->known_count, s->known_count + n - RECEIPTS_MAX);
    memcpy(s->known + s->known_count, s->told, n * sizeof(*s->told));
    s->known_count += n;
    drop_first(s->told, &s->told_count, n);
    s->told_first = mark;
    return true;
}

void receipts_lost(struct receipts *s)
{
    s->told_first += s->told_count;
    s->told_count = 0;
}

bool receipts_know(const struct receipts *s, const struct receipt *r)
{
    for (uint32_t i = 0; i + RECEIPTS_SENDER < s->known_count; i++)
        if (memcmp(s->known[i].b, r->b, sizeof(r->b)) == 0)
            return true;
    return false;
}

void receipts_save(const struct receipts *s, struct writer *w)
{
    writer_u32(w, s->known_count);
    writer_put(w, s->known, s->known_count * sizeof(s->known[0]));
}

void receipts_load(struct receipts *s, struct reader *r)
{
    uint32_t count = reader_u32(r);
    if (count > RECEIPTS_MAX) {
        r->bad = true;
        return;
    }
    reader_copy(r, s->known, count * sizeof(s->known[0]));
    s->known_count = count;
}
