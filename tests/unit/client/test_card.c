#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "client/core/card.h"
#include "proto/kdf.h"
#include "proto/labels.h"

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static struct card sample(void)
{
    struct card c = {.count = 2};
    strcpy(c.address[0], "relay.example.org:7117");
    strcpy(c.address[1], "[2001:db8::7]:443");
    memset(c.relay_pk, 0x11, 32);
    memset(c.card_key, 0x22, 32);
    memset(c.organisation, 0x33, 32);
    return c;
}

static zg_err parse(struct card *out, const char *text)
{
    return card_parse(out, text, strlen(text));
}

static void assert_same(const struct card *a, const struct card *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++)
        assert_string_equal(a->address[i], b->address[i]);
    assert_memory_equal(a->relay_pk, b->relay_pk, 32);
    assert_memory_equal(a->card_key, b->card_key, 32);
    assert_memory_equal(a->organisation, b->organisation, 32);
}

static void a_card_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"zaguan:", "https://help.example/#", "https://x/a/b?c=d#"};
    struct card c = sample();
    for (size_t i = 0; i < 3; i++) {
        struct card out;
        char text[CARD_TEXT_BYTES_MAX];
        assert_int_equal(card_text(&c, prefixes[i], text, sizeof(text)), ZG_OK);
        assert_int_equal(parse(&out, text), ZG_OK);
        assert_same(&out, &c);
    }
}

static void white_space_around_and_a_phones_capitals_do_not_matter(void **state)
{
    (void)state;
    struct card c = sample();
    struct card out;
    char text[CARD_TEXT_BYTES_MAX];
    char around[CARD_TEXT_BYTES_MAX + 16];
    assert_int_equal(card_text(&c, "Zaguan:", text, sizeof(text)), ZG_OK);
    assert_int_equal(parse(&out, text), ZG_OK);
    snprintf(around, sizeof(around), " \r\n\t%s \n\n", text);
    assert_int_equal(parse(&out, around), ZG_OK);
    assert_same(&out, &c);
    assert_int_equal(card_text(&c, "HTTPS://Help.example/#", text, sizeof(text)), ZG_OK);
    assert_int_equal(parse(&out, text), ZG_OK);
}

static void a_card_cut_at_any_length_is_told_as_cut(void **state)
{
    (void)state;
    struct card c = sample();
    struct card out;
    char text[CARD_TEXT_BYTES_MAX];
    const size_t prefix = strlen("zaguan:");
    memset(&out, 0x5a, sizeof(out));
    const struct card before = out;
    assert_int_equal(card_text(&c, "zaguan:", text, sizeof(text)), ZG_OK);
    for (size_t len = 0; len < strlen(text); len++) {
        zg_err err = card_parse(&out, text, len);
        if (len == 0 || len >= prefix)
            assert_int_equal(err, ZG_ERR_TRUNCATED);
        else
            assert_int_equal(err, ZG_ERR_MALFORMED);
    }
    assert_memory_equal(&out, &before, sizeof(out));
}

static void any_other_character_anywhere_is_damage(void **state)
{
    (void)state;
    static const char others[] = "A0_-z=+/ \n\x80";
    struct card c = sample();
    struct card out;
    char text[CARD_TEXT_BYTES_MAX];
    assert_int_equal(card_text(&c, "zaguan:", text, sizeof(text)), ZG_OK);
    for (size_t i = strlen("zaguan:"); i < strlen(text); i++) {
        const char was = text[i];
        for (size_t j = 0; j + 1 < sizeof(others); j++) {
            if (others[j] == was)
                continue;
            text[i] = others[j];
            zg_err err = parse(&out, text);
            bool trailing_space = i + 1 == strlen(text) && (others[j] == ' ' || others[j] == '\n');
            assert_true(err == ZG_ERR_MALFORMED || err == ZG_ERR_TRUNCATED);
            assert_true(err == ZG_ERR_MALFORMED || i < strlen("zaguan:") + 40 || trailing_space);
        }
        text[i] = was;
    }
    assert_int_equal(parse(&out, text), ZG_OK);
}

static void what_is_no_card_is_said_to_be_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        zg_err err;
    } cases[] = {
        {"", ZG_ERR_TRUNCATED},
        {"   \n", ZG_ERR_TRUNCATED},
        {"zaguan:", ZG_ERR_TRUNCATED},
        {"https://help.example/", ZG_ERR_TRUNCATED},
        {"https://help.example/#", ZG_ERR_TRUNCATED},
        {"https://#AQEB", ZG_ERR_MALFORMED},
        {"http://help.example/#AQEB", ZG_ERR_MALFORMED},
        {"signal:AQEB", ZG_ERR_MALFORMED},
        {"AQEB", ZG_ERR_MALFORMED},
        {"zaguan", ZG_ERR_MALFORMED},
        {"zaguan:zaguan:AQEB", ZG_ERR_MALFORMED},
        {"zaguan:AQEA", ZG_ERR_MALFORMED}, /* no address */
        {"zaguan:AQED", ZG_ERR_MALFORMED}, /* three */
    };
    struct card out;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(parse(&out, cases[i].text), cases[i].err);
}

/* base64url of bytes behind "zaguan:", with a right check behind them. */
static void checked(char *text, const uint8_t *before, size_t len)
{
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    uint8_t hash[32];
    const struct span parts[] = {SPAN_LABEL(LABEL_CARD_CHECK), {before, len}};
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 2);
    memcpy(bytes, before, len);
    memcpy(bytes + len, hash, 4);
    strcpy(text, "zaguan:");
    sodium_bin2base64(text + 7, CARD_TEXT_BYTES_MAX - 7, bytes, len + 4, VARIANT);
}

/* The bytes of a card with these addresses, without the check. */
static size_t bytes_of(uint8_t *out, uint8_t version, uint8_t suite, const char *a, const char *b)
{
    struct writer w;
    writer_init(&w, out, CARD_TEXT_BYTES_MAX);
    writer_u8(&w, version);
    writer_u8(&w, suite);
    writer_u8(&w, b == NULL ? 1 : 2);
    writer_u8(&w, (uint8_t)strlen(a));
    writer_put(&w, a, strlen(a));
    if (b != NULL) {
        writer_u8(&w, (uint8_t)strlen(b));
        writer_put(&w, b, strlen(b));
    }
    for (int i = 0; i < 96; i++)
        writer_u8(&w, (uint8_t)i);
    return w.len;
}

static void another_version_is_told_from_damage(void **state)
{
    (void)state;
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    char text[CARD_TEXT_BYTES_MAX];
    struct card out;
    checked(text, bytes, bytes_of(bytes, 1, 1, "a:1", NULL));
    assert_int_equal(parse(&out, text), ZG_OK);
    checked(text, bytes, bytes_of(bytes, 2, 1, "a:1", NULL));
    assert_int_equal(parse(&out, text), ZG_ERR_VERSION);
    checked(text, bytes, bytes_of(bytes, 1, 2, "a:1", NULL));
    assert_int_equal(parse(&out, text), ZG_ERR_VERSION);
    text[20] = text[20] == 'A' ? 'B' : 'A';
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
}

static void a_card_has_nothing_behind_it(void **state)
{
    (void)state;
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    char text[CARD_TEXT_BYTES_MAX];
    struct card out;
    size_t len = bytes_of(bytes, 1, 1, "a:1", NULL);
    bytes[len] = 0;
    checked(text, bytes, len + 1);
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
}

static void the_longest_card_fits_and_a_longer_one_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    char text[2 * CARD_TEXT_BYTES_MAX];
    char address[CARD_ADDRESS_BYTES_MAX + 2];
    struct card out;
    memset(address, 'a', sizeof(address));
    memcpy(address + CARD_ADDRESS_BYTES_MAX - 2, ":1", 3);
    checked(text, bytes, bytes_of(bytes, 1, 1, address, address));
    assert_int_equal(parse(&out, text), ZG_OK);
    assert_int_equal(strlen(out.address[1]), CARD_ADDRESS_BYTES_MAX);

    memset(address, 'a', sizeof(address));
    memcpy(address + CARD_ADDRESS_BYTES_MAX - 1, ":1", 3);
    checked(text, bytes, bytes_of(bytes, 1, 1, address, NULL));
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);

    memset(text, 'A', sizeof(text));
    memcpy(text, "zaguan:", 7);
    assert_int_equal(card_parse(&out, text, sizeof(text)), ZG_ERR_MALFORMED);
}

static void writing_never_goes_beyond_the_buffer(void **state)
{
    (void)state;
    struct card c = sample();
    char text[CARD_TEXT_BYTES_MAX];
    assert_int_equal(card_text(&c, "zaguan:", text, sizeof(text)), ZG_OK);
    const size_t need = strlen(text) + 1;
    for (size_t cap = 0; cap < need; cap++) {
        memset(text, 0x7f, sizeof(text));
        assert_int_equal(card_text(&c, "zaguan:", text, cap), ZG_ERR_TOO_LARGE);
        assert_int_equal(text[cap], 0x7f);
    }
    assert_int_equal(card_text(&c, "zaguan:", text, need), ZG_OK);
}

static void addresses_are_split_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        const char *host; /* NULL: refused */
        uint16_t port;
    } cases[] = {
        {"relay.example:7117", "relay.example", 7117},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"[::1]:65535", "::1", 65535},
        {"[2001:db8::7]:443", "2001:db8::7", 443},
        {"abcdefghijklmnop.onion:80", "abcdefghijklmnop.onion", 80},
        {"a_b-c.d:9", "a_b-c.d", 9},
        {"", NULL, 0},
        {":1", NULL, 0},
        {"host", NULL, 0},
        {"host:", NULL, 0},
        {"host:0", NULL, 0},
        {"host:01", NULL, 0},
        {"host:65536", NULL, 0},
        {"host:99999999999", NULL, 0},
        {"host:12a", NULL, 0},
        {"host: 1", NULL, 0},
        {"ho st:1", NULL, 0},
        {"ho\nst:1", NULL, 0},
        {"host:1:2", NULL, 0},
        {"::1:80", NULL, 0},
        {"[]:1", NULL, 0},
        {"[::1]", NULL, 0},
        {"[::1]1", NULL, 0},
        {"[::1:1", NULL, 0},
        {"[abcd]:1", NULL, 0},
        {"[fe80::1%eth0]:1", NULL, 0},
        {"user@host:1", NULL, 0},
        {"h\xc3\xb6st:1", NULL, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char host[CARD_ADDRESS_BYTES_MAX + 1] = "before";
        uint16_t port = 4711;
        zg_err err = address_split(cases[i].address, host, &port);
        if (cases[i].host == NULL) {
            assert_int_equal(err, ZG_ERR_MALFORMED);
            assert_string_equal(host, "before");
            assert_int_equal(port, 4711);
            continue;
        }
        assert_int_equal(err, ZG_OK);
        assert_string_equal(host, cases[i].host);
        assert_int_equal(port, cases[i].port);
    }
}

static void a_card_with_an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    char text[CARD_TEXT_BYTES_MAX];
    struct card out;
    checked(text, bytes, bytes_of(bytes, 1, 1, "relay.example", NULL));
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
    checked(text, bytes, bytes_of(bytes, 1, 1, "a:1", "b:0"));
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
    checked(text, bytes, bytes_of(bytes, 1, 1, "a:1", ""));
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
}

static void an_address_with_a_zero_inside_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[CARD_TEXT_BYTES_MAX];
    char text[CARD_TEXT_BYTES_MAX];
    struct card out;
    size_t len = bytes_of(bytes, 1, 1, "aaaa:12", NULL);
    checked(text, bytes, len);
    assert_int_equal(parse(&out, text), ZG_OK);
    bytes[4 + 6] = 0; /* "aaaa:1\0": hidden bytes behind a good address */
    checked(text, bytes, len);
    assert_int_equal(parse(&out, text), ZG_ERR_MALFORMED);
}

static void secrets_depend_on_the_card_key_only(void **state)
{
    (void)state;
    struct card c = sample();
    struct secret read;
    struct secret read2;
    uint8_t key[32];
    uint8_t key2[32];
    card_secrets(&c, &read, key);
    strcpy(c.address[0], "elsewhere.example:1");
    card_secrets(&c, &read2, key2);
    assert_memory_equal(&read, &read2, sizeof(read));
    assert_memory_equal(key, key2, 32);
    assert_memory_not_equal(read.b, key, 32);
    c.card_key[31] ^= 1;
    card_secrets(&c, &read2, key2);
    assert_memory_not_equal(&read, &read2, sizeof(read));
    assert_memory_not_equal(key, key2, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_card_is_read_as_it_was_written),
        cmocka_unit_test(white_space_around_and_a_phones_capitals_do_not_matter),
        cmocka_unit_test(a_card_cut_at_any_length_is_told_as_cut),
        cmocka_unit_test(any_other_character_anywhere_is_damage),
        cmocka_unit_test(what_is_no_card_is_said_to_be_none),
        cmocka_unit_test(another_version_is_told_from_damage),
        cmocka_unit_test(a_card_has_nothing_behind_it),
        cmocka_unit_test(the_longest_card_fits_and_a_longer_one_is_refused),
        cmocka_unit_test(writing_never_goes_beyond_the_buffer),
        cmocka_unit_test(addresses_are_split_or_refused),
        cmocka_unit_test(a_card_with_an_address_that_is_none_is_refused),
        cmocka_unit_test(an_address_with_a_zero_inside_is_refused),
        cmocka_unit_test(secrets_depend_on_the_card_key_only),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
