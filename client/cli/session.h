/*
 * The loop of every subcommand that talks to the client library.
 *
 * Happy path: session_open (vault, client, driver) -> (the conversation is found) -> ready -> the subcommand acts, session_act after each round of
 * actions -> event for each thing that happens -> session_end -> session_run closes everything and returns the exit code.
 * A signal, or the time limit, ends it in the same way. Keys in memory are wiped in all cases.
 */
#ifndef CLIENT_CLI_SESSION_H
#define CLIENT_CLI_SESSION_H

#include <stdbool.h>
#include <uv.h>

#include <zaguan/uv.h>

#include "client/cli/common.h"

struct session;

struct session_handler {
    void (*ready)(struct session *s);                        /* actions are possible */
    void (*event)(struct session *s, const zg_event *event); /* every event after ready; may be NULL */
    void (*late)(struct session *s);                         /* the time limit of session_limit is reached */
    void (*ended)(struct session *s);                        /* closes the subcommand's own handles; may be NULL */
};

enum { SESSION_SIGNALS = 4 };

struct session {
    uv_loop_t loop;
    zg_client *client;
    zg_uv *driver;
    const struct session_handler *handler;
    void *ctx; /* the subcommand's */
    uv_signal_t signals[SESSION_SIGNALS];
    uv_timer_t limit;
    bool reached;   /* a relay, at least once */
    bool connected; /* now */
    const char *seeking;  /* beginning of a conversation's id, until it is found */
    zg_id conversation;   /* what was found */
    bool reading_events;
    bool ended;
    int code;
};

struct session_options {
    const struct common *common;
    const struct session_handler *handler;
    void *ctx;
    zg_vault *vault; /* taken, also on failure; NULL: in memory */
    /*
     * Beginning of a conversation's id; NULL: none is needed. A knock that nobody answered is at the relay only, so it may
     * take a moment to be found; without it the session ends with NOT_THERE.
     */
    const char *prefix;
    bool offline;
};

/* An exit code; what was wrong was said. On success, session_run must follow. */
int session_open(struct session *s, const struct session_options *options);
/* Returns the exit code after session_end. */
int session_run(struct session *s);
/* Ends soon; the first code counts. */
void session_end(struct session *s, int code);
/* After actions: I/O, timers, events. */
void session_act(struct session *s);
/* Calls late after so many milliseconds from now; 0: never. */
void session_limit(struct session *s, uint64_t ms);
zg_now session_now(const struct session *s);

/* --- vaults --- */

/* Asks for the passphrase and opens the vault that the options name. An exit code; what was wrong was said. */
int session_vault_open(zg_vault **out, const struct common *c);
/* Says what is the matter with a vault, and what can be done; the exit code. */
int session_vault_complain(zg_err err, const char *path);

/* --- conversations by their short names --- */

enum { SHORT_ID_BYTES = 2 * ZG_ID_BYTES + 1 };

/* As many hexadecimal digits as tell it from every other conversation, at least 6. */
void session_short_id(const struct session *s, const zg_id *id, char out[SHORT_ID_BYTES]);
#endif
