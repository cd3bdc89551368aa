#define _POSIX_C_SOURCE 200809L

#include "client/cli/organisation_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/passphrase/box.h"
#include "proto/labels.h"

static const char head[] = "zaguan organisation\n";

enum { HEAD_BYTES = sizeof(head) - 1, FILE_BYTES = HEAD_BYTES + ZG_ORGANISATION_BYTES + BOX_OVERHEAD };

static struct span bytes_of(const struct secret_line *s)
{
    return (struct span){(const uint8_t *)s->at, s->len};
}

/* A copy on another medium is one only when its name is there too. */
static bool sync_folder(const char *path)
{
    char *copy = strdup(path);
    int fd = copy != NULL ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(copy);
    return synced;
}

static zg_err write_file(const char *path, const uint8_t data[FILE_BYTES])
{
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? ZG_ERR_CONFLICT : ZG_ERR_STORAGE;
    bool whole = write(fd, data, FILE_BYTES) == FILE_BYTES && fsync(fd) == 0;
    if (close(fd) == 0 && whole && sync_folder(path))
        return ZG_OK;
    unlink(path);
    return ZG_ERR_STORAGE;
}

zg_err organisation_file_create(const char *path, const zg_organisation *o, const struct secret_line *passphrase)
{
    uint8_t saved[ZG_ORGANISATION_BYTES];
    uint8_t data[FILE_BYTES];
    const struct rng rng = rng_system();

    memcpy(data, head, HEAD_BYTES);
    zg_organisation_save(o, saved);
    zg_err err = box_make(data + HEAD_BYTES, SPAN_LABEL(LABEL_ORGANISATION_FILE), bytes_of(passphrase),
                          box_cost_default(), saved, sizeof(saved), &rng);
    sodium_memzero(saved, sizeof(saved));
    return err == ZG_OK ? write_file(path, data) : err;
}

/* One byte more than a whole file has is asked for: a longer one is none. */
static zg_err read_file(const char *path, uint8_t data[FILE_BYTES])
{
    uint8_t more[FILE_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ZG_ERR_NOT_FOUND : ZG_ERR_STORAGE;
    ssize_t n = read(fd, more, sizeof(more));
    close(fd);
    if (n < 0)
        return ZG_ERR_STORAGE;
    if (n != FILE_BYTES || memcmp(more, head, HEAD_BYTES) != 0)
        return ZG_ERR_MALFORMED;
    memcpy(data, more, FILE_BYTES);
    return ZG_OK;
}

static zg_err open_box(zg_organisation **out, const uint8_t data[FILE_BYTES], const struct secret_line *passphrase)
{
    uint8_t saved[ZG_ORGANISATION_BYTES];
    zg_err err = box_open(saved, SPAN_LABEL(LABEL_ORGANISATION_FILE), bytes_of(passphrase), data + HEAD_BYTES,
                          FILE_BYTES - HEAD_BYTES);
    if (err == ZG_OK)
        err = zg_organisation_load(out, saved, sizeof(saved));
    sodium_memzero(saved, sizeof(saved));
    return err;
}

zg_err organisation_file_open(zg_organisation **out, const char *path, const struct secret_line *passphrase)
{
    uint8_t data[FILE_BYTES];
    zg_err err = read_file(path, data);
    return err == ZG_OK ? open_box(out, data, passphrase) : err;
}

zg_err organisation_file_copy(const char *from, const char *to, const struct secret_line *passphrase)
{
    uint8_t data[FILE_BYTES];
    zg_organisation *o = NULL;
    zg_err err = read_file(from, data);
    if (err == ZG_OK)
        err = open_box(&o, data, passphrase);
    zg_organisation_free(o);
    return err == ZG_OK ? write_file(to, data) : err;
}

int organisation_file_load(zg_organisation **out, const char *path, int passphrase_fd)
{
    struct secret_line passphrase;
    char what[96];
    if (access(path, F_OK) != 0)
        return complain(NOT_THERE, "%s: %s; `zaguan organisation create' makes one", path, strerror(errno));
    snprintf(what, sizeof(what), "the organisation in %.60s", path);
    int code = prompt_passphrase(&passphrase, passphrase_fd, PASSPHRASE_EXISTING, what);
    if (code != DONE)
        return code;
    zg_err err = organisation_file_open(out, path, &passphrase);
    secret_line_clear(&passphrase);
    return err == ZG_OK ? DONE : complain_err(err, path);
}
