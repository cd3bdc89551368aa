/*
 * What may have expired unread at the relay: handles of own messages, kept after their words are gone, until
 * STATUS can tell what became of them; docs/protocol.md sections 4.1 and 4.2. Only the worker's side asks.
 *
 * Happy path: a parcel is accepted, its watch is started and added; the day after it expired at the relay
 * comes, the watch waits for a connection, is asked for together with others, and ends with the second
 * "unknown" or with ZG_EVENT_EXPIRED_UNREAD. Every six days before that it is asked for, too: a relay that
 * lost its keys lost the message earlier, and knows that for a week. Failure: no connection within the week
 * in which the relay knows: it ends without a word.
 */
#ifndef CLIENT_UNREAD_H
#define CLIENT_UNREAD_H

#include <zaguan/client.h>

#include "client/core/agenda.h"
#include "client/core/connection.h"
#include "client/core/journal.h"
#include "proto/secret.h"
#include "proto/wire.h"

struct zg_client;
struct conversation;
struct message;

/* One handle. Holds no words. */
struct watch {
    struct watch *next;
    struct conversation *conversation;
    struct entry *entry;
    struct agenda_item due;
    zg_id message;
    struct handle handle;
    uint64_t sent_ms;
    uint64_t gone_ms; /* when it expires at the relay */
    uint64_t ask_ms;  /* when to ask next, 00:00 UTC */
    bool again;       /* asked once after it expired */
    bool waiting;     /* for a connection: its time has come */
};

/* All of a client. Zeroed: none. */
struct unread {
    struct watch *first;
    uint32_t waiting;
    uint64_t retry_ms; /* mono */
    struct call call;
    struct watch *asked[WIRE_STATUS_HANDLES_MAX]; /* NULL: gone meanwhile */
    uint32_t asked_count;
};

/* One that is not started yet, of nothing. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err watch_new(struct watch **out, struct zg_client *c);
/* Of a handle that the relay accepted just now with this lifetime class, for a part of m. */
void watch_start(struct watch *w, const struct message *m, const struct handle *handle, uint8_t ttl);
/* Not added, or taken out; drops its entry. NULL-safe. */
void watch_free(struct zg_client *c, struct watch *w);
/* The same without touching the vault. */
void watch_forget(struct zg_client *c, struct watch *w);

/* Takes w. */
void unread_add(struct watch *w, struct conversation *v);
/* Ends those of a conversation. */
void unread_drop(struct conversation *v);
/* Frees all without touching the vault. */
void unread_forget(struct zg_client *c);
/* Asks, when the time has come. */
void unread_work(struct zg_client *c);
uint64_t unread_deadline(const struct zg_client *c);

extern const struct entry_kind watch_entry_kind;
ZG_MUST_CHECK zg_err watch_load(struct watch **out, struct zg_client *c,
                                const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r, zg_id *conversation);

#endif
