#define _GNU_SOURCE
#include "tests/support/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t test_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- start --- */

static _Noreturn void become(const char *const argv[], int in, int out, int err)
{
    /* Nothing that a test starts may outlive it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, 0);
    dup2(out, 1);
    dup2(err, 2);
    execv(argv[0], (char *const *)(uintptr_t)argv);
    fprintf(stderr, "exec %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

void process_start(struct process *p, const char *const argv[])
{
    int in[2], out[2], err[2];
    memset(p, 0, sizeof(*p));
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
        fail_msg("pipe: %s", strerror(errno));
    signal(SIGPIPE, SIG_IGN);
    p->pid = fork();
    if (p->pid < 0)
        fail_msg("fork: %s", strerror(errno));
    if (p->pid == 0)
        become(argv, in[0], out[1], err[1]);
    close(in[0]);
    close(out[1]);
    close(err[1]);
    p->in = in[1];
    p->out = out[0];
    p->err = err[0];
}

/* --- reading --- */

static void take(int *fd, char *text, size_t *len)
{
    if (*len + 1 >= PROCESS_TEXT_MAX)
        fail_msg("the program prints more than a test can hold");
    ssize_t n = read(*fd, text + *len, PROCESS_TEXT_MAX - 1 - *len);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        close(*fd);
        *fd = -1;
        return;
    }
    *len += (size_t)n;
    text[*len] = '\0';
}

/* Waits for output of either kind. false: time is over, or both ended. */
static bool pump(struct process *p, uint64_t until)
{
    struct pollfd fds[2] = {{p->out, POLLIN, 0}, {p->err, POLLIN, 0}};
    uint64_t now = test_now_ms();
    if ((p->out < 0 && p->err < 0) || now >= until)
        return false;
    int rc = poll(fds, 2, (int)(until - now));
    if (rc < 0 && errno != EINTR)
        fail_msg("poll: %s", strerror(errno));
    if (rc <= 0)
        return rc < 0;
    if (fds[0].revents != 0)
        take(&p->out, p->out_text, &p->out_len);
    if (fds[1].revents != 0)
        take(&p->err, p->err_text, &p->err_len);
    return true;
}

bool process_line(struct process *p, char *line, size_t cap, int timeout_ms)
{
    uint64_t until = test_now_ms() + (uint64_t)timeout_ms;
    char *end;
    while ((end = strchr(p->out_text, '\n')) == NULL)
        if (p->out < 0 || !pump(p, until))
            return false;
    *end = '\0';
    if (line != NULL)
        snprintf(line, cap, "%s", p->out_text);
    p->out_len -= (size_t)(end + 1 - p->out_text);
    memmove(p->out_text, end + 1, p->out_len + 1);
    return true;
}

void process_expect(struct process *p, const char *text, char *line, size_t cap, int timeout_ms)
{
    uint64_t until = test_now_ms() + (uint64_t)timeout_ms;
    char got[4096];
    for (;;) {
        uint64_t now = test_now_ms();
        if (now >= until || !process_line(p, got, sizeof(got), (int)(until - now)))
            fail_msg("\"%s\" was not printed; stderr: %s", text, p->err_text);
        if (strstr(got, text) == NULL)
            continue;
        if (line != NULL)
            snprintf(line, cap, "%s", got);
        return;
    }
}

void process_expect_err(struct process *p, const char *text, int timeout_ms)
{
    uint64_t until = test_now_ms() + (uint64_t)timeout_ms;
    while (strstr(p->err_text, text) == NULL)
        if (p->err < 0 || !pump(p, until))
            fail_msg("\"%s\" was not said on stderr, but: %s", text, p->err_text);
}

/* --- writing and ending --- */

void process_write(struct process *p, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(p->in, text, len);
        if (n < 0)
            fail_msg("write to the program: %s", strerror(errno));
        text += n;
        len -= (size_t)n;
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void process_close_stdin(struct process *p)
{
    close_fd(&p->in);
}

void process_signal(struct process *p, int number)
{
    assert_true(p->pid > 0);
    assert_int_equal(kill(p->pid, number), 0);
}

static int finish(struct process *p, int status)
{
    p->pid = 0;
    close_fd(&p->in);
    /* what is still in the pipes; a grandchild may hold them open */
    uint64_t until = test_now_ms() + 200;
    while (pump(p, until))
        ;
    close_fd(&p->out);
    close_fd(&p->err);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int process_wait(struct process *p, int timeout_ms)
{
    uint64_t until = test_now_ms() + (uint64_t)timeout_ms;
    int status;
    assert_true(p->pid > 0);
    for (;;) {
        pid_t got = waitpid(p->pid, &status, WNOHANG);
        if (got == p->pid)
            return finish(p, status);
        if (test_now_ms() >= until) {
            process_kill(p);
            fail_msg("the program did not end within %d ms; stderr: %s", timeout_ms, p->err_text);
        }
        uint64_t soon = test_now_ms() + 5;
        if (p->out >= 0 || p->err >= 0)
            pump(p, soon < until ? soon : until);
        else
            poll(NULL, 0, 5);
    }
}

void process_kill(struct process *p)
{
    int status;
    if (p->pid <= 0)
        return;
    kill(p->pid, SIGKILL);
    waitpid(p->pid, &status, 0);
    finish(p, status);
}

int process_run(struct process *p, const char *const argv[])
{
    process_start(p, argv);
    process_close_stdin(p);
    return process_wait(p, 30000);
}

/* --- folders and sockets --- */

void test_folder_make(char path[64])
{
    snprintf(path, 64, "/tmp/zaguan-test-XXXXXX");
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void test_folder_remove(const char *path)
{
    assert_true(strncmp(path, "/tmp/zaguan-test-", 17) == 0);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int test_connect(uint16_t port)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (const struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    close(fd);
    return -1;
}
