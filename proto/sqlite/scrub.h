/*
 * A VFS between SQLite and the disk that lets nothing stale into a database file.
 *
 * SQLite's secure_delete overwrites what is deleted, where it lies. But when it moves cells from one page to
 * another, copies stay in the room between a page's pointers and its cells, and deleting a cell later does
 * not reach those. Nobody reads that room: here it is filled with zeros on the way to the file.
 *
 * For databases with pages of 4 KiB. Both sides use it: the relay's store and the worker's vault.
 */
#ifndef PROTO_SQLITE_SCRUB_H
#define PROTO_SQLITE_SCRUB_H

#include <sqlite3.h>

enum { SCRUB_PAGE_BYTES = 4096 };

/*
 * The name of such a VFS over another one (NULL: the system's), for sqlite3_open_v2; registered when it is
 * asked for the first time and there until the process ends. NULL: no memory, or no such VFS.
 */
const char *scrub_vfs(const char *below);

/*
 * To be called when a database was opened, after its locking mode was chosen: keeps it below 128 GiB, where
 * the first byte of an overflow page could be taken for that of a page with cells. A result code of SQLite.
 */
int scrub_limit(sqlite3 *db);

#endif
