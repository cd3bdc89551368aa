#include "client/core/handout.h"

#include <sodium.h>
#include <string.h>

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
