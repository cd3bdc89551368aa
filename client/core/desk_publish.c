/*
 * Epochs and the bundle; docs/protocol.md section 5.2.
 *
 * A new epoch is made and stored; only then is its bundle written, by compare-and-swap on the slot's version. CONFLICT (a write whose reply was
 * lost, or a relay that went back): read the version, write again. REFUSED: the slot is gone: make it again.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/desk.h"
#include "client/core/slot.h"

/* --- epochs --- */

static struct desk_epoch *newest(const struct desk *d)
{
    return d->epoch_count == 0 ? NULL : &d->keys->epochs[d->epoch_count - 1];
}

const struct intake_epoch *desk_epoch_find(const struct desk *d, uint32_t epoch)
{
    for (uint32_t i = d->epoch_count; i-- > 0;)
        if (d->keys->epochs[i].keys.epoch == epoch)
            return &d->keys->epochs[i].keys;
    return NULL;
}

static void fill_keys(const struct desk *d, const struct desk_epoch *e, struct bundle_keys *out)
{
    memcpy(out->root_pk, d->trust.root_pk, sizeof(out->root_pk));
    memcpy(out->issuing_certificate, d->issuing_certificate, sizeof(out->issuing_certificate));
    memcpy(out->desk_certificate, d->desk_certificate, sizeof(out->desk_certificate));
    out->epoch = e->keys.epoch;
    out->put = d->keys->queue.put;
    memcpy(out->intake_pk, d->intake_pk, sizeof(out->intake_pk));
    out->intake_validity = e->intake;
    memcpy(out->last_resort_pk, d->last_resort_pk, sizeof(out->last_resort_pk));
    out->last_resort_validity = e->last_resort;
}

/* sealed: BUNDLE_SEALED_MAX bytes. */
static zg_err make_bundle(const struct desk *d, const struct desk_epoch *e, uint8_t *sealed, size_t *len,
                          uint8_t key_part_hash[HASH_BYTES])
{
    struct bundle_keys keys;
    struct sign_key publishing;
    struct card card;
    struct secret read;
    uint8_t bundle_key[32];

    fill_keys(d, e, &keys);
    sign_key_from_seed(&publishing, d->keys->publishing_seed);
    desk_card(d, &card);
    card_secrets(&card, &read, bundle_key);
    zg_err err = bundle_make(sealed, len, key_part_hash, &keys, &d->notice, &publishing, bundle_key,
                             &d->client->rng);
    sign_key_clear(&publishing);
    card_clear(&card);
    sodium_memzero(&keys, sizeof(keys));
    sodium_memzero(&read, sizeof(read));
    sodium_memzero(bundle_key, sizeof(bundle_key));
    return err;
}

static zg_err key_pair(uint8_t pk[XWING_PK_BYTES], uint8_t sk[XWING_SK_BYTES], const struct rng *rng)
{
    uint8_t seed[crypto_kem_xwing_SEEDBYTES];
    rng_fill(rng, seed, sizeof(seed));
    int failed = crypto_kem_xwing_seed_keypair(pk, sk, seed);
    sodium_memzero(seed, sizeof(seed));
    return failed == 0 ? ZG_OK : ZG_ERR_CRYPTO;
}

static zg_err fill_epoch(struct desk *d, struct desk_epoch *e, uint64_t now_s)
{
    const struct desk_epoch *last = newest(d);
    uint8_t sealed[BUNDLE_SEALED_MAX];
    size_t len;

    e->keys.epoch = last == NULL ? 1 : last->keys.epoch + 1;
    e->intake = validity_from(now_s, INTAKE_VALIDITY_S);
    zg_err err = key_pair(d->intake_pk, e->keys.intake_sk, &d->client->rng);
    if (err != ZG_OK)
        return err;
    if (last == NULL || now_s >= d->last_resort_s + DESK_LAST_RESORT_PERIOD_S) {
        d->last_resort_s = now_s;
        e->last_resort = validity_from(now_s, LAST_RESORT_VALIDITY_S);
        err = key_pair(d->last_resort_pk, e->keys.last_resort_sk, &d->client->rng);
    } else {
        e->last_resort = last->last_resort;
        memcpy(e->keys.last_resort_sk, last->keys.last_resort_sk, XWING_SK_BYTES);
    }
    return err == ZG_OK ? make_bundle(d, e, sealed, &len, e->keys.key_part_hash) : err;
}

static void drop_oldest(struct desk *d)
{
    struct desk_epoch *all = d->keys->epochs;
    d->epoch_count--;
    memmove(all, all + 1, d->epoch_count * sizeof(*all));
    sodium_memzero(&all[d->epoch_count], sizeof(*all));
}

zg_err desk_new_epoch(struct desk *d)
{
    uint64_t now_ms = client_time_ms(d->client);
    struct desk_epoch e;
    uint8_t intake_pk[XWING_PK_BYTES];
    uint8_t last_resort_pk[XWING_PK_BYTES];
    uint64_t last_resort_s = d->last_resort_s;

    memset(&e, 0, sizeof(e));
    memcpy(intake_pk, d->intake_pk, sizeof(intake_pk));
    memcpy(last_resort_pk, d->last_resort_pk, sizeof(last_resort_pk));
    zg_err err = fill_epoch(d, &e, now_ms / 1000);
    if (err != ZG_OK) {
        memcpy(d->intake_pk, intake_pk, sizeof(intake_pk));
        memcpy(d->last_resort_pk, last_resort_pk, sizeof(last_resort_pk));
        d->last_resort_s = last_resort_s;
        goto out;
    }
    if (d->epoch_count == DESK_EPOCHS_MAX)
        drop_oldest(d);
    d->keys->epochs[d->epoch_count++] = e;
    d->epoch_ms = now_ms;
    d->publish = d->publish_again = true;
    desk_touch_stage(d);
out:
    sodium_memzero(&e, sizeof(e));
    return err;
}

/* The newest stays, be it without keys: the next one has its number and one more. Who saw this desk before would not believe a smaller one. */
void desk_expire_keys(struct desk *d)
{
    uint64_t now_s = client_time_ms(d->client) / 1000;
    for (uint32_t i = 0; i < d->epoch_count; i++) {
        struct desk_epoch *e = &d->keys->epochs[i];
        if (now_s >= e->intake.until + DESK_KEYS_KEPT_S)
            sodium_memzero(e->keys.intake_sk, sizeof(e->keys.intake_sk));
        if (now_s >= e->last_resort.until + DESK_KEYS_KEPT_S)
            sodium_memzero(e->keys.last_resort_sk, sizeof(e->keys.last_resort_sk));
    }
    while (d->epoch_count > 1 && now_s >= d->keys->epochs[0].last_resort.until + DESK_KEYS_KEPT_S)
        drop_oldest(d);
    desk_touch(d);
}

/* --- notice --- */

static int find_text(const struct notice *n, const char *language)
{
    for (int i = 0; i < n->count; i++)
        if (memcmp(n->texts[i].language, language, 2) == 0)
            return i;
    return n->count < NOTICE_TEXTS_MAX ? n->count : -1;
}

static bool is_language(const char *language)
{
    return strlen(language) == 2 && language[0] >= 'a' && language[0] <= 'z' && language[1] >= 'a' &&
           language[1] <= 'z';
}

static zg_err set_text(struct notice *n, const char *language, const char *text)
{
    size_t len = strlen(text);
    if (!is_language(language))
        return ZG_ERR_ARGUMENT;
    if (len > NOTICE_TEXT_BYTES_MAX)
        return ZG_ERR_TOO_LARGE;
    if (!content_utf8_ok((const uint8_t *)text, len))
        return ZG_ERR_MALFORMED;
    int i = find_text(n, language);
    if (i < 0)
        return ZG_ERR_TOO_LARGE;
    if (i == n->count)
        n->count++;
    memcpy(n->texts[i].language, language, 3);
    memcpy(n->texts[i].text, text, len + 1);
    return ZG_OK;
}

zg_err desk_set_notice(struct desk *d, int state, const char *language, const char *text)
{
    if (state < DESK_ON_DUTY || state > DESK_ENDED)
        return ZG_ERR_ARGUMENT;
    if (text != NULL) {
        zg_err err = set_text(&d->notice, language == NULL ? "en" : language, text);
        if (err != ZG_OK)
            return err;
    }
    memcpy(d->notice.desk_id, d->trust.desk_id, sizeof(d->notice.desk_id));
    d->notice.state = (enum desk_state)state;
    d->notice.written_s = client_time_ms(d->client) / 1000;
    desk_republish(d);
    desk_touch_stage(d);
    return ZG_OK;
}

/* --- publishing --- */

void desk_republish(struct desk *d)
{
    d->publish = d->publish_again = true;
    desk_touch(d);
}

static void on_version(struct call *call, const struct command *reply, zg_err err)
{
    struct desk *d = call->owner;
    if (err == ZG_OK) {
        /* Nobody else writes it, and versions only rise. */
        if (reply->u.slot_value.version < d->slot_version)
            client_relay_went_back(d->client, d->connection);
        d->slot_version = reply->u.slot_value.version;
    } else if (err != ZG_ERR_NETWORK)
        desk_pause(d, reply->u.reply.retry_after);
}

/* Somebody wrote: an earlier write of this desk whose reply was lost. Only the version is of interest. */
static void ask_version(struct desk *d)
{
    struct command command = {.op = OP_SLOT_GET};
    struct card card;
    struct secret read;
    uint8_t bundle_key[32];

    desk_card(d, &card);
    card_secrets(&card, &read, bundle_key);
    command.u.slot_get.read = read.b;
    desk_ask(d, &d->call, &command, on_version);
    card_clear(&card);
    sodium_memzero(&read, sizeof(read));
    sodium_memzero(bundle_key, sizeof(bundle_key));
}

static void published(struct desk *d)
{
    d->slot_version++;
    d->publish = d->publish_again;
    if (d->stage == DESK_PUBLISH)
        desk_move(d, DESK_READY);
    desk_touch(d);
    client_event(d->client, ZG_EVENT_DESK_READY, ZG_OK, NULL, NULL, 0);
}

/* A relay keeps it for two years after the last write: it is older than the slot, or lost it otherwise. */
static void slot_is_gone(struct desk *d)
{
    client_relay_went_back(d->client, d->connection);
    rng_fill(&d->client->rng, d->keys->slot_voucher.b, sizeof(d->keys->slot_voucher.b));
    d->slot_version = 0;
    desk_move(d, DESK_DRAW);
    desk_pause(d, 1);
}

static void on_published(struct call *call, const struct command *reply, zg_err err)
{
    struct desk *d = call->owner;

    switch (err) {
    case ZG_OK:
        published(d);
        break;
    case ZG_ERR_NETWORK:
        break;
    case ZG_ERR_CONFLICT:
        /* A relay that says so for ever is not asked in a loop. */
        desk_pause(d, 1);
        ask_version(d);
        break;
    case ZG_ERR_REFUSED:
        slot_is_gone(d);
        break;
    default:
        desk_pause(d, reply->u.reply.retry_after);
    }
}

void desk_publish_work(struct desk *d)
{
    uint8_t hash[HASH_BYTES];
    size_t len;

    if (!d->publish || newest(d) == NULL)
        return;
    uint8_t *sealed = malloc(BUNDLE_SEALED_MAX);
    if (sealed == NULL) {
        desk_pause(d, 1);
        return;
    }
    zg_err err = make_bundle(d, newest(d), sealed, &len, hash);
    if (err == ZG_OK && memcmp(hash, newest(d)->keys.key_part_hash, HASH_BYTES) != 0)
        err = ZG_ERR_CRYPTO; /* knocks could not be opened: never publish that */
    if (err == ZG_OK) {
        d->publish_again = false;
        d->call.done = on_published;
        d->call.owner = d;
        slot_write(d->connection, &d->call, &d->keys->slot_write, d->slot_version, sealed, len);
    } else {
        desk_pause(d, 1);
    }
    free(sealed);
}
