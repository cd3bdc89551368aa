/* What strangers ask: any command, mostly of something that is there, now and then of something else. */
#include <sodium.h>
#include <string.h>

#include "tests/fuzz/sequence/world.h"

/* --- secrets and names --- */

static void secret_of(enum role role, uint32_t number, uint8_t out[WIRE_SECRET_BYTES])
{
    const uint8_t seed[] = {(uint8_t)role, (uint8_t)number, (uint8_t)(number >> 8)};
    crypto_generichash(out, WIRE_SECRET_BYTES, seed, sizeof(seed), NULL, 0);
}

static void name_of(enum role role, uint32_t number, struct name *out)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    secret_of(role, number, secret);
    secret_name(role, secret, out);
}

/* Those of the end are the same in every dress. */
static uint32_t number_of(uint8_t thing, uint8_t dress, enum role role)
{
    return role == ROLE_END ? thing : (uint32_t)thing + 16 * dress;
}

enum { SLOT_NUMBER = 64, VOUCHER_NUMBER = 96, DRAWN_NUMBER = 128, STRANGE_NUMBER = 4096 };

/* What secret a command comes with: of sixteen, one has another role and one is not known anywhere. true: it
 * is the right one. */
static bool choose_secret(enum role role, uint32_t number, uint8_t twist, uint8_t out[WIRE_SECRET_BYTES])
{
    static const enum role others[] = {
        [ROLE_PUT] = ROLE_TAKE,     [ROLE_TAKE] = ROLE_PUT,   [ROLE_OWN] = ROLE_END,
        [ROLE_END] = ROLE_OWN,      [ROLE_READ] = ROLE_WRITE, [ROLE_WRITE] = ROLE_SLOT_OWN,
        [ROLE_SLOT_OWN] = ROLE_READ};
    if (twist % 16 == 14)
        secret_of(others[role], number, out);
    else
        secret_of(role, twist % 16 == 15 ? STRANGE_NUMBER : number, out);
    return twist % 16 < 14;
}

struct dressed {
    struct name put, put2, own, end, take[2];
    struct queue_names names;
};

static void dress_up(struct dressed *d, uint8_t thing, uint8_t dress)
{
    name_of(ROLE_PUT, number_of(thing, dress, ROLE_PUT), &d->put);
    name_of(ROLE_TAKE, number_of(thing, dress, ROLE_TAKE), &d->take[0]);
    name_of(ROLE_TAKE, number_of(thing, dress, ROLE_TAKE) + 256, &d->take[1]);
    name_of(ROLE_OWN, number_of(thing, dress, ROLE_OWN), &d->own);
    name_of(ROLE_END, number_of(thing, dress, ROLE_END), &d->end);
    d->names = (struct queue_names){.put = d->put.b, .takes = 1, .own = d->own.b, .end = d->end.b};
    d->names.take[0] = d->take[0].b;
    d->names.take[1] = d->take[1].b;
}

struct slot_dressed {
    struct name read, write, own;
    struct slot_names names;
};

static void slot_dress_up(struct slot_dressed *d, uint8_t slot)
{
    name_of(ROLE_READ, SLOT_NUMBER + slot, &d->read);
    name_of(ROLE_WRITE, SLOT_NUMBER + slot, &d->write);
    name_of(ROLE_SLOT_OWN, SLOT_NUMBER + slot, &d->own);
    d->names = (struct slot_names){d->read.b, d->write.b, d->own.b};
}

static void give_voucher(struct world *w, enum voucher_kind kind, uint32_t number,
                         uint8_t secret[WIRE_SECRET_BYTES])
{
    struct name name;
    struct store_write write = {.kind = WRITE_VOUCHERS};
    struct store_job job = {.kind = JOB_COMMIT};

    secret_of(ROLE_VOUCHER, number, secret);
    secret_name(ROLE_VOUCHER, secret, &name);
    write.u.vouchers.kind = kind;
    write.u.vouchers.hour = UINT32_MAX;
    write.u.vouchers.count = 1;
    write.u.vouchers.names = &name;
    job.u.commit.writes = &write;
    job.u.commit.count = 1;
    w->engine->execute(w->engine, &job);
    must(job.result == ZG_OK);
}

/* --- notes --- */

static void handle_of(const struct world *w, const struct note *n, uint8_t out[WIRE_HANDLE_BYTES])
{
    const size_t number = (size_t)(n - w->notes);
    memset(out, 0xa5, WIRE_HANDLE_BYTES);
    out[0] = (uint8_t)number;
    out[1] = (uint8_t)(number >> 8);
}

/* hear_delivery reads it. */
static void envelope_of(const struct world *w, const struct note *n, uint8_t out[WIRE_ENVELOPE_BYTES])
{
    const size_t number = (size_t)(n - w->notes);
    memset(out, (int)(number * 7 + 1) & 0xff, WIRE_ENVELOPE_BYTES);
    out[0] = (uint8_t)number;
    out[1] = (uint8_t)(number >> 8);
}

static bool quiet_since(const struct world *w, uint64_t serial)
{
    return serial == 0 || w->quiet >= serial;
}

/* NULL: there is no more room. */
static struct note *new_note(struct world *w, uint8_t thing)
{
    if (w->note_count == NOTES_MAX)
        return NULL;
    struct note *n = &w->notes[w->note_count++];
    *n = (struct note){.thing = thing, .clean = quiet_since(w, w->things[thing].deleted)};
    return n;
}

/* For a SEND: a new one, or one of the last 64 again, unless it was for a KNOCK: nobody knows another one's
 * handles. */
static struct note *choose_note(struct world *w, uint8_t choice, uint8_t thing)
{
    if (choice >= 192 && w->note_count > 0) {
        struct note *n = &w->notes[w->note_count - 1 - (size_t)(choice - 192) % w->note_count];
        if (!n->knock)
            return n;
    }
    return new_note(w, thing);
}

static void release(struct note *n)
{
    n->released = true;
    n->owed = false;
}

static void release_all(struct world *w, uint8_t thing)
{
    for (size_t i = 0; i < w->note_count; i++)
        if (w->notes[i].thing == thing)
            release(&w->notes[i]);
}

/* --- saying --- */

static bool can_say(const struct person *p)
{
    return p->peer.session != NULL && p->peer.open && p->asked_count < ASKED_MAX;
}

/* Into the record that gathers, or into a new one. false: the bytes that wait have no room. */
static bool put_into_record(struct person *p, const struct command *c)
{
    for (int tries = 0; tries < 2; tries++) {
        if (!p->gathering) {
            if (WIRE_MAX - p->wire_len < WIRE_RECORD_HEADER_BYTES + WIRE_RECORD_CIPHER_MAX)
                return false;
            record_begin(&p->record, p->plain);
            p->gathering = true;
        }
        struct writer unit = record_unit_begin(&p->record);
        if (command_encode(c, &unit) == ZG_OK && record_unit_end(&p->record, &unit) == ZG_OK)
            return true;
        person_seal(p);
    }
    return false;
}

/* With a seq of its own; a.op is c's. */
static bool ask(struct world *w, struct person *p, struct command *c, struct asked a)
{
    c->seq = p->peer.seq + 1;
    if (!can_say(p) || !put_into_record(p, c))
        return false;
    p->peer.seq++;
    a.seq = c->seq;
    a.op = c->op;
    a.on_tick = c->op == OP_SEND || c->op == OP_KNOCK || c->op == OP_CANCEL;
    a.serial = ++w->serial;
    world_trace("%zu says %s, seq %u, thing %u, note %zd", (size_t)(p - w->people), op_name(c->op), c->seq,
                a.thing, a.note != NULL ? a.note - w->notes : -1);
    a.hour = world_hour(w);
    if (c->op != OP_ACK)
        p->asked[p->asked_count++] = a;
    return true;
}

/* --- messages --- */

static void note_goes(struct world *w, struct note *n)
{
    n->dead = false;
    n->under_way++;
    n->given = w->serial;
}

static bool say_send(struct world *w, struct person *p, struct script *in)
{
    uint8_t secret[WIRE_SECRET_BYTES], handle[WIRE_HANDLE_BYTES], envelope[WIRE_ENVELOPE_BYTES];
    uint8_t thing = next(in) % THINGS, twist = next(in);
    struct note *n = can_say(p) ? choose_note(w, next(in), thing) : NULL;
    if (n == NULL)
        return false;
    thing = n->thing;
    const bool desk = thing < DESKS;
    const enum role role = desk ? ROLE_TAKE : ROLE_PUT;
    const bool right = choose_secret(role, number_of(thing, twist / 16 % DRESSES, role), twist, secret);
    const uint8_t ttl = next(in) % (WIRE_TTL_30D + 1);
    handle_of(w, n, handle);
    envelope_of(w, n, envelope);
    struct command c = {.op = OP_SEND,
                        .u.send = {desk ? SEND_TAKE : SEND_PUT, secret, ttl, handle, envelope}};
    if (!ask(w, p, &c,
             (struct asked){.wrong = !right, .thing = thing, .ttl = ttl, .note = n, .promises = true}))
        return false;
    note_goes(w, n);
    w->things[thing].given++;
    return true;
}

static bool say_cancel(struct world *w, struct person *p, struct script *in)
{
    uint8_t handle[WIRE_HANDLE_BYTES];
    const uint8_t back = next(in);
    if (w->note_count == 0)
        return false;
    struct note *n = &w->notes[w->note_count - 1 - back % w->note_count];
    handle_of(w, n, handle);
    struct command c = {.op = OP_CANCEL, .u.cancel = {handle}};
    if (!ask(w, p, &c, (struct asked){.note = n}))
        return false;
    release(n);
    return true;
}

static bool subscribe_with(struct world *w, struct person *p, uint8_t thing, const uint8_t *secret,
                           bool right, uint32_t window)
{
    struct command c = {.op = OP_SUBSCRIBE, .u.subscribe = {secret, window}};
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = thing});
}

void say_subscribe(struct world *w, struct person *p, uint8_t thing, uint8_t dress, uint32_t window)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    secret_of(ROLE_TAKE, number_of(thing, dress, ROLE_TAKE), secret);
    must(subscribe_with(w, p, thing, secret, true, window));
}

static bool say_some_subscribe(struct world *w, struct person *p, struct script *in)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    const uint8_t thing = next(in) % THINGS, twist = next(in);
    const uint32_t number = number_of(thing, twist / 16 % DRESSES, ROLE_TAKE);
    const bool right = choose_secret(ROLE_TAKE, number, twist, secret);
    return subscribe_with(w, p, thing, secret, right, 1u + next(in) % 16);
}

/* One of those that were answered, be it over. */
static struct sub *choose_sub(struct person *p, uint8_t choice)
{
    size_t count = 0;
    while (count < SUBS_MAX && p->subs[count].last + p->subs[count].live > 0)
        count++;
    return count > 0 ? &p->subs[choice % count] : NULL;
}

void say_ack(struct world *w, struct person *p, struct sub *sub, uint32_t count)
{
    struct command c = {.op = OP_ACK, .u.ack = {.subscription = sub->id}};

    c.u.ack.count = count < sub->held ? count : sub->held;
    if (c.u.ack.count == 0)
        return;
    for (uint32_t i = 0; i < c.u.ack.count; i++)
        c.u.ack.ids[i] = sub->hand[i].id;
    if (!ask(w, p, &c, (struct asked){0}))
        return;
    for (uint32_t i = 0; i < c.u.ack.count; i++)
        release(sub->hand[i].note);
    sub->held -= c.u.ack.count;
    memmove(sub->hand, sub->hand + c.u.ack.count, sub->held * sizeof(sub->hand[0]));
}

static bool say_some_ack(struct world *w, struct person *p, struct script *in)
{
    struct sub *sub = choose_sub(p, next(in));
    if (sub == NULL || !can_say(p))
        return false;
    say_ack(w, p, sub, 1u + next(in) % 4);
    return true;
}

static bool say_claim(struct world *w, struct person *p, struct script *in)
{
    struct sub *sub = choose_sub(p, next(in));
    if (sub == NULL)
        return false;
    struct command c = {.op = OP_CLAIM, .u.claim = {sub->id, sub->held > 0 ? sub->hand[0].id : next(in)}};
    sub->claimed = true;
    return ask(w, p, &c, (struct asked){0});
}

static bool say_unsubscribe(struct world *w, struct person *p, struct script *in)
{
    struct sub *sub = choose_sub(p, next(in));
    if (sub == NULL)
        return false;
    struct command c = {.op = OP_UNSUBSCRIBE, .u.unsubscribe = {sub->id}};
    struct asked a = {0};
    memcpy(a.subscription, sub->id, sizeof(a.subscription));
    return ask(w, p, &c, a);
}

static bool say_status(struct world *w, struct person *p, struct script *in)
{
    uint8_t handles[4][WIRE_HANDLE_BYTES];
    struct command c = {.op = OP_STATUS, .u.status = {.count = 1u + next(in) % 4}};
    if (w->note_count == 0)
        return false;
    struct note *n = &w->notes[next(in) % w->note_count];
    for (uint32_t i = 0; i < c.u.status.count; i++) {
        handle_of(w, n, handles[i]);
        c.u.status.handles[i] = handles[i];
    }
    return ask(w, p, &c, (struct asked){.note = n, .count = c.u.status.count});
}

/* --- queues --- */

static void begins(struct world *w, uint8_t thing)
{
    w->things[thing].made = w->serial;
    w->things[thing].gone = false;
    w->things[thing].muddled = true;
}

static bool say_create(struct world *w, struct person *p, struct script *in)
{
    uint8_t voucher[WIRE_SECRET_BYTES];
    struct dressed d;
    const uint8_t thing = next(in) % THINGS, twist = next(in);
    const bool desk = thing < DESKS;
    /* One of eight brings the voucher of something else. */
    const bool other = twist % 8 == 7;
    if (!can_say(p))
        return false;
    dress_up(&d, thing, 0);
    if (desk)
        d.names.takes = 1 + twist / 8 % 2;
    give_voucher(w, desk != other ? VOUCHER_DESK : VOUCHER_CONVERSATION, VOUCHER_NUMBER + thing + 32u * other,
                 voucher);
    struct command c = {.op = OP_QUEUE_CREATE,
                        .u.queue_create = {voucher, desk ? QUEUE_DESK : QUEUE_CONVERSATION, d.names}};
    if (!ask(w, p, &c, (struct asked){.thing = thing}))
        return false;
    begins(w, thing);
    return true;
}

static bool say_update(struct world *w, struct person *p, struct script *in)
{
    uint8_t own[WIRE_SECRET_BYTES];
    struct dressed d, other;
    const uint8_t thing = next(in) % THINGS, twist = next(in), dress = next(in);
    (void)choose_secret(ROLE_OWN, number_of(thing, twist / 16 % DRESSES, ROLE_OWN), twist, own);
    dress_up(&d, thing, dress % DRESSES);
    dress_up(&other, thing, (dress + 1) % DRESSES);
    if (dress & 8)
        d.names.put2 = other.put.b;
    if (dress & 16)
        d.names.takes = 2; /* a conversation may not */
    struct command c = {.op = OP_QUEUE_UPDATE, .u.queue_update = {own, d.names}};
    /* Names that stand already are ok again, whoever asks. */
    return ask(w, p, &c, (struct asked){.thing = thing});
}

static bool say_delete(struct world *w, struct person *p, struct script *in)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    const uint8_t thing = next(in) % THINGS, twist = next(in);
    const enum role role = twist & 32 ? ROLE_OWN : ROLE_END;
    const bool right = choose_secret(role, number_of(thing, twist / 16 % DRESSES, role), twist, secret);
    struct command c = {.op = OP_QUEUE_DELETE,
                        .u.queue_delete = {role == ROLE_OWN ? DELETE_OWN : DELETE_END, secret}};
    const bool made = quiet_since(w, w->things[thing].made);
    if (!ask(w, p, &c, (struct asked){.wrong = !right, .thing = thing, .promises = made}))
        return false;
    w->things[thing].deleted = w->serial;
    w->things[thing].muddled = true;
    release_all(w, thing);
    return true;
}

/* --- desks --- */

static bool say_challenge(struct world *w, struct person *p, struct script *in)
{
    uint8_t put[WIRE_SECRET_BYTES];
    const uint8_t desk = next(in) % DESKS, twist = next(in);
    const bool right = choose_secret(ROLE_PUT, number_of(desk, twist / 16 % DRESSES, ROLE_PUT), twist, put);
    struct command c = {.op = OP_CHALLENGE, .u.challenge = {put}};
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = desk});
}

static bool say_knock(struct world *w, struct person *p, struct script *in)
{
    uint8_t put[WIRE_SECRET_BYTES], handle[WIRE_HANDLE_BYTES], envelope[WIRE_ENVELOPE_BYTES];
    struct dressed d;
    struct name voucher;
    const uint8_t desk = next(in) % DESKS, twist = next(in);
    const uint8_t thing = (uint8_t)(DESKS + next(in) % (THINGS - DESKS));
    struct note *n = can_say(p) ? new_note(w, desk) : NULL;
    if (n == NULL)
        return false;
    (void)choose_secret(ROLE_PUT, number_of(desk, twist / 16 % DRESSES, ROLE_PUT), twist, put);
    const uint8_t ttl = next(in) % (WIRE_TTL_30D + 1);
    dress_up(&d, thing, 0);
    name_of(ROLE_VOUCHER, DRAWN_NUMBER + thing, &voucher);
    handle_of(w, n, handle);
    envelope_of(w, n, envelope);
    struct command c = {
        .op = OP_KNOCK,
        .u.knock = {put, w->cookies[desk], twist / 32, d.names, voucher.b, ttl, handle, envelope}};
    /* If its queue may be there, ok may mean just that; so may it with a secret that is wrong. */
    const struct thing *t = &w->things[thing];
    const bool new = t->made == 0 || t->gone;
    if (!ask(w, p, &c, (struct asked){.thing = thing, .ttl = ttl, .note = n, .promises = new}))
        return false;
    note_goes(w, n);
    n->knock = true;
    begins(w, thing);
    return true;
}

static bool say_draw(struct world *w, struct person *p, struct script *in)
{
    uint8_t take[WIRE_SECRET_BYTES];
    struct name names[3];
    const uint8_t desk = next(in) % DESKS, twist = next(in), which = next(in);
    const bool right =
        choose_secret(ROLE_TAKE, number_of(desk, twist / 16 % DRESSES, ROLE_TAKE), twist, take);
    struct command c = {
        .op = OP_VOUCHER_DRAW,
        .u.voucher_draw = {.take = take, .kind = VOUCHER_CONVERSATION + which % 3, .count = 3}};
    for (uint32_t i = 0; i < 3; i++) {
        name_of(ROLE_VOUCHER, DRAWN_NUMBER + (which + i) % 32u, &names[i]);
        c.u.voucher_draw.names[i] = names[i].b;
    }
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = desk});
}

/* --- slots --- */

static bool say_slot_create(struct world *w, struct person *p, struct script *in)
{
    uint8_t voucher[WIRE_SECRET_BYTES];
    struct slot_dressed d;
    const uint8_t slot = next(in) % SLOTS, twist = next(in);
    const uint8_t ttl = twist % 8;
    if (!can_say(p))
        return false;
    slot_dress_up(&d, slot);
    give_voucher(w, ttl == WIRE_TTL_LASTING ? VOUCHER_LASTING_SLOT : VOUCHER_SLOT,
                 VOUCHER_NUMBER + 16u + slot + (ttl == WIRE_TTL_LASTING ? 8u : 0), voucher);
    struct command c = {.op = OP_SLOT_CREATE, .u.slot_create = {voucher, ttl, d.names}};
    if (!ask(w, p, &c, (struct asked){.thing = slot}))
        return false;
    w->slots[slot].made = w->serial;
    w->slots[slot].dead = 0;
    return true;
}

/* A value is one byte again and again. Now and then its pieces do not come to their end. */
static bool say_slot_set(struct world *w, struct person *p, struct script *in)
{
    static const uint32_t sizes[] = {0, 1, 4096, 4097, 9000};
    uint8_t write[WIRE_SECRET_BYTES], data[WIRE_SLOT_PIECE_BYTES];
    const uint8_t slot = next(in) % SLOTS, twist = next(in), how = next(in);
    const uint32_t size = sizes[how % 5];
    const uint32_t pieces = size == 0 ? 1 : (size + WIRE_SLOT_PIECE_BYTES - 1) / WIRE_SLOT_PIECE_BYTES;
    const bool right = choose_secret(ROLE_WRITE, SLOT_NUMBER + slot, twist, write);
    memset(data, how, sizeof(data));
    for (uint32_t i = 0; i < pieces; i++) {
        const uint32_t left = size - i * WIRE_SLOT_PIECE_BYTES;
        struct command c = {.op = OP_SLOT_SET, .seq = p->peer.seq + 1, .u.slot_set.write = write};
        c.u.slot_set.piece = (struct slot_piece){
            w->slots[slot].version + twist / 64, size, i, {data, left < sizeof(data) ? left : sizeof(data)}};
        if (i + 1 == pieces)
            return ask(w, p, &c, (struct asked){.wrong = !right, .thing = slot});
        if (!can_say(p) || !put_into_record(p, &c) || how >= 240)
            break;
    }
    return true;
}

static bool say_slot_get(struct world *w, struct person *p, struct script *in)
{
    uint8_t read[WIRE_SECRET_BYTES];
    const uint8_t slot = next(in) % SLOTS;
    const bool right = choose_secret(ROLE_READ, SLOT_NUMBER + slot, next(in), read);
    struct command c = {.op = OP_SLOT_GET, .u.slot_get = {read}};
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = slot});
}

static bool say_slot_update(struct world *w, struct person *p, struct script *in)
{
    uint8_t own[WIRE_SECRET_BYTES];
    struct slot_dressed d;
    const uint8_t slot = next(in) % SLOTS;
    const bool right = choose_secret(ROLE_SLOT_OWN, SLOT_NUMBER + slot, next(in), own);
    slot_dress_up(&d, slot);
    struct command c = {.op = OP_SLOT_UPDATE, .u.slot_update = {own, d.names}};
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = slot});
}

static bool say_slot_delete(struct world *w, struct person *p, struct script *in)
{
    uint8_t own[WIRE_SECRET_BYTES];
    const uint8_t slot = next(in) % SLOTS;
    const bool right = choose_secret(ROLE_SLOT_OWN, SLOT_NUMBER + slot, next(in), own);
    struct command c = {.op = OP_SLOT_DELETE, .u.slot_delete = {own}};
    const bool made = quiet_since(w, w->slots[slot].made);
    return ask(w, p, &c, (struct asked){.wrong = !right, .thing = slot, .promises = made});
}

static bool say_ping(struct world *w, struct person *p, struct script *in)
{
    struct command c = {.op = OP_PING};
    (void)in;
    return ask(w, p, &c, (struct asked){0});
}

bool say(struct world *w, struct person *p, enum op op, struct script *in)
{
    static bool (*const sayings[])(struct world *, struct person *, struct script *) = {
        [OP_PING] = say_ping,
        [OP_QUEUE_CREATE] = say_create,
        [OP_QUEUE_UPDATE] = say_update,
        [OP_QUEUE_DELETE] = say_delete,
        [OP_SEND] = say_send,
        [OP_CANCEL] = say_cancel,
        [OP_SUBSCRIBE] = say_some_subscribe,
        [OP_UNSUBSCRIBE] = say_unsubscribe,
        [OP_CLAIM] = say_claim,
        [OP_ACK] = say_some_ack,
        [OP_STATUS] = say_status,
        [OP_CHALLENGE] = say_challenge,
        [OP_KNOCK] = say_knock,
        [OP_VOUCHER_DRAW] = say_draw,
        [OP_SLOT_CREATE] = say_slot_create,
        [OP_SLOT_SET] = say_slot_set,
        [OP_SLOT_GET] = say_slot_get,
        [OP_SLOT_UPDATE] = say_slot_update,
        [OP_SLOT_DELETE] = say_slot_delete,
    };
    return sayings[op](w, p, in);
}
