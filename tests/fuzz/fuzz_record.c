/*
 * What arrives on a connection: first the framing of the bytes, then the units of them as the plaintext of a
 * record. Units that are taken, written again, must give the same plaintext if it has the length of a record.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
    if (!ok)
        abort();
}

static void check_framing(const uint8_t *data, size_t size)
{
    struct span body;
    size_t used;
    const size_t min = WIRE_RECORD_CONTROL_BYTES + WIRE_TAG_BYTES;
    if (framing_next(data, size, min, WIRE_RECORD_CIPHER_MAX, &body, &used) != FRAMING_WHOLE)
        return;
    must(body.at == data + WIRE_RECORD_HEADER_BYTES && used == body.len + WIRE_RECORD_HEADER_BYTES);
    must(used <= size && body.len >= min && body.len <= WIRE_RECORD_CIPHER_MAX);
}

/* Whether all units fit the limits of a command, so that our writer would have written them. */
static bool write_again(struct record_writer *w, struct span unit)
{
    if (!record_fits(w, unit.len))
        return false;
    struct writer u = record_unit_begin(w);
    writer_put(&u, unit.at, unit.len);
    must(record_unit_end(w, &u) == ZG_OK);
    return true;
}

static void check_units(const uint8_t *data, size_t size)
{
    static uint8_t again[WIRE_RECORD_PLAIN_MAX];
    struct record_writer w;
    struct reader r;
    struct span unit;
    enum framing f;
    bool ours = true;

    reader_init(&r, data, size);
    record_begin(&w, again);
    while ((f = record_next(&r, &unit)) == FRAMING_WHOLE) {
        must(unit.len > 0 && unit.at >= data && unit.at + unit.len <= data + size);
        ours = ours && write_again(&w, unit);
    }
    if (f != FRAMING_PARTIAL || !ours || !record_length_ok(size + WIRE_TAG_BYTES))
        return;
    /* A sender may pad more than ours does. */
    size_t len = record_finish(&w);
    must(len <= size && memcmp(again, data, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_framing(data, size);
    check_units(data, size);
    return 0;
}
