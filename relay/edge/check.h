/* The parts of `check`. Each says what it finds by report.h. */
#ifndef RELAY_EDGE_CHECK_H
#define RELAY_EDGE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/edge/address.h"
#include "relay/edge/config.h"
#include "relay/edge/probe.h"
#include "relay/edge/report.h"

/* The current folder, which was entered: files, configuration, keys, swap, backups, the relay that runs in
 * it. */
void check_folder(struct report *r, const struct config *config);

/* A relay as its clients reach it: every number of its name, the handshake with its key, its clock. */
void check_relay(struct report *r, const struct address *at, const uint8_t relay_pk[32]);

/* What a handshake showed. */
void check_handshake(struct report *r, enum probe_handshake how, const struct probe_welcome *welcome);

/* Where browsers reach it: TLS (unless plain), what the page's answers forbid, the WebSocket and the relay
 * behind it. */
void check_web(struct report *r, const struct address *at, bool plain, const uint8_t relay_pk[32]);

#endif
