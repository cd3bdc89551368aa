/* Secrets and the names they have at the relay; docs/protocol.md section 1. */
#ifndef PROTO_SECRET_H
#define PROTO_SECRET_H

#include <stdint.h>

#include "proto/wire.h"

enum role {
    ROLE_PUT = 1,
    ROLE_TAKE,
    ROLE_OWN,
    ROLE_END,
    ROLE_READ,
    ROLE_WRITE,
    ROLE_SLOT_OWN,
    ROLE_VOUCHER,
};

struct secret {
    uint8_t b[WIRE_SECRET_BYTES];
};

struct name {
    uint8_t b[WIRE_NAME_BYTES];
};

/* A handle, or its hash as the relay keeps it. */
struct handle {
    uint8_t b[WIRE_HANDLE_BYTES];
};

void secret_name(enum role role, const uint8_t secret[WIRE_SECRET_BYTES], struct name *out);
void handle_hash(const uint8_t handle[WIRE_HANDLE_BYTES], struct handle *out);

#endif
