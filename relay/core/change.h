/*
 * Changes of queues, slots and vouchers. They do not wait for the tick: they tell nothing about a reader.
 * What comes while a commit of changes is under way goes into the next one.
 *
 * Happy path: change_new, fill in the write, change_submit; when it is done, `after` and the reply; to what
 * deletes something, when it is forgotten too. Failure: the reply is busy. A random id that is taken is
 * chosen anew.
 */
#ifndef RELAY_CORE_CHANGE_H
#define RELAY_CORE_CHANGE_H

#include "relay/core/list.h"
#include "relay/core/quota.h"
#include "relay/core/store.h"

struct relay;
struct call;
struct session;
struct upload;

struct change {
    struct link place;
    struct session *session; /* a reference; NULL: nobody is answered */
    uint32_t seq;
    uint32_t tries;
    uint8_t status; /* once it is decided */
    struct {
        enum quota_kind kind;
        uint64_t id; /* of the desk or slot; 0: none counted it */
        uint32_t n;
    } counted;
    struct store_write write;
    struct stored_names names; /* what write points to, if it needs it */
    struct name vouchers[WIRE_VOUCHERS_MAX];
    struct upload *upload;                                       /* owned; NULL: none */
    void (*after)(struct relay *r, const struct change *change); /* if it was carried out; may be NULL */
};

struct changes {
    struct link gathered;
    struct link submitted;
};

void changes_init(struct changes *cs);
void changes_clear(struct relay *r);

/* NULL: no memory, or too much waits already. call NULL: nobody is answered. */
struct change *change_new(struct relay *r, const struct call *call, enum write_kind kind);
/* Takes it. */
void change_submit(struct relay *r, struct change *change);
/* Submits what has gathered, if nothing is under way. */
void changes_advance(struct relay *r);
/* Answers and frees it. */
void change_answer(struct relay *r, struct change *change, enum status status);
/* The answer to a command that would delete something, but finds that it is gone. It speaks for what lies on
 * disk (section 4), so it comes from forget.h, too. */
void change_answer_when_forgotten(const struct call *call, enum status status);

#endif
