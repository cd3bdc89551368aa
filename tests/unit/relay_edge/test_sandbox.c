/* The sandbox around a process of the test: what the relay needs goes on, what an attacker wants does not. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay/edge/sandbox.h"

enum { DONE = 0, REFUSED = 3, NO_SANDBOX = 4, OTHER = 5 };

/* What is tried inside; returns one of the above. */
typedef int deed(void);

static int outcome(long rc, int expected)
{
    if (rc >= 0)
        return DONE;
    return errno == expected ? REFUSED : OTHER;
}

/* Its exit code, or 128 + the signal that ended it. */
static int inside(deed *act)
{
    int status;
    const struct rlimit none = {0, 0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char why[160];
        setrlimit(RLIMIT_CORE, &none);
        signal(SIGABRT, SIG_DFL);
        _exit(sandbox_enter(why, sizeof(why)) ? act() : NO_SANDBOX);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- what ends the process --- */

static int run_a_program(void)
{
    static char *const argv[] = {(char *)(uintptr_t) "true", NULL}, *const env[] = {NULL};
    return outcome(execve("/bin/true", argv, env), EPERM);
}

static int open_a_socket(void)
{
    return outcome(socket(AF_INET, SOCK_STREAM, 0), EPERM);
}

static int open_a_local_socket(void)
{
    return outcome(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
}

static int connect_somewhere(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    return outcome(connect(0, (const struct sockaddr *)&a, sizeof(a)), EPERM);
}

static int look_into_another(void)
{
    return outcome(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM);
}

static int go_around_by_io_uring(void)
{
    return outcome(syscall(SYS_io_uring_setup, 4, NULL), EPERM);
}

static int leave_a_link(void)
{
    return outcome(symlink("/etc/passwd", "/tmp/zaguan-link"), EPERM);
}

static void *from_a_thread(void *wait)
{
    int *fd = wait;
    char byte;
    if (read(*fd, &byte, 1) == 1)
        _exit(open_a_socket());
    return NULL;
}

static void deeds_of_an_attacker_end_the_process(void **state)
{
    static deed *const deeds[] = {run_a_program,     open_a_socket,     open_a_local_socket,
                                  connect_somewhere, look_into_another, go_around_by_io_uring,
                                  leave_a_link};
    (void)state;
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        int how = inside(deeds[i]);
        if (how != 128 + SIGSYS)
            fail_msg("deed %u ended with %d", (unsigned)i, how);
    }
}

/* The relay's writer thread is there before the sandbox is. */
static void threads_that_were_there_are_inside_too(void **state)
{
    int status, fds[2];
    (void)state;
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        char why[160];
        if (pthread_create(&thread, NULL, from_a_thread, &fds[0]) != 0 || !sandbox_enter(why, sizeof(why)) ||
            write(fds[1], "x", 1) != 1)
            _exit(NO_SANDBOX);
        pthread_join(thread, NULL);
        _exit(OTHER);
    }
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

/* --- what is refused --- */

static int make_a_process(void)
{
    return outcome(fork(), ENOSYS);
}

static int make_memory_executable(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
                   errno == ENOSYS
               ? REFUSED
               : OTHER;
}

static int make_code_of_data(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? OTHER : outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC), ENOSYS);
}

static int end_another(void)
{
    return outcome(kill(getppid(), 0), ENOSYS);
}

static int allow_itself_dumps(void)
{
    const struct rlimit some = {0, 0};
    return outcome(setrlimit(RLIMIT_CORE, &some), ENOSYS);
}

/* What a later libc may try first. */
static int call_something_new(void)
{
    return outcome(syscall(SYS_clone3, NULL, 0), ENOSYS);
}

static void the_rest_is_refused_as_by_an_older_system(void **state)
{
    static deed *const deeds[] = {make_a_process, make_memory_executable, make_code_of_data,
                                  end_another,    allow_itself_dumps,     call_something_new};
    (void)state;
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
        int how = inside(deeds[i]);
        if (how != REFUSED)
            fail_msg("deed %u ended with %d", (unsigned)i, how);
    }
}

/* --- what goes on --- */

static int keep_a_file(void)
{
    char name[] = "/tmp/zaguan-sandbox-XXXXXX", byte = 'x';
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0 || pwrite(fd, &byte, 1, 0) != 1 || fdatasync(fd) != 0 || ftruncate(fd, 0) != 0)
        return OTHER;
    return close(fd) == 0 && unlink(name) == 0 ? DONE : OTHER;
}

static int get_memory(void)
{
    char *large = calloc(1, 1 << 20);
    int rc = large != NULL && mlock(large, 4096) == 0 && munlock(large, 4096) == 0 ? DONE : OTHER;
    free(large);
    return rc;
}

static int stop_at_a_mistake(void)
{
    abort();
}

static void files_memory_and_an_honest_end_go_on(void **state)
{
    (void)state;
    assert_int_equal(inside(keep_a_file), DONE);
    assert_int_equal(inside(get_memory), DONE);
    assert_int_equal(inside(stop_at_a_mistake), 128 + SIGABRT);
}

/* Libraries look for it at start, and must be able to do without. */
static void before_it_is_closed_there_is_no_io_uring(void **state)
{
    int status;
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        sandbox_prepare();
        int how = outcome(syscall(SYS_io_uring_setup, 4, NULL), ENOSYS);
        _exit(how == REFUSED && open_a_socket() == DONE ? DONE : OTHER);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deeds_of_an_attacker_end_the_process),
        cmocka_unit_test(threads_that_were_there_are_inside_too),
        cmocka_unit_test(the_rest_is_refused_as_by_an_older_system),
        cmocka_unit_test(before_it_is_closed_there_is_no_io_uring),
        cmocka_unit_test(files_memory_and_an_honest_end_go_on),
    };
    char why[160];
    pid_t pid = fork();
    int status = 0;
    if (pid == 0)
        _exit(sandbox_enter(why, sizeof(why)) ? 0 : NO_SANDBOX);
    if (pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == NO_SANDBOX) {
        puts("skipped: there is no sandbox in this build, or on this system");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
