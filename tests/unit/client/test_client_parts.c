/* Messages of several parts that do not all come, or do not fit; docs/protocol.md section 7.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/parts.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/scene.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct scene scene;

static struct conversation *hers(void)
{
    struct conversation *v = conversation_find(scene.her->client, &scene.hers);
    assert_non_null(v);
    return v;
}

static struct content text_of(uint8_t id, uint32_t part, uint32_t parts, const char *text)
{
    return (struct content){.kind = CONTENT_TEXT,
                            .id = {id},
                            .part = part,
                            .parts = parts,
                            .sent_minute = (uint32_t)(client_time_ms(scene.her->client) / 60000),
                            .lifetime_s = 3600,
                            .from = LIFETIME_FROM_SENT,
                            .body = {(const uint8_t *)text, strlen(text)}};
}

static struct part *new_part(const struct content *content)
{
    struct zg_client *c = scene.her->client;
    uint8_t bytes[256];
    struct part *p;
    struct writer w;
    writer_init(&w, bytes, sizeof(bytes));
    assert_int_equal(content_write(content, &w), ZG_OK);
    assert_int_equal(part_new(&p, c), ZG_OK);
    assert_int_equal(part_fill(p, (struct span){bytes, w.len}, 7, client_time_ms(c)), ZG_OK);
    return p;
}

static void comes(struct content content)
{
    parts_add(hers(), new_part(&content));
    zg_client_advance(scene.her->client, person_now(scene.her));
    person_turn(scene.her);
}

static void half_a_message_waits_for_the_other_half_over_a_restart(void **state)
{
    (void)state;
    open_meeting(&scene);
    const size_t heard = scene.her->heard_count;
    const struct content other = text_of(1, 0, 2, "buenas ");
    comes(text_of(1, 1, 2, "noches"));
    assert_int_equal(hers()->part_count, 1);
    assert_int_equal(shelf_count_of(scene.her->shelf, ENTRY_PART), 1);
    person_stop(scene.her);
    person_start(scene.her);
    town_run(scene.town, MINUTE);
    assert_int_equal(hers()->part_count, 1);
    assert_int_equal(hers()->parts->position, 7);
    assert_int_equal(scene.her->heard_count, heard);
    comes(other);
    assert_string_equal(last_heard(scene.her), "buenas noches");
    assert_int_equal(hers()->part_count, 0);
    assert_int_equal(shelf_count_of(scene.her->shelf, ENTRY_PART), 0);
    close_scene(&scene);
}

static void half_a_message_goes_with_its_time(void **state)
{
    (void)state;
    open_meeting(&scene);
    comes(text_of(1, 0, 2, "half"));
    comes(text_of(2, 0, 2, "of another one"));
    hers()->parts->content.lifetime_s = 60; /* of the first */
    part_shift(scene.her->client, hers()->parts, &(struct shift){0, UINT64_MAX, 0});
    struct part *second = hers()->parts->next;
    const uint64_t before = second->received_ms;
    part_shift(scene.her->client, second, &(struct shift){UINT64_MAX, UINT64_MAX, 5000}); /* nothing is received later than that */
    assert_int_equal(second->received_ms, before);
    town_run(scene.town, 58 * (uint64_t)MINUTE);
    assert_int_equal(hers()->part_count, 1);
    assert_int_equal(hers()->parts->content.id[0], 2);
    assert_true(shelf_holds(scene.her->shelf, "of another one", 14));
    town_run(scene.town, 5 * MINUTE);
    assert_int_equal(hers()->part_count, 0);
    assert_false(shelf_holds(scene.her->shelf, "of another one", 14));
    close_scene(&scene);
}

/* The clock that it was counted by was wrong. */
static void the_time_of_a_part_moves_with_the_clock(void **state)
{
    (void)state;
    open_meeting(&scene);
    struct content content = text_of(1, 0, 2, "half");
    content.from = LIFETIME_FROM_READ;
    comes(content);
    struct part *p = hers()->parts;
    const uint64_t received = p->received_ms;
    part_shift(scene.her->client, p, &(struct shift){received - 1, received, -(int64_t)MINUTE});
    assert_int_equal(p->received_ms, received - MINUTE);
    zg_client_advance(scene.her->client, person_now(scene.her));
    person_stop(scene.her);
    person_start(scene.her);
    assert_int_equal(hers()->parts->received_ms, received - MINUTE);
    close_scene(&scene);
}

static void parts_that_do_not_agree_are_dropped(void **state)
{
    (void)state;
    open_meeting(&scene);
    const size_t heard = scene.her->heard_count;
    comes(text_of(1, 0, 2, "first"));
    struct content others[6];
    for (size_t i = 0; i < 6; i++)
        others[i] = text_of(1, 1, 2, "second");
    others[0].kind = CONTENT_JPEG;
    others[1].parts = 3;
    others[2].sent_minute++;
    others[3].lifetime_s++;
    others[4].from = LIFETIME_FROM_READ;
    others[5].part = 0;
    for (size_t i = 0; i < 6; i++) {
        comes(others[i]);
        assert_int_equal(hers()->part_count, 1);
    }
    struct content over = text_of(3, 0, 2, "over");
    over.sent_minute -= 2 * 60;
    comes(over);
    struct content filler = text_of(4, 0, 1, "");
    filler.kind = CONTENT_FILLER;
    comes(filler);
    assert_int_equal(hers()->part_count, 1);
    assert_int_equal(scene.her->heard_count, heard);
    close_scene(&scene);
}

static void what_is_not_what_it_says_is_never_shown(void **state)
{
    (void)state;
    open_meeting(&scene);
    const unsigned heard = scene.her->events[ZG_EVENT_MESSAGE];
    comes(text_of(1, 0, 2, "cut: \xc3"));
    comes(text_of(1, 1, 2, "x"));
    struct content picture = text_of(2, 0, 1, "no picture");
    picture.kind = CONTENT_JPEG;
    comes(picture);
    assert_int_equal(scene.her->events[ZG_EVENT_MESSAGE], heard);
    assert_int_equal(hers()->part_count, 0);
    /* Cut in the middle of a character, but whole together. */
    comes(text_of(3, 0, 2, "s\xc3"));
    comes(text_of(3, 1, 2, "\xad"));
    assert_string_equal(last_heard(scene.her), "s\xc3\xad");
    close_scene(&scene);
}

static void of_too_many_parts_the_oldest_go(void **state)
{
    (void)state;
    open_meeting(&scene);
    for (uint32_t i = 0; i < PARTS_WAITING_MAX + 3; i++) {
        struct content content = text_of((uint8_t)i, 0, 2, "half");
        content.id[1] = (uint8_t)(i >> 8);
        comes(content);
    }
    assert_int_equal(hers()->part_count, PARTS_WAITING_MAX);
    assert_int_equal(hers()->parts->content.id[0], 3);
    assert_int_equal(shelf_count_of(scene.her->shelf, ENTRY_PART), PARTS_WAITING_MAX);
    close_scene(&scene);
}

static void a_part_that_is_none_is_not_taken(void **state)
{
    static const uint8_t long_one[RATCHET_FRAME_BYTES + 1];
    static const uint8_t key[ZG_VAULT_KEY_BYTES] = {ENTRY_PART};
    uint8_t saved[1 + ZG_ID_BYTES + 16 + 3] = {2};
    struct part *p;
    struct reader r;
    zg_id id;
    (void)state;
    open_meeting(&scene);
    struct zg_client *c = scene.her->client;
    assert_int_equal(part_new(&p, c), ZG_OK);
    assert_int_equal(part_fill(p, (struct span)SPAN_OF(long_one), 0, 0), ZG_ERR_MALFORMED);
    assert_int_equal(part_fill(p, (struct span){long_one, 10}, 0, 0), ZG_ERR_MALFORMED);
    part_forget(c, p);
    /* Of another version, too short, with something else behind its head. */
    reader_init(&r, saved, sizeof(saved));
    assert_int_equal(part_load(&p, c, key, &r, &id), ZG_ERR_MALFORMED);
    saved[0] = 1;
    reader_init(&r, saved, 20);
    assert_int_equal(part_load(&p, c, key, &r, &id), ZG_ERR_MALFORMED);
    reader_init(&r, saved, sizeof(saved));
    assert_int_equal(part_load(&p, c, key, &r, &id), ZG_ERR_MALFORMED);
    close_scene(&scene);
}

static void without_memory_there_is_no_part(void **state)
{
    struct part *p;
    zg_err err;
    int n = 0;
    (void)state;
    open_meeting(&scene);
    do {
        heap_fail_after(n);
        err = part_new(&p, scene.her->client);
        heap_fail_never();
        assert_true(err == ZG_OK || err == ZG_ERR_MEMORY);
    } while (err != ZG_OK && ++n < 10);
    assert_in_range(n, 2, 9);
    part_free(scene.her->client, p);
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_message_waits_for_the_other_half_over_a_restart),
        cmocka_unit_test(half_a_message_goes_with_its_time),
        cmocka_unit_test(the_time_of_a_part_moves_with_the_clock),
        cmocka_unit_test(parts_that_do_not_agree_are_dropped),
        cmocka_unit_test(what_is_not_what_it_says_is_never_shown),
        cmocka_unit_test(of_too_many_parts_the_oldest_go),
        cmocka_unit_test(a_part_that_is_none_is_not_taken),
        cmocka_unit_test(without_memory_there_is_no_part),
    };
    return cmocka_run_group_tests_name("parts of messages", tests, NULL, NULL);
}
