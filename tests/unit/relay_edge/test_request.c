/* Heads of requests: what is taken from them, and what is none. SHA-1 and the answer to a key, by published
 * vectors. */
#define _GNU_SOURCE
#include "relay/edge/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "relay/edge/sha1.h"
#include "relay/edge/websocket.h"
#include "tests/support/support.h"

#define HOST "Host: a\r\n"
#define GET "GET / HTTP/1.1\r\n" HOST
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define OPENING(connection, upgrade, key, version) \
    "GET /zaguan HTTP/1.1\r\n" HOST "Connection: " connection "\r\nUpgrade: " upgrade \
    "\r\nSec-WebSocket-Key: " key "\r\nSec-WebSocket-Version: " version "\r\n\r\n"

static bool parse(struct request *r, const char *text)
{
    size_t len = strlen(text);
    assert_int_equal(request_head_length((const uint8_t *)text, len), len);
    return request_parse(r, (const uint8_t *)text, len);
}

static void a_head_ends_with_its_empty_line(void **state)
{
    static const char text[] = GET "A: b\r\n\r\nmore";
    size_t whole = sizeof(text) - 1 - 4;
    (void)state;
    for (size_t len = 0; len < sizeof(text); len++)
        assert_int_equal(request_head_length((const uint8_t *)text, len), len < whole ? 0 : whole);
}

static const struct {
    const char *text;
    enum request_method method;
    const char *path;
    bool last, gzip, brotli, websocket;
} good[] = {
    {GET "\r\n", REQUEST_GET, "/", false, false, false, false},
    {"HEAD /a/b.js?c=/d HTTP/1.1\r\n" HOST "\r\n", REQUEST_HEAD, "/a/b.js", false, false, false, false},
    {"POST /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", REQUEST_OTHER, "/a", false, false, false,
     false},
    {"GET /? HTTP/1.0\r\n\r\n", REQUEST_GET, "/", true, false, false, false},
    {GET "CONNECTION: Keep-Alive, CLOSE\r\n\r\n", REQUEST_GET, "/", true, false, false, false},
    {GET "Connection: keep-alive\r\nA:\r\nB: \t c \r\n\r\n", REQUEST_GET, "/", false, false, false, false},
    {GET "Accept-Encoding: gzip, deflate, br\r\n\r\n", REQUEST_GET, "/", false, true, true, false},
    {GET "accept-encoding:GZIP;q=0.5\r\n\r\n", REQUEST_GET, "/", false, true, false, false},
    {GET "Accept-Encoding: gzip;q=0 , br;q=0.000\r\n\r\n", REQUEST_GET, "/", false, false, false, false},
    {GET "Accept-Encoding: gzip;q=0.001\r\nAccept-Encoding: br\r\n\r\n", REQUEST_GET, "/", false, true, true,
     false},
    {GET "Accept-Encoding: *, xgzip, brr\r\n\r\n", REQUEST_GET, "/", false, false, false, false},
    {OPENING("Upgrade", "websocket", KEY, "13"), REQUEST_GET, "/zaguan", false, false, false, true},
    {OPENING("keep-alive, upgrade", "h2c, WebSocket", KEY, "13"), REQUEST_GET, "/zaguan", false, false, false,
     true},
    {OPENING("keep-alive", "websocket", KEY, "13"), REQUEST_GET, "/zaguan", false, false, false, false},
    {OPENING("Upgrade", "websockets", KEY, "13"), REQUEST_GET, "/zaguan", false, false, false, false},
    {OPENING("Upgrade", "websocket", "dGhlIHNhbXBsZSBub25jZQ=", "13"), REQUEST_GET, "/zaguan", false, false,
     false, false},
    {OPENING("Upgrade", "websocket", "dGhlIHNhbXBsZSBub25jZXM=", "13"), REQUEST_GET, "/zaguan", false, false,
     false, false},
    {OPENING("Upgrade", "websocket", "dGhlIHNhbXBs!SBub25jZQ==", "13"), REQUEST_GET, "/zaguan", false, false,
     false, false},
    {OPENING("Upgrade", "websocket", KEY "\r\nSec-WebSocket-Key: " KEY, "13"), REQUEST_GET, "/zaguan", false,
     false, false, false},
    {OPENING("Upgrade", "websocket", KEY, "8"), REQUEST_GET, "/zaguan", false, false, false, false},
    {OPENING("Upgrade", "websocket", KEY, "13\r\nSec-WebSocket-Version: 13"), REQUEST_GET, "/zaguan", false,
     false, false, false},
};

static void what_is_wanted_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct request r;
        if (!parse(&r, good[i].text))
            fail_msg("refused: %s", good[i].text);
        if (r.method != good[i].method || r.path.len != strlen(good[i].path) ||
            memcmp(r.path.at, good[i].path, r.path.len) != 0 || r.last != good[i].last ||
            r.gzip != good[i].gzip || r.brotli != good[i].brotli || r.websocket != good[i].websocket)
            fail_msg("wrong: %s", good[i].text);
        if (r.websocket)
            assert_memory_equal(r.key.at, KEY, REQUEST_KEY_LEN);
    }
}

static const char *const bad[] = {
    "GET / HTTP/1.1\r\n\r\n",
    GET HOST "\r\n",
    "GET / HTTP/1.2\r\n" HOST "\r\n",
    "GET / HTTP/2.0\r\n" HOST "\r\n",
    "GET /\r\n\r\n",
    "GET a HTTP/1.1\r\n" HOST "\r\n",
    "GETS / HTTP/1.1\r\n" HOST "\r\n",
    "\r\n\r\n",
    "hello\r\n\r\n",
    GET "Content-Length: 1\r\n\r\n",
    GET "Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    GET "Content-Length: -0\r\n\r\n",
    GET "Transfer-Encoding: chunked\r\n\r\n",
    GET "Transfer-Encoding: identity\r\n\r\n",
    GET "Content-Length : 5\r\n\r\n",
    GET "A: b\r\n c\r\n\r\n",
    GET "A: b\r\n\tc\r\n\r\n",
    GET "A\r\n\r\n",
    GET ": b\r\n\r\n",
    GET "A: b\nC: d\r\n\r\n",
    GET "A: b\rC: d\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\n" HOST "\r\n",
    "HTTP/1.1 200 OK\r\n\r\n",
};

static void what_is_no_request_is_refused(void **state)
{
    struct request r;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (parse(&r, bad[i]))
            fail_msg("taken: %s", bad[i]);
    static const char zero[] = GET "A: b\0\r\n\r\n";
    assert_false(request_parse(&r, (const uint8_t *)zero, sizeof(zero) - 1));
    /* A head, and something behind it. */
    static const char two[] = GET "\r\n" GET "\r\n";
    assert_false(request_parse(&r, (const uint8_t *)two, sizeof(two) - 1));
    /* Half a head. */
    for (size_t len = 0; len < sizeof(GET) + 1; len++)
        assert_false(request_parse(&r, (const uint8_t *)GET "\r\n", len));
}

static void check_sha1(const char *text, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[SHA1_BYTES];
    sha1(digest, text, strlen(text));
    for (size_t i = 0; i < SHA1_BYTES; i++)
        assert_true(hex[2 * i] == digits[digest[i] >> 4] && hex[2 * i + 1] == digits[digest[i] & 15]);
}

static void sha1_is_as_published(void **state)
{
    (void)state;
    check_sha1("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check_sha1("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    check_sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
               "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    /* Where one block becomes two, and the longest. */
    check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
               "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    check_sha1("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
               "aaaaaaaaaaaaaaaaaaaaaaaaaa",
               "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56");
}

/* RFC 6455, section 1.3. */
static void a_key_is_answered(void **state)
{
    char accept[WEBSOCKET_ACCEPT_LEN + 1];
    (void)state;
    websocket_accept((const uint8_t *)KEY, accept);
    assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_ends_with_its_empty_line),
        cmocka_unit_test(what_is_wanted_is_taken),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(sha1_is_as_published),
        cmocka_unit_test(a_key_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
