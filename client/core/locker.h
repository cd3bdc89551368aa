/*
 * The locker: a vault at the relay, for whoever keeps nothing on the device; docs/protocol.md section 8.1.
 *
 * It stands between the journal and the vault in memory. A batch is done when the memory has it and the slot at the relay holds everything that
 * the memory has. So what the journal makes wait (a SEND, an ACK) waits for the relay's copy too, and whoever comes back with the phrase goes on
 * where the last device was.
 *
 *     new conversation: CREATE, SLOT_CREATE; then the first value; OPEN. Until OPEN batches are done as without a locker.
 *     return:           FETCH, SLOT_GET; CLAIM, the same value again under the next version, which closes the former device; then it is
 *                       loaded; OPEN.
 *
 * What nobody waits for (that a message was read, or accepted, or is over) does not cost a write of its own: it goes with the next one, or after a while.
 *
 * A value that was sent stays until its fate is known: after a broken connection, or a conflict, the slot is read. It is there: good. The former
 * one is there: sent again. Another one is there: another device has the conversation, and everything here is wiped. But only what opens, and
 * bears another mark, is another device's: the relay can put bytes there, or put back what was written here.
 * Nobody but the holders of a phrase can write, so a refusal means that the slot is gone: on goes all without a locker.
 */
#ifndef CLIENT_LOCKER_H
#define CLIENT_LOCKER_H

#include <zaguan/client.h>

#include "client/core/connection.h"
#include "client/core/slot.h"

enum locker_stage {
    LOCKER_CREATE,
    LOCKER_FIRST, /* the slot is there, and empty */
    LOCKER_OPEN,
    LOCKER_FETCH,
    LOCKER_CLAIM,
    LOCKER_GOING, /* being deleted with its conversation: writes nothing more */
};

/* How it is over; the client does what follows from it in its next round. */
enum locker_end {
    LOCKER_STAYS,
    LOCKER_CLAIMED, /* to be loaded; then it stays */
    LOCKER_FAILED,  /* there is nothing to return to: why */
    LOCKER_LOST,    /* the relay has it no more: why */
    LOCKER_CLOSED,  /* another device has the conversation */
    LOCKER_DONE,
};

/* Values have one of few sizes; the largest is the longest that a slot takes. */
enum { LOCKER_SMALL_BYTES = 16384, LOCKER_LARGE_BYTES = WIRE_SLOT_BYTES_MAX, LOCKER_WRITER_BYTES = 16 };
bool locker_size_ok(size_t len);

/* Secret: in sodium_malloc'd memory. In the order in which the phrase gives them. */
struct locker_keys {
    struct secret read;
    struct secret write;
    struct secret own;
    uint8_t key[32];
    struct secret voucher; /* until the slot is there */
};

struct locker {
    zg_vault vault; /* first: a zg_vault is cast back. What the journal sees */
    zg_vault *below; /* in memory */
    struct zg_client *client;
    struct connection *connection;
    enum locker_stage stage;
    enum locker_end over;
    zg_err why;
    struct locker_keys *keys;
    uint8_t writer[LOCKER_WRITER_BYTES]; /* random: this device's mark in what it writes */
    uint64_t version; /* of the slot, as far as is known */
    struct call call;
    struct slot_reading reading;
    uint8_t *value; /* sealed, under version + 1; NULL: nothing is on its way */
    size_t value_len;
    bool unsure;       /* whether the relay took it: the slot is read first */
    bool covered;      /* it has what the batch stored */
    bool covers_check; /* it was made after checking began */
    bool ready_told;
    uint64_t dirty_ms; /* mono: since when the memory has what the value has not; 0: it has not. Nobody waits for it */
    bool checking;     /* after somebody else read the queue: who is it? */
    uint64_t checked_ms;     /* mono: when it was no device */
    uint64_t check_pause_ms; /* before it is read again */
    uint64_t retry_ms; /* mono */
    zg_vault_batch *batch; /* the journal's: stored below, or on its way there; NULL: none */
    zg_vault_batch inner;
    bool stored;  /* batch is in the memory, and waits for the relay */
    bool settled; /* the relay has it */
};

/* Takes its place before the client's vault. voucher NULL: to return. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err locker_new(struct zg_client *c, const struct relay_place *place,
                                const uint8_t secret[ZG_LOCKER_SECRET_BYTES], const struct secret *voucher);
/* Gives the place back; a batch that waits is done. Only from client_work. NULL-safe. */
void locker_drop(struct locker *l);
void locker_work(struct locker *l);
bool locker_wants_relay(const struct locker *l);
uint64_t locker_deadline(const struct locker *l);
/* NULL-safe: something follows from how it is over. */
bool locker_is_over(const struct locker *l);
/* NULL-safe: whether it is there and written to. */
bool locker_is_open(const struct locker *l);
/* The version that will hold what is being done now: section 8.1. 0: no locker. NULL-safe. */
uint64_t locker_next_version(const struct locker *l);
/* The worker has seen this version: later than ours, so the relay went back. NULL-safe. */
void locker_echo(struct locker *l, uint64_t version);
/* Another reader displaced this one: it may be a device that returned. */
void locker_check(struct locker *l);
/* Its conversation is erased: nothing is written from now on, and batches are done as without a locker. */
void locker_going(struct locker *l);

/* --- locker_value.c --- */

/*
 * Everything that the vault in memory has, sealed for a version; *out is malloc'd. What does not fit is left out, the longest messages
 * first. ZG_ERR_MEMORY; ZG_ERR_TOO_LARGE: not even the keys fit.
 */
ZG_MUST_CHECK zg_err locker_seal(const struct locker *l, uint64_t version, uint8_t **out, size_t *len);
/* Opens what was read into *out, malloc'd. ZG_ERR_MEMORY, ZG_ERR_FORGED, ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err locker_open(const struct locker *l, uint64_t version, const uint8_t *value, size_t len,
                                 uint8_t **out, size_t *out_len);
/* The same content for another version. */
ZG_MUST_CHECK zg_err locker_seal_again(const struct locker *l, uint64_t version, const uint8_t *plain, size_t plain_len,
                                       uint8_t **out, size_t *len);
/* Marks it as written here. ZG_ERR_VERSION: a later program's. */
ZG_MUST_CHECK zg_err locker_mark(const struct locker *l, uint8_t *plain);
bool locker_is_marked(const struct locker *l, const uint8_t *plain);
/* Puts its entries into the vault below. ZG_ERR_MEMORY, ZG_ERR_MALFORMED, ZG_ERR_VERSION. */
ZG_MUST_CHECK zg_err locker_unpack(struct locker *l, const uint8_t *plain, size_t len);

#endif
