/* relay.conf: one table of keys says what there is, what is allowed, and what the file says about it. */
#ifndef RELAY_EDGE_CONFIG_H
#define RELAY_EDGE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <zaguan/err.h>

#include "relay/core/limits.h"
#include "relay/edge/address.h"

enum {
    CONFIG_LISTEN_MAX = 8,
    CONFIG_PATH_MAX = 200,
    CONFIG_WEB_ADDRESSES_MAX = 700,
};

struct config {
    struct address listen[CONFIG_LISTEN_MAX];
    uint8_t listen_count;
    struct address listen_web[CONFIG_LISTEN_MAX]; /* for browsers */
    uint8_t listen_web_count;
    char page[CONFIG_PATH_MAX + 1];                   /* folder; empty: none */
    char web_addresses[CONFIG_WEB_ADDRESSES_MAX + 1]; /* HOST or HOST:PORT, with spaces between them */
    char address[ADDRESS_BYTES_MAX + 1];              /* what goes into cards; empty: not given */
    char keys[CONFIG_PATH_MAX + 1];                   /* the folder of epoch keys, from the relay's folder */
    char web_certificate[CONFIG_PATH_MAX + 1];        /* of the proxy; empty: not given */
    uint64_t disk_low_bytes;                          /* for the alarms */
    bool sandbox;                                     /* sandbox.h */
    uint32_t settle_ms;
    uint8_t ttl_ceiling;
    struct limits limits;
    struct shared_addresses shared; /* not counted by limits of one address */
};

#define CONFIG_LISTEN_DEFAULT "127.0.0.1:7443"
#define CONFIG_SHARED_DEFAULT "127.0.0.1 ::1"

/* What holds for every key that is not given. */
void config_default(struct config *c);

/*
 * Reads a file. ZG_ERR_NOT_FOUND, ZG_ERR_STORAGE (cannot be read), ZG_ERR_ARGUMENT (what it says). why gets a
 * sentence for a person; it names the line if it is about one.
 */
ZG_MUST_CHECK zg_err config_read(struct config *out, const char *path, char *why, size_t why_cap);

/*
 * Reads one value as the file would, for options of the command line. ZG_ERR_ARGUMENT; why says what is wrong
 * with it.
 */
ZG_MUST_CHECK zg_err config_set(struct config *c, const char *section, const char *key, const char *value,
                                char *why, size_t why_cap);

/* Writes a commented file with all keys; listen and address (both may be NULL) are set, the rest stands there
 * as comments. */
void config_write(FILE *out, const char *listen, const char *address);

#endif
