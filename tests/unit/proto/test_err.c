#include "tests/unit/proto/test.h"

#include <ctype.h>

#include "proto/command.h"

struct named {
    zg_err err;
    const char *upper;
};

static const struct named all[] = {
#define NAMED(name, text) {ZG_ERR_##name, #name},
    ZG_ERR_MAP(NAMED)
#undef NAMED
};

static void a_name_is_the_constant_in_lower_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char *name = zg_err_name(all[i].err);
        assert_int_equal(strlen(name), strlen(all[i].upper));
        for (size_t k = 0; name[k] != '\0'; k++)
            assert_int_equal(name[k], tolower((unsigned char)all[i].upper[k]));
    }
}

static void every_error_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(zg_err_text(all[i].err), zg_err_text(all[k].err));
}

static void values_that_are_no_error_have_texts_too(void **state)
{
    (void)state;
    assert_non_null(zg_err_text((zg_err)9999));
    assert_non_null(zg_err_name((zg_err)9999));
}

static void a_status_is_the_error_of_the_same_name(void **state)
{
    (void)state;
    assert_int_equal(status_err(STATUS_OK), ZG_OK);
    assert_int_equal(status_err(STATUS_REFUSED), ZG_ERR_REFUSED);
    assert_int_equal(status_err(STATUS_FULL), ZG_ERR_FULL);
    assert_int_equal(status_err(STATUS_BUSY), ZG_ERR_BUSY);
    assert_int_equal(status_err(STATUS_TOO_LARGE), ZG_ERR_TOO_LARGE);
    assert_int_equal(status_err(STATUS_MALFORMED), ZG_ERR_MALFORMED);
    assert_int_equal(status_err(STATUS_CONFLICT), ZG_ERR_CONFLICT);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_name_is_the_constant_in_lower_case),
    cmocka_unit_test(every_error_has_a_sentence_of_its_own),
    cmocka_unit_test(values_that_are_no_error_have_texts_too),
    cmocka_unit_test(a_status_is_the_error_of_the_same_name),
};

RUN_TESTS
