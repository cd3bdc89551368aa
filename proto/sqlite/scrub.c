#include "proto/sqlite/scrub.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "proto/sqlite/gather.h"
#include "proto/sqlite/pass.h"

enum { FILE_HEADER = 100, PAGE_MIN = 512, PAGE_MAX = 65536, FREEBLOCK_HEADER = 4 };

/* The first byte of a page of a table or an index. */
enum { INTERIOR_INDEX = 2, INTERIOR_TABLE = 5, LEAF_INDEX = 10, LEAF_TABLE = 13 };

static size_t u16(const uint8_t *p)
{
    return (size_t)p[0] << 8 | p[1];
}

/* Room between rows; each block but its first four bytes. */
static void scrub_freeblocks(uint8_t *page, size_t len, size_t at)
{
    for (size_t next; at != 0 && at + FREEBLOCK_HEADER <= len; at = next) {
        size_t size = u16(page + at + 2);
        next = u16(page + at);
        if (size < FREEBLOCK_HEADER || size > len - at || (next != 0 && next < at + size))
            return;
        memset(page + at + FREEBLOCK_HEADER, 0, size - FREEBLOCK_HEADER);
    }
}

void scrub_page(uint8_t *page, size_t len, int first)
{
    uint8_t *header = page + (first ? FILE_HEADER : 0);
    size_t pointers = (size_t)(header - page);

    if (*header == INTERIOR_INDEX || *header == INTERIOR_TABLE)
        pointers += 12;
    else if (*header == LEAF_INDEX || *header == LEAF_TABLE)
        pointers += 8;
    else
        return;
    pointers += 2 * u16(header + 3);
    size_t content = u16(header + 5) == 0 ? PAGE_MAX : u16(header + 5);
    if (pointers > content || content > len)
        return; /* damaged; not ours to make it worse */
    memset(page + pointers, 0, content - pointers);
    scrub_freeblocks(page, len, u16(header + 1));
}

static sqlite3_file *below(sqlite3_file *f)
{
    return pass_below(f);
}

static int x_close(sqlite3_file *f)
{
    return below(f)->pMethods->xClose(below(f));
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return below(f)->pMethods->xRead(below(f), p, n, at);
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    uint8_t page[PAGE_MAX];
    if (n < PAGE_MIN || n > PAGE_MAX || at % n != 0)
        return below(f)->pMethods->xWrite(below(f), p, n, at);
    memcpy(page, p, (size_t)n);
    scrub_page(page, (size_t)n, at == 0);
    int rc = below(f)->pMethods->xWrite(below(f), page, n, at);
    sodium_memzero(page, (size_t)n);
    return rc;
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

static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return below(f)->pMethods->xShmMap(below(f), page, size, extend, out);
}

static int x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), offset, n, flags);
}

static void x_shm_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}

static int x_shm_unmap(sqlite3_file *f, int drop)
{
    return below(f)->pMethods->xShmUnmap(below(f), drop);
}

#define METHODS(version) \
    { \
        .iVersion = version, .xClose = x_close, .xRead = x_read, .xWrite = x_write, .xTruncate = x_truncate, \
        .xSync = x_sync, .xFileSize = x_size, .xLock = pass_lock, .xUnlock = pass_unlock, \
        .xCheckReservedLock = pass_reserved, .xFileControl = pass_control, .xSectorSize = pass_sector, \
        .xDeviceCharacteristics = pass_traits, .xShmMap = x_shm_map, .xShmLock = x_shm_lock, \
        .xShmBarrier = x_shm_barrier, .xShmUnmap = x_shm_unmap, \
    }

/* Without shared memory if the layer below has none. */
static const sqlite3_io_methods methods_1 = METHODS(1), methods_2 = METHODS(2);

/* Only the database itself; the journal's pages are covered by sums. */
static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct scrub_vfs *s = (struct scrub_vfs *)vfs;
    struct pass_file *file = (struct pass_file *)f;

    if ((flags & SQLITE_OPEN_WAL) != 0)
        return gather_open(s->below, name, f, flags, out_flags);
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return s->below->xOpen(s->below, name, f, flags, out_flags);
    memset(file, 0, sizeof(*file));
    file->below = (sqlite3_file *)(file + 1);
    int rc = s->below->xOpen(s->below, name, file->below, flags, out_flags);
    if (rc == SQLITE_OK)
        file->base.pMethods = file->below->pMethods->iVersion >= 2 ? &methods_2 : &methods_1;
    return rc;
}

int scrub_register(struct scrub_vfs *s, const char *below_name)
{
    s->below = sqlite3_vfs_find(below_name);
    if (s->below == NULL)
        return SQLITE_ERROR;
    snprintf(s->name, sizeof(s->name), "scrub-%p", (void *)s);
    s->vfs = *s->below;
    s->vfs.pNext = NULL;
    s->vfs.zName = s->name;
    int own = (int)sizeof(struct pass_file);
    s->vfs.szOsFile = (own > gather_file_bytes() ? own : gather_file_bytes()) + s->below->szOsFile;
    s->vfs.xOpen = x_open;
    return sqlite3_vfs_register(&s->vfs, 0);
}

void scrub_unregister(struct scrub_vfs *s)
{
    if (s->below != NULL)
        sqlite3_vfs_unregister(&s->vfs);
}
