/* What the core knows of its own vault in memory, beside include/zaguan/vault.h. */
#ifndef CLIENT_VAULT_MEMORY_H
#define CLIENT_VAULT_MEMORY_H

#include <zaguan/vault.h>

/* Every entry, in no particular order, at any time. v: of zg_vault_memory. */
zg_err vault_memory_visit(zg_vault *v, zg_vault_visit visit, void *ctx);
/* Wipes every entry. No batch may wait. */
void vault_memory_wipe(zg_vault *v);

#endif
