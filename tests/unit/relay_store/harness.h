/* What the tests of the store share: a folder, an engine in it, jobs made short. */
#ifndef TESTS_RELAY_STORE_HARNESS_H
#define TESTS_RELAY_STORE_HARNESS_H

#include "relay/core/store.h"

struct place {
    char dir[64];
    char db[96];
    struct key_place *keys; /* NULL: files beside the database; else the test's */
};

void place_make(struct place *p);
void place_remove(struct place *p);

/* Opens p's database; ends the test if it cannot be opened. vfs NULL: the system's. */
struct engine *place_open(const struct place *p, const char *vfs);

/* Names and handles from small numbers: all that differ do so in their first bytes. */
struct name name_number(uint32_t n);
struct handle handle_number(uint32_t n);
/* Names of a conversation queue: n, n + 1, n + 2, n + 3. */
struct stored_names names_from(uint32_t n);

/* One write in one job. */
zg_err write_one(struct engine *e, struct store_write *w, uint32_t hour);
zg_err find_name(struct engine *e, uint32_t n, uint32_t hour, struct found *out);
struct counts count_all(struct engine *e);

/* Ready-made things; each asserts that it worked. */
void give_voucher(struct engine *e, enum voucher_kind kind, uint32_t name, uint32_t hour);
void make_queue(struct engine *e, enum queue_kind kind, uint64_t id, uint32_t names);
enum outcome put_message(struct engine *e, uint64_t queue, uint32_t seq, uint32_t handle, uint32_t hour,
                         uint8_t fill);

#endif
