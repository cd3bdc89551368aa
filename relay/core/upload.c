#include "relay/core/upload.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

/* Of one session, each up to 60 KiB. A client has one, and the next one after its reply. */
enum { WAITING_OF_ONE = 2 };

static uint32_t pieces(uint32_t size)
{
    return size == 0 ? 1 : (size + WIRE_SLOT_PIECE_BYTES - 1) / WIRE_SLOT_PIECE_BYTES;
}

struct upload *upload_new(struct session *s, const struct command *c, const struct name *write)
{
    const struct slot_piece *p = &c->u.slot_set.piece;
    struct upload *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return NULL;
    u->session = s;
    u->value = malloc(p->size > 0 ? p->size : 1);
    if (u->value == NULL) {
        free(u);
        return NULL;
    }
    u->version = p->version;
    u->size = p->size;
    u->seq = c->seq;
    u->write = *write;
    session_count_input(s, 0, u->size);
    return u;
}

bool upload_add(struct upload *u, const struct command *c, const struct name *write)
{
    const struct slot_piece *p = &c->u.slot_set.piece;

    if (c->seq != u->seq || p->version != u->version || p->size != u->size || p->piece != u->next ||
        memcmp(write, &u->write, sizeof(*write)) != 0)
        return false;
    /* That the piece has the length it must have was seen when it was decoded. */
    if (p->data.len > 0)
        memcpy(u->value + (size_t)p->piece * WIRE_SLOT_PIECE_BYTES, p->data.at, p->data.len);
    u->next++;
    return true;
}

bool upload_complete(const struct upload *u)
{
    return u->next == pieces(u->size);
}

bool upload_wait(struct upload *u)
{
    struct relay *r = u->session->relay;

    /* Values leave half of the room to commands, which are small. */
    if (u->session->uploads >= WAITING_OF_ONE || r->waiting_bytes + u->size > r->limits.waiting_bytes / 2)
        return false;
    session_count_input(u->session, u->size, 0);
    r->waiting_bytes += u->size;
    u->session->uploads++;
    u->waits = true;
    return true;
}

void upload_free(struct upload *u)
{
    if (u == NULL)
        return;
    struct relay *r = u->session->relay;
    if (u->waits)
        r->waiting_bytes -= u->size;
    else
        session_count_input(u->session, u->size, 0);
    u->session->uploads -= u->waits;
    sodium_memzero(u->value, u->size);
    free(u->value);
    free(u);
}
