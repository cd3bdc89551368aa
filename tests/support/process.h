/*
 * Programs that a test starts, and a folder for what they write. What a test cannot go on without ends it
 * with a sentence on stderr; children die with the test, whatever way it ends.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_OUTPUT_MAX = 16384 };

struct process {
    pid_t pid;  /* 0: none */
    int in;     /* to its stdin; -1: closed */
    int out;    /* from its stdout and stderr */
    size_t len; /* of what came and was not read yet */
    char pending[PROCESS_OUTPUT_MAX];
};

/* Starts argv[0] (a path, or looked up in PATH); argv ends with NULL. */
void process_start(struct process *p, const char *const argv[]);
/* Writes all of text to its stdin; false: it does not read any more. */
bool process_write(struct process *p, const char *text);
void process_close_input(struct process *p);
/* The next line it prints, without its end; false: it ended or said nothing for so long. Longer lines are cut
 * at cap. */
bool process_line(struct process *p, char *line, size_t cap, int timeout_ms);
/* Reads lines until one contains `part`; false as above. */
bool process_line_with(struct process *p, const char *part, char *line, size_t cap, int timeout_ms);
/* SIGKILL, and waits until it is gone. NULL-safe in the sense that nothing happens if none runs. */
void process_kill(struct process *p);
void process_signal(const struct process *p, int signal);
/* Waits until it ends: its exit code, or 128 + the signal; -1: it still runs. Drops what was not read. */
int process_wait(struct process *p, int timeout_ms);

/*
 * Runs a program to its end with the given input (NULL: none). Returns its exit code as process_wait; out
 * (may be NULL) gets what it printed, zero-terminated, cut at cap. It ends the test if it takes longer than a
 * minute.
 */
int process_run(const char *const argv[], const char *input, char *out, size_t cap);

/* A TCP port of 127.0.0.1 that nobody uses now, and that the system gives to nobody by itself. */
uint16_t process_free_port(void);

/* A new folder below $TMPDIR or /tmp; out holds at least 64 bytes. */
void folder_make(char *out, size_t cap);
/* Removes it with everything in it. */
void folder_remove(const char *path);

#endif
