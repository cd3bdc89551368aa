/*
 * A backup on its way: the job that copies slice by slice, and what travels with the database: the relay's
 * key and its configuration, read from the current folder.
 */
#ifndef RELAY_EDGE_COPY_H
#define RELAY_EDGE_COPY_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/core/store.h"

enum { COPY_PATH_MAX = 1000, COPY_FILES = 2 };

struct copy {
    struct store_job job; /* the first slice; the same again as long as job.u.backup.more */
    struct backup_blob blobs[COPY_FILES];
    char path[COPY_PATH_MAX + 1];
};

/* false: why says what is wrong; nothing is held. path must be absolute. */
bool copy_begin(struct copy *c, const char *path, enum backup_scope scope, char *why, size_t why_cap);
/* Words for a slice that failed. */
const char *copy_trouble(const struct copy *c);
/* Wipes and frees. */
void copy_end(struct copy *c);

#endif
