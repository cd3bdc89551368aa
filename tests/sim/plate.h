/*
 * A disk in memory, as a VFS of SQLite: files that know what of them was synced.
 *
 * A power cut comes before a write, sync, truncation or deletion that was chosen by the seed. From then on everything
 * fails. When the power is back, what was synced is there; of what was not, some is there, some is not, and some sectors
 * of a write are and others are not.
 */
#ifndef TESTS_SIM_PLATE_H
#define TESTS_SIM_PLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/rng.h"

struct plate;
struct plate_copy;

enum { PLATE_SECTOR = 512 };

/* Registers itself as the VFS of this name (borrowed); rng is borrowed. One at a time for each name. */
struct plate *plate_open(const char *vfs, const struct rng *rng);
void plate_close(struct plate *p); /* no file may be open */

/* The power fails before the n-th operation from now on (1: the next); 0: not. */
void plate_cut_after(struct plate *p, uint32_t operations);
bool plate_is_out(const struct plate *p);
/* An operation of something else that lies there; false: the power is gone before it. */
bool plate_step(struct plate *p);
bool plate_is_full(const struct plate *p);
/* After a cut, and every file closed: the files become what is left of them. */
void plate_power_on(struct plate *p);
/* While it is full, files do not grow. */
void plate_fill(struct plate *p, bool full);
/* What was synced does not survive a cut either: a disk that lies. For plants. */
void plate_lies(struct plate *p, bool lies);

/* The files as they are now, and back to that. No file may be open when they are put back. */
struct plate_copy *plate_copy(const struct plate *p);
void plate_put_back(struct plate *p, const struct plate_copy *copy);
void plate_copy_free(struct plate_copy *copy); /* NULL-safe */

/* Every byte of every file; stops and answers true when visit does. */
bool plate_scan(const struct plate *p, bool (*visit)(void *ctx, const uint8_t *bytes, size_t len), void *ctx);

#endif
