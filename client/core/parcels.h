/*
 * Envelopes on their way to the relay. A parcel is sent until it is accepted, always with the same handle and the same envelope, over
 * broken connections and restarts; docs/protocol.md section 3.
 */
#ifndef CLIENT_PARCELS_H
#define CLIENT_PARCELS_H

#include <zaguan/client.h>

#include "client/core/connection.h"
#include "client/core/journal.h"
#include "proto/secret.h"
#include "proto/wire.h"

struct zg_client;
struct conversation;
struct message;

enum { PARCELS_FLIGHT_MAX = 16 }; /* of one conversation */

struct parcel {
    struct parcel *next;
    struct conversation *conversation;
    struct message *message; /* NULL: filler of a message that is gone */
    struct entry *entry;
    struct call call;
    uint64_t order;
    uint64_t stamp; /* goes out when this is settled */
    uint32_t mark;  /* of the receipts, when it went out */
    uint8_t ttl;
    bool sendable; /* the vault knows that it may have been sent; matters while there is a watch */
    struct watch *watch; /* of a part that was not sent yet, or once; NULL: nobody will ask what became of it */
    struct handle handle;
    struct secret put; /* what it was sent with last */
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
};

struct parcels {
    struct parcel *first;
    struct parcel **end;
    uint32_t flying;
};

void parcels_init(struct parcels *o);
/* watched: with a watch. */
ZG_MUST_CHECK zg_err parcel_new(struct parcel **out, struct zg_client *c, bool watched);
void parcel_free(struct zg_client *c, struct parcel *p);
/* Appends; takes p. */
void parcels_add(struct conversation *v, struct parcel *p);
/* Sends what may go. */
void parcels_work(struct conversation *v);
/* Drops everything, or what belongs to one message. */
void parcels_drop(struct conversation *v);
void parcels_drop_message(struct conversation *v, const struct message *m);
/* Frees all without touching the vault. */
void parcels_forget(struct conversation *v);

extern const struct entry_kind parcel_entry_kind;
ZG_MUST_CHECK zg_err parcel_load(struct parcel **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                                 struct reader *r, zg_id *conversation, zg_id *message);

#endif
