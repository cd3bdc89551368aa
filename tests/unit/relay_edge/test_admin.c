/* The control socket when memory is short; what is asked there: relay_program, relay_operate. */
#define _GNU_SOURCE
#include "relay/edge/admin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/unit/client/heap.h"

struct world {
    uv_loop_t loop;
    struct admin *admin;
    char folder[96];
};

static int make_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    char why[100];
    assert_non_null(w);
    folder_make(w->folder, sizeof(w->folder));
    assert_int_equal(chdir(w->folder), 0);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    const struct admin_options options = {.loop = &w->loop};
    assert_int_equal(admin_open(&w->admin, &options, why, sizeof(why)), ZG_OK);
    *state = w;
    return 0;
}

static int end_world(void **state)
{
    struct world *w = *state;
    admin_close(w->admin);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    assert_int_equal(chdir("/"), 0);
    folder_remove(w->folder);
    free(w);
    return 0;
}

static int call(void)
{
    static const char nonsense[] = "nonsense\n";
    struct sockaddr_un where = {.sun_family = AF_UNIX, .sun_path = "control.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&where, sizeof(where)), 0);
    assert_int_equal(send(fd, nonsense, sizeof(nonsense) - 1, MSG_NOSIGNAL), sizeof(nonsense) - 1);
    return fd;
}

static bool answered(struct world *w, int fd)
{
    char answer[ADMIN_ANSWER_MAX] = "";
    for (int i = 0; i < 1000; i++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        admin_turn(w->admin);
        if (recv(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT) > 0)
            return strncmp(answer, "error ", 6) == 0;
        poll(NULL, 0, 1);
    }
    return false;
}

static void a_call_without_memory_is_taken_later_and_so_are_others(void **state)
{
    struct world *w = *state;
    int first = call();
    heap_fail_after(0);
    uv_run(&w->loop, UV_RUN_NOWAIT);
    heap_fail_never();
    int second = call();
    assert_true(answered(w, first));
    assert_true(answered(w, second));
    close(first);
    close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_without_memory_is_taken_later_and_so_are_others, make_world,
                                        end_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
