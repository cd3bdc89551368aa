#include "relay/core/knock.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

enum { TRIES_MAX = 4, TURNS_OF_MINUTES = 10 /* may come at once */ };

struct knock {
    struct map_node by_put;
    struct stored_names names;
    struct name slot_voucher;
    uint8_t cookie[WIRE_COOKIE_BYTES];
    struct message *message; /* HELD; NULL: decided */
    uint64_t id;
    uint32_t refs;
    uint32_t tries;
    uint8_t status;
    bool submitted;
};

struct knock *knock_find(const struct relay *r, const struct name *put)
{
    const struct map *map = &r->door.knocks;
    for (struct map_node *n = map_first(map, map_hash(map, put, sizeof(*put))); n != NULL; n = map_next(n)) {
        struct knock *k = LIST_ITEM(n, struct knock, by_put);
        if (memcmp(&k->names.put, put, sizeof(*put)) == 0)
            return k;
    }
    return NULL;
}

bool knock_is_same(const struct knock *k, const struct stored_names *names)
{
    return stored_names_equal(&k->names, names);
}

/* Whom the knock is for, if it is in memory; it is, unless it was deleted. */
static struct queue *desk_of(const struct relay *r, const struct message *m)
{
    struct queue *q = exchange_queue(r, m->queue_id);
    return q != NULL && q->desk != NULL ? q : NULL;
}

struct knock *knock_new(struct relay *r, const struct command *c, const struct stored_names *names,
                        struct message *m)
{
    struct map *map = &r->door.knocks;
    struct knock *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    k->refs = 1;
    k->names = *names;
    memcpy(k->slot_voucher.b, c->u.knock.slot_voucher, sizeof(k->slot_voucher.b));
    memcpy(k->cookie, c->u.knock.cookie, sizeof(k->cookie));
    k->message = m;
    k->id = relay_random_id(r);
    map_insert(map, &k->by_put, map_hash(map, &k->names.put, sizeof(k->names.put)));
    desk_of(r, m)->desk->pending++;
    return k;
}

struct knock *knock_ref(struct knock *k)
{
    k->refs++;
    return k;
}

bool knock_needs_write(const struct knock *k)
{
    return k->message != NULL && !k->submitted;
}

/* The message is on disk: to the reader, or left there. */
static void hand_over(struct relay *r, struct queue *q, struct message *m)
{
    m->written = true;
    r->stats.written++;
    queue_add(r, q, m);
    queue_deliver(r, q);
    queue_written(r, m);
}

static void finish(struct relay *r, struct knock *k, enum status status, bool deliver)
{
    struct message *m = k->message;
    struct queue *q = desk_of(r, m);

    k->message = NULL;
    k->status = (uint8_t)status;
    map_remove(&r->door.knocks, &k->by_put);
    if (q != NULL)
        q->desk->pending--;
    if (status == STATUS_OK)
        door_accepted(r, k->cookie);
    /* Its time may have been over before the disk was done. */
    if (deliver && q != NULL && m->hour > r->hours.now)
        hand_over(r, q, m);
    else
        message_end(r, m, MESSAGE_GONE, false);
    if (q != NULL)
        exchange_rest(r, q);
}

void knock_unref(struct relay *r, struct knock *k)
{
    assert(k->refs > 0);
    if (--k->refs > 0)
        return;
    /* Nobody is told what becomes of it. */
    if (k->message != NULL)
        finish(r, k, STATUS_BUSY, false);
    sodium_memzero(k, sizeof(*k));
    free(k);
}

static void written(struct relay *r, void *owner, const struct store_write *w, zg_err result)
{
    struct knock *k = owner;
    struct queue *q = desk_of(r, k->message);

    k->submitted = false;
    k->message->submitted = false;
    if (result != ZG_OK)
        return; /* knock_decide will say so */
    switch (w->outcome) {
    case OUTCOME_OK:
        finish(r, k, STATUS_OK, true);
        break;
    case OUTCOME_EXISTS:
        finish(r, k, STATUS_OK, false);
        break;
    case OUTCOME_CONFLICT:
        if (q == NULL || ++k->tries >= TRIES_MAX) {
            finish(r, k, STATUS_BUSY, false);
            break;
        }
        k->id = relay_random_id(r);
        k->message->seq = q->next_seq++;
        break;
    default:
        finish(r, k, STATUS_REFUSED, false);
        break;
    }
}

void knock_write(struct relay *r, struct knock *k, struct commit *c)
{
    struct message *m = k->message;
    struct store_write *w = commit_add(c, WRITE_KNOCK, written, k);

    w->u.knock.id = k->id;
    w->u.knock.ends = relay_queue_ends(r, QUEUE_CONVERSATION, true);
    w->u.knock.voucher_hour = relay_voucher_hour(r);
    w->u.knock.names = &k->names;
    w->u.knock.slot_voucher = k->slot_voucher;
    w->u.knock.message = message_row(m);
    k->submitted = true;
    m->submitted = true;
}

enum status knock_decide(struct relay *r, struct knock *k, bool failed)
{
    if (k->message != NULL) {
        assert(failed);
        finish(r, k, STATUS_BUSY, false);
    }
    (void)failed;
    return (enum status)k->status;
}

/* --- turns of one desk --- */

static struct rate turn_rate(const struct relay *r)
{
    uint32_t a_minute = r->limits.knocks_of_desk_a_minute;
    return (struct rate){a_minute, a_minute * TURNS_OF_MINUTES};
}

/* A bucket's second is a minute here. */
static uint64_t sixtieth(uint64_t ms)
{
    return ms / 60;
}

bool door_takes(const struct relay *r, struct desk *d)
{
    return bucket_take(&d->turns, turn_rate(r), sixtieth(r->now.mono_ms));
}

uint32_t door_wait(const struct relay *r, const struct desk *d)
{
    uint64_t now = sixtieth(r->now.mono_ms);
    uint64_t seconds = (bucket_when(&d->turns, turn_rate(r), now) - now) * 60 / 1000 + 1;
    return seconds > BUSY_RETRY_S ? (uint32_t)seconds : BUSY_RETRY_S;
}

bool door_rested(const struct relay *r, const struct desk *d)
{
    return bucket_full(&d->turns, turn_rate(r), sixtieth(r->now.mono_ms));
}
