#include "client/core/handout.h"

#include <sodium.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"

enum { CHECK_BYTES = 4, VOUCHER_BYTES = WIRE_SECRET_BYTES + CHECK_BYTES };

static zg_err decode(uint8_t *out, size_t len, const char *text)
{
    size_t got;
    const char *end;
    size_t text_len = strlen(text);
    if (sodium_base642bin(out, len, text, text_len, NULL, &got, &end,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return ZG_ERR_MALFORMED;
    return got == len && end == text + text_len ? ZG_OK : ZG_ERR_MALFORMED;
}

zg_err relay_place_parse(struct relay_place *out, const char *text)
{
    struct relay_place place;
    char host[CARD_ADDRESS_BYTES_MAX + 1];
    uint16_t port;
    const char *slash = strchr(text, '/');

    if (slash == NULL || (size_t)(slash - text) > CARD_ADDRESS_BYTES_MAX)
        return ZG_ERR_MALFORMED;
    memset(&place, 0, sizeof(place));
    place.count = 1;
    memcpy(place.address[0], text, (size_t)(slash - text));
    if (address_split(place.address[0], host, &port) != ZG_OK)
        return ZG_ERR_MALFORMED;
    zg_err err = decode(place.pk, sizeof(place.pk), slash + 1);
    if (err == ZG_OK)
        *out = place;
    return err;
}

zg_err voucher_parse(struct secret *out, const char *text)
{
    uint8_t bytes[VOUCHER_BYTES];
    uint8_t check[32];

    zg_err err = decode(bytes, sizeof(bytes), text);
    if (err == ZG_OK) {
        const struct span parts[] = {SPAN_LABEL(LABEL_VOUCHER_CHECK), {bytes, WIRE_SECRET_BYTES}};
        kdf_blake2b(check, sizeof(check), NULL, parts, 2);
        err = sodium_memcmp(check, bytes + WIRE_SECRET_BYTES, CHECK_BYTES) == 0 ? ZG_OK : ZG_ERR_MALFORMED;
    }
    if (err == ZG_OK)
        memcpy(out->b, bytes, WIRE_SECRET_BYTES);
    sodium_memzero(bytes, sizeof(bytes));
    sodium_memzero(check, sizeof(check));
    return err;
}
