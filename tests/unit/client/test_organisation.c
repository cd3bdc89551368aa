#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "proto/labels.h"
#include "client/core/organisation_file.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/meeting.h"

#define NOW MEETING_NOW

static struct rng_seed seed;
static struct rng rng;
static struct sign_key root;
static struct sign_key other;

static int setup(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    rng = rng_seeded(&seed, 1);
    sign_key_new(&root, &rng);
    sign_key_new(&other, &rng);
    return 0;
}

static void validity_begins_a_day_back_and_ends_before_until(void **state)
{
    (void)state;
    struct validity v = validity_from(NOW, 100);
    assert_int_equal(v.from, NOW - DAY_S);
    assert_int_equal(v.until, NOW + 100);
    assert_int_equal(validity_check(&v, v.from - 1), ZG_ERR_EXPIRED);
    assert_int_equal(validity_check(&v, v.from), ZG_OK);
    assert_int_equal(validity_check(&v, v.until - 1), ZG_OK);
    assert_int_equal(validity_check(&v, v.until), ZG_ERR_EXPIRED);
    assert_int_equal(validity_from(5, 1).from, 0);
    assert_int_equal(validity_from(5, UINT64_MAX).until, UINT64_MAX);
}

static void a_signature_is_by_one_key_under_one_label(void **state)
{
    (void)state;
    uint8_t signature[SIGNATURE_BYTES];
    uint8_t message[] = "as the exact bytes that travel";
    const struct span m = SPAN_OF(message);
    sign_message(signature, &root, SPAN_LABEL(LABEL_CREDENTIAL), m);
    assert_int_equal(sign_verify(signature, root.pk, SPAN_LABEL(LABEL_CREDENTIAL), m), ZG_OK);
    assert_int_equal(sign_verify(signature, other.pk, SPAN_LABEL(LABEL_CREDENTIAL), m), ZG_ERR_FORGED);
    assert_int_equal(sign_verify(signature, root.pk, SPAN_LABEL(LABEL_CARD), m), ZG_ERR_FORGED);
    message[3] ^= 1;
    assert_int_equal(sign_verify(signature, root.pk, SPAN_LABEL(LABEL_CREDENTIAL), m), ZG_ERR_FORGED);
}

static void too_long_for_any_object_is_forged(void **state)
{
    (void)state;
    static const uint8_t message[20000];
    const uint8_t signature[SIGNATURE_BYTES] = {0};
    assert_int_equal(sign_verify(signature, root.pk, SPAN_LABEL(LABEL_CARD), (struct span)SPAN_OF(message)),
                     ZG_ERR_FORGED);
}

static void sample_credential(struct credential *c)
{
    memset(c, 0, sizeof(*c));
    c->role = CREDENTIAL_PEER_WORKER;
    strcpy(c->alias, "Ana Mar\xc3\xad"
                     "a");
    c->serial = 77;
    rng_fill(&rng, c->desk_id, sizeof(c->desk_id));
    rng_fill(&rng, c->sign_pk, sizeof(c->sign_pk));
    rng_fill(&rng, c->dh_pk, sizeof(c->dh_pk));
    c->validity = validity_from(NOW, CREDENTIAL_VALIDITY_S);
}

static void a_credential_is_read_as_it_was_made(void **state)
{
    (void)state;
    struct credential c;
    struct credential out;
    uint8_t encoded[CREDENTIAL_BYTES_MAX];
    size_t len;
    sample_credential(&c);
    assert_int_equal(credential_make(encoded, &len, &c, &root), ZG_OK);
    assert_int_equal(credential_open(&out, (struct span){encoded, len}, root.pk, NOW, NOW), ZG_OK);
    assert_int_equal(out.role, c.role);
    assert_string_equal(out.alias, c.alias);
    assert_int_equal(out.serial, 77);
    assert_memory_equal(out.desk_id, c.desk_id, sizeof(c.desk_id));
    assert_memory_equal(out.sign_pk, c.sign_pk, sizeof(c.sign_pk));
    assert_memory_equal(out.dh_pk, c.dh_pk, sizeof(c.dh_pk));
    assert_memory_equal(&out.validity, &c.validity, sizeof(c.validity));
}

static void an_object_changed_or_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct credential c;
    struct credential out;
    uint8_t encoded[CREDENTIAL_BYTES_MAX];
    size_t len;
    sample_credential(&c);
    assert_int_equal(credential_make(encoded, &len, &c, &root), ZG_OK);
    memset(&out, 0x5a, sizeof(out));
    struct credential before = out;
    for (size_t i = 0; i < len; i++) {
        encoded[i] ^= 0x10;
        assert_int_equal(credential_open(&out, (struct span){encoded, len}, root.pk, NOW, NOW), ZG_ERR_FORGED);
        encoded[i] ^= 0x10;
        assert_int_not_equal(credential_open(&out, (struct span){encoded, i}, root.pk, NOW, NOW), ZG_OK);
    }
    assert_memory_equal(&out, &before, sizeof(out));
}

/* Signs arbitrary bytes as an object, as a careless issuer might. */
static struct span signed_bytes(uint8_t *buf, size_t len, struct span label)
{
    sign_message(buf + len, &root, label, (struct span){buf, len});
    return (struct span){buf, len + SIGNATURE_BYTES};
}

static void what_is_signed_must_still_be_well_formed(void **state)
{
    (void)state;
    struct credential c;
    struct credential out;
    uint8_t good[CREDENTIAL_BYTES_MAX];
    uint8_t bad[CREDENTIAL_BYTES_MAX + 16];
    size_t len;
    const struct span label = SPAN_LABEL(LABEL_CREDENTIAL);
    sample_credential(&c);
    assert_int_equal(credential_make(good, &len, &c, &root), ZG_OK);
    len -= SIGNATURE_BYTES;

    memcpy(bad, good, len);
    bad[len] = 0; /* trailing */
    assert_int_equal(credential_open(&out, signed_bytes(bad, len + 1, label), root.pk, NOW, NOW),
                     ZG_ERR_MALFORMED);
    assert_int_equal(credential_open(&out, signed_bytes(bad, len - 1, label), root.pk, NOW, NOW),
                     ZG_ERR_MALFORMED);
    for (size_t i = 0; i < 2; i++) { /* version, suite */
        memcpy(bad, good, len);
        bad[i] = 2;
        assert_int_equal(credential_open(&out, signed_bytes(bad, len, label), root.pk, NOW, NOW), ZG_ERR_VERSION);
    }
    memcpy(bad, good, len);
    bad[2] = 3; /* role */
    assert_int_equal(credential_open(&out, signed_bytes(bad, len, label), root.pk, NOW, NOW), ZG_ERR_MALFORMED);
    memcpy(bad, good, len);
    bad[7] = 0x1b; /* an escape in the alias */
    assert_int_equal(credential_open(&out, signed_bytes(bad, len, label), root.pk, NOW, NOW), ZG_ERR_MALFORMED);
    memcpy(bad, good, len);
    bad[6] = 33; /* longer than an alias may be */
    assert_int_equal(credential_open(&out, signed_bytes(bad, len, label), root.pk, NOW, NOW), ZG_ERR_MALFORMED);
}

static void an_alias_is_short_plain_text(void **state)
{
    (void)state;
    static const struct {
        const char *alias;
        zg_err err;
    } cases[] = {
        {"", ZG_ERR_ARGUMENT},
        {"x", ZG_OK},
        {"12345678901234567890123456789012", ZG_OK},
        {"a\nb", ZG_ERR_ARGUMENT},
        {"a\x1b[2J", ZG_ERR_ARGUMENT},
        {"a\x7f", ZG_ERR_ARGUMENT},
        {"a\xc2\x85", ZG_ERR_ARGUMENT}, /* U+0085, a C1 control */
        {"a\xc2\xa1", ZG_OK},
        {"\xff", ZG_ERR_ARGUMENT},
        {"caf\xc3", ZG_ERR_ARGUMENT},
        {"\xe2\x80\xae"
         "evil",
         ZG_ERR_ARGUMENT}, /* turns the writing direction */
    };
    struct credential c;
    uint8_t encoded[CREDENTIAL_BYTES_MAX];
    size_t len;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sample_credential(&c);
        memset(c.alias, 0, sizeof(c.alias));
        memcpy(c.alias, cases[i].alias, strlen(cases[i].alias));
        assert_int_equal(credential_make(encoded, &len, &c, &root), cases[i].err);
    }
    memset(c.alias, 'a', sizeof(c.alias)); /* not terminated */
    assert_int_equal(credential_make(encoded, &len, &c, &root), ZG_ERR_ARGUMENT);
}

static void certificates_are_read_as_made_and_only_within_their_time(void **state)
{
    (void)state;
    struct issuing_certificate i = {.validity = {NOW, NOW + 10}};
    struct issuing_certificate i_out;
    struct desk_certificate d = {.generation = 3, .validity = {NOW, NOW + 10}};
    struct desk_certificate d_out;
    uint8_t i_bytes[ISSUING_CERTIFICATE_BYTES];
    uint8_t d_bytes[DESK_CERTIFICATE_BYTES];
    rng_fill(&rng, i.issuing_pk, sizeof(i.issuing_pk));
    rng_fill(&rng, d.desk_id, sizeof(d.desk_id));
    rng_fill(&rng, d.publishing_pk, sizeof(d.publishing_pk));
    issuing_certificate_make(i_bytes, &i, &root);
    desk_certificate_make(d_bytes, &d, &root);
    const struct span is = SPAN_OF(i_bytes);
    const struct span ds = SPAN_OF(d_bytes);

    assert_int_equal(issuing_certificate_open(&i_out, is, root.pk, NOW), ZG_OK);
    assert_memory_equal(i_out.issuing_pk, i.issuing_pk, 32);
    assert_int_equal(desk_certificate_open(&d_out, ds, root.pk, NOW), ZG_OK);
    assert_memory_equal(d_out.desk_id, d.desk_id, sizeof(d.desk_id));
    assert_memory_equal(d_out.publishing_pk, d.publishing_pk, 32);
    assert_int_equal(d_out.generation, 3);
    assert_int_equal(issuing_certificate_open(&i_out, is, root.pk, NOW + 10), ZG_ERR_EXPIRED);
    assert_int_equal(desk_certificate_open(&d_out, ds, root.pk, NOW - 1), ZG_ERR_EXPIRED);
    assert_int_equal(issuing_certificate_open(&i_out, is, other.pk, NOW), ZG_ERR_FORGED);
    /* One kind is not taken for another. */
    assert_int_equal(desk_certificate_open(&d_out, is, root.pk, NOW), ZG_ERR_FORGED);
    for (size_t n = 0; n < sizeof(d_bytes); n++) {
        d_bytes[n] ^= 1;
        assert_int_equal(desk_certificate_open(&d_out, ds, root.pk, NOW), ZG_ERR_FORGED);
        d_bytes[n] ^= 1;
    }
}

static void an_organisation_is_what_was_saved(void **state)
{
    (void)state;
    const zg_now now = {.mono_ms = 1, .utc_ms = NOW * 1000};
    uint8_t saved[ZG_ORGANISATION_BYTES], again[ZG_ORGANISATION_BYTES];
    zg_organisation *o = NULL, *loaded = NULL, *nothing = NULL;
    assert_int_equal(zg_organisation_new(NULL, now), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_organisation_new(&o, now), ZG_OK);
    zg_organisation_save(o, saved);
    assert_int_equal(zg_organisation_load(&loaded, saved, sizeof(saved)), ZG_OK);
    zg_organisation_save(loaded, again);
    assert_memory_equal(saved, again, sizeof(saved));
    zg_organisation_free(loaded);

    assert_int_equal(zg_organisation_load(NULL, saved, sizeof(saved)), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_organisation_load(&nothing, NULL, 0), ZG_ERR_ARGUMENT);
    assert_int_equal(zg_organisation_load(&nothing, saved, sizeof(saved) - 1), ZG_ERR_MALFORMED);
    for (size_t i = 0; i < sizeof(saved); i++) {
        saved[i] ^= 1;
        /* The root seed, the issuing seed, the certificate: each must belong to the others. */
        assert_int_equal(zg_organisation_load(&nothing, saved, sizeof(saved)), i < 2 ? ZG_ERR_VERSION : ZG_ERR_FORGED);
        assert_null(nothing);
        saved[i] ^= 1;
    }
    zg_organisation_free(o);
}

static void without_memory_there_is_no_organisation(void **state)
{
    (void)state;
    const zg_now now = {.mono_ms = 1, .utc_ms = NOW * 1000};
    static const uint8_t saved[ZG_ORGANISATION_BYTES] = {1, 1};
    zg_organisation *o = NULL;
    heap_fail_after(0);
    assert_int_equal(zg_organisation_new(&o, now), ZG_ERR_MEMORY);
    heap_fail_after(0);
    assert_int_equal(zg_organisation_load(&o, saved, sizeof(saved)), ZG_ERR_MEMORY);
    heap_fail_never();
    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity_begins_a_day_back_and_ends_before_until),
        cmocka_unit_test(a_signature_is_by_one_key_under_one_label),
        cmocka_unit_test(too_long_for_any_object_is_forged),
        cmocka_unit_test(a_credential_is_read_as_it_was_made),
        cmocka_unit_test(an_object_changed_or_cut_anywhere_is_refused),
        cmocka_unit_test(what_is_signed_must_still_be_well_formed),
        cmocka_unit_test(an_alias_is_short_plain_text),
        cmocka_unit_test(certificates_are_read_as_made_and_only_within_their_time),
        cmocka_unit_test(an_organisation_is_what_was_saved),
        cmocka_unit_test(without_memory_there_is_no_organisation),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
