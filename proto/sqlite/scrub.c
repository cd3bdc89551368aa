#include "proto/sqlite/scrub.h"

#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct scrub_file {
    sqlite3_file base;
    sqlite3_io_methods methods; /* as many as the file below has */
    sqlite3_file *below;        /* behind this struct */
};

/* --- pages: https://www.sqlite.org/fileformat2.html section 1.6 --- */

enum {
    FILE_HEADER_BYTES = 100, /* before the first page's own */
    PAGE_INNER_INDEX = 2,
    PAGE_INNER_TABLE = 5,
    PAGE_LEAF_INDEX = 10,
    PAGE_LEAF_TABLE = 13,
    INNER_HEADER_BYTES = 12,
    LEAF_HEADER_BYTES = 8,
    /* Overflow and free pages begin with the number of another page: below 2^25 its first byte is 0 or 1. */
    PAGES_MAX = (1 << 25) - 1,
};

static size_t read_16(const uint8_t *at)
{
    return (size_t)(at[0] << 8 | at[1]);
}

static void scrub(uint8_t page[SCRUB_PAGE_BYTES], size_t header)
{
    uint8_t kind = page[header];
    if (kind != PAGE_INNER_INDEX && kind != PAGE_INNER_TABLE && kind != PAGE_LEAF_INDEX &&
        kind != PAGE_LEAF_TABLE)
        return;
    size_t pointers = header + (kind < PAGE_LEAF_INDEX ? INNER_HEADER_BYTES : LEAF_HEADER_BYTES);
    size_t from = pointers + 2 * read_16(page + header + 3);
    size_t to = read_16(page + header + 5);
    if (from < to && to <= SCRUB_PAGE_BYTES)
        memset(page + from, 0, to - from);
}

/* --- a database file --- */

static sqlite3_file *below(sqlite3_file *f)
{
    return ((struct scrub_file *)f)->below;
}

static int x_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
    uint8_t page[SCRUB_PAGE_BYTES];
    if (len != SCRUB_PAGE_BYTES || at % SCRUB_PAGE_BYTES != 0)
        return below(f)->pMethods->xWrite(below(f), data, len, at);
    memcpy(page, data, sizeof(page));
    scrub(page, at == 0 ? FILE_HEADER_BYTES : 0);
    int rc = below(f)->pMethods->xWrite(below(f), page, len, at);
    sodium_memzero(page, sizeof(page));
    return rc;
}

static int x_close(sqlite3_file *f)
{
    return below(f)->pMethods->xClose(below(f));
}

static int x_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
    return below(f)->pMethods->xRead(below(f), out, len, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return below(f)->pMethods->xTruncate(below(f), size);
}

static int x_sync(sqlite3_file *f, int flags)
{
    return below(f)->pMethods->xSync(below(f), flags);
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return below(f)->pMethods->xFileSize(below(f), size);
}

static int x_lock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xLock(below(f), level);
}

static int x_unlock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xUnlock(below(f), level);
}

static int x_reserved(sqlite3_file *f, int *out)
{
    return below(f)->pMethods->xCheckReservedLock(below(f), out);
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    return below(f)->pMethods->xFileControl(below(f), op, arg);
}

static int x_sector(sqlite3_file *f)
{
    return below(f)->pMethods->xSectorSize(below(f));
}

static int x_traits(sqlite3_file *f)
{
    return below(f)->pMethods->xDeviceCharacteristics(below(f));
}

static int x_shm_map(sqlite3_file *f, int region, int size, int extend, void volatile **out)
{
    return below(f)->pMethods->xShmMap(below(f), region, size, extend, out);
}

static int x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), offset, n, flags);
}

static void x_shm_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}

static int x_shm_unmap(sqlite3_file *f, int delete)
{
    return below(f)->pMethods->xShmUnmap(below(f), delete);
}

/* Without xFetch and its like: what is mapped is not written here. */
static const sqlite3_io_methods all_methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_traits,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

/* --- the VFS --- */

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct scrub_file *file = (struct scrub_file *)f;
    /* Journals are written as they are: their checksums cover every byte, and they are emptied. */
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return real->xOpen(real, name, f, flags, out_flags);
    memset(file, 0, sizeof(*file));
    file->below = (sqlite3_file *)(file + 1);
    int rc = real->xOpen(real, name, file->below, flags, out_flags);
    if (file->below->pMethods == NULL)
        return rc;
    file->methods = all_methods;
    if (file->below->pMethods->iVersion < 2 || file->below->pMethods->xShmMap == NULL)
        file->methods.iVersion = 1;
    file->base.pMethods = &file->methods;
    return rc;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xDelete(real, name, sync_folder);
}

static int x_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xAccess(real, name, flags, out);
}

static int x_full_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    sqlite3_vfs *real = vfs->pAppData;
    return real->xFullPathname(real, name, cap, out);
}

const char *scrub_vfs(const char *below_name)
{
    char name[64];
    sqlite3_vfs *real = sqlite3_vfs_find(below_name);
    if (real == NULL)
        return NULL;
    sqlite3_snprintf(sizeof(name), name, "scrub %s", real->zName);
    sqlite3_vfs *vfs = sqlite3_vfs_find(name);
    if (vfs != NULL)
        return vfs->zName;

    struct {
        sqlite3_vfs vfs;
        char name[sizeof(name)];
    } *both = calloc(1, sizeof(*both));
    if (both == NULL)
        return NULL;
    memcpy(both->name, name, sizeof(name));
    both->vfs = *real; /* time, randomness and the like stay its own */
    both->vfs.pNext = NULL;
    both->vfs.zName = both->name;
    both->vfs.pAppData = real;
    both->vfs.szOsFile = (int)sizeof(struct scrub_file) + real->szOsFile;
    both->vfs.xOpen = x_open;
    both->vfs.xDelete = x_delete;
    both->vfs.xAccess = x_access;
    both->vfs.xFullPathname = x_full_path;
    if (sqlite3_vfs_register(&both->vfs, 0) != SQLITE_OK) {
        free(both);
        return NULL;
    }
    return both->vfs.zName;
}

int scrub_limit(sqlite3 *db)
{
    char sql[48];
    sqlite3_snprintf(sizeof(sql), sql, "PRAGMA max_page_count = %d", PAGES_MAX);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}
