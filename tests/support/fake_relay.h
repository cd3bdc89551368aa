/*
 * The relay's end of one link, without a relay behind it: handshake, records, commands. A test says what it answers. Mistakes
 * here end the program.
 */
#ifndef TESTS_FAKE_RELAY_H
#define TESTS_FAKE_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/command.h"
#include "proto/noise.h"
#include "tests/support/support.h"

enum { FAKE_COMMANDS_MAX = 1024, FAKE_BUFFER = 1 << 20 };

struct fake_relay {
    uint8_t sk[32];
    uint8_t pk[32];
    struct rng_seed seed;
    struct rng rng;
    uint8_t welcome[WIRE_WELCOME_PAYLOAD_BYTES]; /* what message 2 will say */

    bool open;
    struct noise_handshake handshake;
    struct noise_cipher send;
    struct noise_cipher receive;
    uint8_t *in;
    size_t in_len;
    uint8_t *out; /* for the client; the test takes it and sets out_len to 0 */
    size_t out_len;

    uint8_t *units[FAKE_COMMANDS_MAX]; /* commands that came and were not asked for yet */
    size_t unit_lens[FAKE_COMMANDS_MAX];
    size_t unit_count;
    uint8_t *current;
    uint32_t records; /* received */
};

void fake_relay_init(struct fake_relay *r, uint64_t seed, uint32_t utc_minute);
void fake_relay_clear(struct fake_relay *r);
/* Another link begins. */
void fake_relay_restart(struct fake_relay *r);
/* Bytes of the client: answers the handshake, collects commands. */
void fake_relay_receive(struct fake_relay *r, const uint8_t *data, size_t len);
/* The next command; false: none. Borrowed until the next call. */
bool fake_relay_next(struct fake_relay *r, struct command *out);
/* The next command, which must be this one. */
struct command fake_relay_expect(struct fake_relay *r, enum op op);
/* Says some commands in one record. */
void fake_relay_say(struct fake_relay *r, const struct command *commands, size_t count);
void fake_relay_reply(struct fake_relay *r, uint32_t seq, enum status status, uint32_t retry_after);
/* A record with this plaintext, as it is. */
void fake_relay_say_plain(struct fake_relay *r, const uint8_t *plain, size_t len);

#endif
