#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "relay/edge/check.h"
#include "relay/edge/probe.h"

enum { SLOW_MS = 1500 };

static bool ends_in_onion(const char *host)
{
    size_t len = strlen(host);
    return len > 6 && strcmp(host + len - 6, ".onion") == 0;
}

/* Minutes are as fine as the relay tells it. */
static void judge_clock(struct report *r, uint32_t relay_minute)
{
    long long ahead = (long long)relay_minute - (long long)(time(NULL) / 60);
    if (ahead >= -1 && ahead <= 1)
        report(r, FOUND_GOOD, "Its clock is that of this machine.");
    else
        report(r, FOUND_BAD,
               "Its clock is %lld minutes %s this machine's. One of the two is wrong: messages end by it. "
               "Run an "
               "NTP client.",
               ahead > 0 ? ahead : -ahead, ahead > 0 ? "ahead of" : "behind");
}

void check_handshake(struct report *r, enum probe_handshake how, const struct probe_welcome *welcome)
{
    switch (how) {
    case HANDSHAKE_GOOD:
        report(r, welcome->took_ms > SLOW_MS ? FOUND_NOTE : FOUND_GOOD,
               "It has the key that cards name; the handshake took %u ms.", welcome->took_ms);
        judge_clock(r, welcome->utc_minute);
        return;
    case HANDSHAKE_HUNG_UP:
        report(r, FOUND_BAD,
               "It hangs up on the handshake: it has another key than the one that was given, or it is full. "
               "Compare with `zaguan-relay address'.");
        return;
    case HANDSHAKE_SILENT:
        report(r, FOUND_BAD, "It says nothing: something else listens there, or a firewall swallows it.");
        return;
    case HANDSHAKE_FOREIGN:
        report(r, FOUND_BAD,
               "It does not answer as a relay with this key: another program listens there. A TLS proxy must "
               "pass TCP through as it is.");
        return;
    }
}

static bool check_one(struct report *r, const struct probe_address *to, const uint8_t relay_pk[32])
{
    struct probe_welcome welcome;
    struct probe p;
    unsigned took_ms;
    char why[160];

    if (!probe_connect(&p, to, &took_ms, why, sizeof(why))) {
        report(r, FOUND_BAD,
               "%s cannot be reached: %s. Look at `listen', at the firewall, and at the name's entries.",
               to->text, why);
        return false;
    }
    report(r, took_ms > SLOW_MS ? FOUND_NOTE : FOUND_GOOD, "%s answers in %u ms.", to->text, took_ms);
    check_handshake(r, probe_handshake(&p, relay_pk, &welcome), &welcome);
    probe_close(&p);
    return true;
}

void check_relay(struct report *r, const struct address *at, const uint8_t relay_pk[32])
{
    struct probe_address found[PROBE_ADDRESSES_MAX];
    char why[160];

    report_title("The relay at %s, port %u", at->host, (unsigned)at->port);
    size_t n = probe_resolve(at->host, at->port, found, why, sizeof(why));
    if (n == 0 && ends_in_onion(at->host)) {
        report(
            r, FOUND_NOTE,
            "An onion service is reached through Tor only. From another machine: torsocks zaguan-relay check "
            "HOST:PORT/KEY");
        return;
    }
    if (n == 0)
        report(r, FOUND_BAD, "The name %s leads nowhere: %s. Set its DNS entries.", at->host, why);
    for (size_t i = 0; i < n; i++)
        (void)check_one(r, &found[i], relay_pk);
}
