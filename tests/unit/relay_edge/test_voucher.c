/* The text of a voucher: every slip of copying is noticed. */
#include "proto/voucher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static const uint8_t secret[WIRE_SECRET_BYTES] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                                  11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                                  22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
/* base64url(00 01 .. 1f | BLAKE2b-32(LP("zaguan/1 voucher check") | LP(00 01 .. 1f))[first 4]), made with
 * Python's hashlib */
static const char known[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8xYIsE";

static void a_known_voucher_has_its_known_text(void **state)
{
    char text[VOUCHER_TEXT_LEN + 1];
    (void)state;
    voucher_text(secret, text);
    assert_string_equal(text, known);
}

static void the_text_leads_back_to_the_secret(void **state)
{
    uint8_t out[WIRE_SECRET_BYTES];
    char padded[100];
    (void)state;
    assert_int_equal(voucher_parse(out, known, strlen(known)), ZG_OK);
    assert_memory_equal(out, secret, sizeof(secret));
    snprintf(padded, sizeof(padded), " \t%s \r\n", known);
    memset(out, 0, sizeof(out));
    assert_int_equal(voucher_parse(out, padded, strlen(padded)), ZG_OK);
    assert_memory_equal(out, secret, sizeof(secret));
}

static void every_changed_character_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < VOUCHER_TEXT_LEN; i++)
        for (const char *c = "Aa0-_=+ "; *c != '\0'; c++) {
            char text[VOUCHER_TEXT_LEN + 1];
            uint8_t out[WIRE_SECRET_BYTES], before[WIRE_SECRET_BYTES];
            memcpy(text, known, sizeof(text));
            if (text[i] == *c)
                continue;
            text[i] = *c;
            memset(out, 0xee, sizeof(out));
            memcpy(before, out, sizeof(out));
            assert_int_not_equal(voucher_parse(out, text, VOUCHER_TEXT_LEN), ZG_OK);
            assert_memory_equal(out, before, sizeof(out));
        }
}

static void too_short_and_too_long_are_told_apart(void **state)
{
    uint8_t out[WIRE_SECRET_BYTES];
    char longer[VOUCHER_TEXT_LEN + 2];
    (void)state;
    for (size_t len = 0; len < VOUCHER_TEXT_LEN; len++)
        assert_int_equal(voucher_parse(out, known, len), ZG_ERR_TRUNCATED);
    snprintf(longer, sizeof(longer), "%sA", known);
    assert_int_equal(voucher_parse(out, longer, strlen(longer)), ZG_ERR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_known_voucher_has_its_known_text),
        cmocka_unit_test(the_text_leads_back_to_the_secret),
        cmocka_unit_test(every_changed_character_is_noticed),
        cmocka_unit_test(too_short_and_too_long_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
