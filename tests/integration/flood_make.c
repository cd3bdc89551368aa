#define _GNU_SOURCE

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/secret.h"
#include "proto/voucher.h"
#include "tests/integration/flood.h"
#include "tests/integration/hand.h"

enum { REPLY_MS = 10000 };

static void ask(struct hand *h, struct command *c)
{
    struct command reply;
    uint32_t seq = hand_say(h, c);
    if (seq == 0 || !hand_hear(h, &reply, REPLY_MS) || reply.op != OP_REPLY || reply.seq != seq ||
        reply.u.reply.status != STATUS_OK)
        fault("a queue could not be made");
}

static void create(struct hand *h, enum queue_kind kind, const uint8_t *voucher,
                   const struct secret *put_secret, const struct secret *take_secret)
{
    struct name put, take, own, end;
    secret_name(ROLE_PUT, put_secret->b, &put);
    secret_name(ROLE_TAKE, take_secret->b, &take);
    randombytes_buf(&own, sizeof(own));
    randombytes_buf(&end, sizeof(end));
    struct command c = {.op = OP_QUEUE_CREATE};
    c.u.queue_create.voucher = voucher;
    c.u.queue_create.kind = kind;
    c.u.queue_create.names =
        (struct queue_names){.put = put.b, .take = {take.b}, .takes = 1, .own = own.b, .end = end.b};
    ask(h, &c);
}

static void create_one(struct hand *h, const struct secret *desk_take, struct queue_rights *q)
{
    struct secret voucher;
    struct name name;
    randombytes_buf(&voucher, sizeof(voucher));
    randombytes_buf(&q->put, sizeof(q->put));
    randombytes_buf(&q->take, sizeof(q->take));
    secret_name(ROLE_VOUCHER, voucher.b, &name);
    struct command c = {.op = OP_VOUCHER_DRAW};
    c.u.voucher_draw.take = desk_take->b;
    c.u.voucher_draw.kind = VOUCHER_CONVERSATION;
    c.u.voucher_draw.count = 1;
    c.u.voucher_draw.names[0] = name.b;
    ask(h, &c);
    create(h, QUEUE_CONVERSATION, voucher.b, &q->put, &q->take);
}

void flood_make(const struct relay_process *relay, struct talks *talks, uint32_t count)
{
    struct hand *h = calloc(1, sizeof(*h));
    uint8_t voucher[WIRE_SECRET_BYTES];
    struct secret desk_put, desk_take;
    char text[128];

    relay_voucher(relay, text, sizeof(text));
    if (h == NULL || voucher_parse(voucher, text, strlen(text)) != ZG_OK || !hand_open(h, relay->address))
        fault("no voucher, or no way to the relay");
    randombytes_buf(&desk_put, sizeof(desk_put));
    randombytes_buf(&desk_take, sizeof(desk_take));
    create(h, QUEUE_DESK, voucher, &desk_put, &desk_take);
    for (uint32_t i = 0; i < count; i++) {
        talks->at[i].rights.number = i;
        create_one(h, &desk_take, &talks->at[i].rights);
    }
    hand_close(h);
    free(h);
}
