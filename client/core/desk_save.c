/* A desk as an entry of the vault. */
#include <string.h>

#include "client/core/desk.h"
#include "client/core/fields.h"

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

/* --- what is kept, in this order --- */

static const struct field key_list[] = {
    FIELD_BYTES(struct desk_keys, queue.put),
    FIELD_BYTES(struct desk_keys, queue.take),
    FIELD_BYTES(struct desk_keys, queue.own),
    FIELD_BYTES(struct desk_keys, queue.end),
    FIELD_BYTES(struct desk_keys, voucher),
    FIELD_BYTES(struct desk_keys, slot_voucher),
    FIELD_BYTES(struct desk_keys, slot_write),
    FIELD_BYTES(struct desk_keys, slot_own),
    FIELD_BYTES(struct desk_keys, card_key),
    FIELD_BYTES(struct desk_keys, publishing_seed),
    FIELD_BYTES(struct desk_keys, sign_seed),
    FIELD_BYTES(struct desk_keys, dh_sk),
    FIELD_BYTES(struct desk_keys, vouchers),
};
static const struct fields key_fields = FIELDS(key_list);

static const struct field paper_list[] = {
    FIELD_BYTES(struct desk, trust.root_pk),
    FIELD_BYTES(struct desk, trust.issuing_pk),
    FIELD_BYTES(struct desk, trust.desk_id),
    FIELD_NUMBER(struct desk, generation),
    FIELD_BYTES(struct desk, issuing_certificate),
    FIELD_BYTES(struct desk, desk_certificate),
    FIELD_NUMBER(struct desk, certificates_until_s),
};
static const struct fields paper_fields = FIELDS(paper_list);

static const struct field newest_list[] = {
    FIELD_NUMBER(struct desk, epoch_ms),
    FIELD_NUMBER(struct desk, last_resort_s),
    FIELD_BYTES(struct desk, intake_pk),
    FIELD_BYTES(struct desk, last_resort_pk),
};
static const struct fields newest_fields = FIELDS(newest_list);

static const struct field epoch_list[] = {
    FIELD_NUMBER(struct desk_epoch, keys.epoch),
    FIELD_BYTES(struct desk_epoch, keys.key_part_hash),
    FIELD_BYTES(struct desk_epoch, keys.intake_sk),
    FIELD_BYTES(struct desk_epoch, keys.last_resort_sk),
    FIELD_NUMBER(struct desk_epoch, intake.from),
    FIELD_NUMBER(struct desk_epoch, intake.until),
    FIELD_NUMBER(struct desk_epoch, last_resort.from),
    FIELD_NUMBER(struct desk_epoch, last_resort.until),
};
static const struct fields epoch_fields = FIELDS(epoch_list);

static const struct field dismissed_list[] = {
    FIELD_BYTES(struct dismissed, id),
    FIELD_NUMBER(struct dismissed, until_ms),
};
static const struct fields dismissed_fields = FIELDS(dismissed_list);

/* --- save --- */

static void save_papers(const struct desk *d, struct writer *w)
{
    fields_write(w, &paper_fields, d);
    writer_lp(w, d->credential, d->credential_len);
    validity_write(w, &d->credential_validity);
    writer_put(w, d->alias, sizeof(d->alias));
    writer_u8(w, d->peer_worker);
}

static void save_epochs(const struct desk *d, struct writer *w)
{
    fields_write(w, &newest_fields, d);
    writer_u32(w, d->epoch_count);
    for (uint32_t i = 0; i < d->epoch_count; i++)
        fields_write(w, &epoch_fields, &d->keys->epochs[i]);
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
    fields_write(w, &key_fields, d->keys);
    save_papers(d, w);
    save_epochs(d, w);
    save_notice(&d->notice, w);
    writer_u64(w, d->slot_version);
    writer_u8(w, d->publish);
    writer_u32(w, d->voucher_count);
    writer_u32(w, d->vouchers_ready);
    writer_u32(w, d->dismissed_count);
    for (uint32_t i = 0; i < d->dismissed_count; i++)
        fields_write(w, &dismissed_fields, &d->dismissed[i]);
}

const struct entry_kind desk_entry_kind = {ENTRY_DESK, bound, save};

/* --- load --- */

static void load_papers(struct desk *d, struct reader *r)
{
    fields_read(r, &paper_fields, d);
    struct span credential = reader_lp(r, CREDENTIAL_BYTES_MAX);
    if (credential.at != NULL)
        memcpy(d->credential, credential.at, credential.len);
    d->credential_len = (uint32_t)credential.len;
    d->credential_validity = validity_read(r);
    reader_copy(r, d->alias, sizeof(d->alias));
    d->alias[sizeof(d->alias) - 1] = '\0';
    d->peer_worker = reader_u8(r) != 0;
}

static void load_epochs(struct desk *d, struct reader *r)
{
    fields_read(r, &newest_fields, d);
    uint32_t count = reader_u32(r);
    if (count > DESK_EPOCHS_MAX)
        r->bad = true;
    for (uint32_t i = 0; i < count && !r->bad; i++) {
        fields_read(r, &epoch_fields, &d->keys->epochs[i]);
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
    for (uint32_t i = 0; i < d->dismissed_count && !r->bad; i++)
        fields_read(r, &dismissed_fields, &d->dismissed[i]);
}

static zg_err load_rest(struct desk *d, struct reader *r)
{
    d->stage = (enum desk_stage)reader_u8(r);
    fields_read(r, &key_fields, d->keys);
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
