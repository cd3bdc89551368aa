/* What a locker holds: the entries of a client, in one of four sizes; docs/protocol.md section 8.1. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/client.h"
#include "client/core/locker.h"
#include "client/core/message.h"
#include "client/core/vault_memory.h"
#include "proto/labels.h"
#include "proto/seal.h"

/* Version 1 had no mark. */
enum { VALUE_VERSION = 2, MARK_AT = 1, HEAD_BYTES = MARK_AT + LOCKER_WRITER_BYTES + 4 };
enum { ENTRY_BYTES = ZG_VAULT_KEY_BYTES + 4, ENTRIES_MAX = 4096, LONG_BYTES = 2048 };

struct item {
    uint8_t key[ZG_VAULT_KEY_BYTES];
    const uint8_t *value; /* borrowed from the vault */
    size_t len;
    size_t kept; /* how much of it goes in: all; of a message that waits at least the head; 0: nothing */
};

struct items {
    struct item *list;
    size_t count, cap;
};

static zg_err collect(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct items *all = ctx;
    if (all->count == all->cap) {
        size_t cap = all->cap == 0 ? 64 : 2 * all->cap;
        struct item *list = realloc(all->list, cap * sizeof(*list));
        if (list == NULL)
            return ZG_ERR_MEMORY;
        all->list = list;
        all->cap = cap;
    }
    struct item *item = &all->list[all->count++];
    memcpy(item->key, key, sizeof(item->key));
    item->value = value;
    item->len = len;
    item->kept = 0;
    return ZG_OK;
}

/* Behind a version and the conversation: which message it is, or is a parcel of; of parcels then their order. */
enum { MESSAGE_AT = 1 + ZG_ID_BYTES, ORDER_AT = MESSAGE_AT + ZG_ID_BYTES };

enum rank { RANK_KEYS, RANK_MESSAGE, RANK_PARCEL, RANK_LONG, RANK_PART };

/*
 * Keys and state first. Then messages, which were acknowledged and are nowhere else; what waits to be sent, which she can write again;
 * long messages, and parts of some.
 */
static enum rank rank(const struct item *i)
{
    switch (i->key[0]) {
    case ENTRY_MESSAGE:
        return i->len <= LONG_BYTES ? RANK_MESSAGE : RANK_LONG;
    case ENTRY_PARCEL:
        return RANK_PARCEL;
    case ENTRY_PART:
        return RANK_PART;
    default:
        return RANK_KEYS;
    }
}

/* Parcels as they are to be sent, so that those of one message stand together; others by length. */
static int by_rank(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;
    if (rank(x) != rank(y))
        return rank(x) < rank(y) ? -1 : 1;
    if (rank(x) == RANK_PARCEL)
        return memcmp(x->value + ORDER_AT, y->value + ORDER_AT, 8);
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->key, y->key, sizeof(x->key));
}

static size_t total(const struct items *all)
{
    size_t bytes = HEAD_BYTES;
    for (size_t i = 0; i < all->count; i++)
        bytes += ENTRY_BYTES + all->list[i].len;
    return bytes;
}

/* --- what fits --- */

static size_t cost(const struct item *i, size_t len)
{
    return len - i->kept + (i->kept == 0 ? ENTRY_BYTES : 0);
}

static bool keep(struct item *i, size_t len, size_t *room)
{
    if (cost(i, len) > *room)
        return false;
    *room -= cost(i, len);
    i->kept = len;
    return true;
}

static bool of_one_message(const struct item *x, const struct item *y)
{
    return memcmp(x->value + MESSAGE_AT, y->value + MESSAGE_AT, ZG_ID_BYTES) == 0;
}

static struct item *message_of(const struct items *all, const struct item *parcel)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].key[0] == ENTRY_MESSAGE && of_one_message(&all->list[i], parcel))
            return &all->list[i];
    return NULL;
}

/* All that is to be sent of a message, and the message, or nothing: one with a hole is none. Returns how many parcels that were. */
static size_t keep_parcels(const struct items *all, size_t first, size_t *room)
{
    struct item *parcels = &all->list[first];
    struct item *message = message_of(all, parcels);
    size_t count = 0, bytes = message == NULL ? 0 : cost(message, message->len);

    do {
        bytes += cost(&parcels[count], parcels[count].len);
        count++;
    } while (first + count < all->count && rank(&parcels[count]) == RANK_PARCEL &&
             of_one_message(parcels, &parcels[count]));
    if (bytes > *room)
        return count;
    *room -= bytes;
    if (message != NULL)
        message->kept = message->len;
    for (size_t i = 0; i < count; i++)
        parcels[i].kept = parcels[i].len;
    return count;
}

/* false: there is not even room for the keys. They are in order. */
static bool fit(const struct items *all, size_t room)
{
    size_t i = 0;

    for (; i < all->count && rank(&all->list[i]) == RANK_KEYS; i++)
        if (!keep(&all->list[i], all->list[i].len, &room))
            return false;
    /* She must see of each that it was not sent. */
    for (size_t k = i; k < all->count; k++)
        if (all->list[k].key[0] == ENTRY_MESSAGE && message_saved_waits(all->list[k].value, all->list[k].len))
            (void)keep(&all->list[k], MESSAGE_SAVED_HEAD, &room);
    while (i < all->count) {
        if (rank(&all->list[i]) == RANK_PARCEL) {
            i += keep_parcels(all, i, &room);
        } else {
            (void)keep(&all->list[i], all->list[i].len, &room);
            i++;
        }
    }
    return true;
}

/* --- plaintext --- */

static void pack_item(struct writer *w, const struct item *i)
{
    uint8_t head[MESSAGE_SAVED_HEAD];

    writer_put(w, i->key, ZG_VAULT_KEY_BYTES);
    if (i->kept == i->len) {
        writer_lp(w, i->value, i->len);
        return;
    }
    memcpy(head, i->value, sizeof(head));
    message_saved_give_up(head);
    writer_lp(w, head, sizeof(head));
}

static void pack(uint8_t *plain, size_t len, const struct locker *l, const struct items *all)
{
    struct writer w;
    uint32_t count = 0;

    for (size_t i = 0; i < all->count; i++)
        count += all->list[i].kept > 0;
    writer_init(&w, plain, len);
    writer_u8(&w, VALUE_VERSION);
    writer_put(&w, l->writer, sizeof(l->writer));
    writer_u32(&w, count);
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].kept > 0)
            pack_item(&w, &all->list[i]);
    writer_pad(&w, len);
}

/* Few of them: the size tells the relay little. */
static const size_t sizes[] = {LOCKER_SMALL_BYTES, 24576, 40960, LOCKER_LARGE_BYTES};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static size_t size_for(size_t bytes)
{
    size_t i = 0;
    while (i < SIZES - 1 && sizes[i] < bytes)
        i++;
    return sizes[i];
}

bool locker_size_ok(size_t len)
{
    return size_for(len) == len;
}

static zg_err pack_all(const struct locker *l, const struct items *all, uint8_t **out, size_t *len)
{
    size_t room = size_for(total(all) + SEAL_OVERHEAD) - SEAL_OVERHEAD;
    if (!fit(all, room - HEAD_BYTES))
        return ZG_ERR_TOO_LARGE;
    uint8_t *plain = malloc(room);
    if (plain == NULL)
        return ZG_ERR_MEMORY;
    pack(plain, room, l, all);
    *out = plain;
    *len = room;
    return ZG_OK;
}

struct associated {
    struct name name;
    uint8_t version[8];
};

static void associate(struct associated *a, struct span ad[3], const struct locker *l, uint64_t version)
{
    struct writer w;
    writer_init(&w, a->version, sizeof(a->version));
    writer_u64(&w, version);
    secret_name(ROLE_READ, l->keys->read.b, &a->name);
    ad[0] = SPAN_LABEL(LABEL_LOCKER);
    ad[1] = (struct span)SPAN_OF(a->name.b);
    ad[2] = (struct span)SPAN_OF(a->version);
}

zg_err locker_seal_again(const struct locker *l, uint64_t version, const uint8_t *plain, size_t plain_len,
                         uint8_t **out, size_t *len)
{
    struct associated a;
    struct span ad[3];
    uint8_t *sealed = malloc(plain_len + SEAL_OVERHEAD);
    if (sealed == NULL)
        return ZG_ERR_MEMORY;
    associate(&a, ad, l, version);
    seal(sealed, l->keys->key, ad, 3, plain, plain_len, &l->client->rng);
    *out = sealed;
    *len = plain_len + SEAL_OVERHEAD;
    return ZG_OK;
}

zg_err locker_seal(const struct locker *l, uint64_t version, uint8_t **out, size_t *len)
{
    struct items all = {0};
    uint8_t *plain = NULL;
    size_t plain_len = 0;

    zg_err err = vault_memory_visit(l->below, collect, &all);
    if (err == ZG_OK && all.count > 0)
        qsort(all.list, all.count, sizeof(*all.list), by_rank);
    if (err == ZG_OK)
        err = pack_all(l, &all, &plain, &plain_len);
    if (err == ZG_OK)
        err = locker_seal_again(l, version, plain, plain_len, out, len);
    if (plain != NULL)
        sodium_memzero(plain, plain_len);
    free(plain);
    free(all.list);
    return err;
}

zg_err locker_open(const struct locker *l, uint64_t version, const uint8_t *value, size_t len, uint8_t **out,
                   size_t *out_len)
{
    struct associated a;
    struct span ad[3];

    if (!locker_size_ok(len))
        return ZG_ERR_MALFORMED;
    uint8_t *plain = malloc(len);
    if (plain == NULL)
        return ZG_ERR_MEMORY;
    associate(&a, ad, l, version);
    zg_err err = seal_open(plain, l->keys->key, ad, 3, value, len);
    if (err != ZG_OK) {
        free(plain);
        return err;
    }
    *out = plain;
    *out_len = len - SEAL_OVERHEAD;
    return ZG_OK;
}

zg_err locker_mark(const struct locker *l, uint8_t *plain)
{
    if (plain[0] > VALUE_VERSION)
        return ZG_ERR_VERSION;
    if (plain[0] == VALUE_VERSION)
        memcpy(plain + MARK_AT, l->writer, sizeof(l->writer));
    return ZG_OK;
}

bool locker_is_marked(const struct locker *l, const uint8_t *plain)
{
    return plain[0] == VALUE_VERSION && memcmp(plain + MARK_AT, l->writer, sizeof(l->writer)) == 0;
}

/* --- back into a vault --- */

static void unpacked(zg_vault_batch *batch, zg_err err)
{
    zg_err *out = batch->ctx;
    *out = err;
}

static zg_err put_all(struct locker *l, const zg_vault_write *writes, size_t count)
{
    zg_err err = ZG_ERR_STATE;
    zg_vault_batch batch = {NULL, writes, count, unpacked, &err};
    l->below->submit(l->below, &batch);
    l->below->pump(l->below);
    return err;
}

zg_err locker_unpack(struct locker *l, const uint8_t *plain, size_t len)
{
    struct reader r;
    uint8_t mark[LOCKER_WRITER_BYTES];
    reader_init(&r, plain, len);
    uint8_t version = reader_u8(&r);
    if (version < 1 || version > VALUE_VERSION)
        return ZG_ERR_VERSION;
    if (version > 1)
        reader_copy(&r, mark, sizeof(mark));
    uint32_t count = reader_u32(&r);
    if (r.bad || count > ENTRIES_MAX)
        return ZG_ERR_MALFORMED;
    zg_vault_write *writes = calloc(count + 1u, sizeof(*writes));
    if (writes == NULL)
        return ZG_ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        reader_copy(&r, writes[i].key, sizeof(writes[i].key));
        struct span value = reader_lp(&r, ZG_VAULT_VALUE_MAX);
        writes[i].value = value.at;
        writes[i].len = value.len;
    }
    reader_zeros(&r);
    zg_err err = reader_done(&r) ? put_all(l, writes, count) : ZG_ERR_MALFORMED;
    free(writes);
    return err;
}
