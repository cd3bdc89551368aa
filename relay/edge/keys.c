#define _GNU_SOURCE
#include "relay/edge/keys.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* linux/magic.h */
#define TMPFS 0x01021994L
#define RAMFS 0x858458f6L

#define SWAPS "/proc/swaps"

enum { LOCK_TRIAL = 256 * 1024 };

/* A head, and one line for each. */
bool swap_in_use(const char *swaps)
{
    char line[512];
    int lines = 0;
    FILE *in = fopen(swaps, "r");
    if (in == NULL)
        return false;
    while (fgets(line, sizeof(line), in) != NULL)
        lines++;
    fclose(in);
    return lines > 1;
}

static bool is_private(const char *path, char *why, size_t why_cap)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        snprintf(why, why_cap, "keys: %s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
        snprintf(
            why, why_cap,
            "keys: %s must be a folder of this account that nobody else may look into; say: chmod 700 %s",
            path, path);
        return false;
    }
    return true;
}

bool keys_prepare(const char *path, bool *is_volatile, char *why, size_t why_cap)
{
    struct statfs fs;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        snprintf(why, why_cap, "keys: %s cannot be made: %s", path, strerror(errno));
        return false;
    }
    if (!is_private(path, why, why_cap))
        return false;
    if (statfs(path, &fs) != 0) {
        snprintf(why, why_cap, "keys: %s: %s", path, strerror(errno));
        return false;
    }
    *is_volatile = (long)fs.f_type == TMPFS || (long)fs.f_type == RAMFS;
    if (!*is_volatile || !swap_in_use(SWAPS))
        return true;
    snprintf(why, why_cap,
             "keys: %s lies in memory, but swap is on, so that memory gets to a disk; say: swapoff -a, and "
             "take it out of /etc/fstab",
             path);
    return false;
}

bool memory_can_be_locked(void)
{
    void *trial = mmap(NULL, LOCK_TRIAL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED)
        return false;
    bool ok = mlock(trial, LOCK_TRIAL) == 0;
    munmap(trial, LOCK_TRIAL);
    return ok;
}
