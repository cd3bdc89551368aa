#define _XOPEN_SOURCE 700

#include "client/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

static void grow(struct text *t, size_t more)
{
    if (t->cap - t->len > more)
        return;
    size_t cap = t->cap == 0 ? 1024 : t->cap;
    while (cap - t->len <= more)
        cap *= 2;
    char *at = malloc(cap);
    if (at == NULL) {
        fputs("zaguan: out of memory\n", stderr);
        abort();
    }
    if (t->at != NULL) {
        memcpy(at, t->at, t->len);
        sodium_memzero(t->at, t->cap);
        free(t->at);
    }
    t->at = at;
    t->cap = cap;
}

void text_add_bytes(struct text *t, const char *s, size_t len)
{
    grow(t, len);
    if (len > 0)
        memcpy(t->at + t->len, s, len);
    t->len += len;
    t->at[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_add_bytes(t, s, strlen(s));
}

void text_format(struct text *t, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (n > 0)
        text_add_bytes(t, small, (size_t)n < sizeof(small) ? (size_t)n : sizeof(small) - 1);
    sodium_memzero(small, sizeof(small));
}

void text_reset(struct text *t)
{
    if (t->at != NULL)
        sodium_memzero(t->at, t->cap);
    t->len = 0;
}

void text_clear(struct text *t)
{
    text_reset(t);
    free(t->at);
    *t = (struct text)TEXT_INIT;
}

bool text_flush(struct text *t, int fd)
{
    size_t done = 0;
    while (done < t->len) {
        ssize_t n = write(fd, t->at + done, t->len - done);
        if (n > 0) {
            done += (size_t)n;
        } else if (n < 0 && errno == EAGAIN) {
            struct pollfd p = {.fd = fd, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (n < 0 && errno != EINTR) {
            break;
        }
    }
    bool all = done == t->len;
    text_reset(t);
    return all;
}

/* --- characters --- */

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

size_t utf8_next(const char *s, size_t len, uint32_t *character)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s[0];
    size_t n = first < 0x80 ? 1 : first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    *character = 0xfffd;
    if (n == 0 || n > len || first >= 0xf8)
        return 1;
    uint32_t v = n == 1 ? first : first & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (!continues(s[i]))
            return 1;
        v = v << 6 | ((unsigned char)s[i] & 0x3f);
    }
    if (v < smallest[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
        return 1;
    *character = v;
    return n;
}

/* What changes the direction or the lines of what stands around it: words could pose as the program's own. */
static bool is_treacherous(uint32_t c)
{
    return (c >= 0x80 && c <= 0x9f) || c == 0x61c || c == 0x180e || c == 0x200e || c == 0x200f ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe0fff);
}

int character_width(uint32_t character)
{
    int w = wcwidth((wchar_t)character);
    return w < 0 ? 1 : w;
}

void text_add_clean(struct text *t, const char *s, size_t len)
{
    for (size_t at = 0, n; at < len; at += n) {
        uint32_t c;
        n = utf8_next(s + at, len - at, &c);
        if (c == '\n')
            text_add_bytes(t, "\n", 1);
        else if (c == '\t')
            text_add(t, "    ");
        else if (c < 0x20)
            text_format(t, "^%c", (char)(c + '@'));
        else if (c == 0x7f)
            text_add(t, "^?");
        else if (is_treacherous(c))
            text_format(t, "<U+%04" PRIX32 ">", c);
        else if (c == 0xfffd)
            text_add(t, "\xef\xbf\xbd");
        else
            text_add_bytes(t, s + at, n);
    }
}

void text_add_json(struct text *t, const char *s, size_t len)
{
    text_add(t, "\"");
    for (size_t at = 0, n; at < len; at += n) {
        uint32_t c;
        n = utf8_next(s + at, len - at, &c);
        if (c == '"' || c == '\\')
            text_format(t, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f || (is_treacherous(c) && c <= 0xffff))
            text_format(t, "\\u%04" PRIx32, c);
        else if (is_treacherous(c))
            text_format(t, "\\u%04" PRIx32 "\\u%04" PRIx32, 0xd7c0 + (c >> 10), 0xdc00 + (c & 0x3ff));
        else if (c == 0xfffd)
            text_add(t, "\xef\xbf\xbd");
        else
            text_add_bytes(t, s + at, n);
    }
    text_add(t, "\"");
}

/* --- durations --- */

static const struct unit {
    char letter;
    const char *name;
    uint32_t seconds;
} units[] = {{'d', "d", 86400}, {'h', "h", 3600}, {'m', "min", 60}, {'s', "s", 1}};

void duration_text(char out[24], uint64_t ms)
{
    const struct unit *u = units;
    uint64_t s = ms / 1000 + (ms % 1000 != 0);
    while (u->seconds > 1 && s < 2 * (uint64_t)u->seconds)
        u++;
    snprintf(out, 24, "%" PRIu64 " %s", (s + u->seconds - 1) / u->seconds, u->name);
}

bool duration_parse(const char *s, uint32_t *seconds)
{
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    unsigned long n = strtoul(s, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (end[0] == units[i].letter && end[1] == '\0') {
            if (n < 1 || n > 30ul * 86400 / units[i].seconds)
                return false;
            *seconds = (uint32_t)n * units[i].seconds;
            return true;
        }
    }
    return false;
}
