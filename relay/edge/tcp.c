/* The user of a stream is its session. */
#define _GNU_SOURCE
#include "relay/edge/tcp.h"

static bool carrier_write(void *ctx, const uint8_t *data, size_t len)
{
    return stream_write(ctx, (struct span){0}, (struct span){data, len});
}

static void carrier_close(void *ctx)
{
    stream_end(ctx);
}

static void carrier_resume(void *ctx)
{
    stream_resume(ctx);
}

static bool make_room(void *ctx, struct now now)
{
    return relay_make_room(ctx, now);
}

static void *open_session(void *ctx, struct stream *s, struct now now)
{
    const struct carrier carrier = {carrier_write, carrier_close, s, carrier_resume};
    return session_open(ctx, &carrier, now);
}

static void receive(void *user, const uint8_t *data, size_t len, struct now now)
{
    /* If the session ended, carrier_close was called. */
    (void)session_receive(user, data, len, now);
}

static bool paused(const void *user)
{
    return session_paused(user);
}

static void writable(void *user)
{
    session_writable(user);
}

static void lost(void *user)
{
    session_close(user);
}

const struct stream_handler tcp_handler = {make_room, open_session, receive, paused, writable, lost, lost};
