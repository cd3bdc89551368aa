/*
 * Plain arrays and linear searches: slow, and easy to believe. The SQLite engine is tested against it.
 *
 * A job is carried out on the arrays after room for all it could add was reserved, so that nothing can fail
 * in between.
 */
#include "relay/store/memory.h"

#include <stdlib.h>
#include <string.h>

#include "relay/store/memory_engine.h"

enum { ROW_BYTES = 64 };

/* The copy that a write will need; *out stays NULL if it needs none. */
static bool copy_payload(const struct store_write *w, uint8_t **out)
{
    const uint8_t *from = NULL;
    size_t len = WIRE_ENVELOPE_BYTES;
    if (w->kind == WRITE_MESSAGE)
        from = w->u.message.envelope->bytes;
    else if (w->kind == WRITE_KNOCK)
        from = w->u.knock.message.envelope->bytes;
    else if (w->kind == WRITE_SLOT_VALUE)
        from = w->u.slot.value, len = w->u.slot.size;
    if (from == NULL || len == 0)
        return true;
    *out = malloc(len);
    if (*out != NULL)
        memcpy(*out, from, len);
    return *out != NULL;
}

/* What a file would hold, near enough: envelopes, values, and a little for each row. */
static uint64_t bytes_used(const struct memory_engine *e)
{
    uint64_t bytes = e->messages.count * (ROW_BYTES + WIRE_ENVELOPE_BYTES) +
                     (e->names.count + e->queues.count + e->slots.count + e->marks.count) * ROW_BYTES;
    for (size_t i = 0; i < e->slots.count; i++)
        bytes += ((const struct slot_row *)table_at(&e->slots, i))->size;
    return bytes;
}

static zg_err commit(struct memory_engine *e, struct store_job *job)
{
    size_t count = job->u.commit.count;
    zg_err err = ZG_ERR_MEMORY;
    bool room = table_reserve(&e->names, count * (NAMES_OF_QUEUE_MAX + 1)) &&
                table_reserve(&e->queues, count) && table_reserve(&e->slots, count) &&
                table_reserve(&e->messages, count);
    uint8_t **spares = calloc(count + 1, sizeof(*spares));

    for (size_t i = 0; i < count && spares != NULL && room; i++)
        room = copy_payload(&job->u.commit.writes[i], &spares[i]);
    if (room && spares != NULL) {
        for (size_t i = 0; i < count; i++) {
            struct store_write *w = &job->u.commit.writes[i];
            w->outcome = mem_carry_out(e, w, job->u.commit.hour, &spares[i]);
        }
        err = ZG_OK;
    }
    for (size_t i = 0; i < count && spares != NULL; i++)
        free(spares[i]);
    free(spares);
    return err;
}

static void sum_messages(struct memory_engine *e, uint32_t hour, struct found *out)
{
    for (size_t i = 0; i < e->messages.count; i++) {
        const struct message_row *m = table_at(&e->messages, i);
        if (m->queue != out->id)
            continue;
        if (m->seq >= out->next_seq)
            out->next_seq = m->seq + 1;
        if (!mem_lives(e, m->hour, hour))
            continue;
        if (out->stored == 0 || m->seq < out->first_seq)
            out->first_seq = m->seq;
        out->stored++;
    }
    if (out->kind == QUEUE_CONVERSATION && out->stored > 1)
        out->stored = 1;
}

static zg_err find(struct memory_engine *e, struct store_job *job)
{
    const struct name_row *name = mem_name_row_find(e, &job->u.find.name);
    struct found out = {0};
    uint32_t hour = job->u.find.hour;

    job->u.find.found = out;
    if (name == NULL)
        return ZG_OK;
    out.found = true;
    out.role = name->named.role;
    out.id = name->id;
    if (out.role == ROLE_VOUCHER) {
        out.voucher_kind = name->kind;
        out.found = name->hour > hour;
    } else if (role_of_slot(out.role)) {
        const struct slot_row *slot = mem_slot_row_find(e, out.id);
        out.ttl = slot->ttl;
        out.version = slot->version;
        out.found = mem_slot_lives(e, slot, hour);
    } else {
        const struct queue_row *q = mem_queue_row_find(e, out.id);
        out.kind = q->kind;
        out.ends = q->ends;
        out.unanswered = q->unanswered;
        out.found = !over_queue(q->ends, hour);
        out.names = q->names;
        sum_messages(e, hour, &out);
    }
    if (out.found)
        job->u.find.found = out;
    return ZG_OK;
}

/* The unexpired message of the queue with the smallest sequence from `from` on. */
static const struct message_row *next_message(struct memory_engine *e, uint64_t queue, uint32_t from,
                                              uint32_t hour)
{
    const struct message_row *best = NULL;
    for (size_t i = 0; i < e->messages.count; i++) {
        const struct message_row *m = table_at(&e->messages, i);
        if (m->queue == queue && m->seq >= from && mem_lives(e, m->hour, hour) &&
            (best == NULL || m->seq < best->seq))
            best = m;
    }
    return best;
}

static zg_err load(struct memory_engine *e, struct store_job *job)
{
    uint32_t limit = job->u.load.limit < STORE_LOAD_MAX ? job->u.load.limit : STORE_LOAD_MAX;
    uint32_t from = job->u.load.from_seq;

    job->u.load.count = 0;
    job->u.load.damaged = 0;
    while (job->u.load.count < limit) {
        const struct message_row *m = next_message(e, job->u.load.queue, from, job->u.load.hour);
        if (m == NULL)
            break;
        struct envelope *envelope = envelope_new(m->envelope);
        if (envelope == NULL) {
            while (job->u.load.count > 0)
                envelope_unref(job->u.load.messages[--job->u.load.count].envelope);
            return ZG_ERR_MEMORY;
        }
        job->u.load.messages[job->u.load.count++] =
            (struct stored_message){m->queue, m->seq, m->hour, m->marked, m->handle, envelope};
        from = m->seq + 1;
    }
    return ZG_OK;
}

static zg_err read_slot(struct memory_engine *e, struct store_job *job)
{
    const struct slot_row *slot = mem_slot_row_find(e, job->u.slot.id);
    uint8_t *value = NULL;

    if (slot != NULL && !mem_slot_lives(e, slot, 0))
        slot = NULL;
    if (slot != NULL && slot->size > 0) {
        value = malloc(slot->size);
        if (value == NULL)
            return ZG_ERR_MEMORY;
        memcpy(value, slot->value, slot->size);
    }
    job->u.slot.found = slot != NULL;
    job->u.slot.damaged = false;
    job->u.slot.version = slot != NULL ? slot->version : 0;
    job->u.slot.size = slot != NULL ? slot->size : 0;
    job->u.slot.value = value;
    return ZG_OK;
}

static zg_err count(struct memory_engine *e, struct store_job *job)
{
    struct counts c = {.queues = e->queues.count,
                       .slots = e->slots.count,
                       .messages = e->messages.count,
                       .marks = e->marks.count,
                       .passing = mem_passing(e)};
    for (size_t i = 0; i < e->names.count; i++) {
        const struct name_row *row = table_at(&e->names, i);
        c.vouchers += row->named.role == ROLE_VOUCHER;
    }
    job->u.counts = c;
    return ZG_OK;
}

/* Nothing lies in a file. */
static zg_err forget(struct memory_engine *e, struct store_job *job)
{
    (void)e;
    (void)job;
    return ZG_OK;
}

static zg_err no_backup(struct memory_engine *e, struct store_job *job)
{
    (void)e;
    (void)job;
    return ZG_ERR_STORAGE;
}

static enum store_trouble trouble_of(zg_err err)
{
    if (err == ZG_OK)
        return TROUBLE_NONE;
    return err == ZG_ERR_MEMORY ? TROUBLE_MEMORY : TROUBLE_IO;
}

static void execute(struct engine *engine, struct store_job *job)
{
    static zg_err (*const jobs[])(struct memory_engine *, struct store_job *) = {
        [JOB_COMMIT] = commit,  [JOB_FIND] = find,        [JOB_LOAD] = load,
        [JOB_SLOT] = read_slot, [JOB_PURGE] = mem_purge,  [JOB_STATUS] = mem_status,
        [JOB_FORGET] = forget,  [JOB_BACKUP] = no_backup, [JOB_COUNTS] = count,
    };
    struct memory_engine *e = (struct memory_engine *)engine;
    e->jobs++;
    if (e->fail_every > 0 && e->jobs % e->fail_every == 0)
        job->result = ZG_ERR_STORAGE;
    else
        job->result = jobs[job->kind](e, job);
    if (job->kind == JOB_COMMIT || job->kind == JOB_PURGE)
        job->used = bytes_used(e);
    job->trouble = trouble_of(job->result);
}

static void close_engine(struct engine *engine)
{
    struct memory_engine *e = (struct memory_engine *)engine;
    for (size_t i = 0; i < e->messages.count; i++)
        free(((struct message_row *)table_at(&e->messages, i))->envelope);
    for (size_t i = 0; i < e->slots.count; i++)
        free(((struct slot_row *)table_at(&e->slots, i))->value);
    free(e->names.rows);
    free(e->queues.rows);
    free(e->slots.rows);
    free(e->messages.rows);
    free(e->marks.rows);
    free(e);
}

struct engine *memory_engine_new(void)
{
    struct memory_engine *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->engine = (struct engine){execute, NULL, close_engine};
    e->names.row_bytes = sizeof(struct name_row);
    e->queues.row_bytes = sizeof(struct queue_row);
    e->slots.row_bytes = sizeof(struct slot_row);
    e->messages.row_bytes = sizeof(struct message_row);
    e->marks.row_bytes = sizeof(struct mark_row);
    return &e->engine;
}

void memory_engine_fail(struct engine *engine, uint32_t every)
{
    struct memory_engine *e = (struct memory_engine *)engine;
    e->fail_every = every;
    e->jobs = 0;
}
