/* What `status` tells: numbers, never an identifier. One table for the socket, the words, the JSON and the
 * metrics. What is not as it should be is said in sentences by alarms.h. */
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

/* What who asks for the status finds out himself. */
struct status_local {
    uint64_t disk_free_bytes;
    uint64_t certificate_end_utc_s; /* 0: there is none, or it cannot be read */
};

/* Lines of "name value\n", zero-terminated. */
void status_encode(const struct status_numbers *n, char out[STATUS_TEXT_MAX]);
/* More of them, behind those of the relay. */
void status_add_local(const struct status_local *local, char lines[STATUS_TEXT_MAX]);

/* The value behind a name, digits only; false: it is not there. */
bool status_value(const char *lines, const char *name, uint64_t *out);

/* From all such lines: words for a person, one JSON object in one line, or the text format of Prometheus.
 * false: they are no such lines. */
bool status_print_words(FILE *out, const char *lines);
bool status_print_json(FILE *out, const char *lines);
bool status_print_metrics(FILE *out, const char *lines);

#endif
