/* The table of keys behind config.h. */
#ifndef RELAY_EDGE_CONFIG_KEYS_H
#define RELAY_EDGE_CONFIG_KEYS_H

#include "relay/edge/config.h"

/* Where a mistake is said. */
struct complaint {
    char *text;
    size_t cap;
};

struct key;

/* Reads a value into *c; false: complained. */
typedef bool parse_fn(struct config *c, const struct key *key, const char *value, struct complaint *why);

struct key {
    const char *section, *name;
    parse_fn *parse;
    const char *example; /* what the commented file shows; NULL: the default, a number */
    size_t offset;       /* of a number in struct config */
    uint64_t min, max;
    const char *help;
};

extern const struct key config_keys[];
extern const size_t config_key_count;
enum { CONFIG_KEYS_MAX = 64 };

/* Returns false. */
__attribute__((format(printf, 2, 3))) bool config_complain(struct complaint *why, const char *format, ...);
/* The value of a key that is a number, as the file would say it. */
uint64_t config_number(const struct config *c, const struct key *key);

#endif
