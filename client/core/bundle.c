#include "client/core/bundle.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/content.h"
#include "proto/labels.h"
#include "proto/seal.h"
#include "proto/wire.h"

enum {
    KEY_PART_BYTES = 2 + SIGN_PK_BYTES + 4 + ISSUING_CERTIFICATE_BYTES + 4 + DESK_CERTIFICATE_BYTES + 4 +
                     WIRE_SECRET_BYTES + 2 * (XWING_PK_BYTES + 16) + SIGNATURE_BYTES,
    NOTICE_PART_MAX =
        2 + DESK_ID_BYTES + 8 + 2 + NOTICE_TEXTS_MAX * (2 + 4 + NOTICE_TEXT_BYTES_MAX) + SIGNATURE_BYTES,
    PLAIN_MAX = BUNDLE_SEALED_MAX - SEAL_OVERHEAD,
    SEALED_MULTIPLE = 4096,
};

_Static_assert(4 + KEY_PART_BYTES + 4 + NOTICE_PART_MAX <= PLAIN_MAX, "the largest notice fits");

/* --- writing --- */

static void write_keys(struct writer *w, const struct bundle_keys *k)
{
    writer_u8(w, WIRE_VERSION);
    writer_u8(w, WIRE_SUITE);
    writer_put(w, k->root_pk, sizeof(k->root_pk));
    writer_lp(w, k->issuing_certificate, sizeof(k->issuing_certificate));
    writer_lp(w, k->desk_certificate, sizeof(k->desk_certificate));
    writer_u32(w, k->epoch);
    writer_put(w, k->put.b, sizeof(k->put.b));
    writer_put(w, k->intake_pk, sizeof(k->intake_pk));
    validity_write(w, &k->intake_validity);
    writer_put(w, k->last_resort_pk, sizeof(k->last_resort_pk));
    validity_write(w, &k->last_resort_validity);
}

static void write_notice(struct writer *w, const struct notice *n)
{
    writer_u8(w, WIRE_VERSION);
    writer_u8(w, WIRE_SUITE);
    writer_put(w, n->desk_id, sizeof(n->desk_id));
    writer_u64(w, n->written_s);
    writer_u8(w, (uint8_t)n->state);
    writer_u8(w, n->count);
    for (uint8_t i = 0; i < n->count; i++) {
        if (memchr(n->texts[i].text, '\0', sizeof(n->texts[i].text)) == NULL) {
            w->bad = true;
            return;
        }
        writer_put(w, n->texts[i].language, 2);
        writer_lp(w, n->texts[i].text, strlen(n->texts[i].text));
    }
}

/* Signs what w holds from `from` on and appends the signature; `from` is behind the length of the part. */
static void sign_part(struct writer *w, size_t from, const struct sign_key *publishing, struct span label)
{
    if (w->bad)
        return;
    const struct span message = {w->buf + from, w->len - from};
    uint8_t *signature = writer_reserve(w, SIGNATURE_BYTES);
    if (signature != NULL)
        sign_message(signature, publishing, label, message);
}

/* LP(part), whose length is known only once it is written. Returns the part. */
static struct span end_part(struct writer *w, size_t from)
{
    struct span part = {NULL, 0};
    struct writer length;
    if (w->bad)
        return part;
    part = (struct span){w->buf + from, w->len - from};
    writer_init(&length, w->buf + from - 4, 4);
    writer_u32(&length, (uint32_t)part.len);
    return part;
}

static void hash_key_part(uint8_t out[HASH_BYTES], struct span key_part)
{
    const struct span parts[] = {SPAN_LABEL(LABEL_BUNDLE_KEYS), key_part};
    kdf_sha512(out, parts, 2);
}

/* LP("bundle"), the associated data of the sealed value. */
static struct span seal_ad(uint8_t out[64])
{
    struct writer w;
    const struct span label = SPAN_LABEL(LABEL_BUNDLE);
    writer_init(&w, out, 64);
    writer_lp(&w, label.at, label.len);
    return (struct span){out, w.len};
}

/* LP(key part) | LP(notice part) | zeros, so long that it is a multiple of 4,096 bytes once it is sealed. */
static struct span write_plain(struct writer *w, const struct bundle_keys *keys, const struct notice *notice,
                               const struct sign_key *publishing)
{
    size_t from;

    writer_u32(w, 0);
    from = w->len;
    write_keys(w, keys);
    sign_part(w, from, publishing, SPAN_LABEL(LABEL_BUNDLE_KEYS));
    struct span key_part = end_part(w, from);

    writer_u32(w, 0);
    from = w->len;
    write_notice(w, notice);
    sign_part(w, from, publishing, SPAN_LABEL(LABEL_BUNDLE_NOTICE));
    end_part(w, from);

    size_t pieces = (w->len + SEAL_OVERHEAD + SEALED_MULTIPLE - 1) / SEALED_MULTIPLE;
    writer_pad(w, pieces * SEALED_MULTIPLE - SEAL_OVERHEAD);
    return key_part;
}

zg_err bundle_make(uint8_t out[BUNDLE_SEALED_MAX], size_t *len, uint8_t key_part_hash[HASH_BYTES],
                   const struct bundle_keys *keys, const struct notice *notice,
                   const struct sign_key *publishing, const uint8_t bundle_key[32], const struct rng *rng)
{
    struct writer w;
    uint8_t ad[64];
    zg_err err = ZG_ERR_TOO_LARGE;

    assert(notice->count <= NOTICE_TEXTS_MAX);
    uint8_t *plain = malloc(PLAIN_MAX);
    if (plain == NULL)
        return ZG_ERR_MEMORY;
    writer_init(&w, plain, PLAIN_MAX);
    struct span key_part = write_plain(&w, keys, notice, publishing);
    if (w.bad)
        goto out;
    hash_key_part(key_part_hash, key_part);
    const struct span ads = seal_ad(ad);
    seal(out, bundle_key, &ads, 1, plain, w.len, rng);
    *len = w.len + SEAL_OVERHEAD;
    err = ZG_OK;
out:
    sodium_memzero(plain, PLAIN_MAX);
    free(plain);
    return err;
}

/* --- reading --- */

static void read_fixed_lp(struct reader *r, uint8_t *out, size_t len)
{
    struct span s = reader_lp(r, len);
    if (s.len != len)
        r->bad = true;
    else
        memcpy(out, s.at, len);
}

static zg_err read_keys(struct bundle_keys *k, struct span part)
{
    struct reader r;
    reader_init(&r, part.at, part.len);
    if (reader_u8(&r) != WIRE_VERSION || reader_u8(&r) != WIRE_SUITE)
        return r.bad ? ZG_ERR_MALFORMED : ZG_ERR_VERSION;
    reader_copy(&r, k->root_pk, sizeof(k->root_pk));
    read_fixed_lp(&r, k->issuing_certificate, sizeof(k->issuing_certificate));
    read_fixed_lp(&r, k->desk_certificate, sizeof(k->desk_certificate));
    k->epoch = reader_u32(&r);
    reader_copy(&r, k->put.b, sizeof(k->put.b));
    reader_copy(&r, k->intake_pk, sizeof(k->intake_pk));
    k->intake_validity = validity_read(&r);
    reader_copy(&r, k->last_resort_pk, sizeof(k->last_resort_pk));
    k->last_resort_validity = validity_read(&r);
    reader_take(&r, SIGNATURE_BYTES);
    return reader_done(&r) ? ZG_OK : ZG_ERR_MALFORMED;
}

static bool read_text(struct notice_text *out, struct reader *r)
{
    reader_copy(r, out->language, 2);
    struct span text = reader_lp(r, NOTICE_TEXT_BYTES_MAX);
    if (r->bad)
        return false;
    for (size_t j = 0; j < 2; j++)
        if (out->language[j] < 'a' || out->language[j] > 'z')
            return false;
    if (memchr(text.at, 0, text.len) != NULL || !content_utf8_ok(text.at, text.len))
        return false;
    memcpy(out->text, text.at, text.len);
    return true;
}

/* signed_part: without its signature. */
static zg_err read_notice(struct notice *n, struct span signed_part)
{
    struct reader r;
    reader_init(&r, signed_part.at, signed_part.len);
    if (reader_u8(&r) != WIRE_VERSION || reader_u8(&r) != WIRE_SUITE)
        return r.bad ? ZG_ERR_MALFORMED : ZG_ERR_VERSION;
    reader_copy(&r, n->desk_id, sizeof(n->desk_id));
    n->written_s = reader_u64(&r);
    uint8_t state = reader_u8(&r);
    n->count = reader_u8(&r);
    if (r.bad || state < DESK_ON_DUTY || state > DESK_ENDED || n->count > NOTICE_TEXTS_MAX)
        return ZG_ERR_MALFORMED;
    n->state = (enum desk_state)state;
    for (uint8_t i = 0; i < n->count; i++)
        if (!read_text(&n->texts[i], &r))
            return ZG_ERR_MALFORMED;
    return reader_done(&r) ? ZG_OK : ZG_ERR_MALFORMED;
}

static zg_err verify_part(struct span part, const struct desk_certificate *desk, struct span label)
{
    if (part.len < SIGNATURE_BYTES)
        return ZG_ERR_MALFORMED;
    const struct span message = {part.at, part.len - SIGNATURE_BYTES};
    return sign_verify(part.at + message.len, desk->publishing_pk, label, message);
}

/*
 * The order of section 5.2. The key part names the keys that it is signed with, so its layout is read before
 * its signature can be checked; nothing of it is used but the chain, until the chain has led to that
 * signature.
 */
static zg_err check(struct bundle *b, struct span key_part, struct span notice_part,
                    const uint8_t organisation[32], uint64_t now_s)
{
    uint8_t hash[32];
    struct issuing_certificate issuing;
    struct desk_certificate desk;
    const struct span issuing_encoded = SPAN_OF(b->keys.issuing_certificate);
    const struct span desk_encoded = SPAN_OF(b->keys.desk_certificate);

    zg_err err = read_keys(&b->keys, key_part);
    if (err != ZG_OK)
        return err;
    organisation_hash(hash, b->keys.root_pk);
    if (sodium_memcmp(hash, organisation, sizeof(hash)) != 0)
        return ZG_ERR_FOREIGN;
    err = issuing_certificate_open(&issuing, issuing_encoded, b->keys.root_pk, now_s);
    if (err != ZG_OK)
        return err;
    err = desk_certificate_open(&desk, desk_encoded, issuing.issuing_pk, now_s);
    if (err != ZG_OK)
        return err;
    err = verify_part(key_part, &desk, SPAN_LABEL(LABEL_BUNDLE_KEYS));
    if (err != ZG_OK)
        return err;
    err = verify_part(notice_part, &desk, SPAN_LABEL(LABEL_BUNDLE_NOTICE));
    if (err != ZG_OK)
        return err;
    err = read_notice(&b->notice, (struct span){notice_part.at, notice_part.len - SIGNATURE_BYTES});
    if (err != ZG_OK)
        return err;
    if (memcmp(b->notice.desk_id, desk.desk_id, DESK_ID_BYTES) != 0)
        return ZG_ERR_FOREIGN;

    memcpy(b->trust.root_pk, b->keys.root_pk, SIGN_PK_BYTES);
    memcpy(b->trust.issuing_pk, issuing.issuing_pk, SIGN_PK_BYTES);
    memcpy(b->trust.desk_id, desk.desk_id, DESK_ID_BYTES);
    hash_key_part(b->key_part_hash, key_part);
    return ZG_OK;
}

/* What bundle_open works on; wiped as a whole. */
struct opening {
    struct bundle bundle;
    uint8_t plain[PLAIN_MAX];
};

zg_err bundle_open(struct bundle *out, const uint8_t *sealed, size_t len, const uint8_t bundle_key[32],
                   const uint8_t organisation[32], uint64_t now_s)
{
    struct reader r;
    uint8_t ad[64];
    zg_err err;

    if (len == 0 || len > BUNDLE_SEALED_MAX || len % SEALED_MULTIPLE != 0)
        return ZG_ERR_MALFORMED;
    struct opening *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return ZG_ERR_MEMORY;
    const struct span ads = seal_ad(ad);
    err = seal_open(o->plain, bundle_key, &ads, 1, sealed, len);
    if (err != ZG_OK)
        goto out;
    reader_init(&r, o->plain, len - SEAL_OVERHEAD);
    struct span key_part = reader_lp(&r, KEY_PART_BYTES);
    struct span notice_part = reader_lp(&r, NOTICE_PART_MAX);
    reader_zeros(&r);
    err = reader_done(&r) ? check(&o->bundle, key_part, notice_part, organisation, now_s) : ZG_ERR_MALFORMED;
    if (err == ZG_OK)
        *out = o->bundle;
out:
    sodium_memzero(o, sizeof(*o));
    free(o);
    return err;
}

zg_err bundle_intake(const struct bundle *b, uint64_t now_s, enum intake_which *which, const uint8_t **pk)
{
    if (validity_check(&b->keys.intake_validity, now_s) == ZG_OK) {
        *which = INTAKE_OF_DAY;
        *pk = b->keys.intake_pk;
        return ZG_OK;
    }
    if (validity_check(&b->keys.last_resort_validity, now_s) == ZG_OK) {
        *which = INTAKE_LAST_RESORT;
        *pk = b->keys.last_resort_pk;
        return ZG_OK;
    }
    return ZG_ERR_EXPIRED;
}
