#define _GNU_SOURCE

#include "tests/integration/cli/terminal.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "test terminal: %s: %s\n", what, strerror(errno));
    abort();
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void terminal_start(struct terminal *t, const char *const argv[])
{
    struct winsize size = {.ws_row = TERMINAL_ROWS, .ws_col = TERMINAL_COLUMNS};
    memset(t, 0, sizeof(*t));
    t->shown = calloc(1, TERMINAL_SHOWN_MAX + 1);
    if (t->shown == NULL)
        give_up("no memory");
    t->pid = forkpty(&t->fd, NULL, NULL, &size);
    if (t->pid < 0)
        give_up("forkpty");
    if (t->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("TERM", "xterm", 1);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
}

/* false: nothing came in so long, or it ended. */
static bool read_some(struct terminal *t, int timeout_ms)
{
    struct pollfd p = {.fd = t->fd, .events = POLLIN};
    if (timeout_ms < 0 || poll(&p, 1, timeout_ms) <= 0)
        return false;
    if (t->len == TERMINAL_SHOWN_MAX)
        give_up("the program writes too much");
    ssize_t n = read(t->fd, t->shown + t->len, TERMINAL_SHOWN_MAX - t->len);
    if (n <= 0)
        return false;
    t->len += (size_t)n;
    t->shown[t->len] = '\0';
    return true;
}

bool terminal_expect(struct terminal *t, const char *text, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        char *found = memmem(t->shown + t->mark, t->len - t->mark, text, strlen(text));
        if (found != NULL) {
            t->mark = (size_t)(found - t->shown) + strlen(text);
            return true;
        }
        if (!read_some(t, (int)(deadline - now_ms()))) {
            fprintf(stderr, "expected \"%s\"; the terminal shows:\n%s\n", text, t->shown + t->mark);
            return false;
        }
    }
}

void terminal_type(struct terminal *t, const char *keys)
{
    if (write(t->fd, keys, strlen(keys)) != (ssize_t)strlen(keys))
        give_up("typing");
}

bool terminal_echoes(const struct terminal *t)
{
    struct termios now;
    if (tcgetattr(t->fd, &now) != 0)
        give_up("tcgetattr");
    return (now.c_lflag & ECHO) != 0 && (now.c_lflag & ICANON) != 0;
}

void terminal_wait(struct terminal *t, int ms)
{
    int64_t deadline = now_ms() + ms;
    while (now_ms() < deadline)
        if (!read_some(t, (int)(deadline - now_ms())))
            return;
}

const char *terminal_screen(struct terminal *t)
{
    static const char home[] = "\x1b[H";
    const char *last = t->shown;
    terminal_wait(t, 50);
    for (const char *at = t->shown; (at = strstr(at, home)) != NULL; at++)
        last = at;
    return last;
}

int terminal_end(struct terminal *t)
{
    int status;
    int64_t deadline = now_ms() + 10000;
    while (waitpid(t->pid, &status, WNOHANG) == 0) {
        if (now_ms() > deadline) {
            kill(t->pid, SIGKILL);
            fprintf(stderr, "the program does not end; the terminal shows:\n%s\n", t->shown);
            abort();
        }
        terminal_wait(t, 10);
    }
    t->pid = 0;
    while (read_some(t, 0))
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void terminal_close(struct terminal *t)
{
    if (t->pid > 0) {
        kill(t->pid, SIGKILL);
        waitpid(t->pid, NULL, 0);
    }
    close(t->fd);
    free(t->shown);
}
