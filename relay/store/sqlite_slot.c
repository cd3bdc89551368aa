/* Writes of slots. */
#include <sodium.h>

#include "relay/store/sqlite_engine.h"

/* OK: names and id are free. EXISTS: they are those of one slot of this lifetime. */
static int slot_check(struct sqlite_engine *e, const struct store_write *w, const struct named *list,
                      enum outcome *outcome)
{
    enum standing standing;
    struct slot_row row;
    uint64_t id;

    *outcome = OUTCOME_REFUSED;
    if (!names_differ(list, NAMES_OF_SLOT))
        return SQLITE_OK;
    int rc = db_names_stand(e, list, NAMES_OF_SLOT, &standing, &id);
    if (rc != SQLITE_OK || standing == NAMES_TAKEN)
        return rc;
    rc = db_slot_find(e, standing == NAMES_OF_ONE ? id : w->u.slot.id, &row);
    if (rc != SQLITE_OK)
        return rc;
    if (standing == NAMES_FREE)
        *outcome = row.found ? OUTCOME_CONFLICT : OUTCOME_OK;
    else if (row.found && row.ttl == w->u.slot.ttl)
        *outcome = OUTCOME_EXISTS;
    return SQLITE_OK;
}

static int slot_add(struct sqlite_engine *e, const struct store_write *w, const struct named *list)
{
    const struct epoch *epoch = NULL;
    int rc = w->u.slot.ttl == WIRE_TTL_LASTING ? SQLITE_OK : db_epoch_use(e, w->u.slot.hour, &epoch);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_SLOT_ADD);
    bind_number(s, 1, w->u.slot.id);
    bind_number(s, 2, w->u.slot.ttl);
    if (epoch != NULL)
        bind_number(s, 3, epoch->id);
    else
        sqlite3_bind_null(s, 3);
    bind_number(s, 4, w->u.slot.hour);
    rc = statement_run_names(s, 5, list, NAMES_OF_SLOT);
    if (rc != SQLITE_OK)
        return rc;
    e->delta.slots++;
    e->delta.passing += epoch != NULL;
    return db_names_add(e, list, NAMES_OF_SLOT, w->u.slot.id);
}

int db_slots_count(struct sqlite_engine *e)
{
    bool row;
    sqlite3_stmt *s = statement_get(e, S_SLOTS_PASSING);
    int rc = statement_row(s, &row);
    /* Damage in an index of slots must not keep messages from being served: only what comes now is counted.
     */
    if ((rc & 0xff) == SQLITE_CORRUPT)
        return SQLITE_OK;
    if (rc != SQLITE_OK || !row)
        return rc == SQLITE_OK ? SQLITE_CORRUPT : rc;
    e->passing = (int64_t)column_number(s, 0);
    sqlite3_reset(s);
    return SQLITE_OK;
}

/* Within a transaction its own slots count. */
static bool full(const struct sqlite_engine *e, const struct store_write *w)
{
    bool too_many = w->u.slot.ttl != WIRE_TTL_LASTING && w->u.slot.most != 0 &&
                    e->passing + e->delta.passing >= w->u.slot.most;
    return too_many || w->no_room;
}

int db_write_slot(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct named list[NAMES_OF_SLOT];
    bool good;

    names_of_slot(&w->u.slot.names, list);
    int rc = slot_check(e, w, list, &w->outcome);
    if (rc != SQLITE_OK || (w->outcome != OUTCOME_OK && w->outcome != OUTCOME_CONFLICT))
        return rc;
    rc = db_voucher_check(e, &w->u.slot.voucher, voucher_for_slot(w->u.slot.ttl), hour, &good);
    if (rc == SQLITE_OK && !good)
        w->outcome = OUTCOME_REFUSED;
    else if (rc == SQLITE_OK && full(e, w))
        w->outcome = OUTCOME_FULL;
    if (rc != SQLITE_OK || w->outcome != OUTCOME_OK)
        return rc;
    rc = db_voucher_spend(e, &w->u.slot.voucher);
    return rc == SQLITE_OK ? slot_add(e, w, list) : rc;
}

int db_slot_put(struct sqlite_engine *e, uint64_t id, const struct slot_row *row, const uint8_t *value,
                uint32_t size)
{
    const struct at_rest_row at = db_slot_row(id, row->version);
    const struct epoch *epoch = NULL;
    bool lasting = row->ttl == WIRE_TTL_LASTING;

    int rc = lasting ? SQLITE_OK : db_epoch_use(e, row->hour, &epoch);
    if (rc != SQLITE_OK)
        return rc;
    if (!lasting)
        at_rest_seal(e->sealed, epoch, &at, value, size, &e->rng);
    sqlite3_stmt *s = statement_get(e, S_SLOT_SET);
    bind_number(s, 1, id);
    bind_number(s, 2, row->version);
    if (lasting)
        sqlite3_bind_null(s, 3);
    else
        bind_number(s, 3, epoch->id);
    bind_number(s, 4, row->hour);
    if (lasting)
        bind_bytes(s, 5, value, size);
    else
        bind_bytes(s, 5, e->sealed, (size_t)size + AT_REST_OVERHEAD);
    rc = statement_run(s);
    if (!lasting)
        sodium_memzero(e->sealed, (size_t)size + AT_REST_OVERHEAD);
    return rc;
}

/* Whether the value of a lasting slot would become larger. */
static int grows(struct sqlite_engine *e, const struct store_write *w, bool *out)
{
    bool row;
    sqlite3_stmt *s = statement_get(e, S_SLOT_LENGTH);
    bind_number(s, 1, w->u.slot.id);
    int rc = statement_row(s, &row);
    *out = rc == SQLITE_OK && row && w->u.slot.size > column_number(s, 0);
    sqlite3_reset(s);
    return rc;
}

int db_write_slot_value(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct slot_row row;
    bool larger = false;

    (void)hour;
    int rc = db_slot_find(e, w->u.slot.id, &row);
    if (rc == SQLITE_OK && row.found && w->no_room && row.ttl == WIRE_TTL_LASTING)
        rc = grows(e, w, &larger);
    if (rc != SQLITE_OK)
        return rc;
    if (!row.found)
        w->outcome = OUTCOME_NOT_FOUND;
    else if (row.version != w->u.slot.expected || row.version >= INT64_MAX)
        w->outcome = OUTCOME_CONFLICT;
    else
        w->outcome = larger ? OUTCOME_FULL : OUTCOME_OK;
    if (w->outcome != OUTCOME_OK)
        return SQLITE_OK;

    row.version++;
    row.hour = w->u.slot.hour;
    return db_slot_put(e, w->u.slot.id, &row, w->u.slot.value, w->u.slot.size);
}

int db_write_slot_names(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    struct named old[NAMES_OF_SLOT], list[NAMES_OF_SLOT];
    struct slot_row row;
    bool usable;

    (void)hour;
    names_of_slot(&w->u.slot.names, list);
    usable = names_differ(list, NAMES_OF_SLOT);
    int rc = db_slot_find(e, w->u.slot.id, &row);
    if (rc == SQLITE_OK && !row.found) {
        w->outcome = OUTCOME_NOT_FOUND;
        return SQLITE_OK;
    }
    for (size_t i = 0; i < NAMES_OF_SLOT && usable && rc == SQLITE_OK; i++) {
        struct owner owner;
        rc = db_name_find(e, &list[i].name, &owner);
        usable = rc == SQLITE_OK && (!owner.found || (role_of_slot(owner.role) && owner.id == w->u.slot.id));
    }
    if (rc != SQLITE_OK)
        return rc;
    w->outcome = usable ? OUTCOME_OK : OUTCOME_REFUSED;
    if (!usable)
        return SQLITE_OK;

    rc = db_names_drop(e, old, names_of_slot(&row.names, old));
    if (rc == SQLITE_OK)
        rc = db_names_add(e, list, NAMES_OF_SLOT, w->u.slot.id);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_SLOT_NAMES);
    bind_number(s, 1, w->u.slot.id);
    return statement_run_names(s, 2, list, NAMES_OF_SLOT);
}

int db_slot_drop(struct sqlite_engine *e, uint64_t id, bool *found)
{
    struct named list[NAMES_OF_SLOT];
    struct slot_row row;

    int rc = db_slot_find(e, id, &row);
    if (rc != SQLITE_OK)
        return rc;
    *found = row.found;
    if (!row.found)
        return SQLITE_OK;
    rc = db_names_drop(e, list, names_of_slot(&row.names, list));
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_stmt *s = statement_get(e, S_SLOT_DROP);
    bind_number(s, 1, id);
    e->delta.slots--;
    e->delta.passing -= row.ttl != WIRE_TTL_LASTING;
    return statement_run(s);
}

int db_write_drop_slot(struct sqlite_engine *e, struct store_write *w, uint32_t hour)
{
    bool found;
    (void)hour;
    int rc = db_slot_drop(e, w->u.slot.id, &found);
    if (rc == SQLITE_OK)
        w->outcome = found ? OUTCOME_OK : OUTCOME_NOT_FOUND;
    return rc;
}
