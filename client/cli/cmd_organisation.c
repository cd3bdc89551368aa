#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include <zaguan/uv.h>

#include "client/cli/organisation_file.h"

static const char help[] =
    "zaguan organisation create --file FILE\n"
    "\n"
    "Makes the keys of a new organisation and keeps them in FILE under a passphrase. Who has both can name workers;\n"
    "a copy belongs somewhere safe, off this device.\n"
    "\n"
    "  --file FILE           must not exist\n"
    "  --passphrase-fd N     the passphrase is the next line of descriptor N, instead of being asked for\n";

static int create(const char *path, const struct common *c)
{
    struct secret_line passphrase;
    zg_organisation *o = NULL;
    if (access(path, F_OK) == 0)
        return complain(FAILED, "%s exists already; it was not touched", path);
    int code = prompt_passphrase(&passphrase, c->passphrase_fd, PASSPHRASE_NEW, "the organisation");
    if (code != DONE)
        return code;
    zg_err err = zg_organisation_new(&o, zg_uv_now(NULL));
    if (err == ZG_OK)
        err = organisation_file_create(path, o, &passphrase);
    secret_line_clear(&passphrase);
    zg_organisation_free(o);
    if (err != ZG_OK)
        return complain_err(err, path);
    say("the organisation's keys are in %s; keep a copy in a safe place", path);
    return DONE;
}

enum { OPT_FILE = OPTION_OWN };

int cmd_organisation(struct call *c)
{
    static const struct option own[] = {{"file", required_argument, NULL, OPT_FILE}, {NULL, 0, NULL, 0}};
    const char *path = NULL;
    int code;
    int option;
    c->help = help;
    while ((option = options_next(c, own, &code)) != OPTION_END) {
        if (option == OPTION_STOP)
            return code;
        path = optarg;
    }
    if (optind + 1 != c->argc || strcmp(c->argv[optind], "create") != 0)
        return complain(USAGE, "try `zaguan organisation create --file FILE'");
    return path != NULL ? create(path, &c->common) : complain(USAGE, "--file FILE is missing");
}
