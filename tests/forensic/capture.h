/*
 * What a relay and a vault hold now, read from copies of their files, so that it can be looked for later. Mistakes end the
 * program.
 */
#ifndef TESTS_FORENSIC_CAPTURE_H
#define TESTS_FORENSIC_CAPTURE_H

#include "tests/forensic/scan.h"

#define WHAT_SEALED "sealed envelope"
#define WHAT_ENVELOPE "envelope"
#define WHAT_HANDLE "handle's hash"
#define WHAT_EPOCH_KEY "epoch key"
#define WHAT_ENTRY "sealed entry"
#define WHAT_ENTRY_WORDS "words and keys of an entry"

/* Messages that wait in the relay's folder: sealed, open, handles; and its epoch keys. How many messages. */
size_t capture_relay(struct wanted *w, const char *relay_dir);
/* Entries of a vault that no program has open, sealed and open. How many. */
size_t capture_vault(struct wanted *w, const char *vault, const char *passphrase);
/* What the vault still holds is taken out of the list. */
void capture_keep(struct wanted *w, const char *vault, const char *passphrase);

#endif
