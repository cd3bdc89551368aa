/* Doubly linked lists whose links stand inside of what they link. A list is a link too: the one before the
 * first. */
#ifndef RELAY_CORE_LIST_H
#define RELAY_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next;
};

/* What a link stands in. */
#define LIST_ITEM(at, type, member) ((type *)(void *)((char *)(at)-offsetof(type, member)))

/* An empty list, or a link that is in none. */
static inline void list_init(struct link *l)
{
    l->prev = l;
    l->next = l;
}

static inline bool list_empty(const struct link *list)
{
    return list->next == list;
}

static inline void list_insert_before(struct link *at, struct link *l)
{
    l->prev = at->prev;
    l->next = at;
    at->prev->next = l;
    at->prev = l;
}

static inline void list_append(struct link *list, struct link *l)
{
    list_insert_before(list, l);
}

static inline void list_prepend(struct link *list, struct link *l)
{
    list_insert_before(list->next, l);
}

/* Also of a link that is in no list. */
static inline void list_remove(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

#endif
