/* Writing and reading are held against msgpack-c's unpacker. */
#include "tests/unit/proto/test.h"

#include <msgpack.h>

#include "proto/pack.h"

static const uint64_t edges[] = {0,       1,          0x7f,       0x80,       0xff,       0x100,     0xffff,
                                 0x10000, 0x7fffffff, 0xffffffff, 1ull << 32, 1ull << 63, UINT64_MAX};

static void integers_come_back_and_are_the_shortest(void **state)
{
    (void)state;
    static const size_t lens[] = {1, 1, 1, 2, 2, 3, 3, 5, 5, 5, 9, 9, 9};
    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
        uint8_t buf[16];
        struct writer w;
        struct reader r;
        writer_init(&w, buf, sizeof(buf));
        pack_uint(&w, edges[i]);
        assert_int_equal(w.len, lens[i]);
        reader_init(&r, buf, w.len);
        assert_true(unpack_uint(&r, UINT64_MAX) == edges[i]);
        assert_true(reader_done(&r));
    }
}

static void a_value_above_the_limit_is_bad(void **state)
{
    (void)state;
    for (size_t i = 1; i < sizeof(edges) / sizeof(edges[0]); i++) {
        uint8_t buf[16];
        struct writer w;
        struct reader r;
        writer_init(&w, buf, sizeof(buf));
        pack_uint(&w, edges[i]);
        reader_init(&r, buf, w.len);
        assert_int_equal(unpack_uint(&r, edges[i] - 1), 0);
        assert_true(r.bad);
    }
}

struct bytes {
    size_t len;
    uint8_t b[12];
};

static void only_the_shortest_encodings_are_read(void **state)
{
    (void)state;
    static const struct bytes longer_ints[] = {
        {2, {0xcc, 0x00}},
        {2, {0xcc, 0x7f}},
        {3, {0xcd, 0x00, 0x80}},
        {3, {0xcd, 0x00, 0xff}},
        {5, {0xce, 0, 0, 0x01, 0x00}},
        {5, {0xce, 0, 0, 0xff, 0xff}},
        {9, {0xcf, 0, 0, 0, 0, 0, 0, 0, 5}},
        {9, {0xcf, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}},
    };
    static const struct bytes longer_arrays[] = {
        {3, {0xdc, 0, 0}},
        {3, {0xdc, 0, 15}},
        {5, {0xdd, 0, 0, 0, 1}},
        {5, {0xdd, 0, 0, 0xff, 0xff}},
    };
    static const struct bytes longer_bins[] = {
        {4, {0xc5, 0, 1, 'a'}},
        {3, {0xc5, 0, 0}},
        {6, {0xc6, 0, 0, 0, 1, 'a'}},
    };
    struct reader r;
    for (size_t i = 0; i < sizeof(longer_ints) / sizeof(longer_ints[0]); i++) {
        reader_init(&r, longer_ints[i].b, longer_ints[i].len);
        unpack_uint(&r, UINT64_MAX);
        assert_true(r.bad);
    }
    for (size_t i = 0; i < sizeof(longer_arrays) / sizeof(longer_arrays[0]); i++) {
        reader_init(&r, longer_arrays[i].b, longer_arrays[i].len);
        unpack_array(&r, UINT32_MAX);
        assert_true(r.bad);
    }
    for (size_t i = 0; i < sizeof(longer_bins) / sizeof(longer_bins[0]); i++) {
        reader_init(&r, longer_bins[i].b, longer_bins[i].len);
        unpack_bin(&r, SIZE_MAX);
        assert_true(r.bad);
    }
}

static void other_types_are_bad(void **state)
{
    (void)state;
    for (unsigned head = 0; head <= 0xff; head++) {
        uint8_t in[600] = {0};
        struct reader r;
        in[0] = (uint8_t)head;
        memset(in + 1, 0x01, sizeof(in) - 1);

        reader_init(&r, in, sizeof(in));
        unpack_uint(&r, UINT64_MAX);
        assert_int_equal(r.bad, !(head <= 0x7f || (head >= 0xcd && head <= 0xcf)));

        reader_init(&r, in, sizeof(in));
        unpack_array(&r, UINT32_MAX);
        assert_int_equal(r.bad, !((head & 0xf0) == 0x90 || head == 0xdc || head == 0xdd));

        reader_init(&r, in, sizeof(in));
        unpack_bin(&r, SIZE_MAX);
        assert_int_equal(r.bad, !(head == 0xc4 || head == 0xc5));
    }
}

static void lengths_are_held_against_the_input(void **state)
{
    (void)state;
    static const struct bytes huge[] = {
        {2, {0xc4, 0xff}},
        {3, {0xc4, 2, 'a'}},
        {3, {0xc5, 0xff, 0xff}},
        {5, {0xc6, 0xff, 0xff, 0xff, 0xff}},
        {1, {0xc4}},
        {2, {0xc5, 0xff}},
        {1, {0xc6}},
    };
    struct reader r;
    for (size_t i = 0; i < sizeof(huge) / sizeof(huge[0]); i++) {
        reader_init(&r, huge[i].b, huge[i].len);
        struct span s = unpack_bin(&r, SIZE_MAX);
        assert_true(r.bad);
        assert_null(s.at);
        assert_int_equal(s.len, 0);
    }
    /* An array's length is only a number: what is in it will be missing, and nothing is allocated for it. */
    const uint8_t array[] = {0xdd, 0xff, 0xff, 0xff, 0xff};
    reader_init(&r, array, sizeof(array));
    assert_true(unpack_array(&r, UINT32_MAX) == UINT32_MAX);
    reader_init(&r, array, sizeof(array));
    assert_int_equal(unpack_array(&r, 64), 0);
    assert_true(r.bad);
}

static void an_exact_bin_has_that_length_only(void **state)
{
    (void)state;
    const uint8_t in[] = {0xc4, 3, 'a', 'b', 'c'};
    struct reader r;
    reader_init(&r, in, sizeof(in));
    assert_ptr_equal(unpack_exact(&r, 3), in + 2);
    assert_true(reader_done(&r));
    for (size_t len = 0; len < 6; len++) {
        if (len == 3)
            continue;
        reader_init(&r, in, sizeof(in));
        assert_null(unpack_exact(&r, len));
        assert_true(r.bad);
    }
}

static void a_full_buffer_makes_the_writer_bad(void **state)
{
    (void)state;
    uint8_t buf[8];
    struct writer w;
    for (size_t cap = 0; cap < 8; cap++) {
        writer_init(&w, buf, cap);
        pack_array(&w, 1);
        pack_bin(&w, "abcd", 4);
        pack_uint(&w, 1);
        assert_true(w.bad);
    }
    writer_init(&w, buf, 8);
    pack_array(&w, 1);
    pack_bin(&w, "abcd", 4);
    pack_uint(&w, 1);
    assert_false(w.bad);
    assert_int_equal(w.len, 8);
}

/* Writes a random tree of depth at most 3; what was written is read back by both readers at the same time. */
static void write_random(struct writer *w, const struct rng *rng, int depth)
{
    static const uint8_t data[70000];
    switch (rng_below(rng, depth == 0 ? 2 : 3)) {
    case 0: {
        uint64_t v;
        rng_fill(rng, &v, sizeof(v));
        pack_uint(w, v >> rng_below(rng, 64));
        break;
    }
    case 1:
        pack_bin(w, data, rng_below(rng, 8) == 0 ? rng_below(rng, sizeof(data)) : rng_below(rng, 600));
        break;
    default: {
        uint32_t n = rng_below(rng, 20);
        pack_array(w, n);
        for (uint32_t i = 0; i < n; i++)
            write_random(w, rng, depth - 1);
    }
    }
}

static void compare(const msgpack_object *o, struct reader *r)
{
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(unpack_uint(r, UINT64_MAX) == o->via.u64);
        break;
    case MSGPACK_OBJECT_BIN: {
        struct span s = unpack_bin(r, SIZE_MAX);
        assert_int_equal(s.len, o->via.bin.size);
        assert_memory_equal(s.at, o->via.bin.ptr, s.len);
        break;
    }
    case MSGPACK_OBJECT_ARRAY:
        assert_int_equal(unpack_array(r, UINT32_MAX), o->via.array.size);
        for (uint32_t i = 0; i < o->via.array.size; i++)
            compare(&o->via.array.ptr[i], r);
        break;
    default:
        fail_msg("another type: %d", (int)o->type);
    }
    assert_false(r->bad);
}

static void what_was_written_is_the_same_to_msgpack_c(void **state)
{
    (void)state;
    enum { CAP = 1 << 25 };
    uint8_t *buf = test_malloc(CAP);
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 11);
    for (int i = 0; i < 300; i++) {
        struct writer w;
        struct reader r;
        msgpack_unpacked result;
        size_t used = 0;
        writer_init(&w, buf, CAP);
        write_random(&w, &rng, 2);
        assert_false(w.bad);
        msgpack_unpacked_init(&result);
        assert_int_equal(msgpack_unpack_next(&result, (const char *)buf, w.len, &used),
                         MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(used, w.len);
        reader_init(&r, buf, w.len);
        compare(&result.data, &r);
        assert_true(reader_done(&r));
        msgpack_unpacked_destroy(&result);
    }
    test_free(buf);
}

/* Random bytes: whatever our reader takes for an integer or a bin, msgpack-c takes for the same one. */
static void what_is_read_from_noise_is_the_same_to_msgpack_c(void **state)
{
    (void)state;
    struct rng_seed seed;
    struct rng rng = rng_seeded(&seed, 12);
    size_t taken = 0;
    for (int i = 0; i < 20000; i++) {
        uint8_t in[40];
        struct reader r;
        msgpack_unpacked result;
        size_t used = 0;
        rng_fill(&rng, in, sizeof(in));
        /* Types that are read, more often than chance would have them. */
        if (rng_below(&rng, 2) == 0)
            in[0] = (uint8_t)(0xc4 + rng_below(&rng, 12));
        in[1] &= 0x1f;
        reader_init(&r, in, sizeof(in));
        uint64_t v = unpack_uint(&r, UINT64_MAX);
        struct reader b;
        reader_init(&b, in, sizeof(in));
        struct span s = unpack_bin(&b, SIZE_MAX);
        if (r.bad && b.bad)
            continue;
        taken++;
        msgpack_unpacked_init(&result);
        assert_int_equal(msgpack_unpack_next(&result, (const char *)in, sizeof(in), &used) > 0, 1);
        assert_int_equal(used, sizeof(in) - (r.bad ? b.left : r.left));
        if (!r.bad) {
            assert_int_equal(result.data.type, MSGPACK_OBJECT_POSITIVE_INTEGER);
            assert_true(result.data.via.u64 == v);
        } else {
            assert_int_equal(result.data.type, MSGPACK_OBJECT_BIN);
            assert_int_equal(result.data.via.bin.size, s.len);
            assert_memory_equal(result.data.via.bin.ptr, s.at, s.len);
        }
        msgpack_unpacked_destroy(&result);
    }
    assert_true(taken > 1000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(integers_come_back_and_are_the_shortest),
    cmocka_unit_test(a_value_above_the_limit_is_bad),
    cmocka_unit_test(only_the_shortest_encodings_are_read),
    cmocka_unit_test(other_types_are_bad),
    cmocka_unit_test(lengths_are_held_against_the_input),
    cmocka_unit_test(an_exact_bin_has_that_length_only),
    cmocka_unit_test(a_full_buffer_makes_the_writer_bad),
    cmocka_unit_test(what_was_written_is_the_same_to_msgpack_c),
    cmocka_unit_test(what_is_read_from_noise_is_the_same_to_msgpack_c),
};

RUN_TESTS
