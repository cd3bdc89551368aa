/* A voucher as an operator hands it out: a line of text. docs/protocol.md section 1. */
#ifndef PROTO_VOUCHER_H
#define PROTO_VOUCHER_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/wire.h"

enum { VOUCHER_CHECK_BYTES = 4, VOUCHER_TEXT_LEN = 48 };

/* Zero-terminated. The text is as secret as the secret. */
void voucher_text(const uint8_t secret[WIRE_SECRET_BYTES], char out[VOUCHER_TEXT_LEN + 1]);

/*
 * White space around it is ignored. ZG_ERR_TRUNCATED: too short. ZG_ERR_MALFORMED: too long, not base64url,
 * or the check is wrong; a mistake of typing or copying.
 */
ZG_MUST_CHECK zg_err voucher_parse(uint8_t out[WIRE_SECRET_BYTES], const char *text, size_t len);

#endif
