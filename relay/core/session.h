/*
 * One connection: bytes in, bytes out (docs/protocol.md section 2).
 *
 * Happy path: hello -> open; records come in (session_in.c), commands go to dispatch; what there is to say
 * gathers in the outbox and is encoded, encrypted and written by session_flush (session_out.c), late, into
 * the relay's one buffer. Failure: whatever is wrong dooms the session. It ends at the next safe place, never
 * in the middle of another session's work: in its own session_receive, in relay_advance or in relay_flush.
 * Silence: a hello has 10 seconds, a record or upload that was begun, and a reader that takes nothing, have
 * limits.stall_seconds. Whose turn it is, and who waits: session_turn.c.
 */
#ifndef RELAY_CORE_SESSION_H
#define RELAY_CORE_SESSION_H

#include "relay/core/bucket.h"
#include "relay/core/key_slab.h"
#include "relay/core/knock.h"
#include "relay/core/outbox.h"
#include "relay/core/queue.h"
#include "relay/core/relay.h"

struct upload;

enum session_state { SESSION_HELLO, SESSION_OPEN, SESSION_CLOSED };

/* Bytes that could not be used yet. */
struct input {
    struct session *session;
    struct link heavy; /* it is much: in one of the two lists */
    size_t held;       /* what is counted of it */
    uint8_t *bytes;
    size_t len, cap;
    uint8_t *units; /* of a record that was opened and not carried out to its end; NULL: none */
    size_t units_at, units_len;
};

struct session {
    struct relay *relay;
    struct carrier carrier;
    struct session_keys *keys; /* NULL before the handshake */
    struct input *input;       /* NULL: nothing waits */
    struct upload *upload;     /* a slot's value that is coming; NULL: none */
    struct outbox outbox;
    struct link subscriptions;
    struct link dirty;              /* something to write, or doomed; in one of the two lists */
    struct link ready;              /* has input and waits for its turn, in one of the five lists */
    struct link stalled;            /* said hello not yet, or sent half of something */
    struct link choked;             /* the carrier takes nothing */
    struct link stranger;           /* it is one */
    uint64_t opened_at;             /* mono_ms */
    uint64_t stalled_at, choked_at; /* mono_ms since when */
    struct bucket commands;         /* that it may still send */
    uint64_t rests_until;           /* mono_ms: it sent more than that */
    uint32_t choked_bytes;          /* that the carrier keeps, at most */
    struct looks looks;
    uint32_t refs;                  /* one while open, one for each reply that will come */
    uint32_t unanswered;            /* commands whose reply was not encoded yet */
    uint32_t subscription_count;
    uint32_t turn;       /* in which `carried` was counted */
    uint16_t carried;    /* commands in this turn */
    uint16_t asked;      /* commands as a stranger's, as far as that matters */
    uint16_t deliveries; /* in the outbox */
    uint16_t readings;   /* slot values asked for and not yet said */
    uint16_t uploads;    /* slot values that came and are not written yet */
    uint8_t state;
    bool known; /* has shown a secret that is not on every card; until then it is a stranger's */
    bool doomed;
};

/* All of the relay. */
struct sessions {
    struct key_slab keys;
    struct link dirty; /* known ones */
    struct link dirty_strangers;
    /* Who has input and waits for a turn, those that waited longest first: */
    struct link ready;     /* known ones */
    struct link greeting;  /* for its handshake */
    struct link strangers; /* for its next command */
    struct link insisting; /* the same of strangers who had many already */
    struct link resting;   /* known ones, until they may send again */
    struct link hellos;    /* the oldest first; so are the next three */
    struct link stalled;
    struct link stalled_strangers;
    struct link choked;
    uint64_t choked_bytes;
    struct link all_strangers;          /* the oldest first */
    struct link heavy, heavy_strangers; /* inputs that are much, those that became so first in front */
    /* Held for unfinished records and unfinished uploads, of known ones and of strangers. */
    uint64_t input_bytes, stranger_bytes;
    uint32_t turn;
    uint32_t hellos_carried, strangers_carried; /* in this turn */
    uint32_t strangers_total;
    struct bucket hello_bucket, stranger_bucket;
    bool serving;     /* those that waited; others must not overtake them */
    uint8_t *scratch; /* one record, with its header */
};

ZG_MUST_CHECK zg_err sessions_init(struct sessions *ss);
void sessions_clear(struct sessions *ss);
/* Ends those that are silent for too long, goes on with those that were paused. */
void sessions_advance(struct relay *r);
void sessions_flush(struct relay *r);
/* mono_ms; 0: at once; UINT64_MAX: never. */
uint64_t sessions_deadline(const struct relay *r);
/* Everything said? (What a choked carrier holds back does not count.) */
bool sessions_quiet(const struct relay *r);

/* A reply will come even if the session ends before. NULL-safe. */
struct session *session_ref(struct session *s);
void session_unref(struct session *s);

/* It ends at the next safe place. */
void session_doom(struct session *s);
/* Ends it now and frees it, as soon as nothing refers to it; carrier.close is called if tell says so. */
void session_end(struct session *s, bool tell);

/* Takes what out owns. false: the session is over, or has no memory and is doomed. */
bool session_push(struct session *s, const struct out *out, uint32_t *number);
/* A delivery that was not encoded is not said. */
void session_take_back(struct session *s, uint32_t number);
void session_reply(struct session *s, uint32_t seq, enum status status, uint32_t retry_after);
/* May it be given one more delivery now? */
bool session_has_room(const struct session *s);
/* Its subscription has more, but there is no room: it is asked again when there is. */
void session_starves(struct subscription *sub);
void session_subscribed(struct session *s, struct subscription *sub);
void session_unsubscribed(struct subscription *sub);

/* It has shown that it has a right to something: from now on it goes before strangers. */
void session_known(struct session *s);

/* Between the files of the session. */
void session_move(struct session *s, enum session_state to);
void turns_init(struct sessions *ss);
void turns_begin(struct sessions *ss); /* a turn of the loop */
void turns_serve(struct relay *r);
uint64_t turns_deadline(const struct relay *r);
void session_make_ready(struct session *s); /* if it has input and may go on */
void session_resumes(struct session *s);    /* tells its carrier, if it is paused no more */
bool session_must_wait(const struct session *s);
void session_carries(struct session *s, bool hello); /* one more, which is counted */
void session_stalls(struct session *s);   /* the time of silence begins, if it has not; or it is over */
void session_is_dirty(struct session *s); /* it is flushed at the end of the turn */
void session_write(struct session *s, const uint8_t *buf, size_t len);
void session_unchoke(struct session *s);  /* the carrier keeps nothing any more */
bool session_carry_on(struct session *s); /* false: it is doomed */
void session_input_free(struct session *s);
void session_input_known(struct session *s);
void session_count_input(struct session *s, size_t before, size_t after);
/* Who waits with much while there is too much; NULL: nobody. */
struct session *session_too_heavy(const struct relay *r);

#endif
