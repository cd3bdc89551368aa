/* The organisation's secret in a file of its own, in a passphrase box. */
#ifndef CLIENT_CLI_ORGANISATION_FILE_H
#define CLIENT_CLI_ORGANISATION_FILE_H

#include <zaguan/client.h>

#include "client/cli/prompt.h"

/* Writes a new file, mode 0600, synced. ZG_ERR_CONFLICT: there is one; ZG_ERR_STORAGE, ZG_ERR_MEMORY. */
ZG_MUST_CHECK zg_err organisation_file_create(const char *path, const zg_organisation *o,
                                              const struct secret_line *passphrase);
/* ZG_ERR_NOT_FOUND, ZG_ERR_MALFORMED, ZG_ERR_VERSION, ZG_ERR_PASSPHRASE, ZG_ERR_STORAGE. */
ZG_MUST_CHECK zg_err organisation_file_open(zg_organisation **out, const char *path,
                                            const struct secret_line *passphrase);

/* Copies the file as it is, sealed, to a new name. Errors of both above; ZG_ERR_PASSPHRASE: it was not copied. */
ZG_MUST_CHECK zg_err organisation_file_copy(const char *from, const char *to, const struct secret_line *passphrase);

/* Asks for the passphrase and opens; says what was wrong. An exit code. */
int organisation_file_load(zg_organisation **out, const char *path, int passphrase_fd);

#endif
