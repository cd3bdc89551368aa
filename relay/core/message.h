/*
 * A message in memory. It is here only while it is not written, on its way to a reader, or remembered because
 * it was acknowledged a short while ago; else it waits on disk.
 *
 * held (a knock before its commit) -> waiting -> in flight -> acknowledged; back to waiting when its reader
 * goes. Gone: cancelled, expired, deleted with its queue, or left to the disk; the struct stays until nothing
 * refers to it.
 */
#ifndef RELAY_CORE_MESSAGE_H
#define RELAY_CORE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "relay/core/list.h"
#include "relay/core/map.h"
#include "relay/core/store.h"

struct relay;
struct queue;

enum message_state { MESSAGE_HELD, MESSAGE_WAITING, MESSAGE_FLIGHT, MESSAGE_ACKED, MESSAGE_GONE };

struct message {
    struct link place; /* WAITING, FLIGHT: in its queue; ACKED: among the acknowledged */
    struct link due;   /* WAITING, FLIGHT: among those of its hour; row_due: among the rows to be deleted */
    struct link lease; /* FLIGHT: among those that were claimed */
    struct map_node by_handle;
    struct handle handle; /* hashed */
    struct queue *queue;  /* WAITING, FLIGHT; else NULL */
    uint64_t queue_id;
    struct envelope *envelope; /* NULL: only on disk */
    uint64_t until;            /* mono_ms; claimed: end of the lease; ACKED: when it is forgotten */
    uint32_t seq;
    uint32_t hour;
    uint32_t id;    /* FLIGHT: in its subscription */
    uint32_t out;   /* unsent: its number in the reader's outbox */
    uint32_t waits; /* replies that wait for what becomes of it */
    uint8_t state;
    bool marked;    /* leaves a mark when it expires unread */
    bool submitted; /* the store has it in a commit */
    bool written;   /* a row on disk is it */
    bool row_due;   /* the row is to be deleted */
    bool unsent;    /* FLIGHT: not yet encoded */
    bool failed;    /* FLIGHT: the sender was told that it is not accepted */
};

enum { MESSAGE_HOURS = 1024 };

struct messages {
    struct map by_handle;
    struct link acked;    /* the oldest first */
    struct link rows;     /* whose rows are to be deleted with the next commit */
    struct link dropping; /* whose rows are being deleted */
    struct link leases;   /* the oldest first */
    struct link hours[MESSAGE_HOURS];
    uint32_t acked_count;
    uint64_t rows_at; /* mono_ms when they are due at the latest; UINT64_MAX: none */
};

ZG_MUST_CHECK zg_err messages_init(struct messages *ms, const struct rng *rng);
/* Frees what is left. */
void messages_clear(struct relay *r);

/* m: handle, queue_id, seq, hour and an envelope, which it takes. NULL: no memory; then nothing is taken.
 * HELD. */
struct message *message_new(struct relay *r, const struct stored_message *m);
/* The message with this handle that is in memory, or was acknowledged in the last 10 minutes; NULL. */
struct message *message_find(const struct relay *r, const struct handle *handle);

/* As the store gets it; the envelope is borrowed. */
struct stored_message message_row(const struct message *m);

/* As long as this row. WAITING, FLIGHT or ACKED, and its row is not due. */
void message_lasts(struct relay *r, struct message *m, const struct stored_message *row);

/* HELD or FLIGHT to WAITING, WAITING to FLIGHT: the caller puts it into its queue's list. */
void message_move(struct relay *r, struct message *m, enum message_state to);
/* To ACKED or GONE, out of every list. The row is deleted soon, if it was or will be written and drop_row
 * says so. */
void message_end(struct relay *r, struct message *m, enum message_state to, bool drop_row);
/* Its row is deleted with the next commit, at the latest when the tick ends. Of a message that is ACKED or
 * GONE. */
void message_drop_row(struct relay *r, struct message *m);
/* Not needed in memory any more, unless the store has it. */
void message_drop_envelope(struct relay *r, struct message *m);
/* Frees it if it is gone and nothing refers to it. */
void message_settle(struct relay *r, struct message *m);

/* One reply less waits for it. */
void message_unwait(struct relay *r, struct message *m);

/* Among the rows to be deleted: as many as there are, for a commit. */
size_t messages_rows(const struct relay *r);
/* Whether rows of hours that have begun are still to be deleted because they were acknowledged: if they were
 * purged instead they would leave a mark. */
bool messages_owe_rows(const struct relay *r);
/* The delete was carried out, or not. */
void message_row_dropped(struct relay *r, struct message *m, bool done);

/* What was acknowledged 10 minutes ago is forgotten, or earlier if too much is remembered. */
void messages_forget_acked(struct relay *r);
/* mono_ms at which the next is due; UINT64_MAX: none, or it waits for the store. */
uint64_t messages_deadline(const struct relay *r);

#endif
