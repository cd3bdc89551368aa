/*
 * Preloaded into a relay: while the file $FAULT_DISK exists, whatever would change or sync a file in the
 * folder $FAULT_FOLDER fails with the number that stands in it, or, if that is negative, only what would
 * truncate one; the clock goes ahead by the seconds in $FAULT_CLOCK.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* The number in the file that a variable names; 0: there is none. */
static long number_in(const char *variable)
{
    const char *path = getenv(variable);
    char text[32] = "";
    int before = errno;
    int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        errno = before;
        return 0;
    }
    ssize_t n = read(fd, text, sizeof(text) - 1);
    close(fd);
    errno = before;
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int is_ours(int fd)
{
    const char *folder = getenv("FAULT_FOLDER");
    char link[64], path[4096];
    struct stat st;
    if (folder == NULL || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    return n > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static int fails_with(int fd, long why)
{
    if (why <= 0 || !is_ours(fd))
        return 0;
    errno = (int)why;
    return 1;
}

static int fails(int fd)
{
    return fails_with(fd, number_in("FAULT_DISK"));
}

static int truncation_fails(int fd)
{
    return fails_with(fd, labs(number_in("FAULT_DISK")));
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Found by the loader. */
#define SEEN __attribute__((visibility("default")))

#define FAULTY_IF(failure, result, name, parameters, arguments) \
    SEEN result name parameters \
    { \
        return failure(fd) ? -1 : REAL(name) arguments; \
    }
#define FAULTY(result, name, parameters, arguments) FAULTY_IF(fails, result, name, parameters, arguments)

FAULTY(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
FAULTY(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
FAULTY(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
FAULTY_IF(truncation_fails, int, ftruncate, (int fd, off_t size), (fd, size))
FAULTY_IF(truncation_fails, int, ftruncate64, (int fd, off64_t size), (fd, size))
FAULTY(int, fsync, (int fd), (fd))
FAULTY(int, fdatasync, (int fd), (fd))

SEEN int clock_gettime(clockid_t clock, struct timespec *t)
{
    int rc = REAL(clock_gettime)(clock, t);
    if (rc == 0 && clock == CLOCK_REALTIME)
        t->tv_sec += number_in("FAULT_CLOCK");
    return rc;
}
