#include "tests/unit/client/scene.h"

#include <stdlib.h>
#include <string.h>

#include "client/core/card.h"

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "scene: %s\n", what);
    abort();
}

void open_scene(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    s->town = town_open(1);
    s->worker = town_person(s->town);
    s->her = town_person(s->town);
    town_desk(s->town, s->worker, s->card);
}

void open_knock(struct scene *s)
{
    open_scene(s);
    knock(s);
    check(town_until(s->town, s->worker, ZG_EVENT_KNOCK, 1, 60000), "no knock");
    s->his = s->worker->last[ZG_EVENT_KNOCK].conversation;
}

void open_meeting(struct scene *s)
{
    open_scene(s);
    town_meet(s->town, s->her, s->worker, s->card, &s->hers, &s->his);
}

void close_scene(struct scene *s)
{
    town_close(s->town);
}

static void start_knock(struct scene *s)
{
    struct person *p = s->her;
    check(zg_client_knock(p->client, s->card, strlen(s->card), "hola", 4, NULL, &s->hers, person_now(p)) == ZG_OK,
          "knock");
    person_turn(p);
}

void knock(struct scene *s)
{
    unsigned sent = s->her->events[ZG_EVENT_KNOCK_SENT];
    start_knock(s);
    check(town_until(s->town, s->her, ZG_EVENT_KNOCK_SENT, sent + 1, 60000), "the relay does not keep the knock");
}

void knock_fails(struct scene *s, zg_err err)
{
    zg_conversation c;
    start_knock(s);
    check(town_until(s->town, s->her, ZG_EVENT_KNOCK_FAILED, 1, 60000), "the knock did not fail");
    if (s->her->last[ZG_EVENT_KNOCK_FAILED].err != err)
        fprintf(stderr, "scene: %s\n", zg_err_name(s->her->last[ZG_EVENT_KNOCK_FAILED].err));
    check(s->her->last[ZG_EVENT_KNOCK_FAILED].err == err, "the knock failed otherwise");
    check(zg_client_conversation(s->her->client, &s->hers, &c) == ZG_ERR_NOT_FOUND, "the knock is still there");
    check(s->her->events[ZG_EVENT_KNOCK_SENT] == 0, "a knock was sent");
    check(shelf_count(s->her->shelf) == 1, "something of the knock is left");
}

void change_card(struct scene *s, enum change change)
{
    struct card card;
    check(card_parse(&card, s->card, strlen(s->card)) == ZG_OK, "card");
    switch (change) {
    case CHANGE_ORGANISATION:
        card.organisation[3] ^= 1;
        break;
    case CHANGE_CARD_KEY:
        card.card_key[3] ^= 1;
        break;
    case CHANGE_RELAY:
        card.relay_pk[3] ^= 1;
        break;
    }
    check(card_text(&card, "zaguan:", s->card, sizeof(s->card)) == ZG_OK, "card");
}

char *make_text(size_t len)
{
    static const char piece[] = "palabra ñ ";
    char *text = malloc(len + 1);
    check(text != NULL, "out of memory");
    for (size_t i = 0; i < len; i++)
        text[i] = piece[i % (sizeof(piece) - 1)];
    /* Not inside the letter of two bytes. */
    if (len > 0 && (unsigned char)text[len - 1] == 0xc3)
        text[len - 1] = '.';
    text[len] = '\0';
    return text;
}
