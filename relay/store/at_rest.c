#include "relay/store/at_rest.h"

#include <sodium.h>
#include <string.h>

#include "proto/bytes.h"

enum { NONCE_BYTES = 24, TAG_BYTES = 16, AD_MAX = 64 };

_Static_assert(NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20-Poly1305");
_Static_assert(TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "XChaCha20-Poly1305");
_Static_assert(NONCE_BYTES + TAG_BYTES == AT_REST_OVERHEAD, "nonce and tag");

static void put_row(struct writer *w, uint8_t ad[AD_MAX], const struct at_rest_row *row)
{
    writer_init(w, ad, AD_MAX);
    writer_put(w, row->label, strlen(row->label));
    writer_u64(w, row->key);
    writer_u64(w, row->version);
}

void at_rest_seal(uint8_t *out, const struct epoch *epoch, const struct at_rest_row *row,
                  const uint8_t *plain, size_t len, const struct rng *rng)
{
    uint8_t ad[AD_MAX];
    struct writer w;
    put_row(&w, ad, row);
    rng_fill(rng, out, NONCE_BYTES);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_BYTES, NULL, plain, len, ad, w.len, NULL, out,
                                               epoch->key);
}

bool at_rest_open(uint8_t *out, const struct epoch *epoch, const struct at_rest_row *row,
                  const uint8_t *sealed, size_t len)
{
    uint8_t ad[AD_MAX];
    struct writer w;
    put_row(&w, ad, row);
    return len >= AT_REST_OVERHEAD &&
           crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed + NONCE_BYTES,
                                                      len - NONCE_BYTES, ad, w.len, sealed, epoch->key) == 0;
}
