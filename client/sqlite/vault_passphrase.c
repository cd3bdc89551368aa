/* Another passphrase for a vault: a new vault key in a new box, and the root sealed under it, in one
 * transaction. */
#include <zaguan/vault_sqlite.h>

#include "client/sqlite/vault_file.h"

zg_err vault_sqlite_passphrase_with(const struct vault_file_options *options, struct span passphrase)
{
    struct vault_file f;
    if (passphrase.len < BOX_PASSPHRASE_MIN)
        return ZG_ERR_ARGUMENT;
    zg_err err = vault_file_open(&f, options);
    if (err != ZG_OK)
        return err;
    err = vault_file_begin(&f);
    if (err == ZG_OK)
        err = vault_file_rekey(&f, passphrase, options->cost);
    if (err == ZG_OK)
        err = vault_file_commit(&f);
    vault_file_close(&f); /* rolls back what was begun */
    return err;
}

zg_err zg_vault_sqlite_passphrase(const char *path, const char *old, size_t old_len, const char *passphrase,
                                  size_t len)
{
    if (path == NULL || old == NULL || passphrase == NULL)
        return ZG_ERR_ARGUMENT;
    return vault_sqlite_passphrase_with(
        &(struct vault_file_options){
            .path = path,
            .mode = ZG_VAULT_OPEN,
            .passphrase = {(const uint8_t *)old, old_len},
            .cost = box_cost_default(),
        },
        (struct span){(const uint8_t *)passphrase, len});
}
