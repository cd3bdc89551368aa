/* The running relay: loop, listeners, signals, and the order in which things start and stop. */
#ifndef RELAY_EDGE_SERVER_H
#define RELAY_EDGE_SERVER_H

#include <stdbool.h>

#include "relay/edge/config.h"
#include "relay/edge/folder.h"

struct server_options {
    const struct config *config; /* borrowed until return */
    struct relay_key *key;       /* wiped as soon as the core has its copy in guarded memory */
    bool believe_clock;          /* however far it is ahead of the hour by which the relay went last */
};

/*
 * Serves in the current folder, whose lock is held, until SIGTERM or SIGINT; prints "listening on HOST:PORT"
 * for each listener when it is ready. true: stopped as asked. false: could not start, and stderr says why.
 */
bool server_run(const struct server_options *options);

#endif
