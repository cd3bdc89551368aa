/* SLOT_CREATE, SLOT_SET, SLOT_GET, SLOT_UPDATE, SLOT_DELETE: docs/protocol.md section 1.1. */
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

enum { READINGS_RETRY_S = 1 };

static void names_from(struct stored_slot_names *out, const struct slot_names *names)
{
    memcpy(out->read.b, names->read, sizeof(out->read.b));
    memcpy(out->write.b, names->write, sizeof(out->write.b));
    memcpy(out->own.b, names->own, sizeof(out->own.b));
}

/* A change of the slot behind t; NULL: the call was answered. */
static struct change *change_of(struct call *call, const struct target *t, enum role role,
                                enum write_kind kind)
{
    struct change *change = NULL;

    if (t->role != role) {
        call_reply(call, STATUS_REFUSED);
        return NULL;
    }
    change = change_new(call->relay, call, kind);
    if (change == NULL)
        call_reply(call, STATUS_BUSY);
    else
        change->write.u.slot.id = t->id;
    return change;
}

/* --- SLOT_CREATE --- */

static enum status check_create(const struct relay *r, const struct command *c)
{
    uint8_t ttl = c->u.slot_create.ttl;
    return ttl > r->ttl_ceiling && ttl != WIRE_TTL_LASTING ? STATUS_TOO_LARGE : STATUS_OK;
}

static void act_slot_create(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct change *change = change_new(call->relay, call, WRITE_SLOT);

    (void)t;
    if (change == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    change->write.u.slot.ttl = c->u.slot_create.ttl;
    change->write.u.slot.most = r->limits.slots;
    change->write.no_room = room_now(r) >= (c->u.slot_create.ttl == WIRE_TTL_LASTING ? ROOM_NONE : ROOM_LOW);
    change->write.u.slot.hour = relay_expiry_hour(r, c->u.slot_create.ttl);
    secret_name(ROLE_VOUCHER, c->u.slot_create.voucher, &change->write.u.slot.voucher);
    names_from(&change->write.u.slot.names, &c->u.slot_create.names);
    change_submit(r, change);
}

/* --- SLOT_SET: pieces gather in the session; with the last one the name is looked up --- */

/* false: the call was answered. */
static bool within_quota(const struct call *call, uint64_t slot)
{
    struct relay *r = call->relay;
    zg_err err = quota_take(&r->quota, QUOTA_WRITES, slot, 1, r->limits.writes_of_slot_a_day, r->hours.now);

    if (err == ZG_ERR_FULL)
        call_reply_later(call, STATUS_FULL, relay_rest_of_day(r));
    else if (err != ZG_OK)
        call_reply(call, STATUS_BUSY);
    return err == ZG_OK;
}

static void set_value(struct call *call, const struct target *t)
{
    struct relay *r = call->relay;
    struct change *change;

    if (t->role == ROLE_WRITE && !within_quota(call, t->id))
        return;
    change = change_of(call, t, ROLE_WRITE, WRITE_SLOT_VALUE);
    if (change == NULL) {
        quota_give_back(&r->quota, QUOTA_WRITES, t->id, t->role == ROLE_WRITE);
        return;
    }
    change->counted.kind = QUOTA_WRITES;
    change->counted.id = t->id;
    change->counted.n = 1;
    change->upload = call->upload;
    call->upload = NULL;
    change->write.no_room = room_now(r) == ROOM_NONE;
    change->write.u.slot.ttl = t->found->ttl;
    change->write.u.slot.hour = relay_expiry_hour(r, t->found->ttl);
    change->write.u.slot.expected = change->upload->version;
    change->write.u.slot.value = change->upload->value;
    change->write.u.slot.size = change->upload->size;
    change_submit(r, change);
}

/* false: it cannot go on. */
static bool add_piece(struct call *call, const struct command *c, const struct name *write)
{
    struct session *s = call->session;
    if (s->upload == NULL)
        s->upload = upload_new(s, c, write);
    return s->upload != NULL && upload_add(s->upload, c, write);
}

static void act_slot_set(struct call *call, const struct command *c, const struct target *t)
{
    struct session *s = call->session;
    struct key key = {.in_memory = false};

    if (t != NULL) {
        set_value(call, t);
        return;
    }
    secret_name(ROLE_WRITE, c->u.slot_set.write, &key.name);
    if (!add_piece(call, c, &key.name)) {
        session_doom(s);
        return;
    }
    /* It gets on. */
    list_remove(&s->stalled);
    if (!upload_complete(s->upload))
        return;
    call->upload = s->upload;
    s->upload = NULL;
    s->unanswered++;
    if (upload_wait(call->upload))
        call_find(call, c, &key);
    else
        call_reply(call, STATUS_BUSY);
    upload_free(call->upload);
    call->upload = NULL;
}

/* --- SLOT_GET --- */

struct fetch {
    struct store_job job;
    struct session *session; /* a reference */
    uint32_t seq;
};

static struct key key_get(const struct call *call, const struct command *c)
{
    struct key key = {.in_memory = false};
    (void)call;
    secret_name(ROLE_READ, c->u.slot_get.read, &key.name);
    return key;
}

/* What was read goes to the session; false: no memory, or too much is on its way: whoever has the card may
 * ask. */
static bool say_value(struct fetch *f)
{
    struct out out = {.op = OP_SLOT_VALUE, .seq = f->seq};
    struct relay *r = f->session->relay;
    struct reading *reading = NULL;

    if (r->stats.bytes_in_flight <= r->limits.memory_bytes)
        reading = calloc(1, sizeof(*reading));
    if (reading == NULL)
        return false;
    reading->held = &r->stats.bytes_in_flight;
    r->stats.bytes_in_flight += f->job.u.slot.size;
    reading->version = f->job.u.slot.version;
    reading->size = f->job.u.slot.size;
    reading->value = f->job.u.slot.value;
    out.u.reading = reading;
    session_push(f->session, &out, NULL);
    return true;
}

static void fetched(struct store_job *job)
{
    struct fetch *f = job->ctx;
    struct session *s = f->session;

    relay_done(s->relay, job);
    if (job->result == ZG_OK && job->u.slot.found && say_value(f)) {
        /* SLOT_VALUE is the reply */
    } else {
        bool refused = job->result == ZG_OK && !job->u.slot.found;
        s->readings--;
        session_reply(s, f->seq, refused ? STATUS_REFUSED : STATUS_BUSY, refused ? 0 : BUSY_RETRY_S);
        if (job->result == ZG_OK)
            free(job->u.slot.value);
    }
    session_unref(s);
    free(f);
}

static void act_slot_get(struct call *call, const struct command *c, const struct target *t)
{
    struct relay *r = call->relay;
    struct fetch *f;

    (void)c;
    if (t->role != ROLE_READ) {
        call_reply(call, STATUS_REFUSED);
        return;
    }
    if (call->session->readings >= r->limits.readings_of_one) {
        call_reply_later(call, STATUS_BUSY, READINGS_RETRY_S);
        return;
    }
    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        call_reply(call, STATUS_BUSY);
        return;
    }
    f->session = session_ref(call->session);
    f->seq = call->seq;
    f->job.kind = JOB_SLOT;
    f->job.done = fetched;
    f->job.ctx = f;
    f->job.u.slot.id = t->id;
    call->session->readings++;
    relay_submit(r, &f->job);
}

/* --- SLOT_UPDATE, SLOT_DELETE --- */

static struct key key_own(const uint8_t *secret)
{
    struct key key = {.in_memory = false};
    secret_name(ROLE_SLOT_OWN, secret, &key.name);
    return key;
}

static struct key key_update(const struct call *call, const struct command *c)
{
    (void)call;
    return key_own(c->u.slot_update.own);
}

static void act_slot_update(struct call *call, const struct command *c, const struct target *t)
{
    struct change *change = change_of(call, t, ROLE_SLOT_OWN, WRITE_SLOT_NAMES);
    if (change == NULL)
        return;
    names_from(&change->write.u.slot.names, &c->u.slot_update.names);
    change_submit(call->relay, change);
}

static struct key key_delete(const struct call *call, const struct command *c)
{
    (void)call;
    return key_own(c->u.slot_delete.own);
}

static void act_slot_delete(struct call *call, const struct command *c, const struct target *t)
{
    struct change *change;

    (void)c;
    if (t->role != ROLE_SLOT_OWN) {
        change_answer_when_forgotten(call, STATUS_REFUSED);
        return;
    }
    change = change_of(call, t, ROLE_SLOT_OWN, WRITE_DROP_SLOT);
    if (change != NULL)
        change_submit(call->relay, change);
}

static const struct dispatch_row rows[] = {
    {.op = OP_SLOT_CREATE, .check = check_create, .act = act_slot_create},
    {.op = OP_SLOT_SET, .unasked = true, .act = act_slot_set},
    {.op = OP_SLOT_GET, .key = key_get, .act = act_slot_get},
    {.op = OP_SLOT_UPDATE, .key = key_update, .act = act_slot_update},
    {.op = OP_SLOT_DELETE, .key = key_delete, .act = act_slot_delete},
};

struct dispatch_rows act_slot_rows(void)
{
    return (struct dispatch_rows){rows, sizeof(rows) / sizeof(rows[0])};
}
