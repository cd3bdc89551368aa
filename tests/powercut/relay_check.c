/*
 * What is left after a power cut must be the state after the last step that was answered, or after the next
 * one as a whole; and the store must work on from there.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/powercut/relay.h"

enum { WHY_BYTES = 256 };

static char why[WHY_BYTES];

__attribute__((format(printf, 1, 2))) static const char *wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return why;
}

struct look {
    struct engine *engine;
    const struct ledger *ledger;
    uint64_t step;
    uint32_t hour;
};

/* --- queues and messages --- */

static const char *check_loaded(const struct look *k, const struct store_job *job, uint32_t queue,
                                uint32_t *at)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES];
    const struct ledger *l = k->ledger;
    for (uint32_t i = 0; i < job->u.load.count; i++, ++*at) {
        const struct stored_message *m = &job->u.load.messages[i];
        while (*at < l->message_count &&
               !(l->messages[*at].queue == queue && ledger_has_message(l, *at, k->step, k->hour)))
            ++*at;
        if (*at == l->message_count)
            return wrong("queue %u: a message that should not be there, seq %u", queue, m->seq);
        struct handle handle = ledger_handle(*at);
        ledger_envelope(*at, bytes);
        if (m->seq != l->messages[*at].seq)
            return wrong("lost: message %u of queue %u, or out of order", *at, queue);
        if (memcmp(handle.b, m->handle.b, sizeof(handle.b)) != 0 || m->hour != l->messages[*at].hour ||
            memcmp(bytes, m->envelope->bytes, sizeof(bytes)) != 0)
            return wrong("changed: message %u of queue %u", *at, queue);
    }
    return NULL;
}

static const char *check_messages(const struct look *k, uint32_t queue)
{
    static struct store_job job;
    const struct ledger *l = k->ledger;
    const char *bad = NULL;
    uint32_t at = 0, from = 0;
    do {
        job = (struct store_job){
            .kind = JOB_LOAD,
            .u.load = {
                .queue = l->queues[queue].id, .from_seq = from, .hour = k->hour, .limit = STORE_LOAD_MAX}};
        k->engine->execute(k->engine, &job);
        if (job.result != ZG_OK)
            return wrong("queue %u cannot be loaded", queue);
        bad = check_loaded(k, &job, queue, &at);
        for (uint32_t i = 0; i < job.u.load.count; i++) {
            from = job.u.load.messages[i].seq + 1;
            envelope_unref(job.u.load.messages[i].envelope);
        }
    } while (bad == NULL && job.u.load.count == STORE_LOAD_MAX);
    for (; bad == NULL && at < l->message_count; at++)
        if (l->messages[at].queue == queue && ledger_has_message(l, at, k->step, k->hour))
            bad = wrong("lost: message %u of queue %u", at, queue);
    return bad;
}

static const char *find(const struct look *k, uint32_t name, struct found *out)
{
    struct store_job job = {.kind = JOB_FIND, .u.find = {.name = ledger_name_bytes(name), .hour = k->hour}};
    k->engine->execute(k->engine, &job);
    *out = job.u.find.found;
    return job.result == ZG_OK ? NULL : wrong("name %u cannot be looked up", name);
}

static const char *check_queue(const struct look *k, uint32_t queue)
{
    struct found found;
    const struct ledger_queue *q = &k->ledger->queues[queue];
    uint32_t first = 0;
    /* Names that it had at this step. */
    while (!(k->ledger->names[first].owner == queue && k->ledger->names[first].role == ROLE_PUT &&
             spell_covers(&k->ledger->names[first].spell, k->step)))
        if (++first == k->ledger->name_count)
            cuts_broken("a queue without names");
    for (uint32_t i = 0; i < 4; i++) {
        const char *bad = find(k, first + i, &found);
        if (bad != NULL)
            return bad;
        if (!found.found || found.id != q->id || found.role != k->ledger->names[first + i].role ||
            found.kind != q->kind)
            return wrong("lost: name %u of queue %u", first + i, queue);
    }
    return check_messages(k, queue);
}

/* --- names that are gone, vouchers, slots --- */

static bool has_name(const struct look *k, uint32_t name)
{
    const struct ledger_name *n = &k->ledger->names[name];
    if (!spell_covers(&n->spell, k->step))
        return false;
    if (n->role == ROLE_VOUCHER)
        return n->hour > k->hour;
    if (n->role == ROLE_READ || n->role == ROLE_WRITE || n->role == ROLE_SLOT_OWN)
        return true; /* checked with the slot */
    return ledger_has_queue(k->ledger, n->owner, k->step, k->hour);
}

static bool is_slot_role(enum role role)
{
    return role == ROLE_READ || role == ROLE_WRITE || role == ROLE_SLOT_OWN;
}

static const char *check_name(const struct look *k, uint32_t name)
{
    struct found found;
    const struct ledger_name *n = &k->ledger->names[name];
    const char *bad = find(k, name, &found);
    if (bad != NULL)
        return bad;
    if (is_slot_role(n->role) && spell_covers(&n->spell, k->step))
        return NULL;
    if (found.found != has_name(k, name))
        return wrong(found.found ? "came back: name %u" : "lost: name %u", name);
    if (found.found && n->role == ROLE_VOUCHER && found.voucher_kind != n->kind)
        return wrong("changed: voucher %u", name);
    return NULL;
}

static const char *check_slot(const struct look *k, uint32_t slot)
{
    static uint8_t bytes[LEDGER_VALUE_MAX];
    const struct ledger *l = k->ledger;
    uint32_t v = 0;
    while (v < l->value_count && !(l->values[v].slot == slot && spell_covers(&l->values[v].spell, k->step)))
        v++;
    bool there = v < l->value_count && l->values[v].hour > k->hour;
    struct found found;
    const char *bad = find(k, l->slots[slot].names, &found);
    if (bad != NULL)
        return bad;
    if (found.found != there)
        return wrong(there ? "lost: slot %u" : "came back: slot %u", slot);
    if (!there)
        return NULL;
    struct store_job job = {.kind = JOB_SLOT, .u.slot = {.id = l->slots[slot].id}};
    k->engine->execute(k->engine, &job);
    if (job.result != ZG_OK)
        return wrong("slot %u cannot be read", slot);
    ledger_value_bytes(v, l->values[v].size, bytes);
    bool same = job.u.slot.found && job.u.slot.version == l->values[v].version &&
                job.u.slot.size == l->values[v].size &&
                (job.u.slot.size == 0 || memcmp(bytes, job.u.slot.value, job.u.slot.size) == 0);
    free(job.u.slot.value);
    return same ? NULL
                : wrong("lost or changed: slot %u, version %llu", slot,
                        (unsigned long long)l->values[v].version);
}

enum { NAMES_LOOKED_AT = 16 };

/* All queues and slots, and some of the other names. */
static const char *check_state(const struct look *k, const struct rng *rng, bool thorough)
{
    const struct ledger *l = k->ledger;
    const char *bad = NULL;
    for (uint32_t i = 0; i < l->queue_count && bad == NULL; i++)
        if (ledger_has_queue(l, i, k->step, k->hour))
            bad = check_queue(k, i);
    for (uint32_t i = 0; i < l->slot_count && bad == NULL; i++)
        bad = check_slot(k, i);
    for (uint32_t i = 0; i < (thorough ? l->name_count : NAMES_LOOKED_AT) && bad == NULL; i++)
        bad = check_name(k, thorough ? i : rng_below(rng, l->name_count));
    return bad;
}

/* --- what is deleted --- */

/* Handles of what was gone by this step are unknown. */
static const char *check_handles(const struct look *k, uint64_t gone_by, const struct rng *rng)
{
    struct store_write writes[NAMES_LOOKED_AT];
    const struct ledger *l = k->ledger;
    size_t count = 0;
    for (uint32_t i = 0; i < NAMES_LOOKED_AT * 4 && count < NAMES_LOOKED_AT; i++) {
        uint32_t m = rng_below(rng, l->message_count);
        if (l->messages[m].spell.gone <= gone_by && !l->messages[m].expired)
            writes[count++] =
                (struct store_write){.kind = WRITE_DROP_HANDLE, .u.message = {.handle = ledger_handle(m)}};
    }
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {writes, count, k->hour}};
    k->engine->execute(k->engine, &job);
    if (job.result != ZG_OK)
        return wrong("a commit fails");
    for (size_t i = 0; i < count; i++)
        if (writes[i].outcome != OUTCOME_NOT_FOUND)
            return wrong("came back: the handle of a message that was deleted");
    return NULL;
}

static bool must_be_gone(const struct ledger *l, const uint8_t *tag, uint32_t number, uint64_t forgotten)
{
    if (memcmp(tag, LEDGER_TEXT_TAG, LEDGER_TAG_BYTES) == 0)
        return true; /* sealed at rest, always */
    if (memcmp(tag, LEDGER_NAME_TAG, LEDGER_TAG_BYTES) == 0)
        return number < l->name_count && l->names[number].spell.gone <= forgotten;
    return number < l->message_count && l->messages[number].spell.gone <= forgotten &&
           !(l->messages[number].expired && l->messages[number].marked);
}

static const char *scan_file(const struct ledger *l, const char *name, const struct content *c,
                             uint64_t forgotten)
{
    const uint8_t *at = c->bytes, *end = c->bytes + c->len;
    uint32_t number;
    for (; at != NULL && (at = memchr(at, LEDGER_NAME_TAG[0], (size_t)(end - at))) != NULL; at++)
        if (ledger_is_stamp(at, (size_t)(end - at), &number) && must_be_gone(l, at, number, forgotten))
            return wrong("%.4s %u, gone for good by step %llu, stands in %s at %zu", (const char *)at, number,
                         (unsigned long long)forgotten, name, (size_t)(at - c->bytes));
    return NULL;
}

/* What was gone when the journal was emptied is in no file. */
static const char *scan(const struct ledger *l, const struct folder *f, uint64_t forgotten)
{
    const char *bad = NULL;
    for (uint32_t i = 0; i < f->name_count && bad == NULL; i++)
        bad = scan_file(l, f->names[i].name, &f->files[f->names[i].file], forgotten);
    return bad;
}

/* --- and on --- */

static const char *run(struct engine *e, struct store_job *job, const char *what)
{
    e->execute(e, job);
    return job->result == ZG_OK ? NULL : wrong("it does not go on: %s", what);
}

/* A new message to some queue, an hour later, and everything forgotten that can be. */
static const char *work_on(const struct look *k)
{
    const struct ledger *l = k->ledger;
    uint8_t bytes[WIRE_ENVELOPE_BYTES] = {1};
    uint32_t q = 0;
    while (q < l->queue_count && !(ledger_has_queue(l, q, k->step, k->hour + 1) &&
                                   ledger_has_queue(l, q, k->step + 1, k->hour + 1)))
        q++;
    const char *bad = NULL;
    if (q < l->queue_count) {
        struct envelope *e = envelope_new(bytes);
        struct store_write w = {
            .kind = WRITE_MESSAGE,
            .u.message = {.queue = l->queues[q].id, .seq = 100000, .hour = k->hour + 5, .envelope = e}};
        struct store_job job = {.kind = JOB_COMMIT, .u.commit = {&w, 1, k->hour}};
        bad = run(k->engine, &job, "a commit");
        if (bad == NULL && w.outcome != OUTCOME_OK)
            bad = wrong("it does not go on: a message to queue %u has outcome %d", q, (int)w.outcome);
        envelope_unref(e);
    }
    struct store_job purge = {.kind = JOB_PURGE, .u.purge = {.hour = k->hour + 1, .limit = 10000}};
    struct store_job forget = {.kind = JOB_FORGET};
    if (bad == NULL)
        bad = run(k->engine, &purge, "a purge");
    return bad == NULL ? run(k->engine, &forget, "forgetting") : bad;
}

/* SQLite's own opinion of the file. */
static const char *check_integrity(void)
{
    sqlite3 *db;
    sqlite3_stmt *s = NULL;
    const char *bad = NULL;
    int rc = sqlite3_open_v2(RELAY_DB, &db, SQLITE_OPEN_READWRITE, "left");
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (rc != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW)
        bad = wrong("the database cannot be checked: %s", sqlite3_errmsg(db));
    else if (strcmp((const char *)sqlite3_column_text(s, 0), "ok") != 0)
        bad = wrong("the database is damaged: %s", (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    sqlite3_close(db);
    return bad;
}

const char *relay_check(struct disk *left, uint64_t step, const struct rng *rng, bool thorough)
{
    const struct ledger *l = relay_ledger();
    uint64_t next = step < l->step ? step + 1 : step;
    uint32_t hour = l->steps[step].hour > l->steps[next].hour ? l->steps[step].hour : l->steps[next].hour;

    const char *bad = scan(l, &left->folder, l->steps[step].forgotten);
    if (bad == NULL && relay_keys_left(&left->folder, step, thorough))
        bad = wrong("a key that was destroyed is there");
    if (bad != NULL)
        return bad;
    struct look k = {relay_open(left, "left"), l, step, hour};
    if (k.engine == NULL)
        return wrong("it does not open");
    bad = check_state(&k, rng, thorough);
    if (bad != NULL) {
        char first[WHY_BYTES];
        memcpy(first, why, sizeof(first));
        k.step = next;
        bad = check_state(&k, rng, thorough);
        if (bad != NULL)
            memcpy(why, first, sizeof(why));
    }
    if (bad == NULL)
        bad = check_handles(&k, step, rng);
    if (bad == NULL)
        bad = work_on(&k);
    /* With the journal emptied again, all that was gone before is gone. */
    if (bad == NULL)
        bad = scan(l, &left->folder, step);
    relay_close(k.engine);
    return bad == NULL && thorough ? check_integrity() : bad;
}
