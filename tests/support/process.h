/*
 * Programs as tests use them: started with pipes, read line by line, ended for certain. Mistakes of a test end it with a
 * message (cmocka's fail). Every wait is bounded.
 */
#ifndef TESTS_PROCESS_H
#define TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_ARGS_MAX = 24, PROCESS_TEXT_MAX = 65536 };

struct process {
    pid_t pid; /* 0: not running */
    int in;    /* its stdin; -1 when closed */
    int out, err;
    char out_text[PROCESS_TEXT_MAX]; /* what was read and not yet handed out; zero-terminated */
    size_t out_len;
    char err_text[PROCESS_TEXT_MAX]; /* all of stderr so far */
    size_t err_len;
};

/* Starts argv[0] (a path); argv ends with NULL. The child dies with the test. */
void process_start(struct process *p, const char *const argv[]);
/* Writes to its stdin. */
void process_write(struct process *p, const char *text);
void process_close_stdin(struct process *p);

/* The next line of stdout without its line feed, within timeout_ms. false: none came, or stdout ended. */
bool process_line(struct process *p, char *line, size_t cap, int timeout_ms);
/* Reads lines until one contains the text; copies it to line (may be NULL). Fails the test if none does. */
void process_expect(struct process *p, const char *text, char *line, size_t cap, int timeout_ms);
/* Waits until stderr contains the text. Fails the test if it does not within timeout_ms. */
void process_expect_err(struct process *p, const char *text, int timeout_ms);

void process_signal(struct process *p, int number);
/* Its exit code, or 128 + the signal that ended it; fails the test (and ends the process) after timeout_ms. Collects the rest of its output. */
int process_wait(struct process *p, int timeout_ms);
/* SIGKILL and wait, if it runs. For teardowns too. */
void process_kill(struct process *p);

/* Runs to its end (30 s) with nothing on stdin; returns the exit code; texts stay in *p. */
int process_run(struct process *p, const char *const argv[]);

/* Milliseconds of a clock that never goes back. */
uint64_t test_now_ms(void);

/* A new empty folder under /tmp, and its removal with everything in it. */
void test_folder_make(char path[64]);
void test_folder_remove(const char *path);

/* A connected TCP socket to 127.0.0.1; -1 if it is refused. */
int test_connect(uint16_t port);

#endif
