/* SHA-1, which the opening of a WebSocket wants as a sign of understanding. Nothing here depends on its
 * strength. */
#ifndef RELAY_EDGE_SHA1_H
#define RELAY_EDGE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_BYTES = 20, SHA1_INPUT_MAX = 119 };

/* At most SHA1_INPUT_MAX bytes, which is two blocks. */
void sha1(uint8_t out[SHA1_BYTES], const void *data, size_t len);

#endif
