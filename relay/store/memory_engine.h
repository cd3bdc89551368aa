/* Inside of the engine in memory: its tables, rows and how they are searched. */
#ifndef RELAY_STORE_MEMORY_ENGINE_H
#define RELAY_STORE_MEMORY_ENGINE_H

#include "relay/core/store.h"
#include "relay/store/names.h"
#include "relay/store/over.h"

struct name_row {
    struct named named;
    uint64_t id; /* of the queue or slot */
    enum voucher_kind kind;
    uint32_t hour; /* of a voucher */
};

struct queue_row {
    uint64_t id;
    enum queue_kind kind;
    uint32_t ends;
    bool unanswered;
    struct stored_names names;
};

struct slot_row {
    uint64_t id;
    uint64_t version;
    uint32_t hour;
    uint32_t size;
    uint8_t *value;
    struct stored_slot_names names;
    uint8_t ttl;
};

struct message_row {
    uint64_t queue;
    uint32_t seq;
    uint32_t hour;
    bool marked;
    struct handle handle;
    uint8_t *envelope;
};

struct mark_row {
    uint32_t day;
    struct handle handle;
};

/* An array of rows of one size. */
struct table {
    char *rows;
    size_t row_bytes;
    size_t count;
    size_t cap;
};

struct memory_engine {
    struct engine engine;
    struct table names, queues, slots, messages, marks;
    uint32_t begun; /* the highest hour of a purge: what is over with it stays so whatever the clock says */
    uint32_t fail_every;
    uint32_t jobs;
};

/* --- memory_rows.c: linear searches answer NULL if there is no such row --- */

bool table_reserve(struct table *t, size_t more);
void *table_at(const struct table *t, size_t i);
/* Room was reserved. */
void table_add(struct table *t, const void *row);
/* Moves the last row into its place. */
void table_drop(struct table *t, void *row);

struct name_row *mem_name_row_find(struct memory_engine *e, const struct name *name);
struct queue_row *mem_queue_row_find(struct memory_engine *e, uint64_t id);
struct slot_row *mem_slot_row_find(struct memory_engine *e, uint64_t id);
struct message_row *mem_message_row_find(struct memory_engine *e, uint64_t queue, uint32_t seq);
struct message_row *mem_handle_row_find(struct memory_engine *e, const struct handle *handle);

/* Whether something that expires with the beginning of `due` is still there at `hour`. */
bool mem_lives(const struct memory_engine *e, uint32_t due, uint32_t hour);
/* Slots that are not lasting. */
uint64_t mem_passing(const struct memory_engine *e);
bool mem_slot_lives(const struct memory_engine *e, const struct slot_row *slot, uint32_t hour);

void mem_add_names(struct memory_engine *e, const struct named *list, size_t count, uint64_t id);
void mem_drop_names(struct memory_engine *e, const struct named *list, size_t count);
void mem_drop_message_row(struct memory_engine *e, struct message_row *row);
void mem_drop_slot_row(struct memory_engine *e, struct slot_row *row);
/* Its names and the row; messages are the caller's. */
void mem_drop_queue_row(struct memory_engine *e, struct queue_row *row);

/* --- memory_write.c --- */

/*
 * One write. *spare is an allocated copy of its envelope or value, NULL if it has none; it is set to NULL if
 * it was taken.
 */
enum outcome mem_carry_out(struct memory_engine *e, struct store_write *w, uint32_t hour, uint8_t **spare);

/* --- memory_purge.c: what is over, and what became of it --- */

zg_err mem_purge(struct memory_engine *e, struct store_job *job);
zg_err mem_status(struct memory_engine *e, struct store_job *job);

#endif
