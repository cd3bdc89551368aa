#define _POSIX_C_SOURCE 200809L

#include "client/cli/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "client/passphrase/box.h"

enum { LOOK_FOR_SIGNALS_MS = 100 };

/* Signals that end or stop a program. */
static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

enum { ENDS = sizeof(ends) / sizeof(ends[0]) };

void secret_line_clear(struct secret_line *s)
{
    sodium_free(s->at);
    s->at = NULL;
    s->len = 0;
}

static bool allocate(struct secret_line *s)
{
    s->len = 0;
    s->at = sodium_malloc(SECRET_CAP);
    if (s->at == NULL)
        say("out of memory");
    return s->at != NULL;
}

/* --- a descriptor --- */

/* Byte by byte: what stands behind the line belongs to somebody else. */
static int read_line(struct secret_line *out, int fd, const char *what)
{
    bool any = false;
    for (;;) {
        char c;
        ssize_t n = read(fd, &c, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return complain(FAILED, "cannot read the %s from descriptor %d: %s", what, fd, strerror(errno));
        if (n == 0 && !any)
            return complain(FAILED, "there is no line with the %s on descriptor %d", what, fd);
        if (n == 0 || c == '\n')
            break;
        any = true;
        if (out->len + 1 == SECRET_CAP)
            return complain(FAILED, "the %s is longer than %d bytes", what, SECRET_CAP - 1);
        out->at[out->len++] = c;
    }
    if (out->len > 0 && out->at[out->len - 1] == '\r')
        out->len--;
    out->at[out->len] = '\0';
    return DONE;
}

int prompt_fd_line(struct secret_line *out, int fd, const char *what)
{
    if (!allocate(out))
        return FAILED;
    int code = read_line(out, fd, what);
    if (code != DONE)
        secret_line_clear(out);
    return code;
}

/* --- a person --- */

struct terminal {
    int fd;
    bool hidden;
    struct termios before;
    sigset_t unblocked;
};

static void terminal_restore(struct terminal *t)
{
    if (t->hidden)
        tcsetattr(t->fd, TCSAFLUSH, &t->before);
    sigprocmask(SIG_SETMASK, &t->unblocked, NULL);
}

/* From here to terminal_restore, signals wait: so the terminal is never left without its echo. */
static bool terminal_hide(struct terminal *t, bool echo)
{
    sigset_t waiting;
    sigemptyset(&waiting);
    for (size_t i = 0; i < ENDS; i++)
        sigaddset(&waiting, ends[i]);
    t->hidden = false;
    sigprocmask(SIG_BLOCK, &waiting, &t->unblocked);
    if (echo)
        return true;
    if (tcgetattr(t->fd, &t->before) == 0) {
        struct termios hidden = t->before;
        hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
        t->hidden = tcsetattr(t->fd, TCSAFLUSH, &hidden) == 0;
    }
    if (!t->hidden)
        terminal_restore(t);
    return t->hidden;
}

static bool signal_waits(void)
{
    sigset_t pending;
    sigpending(&pending);
    for (size_t i = 0; i < ENDS; i++)
        if (sigismember(&pending, ends[i]) == 1)
            return true;
    return false;
}

static void put(int fd, const char *s)
{
    if (write(fd, s, strlen(s)) < 0)
        return; /* a prompt that cannot be shown is no reason to stop */
}

static int ask(struct secret_line *out, int fd, const char *question, bool echo)
{
    struct terminal t = {.fd = fd};
    put(fd, question);
    if (!terminal_hide(&t, echo))
        return complain(FAILED, "the terminal cannot hide what is typed; use a descriptor instead");
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, LOOK_FOR_SIGNALS_MS);
        if (signal_waits()) {
            terminal_restore(&t); /* here the signal arrives, and usually ends the program */
            put(fd, "\n");
            put(fd, question);
            if (!terminal_hide(&t, echo))
                return FAILED;
        } else if (ready > 0) {
            break;
        }
    }
    int code = read_line(out, fd, "answer");
    terminal_restore(&t);
    if (!echo)
        put(fd, "\n");
    return code;
}

static int ask_terminal(struct secret_line *out, const char *question, bool echo)
{
    if (!allocate(out))
        return FAILED;
    int code = FAILED;
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        say("there is no terminal to ask: %s", strerror(errno));
    else
        code = ask(out, fd, question, echo);
    if (fd >= 0)
        close(fd);
    if (code != DONE)
        secret_line_clear(out);
    return code;
}

static bool equal(const struct secret_line *a, const struct secret_line *b)
{
    return a->len == b->len && sodium_memcmp(a->at, b->at, a->len) == 0;
}

static int check_new(const struct secret_line *p)
{
    if (p->len >= BOX_PASSPHRASE_MIN)
        return DONE;
    return complain(FAILED, "a passphrase has at least %d characters; four or five words are good", BOX_PASSPHRASE_MIN);
}

int prompt_passphrase(struct secret_line *out, int fd, enum passphrase_kind kind, const char *what)
{
    char question[128];
    struct secret_line again;
    if (fd >= 0) {
        int from_fd = prompt_fd_line(out, fd, "passphrase");
        if (from_fd == DONE && kind == PASSPHRASE_NEW && (from_fd = check_new(out)) != DONE)
            secret_line_clear(out);
        return from_fd;
    }
    snprintf(question, sizeof(question), "%s of %s: ", kind == PASSPHRASE_NEW ? "New passphrase" : "Passphrase",
             what);
    int code = ask_terminal(out, question, false);
    if (code != DONE || kind == PASSPHRASE_EXISTING)
        return code;
    code = check_new(out);
    if (code == DONE && (code = ask_terminal(&again, "Once more: ", false)) == DONE) {
        if (!equal(out, &again))
            code = complain(FAILED, "the two were not the same; nothing was changed");
        secret_line_clear(&again);
    }
    if (code != DONE)
        secret_line_clear(out);
    return code;
}

int prompt_line(struct secret_line *out, const char *question, bool echo)
{
    if (!isatty(STDIN_FILENO))
        return prompt_fd_line(out, STDIN_FILENO, "answer");
    return ask_terminal(out, question, echo);
}
