/* The clocks that are handed to the core. */
#ifndef RELAY_EDGE_CLOCK_H
#define RELAY_EDGE_CLOCK_H

#include <uv.h>

#include "relay/core/relay.h"

/* Both clocks; the one that never goes back as the loop saw it at the beginning of its turn. */
struct now clock_now(uv_loop_t *loop);

#endif
