#define _POSIX_C_SOURCE 200809L
#include "relay/edge/copy.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/edge/folder.h"
#include "relay/edge/watch.h"

enum { SLICE_ROWS = 64, FILE_MAX = 64 * 1024 };

/* The whole of a file of the folder. */
static bool read_blob(struct backup_blob *out, const char *name)
{
    FILE *in = fopen(name, "rb");
    uint8_t *data = in != NULL ? malloc(FILE_MAX) : NULL;
    if (data == NULL) {
        if (in != NULL)
            fclose(in);
        return false;
    }
    setvbuf(in, NULL, _IONBF, 0); /* no copy that is not wiped */
    size_t len = fread(data, 1, FILE_MAX, in);
    bool good = !ferror(in) && len < FILE_MAX;
    fclose(in);
    *out = (struct backup_blob){name, data, len};
    return good;
}

bool copy_begin(struct copy *c, const char *path, enum backup_scope scope, char *why, size_t why_cap)
{
    static const char *const files[COPY_FILES] = {FOLDER_KEY, FOLDER_CONFIG};

    memset(c, 0, sizeof(*c));
    if (path[0] != '/' || strlen(path) > COPY_PATH_MAX) {
        snprintf(why, why_cap, "a backup needs a path from / on, of at most %d bytes", COPY_PATH_MAX);
        return false;
    }
    if (access(path, F_OK) == 0) {
        snprintf(why, why_cap, "%.200s is there already; nothing is overwritten", path);
        return false;
    }
    memcpy(c->path, path, strlen(path) + 1);
    for (size_t i = 0; i < COPY_FILES; i++) {
        if (read_blob(&c->blobs[i], files[i]))
            continue;
        snprintf(why, why_cap, "%s cannot be read", files[i]);
        copy_end(c);
        return false;
    }
    c->job.kind = JOB_BACKUP;
    c->job.u.backup.path = c->path;
    c->job.u.backup.scope = scope;
    c->job.u.backup.limit = SLICE_ROWS;
    c->job.u.backup.blobs = c->blobs;
    c->job.u.backup.blob_count = COPY_FILES;
    return true;
}

const char *copy_trouble(const struct copy *c)
{
    return trouble_words(c->job.trouble);
}

void copy_end(struct copy *c)
{
    for (size_t i = 0; i < COPY_FILES; i++) {
        void *data = (void *)(uintptr_t)c->blobs[i].data;
        if (data != NULL)
            sodium_memzero(data, FILE_MAX);
        free(data);
        c->blobs[i].data = NULL;
    }
}
