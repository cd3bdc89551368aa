/*
 * The state as bytes, for the vault. Version 1, in the order of ratchet_state.h; only what is there is
 * written, so equal states are equal bytes.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"

enum { SAVED_VERSION = 1 };

enum {
    FLAG_ACCEPTED = 1,
    FLAG_DUE = 2,
    FLAG_PEER = 4,
    FLAG_READABLE = 8,
    FLAG_ASIDE = 16,
    FLAGS = 31,
};

enum {
    HEAD_BYTES = 3 + 2 * HASH_BYTES,
    SENDING_BYTES =
        12 + 2 * RATCHET_ID_BYTES + RATCHET_DH_BYTES + RATCHET_EK_BYTES + RATCHET_CT_BYTES + 2 * KEY_BYTES,
    OWN_BYTES = RATCHET_ID_BYTES + 2 * RATCHET_DH_BYTES + RATCHET_DK_BYTES + 3 * KEY_BYTES,
    CHAIN_BYTES = 8 + RATCHET_ID_BYTES + 2 * KEY_BYTES,
    PEER_BYTES = CHAIN_BYTES + RATCHET_DH_BYTES + RATCHET_EK_BYTES + 3 * KEY_BYTES,
    GROUP_BYTES = 4 + RATCHET_ID_BYTES + KEY_BYTES,
    STORED_BYTES = 8 + 4 + 4 + KEY_BYTES,
};

_Static_assert(HEAD_BYTES + SENDING_BYTES + 1 + RATCHET_OWN_STEPS * OWN_BYTES + PEER_BYTES + CHAIN_BYTES + 1 +
                       RATCHET_STORED_GROUPS * GROUP_BYTES + 2 + RATCHET_STORED_MAX * STORED_BYTES <=
                   RATCHET_SAVED_MAX,
               "the largest state");

size_t ratchet_saved_bytes(const struct ratchet *r)
{
    size_t n = HEAD_BYTES + SENDING_BYTES + 1 + r->own_count * (size_t)OWN_BYTES + 1 + 2;
    n += r->has_peer ? PEER_BYTES : 0;
    n += r->has_aside ? CHAIN_BYTES : 0;
    n += r->stored.groups_count * (size_t)GROUP_BYTES;
    n += r->stored.count * (size_t)STORED_BYTES;
    return n;
}

/* --- writing --- */

static uint8_t flags_of(const struct ratchet *r)
{
    unsigned flags = 0;
    flags |= r->accepted ? FLAG_ACCEPTED : 0u;
    flags |= r->due ? FLAG_DUE : 0u;
    flags |= r->has_peer ? FLAG_PEER : 0u;
    flags |= r->has_peer && r->peer.readable ? FLAG_READABLE : 0u;
    flags |= r->has_aside ? FLAG_ASIDE : 0u;
    return (uint8_t)flags;
}

static void write_sending(struct writer *w, const struct sending *s)
{
    writer_u32(w, s->step);
    writer_u32(w, s->n);
    writer_u32(w, s->pn);
    writer_put(w, s->id, sizeof(s->id));
    writer_put(w, s->answers, sizeof(s->answers));
    writer_put(w, s->public.dh, sizeof(s->public.dh));
    writer_put(w, s->public.ek, sizeof(s->public.ek));
    writer_put(w, s->public.ct, sizeof(s->public.ct));
    writer_put(w, s->hk, sizeof(s->hk));
    writer_put(w, s->chain, sizeof(s->chain));
}

static void write_own(struct writer *w, const struct own_step *s)
{
    writer_put(w, s->id, sizeof(s->id));
    writer_put(w, s->dh_sk, sizeof(s->dh_sk));
    writer_put(w, s->dh_pk, sizeof(s->dh_pk));
    writer_put(w, s->dk, sizeof(s->dk));
    writer_put(w, s->root, sizeof(s->root));
    writer_put(w, s->nhk, sizeof(s->nhk));
    writer_put(w, s->reply_hk, sizeof(s->reply_hk));
}

static void write_chain(struct writer *w, const struct chain *c)
{
    writer_u32(w, c->step);
    writer_u32(w, c->n);
    writer_put(w, c->id, sizeof(c->id));
    writer_put(w, c->hk, sizeof(c->hk));
    writer_put(w, c->key, sizeof(c->key));
}

static void write_peer(struct writer *w, const struct peer_step *p)
{
    write_chain(w, &p->chain);
    writer_put(w, p->dh, sizeof(p->dh));
    writer_put(w, p->ek, sizeof(p->ek));
    writer_put(w, p->root, sizeof(p->root));
    writer_put(w, p->nhk, sizeof(p->nhk));
    writer_put(w, p->answer_hk, sizeof(p->answer_hk));
}

static void write_stored(struct writer *w, const struct stored *s)
{
    writer_u8(w, (uint8_t)s->groups_count);
    for (uint32_t i = 0; i < s->groups_count; i++) {
        writer_u32(w, s->groups[i].step);
        writer_put(w, s->groups[i].id, sizeof(s->groups[i].id));
        writer_put(w, s->groups[i].hk, sizeof(s->groups[i].hk));
    }
    writer_u16(w, (uint16_t)s->count);
    for (uint32_t i = 0; i < s->count; i++) {
        writer_u64(w, s->keys[i].since_s);
        writer_u32(w, s->keys[i].step);
        writer_u32(w, s->keys[i].n);
        writer_put(w, s->keys[i].key, sizeof(s->keys[i].key));
    }
}

void ratchet_save(const struct ratchet *r, struct writer *w)
{
    writer_u8(w, SAVED_VERSION);
    writer_u8(w, (uint8_t)r->side);
    writer_u8(w, flags_of(r));
    writer_put(w, r->th1, sizeof(r->th1));
    writer_put(w, r->th2, sizeof(r->th2));
    write_sending(w, &r->sending);
    writer_u8(w, (uint8_t)r->own_count);
    for (uint32_t i = 0; i < r->own_count; i++)
        write_own(w, &r->own[i]);
    if (r->has_peer)
        write_peer(w, &r->peer);
    if (r->has_aside)
        write_chain(w, &r->aside);
    write_stored(w, &r->stored);
}

/* --- reading --- */

static void read_sending(struct reader *in, struct sending *s)
{
    s->step = reader_u32(in);
    s->n = reader_u32(in);
    s->pn = reader_u32(in);
    reader_copy(in, s->id, sizeof(s->id));
    reader_copy(in, s->answers, sizeof(s->answers));
    reader_copy(in, s->public.dh, sizeof(s->public.dh));
    reader_copy(in, s->public.ek, sizeof(s->public.ek));
    reader_copy(in, s->public.ct, sizeof(s->public.ct));
    reader_copy(in, s->hk, sizeof(s->hk));
    reader_copy(in, s->chain, sizeof(s->chain));
}

static void read_own(struct reader *in, struct own_step *s)
{
    reader_copy(in, s->id, sizeof(s->id));
    reader_copy(in, s->dh_sk, sizeof(s->dh_sk));
    reader_copy(in, s->dh_pk, sizeof(s->dh_pk));
    reader_copy(in, s->dk, sizeof(s->dk));
    reader_copy(in, s->root, sizeof(s->root));
    reader_copy(in, s->nhk, sizeof(s->nhk));
    reader_copy(in, s->reply_hk, sizeof(s->reply_hk));
}

static void read_chain(struct reader *in, struct chain *c)
{
    c->step = reader_u32(in);
    c->n = reader_u32(in);
    reader_copy(in, c->id, sizeof(c->id));
    reader_copy(in, c->hk, sizeof(c->hk));
    reader_copy(in, c->key, sizeof(c->key));
}

static void read_peer(struct reader *in, struct peer_step *p)
{
    read_chain(in, &p->chain);
    reader_copy(in, p->dh, sizeof(p->dh));
    reader_copy(in, p->ek, sizeof(p->ek));
    reader_copy(in, p->root, sizeof(p->root));
    reader_copy(in, p->nhk, sizeof(p->nhk));
    reader_copy(in, p->answer_hk, sizeof(p->answer_hk));
}

static bool has_group(const struct stored *s, uint32_t step)
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (s->groups[i].step == step)
            return true;
    return false;
}

static void read_stored(struct reader *in, struct stored *s)
{
    s->groups_count = reader_u8(in);
    if (s->groups_count > RATCHET_STORED_GROUPS) {
        s->groups_count = 0;
        in->bad = true;
    }
    for (uint32_t i = 0; i < s->groups_count; i++) {
        s->groups[i].step = reader_u32(in);
        reader_copy(in, s->groups[i].id, sizeof(s->groups[i].id));
        reader_copy(in, s->groups[i].hk, sizeof(s->groups[i].hk));
    }
    s->count = reader_u16(in);
    if (s->count > RATCHET_STORED_MAX) {
        s->count = 0;
        in->bad = true;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        s->keys[i].since_s = reader_u64(in);
        s->keys[i].step = reader_u32(in);
        s->keys[i].n = reader_u32(in);
        reader_copy(in, s->keys[i].key, sizeof(s->keys[i].key));
        if (!has_group(s, s->keys[i].step))
            in->bad = true;
    }
}

/* What the other files rely on. */
static bool sound(const struct ratchet *r)
{
    if (r->own_count == 0 || r->own_count > RATCHET_OWN_STEPS)
        return false;
    if (r->side == SIDE_WORKER && !r->has_peer)
        return false;
    if (r->side == SIDE_PARTICIPANT && r->accepted != r->has_peer)
        return false;
    return r->has_peer || (!r->due && !r->has_aside && !r->peer.readable);
}

static zg_err read_state(struct reader *in, struct ratchet *r)
{
    uint8_t version = reader_u8(in);
    if (!in->bad && version != SAVED_VERSION)
        return ZG_ERR_VERSION;
    uint8_t side = reader_u8(in);
    uint8_t flags = reader_u8(in);
    if ((side != SIDE_PARTICIPANT && side != SIDE_WORKER) || (flags & ~FLAGS) != 0)
        return ZG_ERR_MALFORMED;
    r->side = (enum side)side;
    r->accepted = (flags & FLAG_ACCEPTED) != 0;
    r->due = (flags & FLAG_DUE) != 0;
    r->has_peer = (flags & FLAG_PEER) != 0;
    r->peer.readable = (flags & FLAG_READABLE) != 0;
    r->has_aside = (flags & FLAG_ASIDE) != 0;
    reader_copy(in, r->th1, sizeof(r->th1));
    reader_copy(in, r->th2, sizeof(r->th2));
    read_sending(in, &r->sending);
    r->own_count = reader_u8(in);
    if (!sound(r))
        return ZG_ERR_MALFORMED;
    for (uint32_t i = 0; i < r->own_count; i++)
        read_own(in, &r->own[i]);
    if (r->has_peer)
        read_peer(in, &r->peer);
    if (r->has_aside)
        read_chain(in, &r->aside);
    read_stored(in, &r->stored);
    return reader_done(in) ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err ratchet_load(struct ratchet **out, struct span saved)
{
    struct reader in;
    struct ratchet *r = sodium_malloc(sizeof(*r));
    if (r == NULL)
        return ZG_ERR_MEMORY;
    memset(r, 0, sizeof(*r));
    reader_init(&in, saved.at, saved.len);
    zg_err err = read_state(&in, r);
    if (err != ZG_OK) {
        ratchet_free(r);
        return err;
    }
    *out = r;
    return ZG_OK;
}
