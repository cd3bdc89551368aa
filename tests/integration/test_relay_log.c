/*
 * A relay in use, with strangers, nonsense, a disk that fills up and a clock that jumps: its log holds plain
 * words and small numbers, and nothing that could be an address, a name, a hash, or a person's time finer
 * than a minute.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/caller.h"

enum {
    LINES_MAX = 64,
    LINE_MAX_BYTES = 1024,
    WORD_MAX = 18,
    PATIENCE_MS = 5000,
    PORTS_MAX = 16,
    HOUR_S = 3600
};

struct fixture {
    struct relay_process relay;
    uint16_t web_port;
    unsigned ports[PORTS_MAX]; /* of our own ends */
    size_t port_count;
};

/* --- what a line may be --- */

/* Options of the program, which have words on both sides of a dash, and files of the folder. */
static bool is_known(const char *word, size_t len)
{
    static const char *const known[] = {"--believe-clock", "--without-keys", "relay.conf", "relay.db",
                                        "listen-web"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strlen(known[i]) == len && memcmp(known[i], word, len) == 0)
            return true;
    return false;
}

static bool is_port(const struct fixture *f, unsigned long n)
{
    for (size_t i = 0; i < f->port_count; i++)
        if (f->ports[i] == n)
            return true;
    return false;
}

/* A number of at most five digits that is no port of ours, or a word of letters that is not too long. */
static bool word_ok(const struct fixture *f, const char *word, size_t len)
{
    size_t digits = 0, letters = 0;
    for (size_t i = 0; i < len; i++) {
        digits += isdigit((unsigned char)word[i]) != 0;
        letters += isalpha((unsigned char)word[i]) != 0 || word[i] == '\'';
    }
    if (digits == len)
        return len <= 5 && !is_port(f, strtoul(word, NULL, 10));
    return letters == len && len <= WORD_MAX;
}

static bool text_ok(const struct fixture *f, const char *text)
{
    static const char between[] = " ,;?`";
    while (*text != '\0') {
        size_t len = strcspn(text, between);
        size_t bare = len;
        const char *word = text;
        text += len;
        text += strspn(text, between);
        if (bare > 0 && word[0] == '(') {
            word++;
            bare--;
        }
        while (bare > 0 && strchr(".:)'", word[bare - 1]) != NULL)
            bare--;
        if (bare > 0 && !is_known(word, bare) && !word_ok(f, word, bare))
            return false;
    }
    return true;
}

/* "2024-05-01T08:15Z info words" */
static bool line_ok(const struct fixture *f, const char *line)
{
    int used = 0;
    char level[16];
    if (sscanf(line, "%*4[0-9]-%*2[0-9]-%*2[0-9]T%*2[0-9]:%*2[0-9]Z %15s %n", level, &used) != 1 || used == 0)
        return false;
    if (strcmp(level, "info") != 0 && strcmp(level, "warning") != 0 && strcmp(level, "error") != 0)
        return false;
    return text_ok(f, line + used);
}

static void planted_lines_are_refused(void **state)
{
    static const char *const good[] = {
        "2026-11-25T17:10Z info slowest of 20 syncs: 18 ms; senders are answered within 250 ms",
        "2026-11-25T17:10Z warning NO SANDBOX (relay.conf says sandbox is off): whoever takes",
    };
    static const char *const bad[] = {
        "2026-11-25T17:10:31Z info stopping",
        "2026-11-25T17:10Z info connection from 203.0.113.5",
        "2026-11-25T17:10Z info connection from 2001:db8::5",
        "2026-11-25T17:10Z info connection from port 50123",
        "2026-11-25T17:10Z info queue 00a1b2c3 is full",
        "2026-11-25T17:10Z info queue abcdefabcdefabcdefabcdef is full",
        "2026-11-25T17:10Z info message 4294967297 expired",
        "2026-11-25T17:10Z info a knock at 5kYl0w-_Ab",
        "2026-11-25T17:10Z info GET /desk",
        "2026-11-25T17:10Z info asked for relay.example.org",
        "connection from somebody",
    };
    struct fixture f = {.ports = {50123}, .port_count = 1};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!line_ok(&f, good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (line_ok(&f, bad[i]))
            fail_msg("taken: %s", bad[i]);
}

/* --- a relay in use --- */

static void put_number(const struct fixture *f, const char *name, long n)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/%s", f->relay.folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "%ld\n", n);
    assert_int_equal(fclose(out), 0);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char path[96], settings[128];
    if (f == NULL)
        return -1;
    relay_set_up(&f->relay, ZG_RELAY_PROGRAM, "");
    f->web_port = process_free_port();
    snprintf(settings, sizeof(settings), "[web]\nlisten-web = 127.0.0.1:%u\n", (unsigned)f->web_port);
    relay_configure(&f->relay, settings);
    snprintf(path, sizeof(path), "%s/fault", f->relay.folder);
    setenv("FAULT_DISK", path, 1);
    snprintf(path, sizeof(path), "%s/clock", f->relay.folder);
    setenv("FAULT_CLOCK", path, 1);
    setenv("FAULT_FOLDER", f->relay.dir, 1);
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

static void start(struct fixture *f)
{
    const char *const serve[] = {f->relay.program, "serve", f->relay.dir, NULL};
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    setenv("LD_PRELOAD", ZG_FAULTY, 1);
    process_start(&f->relay.process, serve);
    unsetenv("LD_PRELOAD");
}

static void remember_port(struct fixture *f, int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    assert_true(f->port_count < PORTS_MAX);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    f->ports[f->port_count++] = ntohs(a.sin_port);
}

/* Says something to a port, and waits a moment for what comes. */
static void say_to(struct fixture *f, uint16_t port, const char *text, size_t len)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    char answer[512];
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
    remember_port(f, fd);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
    struct pollfd heard = {fd, POLLIN, 0};
    if (poll(&heard, 1, 200) == 1)
        (void)!recv(fd, answer, sizeof(answer), 0);
    close(fd);
}

static void strangers_come(struct fixture *f)
{
    static const char garbage[2000] = "\x04\xe0 and more";
    static const char visit[] = "GET /desk/5kYl0w?name=ana HTTP/1.1\r\nHost: relay.example.org\r\n"
                                "X-Forwarded-For: 203.0.113.5\r\nCookie: id=abcdef0123456789\r\n\r\n";
    static const char nonsense[] = "POST /zaguan HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello";
    say_to(f, f->relay.port, garbage, sizeof(garbage));
    say_to(f, f->relay.port, garbage, 3);
    say_to(f, f->web_port, visit, sizeof(visit) - 1);
    say_to(f, f->web_port, nonsense, sizeof(nonsense) - 1);
}

/* Messages that are kept, read, taken back, refused; a queue that ends. */
static void people_talk(struct fixture *f)
{
    struct caller sender, reader;
    struct queue_secrets q, none;
    uint8_t subscription[8];

    secrets_from(&q, 1);
    secrets_from(&none, 2);
    caller_open(&sender, &f->relay);
    caller_open(&reader, &f->relay);
    remember_port(f, sender.fd);
    remember_port(f, reader.fd);
    uint32_t seq = caller_create(&sender, &f->relay, &q);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_OK);
    seq = caller_send(&sender, &q, 1, 'a', WIRE_TTL_1H);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_OK);
    seq = caller_send(&sender, &none, 2, 'b', WIRE_TTL_1H);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_REFUSED);
    seq = caller_cancel(&sender, 1);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_OK);
    caller_subscribe(&reader, &q, subscription);
    seq = caller_send(&sender, &q, 3, 'c', WIRE_TTL_1H);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_OK);
    seq = caller_delete(&sender, &q);
    assert_int_equal(caller_reply(&sender, seq, PATIENCE_MS), STATUS_OK);
    caller_close(&reader);
    caller_close(&sender);
}

static void an_operator_asks(const struct fixture *f)
{
    char path[96], said[8192];
    snprintf(path, sizeof(path), "%s/backup", f->relay.folder);
    const char *const status[] = {f->relay.program, "status", f->relay.dir, NULL};
    const char *const backup[] = {f->relay.program, "backup", f->relay.dir, path, NULL};
    assert_int_equal(process_run(status, NULL, said, sizeof(said)), 0);
    assert_int_equal(process_run(backup, NULL, said, sizeof(said)), 0);
    assert_int_equal(process_run(backup, NULL, said, sizeof(said)), 1); /* it is there */
}

/* Lines of stdout say where it listens; that an address in them is seen shows that one in the log would be.
 */
static void judge(const struct fixture *f, const char *line)
{
    if (strncmp(line, "listening ", 10) == 0)
        assert_false(line_ok(f, line));
    else if (!line_ok(f, line))
        fail_msg("the log says too much: %s", line);
}

/* Judges each line until one says that, or, with NULL, until the relay ends; how many there were. */
static size_t judge_until(struct fixture *f, const char *part)
{
    char line[LINE_MAX_BYTES];
    size_t seen = 0;
    while (process_line(&f->relay.process, line, sizeof(line), 4 * PATIENCE_MS)) {
        judge(f, line);
        seen++;
        if (part != NULL && strstr(line, part) != NULL)
            return seen;
    }
    if (part != NULL)
        fail_msg("the log does not say \"%s\"", part);
    return seen;
}

/* Full for a while, with somebody who wants to write. */
static void the_disk_fills_up(struct fixture *f)
{
    struct caller c;
    struct queue_secrets q;
    char path[96];
    secrets_from(&q, 3);
    caller_open(&c, &f->relay);
    remember_port(f, c.fd);
    uint32_t seq = caller_create(&c, &f->relay, &q);
    assert_int_equal(caller_reply(&c, seq, PATIENCE_MS), STATUS_OK);
    put_number(f, "fault", ENOSPC);
    seq = caller_send(&c, &q, 4, 'd', WIRE_TTL_1H);
    assert_int_equal(caller_reply(&c, seq, PATIENCE_MS), STATUS_BUSY);
    judge_until(f, "the disk is full");
    snprintf(path, sizeof(path), "%s/fault", f->relay.folder);
    assert_int_equal(unlink(path), 0);
    caller_close(&c);
}

static void the_clock_jumps(struct fixture *f)
{
    put_number(f, "clock", 48 * HOUR_S);
    say_to(f, f->relay.port, "x", 1);
    judge_until(f, "the clock jumped");
}

static void a_relay_in_use_names_nobody_in_its_log(void **state)
{
    struct fixture *f = *state;
    start(f);
    judge_until(f, "listening on 127.0.0.1:");
    strangers_come(f);
    people_talk(f);
    an_operator_asks(f);
    the_disk_fills_up(f);
    the_clock_jumps(f);
    process_signal(&f->relay.process, SIGTERM);
    assert_true(judge_until(f, NULL) >= 1);
    assert_int_equal(process_wait(&f->relay.process, PATIENCE_MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_lines_are_refused),
        cmocka_unit_test_setup_teardown(a_relay_in_use_names_nobody_in_its_log, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
