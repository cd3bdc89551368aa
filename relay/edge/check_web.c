#define _GNU_SOURCE
#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "relay/edge/alarms.h"
#include "relay/edge/check.h"
#include "relay/edge/probe.h"
#include "relay/edge/request.h"
#include "relay/edge/websocket.h"

enum { HEAD_MAX = 16384, DAY_S = 24 * 3600 };

/* What each answer must say, and what it must not: the browser keeps and shows nothing, and tells nobody. */
static const struct {
    const char *name, *part;
} wanted[] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'"},
    {"Content-Security-Policy", "base-uri 'none'"},
    {"Content-Security-Policy", "form-action 'none'"},
    {"Content-Security-Policy", "frame-ancestors 'none'"},
    {"Cross-Origin-Embedder-Policy", "require-corp"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "geolocation=()"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-DNS-Prefetch-Control", "off"},
    {"X-Frame-Options", "DENY"},
};

static const struct {
    const char *name, *why;
} unwanted[] = {
    {"Set-Cookie", "leaves a mark in her browser"},
    {"NEL", "makes browsers report to somebody else"},
    {"Report-To", "makes browsers report to somebody else"},
    {"Reporting-Endpoints", "makes browsers report to somebody else"},
    {"Access-Control-Allow-Origin", "lets other pages read it"},
    {"CF-Ray", "shows a service in front that sees who comes, and could change the page"},
    {"X-Amz-Cf-Id", "shows a service in front that sees who comes, and could change the page"},
    {"X-Powered-By", "comes from another program than the relay"},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* --- answers --- */

/* The head of an answer, zero-terminated; false: none came. */
static bool read_head(struct probe *p, char out[HEAD_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    while (strstr(out, "\r\n\r\n") == NULL && len + 1 < HEAD_MAX) {
        /* Byte by byte: what comes behind it is not ours to take. */
        ssize_t n = probe_read(p, out + len, 1);
        if (n <= 0 || out[len] == '\0')
            return false;
        len += (size_t)n;
        out[len] = '\0';
    }
    return strncmp(out, "HTTP/1.1 ", 9) == 0;
}

/* The next line with that name behind `from`, its value up to the end of the line; NULL: none. */
static const char *header(const char *from, const char *name, size_t *len)
{
    size_t name_len = strlen(name);
    while ((from = strstr(from, "\r\n")) != NULL) {
        from += 2;
        if (strncasecmp(from, name, name_len) != 0 || from[name_len] != ':')
            continue;
        from += name_len + 1;
        *len = strcspn(from, "\r\n");
        return from;
    }
    return NULL;
}

static bool header_has(const char *head, const char *name, const char *part)
{
    size_t len = 0;
    for (const char *at = header(head, name, &len); at != NULL; at = header(at, name, &len))
        if (memmem(at, len, part, strlen(part)) != NULL)
            return true;
    return false;
}

/* --- what is judged --- */

static void judge_headers(struct report *r, const char *head, bool plain)
{
    unsigned bad = r->count[FOUND_BAD];
    size_t len;
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!header_has(head, wanted[i].name, wanted[i].part))
            report(r, FOUND_BAD, "%s does not say %s. Let the proxy pass on what the relay sends.",
                   wanted[i].name, wanted[i].part);
    for (size_t i = 0; i < COUNT(unwanted); i++)
        if (header(head, unwanted[i].name, &len) != NULL)
            report(r, FOUND_BAD, "%s is sent, which %s. Take it out.", unwanted[i].name, unwanted[i].why);
    if (header_has(head, "Content-Security-Policy", "unsafe-inline") ||
        header_has(head, "Content-Security-Policy", "'unsafe-eval'"))
        report(r, FOUND_BAD, "Content-Security-Policy allows scripts from within a page.");
    if (!plain && !header_has(head, "Strict-Transport-Security", "max-age="))
        report(r, FOUND_BAD, "Strict-Transport-Security is missing; the proxy has to add it (operate.md).");
    if (r->count[FOUND_BAD] == bad)
        report(r, FOUND_GOOD, "What it forbids the browser is complete, and nothing is added.");
}

static void judge_tls(struct report *r, const struct tls_peer *peer)
{
    uint64_t now = (uint64_t)time(NULL);
    long days = (long)((int64_t)(peer->end_utc_s - now) / DAY_S);

    report(r, FOUND_GOOD, "It speaks %s.", peer->version);
    if (!peer->trust_is_known)
        report(r, FOUND_NOTE, "Whether its certificate is trusted is not known: install ca-certificates.");
    else if (peer->distrust[0] != '\0')
        report(r, FOUND_BAD, "Browsers will refuse its certificate: %s.", peer->distrust);
    else
        report(r, days < CERTIFICATE_DAYS ? FOUND_BAD : FOUND_GOOD,
               "Its certificate is trusted for %ld days more.%s", days,
               days < CERTIFICATE_DAYS ? " Look why it was not renewed." : "");
}

static bool reach(struct report *r, const struct address *at, bool plain, struct probe *p, bool loud)
{
    struct probe_address found[PROBE_ADDRESSES_MAX];
    struct tls_peer peer = {0};
    unsigned took_ms = 0;
    char why[200] = "";

    size_t n = probe_resolve(at->host, at->port, found, why, sizeof(why)), i = 0;
    while (i < n && !probe_connect(p, &found[i], &took_ms, why, sizeof(why)))
        i++;
    if (i == n) {
        report(r, FOUND_BAD, "It cannot be reached: %s.", why);
        return false;
    }
    if (!plain && (p->tls = tls_open(p->fd, at->host, &peer, why, sizeof(why))) == NULL) {
        report(r, FOUND_BAD, "It does not speak TLS: %s.", why);
        probe_close(p);
        return false;
    }
    if (loud)
        report(r, FOUND_GOOD, "It answers in %u ms.", took_ms);
    if (loud && !plain)
        judge_tls(r, &peer);
    return true;
}

static bool ask(struct probe *p, const struct address *at, const char *path, const char *more,
                char head[HEAD_MAX])
{
    char text[400];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, at->host, more);
    return len > 0 && (size_t)len < sizeof(text) && probe_write(p, text, (size_t)len) && read_head(p, head);
}

static bool check_page(struct report *r, const struct address *at, bool plain)
{
    char head[HEAD_MAX];
    struct probe p;
    if (!reach(r, at, plain, &p, true))
        return false;
    bool ok = ask(&p, at, "/", "Connection: close\r\n", head);
    probe_close(&p);
    if (!ok) {
        report(r, FOUND_BAD, "It does not answer a request of HTTP.");
        return false;
    }
    if (strncmp(head + 9, "200", 3) == 0)
        report(r, FOUND_GOOD, "It has a page.");
    else
        report(r, strncmp(head + 9, "404", 3) == 0 ? FOUND_NOTE : FOUND_BAD,
               "It has no page (%.3s): set `page' if this relay is to serve one.", head + 9);
    judge_headers(r, head, plain);
    return true;
}

/* --- the WebSocket --- */

static bool upgraded(const char *head, const char key[WEBSOCKET_KEY_LEN + 1])
{
    char accept[WEBSOCKET_ACCEPT_LEN + 1];
    websocket_accept((const uint8_t *)key, accept);
    return strncmp(head + 9, "101", 3) == 0 && header_has(head, "Sec-WebSocket-Accept", accept);
}

static void check_websocket(struct report *r, const struct address *at, bool plain,
                            const uint8_t relay_pk[32])
{
    char head[HEAD_MAX], more[200], key[WEBSOCKET_KEY_LEN + 1];
    struct probe_welcome welcome;
    uint8_t random[16];
    struct probe p;

    if (!reach(r, at, plain, &p, false))
        return;
    randombytes_buf(random, sizeof(random));
    sodium_bin2base64(key, sizeof(key), random, sizeof(random), sodium_base64_VARIANT_ORIGINAL);
    snprintf(
        more, sizeof(more),
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
        key);
    if (!ask(&p, at, "/zaguan", more, head) || !upgraded(head, key)) {
        report(
            r, FOUND_BAD,
            "/zaguan opens no WebSocket (%.3s). The proxy must pass on Upgrade and Connection (operate.md).",
            strlen(head) > 12 ? head + 9 : "no answer");
    } else {
        report(r, FOUND_GOOD, "/zaguan opens a WebSocket.");
        p.frames = true;
        check_handshake(r, probe_handshake(&p, relay_pk, &welcome), &welcome);
    }
    probe_close(&p);
}

void check_web(struct report *r, const struct address *at, bool plain, const uint8_t relay_pk[32])
{
    report_title("For browsers: %s://%s, port %u", plain ? "http" : "https", at->host, (unsigned)at->port);
    if (check_page(r, at, plain))
        check_websocket(r, at, plain, relay_pk);
}
