#include "tests/support/support.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, const char *which)
{
    fprintf(stderr, "test support: %s: %s\n", what, which);
    abort();
}

/* --- hex --- */

size_t hex_decode(const char *text, uint8_t *out, size_t cap)
{
    size_t len;
    const char *end;
    size_t text_len = strlen(text);
    if (sodium_hex2bin(out, cap, text, text_len, NULL, &len, &end) != 0 || end != text + text_len)
        fail("not hex, or too long", text);
    return len;
}

void hex_encode(char *out, const uint8_t *data, size_t len)
{
    sodium_bin2hex(out, 2 * len + 1, data, len);
}

/* --- randomness that repeats --- */

static void draw(struct rng_seed *s, void *out, size_t len)
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    memcpy(nonce, &s->calls, sizeof(nonce));
    s->calls++;
    crypto_stream_chacha20(out, len, nonce, s->key);
}

/* A simulation asks for little, and a million times. */
static void fill_seeded(void *ctx, void *out, size_t len)
{
    struct rng_seed *s = ctx;
    if (len > sizeof(uint64_t)) {
        draw(s, out, len);
        return;
    }
    if (s->pool_left < len) {
        draw(s, s->pool, sizeof(s->pool));
        s->pool_left = sizeof(s->pool);
    }
    s->pool_left -= len;
    memcpy(out, s->pool + s->pool_left, len);
}

struct rng rng_seeded(struct rng_seed *state, uint64_t seed)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(seed >> (8 * i));
    crypto_generichash(state->key, sizeof(state->key), bytes, sizeof(bytes), NULL, 0);
    state->calls = 0;
    state->pool_left = 0;
    return (struct rng){fill_seeded, state};
}

uint32_t rng_below(const struct rng *rng, uint32_t bound)
{
    uint64_t v;
    rng_fill(rng, &v, sizeof(v));
    return (uint32_t)(v % bound);
}

static void fill_fixed(void *ctx, void *out, size_t len)
{
    struct rng_bytes *b = ctx;
    if (len > b->left)
        fail("more randomness asked for than given", "rng_fixed");
    memcpy(out, b->at, len);
    b->at += len;
    b->left -= len;
}

struct rng rng_fixed(struct rng_bytes *bytes)
{
    return (struct rng){fill_fixed, bytes};
}

/* --- vector files --- */

enum { FIELDS_MAX = 64 };

struct vector_file {
    char *text;
    char *at;
    size_t count;
    struct {
        const char *name;
        char *value;
    } fields[FIELDS_MAX];
};

static char *read_all(const char *path)
{
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        fail("cannot open", path);
    if (fseek(in, 0, SEEK_END) != 0)
        fail("cannot read", path);
    long len = ftell(in);
    if (len < 0 || fseek(in, 0, SEEK_SET) != 0)
        fail("cannot read", path);
    char *text = malloc((size_t)len + 1);
    if (text == NULL || fread(text, 1, (size_t)len, in) != (size_t)len)
        fail("cannot read", path);
    text[len] = '\0';
    fclose(in);
    return text;
}

struct vector_file *vector_open(const char *name)
{
    char path[4096];
    struct vector_file *f = calloc(1, sizeof(*f));
    if (f == NULL)
        fail("out of memory", name);
    snprintf(path, sizeof(path), "%s/%s", ZG_VECTORS_DIR, name);
    f->text = read_all(path);
    f->at = f->text;
    return f;
}

void vector_close(struct vector_file *f)
{
    if (f == NULL)
        return;
    free(f->text);
    free(f);
}

/* Cuts the next line off; NULL at the end. */
static char *next_line(struct vector_file *f)
{
    char *line = f->at;
    if (*line == '\0')
        return NULL;
    char *end = strchr(line, '\n');
    if (end == NULL) {
        f->at = line + strlen(line);
    } else {
        *end = '\0';
        f->at = end + 1;
    }
    return line;
}

/* A value never grows: what goes on stands behind it in the same text. */
static void go_on(char *value, const char *more)
{
    size_t len = strlen(value);
    while (*more == ' ')
        more++;
    memmove(value + len, more, strlen(more) + 1);
}

static void add_field(struct vector_file *f, char *line)
{
    char *equals = strstr(line, " =");
    if (equals == NULL || f->count == FIELDS_MAX)
        fail("bad line", line);
    *equals = '\0';
    char *value = equals + 2;
    while (*value == ' ')
        value++;
    f->fields[f->count].name = line;
    f->fields[f->count].value = value;
    f->count++;
}

bool vector_next(struct vector_file *f)
{
    char *line;
    f->count = 0;
    while ((line = next_line(f)) != NULL) {
        if (line[0] == '#')
            continue;
        if (line[0] == '\0') {
            if (f->count > 0)
                return true;
        } else if (line[0] == ' ') {
            if (f->count == 0)
                fail("nothing to go on with", line);
            go_on(f->fields[f->count - 1].value, line);
        } else {
            add_field(f, line);
        }
    }
    return f->count > 0;
}

static const char *find(const struct vector_file *f, const char *name)
{
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->fields[i].name, name) == 0)
            return f->fields[i].value;
    return NULL;
}

bool vector_has(const struct vector_file *f, const char *name)
{
    return find(f, name) != NULL;
}

const char *vector_text(const struct vector_file *f, const char *name)
{
    const char *value = find(f, name);
    if (value == NULL)
        fail("no such value in this block", name);
    return value;
}

size_t vector_bytes(const struct vector_file *f, const char *name, uint8_t *out, size_t cap)
{
    return hex_decode(vector_text(f, name), out, cap);
}

uint64_t vector_uint(const struct vector_file *f, const char *name)
{
    const char *value = vector_text(f, name);
    char *end;
    unsigned long long v = strtoull(value, &end, 10);
    if (*value == '\0' || *end != '\0')
        fail("not a number", name);
    return v;
}

void vector_write_text(FILE *out, const char *name, const char *value)
{
    fprintf(out, "%s =%s%s\n", name, *value == '\0' ? "" : " ", value);
}

void vector_write_bytes(FILE *out, const char *name, const uint8_t *data, size_t len)
{
    enum { LINE = 48 };
    fprintf(out, "%s =", name);
    for (size_t i = 0; i < len; i++) {
        if (i % LINE == 0)
            fputs(len <= LINE ? " " : "\n    ", out);
        fprintf(out, "%02x", data[i]);
    }
    fputc('\n', out);
}

void vector_write_uint(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, "%s = %" PRIu64 "\n", name, value);
}

void vector_write_end(FILE *out)
{
    fputc('\n', out);
}
