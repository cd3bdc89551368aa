/* The program zaguan-relay as an operator meets it: real folders, real processes, real signals. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/voucher.h"
#include "tests/support/process.h"

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || HAS_FEATURE(address_sanitizer) || \
    HAS_FEATURE(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { START_MS = 20000, STOP_MS = 1000, OUTPUT_MAX = 8192 };

static const char program[] = ZG_RELAY_PROGRAM;

/* A relay's folder, and what runs in it. */
struct fixture {
    char folder[96];
    char dir[128];
    struct process serve;
    uint16_t port;
    char said[OUTPUT_MAX];
};

#define RUN(f, ...) run_program((f), (const char *const[]){program, __VA_ARGS__, NULL})

static int run_program(struct fixture *f, const char *const argv[])
{
    return process_run(argv, NULL, f->said, sizeof(f->said));
}

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return -1;
    folder_make(f->folder, sizeof(f->folder));
    snprintf(f->dir, sizeof(f->dir), "%s/relay", f->folder);
    *state = f;
    return 0;
}

static int make_relay(void **state)
{
    if (make_folder(state) != 0)
        return -1;
    struct fixture *f = *state;
    return RUN(f, "init", f->dir, "--listen", "127.0.0.1:0");
}

static int remove_relay(void **state)
{
    struct fixture *f = *state;
    process_kill(&f->serve);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static void path_of(const struct fixture *f, const char *name, char out[200])
{
    snprintf(out, 200, "%s/%s", f->dir, name);
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[200];
    path_of(f, name, path);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static void read_file(const struct fixture *f, const char *name, char *out, size_t cap)
{
    char path[200];
    path_of(f, name, path);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(out, 1, cap - 1, in);
    out[n] = '\0';
    fclose(in);
}

static unsigned mode_of(const struct fixture *f, const char *name)
{
    struct stat st;
    char path[200];
    path_of(f, name, path);
    if (stat(path, &st) != 0)
        fail_msg("%s: %s", path, strerror(errno));
    return (unsigned)st.st_mode & 0777;
}

static void start_as(struct fixture *f, const char *const argv[])
{
    char line[512] = "nothing";
    unsigned port = 0;
    process_start(&f->serve, argv);
    if (!process_line_with(&f->serve, "listening on 127.0.0.1:", line, sizeof(line), START_MS))
        fail_msg("does not start; it said last: %s", line);
    assert_int_equal(sscanf(line, "listening on 127.0.0.1:%u", &port), 1);
    f->port = (uint16_t)port;
}

static void start(struct fixture *f)
{
    start_as(f, (const char *const[]){program, "serve", f->dir, NULL});
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void stop(struct fixture *f, int number)
{
    process_signal(&f->serve, number);
    int64_t since = now_ms();
    int code = process_wait(&f->serve, 10 * STOP_MS);
    int64_t took = now_ms() - since;
    assert_int_equal(code, 0);
    if (took > STOP_MS && !SANITIZED)
        fail_msg("took %d ms to stop", (int)took);
}

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static uint64_t status_number(struct fixture *f, const char *name)
{
    char key[64];
    uint64_t v = 0;
    assert_int_equal(RUN(f, "status", f->dir, "--json"), 0);
    snprintf(key, sizeof(key), "\"%s\": ", name);
    const char *at = strstr(f->said, key);
    if (at == NULL || sscanf(at + strlen(key), "%" SCNu64, &v) != 1)
        fail_msg("no %s in: %s", name, f->said);
    return v;
}

/* Until a number of the status is as wanted. */
static void await_number(struct fixture *f, const char *name, uint64_t wanted, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;
    uint64_t v;
    while ((v = status_number(f, name)) != wanted) {
        if (now_ms() >= until)
            fail_msg("%s is %" PRIu64 " and not %" PRIu64, name, v, wanted);
        poll(NULL, 0, 50);
    }
}

static void assert_said(const struct fixture *f, const char *part)
{
    if (strstr(f->said, part) == NULL)
        fail_msg("it did not say \"%s\" but: %s", part, f->said);
}

/* --- init --- */

static void init_makes_a_folder_for_its_owner_only_and_prints_the_line(void **state)
{
    struct fixture *f = *state;
    char line[128], key[64], config[8192];
    assert_int_equal(RUN(f, "init", f->dir, "--address", "relay.example.org:443", "--listen", "127.0.0.1:0"),
                     0);
    assert_int_equal(mode_of(f, "."), 0700);
    assert_int_equal(mode_of(f, "relay.conf"), 0600);
    assert_int_equal(mode_of(f, "relay.key"), 0600);

    assert_int_equal(sscanf(f->said, "%127s", line), 1);
    assert_int_equal(strncmp(line, "relay.example.org:443/", 22), 0);
    assert_int_equal(strlen(line), 22 + 43);
    read_file(f, "relay.key", key, sizeof(key));
    assert_null(strstr(f->said, strtok(key, "\n"))); /* the secret key is not shown */
    read_file(f, "relay.conf", config, sizeof(config));
    assert_non_null(strstr(config, "\naddress = relay.example.org:443\n"));
    assert_non_null(strstr(config, "\nlisten = 127.0.0.1:0\n"));

    assert_int_equal(RUN(f, "address", f->dir), 0);
    assert_int_equal(strlen(f->said), strlen(line) + 1);
    assert_int_equal(strncmp(f->said, line, strlen(line)), 0);
}

static void init_overwrites_nothing(void **state)
{
    struct fixture *f = *state;
    char before[64], after[64];
    read_file(f, "relay.key", before, sizeof(before));
    assert_int_equal(RUN(f, "init", f->dir), 1);
    assert_said(f, "is set up already; nothing was changed");
    read_file(f, "relay.key", after, sizeof(after));
    assert_string_equal(before, after);
}

static void init_with_a_bad_address_makes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(RUN(f, "init", f->dir, "--address", "relay.example.org"), 2);
    assert_said(f, "--address: \"relay.example.org\" is not HOST:PORT");
    assert_int_equal(RUN(f, "init", f->dir, "--listen", "localhost:1"), 2);
    assert_said(f, "is not an IP number");
    assert_int_equal(RUN(f, "init", f->dir, "--nonsense"), 2);
    assert_int_equal(RUN(f, "init"), 2);
    assert_said(f, "say for which folder");
    assert_int_equal(access(f->dir, F_OK), -1);
}

static void every_command_has_help(void **state)
{
    struct fixture *f = *state;
    static const char *const commands[] = {"init",  "serve",   "voucher", "status", "metrics",
                                           "check", "address", "backup",  "restore"};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        char start_of_help[64];
        assert_int_equal(RUN(f, commands[i], "--help"), 0);
        snprintf(start_of_help, sizeof(start_of_help), "zaguan-relay %s", commands[i]);
        assert_int_equal(strncmp(f->said, start_of_help, strlen(start_of_help)), 0);
    }
    assert_int_equal(RUN(f, "--help"), 0);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        assert_said(f, commands[i]);
    assert_int_equal(RUN(f, "--version"), 0);
    assert_int_equal(strncmp(f->said, "zaguan-relay ", 13), 0);
    assert_int_equal(RUN(f, "sreve"), 2);
    assert_said(f, "there is no command \"sreve\"");
}

/* --- serve --- */

static void it_stops_within_a_second_on(struct fixture *f, int number)
{
    int fds[20];
    start(f);
    for (size_t i = 0; i < 20; i++) {
        fds[i] = connect_to(f->port);
        assert_true(fds[i] >= 0);
    }
    /* half a handshake: its length, and a little of it */
    assert_int_equal(send(fds[0], "\x04\xe0 and so on", 12, MSG_NOSIGNAL), 12);
    await_number(f, "connections", 20, 5000);
    stop(f, number);
    for (size_t i = 0; i < 20; i++)
        close(fds[i]);
    assert_int_equal(access(f->dir, F_OK), 0);
    char path[200];
    path_of(f, "control.sock", path);
    assert_int_equal(access(path, F_OK), -1);
    path_of(f, "relay.db-wal", path); /* everything is in the file itself */
    assert_int_equal(access(path, F_OK), -1);
}

static void sigterm_and_sigint_stop_it_cleanly_with_open_connections(void **state)
{
    it_stops_within_a_second_on(*state, SIGTERM);
    it_stops_within_a_second_on(*state, SIGINT);
}

static void what_it_writes_is_for_its_owner_only(void **state)
{
    static const char *const names[] = {"relay.db", "relay.db-wal", "lock", "control.sock"};
    struct fixture *f = *state;
    umask(0);
    start(f);
    assert_int_equal(RUN(f, "voucher", "new", f->dir), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (mode_of(f, names[i]) != 0600)
            fail_msg("%s has mode %o", names[i], mode_of(f, names[i]));
    stop(f, SIGTERM);
}

static void a_second_instance_is_refused_in_words(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "a relay is running already in ");
    assert_int_equal(status_number(f, "connections"), 0); /* and the first one goes on */
    stop(f, SIGTERM);
}

static void a_port_in_use_is_said(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    char config[64];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(config, sizeof(config), "[relay]\nlisten = 127.0.0.1:%u\n", (unsigned)ntohs(a.sin_port));
    write_file(f, "relay.conf", config);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "the port is in use by another program");
    assert_null(strstr(f->said, "listening on"));
    assert_null(strstr(f->said, "left open"));
    close(fd);
}

static void bad_configurations_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"[relay]\nsettle = 5\n", "relay.conf line 2: settle: 5 is not between 10 and 5000"},
        {"[relay]\n\nstore = here\n", "relay.conf line 3: there is no key \"store\" in [relay]"},
        {"[relay]\nsettle = 20\nsettle = 20\n", "relay.conf line 3: settle stands there twice"},
        {"[relay]\nlifetime = 60d\n", "relay.conf line 2: lifetime: \"60d\" is none of"},
        {"[limit]\nconnections = 100\n", "relay.conf line 1: there is no section [limit]"},
        {"hello\n", "relay.conf line 1: neither [section] nor key = value"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_file(f, "relay.conf", cases[i].text);
        assert_int_equal(RUN(f, "serve", f->dir), 1);
        assert_said(f, cases[i].said);
    }
}

static void change_mode(const struct fixture *f, const char *name, mode_t mode)
{
    char path[200];
    path_of(f, name, path);
    assert_int_equal(chmod(path, mode), 0);
}

static void a_folder_that_is_not_right_is_refused_with_advice(void **state)
{
    struct fixture *f = *state;
    char path[200];

    change_mode(f, ".", 0750);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "others may look into");
    assert_said(f, "chmod 700");
    change_mode(f, ".", 0700);

    if (geteuid() == 0) { /* nobody else can give a folder away */
        assert_int_equal(chown(f->dir, 12345, 12345), 0);
        assert_int_equal(RUN(f, "serve", f->dir), 1);
        assert_said(f, "belongs to another account");
        assert_int_equal(RUN(f, "voucher", "new", f->dir), 1);
        assert_said(f, "belongs to another account");
        assert_int_equal(chown(f->dir, 0, 0), 0);
    }

    change_mode(f, "relay.key", 0640);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "others may read relay.key");
    change_mode(f, "relay.key", 0600);

    write_file(f, "relay.db",
               "this was a database once, but somebody wrote something else into it and it is long enough");
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "relay.db: this is not a database of the relay, or it is damaged");
    path_of(f, "relay.db", path);
    unlink(path);

    write_file(f, "relay.key", "not a key\n");
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "relay.key is damaged");

    path_of(f, "relay.key", path);
    unlink(path);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "relay.key: No such file");

    path_of(f, "relay.conf", path);
    unlink(path);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "is not set up as a relay's folder; say: zaguan-relay init");
    assert_int_equal(RUN(f, "serve", "/tmp/zaguan-no-such-folder"), 1);
    assert_said(f, "No such file");
}

static void a_missing_configuration_is_told(void **state)
{
    struct fixture *f = *state;
    char path[200];
    path_of(f, "relay.conf", path);
    unlink(path);
    assert_int_equal(RUN(f, "serve", f->dir), 1);
    assert_said(f, "relay.conf: No such file");
    assert_said(f, "An empty file is enough");
}

/* --- vouchers and status --- */

static void check_voucher(const struct fixture *f)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    assert_int_equal(voucher_parse(secret, f->said, strlen(f->said)), ZG_OK);
}

static void vouchers_are_made_with_and_without_a_running_relay(void **state)
{
    struct fixture *f = *state;
    char first[64];
    assert_int_equal(RUN(f, "voucher", "new", f->dir), 0);
    check_voucher(f);
    memcpy(first, f->said, sizeof(first));
    first[sizeof(first) - 1] = '\0';
    start(f);
    assert_int_equal(status_number(f, "vouchers"), 1);
    assert_int_equal(RUN(f, "voucher", "new", f->dir, "--kind", "desk"), 0);
    check_voucher(f);
    assert_string_not_equal(first, f->said);
    assert_int_equal(status_number(f, "vouchers"), 2);
    assert_int_equal(RUN(f, "voucher", "new", f->dir, "--kind", "free-lunch"), 2);
    assert_said(f, "there is no such kind");
    assert_int_equal(RUN(f, "voucher", f->dir), 2);
    stop(f, SIGTERM);
}

static void kill_9_loses_nothing_and_the_next_start_works(void **state)
{
    struct fixture *f = *state;
    for (uint64_t i = 1; i <= 3; i++) {
        start(f);
        assert_int_equal(RUN(f, "voucher", "new", f->dir), 0);
        process_kill(&f->serve);
        assert_int_equal(RUN(f, "status", f->dir), 1);
        assert_said(f, "no relay is running");
        start(f);
        assert_int_equal(status_number(f, "vouchers"), i);
        process_kill(&f->serve);
    }
    assert_int_equal(RUN(f, "voucher", "new", f->dir), 0); /* after a kill, without a relay */
}

static void status_speaks_in_words_and_in_json(void **state)
{
    struct fixture *f = *state;
    start(f);
    int fd = connect_to(f->port);
    assert_true(fd >= 0);
    await_number(f, "connections", 1, 5000);
    assert_int_equal(f->said[0], '{');
    assert_int_equal(f->said[strlen(f->said) - 2], '}');
    assert_int_equal(RUN(f, "status", f->dir), 0);
    assert_said(f, "           1  connections now\n");
    assert_said(f, "messages waiting on disk\n");
    close(fd);
    await_number(f, "connections", 0, 5000);
    stop(f, SIGTERM);
    assert_int_equal(RUN(f, "status", f->dir), 1);
    assert_said(f, "no relay is running");
}

static int reach_socket(const struct fixture *f)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    char path[200];
    path_of(f, "control.sock", path);
    assert_true(strlen(path) < sizeof(where.sun_path));
    memcpy(where.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&where, sizeof(where)), 0);
    return fd;
}

static void ask_socket(const struct fixture *f, const char *request, const char *wanted)
{
    char answer[4096];
    size_t len = 0;
    ssize_t n;
    int fd = reach_socket(f);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0)) > 0)
        len += (size_t)n;
    answer[len] = '\0';
    close(fd);
    if (strncmp(answer, wanted, strlen(wanted)) != 0)
        fail_msg("%s was answered: %s", request, answer);
}

static void the_control_socket_refuses_nonsense(void **state)
{
    struct fixture *f = *state;
    char endless[2000];
    int idle[12];
    memset(endless, 'x', sizeof(endless));
    endless[sizeof(endless) - 1] = '\0';
    start(f);
    ask_socket(f, "status\n", "ok\n");
    ask_socket(f, "statusx\n", "error there is no such command");
    ask_socket(f, "\n", "error there is no such command");
    ask_socket(f, "voucher 1 0011\n", "error voucher");
    ask_socket(f, "voucher 0 00112233445566778899aabbccddeeff\n", "error voucher");
    ask_socket(f, "voucher 5 00112233445566778899aabbccddeeff\n", "error voucher");
    ask_socket(f, "voucher 1 00112233445566778899aabbccddeeff0\n", "error voucher");
    ask_socket(f, "voucher 1 00112233445566778899aabbccddeeff\n", "ok\n");
    ask_socket(f, endless, "error the line is too long");
    /* Who connects and says nothing keeps others out, but ends nothing: the socket is for the owner only. */
    for (size_t i = 0; i < 12; i++)
        idle[i] = reach_socket(f);
    for (size_t i = 0; i < 12; i++)
        close(idle[i]);
    for (int i = 0; i < 100 && RUN(f, "status", f->dir) != 0; i++) {
        assert_said(f, "too many ask at once; try again");
        poll(NULL, 0, 50);
    }
    assert_int_equal(status_number(f, "vouchers"), 1);
    stop(f, SIGTERM);
}

/* --- crowds --- */

static uint64_t rss_kib(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL)
        if (sscanf(line, "VmRSS: %llu", &kib) == 1)
            break;
    fclose(in);
    return kib;
}

static void it_needs_at_most_8_mib_at_rest(void **state)
{
    struct fixture *f = *state;
    start(f);
    assert_int_equal(RUN(f, "voucher", "new", f->dir), 0);
    assert_int_equal(RUN(f, "status", f->dir), 0);
    uint64_t kib = rss_kib(f->serve.pid);
    printf("%u KiB at rest\n", (unsigned)kib);
    assert_true(SANITIZED || kib <= 8192);
    stop(f, SIGTERM);
}

static void it_cannot_leave_a_core_dump(void **state)
{
    struct fixture *f = *state;
    char path[64], line[256];
    bool seen = false;
    start(f);
    snprintf(path, sizeof(path), "/proc/%d/limits", (int)f->serve.pid);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        unsigned long long soft = 1, hard = 1;
        if (sscanf(line, "Max core file size %llu %llu", &soft, &hard) == 2) {
            seen = true;
            assert_int_equal(soft, 0);
            assert_int_equal(hard, 0);
        }
    }
    fclose(in);
    assert_true(seen);
    stop(f, SIGTERM);
}

static void a_thousand_silent_connections_disturb_nobody_and_are_dropped(void **state)
{
    enum { CROWD = 1000, HANDSHAKE_MS = 10000 };
    struct fixture *f = *state;
    static int fds[CROWD];
    struct rlimit files = {CROWD + 100, CROWD + 100};
    (void)setrlimit(RLIMIT_NOFILE, &files);

    start(f);
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = connect_to(f->port);
        assert_true(fds[i] >= 0);
    }
    int64_t since = now_ms();
    await_number(f, "connections", CROWD, 5000);
    int one_more = connect_to(f->port);
    assert_true(one_more >= 0);
    await_number(f, "connections", CROWD + 1, 5000);
    close(one_more);
    if (!SANITIZED)
        printf("%u KiB with %d silent connections\n", (unsigned)rss_kib(f->serve.pid), CROWD);
    /* Section 2.1: ten seconds for the first message. */
    await_number(f, "connections", 0, HANDSHAKE_MS + 5000);
    assert_true(now_ms() - since >= HANDSHAKE_MS - 1000);
    char byte;
    for (size_t i = 0; i < CROWD; i++) {
        assert_int_equal(recv(fds[i], &byte, 1, MSG_DONTWAIT), 0);
        close(fds[i]);
    }
    stop(f, SIGTERM);
}

/* Its own files come first: with none left it could write nothing and answer no operator. */
static void strangers_cannot_take_the_files_that_it_needs(void **state)
{
    enum { FILES = 128, KEPT_BACK = 64, CROWD = 2 * FILES };
    struct fixture *f = *state;
    int fds[CROWD];

    start_as(f, (const char *const[]){"prlimit", "--nofile=128:128", program, "serve", f->dir, NULL});
    for (size_t i = 0; i < CROWD; i++) {
        fds[i] = connect_to(f->port);
        assert_true(fds[i] >= 0);
    }
    await_number(f, "connections", FILES - KEPT_BACK, 5000);
    assert_int_equal(RUN(f, "voucher", "new", f->dir), 0);
    for (size_t i = 0; i < CROWD; i++)
        close(fds[i]);
    stop(f, SIGTERM);
}

static void the_log_names_nobody(void **state)
{
    struct fixture *f = *state;
    char line[1024], port[16];
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    start(f);
    int fd = connect_to(f->port);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(port, sizeof(port), "%u", (unsigned)ntohs(a.sin_port));
    static const uint8_t garbage[4096] = {4, 224, 1, 2, 3};
    assert_int_equal(send(fd, garbage, sizeof(garbage), MSG_NOSIGNAL), sizeof(garbage));
    poll(NULL, 0, 100);
    close(fd);
    process_signal(&f->serve, SIGTERM);
    while (process_line(&f->serve, line, sizeof(line), 2000)) {
        assert_null(strstr(line, "127.0.0.1"));
        assert_null(strstr(line, port));
    }
    assert_int_equal(process_wait(&f->serve, 2000), 0);
}

#define WITH_FOLDER(t) cmocka_unit_test_setup_teardown(t, make_folder, remove_relay)
#define WITH_RELAY(t) cmocka_unit_test_setup_teardown(t, make_relay, remove_relay)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(init_makes_a_folder_for_its_owner_only_and_prints_the_line),
        WITH_RELAY(init_overwrites_nothing),
        WITH_FOLDER(init_with_a_bad_address_makes_nothing),
        WITH_FOLDER(every_command_has_help),
        WITH_RELAY(sigterm_and_sigint_stop_it_cleanly_with_open_connections),
        WITH_RELAY(what_it_writes_is_for_its_owner_only),
        WITH_RELAY(a_second_instance_is_refused_in_words),
        WITH_RELAY(a_port_in_use_is_said),
        WITH_RELAY(bad_configurations_are_refused_with_their_line),
        WITH_RELAY(a_folder_that_is_not_right_is_refused_with_advice),
        WITH_RELAY(a_missing_configuration_is_told),
        WITH_RELAY(vouchers_are_made_with_and_without_a_running_relay),
        WITH_RELAY(kill_9_loses_nothing_and_the_next_start_works),
        WITH_RELAY(status_speaks_in_words_and_in_json),
        WITH_RELAY(the_control_socket_refuses_nonsense),
        WITH_RELAY(it_needs_at_most_8_mib_at_rest),
        WITH_RELAY(it_cannot_leave_a_core_dump),
        WITH_RELAY(a_thousand_silent_connections_disturb_nobody_and_are_dropped),
        WITH_RELAY(strangers_cannot_take_the_files_that_it_needs),
        WITH_RELAY(the_log_names_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
