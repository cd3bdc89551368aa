/*
 * A timer that goes off at its millisecond. Those of libuv count whole milliseconds from the moment at which
 * the loop begins to wait: the answers of a tick would leave as far behind a full millisecond as whatever
 * woke the loop last, and by that a sender could tell an acknowledgement, which follows the message at once,
 * from the end of a write.
 */
#ifndef RELAY_EDGE_DEADLINE_H
#define RELAY_EDGE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct deadline {
    uv_poll_t poll; /* first */
    int fd;
    uint64_t at_ms;  /* as it is set; UINT64_MAX: not, or it passed */
    uint64_t set_ns; /* when */
    void (*passed)(void *ctx);
    void *ctx;
};

/* false: the system has no more descriptors. */
bool deadline_open(struct deadline *d, uv_loop_t *loop, void (*passed)(void *ctx), void *ctx);
/* At this millisecond of uv_now's clock, at once if it is over; UINT64_MAX: not at all. */
void deadline_set(struct deadline *d, uint64_t at_ms);
/* Nothing happens any more; the loop lets go of it later. */
void deadline_close(struct deadline *d);

#endif
