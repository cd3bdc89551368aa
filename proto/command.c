#include "proto/command.h"

#include <stdbool.h>

#include "proto/command_form.h"

enum { COMMAND_FIELDS_MAX = 16 };

/* Pushes answer nothing, so they carry no seq. */
static bool has_seq(enum op op)
{
    return op < OP_DELIVER;
}

static const struct command_form *find(struct command_forms forms, uint64_t op)
{
    for (size_t i = 0; i < forms.count; i++)
        if ((uint64_t)forms.at[i].op == op)
            return &forms.at[i];
    return NULL;
}

static const struct command_form *find_any(enum op op)
{
    const struct command_form *form = find(command_forms_client(), op);
    return form != NULL ? form : find(command_forms_relay(), op);
}

zg_err command_encode(const struct command *c, struct writer *w)
{
    const struct command_form *form = find_any(c->op);
    if (form == NULL)
        return ZG_ERR_ARGUMENT;

    pack_array(w, form->fields + (has_seq(c->op) ? 2 : 1));
    pack_uint(w, (uint64_t)c->op);
    if (has_seq(c->op))
        pack_uint(w, c->seq);
    form->encode(c, w);
    return w->bad ? ZG_ERR_TOO_LARGE : ZG_OK;
}

zg_err command_decode(enum command_side side, const uint8_t *in, size_t len, struct command *out)
{
    struct reader r;
    reader_init(&r, in, len);
    uint32_t count = unpack_array(&r, COMMAND_FIELDS_MAX);
    uint64_t op = unpack_uint(&r, UINT8_MAX);
    const struct command_form *form =
        find(side == COMMAND_FROM_CLIENT ? command_forms_client() : command_forms_relay(), op);

    if (r.bad || form == NULL || count != form->fields + (has_seq(form->op) ? 2 : 1))
        return ZG_ERR_MALFORMED;
    out->op = form->op;
    out->seq = has_seq(form->op) ? (uint32_t)unpack_uint(&r, UINT32_MAX) : 0;
    form->decode(out, &r);
    return reader_done(&r) ? ZG_OK : ZG_ERR_MALFORMED;
}

void slot_piece_encode(const struct slot_piece *p, struct writer *w)
{
    pack_uint(w, p->version);
    pack_uint(w, p->size);
    pack_uint(w, p->piece);
    pack_bin(w, p->data.at, p->data.len);
}

/* Section 1.1, SLOT_SET: every piece but the last is full, and an empty value has one empty piece. */
static bool piece_fits(const struct slot_piece *p)
{
    size_t start = (size_t)p->piece * WIRE_SLOT_PIECE_BYTES;
    if (p->piece == 0 && p->size == 0)
        return p->data.len == 0;
    if (start >= p->size)
        return false;
    size_t left = p->size - start;
    return p->data.len == (left < WIRE_SLOT_PIECE_BYTES ? left : WIRE_SLOT_PIECE_BYTES);
}

void slot_piece_decode(struct slot_piece *p, struct reader *r)
{
    p->version = unpack_uint(r, UINT64_MAX);
    p->size = (uint32_t)unpack_uint(r, WIRE_SLOT_BYTES_MAX);
    p->piece = (uint32_t)unpack_uint(r, WIRE_SLOT_BYTES_MAX / WIRE_SLOT_PIECE_BYTES - 1);
    p->data = unpack_bin(r, WIRE_SLOT_PIECE_BYTES);
    if (!piece_fits(p))
        r->bad = true;
}

const char *op_name(enum op op)
{
    const struct command_form *form = find_any(op);
    return form != NULL ? form->name : "UNKNOWN";
}

zg_err status_err(enum status status)
{
    switch (status) {
    case STATUS_OK:
        return ZG_OK;
    case STATUS_REFUSED:
        return ZG_ERR_REFUSED;
    case STATUS_FULL:
        return ZG_ERR_FULL;
    case STATUS_BUSY:
        return ZG_ERR_BUSY;
    case STATUS_TOO_LARGE:
        return ZG_ERR_TOO_LARGE;
    case STATUS_MALFORMED:
        return ZG_ERR_MALFORMED;
    case STATUS_CONFLICT:
        return ZG_ERR_CONFLICT;
    }
    return ZG_ERR_MALFORMED;
}
