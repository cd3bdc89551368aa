/* A return phrase and its locker, with the relay's real core; docs/protocol.md section 8.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "client/core/locker.h"
#include "tests/unit/client/heap.h"
#include "tests/unit/client/kept.h"

static void she_comes_back_to_what_has_not_expired(void **state)
{
    (void)state;
    open_kept();
    must_send(scene.worker, &scene.his, "for an hour", 3600, ZG_AFTER_SENT);
    must_send(scene.worker, &scene.his, "for three days", 3 * 86400, ZG_AFTER_SENT);
    hears(scene.her, "for three days");
    must_send(scene.her, &scene.hers, "hers", 3 * 86400, ZG_AFTER_SENT);
    hears(scene.worker, "hers");
    person_stop(scene.her);
    town_run(scene.town, 5 * (uint64_t)HOUR);
    must_send(scene.worker, &scene.his, "while she was away", 3 * 86400, ZG_AFTER_SENT);
    town_run(scene.town, MINUTE);
    struct person *p = come_back();
    assert_false(has_text(p, "for an hour"));
    assert_true(has_text(p, "for three days"));
    assert_true(has_text(p, "hers"));
    assert_int_equal(p->events[ZG_EVENT_READY], 1); /* of the empty client, before */
    assert_int_equal(p->events[ZG_EVENT_EXPIRED], 0);
    hears(p, "while she was away");
    must_send(p, &scene.hers, "I am back", 86400, ZG_AFTER_READ);
    hears(scene.worker, "I am back");
    must_send(scene.worker, &scene.his, "good", 86400, ZG_AFTER_READ);
    hears(p, "good");
    assert_int_equal(must_show(p, &scene.hers).safety, ZG_SAFETY_WORDS);
    assert_int_equal(p->events[ZG_EVENT_RELAY_WENT_BACK], 0);
    close_scene(&scene);
}

/* Read after the last value was written: the relay delivers what was not acknowledged again. */
static void what_is_not_in_the_locker_yet_comes_again(void **state)
{
    (void)state;
    open_kept();
    must_send(scene.worker, &scene.his, "heard, and lost with the device", 86400, ZG_AFTER_READ);
    unsigned heard = scene.her->events[ZG_EVENT_MESSAGE];
    while (scene.her->events[ZG_EVENT_MESSAGE] == heard)
        town_run(scene.town, 5);
    person_stop(scene.her);
    struct person *p = come_back();
    if (!has_text(p, "heard, and lost with the device"))
        hears(p, "heard, and lost with the device");
    close_scene(&scene);
}

/* When others have all the places for phrases, she talks, is not told that hers works, and gets one when
 * there is room. */
static void a_relay_without_room_for_a_phrase_keeps_nobody_from_talking(void **state)
{
    (void)state;
    uint8_t another[ZG_LOCKER_SECRET_BYTES];
    zg_id hers, his;
    memset(another, 9, sizeof(another));
    open_kept();
    town_relay_stop(scene.town);
    scene.town->limits.slots = 1;
    town_relay_start(scene.town);
    struct person *second = town_visitor(scene.town);
    town_meet(scene.town, second, scene.worker, scene.card, &hers, &his);
    assert_int_equal(zg_client_locker_new(second->client, &hers, another, person_now(second)), ZG_OK);
    person_turn(second);
    for (int i = 0; i < 3; i++) {
        must_send(second, &hers, i == 2 ? "the last of hers" : "hers", 86400, ZG_AFTER_READ);
        must_send(scene.worker, &his, "his", 86400, ZG_AFTER_READ);
        town_run(scene.town, 15 * (uint64_t)MINUTE);
    }
    hears(scene.worker, "the last of hers");
    hears(second, "his");
    assert_int_equal(second->events[ZG_EVENT_LOCKER_READY], 0);
    assert_int_equal(second->events[ZG_EVENT_LOCKER_LOST], 0);
    assert_int_equal(town_counts(scene.town).passing, 1);
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    assert_true(town_until(scene.town, second, ZG_EVENT_LOCKER_READY, 1, 30 * (uint64_t)MINUTE));
    close_scene(&scene);
}

static void the_former_device_closes(void **state)
{
    (void)state;
    zg_conversation c;
    open_kept();
    struct person *former = scene.her;
    come_back();
    assert_true(town_until(scene.town, former, ZG_EVENT_CLOSED, 1, MINUTE));
    assert_false(zg_client_conversation_at(former->client, 0, &c));
    assert_int_equal(zg_client_send(former->client, &scene.hers, "x", 1, NULL, NULL, person_now(former)), ZG_ERR_STATE);
    assert_int_equal(former->events[ZG_EVENT_DISPLACED], 0);
    town_run(scene.town, MINUTE);
    assert_null(former->wires);
    must_send(scene.her, &scene.hers, "here", 86400, ZG_AFTER_READ);
    hears(scene.worker, "here");
    close_scene(&scene);
}

/* Cut off while the other one returned; it finds out at its next step. */
static void a_device_that_was_cut_off_closes_too(void **state)
{
    (void)state;
    open_kept();
    struct person *former = scene.her;
    former->cut = true;
    person_break(former);
    zg_id hers = scene.hers;
    come_back();
    must_send(former, &hers, "too late", 86400, ZG_AFTER_READ);
    former->cut = false;
    assert_true(town_until(scene.town, former, ZG_EVENT_CLOSED, 1, 10 * MINUTE));
    must_send(scene.her, &scene.hers, "here", 86400, ZG_AFTER_READ);
    hears(scene.worker, "here");
    for (size_t i = 0; i < scene.worker->heard_count; i++)
        assert_string_not_equal(scene.worker->heard[i], "too late");
    close_scene(&scene);
}

/* Read late: another reader that is none changes nothing. */
static void a_reader_that_is_no_device_is_seen_as_such(void **state)
{
    (void)state;
    open_kept();
    struct conversation *v = scene.her->client->conversations[0];
    v->subscription.displaced = true;
    subscription_stop(&v->subscription);
    v->subscription.displaced_by(v);
    person_turn(scene.her);
    must_send(scene.worker, &scene.his, "still here?", 86400, ZG_AFTER_READ);
    hears(scene.her, "still here?");
    assert_int_equal(scene.her->events[ZG_EVENT_CLOSED], 0);
    close_scene(&scene);
}

static void another_phrase_opens_nothing(void **state)
{
    (void)state;
    uint8_t other[ZG_LOCKER_SECRET_BYTES];
    open_kept();
    memcpy(other, secret, sizeof(other));
    other[5] ^= 1;
    struct person *p = town_visitor(scene.town);
    fail_to_come_back(p, other, ZG_ERR_NOT_FOUND);
    /* It is as new. */
    ask_return(p, secret);
    assert_true(town_until(scene.town, p, ZG_EVENT_RETURNED, 1, MINUTE));
    close_scene(&scene);
}

static void a_value_that_was_changed_is_not_believed(void **state)
{
    (void)state;
    uint8_t other[ZG_LOCKER_SECRET_BYTES];
    open_kept();
    memcpy(other, secret, sizeof(other));
    other[3 * 32] ^= 1; /* the key */
    fail_to_come_back(town_visitor(scene.town), other, ZG_ERR_FORGED);
    close_scene(&scene);
}

static void after_an_erase_the_phrase_opens_nothing(void **state)
{
    (void)state;
    open_kept();
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_ERASED, 1, MINUTE));
    assert_null(scene.her->client->locker);
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_NOT_FOUND);
    town_run(scene.town, MINUTE);
    assert_int_equal(scene.worker->events[ZG_EVENT_ENDED], 1);
    close_scene(&scene);
}

/* The device goes in the middle of an erase: whoever returns finishes it, and nothing else. */
static void an_erase_that_began_goes_on_after_a_return(void **state)
{
    (void)state;
    open_kept();
    assert_int_equal(zg_client_erase(scene.her->client, &scene.hers, person_now(scene.her)), ZG_OK);
    person_turn(scene.her);
    for (int i = 0; i < 4; i++)
        town_run(scene.town, 100);
    person_stop(scene.her);
    struct person *p = town_visitor(scene.town);
    ask_return(p, secret);
    town_run(scene.town, MINUTE);
    assert_int_equal(p->events[ZG_EVENT_ERASED] + p->events[ZG_EVENT_RETURN_FAILED], 1);
    assert_int_equal(scene.worker->events[ZG_EVENT_ENDED], 1);
    fail_to_come_back(town_visitor(scene.town), secret, ZG_ERR_NOT_FOUND);
    close_scene(&scene);
}

static void a_relay_that_went_back_is_noticed_by_what_the_worker_has_seen(void **state)
{
    (void)state;
    open_kept();
    must_send(scene.her, &scene.hers, "one", 86400, ZG_AFTER_READ);
    hears(scene.worker, "one");
    struct conversation *his = scene.worker->client->conversations[0];
    assert_int_equal(his->locker_seen > 0 && his->locker_seen <= scene.her->client->locker->version, 1);
    must_send(scene.worker, &scene.his, "two", 86400, ZG_AFTER_READ);
    hears(scene.her, "two");
    town_run(scene.town, MINUTE);
    assert_int_equal(scene.her->events[ZG_EVENT_RELAY_WENT_BACK], 0);
    his->locker_seen = scene.her->client->locker->version + 5;
    must_send(scene.worker, &scene.his, "three", 86400, ZG_AFTER_READ);
    hears(scene.her, "three");
    assert_int_equal(scene.her->events[ZG_EVENT_RELAY_WENT_BACK], 1);
    close_scene(&scene);
}

static void a_relay_that_lost_it_is_told_and_all_goes_on(void **state)
{
    (void)state;
    open_kept();
    scene.her->client->locker->keys->write.b[0] ^= 1; /* as if the slot were gone */
    must_send(scene.her, &scene.hers, "on", 86400, ZG_AFTER_READ);
    assert_true(town_until(scene.town, scene.her, ZG_EVENT_LOCKER_LOST, 1, MINUTE));
    hears(scene.worker, "on");
    must_send(scene.worker, &scene.his, "and on", 86400, ZG_AFTER_READ);
    hears(scene.her, "and on");
    close_scene(&scene);
}

static void what_does_not_fit_is_left_out_and_the_rest_returns(void **state)
{
    (void)state;
    char small[32];
    open_kept();
    char *large = make_text(40000);
    must_send(scene.worker, &scene.his, large, 86400, ZG_AFTER_READ);
    hears(scene.her, large);
    must_send(scene.worker, &scene.his, "not lost", 86400, ZG_AFTER_READ);
    hears(scene.her, "not lost");
    must_send(scene.worker, &scene.his, large, 86400, ZG_AFTER_READ);
    town_run(scene.town, 10 * MINUTE);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(small, sizeof(small), "small %u", i);
        must_send(scene.worker, &scene.his, small, 86400, ZG_AFTER_READ);
    }
    hears(scene.her, "small 29");
    town_run(scene.town, MINUTE);
    assert_int_equal(scene.her->events[ZG_EVENT_LOCKER_LOST], 0);
    person_stop(scene.her);
    struct person *p = come_back();
    assert_true(has_text(p, "not lost"));
    assert_true(has_text(p, "small 0"));
    must_send(p, &scene.hers, "back", 86400, ZG_AFTER_READ);
    hears(scene.worker, "back");
    free(large);
    close_scene(&scene);
}

static void values_have_one_of_few_sizes(void **state)
{
    (void)state;
    uint8_t *value;
    size_t len;
    open_kept();
    const struct locker *l = scene.her->client->locker;
    assert_int_equal(locker_seal(l, 1, &value, &len), ZG_OK);
    assert_int_equal(len, LOCKER_SMALL_BYTES);
    free(value);
    for (int i = 0; i < 20; i++)
        must_send(scene.her, &scene.hers, "a sentence of some length, as people write them", 86400, ZG_AFTER_READ);
    town_run(scene.town, MINUTE);
    assert_int_equal(locker_seal(l, 1, &value, &len), ZG_OK);
    assert_int_equal(len, LOCKER_SMALL_BYTES);
    free(value);
    char *large = make_text(20000);
    must_send(scene.her, &scene.hers, large, 86400, ZG_AFTER_READ);
    town_run(scene.town, MINUTE);
    assert_int_equal(locker_seal(l, 1, &value, &len), ZG_OK);
    assert_int_equal(len, 40960);
    assert_true(locker_size_ok(len) && !locker_size_ok(len - 1) && !locker_size_ok(LOCKER_LARGE_BYTES + 1));
    free(value);
    free(large);
    close_scene(&scene);
}

/* From a relay that gives something else than what was written. */
static void a_value_that_is_none_is_not_taken(void **state)
{
    (void)state;
    uint8_t *value, *plain, *none = NULL;
    size_t len, plain_len;
    open_kept();
    struct locker *l = scene.her->client->locker;
    assert_int_equal(locker_seal(l, 9, &value, &len), ZG_OK);
    assert_int_equal(locker_open(l, 9, value, len - 1, &none, &plain_len), ZG_ERR_MALFORMED);
    assert_int_equal(locker_open(l, 8, value, len, &none, &plain_len), ZG_ERR_FORGED);
    value[len / 2] ^= 1;
    assert_int_equal(locker_open(l, 9, value, len, &none, &plain_len), ZG_ERR_FORGED);
    value[len / 2] ^= 1;
    assert_null(none);
    assert_int_equal(locker_open(l, 9, value, len, &plain, &plain_len), ZG_OK);
    assert_int_equal(locker_unpack(l, plain, plain_len), ZG_OK);
    /* What is sealed rightly may still be no entries. */
    plain[0]++;
    assert_int_equal(locker_unpack(l, plain, plain_len), ZG_ERR_VERSION);
    plain[0]--;
    plain[plain_len - 1] = 1;
    assert_int_equal(locker_unpack(l, plain, plain_len), ZG_ERR_MALFORMED);
    plain[plain_len - 1] = 0;
    assert_int_equal(locker_unpack(l, plain, 4), ZG_ERR_MALFORMED);
    plain[1 + LOCKER_WRITER_BYTES] = 1; /* 2^24 entries and more */
    assert_int_equal(locker_unpack(l, plain, plain_len), ZG_ERR_MALFORMED);
    free(plain);
    free(value);
    close_scene(&scene);
}

static void without_memory_a_value_is_neither_made_nor_opened(void **state)
{
    (void)state;
    uint8_t *value, *plain;
    size_t len, plain_len;
    zg_err err;
    int n = 0;
    open_kept();
    struct locker *l = scene.her->client->locker;
    do {
        heap_fail_after(n);
        err = locker_seal(l, 1, &value, &len);
        heap_fail_never();
        assert_true(err == ZG_OK || err == ZG_ERR_MEMORY);
    } while (err != ZG_OK && ++n < 10);
    assert_in_range(n, 2, 9);
    heap_fail_after(0);
    assert_int_equal(locker_open(l, 1, value, len, &plain, &plain_len), ZG_ERR_MEMORY);
    heap_fail_never();
    assert_int_equal(locker_open(l, 1, value, len, &plain, &plain_len), ZG_OK);
    heap_fail_after(0);
    assert_int_equal(locker_unpack(l, plain, plain_len), ZG_ERR_MEMORY);
    heap_fail_never();
    free(plain);
    free(value);
    close_scene(&scene);
}

/* Every write is paid for by the byte. */
static void what_nobody_waits_for_costs_no_write_of_its_own(void **state)
{
    (void)state;
    open_kept();
    const struct locker *l = scene.her->client->locker;
    scene.her->reads = true;
    town_run(scene.town, MINUTE);
    uint64_t version = l->version;
    for (int i = 0; i < 5; i++) {
        must_send(scene.worker, &scene.his, "to her", 86400, ZG_AFTER_READ);
        town_run(scene.town, 2 * SECOND);
        must_send(scene.her, &scene.hers, "from her", 86400, ZG_AFTER_READ);
        town_run(scene.town, 2 * SECOND);
    }
    assert_in_range(l->version - version, 10, 11); /* the first message back is a step, and may come with one more */
    version = l->version;
    town_run(scene.town, MINUTE);
    assert_int_equal(l->version, version + 1); /* that all of it was read and accepted */
    town_run(scene.town, 5 * MINUTE);
    assert_int_equal(l->version, version + 1);
    close_scene(&scene);
}

static void only_her_one_conversation_in_memory_can_have_one(void **state)
{
    (void)state;
    open_meeting(&scene);
    struct person *her = scene.her;
    assert_int_equal(zg_client_locker_new(her->client, &scene.hers, secret, person_now(her)), ZG_ERR_STATE);
    assert_int_equal(zg_client_return(her->client, scene.card, strlen(scene.card), secret, person_now(her)),
                     ZG_ERR_STATE);
    close_scene(&scene);
    open_kept();
    her = scene.her;
    assert_int_equal(zg_client_locker_new(her->client, &scene.hers, secret, person_now(her)), ZG_ERR_STATE);
    struct person *other = town_visitor(scene.town);
    assert_int_equal(zg_client_locker_new(other->client, &scene.hers, secret, person_now(other)), ZG_ERR_NOT_FOUND);
    assert_int_not_equal(zg_card_check("zaguan:AAAA", 11), ZG_OK);
    assert_int_equal(zg_client_return(other->client, "zaguan:AAAA", 11, secret, person_now(other)),
                     zg_card_check("zaguan:AAAA", 11));
    close_scene(&scene);
}

/* A knock that waits can be returned to as well. */
static void she_comes_back_to_a_knock_that_waits(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof(scene));
    scene.town = town_open(1);
    scene.worker = town_person(scene.town);
    scene.her = town_visitor(scene.town);
    town_desk(scene.town, scene.worker, scene.card);
    knock(&scene);
    keep();
    person_stop(scene.her);
    town_run(scene.town, DAY);
    struct person *p = come_back();
    assert_int_equal(must_show(p, &scene.hers).state, ZG_CONVERSATION_KNOCKING);
    scene.his = scene.worker->last[ZG_EVENT_KNOCK].conversation;
    must_send(scene.worker, &scene.his, "here I am", 86400, ZG_AFTER_READ);
    hears(p, "here I am");
    must_send(p, &scene.hers, "thank you", 86400, ZG_AFTER_READ);
    hears(scene.worker, "thank you");
    close_scene(&scene);
}

static void phrases_give_the_secrets_of_the_vectors(void **state)
{
    uint8_t expected[ZG_LOCKER_SECRET_BYTES], got[ZG_LOCKER_SECRET_BYTES];
    char spaced[64];
    (void)state;
    struct vector_file *f = vector_open("phrase.txt");
    while (vector_next(f)) {
        const char *card = vector_text(f, "card"), *digits = vector_text(f, "digits");
        vector_bytes(f, "secret", expected, sizeof(expected));
        snprintf(spaced, sizeof(spaced), " %.4s-%s ", digits, digits + 4);
        assert_int_equal(zg_phrase_stretch(card, strlen(card), spaced, strlen(spaced), got), ZG_OK);
        assert_memory_equal(got, expected, sizeof(got));
        assert_int_equal(zg_phrase_stretch(card, strlen(card), digits, 19, got), ZG_ERR_TRUNCATED);
    }
    vector_close(f);
    assert_int_equal(zg_phrase_stretch("zaguan:", 7, "73786976294838206464", 20, got), ZG_ERR_MALFORMED);
    assert_int_equal(zg_phrase_stretch("zaguan:", 7, "012345678901234567890", 21, got), ZG_ERR_TOO_LARGE);
    assert_int_equal(zg_phrase_stretch("zaguan:", 7, "0123456789012345678x", 20, got), ZG_ERR_MALFORMED);
}

/* --- devices that are lost at any moment --- */

/* Written so far. */
struct loss {
    unsigned hers, his;
};

static unsigned number_of(const char *text, char who)
{
    unsigned n = 0;
    char c = 0;
    return sscanf(text, "%c%u", &c, &n) == 2 && c == who ? n + 1 : 0;
}

/* From `from` on, each once and in order, in what p shows. */
static unsigned check_shown(const struct person *p, const zg_id *id, char who, bool whole)
{
    zg_message m;
    unsigned next = 0;
    for (size_t i = 0; zg_client_message_at(p->client, id, i, &m); i++) {
        unsigned n = number_of(m.text, who);
        if (n == 0)
            continue;
        if (n <= next)
            fail_msg("%s after %u", m.text, next);
        if (whole && n != next + 1)
            fail_msg("%s is missing %u", m.text, next);
        next = n;
    }
    return next;
}

static bool next_of_hers(size_t *at, zg_message *out)
{
    while (zg_client_message_at(scene.worker->client, &scene.his, (*at)++, out))
        if (!out->own)
            return true;
    return false;
}

/* The worker has everything of hers, once and in order. What is said to be unsent (the locker had no room for it) may be missing. */
static void check_arrived(void)
{
    zg_message hers, his;
    size_t at = 0;
    bool more = next_of_hers(&at, &his);
    for (size_t i = 0; zg_client_message_at(scene.her->client, &scene.hers, i, &hers); i++) {
        bool same = more && hers.own && strcmp(hers.text, his.text) == 0;
        if (hers.own && !same && hers.state != ZG_MESSAGE_NOT_SENT)
            fail_msg("%s (state %d) did not arrive", hers.text, (int)hers.state);
        if (same)
            more = next_of_hers(&at, &his);
    }
    assert_false(more);
}

static void say_next(struct person *p, const zg_id *id, char who, unsigned *n)
{
    char text[32];
    snprintf(text, sizeof(text), "%c%u", who, *n);
    must_send(p, id, text, 20 * 86400, ZG_AFTER_SENT);
    (*n)++;
}

static void lose_devices(uint64_t seed)
{
    struct loss loss = {0};
    struct rng_seed state;
    struct rng rng = rng_seeded(&state, seed);
    open_kept();
    for (int device = 0; device < 12; device++) {
        for (int i = 0; i < 8; i++) {
            if (rng_below(&rng, 2) == 0)
                say_next(scene.her, &scene.hers, 'h', &loss.hers);
            else
                say_next(scene.worker, &scene.his, 'w', &loss.his);
            if (rng_below(&rng, 6) == 0)
                person_break(scene.her);
            town_run(scene.town, rng_below(&rng, 400));
        }
        if (rng_below(&rng, 3) != 0)
            person_stop(scene.her);
        come_back();
        /* What she wrote last may have been lost with the device before it was kept anywhere; she sees that, and writes it again. */
        check_shown(scene.her, &scene.hers, 'w', true);
        loss.hers = check_shown(scene.her, &scene.hers, 'h', true);
    }
    town_run(scene.town, 10 * MINUTE);
    assert_int_equal(check_shown(scene.her, &scene.hers, 'w', true), loss.his);
    assert_int_equal(check_shown(scene.her, &scene.hers, 'h', true), loss.hers);
    check_arrived();
    assert_int_equal(scene.her->events[ZG_EVENT_RELAY_WENT_BACK], 0);
    close_scene(&scene);
}

static void nothing_is_lost_or_doubled_when_devices_are_lost(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++)
        lose_devices(seed);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(she_comes_back_to_what_has_not_expired),
    cmocka_unit_test(what_is_not_in_the_locker_yet_comes_again),
    cmocka_unit_test(a_relay_without_room_for_a_phrase_keeps_nobody_from_talking),
    cmocka_unit_test(the_former_device_closes),
    cmocka_unit_test(a_device_that_was_cut_off_closes_too),
    cmocka_unit_test(a_reader_that_is_no_device_is_seen_as_such),
    cmocka_unit_test(another_phrase_opens_nothing),
    cmocka_unit_test(a_value_that_was_changed_is_not_believed),
    cmocka_unit_test(after_an_erase_the_phrase_opens_nothing),
    cmocka_unit_test(an_erase_that_began_goes_on_after_a_return),
    cmocka_unit_test(a_relay_that_went_back_is_noticed_by_what_the_worker_has_seen),
    cmocka_unit_test(a_relay_that_lost_it_is_told_and_all_goes_on),
    cmocka_unit_test(what_does_not_fit_is_left_out_and_the_rest_returns),
    cmocka_unit_test(values_have_one_of_few_sizes),
    cmocka_unit_test(a_value_that_is_none_is_not_taken),
    cmocka_unit_test(without_memory_a_value_is_neither_made_nor_opened),
    cmocka_unit_test(what_nobody_waits_for_costs_no_write_of_its_own),
    cmocka_unit_test(only_her_one_conversation_in_memory_can_have_one),
    cmocka_unit_test(she_comes_back_to_a_knock_that_waits),
    cmocka_unit_test(phrases_give_the_secrets_of_the_vectors),
    cmocka_unit_test(nothing_is_lost_or_doubled_when_devices_are_lost),
};

int main(void)
{
    return cmocka_run_group_tests(tests, NULL, NULL);
}
