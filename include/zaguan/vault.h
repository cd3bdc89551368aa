/*
 * Where a client keeps what must survive its program: a vault of small entries.
 *
 * The library brings a vault in memory (zg_vault_memory), one in an SQLite file (zaguan/vault_sqlite.h), and lets a
 * program bring its own: fill in the table below. All calls come from the thread that calls the client.
 *
 * Happy path: the client calls submit with a batch; the vault stores all of it or nothing, durably; then it calls
 * batch->done, from pump or from an event of its own, never from inside submit. Batches are done in the order
 * in which they were submitted. Failure: done with an error; nothing of the batch is stored; the client tries again.
 * Inside a done that does not come from pump the client does what had to wait for it; ask zg_client_io afterwards.
 */
#ifndef ZAGUAN_VAULT_H
#define ZAGUAN_VAULT_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { ZG_VAULT_KEY_BYTES = 24, ZG_VAULT_VALUE_MAX = 128 * 1024 };

typedef struct zg_vault zg_vault;

typedef struct zg_vault_write {
    uint8_t key[ZG_VAULT_KEY_BYTES]; /* says nothing about people: a kind and random bytes */
    const uint8_t *value;            /* NULL: the entry is deleted; borrowed until done */
    size_t len;                      /* at most ZG_VAULT_VALUE_MAX */
} zg_vault_write;

typedef struct zg_vault_batch zg_vault_batch;
struct zg_vault_batch {
    zg_vault_batch *next; /* the vault's, while it has the batch */
    const zg_vault_write *writes; /* borrowed until done */
    size_t count;
    void (*done)(zg_vault_batch *batch, zg_err err); /* may free the batch */
    void *ctx;
};

/* Called once for each entry; value is borrowed until return. Not ZG_OK: loading stops with that error. */
typedef zg_err (*zg_vault_visit)(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len);

struct zg_vault {
    /* Every entry, in no particular order. Called once, first; done may come later, never from inside load. */
    void (*load)(zg_vault *v, zg_vault_visit visit, void *ctx, void (*done)(void *ctx, zg_err err));
    /* Takes the batch until done. Never fails by itself: failures come with done. */
    void (*submit)(zg_vault *v, zg_vault_batch *batch);
    /*
     * Does what is waiting, calling back, if this vault works inside the caller's thread; else does nothing. Called by the client at the end of
     * each of its own calls, so a vault can make one transaction of all that gathered.
     */
    void (*pump)(zg_vault *v);
    /* Frees. Batches that wait are done first, with ZG_OK or an error. */
    void (*close)(zg_vault *v);
};

/* A vault that forgets everything when it is closed. NULL: no memory. Entries are wiped when they go. */
ZG_API zg_vault *zg_vault_memory(void);

#ifdef __cplusplus
}
#endif

#endif
