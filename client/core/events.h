/* What the person should see, in order, until it is read. */
#ifndef CLIENT_EVENTS_H
#define CLIENT_EVENTS_H

#include <zaguan/client.h>

/* A ring that grows. Zeroed: empty. */
struct events {
    zg_event *ring;
    size_t cap;
    size_t first;
    size_t count;
};

/* Room for n more; ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err events_reserve(struct events *e, size_t n);
/*
 * Appends. Without memory the event is lost, which nobody who reserved first has to fear; what it tells can still be read from the
 * client's state.
 */
void events_push(struct events *e, const zg_event *event);
bool events_pop(struct events *e, zg_event *out);
void events_clear(struct events *e);

#endif
