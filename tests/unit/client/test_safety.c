#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "client/core/safety.h"

static void each_list_has_256_short_words_that_differ_early(void **state)
{
    (void)state;
    for (int language = WORDS_EN; language < WORDS_LANGUAGES; language++) {
        for (int i = 0; i < 256; i++) {
            const char *word = safety_word((enum words_language)language, (uint8_t)i);
            size_t len = strlen(word);
            assert_in_range(len, 3, 8);
            for (size_t at = 0; at < len; at++)
                assert_in_range(word[at], 'a', 'z');
            for (int j = 0; j < i; j++)
                assert_int_not_equal(strncmp(word, safety_word((enum words_language)language, (uint8_t)j), 4),
                                     0);
        }
    }
}

static void both_sides_get_the_same_words(void **state)
{
    (void)state;
    uint8_t th2[HASH_BYTES];
    uint8_t p[32];
    uint8_t w[32];
    uint8_t hers[SAFETY_WORDS];
    uint8_t his[SAFETY_WORDS];
    memset(th2, 1, sizeof(th2));
    memset(p, 2, sizeof(p));
    memset(w, 3, sizeof(w));
    safety_words(hers, th2, p, w);
    safety_words(his, th2, p, w);
    assert_memory_equal(hers, his, sizeof(hers));
    safety_words(his, th2, w, p); /* the two nonces are not interchangeable */
    assert_memory_not_equal(hers, his, sizeof(hers));
}

static void words_depend_on_everything_in_them(void **state)
{
    (void)state;
    uint8_t in[HASH_BYTES + 64] = {0};
    uint8_t words[SAFETY_WORDS];
    uint8_t others[SAFETY_WORDS];
    safety_words(words, in, in + HASH_BYTES, in + HASH_BYTES + 32);
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] ^= 0x80;
        safety_words(others, in, in + HASH_BYTES, in + HASH_BYTES + 32);
        assert_memory_not_equal(words, others, sizeof(words));
        in[i] ^= 0x80;
    }
}

static void a_nonce_that_was_not_committed_to_is_refused(void **state)
{
    (void)state;
    uint8_t nonce[32] = {5};
    uint8_t ek[32] = {6};
    uint8_t commitment[32];
    safety_commit(commitment, nonce, ek);
    assert_int_equal(safety_check(commitment, nonce, ek), ZG_OK);
    for (size_t i = 0; i < 32; i++) {
        nonce[i] ^= 1;
        assert_int_equal(safety_check(commitment, nonce, ek), ZG_ERR_FORGED);
        nonce[i] ^= 1;
        ek[i] ^= 1;
        assert_int_equal(safety_check(commitment, nonce, ek), ZG_ERR_FORGED);
        ek[i] ^= 1;
        commitment[i] ^= 1;
        assert_int_equal(safety_check(commitment, nonce, ek), ZG_ERR_FORGED);
        commitment[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_list_has_256_short_words_that_differ_early),
        cmocka_unit_test(both_sides_get_the_same_words),
        cmocka_unit_test(words_depend_on_everything_in_them),
        cmocka_unit_test(a_nonce_that_was_not_committed_to_is_refused),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
