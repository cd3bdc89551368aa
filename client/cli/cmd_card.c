#define _POSIX_C_SOURCE 200809L

#include <string.h>
#include <unistd.h>

#include "client/cli/qr.h"
#include "client/cli/session.h"

static const char help[] =
    "zaguan card [--prefix URL#] [--png FILE] [--json]\n"
    "\n"
    "Shows the desk's contact card: a text to pass on, and a QR code. Whoever has it can knock.\n"
    "\n"
    "  --prefix https://example.org/#   makes the card a link; without it, it starts with zaguan:\n"
    "  --png FILE                       also writes the code as an image\n"
    "  --json                           {\"card\":...} instead of text and code\n"
    "  --vault FILE, --passphrase-fd N  as everywhere\n";

enum { CARD_CAP = 1024 };

struct card_call {
    const struct common *common;
    const char *prefix;
    const char *png;
    char card[CARD_CAP];
};

static void on_ready(struct session *s)
{
    struct card_call *c = s->ctx;
    zg_err err = zg_client_card(s->client, c->prefix, c->card, sizeof(c->card));
    if (err == ZG_ERR_NOT_FOUND)
        session_end(s, complain(NOT_THERE, "there is no desk in this vault"));
    else if (err == ZG_ERR_STATE)
        session_end(s, complain(NOT_THERE, "the desk is not set up yet; `zaguan inbox' goes on with it"));
    else if (err != ZG_OK)
        session_end(s, complain_err(err, "the card"));
    else
        session_end(s, DONE);
}

static const struct session_handler handler = {.ready = on_ready};

static int show(const struct card_call *c)
{
    struct text out = TEXT_INIT;
    if (c->png != NULL && !qr_write_png(c->png, c->card))
        return FAILED;
    if (c->common->json) {
        text_add(&out, "{\"card\":");
        text_add_json(&out, c->card, strlen(c->card));
        text_add(&out, "}\n");
    } else {
        text_add(&out, c->card);
        text_add(&out, "\n");
        if (isatty(STDOUT_FILENO) && !qr_add_terminal(&out, c->card))
            say("the card is too long for a QR code");
    }
    bool shown = text_flush(&out, STDOUT_FILENO);
    text_clear(&out);
    return shown ? DONE : FAILED;
}

enum { OPT_PREFIX = OPTION_OWN, OPT_PNG };

int cmd_card(struct call *c)
{
    static const struct option own[] = {
        {"prefix", required_argument, NULL, OPT_PREFIX},
        {"png", required_argument, NULL, OPT_PNG},
        {NULL, 0, NULL, 0},
    };
    struct card_call card = {.common = &c->common, .prefix = "zaguan:"};
    struct session s;
    zg_vault *vault;
    int code;
    int option;
    c->help = help;
    while ((option = options_next(c, own, &code)) != OPTION_END) {
        if (option == OPTION_STOP)
            return code;
        *(option == OPT_PREFIX ? &card.prefix : &card.png) = optarg;
    }
    if (optind < c->argc)
        return complain(USAGE, "%s is too much", c->argv[optind]);
    code = session_vault_open(&vault, &c->common);
    if (code == DONE)
        code = session_open(&s, &(struct session_options){
                                    .common = &c->common, .handler = &handler, .ctx = &card, .vault = vault, .offline = true});
    if (code == DONE)
        code = session_run(&s);
    return code == DONE ? show(&card) : code;
}
