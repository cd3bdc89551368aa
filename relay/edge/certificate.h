/* The end of a certificate of X.509, and nothing else of it. */
#ifndef RELAY_EDGE_CERTIFICATE_H
#define RELAY_EDGE_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mbedtls/x509_crt.h>

/* Of the first one in a file (PEM or DER). false: why says what is wrong. */
bool certificate_end(const char *path, uint64_t *utc_s, char *why, size_t why_cap);
/* Seconds since 1970; at least 1. */
uint64_t certificate_moment(const mbedtls_x509_time *t);

#endif
