/*
 * SQLite's memory, wiped when it is freed: pages, rows and what it makes of them do not stay in a program's
 * heap.
 *
 * It is SQLite's for the whole process, so it is the program that decides, before anything else uses SQLite.
 */
#ifndef PROTO_SQLITE_WIPE_H
#define PROTO_SQLITE_WIPE_H

#include <stdbool.h>

/* Once, before the first database is opened. false: SQLite is in use already, and nothing was changed. */
bool wipe_sqlite_memory(void);

#endif
