/*
 * What the scenes of the forensic test play on: a relay, a worker and her, a clock that all take for theirs,
 * and a look at what is left of something in every place.
 */
#ifndef TESTS_FORENSIC_STAGE_H
#define TESTS_FORENSIC_STAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/forensic/capture.h"
#include "tests/integration/cli/desk_world.h"

#define WHAT_WORDS "words"

enum { TEXT_BYTES = 96, HOUR_S = 3600, DAY_S = 24 * HOUR_S };
enum place { RELAY_FILES = 1, RELAY_MEMORY = 2, VAULT_FILES = 4, WORKER_MEMORY = 8, HER_MEMORY = 16 };

extern struct desk_world world;
extern struct process her, worker; /* pid 0: it does not run */
extern bool memory_seen;           /* memory of other processes could be read */
extern int faults;

/* Words that nobody ever said. */
void new_text(char out[TEXT_BYTES + 1]);
_Noreturn void give_up(const char *what);
void say(struct process *who, const char *text);
void expect(struct process *who, const char *event, const char *part);
void worker_begins(const char *conversation);
void worker_leaves(void);

void clock_start(const char *library, const char *folder);
/* Programs that wait for something notice it when they are spoken to. */
void pass_time(int64_t seconds);
void wait_ms(int ms);

/* The scan must see what is there: all pieces of this kind. */
void must_find(struct wanted *w, unsigned places, const char *what, const char *when);
void must_be_gone(struct wanted *w, unsigned places, const char *when);

#endif
