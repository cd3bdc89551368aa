/*
 * A slot's value that comes piece by piece (SLOT_SET, docs/protocol.md section 1.1). One at a time on a
 * connection.
 *
 * Happy path: upload_new, upload_add until upload_complete, upload_wait; whoever writes it frees it.
 * While pieces are missing it counts as input, and its session is cut off if it does not get on. A complete
 * one counts among what waits for the store: its session did all it could.
 */
#ifndef RELAY_CORE_UPLOAD_H
#define RELAY_CORE_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/command.h"
#include "proto/secret.h"

struct session;

struct upload {
    struct session *session; /* its own, or a reference of the command that has it now */
    uint8_t *value;
    uint64_t version;
    uint32_t size;
    uint32_t next; /* piece */
    uint32_t seq;
    bool waits; /* for the store */
    struct name write;
};

/* The first piece is still to be added. NULL: no memory. */
struct upload *upload_new(struct session *s, const struct command *c, const struct name *write);
/* false: not the piece that must come now, or its fields differ. */
bool upload_add(struct upload *u, const struct command *c, const struct name *write);
bool upload_complete(const struct upload *u);
/* It is complete, and goes to the store. false: too much waits already; it must be freed. */
ZG_MUST_CHECK bool upload_wait(struct upload *u);
/* NULL-safe. Before the reference to its session is given back. */
void upload_free(struct upload *u);

#endif
