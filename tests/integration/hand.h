/* A client of a relay by hand, over TCP: handshake, records, commands, and nothing that a library would do
 * beyond. It waits. */
#ifndef TESTS_HAND_H
#define TESTS_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/command.h"
#include "proto/noise.h"

enum { HAND_BUFFER = 1 << 20 };

struct hand {
    int fd; /* -1: not connected */
    struct noise_cipher in, out;
    uint16_t settle_ms;         /* what the relay's welcome says */
    uint32_t seq;               /* of the last command */
    size_t len;                 /* of what came and was not understood yet */
    size_t plain_at, plain_len; /* of the record that is being read */
    uint8_t bytes[HAND_BUFFER];
    uint8_t plain[WIRE_RECORD_PLAIN_MAX];
};

/* address: as zaguan-relay prints it. false: there is no relay now. */
bool hand_open(struct hand *h, const char *address);
void hand_close(struct hand *h);
/* Sends one command with a seq of its own, which is returned; 0: the connection is lost. */
uint32_t hand_say(struct hand *h, struct command *c);
/* The next thing that the relay says, borrowed until the next call; false: nothing came in so long, or the
 * connection is lost and closed. */
bool hand_hear(struct hand *h, struct command *out, int timeout_ms);

#endif
