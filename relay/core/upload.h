/* A slot's value that comes piece by piece (SLOT_SET, docs/protocol.md section 1.1). One at a time on a
 * connection. */
#ifndef RELAY_CORE_UPLOAD_H
#define RELAY_CORE_UPLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/command.h"
#include "proto/secret.h"

struct relay;

struct upload {
    struct relay *relay;
    uint8_t *value;
    uint64_t version;
    uint32_t size;
    uint32_t next; /* piece */
    uint32_t seq;
    struct name write;
};

/* The first piece is still to be added. NULL: no memory. */
struct upload *upload_new(struct relay *r, const struct command *c, const struct name *write);
/* false: not the piece that must come now, or its fields differ. */
bool upload_add(struct upload *u, const struct command *c, const struct name *write);
bool upload_complete(const struct upload *u);
/* NULL-safe. */
void upload_free(struct upload *u);

#endif
