#define _POSIX_C_SOURCE 200809L

#include <string.h>

#include "client/cli/session.h"

static const char help[] =
    "zaguan erase ID\n"
    "\n"
    "Erases a conversation: words and keys here at once, and what waits at the relay. Nobody is asked, and it cannot be\n"
    "taken back. The other side reads that the conversation ended.\n"
    "\n"
    "  --wait SECONDS       how long the relay may take (30); else it is told later\n"
    "  --vault FILE, --passphrase-fd N, --socks5 HOST:PORT\n";

enum { WAIT_S = 30 };

struct erase_call {
    const struct common *common;
    const char *prefix;
};

static void on_ready(struct session *s)
{
    struct erase_call *c = s->ctx;
    zg_err err = zg_client_erase(s->client, &s->conversation, session_now(s));
    if (err != ZG_OK)
        session_end(s, complain_err(err, "not erased"));
    else
        session_limit(s, (uint64_t)(c->common->wait_given ? c->common->wait_s : WAIT_S) * 1000);
}

static void on_event(struct session *s, const zg_event *e)
{
    if (e->kind == ZG_EVENT_ERASED && memcmp(&e->conversation, &s->conversation, sizeof(s->conversation)) == 0)
        session_end(s, DONE);
}

static void on_late(struct session *s)
{
    session_end(s, complain(NO_RELAY, "erased here; the relay was not reached and is told when zaguan runs next"));
}

static const struct session_handler handler = {.ready = on_ready, .event = on_event, .late = on_late};

int cmd_erase(struct call *call)
{
    struct erase_call c = {.common = &call->common};
    struct session s;
    zg_vault *vault;
    int code;
    call->help = help;
    if (options_next(call, NULL, &code) == OPTION_STOP)
        return code;
    if (optind + 1 != call->argc)
        return complain(USAGE, "give the name of one conversation; `zaguan inbox' shows them");
    c.prefix = call->argv[optind];
    code = session_vault_open(&vault, &call->common);
    if (code == DONE)
        code = session_open(&s, &(struct session_options){
                                    .common = &call->common, .handler = &handler, .ctx = &c, .vault = vault, .prefix = c.prefix});
    return code == DONE ? session_run(&s) : code;
}
