/*
 * SQLite under the bare server: one table, a commit for each batch, synchronous=FULL, secure_delete=ON, pages of 16 KiB. The
 * least that keeps what was accepted and overwrites what was deleted.
 */
#ifndef BENCH_BARE_STORE_H
#define BENCH_BARE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

struct bare_message {
    struct bare_message *next;
    uint32_t queue;
    uint32_t id;
    bool stored;
    uint8_t envelope[WIRE_ENVELOPE_BYTES];
};

/* Messages of a queue from an id on, in order. */
struct bare_load {
    struct bare_load *next;
    uint32_t queue;
    uint32_t from;
    uint32_t limit;
    struct bare_message *found; /* the caller's to free */
};

/* A batch: messages to insert, rows to delete, then what to load. */
struct bare_batch {
    struct bare_message *inserts;
    struct bare_message **inserts_end;
    uint64_t *deletes;
    size_t delete_count, delete_cap;
    struct bare_load *loads;
    bool failed;
};

struct bare_store;

/* NULL if the file cannot be made. seal: envelopes are sealed (docs/protocol.md section 0.1) on their way to the file. */
struct bare_store *bare_store_open(const char *path, bool seal);
void bare_store_close(struct bare_store *s);
/* Any thread, one at a time. */
void bare_store_carry_out(struct bare_store *s, struct bare_batch *b);

uint64_t bare_key(uint32_t queue, uint32_t id);

#endif
