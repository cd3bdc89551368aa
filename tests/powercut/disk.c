#include "tests/powercut/disk.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* --- operations, each written down --- */

static void note(struct disk *d, struct event e, const char *name, const void *data)
{
    if (d->tape == NULL)
        return;
    if (name != NULL)
        snprintf(e.name, sizeof(e.name), "%s", name);
    tape_add(d->tape, &e, data);
}

static uint32_t create(struct disk *d, const char *name)
{
    uint32_t file = d->folder.file_count;
    folder_point(&d->folder, name, file);
    note(d, (struct event){.kind = EVENT_CREATE, .file = file}, name, NULL);
    return file;
}

static void write_file(struct disk *d, uint32_t file, uint64_t at, const void *data, size_t len)
{
    content_write(&d->folder.files[file], at, data, len);
    note(d, (struct event){.kind = EVENT_WRITE, .file = file, .at = at, .len = len}, NULL, data);
}

static void sync_file(struct disk *d, uint32_t file, bool journal)
{
    if (d->fault == DISK_NO_SYNC || (d->fault == DISK_NO_JOURNAL_SYNC && journal))
        return;
    note(d, (struct event){.kind = EVENT_SYNC, .file = file}, NULL, NULL);
}

void disk_clear(struct disk *d)
{
    folder_clear(&d->folder);
}

void disk_folder_sync(struct disk *d)
{
    if (d->fault == DISK_NO_SYNC || d->fault == DISK_NO_FOLDER_SYNC)
        return;
    note(d, (struct event){.kind = EVENT_FOLDER_SYNC}, NULL, NULL);
}

void disk_make_file(struct disk *d, const char *name)
{
    sync_file(d, create(d, name), false);
    disk_folder_sync(d);
}

void disk_write(struct disk *d, const char *name, uint64_t at, const void *data, size_t len)
{
    write_file(d, folder_find(&d->folder, name), at, data, len);
}

void disk_sync(struct disk *d, const char *name)
{
    sync_file(d, folder_find(&d->folder, name), false);
}

void disk_delete(struct disk *d, const char *name)
{
    folder_unlink(&d->folder, name);
    note(d, (struct event){.kind = EVENT_DELETE}, name, NULL);
}

/* --- files as SQLite wants them --- */

struct disk_handle {
    sqlite3_file base;
    struct disk *disk;
    uint32_t file;
    bool journal;
    bool name_unsynced; /* the first sync of a new journal syncs the folder, too, as in SQLite's VFS for Unix
                         */
};

static struct disk_handle *handle_of(sqlite3_file *f)
{
    return (struct disk_handle *)f;
}

static struct content *content_of(sqlite3_file *f)
{
    return &handle_of(f)->disk->folder.files[handle_of(f)->file];
}

static int x_close(sqlite3_file *f)
{
    (void)f;
    return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *out, int len, sqlite3_int64 at)
{
    const struct content *c = content_of(f);
    size_t want = (size_t)len, from = (size_t)at;
    size_t there = from >= c->len ? 0 : c->len - from < want ? c->len - from : want;
    if (there > 0)
        memcpy(out, c->bytes + from, there);
    memset((char *)out + there, 0, want - there);
    return there == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 at)
{
    write_file(handle_of(f)->disk, handle_of(f)->file, (uint64_t)at, data, (size_t)len);
    return SQLITE_OK;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct disk_handle *h = handle_of(f);
    content_truncate(content_of(f), (uint64_t)size);
    note(h->disk, (struct event){.kind = EVENT_TRUNCATE, .file = h->file, .at = (uint64_t)size}, NULL, NULL);
    return SQLITE_OK;
}

static int x_sync(sqlite3_file *f, int flags)
{
    struct disk_handle *h = handle_of(f);
    (void)flags;
    sync_file(h->disk, h->file, h->journal);
    if (h->name_unsynced)
        disk_folder_sync(h->disk);
    h->name_unsynced = false;
    return SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)content_of(f)->len;
    return SQLITE_OK;
}

static int x_lock(sqlite3_file *f, int level)
{
    (void)f;
    (void)level;
    return SQLITE_OK;
}

static int x_reserved(sqlite3_file *f, int *out)
{
    (void)f;
    *out = 0;
    return SQLITE_OK;
}

static int x_control(sqlite3_file *f, int op, void *arg)
{
    (void)f;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *f)
{
    (void)f;
    return 4096;
}

/* As SQLite takes every disk under Unix to be: a torn write harms nothing beside it. */
static int x_traits(sqlite3_file *f)
{
    (void)f;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
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
    .xUnlock = x_lock,
    .xCheckReservedLock = x_reserved,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_traits,
};

/* --- the VFS --- */

static struct disk *disk_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int x_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    static const int journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL;
    struct disk_handle *h = handle_of(f);
    struct disk *d = disk_of(vfs);
    memset(h, 0, sizeof(*h));
    if (name == NULL)
        return SQLITE_CANTOPEN; /* a temporary file: none is wanted (temp_store) */
    h->disk = d;
    h->journal = (flags & journals) != 0;
    h->file = folder_find(&d->folder, name);
    if (h->file == UINT32_MAX && (flags & SQLITE_OPEN_CREATE) == 0)
        return SQLITE_CANTOPEN;
    if (h->file == UINT32_MAX) {
        h->file = create(d, name);
        h->name_unsynced = h->journal;
    }
    if (out_flags != NULL)
        *out_flags = flags;
    h->base.pMethods = &methods;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    if (folder_find(&disk_of(vfs)->folder, name) == UINT32_MAX)
        return SQLITE_IOERR_DELETE_NOENT;
    disk_delete(disk_of(vfs), name);
    if (sync_folder)
        disk_folder_sync(disk_of(vfs));
    return SQLITE_OK;
}

/* As SQLite's own: an empty file is not there, if only that is asked. */
static int x_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct folder *f = &disk_of(vfs)->folder;
    uint32_t file = folder_find(f, name);
    *out = file != UINT32_MAX && (flags != SQLITE_ACCESS_EXISTS || f->files[file].len > 0);
    return SQLITE_OK;
}

static int x_full_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    (void)vfs;
    sqlite3_snprintf(cap, out, "%s", name);
    return SQLITE_OK;
}

void disk_vfs_register(struct disk *d, const char *name)
{
    sqlite3_vfs *vfs = calloc(1, sizeof(*vfs));
    if (vfs == NULL)
        abort();
    *vfs = *sqlite3_vfs_find(NULL); /* time and randomness stay */
    vfs->pNext = NULL;
    vfs->zName = name;
    vfs->pAppData = d;
    vfs->iVersion = 2;
    vfs->szOsFile = (int)sizeof(struct disk_handle);
    vfs->mxPathname = TAPE_NAME_BYTES;
    vfs->xOpen = x_open;
    vfs->xDelete = x_delete;
    vfs->xAccess = x_access;
    vfs->xFullPathname = x_full_path;
    sqlite3_vfs_register(vfs, 0);
}
