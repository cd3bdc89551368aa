/*
 * A folder in memory as the disk under SQLite, which can write down on a tape what is done to it; and the
 * ways in which it can be a bad disk, to see that a test notices. One for each name of a VFS;
 * single-threaded.
 */
#ifndef TESTS_POWERCUT_DISK_H
#define TESTS_POWERCUT_DISK_H

#include "tests/powercut/tape.h"

enum disk_fault {
    DISK_SOUND,
    DISK_NO_SYNC,         /* says that it synced, and did not */
    DISK_NO_JOURNAL_SYNC, /* of WAL and rollback journal only */
    DISK_NO_FOLDER_SYNC,
};

struct disk {
    struct folder folder;
    struct tape *tape; /* NULL: nothing is written down */
    enum disk_fault fault;
};

void disk_clear(struct disk *d);
/* A VFS of this name works on the disk, which stays where it is as long as it is used. Paths are names in its
 * folder. */
void disk_vfs_register(struct disk *d, const char *name);

/* What programs do beside SQLite: a new file that is empty and durable, with its name. */
void disk_make_file(struct disk *d, const char *name);
void disk_write(struct disk *d, const char *name, uint64_t at, const void *data, size_t len);
void disk_sync(struct disk *d, const char *name);
void disk_delete(struct disk *d, const char *name);
void disk_folder_sync(struct disk *d);

#endif
