#define _GNU_SOURCE
#include <malloc.h>
#include <signal.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "proto/sqlite/wipe.h"
#include "relay/edge/commands.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#else
#define SANITIZED 0
#endif

static const char help_main[] =
    "zaguan-relay: a relay for Zaguan, which keeps sealed messages until they are fetched or expire\n"
    "\n"
    "  zaguan-relay init DIR         make a relay's folder: configuration and key\n"
    "  zaguan-relay serve DIR        run the relay\n"
    "  zaguan-relay voucher new DIR  make a voucher, with which one desk can be set up\n"
    "  zaguan-relay status DIR       numbers about the running relay\n"
    "  zaguan-relay metrics DIR      the same for Prometheus\n"
    "  zaguan-relay check DIR        whether it can be reached and is set up well\n"
    "  zaguan-relay address DIR      show the line that workers need, again\n"
    "  zaguan-relay backup DIR FILE  copy what is needed to set the relay up again\n"
    "  zaguan-relay restore FILE DIR set it up again\n"
    "\n"
    "  zaguan-relay COMMAND --help   more about one of them\n"
    "  zaguan-relay --version\n";

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"init", command_init, help_init},          {"serve", command_serve, help_serve},
    {"voucher", command_voucher, help_voucher}, {"status", command_status, help_status},
    {"metrics", command_metrics, help_metrics}, {"check", command_check, help_check},
    {"address", command_address, help_address}, {"backup", command_backup, help_backup},
    {"restore", command_restore, help_restore},
};

int complain_usage(const char *command, const char *what)
{
    fprintf(stderr, "zaguan-relay: %s\nHelp: zaguan-relay%s%s --help\n", what, command[0] == '\0' ? "" : " ",
            command);
    return EXIT_USAGE;
}

/*
 * Keys and what the relay handles must not end up in a core dump or be read by another process of the same
 * account; files are for their owner only; a peer that hangs up must not end the process.
 */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_CORE, &none);
#if !SANITIZED /* the leak check attaches to the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/*
 * Small at rest: freed memory goes back. Two heaps: between connections that stay, the pages of the
 * committer's thread would leave holes that are too small to be given back.
 */
static void keep_memory_small(void)
{
#if defined(__GLIBC__)
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int run_command(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        if (wants_help(argc, argv)) {
            fputs(commands[i].help, stdout);
            return EXIT_FINE;
        }
        return commands[i].run(argc, argv);
    }
    fprintf(stderr, "zaguan-relay: there is no command \"%.40s\"\n", argv[0]);
    return complain_usage("", "say what to do");
}

int main(int argc, char **argv)
{
    harden();
    keep_memory_small();
    if (sodium_init() < 0) {
        fputs("zaguan-relay: the system gives no randomness\n", stderr);
        return EXIT_TROUBLE;
    }
    if (!wipe_sqlite_memory()) {
        fputs("zaguan-relay: SQLite cannot be told to wipe its memory\n", stderr);
        return EXIT_TROUBLE;
    }
    if (argc < 2)
        return complain_usage("", "say what to do");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(help_main, stdout);
        return EXIT_FINE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("zaguan-relay " ZG_RELAY_VERSION);
        return EXIT_FINE;
    }
    return run_command(argc - 1, argv + 1);
}
