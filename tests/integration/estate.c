#include "tests/integration/estate.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/voucher.h"

enum { REPLY_MS = 20000 };

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "estate: %s\n", what);
    abort();
}

enum status hand_ask(struct hand *h, struct command *c)
{
    struct command reply;
    uint32_t seq = hand_say(h, c);
    do
        must(seq != 0 && hand_hear(h, &reply, REPLY_MS), "no reply");
    while (reply.op != OP_REPLY || reply.seq != seq);
    return reply.u.reply.status;
}

struct names {
    struct name put, take, own, end;
};

static enum status create(struct hand *h, const struct holding *q, enum queue_kind kind)
{
    struct names n;
    secret_name(ROLE_PUT, q->put, &n.put);
    secret_name(ROLE_TAKE, q->take, &n.take);
    secret_name(ROLE_OWN, q->own, &n.own);
    secret_name(ROLE_END, q->end, &n.end);
    struct command c = {.op = OP_QUEUE_CREATE, .u.queue_create = {.voucher = q->voucher, .kind = kind}};
    c.u.queue_create.names =
        (struct queue_names){.put = n.put.b, .take = {n.take.b}, .takes = 1, .own = n.own.b, .end = n.end.b};
    return hand_ask(h, &c);
}

static enum status create_slot(struct hand *h, const struct holding *s)
{
    struct names n;
    secret_name(ROLE_READ, s->put, &n.put);
    secret_name(ROLE_WRITE, s->take, &n.take);
    secret_name(ROLE_SLOT_OWN, s->own, &n.own);
    struct command c = {.op = OP_SLOT_CREATE, .u.slot_create = {.voucher = s->voucher, .ttl = WIRE_TTL_1D}};
    c.u.slot_create.names = (struct slot_names){n.put.b, n.take.b, n.own.b};
    return hand_ask(h, &c);
}

static void make_desk(struct holding *desk, struct hand *h, const struct relay_process *r)
{
    char text[128];
    relay_voucher(r, text, sizeof(text));
    randombytes_buf(desk, sizeof(*desk));
    must(voucher_parse(desk->voucher, text, strlen(text)) == ZG_OK, "no voucher for a desk");
    must(create(h, desk, QUEUE_DESK) == STATUS_OK, "no desk");
}

static void draw(struct hand *h, const struct holding *desk, struct holding *list, enum voucher_kind kind)
{
    struct command c = {.op = OP_VOUCHER_DRAW, .u.voucher_draw = {.take = desk->take, .kind = kind}};
    struct name names[WIRE_VOUCHERS_MAX];
    for (size_t i = 0; i < ESTATE_EACH; i += WIRE_VOUCHERS_MAX) {
        for (size_t k = 0; k < WIRE_VOUCHERS_MAX; k++) {
            secret_name(ROLE_VOUCHER, list[i + k].voucher, &names[k]);
            c.u.voucher_draw.names[k] = names[k].b;
        }
        c.u.voucher_draw.count = WIRE_VOUCHERS_MAX;
        must(hand_ask(h, &c) == STATUS_OK, "no vouchers");
    }
}

_Static_assert(ESTATE_EACH % WIRE_VOUCHERS_MAX == 0, "vouchers are drawn in full handfuls");

/* A deletion is answered when it is true on the disk: all of them at once. */
static void delete_all(struct hand *h, const struct holding *list, enum op op)
{
    struct command reply;
    for (size_t i = 0; i < ESTATE_EACH; i++) {
        struct command c = {.op = op};
        if (op == OP_QUEUE_DELETE) {
            c.u.queue_delete.role = DELETE_OWN;
            c.u.queue_delete.secret = list[i].own;
        } else {
            c.u.slot_delete.own = list[i].own;
        }
        must(hand_say(h, &c) != 0, "no connection");
    }
    for (size_t i = 0; i < ESTATE_EACH; i++)
        must(hand_hear(h, &reply, REPLY_MS) && reply.op == OP_REPLY && reply.u.reply.status == STATUS_OK,
             "not deleted");
}

void estate_make(struct estate *e, struct hand *h, const struct relay_process *r)
{
    struct holding desk;
    struct holding *const queues[] = {e->queues, e->deleted_queues};
    struct holding *const slots[] = {e->slots, e->deleted_slots};

    randombytes_buf(e, sizeof(*e));
    make_desk(&desk, h, r);
    for (size_t k = 0; k < 2; k++) {
        draw(h, &desk, queues[k], VOUCHER_CONVERSATION);
        draw(h, &desk, slots[k], VOUCHER_SLOT);
        for (size_t i = 0; i < ESTATE_EACH; i++) {
            must(create(h, &queues[k][i], QUEUE_CONVERSATION) == STATUS_OK, "no queue");
            must(create_slot(h, &slots[k][i]) == STATUS_OK, "no slot");
        }
    }
    delete_all(h, e->deleted_queues, OP_QUEUE_DELETE);
    delete_all(h, e->deleted_slots, OP_SLOT_DELETE);
}
