/* A vault in one SQLite file, sealed under a key from a passphrase (Argon2id). For outreach workers' devices. */
#ifndef ZAGUAN_VAULT_SQLITE_H
#define ZAGUAN_VAULT_SQLITE_H

#include <zaguan/vault.h>

#ifdef __cplusplus
extern "C" {
#endif

enum zg_vault_sqlite_mode { ZG_VAULT_OPEN = 0, ZG_VAULT_CREATE = 1 };

/*
 * Opens an existing file or creates a new one (mode 0600; ZG_ERR_CONFLICT if it exists). The passphrase is len bytes
 * (at least 8 when created: else ZG_ERR_ARGUMENT), borrowed until return; it takes about half a second and 64 MiB.
 * ZG_ERR_PASSPHRASE; ZG_ERR_LOCKED: another program has it open; ZG_ERR_MALFORMED: not a vault, or damaged; ZG_ERR_VERSION: made
 * by a newer version; ZG_ERR_NOT_FOUND; ZG_ERR_STORAGE. The caller closes with (*out)->close.
 */
ZG_API ZG_MUST_CHECK zg_err zg_vault_sqlite_open(zg_vault **out, const char *path,
                                                 enum zg_vault_sqlite_mode mode, const char *passphrase,
                                                 size_t len);

#ifdef __cplusplus
}
#endif

#endif
