#include "proto/sqlite/gather.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/sqlite/pass.h"

enum { GATHER_BYTES = 64 * 1024 };

struct gather_file {
    struct pass_file pass; /* first; the file below stands behind this struct */
    sqlite3_int64 at;      /* where what is kept begins in the file */
    int len;
    uint8_t *bytes; /* GATHER_BYTES */
};

static struct gather_file *gather(sqlite3_file *f)
{
    return (struct gather_file *)f;
}

static sqlite3_file *below(sqlite3_file *f)
{
    return pass_below(f);
}

static int let_go(struct gather_file *g)
{
    int len = g->len;
    if (len == 0)
        return SQLITE_OK;
    g->len = 0;
    int rc = g->pass.below->pMethods->xWrite(g->pass.below, g->bytes, len, g->at);
    sodium_memzero(g->bytes, (size_t)len);
    return rc;
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct gather_file *g = gather(f);
    if (at != g->at + g->len || n > GATHER_BYTES - g->len) {
        int rc = let_go(g);
        if (rc != SQLITE_OK)
            return rc;
        g->at = at;
    }
    if (n > GATHER_BYTES)
        return g->pass.below->pMethods->xWrite(g->pass.below, p, n, at);
    memcpy(g->bytes + g->len, p, (size_t)n);
    g->len += n;
    return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    struct gather_file *g = gather(f);
    int rc = let_go(g);
    return rc == SQLITE_OK ? g->pass.below->pMethods->xRead(g->pass.below, p, n, at) : rc;
}

static int x_close(sqlite3_file *f)
{
    struct gather_file *g = gather(f);
    int rc = let_go(g);
    int closed = g->pass.below->pMethods->xClose(g->pass.below);
    free(g->bytes);
    return rc == SQLITE_OK ? closed : rc;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = let_go(gather(f));
    return rc == SQLITE_OK ? below(f)->pMethods->xTruncate(below(f), size) : rc;
}

static int x_sync(sqlite3_file *f, int flags)
{
    int rc = let_go(gather(f));
    return rc == SQLITE_OK ? below(f)->pMethods->xSync(below(f), flags) : rc;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    int rc = let_go(gather(f));
    return rc == SQLITE_OK ? below(f)->pMethods->xFileSize(below(f), size) : rc;
}

/* A log is never mapped: version 1 has no such functions. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = pass_lock,
    .xUnlock = pass_unlock,
    .xCheckReservedLock = pass_reserved,
    .xFileControl = pass_control,
    .xSectorSize = pass_sector,
    .xDeviceCharacteristics = pass_traits,
};

int gather_file_bytes(void)
{
    return (int)sizeof(struct gather_file);
}

int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct gather_file *g = gather(f);

    memset(g, 0, sizeof(*g));
    g->bytes = malloc(GATHER_BYTES);
    if (g->bytes == NULL)
        return SQLITE_NOMEM;
    g->pass.below = (sqlite3_file *)(g + 1);
    int rc = vfs->xOpen(vfs, name, g->pass.below, flags, out_flags);
    if (rc == SQLITE_OK)
        g->pass.base.pMethods = &methods;
    else
        free(g->bytes);
    return rc;
}
