#define _GNU_SOURCE
#include "relay/edge/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* linux/magic.h */
#define TMPFS 0x01021994L
#define RAMFS 0x858458f6L

#define SWAPS "/proc/swaps"

#define OWNER "owner"

enum { LOCK_TRIAL = 256 * 1024, OWNER_MAX = 64 };

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

bool on_memory(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && ((long)fs.f_type == TMPFS || (long)fs.f_type == RAMFS);
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

/* fd stays open, and locked, as long as the process lives. */
static bool is_owner(int fd, const char *owner, const char *path, char *why, size_t why_cap)
{
    char text[OWNER_MAX + 1];
    size_t len = strlen(owner);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(why, why_cap, "keys: %s is in use by another relay", path);
        return false;
    }
    ssize_t n = pread(fd, text, sizeof(text), 0);
    if (n == 0)
        n = pwrite(fd, owner, len, 0) == (ssize_t)len && fsync(fd) == 0 ? pread(fd, text, sizeof(text), 0)
                                                                        : -1;
    if (n == (ssize_t)len && memcmp(text, owner, len) == 0)
        return true;
    if (n < 0)
        snprintf(why, why_cap, "keys: %s/" OWNER " cannot be written: %s", path, strerror(errno));
    else
        snprintf(
            why, why_cap,
            "keys: %s belongs to another relay, whose keys would be destroyed; each needs a folder of its "
            "own",
            path);
    return false;
}

static bool claim(const char *path, const char *owner, char *why, size_t why_cap)
{
    char name[512];
    if (snprintf(name, sizeof(name), "%s/" OWNER, path) >= (int)sizeof(name)) {
        snprintf(why, why_cap, "keys: %.100s is too long", path);
        return false;
    }
    int fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (owner != NULL ? O_CREAT : 0), 0600);
    if (fd < 0) {
        snprintf(why, why_cap, "keys: %s: %s", name, strerror(errno));
        return owner == NULL && errno == ENOENT;
    }
    if (owner != NULL && is_owner(fd, owner, path, why, why_cap))
        return true;
    close(fd);
    if (owner == NULL)
        snprintf(why, why_cap,
                 "keys: %s is the folder of a relay that was set up before; if that one never runs again, "
                 "empty it first",
                 path);
    return false;
}

bool keys_prepare(const char *path, const char *owner, bool *is_volatile, char *why, size_t why_cap)
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
        return claim(path, owner, why, why_cap);
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
