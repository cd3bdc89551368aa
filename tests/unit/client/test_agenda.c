/* What is due when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/agenda.h"
#include "tests/support/support.h"

enum { THINGS = 500 };

struct thing {
    struct agenda_item item;
    bool in;
    uint64_t at_ms;
    unsigned fired;
};

static uint64_t last_ms;

static void on_due(void *ctx)
{
    struct thing *t = ctx;
    assert_true(t->in);
    assert_true(t->at_ms >= last_ms);
    last_ms = t->at_ms;
    t->in = false;
    t->fired++;
}

static uint64_t earliest(const struct thing *things)
{
    uint64_t first = UINT64_MAX;
    for (size_t i = 0; i < THINGS; i++)
        if (things[i].in && things[i].at_ms < first)
            first = things[i].at_ms;
    return first;
}

/* Against a list that is searched: set, move and remove at random; everything fires once, in order, not too early. */
static void it_is_the_same_as_a_list_that_is_searched(void **state)
{
    (void)state;
    static struct thing things[THINGS];
    struct agenda a = {0};
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 3);
    uint64_t now = 0;

    memset(things, 0, sizeof(things));
    for (size_t i = 0; i < THINGS; i++) {
        assert_true(agenda_reserve(&a));
        things[i].item.due = on_due;
        things[i].item.thing = &things[i];
    }
    for (int round = 0; round < 20000; round++) {
        struct thing *t = &things[rng_below(&rng, THINGS)];
        if (rng_below(&rng, 4) == 0) {
            agenda_remove(&a, &t->item);
            t->in = false;
        } else {
            t->at_ms = now + rng_below(&rng, 1000);
            t->in = true;
            agenda_set(&a, &t->item, t->at_ms);
        }
        assert_true(agenda_next(&a) == earliest(things));
        if (rng_below(&rng, 50) == 0) {
            now += rng_below(&rng, 300);
            last_ms = 0;
            agenda_run(&a, now);
            assert_true(earliest(things) > now);
        }
    }
    for (size_t i = 0; i < THINGS; i++)
        agenda_release(&a, &things[i].item);
    assert_true(agenda_next(&a) == UINT64_MAX);
    agenda_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_the_same_as_a_list_that_is_searched)};
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("agenda", tests, NULL, NULL);
}
