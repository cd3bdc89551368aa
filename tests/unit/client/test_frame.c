#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "client/core/frame.h"
#include "client/core/organisation.h"

static uint8_t nonce[32];
static uint8_t rotation[64];
static uint8_t block[4 + 180 + 128];
static uint8_t content[RATCHET_FRAME_BYTES];

static int setup(void **state)
{
    (void)state;
    struct writer w;
    memset(nonce, 1, sizeof(nonce));
    memset(rotation, 2, sizeof(rotation));
    memset(content, 3, sizeof(content));
    memset(block, 4, sizeof(block));
    writer_init(&w, block, 4);
    writer_u32(&w, 180);
    return 0;
}

static struct frame with(unsigned flags)
{
    struct frame f = {0};
    if (flags & 1)
        f.accept = (struct span){block, sizeof(block)};
    if (flags & 2)
        f.nonce = nonce;
    if (flags & 4)
        f.rotation = rotation;
    return f;
}

static void every_combination_comes_back_with_all_its_room_used(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 8; flags++) {
        uint8_t bytes[RATCHET_FRAME_BYTES];
        struct frame f = with(flags);
        struct frame out;
        f.content = (struct span){content, frame_room(&f)};
        assert_int_equal(frame_write(&f, bytes), ZG_OK);
        assert_int_equal(bytes[0], flags);
        assert_int_equal(frame_read(&out, bytes), ZG_OK);
        assert_int_equal(out.accept.len, f.accept.len);
        if (flags & 1)
            assert_memory_equal(out.accept.at, block, sizeof(block));
        assert_int_equal(out.nonce != NULL, (flags & 2) != 0);
        if (flags & 2)
            assert_memory_equal(out.nonce, nonce, sizeof(nonce));
        assert_int_equal(out.rotation != NULL, (flags & 4) != 0);
        if (flags & 4)
            assert_memory_equal(out.rotation, rotation, sizeof(rotation));
        assert_int_equal(out.content.len, f.content.len);
        assert_memory_equal(out.content.at, content, out.content.len);

        /* A peer may use the room a version would have: not one byte more. */
        f.content.len += 8;
        assert_int_equal(frame_write(&f, bytes), ZG_OK);
        assert_int_equal(frame_read(&out, bytes), ZG_OK);
        assert_int_equal(out.content.len, f.content.len);
        f.content.len++;
        assert_int_equal(frame_write(&f, bytes), ZG_ERR_TOO_LARGE);
        f.content.len -= 9;
        f.version = 1;
        assert_int_equal(frame_write(&f, bytes), ZG_OK);
        f.content.len++;
        assert_int_equal(frame_write(&f, bytes), ZG_ERR_TOO_LARGE);
    }
}

static void an_empty_frame_is_a_frame(void **state)
{
    (void)state;
    uint8_t bytes[RATCHET_FRAME_BYTES];
    struct frame f = {0};
    assert_int_equal(frame_write(&f, bytes), ZG_OK);
    assert_int_equal(frame_read(&f, bytes), ZG_OK);
    assert_int_equal(f.content.len, 0);
}

static void unknown_flags_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[RATCHET_FRAME_BYTES] = {0};
    struct frame f;
    for (unsigned flags = 8; flags < 256; flags++) {
        bytes[0] = (uint8_t)flags;
        assert_int_equal(frame_read(&f, bytes), ZG_ERR_MALFORMED);
    }
}

static void padding_is_zero(void **state)
{
    (void)state;
    uint8_t bytes[RATCHET_FRAME_BYTES];
    struct frame f = {.content = {content, 5}};
    assert_int_equal(frame_write(&f, bytes), ZG_OK);
    for (size_t i = 1 + 2 + 5; i < sizeof(bytes); i++) {
        bytes[i] = 1;
        assert_int_equal(frame_read(&f, bytes), ZG_ERR_MALFORMED);
        bytes[i] = 0;
    }
    assert_int_equal(frame_read(&f, bytes), ZG_OK);
}

static void lengths_beyond_the_frame_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[RATCHET_FRAME_BYTES] = {0};
    struct frame f;
    struct writer w;
    for (uint32_t len = RATCHET_FRAME_BYTES - 2; len < 65536; len += 97) {
        writer_init(&w, bytes, sizeof(bytes));
        writer_u8(&w, 0);
        writer_u16(&w, (uint16_t)len);
        assert_int_equal(frame_read(&f, bytes), ZG_ERR_MALFORMED);
    }
    static const uint32_t credential[] = {CREDENTIAL_BYTES_MAX + 1, 1652, 0x7fffffff, 0xffffffff};
    for (size_t i = 0; i < 4; i++) {
        writer_init(&w, bytes, sizeof(bytes));
        writer_u8(&w, 1);
        writer_u32(&w, credential[i]);
        assert_int_equal(frame_read(&f, bytes), ZG_ERR_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_comes_back_with_all_its_room_used),
        cmocka_unit_test(an_empty_frame_is_a_frame),
        cmocka_unit_test(unknown_flags_are_refused),
        cmocka_unit_test(padding_is_zero),
        cmocka_unit_test(lengths_beyond_the_frame_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
