/* What each key of relay.conf is, and how its value is read. */
#define _POSIX_C_SOURCE 200809L
#include "relay/edge/config_keys.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "relay/edge/folder.h"

static parse_fn parse_listen, parse_address, parse_lifetime, parse_keys, parse_u32, parse_mib, parse_switch;
static parse_fn parse_listen_web, parse_page, parse_web_address, parse_certificate, parse_shared;

/* SCRUB_PAGES_MAX pages of 4 KiB. */
enum { DISK_MIB_MAX = 131071 };

#define AT(member) offsetof(struct config, member)

const struct key config_keys[] = {
    {"relay", "listen", parse_listen, CONFIG_LISTEN_DEFAULT, 0, 0, 0,
     "Where it listens: IP:PORT, several with spaces between them. [v6]:PORT for IPv6. Port 0: any free "
     "one."},
    {"relay", "address", parse_address, "relay.example.org:7443", 0, 0, 0,
     "Under which address it is reached from outside; this is what stands in contact cards.\n"
     "HOST:PORT, a name or a number or an onion service. Cards keep it for years: choose a name that you "
     "keep."},
    {"relay", "settle", parse_u32, NULL, AT(settle_ms), 10, 5000,
     "Milliseconds within which a sender is answered, always the same, so that the time of an answer\n"
     "tells nothing. At start the disk is measured; if it is slower, that counts."},
    {"relay", "lifetime", parse_lifetime, "7d", AT(ttl_ceiling), 0, 0,
     "The longest time that a message may wait: 1h 6h 1d 3d 7d 14d or 30d."},
    {"relay", "keys", parse_keys, FOLDER_KEYS, 0, 0, 0,
     "Where the keys lie under which waiting messages are sealed: \"keys\", in this folder, or another "
     "folder, "
     "from\n"
     "/ on. On a file system in memory (/run, /dev/shm) they end with the power: nobody can read the disk of "
     "a\n"
     "server that was unplugged, but what waited is lost then. Swap must be off for that."},
    {"relay", "sandbox", parse_switch, "on", AT(sandbox), 0, 0,
     "on: once it runs, the relay may ask only for what it needs of the system (seccomp). off: for a system\n"
     "on which that does not work."},
    {"web", "listen-web", parse_listen_web, "127.0.0.1:7480", 0, 0, 0,
     "Where it listens for browsers, by HTTP and without TLS: behind a proxy that has TLS, or an onion\n"
     "service. IP:PORT, several with spaces between them. The WebSocket is at the path /zaguan."},
    {"web", "page", parse_page, "/usr/local/share/zaguan/page", 0, 0, 0,
     "A folder whose files are served there, from memory: read at start. Nothing is served without it."},
    {"web", "web-address", parse_web_address, "www.example.org", 0, 0, 0,
     "Where else the page may connect to, besides where it came from and the key address: the relay's other\n"
     "names. HOST or HOST:PORT, several with spaces between them."},
    {"web", "web-certificate", parse_certificate, "/etc/zaguan-relay/certificate.pem", 0, 0, 0,
     "The certificate of the proxy in front, as a file that this account may read. Only its end is looked "
     "at, "
     "for\n"
     "the alarms of `status'."},
    {"alarms", "disk-free", parse_mib, NULL, AT(disk_low_bytes), 1, 1048576,
     "MiB that must be free on the disk of this folder; with less, `status' raises an alarm."},
    {"limits", "connections", parse_u32, NULL, AT(limits.connections), 10, 1000000,
     "Connections at once. When there are so many, those that have shown no right to anything in a minute "
     "make\n"
     "room for new ones."},
    {"limits", "connections-of-address", parse_u32, NULL, AT(limits.connections_of_address), 1, 1000000,
     "Of these, from one address (IPv6: from one network of 64 bits). Addresses are kept nowhere, only a "
     "number\n"
     "for each that is connected, in memory."},
    {"limits", "connects-a-second", parse_u32, NULL, AT(limits.connects_of_address_a_second), 1, 1000000,
     "New connections from one address in a second; of ten seconds they may come at once."},
    {"limits", "shared", parse_shared, CONFIG_SHARED_DEFAULT, 0, 0, 0,
     "From these addresses many people come, and they are not counted: a proxy in front, Tor. IP numbers "
     "with\n"
     "spaces between them. List here what forwards to this relay from another machine or container, or it "
     "will\n"
     "keep people out."},
    {"limits", "handshakes-a-second", parse_u32, NULL, AT(limits.hellos_a_second), 1, 1000000,
     "Handshakes in a second, of all together; each takes about half a millisecond of a processor. Others "
     "wait."},
    {"limits", "strangers-a-second", parse_u32, NULL, AT(limits.strangers_a_second), 1, 1000000,
     "Commands in a second of all connections together that have shown no right to anything yet, so also of\n"
     "those that knock. Others wait."},
    {"limits", "commands-a-second", parse_u32, NULL, AT(limits.commands_a_second), 1, 1000000,
     "Commands of one connection in a second, in the long run; above it, it waits."},
    {"limits", "puzzles-a-second", parse_u32, NULL, AT(limits.puzzles_a_second), 1, 1000000,
     "Knocks in a second whose work is looked at; each takes a millisecond. Others are told to come later."},
    {"limits", "subscriptions", parse_u32, NULL, AT(limits.subscriptions_of_one), 1, 100000,
     "Queues that one connection may read at once."},
    {"limits", "sends-a-day", parse_u32, NULL, AT(limits.sends_of_queue_a_day), 10, 10000000,
     "Envelopes that one conversation queue accepts in a day."},
    {"limits", "desk-waiting", parse_u32, NULL, AT(limits.waiting_of_desk), 10, 1000000,
     "Knocks that may wait at one desk."},
    {"limits", "desk-knocks-a-minute", parse_u32, NULL, AT(limits.knocks_of_desk_a_minute), 1, 1000000,
     "Knocks that one desk takes in a minute, in the long run; of ten minutes they may come at once. Others "
     "are\ntold to come later, and do by themselves."},
    {"limits", "desk-vouchers-a-day", parse_u32, NULL, AT(limits.draws_of_desk_a_day), 10, 10000000,
     "Vouchers that one desk may draw in a day, for its conversations. Each is good for one queue or one "
     "slot."},
    {"limits", "voucher-days", parse_u32, NULL, AT(limits.voucher_days), 1, 365,
     "Days for which a drawn voucher lasts."},
    {"limits", "calm-knocks-a-minute", parse_u32, NULL, AT(limits.calm_knocks_a_minute), 0, 1000000,
     "Up to so many knocks in a minute, a knock costs its sender no work."},
    {"limits", "memory-mib", parse_mib, NULL, AT(limits.memory_bytes), 1, 1048576,
     "MiB of messages on their way that may be kept in memory; above it they wait on disk only."},
    {"limits", "input-mib", parse_mib, NULL, AT(limits.input_bytes), 1, 1048576,
     "MiB of what is coming and not complete yet; above it the slowest are cut off. Strangers have three "
     "quarters\n"
     "as much of their own."},
    {"limits", "waiting-mib", parse_mib, NULL, AT(limits.waiting_bytes), 1, 1048576,
     "MiB of commands that wait for the disk; above it others are told to come later."},
    {"limits", "slots", parse_u32, NULL, AT(limits.slots), 1, 10000000,
     "Places for conversations that have a return phrase; each takes up to 61 KiB of disk. Above it nobody "
     "new gets\none."},
    {"limits", "disk-mib", parse_mib, NULL, AT(limits.stored_bytes), 1, DISK_MIB_MAX,
     "MiB of the database that may be in use; a message takes about 4.6 KiB. From three quarters on nobody new is "
     "let\nin; when all are used, messages are still delivered, but none is accepted, until there is room."},
};

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

static const char *const lifetimes[] = {
    [WIRE_TTL_1H] = "1h", [WIRE_TTL_6H] = "6h",   [WIRE_TTL_1D] = "1d",   [WIRE_TTL_3D] = "3d",
    [WIRE_TTL_7D] = "7d", [WIRE_TTL_14D] = "14d", [WIRE_TTL_30D] = "30d",
};

enum { LIFETIME_COUNT = sizeof(lifetimes) / sizeof(lifetimes[0]) };

bool config_complain(struct complaint *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->cap, format, args);
    va_end(args);
    return false;
}

/* --- values --- */

static bool parse_number(const struct key *key, const char *value, uint64_t *out, struct complaint *why)
{
    size_t len = strlen(value);
    uint64_t v = 0;
    if (len == 0 || strspn(value, "0123456789") != len)
        return config_complain(why, "%s: \"%.40s\" is not a whole number", key->name, value);
    for (size_t i = 0; i < len && v <= key->max; i++)
        v = v * 10 + (uint64_t)(value[i] - '0');
    if (v < key->min || v > key->max)
        return config_complain(why, "%s: %.40s is not between %llu and %llu", key->name, value,
                               (unsigned long long)key->min, (unsigned long long)key->max);
    *out = v;
    return true;
}

static bool parse_u32(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    uint64_t v;
    if (!parse_number(key, value, &v, why))
        return false;
    uint32_t small = (uint32_t)v;
    memcpy((char *)c + key->offset, &small, sizeof(small));
    return true;
}

static bool parse_mib(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    uint64_t v;
    if (!parse_number(key, value, &v, why))
        return false;
    v <<= 20;
    memcpy((char *)c + key->offset, &v, sizeof(v));
    return true;
}

static bool parse_switch(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    bool on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0)
        return config_complain(why, "%s: \"%.40s\" is neither on nor off", key->name, value);
    memcpy((char *)c + key->offset, &on, sizeof(on));
    return true;
}

static bool parse_lifetime(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    for (uint8_t i = 0; i < LIFETIME_COUNT; i++)
        if (strcmp(value, lifetimes[i]) == 0) {
            c->ttl_ceiling = i;
            return true;
        }
    return config_complain(why, "%s: \"%.40s\" is none of 1h 6h 1d 3d 7d 14d 30d", key->name, value);
}

static bool add_listen(struct address list[CONFIG_LISTEN_MAX], uint8_t *count, const struct key *key,
                       const char *text, struct complaint *why)
{
    struct sockaddr_storage s;
    struct address a;
    if (*count == CONFIG_LISTEN_MAX)
        return config_complain(why, "%s: more than %d addresses", key->name, CONFIG_LISTEN_MAX);
    if (address_parse(&a, text) != ZG_OK)
        return config_complain(why, "%s: \"%.90s\" is not IP:PORT", key->name, text);
    if (address_socket(&a, &s) != ZG_OK)
        return config_complain(why, "%s: \"%.90s\" is not an IP number; names are for the key address",
                               key->name, a.host);
    list[(*count)++] = a;
    return true;
}

static bool read_list(struct address list[CONFIG_LISTEN_MAX], uint8_t *count, const struct key *key,
                      const char *value, struct complaint *why)
{
    char copy[CONFIG_LISTEN_MAX * (ADDRESS_BYTES_MAX + 2)];
    char *rest = NULL;
    if (strlen(value) >= sizeof(copy))
        return config_complain(why, "%s: too long", key->name);
    memcpy(copy, value, strlen(value) + 1);
    *count = 0;
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!add_listen(list, count, key, word, why))
            return false;
    return *count > 0 || config_complain(why, "%s: is empty", key->name);
}

static bool parse_listen(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    return read_list(c->listen, &c->listen_count, key, value, why);
}

static bool parse_listen_web(struct config *c, const struct key *key, const char *value,
                             struct complaint *why)
{
    return read_list(c->listen_web, &c->listen_web_count, key, value, why);
}

static bool parse_certificate(struct config *c, const struct key *key, const char *value,
                              struct complaint *why)
{
    if (value[0] != '/' || strlen(value) > CONFIG_PATH_MAX)
        return config_complain(why, "%s: a file, from / on, of at most %d bytes", key->name, CONFIG_PATH_MAX);
    memcpy(c->web_certificate, value, strlen(value) + 1);
    return true;
}

static bool parse_page(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    if (value[0] == '\0' || strlen(value) > CONFIG_PATH_MAX)
        return config_complain(why, "%s: a folder, of at most %d bytes", key->name, CONFIG_PATH_MAX);
    memcpy(c->page, value, strlen(value) + 1);
    return true;
}

/* It comes into a header of HTTP, so it is read like an address; without a port it has one for a moment. */
static bool web_address_ok(const char *word)
{
    char text[ADDRESS_BYTES_MAX + 2];
    struct address a;
    const char *colon = strchr(word[0] == '[' ? word + strcspn(word, "]") : word, ':');
    int len = snprintf(text, sizeof(text), colon != NULL ? "%s" : "%s:443", word);
    return len > 0 && (size_t)len < sizeof(text) && address_parse(&a, text) == ZG_OK && a.port != 0;
}

static bool parse_web_address(struct config *c, const struct key *key, const char *value,
                              struct complaint *why)
{
    char copy[CONFIG_WEB_ADDRESSES_MAX + 1];
    char *rest = NULL;
    if (strlen(value) >= sizeof(copy))
        return config_complain(why, "%s: too long", key->name);
    memcpy(copy, value, strlen(value) + 1);
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!web_address_ok(word))
            return config_complain(why, "%s: \"%.90s\" is neither HOST nor HOST:PORT", key->name, word);
    memcpy(c->web_addresses, value, strlen(value) + 1);
    return true;
}

static bool parse_address(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    struct address a;
    if (address_parse(&a, value) != ZG_OK)
        return config_complain(why, "%s: \"%.90s\" is not HOST:PORT", key->name, value);
    if (a.port == 0)
        return config_complain(why, "%s: port 0 cannot be reached", key->name);
    memcpy(c->address, value, strlen(value) + 1);
    return true;
}

static bool parse_keys(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    if (strlen(value) > CONFIG_PATH_MAX)
        return config_complain(why, "%s: too long", key->name);
    if (value[0] != '/' && strcmp(value, FOLDER_KEYS) != 0)
        return config_complain(why, "%s: \"%.40s\" is neither \"" FOLDER_KEYS "\" nor a folder from / on",
                               key->name, value);
    memcpy(c->keys, value, strlen(value) + 1);
    return true;
}

static bool parse_shared(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    if (shared_parse(&c->shared, value) != ZG_OK)
        return config_complain(why, "%s: not IP numbers with spaces between them, %d at most", key->name,
                               SHARED_MAX);
    return true;
}

uint64_t config_number(const struct config *c, const struct key *key)
{
    uint32_t small;
    uint64_t large;
    if (key->parse == parse_mib) {
        memcpy(&large, (const char *)c + key->offset, sizeof(large));
        return large >> 20;
    }
    memcpy(&small, (const char *)c + key->offset, sizeof(small));
    return small;
}
