#include "tests/unit/client/stand_in.h"

#include <stdlib.h>
#include <string.h>

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "stand-in: %s\n", what);
    abort();
}

void stand_in_open(struct stand_in *s, struct person *p)
{
    struct town *t = p->town;
    memset(s, 0, sizeof(*s));
    s->person = p;
    s->slot_version = 1;
    town_relay_stop(t);
    for (size_t i = 0; i < t->people_count; i++)
        t->people[i].cut = true;
    person_break(p);
    fake_relay_init(&s->relay, 7, 0);
    memcpy(s->relay.sk, t->relay_sk, sizeof(s->relay.sk));
    memcpy(s->relay.pk, t->relay_pk, sizeof(s->relay.pk));
}

void stand_in_close(struct stand_in *s)
{
    fake_relay_clear(&s->relay);
}

/* --- answers --- */

static void remember(uint8_t list[][WIRE_HANDLE_BYTES], unsigned *count, const uint8_t *handle)
{
    check(*count < STAND_IN_HANDLES_MAX, "too many handles");
    memcpy(list[(*count)++], handle, WIRE_HANDLE_BYTES);
}

static bool tells_nothing(enum op op)
{
    return op == OP_ACK;
}

static void say_well(struct stand_in *s, const struct command *c)
{
    static const uint8_t subscription[WIRE_SUBSCRIPTION_BYTES] = {1};
    static const uint8_t cookie[WIRE_COOKIE_BYTES] = {1};
    struct command reply = {.op = OP_REPLY, .seq = c->seq};

    switch (c->op) {
    case OP_SUBSCRIBE: {
        uint8_t id[WIRE_SUBSCRIPTION_BYTES];
        memcpy(id, subscription, sizeof(id));
        id[1] = (uint8_t)s->count[OP_SUBSCRIBE];
        reply.op = OP_SUBSCRIBED;
        reply.u.subscribed.subscription = id;
        fake_relay_say(&s->relay, &reply, 1);
        return;
    }
    case OP_STATUS:
        reply.op = OP_STATES;
        reply.u.states.count = c->u.status.count;
        memset(reply.u.states.fates, s->fate, sizeof(reply.u.states.fates));
        break;
    case OP_CHALLENGE:
        reply.op = OP_COOKIE;
        reply.u.cookie.cookie = cookie;
        break;
    case OP_SLOT_GET:
        reply.op = OP_SLOT_VALUE;
        reply.u.slot_value.version = s->slot_version;
        break;
    case OP_SLOT_SET:
        if (c->u.slot_set.piece.version != s->slot_version)
            reply.u.reply.status = STATUS_CONFLICT;
        if ((c->u.slot_set.piece.piece + 1) * (uint32_t)WIRE_SLOT_PIECE_BYTES < c->u.slot_set.piece.size)
            return;
        s->slot_version += reply.u.reply.status == STATUS_OK;
        break;
    default:
        break;
    }
    fake_relay_say(&s->relay, &reply, 1);
}

static void answer(struct stand_in *s, const struct command *c)
{
    check((int)c->op < (int)STAND_IN_OPS, "a command of no client");
    s->count[c->op]++;
    s->seq[c->op] = c->seq;
    if (c->op == OP_STATUS)
        for (uint32_t i = 0; i < c->u.status.count; i++)
            remember(s->asked, &s->asked_count, c->u.status.handles[i]);
    if (c->op == OP_SEND)
        remember(s->sent, &s->sent_count, c->u.send.handle);
    if (s->holds[c->op] || tells_nothing(c->op))
        return;
    if (s->answers[c->op] != STATUS_OK)
        fake_relay_reply(&s->relay, c->seq, s->answers[c->op], 1);
    else
        say_well(s, c);
}

/* --- the link --- */

static void welcome(struct stand_in *s)
{
    struct writer w;
    writer_init(&w, s->relay.welcome + 1, 4);
    writer_u32(&w, (uint32_t)(s->person->town->now.utc_ms / 60000));
    s->relay.welcome[5] = s->person->town->ttl_ceiling;
    fake_relay_restart(&s->relay);
}

static bool client_speaks(struct stand_in *s)
{
    struct person *p = s->person;
    zg_io io;
    if (!zg_client_io(p->client, &io))
        return false;
    if (io.kind == ZG_IO_CONNECT) {
        s->link = io.link;
        welcome(s);
        zg_client_link_opened(p->client, io.link, person_now(p));
    } else if (io.kind == ZG_IO_SEND && io.link == s->link) {
        fake_relay_receive(&s->relay, io.data, io.len);
    } else if (io.kind == ZG_IO_CLOSE && io.link == s->link) {
        s->link = 0;
    }
    return true;
}

static bool relay_speaks(struct stand_in *s)
{
    struct fake_relay *r = &s->relay;
    struct command c;
    if (fake_relay_next(r, &c)) {
        answer(s, &c);
        return true;
    }
    if (r->out_len == 0 || s->link == 0)
        return false;
    size_t len = r->out_len;
    uint8_t *bytes = malloc(len);
    check(bytes != NULL, "out of memory");
    memcpy(bytes, r->out, len);
    r->out_len = 0;
    zg_client_link_received(s->person->client, s->link, bytes, len, person_now(s->person));
    free(bytes);
    return true;
}

static void take_events(struct person *p)
{
    for (zg_event e; zg_client_event(p->client, &e);) {
        p->events[e.kind]++;
        p->last[e.kind] = e;
    }
}

void stand_in_turn(struct stand_in *s)
{
    while (client_speaks(s) || relay_speaks(s))
        ;
    take_events(s->person);
}

void stand_in_run(struct stand_in *s, uint64_t ms)
{
    struct town *t = s->person->town;
    uint64_t end = t->now.mono_ms + ms;
    unsigned still = 0;
    stand_in_turn(s);
    for (;;) {
        uint64_t due = zg_client_deadline(s->person->client);
        uint64_t at = due < end ? due : end;
        if (at > t->now.mono_ms) {
            t->now.utc_ms += at - t->now.mono_ms;
            t->now.mono_ms = at;
            still = 0;
        }
        check(++still < 10000, "time stands still");
        zg_client_advance(s->person->client, person_now(s->person));
        stand_in_turn(s);
        if (due > end)
            return;
    }
}

void stand_in_break(struct stand_in *s)
{
    uint32_t link = s->link;
    s->link = 0;
    fake_relay_restart(&s->relay);
    if (link != 0)
        zg_client_link_closed(s->person->client, link, person_now(s->person));
    take_events(s->person);
}

void stand_in_restart(struct stand_in *s)
{
    person_stop(s->person);
    s->link = 0;
    fake_relay_restart(&s->relay);
    person_start(s->person);
    while (s->person->wires != NULL) /* what it asked of the town is asked of the stand-in */
        person_break(s->person);
    stand_in_turn(s);
}
