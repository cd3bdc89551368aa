/*
 * A file is the key and a check over id and key, so that a torn one is told from a whole one. It is never
 * changed: written once, overwritten with zeros once.
 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/bytes.h"
#include "proto/labels.h"
#include "relay/store/epoch.h"

#define PREFIX "epoch-"

enum {
    CHECK_BYTES = 16,
    FILE_BYTES = EPOCH_KEY_BYTES + CHECK_BYTES,
    PREFIX_LEN = sizeof(PREFIX) - 1,
    NAME_LEN = PREFIX_LEN + 8
};

struct epoch_files {
    struct key_place place; /* first: the caller's handle */
    char folder[];
};

static int open_folder(const struct key_place *place, int *fd)
{
    const struct epoch_files *f = (const struct epoch_files *)place;
    *fd = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd < 0 ? errno : 0;
}

static void name_of(uint32_t id, char out[NAME_LEN + 1])
{
    snprintf(out, NAME_LEN + 1, PREFIX "%08x", (unsigned)id);
}

/* The id of a key's file; 0: it is none. */
static uint32_t id_of(const char *name)
{
    char again[NAME_LEN + 1];
    if (strlen(name) != NAME_LEN || memcmp(name, PREFIX, PREFIX_LEN) != 0)
        return 0;
    unsigned long id = strtoul(name + PREFIX_LEN, NULL, 16);
    if (id > EPOCH_ID_MAX)
        return 0;
    name_of((uint32_t)id, again);
    return strcmp(name, again) == 0 ? (uint32_t)id : 0;
}

static void check_of(uint32_t id, const uint8_t key[EPOCH_KEY_BYTES], uint8_t out[CHECK_BYTES])
{
    crypto_generichash_state h;
    const uint8_t number[4] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    crypto_generichash_init(&h, NULL, 0, CHECK_BYTES);
    crypto_generichash_update(&h, (const uint8_t *)LABEL_EPOCH_FILE, sizeof(LABEL_EPOCH_FILE) - 1);
    crypto_generichash_update(&h, number, sizeof(number));
    crypto_generichash_update(&h, key, EPOCH_KEY_BYTES);
    crypto_generichash_final(&h, out, CHECK_BYTES);
    sodium_memzero(&h, sizeof(h));
}

/* Closes fd; 0 or the first errno. */
static int sync_and_close(int fd, int err)
{
    if (err == 0 && fsync(fd) != 0)
        err = errno;
    if (close(fd) != 0 && err == 0)
        err = errno;
    return err;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_key(int folder, const char *name, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    uint8_t bytes[FILE_BYTES];
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno;
    memcpy(bytes, key, EPOCH_KEY_BYTES);
    check_of(id, key, bytes + EPOCH_KEY_BYTES);
    int err = sync_and_close(fd, write_all(fd, bytes, sizeof(bytes)));
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

static int add(struct key_place *place, uint32_t id, const uint8_t key[EPOCH_KEY_BYTES])
{
    char name[NAME_LEN + 1];
    int folder, err = open_folder(place, &folder);
    if (err != 0)
        return err;
    name_of(id, name);
    err = write_key(folder, name, id, key);
    int synced = sync_and_close(folder, 0);
    if (err == 0)
        err = synced;
    /* A key that nothing was sealed under yet: if this fails too, the next start destroys it. */
    if (err != 0 && err != EEXIST)
        (void)place->destroy(place, id);
    return err;
}

/* On a disk without room even this may not be possible where nothing is overwritten in place: then it is
 * unlinked as it is. */
static int overwrite(int folder, const char *name)
{
    static const uint8_t zeros[FILE_BYTES];
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    int err = sync_and_close(fd, write_all(fd, zeros, sizeof(zeros)));
    return err == ENOSPC || err == EDQUOT ? 0 : err;
}

static int destroy(struct key_place *place, uint32_t id)
{
    char name[NAME_LEN + 1];
    int folder, err = open_folder(place, &folder);
    if (err != 0)
        return err;
    name_of(id, name);
    err = overwrite(folder, name);
    if (err == 0 && unlinkat(folder, name, 0) != 0)
        err = errno;
    return sync_and_close(folder, err == ENOENT ? 0 : err);
}

/* *whole: false if the file is torn or damaged. */
static int read_key(int folder, const char *name, uint32_t id, uint8_t bytes[FILE_BYTES + 1], bool *whole)
{
    uint8_t check[CHECK_BYTES];
    size_t len = 0;
    ssize_t n;
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno;
    while (len <= FILE_BYTES && (n = read(fd, bytes + len, FILE_BYTES + 1 - len)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            int err = errno;
            close(fd);
            return err;
        }
        len += (size_t)n;
    }
    close(fd);
    check_of(id, bytes, check);
    *whole = len == FILE_BYTES && sodium_memcmp(check, bytes + EPOCH_KEY_BYTES, CHECK_BYTES) == 0;
    return 0;
}

static int load_one(struct key_place *place, int folder, const char *name, key_found_fn *found, void *ctx)
{
    uint8_t bytes[FILE_BYTES + 1] = {0};
    bool whole = false;
    uint32_t id = id_of(name);
    if (id == 0)
        return 0;
    int err = read_key(folder, name, id, bytes, &whole);
    if (err == 0 && whole)
        err = found(ctx, id, bytes);
    else if (err == 0)
        (void)place->destroy(place, id);
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

static int load(struct key_place *place, key_found_fn *found, void *ctx)
{
    int folder, err = open_folder(place, &folder);
    if (err != 0)
        return err;
    DIR *dir = fdopendir(folder);
    if (dir == NULL) {
        err = errno;
        close(folder);
        return err;
    }
    errno = 0;
    for (struct dirent *d; err == 0 && (d = readdir(dir)) != NULL; errno = 0)
        err = load_one(place, folder, d->d_name, found, ctx);
    if (err == 0)
        err = errno;
    closedir(dir);
    return err;
}

static void close_place(struct key_place *place)
{
    free(place);
}

struct key_place *epoch_files_new(const char *folder)
{
    size_t len = strlen(folder) + 1;
    struct epoch_files *f = malloc(sizeof(*f) + len);
    if (f == NULL)
        return NULL;
    f->place = (struct key_place){load, add, destroy, close_place};
    memcpy(f->folder, folder, len);
    return &f->place;
}
