/* A town with a worker's desk and a participant; where the tests of whole clients start. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include "tests/unit/client/town.h"

struct scene {
    struct town *town;
    struct person *her;
    struct person *worker;
    char card[1024];
    zg_id hers; /* the conversation, at her side */
    zg_id his;
};

enum change { CHANGE_ORGANISATION, CHANGE_CARD_KEY, CHANGE_RELAY };

/* A desk that is ready. */
void open_scene(struct scene *s);
/* A knock that the worker sees. */
void open_knock(struct scene *s);
/* An open conversation. */
void open_meeting(struct scene *s);
void close_scene(struct scene *s);

/* She knocks ("hola"); until the relay keeps it. */
void knock(struct scene *s);
/* She knocks, which must fail so, and leave nothing. */
void knock_fails(struct scene *s, zg_err err);
/* Makes the card one of something else, with a check that fits. */
void change_card(struct scene *s, enum change change);
/* UTF-8 of len bytes; the caller frees. */
char *make_text(size_t len);

#endif
