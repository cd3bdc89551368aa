/* A private note: kept with its conversation in the vault, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"
#include "tests/unit/client/scene.h"

#define NOTE "código: girasol azul"

static void set(struct scene *s, const char *text)
{
    assert_int_equal(zg_client_note_set(s->worker->client, &s->his, text, person_now(s->worker)), ZG_OK);
    person_turn(s->worker);
}

static const char *get(const struct scene *s)
{
    return zg_client_note_get(s->worker->client, &s->his);
}

static void restart(struct scene *s)
{
    person_stop(s->worker);
    person_start(s->worker);
    town_run(s->town, 1000);
}

static void a_note_outlasts_the_program_and_goes_with_the_conversation(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    assert_string_equal(get(&s), "");
    set(&s, NOTE);
    assert_true(shelf_holds(s.worker->shelf, NOTE, strlen(NOTE)));
    restart(&s);
    assert_string_equal(get(&s), NOTE);
    must_send(s.worker, &s.his, "hasta luego", 0, ZG_AFTER_READ);
    town_run(s.town, 2000);
    assert_false(shelf_holds(s.her->shelf, NOTE, strlen(NOTE)));
    assert_string_equal(zg_client_note_get(s.her->client, &s.hers), "");

    set(&s, "otra");
    assert_string_equal(get(&s), "otra");
    assert_false(shelf_holds(s.worker->shelf, NOTE, strlen(NOTE)));
    set(&s, "");
    restart(&s);
    assert_string_equal(get(&s), "");

    set(&s, NOTE);
    s.worker->cut = true; /* gone here, whatever the relay says */
    person_break(s.worker);
    assert_int_equal(zg_client_erase(s.worker->client, &s.his, person_now(s.worker)), ZG_OK);
    person_turn(s.worker);
    assert_false(shelf_holds(s.worker->shelf, NOTE, strlen(NOTE)));
    assert_int_equal(zg_client_note_set(s.worker->client, &s.his, NOTE, person_now(s.worker)), ZG_ERR_STATE);
    close_scene(&s);
}

static void she_may_end_it_and_the_note_stays_while_it_does(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    set(&s, NOTE);
    assert_int_equal(zg_client_erase(s.her->client, &s.hers, person_now(s.her)), ZG_OK);
    person_turn(s.her);
    assert_true(town_until(s.town, s.worker, ZG_EVENT_ENDED, 1, 60000));
    assert_string_equal(get(&s), NOTE);
    restart(&s);
    assert_string_equal(get(&s), NOTE);
    close_scene(&s);
}

static void what_is_no_note_is_refused(void **state)
{
    (void)state;
    struct scene s;
    char long_one[ZG_NOTE_BYTES_MAX + 2];
    const zg_id none = {{1}};
    open_knock(&s);
    zg_now now = person_now(s.worker);
    zg_client *c = s.worker->client;
    /* A knock that nobody answered is at the relay only. */
    assert_int_equal(zg_client_note_set(c, &s.his, NOTE, now), ZG_ERR_STATE);
    must_send(s.worker, &s.his, "sí", 0, ZG_AFTER_READ);
    memset(long_one, 'x', sizeof(long_one));
    long_one[ZG_NOTE_BYTES_MAX + 1] = '\0';
    assert_int_equal(zg_client_note_set(c, &s.his, long_one, now), ZG_ERR_TOO_LARGE);
    assert_int_equal(zg_client_note_set(c, &s.his, "\xff", now), ZG_ERR_MALFORMED);
    assert_int_equal(zg_client_note_set(c, &none, NOTE, now), ZG_ERR_NOT_FOUND);
    assert_int_equal(zg_client_note_set(c, &s.his, NULL, now), ZG_ERR_ARGUMENT);
    assert_null(zg_client_note_get(c, &none));
    long_one[ZG_NOTE_BYTES_MAX] = '\0';
    set(&s, long_one);
    restart(&s);
    assert_string_equal(get(&s), long_one);
    close_scene(&s);
}

/* --- an entry as it was before there were notes --- */

static struct {
    uint8_t key[ZG_VAULT_KEY_BYTES];
    uint8_t value[16384];
    size_t len;
} former;

/* Version 3 is version 4 without the note and its length. */
static void take_out_note(const uint8_t *value, size_t len)
{
    const size_t cut = 4 + strlen(NOTE);
    size_t at = 0;
    while (at + strlen(NOTE) <= len && memcmp(value + at, NOTE, strlen(NOTE)) != 0)
        at++;
    assert_true(at + strlen(NOTE) <= len && len <= sizeof(former.value));
    at -= 4;
    memcpy(former.value, value, at);
    memcpy(former.value + at, value + at + cut, len - at - cut);
    former.len = len - cut;
    assert_int_equal(former.value[0], 4);
    former.value[0] = 3;
}

static void on_done(zg_vault_batch *batch, zg_err err)
{
    (void)batch;
    assert_int_equal(err, ZG_OK);
}

static zg_err on_entry(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    (void)ctx;
    if (key[0] != ENTRY_CONVERSATION)
        return ZG_OK;
    take_out_note(value, len);
    memcpy(former.key, key, sizeof(former.key));
    return ZG_OK;
}

static void on_loaded(void *ctx, zg_err err)
{
    (void)ctx;
    assert_int_equal(err, ZG_OK);
}

static void an_entry_without_a_note_is_read(void **state)
{
    (void)state;
    struct scene s;
    open_meeting(&s);
    set(&s, NOTE);
    person_stop(s.worker);
    zg_vault *vault = shelf_vault(s.worker->shelf);
    vault->load(vault, on_entry, NULL, on_loaded);
    vault->pump(vault);
    assert_int_equal(former.key[0], ENTRY_CONVERSATION);
    zg_vault_write write = {.value = former.value, .len = former.len};
    memcpy(write.key, former.key, sizeof(write.key));
    zg_vault_batch batch = {.writes = &write, .count = 1, .done = on_done};
    vault->submit(vault, &batch);
    vault->pump(vault);
    person_start(s.worker);
    town_run(s.town, 1000);
    assert_string_equal(get(&s), "");
    must_send(s.worker, &s.his, "sigo aquí", 0, ZG_AFTER_READ);
    town_run(s.town, 2000);
    assert_string_equal(last_heard(s.her), "sigo aquí");
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_note_outlasts_the_program_and_goes_with_the_conversation),
        cmocka_unit_test(she_may_end_it_and_the_note_stays_while_it_does),
        cmocka_unit_test(what_is_no_note_is_refused),
        cmocka_unit_test(an_entry_without_a_note_is_read),
    };
    return cmocka_run_group_tests_name("client_note", tests, NULL, NULL);
}
