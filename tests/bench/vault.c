/*
 * What a worker's vault costs: size of the file, and time of a commit of one entry (written anew, changed, deleted).
 *
 *     bench_vault FILE [ENTRIES [BYTES]]      FILE must not exist; 1000 entries of 300 bytes without more
 */
#define _GNU_SOURCE
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/sqlite/vault_file.h"

static const char passphrase[] = "a passphrase";

static void sure(zg_err err)
{
    if (err == ZG_OK)
        return;
    fprintf(stderr, "bench_vault: %s\n", zg_err_text(err));
    exit(1);
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void done(zg_vault_batch *b, zg_err err)
{
    (void)b;
    sure(err);
}

static void write_one(zg_vault *v, unsigned i, const uint8_t *value, size_t len)
{
    zg_vault_write w = {.value = value, .len = len};
    zg_vault_batch b = {.writes = &w, .count = 1, .done = done};
    memcpy(w.key, &i, sizeof(i));
    v->submit(v, &b);
    v->pump(v);
}

static void measure(zg_vault *v, const char *what, unsigned count, const uint8_t *value, size_t len)
{
    double wall = seconds(CLOCK_MONOTONIC);
    double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < count; i++)
        write_one(v, i, value, len);
    wall = seconds(CLOCK_MONOTONIC) - wall;
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    printf("%-8s %8.0f us a commit, %6.0f us of them CPU\n", what, wall / count * 1e6, cpu / count * 1e6);
}

static zg_vault *open_vault(const char *path, enum zg_vault_sqlite_mode mode)
{
    zg_vault *v = NULL;
    sure(vault_sqlite_open_with(&v, &(struct vault_file_options){
                                        .path = path,
                                        .mode = mode,
                                        .passphrase = {(const uint8_t *)passphrase, strlen(passphrase)},
                                        .cost = {.passes = 1, .memory_kib = 8},
                                    }));
    return v;
}

int main(int argc, char **argv)
{
    static uint8_t value[ZG_VAULT_VALUE_MAX];
    struct stat st;
    if (argc < 2 || sodium_init() < 0)
        return 2;
    unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
    size_t len = argc > 3 ? (size_t)atoi(argv[3]) : 300;
    if (count == 0 || len > sizeof(value))
        return 2;
    zg_vault *v = open_vault(argv[1], ZG_VAULT_CREATE);
    measure(v, "new", count, value, len);
    measure(v, "change", count, value, len);
    if (stat(argv[1], &st) == 0)
        printf("%u entries of %zu bytes: %lld bytes\n", count, len, (long long)st.st_size);
    v->close(v);
    double from = seconds(CLOCK_MONOTONIC);
    v = open_vault(argv[1], ZG_VAULT_OPEN);
    printf("opening without Argon2id: %.1f ms\n", (seconds(CLOCK_MONOTONIC) - from) * 1e3);
    measure(v, "delete", count, NULL, 0);
    v->close(v);
    unlink(argv[1]);
    return 0;
}
