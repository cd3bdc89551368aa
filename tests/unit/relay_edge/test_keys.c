/* Where keys may lie, and what the relay knows about its hour: docs/operate.md. */
#define _GNU_SOURCE
#include "relay/edge/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/edge/watch.h"
#include "tests/support/process.h"

static char folder[64];

static int enter(void **state)
{
    (void)state;
    folder_make(folder, sizeof(folder));
    return chdir(folder);
}

static int leave(void **state)
{
    (void)state;
    folder_remove(folder);
    return chdir("/");
}

static void write_text(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static void swap_is_seen(void **state)
{
    (void)state;
    static const char head[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    assert_false(swap_in_use("swaps"));
    write_text("swaps", head);
    assert_false(swap_in_use("swaps"));
    char text[256];
    snprintf(text, sizeof(text), "%s/dev/sda2 partition\t1000\t0\t-2\n", head);
    write_text("swaps", text);
    assert_true(swap_in_use("swaps"));
}

static void a_folder_on_a_disk_is_made_for_its_owner(void **state)
{
    char why[600] = "";
    struct stat st;
    bool is_volatile = true;
    (void)state;
    assert_true(keys_prepare("keys", &is_volatile, why, sizeof(why)));
    assert_int_equal(stat("keys", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_true(keys_prepare("keys", &is_volatile, why, sizeof(why)));
    assert_int_equal(chmod("keys", 0750), 0);
    assert_false(keys_prepare("keys", &is_volatile, why, sizeof(why)));
    assert_non_null(strstr(why, "chmod 700 keys"));
    assert_false(keys_prepare("no/such/folder", &is_volatile, why, sizeof(why)));
    assert_non_null(strstr(why, "cannot be made"));
}

static void a_folder_in_memory_is_told_apart(void **state)
{
    char path[64], why[600] = "";
    bool is_volatile = false;
    (void)state;
    snprintf(path, sizeof(path), "/dev/shm/zaguan-test-%d", (int)getpid());
    if (swap_in_use("/proc/swaps")) {
        assert_false(keys_prepare(path, &is_volatile, why, sizeof(why)));
        assert_non_null(strstr(why, "swap is on"));
    } else {
        assert_true(keys_prepare(path, &is_volatile, why, sizeof(why)));
    }
    assert_true(is_volatile);
    rmdir(path);
}

static void the_hour_is_kept(void **state)
{
    struct watch w = {0};
    struct relay_stats stats = {.hour = 487001};
    (void)state;
    assert_int_equal(watch_known_hour(), 0);
    watch_turn(&w, &stats, 0);
    assert_int_equal(watch_known_hour(), 487001);
    stats.hour = 487002;
    watch_turn(&w, &stats, 1);
    assert_int_equal(watch_known_hour(), 487002);
    write_text("hour", "");
    assert_int_equal(watch_known_hour(), 0);
    write_text("hour", "00004870\0001\n");
    assert_int_equal(watch_known_hour(), 0);
    write_text("hour", "9999999999\n");
    assert_int_equal(watch_known_hour(), 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(swap_is_seen),
        TEST(a_folder_on_a_disk_is_made_for_its_owner),
        TEST(a_folder_in_memory_is_told_apart),
        TEST(the_hour_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
