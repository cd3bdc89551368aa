#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/edge/admin.h"
#include "relay/edge/commands.h"
#include "relay/edge/control.h"
#include "relay/edge/copy.h"
#include "relay/edge/folder.h"
#include "relay/edge/storage.h"
#include "relay/store/backup.h"

const char help_backup[] =
    "zaguan-relay backup DIR FILE [--with-messages]\n"
    "\n"
    "Copies what is needed to set the relay up again: its key, its configuration, queues, vouchers and "
    "lasting "
    "slots.\n"
    "Works whether or not the relay is running. FILE must not be there. Whoever has it can pass himself off "
    "as "
    "the\n"
    "relay: keep it like relay.key, encrypted.\n"
    "\n"
    "  --with-messages  messages that wait, too, and the keys that open them at rest; only to move a relay, "
    "see\n"
    "                   operate.md. Destroy that file as soon as the new relay runs.\n";

const char help_restore[] = "zaguan-relay restore FILE DIR\n"
                            "\n"
                            "Sets up a relay in DIR from a backup. Nothing that is there is overwritten; a "
                            "configuration\n"
                            "that is there stays, and that of the backup is put beside it. "
                            "What the relay accepted after "
                            "the\n"
                            "backup was made is lost. Never run the old relay again beside the new one.\n";

/* A path that stays right when the folder is entered. */
static bool absolute(const char *path, char out[COPY_PATH_MAX + 1])
{
    char here[COPY_PATH_MAX + 1] = "";
    int len = 0;
    if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL)
        len = -1;
    if (len == 0)
        len = snprintf(out, COPY_PATH_MAX + 1, "%s%s%s", here, here[0] != '\0' ? "/" : "", path);
    if (len >= 0 && len <= COPY_PATH_MAX)
        return true;
    fputs("zaguan-relay: the path is too long\n", stderr);
    return false;
}

/* --- backup --- */

/* No relay runs. */
static bool copy_directly(const char *path, enum backup_scope scope)
{
    struct storage storage;
    struct engine *engine;
    struct copy copy;
    char why[400];

    if (!storage_open_alone(&storage, &engine))
        return false;
    bool ok = copy_begin(&copy, path, scope, why, sizeof(why));
    if (ok) {
        do
            engine->execute(engine, &copy.job);
        while (copy.job.result == ZG_OK && copy.job.u.backup.more);
        ok = copy.job.result == ZG_OK;
        if (!ok)
            snprintf(why, sizeof(why), "the backup failed: %s", copy_trouble(&copy));
        copy_end(&copy);
    }
    engine->close(engine);
    storage_close(&storage);
    if (!ok)
        fprintf(stderr, "zaguan-relay: %s\n", why);
    return ok;
}

/* The relay wrote it, and may see other folders than we do. */
static bool is_in_sight(const char *path)
{
    if (access(path, F_OK) == 0)
        return true;
    fprintf(stderr,
            "zaguan-relay: the relay wrote %s, but it has a /tmp of its own (PrivateTmp of its unit): it is "
            "not here.\nMake it in another folder, and restart the relay to get rid of that one.\n",
            path);
    return false;
}

static bool copy_to(const char *path, enum backup_scope scope, const char *dir)
{
    char request[ADMIN_LINE_MAX], answer[ADMIN_ANSWER_MAX];
    snprintf(request, sizeof(request), "backup %d %s", (int)scope, path);
    enum control_result result = control_ask(request, CONTROL_FOREVER, answer, sizeof(answer));
    if (result == CONTROL_NOBODY)
        return copy_directly(path, scope);
    control_explain(result, answer, dir);
    return result == CONTROL_OK && is_in_sight(path);
}

/* For `check', which says when the last one was made. */
static void mark_backup(void)
{
    int fd = open(FOLDER_BACKED_UP, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    futimens(fd, NULL);
    close(fd);
}

int command_backup(int argc, char **argv)
{
    static const struct option options[] = {{"with-messages", no_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
    enum backup_scope scope = BACKUP_STRUCTURE;
    char path[COPY_PATH_MAX + 1];
    int c;

    optind = 1;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'm')
            return complain_usage("backup", "this is not understood");
        scope = BACKUP_EVERYTHING;
    }
    if (optind + 2 != argc)
        return complain_usage("backup", "say for which folder, and to which file");
    if (!absolute(argv[optind + 1], path) || !folder_enter(argv[optind]))
        return EXIT_TROUBLE;
    if (!copy_to(path, scope, argv[optind]))
        return EXIT_TROUBLE;
    mark_backup();
    if (scope == BACKUP_EVERYTHING)
        fputs("Warning: this file keeps messages that the relay is going to forget, with the keys under "
              "which they "
              "lie.\nIt breaks the promise that nothing is left. Use it to move the relay now, then destroy "
              "it.\n",
              stderr);
    return EXIT_FINE;
}

/* --- restore --- */

static bool restore_blob(struct backup *b, const char *name, const char *as)
{
    uint8_t *data;
    size_t len;
    if (backup_blob(b, name, &data, &len) != ZG_OK) {
        fprintf(stderr, "zaguan-relay: the backup has no %s\n", name);
        return false;
    }
    bool ok = folder_write_new(as, data, len);
    sodium_memzero(data, len);
    free(data);
    return ok;
}

static bool restore_database(struct backup *b, struct counts *counts)
{
    struct storage storage;
    struct config config;
    char why[STORAGE_WHY_MAX];

    bool ok = config_read(&config, FOLDER_CONFIG, why, sizeof(why)) == ZG_OK &&
              storage_prepare(&storage, &config, NULL, why, sizeof(why));
    if (ok) {
        ok = backup_restore(b, &storage.options, counts, why, sizeof(why)) == ZG_OK;
        storage_close(&storage);
    }
    if (!ok)
        fprintf(stderr, "zaguan-relay: %s\n", why);
    return ok;
}

/* The key comes last: without it nothing can be served. */
static bool restore_files(struct backup *b, struct counts *counts)
{
    bool given = access(FOLDER_CONFIG, F_OK) == 0;
    const char *config = given ? FOLDER_CONFIG_OLD : FOLDER_CONFIG;

    if (!restore_blob(b, FOLDER_CONFIG, config))
        return false;
    if (restore_database(b, counts)) {
        if (restore_blob(b, FOLDER_KEY, FOLDER_KEY)) {
            if (given)
                puts(FOLDER_CONFIG " was there and stays; the configuration of the backup lies beside "
                                   "it: " FOLDER_CONFIG_OLD);
            return true;
        }
        unlink(FOLDER_DATABASE);
    }
    unlink(config);
    return false;
}

static bool is_empty(const char *dir)
{
    static const char *const names[] = {FOLDER_CONFIG_OLD, FOLDER_KEY, FOLDER_DATABASE};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (access(names[i], F_OK) == 0) {
            fprintf(stderr, "zaguan-relay: %s is there already in %s; nothing was changed\n", names[i], dir);
            return false;
        }
    return true;
}

static bool restore(const char *path, const char *dir)
{
    struct counts counts = {0};
    struct backup *b;
    char why[400];

    if (backup_open(&b, path, why, sizeof(why)) != ZG_OK) {
        fprintf(stderr, "zaguan-relay: %s: %s\n", path, why);
        return false;
    }
    bool ok =
        folder_create(dir) && is_empty(dir) && folder_lock() == FOLDER_LOCK_OURS && restore_files(b, &counts);
    if (ok)
        printf("%llu queues, %llu slots, %llu vouchers, %llu messages\n"
               "What the relay accepted after the backup was made is lost. Never run the old one again "
               "beside this "
               "one.\n",
               (unsigned long long)counts.queues, (unsigned long long)counts.slots,
               (unsigned long long)counts.vouchers, (unsigned long long)counts.messages);
    backup_close(b);
    return ok;
}

int command_restore(int argc, char **argv)
{
    char path[COPY_PATH_MAX + 1];
    if (argc != 3 || argv[1][0] == '-')
        return complain_usage("restore", "say from which file, and to which folder");
    if (!absolute(argv[1], path))
        return EXIT_TROUBLE;
    return restore(path, argv[2]) ? EXIT_FINE : EXIT_TROUBLE;
}
