/* A message as a person sees it, with its lifetime; docs/protocol.md sections 4 and 7.1. */
#ifndef CLIENT_MESSAGE_H
#define CLIENT_MESSAGE_H

#include <zaguan/client.h>

#include "client/core/agenda.h"
#include "client/core/content.h"
#include "client/core/journal.h"
#include "proto/bytes.h"

struct shift;
struct zg_client;
struct conversation;

enum {
    /* Clocks differ and minutes are coarse: a message that comes this soon counts from its arrival; section 7.1. */
    MESSAGE_GRACE_MS = 2 * 60000,
    MESSAGE_SAVED_OVERHEAD = 128,
    MESSAGE_SAVED_HEAD = 1 + 2 * ZG_ID_BYTES + 2 * 8 + 3 + 4 + 3 * 8, /* all but the text */
};

struct message {
    struct conversation *conversation;
    struct entry *entry; /* NULL: of a knock that nobody answered, kept in memory only */
    struct agenda_item due;
    zg_id id;
    uint64_t order;    /* in which messages came, or were written */
    uint64_t position; /* received: the place among all that the other side sent */
    uint8_t kind; /* of enum content_kind; 0: one of a newer version */
    bool own;
    bool sealed; /* own: its envelopes are made */
    bool told;   /* own: NOT_SENT was said since the last success */
    zg_message_state state;
    zg_lifetime_from from;
    uint32_t lifetime_s;
    uint32_t parcels;    /* own: envelopes that the relay has not accepted yet; not saved, counted again */
    uint64_t sent_ms;
    uint64_t read_ms;    /* when a person had read it; 0: not yet */
    uint64_t limit_ms;   /* own limit: gone then whatever happens */
    uint64_t expires_ms; /* from the others; 0: not running. Not saved */
    char *text; /* or the bytes of what is no text; a zero stands behind */
    size_t len; /* 0 of an own one: what is left of a message that expired unread */
};

/*
 * An empty message with room for len bytes of text, in no conversation yet; has its place in the agenda. kept: with an entry. ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err message_make(struct message **out, struct zg_client *c, size_t len, bool kept);
/* Wipes; its entry is dropped. Not in a conversation any more. NULL-safe. */
void message_free(struct zg_client *c, struct message *m);
/* The same without touching the vault: the client is closing. */
void message_forget(struct zg_client *c, struct message *m);
/* Sets when it goes, from its fields. */
void message_schedule(struct zg_client *c, struct message *m);
/* A person has read it. */
void message_read(struct zg_client *c, struct message *m);
/* The clock was put right: its times move, and what is left of its lifetime stays. */
void message_shift(struct zg_client *c, struct message *m, const struct shift *s);
/* When a received message starts to count; section 7.1. */
uint64_t message_start_ms(uint32_t sent_minute, uint64_t received_ms);
void message_show(const struct message *m, zg_message *out);

extern const struct entry_kind message_entry_kind;
/* What was saved; *conversation gets the id of the one it belongs to. The entry is made. ZG_ERR_MALFORMED, ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err message_load(struct message **out, struct zg_client *c, const uint8_t key[ZG_VAULT_KEY_BYTES],
                                  struct reader *r, zg_id *conversation);
/* Whether what was saved is an own message that was not sent yet. */
bool message_saved_waits(const uint8_t *saved, size_t len);
/* Its head becomes that of one that will not be sent. */
void message_saved_give_up(uint8_t head[MESSAGE_SAVED_HEAD]);

#endif
