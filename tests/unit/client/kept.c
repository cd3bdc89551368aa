#include "tests/unit/client/kept.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/core/client.h"
#include "client/core/conversation.h"

struct scene scene;
const uint8_t secret[ZG_LOCKER_SECRET_BYTES] = {1, 2, 3};

void open_visit(void)
{
    memset(&scene, 0, sizeof(scene));
    scene.town = town_open(1);
    scene.worker = town_person(scene.town);
    scene.her = town_visitor(scene.town);
    town_desk(scene.town, scene.worker, scene.card);
    town_meet(scene.town, scene.her, scene.worker, scene.card, &scene.hers, &scene.his);
}

void keep(void)
{
    struct person *her = scene.her;
    assert_int_equal(zg_client_locker_new(her->client, &scene.hers, secret, person_now(her)), ZG_OK);
    person_turn(her);
    assert_true(town_until(scene.town, her, ZG_EVENT_LOCKER_READY, 1, MINUTE));
}

void open_kept(void)
{
    open_visit();
    keep();
}

void ask_return(struct person *p, const uint8_t *with)
{
    assert_int_equal(zg_client_return(p->client, scene.card, strlen(scene.card), with, person_now(p)), ZG_OK);
    person_turn(p);
}

struct person *come_back(void)
{
    struct person *p = town_visitor(scene.town);
    ask_return(p, secret);
    assert_true(town_until(scene.town, p, ZG_EVENT_RETURNED, 1, MINUTE));
    scene.hers = p->last[ZG_EVENT_RETURNED].conversation;
    scene.her = p;
    return p;
}

void fail_to_come_back(struct person *p, const uint8_t *with, zg_err err)
{
    ask_return(p, with);
    assert_true(town_until(scene.town, p, ZG_EVENT_RETURN_FAILED, 1, MINUTE));
    assert_int_equal(p->last[ZG_EVENT_RETURN_FAILED].err, err);
}

bool has_text(const struct person *p, const char *text)
{
    zg_message m;
    for (size_t i = 0; zg_client_message_at(p->client, &scene.hers, i, &m); i++)
        if (strcmp(m.text, text) == 0)
            return true;
    return false;
}

void hears(struct person *p, const char *text)
{
    for (int i = 0; i < 600 && (last_heard(p) == NULL || strcmp(last_heard(p), text) != 0); i++)
        town_run(scene.town, 100);
    assert_non_null(last_heard(p));
    assert_string_equal(last_heard(p), text);
}

/* A client that claims, with this value ready, does no more than write it. */
void relay_writes(const uint8_t *value, size_t len)
{
    const struct locker *hers = scene.her->client->locker;
    struct person *p = town_visitor(scene.town);
    assert_int_equal(locker_new(p->client, &scene.her->client->conversations[0]->place, secret, NULL), ZG_OK);
    struct locker *l = p->client->locker;
    l->stage = LOCKER_CLAIM;
    l->keys->own.b[0] ^= 1; /* whatever happens, it deletes nothing */
    l->version = hers->version;
    l->value = malloc(len);
    assert_non_null(l->value);
    memcpy(l->value, value, len);
    l->value_len = len;
    client_work(p->client);
    person_turn(p);
    for (int i = 0; i < 4000 && p->client->state != CLIENT_FAILED; i++)
        town_run(scene.town, 1);
    assert_int_equal(p->client->state, CLIENT_FAILED);
    person_stop(p);
}
