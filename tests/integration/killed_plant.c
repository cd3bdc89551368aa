#define _GNU_SOURCE

#include "tests/integration/killed_plant.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { EACH = 10 };

static sqlite3 *open_database(const char *relay_dir, const char *name)
{
    char path[160];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/%s", relay_dir, name);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK) {
        fprintf(stderr, "killed: the relay's database: %s\n", sqlite3_errmsg(db));
        abort();
    }
    return db;
}

static void copy(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
    if (b == NULL || sqlite3_backup_step(b, -1) != SQLITE_DONE || sqlite3_backup_finish(b) != SQLITE_OK) {
        fprintf(stderr, "killed: the relay's database cannot be copied: %s\n", sqlite3_errmsg(to));
        abort();
    }
}

void killed_plant(enum killed_plant what, const char *relay_dir)
{
    static unsigned times;
    if (what == KILLED_NOTHING)
        return;
    sqlite3 *db = open_database(relay_dir, "relay.db");
    if (what == KILLED_LOSE) {
        sqlite3_exec(db, "DELETE FROM message WHERE key = (SELECT max(key) FROM message)", NULL, NULL, NULL);
    } else {
        sqlite3 *kept = open_database(relay_dir, "../kept.db");
        bool put_back = ++times % EACH == 0;
        copy(put_back ? db : kept, put_back ? kept : db);
        sqlite3_close(kept);
    }
    sqlite3_close(db);
}
