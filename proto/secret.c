#include "proto/secret.h"

#include <assert.h>
#include <string.h>

#include "proto/kdf.h"
#include "proto/labels.h"

static const struct span role_labels[] = {
    [ROLE_PUT] = SPAN_LABEL(LABEL_NAME_PUT),           [ROLE_TAKE] = SPAN_LABEL(LABEL_NAME_TAKE),
    [ROLE_OWN] = SPAN_LABEL(LABEL_NAME_OWN),           [ROLE_END] = SPAN_LABEL(LABEL_NAME_END),
    [ROLE_READ] = SPAN_LABEL(LABEL_NAME_READ),         [ROLE_WRITE] = SPAN_LABEL(LABEL_NAME_WRITE),
    [ROLE_SLOT_OWN] = SPAN_LABEL(LABEL_NAME_SLOT_OWN), [ROLE_VOUCHER] = SPAN_LABEL(LABEL_NAME_VOUCHER),
};

/* The first bytes of BLAKE2b-32, which is not BLAKE2b with a shorter output. */
static void hash_prefix(uint8_t *out, size_t len, struct span label, const uint8_t *data, size_t data_len)
{
    uint8_t full[32];
    const struct span parts[] = {label, {data, data_len}};
    kdf_blake2b(full, sizeof(full), NULL, parts, 2);
    memcpy(out, full, len);
    sodium_memzero(full, sizeof(full));
}

void secret_name(enum role role, const uint8_t secret[WIRE_SECRET_BYTES], struct name *out)
{
    assert(role >= ROLE_PUT && role <= ROLE_VOUCHER);
    hash_prefix(out->b, sizeof(out->b), role_labels[role], secret, WIRE_SECRET_BYTES);
}

void handle_hash(const uint8_t handle[WIRE_HANDLE_BYTES], struct handle *out)
{
    hash_prefix(out->b, sizeof(out->b), SPAN_LABEL(LABEL_HANDLE), handle, WIRE_HANDLE_BYTES);
}
