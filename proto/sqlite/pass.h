/* What a layer between SQLite and the system's files leaves as it is. A layer's own struct of a file begins
 * with struct pass_file. */
#ifndef PROTO_SQLITE_PASS_H
#define PROTO_SQLITE_PASS_H

#include <sqlite3.h>

struct pass_file {
    sqlite3_file base;
    sqlite3_file *below;
};

sqlite3_file *pass_below(sqlite3_file *f);

/* For sqlite3_io_methods: each asks the file below, and changes nothing. */
int pass_lock(sqlite3_file *f, int level);
int pass_unlock(sqlite3_file *f, int level);
int pass_reserved(sqlite3_file *f, int *out);
int pass_control(sqlite3_file *f, int op, void *arg);
int pass_sector(sqlite3_file *f);
int pass_traits(sqlite3_file *f);

#endif
