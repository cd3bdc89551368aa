#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "relay/store/memory_engine.h"

bool table_reserve(struct table *t, size_t more)
{
    if (t->cap - t->count >= more)
        return true;
    size_t cap = (t->count + more) * 2;
    char *rows = realloc(t->rows, cap * t->row_bytes);
    if (rows == NULL)
        return false;
    t->rows = rows;
    t->cap = cap;
    return true;
}

void *table_at(const struct table *t, size_t i)
{
    return t->rows + i * t->row_bytes;
}

void table_add(struct table *t, const void *row)
{
    assert(t->count < t->cap);
    memcpy(table_at(t, t->count++), row, t->row_bytes);
}

void table_drop(struct table *t, void *row)
{
    t->count--;
    if (row != table_at(t, t->count))
        memcpy(row, table_at(t, t->count), t->row_bytes);
}

struct name_row *mem_name_row_find(struct memory_engine *e, const struct name *name)
{
    for (size_t i = 0; i < e->names.count; i++) {
        struct name_row *row = table_at(&e->names, i);
        if (name_equal(&row->named.name, name))
            return row;
    }
    return NULL;
}

struct queue_row *mem_queue_row_find(struct memory_engine *e, uint64_t id)
{
    for (size_t i = 0; i < e->queues.count; i++) {
        struct queue_row *row = table_at(&e->queues, i);
        if (row->id == id)
            return row;
    }
    return NULL;
}

struct slot_row *mem_slot_row_find(struct memory_engine *e, uint64_t id)
{
    for (size_t i = 0; i < e->slots.count; i++) {
        struct slot_row *row = table_at(&e->slots, i);
        if (row->id == id)
            return row;
    }
    return NULL;
}

struct message_row *mem_message_row_find(struct memory_engine *e, uint64_t queue, uint32_t seq)
{
    for (size_t i = 0; i < e->messages.count; i++) {
        struct message_row *row = table_at(&e->messages, i);
        if (row->queue == queue && row->seq == seq)
            return row;
    }
    return NULL;
}

struct message_row *mem_handle_row_find(struct memory_engine *e, const struct handle *handle)
{
    for (size_t i = 0; i < e->messages.count; i++) {
        struct message_row *row = table_at(&e->messages, i);
        if (memcmp(row->handle.b, handle->b, sizeof(handle->b)) == 0)
            return row;
    }
    return NULL;
}

bool mem_lives(const struct memory_engine *e, uint32_t due, uint32_t hour)
{
    return due > hour && due > e->begun;
}

uint64_t mem_passing(const struct memory_engine *e)
{
    uint64_t n = 0;
    for (size_t i = 0; i < e->slots.count; i++) {
        const struct slot_row *row = table_at(&e->slots, i);
        n += row->ttl != WIRE_TTL_LASTING;
    }
    return n;
}

bool mem_slot_lives(const struct memory_engine *e, const struct slot_row *slot, uint32_t hour)
{
    /* A lasting value is sealed under no key, and stays as long as its row. */
    return slot->ttl == WIRE_TTL_LASTING ? slot->hour > hour : mem_lives(e, slot->hour, hour);
}

void mem_add_names(struct memory_engine *e, const struct named *list, size_t count, uint64_t id)
{
    for (size_t i = 0; i < count; i++) {
        const struct name_row row = {.named = list[i], .id = id};
        table_add(&e->names, &row);
    }
}

void mem_drop_names(struct memory_engine *e, const struct named *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_drop(&e->names, mem_name_row_find(e, &list[i].name));
}

void mem_drop_message_row(struct memory_engine *e, struct message_row *row)
{
    free(row->envelope);
    table_drop(&e->messages, row);
}

void mem_drop_slot_row(struct memory_engine *e, struct slot_row *row)
{
    struct named list[NAMES_OF_SLOT];
    mem_drop_names(e, list, names_of_slot(&row->names, list));
    free(row->value);
    table_drop(&e->slots, row);
}

void mem_drop_queue_row(struct memory_engine *e, struct queue_row *row)
{
    struct named list[NAMES_OF_QUEUE_MAX];
    mem_drop_names(e, list, names_of_queue(&row->names, list));
    table_drop(&e->queues, row);
}
