/*
 * The relay's folder: what stands in it, who may look into it, and who works in it.
 *
 * Every command enters the folder first and uses plain file names from then on: a socket's path may be short
 * only.
 */
#ifndef RELAY_EDGE_FOLDER_H
#define RELAY_EDGE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#define FOLDER_CONFIG "relay.conf"
#define FOLDER_CONFIG_OLD "relay.conf.restored" /* from a backup, beside one that was there */
#define FOLDER_KEY "relay.key"
#define FOLDER_DATABASE "relay.db"
#define FOLDER_SOCKET "control.sock"
#define FOLDER_LOCK "lock"
#define FOLDER_BACKED_UP "backed-up" /* empty; its time is that of the last backup */
#define FOLDER_KEYS "keys"           /* of hours; the configuration may name another place */
#define FOLDER_HOUR "hour"           /* by which the relay went last */

enum { RELAY_PK_TEXT_LEN = 43 };

/* The relay's key pair. Secret; wiped by relay_key_clear. */
struct relay_key {
    uint8_t sk[32];
    uint8_t pk[32];
};

/* Functions below print to stderr what is wrong and what to do, and return false then. */

/* Makes the folder if it is not there, and enters it. */
bool folder_create(const char *dir);
/* Enters a folder that was set up. */
bool folder_enter(const char *dir);

/* LOCKED: another instance works in this folder. The lock lasts until the process ends. */
enum folder_lock { FOLDER_LOCK_OURS, FOLDER_LOCK_THEIRS, FOLDER_LOCK_FAILED };
enum folder_lock folder_lock(void);

/* Makes a new key and writes it; an existing one is never overwritten. */
bool relay_key_create(struct relay_key *out);
bool relay_key_read(struct relay_key *out);
void relay_key_clear(struct relay_key *k);
/* base64url of the public key. */
void relay_key_text(const struct relay_key *k, char out[RELAY_PK_TEXT_LEN + 1]);

/* A new file, 0600, synced with its folder; false if it is there already or cannot be written. */
bool folder_write_new(const char *name, const void *data, size_t len);

/* Milliseconds (rounded up) that the slowest of `times` syncs of a small file took; false if it cannot be
 * written. */
bool folder_measure_sync(uint32_t times, uint32_t *slowest_ms);

#endif
