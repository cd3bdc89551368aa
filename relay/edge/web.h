/*
 * Connections of browsers: requests for the files of a page, and the step to a WebSocket.
 *
 * Happy path: a request's head comes within ten seconds; it is answered from memory, or becomes a WebSocket;
 * then the next one. Failure: what is no request is answered with 400, what has no file with the same 404
 * whatever it is; a head that does not come and an answer that is not taken end the connection without a
 * word. No request changes anything.
 */
#ifndef RELAY_EDGE_WEB_H
#define RELAY_EDGE_WEB_H

#include "relay/edge/site.h"
#include "relay/edge/stream.h"

#define WEB_SOCKET_PATH "/zaguan"

enum {
    WEB_REQUEST_SECONDS = 10,
    WEB_ANSWER_SECONDS = 300,
    WEB_VISIT_SECONDS = 60, /* in which it need not make room, however much it asks for */
};

struct web;

struct web_options {
    uv_loop_t *loop;
    struct relay *relay;
    const struct site *site; /* NULL: no page. Both borrowed until every stream is gone */
    const char *connect; /* where else a page may connect to, as in a Content-Security-Policy; may be "" */
};

/* ZG_ERR_MEMORY; ZG_ERR_ARGUMENT: connect is too long. */
ZG_MUST_CHECK zg_err web_open(struct web **out, const struct web_options *options);
/* Handlers must have left. Frees when its callback has come. NULL-safe. */
void web_close(struct web *web);

/* For streams_listen; its ctx is the struct web. */
extern const struct stream_handler web_handler;

#endif
