/* What an operator is told to do something about, from what the relay says. */
#define _POSIX_C_SOURCE 200809L
#include "relay/edge/alarms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static void assert_alarms(const struct alarms *a, const char *lines, const char *says)
{
    char *said = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&said, &len);
    assert_non_null(out);
    unsigned count = alarms_print(out, a, lines);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(count, says != NULL ? 1 : 0);
    if (says == NULL)
        assert_string_equal(said, "");
    else if (strstr(said, says) == NULL)
        fail_msg("\"%s\" is not in: %s", says, said);
    free(said);
}

static void slots_that_run_short_are_an_alarm(void **state)
{
    struct alarms a = {.slots = 1000};
    (void)state;
    assert_alarms(&a, "slots 5000\nslots_passing 749\n", NULL);
    assert_alarms(&a, "slots 750\nslots_passing 750\n", "750 of the 1000 of slots are taken");
    assert_alarms(&a, "slots_passing 1001\n", "1001 of the 1000 of slots are taken");
    a.slots = 1;
    assert_alarms(&a, "slots_passing 0\n", NULL);
}

static void room_that_runs_short_is_an_alarm(void **state)
{
    const struct alarms a = {.slots = 1000, .stored_bytes = UINT64_C(4096) << 20};
    (void)state;
    assert_alarms(&a, "room 0\nstored_bytes 3221225471\n", NULL);
    assert_alarms(&a, "room 1\nstored_bytes 3221225472\n",
                  "3072 of the 4096 MiB of disk-mib are in use, and nobody new is let in");
    assert_alarms(&a, "room 2\nstored_bytes 4294967296\n",
                  "4096 of the 4096 MiB of disk-mib are in use, and no message is accepted");
    assert_alarms(&a, "room 3\n", NULL); /* of a relay that is newer */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slots_that_run_short_are_an_alarm),
                                       cmocka_unit_test(room_that_runs_short_is_an_alarm)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
