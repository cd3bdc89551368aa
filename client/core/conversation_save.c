/* A conversation as an entry of the vault. Its messages, parts and parcels have their own. */
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/fields.h"
#include "client/core/knocking.h"

enum { SAVED_VERSION = 4, SAVED_FIXED_MAX = 4096, FLAG_PEER = 1, FLAG_VOUCHER = 2, FLAG_ANSWERED = 4, FLAG_UNTOLD = 8 };

_Static_assert(sizeof(struct conversation_keys) + RECEIPTS_SAVED_MAX + ZG_NOTE_BYTES_MAX + 512 < SAVED_FIXED_MAX, "room for everything of fixed size");

static size_t bound(const void *thing)
{
    const struct conversation *v = thing;
    return SAVED_FIXED_MAX + (v->knocking != NULL ? (size_t)KNOCKING_SAVED_MAX : 0) +
           (v->ratchet != NULL ? ratchet_saved_bytes(v->ratchet) : 0);
}

#define KEY(member) FIELD_BYTES(struct conversation_keys, member)

/* In this order; the block, whose length is its own, comes behind them. */
static const struct field key_list[] = {
    KEY(queue.put),
    KEY(queue.take),
    KEY(queue.own),
    KEY(queue.end),
    KEY(old_put),
    KEY(old_end),
    KEY(peer_put),
    KEY(peer_end),
    KEY(peer_old_end),
    KEY(voucher),
    KEY(knock_handle),
    KEY(trust.root_pk),
    KEY(trust.issuing_pk),
    KEY(trust.desk_id),
    KEY(th1),
    KEY(th2),
    KEY(ek_p_pk),
    KEY(ek_p_sk),
    KEY(nonce_p),
    KEY(nonce_w),
    KEY(commitment),
};
static const struct fields key_fields = FIELDS(key_list);

/* --- save --- */

static void save_state(const struct conversation *v, struct writer *w)
{
    unsigned flags = (v->peer_known ? FLAG_PEER : 0u) | (v->voucher_known ? FLAG_VOUCHER : 0u) |
                     (v->answered ? FLAG_ANSWERED : 0u) |
                     (v->state == ZG_CONVERSATION_ERASING && !v->told_gone ? FLAG_UNTOLD : 0u);
    writer_put(w, v->id.b, ZG_ID_BYTES);
    writer_u8(w, (uint8_t)v->side);
    writer_u8(w, (uint8_t)v->state);
    writer_u8(w, (uint8_t)v->queue);
    writer_u8(w, (uint8_t)v->safety);
    writer_put(w, v->words, sizeof(v->words));
    writer_put(w, v->alias, sizeof(v->alias));
    writer_u32(w, v->desk_epoch);
    writer_u64(w, v->last_ms);
    writer_u64(w, v->ended_ms);
    writer_u8(w, (uint8_t)v->cleanup);
    writer_u8(w, (uint8_t)flags);
    writer_u8(w, v->create_tries);
    writer_u32(w, v->limit_s);
    receipts_save(&v->receipts, w);
    writer_u64(w, v->locker_seen);
    writer_lp(w, v->note, strlen(v->note));
}

static void save(const void *thing, struct writer *w)
{
    const struct conversation *v = thing;
    writer_u8(w, SAVED_VERSION);
    relay_place_save(&v->place, w);
    save_state(v, w);
    fields_write(w, &key_fields, v->keys);
    writer_lp(w, v->keys->block, v->block_len);
    writer_u8(w, v->knocking != NULL);
    if (v->knocking != NULL)
        knocking_save(v->knocking, w);
    writer_u8(w, v->ratchet != NULL);
    if (v->ratchet != NULL)
        ratchet_save(v->ratchet, w);
}

const struct entry_kind conversation_entry_kind = {ENTRY_CONVERSATION, bound, save};

/* --- load --- */

static void load_block(struct conversation *v, struct reader *r)
{
    struct span block = reader_lp(r, sizeof(v->keys->block));
    if (block.len > 0)
        memcpy(v->keys->block, block.at, block.len);
    v->block_len = (uint32_t)block.len;
}

static void load_state(struct conversation *v, uint8_t version, struct reader *r)
{
    reader_copy(r, v->id.b, ZG_ID_BYTES);
    v->side = (enum side)reader_u8(r);
    v->state = (zg_conversation_state)reader_u8(r);
    v->queue = (enum queue_stage)reader_u8(r);
    v->safety = (zg_safety_state)reader_u8(r);
    reader_copy(r, v->words, sizeof(v->words));
    reader_copy(r, v->alias, sizeof(v->alias));
    v->alias[sizeof(v->alias) - 1] = '\0';
    v->desk_epoch = reader_u32(r);
    v->last_ms = reader_u64(r);
    v->ended_ms = reader_u64(r);
    v->cleanup = reader_u8(r);
    uint8_t flags = reader_u8(r);
    v->peer_known = (flags & FLAG_PEER) != 0;
    v->voucher_known = (flags & FLAG_VOUCHER) != 0;
    v->answered = (flags & FLAG_ANSWERED) != 0;
    v->told_gone = v->state == ZG_CONVERSATION_ERASING && (flags & FLAG_UNTOLD) == 0;
    v->create_tries = reader_u8(r);
    if (version == 1)
        return;
    v->limit_s = reader_u32(r);
    receipts_load(&v->receipts, r);
    v->locker_seen = version >= 3 ? reader_u64(r) : 0;
    if (version <= 3)
        return;
    struct span note = reader_lp(r, ZG_NOTE_BYTES_MAX);
    if (note.len > 0)
        memcpy(v->note, note.at, note.len);
}

static bool state_ok(const struct conversation *v)
{
    if (v->side != SIDE_PARTICIPANT && v->side != SIDE_WORKER)
        return false;
    if (v->state < ZG_CONVERSATION_KNOCKING || v->state > ZG_CONVERSATION_ERASING ||
        v->state == ZG_CONVERSATION_WAITING)
        return false;
    if (v->queue < QUEUE_NONE || v->queue > QUEUE_GONE || v->safety > ZG_SAFETY_MISMATCH)
        return false;
    return (v->state == ZG_CONVERSATION_KNOCKING) == (v->knocking != NULL) &&
           (v->state != ZG_CONVERSATION_OPEN || v->ratchet != NULL);
}

static zg_err load_rest(struct conversation *v, uint8_t version, struct reader *r)
{
    zg_err err = ZG_OK;
    load_state(v, version, r);
    fields_read(r, &key_fields, v->keys);
    load_block(v, r);
    if (reader_u8(r) != 0)
        err = knocking_load(v, version, r);
    bool ratchet = reader_u8(r) != 0;
    if (err == ZG_OK && !r->bad && ratchet) {
        err = ratchet_load(&v->ratchet, (struct span){r->at, r->left});
        reader_take(r, r->left);
    }
    if (err != ZG_OK)
        return err;
    return reader_done(r) && state_ok(v) ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err conversation_load(struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r)
{
    struct relay_place place;
    struct conversation *v;

    uint8_t version = reader_u8(r);
    if (version < 1 || version > SAVED_VERSION)
        return ZG_ERR_MALFORMED;
    zg_err err = relay_place_load(&place, r);
    if (err == ZG_OK)
        err = conversation_new(&v, c, SIDE_PARTICIPANT, ZG_CONVERSATION_KNOCKING, &place);
    if (err != ZG_OK)
        return err;
    err = load_rest(v, version, r);
    if (err == ZG_OK) {
        v->entry = entry_loaded(&conversation_entry_kind, v, key);
        err = v->entry == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err != ZG_OK) {
        conversation_forget(v);
        return err;
    }
    conversation_schedule(v);
    return ZG_OK;
}
