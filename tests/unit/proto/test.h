/* What every test file here starts with. */
#ifndef TESTS_UNIT_PROTO_TEST_H
#define TESTS_UNIT_PROTO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include <zaguan/err.h>
#include "tests/support/support.h"

/* Defines main over an array of struct CMUnitTest named `tests`. */
#define RUN_TESTS \
    int main(void) \
    { \
        return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif
