#include "tests/support/samples.h"

#define X4(b) b, b, b, b
#define X16(b) X4(b), X4(b), X4(b), X4(b)
#define X64(b) X16(b), X16(b), X16(b), X16(b)
#define X256(b) X64(b), X64(b), X64(b), X64(b)
#define X1024(b) X256(b), X256(b), X256(b), X256(b)

/* Equal bytes, so that the words stay short; another byte for every field, so that none can be swapped. */
static const uint8_t b10[32] = {X16(0x10), X16(0x10)};
static const uint8_t b11[32] = {X16(0x11), X16(0x11)};
static const uint8_t n21[16] = {X16(0x21)};
static const uint8_t n22[16] = {X16(0x22)};
static const uint8_t n23[16] = {X16(0x23)};
static const uint8_t n24[16] = {X16(0x24)};
static const uint8_t n25[16] = {X16(0x25)};
static const uint8_t n26[16] = {X16(0x26)};
static const uint8_t h30[16] = {X16(0x30)};
static const uint8_t s40[8] = {X4(0x40), X4(0x40)};
static const uint8_t e50[4096] = {X1024(0x50), X1024(0x50), X1024(0x50), X1024(0x50)};

#define SIXTEEN(p) p, p, p, p, p, p, p, p, p, p, p, p, p, p, p, p
#define FOUR_IDS(v) v, v, v, v
#define SIXTEEN_IDS(v) FOUR_IDS(v), FOUR_IDS(v), FOUR_IDS(v), FOUR_IDS(v)

#define CLIENT COMMAND_FROM_CLIENT
#define RELAY COMMAND_FROM_RELAY

static const struct sample all[] = {
    {CLIENT, "[1 0]", {.op = OP_PING, .seq = 0}},
    {CLIENT, "[1 127]", {.op = OP_PING, .seq = 127}},
    {CLIENT, "[1 128]", {.op = OP_PING, .seq = 128}},
    {CLIENT, "[1 255]", {.op = OP_PING, .seq = 255}},
    {CLIENT, "[1 256]", {.op = OP_PING, .seq = 256}},
    {CLIENT, "[1 65535]", {.op = OP_PING, .seq = 65535}},
    {CLIENT, "[1 65536]", {.op = OP_PING, .seq = 65536}},
    {CLIENT, "[1 4294967295]", {.op = OP_PING, .seq = UINT32_MAX}},

    {CLIENT,
     "[2 1 32*10 1 16*21 [16*22] 16*23 16*24]",
     {.op = OP_QUEUE_CREATE,
      .seq = 1,
      .u.queue_create = {b10, QUEUE_DESK, {.put = n21, .takes = 1, .take = {n22}, .own = n23, .end = n24}}}},
    {CLIENT,
     "[2 2 32*10 2 16*21 [" WORDS16("16*22") "] 16*23 16*24]",
     {.op = OP_QUEUE_CREATE,
      .seq = 2,
      .u.queue_create = {b10,
                         QUEUE_CONVERSATION,
                         {.put = n21, .takes = 16, .take = {SIXTEEN(n22)}, .own = n23, .end = n24}}}},

    {CLIENT,
     "[3 3 32*10 16*21 0*00 [16*22] 16*23 16*24]",
     {.op = OP_QUEUE_UPDATE,
      .seq = 3,
      .u.queue_update = {b10, {.put = n21, .takes = 1, .take = {n22}, .own = n23, .end = n24}}}},
    {CLIENT,
     "[3 4 32*10 16*21 16*25 [16*22 16*26] 16*23 16*24]",
     {.op = OP_QUEUE_UPDATE,
      .seq = 4,
      .u.queue_update = {b10,
                         {.put = n21, .put2 = n25, .takes = 2, .take = {n22, n26}, .own = n23, .end = n24}}}},

    {CLIENT, "[4 5 1 32*10]", {.op = OP_QUEUE_DELETE, .seq = 5, .u.queue_delete = {DELETE_OWN, b10}}},
    {CLIENT, "[4 6 2 32*10]", {.op = OP_QUEUE_DELETE, .seq = 6, .u.queue_delete = {DELETE_END, b10}}},

    {CLIENT,
     "[5 7 1 32*10 0 16*30 4096*50]",
     {.op = OP_SEND, .seq = 7, .u.send = {SEND_PUT, b10, 0, h30, e50}}},
    {CLIENT,
     "[5 8 2 32*10 6 16*30 4096*50]",
     {.op = OP_SEND, .seq = 8, .u.send = {SEND_TAKE, b10, 6, h30, e50}}},

    {CLIENT, "[6 9 16*30]", {.op = OP_CANCEL, .seq = 9, .u.cancel = {h30}}},

    {CLIENT, "[7 10 32*10 1]", {.op = OP_SUBSCRIBE, .seq = 10, .u.subscribe = {b10, 1}}},
    {CLIENT, "[7 11 32*10 256]", {.op = OP_SUBSCRIBE, .seq = 11, .u.subscribe = {b10, 256}}},
    {CLIENT, "[8 12 8*40]", {.op = OP_UNSUBSCRIBE, .seq = 12, .u.unsubscribe = {s40}}},
    {CLIENT, "[9 13 8*40 0]", {.op = OP_CLAIM, .seq = 13, .u.claim = {s40, 0}}},
    {CLIENT, "[9 14 8*40 4294967295]", {.op = OP_CLAIM, .seq = 14, .u.claim = {s40, UINT32_MAX}}},
    {CLIENT, "[10 15 8*40 [7]]", {.op = OP_ACK, .seq = 15, .u.ack = {s40, {7}, 1}}},
    {CLIENT,
     "[10 16 8*40 [" WORDS64("4294967295") "]]",
     {.op = OP_ACK,
      .seq = 16,
      .u.ack = {s40,
                {SIXTEEN_IDS(UINT32_MAX), SIXTEEN_IDS(UINT32_MAX), SIXTEEN_IDS(UINT32_MAX),
                 SIXTEEN_IDS(UINT32_MAX)},
                64}}},

    {CLIENT, "[11 40 [16*30]]", {.op = OP_STATUS, .seq = 40, .u.status = {{h30}, 1}}},
    {CLIENT,
     "[11 41 [" WORDS16("16*30") " " WORDS16("16*30") "]]",
     {.op = OP_STATUS, .seq = 41, .u.status = {{SIXTEEN(h30), SIXTEEN(h30)}, 32}}},
    {CLIENT, "[12 17 32*10]", {.op = OP_CHALLENGE, .seq = 17, .u.challenge = {b10}}},
    {CLIENT,
     "[13 18 32*10 32*11 0 16*21 16*22 16*23 16*24 16*25 0 16*30 4096*50]",
     {.op = OP_KNOCK,
      .seq = 18,
      .u.knock =
          {b10, b11, 0, {.put = n21, .takes = 1, .take = {n22}, .own = n23, .end = n24}, n25, 0, h30, e50}}},
    {CLIENT,
     "[13 4294967295 32*10 32*11 18446744073709551615 16*21 16*22 16*23 16*24 16*25 6 16*30 4096*50]",
     {.op = OP_KNOCK,
      .seq = UINT32_MAX,
      .u.knock = {b10,
                  b11,
                  UINT64_MAX,
                  {.put = n21, .takes = 1, .take = {n22}, .own = n23, .end = n24},
                  n25,
                  6,
                  h30,
                  e50}}},
    {CLIENT,
     "[14 19 32*10 2 [16*21]]",
     {.op = OP_VOUCHER_DRAW, .seq = 19, .u.voucher_draw = {b10, VOUCHER_CONVERSATION, {n21}, 1}}},
    {CLIENT,
     "[14 20 32*10 4 [" WORDS16("16*21") "]]",
     {.op = OP_VOUCHER_DRAW, .seq = 20, .u.voucher_draw = {b10, VOUCHER_LASTING_SLOT, {SIXTEEN(n21)}, 16}}},

    {CLIENT,
     "[15 21 32*10 0 16*21 16*22 16*23]",
     {.op = OP_SLOT_CREATE, .seq = 21, .u.slot_create = {b10, 0, {n21, n22, n23}}}},
    {CLIENT,
     "[15 22 32*10 7 16*21 16*22 16*23]",
     {.op = OP_SLOT_CREATE, .seq = 22, .u.slot_create = {b10, 7, {n21, n22, n23}}}},
    {CLIENT,
     "[16 23 32*10 0 0 0 0*00]",
     {.op = OP_SLOT_SET, .seq = 23, .u.slot_set = {b10, {0, 0, 0, {NULL, 0}}}}},
    {CLIENT,
     "[16 24 32*10 1 4097 0 4096*50]",
     {.op = OP_SLOT_SET, .seq = 24, .u.slot_set = {b10, {1, 4097, 0, {e50, 4096}}}}},
    {CLIENT,
     "[16 25 32*10 18446744073709551615 4097 1 1*50]",
     {.op = OP_SLOT_SET, .seq = 25, .u.slot_set = {b10, {UINT64_MAX, 4097, 1, {e50, 1}}}}},
    {CLIENT,
     "[16 26 32*10 5 61440 14 4096*50]",
     {.op = OP_SLOT_SET, .seq = 26, .u.slot_set = {b10, {5, 61440, 14, {e50, 4096}}}}},
    {CLIENT, "[17 27 32*10]", {.op = OP_SLOT_GET, .seq = 27, .u.slot_get = {b10}}},
    {CLIENT,
     "[18 28 32*10 16*21 16*22 16*23]",
     {.op = OP_SLOT_UPDATE, .seq = 28, .u.slot_update = {b10, {n21, n22, n23}}}},
    {CLIENT, "[19 29 32*10]", {.op = OP_SLOT_DELETE, .seq = 29, .u.slot_delete = {b10}}},

    {RELAY, "[64 30 0 0]", {.op = OP_REPLY, .seq = 30, .u.reply = {STATUS_OK, 0}}},
    {RELAY, "[64 31 3 4294967295]", {.op = OP_REPLY, .seq = 31, .u.reply = {STATUS_BUSY, UINT32_MAX}}},
    {RELAY, "[64 32 6 0]", {.op = OP_REPLY, .seq = 32, .u.reply = {STATUS_CONFLICT, 0}}},
    {RELAY, "[65 33 8*40]", {.op = OP_SUBSCRIBED, .seq = 33, .u.subscribed = {s40}}},
    {RELAY, "[66 34 32*11 0]", {.op = OP_COOKIE, .seq = 34, .u.cookie = {b11, 0}}},
    {RELAY, "[66 35 32*11 16]", {.op = OP_COOKIE, .seq = 35, .u.cookie = {b11, 16}}},
    {RELAY, "[67 36 0 0 0 0*00]", {.op = OP_SLOT_VALUE, .seq = 36, .u.slot_value = {0, 0, 0, {NULL, 0}}}},
    {RELAY,
     "[67 37 9 255 0 255*50]",
     {.op = OP_SLOT_VALUE, .seq = 37, .u.slot_value = {9, 255, 0, {e50, 255}}}},
    {RELAY,
     "[67 38 9 256 0 256*50]",
     {.op = OP_SLOT_VALUE, .seq = 38, .u.slot_value = {9, 256, 0, {e50, 256}}}},
    {RELAY,
     "[67 39 18446744073709551615 61439 14 4095*50]",
     {.op = OP_SLOT_VALUE, .seq = 39, .u.slot_value = {UINT64_MAX, 61439, 14, {e50, 4095}}}},

    {RELAY, "[68 42 [0]]", {.op = OP_STATES, .seq = 42, .u.states = {{FATE_UNKNOWN}, 1}}},
    {RELAY,
     "[68 43 [" WORDS16("1") " " WORDS16("1") "]]",
     {.op = OP_STATES, .seq = 43, .u.states = {{SIXTEEN_IDS(FATE_EXPIRED), SIXTEEN_IDS(FATE_EXPIRED)}, 32}}},

    {RELAY, "[80 8*40 0 4096*50]", {.op = OP_DELIVER, .u.deliver = {s40, 0, e50}}},
    {RELAY, "[80 8*40 4294967295 4096*50]", {.op = OP_DELIVER, .u.deliver = {s40, UINT32_MAX, e50}}},
    {RELAY, "[81 8*40 65536]", {.op = OP_WITHDRAW, .u.withdraw = {s40, 65536}}},
    {RELAY, "[82 8*40 1]", {.op = OP_ENDED, .u.ended = {s40, ENDED_DISPLACED}}},
    {RELAY, "[82 8*40 2]", {.op = OP_ENDED, .u.ended = {s40, ENDED_NOT_SERVED}}},
};

const struct sample *samples(size_t *count)
{
    *count = sizeof(all) / sizeof(all[0]);
    return all;
}
