/*
 * A write-ahead log written in large pieces. SQLite writes each page of it in two writes, 24 bytes and the
 * page; here they gather until SQLite syncs, so that a commit of a thousand pages is some seventy writes
 * instead of two thousand.
 *
 * Failure: a write that was kept back and then fails is told by whatever made it go out: another write, a
 * read, or the sync, at the latest. So what is gathered must be synced before anybody
 * relies on it: PRAGMA synchronous = FULL. What failed is dropped, as SQLite takes the transaction back.
 */
#ifndef PROTO_SQLITE_GATHER_H
#define PROTO_SQLITE_GATHER_H

#include <sqlite3.h>

/* Room that a file needs before that of the layer below. */
int gather_file_bytes(void);
/* As a VFS's xOpen: opens the log with the VFS below, into f. */
int gather_open(sqlite3_vfs *below, const char *name, sqlite3_file *f, int flags, int *out_flags);

#endif
