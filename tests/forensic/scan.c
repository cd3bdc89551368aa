#define _GNU_SOURCE

#include "tests/forensic/scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "forensic: %s\n", what);
    abort();
}

/* --- what is looked for --- */

static void add_piece(struct wanted *w, const char *what, const uint8_t *bytes, size_t len)
{
    if (w->count == WANTED_MAX)
        give_up("too much to look for");
    snprintf(w->items[w->count].what, WANTED_WHAT, "%s", what);
    memcpy(w->items[w->count].bytes, bytes, len);
    w->items[w->count].len = len;
    w->items[w->count].times = 0;
    w->count++;
}

void wanted_add(struct wanted *w, const char *what, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    if (len <= WANTED_BYTES) {
        add_piece(w, what, at, len);
        return;
    }
    size_t room = len - WANTED_BYTES;
    for (size_t i = 1; i <= 3; i++)
        add_piece(w, what, at + room * i / 4, WANTED_BYTES);
}

void wanted_reset(struct wanted *w)
{
    for (size_t i = 0; i < w->count; i++)
        w->items[i].times = 0;
}

void wanted_drop(struct wanted *w, const void *in, size_t len)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (len == 0 || memmem(in, len, w->items[i].bytes, w->items[i].len) == NULL)
            w->items[kept++] = w->items[i];
    w->count = kept;
}

void wanted_forgive(struct wanted *w, const char *what)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->items[i].what, what) != 0)
            w->items[kept++] = w->items[i];
    w->count = kept;
}

static size_t count_items(const struct wanted *w, const char *what, bool found)
{
    size_t n = 0;
    for (size_t i = 0; i < w->count; i++)
        n += (what == NULL || strcmp(what, w->items[i].what) == 0) && (w->items[i].times > 0) == found;
    return n;
}

size_t wanted_found(const struct wanted *w, const char *what)
{
    return count_items(w, what, true);
}

size_t wanted_missing(const struct wanted *w, const char *what)
{
    return count_items(w, what, false);
}

/* --- looking --- */

/* Which pairs of bytes begin an item: most places are passed by with one look. */
struct heads {
    uint8_t bit[65536 / 8];
};

static size_t pair(const uint8_t *at)
{
    return (size_t)(at[0] << 8 | at[1]);
}

static void heads_make(struct heads *h, const struct wanted *w)
{
    memset(h, 0, sizeof(*h));
    for (size_t i = 0; i < w->count; i++)
        h->bit[pair(w->items[i].bytes) / 8] |= (uint8_t)(1 << pair(w->items[i].bytes) % 8);
}

static void look_at(struct wanted *w, const char *where, const uint8_t *at, size_t left, size_t offset)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i].len > left || memcmp(w->items[i].bytes, at, w->items[i].len) != 0)
            continue;
        if (w->items[i].times++ == 0)
            snprintf(w->items[i].where, WANTED_WHERE, "%.160s at %zx", where, offset);
    }
}

static void look_through(struct wanted *w, const struct heads *h, const char *where, const uint8_t *data, size_t len,
                         size_t offset)
{
    for (size_t i = 0; i + 1 < len; i++)
        if ((h->bit[pair(data + i) / 8] >> pair(data + i) % 8 & 1) != 0)
            look_at(w, where, data + i, len - i, offset + i);
}

void scan_bytes(struct wanted *w, const char *where, const uint8_t *data, size_t len)
{
    static struct heads heads;
    heads_make(&heads, w);
    look_through(w, &heads, where, data, len, 0);
}

/* Pieces that overlap, so that nothing lies between two of them. Bytes that could be read. */
static size_t look_at_range(struct wanted *w, const struct heads *h, const char *where, int fd, uint64_t from, uint64_t to)
{
    static uint8_t chunk[CHUNK];
    size_t all = 0;
    while (from < to) {
        size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
        ssize_t n = pread(fd, chunk, want, (off_t)from);
        if (n <= 0)
            break;
        look_through(w, h, where, chunk, (size_t)n, (size_t)from);
        all += (size_t)n;
        from += (uint64_t)n > WANTED_BYTES && from + (uint64_t)n < to ? (uint64_t)n - WANTED_BYTES : (uint64_t)n;
    }
    return all;
}

static void scan_file(struct wanted *w, const char *path, const char *where)
{
    static struct heads heads;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    heads_make(&heads, w);
    look_at_range(w, &heads, where, fd, 0, UINT64_MAX >> 1);
    close(fd);
}

void scan_folder(struct wanted *w, const char *path)
{
    char inner[512];
    struct stat st;
    DIR *d = opendir(path);
    if (d == NULL)
        give_up("a folder cannot be read");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%s/%.255s", path, e->d_name);
        if (lstat(inner, &st) != 0)
            continue; /* gone meanwhile */
        if (S_ISDIR(st.st_mode))
            scan_folder(w, inner);
        else if (S_ISREG(st.st_mode))
            scan_file(w, inner, inner);
    }
    closedir(d);
}

void scan_open_files(struct wanted *w, pid_t pid, const char *who)
{
    char folder[64], inner[512], where[128];
    struct stat st;
    snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
    DIR *d = opendir(folder);
    if (d == NULL)
        give_up("open files cannot be listed");
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        snprintf(inner, sizeof(inner), "%s/%.255s", folder, e->d_name);
        if (stat(inner, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        snprintf(where, sizeof(where), "file %.16s that the %.64s has open", e->d_name, who);
        scan_file(w, inner, where);
    }
    closedir(d);
}

size_t scan_memory(struct wanted *w, pid_t pid, const char *who)
{
    static struct heads heads;
    char path[64], line[512], where[WANTED_WHERE];
    size_t all = 0;
    snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
    FILE *maps = fopen(path, "r");
    if (fd >= 0 && maps != NULL) {
        heads_make(&heads, w);
        while (fgets(line, sizeof(line), maps) != NULL) {
            unsigned long long from, to;
            char rights[8], name[256] = "";
            if (sscanf(line, "%llx-%llx %7s %*s %*s %*s %255[^\n]", &from, &to, rights, name) < 3 || rights[0] != 'r')
                continue;
            snprintf(where, sizeof(where), "memory of the %.32s, %.100s", who, name);
            all += look_at_range(w, &heads, where, fd, from, to);
        }
    }
    if (maps != NULL)
        fclose(maps);
    if (fd >= 0)
        close(fd);
    return all;
}
