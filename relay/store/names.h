/* The names of a queue or slot as a list, for both engines. */
#ifndef RELAY_STORE_NAMES_H
#define RELAY_STORE_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "relay/core/store.h"

enum {
    NAMES_OF_QUEUE_MAX = 4 + WIRE_TAKES_MAX,
    NAMES_OF_SLOT = 3,
    NAMES_MAX = NAMES_OF_QUEUE_MAX,
};

struct named {
    enum role role;
    struct name name;
};

/* Both return how many they wrote. */
size_t names_of_queue(const struct stored_names *names, struct named out[NAMES_OF_QUEUE_MAX]);
size_t names_of_slot(const struct stored_slot_names *names, struct named out[NAMES_OF_SLOT]);

bool name_equal(const struct name *a, const struct name *b);
/* Whether no name stands in the list twice. */
bool names_differ(const struct named *list, size_t count);
/* Whether name stands in the list. */
bool names_hold(const struct named *list, size_t count, const struct name *name);
/* Same names in the same places. */
bool names_of_queue_equal(const struct stored_names *a, const struct stored_names *b);

/* Whether the role belongs to a slot; else to a queue (or is a voucher). */
bool role_of_slot(enum role role);

/* The kind of voucher that a queue or slot costs. */
enum voucher_kind voucher_for_queue(enum queue_kind kind);
enum voucher_kind voucher_for_slot(uint8_t ttl);

#endif
