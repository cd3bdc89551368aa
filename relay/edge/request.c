#define _GNU_SOURCE
#include "relay/edge/request.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

/* The older of the two is what Debian 12 has. */
#ifdef ZG_LLHTTP
#include <llhttp.h>
typedef llhttp_t parser;
typedef llhttp_settings_t parser_settings;
#else
#include <http_parser.h>
typedef http_parser parser;
typedef http_parser_settings parser_settings;
#endif

struct parse {
    struct request *out;
    struct span target, field, value;
    unsigned hosts, keys, versions;
    bool closes, upgrades; /* what Connection says */
    bool to_websocket;     /* what Upgrade says */
    bool in_value, done, bad;
};

static bool same(struct span s, const char *text)
{
    return s.len == strlen(text) && strncasecmp((const char *)s.at, text, s.len) == 0;
}

static struct span trim(struct span s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (struct span){s.at + 1, s.len - 1};
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Cuts off what stands before the separator, or all. */
static struct span cut(struct span *rest, char separator)
{
    const uint8_t *at = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;
    struct span part = *rest;
    if (at == NULL) {
        rest->len = 0;
        return trim(part);
    }
    part.len = (size_t)(at - rest->at);
    rest->at += part.len + 1;
    rest->len -= part.len + 1;
    return trim(part);
}

/* --- fields --- */

static void take_host(struct parse *p, struct span value)
{
    (void)value;
    p->hosts++;
}

static void take_body(struct parse *p, struct span value)
{
    p->bad = p->bad || !same(value, "0");
}

static void take_connection(struct parse *p, struct span value)
{
    while (value.len > 0) {
        struct span word = cut(&value, ',');
        p->closes = p->closes || same(word, "close");
        p->upgrades = p->upgrades || same(word, "upgrade");
    }
}

static void take_upgrade(struct parse *p, struct span value)
{
    while (value.len > 0)
        p->to_websocket = same(cut(&value, ','), "websocket") || p->to_websocket;
}

static void take_key(struct parse *p, struct span value)
{
    p->keys++;
    p->out->key = value;
}

static void take_version(struct parse *p, struct span value)
{
    p->versions = same(value, "13") ? p->versions + 1 : 2;
}

/* "q=0", "q=0.0" ...: it is not wanted. */
static bool refused(struct span parameter)
{
    if (parameter.len < 3 || strncasecmp((const char *)parameter.at, "q=0", 3) != 0)
        return false;
    for (size_t i = 3; i < parameter.len; i++)
        if (parameter.at[i] != '.' && parameter.at[i] != '0')
            return false;
    return true;
}

static void take_encodings(struct parse *p, struct span value)
{
    while (value.len > 0) {
        struct span rest = cut(&value, ',');
        struct span name = cut(&rest, ';');
        bool wanted = !refused(trim(rest));
        if (same(name, "gzip"))
            p->out->gzip = wanted;
        else if (same(name, "br"))
            p->out->brotli = wanted;
    }
}

static const struct {
    const char *name;
    void (*take)(struct parse *p, struct span value);
} fields[] = {
    {"Host", take_host},
    {"Content-Length", take_body},
    {"Transfer-Encoding", take_body},
    {"Connection", take_connection},
    {"Upgrade", take_upgrade},
    {"Sec-WebSocket-Key", take_key},
    {"Sec-WebSocket-Version", take_version},
    {"Accept-Encoding", take_encodings},
};

static void end_field(struct parse *p)
{
    /* "Host :" is a Host for some who read it (RFC 9112, section 5.1). */
    p->bad = p->bad || trim(p->field).len < p->field.len;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (same(p->field, fields[i].name))
            fields[i].take(p, trim(p->value));
    p->field = p->value = (struct span){0};
    p->in_value = false;
}

/* --- the library's callbacks --- */

/* What comes in pieces lies in one piece in the head; a value that goes on in another line does not. */
static void extend(struct parse *p, struct span *s, const char *at, size_t len)
{
    if (s->len > 0 && s->at + s->len != (const uint8_t *)at)
        p->bad = true;
    if (s->len == 0)
        s->at = (const uint8_t *)at;
    s->len += len;
}

static int on_target(parser *lib, const char *at, size_t len)
{
    struct parse *p = lib->data;
    extend(p, &p->target, at, len);
    return 0;
}

static int on_field(parser *lib, const char *at, size_t len)
{
    struct parse *p = lib->data;
    bool other = p->field.len > 0 && p->field.at + p->field.len != (const uint8_t *)at;
    if (p->in_value || other)
        end_field(p);
    extend(p, &p->field, at, len);
    return 0;
}

static int on_value(parser *lib, const char *at, size_t len)
{
    struct parse *p = lib->data;
    p->in_value = true;
    p->bad = p->bad || p->field.len == 0; /* llhttp minds no empty name */
    extend(p, &p->value, at, len);
    return 0;
}

static int on_head(parser *lib)
{
    struct parse *p = lib->data;
    if (p->field.len > 0)
        end_field(p);
    p->bad = p->bad || p->done;
    p->done = true;
    return 0;
}

/* false: something is wrong, or it ended somewhere else than at the end. */
static bool run(parser *lib, struct parse *p, const char *head, size_t len)
{
    parser_settings settings;
#ifdef ZG_LLHTTP
    llhttp_settings_init(&settings);
#else
    http_parser_settings_init(&settings);
#endif
    settings.on_url = on_target;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_head;
#ifdef ZG_LLHTTP
    llhttp_init(lib, HTTP_REQUEST, &settings);
    lib->data = p;
    llhttp_errno_t err = llhttp_execute(lib, head, len);
    if (err == HPE_PAUSED_UPGRADE)
        return llhttp_get_error_pos(lib) == head + len;
    return err == HPE_OK;
#else
    http_parser_init(lib, HTTP_REQUEST);
    lib->data = p;
    return http_parser_execute(lib, &settings, head, len) == len && lib->http_errno == HPE_OK;
#endif
}

/* --- the whole --- */

size_t request_head_length(const uint8_t *data, size_t len)
{
    static const char end[4] = {'\r', '\n', '\r', '\n'};
    const uint8_t *at = memmem(data, len, end, sizeof(end));
    return at == NULL ? 0 : (size_t)(at - data) + sizeof(end);
}

/* A line that ends in another way would be an end for the one and none for the other of two that read it. */
static bool lines_ok(const uint8_t *head, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (head[i] == '\0' || (head[i] == '\r' && (i + 1 == len || head[i + 1] != '\n')) ||
            (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')))
            return false;
    return true;
}

static enum request_method method_of(const parser *lib)
{
    if (lib->method == HTTP_GET)
        return REQUEST_GET;
    return lib->method == HTTP_HEAD ? REQUEST_HEAD : REQUEST_OTHER;
}

/* RFC 6455, section 4.2.1. */
static bool asks_for_websocket(const struct parse *p, bool http11)
{
    uint8_t nonce[16];
    size_t len;
    const struct request *r = p->out;
    if (!http11 || r->method != REQUEST_GET || !p->upgrades || !p->to_websocket || p->versions != 1)
        return false;
    return p->keys == 1 && r->key.len == REQUEST_KEY_LEN &&
           sodium_base642bin(nonce, sizeof(nonce), (const char *)r->key.at, r->key.len, NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == sizeof(nonce);
}

bool request_parse(struct request *out, const uint8_t *head, size_t len)
{
    parser lib;
    struct parse p = {.out = out};

    memset(out, 0, sizeof(*out));
    if (!lines_ok(head, len) || !run(&lib, &p, (const char *)head, len) || !p.done || p.bad)
        return false;
    bool http11 = lib.http_major == 1 && lib.http_minor == 1;
    if (lib.http_major != 1 || lib.http_minor > 1 || p.hosts > 1 || (http11 && p.hosts == 0))
        return false;
    out->method = method_of(&lib);
    out->path = cut(&p.target, '?');
    out->last = p.closes || !http11;
    out->websocket = asks_for_websocket(&p, http11);
    return true;
}
