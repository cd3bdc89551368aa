/* A real zaguan-relay in a temporary folder, for tests that stop and start it. Mistakes end the program. */
#ifndef TESTS_RELAY_PROCESS_H
#define TESTS_RELAY_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/process.h"

struct relay_process {
    const char *program;
    char folder[64]; /* for whatever the test writes; the relay's folder stands in it */
    char dir[80];
    char address[160]; /* host:port/key, as a desk wants it */
    uint16_t port;
    struct process process; /* pid 0: it does not run */
};

/* Sets up a relay on a free port of 127.0.0.1. settings: further lines of its relay.conf, the first of them still
 * in the section [relay]; may be "". */
void relay_set_up(struct relay_process *r, const char *program, const char *settings);
/* The same settings anew, for the next start. */
void relay_configure(const struct relay_process *r, const char *settings);
/* Starts it and waits until it listens. */
void relay_start(struct relay_process *r);
/* kill -9. */
void relay_kill(struct relay_process *r);
/* SIGTERM; its exit code. */
int relay_stop(struct relay_process *r);
/* Reads what it said, so that it never waits for us; shows it if wanted. false: it ended by itself. */
bool relay_hear(struct relay_process *r, bool show);
/* A voucher for a desk, as text. */
void relay_voucher(const struct relay_process *r, char *out, size_t cap);
/* Kills it and removes the folder. */
void relay_tear_down(struct relay_process *r);

#endif
