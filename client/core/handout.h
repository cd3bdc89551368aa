/* A relay as its operator hands it out; docs/protocol.md section 1. */
#ifndef CLIENT_HANDOUT_H
#define CLIENT_HANDOUT_H

#include <zaguan/err.h>

#include "client/core/connection.h"

/* "host:port/key". ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err relay_place_parse(struct relay_place *out, const char *text);

#endif
