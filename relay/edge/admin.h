/*
 * The local socket control.sock (0600): one request line, an answer, end. For zaguan-relay itself.
 *
 *   status                    ok, then lines of "name value"
 *   voucher KIND NAME         ok; KIND is a number of section 1, NAME 32 hex digits: the secret stays with
 * who asks
 *
 *   backup SCOPE PATH         ok, when it is done; SCOPE is a number of enum backup_scope, PATH begins with /
 *
 * or "error words". A line is at most ADMIN_LINE_MAX bytes; who sends more, or is one too many, is cut off.
 */
#ifndef RELAY_EDGE_ADMIN_H
#define RELAY_EDGE_ADMIN_H

#include <uv.h>

#include "relay/core/relay.h"
#include "relay/edge/status.h"

enum { ADMIN_LINE_MAX = 1100, ADMIN_ANSWER_MAX = 2048 + 64, VOUCHER_DAYS = 30 };

struct admin;

struct admin_options {
    uv_loop_t *loop;
    struct relay *relay;              /* borrowed until admin_close */
    struct store *store;              /* borrowed until no job is on the way */
    const struct status_facts *facts; /* borrowed until admin_close */
};

/* Binds the socket in the current folder, replacing what is there. ZG_ERR_MEMORY, ZG_ERR_STORAGE (why says
 * what). */
ZG_MUST_CHECK zg_err admin_open(struct admin **out, const struct admin_options *options, char *why,
                                size_t why_cap);
/* Once in each turn of the loop: accepts who called when there was no memory. */
void admin_turn(struct admin *a);
/* Closes everything; frees when all callbacks and jobs have come back. Removes the socket. */
void admin_close(struct admin *a);

/* The hour since 1970 at which a voucher made in this one is gone. */
uint32_t voucher_end_hour(uint32_t hour);

#endif
