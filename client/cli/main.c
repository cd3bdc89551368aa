/* zaguan: the command line. One subcommand, one file. */
#define _GNU_SOURCE

#include <locale.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <zaguan/client.h>

#include "client/cli/common.h"
#include "proto/sqlite/wipe.h"

static const char help[] =
    "zaguan knock                  write to the desk of a contact card\n"
    "\n"
    "zaguan inbox                  knocks and conversations\n"
    "zaguan chat ID                a conversation\n"
    "zaguan send ID                one message from standard input\n"
    "zaguan erase ID               a conversation, here and at the relay\n"
    "zaguan card                   the contact card of the desk\n"
    "\n"
    "zaguan vault check            whether the vault is whole\n"
    "zaguan vault passphrase       another passphrase\n"
    "zaguan vault wipe             erases the vault of this device\n"
    "\n"
    "zaguan organisation create    the keys of an organisation\n"
    "zaguan organisation export    its root key to paper, or a copy of the file\n"
    "zaguan organisation restore   from paper, or from a copy\n"
    "zaguan desk create            a desk with one worker\n"
    "zaguan desk renew             the worker's next 30 days\n"
    "zaguan desk notice            what participants read first\n"
    "\n"
    "Each has --help. Everywhere: --vault FILE, --passphrase-fd N, --socks5 HOST:PORT, --json, --lang en|es|fr.\n"
    "The manual is zaguan(1).\n";

static const struct command {
    const char *name;
    int (*run)(struct call *c);
} commands[] = {
    {"organisation", cmd_organisation}, {"desk", cmd_desk}, {"card", cmd_card}, {"knock", cmd_knock},
    {"inbox", cmd_inbox},               {"chat", cmd_chat}, {"send", cmd_send}, {"erase", cmd_erase},
    {"vault", cmd_vault},
};

/* Words and keys must not reach a disk through a crash. */
static void forbid_core_dumps(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) /* the leak checker has to look at the process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
    forbid_core_dumps();
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    if (sodium_init() < 0)
        return complain(FAILED, "the cryptographic library does not start");
    if (!wipe_sqlite_memory())
        return complain(FAILED, "SQLite cannot be told to wipe its memory");
    if (argc < 2)
        return complain(USAGE, "what shall be done? `zaguan --help' lists it");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
        return fputs(help, stdout) < 0 ? FAILED : DONE;
    if (strcmp(argv[1], "--version") == 0)
        return printf("zaguan %s\n", zg_version()) < 0 ? FAILED : DONE;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct call c = {
            .argc = argc - 1,
            .argv = argv + 1,
            .common = {.passphrase_fd = -1, .language = "en"},
        };
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(&c);
    }
    return complain(USAGE, "%s is not known; `zaguan --help' lists what is", argv[1]);
}
