/*
 * A relay by hand in the place of the town's, under its key, for one client: it answers everything with ok at once, but for what a test
 * says, and counts. Mistakes here end the program.
 */
#ifndef TESTS_STAND_IN_H
#define TESTS_STAND_IN_H

#include "tests/support/fake_relay.h"
#include "tests/unit/client/town.h"

enum { STAND_IN_OPS = 32, STAND_IN_HANDLES_MAX = 256 };

struct stand_in {
    struct person *person;
    struct fake_relay relay;
    uint32_t link; /* 0: none */
    bool holds[STAND_IN_OPS];           /* such commands are not answered */
    enum status answers[STAND_IN_OPS];  /* by a REPLY that is not ok */
    unsigned count[STAND_IN_OPS];
    uint32_t seq[STAND_IN_OPS];         /* of the last one */
    uint8_t fate;                       /* what STATUS tells of everything */
    uint64_t slot_version;
    uint8_t asked[STAND_IN_HANDLES_MAX][WIRE_HANDLE_BYTES]; /* by STATUS */
    unsigned asked_count;
    uint8_t sent[STAND_IN_HANDLES_MAX][WIRE_HANDLE_BYTES];
    unsigned sent_count;
};

/* The town's relay stops, everybody else is cut off. */
void stand_in_open(struct stand_in *s, struct person *p);
void stand_in_close(struct stand_in *s);
/* Everything that happens now. After an action on the client, too. */
void stand_in_turn(struct stand_in *s);
void stand_in_run(struct stand_in *s, uint64_t ms);
/* The connection breaks. */
void stand_in_break(struct stand_in *s);
/* The client's program ends and starts again. */
void stand_in_restart(struct stand_in *s);

#endif
