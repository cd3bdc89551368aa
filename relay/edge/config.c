#define _POSIX_C_SOURCE 200809L
#include "relay/edge/config.h"

#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <string.h>

#include "proto/wire.h"
#include "relay/edge/config_keys.h"
#include "relay/edge/folder.h"

/* --- the file --- */

struct parse {
    FILE *file;
    struct config *config;
    uint32_t line;
    uint32_t bad_line; /* 0: none yet */
    struct complaint why;
    bool given[CONFIG_KEYS_MAX];
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
    for (size_t i = 0; i < config_key_count; i++)
        if (strlen(config_keys[i].section) == len && memcmp(config_keys[i].section, name, len) == 0)
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
        config_complain(&p->why, "there is no section [%.*s]",
                        (int)(end - line - 1 > 40 ? 40 : end - line - 1), line + 1);
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
            config_complain(&p->why, "the line is too long");
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
    for (size_t i = 0; i < config_key_count; i++) {
        if (strcmp(config_keys[i].section, section) != 0 || strcmp(config_keys[i].name, name) != 0)
            continue;
        if (p->given[i])
            return config_complain(&p->why, "%s stands there twice", name);
        p->given[i] = true;
        return config_keys[i].parse(p->config, &config_keys[i], value, &p->why);
    }
    if (section[0] == '\0')
        return config_complain(&p->why, "%.40s stands before the first [section]", name);
    if (!section_known(section, strlen(section)))
        return config_complain(&p->why, "there is no section [%.40s]", section);
    return config_complain(&p->why, "there is no key \"%.40s\" in [%s]", name, section);
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

static void set_default(struct config *c, const char *section, const char *name, const char *value)
{
    char why[80];
    struct parse p = {.config = c, .why = {why, sizeof(why)}};
    bool good = set_key(&p, section, name, value);
    assert(good);
    (void)good;
}

void config_default(struct config *c)
{
    assert(config_key_count <= CONFIG_KEYS_MAX);
    memset(c, 0, sizeof(*c));
    c->settle_ms = 250;
    c->ttl_ceiling = WIRE_TTL_7D;
    c->sandbox = true;
    c->disk_low_bytes = UINT64_C(200) << 20;
    memcpy(c->keys, FOLDER_KEYS, sizeof(FOLDER_KEYS));
    c->limits = limits_default();
    set_default(c, "relay", "listen", CONFIG_LISTEN_DEFAULT);
    set_default(c, "limits", "shared", CONFIG_SHARED_DEFAULT);
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

static void write_key(FILE *out, const struct key *key, const char *given)
{
    struct config c;
    config_default(&c);
    write_help(out, key->help);
    if (given != NULL)
        fprintf(out, "%s = %s\n", key->name, given);
    else if (key->example != NULL)
        fprintf(out, "# %s = %s\n", key->name, key->example);
    else
        fprintf(out, "# %s = %llu\n", key->name, (unsigned long long)config_number(&c, key));
}

void config_write(FILE *out, const char *listen, const char *address)
{
    const char *section = "";
    fputs("# Configuration of zaguan-relay. Read at start; restart the relay after a change.\n"
          "# A line with # in front is a comment; those with a key show what holds if nothing is said.\n",
          out);
    for (size_t i = 0; i < config_key_count; i++) {
        const char *given = NULL;
        if (strcmp(config_keys[i].name, "listen") == 0)
            given = listen != NULL ? listen : CONFIG_LISTEN_DEFAULT;
        else if (strcmp(config_keys[i].name, "address") == 0)
            given = address;
        if (strcmp(section, config_keys[i].section) != 0) {
            section = config_keys[i].section;
            fprintf(out, "\n[%s]\n", section);
        }
        write_key(out, &config_keys[i], given);
    }
}
