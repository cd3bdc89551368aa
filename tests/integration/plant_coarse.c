/*
 * For a relay that is built wrongly on purpose: its timer counts whole milliseconds from the moment at which
 * the loop begins to wait, as libuv's do. Put around a function of relay/edge by the linker (--wrap).
 */
#define _GNU_SOURCE
#include <sys/timerfd.h>

#include "relay/edge/deadline.h"

enum { NS_IN_MS = 1000 * 1000 };

void __real_deadline_set(struct deadline *d, uint64_t at_ms);
void __wrap_deadline_set(struct deadline *d, uint64_t at_ms);

void __wrap_deadline_set(struct deadline *d, uint64_t at_ms)
{
    const uint64_t now_ms = uv_hrtime() / NS_IN_MS;
    if (at_ms == UINT64_MAX || at_ms <= now_ms) {
        __real_deadline_set(d, at_ms);
        return;
    }
    const uint64_t left_ms = at_ms - now_ms;
    const struct itimerspec when = {
        .it_value = {(time_t)(left_ms / 1000), (long)(left_ms % 1000) * NS_IN_MS}};
    timerfd_settime(d->fd, 0, &when, NULL);
}
