#define _GNU_SOURCE
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "relay/edge/commands.h"
#include "relay/edge/control.h"
#include "relay/edge/folder.h"
#include "relay/edge/status.h"

const char help_status[] =
    "zaguan-relay status DIR [--json]\n"
    "\n"
    "Numbers about the relay that runs in DIR. Nothing in them says who or which queue.\n"
    "\n"
    "  --json  one JSON object in one line\n";

int command_status(int argc, char **argv)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    char lines[STATUS_TEXT_MAX];
    bool json = false;
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'j')
            return complain_usage("status", "this is not understood");
        json = true;
    }
    if (optind + 1 != argc)
        return complain_usage("status", "say for which folder");
    if (!folder_enter(argv[optind]))
        return EXIT_TROUBLE;

    enum control_result result = control_ask("status", CONTROL_PATIENCE_S, lines, sizeof(lines));
    if (result == CONTROL_OK) {
        if (json ? status_print_json(stdout, lines) : status_print_words(stdout, lines))
            return EXIT_FINE;
        result = CONTROL_BROKEN;
    }
    control_explain(result, lines, argv[optind]);
    return EXIT_TROUBLE;
}
