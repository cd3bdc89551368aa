/* Vaults in a scratch folder: opening, writing, and looking at what is in them. A mistake fails the test. */
#ifndef TESTS_VAULT_KIT_H
#define TESTS_VAULT_KIT_H

#include <stddef.h>
#include <stdint.h>

#include "client/sqlite/vault_file.h"
#include "tests/unit/vault/scratch.h"

extern const char passphrase[22];

/* With little memory and time for the passphrase. */
zg_err open_as(zg_vault **out, const struct scratch *s, enum zg_vault_sqlite_mode mode, const char *words);
zg_vault *open_ok(const struct scratch *s, enum zg_vault_sqlite_mode mode);

/* --- batches --- */

struct job {
    zg_vault_batch batch; /* first */
    zg_vault_write writes[4];
    int done; /* how often */
    zg_err err;
    int order;
};

extern int jobs_finished; /* in all of a test */

void job_done(zg_vault_batch *b, zg_err err);
/* An entry whose key is 24 times name; value NULL: deleted. */
void job_add(struct job *j, uint8_t name, const void *value, size_t len);
/* One write in a batch of its own. */
zg_err store(zg_vault *v, uint8_t name, const void *value, size_t len);

/* --- what is in a vault --- */

struct content {
    size_t len[256];
    uint8_t first[256];
    int count;
    zg_err err;
    int done;
};

/* As done of a load, with a content. */
void content_loaded(void *ctx, zg_err err);
void load(zg_vault *v, struct content *c);
/* Opens, loads, closes. */
void has_entries(const struct scratch *s, int count);

#endif
