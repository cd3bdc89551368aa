/*
 * One connection to a real relay, for tests that say commands by hand: it blocks. Mistakes of the test, and a
 * relay that says nothing in time, end the program.
 */
#ifndef TESTS_CALLER_H
#define TESTS_CALLER_H

#include "proto/command.h"
#include "proto/noise.h"
#include "proto/secret.h"
#include "tests/integration/relay_process.h"

struct caller {
    int fd;
    struct noise_handshake hs;
    struct noise_cipher in, out;
    uint32_t seq;
    uint8_t bytes[WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX]; /* not understood yet */
    size_t len;
    uint8_t plain[WIRE_RECORD_PLAIN_MAX]; /* of the last record, and where the next unit of it stands */
    struct reader units;
};

void caller_open(struct caller *c, const struct relay_process *r);
void caller_close(struct caller *c);

/* Returns its seq. */
uint32_t caller_say(struct caller *c, struct command *command);
/* The next thing that the relay says; borrows from c until the next call. false: nothing for so long. */
bool caller_hear(struct caller *c, struct command *out, int timeout_ms);
/* The status of the reply to seq, which must be what comes next. */
enum status caller_reply(struct caller *c, uint32_t seq, int timeout_ms);

/* --- queues with secrets made from a number --- */

struct queue_secrets {
    uint8_t put[32], take[32], own[32], end[32];
    struct name put_name, take_name, own_name, end_name;
};

void secrets_from(struct queue_secrets *q, uint32_t n);
/* With a voucher from the program. */
uint32_t caller_create(struct caller *c, const struct relay_process *r, const struct queue_secrets *q);
uint32_t caller_send(struct caller *c, const struct queue_secrets *q, uint32_t handle, uint8_t fill,
                     uint8_t ttl);
uint32_t caller_cancel(struct caller *c, uint32_t handle);
uint32_t caller_delete(struct caller *c, const struct queue_secrets *q);
/* Asserts SUBSCRIBED. */
void caller_subscribe(struct caller *c, const struct queue_secrets *q, uint8_t subscription[8]);
/* What STATUS says of it. */
enum message_fate caller_fate(struct caller *c, uint32_t handle);

#endif
