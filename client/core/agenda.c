#include "client/core/agenda.h"

#include <assert.h>
#include <stdlib.h>

bool agenda_reserve(struct agenda *a)
{
    if (a->reserved == a->cap) {
        size_t cap = a->cap == 0 ? 32 : 2 * a->cap;
        struct agenda_item **items = realloc(a->items, (cap + 1) * sizeof(*items));
        if (items == NULL)
            return false;
        a->items = items;
        a->cap = cap;
    }
    a->reserved++;
    return true;
}

void agenda_release(struct agenda *a, struct agenda_item *item)
{
    assert(a->reserved > 0);
    agenda_remove(a, item);
    a->reserved--;
}

static void put(struct agenda *a, size_t place, struct agenda_item *item)
{
    a->items[place] = item;
    item->place = place;
}

static void rise(struct agenda *a, struct agenda_item *item)
{
    size_t at = item->place;
    for (; at > 1 && a->items[at / 2]->at_ms > item->at_ms; at /= 2)
        put(a, at, a->items[at / 2]);
    put(a, at, item);
}

static void sink(struct agenda *a, struct agenda_item *item)
{
    size_t at = item->place;
    for (size_t child = 2 * at; child <= a->count; child = 2 * at) {
        if (child < a->count && a->items[child + 1]->at_ms < a->items[child]->at_ms)
            child++;
        if (a->items[child]->at_ms >= item->at_ms)
            break;
        put(a, at, a->items[child]);
        at = child;
    }
    put(a, at, item);
}

void agenda_set(struct agenda *a, struct agenda_item *item, uint64_t at_ms)
{
    item->at_ms = at_ms;
    if (item->place == 0) {
        assert(a->count < a->reserved);
        put(a, ++a->count, item);
    }
    rise(a, item);
    sink(a, item);
}

void agenda_remove(struct agenda *a, struct agenda_item *item)
{
    size_t place = item->place;
    if (place == 0)
        return;
    struct agenda_item *last = a->items[a->count--];
    item->place = 0;
    if (last == item)
        return;
    put(a, place, last);
    rise(a, last);
    sink(a, last);
}

uint64_t agenda_next(const struct agenda *a)
{
    return a->count == 0 ? UINT64_MAX : a->items[1]->at_ms;
}

void agenda_run(struct agenda *a, uint64_t now_ms)
{
    while (a->count > 0 && a->items[1]->at_ms <= now_ms) {
        struct agenda_item *item = a->items[1];
        agenda_remove(a, item);
        item->due(item->thing);
    }
}

void agenda_clear(struct agenda *a)
{
    free(a->items);
    *a = (struct agenda){NULL, 0, 0, 0};
}
