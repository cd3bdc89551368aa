#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/content.h"
#include "proto/pack.h"
#include "tests/support/support.h"

static struct content sample(void)
{
    static const uint8_t body[] = "Buenos d\xc3\xad"
                                  "as";
    struct content c = {
        .kind = CONTENT_TEXT,
        .id = {1, 2, 3, 4, 5, 6, 7, 8},
        .part = 2,
        .parts = 3,
        .sent_minute = 30000000,
        .lifetime_s = 86400,
        .from = LIFETIME_FROM_READ,
        .body = {body, sizeof(body) - 1},
    };
    return c;
}

static void content_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct content c = sample();
    struct content out;
    uint8_t bytes[256];
    struct writer w;
    writer_init(&w, bytes, sizeof(bytes));
    assert_int_equal(content_write(&c, &w), ZG_OK);
    assert_int_equal(content_read(&out, (struct span){bytes, w.len}), ZG_OK);
    assert_int_equal(out.kind, c.kind);
    assert_memory_equal(out.id, c.id, sizeof(c.id));
    assert_int_equal(out.part, 2);
    assert_int_equal(out.parts, 3);
    assert_int_equal(out.sent_minute, c.sent_minute);
    assert_int_equal(out.lifetime_s, c.lifetime_s);
    assert_int_equal(out.from, LIFETIME_FROM_READ);
    assert_int_equal(out.body.len, c.body.len);
    assert_memory_equal(out.body.at, c.body.at, c.body.len);
    for (size_t len = 0; len < w.len; len++) /* cut anywhere */
        assert_int_equal(content_read(&out, (struct span){bytes, len}), ZG_ERR_MALFORMED);
    bytes[w.len] = 0; /* trailing */
    assert_int_equal(content_read(&out, (struct span){bytes, w.len + 1}), ZG_ERR_MALFORMED);
}

static void the_overhead_is_bounded_as_promised(void **state)
{
    (void)state;
    struct content c = sample();
    uint8_t bytes[4096];
    static uint8_t body[2000];
    struct writer w;
    c.kind = UINT32_MAX;
    c.part = 63;
    c.parts = 64;
    c.sent_minute = UINT32_MAX;
    c.lifetime_s = CONTENT_LIFETIME_MAX_S;
    c.body = (struct span){body, sizeof(body)};
    writer_init(&w, bytes, sizeof(bytes));
    assert_int_equal(content_write(&c, &w), ZG_OK);
    assert_true(w.len - sizeof(body) <= CONTENT_OVERHEAD_MAX);
    writer_init(&w, bytes, 100);
    assert_int_equal(content_write(&c, &w), ZG_ERR_TOO_LARGE);
}

static zg_err fields(uint64_t kind, size_t id, uint64_t part, uint64_t parts, uint64_t sent,
                     uint64_t lifetime, uint64_t from)
{
    uint8_t bytes[128];
    uint8_t zeros[16] = {0};
    struct writer w;
    struct content out;
    writer_init(&w, bytes, sizeof(bytes));
    pack_array(&w, 8);
    pack_uint(&w, kind);
    pack_bin(&w, zeros, id);
    pack_uint(&w, part);
    pack_uint(&w, parts);
    pack_uint(&w, sent);
    pack_uint(&w, lifetime);
    pack_uint(&w, from);
    pack_bin(&w, zeros, 3);
    return content_read(&out, (struct span){bytes, w.len});
}

static void every_field_is_within_its_bounds(void **state)
{
    (void)state;
    const uint64_t month = CONTENT_LIFETIME_MAX_S;
    const uint64_t big = (uint64_t)UINT32_MAX + 1;
    assert_int_equal(fields(1, 8, 0, 1, 0, 1, 0), ZG_OK);
    assert_int_equal(fields(4711, 8, 63, 64, UINT32_MAX, month, 1),
                     ZG_OK); /* newer kinds are the caller's to show */
    assert_int_equal(fields(big, 8, 0, 1, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 7, 0, 1, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 9, 0, 1, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 1, 1, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 0, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 64, 64, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 65, 0, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 1, big, 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 1, 0, 0, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 1, 0, month + 1, 0), ZG_ERR_MALFORMED);
    assert_int_equal(fields(1, 8, 0, 1, 0, 1, 2), ZG_ERR_MALFORMED);
}

static void envelopes_are_a_power_of_two(void **state)
{
    (void)state;
    static const struct {
        uint32_t parts, envelopes;
    } cases[] = {{1, 1}, {2, 2}, {3, 4}, {4, 4}, {5, 8}, {17, 32}, {32, 32}, {33, 64}, {63, 64}, {64, 64}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(content_envelopes(cases[i].parts), cases[i].envelopes);
}

static void utf8_is_as_the_rfc_says(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int ok;
    } cases[] = {
        {"", 1},
        {"plain", 1},
        {"\xc3\xb1\xe2\x82\xac\xf0\x9f\x8c\xb1", 1},
        {"\xed\x9f\xbf", 1},     /* U+D7FF */
        {"\xee\x80\x80", 1},     /* U+E000 */
        {"\xf4\x8f\xbf\xbf", 1}, /* U+10FFFF */
        {"\xf4\x90\x80\x80", 0}, /* above */
        {"\xf5\x80\x80\x80", 0},
        {"\xed\xa0\x80", 0}, /* a surrogate */
        {"\xc0\xaf", 0},     /* longer than needed */
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\x80", 0},
        {"\xc3", 0},
        {"\xe2\x82", 0},
        {"\xf0\x9f\x8c", 0},
        {"\xc3(", 0},
        {"\xe2\x28\xa1", 0},
        {"\xf0\x9f(\xb1", 0},
        {"\xfe", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(content_utf8_ok((const uint8_t *)cases[i].text, strlen(cases[i].text)), cases[i].ok);
}

static void a_cut_is_never_inside_a_character(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xb1o \xe2\x82\xac 5 \xf0\x9f\x8c\xb1\xf0\x9f\x8c\xb1 fin";
    const uint8_t *t = (const uint8_t *)text;
    const size_t len = sizeof(text) - 1;
    for (size_t room = 4; room <= len + 3; room++) {
        size_t at = 0;
        while (at < len) {
            size_t n = content_cut(t + at, len - at, room);
            assert_in_range(n, 1, room);
            assert_true(content_utf8_ok(t + at, n));
            at += n;
        }
        assert_int_equal(at, len);
    }
    assert_int_equal(content_cut(t + 1, 5, 1), 0); /* it does not fit at all */
    /* What is not UTF-8 still gets on. */
    static const uint8_t junk[64] = {[0 ... 63] = 0x80};
    assert_int_equal(content_cut(junk, sizeof(junk), 10), 10);
}

static bool ok(uint32_t kind, const char *bytes, size_t len)
{
    return content_ok(kind, (const uint8_t *)bytes, len);
}

/* What is shown as a picture or played must begin as such a file does. */
static void a_file_is_of_the_kind_it_says(void **state)
{
    static const char jpeg[] = "\xff\xd8\xff\xe0", webm[] = "\x1a\x45\xdf\xa3",
                      m4a[] = "\0\0\0\x20"
                              "ftypM4A ";
    static const char heic[] = "\0\0\0\x20"
                               "ftypheic";
    (void)state;
    assert_true(ok(CONTENT_TEXT, "s\xc3\xad", 3));
    assert_false(ok(CONTENT_TEXT, "s\xc3", 2));
    assert_true(ok(CONTENT_JPEG, jpeg, 4) && ok(CONTENT_VOICE_WEBM, webm, 4) &&
                ok(CONTENT_VOICE_MP4, m4a, 12));
    assert_false(ok(CONTENT_JPEG, webm, 4) || ok(CONTENT_VOICE_WEBM, jpeg, 4) ||
                 ok(CONTENT_VOICE_MP4, webm, 4));
    assert_false(ok(CONTENT_JPEG, jpeg, 2) || ok(CONTENT_VOICE_WEBM, webm, 3) ||
                 ok(CONTENT_VOICE_MP4, m4a, 11));
    assert_false(ok(CONTENT_VOICE_MP4, heic, 12)); /* a picture that begins as sound does */
    assert_false(ok(CONTENT_FILLER, "", 0) || ok(CONTENT_VOICE_MP4 + 1, jpeg, 4));
    for (uint32_t kind = 0; kind < 10; kind++)
        assert_int_equal(content_kind_known(kind), kind == CONTENT_TEXT || (kind >= 3 && kind <= 5));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(content_is_read_as_it_was_written),
        cmocka_unit_test(the_overhead_is_bounded_as_promised),
        cmocka_unit_test(every_field_is_within_its_bounds),
        cmocka_unit_test(envelopes_are_a_power_of_two),
        cmocka_unit_test(utf8_is_as_the_rfc_says),
        cmocka_unit_test(a_cut_is_never_inside_a_character),
        cmocka_unit_test(a_file_is_of_the_kind_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
