/*
 * The files of a page, in memory: read once, at the start. A path leads to a file by comparison with what was
 * read and by nothing else, so there is no way out of the folder.
 *
 * A file beside another one with ".br" or ".gz" behind its name is the same in fewer bytes. Names begin with
 * a letter, a digit or "_" and go on with these, "-" and "."; those that begin with "." are left out. A path
 * that ends in "/" is its index.html.
 */
#ifndef RELAY_EDGE_SITE_H
#define RELAY_EDGE_SITE_H

#include <stddef.h>

#include <zaguan/err.h>

#include "proto/bytes.h"

enum {
    SITE_FILES_MAX = 256,
    SITE_BYTES_MAX = 16 << 20, /* of all files */
    SITE_PATH_MAX = 200,
    SITE_DEPTH_MAX = 8,
};

struct site;

struct site_file {
    char path[SITE_PATH_MAX + 1]; /* begins with "/" */
    const char *type;
    struct span plain, gzip, brotli; /* .at is NULL: there is none */
};

/* ZG_ERR_ARGUMENT (what is in the folder), ZG_ERR_STORAGE, ZG_ERR_MEMORY; why gets a sentence for a person.
 */
ZG_MUST_CHECK zg_err site_open(struct site **out, const char *folder, char *why, size_t why_cap);
/* NULL-safe. */
void site_close(struct site *site);
/* NULL if there is none. */
const struct site_file *site_find(const struct site *site, struct span path);

#endif
