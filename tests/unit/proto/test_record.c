#include "tests/unit/proto/test.h"

#include <stdlib.h>

#include "proto/record.h"

static uint8_t plain[WIRE_RECORD_PLAIN_MAX];

static void add(struct record_writer *r, size_t len, int byte)
{
    struct writer unit = record_unit_begin(r);
    uint8_t *at = writer_reserve(&unit, len);
    if (at != NULL)
        memset(at, byte, len);
    assert_int_equal(record_unit_end(r, &unit), ZG_OK);
}

static void records_agree_with_their_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("records.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        uint8_t hash[32], expected[32];
        struct record_writer r;
        record_begin(&r, plain);
        memset(plain, 0xee, sizeof(plain));
        char *end;
        int byte = 1;
        for (const char *list = vector_text(f, "units"); *list != '\0'; list = end)
            add(&r, strtoul(list, &end, 10), byte++);
        size_t len = record_finish(&r);
        assert_int_equal(len, vector_uint(f, "plain_bytes"));
        assert_true(record_length_ok((size_t)vector_uint(f, "cipher_bytes")));
        vector_bytes(f, "plain_blake2b", expected, sizeof(expected));
        crypto_generichash_blake2b(hash, sizeof(hash), plain, len, NULL, 0);
        assert_memory_equal(hash, expected, sizeof(hash));
    }
    assert_int_equal(count, 12);
    vector_close(f);
}

static void units_come_back_in_order(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 200, 4318, 7, 4000};
    enum { COUNT = sizeof(lens) / sizeof(lens[0]) };
    struct record_writer w;
    struct reader r;
    struct span unit;
    record_begin(&w, plain);
    assert_true(record_empty(&w));
    for (int i = 0; i < COUNT; i++)
        add(&w, lens[i], i + 1);
    assert_false(record_empty(&w));
    reader_init(&r, plain, record_finish(&w));
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(record_next(&r, &unit), FRAMING_WHOLE);
        assert_int_equal(unit.len, lens[i]);
        assert_int_equal(unit.at[0], i + 1);
        assert_int_equal(unit.at[unit.len - 1], i + 1);
    }
    assert_int_equal(record_next(&r, &unit), FRAMING_PARTIAL);
    assert_int_equal(record_next(&r, &unit), FRAMING_PARTIAL);
}

static void an_empty_record_is_padding_only(void **state)
{
    (void)state;
    struct record_writer w;
    struct reader r;
    struct span unit;
    record_begin(&w, plain);
    size_t len = record_finish(&w);
    assert_int_equal(len, WIRE_RECORD_CONTROL_BYTES);
    reader_init(&r, plain, len);
    assert_int_equal(record_next(&r, &unit), FRAMING_PARTIAL);
}

static void padding_must_be_zero_in_every_byte(void **state)
{
    (void)state;
    for (size_t at = 5; at < WIRE_RECORD_CONTROL_BYTES; at++) {
        struct record_writer w;
        struct reader r;
        struct span unit;
        record_begin(&w, plain);
        add(&w, 3, 1);
        size_t len = record_finish(&w);
        /* The first two bytes of padding are the length that ends the units. */
        plain[at] = at < 7 ? 0xff : 1;
        reader_init(&r, plain, len);
        assert_int_equal(record_next(&r, &unit), FRAMING_WHOLE);
        assert_int_equal(record_next(&r, &unit), FRAMING_BAD);
        assert_int_equal(record_next(&r, &unit), FRAMING_BAD);
    }
}

static void one_byte_left_is_padding(void **state)
{
    (void)state;
    for (int last = 0; last <= 1; last++) {
        struct record_writer w;
        struct reader r;
        struct span unit;
        record_begin(&w, plain);
        add(&w, WIRE_RECORD_CONTROL_BYTES - 3, 1);
        size_t len = record_finish(&w);
        assert_int_equal(len, WIRE_RECORD_CONTROL_BYTES);
        plain[len - 1] = (uint8_t)last;
        reader_init(&r, plain, len);
        assert_int_equal(record_next(&r, &unit), FRAMING_WHOLE);
        assert_int_equal(record_next(&r, &unit), last == 0 ? FRAMING_PARTIAL : FRAMING_BAD);
    }
}

static void a_unit_longer_than_the_rest_is_bad(void **state)
{
    (void)state;
    uint8_t in[WIRE_RECORD_CONTROL_BYTES] = {0, 127};
    struct reader r;
    struct span unit;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(record_next(&r, &unit), FRAMING_BAD);
    in[1] = 126;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(record_next(&r, &unit), FRAMING_WHOLE);
    assert_int_equal(unit.len, 126);
    assert_int_equal(record_next(&r, &unit), FRAMING_PARTIAL);
}

static void the_lengths_of_a_record_are_the_sixteen_of_the_specification(void **state)
{
    (void)state;
    size_t count = 0;
    for (size_t len = 0; len <= UINT16_MAX; len++) {
        bool expected = len == 128 + 16;
        for (size_t m = 1; m <= 15; m++)
            expected = expected || len == m * 4320 + 16;
        assert_int_equal(record_length_ok(len) != 0, expected);
        count += expected;
    }
    assert_int_equal(count, 16);
    assert_false(record_length_ok(16 * 4320 + 16));
    assert_false(record_length_ok(SIZE_MAX));
}

static void what_does_not_fit_is_refused_and_the_record_goes_on(void **state)
{
    (void)state;
    struct record_writer w;
    record_begin(&w, plain);
    assert_true(record_fits(&w, WIRE_COMMAND_BYTES_MAX));
    assert_false(record_fits(&w, WIRE_COMMAND_BYTES_MAX + 1));

    struct writer unit = record_unit_begin(&w);
    assert_null(writer_reserve(&unit, WIRE_COMMAND_BYTES_MAX + 1));
    assert_int_equal(record_unit_end(&w, &unit), ZG_ERR_TOO_LARGE);
    assert_true(record_empty(&w));

    for (int i = 0; i < WIRE_RECORD_UNITS_MAX - 1; i++)
        add(&w, WIRE_COMMAND_BYTES_MAX, 1);
    add(&w, WIRE_COMMAND_BYTES_MAX - 3, 1);
    assert_true(record_fits(&w, 1));
    assert_false(record_fits(&w, 2));
    unit = record_unit_begin(&w);
    assert_null(writer_reserve(&unit, 2));
    assert_int_equal(record_unit_end(&w, &unit), ZG_ERR_TOO_LARGE);
    add(&w, 1, 2);
    assert_false(record_fits(&w, 0));
    assert_int_equal(record_unit_begin(&w).cap, 0);
    assert_int_equal(record_finish(&w), WIRE_RECORD_PLAIN_MAX);
}

/* A command that failed in the middle must not be seen by the peer. */
static void nothing_of_a_refused_unit_stays_in_the_record(void **state)
{
    (void)state;
    struct record_writer w;
    memset(plain, 0, sizeof(plain));
    record_begin(&w, plain);
    struct writer unit = record_unit_begin(&w);
    for (int i = 0; i < 1000; i++)
        writer_u64(&unit, UINT64_MAX);
    assert_int_equal(record_unit_end(&w, &unit), ZG_ERR_TOO_LARGE);
    size_t len = record_finish(&w);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(plain[i], 0);
}

static void framing_waits_for_the_whole_message(void **state)
{
    (void)state;
    uint8_t in[2 + 144 + 5];
    struct span body = {NULL, 0};
    size_t used = 0;
    memset(in, 7, sizeof(in));
    in[0] = 0;
    in[1] = 144;
    for (size_t len = 0; len < 2 + 144; len++)
        assert_int_equal(framing_next(in, len, 1, 1000, &body, &used), FRAMING_PARTIAL);
    assert_null(body.at);
    assert_int_equal(framing_next(in, sizeof(in), 1, 1000, &body, &used), FRAMING_WHOLE);
    assert_ptr_equal(body.at, in + 2);
    assert_int_equal(body.len, 144);
    assert_int_equal(used, 146);
}

static void framing_refuses_a_length_before_the_bytes_are_there(void **state)
{
    (void)state;
    const struct {
        uint16_t len;
        enum framing expected;
    } cases[] = {{0, FRAMING_BAD},        {143, FRAMING_BAD},  {144, FRAMING_PARTIAL},
                 {1000, FRAMING_PARTIAL}, {1001, FRAMING_BAD}, {0xffff, FRAMING_BAD}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint8_t in[2] = {(uint8_t)(cases[i].len >> 8), (uint8_t)cases[i].len};
        struct span body;
        size_t used;
        assert_int_equal(framing_next(in, sizeof(in), 144, 1000, &body, &used), cases[i].expected);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(records_agree_with_their_vectors),
    cmocka_unit_test(units_come_back_in_order),
    cmocka_unit_test(an_empty_record_is_padding_only),
    cmocka_unit_test(padding_must_be_zero_in_every_byte),
    cmocka_unit_test(one_byte_left_is_padding),
    cmocka_unit_test(a_unit_longer_than_the_rest_is_bad),
    cmocka_unit_test(the_lengths_of_a_record_are_the_sixteen_of_the_specification),
    cmocka_unit_test(what_does_not_fit_is_refused_and_the_record_goes_on),
    cmocka_unit_test(nothing_of_a_refused_unit_stays_in_the_record),
    cmocka_unit_test(framing_waits_for_the_whole_message),
    cmocka_unit_test(framing_refuses_a_length_before_the_bytes_are_there),
};

RUN_TESTS
