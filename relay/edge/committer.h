/*
 * The store of the relay's core in production: one thread that owns the engine, jobs in and completions out.
 *
 * Happy path: submit puts a job behind the others and wakes the thread; the thread carries it out and wakes
 * the loop; the loop calls job->done, in the order in which jobs were submitted. Failure: a job that fails is
 * done like every other, with its result. Nothing is lost at the end: committer_close waits until every job
 * was done. A second without a job: the engine rests, and what is free of the heap goes back to the system.
 */
#ifndef RELAY_EDGE_COMMITTER_H
#define RELAY_EDGE_COMMITTER_H

#include <uv.h>

#include "relay/core/store.h"

struct committer;

/* Takes the engine, also on failure. ZG_ERR_MEMORY: no memory or no thread. */
ZG_MUST_CHECK zg_err committer_open(struct committer **out, uv_loop_t *loop, struct engine *engine);

/* To be handed to the core; lives as long as the committer. Used on the loop's thread only. */
struct store *committer_store(struct committer *c);

/*
 * Waits until every job is done, those included that completions submit meanwhile; calls their done; ends the
 * thread and closes the engine. closed (may be NULL) is called from the loop when the committer is freed.
 */
void committer_close(struct committer *c, void (*closed)(void *ctx), void *ctx);

#endif
