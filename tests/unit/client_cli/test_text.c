#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <locale.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/text.h"

static void cleans_to(const char *in, const char *expected)
{
    struct text t = TEXT_INIT;
    text_add_clean(&t, in, strlen(in));
    assert_string_equal(t.at == NULL ? "" : t.at, expected);
    text_clear(&t);
}

static void words_of_any_language_pass(void **state)
{
    static const char *const words[] = {"hello", "¿Estás ahí? ñandú", "ça va, là-bas", "Привет", "你好", "مرحبا", "👩‍👧 ok"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        cleans_to(words[i], words[i]);
    cleans_to("two\nlines", "two\nlines");
}

static void escape_sequences_are_made_visible(void **state)
{
    (void)state;
    cleans_to("\x1b[2J\x1b]0;title\x07", "^[[2J^[]0;title^G");
    cleans_to("back\b\rover", "back^H^Mover");
    cleans_to("del\x7f", "del^?");
    cleans_to("csi \xc2\x9b" "31m", "csi <U+009B>31m");
    cleans_to("tab\tbed", "tab    bed");
}

static void direction_tricks_are_made_visible(void **state)
{
    (void)state;
    cleans_to("a\xe2\x80\xae" "b", "a<U+202E>b");
    cleans_to("a\xe2\x81\xa6" "b\xe2\x81\xa9", "a<U+2066>b<U+2069>");
    cleans_to("a\xd8\x9c" "b", "a<U+061C>b");
    cleans_to("a\xe2\x80\xa8" "b", "a<U+2028>b");
    cleans_to("a\xf3\xa0\x81\x81", "a<U+E0041>");
}

static void bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    cleans_to("a\xff" "b", "a\xef\xbf\xbd" "b");
    cleans_to("a\xc0\xafz", "a\xef\xbf\xbd\xef\xbf\xbdz");
    cleans_to("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    cleans_to("cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd");
    cleans_to("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    cleans_to("\xf8\x88\x80\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

static void json_to(const char *in, const char *expected)
{
    struct text t = TEXT_INIT;
    text_add_json(&t, in, strlen(in));
    assert_string_equal(t.at, expected);
    text_clear(&t);
}

static void json_strings_are_whole_and_harmless(void **state)
{
    (void)state;
    json_to("", "\"\"");
    json_to("ñ \"q\" \\ \n\t\x1b", "\"ñ \\\"q\\\" \\\\ \\u000a\\u0009\\u001b\"");
    json_to("\xe2\x80\xae\x7f", "\"\\u202e\\u007f\"");
    json_to("\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"");
    json_to("😀", "\"😀\"");
}

static void buffers_grow_and_are_wiped(void **state)
{
    struct text t = TEXT_INIT;
    (void)state;
    for (int i = 0; i < 5000; i++)
        text_format(&t, "%d,", i % 10);
    assert_int_equal(t.len, 10000);
    assert_memory_equal(t.at + 9998, "9,", 3);
    text_reset(&t);
    assert_int_equal(t.len, 0);
    assert_true(sodium_is_zero((const unsigned char *)t.at, t.cap));
    text_clear(&t);
    assert_null(t.at);
}

static void flushing_writes_all(void **state)
{
    int fds[2];
    char got[64] = "";
    struct text t = TEXT_INIT;
    (void)state;
    assert_int_equal(pipe(fds), 0);
    text_add(&t, "all of it");
    assert_true(text_flush(&t, fds[1]));
    assert_int_equal(t.len, 0);
    assert_int_equal(read(fds[0], got, sizeof(got)), 9);
    assert_string_equal(got, "all of it");
    text_clear(&t);
    close(fds[0]);
    close(fds[1]);
}

static void lasts(uint64_t ms, const char *expected)
{
    char out[24];
    duration_text(out, ms);
    assert_string_equal(out, expected);
}

static void nothing_is_gone_later_than_said(void **state)
{
    (void)state;
    lasts(0, "0 s");
    lasts(1, "1 s");
    lasts(4000, "4 s");
    lasts(4001, "5 s");
    lasts(119000, "119 s");
    lasts(120000, "2 min");
    lasts(121000, "3 min");
    lasts(UINT64_C(7200000), "2 h");
    lasts(UINT64_C(86400000), "24 h");
    lasts(UINT64_C(172800000), "2 d");
    lasts(UINT64_C(30) * 86400000, "30 d");
}

static void durations_are_read_strictly(void **state)
{
    static const char *const bad[] = {"", "s", "5", "0s", "-5s", "+5s", " 5s", "5 s", "5x", "5ss", "31d", "2592001s",
                                      "99999999999999999999d"};
    uint32_t s = 7;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(duration_parse(bad[i], &s));
        assert_int_equal(s, 7);
    }
    assert_true(duration_parse("5s", &s));
    assert_int_equal(s, 5);
    assert_true(duration_parse("10m", &s));
    assert_int_equal(s, 600);
    assert_true(duration_parse("24h", &s));
    assert_int_equal(s, 86400);
    assert_true(duration_parse("30d", &s));
    assert_int_equal(s, 2592000);
}

static void widths_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(character_width('a'), 1);
    assert_int_equal(character_width(0xf1), 1);
    assert_int_equal(character_width(0x4f60), 2);
    assert_int_equal(character_width(0x301), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_any_language_pass),
        cmocka_unit_test(escape_sequences_are_made_visible),
        cmocka_unit_test(direction_tricks_are_made_visible),
        cmocka_unit_test(bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(json_strings_are_whole_and_harmless),
        cmocka_unit_test(buffers_grow_and_are_wiped),
        cmocka_unit_test(flushing_writes_all),
        cmocka_unit_test(nothing_is_gone_later_than_said),
        cmocka_unit_test(durations_are_read_strictly),
        cmocka_unit_test(widths_are_those_of_a_terminal),
    };
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
