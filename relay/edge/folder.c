#define _GNU_SOURCE
#include "relay/edge/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING, SECRET_TEXT_LEN = 43 };

/* --- entering --- */

static bool enter(const char *dir)
{
    struct stat st;
    if (chdir(dir) != 0 || stat(".", &st) != 0) {
        fprintf(stderr, "zaguan-relay: %s: %s\n", dir, strerror(errno));
        return false;
    }
    /* Its owner could have us write through links of his; and what we write he could not use. */
    if (st.st_uid != geteuid()) {
        fprintf(stderr,
                "zaguan-relay: %s belongs to another account; run this as that one: sudo -u \\#%u ...\n", dir,
                (unsigned)st.st_uid);
        return false;
    }
    if ((st.st_mode & 077) != 0) {
        fprintf(stderr, "zaguan-relay: others may look into %s; say: chmod 700 %s\n", dir, dir);
        return false;
    }
    return true;
}

bool folder_create(const char *dir)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "zaguan-relay: %s cannot be created: %s\n", dir, strerror(errno));
        return false;
    }
    return enter(dir);
}

bool folder_enter(const char *dir)
{
    if (!enter(dir))
        return false;
    if (access(FOLDER_CONFIG, F_OK) == 0 || access(FOLDER_KEY, F_OK) == 0)
        return true;
    fprintf(stderr, "zaguan-relay: %s is not set up as a relay's folder; say: zaguan-relay init %s\n", dir,
            dir);
    return false;
}

enum folder_lock folder_lock(void)
{
    int fd = open(FOLDER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        fprintf(stderr, "zaguan-relay: the file %s cannot be opened: %s\n", FOLDER_LOCK, strerror(errno));
        return FOLDER_LOCK_FAILED;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return FOLDER_LOCK_OURS; /* fd stays open as long as the process lives */
    int why = errno;
    close(fd);
    if (why == EWOULDBLOCK)
        return FOLDER_LOCK_THEIRS;
    fprintf(stderr, "zaguan-relay: the file %s cannot be locked: %s\n", FOLDER_LOCK, strerror(why));
    return FOLDER_LOCK_FAILED;
}

/* --- files --- */

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sync_folder(void)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

bool folder_write_new(const char *name, const void *data, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fprintf(stderr, "zaguan-relay: %s cannot be created: %s\n", name, strerror(errno));
        return false;
    }
    bool ok = write_all(fd, data, len) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (ok && sync_folder())
        return true;
    fprintf(stderr, "zaguan-relay: %s cannot be written: %s\n", name, strerror(why));
    unlink(name);
    return false;
}

/* --- the key --- */

bool relay_key_create(struct relay_key *out)
{
    char text[SECRET_TEXT_LEN + 2];
    randombytes_buf(out->sk, sizeof(out->sk));
    crypto_scalarmult_base(out->pk, out->sk);
    sodium_bin2base64(text, sizeof(text), out->sk, sizeof(out->sk), VARIANT);
    text[SECRET_TEXT_LEN] = '\n';
    bool ok = folder_write_new(FOLDER_KEY, text, SECRET_TEXT_LEN + 1);
    sodium_memzero(text, sizeof(text));
    return ok;
}

/* The whole of a small file; -1 if it cannot be read or others could. */
static ssize_t read_private(const char *name, char *out, size_t cap)
{
    struct stat st;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fprintf(stderr, "zaguan-relay: %s: %s\n", name, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if ((st.st_mode & 077) != 0) {
        fprintf(stderr,
                "zaguan-relay: others may read %s; say: chmod 600 %s, and think about whether somebody did\n",
                name, name);
        close(fd);
        return -1;
    }
    ssize_t n = read(fd, out, cap);
    close(fd);
    return n;
}

bool relay_key_read(struct relay_key *out)
{
    char text[64];
    size_t got = 0;
    const char *end = NULL;
    bool ok = false;

    ssize_t n = read_private(FOLDER_KEY, text, sizeof(text));
    if (n < 0)
        goto out;
    while (n > 0 && text[n - 1] == '\n')
        n--;
    if (n != SECRET_TEXT_LEN ||
        sodium_base642bin(out->sk, sizeof(out->sk), text, (size_t)n, NULL, &got, &end, VARIANT) != 0 ||
        got != sizeof(out->sk) || end != text + n) {
        fprintf(stderr, "zaguan-relay: %s is damaged; put back a copy of it, contact cards depend on it\n",
                FOLDER_KEY);
        goto out;
    }
    crypto_scalarmult_base(out->pk, out->sk);
    ok = true;
out:
    sodium_memzero(text, sizeof(text));
    if (!ok)
        relay_key_clear(out);
    return ok;
}

void relay_key_clear(struct relay_key *k)
{
    sodium_memzero(k, sizeof(*k));
}

void relay_key_text(const struct relay_key *k, char out[RELAY_PK_TEXT_LEN + 1])
{
    sodium_bin2base64(out, RELAY_PK_TEXT_LEN + 1, k->pk, sizeof(k->pk), VARIANT);
}

/* --- the disk --- */

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

bool folder_measure_sync(uint32_t times, uint32_t *slowest_ms)
{
    static const char name[] = "disk-test";
    char block[4096] = {0};
    uint64_t slowest = 0;
    bool ok = true;

    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    for (uint32_t i = 0; i < times && ok; i++) {
        uint64_t start = now_us();
        ok = write_all(fd, block, sizeof(block)) && fdatasync(fd) == 0;
        uint64_t took = now_us() - start;
        if (took > slowest)
            slowest = took;
    }
    close(fd);
    unlink(name);
    if (ok)
        *slowest_ms = (uint32_t)((slowest + 999) / 1000);
    return ok;
}
