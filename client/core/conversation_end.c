/*
 * How a conversation ends; docs/protocol.md section 8.
 *
 * Messages and keys go at once. What the relay must still do stands in v->cleanup, with only the secrets that this needs, also over a
 * restart; conversation_queue.c does it. Then the conversation is gone: its entry is dropped, and client_work frees it when the vault knows.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/locker.h"

static void drop_content(struct conversation *v)
{
    parcels_drop(v);
    while (v->parts != NULL) {
        struct part *p = v->parts;
        v->parts = p->next;
        part_free(v->client, p);
    }
    v->part_count = 0;
    v->again = false;
}

static void drop_messages(struct conversation *v)
{
    unread_drop(v);
    while (v->message_count > 0)
        conversation_remove(v, v->messages[v->message_count - 1]);
}

/* Keeps of the secrets only what the deletions at the relay need. */
static void reduce_keys(struct conversation *v)
{
    struct conversation_keys kept;
    memset(&kept, 0, sizeof(kept));
    kept.locker_own = v->keys->locker_own;
    if ((v->cleanup & CLEANUP_CANCEL) != 0)
        kept.knock_handle = v->keys->knock_handle;
    if ((v->cleanup & (CLEANUP_OWN | CLEANUP_SURE)) != 0)
        kept.queue.own = v->keys->queue.own;
    if ((v->cleanup & (CLEANUP_PEER | CLEANUP_PEER_OLD)) != 0) {
        kept.peer_end = v->keys->peer_end;
        kept.peer_old_end = v->keys->peer_old_end;
    }
    memcpy(v->keys, &kept, sizeof(kept));
    sodium_memzero(&kept, sizeof(kept));
    sodium_memzero(v->words, sizeof(v->words));
    v->block_len = 0;
    v->voucher_known = false;
}

/* Her knock goes also when it was answered: that the worker acknowledged it, nobody tells her. */
static unsigned own_cleanup(const struct conversation *v)
{
    if (v->queue < QUEUE_ASKED || v->queue == QUEUE_GONE)
        return 0;
    return CLEANUP_OWN | (v->side == SIDE_PARTICIPANT ? CLEANUP_CANCEL : 0u);
}

void conversation_end(struct conversation *v)
{
    struct zg_client *c = v->client;

    if (v->state == ZG_CONVERSATION_ENDED || v->state == ZG_CONVERSATION_ERASING)
        return;
    /* The accept came to nothing, and nobody else acknowledges the knock. */
    if (v->side == SIDE_WORKER && !v->answered)
        desk_dismiss(c->desk, v);
    conversation_move(v, ZG_CONVERSATION_ENDED);
    conversation_drop_calls(v);
    drop_content(v);
    for (size_t i = 0; i < v->message_count; i++) {
        struct message *m = v->messages[i];
        if (m->state == ZG_MESSAGE_WAITING) {
            m->state = ZG_MESSAGE_NOT_SENT;
            entry_touch(&c->journal, m->entry);
        }
    }
    v->cleanup = own_cleanup(v);
    conversation_drop_agreement(v);
    reduce_keys(v);
    v->ended_ms = client_time_ms(c);
    conversation_schedule(v);
    conversation_touch_stage(v);
    client_event(c, ZG_EVENT_ENDED, ZG_OK, v, NULL, 0);
}

static unsigned erase_cleanup(const struct conversation *v)
{
    unsigned cleanup = v->state == ZG_CONVERSATION_ENDED ? v->cleanup : own_cleanup(v);
    if ((cleanup & CLEANUP_CANCEL) != 0 && v->peer_known)
        cleanup |= CLEANUP_SURE;
    if (v->peer_known && v->state != ZG_CONVERSATION_ENDED)
        cleanup |= CLEANUP_PEER;
    if (v->client->locker != NULL || v->locker_lost)
        cleanup |= CLEANUP_LOCKER;
    return cleanup;
}

void conversation_finish(struct conversation *v)
{
    /* Section 6: a relay that brings the knock again does not bring the conversation back. */
    if (v->side == SIDE_WORKER)
        desk_remember(v->client->desk, &v->id);
    entry_drop(&v->client->journal, v->entry);
    v->entry = NULL;
    v->stamp = journal_stamp(&v->client->journal);
    v->gone = true;
}

zg_err conversation_erase(struct conversation *v)
{
    bool waiting = v->state == ZG_CONVERSATION_WAITING;
    if (v->state == ZG_CONVERSATION_ERASING)
        return ZG_ERR_STATE;
    /* Also what was in memory only must survive now: an erase cannot be taken back. */
    if (waiting) {
        zg_err err = conversation_keep(v);
        if (err != ZG_OK)
            return err;
    }
    if (v->side == SIDE_WORKER && !v->answered)
        desk_dismiss(v->client->desk, v);
    v->cleanup = erase_cleanup(v);
    conversation_move(v, ZG_CONVERSATION_ERASING);
    conversation_drop_calls(v);
    drop_content(v);
    drop_messages(v);
    conversation_drop_agreement(v);
    reduce_keys(v);
    sodium_memzero(v->alias, sizeof(v->alias));
    sodium_memzero(v->note, sizeof(v->note));
    agenda_remove(&v->client->agenda, &v->due);
    conversation_touch_stage(v);
    v->told_gone = true;
    if (v->cleanup == 0)
        conversation_finish(v);
    return ZG_OK;
}

void conversation_vanish(struct conversation *v)
{
    if (v->gone)
        return;
    conversation_drop_calls(v);
    drop_content(v);
    drop_messages(v);
    conversation_drop_agreement(v);
    conversation_finish(v);
}
