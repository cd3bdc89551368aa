/* Parts of one message coming together; docs/protocol.md section 7.1. */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/content.h"
#include "proto/wire.h"

enum {
    SAVED_VERSION = 1,
    SAVED_HEAD = 1 + 4 + CONTENT_ID_BYTES + 4 + 4 + 4 + 1,
    SAVED_PART = 4 + 4,
};

struct part {
    uint8_t *bytes; /* NULL: not here yet */
    size_t len;
};

struct assembly {
    struct content first; /* its body is not kept here */
    uint32_t missing;
    struct part parts[CONTENT_PARTS_MAX];
};

/* Section 7.1: parts that do not agree with the first one seen are dropped. */
static bool agrees(const struct content *a, const struct content *b)
{
    return a->kind == b->kind && memcmp(a->id, b->id, CONTENT_ID_BYTES) == 0 && a->parts == b->parts &&
           a->sent_minute == b->sent_minute && a->lifetime_s == b->lifetime_s && a->from == b->from;
}

zg_err assembly_new(struct assembly **out, const struct content *c)
{
    struct assembly *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ZG_ERR_MEMORY;
    a->first = *c;
    a->first.body = (struct span){NULL, 0};
    a->missing = c->parts;
    zg_err err = assembly_add(a, c);
    if (err != ZG_OK) {
        assembly_free(a);
        return err;
    }
    *out = a;
    return ZG_OK;
}

void assembly_free(struct assembly *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < CONTENT_PARTS_MAX; i++) {
        if (a->parts[i].bytes == NULL)
            continue;
        sodium_memzero(a->parts[i].bytes, a->parts[i].len);
        free(a->parts[i].bytes);
    }
    sodium_memzero(a, sizeof(*a));
    free(a);
}

zg_err assembly_add(struct assembly *a, const struct content *c)
{
    if (!agrees(&a->first, c) || c->part >= c->parts || c->parts > CONTENT_PARTS_MAX)
        return ZG_ERR_MALFORMED;
    struct part *part = &a->parts[c->part];
    if (part->bytes != NULL)
        return ZG_ERR_CONFLICT;
    /* One byte more, so that an empty part has an address too. */
    part->bytes = malloc(c->body.len + 1);
    if (part->bytes == NULL)
        return ZG_ERR_MEMORY;
    if (c->body.len > 0)
        memcpy(part->bytes, c->body.at, c->body.len);
    part->len = c->body.len;
    a->missing--;
    return ZG_OK;
}

int assembly_complete(const struct assembly *a)
{
    return a->missing == 0;
}

uint32_t assembly_missing(const struct assembly *a)
{
    return a->missing;
}

size_t assembly_bytes(const struct assembly *a)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < a->first.parts; i++)
        sum += a->parts[i].len;
    return sum;
}

void assembly_join(const struct assembly *a, uint8_t *out)
{
    assert(assembly_complete(a));
    for (uint32_t i = 0; i < a->first.parts; i++) {
        if (a->parts[i].len > 0)
            memcpy(out, a->parts[i].bytes, a->parts[i].len);
        out += a->parts[i].len;
    }
}

size_t assembly_saved_bytes(const struct assembly *a)
{
    size_t sum = SAVED_HEAD;
    for (uint32_t i = 0; i < a->first.parts; i++)
        if (a->parts[i].bytes != NULL)
            sum += SAVED_PART + a->parts[i].len;
    return sum;
}

void assembly_save(const struct assembly *a, struct writer *w)
{
    writer_u8(w, SAVED_VERSION);
    writer_u32(w, a->first.kind);
    writer_put(w, a->first.id, CONTENT_ID_BYTES);
    writer_u32(w, a->first.parts);
    writer_u32(w, a->first.sent_minute);
    writer_u32(w, a->first.lifetime_s);
    writer_u8(w, (uint8_t)a->first.from);
    for (uint32_t i = 0; i < a->first.parts; i++) {
        if (a->parts[i].bytes == NULL)
            continue;
        writer_u32(w, i);
        writer_lp(w, a->parts[i].bytes, a->parts[i].len);
    }
}

static void load_head(struct content *c, struct reader *r)
{
    c->kind = reader_u32(r);
    reader_copy(r, c->id, CONTENT_ID_BYTES);
    c->parts = reader_u32(r);
    c->sent_minute = reader_u32(r);
    c->lifetime_s = reader_u32(r);
    uint8_t from = reader_u8(r);
    if (from > LIFETIME_FROM_READ || c->parts == 0 || c->parts > CONTENT_PARTS_MAX)
        r->bad = true;
    c->from = from == LIFETIME_FROM_READ ? LIFETIME_FROM_READ : LIFETIME_FROM_SENT;
}

zg_err assembly_load(struct assembly **out, struct span saved)
{
    struct reader r;
    struct content c = {0};
    struct assembly *a = NULL;
    zg_err err = ZG_OK;

    reader_init(&r, saved.at, saved.len);
    if (reader_u8(&r) != SAVED_VERSION)
        return saved.len == 0 ? ZG_ERR_MALFORMED : ZG_ERR_VERSION;
    load_head(&c, &r);
    do {
        c.part = reader_u32(&r);
        c.body = reader_lp(&r, WIRE_ENVELOPE_BYTES);
        if (r.bad)
            err = ZG_ERR_MALFORMED;
        else
            err = a == NULL ? assembly_new(&a, &c) : assembly_add(a, &c);
    } while (err == ZG_OK && !reader_done(&r));
    if (err != ZG_OK) {
        assembly_free(a);
        return err == ZG_ERR_MEMORY ? err : ZG_ERR_MALFORMED;
    }
    *out = a;
    return ZG_OK;
}
