/*
 * From a command to what it does: a table of checks, of the name that has to be known, and of acts.
 *
 * Happy path: dispatch decodes, checks what needs no storage, finds the name in memory or through the store,
 * acts. While the store looks a name up, the command waits as a copy and the session goes on: a sender must
 * not be able to tell from the time of another reply whether a queue is in memory, that is, whether somebody
 * reads it. Failure: the store's failure is answered busy; a session that ended meanwhile gets nothing.
 */
#ifndef RELAY_CORE_DISPATCH_H
#define RELAY_CORE_DISPATCH_H

#include "proto/command.h"
#include "relay/core/store.h"

struct relay;
struct session;
struct tick;
struct upload;
struct queue;

enum { BUSY_RETRY_S = 5 };

/* One command on its way. */
struct call {
    struct relay *relay;
    struct session *session;
    struct tick *tick;     /* answered there; NULL: at once */
    struct upload *upload; /* owned by the call; NULL: none */
    const uint8_t *raw;    /* the command's bytes */
    size_t len;
    uint32_t seq;
    uint32_t place; /* among the replies of its tick */
    uint8_t stage;  /* of commands that look up more than one name, one after the other */
};

/* A name to be looked up. */
struct key {
    struct name name;
    bool in_memory; /* what is in memory will do; else the store is asked */
};

/* What it stands for. */
struct target {
    struct name name;
    enum role role; /* 0: unknown name */
    uint64_t id;
    struct queue *queue;       /* from memory; else: */
    const struct found *found; /* from the store */
};

typedef void dispatch_act(struct call *call, const struct command *c, const struct target *t);

struct dispatch_row {
    enum op op;
    bool on_tick; /* answered on the tick (section 3) */
    bool unasked; /* has no reply, or counts its replies itself */
    /* Static limits; NULL: none. */
    enum status (*check)(const struct relay *r, const struct command *c);
    /* The name for this stage; NULL: the command acts without one. */
    struct key (*key)(const struct call *call, const struct command *c);
    dispatch_act *act;
};

/* false: malformed; the session must end. */
bool dispatch(struct session *s, const uint8_t *command, size_t len);

/* --- for acts --- */

void call_reply(const struct call *call, enum status status);
/* With the seconds after which it makes sense to try again. */
void call_reply_later(const struct call *call, enum status status, uint32_t retry_after);
/* Looks the name up (again) and acts; the call's stage may have changed. */
void call_find(struct call *call, const struct command *c, const struct key *key);
/* The queue that was found, in memory; NULL: no memory. */
struct queue *target_queue(struct relay *r, const struct target *t);

struct lookups;
void lookups_clear(struct relay *r);

/* The rows of each group of commands. */
struct dispatch_rows {
    const struct dispatch_row *at;
    size_t count;
};
struct dispatch_rows act_message_rows(void);
struct dispatch_rows act_queue_rows(void);
struct dispatch_rows act_desk_rows(void);
struct dispatch_rows act_slot_rows(void);
struct dispatch_rows act_status_rows(void);

/* Names as the store wants them. The command's are borrowed, these are not. */
void stored_names_from(struct stored_names *out, const struct queue_names *names);
bool stored_names_equal(const struct stored_names *a, const struct stored_names *b);

#endif
