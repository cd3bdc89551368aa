/* What a former version stored is read, and gone on with. argv[1]: tests/vectors/entries_1.txt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/client.h"
#include "tests/unit/client/stand_in.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, LINE_MAX_BYTES = 200000 };

#define THEN_MS UINT64_C(1800000964000)

static const char *path;

static void on_done(zg_vault_batch *batch, zg_err err)
{
    (void)batch;
    assert_int_equal(err, ZG_OK);
}

static void put_line(zg_vault *vault, const char *line)
{
    zg_vault_write write;
    static uint8_t value[LINE_MAX_BYTES];
    const char *base64 = strchr(line, ' ') + 1;
    assert_int_equal(sodium_hex2bin(write.key, sizeof(write.key), line, 2 * sizeof(write.key), NULL, NULL, NULL), 0);
    assert_int_equal(sodium_base642bin(value, sizeof(value), base64, strcspn(base64, "\n"), NULL, &write.len, NULL,
                                       sodium_base64_VARIANT_ORIGINAL),
                     0);
    write.value = value;
    zg_vault_batch batch = {.writes = &write, .count = 1, .done = on_done};
    vault->submit(vault, &batch);
    vault->pump(vault);
}

static void fill(struct shelf *shelf)
{
    static char line[LINE_MAX_BYTES];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL)
        if (line[0] != '#')
            put_line(shelf_vault(shelf), line);
    fclose(f);
}

static const zg_message *find(const struct person *p, const char *text)
{
    static zg_message m;
    zg_conversation c;
    assert_true(zg_client_conversation_at(p->client, 0, &c));
    for (size_t i = 0; zg_client_message_at(p->client, &c.id, i, &m); i++)
        if (strcmp(m.text, text) == 0)
            return &m;
    return NULL;
}

static struct stand_in relay;

static struct town *open_former(struct person **p)
{
    struct town *t = town_open(1);
    t->now.utc_ms = THEN_MS;
    *p = town_person(t);
    person_stop(*p);
    fill((*p)->shelf);
    person_start(*p);
    stand_in_open(&relay, *p);
    return t;
}

static void everything_is_there_and_in_the_same_state(void **state)
{
    (void)state;
    struct person *p;
    zg_conversation c;
    zg_desk d;
    struct town *t = open_former(&p);
    assert_int_equal(p->events[ZG_EVENT_READY], 2);
    assert_int_equal(p->events[ZG_EVENT_FAILED], 0);
    assert_true(zg_client_conversation_at(p->client, 0, &c));
    assert_int_equal(c.state, ZG_CONVERSATION_OPEN);
    assert_int_equal(c.safety, ZG_SAFETY_WORDS);
    assert_int_equal(c.messages, 7);
    assert_int_equal(c.unread, 1);
    assert_int_equal(zg_client_desk(p->client, &d), ZG_OK);
    assert_string_equal(d.alias, "Amal");
    assert_int_equal(find(p, "sin leer")->state, ZG_MESSAGE_RECEIVED);
    assert_int_equal(find(p, "sin leer")->expires_utc_ms, 0);
    assert_int_equal(find(p, "enviado")->state, ZG_MESSAGE_READ);
    assert_int_equal(find(p, "por enviar")->state, ZG_MESSAGE_WAITING);
    stand_in_close(&relay);
    town_close(t);
}

static void lifetimes_that_ran_go_on(void **state)
{
    (void)state;
    struct person *p;
    struct town *t = open_former(&p);
    /* Read a quarter of an hour before. */
    uint64_t left = find(p, "leído")->expires_utc_ms - THEN_MS;
    assert_in_range(left, 23 * HOUR, 24 * HOUR - 14 * MINUTE);
    stand_in_restart(&relay);
    assert_int_equal(find(p, "leído")->expires_utc_ms - THEN_MS, left);
    stand_in_run(&relay, left - MINUTE);
    assert_non_null(find(p, "leído"));
    stand_in_run(&relay, 2 * MINUTE);
    assert_null(find(p, "leído"));
    assert_non_null(find(p, "sin leer"));
    assert_non_null(find(p, "enviado"));
    stand_in_run(&relay, 7 * 24 * (uint64_t)HOUR);
    assert_null(find(p, "enviado"));
    stand_in_close(&relay);
    town_close(t);
}

/* Nobody knows whether it was sent before. */
static void what_waited_is_sent_and_not_asked_for(void **state)
{
    (void)state;
    struct person *p;
    struct town *t = open_former(&p);
    stand_in_run(&relay, MINUTE);
    assert_int_equal(relay.count[OP_SEND], 1);
    assert_int_equal(p->events[ZG_EVENT_SENT], 1);
    assert_int_equal(shelf_count_of(p->shelf, 7), 0);
    stand_in_close(&relay);
    town_close(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_there_and_in_the_same_state),
        cmocka_unit_test(lifetimes_that_ran_go_on),
        cmocka_unit_test(what_waited_is_sent_and_not_asked_for),
    };
    if (argc < 2)
        return 2;
    path = argv[1];
    return cmocka_run_group_tests_name("client, a former version's vault", tests, NULL, NULL);
}
