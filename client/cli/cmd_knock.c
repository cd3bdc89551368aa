#define _POSIX_C_SOURCE 200809L

#include <string.h>

#include "client/cli/talk.h"
#include "client/cli/text.h"

static const char help[] =
    "zaguan knock [--lifetime 5s|10m|24h|7d] [--after sent|read] [--limit TIME] [--json]\n"
    "\n"
    "Writes to the desk of a contact card and goes on as a conversation. The card is asked for, or is the first line of\n"
    "standard input; it is never an argument, because those are kept in histories. Every further line is a message.\n"
    "Nothing is written to this device: when the program ends, its side of the conversation is gone.\n"
    "\n"
    "  --lifetime TIME      how long a message stays (24h)\n"
    "  --after sent|read    what the time counts from (read)\n"
    "  --limit TIME         nothing of this conversation stays here longer after it was read or sent\n"
    "  --lang en|es|fr      of safety words and notice\n"
    "  --json               one JSON object a line for everything that happens\n"
    "  --wait SECONDS       in a pipe: how long to listen after the last line (0)\n"
    "  --socks5 HOST:PORT   through a proxy such as Tor's\n"
    "\n"
    "In a conversation: /words /compared /lifetime TIME /limit TIME /erase /quit /help; //x sends /x.\n";

static int check_card(const struct secret_line *card)
{
    zg_err err = zg_card_check(card->at, card->len);
    switch (err) {
    case ZG_OK:
        return DONE;
    case ZG_ERR_TRUNCATED:
        return complain(NOT_ACCEPTED, "the end of the card is missing; copy all of it");
    case ZG_ERR_VERSION:
        return complain(NOT_ACCEPTED, "this card needs a newer version of this program");
    case ZG_ERR_MALFORMED:
        return complain(NOT_ACCEPTED, "this is not a contact card, or it was damaged on its way; copy it again");
    default:
        return complain_err(err, "the card");
    }
}

enum { OPT_LIFETIME = OPTION_OWN, OPT_AFTER, OPT_LIMIT };

int cmd_knock(struct call *c)
{
    static const struct option own[] = {
        {"lifetime", required_argument, NULL, OPT_LIFETIME},
        {"after", required_argument, NULL, OPT_AFTER},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {NULL, 0, NULL, 0},
    };
    struct secret_line card;
    struct talk_options talk = {.common = &c->common, .card = &card};
    int code;
    int option;
    c->help = help;
    send_options_init(&talk.send);
    while ((option = options_next(c, own, &code)) != OPTION_END) {
        if (option == OPTION_STOP)
            return code;
        if (!(option == OPT_LIMIT ? limit_option(&talk.limit_s) : send_option(&talk.send, option == OPT_LIFETIME)))
            return USAGE;
    }
    if (optind < c->argc)
        return complain(USAGE, "a card is never an argument: it would stay in histories. It is asked for.");
    code = prompt_line(&card, "The contact card (it will not be shown): ", false);
    if (code != DONE)
        return code;
    code = check_card(&card);
    if (code == DONE)
        code = talk_run(&talk);
    secret_line_clear(&card);
    return code;
}
