/* A vault in one SQLite file, sealed under a key from a passphrase (Argon2id). For outreach workers' devices.
 */
#ifndef ZAGUAN_VAULT_SQLITE_H
#define ZAGUAN_VAULT_SQLITE_H

#include <zaguan/vault.h>

#ifdef __cplusplus
extern "C" {
#endif

enum zg_vault_sqlite_mode { ZG_VAULT_OPEN = 0, ZG_VAULT_CREATE = 1 };

/*
 * Opens an existing file or creates a new one (mode 0600; ZG_ERR_CONFLICT if it exists). The passphrase is
 * len bytes (at least 8 when created: else ZG_ERR_ARGUMENT), borrowed until return; it takes about half a
 * second and 64 MiB. ZG_ERR_PASSPHRASE; ZG_ERR_LOCKED: another program has it open; ZG_ERR_MALFORMED: not a
 * vault, or damaged; ZG_ERR_VERSION: made by a newer version; ZG_ERR_NOT_FOUND; ZG_ERR_STORAGE. The caller
 * closes with (*out)->close.
 *
 * A vault of an older version becomes one of this version here, wholly or, if something fails, not at all.
 */
ZG_API ZG_MUST_CHECK zg_err zg_vault_sqlite_open(zg_vault **out, const char *path,
                                                 enum zg_vault_sqlite_mode mode, const char *passphrase,
                                                 size_t len);

/*
 * Changes the passphrase of a vault that nobody has open: from then on, copies of the file made before open
 * with the old one only, and the file with the new one only. Errors as above, ZG_ERR_PASSPHRASE about the old
 * one, ZG_ERR_ARGUMENT if the new one has less than 8 bytes. After ZG_ERR_STORAGE one of the two opens it,
 * and everything is there. It takes about a second.
 */
ZG_API ZG_MUST_CHECK zg_err zg_vault_sqlite_passphrase(const char *path, const char *old, size_t old_len,
                                                       const char *passphrase, size_t len);

/*
 * Erases a vault that nobody has open (this process neither): its keys are overwritten first, then everything
 * else, then the files go; all of it is synced on return. To have the file is enough; the passphrase is not
 * needed. Flash memory, file systems that copy what they change, snapshots and backups may keep older blocks:
 * who has such a block and the passphrase can read what stood in it.
 *
 * ZG_ERR_NOT_FOUND; ZG_ERR_LOCKED: another program has it open; ZG_ERR_MALFORMED: it does not begin like a
 * vault, and was not touched; ZG_ERR_STORAGE: not everything could be overwritten or removed, try again.
 */
ZG_API ZG_MUST_CHECK zg_err zg_vault_sqlite_wipe(const char *path);

#ifdef __cplusplus
}
#endif

#endif
