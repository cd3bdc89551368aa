/*
 * Connections by TCP, whatever is spoken over them: bytes from sockets to a handler, and back.
 *
 * Happy path: accept, handler.open; read into the one shared buffer, handler.receive; the handler calls
 * stream_write, uv_try_write takes it. Failure: the network ends it -> handler.lost, then the handle closes.
 * The handler ends it -> stream_end, and the handle closes when what was written is out, or after ten seconds
 * in which the peer takes nothing, or a minute. The socket takes only a part -> the rest is kept and the handler waits.
 * The close callback is the only place that frees a stream.
 */
#ifndef RELAY_EDGE_STREAM_H
#define RELAY_EDGE_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "proto/bytes.h"
#include "relay/core/relay.h"
#include "relay/edge/address.h"
#include "relay/edge/origin.h"

enum { STREAM_READ_MAX = 65536 };

struct streams; /* all of them, and their listeners */
struct stream;  /* one connection */

/* What is spoken. user is what open returned, or what was handed over. */
struct stream_handler {
    /* There are as many as may be, of all handlers. Whether one was ended for a new one; it closes soon. */
    bool (*make_room)(void *ctx, struct now now);
    /* A connection came. NULL: it is closed. */
    void *(*open)(void *ctx, struct stream *s, struct now now);
    /* 1 to STREAM_READ_MAX bytes from the network, borrowed until return. It may end the stream. */
    void (*receive)(void *user, const uint8_t *data, size_t len, struct now now);
    /* It wants no more bytes for now. Asked after receive, and again after stream_resume. */
    bool (*paused)(const void *user);
    /* What stream_write had kept is out. */
    void (*writable)(void *user);
    /* The network ended it: frees user; the stream is not to be used any more. */
    void (*lost)(void *user);
    /* The relay stops: the same, but last words may be written. */
    void (*leave)(void *user);
};

/*
 * At most `most` streams at once (and a few that close), and from one address what origins (borrowed until every callback came;
 * NULL: all) allows; more are closed when they come. ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err streams_open(struct streams **out, uv_loop_t *loop, size_t most,
                                  struct origins *origins);
/*
 * handler (borrowed) and ctx, which its open gets, stay until every stream is gone. ZG_ERR_NETWORK: why gets
 * what the system said. bound gets the address with its real port.
 */
ZG_MUST_CHECK zg_err streams_listen(struct streams *ss, const struct address *where,
                                    const struct stream_handler *handler, void *ctx,
                                    char bound[ADDRESS_BYTES_MAX + 1], char *why, size_t why_cap);

/* Once in each turn of the loop, after relay_flush: reads again for handlers that were paused, drops broken
 * connections, accepts those that waited. */
void streams_turn(struct streams *ss);

/* No new connections from now on. */
void streams_stop_accepting(struct streams *ss);
/* Every handler leaves; connections stay as long as what was written is not out. */
void streams_leave(struct streams *ss);
/* Whether every connection is gone. */
bool streams_empty(const struct streams *ss);
/* Closes whatever is left, frees when all callbacks have come. Handlers must have left. */
void streams_close(struct streams *ss);

/*
 * Both, one after the other; either may be empty. false: not everything was taken, and the rest is kept;
 * whoever goes on before handler.writable fills memory. What is wrong with the connection shows later.
 */
ZG_MUST_CHECK bool stream_write(struct stream *s, struct span head, struct span body);
/* The same without a copy of body, which must stay until every stream is gone. */
ZG_MUST_CHECK bool stream_write_lasting(struct stream *s, struct span head, struct span body);
/* The handler may be paused no more: it is asked at the end of the turn. Any number of them may be paused. */
void stream_resume(struct stream *s);
/* Whether something is kept. */
bool stream_waits(const struct stream *s);
/* The handler is done with it, and frees its user by itself. It closes when everything is out. */
void stream_end(struct stream *s);
/* The same, at once; what is kept is lost. */
void stream_drop(struct stream *s);
/* From now on another handler has it. */
void stream_hand_over(struct stream *s, const struct stream_handler *handler, void *user);

#endif
