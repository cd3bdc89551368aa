/* What the organisation gives a desk: certificates and credential; docs/protocol.md section 5. And how a desk begins. */
#include <sodium.h>
#include <string.h>

#include "client/core/desk.h"
#include "client/core/handout.h"
#include "client/core/organisation_file.h"
#include "proto/voucher.h"

/* Certificates are made anew when less is left of them. */
#define RENEW_BEFORE_S (60 * DAY_S)

static void make_certificates(struct desk *d, const zg_organisation *o, uint64_t now_s)
{
    struct sign_key publishing;
    struct issuing_certificate issuing = {.validity = validity_from(now_s, ISSUING_VALIDITY_S)};
    struct desk_certificate desk = {.generation = d->generation,
                                    .validity = validity_from(now_s, DESK_VALIDITY_S)};

    sign_key_from_seed(&publishing, d->keys->publishing_seed);
    memcpy(issuing.issuing_pk, o->issuing.pk, sizeof(issuing.issuing_pk));
    memcpy(desk.desk_id, d->trust.desk_id, sizeof(desk.desk_id));
    memcpy(desk.publishing_pk, publishing.pk, sizeof(desk.publishing_pk));
    sign_key_clear(&publishing);
    issuing_certificate_make(d->issuing_certificate, &issuing, &o->root);
    desk_certificate_make(d->desk_certificate, &desk, &o->issuing);
    memcpy(d->trust.issuing_pk, o->issuing.pk, sizeof(d->trust.issuing_pk));
    d->certificates_until_s = desk.validity.until;
}

/* Certificates stand in the key part: with new ones there is a new epoch, or everything stays. */
static zg_err certify(struct desk *d, const zg_organisation *o, uint64_t now_s)
{
    struct trust trust = d->trust;
    uint64_t until_s = d->certificates_until_s;
    uint8_t issuing[ISSUING_CERTIFICATE_BYTES];
    uint8_t desk[DESK_CERTIFICATE_BYTES];

    memcpy(issuing, d->issuing_certificate, sizeof(issuing));
    memcpy(desk, d->desk_certificate, sizeof(desk));
    make_certificates(d, o, now_s);
    zg_err err = desk_new_epoch(d);
    if (err != ZG_OK) {
        d->trust = trust;
        d->certificates_until_s = until_s;
        memcpy(d->issuing_certificate, issuing, sizeof(issuing));
        memcpy(d->desk_certificate, desk, sizeof(desk));
    }
    return err;
}

static zg_err give_credential(struct desk *d, const zg_organisation *o, uint64_t now_s)
{
    struct sign_key sign;
    struct credential credential = {.role = d->peer_worker ? CREDENTIAL_PEER_WORKER : CREDENTIAL_WORKER,
                                    .validity = validity_from(now_s, CREDENTIAL_VALIDITY_S)};
    uint8_t encoded[CREDENTIAL_BYTES_MAX];
    size_t len;

    memcpy(credential.alias, d->alias, sizeof(credential.alias));
    memcpy(credential.desk_id, d->trust.desk_id, sizeof(credential.desk_id));
    rng_fill(&d->client->rng, &credential.serial, sizeof(credential.serial));
    sign_key_from_seed(&sign, d->keys->sign_seed);
    memcpy(credential.sign_pk, sign.pk, sizeof(credential.sign_pk));
    sign_key_clear(&sign);
    crypto_scalarmult_curve25519_base(credential.dh_pk, d->keys->dh_sk);
    zg_err err = credential_make(encoded, &len, &credential, &o->issuing);
    if (err != ZG_OK)
        return err;
    memcpy(d->credential, encoded, len);
    d->credential_len = (uint32_t)len;
    d->credential_validity = credential.validity;
    return ZG_OK;
}

static void new_secrets(struct desk *d)
{
    const struct rng *rng = &d->client->rng;
    struct desk_keys *k = d->keys;
    queue_secrets_new(&k->queue, rng);
    rng_fill(rng, k->slot_voucher.b, sizeof(k->slot_voucher.b));
    rng_fill(rng, k->slot_write.b, sizeof(k->slot_write.b));
    rng_fill(rng, k->slot_own.b, sizeof(k->slot_own.b));
    rng_fill(rng, k->card_key, sizeof(k->card_key));
    rng_fill(rng, k->publishing_seed, sizeof(k->publishing_seed));
    rng_fill(rng, k->sign_seed, sizeof(k->sign_seed));
    rng_fill(rng, k->dh_sk, sizeof(k->dh_sk));
    rng_fill(rng, d->trust.desk_id, sizeof(d->trust.desk_id));
}

static zg_err furnish(struct desk *d, const zg_organisation *o, const zg_desk_options *options)
{
    uint64_t now_s = client_time_ms(d->client) / 1000;
    size_t alias_len = strlen(options->alias);

    if (alias_len > ALIAS_BYTES_MAX)
        return ZG_ERR_ARGUMENT;
    memcpy(d->alias, options->alias, alias_len);
    d->peer_worker = options->peer_worker;
    d->generation = 1;
    memcpy(d->trust.root_pk, o->root.pk, sizeof(d->trust.root_pk));
    new_secrets(d);
    zg_err err = give_credential(d, o, now_s);
    if (err == ZG_OK)
        /* Nobody answers yet: whoever goes on duty says so. */
        err = desk_set_notice(d, DESK_AWAY, options->notice_language, options->notice);
    return err == ZG_OK ? certify(d, o, now_s) : err;
}

zg_err desk_create(struct zg_client *c, const zg_organisation *o, const zg_desk_options *options)
{
    struct relay_place place;
    struct secret voucher;
    struct desk *d;

    zg_err err = relay_place_parse(&place, options->relay);
    if (err == ZG_OK)
        err = voucher_parse(voucher.b, options->voucher, strlen(options->voucher));
    if (err == ZG_OK)
        err = desk_new(&d, c, &place);
    if (err == ZG_OK)
        d->keys->voucher = voucher;
    sodium_memzero(&voucher, sizeof(voucher));
    if (err != ZG_OK)
        return err;
    err = furnish(d, o, options);
    if (err == ZG_OK) {
        d->entry = entry_new(&desk_entry_kind, d, &c->rng);
        err = d->entry == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    if (err != ZG_OK) {
        desk_forget(d);
        return err;
    }
    c->desk = d;
    desk_touch_stage(d);
    return ZG_OK;
}

zg_err desk_renew(struct desk *d, const zg_organisation *o)
{
    uint64_t now_s = client_time_ms(d->client) / 1000;

    if (sodium_memcmp(d->trust.root_pk, o->root.pk, sizeof(o->root.pk)) != 0)
        return ZG_ERR_FOREIGN;
    if (d->certificates_until_s < now_s + RENEW_BEFORE_S ||
        memcmp(d->trust.issuing_pk, o->issuing.pk, sizeof(o->issuing.pk)) != 0) {
        zg_err err = certify(d, o, now_s);
        if (err != ZG_OK)
            return err;
    }
    zg_err err = give_credential(d, o, now_s);
    if (err == ZG_OK)
        desk_touch_stage(d);
    return err;
}
