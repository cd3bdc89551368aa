/*
 * One link to one relay: bytes in, bytes out, commands and their replies; docs/protocol.md section 2.
 *
 * Happy path: IDLE, connection_advance asks for a TCP connection (io), connection_opened sends message 1, the welcome comes,
 * OPEN; calls are answered, pushes go to listeners.
 * Failure: whatever goes wrong, connection_drop is the only way down: every call completes with ZG_ERR_NETWORK, every listener is
 * told, and after a random pause it is tried again while somebody wants it. A relay that sends garbage loses its
 * connection and nothing else.
 *
 * No callback may free the connection.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/client.h>

#include "client/core/card.h"
#include "proto/command.h"
#include "proto/noise.h"
#include "proto/rng.h"
#include "proto/wire.h"

enum {
    CONNECTION_SETUP_MS = 20000,    /* TCP and handshake */
    CONNECTION_SILENCE_MS = 60000,  /* then a PING */
    CONNECTION_ANSWER_MS = 30000,   /* without an answer: dead */
    CONNECTION_PAUSE_MS = 1000,     /* first bound of the random pause; section 2.2 */
    CONNECTION_PAUSE_MAX_MS = 300000,
    CONNECTION_AGAIN_MS = 1000,     /* after there was no memory for a command */
    CONNECTION_RETRY_MAX_S = 3600,  /* no relay makes anybody wait longer */
    CONNECTION_CALLS_MAX = 64,      /* commands that wait for a reply */
    CONNECTION_QUEUED_MAX = 4 * WIRE_RECORD_PLAIN_MAX, /* bytes of commands that wait for the network */
};

/* Where a relay is, and who it must be. */
struct relay_place {
    uint8_t count;
    char address[CARD_ADDRESSES_MAX][CARD_ADDRESS_BYTES_MAX + 1]; /* host:port */
    uint8_t pk[NOISE_KEY_BYTES];
};

struct relay_place card_place(const struct card *card);

/* What the relay says of itself in message 2; section 2.1. */
struct welcome {
    uint32_t utc_minute;
    uint8_t ttl_ceiling;
    uint16_t settle_ms;
    uint16_t window_max;
};

enum connection_state {
    CONNECTION_IDLE,       /* pauses, or nobody wants it */
    CONNECTION_CONNECTING, /* the driver opens the link */
    CONNECTION_HELLO,      /* message 1 is out */
    CONNECTION_OPEN,
};

struct connection;

/* A command whose reply is awaited. Stands inside its owner; zeroed: not in use. */
struct call {
    /*
     * reply: what came (REPLY, SUBSCRIBED, COOKIE, SLOT_VALUE), borrowed; NULL with ZG_ERR_NETWORK. err: the status of a REPLY. A
     * slot's value comes in pieces: the call is in use until the last one.
     */
    void (*done)(struct call *call, const struct command *reply, zg_err err);
    void *owner;
    struct connection *connection; /* the last one it was made on */
    struct awaited *awaited; /* NULL: not in use */
};

/* Hears what is pushed to one subscription. Stands inside its owner; zeroed: not in use. */
struct listener {
    struct listener *next;
    struct connection *connection; /* NULL: not in use */
    uint8_t id[WIRE_SUBSCRIPTION_BYTES];
    void (*pushed)(struct listener *l, const struct command *push); /* DELIVER, WITHDRAW, ENDED */
    void (*lost)(struct listener *l); /* the connection ended; not in use any more */
};

struct connection_hooks {
    void (*opened)(void *ctx, struct connection *c);
    void (*closed)(void *ctx, struct connection *c, zg_err why); /* also when it could not be opened */
    void *ctx;
};

struct connection {
    struct connection *next; /* the client's */
    zg_err told;             /* the client's: why it said DISCONNECTED last */
    uint64_t went_back_ms;   /* the client's: mono, the last sign that the relay is an older copy; 0: none */
    struct relay_place place;
    const struct rng *rng;
    struct connection_hooks hooks;
    uint32_t *links; /* the client's counter */

    enum connection_state state;
    bool wanted;
    bool network;
    bool answered; /* this link brought a record */
    uint32_t link; /* 0: none */
    uint32_t to_close; /* a link that the driver has yet to close; 0: none */
    bool asked;        /* the driver knows of link */
    char host[CARD_ADDRESS_BYTES_MAX + 1];
    uint8_t address; /* index into place */
    uint32_t tried;  /* addresses since the last one that answered */

    uint64_t now_ms; /* mono */
    uint64_t retry_ms;
    uint64_t again_ms; /* 0, or when whoever had no memory for a command should ask again */
    uint64_t pause_ms;
    uint64_t started_ms; /* CONNECTING */
    uint64_t heard_ms;
    uint64_t waiting_ms; /* since when a reply is awaited */

    struct link_keys *keys;
    struct welcome welcome;
    uint8_t *in; /* one message with its length */
    size_t in_len;
    uint8_t *out; /* one record, borrowed by the driver */
    size_t out_len; /* bytes that were not handed out yet */

    struct unit *units; /* encoded commands, the oldest first */
    struct unit **units_end;
    size_t queued;
    struct awaited *awaited;
    struct awaited **awaited_end;
    uint32_t awaited_count;
    uint32_t seq;
    struct call ping;
    struct listener *listeners;
};

/* links: a counter for numbers of links, shared by all connections of a client. Starts IDLE and unwanted. */
void connection_init(struct connection *c, const struct relay_place *place, const struct rng *rng, uint32_t *links,
                     const struct connection_hooks *hooks, uint64_t mono_ms);
/* Wipes; calls and listeners are dropped without a word. */
void connection_clear(struct connection *c);

/* Unwanted: it is closed once nothing waits any more. */
void connection_want(struct connection *c, bool wanted);
void connection_network(struct connection *c, bool available, uint64_t mono_ms);
void connection_advance(struct connection *c, uint64_t mono_ms);
uint64_t connection_deadline(const struct connection *c);

bool connection_io(struct connection *c, zg_io *out);
void connection_opened(struct connection *c, uint64_t mono_ms);
void connection_received(struct connection *c, const uint8_t *data, size_t len, uint64_t mono_ms);
void connection_closed(struct connection *c, uint64_t mono_ms);
void connection_drop(struct connection *c, zg_err why);

/* Whether another command may be queued now. */
bool connection_room(const struct connection *c);
/*
 * Queues a command; its seq is chosen here. ZG_ERR_NETWORK: not OPEN; ZG_ERR_BUSY: no room; ZG_ERR_MEMORY. After an error the call is
 * not in use.
 */
ZG_MUST_CHECK zg_err connection_call(struct connection *c, struct call *call, struct command *command);
/* A further command under the seq of a call: the pieces of SLOT_SET. */
ZG_MUST_CHECK zg_err connection_more(struct connection *c, struct call *call, struct command *command);
/* A command that has no reply: ACK. */
ZG_MUST_CHECK zg_err connection_tell(struct connection *c, struct command *command);
/* The owner is no longer interested; the reply is read and dropped. */
void call_forget(struct call *call);
static inline bool call_waits(const struct call *call)
{
    return call->awaited != NULL;
}

void connection_listen(struct connection *c, struct listener *l, const uint8_t id[WIRE_SUBSCRIPTION_BYTES]);
void listener_remove(struct listener *l);

/* --- connection_records.c: what is inside an open link --- */

/* Encrypts what is queued into out; false: nothing is queued. */
bool connection_seal(struct connection *c);
/* One record that came in, as it stands behind its length; decrypts it in place. *len: of the plaintext. */
ZG_MUST_CHECK zg_err connection_decrypt(struct connection *c, const struct span *body, size_t *len);
/* The commands of the record that was decrypted. */
ZG_MUST_CHECK zg_err connection_take_record(struct connection *c, size_t len);
/* Completes every call with ZG_ERR_NETWORK, tells every listener, drops what is queued. */
void connection_abandon(struct connection *c);
/* The same without telling anybody. */
void connection_abandon_quietly(struct connection *c);

/* Handshake, then the two directions. Secret: sodium_malloc'd. */
struct link_keys {
    struct noise_handshake handshake;
    struct noise_cipher send;
    struct noise_cipher receive;
};

#endif
