/* Where epoch keys lie (docs/protocol.md section 4.1): on a disk, or in memory only. */
#ifndef RELAY_EDGE_KEYS_H
#define RELAY_EDGE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

/* Is swap space in use, by a file like /proc/swaps? What cannot be read counts as none. */
bool swap_in_use(const char *swaps);

/* Is it on a file system in memory? What cannot be looked at is not. */
bool on_memory(const char *path);

/*
 * Makes the folder `path` if it is not there, 0700, and takes it for a relay for as long as the process
 * lives: owner is that relay's public key as text, kept in a file of the folder. A folder of another relay is
 * refused, because keys that a database does not name are destroyed. owner NULL: for a database that is to be
 * made; refused if anybody's. *is_volatile: it lies on a file system in memory; that is refused while swap is
 * on, because what lies in memory gets to a disk then. false: why says what is wrong and what to do.
 */
bool keys_prepare(const char *path, const char *owner, bool *is_volatile, char *why, size_t why_cap);

/* Whether the system lets us lock secrets in memory. */
bool memory_can_be_locked(void);

#endif
