/* Damage done to a relay's database while the relay is down, to see that the test of the talkers finds it. */
#ifndef TESTS_TALKERS_PLANT_H
#define TESTS_TALKERS_PLANT_H

#include <stdint.h>

enum plant { PLANT_NOTHING, PLANT_LOSE, PLANT_SWAP };

/* LOSE: deletes all messages that wait. SWAP: exchanges the envelopes of the first two neighbours. Returns
 * the rows that were changed. */
uint32_t plant_do(enum plant what, const char *relay_dir);
/* Messages that wait in the database of a relay that is down. */
uint32_t plant_waiting(const char *relay_dir);

#endif
