/*
 * The state as bytes, for the vault. Version 1, in the order of ratchet_state.h; only what is there is
 * written, so equal states are equal bytes.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/fields.h"
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

/* --- what is kept, in this order --- */

static const struct field transcript_list[] = {
    FIELD_BYTES(struct ratchet, th1),
    FIELD_BYTES(struct ratchet, th2),
};
static const struct fields transcript_fields = FIELDS(transcript_list);

static const struct field sending_list[] = {
    FIELD_NUMBER(struct sending, step),
    FIELD_NUMBER(struct sending, n),
    FIELD_NUMBER(struct sending, pn),
    FIELD_BYTES(struct sending, id),
    FIELD_BYTES(struct sending, answers),
    FIELD_BYTES(struct sending, public.dh),
    FIELD_BYTES(struct sending, public.ek),
    FIELD_BYTES(struct sending, public.ct),
    FIELD_BYTES(struct sending, hk),
    FIELD_BYTES(struct sending, chain),
};
static const struct fields sending_fields = FIELDS(sending_list);

static const struct field own_list[] = {
    FIELD_BYTES(struct own_step, id),
    FIELD_BYTES(struct own_step, dh_sk),
    FIELD_BYTES(struct own_step, dh_pk),
    FIELD_BYTES(struct own_step, dk),
    FIELD_BYTES(struct own_step, root),
    FIELD_BYTES(struct own_step, nhk),
    FIELD_BYTES(struct own_step, reply_hk),
};
static const struct fields own_fields = FIELDS(own_list);

static const struct field chain_list[] = {
    FIELD_NUMBER(struct chain, step),
    FIELD_NUMBER(struct chain, n),
    FIELD_BYTES(struct chain, id),
    FIELD_BYTES(struct chain, hk),
    FIELD_BYTES(struct chain, key),
};
static const struct fields chain_fields = FIELDS(chain_list);

static const struct field peer_list[] = {
    FIELD_NUMBER(struct peer_step, chain.step),
    FIELD_NUMBER(struct peer_step, chain.n),
    FIELD_BYTES(struct peer_step, chain.id),
    FIELD_BYTES(struct peer_step, chain.hk),
    FIELD_BYTES(struct peer_step, chain.key),
    FIELD_BYTES(struct peer_step, dh),
    FIELD_BYTES(struct peer_step, ek),
    FIELD_BYTES(struct peer_step, root),
    FIELD_BYTES(struct peer_step, nhk),
    FIELD_BYTES(struct peer_step, answer_hk),
};
static const struct fields peer_fields = FIELDS(peer_list);

static const struct field group_list[] = {
    FIELD_NUMBER(struct stored_group, step),
    FIELD_BYTES(struct stored_group, id),
    FIELD_BYTES(struct stored_group, hk),
};
static const struct fields group_fields = FIELDS(group_list);

static const struct field stored_list[] = {
    FIELD_NUMBER(struct stored_key, since_s),
    FIELD_NUMBER(struct stored_key, step),
    FIELD_NUMBER(struct stored_key, n),
    FIELD_BYTES(struct stored_key, key),
};
static const struct fields stored_fields = FIELDS(stored_list);

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

static void write_stored(struct writer *w, const struct stored *s)
{
    writer_u8(w, (uint8_t)s->groups_count);
    for (uint32_t i = 0; i < s->groups_count; i++)
        fields_write(w, &group_fields, &s->groups[i]);
    writer_u16(w, (uint16_t)s->count);
    for (uint32_t i = 0; i < s->count; i++)
        fields_write(w, &stored_fields, &s->keys[i]);
}

void ratchet_save(const struct ratchet *r, struct writer *w)
{
    writer_u8(w, SAVED_VERSION);
    writer_u8(w, (uint8_t)r->side);
    writer_u8(w, flags_of(r));
    fields_write(w, &transcript_fields, r);
    fields_write(w, &sending_fields, &r->sending);
    writer_u8(w, (uint8_t)r->own_count);
    for (uint32_t i = 0; i < r->own_count; i++)
        fields_write(w, &own_fields, &r->own[i]);
    if (r->has_peer)
        fields_write(w, &peer_fields, &r->peer);
    if (r->has_aside)
        fields_write(w, &chain_fields, &r->aside);
    write_stored(w, &r->stored);
}

/* --- reading --- */

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
    for (uint32_t i = 0; i < s->groups_count; i++)
        fields_read(in, &group_fields, &s->groups[i]);
    s->count = reader_u16(in);
    if (s->count > RATCHET_STORED_MAX) {
        s->count = 0;
        in->bad = true;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        fields_read(in, &stored_fields, &s->keys[i]);
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
    fields_read(in, &transcript_fields, r);
    fields_read(in, &sending_fields, &r->sending);
    r->own_count = reader_u8(in);
    if (!sound(r))
        return ZG_ERR_MALFORMED;
    for (uint32_t i = 0; i < r->own_count; i++)
        fields_read(in, &own_fields, &r->own[i]);
    if (r->has_peer)
        fields_read(in, &peer_fields, &r->peer);
    if (r->has_aside)
        fields_read(in, &chain_fields, &r->aside);
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
