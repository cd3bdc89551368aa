/*
 * Connections by TCP: bytes from sockets into sessions, and back.
 *
 * Happy path: accept, session_open; read into the one shared buffer, session_receive; the session writes,
 * uv_try_write takes it. Failure: the network ends it -> session_close, then the handle closes. The session
 * ends it -> carrier close, and the handle closes when what was written is out, or after ten seconds in which
 * the peer takes nothing. The socket takes only a part -> the rest is copied and the session waits. The close
 * callback is the only place that frees a connection.
 */
#ifndef RELAY_EDGE_TCP_H
#define RELAY_EDGE_TCP_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "relay/core/relay.h"
#include "relay/edge/address.h"

struct tcp;

/* The relay is borrowed until every connection is gone. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err tcp_open(struct tcp **out, uv_loop_t *loop, struct relay *relay);
/* ZG_ERR_NETWORK: why gets what the system said. bound gets the address with its real port. */
ZG_MUST_CHECK zg_err tcp_listen(struct tcp *t, const struct address *where, char bound[ADDRESS_BYTES_MAX + 1],
                                char *why, size_t why_cap);

/* Once in each turn of the loop, after relay_flush: reads again for sessions that were paused, drops broken
 * connections. */
void tcp_turn(struct tcp *t);

/* No new connections from now on. */
void tcp_stop_accepting(struct tcp *t);
/* Closes sessions; connections stay as long as what was written is not out. */
void tcp_close_sessions(struct tcp *t);
/* Whether every connection is gone. */
bool tcp_empty(const struct tcp *t);
/* Closes whatever is left, frees when all callbacks have come. Sessions must be closed. */
void tcp_close(struct tcp *t);

#endif
