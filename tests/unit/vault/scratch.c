#define _GNU_SOURCE

#include "tests/unit/vault/scratch.h"

#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    strcpy(s->folder, "/tmp/zaguan-test-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof(s->path), "%s/desk.vault", s->folder);
    *state = s;
    return 0;
}

/* Calls each for every file; stops when it answers true, which is the result. */
static bool for_files(const struct scratch *s, bool (*each)(const char *path, void *ctx), void *ctx)
{
    bool found = false;
    DIR *d = opendir(s->folder);
    assert_non_null(d);
    for (struct dirent *e; !found && (e = readdir(d)) != NULL;) {
        char path[64 + 256 + 2];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", s->folder, e->d_name);
        found = each(path, ctx);
    }
    closedir(d);
    return found;
}

static bool remove_file(const char *path, void *ctx)
{
    (void)ctx;
    unlink(path);
    return false;
}

int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    for_files(s, remove_file, NULL);
    rmdir(s->folder);
    free(s);
    return 0;
}

struct wanted {
    const void *bytes;
    size_t len;
};

static bool file_contains(const char *path, void *ctx)
{
    const struct wanted *w = ctx;
    size_t len;
    unsigned char *data = file_read(path, &len);
    bool found = memmem(data, len, w->bytes, w->len) != NULL;
    free(data);
    return found;
}

bool scratch_contains(const struct scratch *s, const void *bytes, size_t len)
{
    struct wanted w = {bytes, len};
    return for_files(s, file_contains, &w);
}

static bool count_file(const char *path, void *ctx)
{
    (void)path;
    ++*(size_t *)ctx;
    return false;
}

size_t scratch_files(const struct scratch *s)
{
    size_t n = 0;
    for_files(s, count_file, &n);
    return n;
}

unsigned char *file_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    long end = ftell(f);
    assert_true(end >= 0);
    rewind(f);
    unsigned char *data = malloc((size_t)end + 1);
    assert_non_null(data);
    *len = fread(data, 1, (size_t)end, f);
    assert_int_equal(*len, end);
    fclose(f);
    return data;
}

void file_write(const char *path, const void *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}
