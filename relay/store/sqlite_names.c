#include <assert.h>
#include <string.h>

#include "relay/store/sqlite_engine.h"

int db_name_find(struct sqlite_engine *e, const struct name *name, struct owner *out)
{
    sqlite3_stmt *s = statement_get(e, S_NAME_FIND);
    bind_name(s, 1, name);
    int rc = statement_row(s, &out->found);
    if (rc != SQLITE_OK || !out->found)
        return rc;
    out->role = (enum role)column_number(s, 0);
    out->id = column_number(s, 1);
    sqlite3_reset(s);
    return SQLITE_OK;
}

int db_names_stand(struct sqlite_engine *e, const struct named *list, size_t count, enum standing *out,
                   uint64_t *id)
{
    size_t free = 0, theirs = 0;
    uint64_t first = 0;
    for (size_t i = 0; i < count; i++) {
        struct owner owner;
        int rc = db_name_find(e, &list[i].name, &owner);
        if (rc != SQLITE_OK)
            return rc;
        if (!owner.found) {
            free++;
            continue;
        }
        if (theirs == 0)
            first = owner.id;
        if (owner.role == list[i].role && owner.id == first)
            theirs++;
    }
    *out = free == count ? NAMES_FREE : theirs == count ? NAMES_OF_ONE : NAMES_TAKEN;
    *id = first;
    return SQLITE_OK;
}

int db_names_add(struct sqlite_engine *e, const struct named *list, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *s = statement_get(e, S_NAME_ADD);
        bind_name(s, 1, &list[i].name);
        bind_number(s, 2, (uint64_t)list[i].role);
        bind_number(s, 3, id);
        int rc = statement_run(s);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int db_names_drop(struct sqlite_engine *e, const struct named *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *s = statement_get(e, S_NAME_DROP);
        bind_name(s, 1, &list[i].name);
        int rc = statement_run(s);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int statement_run_names(sqlite3_stmt *s, int place, const struct named *list, size_t count)
{
    uint8_t joined[NAMES_MAX * WIRE_NAME_BYTES];
    assert(count <= NAMES_MAX);
    for (size_t i = 0; i < count; i++)
        memcpy(joined + i * WIRE_NAME_BYTES, list[i].name.b, WIRE_NAME_BYTES);
    bind_bytes(s, place, joined, count * WIRE_NAME_BYTES);
    int rc = statement_run(s);
    /* joined ends here */
    sqlite3_bind_null(s, place);
    return rc;
}

/* The names column back into names; takes says where the second put stands, if there is one. */
static int names_split(sqlite3_stmt *s, int column, uint64_t takes, struct stored_names *out)
{
    const uint8_t *at = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);
    size_t without_put2 = (size_t)(3 + takes) * WIRE_NAME_BYTES;

    if (takes == 0 || takes > WIRE_TAKES_MAX || at == NULL)
        return SQLITE_CORRUPT;
    if (len != without_put2 && len != without_put2 + WIRE_NAME_BYTES)
        return SQLITE_CORRUPT;
    memset(out, 0, sizeof(*out));
    out->takes = (uint8_t)takes;
    out->has_put2 = len > without_put2;
    memcpy(out->put.b, at, WIRE_NAME_BYTES);
    memcpy(out->own.b, at + WIRE_NAME_BYTES, WIRE_NAME_BYTES);
    memcpy(out->end.b, at + 2 * WIRE_NAME_BYTES, WIRE_NAME_BYTES);
    memcpy(out->take, at + 3 * WIRE_NAME_BYTES, (size_t)takes * WIRE_NAME_BYTES);
    if (out->has_put2)
        memcpy(out->put2.b, at + without_put2, WIRE_NAME_BYTES);
    return SQLITE_OK;
}

int db_queue_find(struct sqlite_engine *e, uint64_t id, struct queue_row *out)
{
    sqlite3_stmt *s = statement_get(e, S_QUEUE_FIND);
    bind_number(s, 1, id);
    int rc = statement_row(s, &out->found);
    if (rc != SQLITE_OK || !out->found)
        return rc;
    out->unanswered = column_number(s, 0) == KIND_UNANSWERED;
    out->kind = out->unanswered ? QUEUE_CONVERSATION : (enum queue_kind)column_number(s, 0);
    out->ends = (uint32_t)column_number(s, 1);
    rc = names_split(s, 3, column_number(s, 2), &out->names);
    sqlite3_reset(s);
    return rc;
}

int db_slot_find(struct sqlite_engine *e, uint64_t id, struct slot_row *out)
{
    uint8_t names[NAMES_OF_SLOT * WIRE_NAME_BYTES];
    sqlite3_stmt *s = statement_get(e, S_SLOT_FIND);
    bind_number(s, 1, id);
    int rc = statement_row(s, &out->found);
    if (rc != SQLITE_OK || !out->found)
        return rc;
    out->ttl = (uint8_t)column_number(s, 0);
    out->version = column_number(s, 1);
    out->epoch = (uint32_t)column_number(s, 2); /* NULL is 0 */
    out->hour = (uint32_t)column_number(s, 3);
    rc = column_copy(s, 4, names, sizeof(names));
    sqlite3_reset(s);
    if (rc != SQLITE_OK)
        return rc;
    memcpy(out->names.read.b, names, WIRE_NAME_BYTES);
    memcpy(out->names.write.b, names + WIRE_NAME_BYTES, WIRE_NAME_BYTES);
    memcpy(out->names.own.b, names + 2 * WIRE_NAME_BYTES, WIRE_NAME_BYTES);
    return SQLITE_OK;
}
