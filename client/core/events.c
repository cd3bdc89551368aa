#include "client/core/events.h"

#include <sodium.h>
#include <stdlib.h>

zg_err events_reserve(struct events *e, size_t n)
{
    if (n <= e->cap - e->count)
        return ZG_OK;
    size_t cap = e->cap == 0 ? 64 : e->cap;
    while (n > cap - e->count)
        cap *= 2;
    zg_event *ring = malloc(cap * sizeof(*ring));
    if (ring == NULL)
        return ZG_ERR_MEMORY;
    for (size_t i = 0; i < e->count; i++)
        ring[i] = e->ring[(e->first + i) % e->cap];
    free(e->ring);
    e->ring = ring;
    e->cap = cap;
    e->first = 0;
    return ZG_OK;
}

void events_push(struct events *e, const zg_event *event)
{
    if (events_reserve(e, 1) != ZG_OK)
        return;
    e->ring[(e->first + e->count++) % e->cap] = *event;
}

bool events_pop(struct events *e, zg_event *out)
{
    if (e->count == 0)
        return false;
    *out = e->ring[e->first];
    e->first = (e->first + 1) % e->cap;
    e->count--;
    return true;
}

void events_clear(struct events *e)
{
    free(e->ring);
    *e = (struct events){NULL, 0, 0, 0};
}
