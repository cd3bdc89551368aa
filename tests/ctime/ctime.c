#include "tests/ctime/ctime.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "tests/ctime/wraps.h"

enum { SAME_MAX = 64 * 1024 };

enum plant plant;

static void fail(const char *problem, const char *what)
{
    fprintf(stderr, "%s: %s\n", problem, what);
    exit(1);
}

void hide(void *at, size_t len)
{
    VALGRIND_MAKE_MEM_UNDEFINED(at, len);
}

void publish(const void *at, size_t len)
{
    VALGRIND_MAKE_MEM_DEFINED(at, len);
}

void must_be_hidden(const void *at, size_t len, const char *what)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t unknown = 0;
        if (VALGRIND_GET_VBITS((const uint8_t *)at + i, &unknown, 1) != 1 || unknown != 0xff)
            fail("not secret", what);
    }
}

void must_be_same(const void *a, const void *b, size_t len, const char *what)
{
    static uint8_t copies[2][SAME_MAX];
    must_hold(len <= SAME_MAX, "as long as can be compared");
    memcpy(copies[0], a, len);
    memcpy(copies[1], b, len);
    publish(copies, sizeof(copies));
    if (memcmp(copies[0], copies[1], len) != 0)
        fail("not the same", what);
}

void must_hold(bool holds, const char *what)
{
    if (!holds)
        fail("does not hold", what);
}

static enum plant plant_named(const char *name)
{
    static const char *const names[] = {
        [PLANT_COMPARE] = "compare", [PLANT_BRANCH] = "branch", [PLANT_INDEX] = "index"};
    for (int i = PLANT_COMPARE; i <= PLANT_INDEX; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum plant)i;
    fail("unknown plant", name);
    return PLANT_NONE;
}

int ctime_run(int argc, char **argv, void (*subject)(void))
{
    if (argc == 3 && strcmp(argv[1], "--plant") == 0)
        plant = plant_named(argv[2]);
    else if (argc != 1)
        fail("usage", "[--plant compare|branch|index]");
    /* Outside of valgrind marks do nothing, and everything would pass. */
    if (!RUNNING_ON_VALGRIND)
        fail("not under valgrind", argv[0]);
    if (sodium_init() < 0)
        fail("libsodium", "sodium_init");
    wraps_hide_randomness();
    subject();
    unsigned leaks = (unsigned)VALGRIND_COUNT_ERRORS;
    printf("%u branches and addresses that depend on secrets\n", leaks);
    return leaks == 0 ? 0 : 1;
}
