/* The system's VFS with a disk that fails when it is told to. One for a process; tests are single-threaded.
 */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <stdbool.h>
#include <stdint.h>

#define FAULT_VFS_NAME "fault"

enum fault_kind {
    FAULT_NONE,
    FAULT_IO,    /* writes, syncs and truncations answer SQLITE_IOERR */
    FAULT_FULL,  /* writes answer SQLITE_FULL */
    FAULT_DEATH, /* the process ends at a write, sync or truncation, with FAULT_DEATH_STATUS */
};

enum { FAULT_DEATH_STATUS = 77 };

void fault_vfs_register(void);
/* From the n-th write, sync or truncation on (0: from the next one), `times` of them fail; UINT32_MAX: all.
 */
void fault_vfs_arm(enum fault_kind kind, uint32_t after, uint32_t times);
/* How many failed since it was armed. */
uint32_t fault_vfs_hits(void);
/* Whether a file was truncated and nothing was synced after it. */
bool fault_vfs_truncation_unsynced(void);
/* Syncs of any file since the start. */
uint64_t fault_vfs_syncs(void);

#endif
