/* Texts that an operator hands out: a relay, a voucher; docs/protocol.md section 1. */
#ifndef CLIENT_HANDOUT_H
#define CLIENT_HANDOUT_H

#include <zaguan/err.h>

#include "client/core/connection.h"
#include "proto/secret.h"

/* "host:port/key". ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err relay_place_parse(struct relay_place *out, const char *text);
/* 48 characters. ZG_ERR_MALFORMED, also for a slip of copying. */
ZG_MUST_CHECK zg_err voucher_parse(struct secret *out, const char *text);

#endif
