#define _GNU_SOURCE
#include <getopt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proto/voucher.h"
#include "relay/edge/admin.h"
#include "relay/edge/commands.h"
#include "relay/edge/control.h"
#include "relay/edge/folder.h"
#include "relay/edge/storage.h"
#include "relay/edge/watch.h"

const char help_voucher[] =
    "zaguan-relay voucher new DIR [--kind KIND]\n"
    "\n"
    "Makes a voucher and prints it. With it, one thing can be made at this relay, once, within 30 days. Hand "
    "it over\n"
    "like a password. Works whether or not the relay is running.\n"
    "\n"
    "  --kind KIND  desk (the default: all that somebody needs who sets up a desk), conversation, slot or\n"
    "               lasting-slot (for tests; desks draw these themselves)\n";

static const char *const kinds[] = {
    [VOUCHER_DESK] = "desk",
    [VOUCHER_CONVERSATION] = "conversation",
    [VOUCHER_SLOT] = "slot",
    [VOUCHER_LASTING_SLOT] = "lasting-slot",
};

static bool parse_kind(const char *word, enum voucher_kind *out)
{
    for (int i = VOUCHER_DESK; i <= VOUCHER_LASTING_SLOT; i++)
        if (strcmp(word, kinds[i]) == 0) {
            *out = (enum voucher_kind)i;
            return true;
        }
    return false;
}

static int parse(int argc, char **argv, const char **dir, enum voucher_kind *kind)
{
    static const struct option options[] = {{"kind", required_argument, NULL, 'k'}, {NULL, 0, NULL, 0}};
    int c;

    *kind = VOUCHER_DESK;
    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (c != 'k' || !parse_kind(optarg, kind))
            return complain_usage("voucher", c == 'k' ? "there is no such kind" : "this is not understood");
    if (argc - optind != 2 || strcmp(argv[optind], "new") != 0)
        return complain_usage("voucher", "say: voucher new DIR");
    *dir = argv[optind + 1];
    return EXIT_FINE;
}

/* The relay is not running: its lock is ours while we write. */
static bool store_directly(enum voucher_kind kind, struct name *name)
{
    struct store_write write = {.kind = WRITE_VOUCHERS};
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {&write, 1, 0}};
    struct storage storage;
    struct engine *engine;

    if (!storage_open_alone(&storage, &engine))
        return false;
    write.u.vouchers.kind = kind;
    uint32_t hour = (uint32_t)(time(NULL) / 3600), known = watch_known_hour();
    write.u.vouchers.hour = voucher_end_hour(hour > known ? hour : known);
    write.u.vouchers.count = 1;
    write.u.vouchers.names = name;
    engine->execute(engine, &job);
    engine->close(engine);
    storage_close(&storage);
    if (job.result != ZG_OK)
        fprintf(stderr, "zaguan-relay: %s: %s\n", FOLDER_DATABASE, zg_err_text(job.result));
    return job.result == ZG_OK;
}

static bool store_voucher(enum voucher_kind kind, struct name *name, const char *dir)
{
    char hex[2 * WIRE_NAME_BYTES + 1], request[ADMIN_LINE_MAX], answer[ADMIN_ANSWER_MAX];
    sodium_bin2hex(hex, sizeof(hex), name->b, sizeof(name->b));
    snprintf(request, sizeof(request), "voucher %d %s", (int)kind, hex);
    enum control_result result = control_ask(request, CONTROL_PATIENCE_S, answer, sizeof(answer));
    if (result == CONTROL_NOBODY)
        return store_directly(kind, name);
    control_explain(result, answer, dir);
    return result == CONTROL_OK;
}

int command_voucher(int argc, char **argv)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    char text[VOUCHER_TEXT_LEN + 1];
    struct name name;
    enum voucher_kind kind;
    const char *dir = NULL;

    int rc = parse(argc, argv, &dir, &kind);
    if (rc != EXIT_FINE)
        return rc;
    if (!folder_enter(dir))
        return EXIT_TROUBLE;
    randombytes_buf(secret, sizeof(secret));
    secret_name(ROLE_VOUCHER, secret, &name);
    bool ok = store_voucher(kind, &name, dir);
    if (ok) {
        voucher_text(secret, text);
        printf("%s\n", text);
        sodium_memzero(text, sizeof(text));
    }
    sodium_memzero(secret, sizeof(secret));
    return ok ? EXIT_FINE : EXIT_TROUBLE;
}
