/*
 * A bundle behind its seal, and the signed objects of the chain. The first byte says what the rest is; it is
 * sealed, and signed where a signature would else stop everything, as a careless or hostile desk could do.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/labels.h"
#include "proto/seal.h"
#include "tests/unit/client/meeting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { WHOLE, KEY_PART, NOTICE, CREDENTIAL, ISSUING, DESK, KINDS };

static struct desk *desk;
static struct span good_key_part;
static struct span good_notice;
static uint8_t plain[BUNDLE_SEALED_MAX];

static void check(int ok)
{
    if (!ok)
        abort();
}

static struct span seal_ad(void)
{
    static uint8_t ad[64];
    struct writer w;
    writer_init(&w, ad, sizeof(ad));
    writer_lp(&w, LABEL_BUNDLE, strlen(LABEL_BUNDLE));
    return (struct span){ad, w.len};
}

static void prepare(void)
{
    const struct span ad = seal_ad();
    struct reader r;
    if (desk != NULL)
        return;
    desk = desk_new(11);
    check(seal_open(plain, desk->bundle_key, &ad, 1, desk->sealed, desk->sealed_len) == ZG_OK);
    reader_init(&r, plain, desk->sealed_len - SEAL_OVERHEAD);
    good_key_part = reader_lp(&r, sizeof(plain));
    good_notice = reader_lp(&r, sizeof(plain));
}

/* LP(data | signature) */
static void put_signed(struct writer *w, const uint8_t *data, size_t size, const struct sign_key *k,
                       struct span label)
{
    uint8_t signature[SIGNATURE_BYTES];
    sign_message(signature, k, label, (struct span){data, size});
    writer_u32(w, (uint32_t)(size + SIGNATURE_BYTES));
    writer_put(w, data, size);
    writer_put(w, signature, sizeof(signature));
}

static void open_sealed(const struct writer *w)
{
    static uint8_t sealed[BUNDLE_SEALED_MAX];
    static struct bundle out;
    static struct bundle before;
    uint8_t whole[BUNDLE_SEALED_MAX] = {0};
    const struct span ad = seal_ad();
    if (w->bad || w->len > sizeof(whole) - SEAL_OVERHEAD)
        return;
    memcpy(whole, w->buf, w->len);
    size_t pieces = (w->len + SEAL_OVERHEAD + 4095) / 4096;
    seal(sealed, desk->bundle_key, &ad, 1, whole, pieces * 4096 - SEAL_OVERHEAD, &desk->rng);
    memset(&out, 0x5a, sizeof(out));
    before = out;
    zg_err err =
        bundle_open(&out, sealed, pieces * 4096, desk->bundle_key, desk->card.organisation, MEETING_NOW);
    if (err != ZG_OK) {
        check(memcmp(&out, &before, sizeof(out)) == 0);
        return;
    }
    check(out.notice.count <= NOTICE_TEXTS_MAX);
    for (uint8_t i = 0; i < out.notice.count; i++)
        check(strlen(out.notice.texts[i].text) <= NOTICE_TEXT_BYTES_MAX &&
              out.notice.texts[i].language[2] == '\0');
    /* What was read and is written again is the same key part. */
    static uint8_t again[BUNDLE_SEALED_MAX];
    uint8_t hash[HASH_BYTES];
    size_t len;
    check(bundle_make(again, &len, hash, &out.keys, &out.notice, &desk->publishing, desk->bundle_key,
                      &desk->rng) == ZG_OK);
    check(memcmp(hash, out.key_part_hash, sizeof(hash)) == 0 && len == pieces * 4096);
}

static void try_bundle(enum kind kind, const uint8_t *data, size_t size)
{
    static uint8_t bytes[BUNDLE_SEALED_MAX];
    struct writer w;
    writer_init(&w, bytes, sizeof(bytes));
    if (kind == WHOLE) {
        writer_put(&w, data, size);
    } else if (kind == KEY_PART) {
        put_signed(&w, data, size, &desk->publishing, SPAN_LABEL(LABEL_BUNDLE_KEYS));
        writer_lp(&w, good_notice.at, good_notice.len);
    } else {
        writer_lp(&w, good_key_part.at, good_key_part.len);
        put_signed(&w, data, size, &desk->publishing, SPAN_LABEL(LABEL_BUNDLE_NOTICE));
    }
    open_sealed(&w);
}

/* Certificates and credentials: what opens, is written back to the same bytes. */
static void try_object(enum kind kind, const uint8_t *data, size_t size)
{
    static uint8_t object[8192];
    uint8_t again[CREDENTIAL_BYTES_MAX];
    size_t len = 0;
    const struct span all = {object, size + SIGNATURE_BYTES};
    const struct span message = {object, size};
    const uint8_t *pk = desk->issuing.pk;
    memcpy(object, data, size);

    if (kind == CREDENTIAL) {
        struct credential c;
        sign_message(object + size, &desk->issuing, SPAN_LABEL(LABEL_CREDENTIAL), message);
        if (credential_open(&c, all, pk, MEETING_NOW, MEETING_NOW) != ZG_OK)
            return;
        check(credential_make(again, &len, &c, &desk->issuing) == ZG_OK);
    } else if (kind == ISSUING) {
        struct issuing_certificate c;
        sign_message(object + size, &desk->issuing, SPAN_LABEL(LABEL_ISSUING_CERTIFICATE), message);
        if (issuing_certificate_open(&c, all, pk, MEETING_NOW) != ZG_OK)
            return;
        issuing_certificate_make(again, &c, &desk->issuing);
        len = ISSUING_CERTIFICATE_BYTES;
    } else {
        struct desk_certificate c;
        sign_message(object + size, &desk->issuing, SPAN_LABEL(LABEL_DESK_CERTIFICATE), message);
        if (desk_certificate_open(&c, all, pk, MEETING_NOW) != ZG_OK)
            return;
        desk_certificate_make(again, &c, &desk->issuing);
        len = DESK_CERTIFICATE_BYTES;
    }
    check(len == all.len && memcmp(again, object, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 8000)
        return 0;
    prepare();
    const enum kind kind = (enum kind)(data[0] % KINDS);
    if (kind == WHOLE || kind == KEY_PART || kind == NOTICE)
        try_bundle(kind, data + 1, size - 1);
    else
        try_object(kind, data + 1, size - 1);
    return 0;
}
