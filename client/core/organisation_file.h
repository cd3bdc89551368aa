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

#endif
