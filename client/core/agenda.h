/* What is due when: one ordered structure for all deadlines of a kind, instead of a timer for each. */
#ifndef CLIENT_AGENDA_H
#define CLIENT_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stands inside what is due. Zeroed: not in the agenda. */
struct agenda_item {
    uint64_t at_ms;
    size_t place; /* from 1; 0: not in it */
    void (*due)(void *thing); /* its time has come; it is out of the agenda already */
    void *thing;
};

/* A binary heap, the earliest first. Zeroed: empty. */
struct agenda {
    struct agenda_item **items; /* the first is items[1] */
    size_t count;
    size_t cap;
    size_t reserved;
};

/*
 * Room for one more item, for as long as it lives: after it agenda_set cannot fail. false: no memory. agenda_release gives
 * the room back, and takes the item out.
 */
bool agenda_reserve(struct agenda *a);
void agenda_release(struct agenda *a, struct agenda_item *item);

/* Puts it in, or moves it. */
void agenda_set(struct agenda *a, struct agenda_item *item, uint64_t at_ms);
void agenda_remove(struct agenda *a, struct agenda_item *item);
/* The earliest time; UINT64_MAX: none. */
uint64_t agenda_next(const struct agenda *a);
/* Takes out and calls everything that is due at now_ms. */
void agenda_run(struct agenda *a, uint64_t now_ms);
void agenda_clear(struct agenda *a);

#endif
