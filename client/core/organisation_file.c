#include "client/core/organisation_file.h"

#include <sodium.h>
#include <string.h>

#include "proto/labels.h"
#include "proto/wire.h"

_Static_assert(ZG_ORGANISATION_BYTES == 2 + 2 * SIGN_SEED_BYTES + ISSUING_CERTIFICATE_BYTES, "as saved");

enum { CERTIFICATE_FROM_AT = 2 + SIGN_PK_BYTES }; /* section 5: version, suite, issuing key */

zg_err organisation_from_root(zg_organisation **out, const uint8_t seed[SIGN_SEED_BYTES], uint64_t now_s)
{
    const struct span parts[] = {SPAN_LABEL(LABEL_ISSUING_SEED)};
    struct issuing_certificate certificate = {.validity = validity_from(now_s, ISSUING_VALIDITY_S)};
    uint8_t issuing[SIGN_SEED_BYTES];

    struct zg_organisation *o = sodium_malloc(sizeof(*o));
    if (o == NULL)
        return ZG_ERR_MEMORY;
    kdf_hkdf(issuing, sizeof(issuing), NULL, 0, seed, SIGN_SEED_BYTES, parts, 1);
    sign_key_from_seed(&o->root, seed);
    sign_key_from_seed(&o->issuing, issuing);
    sodium_memzero(issuing, sizeof(issuing));
    memcpy(certificate.issuing_pk, o->issuing.pk, sizeof(certificate.issuing_pk));
    issuing_certificate_make(o->certificate, &certificate, &o->root);
    *out = o;
    return ZG_OK;
}

zg_err zg_organisation_new(zg_organisation **out, zg_now now)
{
    uint8_t seed[SIGN_SEED_BYTES];
    const struct rng rng = rng_system();

    if (out == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    rng_fill(&rng, seed, sizeof(seed));
    zg_err err = organisation_from_root(out, seed, now.utc_ms / 1000);
    sodium_memzero(seed, sizeof(seed));
    return err;
}

void zg_organisation_save(const zg_organisation *o, uint8_t out[ZG_ORGANISATION_BYTES])
{
    struct writer w;
    writer_init(&w, out, ZG_ORGANISATION_BYTES);
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    writer_put(&w, o->root.seed, SIGN_SEED_BYTES);
    writer_put(&w, o->issuing.seed, SIGN_SEED_BYTES);
    writer_put(&w, o->certificate, sizeof(o->certificate));
}

/* Whether the three parts belong together; not whether the certificate is still valid. */
static zg_err check(const struct zg_organisation *o)
{
    struct issuing_certificate certificate;
    struct reader r;
    reader_init(&r, o->certificate + CERTIFICATE_FROM_AT, 8);
    zg_err err = issuing_certificate_open(&certificate, (struct span){o->certificate, sizeof(o->certificate)},
                                          o->root.pk, reader_u64(&r));
    if (err != ZG_OK)
        return err;
    return memcmp(certificate.issuing_pk, o->issuing.pk, SIGN_PK_BYTES) == 0 ? ZG_OK : ZG_ERR_FORGED;
}

static zg_err read_saved(struct zg_organisation *o, const uint8_t *saved, size_t len)
{
    struct reader r;
    reader_init(&r, saved, len);
    uint8_t version = reader_u8(&r);
    uint8_t suite = reader_u8(&r);
    const uint8_t *root = reader_take(&r, SIGN_SEED_BYTES);
    const uint8_t *issuing = reader_take(&r, SIGN_SEED_BYTES);
    reader_copy(&r, o->certificate, sizeof(o->certificate));
    if (!reader_done(&r))
        return ZG_ERR_MALFORMED;
    if (version != WIRE_VERSION || suite != WIRE_SUITE)
        return ZG_ERR_VERSION;
    sign_key_from_seed(&o->root, root);
    sign_key_from_seed(&o->issuing, issuing);
    return check(o);
}

zg_err zg_organisation_load(zg_organisation **out, const uint8_t *saved, size_t len)
{
    if (out == NULL || saved == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    struct zg_organisation *o = sodium_malloc(sizeof(*o));
    if (o == NULL)
        return ZG_ERR_MEMORY;
    zg_err err = read_saved(o, saved, len);
    if (err != ZG_OK) {
        sodium_free(o);
        return err;
    }
    *out = o;
    return ZG_OK;
}

void zg_organisation_free(zg_organisation *o)
{
    sodium_free(o);
}
