#define _POSIX_C_SOURCE 200809L

#include "client/cli/common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cli/text.h"

/* --- saying --- */

static void say_list(const char *format, va_list args)
{
    fputs("zaguan: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_list(format, args);
    va_end(args);
}

int complain(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_list(format, args);
    va_end(args);
    return code;
}

int code_of(zg_err err)
{
    switch (err) {
    case ZG_OK:
        return DONE;
    case ZG_ERR_PASSPHRASE:
        return WRONG_PASSPHRASE;
    case ZG_ERR_MALFORMED:
    case ZG_ERR_TRUNCATED:
    case ZG_ERR_VERSION:
    case ZG_ERR_FORGED:
    case ZG_ERR_FOREIGN:
    case ZG_ERR_EXPIRED:
    case ZG_ERR_REFUSED:
        return NOT_ACCEPTED;
    case ZG_ERR_NETWORK:
    case ZG_ERR_BUSY:
    case ZG_ERR_FULL:
        return NO_RELAY;
    case ZG_ERR_LOCKED:
        return IN_USE;
    case ZG_ERR_NOT_FOUND:
        return NOT_THERE;
    default:
        return FAILED;
    }
}

int complain_err(zg_err err, const char *what)
{
    return complain(code_of(err), "%s: %s", what, zg_err_text(err));
}

/* --- options --- */

enum { OPT_VAULT = 1, OPT_PASSPHRASE_FD, OPT_SOCKS5, OPT_JSON, OPT_LANG, OPT_WAIT, OPT_HELP, OPT_VERSION };

static const struct option common_options[] = {
    {"vault", required_argument, NULL, OPT_VAULT},
    {"passphrase-fd", required_argument, NULL, OPT_PASSPHRASE_FD},
    {"socks5", required_argument, NULL, OPT_SOCKS5},
    {"json", no_argument, NULL, OPT_JSON},
    {"lang", required_argument, NULL, OPT_LANG},
    {"wait", required_argument, NULL, OPT_WAIT},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
};

enum { COMMON = sizeof(common_options) / sizeof(common_options[0]), OWN_MAX = 8 };

static bool number(const char *s, unsigned long max, unsigned long *out)
{
    char *end;
    if (*s < '0' || *s > '9')
        return false;
    errno = 0;
    unsigned long v = strtoul(s, &end, 10);
    if (errno != 0 || *end != '\0' || v > max)
        return false;
    *out = v;
    return true;
}

bool option_fd(const char *value, int *fd)
{
    unsigned long v;
    if (!number(value, 65535, &v)) {
        say("%s is not the number of a file descriptor", value);
        return false;
    }
    *fd = (int)v;
    return true;
}

void send_options_init(zg_send_options *o)
{
    *o = (zg_send_options){.size = sizeof(*o), .lifetime_s = 86400, .from = ZG_AFTER_READ};
}

bool send_option(zg_send_options *o, bool is_lifetime)
{
    if (is_lifetime) {
        if (duration_parse(optarg, &o->lifetime_s))
            return true;
        say("--lifetime takes 5s, 10m, 24h or 7d, at most 30d");
        return false;
    }
    bool sent = strcmp(optarg, "sent") == 0;
    o->from = sent ? ZG_AFTER_SENT : ZG_AFTER_READ;
    if (!sent && strcmp(optarg, "read") != 0) {
        say("--after takes sent or read");
        return false;
    }
    return true;
}

bool limit_option(uint32_t *limit_s)
{
    if (duration_parse(optarg, limit_s))
        return true;
    say("--limit takes 5s, 10m, 24h or 7d, at most 30d");
    return false;
}

static bool take_wait(struct common *c, const char *value)
{
    unsigned long v;
    if (!number(value, 86400, &v)) {
        say("--wait takes seconds, at most 86400");
        return false;
    }
    c->wait_given = true;
    c->wait_s = (uint32_t)v;
    return true;
}

/* Whether to go on; else *code. */
static bool take_common(struct call *c, int option, int *code)
{
    *code = USAGE;
    switch (option) {
    case OPT_VAULT:
        c->common.vault = optarg;
        return true;
    case OPT_PASSPHRASE_FD:
        return option_fd(optarg, &c->common.passphrase_fd);
    case OPT_SOCKS5:
        c->common.socks5 = optarg;
        return true;
    case OPT_JSON:
        c->common.json = true;
        return true;
    case OPT_LANG:
        if (strcmp(optarg, "en") != 0 && strcmp(optarg, "es") != 0 && strcmp(optarg, "fr") != 0) {
            say("--lang knows en, es and fr");
            return false;
        }
        c->common.language = optarg;
        return true;
    case OPT_WAIT:
        return take_wait(&c->common, optarg);
    case OPT_HELP:
        fputs(c->help, stdout);
        *code = DONE;
        return false;
    case OPT_VERSION:
        printf("zaguan %s\n", zg_version());
        *code = DONE;
        return false;
    default: /* getopt has said what is wrong */
        fprintf(stderr, "Try `zaguan %s --help'.\n", c->argv[0]);
        return false;
    }
}

int options_next(struct call *c, const struct option *own, int *code)
{
    struct option all[COMMON + OWN_MAX + 1];
    size_t n = COMMON;
    memcpy(all, common_options, sizeof(common_options));
    for (; own != NULL && own->name != NULL && n < COMMON + OWN_MAX; own++)
        all[n++] = *own;
    memset(&all[n], 0, sizeof(all[n]));

    for (;;) {
        int option = getopt_long(c->argc, c->argv, "", all, NULL);
        if (option == -1)
            return OPTION_END;
        if (option >= OPTION_OWN)
            return option;
        if (!take_common(c, option, code))
            return OPTION_STOP;
    }
}

/* --- where the vault is --- */

/* Every folder above the last part, for the owner only. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool there = mkdir(path, 0700) == 0 || errno == EEXIST;
        int why = errno;
        *slash = '/';
        if (!there) {
            say("cannot make the folder of %s: %s", path, strerror(why));
            return false;
        }
    }
    return true;
}

char *vault_path(const struct common *c)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    bool has_data = data != NULL && data[0] == '/';
    if (c->vault != NULL)
        return strdup(c->vault);
    if (!has_data && (home == NULL || home[0] != '/')) {
        say("there is no HOME to keep the vault in: use --vault FILE");
        return NULL;
    }
    const char *base = has_data ? data : home;
    const char *rest = has_data ? "/zaguan/desk.vault" : "/.local/share/zaguan/desk.vault";
    size_t len = strlen(base) + strlen(rest) + 1;
    char *path = malloc(len);
    if (path == NULL)
        return NULL;
    snprintf(path, len, "%s%s", base, rest);
    if (!make_folders(path)) {
        free(path);
        return NULL;
    }
    return path;
}
