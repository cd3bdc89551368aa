/*
 * One transaction on its way to the store: writes, and for each of them who is told what became of it. Rows
 * that are to be deleted (acknowledged messages) go along with whatever commit comes next.
 */
#ifndef RELAY_CORE_COMMIT_H
#define RELAY_CORE_COMMIT_H

#include <stddef.h>

#include "relay/core/store.h"

struct relay;

/* result is the job's; if it is not ZG_OK the outcome means nothing. */
typedef void commit_done(struct relay *r, void *owner, const struct store_write *w, zg_err result);

struct commit_item {
    commit_done *done;
    void *owner;
};

struct commit {
    struct store_job job;
    struct relay *relay;
    void (*after)(struct relay *r, zg_err result); /* when every item was told; may be NULL */
    struct commit_item *items;
    size_t room;
    struct store_write writes[];
};

/* Room for that many writes beside the rows to be deleted, which are in it already. NULL: no memory. */
struct commit *commit_new(struct relay *r, size_t writes);
/* A zeroed write to be filled in; room was asked for. */
struct store_write *commit_add(struct commit *c, enum write_kind kind, commit_done *done, void *owner);
size_t commit_count(const struct commit *c);
/* Takes c. */
void commit_submit(struct commit *c, void (*after)(struct relay *r, zg_err result));

#endif
