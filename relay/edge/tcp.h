/* The carrier that is nothing but TCP: the bytes of a connection are those of a session. */
#ifndef RELAY_EDGE_TCP_H
#define RELAY_EDGE_TCP_H

#include "relay/edge/stream.h"

/* For streams_listen; its ctx is the struct relay. */
extern const struct stream_handler tcp_handler;

#endif
