#define _POSIX_C_SOURCE 200809L
#include "relay/edge/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire.h"
#include "relay/edge/folder.h"

/* Where a mistake is said. */
struct complaint {
    char *text;
    size_t cap;
};

__attribute__((format(printf, 2, 3))) static bool complain(struct complaint *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, why->cap, format, args);
    va_end(args);
    return false;
}

struct key;

/* Reads a value into *c; false: complained. */
typedef bool parse_fn(struct config *c, const struct key *key, const char *value, struct complaint *why);

static parse_fn parse_listen, parse_address, parse_lifetime, parse_keys, parse_u32, parse_mib, parse_switch;
static parse_fn parse_listen_web, parse_page, parse_web_address, parse_certificate;

struct key {
    const char *section, *name;
    parse_fn *parse;
    size_t offset; /* of a number in struct config */
    uint64_t min, max;
    const char *help;
};

#define AT(member) offsetof(struct config, member)

static const struct key keys[] = {
    {"relay", "listen", parse_listen, 0, 0, 0,
     "Where it listens: IP:PORT, several with spaces between them. [v6]:PORT for IPv6. Port 0: any free "
     "one."},
    {"relay", "address", parse_address, 0, 0, 0,
     "Under which address it is reached from outside; this is what stands in contact cards.\n"
     "HOST:PORT, a name or a number or an onion service. Cards keep it for years: choose a name that you "
     "keep."},
    {"relay", "settle", parse_u32, AT(settle_ms), 10, 5000,
     "Milliseconds within which a sender is answered, always the same, so that the time of an answer\n"
     "tells nothing. At start the disk is measured; if it is slower, that counts."},
    {"relay", "lifetime", parse_lifetime, AT(ttl_ceiling), 0, 0,
     "The longest time that a message may wait: 1h 6h 1d 3d 7d 14d or 30d."},
    {"relay", "keys", parse_keys, 0, 0, 0,
     "Where the keys lie under which waiting messages are sealed: \"keys\", in this folder, or another "
     "folder, "
     "from\n"
     "/ on. On a file system in memory (/run, /dev/shm) they end with the power: nobody can read the disk of "
     "a\n"
     "server that was unplugged, but what waited is lost then. Swap must be off for that."},
    {"relay", "sandbox", parse_switch, AT(sandbox), 0, 0,
     "on: once it runs, the relay may ask only for what it needs of the system (seccomp). off: for a system\n"
     "on which that does not work."},
    {"web", "listen-web", parse_listen_web, 0, 0, 0,
     "Where it listens for browsers, by HTTP and without TLS: behind a proxy that has TLS, or an onion\n"
     "service. IP:PORT, several with spaces between them. The WebSocket is at the path /zaguan."},
    {"web", "page", parse_page, 0, 0, 0,
     "A folder whose files are served there, from memory: read at start. Nothing is served without it."},
    {"web", "web-address", parse_web_address, 0, 0, 0,
     "Where else the page may connect to, besides where it came from and the key address: the relay's other\n"
     "names. HOST or HOST:PORT, several with spaces between them."},
    {"web", "web-certificate", parse_certificate, 0, 0, 0,
     "The certificate of the proxy in front, as a file that this account may read. Only its end is looked "
     "at, "
     "for\n"
     "the alarms of `status'."},
    {"alarms", "disk-free", parse_mib, AT(disk_low_bytes), 1, 1048576,
     "MiB that must be free on the disk of this folder; with less, `status' raises an alarm."},
    {"limits", "connections", parse_u32, AT(limits.connections), 10, 1000000, "Connections at once."},
    {"limits", "subscriptions", parse_u32, AT(limits.subscriptions_of_one), 1, 100000,
     "Queues that one connection may read at once."},
    {"limits", "sends-a-day", parse_u32, AT(limits.sends_of_queue_a_day), 10, 10000000,
     "Envelopes that one conversation queue accepts in a day."},
    {"limits", "desk-waiting", parse_u32, AT(limits.waiting_of_desk), 10, 1000000,
     "Knocks that may wait at one desk."},
    {"limits", "desk-vouchers-a-day", parse_u32, AT(limits.draws_of_desk_a_day), 10, 10000000,
     "Vouchers that one desk may draw in a day, for its conversations."},
    {"limits", "voucher-days", parse_u32, AT(limits.voucher_days), 1, 365,
     "Days for which a drawn voucher lasts."},
    {"limits", "calm-knocks-a-minute", parse_u32, AT(limits.calm_knocks_a_minute), 0, 1000000,
     "Up to so many knocks in a minute, a knock costs its sender no work."},
    {"limits", "memory-mib", parse_mib, AT(limits.memory_bytes), 1, 1048576,
     "MiB of messages on their way that may be kept in memory; above it they wait on disk only."},
    {"limits", "slots", parse_u32, AT(limits.slots), 1, 10000000,
     "Places for conversations that have a return phrase; each takes up to 61 KiB of disk. Above it nobody "
     "new gets\none."},
};

enum { KEY_COUNT = sizeof(keys) / sizeof(keys[0]) };

static const char *const lifetimes[] = {
    [WIRE_TTL_1H] = "1h", [WIRE_TTL_6H] = "6h",   [WIRE_TTL_1D] = "1d",   [WIRE_TTL_3D] = "3d",
    [WIRE_TTL_7D] = "7d", [WIRE_TTL_14D] = "14d", [WIRE_TTL_30D] = "30d",
};

enum { LIFETIME_COUNT = sizeof(lifetimes) / sizeof(lifetimes[0]) };

/* --- values --- */

static bool parse_number(const struct key *key, const char *value, uint64_t *out, struct complaint *why)
{
    size_t len = strlen(value);
    uint64_t v = 0;
    if (len == 0 || strspn(value, "0123456789") != len)
        return complain(why, "%s: \"%.40s\" is not a whole number", key->name, value);
    for (size_t i = 0; i < len && v <= key->max; i++)
        v = v * 10 + (uint64_t)(value[i] - '0');
    if (v < key->min || v > key->max)
        return complain(why, "%s: %.40s is not between %llu and %llu", key->name, value,
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
        return complain(why, "%s: \"%.40s\" is neither on nor off", key->name, value);
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
    return complain(why, "%s: \"%.40s\" is none of 1h 6h 1d 3d 7d 14d 30d", key->name, value);
}

static bool add_listen(struct address list[CONFIG_LISTEN_MAX], uint8_t *count, const struct key *key,
                       const char *text, struct complaint *why)
{
    struct sockaddr_storage s;
    struct address a;
    if (*count == CONFIG_LISTEN_MAX)
        return complain(why, "%s: more than %d addresses", key->name, CONFIG_LISTEN_MAX);
    if (address_parse(&a, text) != ZG_OK)
        return complain(why, "%s: \"%.90s\" is not IP:PORT", key->name, text);
    if (address_socket(&a, &s) != ZG_OK)
        return complain(why, "%s: \"%.90s\" is not an IP number; names are for the key address", key->name,
                        a.host);
    list[(*count)++] = a;
    return true;
}

static bool read_list(struct address list[CONFIG_LISTEN_MAX], uint8_t *count, const struct key *key,
                      const char *value, struct complaint *why)
{
    char copy[CONFIG_LISTEN_MAX * (ADDRESS_BYTES_MAX + 2)];
    char *rest = NULL;
    if (strlen(value) >= sizeof(copy))
        return complain(why, "%s: too long", key->name);
    memcpy(copy, value, strlen(value) + 1);
    *count = 0;
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!add_listen(list, count, key, word, why))
            return false;
    return *count > 0 || complain(why, "%s: is empty", key->name);
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
        return complain(why, "%s: a file, from / on, of at most %d bytes", key->name, CONFIG_PATH_MAX);
    memcpy(c->web_certificate, value, strlen(value) + 1);
    return true;
}

static bool parse_page(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    if (value[0] == '\0' || strlen(value) > CONFIG_PATH_MAX)
        return complain(why, "%s: a folder, of at most %d bytes", key->name, CONFIG_PATH_MAX);
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
        return complain(why, "%s: too long", key->name);
    memcpy(copy, value, strlen(value) + 1);
    for (char *word = strtok_r(copy, " \t", &rest); word != NULL; word = strtok_r(NULL, " \t", &rest))
        if (!web_address_ok(word))
            return complain(why, "%s: \"%.90s\" is neither HOST nor HOST:PORT", key->name, word);
    memcpy(c->web_addresses, value, strlen(value) + 1);
    return true;
}

static bool parse_address(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    struct address a;
    if (address_parse(&a, value) != ZG_OK)
        return complain(why, "%s: \"%.90s\" is not HOST:PORT", key->name, value);
    if (a.port == 0)
        return complain(why, "%s: port 0 cannot be reached", key->name);
    memcpy(c->address, value, strlen(value) + 1);
    return true;
}

static bool parse_keys(struct config *c, const struct key *key, const char *value, struct complaint *why)
{
    if (strlen(value) > CONFIG_PATH_MAX)
        return complain(why, "%s: too long", key->name);
    if (value[0] != '/' && strcmp(value, FOLDER_KEYS) != 0)
        return complain(why, "%s: \"%.40s\" is neither \"" FOLDER_KEYS "\" nor a folder from / on", key->name,
                        value);
    memcpy(c->keys, value, strlen(value) + 1);
    return true;
}

/* --- the file --- */

struct parse {
    FILE *file;
    struct config *config;
    uint32_t line;
    uint32_t bad_line; /* 0: none yet */
    struct complaint why;
    bool given[KEY_COUNT];
};

/* Whether this is the first mistake: only that one is told. */
static bool claim_mistake(struct parse *p)
{
    if (p->bad_line != 0)
        return false;
    p->bad_line = p->line;
    return true;
}

static bool section_known(const char *name, size_t len)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strlen(keys[i].section) == len && memcmp(keys[i].section, name, len) == 0)
            return true;
    return false;
}

/* inih says nothing about a section until a key stands in it. */
static void check_section(struct parse *p, const char *line)
{
    const char *end = strchr(line, ']');
    if (line[0] != '[' || end == NULL || section_known(line + 1, (size_t)(end - line - 1)))
        return;
    if (claim_mistake(p))
        complain(&p->why, "there is no section [%.*s]", (int)(end - line - 1 > 40 ? 40 : end - line - 1),
                 line + 1);
}

/* inih's fgets: counts lines, which it does not tell, and refuses those that it would cut in two. */
static char *next_line(char *buf, int cap, void *stream)
{
    struct parse *p = stream;
    if (fgets(buf, cap, p->file) == NULL)
        return NULL;
    p->line++;
    size_t len = strlen(buf);
    if (len + 1 == (size_t)cap && buf[len - 1] != '\n' && !feof(p->file)) {
        if (claim_mistake(p))
            complain(&p->why, "the line is too long");
        for (int c = 0; c != '\n' && c != EOF;)
            c = getc(p->file);
    }
    /* inih would take an indented key for more of the value above it. */
    size_t indent = strspn(buf, " \t");
    memmove(buf, buf + indent, strlen(buf + indent) + 1);
    check_section(p, buf);
    return buf;
}

static bool set_key(struct parse *p, const char *section, const char *name, const char *value)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
            continue;
        if (p->given[i])
            return complain(&p->why, "%s stands there twice", name);
        p->given[i] = true;
        return keys[i].parse(p->config, &keys[i], value, &p->why);
    }
    if (section[0] == '\0')
        return complain(&p->why, "%.40s stands before the first [section]", name);
    if (!section_known(section, strlen(section)))
        return complain(&p->why, "there is no section [%.40s]", section);
    return complain(&p->why, "there is no key \"%.40s\" in [%s]", name, section);
}

static int on_key(void *ctx, const char *section, const char *name, const char *value)
{
    struct parse *p = ctx;
    if (p->bad_line != 0)
        return 1;
    bool ok = set_key(p, section, name, value);
    if (!ok)
        p->bad_line = p->line;
    return ok;
}

void config_default(struct config *c)
{
    char ignored[8];
    struct complaint why = {ignored, sizeof(ignored)};
    memset(c, 0, sizeof(*c));
    c->settle_ms = 250;
    c->ttl_ceiling = WIRE_TTL_7D;
    c->sandbox = true;
    c->disk_low_bytes = UINT64_C(200) << 20;
    memcpy(c->keys, FOLDER_KEYS, sizeof(FOLDER_KEYS));
    c->limits = limits_default();
    (void)parse_listen(c, &keys[0], CONFIG_LISTEN_DEFAULT, &why);
}

zg_err config_read(struct config *out, const char *path, char *why, size_t why_cap)
{
    struct config config;
    char words[256] = "";
    struct parse p = {.config = &config, .why = {words, sizeof(words)}};

    config_default(&config);
    p.file = fopen(path, "r");
    if (p.file == NULL) {
        snprintf(why, why_cap, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? ZG_ERR_NOT_FOUND : ZG_ERR_STORAGE;
    }
    int bad = ini_parse_stream(next_line, &p, on_key, &p);
    bool unread = ferror(p.file) != 0;
    fclose(p.file);
    if (unread || bad < 0) {
        snprintf(why, why_cap, "%s cannot be read", path);
        return ZG_ERR_STORAGE;
    }
    if (bad > 0 && (p.bad_line == 0 || (uint32_t)bad < p.bad_line)) {
        snprintf(why, why_cap, "%s line %d: neither [section] nor key = value nor # comment", path, bad);
        return ZG_ERR_ARGUMENT;
    }
    if (p.bad_line != 0) {
        snprintf(why, why_cap, "%s line %u: %s", path, (unsigned)p.bad_line, words);
        return ZG_ERR_ARGUMENT;
    }
    *out = config;
    return ZG_OK;
}

zg_err config_set(struct config *c, const char *section, const char *key, const char *value, char *why,
                  size_t why_cap)
{
    struct config changed = *c;
    struct parse p = {.config = &changed, .why = {why, why_cap}};
    if (!set_key(&p, section, key, value))
        return ZG_ERR_ARGUMENT;
    *c = changed;
    return ZG_OK;
}

/* --- writing --- */

static void write_help(FILE *out, const char *help)
{
    fputs("\n# ", out);
    for (; *help != '\0'; help++) {
        fputc(*help, out);
        if (*help == '\n')
            fputs("# ", out);
    }
    fputc('\n', out);
}

static void write_number(FILE *out, const struct key *key, const struct config *c)
{
    uint32_t small;
    uint64_t large;
    if (key->parse == parse_mib) {
        memcpy(&large, (const char *)c + key->offset, sizeof(large));
        large >>= 20;
    } else {
        memcpy(&small, (const char *)c + key->offset, sizeof(small));
        large = small;
    }
    fprintf(out, "# %s = %llu\n", key->name, (unsigned long long)large);
}

static void write_key(FILE *out, const struct key *key, const char *given)
{
    struct config c;
    config_default(&c);
    write_help(out, key->help);
    if (given != NULL)
        fprintf(out, "%s = %s\n", key->name, given);
    else if (key->parse == parse_address)
        fprintf(out, "# %s = relay.example.org:7443\n", key->name);
    else if (key->parse == parse_listen_web)
        fprintf(out, "# %s = 127.0.0.1:7480\n", key->name);
    else if (key->parse == parse_page)
        fprintf(out, "# %s = /usr/local/share/zaguan/page\n", key->name);
    else if (key->parse == parse_certificate)
        fprintf(out, "# %s = /etc/zaguan-relay/certificate.pem\n", key->name);
    else if (key->parse == parse_web_address)
        fprintf(out, "# %s = www.example.org\n", key->name);
    else if (key->parse == parse_lifetime)
        fprintf(out, "# %s = %s\n", key->name, lifetimes[c.ttl_ceiling]);
    else if (key->parse == parse_keys)
        fprintf(out, "# %s = %s\n", key->name, c.keys);
    else if (key->parse == parse_switch)
        fprintf(out, "# %s = on\n", key->name);
    else
        write_number(out, key, &c);
}

void config_write(FILE *out, const char *listen, const char *address)
{
    const char *section = "";
    fputs("# Configuration of zaguan-relay. Read at start; restart the relay after a change.\n"
          "# A line with # in front is a comment; those with a key show what holds if nothing is said.\n",
          out);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *given = NULL;
        if (keys[i].parse == parse_listen)
            given = listen != NULL ? listen : CONFIG_LISTEN_DEFAULT;
        else if (keys[i].parse == parse_address)
            given = address;
        if (strcmp(section, keys[i].section) != 0) {
            section = keys[i].section;
            fprintf(out, "\n[%s]\n", section);
        }
        write_key(out, &keys[i], given);
    }
}
