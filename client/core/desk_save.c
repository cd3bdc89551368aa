/* A desk as an entry of the vault. */
#include <string.h>

#include "client/core/desk.h"

enum {
    SAVED_VERSION = 1,
    SAVED_FIXED_MAX = 8192 + NOTICE_TEXTS_MAX * (NOTICE_TEXT_BYTES_MAX + 8),
    SAVED_EPOCH = 4 + HASH_BYTES + 2 * XWING_SK_BYTES + 4 * 8,
    SAVED_DISMISSED = ZG_ID_BYTES + 8,
};

_Static_assert(SAVED_FIXED_MAX + DESK_EPOCHS_MAX * SAVED_EPOCH + DESK_DISMISSED_MAX * SAVED_DISMISSED <=
                   ZG_VAULT_VALUE_MAX,
               "a desk is one entry");

static size_t bound(const void *thing)
{
    const struct desk *d = thing;
    return SAVED_FIXED_MAX + d->epoch_count * SAVED_EPOCH + d->dismissed_count * SAVED_DISMISSED;
}

/* --- save --- */

static void save_keys(const struct desk_keys *k, struct writer *w)
{
    writer_put(w, k->queue.put.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.take.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.own.b, WIRE_SECRET_BYTES);
    writer_put(w, k->queue.end.b, WIRE_SECRET_BYTES);
    writer_put(w, k->voucher.b, WIRE_SECRET_BYTES);
    writer_put(w, k->slot_voucher.b, WIRE_SECRET_BYTES);
    writer_put(w, k->slot_write.b, WIRE_SECRET_BYTES);
    writer_put(w, k->slot_own.b, WIRE_SECRET_BYTES);
    writer_put(w, k->card_key, sizeof(k->card_key));
    writer_put(w, k->publishing_seed, sizeof(k->publishing_seed));
    writer_put(w, k->sign_seed, sizeof(k->sign_seed));
    writer_put(w, k->dh_sk, sizeof(k->dh_sk));
    for (size_t i = 0; i < DESK_VOUCHERS_MAX; i++)
        writer_put(w, k->vouchers[i].b, WIRE_SECRET_BYTES);
}

static void save_validity(const struct validity *v, struct writer *w)
{
    writer_u64(w, v->from);
    writer_u64(w, v->until);
}

static void save_papers(const struct desk *d, struct writer *w)
{
    writer_put(w, d->trust.root_pk, sizeof(d->trust.root_pk));
    writer_put(w, d->trust.issuing_pk, sizeof(d->trust.issuing_pk));
    writer_put(w, d->trust.desk_id, sizeof(d->trust.desk_id));
    writer_u32(w, d->generation);
    writer_put(w, d->issuing_certificate, sizeof(d->issuing_certificate));
    writer_put(w, d->desk_certificate, sizeof(d->desk_certificate));
    writer_u64(w, d->certificates_until_s);
    writer_lp(w, d->credential, d->credential_len);
    save_validity(&d->credential_validity, w);
    writer_put(w, d->alias, sizeof(d->alias));
    writer_u8(w, d->peer_worker);
}

static void save_epochs(const struct desk *d, struct writer *w)
{
    writer_u64(w, d->epoch_ms);
    writer_u64(w, d->last_resort_s);
    writer_put(w, d->intake_pk, sizeof(d->intake_pk));
    writer_put(w, d->last_resort_pk, sizeof(d->last_resort_pk));
    writer_u32(w, d->epoch_count);
    for (uint32_t i = 0; i < d->epoch_count; i++) {
        const struct desk_epoch *e = &d->keys->epochs[i];
        writer_u32(w, e->keys.epoch);
        writer_put(w, e->keys.key_part_hash, sizeof(e->keys.key_part_hash));
        writer_put(w, e->keys.intake_sk, sizeof(e->keys.intake_sk));
        writer_put(w, e->keys.last_resort_sk, sizeof(e->keys.last_resort_sk));
        save_validity(&e->intake, w);
        save_validity(&e->last_resort, w);
    }
}

static void save_notice(const struct notice *n, struct writer *w)
{
    writer_u64(w, n->written_s);
    writer_u8(w, (uint8_t)n->state);
    writer_u8(w, n->count);
    for (size_t i = 0; i < n->count; i++) {
        writer_put(w, n->texts[i].language, 2);
        writer_lp(w, n->texts[i].text, strlen(n->texts[i].text));
    }
}

static void save(const void *thing, struct writer *w)
{
    const struct desk *d = thing;
    writer_u8(w, SAVED_VERSION);
    relay_place_save(&d->place, w);
    writer_u8(w, (uint8_t)d->stage);
    save_keys(d->keys, w);
    save_papers(d, w);
    save_epochs(d, w);
    save_notice(&d->notice, w);
    writer_u64(w, d->slot_version);
    writer_u8(w, d->publish);
    writer_u32(w, d->voucher_count);
    writer_u32(w, d->vouchers_ready);
    writer_u32(w, d->dismissed_count);
    for (uint32_t i = 0; i < d->dismissed_count; i++) {
        writer_put(w, d->dismissed[i].id.b, ZG_ID_BYTES);
        writer_u64(w, d->dismissed[i].until_ms);
    }
}

const struct entry_kind desk_entry_kind = {ENTRY_DESK, bound, save};

/* --- load --- */

static void load_keys(struct desk_keys *k, struct reader *r)
{
    reader_copy(r, k->queue.put.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.take.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.own.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->queue.end.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->voucher.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->slot_voucher.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->slot_write.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->slot_own.b, WIRE_SECRET_BYTES);
    reader_copy(r, k->card_key, sizeof(k->card_key));
    reader_copy(r, k->publishing_seed, sizeof(k->publishing_seed));
    reader_copy(r, k->sign_seed, sizeof(k->sign_seed));
    reader_copy(r, k->dh_sk, sizeof(k->dh_sk));
    for (size_t i = 0; i < DESK_VOUCHERS_MAX; i++)
        reader_copy(r, k->vouchers[i].b, WIRE_SECRET_BYTES);
}

static void load_validity(struct validity *v, struct reader *r)
{
    v->from = reader_u64(r);
    v->until = reader_u64(r);
}

static void load_papers(struct desk *d, struct reader *r)
{
    reader_copy(r, d->trust.root_pk, sizeof(d->trust.root_pk));
    reader_copy(r, d->trust.issuing_pk, sizeof(d->trust.issuing_pk));
    reader_copy(r, d->trust.desk_id, sizeof(d->trust.desk_id));
    d->generation = reader_u32(r);
    reader_copy(r, d->issuing_certificate, sizeof(d->issuing_certificate));
    reader_copy(r, d->desk_certificate, sizeof(d->desk_certificate));
    d->certificates_until_s = reader_u64(r);
    struct span credential = reader_lp(r, CREDENTIAL_BYTES_MAX);
    if (credential.at != NULL)
        memcpy(d->credential, credential.at, credential.len);
    d->credential_len = (uint32_t)credential.len;
    load_validity(&d->credential_validity, r);
    reader_copy(r, d->alias, sizeof(d->alias));
    d->alias[sizeof(d->alias) - 1] = '\0';
    d->peer_worker = reader_u8(r) != 0;
}

static void load_epochs(struct desk *d, struct reader *r)
{
    d->epoch_ms = reader_u64(r);
    d->last_resort_s = reader_u64(r);
    reader_copy(r, d->intake_pk, sizeof(d->intake_pk));
    reader_copy(r, d->last_resort_pk, sizeof(d->last_resort_pk));
    uint32_t count = reader_u32(r);
    if (count > DESK_EPOCHS_MAX)
        r->bad = true;
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        struct desk_epoch *e = &d->keys->epochs[i];
        e->keys.epoch = reader_u32(r);
        reader_copy(r, e->keys.key_part_hash, sizeof(e->keys.key_part_hash));
        reader_copy(r, e->keys.intake_sk, sizeof(e->keys.intake_sk));
        reader_copy(r, e->keys.last_resort_sk, sizeof(e->keys.last_resort_sk));
        load_validity(&e->intake, r);
        load_validity(&e->last_resort, r);
        d->epoch_count++;
    }
}

static void load_notice(struct notice *n, struct reader *r)
{
    n->written_s = reader_u64(r);
    n->state = (enum desk_state)reader_u8(r);
    n->count = reader_u8(r);
    if (n->count > NOTICE_TEXTS_MAX || n->state < DESK_ON_DUTY || n->state > DESK_ENDED)
        r->bad = true;
    for (size_t i = 0; i < n->count && !r->bad; i++) {
        reader_copy(r, n->texts[i].language, 2);
        struct span text = reader_lp(r, NOTICE_TEXT_BYTES_MAX);
        if (text.len > 0)
            memcpy(n->texts[i].text, text.at, text.len);
    }
}

static void load_lists(struct desk *d, struct reader *r)
{
    d->slot_version = reader_u64(r);
    d->publish = d->publish_again = reader_u8(r) != 0;
    d->voucher_count = reader_u32(r);
    d->vouchers_ready = reader_u32(r);
    d->dismissed_count = reader_u32(r);
    if (d->voucher_count > DESK_VOUCHERS_MAX || d->vouchers_ready > d->voucher_count ||
        d->dismissed_count > DESK_DISMISSED_MAX)
        r->bad = true;
    for (uint32_t i = 0; i < d->dismissed_count && !r->bad; i++) {
        reader_copy(r, d->dismissed[i].id.b, ZG_ID_BYTES);
        d->dismissed[i].until_ms = reader_u64(r);
    }
}

static zg_err load_rest(struct desk *d, struct reader *r)
{
    d->stage = (enum desk_stage)reader_u8(r);
    load_keys(d->keys, r);
    load_papers(d, r);
    load_epochs(d, r);
    load_notice(&d->notice, r);
    memcpy(d->notice.desk_id, d->trust.desk_id, sizeof(d->notice.desk_id));
    if (!r->bad)
        load_lists(d, r);
    bool ok = reader_done(r) && d->stage >= DESK_QUEUE && d->stage <= DESK_READY && d->epoch_count > 0;
    return ok ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err desk_load(struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r)
{
    struct relay_place place;
    struct desk *d;

    if (c->desk != NULL || reader_u8(r) != SAVED_VERSION)
        return ZG_ERR_MALFORMED;
    zg_err err = relay_place_load(&place, r);
    if (err == ZG_OK)
        err = desk_new(&d, c, &place);
    if (err != ZG_OK)
        return err;
    err = load_rest(d, r);
    if (err == ZG_OK) {
        d->entry = entry_loaded(&desk_entry_kind, d, key);
        err = d->entry == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err == ZG_OK)
        c->desk = d;
    else
        desk_forget(d);
    return err;
}
