/* relay.conf: what is written is read back, and every mistake is told with its line and a reason. */
#define _GNU_SOURCE
#include "relay/edge/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/wire.h"

static zg_err read_text(struct config *out, const char *text, char why[300])
{
    char path[] = "/tmp/zaguan-conf-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    why[0] = '\0';
    zg_err err = config_read(out, path, why, 300);
    unlink(path);
    return err;
}

#define LONG_40 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_LINE LONG_40 LONG_40 LONG_40 LONG_40 LONG_40 LONG_40

static const struct {
    const char *text;
    int line; /* that is named */
    const char *reason;
} mistakes[] = {
    {"[relay]\nsettel = 250\n", 2, "there is no key \"settel\" in [relay]"},
    {"[relay]\nconnections = 100\n", 2, "there is no key \"connections\" in [relay]"},
    {"[rely]\nsettle = 250\n", 1, "there is no section [rely]"},
    {"[relay]\nsettle = 250\n\n[nothing]\n", 4, "there is no section [nothing]"},
    {"settle = 250\n", 1, "settle stands before the first [section]"},
    {"[relay]\nsettle = 250\n# comment\nsettle = 260\n", 4, "settle stands there twice"},
    {"[relay]\nsettle = 9\n", 2, "settle: 9 is not between 10 and 5000"},
    {"[relay]\nsettle = 5001\n", 2, "settle: 5001 is not between 10 and 5000"},
    {"[relay]\nsettle = 99999999999999999999999\n", 2, "is not between 10 and 5000"},
    {"[relay]\nsettle = -1\n", 2, "settle: \"-1\" is not a whole number"},
    {"[relay]\nsettle = 250ms\n", 2, "settle: \"250ms\" is not a whole number"},
    {"[relay]\nsettle =\n", 2, "settle: \"\" is not a whole number"},
    {"[relay]\nsettle\n", 2, "neither [section] nor key = value"},
    {"[relay\nsettle = 250\n", 1, "neither [section] nor key = value"},
    {"[relay]\nlifetime = 31d\n", 2, "lifetime: \"31d\" is none of 1h 6h 1d 3d 7d 14d 30d"},
    {"[relay]\nkeys = here\n", 2, "keys: \"here\" is neither \"keys\" nor a folder from / on"},
    {"[relay]\nlifetime = forever\n", 2, "lifetime: \"forever\" is none of"},
    {"[relay]\nlisten = 127.0.0.1\n", 2, "listen: \"127.0.0.1\" is not IP:PORT"},
    {"[relay]\nlisten = 127.0.0.1:65536\n", 2, "is not IP:PORT"},
    {"[relay]\nlisten = 127.0.0.1:+80\n", 2, "is not IP:PORT"},
    {"[relay]\nlisten = localhost:7443\n", 2, "\"localhost\" is not an IP number"},
    {"[relay]\nlisten = 300.0.0.1:7443\n", 2, "\"300.0.0.1\" is not an IP number"},
    {"[relay]\nlisten = [::1:7443\n", 2, "is not IP:PORT"},
    {"[relay]\nlisten = [::g]:7443\n", 2, "is not IP:PORT"},
    {"[relay]\nlisten =\n", 2, "listen: is empty"},
    {"[relay]\nlisten = 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 127.0.0.1:4 127.0.0.1:5 127.0.0.1:6 127.0.0.1:7 "
     "127.0.0.1:8 127.0.0.1:9\n",
     2, "more than 8 addresses"},
    {"[relay]\naddress = relay.example.org\n", 2, "address: \"relay.example.org\" is not HOST:PORT"},
    {"[relay]\naddress = relay.example.org:0\n", 2, "address: port 0 cannot be reached"},
    {"[relay]\naddress = relay example org:7443\n", 2, "is not HOST:PORT"},
    {"[relay]\naddress = " LONG_40 LONG_40 ".org:7443\n", 2, "is not HOST:PORT"},
    {"[relay]\n# " LONG_LINE "\nsettle = 1\n", 2, "the line is too long"},
    {"[relay]\nlisten-web = 127.0.0.1:80\n", 2, "there is no key \"listen-web\" in [relay]"},
    {"[web]\nlisten-web = example.org:80\n", 2, "\"example.org\" is not an IP number"},
    {"[web]\nlisten-web =\n", 2, "listen-web: is empty"},
    {"[web]\npage =\n", 2, "page: a folder, of at most 200 bytes"},
    {"[web]\nweb-address = a.org; b.org\n", 2, "\"a.org;\" is neither HOST nor HOST:PORT"},
    {"[web]\nweb-address = a.org https://b.org\n", 2, "\"https://b.org\" is neither HOST nor HOST:PORT"},
    {"[web]\nweb-address = 'self'\n", 2, "\"'self'\" is neither HOST nor HOST:PORT"},
    {"[web]\nweb-address = a.org:0\n", 2, "\"a.org:0\" is neither HOST nor HOST:PORT"},
    {"[limits]\nshared = everybody\n", 2, "shared: not IP numbers with spaces between them, 16 at most"},
    {"[limits]\nhandshakes-a-second = 0\n", 2, "handshakes-a-second: 0 is not between 1 and 1000000"},
    {"[limits]\nconnections = 9\n", 2, "connections: 9 is not between 10 and 1000000"},
    {"[limits]\nmemory-mib = 0\n", 2, "memory-mib: 0 is not between 1 and 1048576"},
    {"[limits]\nslots = 0\n", 2, "slots: 0 is not between 1 and 10000000"},
    {"[limits]\ndisk-mib = 0\n", 2, "disk-mib: 0 is not between 1 and 131071"},
    {"[limits]\ndisk-mib = 131072\n", 2, "disk-mib: 131072 is not between 1 and 131071"},
    {"[limits]\ndisk-mib = 4096M\n", 2, "disk-mib: \"4096M\" is not a whole number"},
    {"[limits]\ndesk-knocks-a-minute = 0\n", 2, "desk-knocks-a-minute: 0 is not between 1 and 1000000"},
    {"[limits]\nvoucher-days = 366\n", 2, "voucher-days: 366 is not between 1 and 365"},
    /* The first of two mistakes is the one that is told. */
    {"[relay]\nsettle = 1\nlifetime = 2\n", 2, "settle: 1 is not between"},
    {"[relay]\nsettle\nlifetime = 2\n", 2, "neither [section]"},
    {"[relay]\nlifetime = 2\nsettle\n", 2, "lifetime: \"2\" is none of"},
};

static void every_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct config c, before;
        char why[300], line[32];
        memset(&c, 0xee, sizeof(c));
        before = c;
        zg_err err = read_text(&c, mistakes[i].text, why);
        snprintf(line, sizeof(line), " line %d: ", mistakes[i].line);
        if (err != ZG_ERR_ARGUMENT || strstr(why, line) == NULL || strstr(why, mistakes[i].reason) == NULL)
            fail_msg("%s\ngave: %s: %s", mistakes[i].text, zg_err_name(err), why);
        assert_memory_equal(&c, &before, sizeof(c));
    }
}

static void good_values_are_taken(void **state)
{
    struct config c;
    char why[300];
    (void)state;
    zg_err err = read_text(&c,
                           "\n; a comment\n[relay]\n"
                           "listen = 127.0.0.1:0  [::1]:7443\n"
                           "address = [2001:db8::1]:443\n"
                           "settle=10\n"
                           "  lifetime = 30d\n"
                           "keys = /run/zaguan/keys\n"
                           "[web]\nlisten-web = 127.0.0.1:80 [::1]:0\n"
                           "page = /srv/page\nweb-address = a.org [2001:db8::1]:443 b.onion\n"
                           "[limits]\nconnections = 20000 ; many\nmemory-mib = 3\ncalm-knocks-a-minute = 0\n"
                           "shared = 10.1.2.3 ::1\nconnections-of-address = 7\nslots = 100\n"
                           "disk-mib = 131071\ndesk-knocks-a-minute = 3\n",
                           why);
    if (err != ZG_OK)
        fail_msg("%s", why);
    assert_int_equal(c.listen_count, 2);
    assert_string_equal(c.listen[0].host, "127.0.0.1");
    assert_int_equal(c.listen[0].port, 0);
    assert_string_equal(c.listen[1].host, "::1");
    assert_true(c.listen[1].v6);
    assert_string_equal(c.address, "[2001:db8::1]:443");
    assert_int_equal(c.settle_ms, 10);
    assert_int_equal(c.ttl_ceiling, WIRE_TTL_30D);
    assert_string_equal(c.keys, "/run/zaguan/keys");
    assert_int_equal(c.listen_web_count, 2);
    assert_int_equal(c.listen_web[0].port, 80);
    assert_true(c.listen_web[1].v6);
    assert_string_equal(c.page, "/srv/page");
    assert_string_equal(c.web_addresses, "a.org [2001:db8::1]:443 b.onion");
    assert_int_equal(c.limits.connections, 20000);
    assert_int_equal(c.limits.memory_bytes, 3 << 20);
    assert_int_equal(c.shared.count, 2);
    assert_int_equal(c.limits.connections_of_address, 7);
    assert_int_equal(c.limits.calm_knocks_a_minute, 0);
    assert_int_equal(c.limits.slots, 100);
    assert_int_equal(c.limits.stored_bytes, UINT64_C(131071) << 20);
    assert_int_equal(c.limits.knocks_of_desk_a_minute, 3);
    assert_int_equal(c.limits.voucher_days, limits_default().voucher_days);
}

static void an_empty_file_gives_the_defaults(void **state)
{
    struct config c;
    char why[300];
    (void)state;
    assert_int_equal(read_text(&c, "", why), ZG_OK);
    assert_int_equal(c.settle_ms, 250);
    assert_int_equal(c.ttl_ceiling, WIRE_TTL_7D);
    assert_int_equal(c.listen_count, 1);
    assert_string_equal(c.listen[0].host, "127.0.0.1");
    assert_int_equal(c.listen[0].port, 7443);
    assert_string_equal(c.address, "");
    assert_string_equal(c.keys, "keys");
}

/* The file that init writes says the truth: as it is, and with every comment sign before a key taken away. */
static void the_written_file_holds_the_defaults(void **state)
{
    char *text = NULL, *bare;
    size_t len = 0, n = 0, uncommented = 0;
    struct config plain, all, defaults;
    char why[300];
    (void)state;

    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    config_write(out, NULL, "relay.example.org:7443");
    fclose(out);
    config_default(&defaults);
    if (read_text(&plain, text, why) != ZG_OK)
        fail_msg("%s", why);
    assert_string_equal(plain.address, "relay.example.org:7443");

    bare = calloc(1, len + 1);
    assert_non_null(bare);
    for (size_t i = 0; i < len; i++) {
        const char *end = strchr(text + i, '\n');
        const char *equals = strstr(text + i, " = ");
        bool starts = i == 0 || text[i - 1] == '\n';
        if (starts && strncmp(text + i, "# ", 2) == 0 && equals != NULL && equals < end &&
            strcspn(text + i + 2, " ") == (size_t)(equals - text) - i - 2) {
            i += 2;
            uncommented++;
        }
        bare[n++] = text[i];
    }
    if (read_text(&all, bare, why) != ZG_OK)
        fail_msg("%s\n%s", why, bare);
    assert_true(uncommented >= 9);
    assert_int_equal(all.settle_ms, defaults.settle_ms);
    assert_int_equal(all.ttl_ceiling, defaults.ttl_ceiling);
    const struct limits *a = &all.limits, *d = &defaults.limits;
    assert_int_equal(a->connections, d->connections);
    assert_int_equal(a->subscriptions_of_one, d->subscriptions_of_one);
    assert_int_equal(a->sends_of_queue_a_day, d->sends_of_queue_a_day);
    assert_int_equal(a->waiting_of_desk, d->waiting_of_desk);
    assert_int_equal(a->draws_of_desk_a_day, d->draws_of_desk_a_day);
    assert_int_equal(a->voucher_days, d->voucher_days);
    assert_int_equal(a->calm_knocks_a_minute, d->calm_knocks_a_minute);
    assert_int_equal(a->memory_bytes, d->memory_bytes);
    assert_int_equal(a->slots, d->slots);
    assert_int_equal(a->stored_bytes, d->stored_bytes);
    assert_int_equal(a->knocks_of_desk_a_minute, d->knocks_of_desk_a_minute);
    assert_int_equal(a->connections_of_address, d->connections_of_address);
    assert_int_equal(a->connects_of_address_a_second, d->connects_of_address_a_second);
    assert_int_equal(a->hellos_a_second, d->hellos_a_second);
    assert_int_equal(a->strangers_a_second, d->strangers_a_second);
    assert_int_equal(a->commands_a_second, d->commands_a_second);
    assert_int_equal(a->puzzles_a_second, d->puzzles_a_second);
    assert_int_equal(a->input_bytes, d->input_bytes);
    assert_int_equal(a->waiting_bytes, d->waiting_bytes);
    assert_int_equal(all.shared.count, defaults.shared.count);
    for (uint8_t i = 0; i < all.shared.count; i++)
        assert_true(shared_has(&defaults.shared, (const struct sockaddr *)&all.shared.at[i]));
    free(bare);
    free(text);
}

static void a_missing_file_is_told(void **state)
{
    struct config c;
    char why[300];
    (void)state;
    assert_int_equal(config_read(&c, "/tmp/zaguan-no-such-file", why, sizeof(why)), ZG_ERR_NOT_FOUND);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(config_read(&c, "/tmp", why, sizeof(why)), ZG_ERR_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_told_with_its_line),
        cmocka_unit_test(good_values_are_taken),
        cmocka_unit_test(an_empty_file_gives_the_defaults),
        cmocka_unit_test(the_written_file_holds_the_defaults),
        cmocka_unit_test(a_missing_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
