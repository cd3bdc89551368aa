#include "proto/voucher.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"

enum {
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    BYTES = WIRE_SECRET_BYTES + VOUCHER_CHECK_BYTES,
};

_Static_assert(VOUCHER_TEXT_LEN == BYTES / 3 * 4 && BYTES % 3 == 0, "base64 without a remainder");

/* Finds mistakes of copying; says nothing about whether the voucher is good. */
static void voucher_check(uint8_t out[VOUCHER_CHECK_BYTES], const uint8_t secret[WIRE_SECRET_BYTES])
{
    uint8_t hash[32];
    const struct span parts[] = {SPAN_LABEL(LABEL_VOUCHER_CHECK), {secret, WIRE_SECRET_BYTES}};
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 2);
    memcpy(out, hash, VOUCHER_CHECK_BYTES);
    sodium_memzero(hash, sizeof(hash));
}

void voucher_text(const uint8_t secret[WIRE_SECRET_BYTES], char out[VOUCHER_TEXT_LEN + 1])
{
    uint8_t bytes[BYTES];
    memcpy(bytes, secret, WIRE_SECRET_BYTES);
    voucher_check(bytes + WIRE_SECRET_BYTES, secret);
    sodium_bin2base64(out, VOUCHER_TEXT_LEN + 1, bytes, sizeof(bytes), VARIANT);
    sodium_memzero(bytes, sizeof(bytes));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

zg_err voucher_parse(uint8_t out[WIRE_SECRET_BYTES], const char *text, size_t len)
{
    uint8_t bytes[BYTES], check[VOUCHER_CHECK_BYTES];
    size_t got = 0;
    const char *end = NULL;
    zg_err err = ZG_ERR_MALFORMED;

    while (len > 0 && is_space(text[0])) {
        text++;
        len--;
    }
    while (len > 0 && is_space(text[len - 1]))
        len--;
    if (len < VOUCHER_TEXT_LEN)
        return ZG_ERR_TRUNCATED;
    if (len > VOUCHER_TEXT_LEN)
        return ZG_ERR_MALFORMED;
    if (sodium_base642bin(bytes, sizeof(bytes), text, len, NULL, &got, &end, VARIANT) != 0 ||
        end != text + len || got != sizeof(bytes))
        goto out;
    voucher_check(check, bytes);
    if (sodium_memcmp(check, bytes + WIRE_SECRET_BYTES, sizeof(check)) != 0)
        goto out;
    memcpy(out, bytes, WIRE_SECRET_BYTES);
    err = ZG_OK;
out:
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}
