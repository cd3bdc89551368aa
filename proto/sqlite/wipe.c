#include "proto/sqlite/wipe.h"

#include <sodium.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A block knows its size. */
enum { HEAD_BYTES = 16 };

static size_t *head_of(void *p)
{
    return (size_t *)(void *)((uint8_t *)p - HEAD_BYTES);
}

static int x_size(void *p)
{
    return p == NULL ? 0 : (int)*head_of(p);
}

static void *x_malloc(int size)
{
    uint8_t *block = malloc((size_t)size + HEAD_BYTES);
    if (block == NULL)
        return NULL;
    *(size_t *)(void *)block = (size_t)size;
    return block + HEAD_BYTES;
}

static void x_free(void *p)
{
    if (p == NULL)
        return;
    sodium_memzero(p, *head_of(p));
    free(head_of(p));
}

/* Never in place: what was behind the new end, or at the old place, would stay. */
static void *x_realloc(void *p, int size)
{
    void *other = x_malloc(size);
    if (other == NULL)
        return NULL;
    size_t old = (size_t)x_size(p);
    memcpy(other, p, old < (size_t)size ? old : (size_t)size);
    x_free(p);
    return other;
}

static int x_roundup(int size)
{
    return (size + 7) & ~7;
}

static int x_init(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void x_shutdown(void *ctx)
{
    (void)ctx;
}

bool wipe_sqlite_memory(void)
{
    static const sqlite3_mem_methods wiping = {x_malloc,  x_free, x_realloc,  x_size,
                                               x_roundup, x_init, x_shutdown, NULL};
    /* No pools: what goes back to one of them is not freed, and not wiped. */
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &wiping) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) == SQLITE_OK;
}
