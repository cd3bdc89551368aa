/*
 * What must survive, and since when it is safe.
 *
 * Everything that is kept has an entry. Who changes the thing touches its entry; nothing else is written down. One batch is with the
 * vault at a time; the next one holds every entry that was touched meanwhile, as the thing is when the batch is made. So each batch is a
 * consistent picture of the whole client, and a crash leaves one of them.
 *
 * Happy path: entry_touch; stamp = journal_stamp; journal_work submits; the vault says done; journal_settled(stamp) is true, and what
 * had to wait for it (a SEND, an ACK) may go out.
 * Failure: the entries of the batch count as touched again, and after a pause they are submitted as they are then.
 */
#ifndef CLIENT_JOURNAL_H
#define CLIENT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/vault.h>

#include "proto/bytes.h"
#include "proto/rng.h"

struct entry_kind {
    uint8_t tag; /* first byte of the key */
    size_t (*bound)(const void *thing); /* save writes no more than this */
    void (*save)(const void *thing, struct writer *w);
};

/* Opaque; the journal's own memory, so that it can outlive the thing until its deletion is done. */
struct entry;

struct journal {
    zg_vault *vault;
    struct entry *touched; /* waiting for the next batch, the oldest first */
    struct entry **touched_end;
    struct batch *flight;
    uint64_t gathering; /* number of the next batch */
    uint64_t safe;      /* number of the last one that is done */
    uint64_t now_ms;    /* mono, of the last journal_work */
    uint64_t retry_at;  /* mono; 0: now */
    uint64_t pause_ms;
    zg_err failure; /* of the last batch; ZG_OK after one that was stored */
    void (*done)(void *ctx); /* a batch came back, from pump or from an event of the vault's own */
    void *ctx;
};

void journal_init(struct journal *j, zg_vault *vault, void (*done)(void *ctx), void *ctx);
/* After the vault was closed and every entry dropped: frees what waits. */
void journal_clear(struct journal *j);

/* Reads the random part of the key from rng. NULL: no memory. Is not touched yet. */
struct entry *entry_new(const struct entry_kind *kind, const void *thing, const struct rng *rng);
/* For a thing that was read from the vault. */
struct entry *entry_loaded(const struct entry_kind *kind, const void *thing, const uint8_t key[ZG_VAULT_KEY_BYTES]);
void entry_touch(struct journal *j, struct entry *e);
/* The thing is gone: its entry is deleted in the next batch, never fails. NULL-safe. */
void entry_drop(struct journal *j, struct entry *e);
/* Frees without deleting what the vault has: the client is closing. NULL-safe. */
void entry_forget(struct journal *j, struct entry *e);

/* What covers everything that was touched until now. */
uint64_t journal_stamp(const struct journal *j);
bool journal_settled(const struct journal *j, uint64_t stamp);
/* Submits what waits, if nothing is under way. */
void journal_work(struct journal *j, uint64_t mono_ms);
/* mono_ms of the next try; UINT64_MAX: nothing waits for time. */
uint64_t journal_deadline(const struct journal *j);

#endif
