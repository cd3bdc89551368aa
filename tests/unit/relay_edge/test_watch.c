/* What the log says of room on the disk, and how often. */
#define _GNU_SOURCE
#include "relay/edge/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/process.h"

enum { HOUR_MS = 3600 * 1000 };

struct fixture {
    char folder[64];
    int before; /* where stderr went */
    struct watch watch;
    struct relay_stats stats;
};

/* What is logged goes into a file of a folder of its own, as does the hour. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    folder_make(f->folder, sizeof(f->folder));
    fflush(stderr);
    f->before = dup(STDERR_FILENO);
    *state = f;
    return chdir(f->folder) == 0 && freopen("log", "w", stderr) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    fflush(stderr);
    dup2(f->before, STDERR_FILENO);
    close(f->before);
    folder_remove(f->folder);
    free(f);
    return chdir("/");
}

/* One line with these words is logged when the room is that; NULL: none is. */
static void logs(struct fixture *f, uint64_t room, uint64_t mono_ms, const char *words)
{
    char line[300] = "";
    long from = ftell(stderr);
    f->stats.room = room;
    watch_turn(&f->watch, &f->stats, mono_ms);
    fflush(stderr);
    FILE *in = fopen("log", "r");
    assert_non_null(in);
    assert_int_equal(fseek(in, from, SEEK_SET), 0);
    bool any = fgets(line, sizeof(line), in) != NULL;
    assert_int_equal(any, words != NULL);
    if (words != NULL && strstr(line, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, line);
    assert_int_equal(fgetc(in), EOF);
    fclose(in);
}

static void worse_is_said_at_once_and_better_after_an_hour(void **state)
{
    struct fixture *f = *state;
    logs(f, ROOM_ENOUGH, 1000, NULL);
    logs(f, ROOM_LOW, 2000, "warning three quarters of the room of disk-mib are used");
    logs(f, ROOM_LOW, 3000, NULL);
    logs(f, ROOM_NONE, 4000, "error the room of disk-mib is used up");
    for (uint64_t at = 5000; at < HOUR_MS; at += 10000) {
        logs(f, ROOM_LOW, at, NULL);
        logs(f, ROOM_NONE, at + 1000, NULL);
        logs(f, ROOM_ENOUGH, at + 2000, NULL);
    }
    logs(f, ROOM_ENOUGH, 4000 + HOUR_MS - 1, NULL);
    logs(f, ROOM_ENOUGH, 4000 + HOUR_MS, "info there is room again");
    logs(f, ROOM_ENOUGH, 9000 + HOUR_MS, NULL);
    logs(f, ROOM_NONE, 9001 + HOUR_MS, "error the room of disk-mib is used up");
    logs(f, ROOM_LOW, 9001 + 2 * HOUR_MS, "warning three quarters of the room of disk-mib are used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(worse_is_said_at_once_and_better_after_an_hour, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
