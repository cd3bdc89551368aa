/*
 * What a relay's store confirmed at which step of the recorded workload: queues, names, messages, slots.
 * Everything has a number of its own, from which its bytes follow, so that they are recognised wherever they
 * turn up.
 */
#ifndef TESTS_POWERCUT_LEDGER_H
#define TESTS_POWERCUT_LEDGER_H

#include "relay/core/store.h"

enum {
    LEDGER_QUEUES_MAX = 256,
    LEDGER_SLOTS_MAX = 64,
    LEDGER_VALUES_MAX = 256,
    LEDGER_MESSAGES_MAX = 2048,
    LEDGER_NAMES_MAX = 4096,
    LEDGER_STEPS_MAX = 1024,
    LEDGER_VALUE_MAX = 6000,
    LEDGER_TAG_BYTES = 4,
};

/* Names, handles and envelopes begin with these and their number. */
#define LEDGER_NAME_TAG "ZgNm"
#define LEDGER_HANDLE_TAG "ZgHd"
#define LEDGER_TEXT_TAG "ZgEn"

/* There from step `born` on, not from step `gone` on. */
struct spell {
    uint64_t born, gone;
};

struct ledger_name {
    struct spell spell;
    enum role role;
    uint32_t owner; /* index of a queue or slot */
    enum voucher_kind kind;
    uint32_t hour; /* of a voucher */
};

struct ledger_queue {
    struct spell spell;
    uint64_t id;
    enum queue_kind kind;
    uint32_t next_seq;
    uint32_t names; /* number of the first of four: put, own, end, take */
    uint32_t ends;
};

struct ledger_message {
    struct spell spell;
    uint32_t queue, seq, hour;
    bool marked, expired; /* expired: gone unread */
};

struct ledger_slot {
    struct spell spell;
    uint64_t id;
    uint32_t names; /* read, write, own */
    uint8_t ttl;
};

struct ledger_value {
    struct spell spell;
    uint32_t slot, size, hour;
    uint64_t version;
};

struct ledger_step {
    uint32_t hour;      /* now, when it was done */
    uint64_t forgotten; /* what was gone by this step is in no file any more, once this one is done */
};

struct ledger {
    struct ledger_queue queues[LEDGER_QUEUES_MAX];
    struct ledger_slot slots[LEDGER_SLOTS_MAX];
    struct ledger_value values[LEDGER_VALUES_MAX];
    struct ledger_message messages[LEDGER_MESSAGES_MAX];
    struct ledger_name names[LEDGER_NAMES_MAX];
    struct ledger_step steps[LEDGER_STEPS_MAX];
    uint32_t queue_count, slot_count, value_count, message_count, name_count;
    uint64_t step;
    uint32_t hour;
};

bool spell_covers(const struct spell *s, uint64_t step);

/* The bytes behind a number. */
struct name ledger_name_bytes(uint32_t number);
struct handle ledger_handle(uint32_t number);
void ledger_envelope(uint32_t number, uint8_t out[WIRE_ENVELOPE_BYTES]);
void ledger_value_bytes(uint32_t number, uint32_t size, uint8_t out[LEDGER_VALUE_MAX]);
struct stored_names ledger_queue_names(uint32_t first);
struct stored_slot_names ledger_slot_names(uint32_t first);

/* Whether sixteen bytes that begin with a tag are whole, and their number. */
bool ledger_is_stamp(const uint8_t *at, size_t len, uint32_t *number);

/* New entries, born with the current step; the number. */
uint32_t ledger_add_name(struct ledger *l, enum role role, uint32_t owner);
uint32_t ledger_add_queue(struct ledger *l, uint64_t id, enum queue_kind kind, uint32_t ends);
uint32_t ledger_add_queue_names(struct ledger *l, uint32_t queue);
uint32_t ledger_add_message(struct ledger *l, uint32_t queue, uint32_t hour, bool marked);
uint32_t ledger_add_slot(struct ledger *l, uint64_t id, uint8_t ttl);
uint32_t ledger_add_value(struct ledger *l, uint32_t slot, uint32_t size, uint32_t hour);

/* What goes with the current step. */
void ledger_drop_names(struct ledger *l, uint32_t first, uint32_t count);
void ledger_drop_queue(struct ledger *l, uint32_t queue);
void ledger_drop_slot(struct ledger *l, uint32_t slot);
/* All whose time is over at the current hour. */
void ledger_expire(struct ledger *l);

/* Whether it must be there after this step, at this hour. */
bool ledger_has_queue(const struct ledger *l, uint32_t queue, uint64_t step, uint32_t hour);
bool ledger_has_message(const struct ledger *l, uint32_t message, uint64_t step, uint32_t hour);
bool ledger_has_voucher(const struct ledger *l, uint32_t name, uint64_t step, uint32_t hour);

#endif
