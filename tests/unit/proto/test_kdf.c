#include "tests/unit/proto/test.h"

#include "proto/kdf.h"
#include "proto/labels.h"

enum { PARTS_MAX = 8, PART_BYTES_MAX = 512 };

struct parts {
    uint8_t data[PARTS_MAX][PART_BYTES_MAX];
    struct span spans[PARTS_MAX];
    size_t count;
};

static void read_parts(const struct vector_file *f, struct parts *p)
{
    char name[32];
    p->count = (size_t)vector_uint(f, "parts");
    assert_true(p->count <= PARTS_MAX);
    for (size_t i = 0; i < p->count; i++) {
        snprintf(name, sizeof(name), "part%zu", i);
        p->spans[i].at = p->data[i];
        p->spans[i].len = vector_bytes(f, name, p->data[i], PART_BYTES_MAX);
    }
}

static void hkdf_agrees_with_its_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("hkdf.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        struct parts p;
        uint8_t salt[64], ikm[64], expected[256], out[256];
        size_t salt_len = vector_bytes(f, "salt", salt, sizeof(salt));
        size_t ikm_len = vector_bytes(f, "ikm", ikm, sizeof(ikm));
        size_t out_len = vector_bytes(f, "out", expected, sizeof(expected));
        read_parts(f, &p);
        kdf_hkdf(out, out_len, salt, salt_len, ikm, ikm_len, p.spans, p.count);
        assert_memory_equal(out, expected, out_len);
    }
    assert_int_equal(count, 7);
    vector_close(f);
}

/* The inputs of RFC 5869 appendix A.3 with SHA-512: the case without salt and info. */
static void hkdf_agrees_with_rfc5869_inputs(void **state)
{
    (void)state;
    uint8_t ikm[22], out[42], expected[42];
    memset(ikm, 0x0b, sizeof(ikm));
    hex_decode("f5fa02b18298a72a8c23898a8703472c6eb179dc204c03425c970e3b164bf90fff22d04836d0e2343bac",
               expected, sizeof(expected));
    kdf_hkdf(out, sizeof(out), NULL, 0, ikm, sizeof(ikm), NULL, 0);
    assert_memory_equal(out, expected, sizeof(out));
}

static void hashes_agree_with_their_vectors(void **state)
{
    (void)state;
    struct vector_file *f = vector_open("hash.txt");
    size_t count = 0;
    for (; vector_next(f); count++) {
        struct parts p;
        uint8_t key[KEY_BYTES], expected[HASH_BYTES], out[HASH_BYTES];
        read_parts(f, &p);
        vector_bytes(f, "sha512", expected, sizeof(expected));
        kdf_sha512(out, p.spans, p.count);
        assert_memory_equal(out, expected, HASH_BYTES);

        size_t len = vector_bytes(f, "blake2b", expected, sizeof(expected));
        kdf_blake2b(out, len, NULL, p.spans, p.count);
        assert_memory_equal(out, expected, len);

        vector_bytes(f, "key", key, sizeof(key));
        vector_bytes(f, "blake2b_keyed", expected, sizeof(expected));
        kdf_blake2b(out, len, key, p.spans, p.count);
        assert_memory_equal(out, expected, len);
    }
    assert_int_equal(count, 5);
    vector_close(f);
}

static void moving_a_byte_between_parts_changes_everything(void **state)
{
    (void)state;
    const struct span a[] = {SPAN_LABEL("ab"), SPAN_LABEL("c")};
    const struct span b[] = {SPAN_LABEL("a"), SPAN_LABEL("bc")};
    uint8_t x[HASH_BYTES], y[HASH_BYTES];
    kdf_sha512(x, a, 2);
    kdf_sha512(y, b, 2);
    assert_memory_not_equal(x, y, sizeof(x));
    kdf_blake2b(x, 32, NULL, a, 2);
    kdf_blake2b(y, 32, NULL, b, 2);
    assert_memory_not_equal(x, y, 32);
    kdf_hkdf(x, 32, NULL, 0, (const uint8_t *)"k", 1, a, 2);
    kdf_hkdf(y, 32, NULL, 0, (const uint8_t *)"k", 1, b, 2);
    assert_memory_not_equal(x, y, 32);
}

/* Reads the header itself, so that no label can be forgotten here. */
static void all_labels_differ_and_start_alike(void **state)
{
    (void)state;
    static char labels[100][64];
    char line[256], name[64];
    size_t count = 0;
    FILE *in = fopen(LABELS_H, "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in) != NULL) {
        if (strncmp(line, "#define LABEL_", 14) != 0)
            continue;
        assert_true(count < 100);
        assert_int_equal(sscanf(line, "#define %63s \"%63[^\"]\"", name, labels[count]), 2);
        assert_memory_equal(labels[count], "zaguan/1 ", 9);
        for (size_t k = 0; k < count; k++)
            assert_string_not_equal(labels[count], labels[k]);
        count++;
    }
    fclose(in);
    assert_true(count > 30);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(hkdf_agrees_with_its_vectors),
    cmocka_unit_test(hkdf_agrees_with_rfc5869_inputs),
    cmocka_unit_test(hashes_agree_with_their_vectors),
    cmocka_unit_test(moving_a_byte_between_parts_changes_everything),
    cmocka_unit_test(all_labels_differ_and_start_alike),
};

RUN_TESTS
