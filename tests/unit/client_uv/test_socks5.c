#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "client/uv/socks5.h"

static const uint8_t isolation[SOCKS5_ISOLATION_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 0xf9, 10, 11, 12, 13, 14, 15, 16};

#define NONE_CHOSEN "\x05\x00"
#define PASSWORD_CHOSEN "\x05\x02"
#define LOGIN_OK "\x01\x00"
#define OPENED_V4 "\x05\x00\x00\x01\x7f\x00\x00\x01\x12\x34"
#define BYTES(literal) literal, sizeof(literal) - 1

static void start(struct socks5 *s, const char *host)
{
    assert_true(socks5_init(s, host, 0x1f90, isolation));
    assert_int_equal(s->out_len, 4);
    assert_memory_equal(s->out, "\x05\x02\x00\x02", 4);
}

/* Feeds all of it, at most `piece` bytes at once; the last step. */
static enum socks5_step feed(struct socks5 *s, const char *data, size_t len, size_t piece)
{
    enum socks5_step step = SOCKS5_MORE;
    while (len > 0 && step == SOCKS5_MORE) {
        size_t used = 0;
        step = socks5_feed(s, (const uint8_t *)data, len < piece ? len : piece, &used);
        assert_in_range(used, 1, len);
        data += used;
        len -= used;
    }
    assert_int_equal(len, 0);
    return step;
}

static void asks_for(const char *host, const void *request, size_t len)
{
    struct socks5 s;
    start(&s, host);
    assert_int_equal(feed(&s, BYTES(NONE_CHOSEN), 2), SOCKS5_SEND);
    assert_int_equal(s.out_len, len);
    assert_memory_equal(s.out, request, len);
}

static void names_and_addresses_go_to_the_proxy_as_they_are(void **state)
{
    (void)state;
    asks_for("relay.example", BYTES("\x05\x01\x00\x03\x0drelay.example\x1f\x90"));
    asks_for("abcdefgh.onion", BYTES("\x05\x01\x00\x03\x0e" "abcdefgh.onion\x1f\x90"));
    asks_for("192.0.2.7", BYTES("\x05\x01\x00\x01\xc0\x00\x02\x07\x1f\x90"));
    asks_for("2001:db8::1", BYTES("\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x1f\x90"));
}

static void answers_may_come_in_any_pieces(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } opened[] = {
        {BYTES(OPENED_V4)},
        {BYTES("\x05\x00\x00\x04" "0123456789abcdef\x12\x34")},
        {BYTES("\x05\x00\x00\x03\x00\x12\x34")},
        {BYTES("\x05\x00\x00\x03\x05proxy\x12\x34")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(opened) / sizeof(opened[0]); i++) {
        for (size_t piece = 1; piece <= 32; piece++) {
            struct socks5 s;
            start(&s, "relay.example");
            assert_int_equal(feed(&s, BYTES(NONE_CHOSEN), piece), SOCKS5_SEND);
            assert_int_equal(feed(&s, opened[i].bytes, opened[i].len, piece), SOCKS5_OPEN);
        }
    }
}

static void longest_name_in_an_answer_fits(void **state)
{
    char answer[4 + 1 + 255 + 2] = "\x05\x00\x00\x03\xff";
    struct socks5 s;
    (void)state;
    start(&s, "relay.example");
    assert_int_equal(feed(&s, BYTES(NONE_CHOSEN), 2), SOCKS5_SEND);
    assert_int_equal(feed(&s, answer, sizeof(answer), 100), SOCKS5_OPEN);
}

static void bytes_of_the_stream_are_left_alone(void **state)
{
    struct socks5 s;
    size_t used = 0;
    (void)state;
    start(&s, "relay.example");
    assert_int_equal(feed(&s, BYTES(NONE_CHOSEN), 2), SOCKS5_SEND);
    assert_int_equal(socks5_feed(&s, (const uint8_t *)OPENED_V4 "stream", 16, &used), SOCKS5_OPEN);
    assert_int_equal(used, 10);
}

static void each_stream_has_a_login_of_its_own(void **state)
{
    struct socks5 s;
    (void)state;
    start(&s, "relay.example");
    assert_int_equal(feed(&s, BYTES(PASSWORD_CHOSEN), 1), SOCKS5_SEND);
    assert_int_equal(s.out_len, 1 + 17 + 17);
    assert_memory_equal(s.out, "\x01\x10" "0102030405060708\x10" "f90a0b0c0d0e0f10", 35);
    assert_int_equal(feed(&s, BYTES(LOGIN_OK), 1), SOCKS5_SEND);
    assert_memory_equal(s.out, "\x05\x01\x00\x03", 4);
    assert_int_equal(feed(&s, BYTES(OPENED_V4), 3), SOCKS5_OPEN);
}

static void is_refused(const char *first, size_t first_len, const char *second, size_t second_len)
{
    struct socks5 s;
    start(&s, "relay.example");
    if (first_len > 0)
        assert_int_equal(feed(&s, first, first_len, 100), SOCKS5_SEND);
    assert_int_equal(feed(&s, second, second_len, 100), SOCKS5_REFUSED);
}

static void every_refusal_is_understood(void **state)
{
    (void)state;
    is_refused("", 0, BYTES("\x05\xff"));
    is_refused("", 0, BYTES("\x05\x01"));
    is_refused("", 0, BYTES("\x04\x00"));
    is_refused("", 0, BYTES("HT"));
    is_refused(BYTES(PASSWORD_CHOSEN), BYTES("\x01\x01"));
    is_refused(BYTES(PASSWORD_CHOSEN), BYTES("\x05\x00"));
    for (char reason = 1; reason < 10; reason++) {
        const char reply[] = {5, reason};
        is_refused(BYTES(NONE_CHOSEN), reply, sizeof(reply));
    }
    is_refused(BYTES(NONE_CHOSEN), BYTES("\x04"));
    is_refused(BYTES(NONE_CHOSEN), BYTES("\x05\x00\x00\x02\x00"));
}

static void names_that_do_not_fit_are_refused(void **state)
{
    char name[SOCKS5_HOST_MAX + 2];
    struct socks5 s;
    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_false(socks5_init(&s, name, 1, isolation));
    assert_false(socks5_init(&s, "", 1, isolation));
    name[SOCKS5_HOST_MAX] = '\0';
    assert_true(socks5_init(&s, name, 1, isolation));
    assert_int_equal(feed(&s, BYTES(NONE_CHOSEN), 2), SOCKS5_SEND);
    assert_int_equal(s.out_len, SOCKS5_OUT_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_addresses_go_to_the_proxy_as_they_are),
        cmocka_unit_test(answers_may_come_in_any_pieces),
        cmocka_unit_test(longest_name_in_an_answer_fits),
        cmocka_unit_test(bytes_of_the_stream_are_left_alone),
        cmocka_unit_test(each_stream_has_a_login_of_its_own),
        cmocka_unit_test(every_refusal_is_understood),
        cmocka_unit_test(names_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
