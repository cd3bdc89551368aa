#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "client/passphrase/box.h"
#include "tests/support/support.h"

#define LABEL SPAN_TEXT("a test")
#define SPAN_TEXT(text) ((struct span){(const uint8_t *)(text), sizeof(text) - 1})

static const struct box_cost cheap = {.passes = 1, .memory_kib = 8};
static const uint8_t secret[10] = "ten bytes.";

enum { BOX_BYTES = sizeof(secret) + BOX_OVERHEAD };

static void make(uint8_t box[BOX_BYTES])
{
    const struct rng rng = rng_system();
    assert_int_equal(box_make(box, LABEL, SPAN_TEXT("correct horse"), cheap, secret, sizeof(secret), &rng), ZG_OK);
}

static void opens_with_its_passphrase_only(void **state)
{
    uint8_t box[BOX_BYTES];
    uint8_t out[sizeof(secret)] = {0};
    const uint8_t untouched[sizeof(secret)] = {0};
    (void)state;

    make(box);
    assert_int_equal(box_open(out, LABEL, SPAN_TEXT("correct hors"), box, sizeof(box)), ZG_ERR_PASSPHRASE);
    assert_int_equal(box_open(out, LABEL, SPAN_TEXT(""), box, sizeof(box)), ZG_ERR_PASSPHRASE);
    assert_memory_equal(out, untouched, sizeof(out));
    assert_int_equal(box_open(out, LABEL, SPAN_TEXT("correct horse"), box, sizeof(box)), ZG_OK);
    assert_memory_equal(out, secret, sizeof(out));
}

static void damage_is_not_called_a_wrong_passphrase(void **state)
{
    uint8_t box[BOX_BYTES];
    uint8_t out[sizeof(secret)];
    (void)state;

    make(box);
    for (size_t i = 0; i < sizeof(box); i++) {
        box[i] ^= 1;
        /* The first byte is the version: 0 is none, and 2 a newer one. */
        assert_int_equal(box_open(out, LABEL, SPAN_TEXT("correct horse"), box, sizeof(box)), ZG_ERR_MALFORMED);
        box[i] ^= 1;
    }
    for (size_t len = 0; len < sizeof(box); len++)
        assert_int_equal(box_open(out, LABEL, SPAN_TEXT("correct horse"), box, len), ZG_ERR_MALFORMED);
    box[0] = 2;
    assert_int_equal(box_open(out, LABEL, SPAN_TEXT("correct horse"), box, sizeof(box)), ZG_ERR_VERSION);
}

static void opens_under_its_own_label_only(void **state)
{
    uint8_t box[BOX_BYTES];
    uint8_t out[sizeof(secret)];
    (void)state;

    make(box);
    assert_int_equal(box_open(out, SPAN_TEXT("another"), SPAN_TEXT("correct horse"), box, sizeof(box)),
                     ZG_ERR_MALFORMED);
}

static void short_passphrases_and_impossible_costs_are_refused(void **state)
{
    static const struct box_cost bad[] = {{0, 8}, {17, 8}, {1, 7}, {1, 1024 * 1024 + 1}};
    uint8_t box[BOX_BYTES];
    const struct rng rng = rng_system();
    (void)state;

    assert_int_equal(box_make(box, LABEL, SPAN_TEXT("7 bytes"), cheap, secret, sizeof(secret), &rng),
                     ZG_ERR_ARGUMENT);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(box_make(box, LABEL, SPAN_TEXT("correct horse"), bad[i], secret, sizeof(secret), &rng),
                         ZG_ERR_ARGUMENT);
}

static void equal_secrets_make_different_boxes(void **state)
{
    uint8_t a[BOX_BYTES];
    uint8_t b[BOX_BYTES];
    (void)state;

    make(a);
    make(b);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_with_its_passphrase_only),
        cmocka_unit_test(damage_is_not_called_a_wrong_passphrase),
        cmocka_unit_test(opens_under_its_own_label_only),
        cmocka_unit_test(short_passphrases_and_impossible_costs_are_refused),
        cmocka_unit_test(equal_secrets_make_different_boxes),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
