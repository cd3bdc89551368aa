#define _GNU_SOURCE

#include "tests/integration/talkers_plant.h"

#include <sqlite3.h>
#include <stdio.h>

#include "tests/integration/talkers.h"

static const char *const statements[] = {
    [PLANT_NOTHING] = "",
    /* The total is kept right, so that the relay sees nothing strange. */
    [PLANT_LOSE] = "BEGIN;"
                   "UPDATE total SET messages = 0;"
                   "DELETE FROM message;"
                   "COMMIT;",
    [PLANT_SWAP] =
        "BEGIN;"
        "CREATE TEMP TABLE pair AS SELECT a.key AS key, b.sealed AS sealed FROM message a"
        " JOIN message b ON b.key = a.key + 1 ORDER BY a.key LIMIT 1;"
        "UPDATE message SET sealed = (SELECT m.sealed FROM message m, pair WHERE m.key = pair.key)"
        " WHERE key = (SELECT key + 1 FROM pair);"
        "UPDATE message SET sealed = (SELECT sealed FROM pair) WHERE key = (SELECT key FROM pair);"
        "COMMIT;",
};

static sqlite3 *open_database(const char *relay_dir)
{
    char path[160];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/relay.db", relay_dir);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        fault("the relay's database cannot be opened: %s", sqlite3_errmsg(db));
    return db;
}

static void run(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *ctx)
{
    if (sqlite3_exec(db, sql, row, ctx, NULL) != SQLITE_OK)
        fault("the relay's database: %s", sqlite3_errmsg(db));
}

uint32_t plant_do(enum plant what, const char *relay_dir)
{
    sqlite3 *db = open_database(relay_dir);
    int before = sqlite3_total_changes(db);
    run(db, statements[what], NULL, NULL);
    int changed = sqlite3_total_changes(db) - before;
    sqlite3_close(db);
    return (uint32_t)changed;
}

static int take_count(void *ctx, int columns, char **values, char **names)
{
    unsigned count;
    (void)columns;
    (void)names;
    if (values[0] == NULL || sscanf(values[0], "%u", &count) != 1)
        return 1;
    *(uint32_t *)ctx = count;
    return 0;
}

uint32_t plant_waiting(const char *relay_dir)
{
    uint32_t count = 0;
    sqlite3 *db = open_database(relay_dir);
    run(db, "SELECT count(*) FROM message", take_count, &count);
    sqlite3_close(db);
    return count;
}
