/*
 * Queues, slots and vouchers at a real relay, with what secrets of them look like to it: one that never was,
 * of one that was deleted, of one that is there in another role. Mistakes end the program.
 */
#ifndef TESTS_ESTATE_H
#define TESTS_ESTATE_H

#include "proto/secret.h"
#include "proto/wire.h"
#include "tests/integration/hand.h"
#include "tests/integration/relay_process.h"

/* So many of each: one alone would be known better to every cache than another. */
enum { ESTATE_EACH = 16 };

struct holding {
    uint8_t put[WIRE_SECRET_BYTES], take[WIRE_SECRET_BYTES], own[WIRE_SECRET_BYTES], end[WIRE_SECRET_BYTES];
    uint8_t voucher[WIRE_SECRET_BYTES];
};

/* Of a slot put is read, take is write. */
struct estate {
    struct holding never[ESTATE_EACH];
    struct holding queues[ESTATE_EACH], deleted_queues[ESTATE_EACH];
    struct holding slots[ESTATE_EACH], deleted_slots[ESTATE_EACH];
};

/* Sends and waits for the reply to it; everything that comes before it is ignored. */
enum status hand_ask(struct hand *h, struct command *c);

/* Makes them all over the connection. */
void estate_make(struct estate *e, struct hand *h, const struct relay_process *r);

#endif
