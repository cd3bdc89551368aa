/* Sealing and opening, also what does not open: another key, a changed commitment, a changed ciphertext. */
#include <string.h>

#include "proto/seal.h"
#include "tests/ctime/ctime.h"

enum { PLAIN_BYTES = 1652, COMMITMENT_AT = 24, TAG_AT = PLAIN_BYTES + SEAL_OVERHEAD - 16 };

static void subject(void)
{
    const struct rng rng = rng_system();
    const struct span ad[] = {SPAN_LABEL("about"), SPAN_LABEL("this")};
    uint8_t key[KEY_BYTES], other[KEY_BYTES];
    uint8_t plain[PLAIN_BYTES], opened[PLAIN_BYTES];
    uint8_t sealed[PLAIN_BYTES + SEAL_OVERHEAD];

    rng_fill(&rng, key, sizeof(key));
    rng_fill(&rng, other, sizeof(other));
    rng_fill(&rng, plain, sizeof(plain));
    seal(sealed, key, ad, 2, plain, sizeof(plain), &rng);
    must_hold(seal_open(opened, key, ad, 2, sealed, sizeof(sealed)) == ZG_OK, "a seal opens");
    must_be_hidden(opened, sizeof(opened), "what was opened");
    must_be_same(plain, opened, sizeof(plain), "what was sealed");
    must_hold(seal_open(opened, other, ad, 2, sealed, sizeof(sealed)) == ZG_ERR_FORGED, "another key");
    sealed[COMMITMENT_AT] ^= 1;
    must_hold(seal_open(opened, key, ad, 2, sealed, sizeof(sealed)) == ZG_ERR_FORGED, "another commitment");
    sealed[COMMITMENT_AT] ^= 1;
    sealed[TAG_AT] ^= 1;
    must_hold(seal_open(opened, key, ad, 2, sealed, sizeof(sealed)) == ZG_ERR_FORGED, "another tag");
}

int main(int argc, char **argv)
{
    return ctime_run(argc, argv, subject);
}
