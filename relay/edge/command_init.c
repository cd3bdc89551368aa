#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/edge/commands.h"
#include "relay/edge/config.h"
#include "relay/edge/folder.h"

const char help_init[] =
    "zaguan-relay init DIR [--address HOST:PORT] [--listen IP:PORT]\n"
    "\n"
    "Makes the folder DIR with a commented configuration (relay.conf) and a new key (relay.key), and prints "
    "the\n"
    "line by which workers find this relay. Nothing that is there is overwritten: a configuration that is in "
    "DIR\n"
    "already, as Debian's package brings it, stays as it is.\n"
    "\n"
    "  --address HOST:PORT  how the relay is reached from outside: a name, a number or an onion service\n"
    "  --listen IP:PORT     where it listens; 127.0.0.1:7443 if not given, which this machine only can "
    "reach\n";

const char help_address[] = "zaguan-relay address DIR\n"
                            "\n"
                            "Prints the line by which workers find this relay: its address and its key.\n";

struct init_arguments {
    const char *dir, *address, *listen;
};

static int parse_init(int argc, char **argv, struct init_arguments *out)
{
    static const struct option options[] = {{"address", required_argument, NULL, 'a'},
                                            {"listen", required_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 'a')
            out->address = optarg;
        else if (c == 'l')
            out->listen = optarg;
        else
            return complain_usage("init", "this is not understood");
    }
    if (optind + 1 != argc)
        return complain_usage("init", optind == argc ? "say for which folder" : "one folder only");
    out->dir = argv[optind];
    return EXIT_FINE;
}

/* Before anything is made: are the addresses good? */
static bool check_addresses(const struct init_arguments *args, struct config *config)
{
    char why[200];
    config_default(config);
    if (args->listen != NULL &&
        config_set(config, "relay", "listen", args->listen, why, sizeof(why)) != ZG_OK) {
        fprintf(stderr, "zaguan-relay: --%s\n", why);
        return false;
    }
    if (args->address != NULL &&
        config_set(config, "relay", "address", args->address, why, sizeof(why)) != ZG_OK) {
        fprintf(stderr, "zaguan-relay: --%s\n", why);
        return false;
    }
    return true;
}

static bool write_config(const struct init_arguments *args)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return false;
    config_write(out, args->listen, args->address);
    bool ok = fclose(out) == 0 && folder_write_new(FOLDER_CONFIG, text, len);
    free(text);
    return ok;
}

/* host:port of the configuration, or of the first listener if none is given; then the key. */
static void print_line(const struct config *config, const struct relay_key *key)
{
    const struct address *a = &config->listen[0];
    char text[RELAY_PK_TEXT_LEN + 1];
    relay_key_text(key, text);
    if (config->address[0] != '\0')
        printf("%s/%s\n", config->address, text);
    else
        printf(a->v6 ? "[%s]:%u/%s\n" : "%s:%u/%s\n", a->host, (unsigned)a->port, text);
}

static bool listens_here_only(const struct config *config)
{
    return config->listen_count == 1 && strcmp(config->listen[0].host, "127.0.0.1") == 0;
}

static void explain(const char *dir, const struct config *config)
{
    puts("\nThis line is the relay's address and key. Give it to whoever sets up a desk; it is no secret,\n"
         "but it must not be changed on the way.");
    printf("Run it:          zaguan-relay serve %s\n", dir);
    printf("Make a voucher:  zaguan-relay voucher new %s\n", dir);
    if (config->address[0] == '\0')
        puts("It has no address yet under which others reach it: set \"address\" in relay.conf before cards "
             "are printed.");
    if (listens_here_only(config))
        puts("It listens on 127.0.0.1 only, which is right behind an onion service or a forwarder; else set\n"
             "\"listen\" in relay.conf.");
    puts("Keep a copy of relay.key in a safe place: contact cards stop working without it.");
}

/* A configuration that is there is read, not written; without the key that belongs to a database nothing is
 * made. */
static bool prepare_config(const struct init_arguments *args, struct config *config, bool *given)
{
    char why[400];

    *given = access(FOLDER_CONFIG, F_OK) == 0;
    if (access(FOLDER_KEY, F_OK) == 0 || access(FOLDER_DATABASE, F_OK) == 0) {
        fprintf(stderr, "zaguan-relay: %s is set up already; nothing was changed\n", args->dir);
        return false;
    }
    if (!*given)
        return true;
    if (args->listen != NULL || args->address != NULL) {
        fprintf(stderr, "zaguan-relay: %s is there already: say address and listen in it, not here\n",
                FOLDER_CONFIG);
        return false;
    }
    if (config_read(config, FOLDER_CONFIG, why, sizeof(why)) == ZG_OK)
        return true;
    fprintf(stderr, "zaguan-relay: %s\n", why);
    return false;
}

int command_init(int argc, char **argv)
{
    struct init_arguments args = {0};
    struct relay_key key;
    struct config config;
    bool given;

    int rc = parse_init(argc, argv, &args);
    if (rc != EXIT_FINE)
        return rc;
    if (!check_addresses(&args, &config))
        return EXIT_USAGE;
    if (!folder_create(args.dir) || !prepare_config(&args, &config, &given) || !relay_key_create(&key))
        return EXIT_TROUBLE;
    bool ok = given || write_config(&args);
    if (ok) {
        print_line(&config, &key);
        explain(args.dir, &config);
    }
    relay_key_clear(&key);
    return ok ? EXIT_FINE : EXIT_TROUBLE;
}

int command_address(int argc, char **argv)
{
    struct relay_key key;
    struct config config;
    char why[400];

    if (argc != 2 || argv[1][0] == '-')
        return complain_usage("address", "say for which folder");
    if (!folder_enter(argv[1]) || !relay_key_read(&key))
        return EXIT_TROUBLE;
    bool ok = config_read(&config, FOLDER_CONFIG, why, sizeof(why)) == ZG_OK;
    if (ok)
        print_line(&config, &key);
    else
        fprintf(stderr, "zaguan-relay: %s\n", why);
    relay_key_clear(&key);
    return ok ? EXIT_FINE : EXIT_TROUBLE;
}
