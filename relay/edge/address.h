/* host:port, as it stands in the configuration and in cards (docs/protocol.md section 5.1). */
#ifndef RELAY_EDGE_ADDRESS_H
#define RELAY_EDGE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <zaguan/err.h>

enum { ADDRESS_BYTES_MAX = 80 };

struct address {
    char host[ADDRESS_BYTES_MAX + 1]; /* without brackets */
    uint16_t port;                    /* may be 0 */
    bool v6;                          /* stood in brackets */
};

/* From where many people come through one address: proxies in front, Tor. */
enum { SHARED_MAX = 16 };

struct shared_addresses {
    struct sockaddr_storage at[SHARED_MAX]; /* their ports do not matter */
    uint8_t count;
};

/* "name:port", "1.2.3.4:port", "[v6]:port", at most 80 bytes; ZG_ERR_MALFORMED. */
ZG_MUST_CHECK zg_err address_parse(struct address *out, const char *text);
/* For bind; ZG_ERR_ARGUMENT if the host is a name and not a number. */
ZG_MUST_CHECK zg_err address_socket(const struct address *a, struct sockaddr_storage *out);
/* IP numbers with spaces between them, v6 without brackets; ZG_ERR_MALFORMED also for more than SHARED_MAX.
 */
ZG_MUST_CHECK zg_err shared_parse(struct shared_addresses *out, const char *text);
bool shared_has(const struct shared_addresses *s, const struct sockaddr *address);
/* What a listening socket is bound to, as text. */
void address_of_socket(const struct sockaddr_storage *s, char out[ADDRESS_BYTES_MAX + 1]);

#endif
