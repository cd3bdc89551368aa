#define _GNU_SOURCE
#include "relay/edge/deadline.h"

#include <sys/timerfd.h>
#include <unistd.h>

enum { NS_IN_MS = 1000 * 1000, NS_IN_S = 1000 * NS_IN_MS };

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct deadline *d = (struct deadline *)poll;
    uint64_t times;
    (void)status;
    (void)events;
    if (read(d->fd, &times, sizeof(times)) != (ssize_t)sizeof(times))
        return;
    d->at_ms = UINT64_MAX;
    d->passed(d->ctx);
}

bool deadline_open(struct deadline *d, uv_loop_t *loop, void (*passed)(void *ctx), void *ctx)
{
    d->at_ms = UINT64_MAX;
    d->passed = passed;
    d->ctx = ctx;
    d->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (d->fd < 0)
        return false;
    if (uv_poll_init(loop, &d->poll, d->fd) != 0) {
        close(d->fd);
        return false;
    }
    uv_poll_start(&d->poll, UV_READABLE, on_readable);
    return true;
}

/*
 * To set again what goes off any moment would put it off; a loop that never waits did so for ever. What should have gone off a second
 * ago was set by a clock that jumped since.
 */
static bool is_set(const struct deadline *d, uint64_t at_ms, uint64_t now)
{
    if (at_ms > now / NS_IN_MS)
        return at_ms == d->at_ms;
    return d->at_ms <= now / NS_IN_MS && now - d->set_ns < NS_IN_S;
}

void deadline_set(struct deadline *d, uint64_t at_ms)
{
    struct itimerspec when = {{0, 0}, {0, 0}};
    const uint64_t now = uv_hrtime();

    if (is_set(d, at_ms, now))
        return;
    d->at_ms = at_ms;
    d->set_ns = now;
    if (at_ms != UINT64_MAX) {
        const uint64_t at = at_ms * NS_IN_MS;
        const uint64_t left = at > now ? at - now : 1; /* 0 would stop it */
        when.it_value.tv_sec = (time_t)(left / NS_IN_S);
        when.it_value.tv_nsec = (long)(left % NS_IN_S);
    }
    timerfd_settime(d->fd, 0, &when, NULL);
}

static void on_closed(uv_handle_t *handle)
{
    close(((struct deadline *)handle)->fd);
}

void deadline_close(struct deadline *d)
{
    if (!uv_is_closing((uv_handle_t *)&d->poll))
        uv_close((uv_handle_t *)&d->poll, on_closed);
}
