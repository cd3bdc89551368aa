/* A locker when the relay lies, the program is old, or there is no room; docs/protocol.md section 8.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "tests/unit/client/kept.h"

/* What her locker would hold now, opened. */
static uint8_t *plain_now(size_t *len)
{
    uint8_t *sealed, *plain;
    size_t sealed_len;
    const struct locker *l = scene.her->client->locker;
    assert_int_equal(locker_seal(l, 1, &sealed, &sealed_len), ZG_OK);
    assert_int_equal(locker_open(l, 1, sealed, sealed_len, &plain, len), ZG_OK);
    free(sealed);
    return plain;
}

/* Under the key, and the next version. */
static void relay_has(const uint8_t *plain, size_t plain_len)
{
    uint8_t *sealed;
    size_t len;
    const struct locker *l = scene.her->client->locker;
    assert_int_equal(locker_seal_again(l, l->version + 1, plain, plain_len, &sealed, &len), ZG_OK);
    relay_writes(sealed, len);
    free(sealed);
}

/* An old page meets what a newer one wrote: the conversation stays for the newer one. */
static void a_return_that_fails_deletes_nothing(void **state)
{
    (void)state;
    size_t len;
    open_kept();
    town_run(scene.town, MINUTE);
    uint8_t *plain = plain_now(&len);
    plain[0]++;
    relay_has(plain, len);
    person_stop(scene.her);
    for (int i = 0; i < 2; i++) {
        struct person *p = town_visitor(scene.town);
        fail_to_come_back(p, secret, ZG_ERR_VERSION);
        town_run(scene.town, MINUTE);
        assert_null(p->wires);
    }
    free(plain);
    close_scene(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_return_that_fails_deletes_nothing),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
