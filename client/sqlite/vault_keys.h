/*
 * The keys of a vault's entries, a tree of two levels. Internal to client/sqlite.
 *
 *     root(id = 1, box BLOB)    Seal(vault key, "vault root", key of block 0 | key of block 1 | ...)
 *     block(id, box BLOB)       Seal(key of the block, "vault block" | u32 id, 120 entry keys)
 *
 * Every version of an entry has a key of its own, in a slot: block * 120 + place. A slot that is not used
 * holds random bytes. A block that changes is sealed under a fresh key, and the root with it: so a commit
 * that forgets something ends in overwriting one small row, and with that row's former bytes go all former
 * keys. Nothing that was sealed by an older state of a block can be opened again, wherever a copy of it
 * survives. A block fills a page of 4 KiB.
 *
 * All keys are in memory, guarded, while the vault is open. Changes are undone as far as a mark when a batch
 * is rolled back; after a rolled back transaction all is loaded again.
 */
#ifndef CLIENT_SQLITE_VAULT_KEYS_H
#define CLIENT_SQLITE_VAULT_KEYS_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

enum { KEYS_IN_BLOCK = 120 };

#define KEYS_SQL_BLOCK "CREATE TABLE block(id INTEGER PRIMARY KEY, box BLOB NOT NULL)"
#define KEYS_SQL_ROOT "CREATE TABLE root(id INTEGER PRIMARY KEY CHECK(id = 1), box BLOB NOT NULL)"

struct vault_keys;

/* Without a key in it. db is borrowed until vault_keys_free; both tables are there. ZG_ERR_MEMORY,
 * ZG_ERR_STORAGE. */
ZG_MUST_CHECK zg_err vault_keys_new(struct vault_keys **out, sqlite3 *db);
/* NULL-safe; wipes. */
void vault_keys_free(struct vault_keys *k);

/* Opens root and blocks of the file. ZG_ERR_MALFORMED: not of this vault, or damaged. */
ZG_MUST_CHECK zg_err vault_keys_load(struct vault_keys *k, const uint8_t *vault_key);
/* Says, after loading, that an entry has this slot. ZG_ERR_MALFORMED: there is no such slot, or two have it.
 */
ZG_MUST_CHECK zg_err vault_keys_claim(struct vault_keys *k, int64_t slot);

/* The key in a slot; NULL: there is no such slot, or it is not used. Borrowed until the next change. */
const uint8_t *vault_keys_at(const struct vault_keys *k, int64_t slot);
/* A fresh key in the slot, or in one that is free if *slot is negative. ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err vault_keys_renew(struct vault_keys *k, int64_t *slot);
/* The slot is not used any more, its key is forgotten. ZG_ERR_MEMORY: nothing was changed. */
ZG_MUST_CHECK zg_err vault_keys_drop(struct vault_keys *k, int64_t slot);

/* Where to go back to. */
size_t vault_keys_mark(const struct vault_keys *k);
void vault_keys_undo(struct vault_keys *k, size_t mark);

/* Writes what changed, inside a transaction, before its COMMIT; the root is sealed anew in any case. */
ZG_MUST_CHECK zg_err vault_keys_write(struct vault_keys *k, const uint8_t *vault_key);
/* After the COMMIT: former keys are wiped from memory. */
void vault_keys_committed(struct vault_keys *k);

#endif
