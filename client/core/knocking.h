/*
 * Her first message to a desk, from the card to the relay's "kept"; docs/protocol.md sections 5.2, 6 and 9. Belongs to a conversation
 * that is LOOKING or KNOCKING, and ends with the accept.
 */
#ifndef CLIENT_KNOCKING_H
#define CLIENT_KNOCKING_H

#include <zaguan/client.h>

#include "client/core/bundle.h"
#include "client/core/card.h"
#include "client/core/connection.h"
#include "client/core/conversation.h"
#include "client/core/slot.h"
#include "proto/puzzle.h"

enum knocking_stage {
    KNOCKING_FETCH = 1, /* the bundle */
    KNOCKING_ASK = 2,   /* for a cookie */
    KNOCKING_SOLVE = 3, /* the puzzle */
    KNOCKING_SEND = 4,
    KNOCKING_WAIT = 5,  /* the relay keeps it */
    KNOCKING_LOOKED = 6, /* the bundle is there and good; she has not knocked yet */
};

enum {
    KNOCKING_TRIES_OF_SLICE = 8, /* of the puzzle, below 50 ms on a slow phone */
    KNOCKING_REFUSALS_MAX = 3,   /* a cookie may be too old; more than that is no accident */
};

/* As long a bundle that was looked at is good for a knock, and the connection stays for it. */
#define KNOCKING_FRESH_MS (10 * UINT64_C(60000))

/* Secret: in sodium_malloc'd memory. */
struct knocking {
    struct conversation *conversation;
    enum knocking_stage stage;
    struct call call;
    uint8_t refusals;

    struct card card; /* until the knock is made */
    struct slot_reading sealed; /* the bundle */
    uint64_t looked_ms; /* mono: LOOKED since */

    uint64_t knocked_s; /* when the envelope was made */
    uint32_t epoch;
    struct secret desk_put;
    uint8_t ttl;
    zg_id message; /* the text of the knock */
    uint8_t envelope[WIRE_ENVELOPE_BYTES];

    uint8_t cookie[WIRE_COOKIE_BYTES];
    uint8_t hash[PUZZLE_HASH_BYTES];
    uint8_t effort;
    uint64_t solution;
};

/* Takes the place of v->knocking. card may be NULL, for loading. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err knocking_new(struct conversation *v, const struct card *card);
bool knocking_is_of(const struct knocking *k, const struct card *card);
/* A person looks again: ends in ZG_EVENT_LOOKED or _KNOCK_FAILED. */
void knocking_look(struct knocking *k);
/* The conversation is KNOCKING now, with m. May end in knocking_fail. */
void knocking_begin(struct knocking *k, const struct message *m);
/* Whether it needs a connection now. */
bool knocking_wants_relay(const struct knocking *k);
void knocking_free(struct knocking *k);
void knocking_work(struct knocking *k);
uint64_t knocking_deadline(const struct knocking *k);

/* --- between knocking.c and knocking_bundle.c --- */

/* SLOT_GET; ends in knocking_bundle. */
void knocking_fetch(struct knocking *k);
/* What was fetched is whole: ends in KNOCKING_LOOKED or KNOCKING_ASK, or in knocking_fail. */
void knocking_bundle(struct knocking *k);
void knocking_move(struct knocking *k, enum knocking_stage to);
/* ZG_EVENT_KNOCK_FAILED. The conversation is gone with it, and k is freed. */
void knocking_fail(struct knocking *k, zg_err err);
void knocking_ask(struct knocking *k, struct command *command,
                  void (*done)(struct call *, const struct command *, zg_err));
/* What every stage does with a reply that is not its own: true if that was all, and k may be gone. */
bool knocking_common_reply(struct knocking *k, const struct command *reply, zg_err err);
/* The knock's text; NULL: its time is over. */
struct message *knocking_message(const struct knocking *k);

/* For the vault: what is needed to go on. version: of the conversation's entry. */
enum { KNOCKING_SAVED_MAX = 5000 };
void knocking_save(const struct knocking *k, struct writer *w);
ZG_MUST_CHECK zg_err knocking_load(struct conversation *v, uint8_t version, struct reader *r);

#endif
