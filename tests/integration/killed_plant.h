/* Damage done to a relay's database while the relay is down, to see that the test of the kills finds it. */
#ifndef TESTS_KILLED_PLANT_H
#define TESTS_KILLED_PLANT_H

enum killed_plant { KILLED_NOTHING, KILLED_LOSE, KILLED_REVIVE };

/* LOSE: deletes a message that waits. REVIVE: puts the database of the kill before back, every tenth time. */
void killed_plant(enum killed_plant what, const char *relay_dir);

#endif
