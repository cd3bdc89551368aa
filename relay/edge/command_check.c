#define _GNU_SOURCE
#include <getopt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "relay/edge/check.h"
#include "relay/edge/commands.h"
#include "relay/edge/folder.h"

const char help_check[] =
    "zaguan-relay check DIR [--web HOST[:PORT]]\n"
    "zaguan-relay check HOST:PORT/KEY [--web HOST[:PORT]]\n"
    "\n"
    "Says in words whether a relay can be reached and is set up well, and what is to be done. With a folder, "
    "on "
    "its own\n"
    "machine: the folder, the configuration, and the relay at its address. With the line that `address' "
    "prints, "
    "from any\n"
    "other machine: what somebody out there meets. Ends with 0 if nothing has to be mended, and with 3 if "
    "something has.\n"
    "\n"
    "  --web HOST[:PORT]  also what browsers meet there, by TLS: certificate, page, WebSocket\n";

struct what {
    const char *dir; /* NULL: none */
    struct address relay;
    bool has_relay;
    struct address web;
    bool has_web;
    uint8_t pk[32];
};

/* "host:port/key" */
static bool parse_line(const char *text, struct what *out)
{
    char head[ADDRESS_BYTES_MAX + 1];
    const char *slash = strrchr(text, '/'), *end = NULL;
    size_t got = 0, len = slash != NULL ? (size_t)(slash - text) : 0;

    if (len == 0 || len > ADDRESS_BYTES_MAX)
        return false;
    memcpy(head, text, len);
    head[len] = '\0';
    out->has_relay = true;
    return address_parse(&out->relay, head) == ZG_OK && strlen(slash + 1) == RELAY_PK_TEXT_LEN &&
           sodium_base642bin(out->pk, sizeof(out->pk), slash + 1, RELAY_PK_TEXT_LEN, NULL, &got, &end,
                             sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           got == sizeof(out->pk);
}

static bool parse_web(const char *text, struct what *out)
{
    char whole[ADDRESS_BYTES_MAX + 8];
    const char *host_end = text[0] == '[' ? strchr(text, ']') : text;
    bool has_port = host_end != NULL && strchr(host_end, ':') != NULL;
    int len = snprintf(whole, sizeof(whole), has_port ? "%s" : "%s:443", text);
    out->has_web = true;
    return len > 0 && (size_t)len < sizeof(whole) && address_parse(&out->web, whole) == ZG_OK;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int parse(int argc, char **argv, struct what *out)
{
    static const struct option options[] = {{"web", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (c != 'w' || !parse_web(optarg, out))
            return complain_usage("check", c == 'w' ? "--web: HOST or HOST:PORT" : "this is not understood");
    if (optind + 1 != argc)
        return complain_usage("check", "say which folder, or which HOST:PORT/KEY");
    if (is_folder(argv[optind]))
        out->dir = argv[optind];
    else if (!parse_line(argv[optind], out))
        return complain_usage("check", "that is neither a folder nor HOST:PORT/KEY");
    return EXIT_FINE;
}

static bool look_into_folder(struct report *r, struct what *what, struct config *config)
{
    struct relay_key key;
    char why[400];

    if (!folder_enter(what->dir) || !relay_key_read(&key))
        return false;
    memcpy(what->pk, key.pk, sizeof(what->pk));
    relay_key_clear(&key);
    report_title("The folder %s", what->dir);
    if (config_read(config, FOLDER_CONFIG, why, sizeof(why)) != ZG_OK) {
        report(r, FOUND_BAD, "%s", why);
        return true;
    }
    check_folder(r, config);
    what->has_relay =
        config->address[0] != '\0' ? address_parse(&what->relay, config->address) == ZG_OK : true;
    if (config->address[0] == '\0')
        what->relay = config->listen[0];
    return true;
}

int command_check(int argc, char **argv)
{
    struct report r = {{0}};
    struct what what = {0};
    struct config config;

    int rc = parse(argc, argv, &what);
    if (rc != EXIT_FINE)
        return rc;
    config_default(&config);
    if (what.dir != NULL && !look_into_folder(&r, &what, &config))
        return EXIT_TROUBLE;
    if (what.has_relay)
        check_relay(&r, &what.relay, what.pk);
    if (config.listen_web_count > 0)
        check_web(&r, &config.listen_web[0], true, what.pk);
    if (what.has_web)
        check_web(&r, &what.web, false, what.pk);
    else if (config.listen_web_count > 0)
        report(&r, FOUND_NOTE, "What browsers meet at the proxy was not looked at: say --web HOST");
    report_sum(&r);
    return r.count[FOUND_BAD] > 0 ? EXIT_ALARM : EXIT_FINE;
}
