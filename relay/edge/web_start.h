/* What relay.conf says in [web], running: files, carrier and listeners. */
#ifndef RELAY_EDGE_WEB_START_H
#define RELAY_EDGE_WEB_START_H

#include <stdbool.h>

#include "relay/edge/config.h"
#include "relay/edge/web.h"

struct web_part {
    struct site *site; /* both NULL: there is no listener for browsers */
    struct web *web;
};

/* Prints "listening for browsers on IP:PORT" for each listener. false: stderr says why, nothing is left open
 * but listeners of streams. */
bool web_part_open(struct web_part *p, uv_loop_t *loop, struct relay *relay, struct streams *streams,
                   const struct config *config);
/* Handlers must have left. */
void web_part_close(struct web_part *p);
/* When every stream is gone. */
void web_part_free(struct web_part *p);

#endif
