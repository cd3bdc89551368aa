/*
 * The file that a relay's backup is, and a new database from it.
 *
 * Making one: JOB_BACKUP in slices (store.h); the engine creates the file with mode 0600 and syncs it and its
 * folder with the last slice. It holds queues, vouchers that are not spent, lasting slots, and the blobs of
 * the first slice: what must travel with them, such as the relay's key. With BACKUP_EVERYTHING also messages
 * and other slots as they lie on disk, and the keys that open them. A backup that failed, or was begun anew,
 * or whose engine was closed, leaves no file; one whose process died leaves a file that cannot be opened as a
 * backup.
 *
 * Reading one: backup_open, backup_blob, backup_restore, backup_close. Nothing is trusted before it was
 * checked: a file that is foreign, damaged, unfinished or of a newer version is refused with a sentence.
 */
#ifndef RELAY_STORE_BACKUP_H
#define RELAY_STORE_BACKUP_H

#include "relay/core/store.h"
#include "relay/store/sqlite.h"

enum { BACKUP_BLOB_MAX = 1 << 20 };

struct backup;

/* ZG_ERR_STORAGE, ZG_ERR_VERSION, ZG_ERR_MEMORY; *why gets a sentence for a person. */
ZG_MUST_CHECK zg_err backup_open(struct backup **out, const char *path, char *why, size_t why_cap);
void backup_close(struct backup *b); /* NULL-safe */

enum backup_scope backup_scope(const struct backup *b);
/* *out is malloc'd, the caller wipes and frees it. ZG_ERR_NOT_FOUND: there is none of this name. */
ZG_MUST_CHECK zg_err backup_blob(struct backup *b, const char *name, uint8_t **out, size_t *len);

/*
 * Makes the database of `to` and, with BACKUP_EVERYTHING, its keys; neither may be there yet. The engine is
 * closed again. On failure no database is left. *counts (may be NULL): what it holds now.
 */
ZG_MUST_CHECK zg_err backup_restore(struct backup *b, const struct sqlite_options *to, struct counts *counts,
                                    char *why, size_t why_cap);

#endif
