/*
 * Commands and replies, docs/protocol.md section 1.1: one encode/decode pair for each, in one table.
 *
 * Pointers in a decoded command are borrowed from the input.
 */
#ifndef PROTO_COMMAND_H
#define PROTO_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>
#include "proto/bytes.h"
#include "proto/secret.h"
#include "proto/wire.h"

enum op {
    OP_PING = 1,
    OP_QUEUE_CREATE = 2,
    OP_QUEUE_UPDATE = 3,
    OP_QUEUE_DELETE = 4,
    OP_SEND = 5,
    OP_CANCEL = 6,
    OP_SUBSCRIBE = 7,
    OP_UNSUBSCRIBE = 8,
    OP_CLAIM = 9,
    OP_ACK = 10,
    OP_STATUS = 11,
    OP_CHALLENGE = 12,
    OP_KNOCK = 13,
    OP_VOUCHER_DRAW = 14,
    OP_SLOT_CREATE = 15,
    OP_SLOT_SET = 16,
    OP_SLOT_GET = 17,
    OP_SLOT_UPDATE = 18,
    OP_SLOT_DELETE = 19,

    OP_REPLY = 64,
    OP_SUBSCRIBED = 65,
    OP_COOKIE = 66,
    OP_SLOT_VALUE = 67,
    OP_STATES = 68,

    OP_DELIVER = 80,
    OP_WITHDRAW = 81,
    OP_ENDED = 82,
};

enum status {
    STATUS_OK,
    STATUS_REFUSED,
    STATUS_FULL,
    STATUS_BUSY,
    STATUS_TOO_LARGE,
    STATUS_MALFORMED,
    STATUS_CONFLICT,
};

enum queue_kind { QUEUE_DESK = 1, QUEUE_CONVERSATION = 2 };
enum voucher_kind { VOUCHER_DESK = 1, VOUCHER_CONVERSATION = 2, VOUCHER_SLOT = 3, VOUCHER_LASTING_SLOT = 4 };
enum ended_reason { ENDED_DISPLACED = 1, ENDED_NOT_SERVED = 2 };
enum send_role { SEND_PUT = 1, SEND_TAKE = 2 };
enum delete_role { DELETE_OWN = 1, DELETE_END = 2 };
/* What STATUS tells of a message (section 4). */
enum message_fate { FATE_UNKNOWN, FATE_EXPIRED };

/* The names of a queue, each WIRE_NAME_BYTES; put2 is NULL if there is none. */
struct queue_names {
    const uint8_t *put;
    const uint8_t *put2;
    const uint8_t *take[WIRE_TAKES_MAX];
    uint32_t takes;
    const uint8_t *own;
    const uint8_t *end;
};

struct slot_names {
    const uint8_t *read;
    const uint8_t *write;
    const uint8_t *own;
};

struct slot_piece {
    uint64_t version;
    uint32_t size;  /* of the whole value */
    uint32_t piece; /* from 0 */
    struct span data;
};

struct command {
    enum op op;
    uint32_t seq; /* unused by pushes */
    union {
        struct {
            const uint8_t *voucher;
            enum queue_kind kind;
            struct queue_names names;
        } queue_create;
        struct {
            const uint8_t *own;
            struct queue_names names;
        } queue_update;
        struct {
            enum delete_role role;
            const uint8_t *secret;
        } queue_delete;
        struct {
            enum send_role role;
            const uint8_t *secret;
            uint8_t ttl;
            const uint8_t *handle;
            const uint8_t *envelope;
        } send;
        struct {
            const uint8_t *handle;
        } cancel;
        struct {
            const uint8_t *take;
            uint32_t window;
        } subscribe;
        struct {
            const uint8_t *subscription;
        } unsubscribe;
        struct {
            const uint8_t *subscription;
            uint32_t id;
        } claim;
        struct {
            const uint8_t *subscription;
            uint32_t ids[WIRE_ACK_IDS_MAX];
            uint32_t count;
        } ack;
        struct {
            const uint8_t *handles[WIRE_STATUS_HANDLES_MAX];
            uint32_t count;
        } status;
        struct {
            const uint8_t *put;
        } challenge;
        struct {
            const uint8_t *put; /* of the desk */
            const uint8_t *cookie;
            uint64_t solution;
            struct queue_names names; /* one take, no put2 */
            const uint8_t *slot_voucher;
            uint8_t ttl;
            const uint8_t *handle;
            const uint8_t *envelope;
        } knock;
        struct {
            const uint8_t *take;
            enum voucher_kind kind;
            const uint8_t *names[WIRE_VOUCHERS_MAX];
            uint32_t count;
        } voucher_draw;
        struct {
            const uint8_t *voucher;
            uint8_t ttl;
            struct slot_names names;
        } slot_create;
        struct {
            const uint8_t *write;
            struct slot_piece piece; /* version: the expected one */
        } slot_set;
        struct {
            const uint8_t *read;
        } slot_get;
        struct {
            const uint8_t *own;
            struct slot_names names;
        } slot_update;
        struct {
            const uint8_t *own;
        } slot_delete;

        struct {
            enum status status;
            uint32_t retry_after; /* seconds */
        } reply;
        struct {
            const uint8_t *subscription;
        } subscribed;
        struct {
            const uint8_t *cookie;
            uint8_t effort;
        } cookie;
        struct slot_piece slot_value;
        struct {
            uint8_t fates[WIRE_STATUS_HANDLES_MAX]; /* enum message_fate, in the order of the STATUS */
            uint32_t count;
        } states;

        struct {
            const uint8_t *subscription;
            uint32_t id;
            const uint8_t *envelope;
        } deliver;
        struct {
            const uint8_t *subscription;
            uint32_t id;
        } withdraw;
        struct {
            const uint8_t *subscription;
            enum ended_reason reason;
        } ended;
    } u;
};

/* Which side's commands to accept: a relay refuses what only relays say, and the other way round. */
enum command_side { COMMAND_FROM_CLIENT, COMMAND_FROM_RELAY };

/* ZG_ERR_TOO_LARGE if w has no room; nothing else can fail for a well-formed command. */
ZG_MUST_CHECK zg_err command_encode(const struct command *c, struct writer *w);

/* ZG_ERR_MALFORMED leaves *out undefined. Reads exactly len bytes. */
ZG_MUST_CHECK zg_err command_decode(enum command_side side, const uint8_t *in, size_t len,
                                    struct command *out);

/* "SEND"; for traces of the simulation and tests. Never NULL. */
const char *op_name(enum op op);

/* The protocol's status as the library's error, and "ok" as ZG_OK. */
zg_err status_err(enum status status);

#endif
