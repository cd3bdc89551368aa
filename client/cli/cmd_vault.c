#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#include "client/cli/prompt.h"
#include "client/cli/session.h"

static const char help[] =
    "zaguan vault check\n"
    "zaguan vault passphrase\n"
    "zaguan vault wipe\n"
    "\n"
    "check        opens the vault and reads everything in it, and says whether it is whole.\n"
    "passphrase   changes the passphrase. The keys are made anew: the old one opens only copies made "
    "before.\n"
    "wipe         erases the vault of this device: keys first, then everything else. Nobody is asked for "
    "the\n"
    "             passphrase, and it cannot be taken back. The relay is not told: `zaguan erase' does that "
    "for a\n"
    "             conversation. The name of the vault has to be typed once more.\n"
    "\n"
    "  --vault FILE          where the vault is\n"
    "  --passphrase-fd N     the passphrase is the next line of descriptor N, and for `passphrase' the new "
    "one the\n"
    "                        line after it\n"
    "  --yes                 wipe: without typing the name\n";

struct vault_call {
    const struct common *common;
    char *path;
    bool yes;
};

/* --- check --- */

struct count {
    size_t entries;
    zg_err err;
};

static zg_err count_entry(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct count *c = ctx;
    (void)key;
    (void)value;
    (void)len;
    c->entries++;
    return ZG_OK;
}

static void counted(void *ctx, zg_err err)
{
    struct count *c = ctx;
    c->err = err;
}

static int check(const struct vault_call *v)
{
    struct count c = {0, ZG_OK};
    zg_vault *vault;
    int code = session_vault_open(&vault, v->common);
    if (code != DONE)
        return code;
    vault->load(vault, count_entry, &c, counted);
    vault->pump(vault);
    vault->close(vault);
    if (c.err != ZG_OK)
        return session_vault_complain(c.err, v->path);
    say("%s is whole: %zu entries, all of them can be read", v->path, c.entries);
    return DONE;
}

/* --- passphrase --- */

static int change(const struct vault_call *v)
{
    struct secret_line old;
    struct secret_line new;
    int fd = v->common->passphrase_fd;
    if (access(v->path, F_OK) != 0)
        return session_vault_complain(ZG_ERR_NOT_FOUND, v->path);
    int code = prompt_passphrase(&old, fd, PASSPHRASE_EXISTING, "the vault");
    if (code != DONE)
        return code;
    code = prompt_passphrase(&new, fd, PASSPHRASE_NEW, "the vault");
    if (code == DONE) {
        zg_err err = zg_vault_sqlite_passphrase(v->path, old.at, old.len, new.at, new.len);
        secret_line_clear(&new);
        if (err == ZG_ERR_STORAGE)
            say("it is not certain which of the two passphrases opens it now; try the new one, then the old "
                "one");
        if (err != ZG_OK)
            code = session_vault_complain(err, v->path);
        else
            say("the passphrase was changed; copies of the vault from before still open with the old one");
    }
    secret_line_clear(&old);
    return code;
}

/* --- wipe --- */

static int confirm(const struct vault_call *v)
{
    struct secret_line answer;
    say("%s and everything in it will be erased; this cannot be taken back", v->path);
    int code = prompt_line(&answer, "Type its name once more to go on: ", true);
    if (code != DONE)
        return code;
    if (strcmp(answer.at, v->path) != 0)
        code = complain(FAILED, "that is not its name; nothing was erased");
    secret_line_clear(&answer);
    return code;
}

static int wipe(const struct vault_call *v)
{
    if (access(v->path, F_OK) != 0)
        return session_vault_complain(ZG_ERR_NOT_FOUND, v->path);
    int code = v->yes ? DONE : confirm(v);
    if (code != DONE)
        return code;
    zg_err err = zg_vault_sqlite_wipe(v->path);
    if (err == ZG_ERR_MALFORMED)
        return complain(NOT_ACCEPTED, "%s does not begin like a vault; it was not touched", v->path);
    if (err == ZG_ERR_STORAGE)
        return complain(FAILED, "%s could not be erased completely; try again, or destroy the medium",
                        v->path);
    if (err != ZG_OK)
        return session_vault_complain(err, v->path);
    say("%s is erased. Flash memory, snapshots and backups may keep old blocks: whoever has them and the "
        "passphrase can "
        "read what stood there. If that matters, destroy the medium.",
        v->path);
    return DONE;
}

/* --- options --- */

enum { OPT_YES = OPTION_OWN };

int cmd_vault(struct call *c)
{
    static const struct option own[] = {{"yes", no_argument, NULL, OPT_YES}, {NULL, 0, NULL, 0}};
    static const struct {
        const char *name;
        int (*run)(const struct vault_call *v);
    } verbs[] = {{"check", check}, {"passphrase", change}, {"wipe", wipe}};
    struct vault_call v = {.common = &c->common};
    int code;
    int option;
    c->help = help;
    while ((option = options_next(c, own, &code)) != OPTION_END) {
        if (option == OPTION_STOP)
            return code;
        v.yes = true;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && optind + 1 == c->argc; i++) {
        if (strcmp(c->argv[optind], verbs[i].name) != 0)
            continue;
        v.path = vault_path(&c->common);
        code = v.path != NULL ? verbs[i].run(&v) : FAILED;
        free(v.path);
        return code;
    }
    return complain(USAGE,
                    "a vault can be checked, given another passphrase, and wiped: check, passphrase, wipe");
}
