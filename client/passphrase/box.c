#include "client/passphrase/box.h"

#include <sodium.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"

enum {
    VERSION = 1,
    HEAD_BYTES = 1 + 4 + 4 + BOX_SALT_BYTES,
    SEALED_AT = HEAD_BYTES + BOX_CHECK_BYTES,
    PASSES_MAX = 16,
    MEMORY_KIB_MIN = 8,
    MEMORY_KIB_MAX = 1024 * 1024,
};

_Static_assert(BOX_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "Argon2id");
_Static_assert(SEALED_AT + SEAL_OVERHEAD == BOX_OVERHEAD, "layout of box.h");

struct box_cost box_cost_default(void)
{
    return (struct box_cost){.passes = 3, .memory_kib = 64 * 1024};
}

static int cost_ok(struct box_cost c)
{
    return c.passes >= 1 && c.passes <= PASSES_MAX && c.memory_kib >= MEMORY_KIB_MIN &&
           c.memory_kib <= MEMORY_KIB_MAX;
}

static void check(uint8_t out[BOX_CHECK_BYTES], struct span label, const uint8_t *box, size_t len)
{
    const struct span parts[] = {
        SPAN_LABEL(LABEL_PASSPHRASE_BOX),
        label,
        {box, HEAD_BYTES},
        {box + SEALED_AT, len - SEALED_AT},
    };
    kdf_blake2b(out, BOX_CHECK_BYTES, NULL, parts, sizeof(parts) / sizeof(parts[0]));
}

static zg_err stretch(uint8_t out[KEY_BYTES], struct span passphrase, struct box_cost cost,
                      const uint8_t salt[BOX_SALT_BYTES])
{
    if (crypto_pwhash_argon2id(out, KEY_BYTES, (const char *)passphrase.at, passphrase.len, salt, cost.passes,
                               (size_t)cost.memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
        return ZG_ERR_MEMORY;
    return ZG_OK;
}

zg_err box_make(uint8_t *out, struct span label, struct span passphrase, struct box_cost cost,
                const uint8_t *secret, size_t len, const struct rng *rng)
{
    uint8_t key[KEY_BYTES];
    uint8_t salt[BOX_SALT_BYTES];
    struct writer w;

    if (passphrase.len < BOX_PASSPHRASE_MIN || !cost_ok(cost))
        return ZG_ERR_ARGUMENT;
    rng_fill(rng, salt, sizeof(salt));
    zg_err err = stretch(key, passphrase, cost, salt);
    if (err != ZG_OK)
        goto out;
    writer_init(&w, out, HEAD_BYTES);
    writer_u8(&w, VERSION);
    writer_u32(&w, cost.passes);
    writer_u32(&w, cost.memory_kib);
    writer_put(&w, salt, sizeof(salt));
    seal(out + SEALED_AT, key, (const struct span[]){label, {out, HEAD_BYTES}}, 2, secret, len, rng);
    check(out + HEAD_BYTES, label, out, len + BOX_OVERHEAD);
out:
    sodium_memzero(key, sizeof(key));
    return err;
}

zg_err box_open(uint8_t *secret, struct span label, struct span passphrase, const uint8_t *box, size_t len)
{
    uint8_t key[KEY_BYTES];
    uint8_t expected[BOX_CHECK_BYTES];
    struct reader r;
    struct box_cost cost;

    if (len < BOX_OVERHEAD)
        return ZG_ERR_MALFORMED;
    reader_init(&r, box, HEAD_BYTES);
    if (reader_u8(&r) > VERSION)
        return ZG_ERR_VERSION;
    check(expected, label, box, len);
    if (memcmp(expected, box + HEAD_BYTES, sizeof(expected)) != 0)
        return ZG_ERR_MALFORMED;
    cost.passes = reader_u32(&r);
    cost.memory_kib = reader_u32(&r);
    if (!cost_ok(cost))
        return ZG_ERR_MALFORMED;

    zg_err err = stretch(key, passphrase, cost, reader_take(&r, BOX_SALT_BYTES));
    if (err == ZG_OK && seal_open(secret, key, (const struct span[]){label, {box, HEAD_BYTES}}, 2,
                                  box + SEALED_AT, len - SEALED_AT) != ZG_OK)
        err = ZG_ERR_PASSPHRASE;
    sodium_memzero(key, sizeof(key));
    return err;
}
