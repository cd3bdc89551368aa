/* What an operator relies on while the relay runs: how it starts, what it may do, what it says of itself. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/relay_process.h"

enum { OUTPUT_MAX = 16384, PATIENCE_MS = 20000 };

static const char program[] = ZG_RELAY_PROGRAM;

struct fixture {
    struct relay_process relay;
    char said[OUTPUT_MAX];
};

#define RUN(f, ...) \
    process_run((const char *const[]){program, __VA_ARGS__, NULL}, NULL, (f)->said, OUTPUT_MAX)

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    relay_set_up(&f->relay, program, "");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    relay_tear_down(&f->relay);
    free(f);
    return 0;
}

static void assert_said(const struct fixture *f, const char *part)
{
    if (strstr(f->said, part) == NULL)
        fail_msg("it did not say \"%s\" but: %s", part, f->said);
}

/* --- how it starts --- */

/* Of a line like "Seccomp:\t2" in /proc; -1: there is none. */
static int number_of_task(pid_t pid, const char *task, const char *name)
{
    char path[400], line[256];
    int v = -1;
    size_t len = strlen(name);
    snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, task);
    FILE *in = fopen(path, "r");
    if (in == NULL)
        return -1;
    while (fgets(line, sizeof(line), in) != NULL)
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            v = atoi(line + len + 1);
    fclose(in);
    return v;
}

/* How many threads it has, and in how many of them a number is as wanted. */
static size_t tasks_with(pid_t pid, const char *name, int wanted, size_t *all)
{
    char path[64];
    size_t with = 0;
    const struct dirent *entry;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    assert_non_null(tasks);
    for (*all = 0; (entry = readdir(tasks)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        ++*all;
        if (number_of_task(pid, entry->d_name, name) == wanted)
            with++;
    }
    closedir(tasks);
    return with;
}

/* One keeps libuv from io_uring, the other is the sandbox; they come on top of what the test itself is in. */
static void assert_filters(pid_t pid, int wanted)
{
    char self[16];
    size_t all;
    snprintf(self, sizeof(self), "%d", (int)getpid());
    int before = number_of_task(getpid(), self, "Seccomp_filters");
    assert_true(before >= 0);
    size_t with = tasks_with(pid, "Seccomp_filters", before + wanted, &all);
    assert_int_equal(with, all);
    assert_true(all >= 2); /* the loop, and the thread that writes */
}

static int wait_for_systemd(struct fixture *f, char name[128])
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(name, 128, "%s/notify", f->relay.folder);
    memcpy(a.sun_path, name, strlen(name) + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void systemd_hears_that_it_is_ready_when_the_sandbox_is_closed(void **state)
{
    struct fixture *f = *state;
    char name[128], said[256];
    int fd = wait_for_systemd(f, name);
    struct pollfd heard = {fd, POLLIN, 0};

    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    relay_start(&f->relay);
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(poll(&heard, 1, PATIENCE_MS), 1);
    ssize_t n = recv(fd, said, sizeof(said) - 1, 0);
    close(fd);
    assert_true(n > 0);
    said[n] = '\0';
    assert_int_equal(strncmp(said, "READY=1\n", 8), 0);

    if (SANDBOX) {
        assert_filters(f->relay.process.pid, 2);
        size_t all, with = tasks_with(f->relay.process.pid, "NoNewPrivs", 1, &all);
        assert_int_equal(with, all);
    }
    assert_int_equal(RUN(f, "status", f->relay.dir, "--json"), 0);
    assert_said(f, SANDBOX ? "\"sandboxed\": 1" : "\"sandboxed\": 0");
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void without_a_sandbox_it_serves_and_says_so_loudly(void **state)
{
    struct fixture *f = *state;
    char line[512];
    relay_configure(&f->relay, "sandbox = off\n");
    process_start(&f->relay.process, (const char *const[]){program, "serve", f->relay.dir, NULL});
    assert_true(
        process_line_with(&f->relay.process, "NO SANDBOX (relay.conf says", line, sizeof(line), PATIENCE_MS));
    assert_true(process_line_with(&f->relay.process, "listening on", line, sizeof(line), PATIENCE_MS));
    assert_filters(f->relay.process.pid, 0);
    assert_int_equal(RUN(f, "status", f->relay.dir, "--json"), 0);
    assert_said(f, "\"sandboxed\": 0");
    assert_int_equal(relay_stop(&f->relay), 0);

    relay_configure(&f->relay, "sandbox = perhaps\n");
    assert_int_equal(RUN(f, "serve", f->relay.dir), 1);
    assert_said(f, "sandbox: \"perhaps\" is neither on nor off");
}

/* --- as a package sets it up --- */

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", f->relay.dir, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static bool exists(const struct fixture *f, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", f->relay.dir, name);
    return access(path, F_OK) == 0;
}

static void delete_file(const struct fixture *f, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", f->relay.dir, name);
    assert_int_equal(unlink(path), 0);
}

static void init_takes_a_configuration_that_is_there(void **state)
{
    struct fixture *f = *state;
    delete_file(f, "relay.key");
    write_file(f, "relay.conf", "[relay]\naddress = relay.example.org:7443\nlisten = 0.0.0.0:7443\n");
    assert_int_equal(RUN(f, "init", f->relay.dir, "--address", "other.example.org:1"), 1);
    assert_said(f, "say address and listen in it");
    assert_false(exists(f, "relay.key"));
    assert_int_equal(RUN(f, "init", f->relay.dir), 0);
    assert_int_equal(strncmp(f->said, "relay.example.org:7443/", 23), 0);
    assert_true(exists(f, "relay.key"));

    /* A new key for an old database would be a relay that nobody finds. */
    delete_file(f, "relay.key");
    write_file(f, "relay.db", "");
    assert_int_equal(RUN(f, "init", f->relay.dir), 1);
    assert_said(f, "is set up already; nothing was changed");
    delete_file(f, "relay.db");
    write_file(f, "relay.conf", "[relay]\nlisen = 0.0.0.0:7443\n");
    assert_int_equal(RUN(f, "init", f->relay.dir), 1);
    assert_said(f, "relay.conf line 2");
    assert_false(exists(f, "relay.key"));
}

static void restore_leaves_a_configuration_that_is_there(void **state)
{
    struct fixture *f = *state;
    char backup[128], keys[128];
    snprintf(backup, sizeof(backup), "%s/backup", f->relay.folder);
    snprintf(keys, sizeof(keys), "%s/keys", f->relay.dir);
    relay_configure(&f->relay, "settle = 777\n");
    assert_int_equal(RUN(f, "backup", f->relay.dir, backup), 0);
    delete_file(f, "relay.key");
    delete_file(f, "relay.db");
    folder_remove(keys);
    relay_configure(&f->relay, "settle = 333\n");
    assert_int_equal(RUN(f, "restore", backup, f->relay.dir), 0);
    assert_said(f, "the configuration of the backup lies beside it: relay.conf.restored");
    assert_true(exists(f, "relay.key"));
    assert_int_equal(process_run((const char *const[]){"grep", "-rhE", "^settle", f->relay.dir, NULL}, NULL,
                                 f->said, OUTPUT_MAX),
                     0);
    assert_said(f, "settle = 333\n");
    assert_said(f, "settle = 777\n");
}

/* --- alarms --- */

static void assert_alarm(struct fixture *f, const char *part)
{
    assert_int_equal(RUN(f, "status", f->relay.dir, "--alarms"), 3);
    assert_said(f, part);
    assert_int_equal(RUN(f, "status", f->relay.dir), 0);
    assert_said(f, part);
}

static void a_disk_that_is_almost_full_is_an_alarm(void **state)
{
    struct fixture *f = *state;
    relay_configure(&f->relay, "[alarms]\ndisk-free = 1\n");
    assert_int_equal(RUN(f, "status", f->relay.dir, "--alarms"), 1);
    assert_said(f, "no relay is running");
    relay_start(&f->relay);
    assert_int_equal(RUN(f, "status", f->relay.dir, "--alarms"), 0);
    assert_string_equal(f->said, "");
    /* Read anew each time: no disk of a test has a TiB free. */
    relay_configure(&f->relay, "[alarms]\ndisk-free = 1048576\n");
    assert_alarm(f, "The disk is almost full: ");
    relay_configure(&f->relay, "[alarms]\ndisk-fre = 1\n");
    assert_alarm(
        f, "relay.conf line 4: there is no key \"disk-fre\" in [alarms]. With that the relay does not start");
    assert_int_equal(RUN(f, "status", f->relay.dir, "--alarms", "--json"), 2);
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void make_certificate(struct fixture *f, const char *path, const char *days)
{
    char key[96], request[96];
    snprintf(key, sizeof(key), "%s/key.pem", f->relay.folder);
    snprintf(request, sizeof(request), "%s/request.pem", f->relay.folder);
    assert_int_equal(
        process_run((const char *const[]){"openssl", "req", "-newkey", "ec", "-pkeyopt",
                                          "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                                          request, "-subj", "/CN=relay.example.org", NULL},
                    NULL, f->said, OUTPUT_MAX),
        0);
    assert_int_equal(process_run((const char *const[]){"openssl", "x509", "-req", "-in", request, "-signkey",
                                                       key, "-days", days, "-out", path, NULL},
                                 NULL, f->said, OUTPUT_MAX),
                     0);
}

static void a_certificate_that_ends_is_an_alarm(void **state)
{
    struct fixture *f = *state;
    char path[96], settings[200];
    snprintf(path, sizeof(path), "%s/certificate.pem", f->relay.folder);
    snprintf(settings, sizeof(settings), "[web]\nweb-certificate = %s\n[alarms]\ndisk-free = 1\n", path);
    relay_configure(&f->relay, settings);
    relay_start(&f->relay);
    assert_alarm(f, "The certificate of the proxy cannot be looked at: ");
    make_certificate(f, path, "60");
    assert_int_equal(RUN(f, "status", f->relay.dir, "--alarms"), 0);
    make_certificate(f, path, "5");
    assert_alarm(f, "The certificate of the proxy ends on 20");
    make_certificate(f, path, "-1");
    assert_alarm(f, "The certificate of the proxy ended on 20");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n", out);
    assert_int_equal(fclose(out), 0);
    assert_alarm(f, "holds no certificate");
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* --- metrics --- */

enum { METRICS_MAX = 64 };

/* Whether a line is "# HELP name words", "# TYPE name kind" and "name value" of one metric, in this order. */
static bool read_metric(char **at, char name[64], unsigned long long *value)
{
    char again[64], third[64], kind[16];
    int used = 0;
    if (sscanf(*at, "# HELP %63[a-z_] %*[a-z ]%n", name, &used) != 1 || used == 0 || (*at)[used] != '\n')
        return false;
    *at += used + 1;
    used = 0;
    if (sscanf(*at, "# TYPE %63[a-z_] %15[a-z]%n", again, kind, &used) != 2 || (*at)[used] != '\n')
        return false;
    *at += used + 1;
    used = 0;
    if (sscanf(*at, "%63[a-z_] %llu%n", third, value, &used) != 2 || (*at)[used] != '\n')
        return false;
    *at += used + 1;
    size_t len = strlen(name);
    bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    return strcmp(name, again) == 0 && strcmp(name, third) == 0 && strncmp(name, "zaguan_relay_", 13) == 0 &&
           strcmp(kind, total ? "counter" : "gauge") == 0;
}

static void metrics_are_numbers_that_prometheus_reads_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    static char names[METRICS_MAX][64];
    unsigned long long value, vouchers = 99, free_bytes = 0;
    size_t count = 0;

    relay_start(&f->relay);
    assert_int_equal(RUN(f, "voucher", "new", f->relay.dir), 0);
    assert_int_equal(RUN(f, "metrics", f->relay.dir), 0);
    for (char *at = f->said; *at != '\0'; count++) {
        const char *line = at;
        if (count == METRICS_MAX || !read_metric(&at, names[count], &value))
            fail_msg("no metric: %.200s", line);
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(names[i], names[count]);
        if (strcmp(names[count], "zaguan_relay_vouchers") == 0)
            vouchers = value;
        if (strcmp(names[count], "zaguan_relay_disk_free_bytes") == 0)
            free_bytes = value;
    }
    assert_true(count > 20);
    assert_int_equal(vouchers, 1);
    assert_true(free_bytes > 0);
    assert_int_equal(RUN(f, "metrics"), 2);
    assert_int_equal(relay_stop(&f->relay), 0);
    assert_int_equal(RUN(f, "metrics", f->relay.dir), 1);
}

/* --- check --- */

static void check_says_that_a_good_relay_is_good(void **state)
{
    struct fixture *f = *state;
    relay_start(&f->relay);
    assert_int_equal(RUN(f, "check", f->relay.address), 0);
    assert_said(f, "good  127.0.0.1 answers in ");
    assert_said(f, "good  It has the key that cards name; the handshake took ");
    assert_said(f, "good  Its clock is that of this machine.");
    assert_said(f, "Nothing has to be mended (3 good, 0 to look at).");
    assert_int_equal(RUN(f, "check", "127.0.0.1:1"), 2);
    assert_int_equal(RUN(f, "check"), 2);
    assert_int_equal(RUN(f, "check", f->relay.address, "--web", "nothing like/that"), 2);
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void check_tells_a_key_that_is_another_and_a_relay_that_is_not_there(void **state)
{
    struct fixture *f = *state;
    char other[200];
    assert_int_equal(RUN(f, "check", f->relay.address), 3);
    assert_said(f, "BAD   127.0.0.1 cannot be reached: nothing listens there.");
    relay_start(&f->relay);
    snprintf(other, sizeof(other), "%s", f->relay.address);
    char *key = strchr(other, '/') + 1;
    memcpy(key, "AAAAAAAA", 8);
    assert_int_equal(RUN(f, "check", other), 3);
    assert_said(f, "BAD   It hangs up on the handshake: it has another key");
    snprintf(other, sizeof(other), "nowhere.invalid:7443%s", strchr(f->relay.address, '/'));
    assert_int_equal(RUN(f, "check", other), 3);
    assert_said(f, "BAD   The name nowhere.invalid leads nowhere");
    assert_int_equal(relay_stop(&f->relay), 0);
}

/* Something else on the relay's port, which answers at once. */
static void check_tells_what_is_no_relay(void **state)
{
    struct fixture *f = *state;
    struct process other;
    char script[300], line[64];
    snprintf(script, sizeof(script),
             "import socket; s = socket.create_server(('127.0.0.1', %u)); print('ready', flush=True); c, _ = "
             "s.accept();"
             " c.recv(2000); c.sendall(b'HTTP/1.1 400 Bad Request\\r\\n\\r\\n'); c.close()",
             (unsigned)f->relay.port);
    process_start(&other, (const char *const[]){"python3", "-c", script, NULL});
    assert_true(process_line_with(&other, "ready", line, sizeof(line), PATIENCE_MS));
    assert_int_equal(RUN(f, "check", f->relay.address), 3);
    assert_said(f, "BAD   It does not answer as a relay with this key");
    process_kill(&other);
}

static void check_tells_a_clock_that_is_off(void **state)
{
    struct fixture *f = *state;
    char path[96], preload[300], clock[128];
    const int64_t ahead = 3 * 3600;
    if (!SANDBOX)
        return; /* sanitizers must be loaded before the clock */
    snprintf(path, sizeof(path), "%s/clock", f->relay.folder);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(&ahead, sizeof(ahead), 1, out), 1);
    assert_int_equal(fclose(out), 0);
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", ZG_CLOCK);
    snprintf(clock, sizeof(clock), "ZG_TEST_CLOCK=%s", path);
    relay_start(&f->relay);
    const char *const check[] = {"env", preload, clock, program, "check", f->relay.address, NULL};
    assert_int_equal(process_run(check, NULL, f->said, OUTPUT_MAX), 3);
    assert_said(f, "BAD   Its clock is 180 minutes behind this machine's.");
    assert_int_equal(relay_stop(&f->relay), 0);
}

static void check_looks_into_the_folder(void **state)
{
    struct fixture *f = *state;
    char path[128], settings[200];
    snprintf(settings, sizeof(settings),
             "address = localhost:%u\n[web]\nlisten-web = 127.0.0.1:%u\n[alarms]\ndisk-free = 1048576\n",
             (unsigned)f->relay.port, (unsigned)process_free_port());
    relay_configure(&f->relay, settings);
    assert_int_equal(RUN(f, "check", f->relay.dir), 3);
    assert_said(f, "BAD   No relay runs in the folder");
    assert_said(f, "BAD   No backup was made.");
    assert_said(f, "BAD   The disk is almost full: ");
    assert_said(f, "look  The disk may be full before disk-mib is used up: ");
    relay_start(&f->relay);
    snprintf(path, sizeof(path), "%s/backup", f->relay.folder);
    assert_int_equal(RUN(f, "backup", f->relay.dir, path), 0);
    snprintf(path, sizeof(path), "%s/relay.db", f->relay.dir);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(RUN(f, "check", f->relay.dir), 3);
    assert_said(f, "BAD   Others may look into relay.db. Say: chmod go-rwx relay.db");
    assert_said(f, "good  The relay runs.");
    assert_said(f, "good  The last backup was made 0 days ago.");
    assert_said(f, "good  It has the key that cards name");
    assert_said(f, "good  /zaguan opens a WebSocket.");
    assert_said(f, "look  What browsers meet at the proxy was not looked at");
    relay_configure(&f->relay, "[limits]\ndisk-mib = 1\n[alarms]\ndisk-free = 1\n");
    assert_int_equal(RUN(f, "check", f->relay.dir), 3);
    assert_said(f, "good  The disk has room for the 1 MiB of disk-mib.");
    assert_int_equal(relay_stop(&f->relay), 0);
}

#define WITH_RELAY(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RELAY(systemd_hears_that_it_is_ready_when_the_sandbox_is_closed),
        WITH_RELAY(without_a_sandbox_it_serves_and_says_so_loudly),
        WITH_RELAY(init_takes_a_configuration_that_is_there),
        WITH_RELAY(restore_leaves_a_configuration_that_is_there),
        WITH_RELAY(a_disk_that_is_almost_full_is_an_alarm),
        WITH_RELAY(a_certificate_that_ends_is_an_alarm),
        WITH_RELAY(check_says_that_a_good_relay_is_good),
        WITH_RELAY(check_tells_a_key_that_is_another_and_a_relay_that_is_not_there),
        WITH_RELAY(check_tells_what_is_no_relay),
        WITH_RELAY(check_tells_a_clock_that_is_off),
        WITH_RELAY(check_looks_into_the_folder),
        WITH_RELAY(metrics_are_numbers_that_prometheus_reads_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
