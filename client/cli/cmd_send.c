#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/attachment.h"
#include "client/cli/report.h"
#include "client/cli/session.h"
#include "client/cli/text.h"

static const char help[] =
    "zaguan send ID [--file PATH] [--lifetime 5s|10m|24h|7d] [--after sent|read] [--limit TIME]\n"
    "\n"
    "Sends all of standard input as one message and waits until the relay keeps it.\n"
    "\n"
    "  --file PATH          a picture (JPEG) or a voice note (WebM, M4A) instead, about 80 KB at most\n"
    "  --lifetime TIME      how long it stays (24h)\n"
    "  --after sent|read    what the time counts from (read)\n"
    "  --limit TIME         nothing of this conversation stays here longer after it was read or sent\n"
    "  --wait SECONDS       how long the relay may take (30); the message is kept and sent later\n"
    "  --vault FILE, --passphrase-fd N, --socks5 HOST:PORT, --json\n";

enum { WAIT_S = 30, TEXT_MAX = 128 * 1024 };

struct send_call {
    const struct common *common;
    const char *prefix;
    zg_send_options options;
    uint32_t limit_s; /* 0: as it is */
    char *text; /* in guarded memory */
    struct attachment file; /* bytes NULL: none */
    size_t len;
    zg_id message;
};

/* --- the text --- */

static int read_text(struct send_call *c)
{
    if (isatty(STDIN_FILENO))
        say("write the message and end it with Ctrl-D on a line of its own");
    for (;;) {
        ssize_t n = read(STDIN_FILENO, c->text + c->len, TEXT_MAX - c->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain(FAILED, "cannot read the message: %s", strerror(errno));
        if (n == 0)
            break;
        c->len += (size_t)n;
        if (c->len == TEXT_MAX)
            return complain(FAILED, "the message is too long");
    }
    if (c->len > 0 && c->text[c->len - 1] == '\n')
        c->len--;
    return c->len > 0 ? DONE : complain(FAILED, "there is no text on standard input");
}

/* --- sending --- */

static zg_err submit(struct session *s, struct send_call *c)
{
    if (c->file.bytes != NULL)
        return zg_client_send_data(s->client, &s->conversation, c->file.kind, c->file.bytes, c->file.len, &c->options,
                                   &c->message, session_now(s));
    return zg_client_send(s->client, &s->conversation, c->text, c->len, &c->options, &c->message, session_now(s));
}

static void on_ready(struct session *s)
{
    struct send_call *c = s->ctx;
    zg_err err = ZG_OK;
    if (c->limit_s != 0)
        err = zg_client_limit(s->client, &s->conversation, c->limit_s, session_now(s));
    if (err == ZG_OK)
        err = submit(s, c);
    if (err == ZG_ERR_STATE)
        session_end(s, complain(FAILED, c->file.bytes == NULL ? "not sent: the conversation has ended"
                                                              : "not sent: the conversation has ended, or waits for a first answer in words"));
    else if (err != ZG_OK)
        session_end(s, complain_err(err, "not sent"));
    else
        session_limit(s, (uint64_t)(c->common->wait_given ? c->common->wait_s : WAIT_S) * 1000);
}

static void say_lowered(const struct send_call *c, const zg_event *e)
{
    char time[24];
    duration_text(time, (uint64_t)e->value * 1000);
    if (e->value < c->options.lifetime_s)
        say("it stays %s: the relay or your limit allows no more", time);
}

static void on_event(struct session *s, const zg_event *e)
{
    struct send_call *c = s->ctx;
    if (e->kind == ZG_EVENT_RELAY_WENT_BACK)
        report_say(s->client, e);
    if (memcmp(&e->message, &c->message, sizeof(c->message)) != 0)
        return;
    if (c->common->json && (e->kind == ZG_EVENT_SENT || e->kind == ZG_EVENT_NOT_SENT)) {
        struct text out = TEXT_INIT;
        report_event_json(&out, s->client, e, c->common->language);
        text_flush(&out, STDOUT_FILENO);
        text_clear(&out);
    }
    if (e->kind == ZG_EVENT_SENT) {
        say_lowered(c, e);
        session_end(s, DONE);
    }
    if (e->kind == ZG_EVENT_NOT_SENT && !report_tried_again(e->err))
        session_end(s, complain_err(e->err, "not sent"));
}

static void on_late(struct session *s)
{
    session_end(s, complain(NO_RELAY, "the relay was not reached; the message is kept and goes out when zaguan runs next"));
}

static const struct session_handler handler = {.ready = on_ready, .event = on_event, .late = on_late};

static int send_all(struct send_call *c)
{
    struct session s;
    zg_vault *vault;
    int code = session_vault_open(&vault, c->common);
    if (code != DONE)
        return code;
    if (c->file.bytes == NULL)
        code = read_text(c);
    if (code != DONE) {
        vault->close(vault);
        return code;
    }
    code = session_open(&s, &(struct session_options){
                                .common = c->common, .handler = &handler, .ctx = c, .vault = vault, .prefix = c->prefix});
    return code == DONE ? session_run(&s) : code;
}

/* --- options --- */

enum { OPT_LIFETIME = OPTION_OWN, OPT_AFTER, OPT_LIMIT, OPT_FILE };

static int read_file(struct send_call *c, const char *path)
{
    attachment_clear(&c->file);
    const char *why = attachment_read(&c->file, path);
    return why == NULL ? DONE : complain(FAILED, "%s: %s", path, why);
}

static int read_option(struct send_call *c, int option)
{
    if (option == OPT_FILE)
        return read_file(c, optarg);
    bool good = option == OPT_LIMIT ? limit_option(&c->limit_s) : send_option(&c->options, option == OPT_LIFETIME);
    return good ? DONE : USAGE;
}

static int run(struct send_call *c, struct call *call)
{
    if (optind + 1 != call->argc)
        return complain(USAGE, "give the name of one conversation; the text comes from standard input");
    c->prefix = call->argv[optind];
    c->text = sodium_malloc(TEXT_MAX);
    if (c->text == NULL)
        return complain(FAILED, "out of memory");
    int code = send_all(c);
    sodium_free(c->text); /* wipes */
    return code;
}

int cmd_send(struct call *call)
{
    static const struct option own[] = {
        {"lifetime", required_argument, NULL, OPT_LIFETIME},
        {"after", required_argument, NULL, OPT_AFTER},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {"file", required_argument, NULL, OPT_FILE},
        {NULL, 0, NULL, 0},
    };
    struct send_call c = {.common = &call->common};
    int code = DONE;
    int stop;
    int option;
    call->help = help;
    send_options_init(&c.options);
    while (code == DONE && (option = options_next(call, own, &stop)) != OPTION_END) {
        if (option == OPTION_STOP)
            return stop;
        code = read_option(&c, option);
    }
    if (code == DONE)
        code = run(&c, call);
    attachment_clear(&c.file);
    return code;
}
