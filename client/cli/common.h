/* What the subcommands of `zaguan` share: exit codes, options, ways to complain. */
#ifndef CLIENT_CLI_COMMON_H
#define CLIENT_CLI_COMMON_H

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zaguan/client.h>

/* Documented in zaguan(1); scripts rely on them. A signal ends with 128 + its number. */
enum exit_code {
    DONE = 0,
    FAILED = 1,
    USAGE = 2,
    WRONG_PASSPHRASE = 3,
    NOT_ACCEPTED = 4, /* a card, file, voucher or message was refused: damaged, forged, expired, used up */
    NO_RELAY = 5,     /* not reached in time */
    IN_USE = 6,
    NOT_THERE = 7,
};

struct common {
    const char *vault; /* NULL: the default */
    int passphrase_fd; /* -1: ask */
    const char *socks5;
    const char *language;
    bool json;
    bool wait_given;
    uint32_t wait_s;
};

/* One call of a subcommand. */
struct call {
    int argc;
    char **argv; /* [0] is the subcommand's last word */
    const char *help;
    struct common common;
};

/* --- options --- */

enum { OPTION_END = -1, OPTION_STOP = -2 /* *code says how the program ends */, OPTION_OWN = 1000 /* the first own value */ };

/*
 * The next of the subcommand's own options (a getopt table that ends with zeros); common ones are taken care of, --help
 * and mistakes are answered. After OPTION_END optind stands at the first argument.
 */
int options_next(struct call *c, const struct option *own, int *code);

/* A descriptor's number; false: said. */
bool option_fd(const char *value, int *fd);

/* A day after being read; changed by --lifetime and --after, whose value is optarg. false: said. */
void send_options_init(zg_send_options *o);
bool send_option(zg_send_options *o, bool is_lifetime);
/* --limit, whose value is optarg. false: said. */
bool limit_option(uint32_t *limit_s);

/* --- saying --- */

/* "zaguan: ..." to standard error. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and the exit code. */
int complain(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The exit code of an error. */
int code_of(zg_err err);
/* "zaguan: what: sentence"; the exit code. */
int complain_err(zg_err err, const char *what);

/* Default path of the vault, made with its folders; the caller frees. NULL: said. */
char *vault_path(const struct common *c);

/* --- subcommands --- */

int cmd_organisation(struct call *c);
int cmd_desk(struct call *c);
int cmd_card(struct call *c);
int cmd_knock(struct call *c);
int cmd_inbox(struct call *c);
int cmd_chat(struct call *c);
int cmd_send(struct call *c);
int cmd_erase(struct call *c);
int cmd_vault(struct call *c);

#endif
