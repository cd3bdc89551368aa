/* What stream.c, one connection, and streams.c, all of them and their listeners, share. */
#ifndef RELAY_EDGE_STREAM_INSIDE_H
#define RELAY_EDGE_STREAM_INSIDE_H

#include "relay/core/list.h"
#include "relay/edge/config.h"
#include "relay/edge/stream.h"

enum { STREAM_LISTENERS_MAX = 2 * CONFIG_LISTEN_MAX };

struct stream {
    struct link all;
    struct link waiting; /* in the list of all if to be read again, or broken */
    uv_tcp_t handle;
    struct streams *streams;
    const struct stream_handler *handler;
    struct origin *origin; /* NULL: not counted */
    void *user;            /* NULL: over */
    uint32_t rests;        /* that are kept */
    uint32_t left;         /* of them, at the last sweep; if it is over */
    uint8_t sweeps;        /* without progress */
    uint8_t all_sweeps;    /* since it is over */
    bool paused;           /* reading stopped because the handler asked for it */
    bool broken;           /* a write failed; to be dropped when no handler is on the stack */
};

struct listener {
    uv_tcp_t handle;
    struct streams *streams;
    const struct stream_handler *handler;
    void *ctx;
    bool open;
    bool waits; /* a connection came and was not accepted yet */
};

struct streams {
    uv_loop_t *loop;
    uint8_t *scratch; /* every read goes here first: an idle connection owns no buffer */
    struct link all, waiting;
    uv_timer_t sweep;
    struct listener listeners[STREAM_LISTENERS_MAX];
    size_t listener_count;
    struct origins *origins;
    uint32_t accepted;  /* in this turn */
    size_t count, most; /* of streams */
    size_t handles;     /* of which the close callback has not come */
    bool closing;
};

/* --- stream.c --- */

/* Not accepted yet; in the list of all. NULL: no memory. */
struct stream *stream_new(struct streams *ss, const struct stream_handler *handler);
/* Reads from now on, or goes. */
void stream_start(struct stream *s);
/* The one way in which a stream goes: the handler loses it, if it has one, and the handle closes. */
void stream_close(struct stream *s);
/* It waited until no handler is on the stack: goes if it is broken, reads again if its handler wants to. */
void stream_serve(struct stream *s);

/* --- streams.c --- */

/* The close callback of a handle was called. Frees ss when it closes and this was the last one. */
void streams_forget_handle(struct streams *ss);

#endif
