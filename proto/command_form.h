/* How one command is written and read: internal to proto/command*.c. */
#ifndef PROTO_COMMAND_FORM_H
#define PROTO_COMMAND_FORM_H

#include "proto/command.h"
#include "proto/pack.h"

struct command_form {
    enum op op;
    const char *name;
    uint32_t fields; /* after op and seq */
    /* Only the fields after op and seq; the reader is checked once, at the end. */
    void (*encode)(const struct command *c, struct writer *w);
    void (*decode)(struct command *c, struct reader *r);
};

struct command_forms {
    const struct command_form *at;
    size_t count;
};

struct command_forms command_forms_client(void);
struct command_forms command_forms_relay(void);

/* An integer from `first` to `last`; anything else is bad. */
static inline uint32_t unpack_range(struct reader *r, uint32_t first, uint32_t last)
{
    uint32_t v = (uint32_t)unpack_uint(r, last);
    if (v < first)
        r->bad = true;
    return v;
}

/* Pieces stand in SLOT_SET and in SLOT_VALUE. */
void slot_piece_encode(const struct slot_piece *p, struct writer *w);
void slot_piece_decode(struct slot_piece *p, struct reader *r);

#endif
