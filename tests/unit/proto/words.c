#include "tests/unit/proto/words.h"

#include <inttypes.h>
#include <msgpack.h>
#include <stdlib.h>

#include "tests/unit/proto/test.h"

/* --- to msgpack --- */

/* n under the mark of the shortest of 1, 2, 4, 8 bytes that holds it, or of the next. */
static void pack_sized(struct writer *w, uint64_t n, const uint8_t marks[4], bool longer)
{
    size_t i = 0;
    while (i < 3 && (marks[i] == 0 || n >> (8u << i) != 0))
        i++;
    if (longer)
        i++;
    assert_true(i < 4 && marks[i] != 0);
    writer_u8(w, marks[i]);
    for (size_t k = (size_t)1 << i; k-- > 0;)
        writer_u8(w, (uint8_t)(n >> (8 * k)));
}

static void pack_number(struct writer *w, uint64_t n, bool longer)
{
    static const uint8_t marks[] = {0xcc, 0xcd, 0xce, 0xcf};
    if (n >= 0x80)
        pack_sized(w, n, marks, longer);
    else if (longer)
        pack_sized(w, n, marks, false);
    else
        writer_u8(w, (uint8_t)n);
}

static void pack_bytes(struct writer *w, uint64_t n, unsigned long byte, bool longer)
{
    static const uint8_t marks[] = {0xc4, 0xc5, 0xc6, 0};
    pack_sized(w, n, marks, longer);
    for (uint64_t i = 0; i < n; i++)
        writer_u8(w, (uint8_t)byte);
}

static const char *pack_item(const char *at, struct writer *w);

static const char *skip_spaces(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

static const char *pack_items(const char *at, struct writer *w, size_t *count)
{
    *count = 0;
    for (at = skip_spaces(at); *at != ']' && *at != '\0'; at = skip_spaces(at), (*count)++)
        at = pack_item(at, w);
    return *at == ']' ? at + 1 : at;
}

static const char *pack_list(const char *at, struct writer *w, bool longer)
{
    static const uint8_t marks[] = {0, 0xdc, 0xdd, 0};
    static uint8_t scratch[1 << 16];
    struct writer dry;
    size_t count;
    /* Once for the count, and once for good. */
    writer_init(&dry, scratch, sizeof(scratch));
    pack_items(at, &dry, &count);
    if (count >= 16)
        pack_sized(w, count, marks, longer);
    else if (longer)
        pack_sized(w, count, marks, false);
    else
        writer_u8(w, (uint8_t)(0x90 + count));
    return pack_items(at, w, &count);
}

static const char *pack_item(const char *at, struct writer *w)
{
    char *end;
    bool longer = *at == '~';
    at += longer;
    if (*at == '[')
        return pack_list(at + 1, w, longer);
    uint64_t n = strtoull(at, &end, 10);
    assert_ptr_not_equal(at, end);
    if (*end != '*') {
        pack_number(w, n, longer);
        return end;
    }
    unsigned long byte = strtoul(end + 1, &end, 16);
    pack_bytes(w, n, byte, longer);
    return end;
}

void words_pack(const char *words, struct writer *w)
{
    const char *end = pack_item(words, w);
    assert_int_equal(*end, '\0');
}

/* --- from msgpack --- */

struct text {
    char *at;
    size_t left;
};

static void print(struct text *t, const char *format, uint64_t n, const char *suffix)
{
    int len = snprintf(t->at, t->left, format, n, suffix);
    assert_true(len >= 0 && (size_t)len < t->left);
    t->at += len;
    t->left -= (size_t)len;
}

static void print_bin(struct text *t, const msgpack_object_bin *bin)
{
    char byte[3];
    uint8_t first = bin->size == 0 ? 0 : (uint8_t)bin->ptr[0];
    for (uint32_t i = 0; i < bin->size; i++)
        assert_int_equal((uint8_t)bin->ptr[i], first);
    snprintf(byte, sizeof(byte), "%02x", first);
    print(t, "%" PRIu64 "*%s", bin->size, byte);
}

static void print_object(struct text *t, const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        print(t, "%" PRIu64 "%s", o->via.u64, "");
        break;
    case MSGPACK_OBJECT_BIN:
        print_bin(t, &o->via.bin);
        break;
    case MSGPACK_OBJECT_ARRAY:
        for (uint32_t i = 0; i < o->via.array.size; i++) {
            *t->at = i == 0 ? '[' : ' ';
            t->at++;
            t->left--;
            print_object(t, &o->via.array.ptr[i]);
        }
        assert_true(t->left > 1);
        *t->at++ = ']';
        *t->at = '\0';
        t->left--;
        break;
    default:
        fail_msg("a type that the protocol does not use: %d", (int)o->type);
    }
}

void words_unpack(const uint8_t *in, size_t len, char *out, size_t cap)
{
    struct text t = {out, cap};
    msgpack_unpacked result;
    size_t used = 0;
    msgpack_unpacked_init(&result);
    assert_true(msgpack_unpack_next(&result, (const char *)in, len, &used) > 0);
    assert_int_equal(used, len);
    print_object(&t, &result.data);
    msgpack_unpacked_destroy(&result);
}
