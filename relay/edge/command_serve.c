#define _GNU_SOURCE
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "relay/edge/commands.h"
#include "relay/edge/config.h"
#include "relay/edge/folder.h"
#include "relay/edge/log.h"
#include "relay/edge/server.h"

const char help_serve[] =
    "zaguan-relay serve DIR [--believe-clock] [--without-keys]\n"
    "\n"
    "Runs the relay in the foreground until SIGTERM or SIGINT. Prints \"listening on IP:PORT\" when it is "
    "ready; log lines\n"
    "go to stderr. They never hold an address of somebody or anything that names a message or a queue.\n"
    "\n"
    "  --believe-clock  the clock is right, though it is more than a month ahead of when the relay ran last; "
    "what is\n"
    "                   over by it is destroyed at once\n"
    "  --without-keys   the keys of what waits are gone for good: it counts as expired unread\n";

/* Of files: the database, keys, the control socket and a backup are never without one. */
enum { KEPT_BACK = 64 };

/* Every connection is an open file; strangers cannot take more of them than the relay can spare. */
static void fit_into_files(uint32_t *connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= (rlim_t)*connections + KEPT_BACK)
        return;
    *connections = limit.rlim_cur > KEPT_BACK ? (uint32_t)limit.rlim_cur - KEPT_BACK : 1;
    log_line(LOG_WARNING, "the system allows %llu open files only: there will be no more than %u connections",
             (unsigned long long)limit.rlim_cur, (unsigned)*connections);
}

static bool read_folder(const char *dir, struct config *config, struct relay_key *key)
{
    char why[400];
    if (!folder_enter(dir))
        return false;
    zg_err err = config_read(config, FOLDER_CONFIG, why, sizeof(why));
    if (err != ZG_OK) {
        fprintf(stderr, "zaguan-relay: %s\n", why);
        if (err == ZG_ERR_NOT_FOUND)
            fputs("Put back a copy of it. An empty file is enough: everything has a default.\n", stderr);
        return false;
    }
    return relay_key_read(key);
}

static int parse(int argc, char **argv, const char **dir, struct server_options *out)
{
    static const struct option options[] = {{"believe-clock", no_argument, NULL, 'b'},
                                            {"without-keys", no_argument, NULL, 'w'},
                                            {NULL, 0, NULL, 0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'b')
            out->believe_clock = true;
        else if (c == 'w')
            out->without_keys = true;
        else
            return complain_usage("serve", "this is not understood");
    }
    if (optind + 1 != argc)
        return complain_usage("serve",
                              optind == argc ? "say for which folder" : "one folder and nothing else");
    *dir = argv[optind];
    return EXIT_FINE;
}

int command_serve(int argc, char **argv)
{
    struct config config;
    struct relay_key key;
    const char *dir = NULL;
    struct server_options options = {.config = &config, .key = &key};

    int rc = parse(argc, argv, &dir, &options);
    if (rc != EXIT_FINE)
        return rc;
    if (!read_folder(dir, &config, &key))
        return EXIT_TROUBLE;
    enum folder_lock lock = folder_lock();
    if (lock == FOLDER_LOCK_THEIRS)
        fprintf(stderr, "zaguan-relay: a relay is running already in %s\n", dir);
    bool ok = false;
    if (lock == FOLDER_LOCK_OURS) {
        fit_into_files(&config.limits.connections);
        ok = server_run(&options);
    }
    relay_key_clear(&key);
    return ok ? EXIT_FINE : EXIT_TROUBLE;
}
