#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/cli/report.h"
#include "client/cli/session.h"

static const char help[] =
    "zaguan inbox [--wait SECONDS] [--json]\n"
    "\n"
    "Asks the relay what is new and shows knocks and conversations. With --wait it stays until something new came, at\n"
    "most so long.\n"
    "\n"
    "  --json               one JSON object a line for each conversation\n"
    "  --vault FILE, --passphrase-fd N, --socks5 HOST:PORT, --lang en|es|fr\n";

/* The relay delivers what waits as soon as it is asked; after so long without anything, that was all. */
enum { CONNECT_MS = 10 * 1000, RETRY_MS = 3 * 1000, QUIET_MS = 1000, MORE_MS = 300 };

struct inbox_call {
    const struct common *common;
    bool something_new;
    uint64_t wait_until_ms;
    struct text out;
};

static void add_plain(struct text *out, const struct session *s, const zg_conversation *c)
{
    char id[SHORT_ID_BYTES];
    char when[32] = "";
    time_t last = (time_t)(c->last_utc_ms / 1000);
    struct tm local;
    session_short_id(s, &c->id, id);
    if (localtime_r(&last, &local) != NULL)
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &local);
    text_format(out, "%s  %s  %s", id, when, report_state(c->state));
    if (c->unread > 0)
        text_format(out, ", %" PRIu32 " unread", c->unread);
    unsigned gone = report_count_expired_unread(s->client, &c->id);
    if (gone > 0)
        text_format(out, ", %u of yours not read in time: gone", gone);
    if (c->safety == ZG_SAFETY_MISMATCH)
        text_add(out, ", SAFETY WORDS DO NOT AGREE");
    else if (c->state == ZG_CONVERSATION_OPEN && c->safety != ZG_SAFETY_COMPARED)
        text_add(out, ", safety words not yet compared");
    text_add(out, "\n");
}

/* While the client is still there. */
static void list(struct session *s)
{
    struct inbox_call *c = s->ctx;
    zg_conversation k;
    size_t i;
    for (i = 0; zg_client_conversation_at(s->client, i, &k); i++) {
        if (c->common->json)
            report_conversation_json(&c->out, s->client, &k, c->common->language);
        else
            add_plain(&c->out, s, &k);
    }
    if (i == 0 && !c->common->json)
        text_add(&c->out, "nothing is waiting\n");
}

static void finish(struct session *s)
{
    list(s);
    if (s->reached)
        session_end(s, DONE);
    else
        session_end(s, complain(NO_RELAY, "the relay was not reached; this is what was known before"));
}

static void on_late(struct session *s)
{
    struct inbox_call *c = s->ctx;
    uint64_t now = session_now(s).mono_ms;
    if (s->reached && !c->something_new && now < c->wait_until_ms)
        session_limit(s, c->wait_until_ms - now);
    else
        finish(s);
}

static void on_ready(struct session *s)
{
    struct inbox_call *c = s->ctx;
    uint64_t wait_ms = (uint64_t)c->common->wait_s * 1000;
    zg_desk d;
    if (zg_client_desk(s->client, &d) != ZG_OK) {
        session_end(s, complain(NOT_THERE, "there is no desk in this vault"));
        return;
    }
    c->wait_until_ms = session_now(s).mono_ms + wait_ms;
    session_limit(s, wait_ms > CONNECT_MS ? wait_ms : CONNECT_MS);
}

static void on_event(struct session *s, const zg_event *e)
{
    struct inbox_call *c = s->ctx;
    if (e->kind == ZG_EVENT_KNOCK || e->kind == ZG_EVENT_MESSAGE || e->kind == ZG_EVENT_ENDED ||
        e->kind == ZG_EVENT_EXPIRED_UNREAD)
        c->something_new = true;
    if (e->kind == ZG_EVENT_DESK_FAILED)
        say("the desk could not be set up: %s", zg_err_text(e->err));
    if (e->kind == ZG_EVENT_RELAY_WENT_BACK)
        report_say(s->client, e);
    if (s->reached)
        session_limit(s, c->something_new ? MORE_MS : QUIET_MS);
    else if (e->kind == ZG_EVENT_DISCONNECTED && !c->common->wait_given)
        session_limit(s, RETRY_MS);
}

static const struct session_handler handler = {.ready = on_ready, .event = on_event, .late = on_late};

int cmd_inbox(struct call *call)
{
    struct inbox_call c = {.common = &call->common, .out = TEXT_INIT};
    struct session s;
    zg_vault *vault;
    int code;
    call->help = help;
    if (options_next(call, NULL, &code) == OPTION_STOP)
        return code;
    if (optind < call->argc)
        return complain(USAGE, "%s is too much", call->argv[optind]);
    code = session_vault_open(&vault, &call->common);
    if (code == DONE)
        code = session_open(&s, &(struct session_options){
                                    .common = &call->common, .handler = &handler, .ctx = &c, .vault = vault});
    if (code == DONE)
        code = session_run(&s);
    if (!text_flush(&c.out, STDOUT_FILENO) && code == DONE)
        code = FAILED;
    text_clear(&c.out);
    return code;
}
