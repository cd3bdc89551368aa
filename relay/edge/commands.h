/* The subcommands of zaguan-relay. Each gets its own arguments, argv[0] being its name, and returns the exit
 * code. */
#ifndef RELAY_EDGE_COMMANDS_H
#define RELAY_EDGE_COMMANDS_H

enum { EXIT_FINE = 0, EXIT_TROUBLE = 1, EXIT_USAGE = 2, EXIT_ALARM = 3 };

int command_init(int argc, char **argv);
int command_address(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_voucher(int argc, char **argv);
int command_status(int argc, char **argv);
int command_metrics(int argc, char **argv);
int command_check(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_restore(int argc, char **argv);

extern const char help_init[], help_address[], help_serve[], help_voucher[], help_status[], help_metrics[],
    help_check[], help_backup[], help_restore[];

/* Says what is wrong with the command line and where help is; returns EXIT_USAGE. */
int complain_usage(const char *command, const char *what);

#endif
