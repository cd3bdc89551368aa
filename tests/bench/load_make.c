/*
 * Happy path: QUEUE_CREATE of a desk with the operator's voucher; then, again and again, VOUCHER_DRAW of 16 conversation vouchers
 * and 16 QUEUE_CREATEs; a few of these rounds at a time. Any other answer than ok ends the run.
 */
#define _GNU_SOURCE
#include "tests/bench/load.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/secret.h"

enum { ROUND = WIRE_VOUCHERS_MAX, ROUNDS_AT_ONCE = 2, SEQ_DESK = 1, SEQ_FIRST_ROUND = 2 };

/* What a secret is for, as input of the derivation. */
enum purpose { P_PUT, P_TAKE, P_OWN, P_END, P_VOUCHER, P_DESK_PUT, P_DESK_TAKE, P_DESK_OWN, P_DESK_END, P_DESK_VOUCHER };

struct maker {
    struct cable cable; /* first */
    struct load *load;
    bool desk_made;
    uint32_t drawn;     /* vouchers asked for */
    uint32_t granted;   /* rounds whose vouchers are there, in order */
    uint32_t created;   /* queues asked for */
    uint32_t done;      /* queues that are there */
    bool desk_asked;
};

static void derive(const struct load *l, enum purpose purpose, uint32_t i, struct secret *out)
{
    uint8_t key[16] = {0}, in[8];
    struct writer w;
    writer_init(&w, key, sizeof(key));
    writer_u64(&w, l->o.seed);
    writer_init(&w, in, sizeof(in));
    writer_u32(&w, (uint32_t)purpose);
    writer_u32(&w, i);
    crypto_generichash(out->b, sizeof(out->b), in, sizeof(in), key, sizeof(key));
}

static void derive_name(const struct load *l, enum purpose purpose, uint32_t i, enum role role, struct name *out)
{
    struct secret s;
    derive(l, purpose, i, &s);
    secret_name(role, s.b, out);
}

void rights_of(const struct load *l, uint32_t i, struct queue_rights *out)
{
    memset(out, 0, sizeof(*out));
    out->number = i;
    derive(l, P_PUT, i, &out->put);
    derive(l, P_TAKE, i, &out->take);
}

/* The purposes stand in one order for desks and conversations. */
static bool say_create(const struct load *l, struct record_writer *r, uint32_t seq, enum queue_kind kind, uint32_t i,
                       const uint8_t voucher[WIRE_SECRET_BYTES])
{
    enum purpose first = kind == QUEUE_DESK ? P_DESK_PUT : P_PUT;
    struct name put, take, own, end;
    derive_name(l, first, i, ROLE_PUT, &put);
    derive_name(l, first + (P_TAKE - P_PUT), i, ROLE_TAKE, &take);
    derive_name(l, first + (P_OWN - P_PUT), i, ROLE_OWN, &own);
    derive_name(l, first + (P_END - P_PUT), i, ROLE_END, &end);
    struct command c = {.op = OP_QUEUE_CREATE, .seq = seq};
    c.u.queue_create.voucher = voucher;
    c.u.queue_create.kind = kind;
    c.u.queue_create.names = (struct queue_names){
        .put = put.b, .take = {take.b}, .takes = 1, .own = own.b, .end = end.b};
    return talk_command(r, &c);
}

/* One round: the seq of its draw is even, the seqs of its creations odd. */
static bool say_draw(const struct maker *m, struct record_writer *r, uint32_t first, uint32_t count)
{
    struct name names[ROUND];
    struct secret take;
    struct command c = {.op = OP_VOUCHER_DRAW, .seq = SEQ_FIRST_ROUND};
    derive(m->load, P_DESK_TAKE, 0, &take);
    c.u.voucher_draw.take = take.b;
    c.u.voucher_draw.kind = VOUCHER_CONVERSATION;
    c.u.voucher_draw.count = count;
    for (uint32_t i = 0; i < count; i++) {
        derive_name(m->load, P_VOUCHER, first + i, ROLE_VOUCHER, &names[i]);
        c.u.voucher_draw.names[i] = names[i].b;
    }
    c.seq = SEQ_FIRST_ROUND + 2 * (first / ROUND);
    return talk_command(r, &c);
}

static uint32_t round_of(const struct maker *m, uint32_t first)
{
    uint32_t left = m->load->o.pairs - first;
    return left < ROUND ? left : ROUND;
}

static void fill(struct cable *cable, struct record_writer *r)
{
    struct maker *m = (struct maker *)cable;
    struct load *l = m->load;
    if (!m->desk_asked) {
        m->desk_asked = say_create(l, r, SEQ_DESK, QUEUE_DESK, 0, l->o.voucher);
        return;
    }
    while (m->created < m->granted) {
        struct secret voucher;
        derive(l, P_VOUCHER, m->created, &voucher);
        if (!say_create(l, r, SEQ_FIRST_ROUND + 1 + 2 * m->created, QUEUE_CONVERSATION, m->created, voucher.b))
            return;
        m->created++;
    }
    while (m->desk_made && m->drawn < l->o.pairs && m->drawn - m->done < ROUNDS_AT_ONCE * ROUND) {
        uint32_t count = round_of(m, m->drawn);
        if (!say_draw(m, r, m->drawn, count))
            return;
        m->drawn += count;
    }
}

static bool heard(struct cable *cable, struct span unit)
{
    struct maker *m = (struct maker *)cable;
    struct heard h;
    if (!talk_read(&m->load->talk, unit, &h) || h.kind != HEARD_REPLY)
        return false;
    if (h.status != STATUS_OK) {
        load_fail(m->load, h.seq == SEQ_DESK      ? "the desk voucher was not accepted"
                           : h.status == STATUS_FULL ? "the relay's quota of vouchers is used up"
                                                     : "a queue could not be made");
        return true;
    }
    if (h.seq == SEQ_DESK)
        m->desk_made = true;
    else if (h.seq % 2 == 0)
        m->granted += round_of(m, m->granted);
    else
        m->done++;
    if (m->done == m->load->o.pairs)
        cable_close(cable);
    else
        cable_mark(cable);
    return true;
}

static void lost(struct cable *cable, const char *why)
{
    struct maker *m = (struct maker *)cable;
    load_fail(m->load, why);
    free(m);
}

static void closed(struct cable *cable)
{
    struct maker *m = (struct maker *)cable;
    struct load *l = m->load;
    free(m);
    load_next(l);
}

static const struct cable_events events = {
    .open = cable_mark, .heard = heard, .fill = fill, .lost = lost, .closed = closed};

void make_start(struct load *l)
{
    struct maker *m = calloc(1, sizeof(*m));
    if (m == NULL) {
        load_fail(l, "no memory");
        return;
    }
    m->load = l;
    if (cable_connect(&m->cable, l->yard, &events, (const struct sockaddr *)&l->o.to, NULL) != 0) {
        free(m);
        load_fail(l, "no connection");
    }
}
