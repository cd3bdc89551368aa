#include "client/core/card.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"
#include "proto/wire.h"

enum {
    CHECK_BYTES = 4,
    VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

static const char prefix_own[] = "zaguan:";
static const char prefix_web[] = "https://";

/* --- the bytes of a card --- */

static void card_check(uint8_t out[CHECK_BYTES], const uint8_t *before, size_t len)
{
    uint8_t hash[32];
    const struct span parts[] = {SPAN_LABEL(LABEL_CARD_CHECK), {before, len}};
    kdf_blake2b(hash, sizeof(hash), NULL, parts, 2);
    memcpy(out, hash, CHECK_BYTES);
}

static bool check_right(const uint8_t *bytes, size_t len)
{
    uint8_t check[CHECK_BYTES];
    if (len < CHECK_BYTES)
        return false;
    card_check(check, bytes, len - CHECK_BYTES);
    return memcmp(check, bytes + len - CHECK_BYTES, CHECK_BYTES) == 0;
}

/* A zero within an address would hide what stands behind it. */
static zg_err read_addresses(struct card *c, struct reader *r)
{
    for (uint8_t i = 0; i < c->count; i++) {
        uint8_t len = reader_u8(r);
        if (len > CARD_ADDRESS_BYTES_MAX)
            return ZG_ERR_MALFORMED;
        reader_copy(r, c->address[i], len);
        if (r->bad)
            return ZG_ERR_TRUNCATED;
        if (memchr(c->address[i], '\0', len) != NULL)
            return ZG_ERR_MALFORMED;
    }
    return ZG_OK;
}

static bool addresses_ok(const struct card *c)
{
    char host[CARD_ADDRESS_BYTES_MAX + 1];
    uint16_t port;
    for (uint8_t i = 0; i < c->count; i++)
        if (address_split(c->address[i], host, &port) != ZG_OK)
            return false;
    return true;
}

/*
 * Damage is told from a newer card: the check stands at the end of every version's card (section 5.1), so it
 * comes before the version.
 */
static zg_err read_card(struct card *c, const uint8_t *bytes, size_t len)
{
    struct reader r;
    reader_init(&r, bytes, len);
    uint8_t version = reader_u8(&r);
    uint8_t suite = reader_u8(&r);
    if (r.bad)
        return ZG_ERR_TRUNCATED;
    if (version != WIRE_VERSION || suite != WIRE_SUITE)
        return check_right(bytes, len) ? ZG_ERR_VERSION : ZG_ERR_MALFORMED;

    c->count = reader_u8(&r);
    if (r.bad)
        return ZG_ERR_TRUNCATED;
    if (c->count == 0 || c->count > CARD_ADDRESSES_MAX)
        return ZG_ERR_MALFORMED;
    zg_err err = read_addresses(c, &r);
    if (err != ZG_OK)
        return err;
    reader_copy(&r, c->relay_pk, sizeof(c->relay_pk));
    reader_copy(&r, c->card_key, sizeof(c->card_key));
    reader_copy(&r, c->organisation, sizeof(c->organisation));
    reader_take(&r, CHECK_BYTES);
    if (r.bad)
        return ZG_ERR_TRUNCATED;
    if (r.left > 0 || !check_right(bytes, len) || !addresses_ok(c))
        return ZG_ERR_MALFORMED;
    return ZG_OK;
}

/* --- its text --- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* A phone's keyboard may have written "Https" or "ZAGUAN". */
static bool starts_with(const char *text, size_t len, const char *prefix)
{
    size_t n = strlen(prefix);
    if (len < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(text[i]) != prefix[i])
            return false;
    return true;
}

/* Cuts white space and prefix off. */
static zg_err strip(const char **text, size_t *len)
{
    const char *t = *text;
    size_t n = *len;

    while (n > 0 && is_space(t[0])) {
        t++;
        n--;
    }
    while (n > 0 && is_space(t[n - 1]))
        n--;
    if (n > CARD_TEXT_BYTES_MAX - 1)
        return ZG_ERR_MALFORMED;
    if (starts_with(t, n, prefix_own)) {
        size_t used = sizeof(prefix_own) - 1;
        *text = t + used;
        *len = n - used;
        return ZG_OK;
    }
    if (starts_with(t, n, prefix_web)) {
        const char *hash = memchr(t, '#', n);
        if (hash == NULL)
            return ZG_ERR_TRUNCATED;
        if (hash == t + sizeof(prefix_web) - 1)
            return ZG_ERR_MALFORMED;
        *text = hash + 1;
        *len = n - (size_t)(hash + 1 - t);
        return ZG_OK;
    }
    return n == 0 ? ZG_ERR_TRUNCATED : ZG_ERR_MALFORMED;
}

static bool in_alphabet(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = lower(text[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return false;
    }
    return true;
}

/*
 * base64url without padding, in its only form. What was cut within a group of four characters does not
 * decode, but it is told as cut and not as damaged: the whole groups before it end too early as well.
 */
static zg_err decode(uint8_t *out, size_t cap, size_t *len, bool *cut, const char *text, size_t text_len)
{
    const char *end;
    *cut = false;
    if (!in_alphabet(text, text_len))
        return ZG_ERR_MALFORMED;
    if (sodium_base642bin(out, cap, text, text_len, NULL, len, &end, VARIANT) == 0 && end == text + text_len)
        return ZG_OK;
    *cut = true;
    text_len -= text_len % 4;
    if (sodium_base642bin(out, cap, text, text_len, NULL, len, &end, VARIANT) == 0 && end == text + text_len)
        return ZG_OK;
    return ZG_ERR_MALFORMED;
}

zg_err card_parse(struct card *out, const char *text, size_t len)
{
    struct card c = {0};
    uint8_t bytes[CARD_BYTES_MAX];
    size_t bytes_len;
    bool cut;

    zg_err err = strip(&text, &len);
    if (err == ZG_OK)
        err = decode(bytes, sizeof(bytes), &bytes_len, &cut, text, len);
    if (err != ZG_OK)
        return err;
    err = read_card(&c, bytes, bytes_len);
    if (err == ZG_OK && cut)
        err = ZG_ERR_MALFORMED;
    if (err == ZG_OK)
        *out = c;
    card_clear(&c);
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

zg_err card_text(const struct card *c, const char *prefix, char *out, size_t cap)
{
    uint8_t bytes[CARD_BYTES_MAX];
    struct writer w;
    zg_err err = ZG_ERR_TOO_LARGE;
    size_t prefix_len = strlen(prefix);

    assert(c->count >= 1 && c->count <= CARD_ADDRESSES_MAX);
    writer_init(&w, bytes, sizeof(bytes));
    writer_u8(&w, WIRE_VERSION);
    writer_u8(&w, WIRE_SUITE);
    writer_u8(&w, c->count);
    for (uint8_t i = 0; i < c->count; i++) {
        size_t len = strlen(c->address[i]);
        assert(len <= CARD_ADDRESS_BYTES_MAX);
        writer_u8(&w, (uint8_t)len);
        writer_put(&w, c->address[i], len);
    }
    writer_put(&w, c->relay_pk, sizeof(c->relay_pk));
    writer_put(&w, c->card_key, sizeof(c->card_key));
    writer_put(&w, c->organisation, sizeof(c->organisation));
    size_t before = w.len;
    uint8_t *check = writer_reserve(&w, CHECK_BYTES);
    assert(check != NULL);
    card_check(check, bytes, before);

    if (prefix_len < cap && sodium_base64_ENCODED_LEN(w.len, VARIANT) <= cap - prefix_len) {
        memcpy(out, prefix, prefix_len);
        sodium_bin2base64(out + prefix_len, cap - prefix_len, bytes, w.len, VARIANT);
        err = ZG_OK;
    }
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}

void card_secrets(const struct card *c, struct secret *read, uint8_t bundle_key[32])
{
    uint8_t out[2 * 32];
    const struct span info = SPAN_LABEL(LABEL_CARD);
    kdf_hkdf(out, sizeof(out), NULL, 0, c->card_key, sizeof(c->card_key), &info, 1);
    memcpy(read->b, out, 32);
    memcpy(bundle_key, out + 32, 32);
    sodium_memzero(out, sizeof(out));
}

void card_clear(struct card *c)
{
    sodium_memzero(c, sizeof(*c));
}

/* --- addresses --- */

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool name_character(char c)
{
    return digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '.' || c == '-' || c == '_';
}

static bool v6_character(char c)
{
    return digit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == '.' || c == ':';
}

/* 1 to 65535 in its shortest form. */
static bool read_port(const char *text, uint16_t *port)
{
    uint32_t v = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 5 || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!digit(text[i]))
            return false;
        v = 10 * v + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)v;
    return v <= UINT16_MAX;
}

zg_err address_split(const char *address, char *host, uint16_t *port)
{
    bool v6 = address[0] == '[';
    const char *from = v6 ? address + 1 : address;
    const char *to = v6 ? strchr(from, ']') : strchr(from, ':');
    uint16_t p;

    if (to == NULL || to == from || (size_t)(to - from) > CARD_ADDRESS_BYTES_MAX)
        return ZG_ERR_MALFORMED;
    for (const char *at = from; at < to; at++)
        if (v6 ? !v6_character(*at) : !name_character(*at))
            return ZG_ERR_MALFORMED;
    if (v6 && memchr(from, ':', (size_t)(to - from)) == NULL)
        return ZG_ERR_MALFORMED;
    const char *colon = v6 ? to + 1 : to;
    if (*colon != ':' || !read_port(colon + 1, &p))
        return ZG_ERR_MALFORMED;
    memcpy(host, from, (size_t)(to - from));
    host[to - from] = '\0';
    *port = p;
    return ZG_OK;
}
