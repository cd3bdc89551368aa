/* The contact card; docs/protocol.md section 5.1. */
#ifndef CLIENT_CARD_H
#define CLIENT_CARD_H

#include <stddef.h>
#include <stdint.h>

#include <zaguan/err.h>

#include "proto/bytes.h"
#include "proto/secret.h"

enum {
    CARD_ADDRESSES_MAX = 2,
    CARD_ADDRESS_BYTES_MAX = 80,
    CARD_BYTES_MAX = 3 + CARD_ADDRESSES_MAX * (1 + CARD_ADDRESS_BYTES_MAX) + 3 * 32 + 4,
    CARD_TEXT_BYTES_MAX = 1024, /* with its prefix and a terminating zero */
};

struct card {
    uint8_t count;
    char address[CARD_ADDRESSES_MAX][CARD_ADDRESS_BYTES_MAX + 1]; /* host:port */
    uint8_t relay_pk[32];
    uint8_t card_key[32]; /* secret: who has it can read the bundle */
    uint8_t organisation[32];
};

/*
 * Reads "zaguan:..." or "https://host/path#...", with white space around it ignored. Errors say what is wrong with it:
 * ZG_ERR_TRUNCATED (too short), ZG_ERR_MALFORMED (damaged, not a card), ZG_ERR_VERSION.
 */
ZG_MUST_CHECK zg_err card_parse(struct card *out, const char *text, size_t len);

/* prefix: "zaguan:" or "https://host/#". ZG_ERR_TOO_LARGE if cap is too small. Zero-terminated. */
ZG_MUST_CHECK zg_err card_text(const struct card *c, const char *prefix, char *out, size_t cap);

/* Read secret of the bundle's slot and the bundle's key. */
void card_secrets(const struct card *c, struct secret *read, uint8_t bundle_key[32]);

/*
 * Splits "host:port" or "[v6]:port": ZG_ERR_MALFORMED if it is neither. host holds CARD_ADDRESS_BYTES_MAX + 1.
 */
ZG_MUST_CHECK zg_err address_split(const char *address, char *host, uint16_t *port);

void card_clear(struct card *c);

#endif
