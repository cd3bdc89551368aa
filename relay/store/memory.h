/* The engine of store.h in memory, for tests: the same outcomes as SQLite's, nothing kept. */
#ifndef RELAY_STORE_MEMORY_H
#define RELAY_STORE_MEMORY_H

#include "relay/core/store.h"

/* NULL: no memory. */
struct engine *memory_engine_new(void);

/* Every n-th job from now on fails with ZG_ERR_STORAGE and changes nothing; 0 turns it off. */
void memory_engine_fail(struct engine *e, uint32_t every);

#endif
