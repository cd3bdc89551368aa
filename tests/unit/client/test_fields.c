#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "client/core/fields.h"

struct thing {
    uint64_t late;
    uint8_t bytes[3];
    uint32_t number;
    uint32_t not_kept;
    struct {
        uint8_t one;
        uint64_t inner;
    } nested;
};

static const struct field list[] = {
    FIELD_NUMBER(struct thing, number),    FIELD_BYTES(struct thing, bytes),
    FIELD_NUMBER(struct thing, late),      FIELD_NUMBER(struct thing, nested.inner),
    FIELD_BYTES(struct thing, nested.one),
};
static const struct fields fields = FIELDS(list);

static const struct thing thing = {.late = 0x0102030405060708,
                                   .bytes = {0xa, 0xb, 0xc},
                                   .number = 0x11121314,
                                   .not_kept = 0xffffffff,
                                   .nested = {0xd, 0x2122232425262728}};

static const uint8_t written[] = {0x11, 0x12, 0x13, 0x14, 0xa,  0xb,  0xc,  1,    2,    3,    4,    5,
                                  6,    7,    8,    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0xd};

static void what_is_listed_is_written_in_order(void **state)
{
    (void)state;
    uint8_t out[64];
    struct writer w;
    writer_init(&w, out, sizeof(out));
    fields_write(&w, &fields, &thing);
    assert_int_equal(w.len, sizeof(written));
    assert_memory_equal(out, written, sizeof(written));
}

static void what_was_written_is_read_and_nothing_else_touched(void **state)
{
    (void)state;
    struct thing got;
    struct reader r;
    memset(&got, 0x77, sizeof(got));
    reader_init(&r, written, sizeof(written));
    fields_read(&r, &fields, &got);
    assert_true(reader_done(&r));
    assert_int_equal(got.late, thing.late);
    assert_memory_equal(got.bytes, thing.bytes, sizeof(got.bytes));
    assert_int_equal(got.number, thing.number);
    assert_int_equal(got.not_kept, 0x77777777);
    assert_int_equal(got.nested.one, thing.nested.one);
    assert_int_equal(got.nested.inner, thing.nested.inner);
}

static void what_is_cut_off_is_bad_and_zero(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(written); len++) {
        struct thing got;
        struct reader r;
        memset(&got, 0x77, sizeof(got));
        reader_init(&r, written, len);
        fields_read(&r, &fields, &got);
        assert_true(r.bad);
        assert_int_equal(got.number, len < 4 ? 0 : thing.number);
        assert_int_equal(got.nested.one, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_listed_is_written_in_order),
        cmocka_unit_test(what_was_written_is_read_and_nothing_else_touched),
        cmocka_unit_test(what_is_cut_off_is_bad_and_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
