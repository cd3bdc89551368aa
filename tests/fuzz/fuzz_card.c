/*
 * A card that somebody typed, scanned or was sent. The first byte says how the rest is used: as text; as the
 * bytes of a card, with a right check put behind them, so that what is inside is reached; as an address. What
 * was read and is written again must be read as the same.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/card.h"
#include "proto/kdf.h"
#include "proto/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
    if (!ok)
        abort();
}

static void check_text(const char *text, size_t len)
{
    struct card c;
    struct card again;
    char out[CARD_TEXT_BYTES_MAX];
    char host[CARD_ADDRESS_BYTES_MAX + 1];
    uint16_t port;

    memset(&c, 0x5a, sizeof(c));
    const struct card before = c;
    if (card_parse(&c, text, len) != ZG_OK) {
        must(memcmp(&c, &before, sizeof(c)) == 0);
        return;
    }
    must(c.count >= 1 && c.count <= CARD_ADDRESSES_MAX);
    for (uint8_t i = 0; i < c.count; i++)
        must(address_split(c.address[i], host, &port) == ZG_OK && port != 0 && host[0] != '\0');
    must(card_text(&c, "zaguan:", out, sizeof(out)) == ZG_OK);
    must(card_parse(&again, out, strlen(out)) == ZG_OK);
    must(memcmp(&c, &again, sizeof(c)) == 0);
}

static void check_bytes(const uint8_t *data, size_t size)
{
    uint8_t bytes[512];
    char text[CARD_TEXT_BYTES_MAX] = "zaguan:";
    uint8_t hash[32];
    const struct span parts[] = {SPAN_LABEL(LABEL_CARD_CHECK), {data, size}};
    if (size > sizeof(bytes) - 4)
        return;
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 2);
    if (size > 0)
        memcpy(bytes, data, size);
    memcpy(bytes + size, hash, 4);
    sodium_bin2base64(text + 7, sizeof(text) - 7, bytes, size + 4, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    check_text(text, strlen(text));
}

static void check_address(const uint8_t *data, size_t size)
{
    char address[CARD_ADDRESS_BYTES_MAX + 1] = {0};
    char host[CARD_ADDRESS_BYTES_MAX + 1];
    uint16_t port;
    if (size > CARD_ADDRESS_BYTES_MAX)
        return;
    if (size > 0)
        memcpy(address, data, size);
    if (address_split(address, host, &port) == ZG_OK)
        must(port != 0 && strlen(host) > 0 && strlen(host) < strlen(address));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        check_text((const char *)data + 1, size - 1);
        break;
    case 1:
        check_bytes(data + 1, size - 1);
        break;
    default:
        check_address(data + 1, size - 1);
    }
    return 0;
}
