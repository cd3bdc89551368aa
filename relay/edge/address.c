#define _GNU_SOURCE
#include "relay/edge/address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static bool all_of(const char *text, size_t len, const char *alphabet)
{
    for (size_t i = 0; i < len; i++)
        if (strchr(alphabet, text[i]) == NULL)
            return false;
    return len > 0;
}

/* Digits only, so that "+7", " 7" and "0x7" are mistakes; a leading zero is one too. */
static bool parse_port(const char *text, uint16_t *out)
{
    uint32_t v = 0;
    size_t len = strlen(text);
    if (len > 5 || !all_of(text, len, "0123456789") || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++)
        v = v * 10 + (uint32_t)(text[i] - '0');
    if (v > UINT16_MAX)
        return false;
    *out = (uint16_t)v;
    return true;
}

static bool host_ok(const char *host, size_t len, bool v6)
{
    if (v6)
        return all_of(host, len, "0123456789abcdefABCDEF:.");
    return all_of(host, len, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");
}

zg_err address_parse(struct address *out, const char *text)
{
    struct address a = {.v6 = text[0] == '['};
    const char *host = a.v6 ? text + 1 : text;
    const char *end = a.v6 ? strchr(host, ']') : strchr(host, ':');
    if (strlen(text) > ADDRESS_BYTES_MAX || end == NULL)
        return ZG_ERR_MALFORMED;
    size_t len = (size_t)(end - host);
    const char *port = a.v6 ? end + 1 : end;
    if (!host_ok(host, len, a.v6) || port[0] != ':' || !parse_port(port + 1, &a.port))
        return ZG_ERR_MALFORMED;
    memcpy(a.host, host, len);
    *out = a;
    return ZG_OK;
}

zg_err address_socket(const struct address *a, struct sockaddr_storage *out)
{
    struct sockaddr_storage s;
    int rc;
    memset(&s, 0, sizeof(s));
    if (a->v6)
        rc = uv_ip6_addr(a->host, a->port, (struct sockaddr_in6 *)&s);
    else
        rc = uv_ip4_addr(a->host, a->port, (struct sockaddr_in *)&s);
    if (rc != 0)
        return ZG_ERR_ARGUMENT;
    *out = s;
    return ZG_OK;
}

void address_of_socket(const struct sockaddr_storage *s, char out[ADDRESS_BYTES_MAX + 1])
{
    char host[INET6_ADDRSTRLEN] = "?";
    uint16_t port;
    if (s->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)s;
        uv_ip6_name(v6, host, sizeof(host));
        port = ntohs(v6->sin6_port);
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)s;
        uv_ip4_name(v4, host, sizeof(host));
        port = ntohs(v4->sin_port);
    }
    snprintf(out, ADDRESS_BYTES_MAX + 1, s->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
             (unsigned)port);
}

/* RFC 4291 section 2.5.5.2: ::ffff:192.0.2.1 is 192.0.2.1, and that is how a connection from there is seen. */
static void unmap(struct sockaddr_storage *s)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)s;
    if (s->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return;
    memcpy(&v4.sin_addr, &v6->sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
    memset(s, 0, sizeof(*s));
    memcpy(s, &v4, sizeof(v4));
}

static bool shared_add(struct shared_addresses *s, const char *word)
{
    struct sockaddr_storage *at = &s->at[s->count];
    if (s->count == SHARED_MAX)
        return false;
    if (uv_ip4_addr(word, 0, (struct sockaddr_in *)at) != 0 &&
        uv_ip6_addr(word, 0, (struct sockaddr_in6 *)at) != 0)
        return false;
    unmap(at);
    s->count++;
    return true;
}

zg_err shared_parse(struct shared_addresses *out, const char *text)
{
    char copy[SHARED_MAX * (INET6_ADDRSTRLEN + 1)];
    struct shared_addresses s = {.count = 0};
    char *rest = NULL;
    if (strlen(text) >= sizeof(copy))
        return ZG_ERR_MALFORMED;
    memcpy(copy, text, strlen(text) + 1);
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!shared_add(&s, word))
            return ZG_ERR_MALFORMED;
    *out = s;
    return ZG_OK;
}

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET6)
        return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
    return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

bool shared_has(const struct shared_addresses *s, const struct sockaddr *address)
{
    for (uint8_t i = 0; i < s->count; i++)
        if (same_host((const struct sockaddr *)&s->at[i], address))
            return true;
    return false;
}
