#include "tests/unit/proto/test.h"

#include "proto/command.h"
#include "proto/record.h"
#include "tests/support/samples.h"
#include "tests/unit/proto/words.h"

enum { TEXT_MAX = 2048 };

static size_t encode(const struct command *c, uint8_t out[WIRE_COMMAND_BYTES_MAX])
{
    struct writer w;
    writer_init(&w, out, WIRE_COMMAND_BYTES_MAX);
    assert_int_equal(command_encode(c, &w), ZG_OK);
    return w.len;
}

/* --- what is right --- */

static void what_is_written_is_what_the_tables_say(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX];
        char words[TEXT_MAX];
        words_unpack(buf, encode(&all[i].command, buf), words, sizeof(words));
        assert_string_equal(words, all[i].fields);
    }
}

static void every_op_is_in_the_samples(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (int op = 0; op < 256; op++) {
        bool found = false;
        for (size_t i = 0; i < count; i++)
            found = found || (int)all[i].command.op == op;
        assert_int_equal(found, strcmp(op_name((enum op)op), "UNKNOWN") != 0);
    }
}

static void encodings_agree_with_their_vectors(void **state)
{
    (void)state;
    size_t count, i = 0;
    const struct sample *all = samples(&count);
    struct vector_file *f = vector_open("commands.txt");
    for (; vector_next(f); i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX], expected[WIRE_COMMAND_BYTES_MAX];
        assert_true(i < count);
        size_t len = vector_bytes(f, "encoding", expected, sizeof(expected));
        assert_string_equal(vector_text(f, "command"), op_name(all[i].command.op));
        assert_int_equal(encode(&all[i].command, buf), len);
        assert_memory_equal(buf, expected, len);
    }
    assert_int_equal(i, count);
    vector_close(f);
}

static void what_is_read_is_written_the_same(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX], again[WIRE_COMMAND_BYTES_MAX];
        struct command c;
        size_t len = encode(&all[i].command, buf);
        memset(&c, 0xee, sizeof(c));
        assert_int_equal(command_decode(all[i].side, buf, len, &c), ZG_OK);
        assert_int_equal(c.op, all[i].command.op);
        assert_int_equal(c.seq, all[i].command.seq);
        assert_int_equal(encode(&c, again), len);
        assert_memory_equal(again, buf, len);
    }
}

static void what_is_not_in_a_command_reads_as_absent(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX];
        struct command c;
        memset(&c, 0xee, sizeof(c));
        assert_int_equal(command_decode(all[i].side, buf, encode(&all[i].command, buf), &c), ZG_OK);
        if (c.op == OP_QUEUE_CREATE)
            assert_null(c.u.queue_create.names.put2);
        if (c.op == OP_QUEUE_UPDATE)
            assert_int_equal(c.u.queue_update.names.put2 == NULL,
                             all[i].command.u.queue_update.names.put2 == NULL);
        if (c.op == OP_KNOCK) {
            assert_null(c.u.knock.names.put2);
            assert_int_equal(c.u.knock.names.takes, 1);
        }
    }
}

static void the_largest_command_fits_in_one_unit(void **state)
{
    (void)state;
    size_t count, largest = 0;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX];
        size_t len = encode(&all[i].command, buf);
        if (len > largest)
            largest = len;
    }
    /* KNOCK with the widest seq and solution. */
    assert_int_equal(largest, 4292);
}

static void a_buffer_that_is_too_small_is_an_error(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX];
        struct writer w;
        size_t len = encode(&all[i].command, buf);
        for (size_t cap = 0; cap < len; cap++) {
            writer_init(&w, buf, cap);
            assert_int_equal(command_encode(&all[i].command, &w), ZG_ERR_TOO_LARGE);
        }
    }
}

static void an_op_that_does_not_exist_cannot_be_written(void **state)
{
    (void)state;
    uint8_t buf[64];
    struct writer w;
    const struct command c = {.op = (enum op)20};
    writer_init(&w, buf, sizeof(buf));
    assert_int_equal(command_encode(&c, &w), ZG_ERR_ARGUMENT);
    assert_int_equal(w.len, 0);
}

/* --- what a stranger may send --- */

static void refuse(enum command_side side, const uint8_t *in, size_t len)
{
    struct command c;
    assert_int_equal(command_decode(side, in, len, &c), ZG_ERR_MALFORMED);
}

static void the_other_side_may_not_say_it(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX];
        size_t len = encode(&all[i].command, buf);
        refuse(all[i].side == COMMAND_FROM_CLIENT ? COMMAND_FROM_RELAY : COMMAND_FROM_CLIENT, buf, len);
    }
}

/* Copied into a block of that very size, so that a read beyond it is seen by the sanitizer. */
static void every_truncation_and_any_byte_more_is_malformed(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX + 1];
        size_t len = encode(&all[i].command, buf);
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *exact = test_malloc(cut);
            memcpy(exact, buf, cut);
            refuse(all[i].side, exact, cut);
            test_free(exact);
        }
        buf[len] = 0;
        refuse(all[i].side, buf, len + 1);
    }
}

static void refuse_words(enum command_side side, const char *words)
{
    static uint8_t buf[1 << 16];
    struct command c;
    struct writer w;
    writer_init(&w, buf, sizeof(buf));
    words_pack(words, &w);
    assert_false(w.bad);
    if (command_decode(side, buf, w.len, &c) != ZG_ERR_MALFORMED)
        fail_msg("taken: %.100s", words);
}

/* The sample with one word replaced: head, replacement, tail. */
static void refuse_with(const struct sample *s, const char *word, size_t word_len, const char *replacement)
{
    char words[TEXT_MAX];
    int len = snprintf(words, sizeof(words), "%.*s%s%s", (int)(word - s->fields), s->fields, replacement,
                       word + word_len);
    assert_true(len > 0 && len < TEXT_MAX);
    refuse_words(s->side, words);
}

static size_t word_length(const char *word)
{
    return strcspn(word, " ]");
}

static const char *next_word(const char *at)
{
    return at + strspn(at, "[] ");
}

static void a_bin_of_another_size_is_malformed(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        for (const char *at = next_word(all[i].fields); *at != '\0'; at = next_word(at + word_length(at))) {
            size_t len = word_length(at);
            unsigned size;
            char byte[3], other[32];
            if (sscanf(at, "%u*%2s", &size, byte) != 2)
                continue;
            snprintf(other, sizeof(other), "%u*%s", size + 1, byte);
            refuse_with(&all[i], at, len, other);
            if (size > 0) {
                snprintf(other, sizeof(other), "%u*%s", size - 1, byte);
                refuse_with(&all[i], at, len, other);
            }
        }
    }
}

static void a_field_of_another_type_is_malformed(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        for (const char *at = next_word(all[i].fields); *at != '\0'; at = next_word(at + word_length(at))) {
            size_t len = word_length(at);
            bool bin = memchr(at, '*', len) != NULL;
            refuse_with(&all[i], at, len, bin ? "0" : "1*00");
            refuse_with(&all[i], at, len, "[]");
            refuse_with(&all[i], at, len, "[1]");
        }
    }
}

static void another_count_of_fields_is_malformed(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        const char *fields = all[i].fields;
        const char *last = strrchr(fields, ' ') + 1;
        const char *end = fields + strlen(fields) - 1;
        refuse_with(&all[i], end, 1, " 0]");
        refuse_with(&all[i], end, 1, " 1*00]");
        if (*(end - 1) != ']')
            refuse_with(&all[i], last, word_length(last), "");
        refuse_with(&all[i], fields + 1, word_length(fields + 1), "");
    }
}

static void an_encoding_longer_than_needed_is_malformed(void **state)
{
    (void)state;
    size_t count;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        for (const char *at = all[i].fields; *at != '\0'; at++) {
            bool list = *at == '[';
            bool word = at > all[i].fields && (at[-1] == '[' || at[-1] == ' ') && !list;
            /* There is nothing longer than 8 bytes. */
            if (list || (word && strncmp(at, "18446744073709551615", 20) != 0))
                refuse_with(&all[i], at, 1, (char[]){'~', *at, '\0'});
        }
    }
}

static void a_value_out_of_its_range_is_malformed(void **state)
{
    (void)state;
    static const char *const client[] = {
        "[0 1]",
        "[11 1 []]",
        "[11 1 [15*30]]",
        "[20 1]",
        "[255 1]",
        "[256 1]",
        "[1 4294967296]",
        "[2 1 32*10 0 16*21 [16*22] 16*23 16*24]",
        "[2 1 32*10 3 16*21 [16*22] 16*23 16*24]",
        "[2 1 32*10 1 16*21 [] 16*23 16*24]",
        ("[2 1 32*10 1 16*21 [16*22 " WORDS16("16*22") "] 16*23 16*24]"),
        "[3 3 32*10 16*21 0*00 [] 16*23 16*24]",
        "[3 3 32*10 0*00 0*00 [16*22] 16*23 16*24]",
        "[4 5 0 32*10]",
        "[4 5 3 32*10]",
        "[5 7 0 32*10 0 16*30 4096*50]",
        "[5 7 3 32*10 0 16*30 4096*50]",
        "[5 7 1 32*10 7 16*30 4096*50]",
        "[7 10 32*10 0]",
        "[7 10 32*10 257]",
        "[9 13 8*40 4294967296]",
        "[10 15 8*40 []]",
        "[10 15 8*40 [4294967296]]",
        ("[10 15 8*40 [1 " WORDS64("1") "]]"),
        "[13 18 32*10 32*11 0 16*21 16*22 16*23 16*24 16*25 7 16*30 4096*50]",
        "[14 19 32*10 1 [16*21]]",
        "[14 19 32*10 5 [16*21]]",
        "[14 19 32*10 2 []]",
        ("[14 19 32*10 2 [16*22 " WORDS16("16*22") "]]"),
        "[15 21 32*10 8 16*21 16*22 16*23]",
        "[16 23 32*10 0 61441 0 4096*50]",
        "[16 23 32*10 0 61441 15 1*50]",
        "[16 23 32*10 0 61440 15 0*00]",
        "[16 23 32*10 0 0 1 0*00]",
        "[16 23 32*10 0 1 0 0*00]",
        "[16 23 32*10 0 4096 1 0*00]",
        "[16 23 32*10 0 4096 0 4095*50]",
        "[16 23 32*10 0 4097 1 2*50]",
        "[16 23 32*10 0 8192 0 1*50]",
        "[16 23 32*10 0 61440 4294967295 4096*50]",
    };
    static const char *const relay[] = {
        "[63 1]",
        "[68 1]",
        "[79 1]",
        "[83 8*40 1]",
        "[64 30 7 0]",
        "[64 30 0 4294967296]",
        "[66 34 32*11 17]",
        "[68 34 []]",
        "[68 34 [2]]",
        "[67 36 0 61441 0 4096*50]",
        "[67 36 0 5 0 4*50]",
        "[80 8*40 4294967296 4096*50]",
        "[81 8*40 4294967296]",
        "[82 8*40 0]",
        "[82 8*40 3]",
    };
    for (size_t i = 0; i < sizeof(client) / sizeof(client[0]); i++)
        refuse_words(COMMAND_FROM_CLIENT, client[i]);
    for (size_t i = 0; i < sizeof(relay) / sizeof(relay[0]); i++)
        refuse_words(COMMAND_FROM_RELAY, relay[i]);
}

static void huge_claimed_lengths_are_malformed(void **state)
{
    (void)state;
    static const uint8_t array[] = {0xdd, 0xff, 0xff, 0xff, 0xff, 1, 1};
    static const uint8_t bin[] = {0x93, 6, 1, 0xc6, 0xff, 0xff, 0xff, 0xff, 1};
    static const uint8_t ids[] = {0x94, 10, 1, 0xc4, 8,    0,    0,    0,    0, 0,
                                  0,    0,  0, 0xdd, 0xff, 0xff, 0xff, 0xff, 1};
    refuse(COMMAND_FROM_CLIENT, array, sizeof(array));
    refuse(COMMAND_FROM_CLIENT, bin, sizeof(bin));
    refuse(COMMAND_FROM_CLIENT, ids, sizeof(ids));
    refuse(COMMAND_FROM_CLIENT, NULL, 0);
}

/* There is one encoding of a command: what is read from anything at all is written as the same bytes. */
static void a_flipped_bit_is_refused_or_means_something_else(void **state)
{
    (void)state;
    size_t count, taken = 0;
    const struct sample *all = samples(&count);
    for (size_t i = 0; i < count; i++) {
        uint8_t buf[WIRE_COMMAND_BYTES_MAX], again[WIRE_COMMAND_BYTES_MAX];
        size_t len = encode(&all[i].command, buf);
        for (size_t bit = 0; bit < 8 * len && bit < 8 * 300; bit++) {
            struct command c;
            buf[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (command_decode(all[i].side, buf, len, &c) == ZG_OK) {
                taken++;
                assert_int_equal(encode(&c, again), len);
                assert_memory_equal(again, buf, len);
            }
            buf[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        }
    }
    assert_true(taken > 1000);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_what_the_tables_say),
    cmocka_unit_test(every_op_is_in_the_samples),
    cmocka_unit_test(encodings_agree_with_their_vectors),
    cmocka_unit_test(what_is_read_is_written_the_same),
    cmocka_unit_test(what_is_not_in_a_command_reads_as_absent),
    cmocka_unit_test(the_largest_command_fits_in_one_unit),
    cmocka_unit_test(a_buffer_that_is_too_small_is_an_error),
    cmocka_unit_test(an_op_that_does_not_exist_cannot_be_written),
    cmocka_unit_test(the_other_side_may_not_say_it),
    cmocka_unit_test(every_truncation_and_any_byte_more_is_malformed),
    cmocka_unit_test(a_bin_of_another_size_is_malformed),
    cmocka_unit_test(a_field_of_another_type_is_malformed),
    cmocka_unit_test(another_count_of_fields_is_malformed),
    cmocka_unit_test(an_encoding_longer_than_needed_is_malformed),
    cmocka_unit_test(a_value_out_of_its_range_is_malformed),
    cmocka_unit_test(huge_claimed_lengths_are_malformed),
    cmocka_unit_test(a_flipped_bit_is_refused_or_means_something_else),
};

RUN_TESTS
