#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/labels.h"
#include "proto/seal.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/meeting.h"

#define NOW MEETING_NOW

static int setup(void **state)
{
    *state = desk_new(2);
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static zg_err open_at(struct desk *d, uint64_t now_s)
{
    static struct bundle out;
    return bundle_open(&out, d->sealed, d->sealed_len, d->bundle_key, d->card.organisation, now_s);
}

static void a_bundle_is_read_as_it_was_made(void **state)
{
    struct desk *d = *state;
    assert_int_equal(d->sealed_len % 4096, 0);
    assert_memory_equal(&d->bundle.keys, &d->keys, sizeof(d->keys));
    assert_memory_equal(d->bundle.key_part_hash, d->epoch.key_part_hash, HASH_BYTES);
    assert_memory_equal(d->bundle.trust.root_pk, d->root.pk, 32);
    assert_memory_equal(d->bundle.trust.issuing_pk, d->issuing.pk, 32);
    assert_memory_equal(d->bundle.trust.desk_id, d->notice.desk_id, 16);
    assert_int_equal(d->bundle.notice.state, DESK_ON_DUTY);
    assert_int_equal(d->bundle.notice.written_s, NOW);
    assert_int_equal(d->bundle.notice.count, 2);
    assert_string_equal(d->bundle.notice.texts[0].language, "es");
    assert_string_equal(d->bundle.notice.texts[1].text, d->notice.texts[1].text);
}

static void the_largest_notice_fits(void **state)
{
    struct desk *d = *state;
    d->notice.count = NOTICE_TEXTS_MAX;
    for (size_t i = 0; i < NOTICE_TEXTS_MAX; i++) {
        strcpy(d->notice.texts[i].language, "fr");
        memset(d->notice.texts[i].text, 'x', NOTICE_TEXT_BYTES_MAX);
        d->notice.texts[i].text[NOTICE_TEXT_BYTES_MAX] = '\0';
    }
    desk_publish(d);
    assert_true(d->sealed_len <= BUNDLE_SEALED_MAX);
    assert_int_equal(strlen(d->bundle.notice.texts[7].text), NOTICE_TEXT_BYTES_MAX);
    memset(d->notice.texts[3].text, 'x', sizeof(d->notice.texts[3].text)); /* not terminated */
    uint8_t hash[HASH_BYTES];
    assert_int_equal(bundle_make(d->sealed, &d->sealed_len, hash, &d->keys, &d->notice, &d->publishing,
                                 d->bundle_key, &d->rng),
                     ZG_ERR_TOO_LARGE);
}

static void a_bundle_cut_at_any_byte_is_refused(void **state)
{
    struct desk *d = *state;
    static struct bundle out;
    memset(&out, 0x5a, sizeof(out));
    static struct bundle before;
    before = out;
    for (size_t len = 0; len < d->sealed_len; len++)
        assert_int_not_equal(bundle_open(&out, d->sealed, len, d->bundle_key, d->card.organisation, NOW),
                             ZG_OK);
    assert_memory_equal(&out, &before, sizeof(out));
}

static void a_bit_changed_anywhere_is_forged(void **state)
{
    struct desk *d = *state;
    for (size_t i = 0; i < d->sealed_len; i += i < 200 ? 1 : 37) {
        d->sealed[i] ^= (uint8_t)(1u << (i % 8));
        assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);
        d->sealed[i] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(open_at(d, NOW), ZG_OK);
}

static void another_card_does_not_open_it(void **state)
{
    struct desk *d = *state;
    d->bundle_key[0] ^= 1;
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);
}

/* --- what only somebody who knows the card key could do: open, change, seal again --- */

struct plain {
    uint8_t bytes[BUNDLE_SEALED_MAX];
    size_t len;
    uint8_t *key_part; /* within bytes */
    size_t key_len;
    uint8_t *notice;
    size_t notice_len;
};

static struct span ad(uint8_t out[64])
{
    struct writer w;
    writer_init(&w, out, 64);
    writer_lp(&w, LABEL_BUNDLE, strlen(LABEL_BUNDLE));
    return (struct span){out, w.len};
}

static void unseal(struct plain *p, const struct desk *d)
{
    uint8_t buf[64];
    const struct span a = ad(buf);
    struct reader r;
    MUST(seal_open(p->bytes, d->bundle_key, &a, 1, d->sealed, d->sealed_len));
    p->len = d->sealed_len - SEAL_OVERHEAD;
    reader_init(&r, p->bytes, p->len);
    struct span key_part = reader_lp(&r, p->len);
    struct span notice = reader_lp(&r, p->len);
    p->key_part = p->bytes + (key_part.at - p->bytes);
    p->key_len = key_part.len;
    p->notice = p->bytes + (notice.at - p->bytes);
    p->notice_len = notice.len;
}

static void reseal(struct desk *d, const struct plain *p)
{
    uint8_t buf[64];
    const struct span a = ad(buf);
    seal(d->sealed, d->bundle_key, &a, 1, p->bytes, p->len, &d->rng);
}

static void resign_keys(struct plain *p, const struct sign_key *k)
{
    size_t len = p->key_len - SIGNATURE_BYTES;
    sign_message(p->key_part + len, k, SPAN_LABEL(LABEL_BUNDLE_KEYS), (struct span){p->key_part, len});
}

static void resign_notice(struct plain *p, const struct sign_key *k)
{
    size_t len = p->notice_len - SIGNATURE_BYTES;
    sign_message(p->notice + len, k, SPAN_LABEL(LABEL_BUNDLE_NOTICE), (struct span){p->notice, len});
}

static void every_byte_of_both_parts_is_signed(void **state)
{
    struct desk *d = *state;
    static struct plain p;
    unseal(&p, d);
    for (size_t i = 0; i < p.key_len + p.notice_len; i++) {
        uint8_t *at = i < p.key_len ? p.key_part + i : p.notice + (i - p.key_len);
        *at ^= 0x40;
        reseal(d, &p);
        assert_int_not_equal(open_at(d, NOW), ZG_OK);
        *at ^= 0x40;
    }
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_OK);
}

static void lengths_and_padding_are_exact(void **state)
{
    struct desk *d = *state;
    static struct plain p;
    unseal(&p, d);
    p.bytes[p.len - 1] = 1; /* padding */
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_MALFORMED);
    p.bytes[p.len - 1] = 0;
    for (size_t i = 0; i < 4; i++) { /* length of the key part */
        p.bytes[i] ^= 1;
        reseal(d, &p);
        assert_int_equal(open_at(d, NOW), ZG_ERR_MALFORMED);
        p.bytes[i] ^= 1;
    }
    memset(p.bytes, 0, p.len);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_MALFORMED);
}

static void another_version_is_refused_as_such(void **state)
{
    struct desk *d = *state;
    static struct plain p;
    unseal(&p, d);
    for (size_t i = 0; i < 2; i++) {
        p.key_part[i] = 2;
        reseal(d, &p);
        assert_int_equal(open_at(d, NOW), ZG_ERR_VERSION);
        p.key_part[i] = 1;
        p.notice[i] = 2;
        resign_notice(&p, &d->publishing);
        reseal(d, &p);
        assert_int_equal(open_at(d, NOW), ZG_ERR_VERSION);
        p.notice[i] = 1;
        resign_notice(&p, &d->publishing);
    }
}

static void a_notice_that_was_signed_must_still_be_well_formed(void **state)
{
    struct desk *d = *state;
    static struct plain p;
    enum { STATE = 2 + 16 + 8, COUNT, LANGUAGE, TEXT = LANGUAGE + 2 + 4 };
    static const struct {
        size_t at;
        uint8_t value;
    } cases[] = {
        {STATE, 0},      {STATE, 4},    {COUNT, 9}, {COUNT, 1},   {COUNT, 3},
        {LANGUAGE, 'E'}, {LANGUAGE, 0}, {TEXT, 0},  {TEXT, 0xff}, {TEXT - 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unseal(&p, d);
        uint8_t was = p.notice[cases[i].at];
        p.notice[cases[i].at] = cases[i].value;
        resign_notice(&p, &d->publishing);
        reseal(d, &p);
        assert_int_equal(open_at(d, NOW), ZG_ERR_MALFORMED);
        p.notice[cases[i].at] = was;
        resign_notice(&p, &d->publishing);
        reseal(d, &p);
        assert_int_equal(open_at(d, NOW), ZG_OK);
    }
}

static void another_organisation_is_foreign(void **state)
{
    struct desk *d = *state;
    struct desk *foreign = desk_new(3);
    static struct bundle out;
    assert_int_equal(bundle_open(&out, foreign->sealed, foreign->sealed_len, foreign->bundle_key,
                                 d->card.organisation, NOW),
                     ZG_ERR_FOREIGN);
    desk_free(foreign);
}

static void each_link_of_the_chain_must_be_of_this_organisation(void **state)
{
    struct desk *d = *state;
    struct desk *foreign = desk_new(3);
    static struct plain p;
    enum { ISSUING_AT = 2 + 32 + 4, DESK_AT = ISSUING_AT + ISSUING_CERTIFICATE_BYTES + 4 };

    unseal(&p, d); /* issuing certificate of another root */
    memcpy(p.key_part + ISSUING_AT, foreign->keys.issuing_certificate, ISSUING_CERTIFICATE_BYTES);
    resign_keys(&p, &foreign->publishing);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);

    desk_publish(foreign);
    unseal(&p, foreign); /* another organisation's bundle under this one's R */
    memcpy(p.key_part + 2, d->root.pk, 32);
    resign_keys(&p, &foreign->publishing);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);

    desk_publish(d); /* a desk certificate by another issuing key */
    unseal(&p, d);
    memcpy(p.key_part + DESK_AT, foreign->keys.desk_certificate, DESK_CERTIFICATE_BYTES);
    resign_keys(&p, &foreign->publishing);
    resign_notice(&p, &foreign->publishing);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);
    desk_free(foreign);
}

/* A desk certificate of the same organisation for another desk, with its own publishing key. */
static void a_notice_of_another_desk_is_foreign(void **state)
{
    struct desk *d = *state;
    struct desk_certificate c = {.generation = 1, .validity = validity_from(NOW, DESK_VALIDITY_S)};
    memset(c.desk_id, 0x77, sizeof(c.desk_id));
    memcpy(c.publishing_pk, d->publishing.pk, 32);
    desk_certificate_make(d->keys.desk_certificate, &c, &d->issuing);
    assert_int_equal(bundle_make(d->sealed, &d->sealed_len, d->epoch.key_part_hash, &d->keys, &d->notice,
                                 &d->publishing, d->bundle_key, &d->rng),
                     ZG_OK);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FOREIGN);
}

static void a_former_publishing_key_is_refused(void **state)
{
    struct desk *d = *state;
    struct sign_key former = d->publishing;
    static struct plain p;
    sign_key_new(&d->publishing, &d->rng);
    struct desk_certificate c = {.generation = 2, .validity = validity_from(NOW, DESK_VALIDITY_S)};
    memcpy(c.desk_id, d->notice.desk_id, sizeof(c.desk_id));
    memcpy(c.publishing_pk, d->publishing.pk, 32);
    desk_certificate_make(d->keys.desk_certificate, &c, &d->issuing);
    desk_publish(d);
    unseal(&p, d);
    resign_keys(&p, &former);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);
    resign_keys(&p, &d->publishing);
    resign_notice(&p, &former);
    reseal(d, &p);
    assert_int_equal(open_at(d, NOW), ZG_ERR_FORGED);
}

static void each_certificate_ends_in_its_time(void **state)
{
    struct desk *d = *state;
    struct issuing_certificate i = {.validity = {NOW, NOW + 1000}};
    struct desk_certificate c = {.generation = 1, .validity = {NOW + 10, NOW + 100}};
    memcpy(i.issuing_pk, d->issuing.pk, 32);
    memcpy(c.desk_id, d->notice.desk_id, sizeof(c.desk_id));
    memcpy(c.publishing_pk, d->publishing.pk, 32);
    issuing_certificate_make(d->keys.issuing_certificate, &i, &d->root);
    desk_certificate_make(d->keys.desk_certificate, &c, &d->issuing);
    assert_int_equal(bundle_make(d->sealed, &d->sealed_len, d->epoch.key_part_hash, &d->keys, &d->notice,
                                 &d->publishing, d->bundle_key, &d->rng),
                     ZG_OK);
    assert_int_equal(open_at(d, NOW - 1), ZG_ERR_EXPIRED); /* issuing: not yet */
    assert_int_equal(open_at(d, NOW + 9), ZG_ERR_EXPIRED); /* desk: not yet */
    assert_int_equal(open_at(d, NOW + 10), ZG_OK);
    assert_int_equal(open_at(d, NOW + 99), ZG_OK);
    assert_int_equal(open_at(d, NOW + 100), ZG_ERR_EXPIRED); /* desk */
    c.validity.until = NOW + 5000;
    desk_certificate_make(d->keys.desk_certificate, &c, &d->issuing);
    assert_int_equal(bundle_make(d->sealed, &d->sealed_len, d->epoch.key_part_hash, &d->keys, &d->notice,
                                 &d->publishing, d->bundle_key, &d->rng),
                     ZG_OK);
    assert_int_equal(open_at(d, NOW + 1000), ZG_ERR_EXPIRED); /* issuing */
}

static void the_last_resort_key_serves_when_nobody_was_there(void **state)
{
    struct desk *d = *state;
    enum intake_which which;
    const uint8_t *pk;
    const uint64_t intake_end = d->keys.intake_validity.until;
    const uint64_t last_end = d->keys.last_resort_validity.until;
    assert_int_equal(bundle_intake(&d->bundle, intake_end - 1, &which, &pk), ZG_OK);
    assert_int_equal(which, INTAKE_OF_DAY);
    assert_memory_equal(pk, d->keys.intake_pk, XWING_PK_BYTES);
    assert_int_equal(bundle_intake(&d->bundle, intake_end, &which, &pk), ZG_OK);
    assert_int_equal(which, INTAKE_LAST_RESORT);
    assert_memory_equal(pk, d->keys.last_resort_pk, XWING_PK_BYTES);
    assert_int_equal(bundle_intake(&d->bundle, last_end - 1, &which, &pk), ZG_OK);
    assert_int_equal(bundle_intake(&d->bundle, last_end, &which, &pk), ZG_ERR_EXPIRED);
    /* The bundle itself still opens: its notice may say why. */
    assert_int_equal(open_at(d, last_end), ZG_OK);
}

static void a_failing_heap_is_said(void **state)
{
    struct desk *d = *state;
    uint8_t hash[HASH_BYTES];
    heap_fail_after(0);
    assert_int_equal(open_at(d, NOW), ZG_ERR_MEMORY);
    heap_fail_after(0);
    assert_int_equal(bundle_make(d->sealed, &d->sealed_len, hash, &d->keys, &d->notice, &d->publishing,
                                 d->bundle_key, &d->rng),
                     ZG_ERR_MEMORY);
    heap_fail_never();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bundle_is_read_as_it_was_made),
        TEST(the_largest_notice_fits),
        TEST(a_bundle_cut_at_any_byte_is_refused),
        TEST(a_bit_changed_anywhere_is_forged),
        TEST(another_card_does_not_open_it),
        TEST(every_byte_of_both_parts_is_signed),
        TEST(lengths_and_padding_are_exact),
        TEST(another_version_is_refused_as_such),
        TEST(a_notice_that_was_signed_must_still_be_well_formed),
        TEST(another_organisation_is_foreign),
        TEST(each_link_of_the_chain_must_be_of_this_organisation),
        TEST(a_notice_of_another_desk_is_foreign),
        TEST(a_former_publishing_key_is_refused),
        TEST(each_certificate_ends_in_its_time),
        TEST(the_last_resort_key_serves_when_nobody_was_there),
        TEST(a_failing_heap_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
