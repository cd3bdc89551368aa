#include "tests/unit/proto/test.h"

#include "proto/bytes.h"

static void integers_are_big_endian(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct reader r;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(reader_u8(&r), 0x01);
    assert_int_equal(reader_u16(&r), 0x0203);
    assert_int_equal(reader_u32(&r), 0x04050607);
    assert_true(reader_u64(&r) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_true(reader_done(&r));

    uint8_t out[15];
    struct writer w;
    writer_init(&w, out, sizeof(out));
    writer_u8(&w, 0x01);
    writer_u16(&w, 0x0203);
    writer_u32(&w, 0x04050607);
    writer_u64(&w, UINT64_C(0x08090a0b0c0d0e0f));
    assert_false(w.bad);
    assert_memory_equal(out, in, sizeof(in));
}

static void a_read_beyond_the_end_is_bad_for_good(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3};
    struct reader r;
    reader_init(&r, in, sizeof(in));
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.bad);
    assert_int_equal(reader_u8(&r), 0);
    assert_null(reader_take(&r, 0));
    assert_false(reader_done(&r));
}

static void no_length_reaches_around_the_end(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2, 3};
    const size_t lens[] = {4, SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        struct reader r;
        reader_init(&r, in, sizeof(in));
        assert_null(reader_take(&r, lens[i]));
        struct writer w;
        uint8_t out[3] = {9, 9, 9};
        writer_init(&w, out, sizeof(out));
        writer_u8(&w, 1);
        assert_null(writer_reserve(&w, lens[i]));
        assert_true(w.bad);
        assert_int_equal(w.len, 1);
        assert_int_equal(out[1], 9);
    }
}

static void unfinished_input_is_not_done(void **state)
{
    (void)state;
    const uint8_t in[] = {1, 2};
    struct reader r;
    reader_init(&r, in, sizeof(in));
    reader_u8(&r);
    assert_false(reader_done(&r));
    reader_u8(&r);
    assert_true(reader_done(&r));
}

static void a_failed_copy_leaves_zeros(void **state)
{
    (void)state;
    uint8_t out[4] = {9, 9, 9, 9};
    struct reader r;
    reader_init(&r, "abc", 3);
    reader_copy(&r, out, sizeof(out));
    assert_true(r.bad);
    assert_memory_equal(out, "\0\0\0\0", 4);
}

static void lp_is_bounded_by_the_limit_and_by_the_input(void **state)
{
    (void)state;
    const uint8_t in[] = {0, 0, 0, 3, 'a', 'b', 'c'};
    struct reader r;
    reader_init(&r, in, sizeof(in));
    struct span s = reader_lp(&r, 3);
    assert_int_equal(s.len, 3);
    assert_memory_equal(s.at, "abc", 3);
    assert_true(reader_done(&r));

    reader_init(&r, in, sizeof(in));
    s = reader_lp(&r, 2);
    assert_true(r.bad);
    assert_null(s.at);
    assert_int_equal(s.len, 0);

    reader_init(&r, in, sizeof(in) - 1);
    s = reader_lp(&r, 3);
    assert_true(r.bad);
    assert_int_equal(s.len, 0);

    const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 'a'};
    reader_init(&r, huge, sizeof(huge));
    s = reader_lp(&r, SIZE_MAX);
    assert_true(r.bad);
    assert_int_equal(s.len, 0);
}

static void zeros_must_all_be_zero(void **state)
{
    (void)state;
    /* Of every length, beginning at an odd place, with one byte that is not zero: each in turn, and one behind the end. */
    for (size_t len = 0; len <= 35; len++) {
        for (size_t at = 0; at <= len; at++) {
            uint8_t in[1 + 35 + 1] = {0};
            struct reader r;
            in[1 + at] = 0x80;
            reader_init(&r, in + 1, len);
            reader_zeros(&r);
            assert_int_equal(r.bad, at < len);
            assert_int_equal(reader_done(&r), at == len);
        }
    }
}

static void a_full_writer_stays_as_it_was(void **state)
{
    (void)state;
    uint8_t out[4] = {0};
    struct writer w;
    writer_init(&w, out, 3);
    writer_u16(&w, 0x0102);
    writer_u16(&w, 0x0304);
    assert_true(w.bad);
    writer_u8(&w, 5);
    assert_int_equal(w.len, 2);
    assert_memory_equal(out, "\x01\x02\0\0", 4);
}

static void padding_fills_up_to_the_length(void **state)
{
    (void)state;
    uint8_t out[6];
    struct writer w;
    memset(out, 9, sizeof(out));
    writer_init(&w, out, sizeof(out));
    writer_u8(&w, 1);
    writer_pad(&w, 5);
    assert_int_equal(w.len, 5);
    assert_memory_equal(out, "\x01\0\0\0\0\x09", 6);
    writer_pad(&w, 4);
    assert_true(w.bad);

    writer_init(&w, out, sizeof(out));
    writer_pad(&w, 7);
    assert_true(w.bad);
}

static void lp_reads_what_lp_wrote(void **state)
{
    (void)state;
    uint8_t out[16];
    struct writer w;
    struct reader r;
    writer_init(&w, out, sizeof(out));
    writer_lp(&w, "hello", 5);
    writer_lp(&w, NULL, 0);
    assert_int_equal(w.len, 13);
    reader_init(&r, out, w.len);
    assert_memory_equal(reader_lp(&r, 5).at, "hello", 5);
    assert_int_equal(reader_lp(&r, 5).len, 0);
    assert_true(reader_done(&r));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(integers_are_big_endian),
    cmocka_unit_test(a_read_beyond_the_end_is_bad_for_good),
    cmocka_unit_test(no_length_reaches_around_the_end),
    cmocka_unit_test(unfinished_input_is_not_done),
    cmocka_unit_test(a_failed_copy_leaves_zeros),
    cmocka_unit_test(lp_is_bounded_by_the_limit_and_by_the_input),
    cmocka_unit_test(zeros_must_all_be_zero),
    cmocka_unit_test(a_full_writer_stays_as_it_was),
    cmocka_unit_test(padding_fills_up_to_the_length),
    cmocka_unit_test(lp_reads_what_lp_wrote),
};

RUN_TESTS
