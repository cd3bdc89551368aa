/* How many connections come from one address. */
#define _GNU_SOURCE
#include "relay/edge/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>
#include <uv.h>

enum { SECOND = 1000 };

struct scene {
    struct origins *origins;
    struct shared_addresses shared;
    struct origin *held[64];
    size_t held_count;
};

static void begin(struct scene *s, uint32_t most, uint32_t a_second)
{
    const struct rng rng = rng_system();
    struct limits limits = limits_default();
    limits.connections_of_address = most;
    limits.connects_of_address_a_second = a_second;
    memset(s, 0, sizeof(*s));
    assert_int_equal(shared_parse(&s->shared, "127.0.0.1 ::1\t10.0.0.7"), ZG_OK);
    assert_int_equal(origins_new(&s->origins, &limits, &s->shared, &rng), ZG_OK);
}

static bool enter(struct scene *s, const char *from, uint64_t now)
{
    struct sockaddr_storage a;
    struct origin *origin;
    if (strchr(from, ':') != NULL)
        assert_int_equal(uv_ip6_addr(from, 4711, (struct sockaddr_in6 *)&a), 0);
    else
        assert_int_equal(uv_ip4_addr(from, 4711, (struct sockaddr_in *)&a), 0);
    if (!origin_enter(s->origins, (const struct sockaddr *)&a, now, &origin))
        return false;
    assert_true(s->held_count < 64);
    s->held[s->held_count++] = origin;
    return true;
}

static void leave(struct scene *s)
{
    origin_leave(s->origins, s->held[--s->held_count]);
}

static void end(struct scene *s)
{
    while (s->held_count > 0)
        leave(s);
    origins_free(s->origins);
}

static void one_address_has_only_so_many(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 2, 1000);
    assert_true(enter(&s, "192.0.2.1", SECOND));
    assert_true(enter(&s, "192.0.2.1", SECOND));
    assert_false(enter(&s, "192.0.2.1", SECOND));
    assert_true(enter(&s, "192.0.2.2", SECOND));
    leave(&s);
    leave(&s);
    assert_true(enter(&s, "192.0.2.1", SECOND));
    end(&s);
}

/* Who has one address of IPv6 has all of its network. */
static void a_network_of_ipv6_is_one_address(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 2, 1000);
    assert_true(enter(&s, "2001:db8:1:2::1", SECOND));
    assert_true(enter(&s, "2001:db8:1:2:ffff::2", SECOND));
    assert_false(enter(&s, "2001:db8:1:2::3", SECOND));
    assert_true(enter(&s, "2001:db8:1:3::1", SECOND));
    end(&s);
}

static void one_address_comes_only_so_often(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 1000, 2);
    for (int i = 0; i < 20; i++) { /* of ten seconds */
        assert_true(enter(&s, "192.0.2.1", SECOND));
        leave(&s);
    }
    assert_false(enter(&s, "192.0.2.1", SECOND));
    assert_true(enter(&s, "192.0.2.2", SECOND));
    assert_true(enter(&s, "192.0.2.1", SECOND + 500));
    assert_false(enter(&s, "192.0.2.1", SECOND + 999));
    end(&s);
}

/* People behind a proxy or Tor come from one address, and are not kept out. */
static void shared_addresses_are_not_counted(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 1, 1);
    for (int i = 0; i < 10; i++) {
        assert_true(enter(&s, "127.0.0.1", SECOND));
        assert_true(enter(&s, "::1", SECOND));
        assert_true(enter(&s, "10.0.0.7", SECOND));
    }
    assert_int_equal(origins_count(s.origins), 0);
    assert_true(enter(&s, "127.0.0.2", SECOND));
    assert_false(enter(&s, "127.0.0.2", SECOND));
    end(&s);
}

static void nothing_is_remembered_longer_than_it_matters(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, 10, 2);
    assert_true(enter(&s, "192.0.2.1", SECOND));
    assert_true(enter(&s, "192.0.2.2", SECOND));
    assert_true(enter(&s, "192.0.2.2", SECOND));
    origins_forget(s.origins, 100 * SECOND);
    assert_int_equal(origins_count(s.origins), 2); /* they are connected */
    while (s.held_count > 0)
        leave(&s);
    origins_forget(s.origins, SECOND + 499);
    assert_int_equal(origins_count(s.origins), 2);
    origins_forget(s.origins, SECOND + 1000);
    assert_int_equal(origins_count(s.origins), 0);
    end(&s);
}

static void lists_of_shared_addresses_are_read(void **state)
{
    struct shared_addresses s;
    char many[SHARED_MAX * 9 + 16] = "";
    (void)state;
    assert_int_equal(shared_parse(&s, ""), ZG_OK);
    assert_int_equal(s.count, 0);
    assert_int_equal(shared_parse(&s, "10.0.0.1"), ZG_OK);
    assert_int_equal(s.count, 1);
    assert_int_equal(shared_parse(&s, "localhost"), ZG_ERR_MALFORMED);
    assert_int_equal(shared_parse(&s, "10.0.0.1:80"), ZG_ERR_MALFORMED);
    assert_int_equal(shared_parse(&s, "10.0.0.0/8"), ZG_ERR_MALFORMED);
    for (int i = 0; i < SHARED_MAX; i++)
        strcat(many, "10.0.0.1 ");
    assert_int_equal(shared_parse(&s, many), ZG_OK);
    strcat(many, "10.0.0.1");
    assert_int_equal(shared_parse(&s, many), ZG_ERR_MALFORMED);
}

/* So, and in no other form, a connection of IPv4 is seen. */
static void an_ipv4_address_may_be_written_as_ipv6(void **state)
{
    struct shared_addresses s;
    struct sockaddr_in listed, other;
    (void)state;
    assert_int_equal(uv_ip4_addr("192.0.2.1", 4711, &listed), 0);
    assert_int_equal(uv_ip4_addr("192.0.2.2", 4711, &other), 0);
    assert_int_equal(shared_parse(&s, "::ffff:192.0.2.1"), ZG_OK);
    assert_true(shared_has(&s, (const struct sockaddr *)&listed));
    assert_false(shared_has(&s, (const struct sockaddr *)&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address_has_only_so_many),
        cmocka_unit_test(a_network_of_ipv6_is_one_address),
        cmocka_unit_test(one_address_comes_only_so_often),
        cmocka_unit_test(shared_addresses_are_not_counted),
        cmocka_unit_test(nothing_is_remembered_longer_than_it_matters),
        cmocka_unit_test(lists_of_shared_addresses_are_read),
        cmocka_unit_test(an_ipv4_address_may_be_written_as_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
