/*
 * A vault is erased by who has the file; the passphrase is not needed, and the file may be damaged.
 *
 * Happy path: the journal, then the pages at the beginning, where the box of the vault key stands, are
 * overwritten and synced; from here on nothing can be read. Then the rest; then both files go, and the folder
 * is synced. The first 100 bytes, SQLite's own head without a secret, stay to the last, so that what was cut
 * off can be repeated. Any failure: ZG_ERR_STORAGE, and whatever could be overwritten was.
 */
#define _POSIX_C_SOURCE 200809L

#include <zaguan/vault_sqlite.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/sqlite/vault_file.h"
#include "proto/rng.h"

enum { HEAD_BYTES = 100, APPLICATION_ID_AT = 68, KEYS_BYTES = 64 * 1024, PIECE_BYTES = 16 * 1024 };

/* https://www.sqlite.org/fileformat2.html#the_lock_byte_page */
enum { LOCKS_AT = 0x40000000, LOCKS_BYTES = 512 };

static zg_err overwrite(int fd, off_t from, off_t end)
{
    uint8_t piece[PIECE_BYTES];
    const struct rng rng = rng_system();
    while (from < end) {
        size_t len = end - from < (off_t)sizeof(piece) ? (size_t)(end - from) : sizeof(piece);
        rng_fill(&rng, piece, len); /* zeros might become a hole */
        ssize_t n = pwrite(fd, piece, len, from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ZG_ERR_STORAGE;
        from += n;
    }
    return fsync(fd) == 0 ? ZG_OK : ZG_ERR_STORAGE;
}

/* Nobody loses another file by a wrong name. */
static zg_err check_head(int fd)
{
    uint8_t head[HEAD_BYTES];
    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return ZG_ERR_MALFORMED;
    if (memcmp(head, "SQLite format 3", 16) != 0 || memcmp(head + APPLICATION_ID_AT, "Zagn", 4) != 0)
        return ZG_ERR_MALFORMED;
    return ZG_OK;
}

/* The locks of SQLite: a program that has the vault open would write into it again. */
static zg_err lock(int fd)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = LOCKS_AT, .l_len = LOCKS_BYTES};
    if (fcntl(fd, F_SETLK, &l) == 0)
        return ZG_OK;
    return errno == EACCES || errno == EAGAIN ? ZG_ERR_LOCKED : ZG_ERR_STORAGE;
}

static zg_err open_vault(const char *path, int *fd, struct stat *st)
{
    *fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (*fd < 0)
        return errno == ENOENT                     ? ZG_ERR_NOT_FOUND
               : errno == ELOOP || errno == EISDIR ? ZG_ERR_MALFORMED
                                                   : ZG_ERR_STORAGE;
    zg_err err = fstat(*fd, st) != 0    ? ZG_ERR_STORAGE
                 : S_ISREG(st->st_mode) ? check_head(*fd)
                                        : ZG_ERR_MALFORMED;
    if (err == ZG_OK)
        err = lock(*fd);
    if (err != ZG_OK)
        close(*fd);
    return err;
}

/* Overwritten, but not removed: until the vault's own pages are, it must not be lost what belongs to what. */
static zg_err overwrite_journal(const char *journal)
{
    struct stat st;
    zg_err err = ZG_ERR_STORAGE;
    int fd = open(journal, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? ZG_OK : ZG_ERR_STORAGE;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        err = overwrite(fd, 0, st.st_size);
    close(fd);
    return err;
}

static zg_err remove_file(const char *path)
{
    return truncate(path, 0) == 0 && unlink(path) == 0 ? ZG_OK : ZG_ERR_STORAGE;
}

static zg_err wipe(const char *path, const char *journal)
{
    struct stat st;
    int fd;
    zg_err err = open_vault(path, &fd, &st);
    if (err != ZG_OK)
        return err;
    zg_err first = overwrite_journal(journal);
    err = overwrite(fd, HEAD_BYTES, st.st_size < KEYS_BYTES ? st.st_size : KEYS_BYTES);
    if (err == ZG_OK)
        err = overwrite(fd, KEYS_BYTES, st.st_size);
    if (err == ZG_OK)
        err = first;
    if (err == ZG_OK && access(journal, F_OK) == 0)
        err = remove_file(journal);
    if (err == ZG_OK)
        err = remove_file(path);
    close(fd); /* with it goes the lock */
    return err == ZG_OK ? vault_folder_sync(path) : err;
}

zg_err zg_vault_sqlite_wipe(const char *path)
{
    if (path == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    size_t len = strlen(path) + sizeof("-journal");
    char *journal = malloc(len);
    if (journal == NULL)
        return ZG_ERR_MEMORY;
    snprintf(journal, len, "%s-journal", path);
    zg_err err = wipe(path, journal);
    free(journal);
    return err;
}
