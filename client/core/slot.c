#include "client/core/slot.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

zg_err slot_take(struct slot_reading *s, size_t cap, const struct slot_piece *piece)
{
    if (piece->piece == 0) {
        slot_drop(s);
        s->value = malloc(cap);
        if (s->value == NULL)
            return ZG_ERR_MEMORY;
        s->cap = cap;
    } else if (s->value == NULL || piece->piece != s->last.piece + 1 || piece->version != s->last.version ||
               piece->size != s->last.size) {
        return ZG_ERR_MALFORMED;
    }
    if (piece->data.len > s->cap - s->len)
        return ZG_ERR_MALFORMED;
    if (piece->data.len > 0)
        memcpy(s->value + s->len, piece->data.at, piece->data.len);
    s->len += piece->data.len;
    s->last = *piece;
    return ZG_OK;
}

void slot_drop(struct slot_reading *s)
{
    if (s->value != NULL)
        sodium_memzero(s->value, s->cap);
    free(s->value);
    memset(s, 0, sizeof(*s));
}

void slot_write(struct connection *c, struct call *call, const struct secret *write, uint64_t version,
                const uint8_t *value, size_t len)
{
    struct command command = {.op = OP_SLOT_SET};
    struct slot_piece *p = &command.u.slot_set.piece;

    command.u.slot_set.write = write->b;
    p->version = version;
    p->size = (uint32_t)len;
    for (size_t at = 0; at < len; at += WIRE_SLOT_PIECE_BYTES, p->piece++) {
        size_t left = len - at;
        p->data = (struct span){value + at, left < WIRE_SLOT_PIECE_BYTES ? left : WIRE_SLOT_PIECE_BYTES};
        if (at == 0) {
            if (connection_call(c, call, &command) != ZG_OK)
                return;
        } else if (connection_more(c, call, &command) != ZG_OK) {
            connection_drop(c, ZG_ERR_MEMORY);
            return;
        }
    }
}
