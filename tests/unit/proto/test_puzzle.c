#include "tests/unit/proto/test.h"

#include "proto/puzzle.h"

static const uint8_t cookie_key[32] = {1, 2, 3};
static const struct name desk = {{4, 5, 6}};

static void puzzles_agree_with_their_vectors(void **state)
{
    (void)state;
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    struct vector_file *f = vector_open("puzzle.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        uint8_t key[32], random[11], made[WIRE_COOKIE_BYTES], cookie[WIRE_COOKIE_BYTES],
            n[4][WIRE_NAME_BYTES];
        uint8_t hash[PUZZLE_HASH_BYTES], expected[PUZZLE_HASH_BYTES];
        struct name put;
        struct rng_bytes bytes = {random, vector_bytes(f, "random", random, sizeof(random))};
        struct rng rng = rng_fixed(&bytes);
        uint8_t effort = (uint8_t)vector_uint(f, "effort");
        vector_bytes(f, "cookie_key", key, sizeof(key));
        vector_bytes(f, "desk_put", put.b, sizeof(put.b));
        vector_bytes(f, "cookie", cookie, sizeof(cookie));
        cookie_make(made, key, &put, (uint32_t)vector_uint(f, "now"), effort, &rng);
        assert_memory_equal(made, cookie, sizeof(made));

        vector_bytes(f, "put", n[0], sizeof(n[0]));
        vector_bytes(f, "take", n[1], sizeof(n[1]));
        vector_bytes(f, "own", n[2], sizeof(n[2]));
        vector_bytes(f, "end", n[3], sizeof(n[3]));
        vector_bytes(f, "envelope", envelope, sizeof(envelope));
        vector_bytes(f, "hash", expected, sizeof(expected));
        const struct queue_names names = {.put = n[0], .takes = 1, .take = {n[1]}, .own = n[2], .end = n[3]};
        puzzle_hash(hash, &names, envelope);
        assert_memory_equal(hash, expected, sizeof(hash));

        bool right = false;
        assert_int_equal(puzzle_check(cookie, hash, effort, vector_uint(f, "solution"), &right), ZG_OK);
        assert_true(right);
    }
    assert_int_equal(count, 3);
    vector_close(f);
}

static void a_cookie_is_good_for_ten_minutes(void **state)
{
    (void)state;
    uint8_t cookie[WIRE_COOKIE_BYTES], effort = 99;
    struct rng rng = rng_system();
    cookie_make(cookie, cookie_key, &desk, 1000, 7, &rng);
    assert_int_equal(cookie_check(cookie, cookie_key, &desk, 1000 + 600, &effort), ZG_ERR_EXPIRED);
    assert_int_equal(cookie_check(cookie, cookie_key, &desk, UINT32_MAX, &effort), ZG_ERR_EXPIRED);
    assert_int_equal(effort, 99);
    assert_int_equal(cookie_check(cookie, cookie_key, &desk, 1000, &effort), ZG_OK);
    assert_int_equal(effort, 7);
    assert_int_equal(cookie_check(cookie, cookie_key, &desk, 1000 + 599, &effort), ZG_OK);
}

static void a_cookie_of_another_desk_or_relay_is_refused(void **state)
{
    (void)state;
    const struct name other_desk = {{4, 5, 7}};
    const uint8_t other_key[32] = {1, 2, 4};
    uint8_t cookie[WIRE_COOKIE_BYTES], effort = 99;
    struct rng rng = rng_system();
    cookie_make(cookie, cookie_key, &desk, 1000, 7, &rng);
    assert_int_equal(cookie_check(cookie, cookie_key, &other_desk, 1000, &effort), ZG_ERR_FORGED);
    assert_int_equal(cookie_check(cookie, other_key, &desk, 1000, &effort), ZG_ERR_FORGED);
    assert_int_equal(effort, 99);
}

static void no_byte_of_a_cookie_can_be_changed(void **state)
{
    (void)state;
    uint8_t cookie[WIRE_COOKIE_BYTES], effort = 99;
    struct rng rng = rng_system();
    cookie_make(cookie, cookie_key, &desk, 1000, 7, &rng);
    for (size_t i = 0; i < sizeof(cookie); i++) {
        cookie[i] ^= 1;
        assert_int_equal(cookie_check(cookie, cookie_key, &desk, 1000, &effort), ZG_ERR_FORGED);
        cookie[i] ^= 1;
    }
    assert_int_equal(effort, 99);
}

static void two_cookies_differ(void **state)
{
    (void)state;
    uint8_t a[WIRE_COOKIE_BYTES], b[WIRE_COOKIE_BYTES];
    struct rng rng = rng_system();
    cookie_make(a, cookie_key, &desk, 1000, 7, &rng);
    cookie_make(b, cookie_key, &desk, 1000, 7, &rng);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void what_was_solved_is_right_with_every_effort(void **state)
{
    (void)state;
    for (uint8_t effort = 0; effort <= 6; effort++) {
        uint8_t cookie[WIRE_COOKIE_BYTES] = {effort}, hash[PUZZLE_HASH_BYTES] = {9};
        uint64_t x = 0;
        bool right = false;
        assert_int_equal(puzzle_solve(cookie, hash, effort, &x, 10000), ZG_OK);
        assert_int_equal(puzzle_check(cookie, hash, effort, x, &right), ZG_OK);
        assert_true(right);
    }
}

static void a_solution_is_bound_to_cookie_and_knock(void **state)
{
    (void)state;
    uint8_t cookie[WIRE_COOKIE_BYTES] = {1}, hash[PUZZLE_HASH_BYTES] = {2};
    uint64_t x = 0;
    size_t wrong = 0;
    assert_int_equal(puzzle_solve(cookie, hash, 8, &x, 100000), ZG_OK);
    /* With 8 bits one in 256 would be right by chance; of these at most one may. */
    for (size_t i = 0; i < WIRE_COOKIE_BYTES; i += 4) {
        bool right;
        cookie[i] ^= 0x40;
        assert_int_equal(puzzle_check(cookie, hash, 8, x, &right), ZG_OK);
        wrong += !right;
        cookie[i] ^= 0x40;
        hash[i] ^= 0x40;
        assert_int_equal(puzzle_check(cookie, hash, 8, x, &right), ZG_OK);
        wrong += !right;
        hash[i] ^= 0x40;
    }
    assert_true(wrong >= 15);
}

static void every_value_before_the_solution_is_wrong(void **state)
{
    (void)state;
    uint8_t cookie[WIRE_COOKIE_BYTES] = {3}, hash[PUZZLE_HASH_BYTES] = {4};
    uint64_t solution = 0;
    assert_int_equal(puzzle_solve(cookie, hash, 5, &solution, 10000), ZG_OK);
    for (uint64_t x = 0; x <= solution; x++) {
        bool right;
        assert_int_equal(puzzle_check(cookie, hash, 5, x, &right), ZG_OK);
        assert_int_equal(right, x == solution);
    }
}

static void solving_goes_on_where_it_stopped(void **state)
{
    (void)state;
    uint8_t cookie[WIRE_COOKIE_BYTES] = {5}, hash[PUZZLE_HASH_BYTES] = {6};
    uint64_t at_once = 0, in_steps = 0, before;
    zg_err err;
    assert_int_equal(puzzle_solve(cookie, hash, 6, &at_once, 10000), ZG_OK);
    do {
        before = in_steps;
        err = puzzle_solve(cookie, hash, 6, &in_steps, 3);
    } while (err == ZG_ERR_BUSY && in_steps == before + 3);
    assert_int_equal(err, ZG_OK);
    assert_true(in_steps == at_once);
}

static void without_effort_the_solution_is_zero(void **state)
{
    (void)state;
    const uint8_t cookie[WIRE_COOKIE_BYTES] = {1}, hash[PUZZLE_HASH_BYTES] = {2};
    uint64_t x = 77;
    bool right;
    assert_int_equal(puzzle_solve(cookie, hash, 0, &x, 0), ZG_OK);
    assert_true(x == 0);
    assert_int_equal(puzzle_check(cookie, hash, 0, 0, &right), ZG_OK);
    assert_true(right);
    assert_int_equal(puzzle_check(cookie, hash, 0, 1, &right), ZG_OK);
    assert_false(right);
}

static void more_effort_than_the_limit_is_an_error(void **state)
{
    (void)state;
    const uint8_t cookie[WIRE_COOKIE_BYTES] = {1}, hash[PUZZLE_HASH_BYTES] = {2};
    bool right;
    uint64_t x = 0;
    assert_int_equal(puzzle_check(cookie, hash, WIRE_EFFORT_MAX + 1, 0, &right), ZG_ERR_ARGUMENT);
    assert_int_equal(puzzle_solve(cookie, hash, WIRE_EFFORT_MAX + 1, &x, 1), ZG_ERR_ARGUMENT);
}

static void the_hash_is_bound_to_every_name_and_to_the_envelope(void **state)
{
    (void)state;
    static uint8_t envelope[WIRE_ENVELOPE_BYTES];
    uint8_t n[4][WIRE_NAME_BYTES] = {{1}, {2}, {3}, {4}};
    const struct queue_names names = {.put = n[0], .takes = 1, .take = {n[1]}, .own = n[2], .end = n[3]};
    uint8_t whole[PUZZLE_HASH_BYTES], other[PUZZLE_HASH_BYTES];
    puzzle_hash(whole, &names, envelope);
    for (size_t i = 0; i < 4; i++) {
        n[i][15] ^= 1;
        puzzle_hash(other, &names, envelope);
        assert_memory_not_equal(whole, other, sizeof(whole));
        n[i][15] ^= 1;
    }
    envelope[WIRE_ENVELOPE_BYTES - 1] ^= 1;
    puzzle_hash(other, &names, envelope);
    assert_memory_not_equal(whole, other, sizeof(whole));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(puzzles_agree_with_their_vectors),
    cmocka_unit_test(a_cookie_is_good_for_ten_minutes),
    cmocka_unit_test(a_cookie_of_another_desk_or_relay_is_refused),
    cmocka_unit_test(no_byte_of_a_cookie_can_be_changed),
    cmocka_unit_test(two_cookies_differ),
    cmocka_unit_test(what_was_solved_is_right_with_every_effort),
    cmocka_unit_test(a_solution_is_bound_to_cookie_and_knock),
    cmocka_unit_test(every_value_before_the_solution_is_wrong),
    cmocka_unit_test(solving_goes_on_where_it_stopped),
    cmocka_unit_test(without_effort_the_solution_is_zero),
    cmocka_unit_test(more_effort_than_the_limit_is_an_error),
    cmocka_unit_test(the_hash_is_bound_to_every_name_and_to_the_envelope),
};

RUN_TESTS
