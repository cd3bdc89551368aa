#include "client/core/frame.h"

#include "client/core/organisation.h"

enum {
    FLAG_ACCEPT = 1,
    FLAG_NONCE = 2,
    FLAG_ROTATION = 4,
    FLAG_VERSION = 8,
    FLAGS = FLAG_ACCEPT | FLAG_NONCE | FLAG_ROTATION | FLAG_VERSION,

    FRAME_NONCE_BYTES = 32,
    ROTATION_BYTES = 64,
    VERSION_BYTES = 8,
    ACCEPT_FIXED_BYTES = 4 * 32, /* put, end, n_W, MAC behind the credential; section 6 */
};

size_t frame_room(const struct frame *f)
{
    size_t used = 1 + 2 + VERSION_BYTES + f->accept.len;
    if (f->nonce != NULL)
        used += FRAME_NONCE_BYTES;
    if (f->rotation != NULL)
        used += ROTATION_BYTES;
    return used < RATCHET_FRAME_BYTES ? RATCHET_FRAME_BYTES - used : 0;
}

zg_err frame_write(const struct frame *f, uint8_t out[RATCHET_FRAME_BYTES])
{
    struct writer w;
    uint8_t flags = 0;

    if (f->content.len > RATCHET_FRAME_BYTES)
        return ZG_ERR_TOO_LARGE;
    if (f->accept.at != NULL)
        flags |= FLAG_ACCEPT;
    if (f->nonce != NULL)
        flags |= FLAG_NONCE;
    if (f->rotation != NULL)
        flags |= FLAG_ROTATION;
    if (f->version != 0)
        flags |= FLAG_VERSION;

    writer_init(&w, out, RATCHET_FRAME_BYTES);
    writer_u8(&w, flags);
    if (f->accept.at != NULL)
        writer_put(&w, f->accept.at, f->accept.len);
    if (f->nonce != NULL)
        writer_put(&w, f->nonce, FRAME_NONCE_BYTES);
    if (f->rotation != NULL)
        writer_put(&w, f->rotation, ROTATION_BYTES);
    if (f->version != 0)
        writer_u64(&w, f->version);
    writer_u16(&w, (uint16_t)f->content.len);
    writer_put(&w, f->content.at, f->content.len);
    writer_pad(&w, RATCHET_FRAME_BYTES);
    return w.bad ? ZG_ERR_TOO_LARGE : ZG_OK;
}

/* The block tells its own length: only its credential varies. */
static struct span read_accept(struct reader *r)
{
    struct span block = {r->at, 0};
    struct span credential = reader_lp(r, CREDENTIAL_BYTES_MAX);
    reader_take(r, ACCEPT_FIXED_BYTES);
    if (r->bad)
        return (struct span){NULL, 0};
    block.len = 4 + credential.len + ACCEPT_FIXED_BYTES;
    return block;
}

zg_err frame_read(struct frame *out, const uint8_t in[RATCHET_FRAME_BYTES])
{
    struct reader r;
    struct frame f = {0};

    reader_init(&r, in, RATCHET_FRAME_BYTES);
    uint8_t flags = reader_u8(&r);
    if ((flags & ~FLAGS) != 0)
        return ZG_ERR_MALFORMED;
    if (flags & FLAG_ACCEPT)
        f.accept = read_accept(&r);
    if (flags & FLAG_NONCE)
        f.nonce = reader_take(&r, FRAME_NONCE_BYTES);
    if (flags & FLAG_ROTATION)
        f.rotation = reader_take(&r, ROTATION_BYTES);
    if (flags & FLAG_VERSION)
        f.version = reader_u64(&r);
    if ((flags & FLAG_VERSION) != 0 && f.version == 0)
        return ZG_ERR_MALFORMED;
    f.content.len = reader_u16(&r);
    f.content.at = reader_take(&r, f.content.len);
    reader_zeros(&r);
    if (!reader_done(&r))
        return ZG_ERR_MALFORMED;
    *out = f;
    return ZG_OK;
}
