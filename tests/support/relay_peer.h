/*
 * The other end of a session of a relay under test: a client's handshake, records and commands, and nothing
 * else. What the relay says is kept until it is taken. Mistakes of the test end the program.
 */
#ifndef TESTS_RELAY_PEER_H
#define TESTS_RELAY_PEER_H

#include "proto/command.h"
#include "proto/noise.h"
#include "relay/core/relay.h"

/* One command that the relay said. */
struct heard {
    struct heard *next;
    struct command c; /* borrows from bytes */
    uint8_t bytes[];
};

struct peer {
    struct relay *relay;
    struct session *session; /* NULL: it is over */
    struct rng rng;
    struct noise_handshake hs;
    struct noise_cipher in, out;
    uint8_t welcome[WIRE_WELCOME_PAYLOAD_BYTES];
    bool open;      /* the handshake is done */
    bool closed;    /* the relay closed */
    bool held;      /* its session was paused, and the carrier was not told that it goes on */
    bool full;      /* the carrier takes nothing: set by the test; peer_drain ends it */
    uint8_t *bytes; /* from the relay, not understood yet */
    size_t len, cap;
    struct heard *first, **last;
    uint64_t records, bytes_heard; /* from the relay, handshake included */
    uint32_t seq;                  /* of the last command sent */
};

/* A connection without a word. false: the relay refuses it. p stays where it is until peer_clear. */
bool peer_connect(struct peer *p, struct relay *r, const struct rng *rng, struct now now);
/* The first message, with its length: WIRE_RECORD_HEADER_BYTES + WIRE_HELLO_BYTES. */
void peer_hello(struct peer *p, const uint8_t relay_pk[32], uint8_t *out);
/* Both; true: the connection is open. */
bool peer_open(struct peer *p, struct relay *r, const uint8_t relay_pk[32], const struct rng *rng,
               struct now now);
/* Hangs up if it is open; forgets everything. */
void peer_clear(struct peer *p);
void peer_hang_up(struct peer *p);

/* A record with these commands; returns how many bytes stand in out (WIRE_RECORD_HEADER_BYTES +
 * WIRE_RECORD_CIPHER_MAX). */
size_t peer_record(struct peer *p, const struct command *commands, size_t count, uint8_t *out);
/* The same of a plaintext, whatever is in it. */
size_t peer_seal(struct peer *p, const uint8_t *plain, size_t len, uint8_t *out);
/* Hands bytes to the session; false: it is over. */
bool peer_give(struct peer *p, const uint8_t *data, size_t len, struct now now);
/* Sends one command with a seq of its own, which is returned. */
uint32_t peer_send(struct peer *p, struct command *c, struct now now);
/* Whether its session is paused. If it was and goes on, its carrier must have been told. */
bool peer_paused(const struct peer *p);

/* The next thing that the relay said; NULL: nothing. The caller frees it. */
struct heard *peer_take(struct peer *p);
/* The carrier takes everything again. */
void peer_drain(struct peer *p);

#endif
