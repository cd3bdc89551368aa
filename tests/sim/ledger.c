#include "tests/sim/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES = 16, NEEDLES_MAX = 1 << 16, HASH_SIZE = 1 << 17 };

enum what { NEEDLE_NAME, NEEDLE_HANDLE, NEEDLE_ENVELOPE };

static const char *const words[] = {
    [NEEDLE_NAME] = "a name of a deleted queue",
    [NEEDLE_HANDLE] = "a handle of a deleted message",
    [NEEDLE_ENVELOPE] = "an envelope in the clear",
};

struct needle {
    uint8_t bytes[BYTES];
    uint64_t since_ms; /* must not be found from then on; 0: it is there by right */
    enum what what;
    uint64_t queue; /* it belongs to */
    uint32_t seq;
    uint32_t hour; /* a message's: from then on its handle may be a mark for STATUS */
};

struct ledger {
    struct needle needles[NEEDLES_MAX];
    uint32_t count;
    uint32_t table[HASH_SIZE]; /* index + 1; 0: free */
};

static uint32_t hash(const uint8_t *bytes)
{
    uint32_t h;
    memcpy(&h, bytes + 3, sizeof(h)); /* all of them are random */
    return h & (HASH_SIZE - 1);
}

static uint32_t *slot(struct ledger *l, const uint8_t *bytes)
{
    uint32_t i = hash(bytes);
    while (l->table[i] != 0 && memcmp(l->needles[l->table[i] - 1].bytes, bytes, BYTES) != 0)
        i = (i + 1) & (HASH_SIZE - 1);
    return &l->table[i];
}

static const struct needle *find(const struct ledger *l, const uint8_t *bytes)
{
    for (uint32_t i = hash(bytes); l->table[i] != 0; i = (i + 1) & (HASH_SIZE - 1))
        if (memcmp(l->needles[l->table[i] - 1].bytes, bytes, BYTES) == 0)
            return &l->needles[l->table[i] - 1];
    return NULL;
}

static void put(struct ledger *l, enum what what, const uint8_t *bytes, uint64_t queue, uint32_t seq,
                uint64_t since_ms)
{
    uint32_t *at = slot(l, bytes);
    if (*at == 0 && l->count == NEEDLES_MAX)
        return; /* a long run: the rest is not watched */
    if (*at == 0)
        *at = ++l->count;
    struct needle *n = &l->needles[*at - 1];
    *n = (struct needle){.since_ms = since_ms, .what = what, .queue = queue, .seq = seq};
    memcpy(n->bytes, bytes, BYTES);
}

/* --- what a job did --- */

static void put_handle(struct ledger *l, const struct stored_message *m, uint32_t hour)
{
    put(l, NEEDLE_HANDLE, m->handle.b, m->queue, m->seq, 0);
    uint32_t at = *slot(l, m->handle.b);
    if (at != 0)
        l->needles[at - 1].hour = hour;
}

/* A repetition may come when the first copy is over and has left its mark: then the first one's hour counts. */
static void put_message(struct ledger *l, const struct stored_message *m, uint64_t now)
{
    const struct needle *former = find(l, m->handle.b);
    bool again = former != NULL && former->since_ms == 0 && former->hour < m->hour;
    put_handle(l, m, again ? former->hour : m->hour);
    put(l, NEEDLE_ENVELOPE, m->envelope->bytes, m->queue, m->seq, now);
}

static void put_names(struct ledger *l, uint64_t queue, const struct stored_names *n)
{
    put(l, NEEDLE_NAME, n->put.b, queue, 0, 0);
    if (n->has_put2)
        put(l, NEEDLE_NAME, n->put2.b, queue, 0, 0);
    put(l, NEEDLE_NAME, n->own.b, queue, 0, 0);
    put(l, NEEDLE_NAME, n->end.b, queue, 0, 0);
    for (uint8_t i = 0; i < n->takes; i++)
        put(l, NEEDLE_NAME, n->take[i].b, queue, 0, 0);
}

/* Of a queue: all of one kind, or both. */
static void gone(struct ledger *l, uint64_t queue, bool names, bool handles, uint32_t hour, uint64_t now)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct needle *n = &l->needles[i];
        if (n->queue == queue && n->since_ms == 0 && ((n->what == NEEDLE_NAME && names) ||
                                                      (n->what == NEEDLE_HANDLE && handles && n->hour > hour)))
            n->since_ms = now;
    }
}

static void gone_message(struct ledger *l, uint64_t queue, uint32_t seq, uint32_t hour, uint64_t now)
{
    for (uint32_t i = 0; i < l->count; i++) {
        struct needle *n = &l->needles[i];
        if (n->what == NEEDLE_HANDLE && n->queue == queue && n->seq == seq && n->since_ms == 0 &&
            n->hour > hour)
            n->since_ms = now;
    }
}

static void wrote(struct ledger *l, const struct store_write *w, uint32_t hour, uint64_t now)
{
    switch (w->kind) {
    case WRITE_MESSAGE:
        put_message(l, &w->u.message, now);
        break;
    case WRITE_DROP_MESSAGE:
    case WRITE_DROP_HANDLE:
        gone_message(l, w->u.message.queue, w->u.message.seq, hour, now);
        break;
    case WRITE_QUEUE:
        put_names(l, w->u.queue.id, w->u.queue.names);
        break;
    case WRITE_KNOCK:
        put_names(l, w->u.knock.id, w->u.knock.names);
        put_message(l, &w->u.knock.message, now);
        break;
    case WRITE_QUEUE_NAMES:
        gone(l, w->u.queue.id, true, false, hour, now);
        put_names(l, w->u.queue.id, w->u.queue.names);
        break;
    case WRITE_DROP_QUEUE:
        gone(l, w->u.queue.id, true, true, hour, now);
        break;
    default:
        break;
    }
}

void ledger_job(struct ledger *l, const struct store_job *job, uint64_t mono_ms)
{
    if (job->kind != JOB_COMMIT || job->result != ZG_OK)
        return;
    for (size_t i = 0; i < job->u.commit.count; i++)
        if (job->u.commit.writes[i].outcome == OUTCOME_OK)
            wrote(l, &job->u.commit.writes[i], job->u.commit.hour, mono_ms);
}

void ledger_cut(struct ledger *l, const struct store_job *job)
{
    if (job->kind != JOB_COMMIT)
        return;
    for (size_t i = 0; i < job->u.commit.count; i++) {
        const struct store_write *w = &job->u.commit.writes[i];
        if (w->kind == WRITE_MESSAGE && find(l, w->u.message.handle.b) == NULL)
            put_handle(l, &w->u.message, w->u.message.hour);
    }
}

/* --- what is left --- */

struct search {
    const struct ledger *ledger;
    uint64_t before_ms;
    const struct needle *found;
};

static bool visit(void *ctx, const uint8_t *bytes, size_t len)
{
    struct search *s = ctx;
    for (size_t i = 0; i + BYTES <= len; i++) {
        const struct needle *n = find(s->ledger, bytes + i);
        if (n != NULL && n->since_ms != 0 && n->since_ms < s->before_ms) {
            s->found = n;
            return true;
        }
    }
    return false;
}

const char *ledger_leftover(const struct ledger *l, const struct plate *plate, uint64_t mono_ms)
{
    struct search s = {l, mono_ms, NULL};
    return plate_scan(plate, visit, &s) ? words[s.found->what] : NULL;
}

void ledger_forget(struct ledger *l)
{
    memset(l, 0, sizeof(*l));
}

struct ledger *ledger_new(void)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        abort();
    return l;
}

void ledger_free(struct ledger *l)
{
    free(l);
}
