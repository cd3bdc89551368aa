/*
 * A layer under SQLite that wipes what a page does not use before it is written to the database.
 *
 * secure_delete overwrites a row where it lies. But when SQLite moves rows within a page or between pages it
 * leaves copies in the room between the page's pointers and its rows, and these would outlive the row. The
 * journal has them as well, until it is emptied, and so have the pages that SQLite keeps in memory, which get
 * into the next journal unless they are released (sqlite3_db_release_memory). The relay's store and the
 * worker's vault both stand on it.
 */
#ifndef PROTO_SQLITE_SCRUB_H
#define PROTO_SQLITE_SCRUB_H

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct scrub_vfs {
    sqlite3_vfs vfs;
    sqlite3_vfs *below;
    char name[48];
};

/* Makes it known to SQLite as s->name, above the named one (NULL: the default). One of SQLite's codes. s must
 * stay where it is until it is unregistered, after the last connection was closed. */
int scrub_register(struct scrub_vfs *s, const char *below);
void scrub_unregister(struct scrub_vfs *s);

/*
 * A page's unused room becomes zeros. Pages that are no tables or indexes stay as they are: they begin with a
 * page number, whose first byte is 0 or 1 below SCRUB_PAGES_MAX pages.
 */
void scrub_page(uint8_t *page, size_t len, int first);
#define SCRUB_PAGES_MAX "33554431"

#endif
