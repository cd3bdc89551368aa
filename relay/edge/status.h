/* What `status` tells: numbers, never an identifier. One table for the socket, the words and the JSON. What
 * is not as it should be is said in sentences, too. */
#ifndef RELAY_EDGE_STATUS_H
#define RELAY_EDGE_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "relay/core/relay.h"

enum { STATUS_TEXT_MAX = 2048 };

/* What was found at start, and does not change. */
struct status_facts {
    bool keys_volatile;
    bool sandboxed;
    bool memory_locked;
};

struct status_numbers {
    struct relay_stats stats;
    struct counts counts;
    uint64_t uptime_s;
    uint64_t keys_volatile; /* 0 or 1 */
    uint64_t sandboxed;     /* 0 or 1 */
    uint64_t memory_locked; /* 0 or 1 */
};

/* Lines of "name value\n", zero-terminated. */
void status_encode(const struct status_numbers *n, char out[STATUS_TEXT_MAX]);

/* From such lines: words for a person, or one JSON object in one line. false: they are no such lines. */
bool status_print_words(FILE *out, const char *lines);
bool status_print_json(FILE *out, const char *lines);

#endif
