#include "tests/unit/relay_store/fault_vfs.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static struct {
    sqlite3_vfs vfs;
    sqlite3_vfs *real;
    enum fault_kind kind;
    uint32_t after, times, hits;
    uint64_t syncs;
    bool truncated;
} state;

struct fault_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct fault_file *)f)->real;
}

/* Whether this operation fails. */
static int fails(void)
{
    if (state.kind == FAULT_NONE || state.times == 0)
        return 0;
    if (state.after > 0) {
        state.after--;
        return 0;
    }
    if (state.times != UINT32_MAX)
        state.times--;
    state.hits++;
    if (state.kind == FAULT_DEATH)
        _exit(FAULT_DEATH_STATUS);
    return 1;
}

static int x_close(sqlite3_file *f)
{
    return real_of(f)->pMethods->xClose(real_of(f));
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (fails())
        return state.kind == FAULT_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    return real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    if (state.kind != FAULT_FULL && fails())
        return SQLITE_IOERR_TRUNCATE;
    state.truncated = true;
    return real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int x_sync(sqlite3_file *f, int flags)
{
    state.syncs++;
    if (state.kind != FAULT_FULL && fails())
        return SQLITE_IOERR_FSYNC;
    state.truncated = false;
    return real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int x_lock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int x_unlock(sqlite3_file *f, int level)
{
    return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int x_reserved(sqlite3_file *f, int *out)
{
    return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int x_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int x_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
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
};

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    struct fault_file *file = (struct fault_file *)f;
    (void)vfs;
    memset(file, 0, sizeof(*file));
    file->real = (sqlite3_file *)(file + 1);
    int rc = state.real->xOpen(state.real, name, file->real, flags, out_flags);
    if (rc == SQLITE_OK)
        file->base.pMethods = &methods;
    return rc;
}

void fault_vfs_register(void)
{
    if (state.real != NULL)
        return;
    state.real = sqlite3_vfs_find(NULL);
    state.vfs = *state.real;
    state.vfs.pNext = NULL;
    state.vfs.zName = FAULT_VFS_NAME;
    state.vfs.szOsFile = (int)sizeof(struct fault_file) + state.real->szOsFile;
    state.vfs.xOpen = x_open;
    sqlite3_vfs_register(&state.vfs, 0);
}

void fault_vfs_arm(enum fault_kind kind, uint32_t after, uint32_t times)
{
    state.kind = kind;
    state.after = after;
    state.times = times;
    state.hits = 0;
}

uint32_t fault_vfs_hits(void)
{
    return state.hits;
}

bool fault_vfs_truncation_unsynced(void)
{
    return state.truncated;
}

uint64_t fault_vfs_syncs(void)
{
    return state.syncs;
}
