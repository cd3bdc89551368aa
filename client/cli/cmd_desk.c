#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#include "client/cli/organisation_file.h"
#include "client/cli/report.h"
#include "client/cli/session.h"

static const char help[] =
    "zaguan desk create --organisation FILE --alias NAME [--notice TEXT] [--peer] [--relay ADDRESS]\n"
    "zaguan desk renew --organisation FILE\n"
    "zaguan desk notice --state on-duty|away|ended [TEXT]\n"
    "\n"
    "create   makes a vault and in it the one worker of a new desk. The relay's address and a voucher, as zaguan-relay\n"
    "         prints them, are asked for, or read from standard input, a line each.\n"
    "renew    gives the worker another 30 days.\n"
    "notice   changes what participants read before they write. \"On duty\" counts for 12 hours, then they read that nobody\n"
    "         is there; say it again each time somebody goes on duty.\n"
    "\n"
    "  --organisation FILE              made by `zaguan organisation create'\n"
    "  --organisation-passphrase-fd N   its passphrase is the next line of descriptor N\n"
    "  --alias NAME                     the worker's name as participants read it\n"
    "  --peer                           the worker is a peer worker\n"
    "  --notice TEXT                    hours, languages\n"
    "  --relay ADDRESS                  instead of asking for it\n"
    "  --voucher-fd N                   the voucher is the next line of descriptor N\n"
    "  --vault FILE                     where the vault is, or will be\n"
    "  --passphrase-fd N                the vault's passphrase is the next line of descriptor N\n"
    "  --lang en|es|fr                  the language of TEXT\n"
    "  --socks5 HOST:PORT               through a proxy such as Tor's\n"
    "  --wait SECONDS                   how long the relay may take (30)\n";

enum { WAIT_S = 30, RENEW_WAIT_S = 2 };

struct desk_call {
    const struct common *common;
    const char *organisation;
    int organisation_fd;
    int voucher_fd;
    const char *state;
    zg_desk_options options;
    zg_organisation *loaded;
    int notice_state;
    zg_err (*act)(struct session *s, struct desk_call *d);
    const char *done; /* what is said at the end */
    bool local;       /* done when the vault has it; the relay is told if it can be reached at once */
};

/* --- one action at the relay --- */

static zg_err act_create(struct session *s, struct desk_call *d)
{
    return zg_client_desk_create(s->client, d->loaded, &d->options, session_now(s));
}

static zg_err act_renew(struct session *s, struct desk_call *d)
{
    return zg_client_desk_renew(s->client, d->loaded, session_now(s));
}

static zg_err act_notice(struct session *s, struct desk_call *d)
{
    return zg_client_desk_notice(s->client, d->notice_state, d->common->language, d->options.notice, session_now(s));
}

static void on_ready(struct session *s)
{
    struct desk_call *d = s->ctx;
    zg_err err = d->act(s, d);
    if (err == ZG_ERR_NOT_FOUND)
        session_end(s, complain(NOT_THERE, "there is no desk in this vault"));
    else if (err == ZG_ERR_MALFORMED)
        session_end(s, complain(NOT_ACCEPTED, "the relay's address or the voucher is not as zaguan-relay printed it"));
    else if (err != ZG_OK)
        session_end(s, complain_err(err, "the desk"));
    else
        session_limit(s, 1000 * (uint64_t)(d->local ? RENEW_WAIT_S : d->common->wait_given ? d->common->wait_s : WAIT_S));
}

static void finish(struct session *s)
{
    const struct desk_call *d = s->ctx;
    say("%s", d->done);
    session_end(s, DONE);
}

static void on_event(struct session *s, const zg_event *e)
{
    const struct desk_call *d = s->ctx;
    if (e->kind == ZG_EVENT_DESK_READY) {
        finish(s);
    } else if (e->kind == ZG_EVENT_STORAGE) {
        session_end(s, complain_err(e->err, "the vault"));
    } else if (e->kind == ZG_EVENT_DESK_FAILED) {
        session_end(s, complain(code_of(e->err), "the desk: %s", zg_err_text(e->err)));
    } else if (e->kind == ZG_EVENT_DISCONNECTED && !d->local) {
        say("no connection: %s; trying again", zg_err_text(e->err));
    } else if (e->kind == ZG_EVENT_RELAY_WENT_BACK) {
        report_say(s->client, e);
    }
}

static void on_late(struct session *s)
{
    const struct desk_call *d = s->ctx;
    if (d->local)
        finish(s);
    else
        session_end(s, complain(NO_RELAY, "the relay did not answer in time; try again, or with a longer --wait"));
}

static const struct session_handler handler = {.ready = on_ready, .event = on_event, .late = on_late};

/* *reached: whether the relay may have done something. */
static int run(struct desk_call *d, zg_vault *vault, bool *reached)
{
    struct session s;
    int code = session_open(&s, &(struct session_options){
                                    .common = d->common, .handler = &handler, .ctx = d, .vault = vault});
    if (code != DONE)
        return code;
    code = session_run(&s);
    *reached = s.reached;
    return code;
}

/* --- create --- */

static void remove_vault(const char *path)
{
    size_t len = strlen(path) + sizeof("-journal");
    char *journal = malloc(len);
    unlink(path);
    if (journal != NULL) {
        snprintf(journal, len, "%s-journal", path);
        unlink(journal);
    }
    free(journal);
}

static int create_in(struct desk_call *d, const char *path)
{
    struct secret_line passphrase;
    zg_vault *vault = NULL;
    bool reached = false;
    if (access(path, F_OK) == 0)
        return complain(FAILED, "there is a vault at %s already; --vault FILE names another place", path);
    int code = prompt_passphrase(&passphrase, d->common->passphrase_fd, PASSPHRASE_NEW, "the new vault");
    if (code != DONE)
        return code;
    zg_err err = zg_vault_sqlite_open(&vault, path, ZG_VAULT_CREATE, passphrase.at, passphrase.len);
    secret_line_clear(&passphrase);
    if (err != ZG_OK)
        return complain_err(err, path);
    code = run(d, vault, &reached);
    if (code == DONE)
        return DONE;
    /* If the relay was reached, the voucher may be spent: then what was begun is kept and can go on. */
    if (reached && code != NOT_ACCEPTED)
        say("what was begun is in %s; `zaguan inbox' goes on with it", path);
    else
        remove_vault(path);
    return code;
}

static int create(struct desk_call *d)
{
    struct secret_line relay = {NULL, 0};
    struct secret_line voucher = {NULL, 0};
    int code = DONE;
    if (d->options.alias == NULL)
        return complain(USAGE, "--alias NAME is missing: what participants read");
    char *path = vault_path(d->common);
    if (path == NULL)
        return FAILED;
    if (d->options.relay == NULL) {
        code = prompt_line(&relay, "The relay's address (host:port/key): ", true);
        d->options.relay = relay.at;
    }
    if (code == DONE)
        code = d->voucher_fd >= 0 ? prompt_fd_line(&voucher, d->voucher_fd, "voucher")
                                  : prompt_line(&voucher, "The voucher: ", false);
    d->options.voucher = voucher.at;
    if (code == DONE)
        code = create_in(d, path);
    secret_line_clear(&relay);
    secret_line_clear(&voucher);
    free(path);
    return code;
}

/* --- the others --- */

static int change(struct desk_call *d)
{
    zg_vault *vault;
    bool reached;
    int code = session_vault_open(&vault, d->common);
    return code == DONE ? run(d, vault, &reached) : code;
}

static int notice(struct desk_call *d)
{
    static const char *const states[] = {"on-duty", "away", "ended"};
    for (int i = 0; d->state != NULL && i < 3; i++)
        if (strcmp(d->state, states[i]) == 0)
            d->notice_state = i + 1;
    if (d->notice_state == 0)
        return complain(USAGE, "--state is on-duty, away or ended");
    if (d->options.notice == NULL)
        d->options.notice = "";
    return change(d);
}

static int with_organisation(struct desk_call *d, int (*then)(struct desk_call *d))
{
    if (d->organisation == NULL)
        return complain(USAGE, "--organisation FILE is missing");
    int code = organisation_file_load(&d->loaded, d->organisation, d->organisation_fd);
    if (code != DONE)
        return code;
    code = then(d);
    zg_organisation_free(d->loaded);
    return code;
}

/* --- options --- */

enum { OPT_ORGANISATION = OPTION_OWN, OPT_ORGANISATION_FD, OPT_ALIAS, OPT_PEER, OPT_NOTICE, OPT_RELAY, OPT_VOUCHER_FD, OPT_STATE };

static const struct option own_options[] = {
    {"organisation", required_argument, NULL, OPT_ORGANISATION},
    {"organisation-passphrase-fd", required_argument, NULL, OPT_ORGANISATION_FD},
    {"alias", required_argument, NULL, OPT_ALIAS},
    {"peer", no_argument, NULL, OPT_PEER},
    {"notice", required_argument, NULL, OPT_NOTICE},
    {"relay", required_argument, NULL, OPT_RELAY},
    {"voucher-fd", required_argument, NULL, OPT_VOUCHER_FD},
    {"state", required_argument, NULL, OPT_STATE},
    {NULL, 0, NULL, 0},
};

static bool take(struct desk_call *d, int option)
{
    switch (option) {
    case OPT_ORGANISATION:
        d->organisation = optarg;
        return true;
    case OPT_ORGANISATION_FD:
        return option_fd(optarg, &d->organisation_fd);
    case OPT_ALIAS:
        d->options.alias = optarg;
        return true;
    case OPT_PEER:
        d->options.peer_worker = true;
        return true;
    case OPT_NOTICE:
        d->options.notice = optarg;
        return true;
    case OPT_RELAY:
        d->options.relay = optarg;
        return true;
    case OPT_VOUCHER_FD:
        return option_fd(optarg, &d->voucher_fd);
    default:
        d->state = optarg;
        return true;
    }
}

static int run_named(struct desk_call *d, const char *name)
{
    if (strcmp(name, "create") == 0) {
        d->act = act_create;
        d->done = "the desk is ready; `zaguan card' shows its contact card";
        return with_organisation(d, create);
    }
    if (strcmp(name, "renew") == 0) {
        d->act = act_renew;
        d->done = "renewed for 30 days";
        d->local = true;
        return with_organisation(d, change);
    }
    if (strcmp(name, "notice") == 0) {
        d->act = act_notice;
        d->done = "published";
        return notice(d);
    }
    return complain(USAGE, "a desk can be created, renewed, or given a notice: create, renew, notice");
}

int cmd_desk(struct call *c)
{
    struct desk_call d = {
        .common = &c->common,
        .organisation_fd = -1,
        .voucher_fd = -1,
        .options = {.size = sizeof(zg_desk_options), .notice_language = c->common.language},
    };
    int code;
    int option;
    c->help = help;
    while ((option = options_next(c, own_options, &code)) != OPTION_END)
        if (option == OPTION_STOP || !take(&d, option))
            return option == OPTION_STOP ? code : USAGE;
    d.options.notice_language = c->common.language;
    if (optind == c->argc)
        return complain(USAGE, "what about the desk? create, renew or notice");
    const char *name = c->argv[optind++];
    if (optind < c->argc && strcmp(name, "notice") == 0)
        d.options.notice = c->argv[optind++];
    if (optind < c->argc)
        return complain(USAGE, "%s is too much", c->argv[optind]);
    return run_named(&d, name);
}
