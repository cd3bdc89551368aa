/* include/zaguan/client.h: a return phrase's locker. */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/locker.h"

static bool can_have_locker(const struct zg_client *c, const struct conversation *v)
{
    bool kept = v->state == ZG_CONVERSATION_OPEN || (v->state == ZG_CONVERSATION_KNOCKING && v->queue >= QUEUE_LIVE);
    return c->in_memory && c->locker == NULL && c->conversation_count == 1 && v->side == SIDE_PARTICIPANT && kept &&
           v->voucher_known;
}

zg_err zg_client_locker_new(zg_client *c, const zg_id *conversation, const uint8_t secret[ZG_LOCKER_SECRET_BYTES],
                            zg_now now)
{
    if (c->state != CLIENT_READY)
        return ZG_ERR_STATE;
    client_now(c, now);
    struct conversation *v = conversation_find(c, conversation);
    zg_err err = v == NULL ? ZG_ERR_NOT_FOUND : can_have_locker(c, v) ? ZG_OK : ZG_ERR_STATE;
    if (err == ZG_OK)
        err = locker_new(c, &v->place, secret, &v->keys->voucher);
    if (err == ZG_OK) {
        sodium_memzero(&v->keys->voucher, sizeof(v->keys->voucher));
        v->voucher_known = false;
        conversation_touch(v);
    }
    client_work(c);
    return err;
}

zg_err zg_client_return(zg_client *c, const char *card, size_t card_len, const uint8_t secret[ZG_LOCKER_SECRET_BYTES],
                        zg_now now)
{
    struct card parsed;

    if (card == NULL)
        return ZG_ERR_ARGUMENT;
    if (c->state != CLIENT_READY || !c->in_memory || c->locker != NULL || c->desk != NULL)
        return ZG_ERR_STATE;
    client_now(c, now);
    zg_err err = card_parse(&parsed, card, card_len);
    if (err == ZG_OK) {
        struct relay_place place = card_place(&parsed);
        client_forget_looks(c);
        err = c->conversation_count > 0 ? ZG_ERR_STATE : locker_new(c, &place, secret, NULL);
        card_clear(&parsed);
    }
    client_work(c);
    return err;
}
