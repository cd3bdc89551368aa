#include "relay/core/dispatch.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

/* A command that waits for its name. */
struct pending {
    struct link link;
    struct session *session; /* a reference */
    struct tick *tick;       /* held; NULL: none */
    struct upload *upload;   /* owned */
    uint32_t seq;
    uint32_t place;
    uint8_t stage;
    size_t len;
    uint8_t raw[];
};

/* A name that the store looks up. */
struct lookup {
    struct map_node node;
    struct link pendings; /* in the order in which they came */
    struct relay *relay;
    struct store_job job;
};

static const struct dispatch_row *row_of(enum op op)
{
    const struct dispatch_rows groups[] = {act_message_rows(), act_queue_rows(), act_desk_rows(),
                                           act_slot_rows(), act_status_rows()};
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
        for (size_t i = 0; i < groups[g].count; i++)
            if (groups[g].at[i].op == op)
                return &groups[g].at[i];
    return NULL;
}

/* --- replies --- */

void call_reply_later(const struct call *call, enum status status, uint32_t retry_after)
{
    struct settle *reply;

    if (call->tick == NULL) {
        session_reply(call->session, call->seq, status, retry_after);
        return;
    }
    reply = tick_reply(call);
    reply->status = (uint8_t)status;
    reply->retry_after = retry_after;
}

void call_reply(const struct call *call, enum status status)
{
    call_reply_later(call, status, status == STATUS_BUSY ? BUSY_RETRY_S : 0);
}

/* What only somebody has who takes part: not a desk's put name or a slot's read name, which stand on cards.
 */
static bool shows_right(const struct target *t)
{
    bool is_desk =
        t->queue != NULL ? t->queue->desk != NULL : t->found != NULL && t->found->kind == QUEUE_DESK;
    return t->role != 0 && t->role != ROLE_READ && !(t->role == ROLE_PUT && is_desk);
}

static void act(struct call *call, const struct command *c, const struct target *t)
{
    if (t != NULL && shows_right(t))
        session_known(call->session);
    row_of(c->op)->act(call, c, t);
}

/* --- names --- */

static struct lookup *lookup_find(const struct relay *r, const struct name *name)
{
    const struct map *map = &r->lookups;
    for (struct map_node *n = map_first(map, map_hash(map, name, sizeof(*name))); n != NULL;
         n = map_next(n)) {
        struct lookup *l = LIST_ITEM(n, struct lookup, node);
        if (memcmp(&l->job.u.find.name, name, sizeof(*name)) == 0)
            return l;
    }
    return NULL;
}

static struct pending *pending_new(struct call *call)
{
    struct relay *r = call->relay;
    struct pending *p = NULL;

    if (r->waiting_bytes < r->limits.waiting_bytes)
        p = malloc(sizeof(*p) + call->len);
    if (p == NULL)
        return NULL;
    r->waiting_bytes += sizeof(*p) + call->len;
    list_init(&p->link);
    p->session = session_ref(call->session);
    p->tick = call->tick;
    p->upload = call->upload;
    p->seq = call->seq;
    p->place = call->place;
    p->stage = call->stage;
    p->len = call->len;
    memcpy(p->raw, call->raw, call->len);
    if (p->tick != NULL)
        tick_hold(p->tick);
    call->upload = NULL;
    return p;
}

static void pending_free(struct relay *r, struct pending *p)
{
    r->waiting_bytes -= sizeof(*p) + p->len;
    if (p->tick != NULL)
        tick_release(p->tick);
    upload_free(p->upload);
    session_unref(p->session);
    sodium_memzero(p, sizeof(*p) + p->len);
    free(p);
}

static void resume(struct relay *r, struct pending *p, const struct target *t, zg_err result)
{
    struct call call = {r, p->session, p->tick, p->upload, p->raw, p->len, p->seq, p->place, p->stage};
    struct command c;

    p->upload = NULL;
    if (p->session->state != SESSION_OPEN)
        ; /* nobody waits for it; whoever sent it sends it again */
    else if (result != ZG_OK)
        call_reply(&call, STATUS_BUSY);
    else if (command_decode(COMMAND_FROM_CLIENT, p->raw, p->len, &c) == ZG_OK)
        act(&call, &c, t);
    upload_free(call.upload);
}

static void found(struct store_job *job)
{
    struct lookup *l = job->ctx;
    struct relay *r = l->relay;
    const struct found *f = &job->u.find.found;
    struct target t = {.name = job->u.find.name, .found = f};

    relay_done(r, job);
    map_remove(&r->lookups, &l->node);
    if (job->result == ZG_OK && f->found) {
        t.role = f->role;
        t.id = f->id;
    }
    while (!list_empty(&l->pendings)) {
        struct pending *p = LIST_ITEM(l->pendings.next, struct pending, link);
        list_remove(&p->link);
        resume(r, p, &t, job->result);
        pending_free(r, p);
    }
    r->waiting_bytes -= sizeof(*l);
    sodium_memzero(l, sizeof(*l));
    free(l);
}

/* Submitted; the store calls back later. */
static struct lookup *lookup_new(struct relay *r, const struct name *name)
{
    struct lookup *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    list_init(&l->pendings);
    r->waiting_bytes += sizeof(*l);
    l->relay = r;
    l->job.kind = JOB_FIND;
    l->job.done = found;
    l->job.ctx = l;
    l->job.u.find.name = *name;
    l->job.u.find.hour = r->hours.now;
    map_insert(&r->lookups, &l->node, map_hash(&r->lookups, name, sizeof(*name)));
    relay_submit(r, &l->job);
    return l;
}

static void look_up(struct call *call, const struct name *name)
{
    struct pending *p = pending_new(call);
    struct lookup *l = p != NULL ? lookup_find(call->relay, name) : NULL;

    if (p != NULL && l == NULL)
        l = lookup_new(call->relay, name);
    if (l != NULL) {
        list_append(&l->pendings, &p->link);
        return;
    }
    if (p != NULL)
        pending_free(call->relay, p);
    call_reply(call, STATUS_BUSY);
}

/* What is counted at a desk is counted anew every hour, because rows expire. */
static bool counted(const struct relay *r, const struct queue *q)
{
    return q->desk == NULL || q->desk->counted == r->hours.now;
}

void call_find(struct call *call, const struct command *c, const struct key *key)
{
    struct relay *r = call->relay;
    const struct name_entry *e = key->in_memory ? exchange_name(r, &key->name) : NULL;

    if (e != NULL && counted(r, e->queue)) {
        const struct target t = {
            .name = key->name, .role = (enum role)e->role, .id = e->queue->id, .queue = e->queue};
        act(call, c, &t);
    } else {
        look_up(call, &key->name);
    }
}

struct queue *target_queue(struct relay *r, const struct target *t)
{
    return t->queue != NULL ? t->queue : exchange_load(r, t->found);
}

void lookups_clear(struct relay *r)
{
    /* Each stands for a job, and none may be open. */
    assert(r->lookups.count == 0);
    map_clear(&r->lookups);
}

/* --- dispatch --- */

bool dispatch(struct session *s, const uint8_t *command, size_t len)
{
    struct relay *r = s->relay;
    struct call call = {.relay = r, .session = s, .raw = command, .len = len};
    struct command c;

    if (command_decode(COMMAND_FROM_CLIENT, command, len, &c) != ZG_OK)
        return false;
    const struct dispatch_row *row = row_of(c.op);
    if (row == NULL)
        return false;
    call.seq = c.seq;
    s->unanswered += !row->unasked;
    if (row->on_tick && ((call.tick = tick_now(r)) == NULL || !tick_reserve(call.tick, &call.place)))
        return false;

    enum status status = row->check != NULL ? row->check(r, &c) : STATUS_OK;
    if (status != STATUS_OK) {
        call_reply(&call, status);
    } else if (row->key != NULL) {
        const struct key key = row->key(&call, &c);
        call_find(&call, &c, &key);
    } else {
        row->act(&call, &c, NULL);
    }
    return true;
}

/* --- names as the store wants them --- */

static void copy(struct name *to, const uint8_t *from)
{
    memcpy(to->b, from, sizeof(to->b));
}

void stored_names_from(struct stored_names *out, const struct queue_names *names)
{
    memset(out, 0, sizeof(*out));
    copy(&out->put, names->put);
    if (names->put2 != NULL)
        copy(&out->put2, names->put2);
    out->has_put2 = names->put2 != NULL;
    for (uint32_t i = 0; i < names->takes; i++)
        copy(&out->take[i], names->take[i]);
    out->takes = (uint8_t)names->takes;
    copy(&out->own, names->own);
    copy(&out->end, names->end);
}

static bool same(const struct name *a, const struct name *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

bool stored_names_equal(const struct stored_names *a, const struct stored_names *b)
{
    if (a->takes != b->takes || a->has_put2 != b->has_put2)
        return false;
    for (size_t i = 0; i < a->takes; i++)
        if (!same(&a->take[i], &b->take[i]))
            return false;
    return same(&a->put, &b->put) && same(&a->own, &b->own) && same(&a->end, &b->end) &&
           (!a->has_put2 || same(&a->put2, &b->put2));
}
