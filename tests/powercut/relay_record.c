/*
 * The workload: commits of a few writes each, reads by dropping, erasures, hours that pass, the journal
 * emptied, now and then a restart. Drawn from the seed; everything is entered into the ledger.
 */
#include <stdlib.h>
#include <string.h>

#include "relay/store/sqlite.h"
#include "tests/powercut/relay.h"

enum {
    STEPS = 260,
    WRITES_MAX = 8,
    FIRST_WEEK = 3000,
    FIRST_HOUR = FIRST_WEEK * 7 * 24 - 30, /* a week begins on the way */
    PURGE_SLICE = 5,
};

struct batch {
    struct store_write writes[WRITES_MAX];
    struct stored_names names[WRITES_MAX];
    struct name vouchers[WRITES_MAX];
    struct envelope *envelopes[WRITES_MAX];
    uint8_t values[WRITES_MAX][LEDGER_VALUE_MAX];
    size_t count;
};

struct recording {
    struct disk *disk;
    struct engine *engine;
    struct ledger *ledger;
    enum plant plant;
    struct rng_seed rng_state;
    struct rng rng;
    struct batch batch;
};

static uint32_t below(struct recording *r, uint32_t bound)
{
    return rng_below(&r->rng, bound);
}

/* --- steps --- */

static void begin_step(struct recording *r)
{
    struct ledger *l = r->ledger;
    l->step++;
    if (l->step == LEDGER_STEPS_MAX)
        cuts_broken("too many steps");
    l->steps[l->step] = (struct ledger_step){l->hour, l->steps[l->step - 1].forgotten};
}

static void do_step(struct recording *r, struct store_job *job)
{
    if (r->plant == PLANT_EARLY)
        tape_mark(r->disk->tape, r->ledger->step);
    r->engine->execute(r->engine, job);
    if (job->result != ZG_OK)
        cuts_broken("job %d failed: %s", (int)job->kind, zg_err_name(job->result));
    tape_mark(r->disk->tape, r->ledger->step);
}

static void commit(struct recording *r)
{
    struct batch *b = &r->batch;
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {b->writes, b->count, r->ledger->hour}};
    do_step(r, &job);
    for (size_t i = 0; i < b->count; i++) {
        if (b->writes[i].outcome != OUTCOME_OK)
            cuts_broken("write %d: outcome %d", (int)b->writes[i].kind, (int)b->writes[i].outcome);
        envelope_unref(b->envelopes[i]);
    }
    memset(b, 0, sizeof(*b));
}

static void purge(struct recording *r)
{
    struct store_job job;
    do {
        begin_step(r);
        job =
            (struct store_job){.kind = JOB_PURGE, .u.purge = {.hour = r->ledger->hour, .limit = PURGE_SLICE}};
        do_step(r, &job);
    } while (job.u.purge.more);
    ledger_expire(r->ledger);
}

static void forget(struct recording *r)
{
    struct store_job job = {.kind = JOB_FORGET};
    begin_step(r);
    r->ledger->steps[r->ledger->step].forgotten = r->ledger->step;
    do_step(r, &job);
}

/* --- writes --- */

static struct store_write *new_write(struct recording *r, enum write_kind kind)
{
    struct store_write *w = &r->batch.writes[r->batch.count++];
    w->kind = kind;
    return w;
}

static size_t current(const struct recording *r)
{
    return r->batch.count - 1;
}

static uint64_t new_id(struct recording *r)
{
    return 1 + ((uint64_t)below(r, UINT32_MAX) << 3);
}

/* Some queue that is there and no desk; UINT32_MAX: none was found. */
static uint32_t some_queue(struct recording *r)
{
    const struct ledger *l = r->ledger;
    for (int i = 0; i < 20 && l->queue_count > 0; i++) {
        uint32_t q = below(r, l->queue_count);
        if (ledger_has_queue(l, q, l->step, l->hour) && l->queues[q].kind == QUEUE_CONVERSATION)
            return q;
    }
    return UINT32_MAX;
}

static uint32_t some_message(struct recording *r)
{
    const struct ledger *l = r->ledger;
    for (int i = 0; i < 20 && l->message_count > 0; i++) {
        uint32_t m = below(r, l->message_count);
        if (ledger_has_message(l, m, l->step, l->hour))
            return m;
    }
    return UINT32_MAX;
}

static uint32_t some_voucher(struct recording *r, enum voucher_kind kind)
{
    const struct ledger *l = r->ledger;
    for (uint32_t i = 0; i < l->name_count; i++)
        if (l->names[i].kind == kind && ledger_has_voucher(l, i, l->step, l->hour))
            return i;
    return UINT32_MAX;
}

static void put_message(struct recording *r, struct stored_message *out, uint32_t queue)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES];
    struct ledger *l = r->ledger;
    bool marked = below(r, 3) == 0;
    uint32_t hour = l->hour + (marked ? 25 : 2) + below(r, 4);
    uint32_t n = ledger_add_message(l, queue, hour, marked);
    ledger_envelope(n, bytes);
    struct envelope *e = envelope_new(bytes);
    if (e == NULL)
        cuts_broken("out of memory");
    r->batch.envelopes[current(r)] = e;
    *out = (struct stored_message){.queue = l->queues[queue].id,
                                   .seq = l->messages[n].seq,
                                   .hour = hour,
                                   .marked = marked,
                                   .handle = ledger_handle(n),
                                   .envelope = e};
}

static void write_message(struct recording *r)
{
    uint32_t q = some_queue(r);
    if (q != UINT32_MAX)
        put_message(r, &new_write(r, WRITE_MESSAGE)->u.message, q);
}

static void write_drop(struct recording *r)
{
    struct ledger *l = r->ledger;
    uint32_t m = some_message(r);
    if (m == UINT32_MAX)
        return;
    struct store_write *w = new_write(r, below(r, 3) == 0 ? WRITE_DROP_HANDLE : WRITE_DROP_MESSAGE);
    w->u.message.handle = ledger_handle(m);
    w->u.message.queue = l->queues[l->messages[m].queue].id;
    w->u.message.seq = l->messages[m].seq;
    l->messages[m].spell.gone = l->step;
}

static void write_voucher(struct recording *r)
{
    static const enum voucher_kind kinds[] = {VOUCHER_DESK, VOUCHER_CONVERSATION, VOUCHER_CONVERSATION,
                                              VOUCHER_SLOT, VOUCHER_LASTING_SLOT};
    struct ledger *l = r->ledger;
    enum voucher_kind kind = kinds[below(r, sizeof(kinds) / sizeof(kinds[0]))];
    uint32_t n = ledger_add_name(l, ROLE_VOUCHER, 0);
    l->names[n].kind = kind;
    l->names[n].hour = l->hour + 1 + below(r, 60);
    struct store_write *w = new_write(r, WRITE_VOUCHERS);
    r->batch.vouchers[current(r)] = ledger_name_bytes(n);
    w->u.vouchers.kind = kind;
    w->u.vouchers.hour = l->names[n].hour;
    w->u.vouchers.count = 1;
    w->u.vouchers.names = &r->batch.vouchers[current(r)];
}

static struct stored_names *fill_names(struct recording *r, uint32_t first)
{
    struct stored_names *names = &r->batch.names[current(r)];
    *names = ledger_queue_names(first);
    return names;
}

static void write_queue(struct recording *r)
{
    struct ledger *l = r->ledger;
    enum queue_kind kind = below(r, 8) == 0 ? QUEUE_DESK : QUEUE_CONVERSATION;
    uint32_t voucher = some_voucher(r, kind == QUEUE_DESK ? VOUCHER_DESK : VOUCHER_CONVERSATION);
    if (voucher == UINT32_MAX)
        return;
    uint32_t q = ledger_add_queue(l, new_id(r), kind, FIRST_WEEK + (below(r, 3) == 0 ? 0 : 2));
    l->queues[q].ends += l->queues[q].ends <= l->hour / (7 * 24);
    ledger_drop_names(l, voucher, 1);
    struct store_write *w = new_write(r, WRITE_QUEUE);
    w->u.queue.id = l->queues[q].id;
    w->u.queue.kind = kind;
    w->u.queue.ends = l->queues[q].ends;
    w->u.queue.voucher = ledger_name_bytes(voucher);
    w->u.queue.names = fill_names(r, l->queues[q].names);
}

static void write_knock(struct recording *r)
{
    struct ledger *l = r->ledger;
    uint32_t desk = 0;
    while (desk < l->queue_count &&
           !(l->queues[desk].kind == QUEUE_DESK && ledger_has_queue(l, desk, l->step, l->hour)))
        desk++;
    if (desk == l->queue_count)
        return;
    uint32_t q = ledger_add_queue(l, new_id(r), QUEUE_CONVERSATION, FIRST_WEEK + 2);
    uint32_t voucher = ledger_add_name(l, ROLE_VOUCHER, 0);
    l->names[voucher].kind = VOUCHER_SLOT;
    l->names[voucher].hour = l->hour + 30;
    struct store_write *w = new_write(r, WRITE_KNOCK);
    w->u.knock.id = l->queues[q].id;
    w->u.knock.ends = l->queues[q].ends;
    w->u.knock.voucher_hour = l->names[voucher].hour;
    w->u.knock.names = fill_names(r, l->queues[q].names);
    w->u.knock.slot_voucher = ledger_name_bytes(voucher);
    put_message(r, &w->u.knock.message, desk);
}

static void write_names(struct recording *r)
{
    struct ledger *l = r->ledger;
    uint32_t q = some_queue(r);
    if (q == UINT32_MAX)
        return;
    struct store_write *w = new_write(r, WRITE_QUEUE_NAMES);
    ledger_drop_names(l, l->queues[q].names, 4);
    l->queues[q].names = ledger_add_queue_names(l, q);
    w->u.queue.id = l->queues[q].id;
    w->u.queue.names = fill_names(r, l->queues[q].names);
}

static void write_drop_queue(struct recording *r)
{
    uint32_t q = some_queue(r);
    if (q == UINT32_MAX)
        return;
    new_write(r, WRITE_DROP_QUEUE)->u.queue.id = r->ledger->queues[q].id;
    ledger_drop_queue(r->ledger, q);
}

static void write_slot(struct recording *r)
{
    struct ledger *l = r->ledger;
    bool lasting = below(r, 2) == 0;
    uint32_t voucher = some_voucher(r, lasting ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT);
    if (voucher == UINT32_MAX)
        return;
    uint32_t hour = l->hour + (lasting ? 17520 : 12);
    uint32_t s = ledger_add_slot(l, new_id(r), lasting ? WIRE_TTL_LASTING : WIRE_TTL_6H);
    ledger_add_value(l, s, 0, hour);
    ledger_drop_names(l, voucher, 1);
    struct store_write *w = new_write(r, WRITE_SLOT);
    w->u.slot.id = l->slots[s].id;
    w->u.slot.ttl = l->slots[s].ttl;
    w->u.slot.hour = hour;
    w->u.slot.voucher = ledger_name_bytes(voucher);
    w->u.slot.names = ledger_slot_names(l->slots[s].names);
}

static void write_value(struct recording *r)
{
    struct ledger *l = r->ledger;
    if (l->slot_count == 0)
        return;
    uint32_t s = below(r, l->slot_count), old = l->value_count;
    while (old > 0 && !(l->values[old - 1].slot == s && l->values[old - 1].spell.gone == UINT64_MAX))
        old--;
    if (old == 0)
        return;
    uint32_t hour = l->slots[s].ttl == WIRE_TTL_LASTING ? l->hour + 17520 : l->hour + 12;
    uint32_t v = ledger_add_value(l, s, below(r, LEDGER_VALUE_MAX), hour);
    struct store_write *w = new_write(r, WRITE_SLOT_VALUE);
    ledger_value_bytes(v, l->values[v].size, r->batch.values[current(r)]);
    w->u.slot.id = l->slots[s].id;
    w->u.slot.ttl = l->slots[s].ttl;
    w->u.slot.hour = hour;
    w->u.slot.expected = l->values[old - 1].version;
    w->u.slot.value = r->batch.values[current(r)];
    w->u.slot.size = l->values[v].size;
}

static void write_drop_slot(struct recording *r)
{
    struct ledger *l = r->ledger;
    uint32_t s = l->slot_count == 0 ? 0 : below(r, l->slot_count);
    if (l->slot_count == 0 || l->slots[s].spell.gone != UINT64_MAX)
        return;
    new_write(r, WRITE_DROP_SLOT)->u.slot.id = l->slots[s].id;
    ledger_drop_slot(l, s);
}

/* --- the day of a relay --- */

static void some_write(struct recording *r)
{
    static const struct {
        uint32_t share;
        void (*write)(struct recording *r);
    } writes[] = {
        {40, write_message},   {25, write_drop},     {10, write_voucher}, {6, write_queue},
        {5, write_knock},      {3, write_names},     {3, write_slot},     {5, write_value},
        {2, write_drop_queue}, {1, write_drop_slot},
    };
    uint32_t drawn = below(r, 100);
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
        if (drawn < writes[i].share) {
            writes[i].write(r);
            return;
        }
        drawn -= writes[i].share;
    }
}

static void some_commit(struct recording *r)
{
    begin_step(r);
    for (uint32_t i = 1 + below(r, WRITES_MAX); i > 0; i--)
        some_write(r);
    commit(r);
}

static void reopen(struct recording *r)
{
    relay_close(r->engine);
    r->engine = relay_open(r->disk, "recorded");
    if (r->engine == NULL)
        cuts_broken("cannot be opened again");
}

void relay_record(struct disk *d, enum plant plant, uint64_t seed)
{
    static struct recording r;
    r = (struct recording){.disk = d, .ledger = relay_ledger(), .plant = plant};
    r.rng = rng_seeded(&r.rng_state, seed);
    r.ledger->hour = FIRST_HOUR;
    r.ledger->steps[0].hour = FIRST_HOUR;
    relay_keys_plant(plant);
    r.engine = relay_open(d, "recorded");
    if (r.engine == NULL)
        cuts_broken("cannot be opened");
    while (r.ledger->step < STEPS) {
        uint32_t kind = below(&r, 100);
        some_commit(&r);
        if (kind < 10) {
            r.ledger->hour += 1 + below(&r, 4);
            purge(&r);
        }
        if (kind < 16)
            forget(&r);
        if (kind == 20)
            reopen(&r);
    }
    relay_close(r.engine);
}
