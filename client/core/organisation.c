#include "client/core/organisation.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "client/core/content.h"
#include "proto/labels.h"
#include "proto/wire.h"

/* The longest signed message is a bundle's notice part, about 8 KiB. */
enum { SIGNED_MAX = 8448 };

/* --- validity --- */

struct validity validity_from(uint64_t now_s, uint64_t seconds)
{
    struct validity v;
    v.from = now_s < DAY_S ? 0 : now_s - DAY_S;
    v.until = seconds > UINT64_MAX - now_s ? UINT64_MAX : now_s + seconds;
    return v;
}

zg_err validity_check(const struct validity *v, uint64_t now_s)
{
    return now_s >= v->from && now_s < v->until ? ZG_OK : ZG_ERR_EXPIRED;
}

void validity_write(struct writer *w, const struct validity *v)
{
    writer_u64(w, v->from);
    writer_u64(w, v->until);
}

struct validity validity_read(struct reader *r)
{
    struct validity v;
    v.from = reader_u64(r);
    v.until = reader_u64(r);
    return v;
}

/* --- signatures --- */

void sign_key_new(struct sign_key *k, const struct rng *rng)
{
    uint8_t seed[SIGN_SEED_BYTES];
    rng_fill(rng, seed, sizeof(seed));
    sign_key_from_seed(k, seed);
    sodium_memzero(seed, sizeof(seed));
}

void sign_key_from_seed(struct sign_key *k, const uint8_t seed[SIGN_SEED_BYTES])
{
    uint8_t sk[crypto_sign_SECRETKEYBYTES];
    memcpy(k->seed, seed, SIGN_SEED_BYTES);
    crypto_sign_seed_keypair(k->pk, sk, seed);
    sodium_memzero(sk, sizeof(sk));
}

void sign_key_clear(struct sign_key *k)
{
    sodium_memzero(k, sizeof(*k));
}

/* LP(label) | LP(message): what is signed, in one piece. */
static bool join_signed(struct writer *w, struct span label, struct span message)
{
    writer_lp(w, label.at, label.len);
    writer_lp(w, message.at, message.len);
    return !w->bad;
}

void sign_message(uint8_t out[SIGNATURE_BYTES], const struct sign_key *k, struct span label,
                  struct span message)
{
    uint8_t joined[SIGNED_MAX];
    uint8_t sk[crypto_sign_SECRETKEYBYTES];
    uint8_t pk[SIGN_PK_BYTES];
    struct writer w;

    writer_init(&w, joined, sizeof(joined));
    bool fits = join_signed(&w, label, message);
    assert(fits);
    (void)fits;
    crypto_sign_seed_keypair(pk, sk, k->seed);
    crypto_sign_detached(out, NULL, joined, w.len, sk);
    sodium_memzero(sk, sizeof(sk));
}

zg_err sign_verify(const uint8_t signature[SIGNATURE_BYTES], const uint8_t pk[SIGN_PK_BYTES],
                   struct span label, struct span message)
{
    uint8_t joined[SIGNED_MAX];
    struct writer w;

    writer_init(&w, joined, sizeof(joined));
    if (!join_signed(&w, label, message))
        return ZG_ERR_FORGED;
    return crypto_sign_verify_detached(signature, joined, w.len, pk) == 0 ? ZG_OK : ZG_ERR_FORGED;
}

/* Section 5: the signature is appended; what is signed is everything before it. */
static void sign_object(struct writer *w, const struct sign_key *k, struct span label)
{
    struct span message = {w->buf, w->len};
    uint8_t *signature = writer_reserve(w, SIGNATURE_BYTES);
    assert(signature != NULL);
    sign_message(signature, k, label, message);
}

/*
 * Checks the signature at the end of an object and opens a reader over what is before it, behind version and
 * suite. Section 0: nothing is parsed before the signature was checked.
 */
static zg_err open_object(struct reader *r, struct span encoded, const uint8_t pk[SIGN_PK_BYTES],
                          struct span label)
{
    if (encoded.len < SIGNATURE_BYTES + 2)
        return ZG_ERR_MALFORMED;
    const struct span message = {encoded.at, encoded.len - SIGNATURE_BYTES};
    zg_err err = sign_verify(encoded.at + message.len, pk, label, message);
    if (err != ZG_OK)
        return err;
    reader_init(r, message.at, message.len);
    if (reader_u8(r) != WIRE_VERSION || reader_u8(r) != WIRE_SUITE)
        return ZG_ERR_VERSION;
    return ZG_OK;
}

static void write_suite(struct writer *w)
{
    writer_u8(w, WIRE_VERSION);
    writer_u8(w, WIRE_SUITE);
}

void organisation_hash(uint8_t out[32], const uint8_t root_pk[SIGN_PK_BYTES])
{
    uint8_t hash[HASH_BYTES];
    const struct span parts[] = {SPAN_LABEL(LABEL_ORGANISATION), {root_pk, SIGN_PK_BYTES}};
    kdf_sha512(hash, parts, 2);
    memcpy(out, hash, 32);
}

/* --- issuing certificate --- */

void issuing_certificate_make(uint8_t out[ISSUING_CERTIFICATE_BYTES], const struct issuing_certificate *c,
                              const struct sign_key *root)
{
    struct writer w;
    writer_init(&w, out, ISSUING_CERTIFICATE_BYTES);
    write_suite(&w);
    writer_put(&w, c->issuing_pk, sizeof(c->issuing_pk));
    validity_write(&w, &c->validity);
    sign_object(&w, root, SPAN_LABEL(LABEL_ISSUING_CERTIFICATE));
    assert(w.len == ISSUING_CERTIFICATE_BYTES);
}

zg_err issuing_certificate_open(struct issuing_certificate *out, struct span encoded,
                                const uint8_t root_pk[SIGN_PK_BYTES], uint64_t now_s)
{
    struct reader r;
    struct issuing_certificate c;

    zg_err err = open_object(&r, encoded, root_pk, SPAN_LABEL(LABEL_ISSUING_CERTIFICATE));
    if (err != ZG_OK)
        return err;
    reader_copy(&r, c.issuing_pk, sizeof(c.issuing_pk));
    c.validity = validity_read(&r);
    if (!reader_done(&r))
        return ZG_ERR_MALFORMED;
    err = validity_check(&c.validity, now_s);
    if (err == ZG_OK)
        *out = c;
    return err;
}

/* --- desk certificate --- */

void desk_certificate_make(uint8_t out[DESK_CERTIFICATE_BYTES], const struct desk_certificate *c,
                           const struct sign_key *issuing)
{
    struct writer w;
    writer_init(&w, out, DESK_CERTIFICATE_BYTES);
    write_suite(&w);
    writer_put(&w, c->desk_id, sizeof(c->desk_id));
    writer_u32(&w, c->generation);
    writer_put(&w, c->publishing_pk, sizeof(c->publishing_pk));
    validity_write(&w, &c->validity);
    sign_object(&w, issuing, SPAN_LABEL(LABEL_DESK_CERTIFICATE));
    assert(w.len == DESK_CERTIFICATE_BYTES);
}

zg_err desk_certificate_open(struct desk_certificate *out, struct span encoded,
                             const uint8_t issuing_pk[SIGN_PK_BYTES], uint64_t now_s)
{
    struct reader r;
    struct desk_certificate c;

    zg_err err = open_object(&r, encoded, issuing_pk, SPAN_LABEL(LABEL_DESK_CERTIFICATE));
    if (err != ZG_OK)
        return err;
    reader_copy(&r, c.desk_id, sizeof(c.desk_id));
    c.generation = reader_u32(&r);
    reader_copy(&r, c.publishing_pk, sizeof(c.publishing_pk));
    c.validity = validity_read(&r);
    if (!reader_done(&r))
        return ZG_ERR_MALFORMED;
    err = validity_check(&c.validity, now_s);
    if (err == ZG_OK)
        *out = c;
    return err;
}

/* --- credential --- */

/* U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: they turn the direction in which text is shown. */
static bool turns_direction(const uint8_t at[3])
{
    if (at[0] != 0xe2)
        return false;
    if (at[1] == 0x80)
        return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xaa && at[2] <= 0xae);
    return at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

/* Shown beside every message: nothing that moves a cursor, or hides or turns what follows. */
static bool alias_ok(const uint8_t *alias, size_t len)
{
    if (len == 0 || len > ALIAS_BYTES_MAX || !content_utf8_ok(alias, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (alias[i] < 0x20 || alias[i] == 0x7f)
            return false;
        if (alias[i] == 0xc2 && alias[i + 1] < 0xa0)
            return false;
        if (len - i >= 3 && turns_direction(alias + i))
            return false;
    }
    return true;
}

static bool role_ok(uint32_t role)
{
    return role == CREDENTIAL_WORKER || role == CREDENTIAL_PEER_WORKER;
}

zg_err credential_make(uint8_t out[CREDENTIAL_BYTES_MAX], size_t *len, const struct credential *c,
                       const struct sign_key *issuing)
{
    struct writer w;

    if (memchr(c->alias, '\0', sizeof(c->alias)) == NULL)
        return ZG_ERR_ARGUMENT;
    size_t alias_len = strlen(c->alias);
    if (!alias_ok((const uint8_t *)c->alias, alias_len) || !role_ok(c->role))
        return ZG_ERR_ARGUMENT;
    writer_init(&w, out, CREDENTIAL_BYTES_MAX);
    write_suite(&w);
    writer_u8(&w, (uint8_t)c->role);
    writer_lp(&w, c->alias, alias_len);
    writer_put(&w, c->desk_id, sizeof(c->desk_id));
    writer_u64(&w, c->serial);
    writer_put(&w, c->sign_pk, sizeof(c->sign_pk));
    writer_put(&w, c->dh_pk, sizeof(c->dh_pk));
    validity_write(&w, &c->validity);
    sign_object(&w, issuing, SPAN_LABEL(LABEL_CREDENTIAL));
    *len = w.len;
    return ZG_OK;
}

zg_err credential_open(struct credential *out, struct span encoded, const uint8_t issuing_pk[SIGN_PK_BYTES],
                       uint64_t since_s, uint64_t now_s)
{
    struct reader r;
    struct credential c = {0};

    zg_err err = open_object(&r, encoded, issuing_pk, SPAN_LABEL(LABEL_CREDENTIAL));
    if (err != ZG_OK)
        return err;
    uint8_t role = reader_u8(&r);
    struct span alias = reader_lp(&r, ALIAS_BYTES_MAX);
    reader_copy(&r, c.desk_id, sizeof(c.desk_id));
    c.serial = reader_u64(&r);
    reader_copy(&r, c.sign_pk, sizeof(c.sign_pk));
    reader_copy(&r, c.dh_pk, sizeof(c.dh_pk));
    c.validity = validity_read(&r);
    if (!reader_done(&r) || !role_ok(role) || !alias_ok(alias.at, alias.len))
        return ZG_ERR_MALFORMED;
    c.role = role == CREDENTIAL_WORKER ? CREDENTIAL_WORKER : CREDENTIAL_PEER_WORKER;
    memcpy(c.alias, alias.at, alias.len);
    if (now_s < c.validity.from || since_s >= c.validity.until)
        return ZG_ERR_EXPIRED;
    *out = c;
    return ZG_OK;
}
