#define _GNU_SOURCE
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "relay/edge/alarms.h"
#include "relay/edge/commands.h"
#include "relay/edge/control.h"
#include "relay/edge/folder.h"
#include "relay/edge/status.h"

const char help_status[] =
    "zaguan-relay status DIR [--json | --alarms]\n"
    "\n"
    "Numbers about the relay that runs in DIR, and a sentence for what needs the operator. Nothing in them "
    "says who or\n"
    "which queue.\n"
    "\n"
    "  --json    one JSON object in one line\n"
    "  --alarms  only the sentences; ends with 0 if there is none, and with 3 if there is one\n";

const char help_metrics[] = "zaguan-relay metrics DIR\n"
                            "\n"
                            "The numbers of `status' as Prometheus reads them. Who keeps them keeps when "
                            "this relay was used: an hour "
                            "apart is\n"
                            "near enough.\n";

enum form { WORDS, JSON, ALARMS };

static int parse(int argc, char **argv, enum form *form)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"alarms", no_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if ((c != 'j' && c != 'a') || *form != WORDS)
            return complain_usage("status", "this is not understood");
        *form = c == 'j' ? JSON : ALARMS;
    }
    if (optind + 1 != argc)
        return complain_usage("status", "say for which folder");
    return EXIT_FINE;
}

/* What the relay in dir says, and what can be seen there; false: stderr says why. */
static bool ask(const char *dir, char lines[STATUS_TEXT_MAX], struct alarms *alarms)
{
    if (!folder_enter(dir))
        return false;
    enum control_result result = control_ask("status", CONTROL_PATIENCE_S, lines, STATUS_TEXT_MAX);
    if (result != CONTROL_OK) {
        control_explain(result, lines, dir);
        return false;
    }
    alarms_look(alarms);
    status_add_local(&alarms->local, lines);
    return true;
}

static void print_notes(const char *lines)
{
    uint64_t v = 0;
    if (status_value(lines, "keys_volatile", &v))
        puts(v != 0 ? "Keys lie in memory only: what waits for its reader is lost when this machine stops."
                    : "Keys lie on a disk.");
    if (status_value(lines, "sandboxed", &v) && v == 0)
        puts("It runs without its sandbox; the log says why.");
    if (status_value(lines, "memory_locked", &v) && v == 0)
        puts("Secrets cannot be locked in memory: turn swap off, or raise LimitMEMLOCK.");
}

static bool print(enum form form, const char *lines)
{
    if (form == JSON)
        return status_print_json(stdout, lines);
    return form == ALARMS || status_print_words(stdout, lines);
}

int command_status(int argc, char **argv)
{
    char lines[STATUS_TEXT_MAX];
    struct alarms alarms;
    enum form form = WORDS;
    unsigned standing = 0;

    int rc = parse(argc, argv, &form);
    if (rc != EXIT_FINE)
        return rc;
    const char *dir = argv[optind];
    if (!ask(dir, lines, &alarms))
        return EXIT_TROUBLE;
    if (!print(form, lines)) {
        control_explain(CONTROL_BROKEN, "", dir);
        return EXIT_TROUBLE;
    }
    if (form != JSON)
        standing = alarms_print(stdout, &alarms, lines);
    if (form == WORDS)
        print_notes(lines);
    return form == ALARMS && standing > 0 ? EXIT_ALARM : EXIT_FINE;
}

int command_metrics(int argc, char **argv)
{
    char lines[STATUS_TEXT_MAX];
    struct alarms alarms;

    if (argc != 2 || argv[1][0] == '-')
        return complain_usage("metrics", "say for which folder");
    if (!ask(argv[1], lines, &alarms))
        return EXIT_TROUBLE;
    if (status_print_metrics(stdout, lines))
        return EXIT_FINE;
    control_explain(CONTROL_BROKEN, "", argv[1]);
    return EXIT_TROUBLE;
}
