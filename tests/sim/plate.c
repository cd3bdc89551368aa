#include "tests/sim/plate.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/support.h"

enum { FILES_MAX = 6, NAME_MAX_BYTES = 96 };

/* A write, or with len 0 a new size. */
struct change {
    struct change *next;
    size_t at, len;
    uint8_t bytes[];
};

struct content {
    uint8_t *bytes;
    size_t len, cap;
};

struct sheet {
    char name[NAME_MAX_BYTES]; /* empty: no such file */
    struct content now, synced;
    struct change *first, **last; /* since the last sync */
};

struct plate {
    sqlite3_vfs vfs;
    const struct rng *rng;
    struct sheet sheets[FILES_MAX];
    uint32_t cut_after;
    bool out, full, lies;
};

struct plate_copy {
    struct sheet sheets[FILES_MAX];
};

struct open_file {
    sqlite3_file base; /* first: SQLite's handle */
    struct plate *plate;
    struct sheet *sheet;
};

/* --- content --- */

static void resize(struct content *c, size_t len)
{
    if (len > c->cap) {
        size_t cap = len + len / 2 + 4096;
        c->bytes = realloc(c->bytes, cap);
        if (c->bytes == NULL)
            abort();
        c->cap = cap;
    }
    if (len > c->len)
        memset(c->bytes + c->len, 0, len - c->len);
    c->len = len;
}

static void put(struct content *c, const uint8_t *bytes, size_t len, size_t at)
{
    if (at + len > c->len)
        resize(c, at + len);
    memcpy(c->bytes + at, bytes, len);
}

static void set(struct content *to, const struct content *from)
{
    resize(to, 0);
    if (from->len > 0)
        put(to, from->bytes, from->len, 0);
}

static void content_free(struct content *c)
{
    free(c->bytes);
    *c = (struct content){0};
}

/* --- changes that are not synced --- */

static void note(struct sheet *s, const uint8_t *bytes, size_t len, size_t at)
{
    struct change *c = malloc(sizeof(*c) + len);
    if (c == NULL)
        abort();
    *c = (struct change){.at = at, .len = len};
    if (len > 0)
        memcpy(c->bytes, bytes, len);
    *s->last = c;
    s->last = &c->next;
}

static void forget_changes(struct sheet *s)
{
    while (s->first != NULL) {
        struct change *c = s->first;
        s->first = c->next;
        free(c);
    }
    s->last = &s->first;
}

static void sheet_clear(struct sheet *s)
{
    forget_changes(s);
    content_free(&s->now);
    content_free(&s->synced);
    s->name[0] = '\0';
}

static void copy_sheet(struct sheet *to, const struct sheet *from)
{
    memcpy(to->name, from->name, sizeof(to->name));
    to->last = &to->first;
    set(&to->now, &from->now);
    set(&to->synced, &from->now);
}

/* Each sector of a write for itself. */
static void tear(const struct rng *rng, struct content *to, const struct change *c)
{
    for (size_t at = 0; at < c->len;) {
        size_t n = PLATE_SECTOR - (c->at + at) % PLATE_SECTOR;
        if (n > c->len - at)
            n = c->len - at;
        if (rng_below(rng, 2) == 0)
            put(to, c->bytes + at, n, c->at + at);
        at += n;
    }
}

static void settle_sheet(struct plate *p, struct sheet *s)
{
    uint32_t mood = rng_below(p->rng, 4); /* 0: all of it, 1: nothing, else some */
    for (const struct change *c = s->first; c != NULL; c = c->next) {
        uint32_t fate = mood == 0 ? 0 : mood == 1 ? 1 : rng_below(p->rng, 3);
        if (fate == 0 && c->len == 0)
            resize(&s->synced, c->at);
        else if (fate == 0)
            put(&s->synced, c->bytes, c->len, c->at);
        else if (fate == 2)
            tear(p->rng, &s->synced, c);
    }
    forget_changes(s);
    set(&s->now, &s->synced);
}

/* --- the power --- */

/* Whether the power is gone before this operation. */
static bool cut(struct plate *p)
{
    if (p->cut_after > 0 && --p->cut_after == 0)
        p->out = true;
    return p->out;
}

void plate_cut_after(struct plate *p, uint32_t operations)
{
    p->cut_after = operations;
}

bool plate_is_out(const struct plate *p)
{
    return p->out;
}

bool plate_step(struct plate *p)
{
    return !cut(p);
}

bool plate_is_full(const struct plate *p)
{
    return p->full;
}

void plate_power_on(struct plate *p)
{
    p->out = false;
    p->cut_after = 0;
    for (size_t i = 0; i < FILES_MAX; i++)
        if (p->sheets[i].name[0] != '\0')
            settle_sheet(p, &p->sheets[i]);
}

void plate_fill(struct plate *p, bool full)
{
    p->full = full;
}

void plate_lies(struct plate *p, bool lies)
{
    p->lies = lies;
}

/* --- SQLite's view of a file --- */

static struct open_file *of(sqlite3_file *f)
{
    return (struct open_file *)f;
}

static int x_close(sqlite3_file *f)
{
    (void)f;
    return SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *out, int amount, sqlite3_int64 offset)
{
    const struct content *c = &of(f)->sheet->now;
    size_t at = (size_t)offset, want = (size_t)amount;
    size_t have = at >= c->len ? 0 : c->len - at;
    if (of(f)->plate->out)
        return SQLITE_IOERR_READ;
    if (have > want)
        have = want;
    if (have > 0)
        memcpy(out, c->bytes + at, have);
    memset((uint8_t *)out + have, 0, want - have);
    return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int x_write(sqlite3_file *f, const void *bytes, int amount, sqlite3_int64 offset)
{
    struct sheet *s = of(f)->sheet;
    size_t at = (size_t)offset, len = (size_t)amount;
    bool was_out = of(f)->plate->out;
    if (!was_out && of(f)->plate->full && at + len > s->now.len)
        return SQLITE_FULL;
    /* What the power fails at is under way: it may be torn. */
    if (cut(of(f)->plate)) {
        if (!was_out)
            note(s, bytes, len, at);
        return SQLITE_IOERR_WRITE;
    }
    put(&s->now, bytes, len, at);
    note(s, bytes, len, at);
    return SQLITE_OK;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct sheet *s = of(f)->sheet;
    bool was_out = of(f)->plate->out;
    if (cut(of(f)->plate)) {
        if (!was_out)
            note(s, NULL, 0, (size_t)size);
        return SQLITE_IOERR_TRUNCATE;
    }
    resize(&s->now, (size_t)size);
    note(s, NULL, 0, (size_t)size);
    return SQLITE_OK;
}

static int x_sync(sqlite3_file *f, int flags)
{
    struct sheet *s = of(f)->sheet;
    (void)flags;
    if (cut(of(f)->plate))
        return SQLITE_IOERR_FSYNC;
    if (of(f)->plate->lies)
        return SQLITE_OK;
    forget_changes(s);
    set(&s->synced, &s->now);
    return SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    *size = (sqlite3_int64)of(f)->sheet->now.len;
    return SQLITE_OK;
}

/* One connection of one process. */
static int x_lock(sqlite3_file *f, int level)
{
    (void)f, (void)level;
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
    (void)f, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int x_sector(sqlite3_file *f)
{
    (void)f;
    return PLATE_SECTOR;
}

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

/* --- SQLite's view of the folder --- */

static struct sheet *find(struct plate *p, const char *name)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (strcmp(p->sheets[i].name, name) == 0)
            return &p->sheets[i];
    return NULL;
}

static int x_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *f, int flags, int *out_flags)
{
    struct plate *p = vfs->pAppData;
    struct sheet *s = name == NULL ? NULL : find(p, name);
    f->pMethods = NULL;
    if (p->out || name == NULL || strlen(name) >= NAME_MAX_BYTES)
        return SQLITE_CANTOPEN;
    if (s == NULL && (flags & SQLITE_OPEN_CREATE) != 0 && (s = find(p, "")) != NULL) {
        strcpy(s->name, name);
        s->last = &s->first;
    }
    if (s == NULL)
        return SQLITE_CANTOPEN;
    *of(f) = (struct open_file){{&methods}, p, s};
    if (out_flags != NULL)
        *out_flags = flags;
    return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
    struct plate *p = vfs->pAppData;
    struct sheet *s = find(p, name);
    (void)sync_folder;
    if (cut(p))
        return SQLITE_IOERR_DELETE;
    if (s == NULL)
        return SQLITE_IOERR_DELETE_NOENT;
    sheet_clear(s);
    return SQLITE_OK;
}

static int x_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
    const struct sheet *s = find(vfs->pAppData, name);
    *out = s != NULL && (flags != SQLITE_ACCESS_EXISTS || s->now.len > 0);
    return SQLITE_OK;
}

static int x_full_path(sqlite3_vfs *vfs, const char *name, int cap, char *out)
{
    (void)vfs;
    sqlite3_snprintf(cap, out, "%s", name);
    return SQLITE_OK;
}

static int x_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    const struct plate *p = vfs->pAppData;
    rng_fill(p->rng, out, (size_t)len);
    return len;
}

static int x_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int x_time(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    *out = 2461000.5;
    return SQLITE_OK;
}

struct plate *plate_open(const char *vfs, const struct rng *rng)
{
    struct plate *p = calloc(1, sizeof(*p));
    if (p == NULL)
        abort();
    p->rng = rng;
    p->vfs = (sqlite3_vfs){
        .iVersion = 1,
        .szOsFile = (int)sizeof(struct open_file),
        .mxPathname = NAME_MAX_BYTES - 1,
        .zName = vfs,
        .pAppData = p,
        .xOpen = x_open,
        .xDelete = x_delete,
        .xAccess = x_access,
        .xFullPathname = x_full_path,
        .xRandomness = x_randomness,
        .xSleep = x_sleep,
        .xCurrentTime = x_time,
    };
    if (sqlite3_vfs_register(&p->vfs, 0) != SQLITE_OK)
        abort();
    return p;
}

void plate_close(struct plate *p)
{
    sqlite3_vfs_unregister(&p->vfs);
    for (size_t i = 0; i < FILES_MAX; i++)
        sheet_clear(&p->sheets[i]);
    free(p);
}

/* --- copies, scans --- */

struct plate_copy *plate_copy(const struct plate *p)
{
    struct plate_copy *copy = calloc(1, sizeof(*copy));
    if (copy == NULL)
        abort();
    for (size_t i = 0; i < FILES_MAX; i++)
        copy_sheet(&copy->sheets[i], &p->sheets[i]);
    return copy;
}

void plate_put_back(struct plate *p, const struct plate_copy *copy)
{
    for (size_t i = 0; i < FILES_MAX; i++) {
        forget_changes(&p->sheets[i]);
        copy_sheet(&p->sheets[i], &copy->sheets[i]);
    }
}

void plate_copy_free(struct plate_copy *copy)
{
    if (copy == NULL)
        return;
    for (size_t i = 0; i < FILES_MAX; i++)
        sheet_clear(&copy->sheets[i]);
    free(copy);
}

bool plate_scan(const struct plate *p, bool (*visit)(void *ctx, const uint8_t *bytes, size_t len), void *ctx)
{
    for (size_t i = 0; i < FILES_MAX; i++)
        if (p->sheets[i].now.len > 0 && visit(ctx, p->sheets[i].now.bytes, p->sheets[i].now.len))
            return true;
    return false;
}
