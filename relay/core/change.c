#include "relay/core/change.h"

#include <sodium.h>
#include <stdlib.h>

#include "relay/core/inside.h"

enum { TRIES_MAX = 4, FULL_RETRY_S = 600 };

/* Values in one transaction: everybody's messages wait behind it. At least one goes in. */
enum { VALUES_OF_COMMIT = 1 << 20 };

void changes_init(struct changes *cs)
{
    list_init(&cs->gathered);
    list_init(&cs->submitted);
}

struct change *change_new(struct relay *r, const struct call *call, enum write_kind kind)
{
    struct change *change = NULL;

    if (r->waiting_bytes < r->limits.waiting_bytes)
        change = calloc(1, sizeof(*change));
    if (change == NULL)
        return NULL;
    r->waiting_bytes += sizeof(*change);
    list_init(&change->place);
    change->write.kind = kind;
    if (call != NULL) {
        change->session = session_ref(call->session);
        change->seq = call->seq;
    }
    return change;
}

static void change_free(struct relay *r, struct change *change)
{
    r->waiting_bytes -= sizeof(*change);
    list_remove(&change->place);
    upload_free(change->upload);
    session_unref(change->session);
    sodium_memzero(change, sizeof(*change));
    free(change);
}

static uint32_t retry_after(enum status status)
{
    return status == STATUS_BUSY ? BUSY_RETRY_S : status == STATUS_FULL ? FULL_RETRY_S : 0;
}

void change_answer(struct relay *r, struct change *change, enum status status)
{
    if (status == STATUS_BUSY && change->counted.id != 0)
        quota_give_back(&r->quota, change->counted.kind, change->counted.id, change->counted.n);
    if (change->session != NULL)
        session_reply(change->session, change->seq, status, retry_after(status));
    change_free(r, change);
}

void change_answer_when_forgotten(const struct call *call, enum status status)
{
    struct change *change = change_new(call->relay, call, WRITE_DROP_QUEUE);
    if (change == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    change->status = (uint8_t)status;
    forget_answer(call->relay, change);
}

static bool deletes(const struct store_write *w)
{
    return w->kind == WRITE_DROP_QUEUE || w->kind == WRITE_DROP_SLOT;
}

/* Ids are random and could be taken: once in some thousand million times. */
static void choose_id(struct relay *r, struct change *change)
{
    if (change->write.kind == WRITE_QUEUE)
        change->write.u.queue.id = relay_random_id(r);
    else if (change->write.kind == WRITE_SLOT)
        change->write.u.slot.id = relay_random_id(r);
}

static enum status status_of(const struct store_write *w)
{
    switch (w->outcome) {
    case OUTCOME_OK:
    case OUTCOME_EXISTS:
        return STATUS_OK;
    case OUTCOME_CONFLICT:
        return w->kind == WRITE_SLOT_VALUE ? STATUS_CONFLICT : STATUS_BUSY;
    case OUTCOME_FULL:
        return STATUS_FULL;
    default:
        return STATUS_REFUSED;
    }
}

static void written(struct relay *r, void *owner, const struct store_write *w, zg_err result)
{
    struct change *change = owner;
    enum status status = result == ZG_OK ? status_of(w) : STATUS_BUSY;

    if (result == ZG_OK && w->outcome == OUTCOME_CONFLICT && status == STATUS_BUSY &&
        change->tries < TRIES_MAX) {
        list_remove(&change->place);
        change_submit(r, change);
        return;
    }
    r->stats.no_room += status == STATUS_FULL && w->no_room;
    if (status == STATUS_OK && change->after != NULL)
        change->after(r, change);
    change->status = (uint8_t)status;
    if (result == ZG_OK && deletes(w))
        forget_answer(r, change);
    else
        change_answer(r, change, status);
}

/* How many of them go into one transaction. */
static size_t share(const struct link *list, size_t max)
{
    size_t n = 0, bytes = 0;
    for (const struct link *l = list->next; l != list && n < max; l = l->next, n++) {
        const struct change *change = LIST_ITEM(l, struct change, place);
        bytes += change->upload != NULL ? change->upload->size : 0;
        if (n > 0 && bytes > VALUES_OF_COMMIT)
            break;
    }
    return n;
}

static void refuse_all(struct relay *r, struct link *list)
{
    while (!list_empty(list)) {
        struct change *change = LIST_ITEM(list->next, struct change, place);
        change_answer(r, change, STATUS_BUSY);
    }
}

void changes_advance(struct relay *r)
{
    struct changes *cs = &r->changes;

    if (list_empty(&cs->gathered) || !list_empty(&cs->submitted))
        return;
    size_t count = share(&cs->gathered, r->limits.changes_a_commit);
    struct commit *c = commit_new(r, count);
    if (c == NULL) {
        refuse_all(r, &cs->gathered);
        return;
    }
    for (; count > 0; count--) {
        struct change *change = LIST_ITEM(cs->gathered.next, struct change, place);
        list_remove(&change->place);
        list_append(&cs->submitted, &change->place);
        *commit_add(c, change->write.kind, written, change) = change->write;
    }
    commit_submit(c, NULL);
}

void change_submit(struct relay *r, struct change *change)
{
    change->tries++;
    choose_id(r, change);
    list_append(&r->changes.gathered, &change->place);
}

void changes_clear(struct relay *r)
{
    struct changes *cs = &r->changes;
    while (!list_empty(&cs->gathered))
        change_free(r, LIST_ITEM(cs->gathered.next, struct change, place));
}
