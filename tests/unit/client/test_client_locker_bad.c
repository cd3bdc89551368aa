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

/* An old page meets what a newer one wrote, as a whole or in one entry: the conversation stays for the newer one. */
static void fail_to_return_to(size_t at)
{
    size_t len;
    open_kept();
    town_run(scene.town, MINUTE);
    uint8_t *plain = plain_now(&len);
    plain[at] = 99;
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

static void a_return_that_fails_deletes_nothing(void **state)
{
    (void)state;
    fail_to_return_to(0);
    fail_to_return_to(1 + LOCKER_WRITER_BYTES + 4); /* the first entry's kind */
}

/* Every page that is too old finds that out before it closes the device that she has. */
static void a_page_that_is_too_old_closes_nobody(void **state)
{
    (void)state;
    size_t len;
    open_kept();
    uint8_t *plain = plain_now(&len);
    plain[0]++;
    relay_has(plain, len);
    uint64_t version = ++scene.her->client->locker->version; /* as if a newer program were hers */
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_VERSION);
    town_run(scene.town, MINUTE);
    must_send(scene.her, &scene.hers, "mine", 86400, ZG_AFTER_READ);
    hears(scene.worker, "mine");
    assert_int_equal(scene.her->client->locker->version, version + 1);
    free(plain);
    close_scene(&scene);
}

/* --- a relay that lies --- */

/* Anybody who can write at the relay could wipe her device, if any bytes would do. */
static void bytes_that_do_not_open_are_no_other_device(void **state)
{
    (void)state;
    uint8_t junk[LOCKER_SMALL_BYTES];
    open_kept();
    must_send(scene.worker, &scene.his, "precious", 86400, ZG_AFTER_READ);
    hears(scene.her, "precious");
    town_run(scene.town, MINUTE);
    memset(junk, 7, sizeof(junk));
    relay_writes(junk, sizeof(junk));
    must_send(scene.her, &scene.hers, "still here", 86400, ZG_AFTER_READ);
    hears(scene.worker, "still here");
    assert_int_equal(scene.her->events[ZG_EVENT_CLOSED], 0);
    assert_int_equal(scene.her->events[ZG_EVENT_LOCKER_LOST], 1);
    assert_true(has_text(scene.her, "precious"));
    close_scene(&scene);
}

/* Lost to this device, it may be there all the same: an erase deletes it. */
static void a_locker_that_was_lost_is_erased(void **state)
{
    (void)state;
    uint8_t junk[LOCKER_SMALL_BYTES] = {0};
    open_kept();
    town_run(scene.town, MINUTE);
    relay_writes(junk, sizeof(junk));
    must_send(scene.her, &scene.hers, "on", 86400, ZG_AFTER_READ);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_LOCKER_LOST, 1, MINUTE));
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_FORGED);
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_ERASED, 1, MINUTE));
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_NOT_FOUND);
    close_scene(&scene);
}

/* The other one ended it before she erases. */
static void a_locker_that_was_lost_is_erased_after_the_end_too(void **state)
{
    (void)state;
    uint8_t junk[LOCKER_SMALL_BYTES] = {0};
    open_kept();
    town_run(scene.town, MINUTE);
    relay_writes(junk, sizeof(junk));
    must_send(scene.her, &scene.hers, "on", 86400, ZG_AFTER_READ);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_LOCKER_LOST, 1, MINUTE));
    assert_int_equal(zg_client_erase(scene.worker->client, &scene.his, person_now(scene.worker)), ZG_OK);
    person_turn(scene.worker);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_ENDED, 1, MINUTE));
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_ERASED, 1, MINUTE));
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_NOT_FOUND);
    close_scene(&scene);
}

/* Somebody who reads again and again, and never writes. It may be a relay that says so. */
static void another_reader_without_end_costs_few_writes(void **state)
{
    (void)state;
    open_kept();
    struct person *other = scene.her;
    locker_drop(other->client->locker);
    come_back();
    uint64_t version = scene.her->client->locker->version;
    bool *displaced = &other->client->conversations[0]->subscription.displaced;
    unsigned times = 0;
    for (int i = 0; i < 10 * MINUTE / 50; i++) {
        town_run(scene.town, 50);
        if (!*displaced)
            continue;
        *displaced = false;
        zg_client_advance(other->client, person_now(other));
        person_turn(other);
        times++;
    }
    assert_in_range(times, 5, 30);
    assert_in_range(scene.her->client->locker->version - version, 5, 30);
    assert_int_equal(scene.her->events[ZG_EVENT_CLOSED], 0);
    person_stop(other);
    must_send(scene.worker, &scene.his, "still here?", 86400, ZG_AFTER_READ);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_MESSAGE, 1, 2 * MINUTE));
    close_scene(&scene);
}

/* The relay went back, and then puts there again what this device wrote meanwhile. */
static void what_was_written_here_is_no_other_device(void **state)
{
    (void)state;
    open_kept();
    must_send(scene.her, &scene.hers, "one", 86400, ZG_AFTER_READ);
    hears(scene.worker, "one");
    town_run(scene.town, MINUTE);
    scene.her->client->locker->version -= 1;
    must_send(scene.her, &scene.hers, "two", 86400, ZG_AFTER_READ);
    hears(scene.worker, "two");
    assert_int_equal(scene.her->events[ZG_EVENT_CLOSED], 0);
    assert_int_equal(scene.her->events[ZG_EVENT_LOCKER_LOST], 0);
    assert_int_equal(scene.her->events[ZG_EVENT_RELAY_WENT_BACK], 1);
    person_stop(scene.her);
    assert_true(has_text(come_back(), "two"));
    close_scene(&scene);
}

/* That a message was read waits for the next write. The relay has lost some: it is written all the same. */
static void a_relay_that_went_back_gets_it_again(void **state)
{
    (void)state;
    open_kept();
    must_send(scene.worker, &scene.his, "to read", 86400, ZG_AFTER_READ);
    hears(scene.her, "to read");
    town_run(scene.town, MINUTE);
    struct locker *l = scene.her->client->locker;
    uint64_t at_relay = l->version;
    l->version += 5;
    assert_int_equal(zg_client_read(scene.her->client, &scene.hers, &scene.her->last[ZG_EVENT_MESSAGE].message, person_now(scene.her)),
                     ZG_OK);
    person_turn(scene.her);
    town_run(scene.town, 5 * MINUTE);
    assert_int_equal(scene.her->events[ZG_EVENT_RELAY_WENT_BACK], 1);
    assert_int_equal(l->version, at_relay + 1);
    close_scene(&scene);
}

/* --- one conversation --- */

/* A locker is of one conversation, and goes with it. */
static void nobody_knocks_beside_a_locker(void **state)
{
    (void)state;
    zg_id second;
    open_kept();
    struct person *her = scene.her;
    size_t len = strlen(scene.card);
    assert_int_equal(zg_client_knock(her->client, scene.card, len, "x", 1, NULL, &second, person_now(her)), ZG_ERR_STATE);
    assert_int_equal(zg_client_look(her->client, scene.card, len, &second, person_now(her)), ZG_ERR_STATE);
    assert_int_equal(her->client->conversation_count, 1);
    person_stop(her);
    /* Not while she returns either: what she wrote would be gone when she is back. */
    struct person *p = town_visitor(scene.town);
    ask_return(p, secret);
    assert_int_equal(zg_client_knock(p->client, scene.card, len, "x", 1, NULL, &second, person_now(p)), ZG_ERR_STATE);
    assert_true(town_until(scene.town, p, ZG_EVENT_RETURNED, 1, MINUTE));
    assert_int_equal(p->client->conversation_count, 1);
    scene.hers = p->last[ZG_EVENT_RETURNED].conversation;
    assert_int_equal(zg_client_erase(p->client, &scene.hers, person_now(p)), ZG_OK);
    person_turn(p);
    assert_true(town_until(scene.town, p, ZG_EVENT_ERASED, 1, MINUTE));
    assert_int_equal(zg_client_knock(p->client, scene.card, len, "x", 1, NULL, &second, person_now(p)), ZG_OK);
    close_scene(&scene);
}

/* --- no room --- */

/* Both have written, so that she may have several on their way. */
static void talk(void)
{
    open_kept();
    must_send(scene.her, &scene.hers, "one", 86400, ZG_AFTER_READ);
    hears(scene.worker, "one");
    must_send(scene.worker, &scene.his, "two", 86400, ZG_AFTER_READ);
    hears(scene.her, "two");
    town_run(scene.town, MINUTE);
}

static bool was_heard(const char *text)
{
    for (size_t i = 0; i < scene.worker->heard_count; i++)
        if (strcmp(scene.worker->heard[i], text) == 0)
            return true;
    return false;
}

/* The device goes while some of it is on its way; another one comes back, and there is time for everything. */
static void lose_device(void)
{
    for (int i = 0; i < 5000 && scene.her->client->conversations[0]->parcels.flying < 4; i++)
        town_run(scene.town, 1);
    assert_true(scene.her->client->conversations[0]->parcels.flying >= 4);
    person_stop(scene.her);
    come_back();
    town_run(scene.town, 20 * MINUTE);
}

/* Hers in this state. What is said to be sent was heard; what is said to be unsent may have been, as the device was lost meanwhile. */
static unsigned count_in(zg_message_state wanted)
{
    zg_message m;
    unsigned count = 0;
    for (size_t i = 0; zg_client_message_at(scene.her->client, &scene.hers, i, &m); i++) {
        if (!m.own || m.state != wanted)
            continue;
        assert_true(wanted != ZG_MESSAGE_SENT || was_heard(m.text));
        count++;
    }
    return count;
}

/* Of ten messages of two parcels each some have no room in the locker; none of them is taken apart. */
static void what_had_no_room_is_said_to_be_unsent(void **state)
{
    (void)state;
    char text[1901];
    talk();
    for (int i = 0; i < 10; i++) {
        memset(text, 'a' + i, 1900);
        text[1900] = 0;
        must_send(scene.her, &scene.hers, text, 86400, ZG_AFTER_READ);
    }
    lose_device();
    unsigned sent = count_in(ZG_MESSAGE_SENT);
    unsigned not_sent = count_in(ZG_MESSAGE_NOT_SENT);
    assert_int_equal(sent + not_sent, must_show(scene.her, &scene.hers).messages - 2); /* the knock's, and "two" */
    assert_true(sent > 5 && not_sent > 0);
    assert_int_equal(count_in(ZG_MESSAGE_WAITING), 0);
    close_scene(&scene);
}

/* As large as a picture: its parcels never fit. She has her words, or at least sees that there were some. */
static void what_is_too_long_to_wait_there_is_seen(void **state)
{
    (void)state;
    zg_message m;
    unsigned whole = 0, empty = 0;
    talk();
    char *large = make_text(45000);
    must_send(scene.her, &scene.hers, large, 86400, ZG_AFTER_READ);
    must_send(scene.her, &scene.hers, large, 86400, ZG_AFTER_READ);
    lose_device();
    for (size_t i = 0; zg_client_message_at(scene.her->client, &scene.hers, i, &m); i++) {
        if (!m.own || m.state != ZG_MESSAGE_NOT_SENT)
            continue;
        whole += m.text_len == 45000;
        empty += m.text_len == 0;
    }
    assert_int_equal(whole, 1);
    assert_int_equal(empty, 1);
    assert_false(was_heard(large));
    must_send(scene.her, &scene.hers, "again", 86400, ZG_AFTER_READ);
    hears(scene.worker, "again");
    free(large);
    close_scene(&scene);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_return_that_fails_deletes_nothing),
    cmocka_unit_test(a_page_that_is_too_old_closes_nobody),
    cmocka_unit_test(bytes_that_do_not_open_are_no_other_device),
    cmocka_unit_test(a_locker_that_was_lost_is_erased),
    cmocka_unit_test(a_locker_that_was_lost_is_erased_after_the_end_too),
    cmocka_unit_test(another_reader_without_end_costs_few_writes),
    cmocka_unit_test(what_was_written_here_is_no_other_device),
    cmocka_unit_test(a_relay_that_went_back_gets_it_again),
    cmocka_unit_test(nobody_knocks_beside_a_locker),
    cmocka_unit_test(what_had_no_room_is_said_to_be_unsent),
    cmocka_unit_test(what_is_too_long_to_wait_there_is_seen),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
