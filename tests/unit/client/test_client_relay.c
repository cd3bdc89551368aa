/* Whole clients and the relay's real core in one process: what is promised from end to end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/client/town.h"

struct scene {
    struct town *town;
    struct person *her;
    struct person *worker;
    char card[1024];
    zg_id hers;
    zg_id his;
};

static void open_scene(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    s->town = town_open(1);
    s->worker = town_person(s->town);
    s->her = town_person(s->town);
    town_desk(s->town, s->worker, s->card);
}

static void open_meeting(struct scene *s)
{
    open_scene(s);
    town_meet(s->town, s->her, s->worker, s->card, &s->hers, &s->his);
}

static void close_scene(struct scene *s)
{
    town_close(s->town);
}

static void a_knock_is_answered_and_words_agree(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    zg_conversation hers = must_show(s.her, &s.hers);
    zg_conversation his = must_show(s.worker, &s.his);
    assert_int_equal(hers.state, ZG_CONVERSATION_OPEN);
    assert_int_equal(his.state, ZG_CONVERSATION_OPEN);
    assert_string_equal(hers.alias, "Amal");
    assert_int_equal(hers.safety, ZG_SAFETY_WORDS);
    assert_int_equal(his.safety, ZG_SAFETY_WORDS);
    assert_memory_equal(hers.safety_words, his.safety_words, sizeof(hers.safety_words));
    assert_string_equal(last_heard(s.her), "buenos días");
    assert_string_equal(s.worker->heard[0], "hola");
    assert_string_equal(last_heard(s.worker), "gracias");
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_knock_is_answered_and_words_agree),
    };
    return cmocka_run_group_tests_name("client and relay", tests, NULL, NULL);
}
