#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "client/cli/editor.h"

static enum editor_key type(struct editor *e, const char *keys)
{
    enum editor_key last = EDITOR_NOTHING;
    for (; *keys != '\0'; keys++)
        last = editor_key(e, *keys);
    return last;
}

static int setup(void **state)
{
    static struct editor e;
    assert_true(editor_init(&e));
    *state = &e;
    return 0;
}

static int teardown(void **state)
{
    editor_clear(*state);
    return 0;
}

static void keys_make_a_line(void **state)
{
    struct editor *e = *state;
    assert_int_equal(type(e, "hola ñ"), EDITOR_CHANGED);
    assert_string_equal(e->text, "hola ñ");
    assert_int_equal(type(e, "\r"), EDITOR_LINE);
    editor_take_line(e);
    assert_int_equal(e->len, 0);
    assert_true(sodium_is_zero((unsigned char *)e->text, sizeof("hola ñ")));
}

static void erasing_takes_whole_characters_and_words(void **state)
{
    struct editor *e = *state;
    type(e, "aé你👩");
    type(e, "\x7f");
    assert_string_equal(e->text, "aé你");
    type(e, "\x7f\b");
    assert_string_equal(e->text, "a");
    type(e, "\x7f\x7f\x7f");
    assert_string_equal(e->text, "");
    type(e, "one two  \x17");
    assert_string_equal(e->text, "one ");
    type(e, "three\x15");
    assert_string_equal(e->text, "");
}

static void arrow_keys_leave_nothing(void **state)
{
    struct editor *e = *state;
    type(e, "a\x1b[Ab\x1b[1;5Cc\x1bOPd\x1bxe\x01\x02");
    assert_string_equal(e->text, "abcde");
}

static void ctrl_d_leaves_only_on_an_empty_line(void **state)
{
    struct editor *e = *state;
    assert_int_equal(type(e, "a\x04"), EDITOR_NOTHING);
    assert_int_equal(type(e, "\x7f\x04"), EDITOR_QUIT);
    assert_int_equal(type(e, "\x0c"), EDITOR_REDRAW);
}

static void line_ends_at_its_limit(void **state)
{
    struct editor *e = *state;
    for (int i = 0; i < EDITOR_CAP + 10; i++)
        editor_key(e, 'x');
    assert_int_equal(e->len, EDITOR_CAP - 1);
    assert_int_equal(strlen(e->text), EDITOR_CAP - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(keys_make_a_line),
        TEST(erasing_takes_whole_characters_and_words),
        TEST(arrow_keys_leave_nothing),
        TEST(ctrl_d_leaves_only_on_an_empty_line),
        TEST(line_ends_at_its_limit),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
