/* include/zaguan/client.h: a desk of one worker. */
#include <sodium.h>
#include <string.h>

#include "client/core/desk.h"

static struct desk *desk_of(const struct zg_client *c)
{
    return c->desk == NULL || c->desk->gone ? NULL : c->desk;
}

zg_err zg_client_desk_create(zg_client *c, const zg_organisation *o, const zg_desk_options *options, zg_now now)
{
    if (o == NULL || options == NULL || options->size != sizeof(*options) || options->relay == NULL ||
        options->voucher == NULL || options->alias == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY || c->desk != NULL)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = desk_create(c, o, options);
    client_work(c);
    return err;
}

zg_err zg_client_desk_renew(zg_client *c, const zg_organisation *o, zg_now now)
{
    if (o == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY || desk_of(c) == NULL)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = desk_renew(c->desk, o);
    client_work(c);
    return err;
}

zg_err zg_client_desk_notice(zg_client *c, int state, const char *language, const char *text, zg_now now)
{
    if (c->state != CLIENT_READY || desk_of(c) == NULL)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = desk_set_notice(c->desk, state, language, text);
    client_work(c);
    return err;
}

zg_err zg_client_desk(const zg_client *c, zg_desk *out)
{
    const struct desk *d = desk_of(c);
    if (d == NULL)
        return ZG_ERR_NOT_FOUND;
    memset(out, 0, sizeof(*out));
    out->ready = d->stage == DESK_READY && d->failed == ZG_OK;
    memcpy(out->alias, d->alias, sizeof(out->alias));
    out->credential_until_utc_s = d->credential_validity.until;
    return ZG_OK;
}

zg_err zg_client_card(const zg_client *c, const char *prefix, char *out, size_t cap)
{
    const struct desk *d = desk_of(c);
    struct card card;

    if (d == NULL)
        return ZG_ERR_NOT_FOUND;
    if (d->slot_version == 0)
        return ZG_ERR_STATE;
    desk_card(d, &card);
    zg_err err = card_text(&card, prefix, out, cap);
    card_clear(&card);
    return err;
}
