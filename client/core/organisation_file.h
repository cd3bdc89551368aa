/* The organisation as the coordinator keeps it; its secrets. */
#ifndef CLIENT_ORGANISATION_FILE_H
#define CLIENT_ORGANISATION_FILE_H

#include <zaguan/client.h>

#include "client/core/organisation.h"

/* In sodium_malloc'd memory. */
struct zg_organisation {
    struct sign_key root;
    struct sign_key issuing;
    uint8_t certificate[ISSUING_CERTIFICATE_BYTES]; /* of issuing, by root */
};

/*
 * All of an organisation from the seed of its root key: the issuing key is HKDF("", seed, LP("issuing seed"), 32), and a
 * new certificate is made for it. Desks, cards and participants see the same keys as before. ZG_ERR_MEMORY.
 */
ZG_MUST_CHECK zg_err organisation_from_root(zg_organisation **out, const uint8_t seed[SIGN_SEED_BYTES],
                                            uint64_t now_s);

#endif
