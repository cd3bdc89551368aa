/*
 * What the running relay may ask of the system: its folder, the sockets that are open already, time, memory,
 * randomness. For the case that somebody takes the process over through a mistake in it.
 *
 * What only an attacker would want (another program, a new socket, another process) ends the process at once.
 * Anything else that is not on the list is answered ENOSYS, as by an older system, and a newer libc then
 * takes another way: a surprise must not keep people from their messages (docs/decisions.md 56).
 */
#ifndef RELAY_EDGE_SANDBOX_H
#define RELAY_EDGE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Before the loop is made: there is no io_uring, which goes around such rules, and libuv does without. */
void sandbox_prepare(void);

/*
 * For the whole process, all its threads, for good; when everything is open. false: it is not possible here,
 * nothing has changed, and why says what is missing.
 */
bool sandbox_enter(char *why, size_t why_cap);

#endif
