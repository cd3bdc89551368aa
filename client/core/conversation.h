/*
 * One conversation: its state, its secrets, its messages, and what it wants of the relay; docs/protocol.md sections 6 to 8.
 *
 *     conversation.c          life, states, what is wanted of the relay
 *     conversation_end.c      ended, erased, gone
 *     conversation_queue.c    commands on the own queue and the other side's: create, rotate, delete
 *     conversation_send.c     text to envelopes
 *     conversation_receive.c  envelopes to text
 *     conversation_save.c     to the vault and back
 */
#ifndef CLIENT_CONVERSATION_H
#define CLIENT_CONVERSATION_H

#include <zaguan/client.h>

#include "client/core/agreement.h"
#include "client/core/client.h"
#include "client/core/message.h"
#include "client/core/parcels.h"
#include "client/core/parts.h"
#include "client/core/ratchet.h"
#include "client/core/receipts.h"
#include "client/core/safety.h"
#include "client/core/subscription.h"
#include "proto/secret.h"

enum { CONVERSATION_WINDOW = 32, CONVERSATION_CREATE_TRIES = 3 };

/* The own queue, as far as is known here. */
enum queue_stage {
    QUEUE_NONE = 1,     /* nothing was asked of the relay */
    QUEUE_ASKED = 2,    /* the relay may have it */
    QUEUE_LIVE = 3,
    QUEUE_ROTATE = 4,   /* hers: new put and end secrets wait for QUEUE_UPDATE */
    QUEUE_ANNOUNCE = 5, /* the worker is being told */
    QUEUE_SETTLE = 6,   /* the worker knows: the former put is to go */
    QUEUE_GONE = 7,
};

/* What is left to do at the relay before an ended or erased conversation can be forgotten. */
enum cleanup {
    CLEANUP_CANCEL = 1,   /* her knock, which may lie there also when it was answered */
    CLEANUP_OWN = 2,      /* the own queue */
    CLEANUP_PEER = 4,     /* the other side's, by end */
    CLEANUP_PEER_OLD = 8, /* the same, by the end secret before its rotation */
    CLEANUP_LOCKER = 16,  /* hers, when everything else is done */
    CLEANUP_SURE = 32,    /* the own queue once more: this answer comes when the knock is forgotten, too */
    CLEANUP_KINDS = 6,
};

struct queue_secrets {
    struct secret put;
    struct secret take;
    struct secret own;
    struct secret end;
};

/* Everything of a conversation that opens something. In sodium_malloc'd memory; saved as it is. */
struct conversation_keys {
    struct queue_secrets queue; /* own */
    struct secret old_put;      /* hers, until the rotation is settled */
    struct secret old_end;
    struct secret peer_put;
    struct secret peer_end;
    struct secret peer_old_end;
    struct secret voucher; /* the worker's: for the own queue; hers: for a locker, which the knock brings */
    struct secret locker_own; /* hers, of a locker that was lost */
    struct handle knock_handle;
    struct trust trust;
    uint8_t th1[HASH_BYTES];
    uint8_t th2[HASH_BYTES];
    uint8_t ek_p_pk[32];
    uint8_t ek_p_sk[32];
    uint8_t nonce_p[NONCE_BYTES];
    uint8_t nonce_w[NONCE_BYTES];
    uint8_t commitment[32];
    uint8_t block[ACCEPT_BLOCK_MAX];
};

struct knocking;
struct knock_opened;

struct conversation {
    struct zg_client *client;
    struct entry *entry; /* NULL: a knock that nobody answered, in memory only */
    struct agenda_item due; /* ended: when it goes */
    struct relay_place place;
    struct connection *connection;

    zg_id id;
    enum side side;
    zg_conversation_state state;
    enum queue_stage queue;
    zg_safety_state safety;
    uint8_t words[SAFETY_WORDS];
    char alias[ALIAS_BYTES_MAX + 1];
    uint32_t limit_s;    /* own limit of lifetimes here; 0: none */
    char note[ZG_NOTE_BYTES_MAX + 1]; /* a person's own; never sent */
    uint32_t desk_epoch; /* hers: of the bundle she knocked with */
    uint64_t locker_seen; /* the worker's: the highest version of her locker that she told */
    uint64_t last_ms;
    uint64_t ended_ms;
    unsigned cleanup; /* of enum cleanup */
    uint32_t block_len;   /* of keys->block */
    bool peer_known;      /* keys->peer_* are meaningful */
    bool voucher_known;
    bool answered;        /* the worker's: the relay accepted an accept; the knock may go */
    uint8_t create_tries;
    bool gone;            /* everything is done; freed by client_work once the vault knows */
    bool locker_lost;     /* hers: it may be there all the same, and is erased with the rest */
    bool told_gone;       /* a person erased it: say so when it is done */
    zg_err refusal_said;  /* hers: why an answer was not accepted */
    uint64_t stamp;       /* what the relay is asked depends on this */
    uint64_t retry_ms;    /* mono: not before */

    struct conversation_keys *keys;
    struct ratchet *ratchet; /* NULL before the knock is made, and when it is over */
    struct knocking *knocking;   /* hers, until the accept */
    struct notice *notice;       /* hers: what the desk said of itself; not kept in the vault; may be NULL */
    struct knock_opened *knock;  /* the worker's, until the first answer */
    uint32_t knock_serial;  /* the worker's: the subscription of the desk that delivered the knock; 0: dealt with */
    uint32_t claim_serial;
    uint32_t knock_delivery;

    struct call queue_call;
    struct call cleanup_calls[CLEANUP_KINDS];
    struct call claim_call;
    struct subscription subscription;
    struct receipts receipts;
    struct parcels parcels;

    struct message **messages; /* in the order they are shown */
    size_t message_count;
    size_t message_cap;
    struct part *parts; /* the oldest first */
    size_t part_count;
    bool again; /* there was no memory to join parts or to seal a message */
};

/* Without entry, in the client's list, as the latest. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err conversation_new(struct conversation **out, struct zg_client *c, enum side side,
                                      zg_conversation_state state, const struct relay_place *place);
/* Gives it an entry, and its messages too. ZG_ERR_MEMORY: none has one. */
ZG_MUST_CHECK zg_err conversation_keep(struct conversation *v);
/* Takes it out of the list and frees; what has entries keeps them in the vault. */
void conversation_forget(struct conversation *v);
struct conversation *conversation_find(const struct zg_client *c, const zg_id *id);

void conversation_touch(struct conversation *v);
/* The same, and nothing is asked of the relay until it is safe. */
void conversation_touch_stage(struct conversation *v);
void conversation_move(struct conversation *v, zg_conversation_state to);
/* message_shift for all that it has. */
void conversation_shift(struct conversation *v, const struct shift *s);
/* No message here lives longer, neither those that are there nor those that come or are written; 0: no limit of its own. */
void conversation_limit(struct conversation *v, uint32_t limit_s);
/* When it goes by itself: an ended one at the end of its time, and if it still owes the relay a deletion, some months later. */
void conversation_schedule(struct conversation *v);
/* Something happened in it just now: it becomes the latest. */
void conversation_stir(struct conversation *v);
/* What has become possible. */
void conversation_work(struct conversation *v);
uint64_t conversation_deadline(const struct conversation *v);
/* The relay is busy: waits before it asks again. */
void conversation_pause(struct conversation *v, uint32_t seconds);
/* Commands and subscriptions are forgotten. */
void conversation_drop_calls(struct conversation *v);
/* What is needed to agree and to read: knocking, knock, ratchet. */
void conversation_drop_agreement(struct conversation *v);

/* --- conversation_end.c --- */

/* The other side ended it. */
void conversation_end(struct conversation *v);
/* A person ends it. ZG_ERR_MEMORY, ZG_ERR_STATE. */
ZG_MUST_CHECK zg_err conversation_erase(struct conversation *v);
/* Everything goes at once, without the relay: of a knock that failed or was withdrawn. */
void conversation_vanish(struct conversation *v);
/* Nothing is left to do: it is gone when the vault knows. */
void conversation_finish(struct conversation *v);

/* --- messages --- */

/* Room in the array for one more. */
ZG_MUST_CHECK zg_err conversation_reserve(struct conversation *v);
/*
 * Takes m as the newest; room was reserved. A received one that was overtaken (the relay refused it for a while) goes before
 * those that the other side sent after it. In the order of m->order the same messages always come to stand in the same places.
 */
void conversation_add(struct conversation *v, struct message *m);
struct message *conversation_message(const struct conversation *v, const zg_id *id);
void conversation_remove(struct conversation *v, struct message *m);

/* --- conversation_queue.c --- */

void conversation_queue_work(struct conversation *v);
void conversation_cleanup_work(struct conversation *v);
/* Fills names with what the queue has (or is to have) at the relay; borrowed from n. */
struct queue_name_set {
    struct name put, put2, take, own, end;
};
void conversation_queue_names(const struct conversation *v, struct queue_name_set *n, struct queue_names *names);
void queue_secrets_new(struct queue_secrets *q, const struct rng *rng);

/* --- conversation_send.c --- */

/* ZG_ERR_MALFORMED (not of this kind), ZG_ERR_TOO_LARGE, ZG_ERR_ARGUMENT. */
ZG_MUST_CHECK zg_err conversation_check(const struct conversation *v, uint8_t kind, const char *text, size_t len);
/* A new own message, in the conversation, not sealed yet. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err conversation_write(struct conversation *v, uint8_t kind, const char *text, size_t len,
                                        uint32_t lifetime_s, zg_lifetime_from from, struct message **out);
/* Makes its envelopes; after an error there are none. */
ZG_MUST_CHECK zg_err conversation_seal(struct conversation *v, struct message *m);
/* Seals what waited for the accept. */
void conversation_seal_waiting(struct conversation *v);
uint8_t lifetime_class(uint32_t lifetime_s, zg_lifetime_from from);
uint32_t lifetime_class_hours(uint8_t class);
/* Lowered to what the relay keeps at most, as far as it is known. */
uint32_t lifetime_at_relay(const struct connection *c, uint32_t lifetime_s);
/* The content of a knock, at most KNOCK_CONTENT_MAX. */
ZG_MUST_CHECK zg_err conversation_knock_content(struct conversation *v, struct message *m, struct writer *w);

/* --- conversation_receive.c --- */

void conversation_listen(struct conversation *v);

/* --- conversation_save.c --- */

extern const struct entry_kind conversation_entry_kind;
ZG_MUST_CHECK zg_err conversation_load(struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES], struct reader *r);

#endif
