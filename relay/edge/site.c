#define _GNU_SOURCE
#include "relay/edge/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct site {
    struct site_file files[SITE_FILES_MAX];
    size_t count;
    size_t bytes;
};

struct load {
    struct site *site;
    char *why;
    size_t why_cap;
    zg_err err;
};

static const struct {
    const char *ending, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".json", "application/json"},
    {".wasm", "application/wasm"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".webp", "image/webp"},
    {".ico", "image/x-icon"},
    {".txt", "text/plain; charset=utf-8"},
    {".webmanifest", "application/manifest+json"},
    {".woff2", "font/woff2"},
};

/* --- mistakes --- */

__attribute__((format(printf, 3, 4))) static bool complain(struct load *l, zg_err err, const char *format,
                                                           ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(l->why, l->why_cap, format, args);
    va_end(args);
    l->err = err;
    return false;
}

static bool complain_system(struct load *l, const char *path)
{
    return complain(l, ZG_ERR_STORAGE, "%s: %s", path, strerror(errno));
}

/* --- names --- */

static bool ends_in(const char *path, const char *ending)
{
    size_t len = strlen(path), n = strlen(ending);
    return len > n && strcmp(path + len - n, ending) == 0;
}

static bool name_ok(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";
    return name[0] != '-' && strspn(name, allowed) == strlen(name);
}

static const char *type_of(const char *path)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (ends_in(path, types[i].ending))
            return types[i].type;
    return "application/octet-stream";
}

/* --- reading --- */

static bool read_all(struct load *l, int fd, const char *path, struct span *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return complain_system(l, path);
    if (!S_ISREG(st.st_mode))
        return complain(l, ZG_ERR_ARGUMENT, "%s is no file", path);
    if (st.st_size > SITE_BYTES_MAX - (off_t)l->site->bytes)
        return complain(l, ZG_ERR_ARGUMENT, "the page's files have more than %d bytes", SITE_BYTES_MAX);
    size_t len = (size_t)st.st_size, got = 0;
    uint8_t *bytes = malloc(len + 1);
    if (bytes == NULL)
        return complain(l, ZG_ERR_MEMORY, "out of memory");
    for (ssize_t n = 1; n > 0 && got<len; got += n> 0 ? (size_t)n : 0)
        n = read(fd, bytes + got, len - got);
    if (got < len) {
        free(bytes);
        return complain(l, ZG_ERR_STORAGE, "%s cannot be read", path);
    }
    l->site->bytes += len;
    *out = (struct span){bytes, len};
    return true;
}

static struct site_file *file_of(struct load *l, const char *path)
{
    struct site *site = l->site;
    for (size_t i = 0; i < site->count; i++)
        if (strcmp(site->files[i].path, path) == 0)
            return &site->files[i];
    if (site->count == SITE_FILES_MAX) {
        complain(l, ZG_ERR_ARGUMENT, "the page has more than %d files", SITE_FILES_MAX);
        return NULL;
    }
    struct site_file *f = &site->files[site->count++];
    snprintf(f->path, sizeof(f->path), "%s", path);
    f->type = type_of(path);
    return f;
}

static bool load_file(struct load *l, int fd, const char *path)
{
    char plain[SITE_PATH_MAX + 1];
    bool brotli = ends_in(path, ".br"), gzip = ends_in(path, ".gz");

    snprintf(plain, sizeof(plain), "%.*s", (int)(strlen(path) - (brotli || gzip ? 3 : 0)), path);
    struct site_file *f = file_of(l, plain);
    return f != NULL && read_all(l, fd, path, brotli ? &f->brotli : gzip ? &f->gzip : &f->plain);
}

static bool load_folder(struct load *l, int fd, const char *path, int depth);

static bool load_entry(struct load *l, int folder, const char *name, const char *path, int depth)
{
    char inner[SITE_PATH_MAX + 1];
    struct stat st;

    int len = snprintf(inner, sizeof(inner), "%s/%s", path, name);
    if (!name_ok(name) || len < 0 || (size_t)len >= sizeof(inner))
        return complain(l, ZG_ERR_ARGUMENT, "%s: the name \"%.60s\" cannot be served", path, name);
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return complain_system(l, inner);
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return load_folder(l, fd, inner, depth + 1);
    bool ok = load_file(l, fd, inner);
    close(fd);
    return ok;
}

/* Takes fd. */
static bool load_folder(struct load *l, int fd, const char *path, int depth)
{
    DIR *dir = depth < SITE_DEPTH_MAX ? fdopendir(fd) : NULL;
    const struct dirent *e;
    bool ok = true;

    if (dir == NULL) {
        close(fd);
        return complain(l, ZG_ERR_ARGUMENT, "%s: folders in too many folders", path);
    }
    while (ok && (errno = 0, e = readdir(dir)) != NULL)
        if (e->d_name[0] != '.')
            ok = load_entry(l, fd, e->d_name, path, depth);
    if (ok && errno != 0)
        ok = complain_system(l, path);
    closedir(dir);
    return ok;
}

/* --- the whole --- */

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct site_file *)a)->path, ((const struct site_file *)b)->path);
}

static bool check(struct load *l)
{
    struct site *site = l->site;
    qsort(site->files, site->count, sizeof(site->files[0]), by_path);
    for (size_t i = 0; i < site->count; i++)
        if (site->files[i].plain.at == NULL)
            return complain(l, ZG_ERR_ARGUMENT, "%s is there in fewer bytes only", site->files[i].path);
    if (site->count == 0)
        return complain(l, ZG_ERR_ARGUMENT, "the page's folder is empty");
    return true;
}

zg_err site_open(struct site **out, const char *folder, char *why, size_t why_cap)
{
    struct load l = {.why = why, .why_cap = why_cap};
    l.site = calloc(1, sizeof(*l.site));
    if (l.site == NULL) {
        snprintf(why, why_cap, "out of memory");
        return ZG_ERR_MEMORY;
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 ? load_folder(&l, fd, "", 0) : complain_system(&l, folder);
    if (!ok || !check(&l)) {
        site_close(l.site);
        return l.err;
    }
    *out = l.site;
    return ZG_OK;
}

void site_close(struct site *site)
{
    if (site == NULL)
        return;
    for (size_t i = 0; i < site->count; i++) {
        free((void *)(uintptr_t)site->files[i].plain.at);
        free((void *)(uintptr_t)site->files[i].gzip.at);
        free((void *)(uintptr_t)site->files[i].brotli.at);
    }
    free(site);
}

const struct site_file *site_find(const struct site *site, struct span path)
{
    static const char index[] = "index.html";
    struct site_file wanted;

    if (path.len == 0 || path.len + sizeof(index) > sizeof(wanted.path) ||
        memchr(path.at, '\0', path.len) != NULL)
        return NULL;
    memcpy(wanted.path, path.at, path.len);
    wanted.path[path.len] = '\0';
    if (path.at[path.len - 1] == '/')
        memcpy(wanted.path + path.len, index, sizeof(index));
    return bsearch(&wanted, site->files, site->count, sizeof(site->files[0]), by_path);
}
