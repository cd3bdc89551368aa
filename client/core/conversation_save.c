/* A conversation as an entry of the vault. Its messages, parts and parcels have their own. */
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/knocking.h"

enum { SAVED_VERSION = 4, SAVED_FIXED_MAX = 4096, FLAG_PEER = 1, FLAG_VOUCHER = 2, FLAG_ANSWERED = 4 };

_Static_assert(sizeof(struct conversation_keys) + RECEIPTS_SAVED_MAX + ZG_NOTE_BYTES_MAX + 512 < SAVED_FIXED_MAX, "room for everything of fixed size");

static size_t bound(const void *thing)
{
    const struct conversation *v = thing;
    return SAVED_FIXED_MAX + (v->knocking != NULL ? (size_t)KNOCKING_SAVED_MAX : 0) +
           (v->ratchet != NULL ? ratchet_saved_bytes(v->ratchet) : 0);
}

/* --- save --- */

static void save_keys(const struct conversation_keys *k, uint32_t block_len, struct writer *w)
{
    writer_put(w, k->queue.put.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.take.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.own.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.end.b, WIRE_SECRET_BYTES);
    writer_put(w, k->old_put.b, WIRE_SECRET_BYTES);
    writer_put(w, k->old_end.b, WIRE_SECRET_BYTES);
    writer_put(w, k->peer_put.b, WIRE_SECRET_BYTES);
    writer_put(w, k->peer_end.b, WIRE_SECRET_BYTES);
    writer_put(w, k->peer_old_end.b, WIRE_SECRET_BYTES);
    writer_put(w, k->voucher.b, WIRE_SECRET_BYTES);
    writer_put(w, k->knock_handle.b, WIRE_HANDLE_BYTES);
    writer_put(w, k->trust.root_pk, sizeof(k->trust.root_pk));
    writer_put(w, k->trust.issuing_pk, sizeof(k->trust.issuing_pk));
    writer_put(w, k->trust.desk_id, sizeof(k->trust.desk_id));
    writer_put(w, k->th1, sizeof(k->th1));
    writer_put(w, k->th2, sizeof(k->th2));
    writer_put(w, k->ek_p_pk, sizeof(k->ek_p_pk));
    writer_put(w, k->ek_p_sk, sizeof(k->ek_p_sk));
    writer_put(w, k->nonce_p, sizeof(k->nonce_p));
    writer_put(w, k->nonce_w, sizeof(k->nonce_w));
    writer_put(w, k->commitment, sizeof(k->commitment));
    writer_lp(w, k->block, block_len);
}

static void save_state(const struct conversation *v, struct writer *w)
{
    unsigned flags = (v->peer_known ? FLAG_PEER : 0u) | (v->voucher_known ? FLAG_VOUCHER : 0u) |
                     (v->answered ? FLAG_ANSWERED : 0u);
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
    save_keys(v->keys, v->block_len, w);
    writer_u8(w, v->knocking != NULL);
    if (v->knocking != NULL)
        knocking_save(v->knocking, w);
    writer_u8(w, v->ratchet != NULL);
    if (v->ratchet != NULL)
        ratchet_save(v->ratchet, w);
}

const struct entry_kind conversation_entry_kind = {ENTRY_CONVERSATION, bound, save};

/* --- load --- */

static void load_keys(struct conversation_keys *k, uint32_t *block_len, struct reader *r)
{
    reader_copy(r, k->queue.put.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.take.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.own.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.end.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->old_put.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->old_end.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->peer_put.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->peer_end.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->peer_old_end.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->voucher.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->knock_handle.b, WIRE_HANDLE_BYTES);
    reader_copy(r, k->trust.root_pk, sizeof(k->trust.root_pk));
    reader_copy(r, k->trust.issuing_pk, sizeof(k->trust.issuing_pk));
    reader_copy(r, k->trust.desk_id, sizeof(k->trust.desk_id));
    reader_copy(r, k->th1, sizeof(k->th1));
    reader_copy(r, k->th2, sizeof(k->th2));
    reader_copy(r, k->ek_p_pk, sizeof(k->ek_p_pk));
    reader_copy(r, k->ek_p_sk, sizeof(k->ek_p_sk));
    reader_copy(r, k->nonce_p, sizeof(k->nonce_p));
    reader_copy(r, k->nonce_w, sizeof(k->nonce_w));
    reader_copy(r, k->commitment, sizeof(k->commitment));
    struct span block = reader_lp(r, sizeof(k->block));
    if (block.len > 0)
        memcpy(k->block, block.at, block.len);
    *block_len = (uint32_t)block.len;
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
    load_keys(v->keys, &v->block_len, r);
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
    v->told_gone = v->state == ZG_CONVERSATION_ERASING;
    if (v->state == ZG_CONVERSATION_ENDED)
        agenda_set(&c->agenda, &v->due, v->ended_ms + c->lifetime_max_ms);
    return ZG_OK;
}
