#include "tests/unit/proto/test.h"

#include "proto/voucher.h"

static void voucher_texts_agree_with_their_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("vouchers.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        uint8_t secret[WIRE_SECRET_BYTES], parsed[WIRE_SECRET_BYTES];
        char text[VOUCHER_TEXT_LEN + 1];
        const char *expected = vector_text(f, "text");
        vector_bytes(f, "secret", secret, sizeof(secret));
        voucher_text(secret, text);
        assert_string_equal(text, expected);
        assert_int_equal(voucher_parse(parsed, expected, strlen(expected)), ZG_OK);
        assert_memory_equal(parsed, secret, sizeof(secret));
    }
    assert_int_equal(count, 2);
    vector_close(f);
}

/* Refused, with out as it was. */
static void refuse(const char *text, size_t len, zg_err expected)
{
    uint8_t out[WIRE_SECRET_BYTES], before[WIRE_SECRET_BYTES];
    memset(out, 0xa5, sizeof(out));
    memcpy(before, out, sizeof(out));
    assert_int_equal(voucher_parse(out, text, len), expected);
    assert_memory_equal(out, before, sizeof(out));
}

static void space_around_it_does_not_matter(void **state)
{
    (void)state;
    const uint8_t secret[WIRE_SECRET_BYTES] = {1, 2, 3};
    uint8_t parsed[WIRE_SECRET_BYTES];
    char text[VOUCHER_TEXT_LEN + 1], padded[VOUCHER_TEXT_LEN + 16];
    voucher_text(secret, text);
    int len = snprintf(padded, sizeof(padded), " \t\r\n%s \t\r\n", text);
    assert_int_equal(voucher_parse(parsed, padded, (size_t)len), ZG_OK);
    assert_memory_equal(parsed, secret, sizeof(secret));
    refuse(" \n\t ", 4, ZG_ERR_TRUNCATED);
}

static void every_single_mistake_of_typing_is_found(void **state)
{
    (void)state;
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ +/=.";
    const uint8_t secret[WIRE_SECRET_BYTES] = {0x47, 0x11};
    char text[VOUCHER_TEXT_LEN + 1];
    voucher_text(secret, text);
    for (size_t i = 0; i < VOUCHER_TEXT_LEN; i++) {
        char right = text[i];
        for (const char *c = letters; *c != '\0'; c++) {
            /* A space at an end is no mistake of one letter but a missing one. */
            bool cut = *c == ' ' && (i == 0 || i == VOUCHER_TEXT_LEN - 1);
            text[i] = *c;
            if (*c != right)
                refuse(text, VOUCHER_TEXT_LEN, cut ? ZG_ERR_TRUNCATED : ZG_ERR_MALFORMED);
        }
        text[i] = right;
    }
    for (size_t i = 0; i + 1 < VOUCHER_TEXT_LEN; i++) {
        char first = text[i], second = text[i + 1];
        text[i] = second;
        text[i + 1] = first;
        if (first != second)
            refuse(text, VOUCHER_TEXT_LEN, ZG_ERR_MALFORMED);
        text[i] = first;
        text[i + 1] = second;
    }
}

static void a_text_of_another_length_is_refused(void **state)
{
    (void)state;
    const uint8_t secret[WIRE_SECRET_BYTES] = {9};
    char text[VOUCHER_TEXT_LEN + 2];
    voucher_text(secret, text);
    for (size_t len = 0; len < VOUCHER_TEXT_LEN; len++)
        refuse(text, len, ZG_ERR_TRUNCATED);
    text[VOUCHER_TEXT_LEN] = 'A';
    refuse(text, VOUCHER_TEXT_LEN + 1, ZG_ERR_MALFORMED);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(voucher_texts_agree_with_their_vectors),
    cmocka_unit_test(space_around_it_does_not_matter),
    cmocka_unit_test(every_single_mistake_of_typing_is_found),
    cmocka_unit_test(a_text_of_another_length_is_refused),
};

RUN_TESTS
