#define _POSIX_C_SOURCE 200809L

#include "client/cli/talk.h"

static const char help[] =
    "zaguan chat ID [--lifetime 5s|10m|24h|7d] [--after sent|read] [--limit TIME] [--json]\n"
    "\n"
    "Opens a conversation; ID is the beginning of its name as `zaguan inbox' shows it. The first message to a knock\n"
    "accepts it. In a terminal messages vanish from the screen when their time is over. In a pipe every line is a\n"
    "message.\n"
    "\n"
    "  --lifetime TIME      how long a message stays (24h)\n"
    "  --after sent|read    what the time counts from (read)\n"
    "  --limit TIME         nothing of this conversation stays here longer after it was read or sent\n"
    "  --lang en|es|fr      of safety words\n"
    "  --json               one JSON object a line for everything that happens\n"
    "  --wait SECONDS       in a pipe: how long to listen after the last line (0)\n"
    "  --vault FILE, --passphrase-fd N, --socks5 HOST:PORT\n"
    "\n"
    "In a conversation: /words /compared /lifetime TIME /limit TIME /note TEXT /erase /quit /help; //x sends /x.\n"
    "A note (such as a code word that was agreed) is at most 200 bytes, for your eyes only: it is kept in the vault with\n"
    "the conversation, shown at its top, goes with it, and is never sent. /note shows it, /note - takes it away.\n";

enum { OPT_LIFETIME = OPTION_OWN, OPT_AFTER, OPT_LIMIT };

int cmd_chat(struct call *c)
{
    static const struct option own[] = {
        {"lifetime", required_argument, NULL, OPT_LIFETIME},
        {"after", required_argument, NULL, OPT_AFTER},
        {"limit", required_argument, NULL, OPT_LIMIT},
        {NULL, 0, NULL, 0},
    };
    struct talk_options talk = {.common = &c->common};
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
    if (optind + 1 != c->argc)
        return complain(USAGE, "give the name of one conversation; `zaguan inbox' shows them");
    talk.prefix = c->argv[optind];
    code = session_vault_open(&talk.vault, &c->common);
    return code == DONE ? talk_run(&talk) : code;
}
