#define _GNU_SOURCE

#include "tests/support/process.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUN_MAX_MS = 60000, WAIT_STEP_MS = 2, LOWEST_PORT = 10000 };

static void give_up(const char *what)
{
    fprintf(stderr, "test: %s: %s\n", what, strerror(errno));
    abort();
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* In the child: never returns. Only calls that are safe after fork. */
static void become(const char *const argv[], pid_t parent, int in, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    static const char words[] = "cannot be started\n";
    if (write(2, words, sizeof(words) - 1) < 0)
        _exit(126);
    _exit(127);
}

void process_start(struct process *p, const char *const argv[])
{
    int in[2], out[2];
    pid_t parent = getpid();
    memset(p, 0, sizeof(*p));
    signal(SIGPIPE, SIG_IGN);
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        give_up("pipe");
    p->pid = fork();
    if (p->pid < 0)
        give_up("fork");
    if (p->pid == 0)
        become(argv, parent, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    p->in = in[1];
    p->out = out[0];
}

bool process_write(struct process *p, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(p->in, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

void process_close_input(struct process *p)
{
    if (p->in >= 0)
        close(p->in);
    p->in = -1;
}

/* More output into pending; false: it ended, or none came before the deadline. */
static bool read_more(struct process *p, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - now_ms();
        struct pollfd fd = {p->out, POLLIN, 0};
        int ready = poll(&fd, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        ssize_t n = read(p->out, p->pending + p->len, sizeof(p->pending) - p->len);
        if (n <= 0)
            return false;
        p->len += (size_t)n;
        return true;
    }
}

bool process_line(struct process *p, char *line, size_t cap, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    char *end;
    while ((end = memchr(p->pending, '\n', p->len)) == NULL && p->len < sizeof(p->pending))
        if (!read_more(p, deadline))
            return false;
    size_t len = end == NULL ? p->len : (size_t)(end - p->pending);
    size_t used = end == NULL ? len : len + 1;
    size_t fits = len < cap ? len : cap - 1;
    memcpy(line, p->pending, fits);
    line[fits] = '\0';
    p->len -= used;
    memmove(p->pending, p->pending + used, p->len);
    return true;
}

bool process_line_with(struct process *p, const char *part, char *line, size_t cap, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - now_ms();
        if (!process_line(p, line, cap, left > 0 ? (int)left : 0))
            return false;
        if (strstr(line, part) != NULL)
            return true;
    }
}

static void finish(struct process *p)
{
    process_close_input(p);
    close(p->out);
    p->out = -1;
    p->pid = 0;
    p->len = 0;
}

void process_signal(const struct process *p, int signal)
{
    if (p->pid > 0)
        kill(p->pid, signal);
}

void process_kill(struct process *p)
{
    if (p->pid <= 0)
        return;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    finish(p);
}

int process_wait(struct process *p, int timeout_ms)
{
    int64_t deadline = now_ms() + timeout_ms;
    int status;
    for (;;) {
        pid_t ended = waitpid(p->pid, &status, WNOHANG);
        if (ended == p->pid)
            break;
        if (ended < 0 && errno != EINTR)
            give_up("waitpid");
        if (now_ms() >= deadline)
            return -1;
        poll(NULL, 0, WAIT_STEP_MS);
    }
    finish(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Everything until it closes its output; what does not fit into out is read and dropped. */
static void drain(struct process *p, char *out, size_t cap, int64_t deadline)
{
    size_t len = 0;
    do {
        size_t fits = out != NULL && len < cap - 1 ? cap - 1 - len : 0;
        fits = p->len < fits ? p->len : fits;
        if (fits > 0)
            memcpy(out + len, p->pending, fits);
        len += fits;
        p->len = 0;
    } while (read_more(p, deadline));
    if (out != NULL)
        out[len] = '\0';
}

int process_run(const char *const argv[], const char *input, char *out, size_t cap)
{
    struct process p;
    int64_t deadline = now_ms() + RUN_MAX_MS;
    process_start(&p, argv);
    if (input != NULL)
        (void)process_write(&p, input); /* who does not read its input says so by its exit code */
    process_close_input(&p);
    drain(&p, out, cap, deadline);
    int64_t left = deadline - now_ms();
    int code = process_wait(&p, left > 0 ? (int)left : 0);
    if (code == -1) {
        process_kill(&p);
        errno = ETIMEDOUT;
        give_up(argv[0]);
    }
    return code;
}

/*
 * Below those that the system gives out by itself: between the choice and a program's bind the connection of
 * another one would now and then take one of these.
 */
static uint16_t highest_port(void)
{
    unsigned first = 0;
    FILE *f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    if (f == NULL || fscanf(f, "%u", &first) != 1)
        give_up("no range of ports");
    fclose(f);
    return (uint16_t)(first > 2 * LOWEST_PORT && first <= UINT16_MAX ? first - 1 : UINT16_MAX);
}

static bool port_is_free(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        give_up("no socket");
    bool free = bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
    close(fd);
    return free;
}

uint16_t process_free_port(void)
{
    static uint16_t last; /* nobody listens on it yet */
    uint16_t port;
    do
        port = (uint16_t)(LOWEST_PORT + randombytes_uniform(highest_port() - LOWEST_PORT + 1u));
    while (port == last || !port_is_free(port));
    last = port;
    return port;
}

void folder_make(char *out, size_t cap)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(out, cap, "%s/zaguan-test-XXXXXX", base != NULL ? base : "/tmp");
    if (n < 0 || (size_t)n >= cap || mkdtemp(out) == NULL)
        give_up("no temporary folder");
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *where)
{
    (void)s;
    (void)kind;
    (void)where;
    return remove(path);
}

void folder_remove(const char *path)
{
    nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
