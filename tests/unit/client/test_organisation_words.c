/* The root key on paper. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "client/core/organisation_file.h"
#include "tests/support/support.h"

static const zg_now now = {.utc_ms = UINT64_C(1700000000000)};

struct paper {
    const char *words[ZG_ORGANISATION_WORDS];
};

static zg_organisation *organisation_of(uint64_t seed)
{
    struct rng_seed state;
    const struct rng rng = rng_seeded(&state, seed);
    uint8_t root[SIGN_SEED_BYTES];
    zg_organisation *o = NULL;
    rng_fill(&rng, root, sizeof(root));
    assert_int_equal(organisation_from_root(&o, root, now.utc_ms / 1000), ZG_OK);
    return o;
}

/* Reads what stands on the paper back; o may be NULL. */
static zg_err read_back(const struct paper *p, const zg_organisation *o, size_t *wrong)
{
    char text[ZG_ORGANISATION_WORDS * 16] = "";
    zg_organisation *back = NULL;
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++) {
        strcat(text, p->words[i]);
        strcat(text, " ");
    }
    zg_err err = zg_organisation_restore(&back, text, strlen(text), wrong, now);
    if (err == ZG_OK && o != NULL) {
        assert_memory_equal(&back->root, &o->root, sizeof(o->root));
        assert_memory_equal(&back->issuing, &o->issuing, sizeof(o->issuing));
    }
    zg_organisation_free(back);
    return err;
}

static void words_come_back_in_every_language(void **state)
{
    static const char *const languages[] = {"en", "es", "fr"};
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        zg_organisation *o = organisation_of(seed);
        for (int i = 0; i < 3; i++) {
            struct paper p;
            size_t wrong = 99;
            zg_organisation_words(o, languages[i], p.words);
            assert_int_equal(read_back(&p, o, &wrong), ZG_OK);
        }
        zg_organisation_free(o);
    }
}

static void restored_keys_pass_for_the_old_ones(void **state)
{
    (void)state;
    zg_organisation *o = NULL;
    zg_organisation *back = NULL;
    struct issuing_certificate certificate;
    const zg_now later = {.utc_ms = now.utc_ms + UINT64_C(1000) * 86400 * 1000};
    char text[1024] = "";
    size_t wrong;
    const char *words[ZG_ORGANISATION_WORDS];
    assert_int_equal(zg_organisation_new(&o, now), ZG_OK);
    zg_organisation_words(o, "en", words);
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n", words[i]);
    assert_int_equal(zg_organisation_restore(&back, text, strlen(text), &wrong, later), ZG_OK);
    assert_memory_equal(back->root.pk, o->root.pk, SIGN_PK_BYTES);
    assert_memory_equal(back->issuing.pk, o->issuing.pk, SIGN_PK_BYTES);
    assert_int_equal(issuing_certificate_open(&certificate, SPAN_OF(back->certificate), o->root.pk, later.utc_ms / 1000),
                     ZG_OK);
    zg_organisation_free(o);
    zg_organisation_free(back);
}

static void any_wrong_word_is_found_and_named(void **state)
{
    (void)state;
    struct paper p;
    struct paper all;
    zg_organisation *o = organisation_of(7);
    zg_organisation_words(o, "en", p.words);
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++) {
        all = p;
        for (uint64_t other = 100; other < 140; other++) {
            zg_organisation *from = organisation_of(other);
            const char *words[ZG_ORGANISATION_WORDS];
            size_t wrong = 0;
            zg_organisation_words(from, "en", words);
            all.words[i] = words[other % ZG_ORGANISATION_WORDS];
            zg_organisation_free(from);
            if (strcmp(all.words[i], p.words[i]) == 0)
                continue;
            assert_int_equal(read_back(&all, NULL, &wrong), ZG_ERR_MALFORMED);
            assert_int_equal(wrong, i + 1);
        }
    }
    zg_organisation_free(o);
}

static void any_two_that_changed_places_are_found(void **state)
{
    (void)state;
    struct paper p;
    zg_organisation *o = organisation_of(8);
    zg_organisation_words(o, "fr", p.words);
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++) {
        for (size_t j = i + 1; j < ZG_ORGANISATION_WORDS; j++) {
            struct paper swapped = p;
            size_t wrong;
            swapped.words[i] = p.words[j];
            swapped.words[j] = p.words[i];
            if (strcmp(p.words[i], p.words[j]) != 0)
                assert_int_equal(read_back(&swapped, NULL, &wrong), ZG_ERR_MALFORMED);
        }
    }
    zg_organisation_free(o);
}

static void writing_by_hand_is_forgiven(void **state)
{
    (void)state;
    size_t wrong;
    zg_organisation *back = NULL;
    struct paper p;
    char text[1024];
    zg_organisation *o = organisation_of(9);
    zg_organisation_words(o, "es", p.words);
    int len = snprintf(text, sizeof(text), "\t");
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++)
        for (size_t j = 0; j <= strlen(p.words[i]); j++) {
            char c = p.words[i][j];
            const char *as = (char[]){c == '\0' ? '\n' : c, '\0'};
            if (c == 'a')
                as = "\u00c1"; /* A with an acute */
            else if (c == 'o')
                as = "o\u0301"; /* the acute on its own */
            else if (c == 'n')
                as = "\u00f1";
            else if (c == 'e')
                as = "E";
            else if (c == '\0')
                as = i % 2 == 0 ? ", 17.  " : "\r\n";
            len += snprintf(text + len, sizeof(text) - (size_t)len, "%s", as);
        }
    assert_int_equal(zg_organisation_restore(&back, text, (size_t)len, &wrong, now), ZG_OK);
    assert_memory_equal(&back->root, &o->root, sizeof(o->root));
    zg_organisation_free(back);
    zg_organisation_free(o);
}

static zg_err restore(const char *text, size_t *wrong)
{
    zg_organisation *back = NULL;
    zg_err err = zg_organisation_restore(&back, text, strlen(text), wrong, now);
    assert_null(back);
    return err;
}

static void what_is_missing_or_unknown_is_said(void **state)
{
    (void)state;
    size_t wrong = 99;
    assert_int_equal(restore("", &wrong), ZG_ERR_TRUNCATED);
    assert_int_equal(wrong, 0);
    assert_int_equal(restore("acorn album", &wrong), ZG_ERR_TRUNCATED);
    assert_int_equal(wrong, 2);
    assert_int_equal(restore("acorn album acrn zebra", &wrong), ZG_ERR_NOT_FOUND);
    assert_int_equal(wrong, 3);
    assert_int_equal(restore("acorn album abeja", &wrong), ZG_ERR_NOT_FOUND); /* of another language */
    assert_int_equal(wrong, 3);
    assert_int_equal(restore("acorn ab\xff\xfe", &wrong), ZG_ERR_NOT_FOUND);
    assert_int_equal(restore("acorn albumalbumalbumalbumalbumalbum", &wrong), ZG_ERR_NOT_FOUND);
    assert_int_equal(wrong, 2);
    char many[1024] = "";
    for (int i = 0; i < ZG_ORGANISATION_WORDS + 1; i++)
        strcat(many, "acorn ");
    assert_int_equal(restore(many, &wrong), ZG_ERR_TOO_LARGE);
}

/* Paper outlives programs. The root seed is 0, 8, 16 ... 248; computed by another program. */
static void old_paper_is_read(void **state)
{
    static const char paper[] =
        "acorn arrow bakery bench boulder brown canal chair "
        "clock concert diary eleven fence fountain glass heron "
        "january kitchen lavender lizard monday needle onion painter "
        "piano potato ribbon shelf summer toast valley whale "
        "nutmeg nutmeg";
    (void)state;
    zg_organisation *o = NULL;
    size_t wrong;
    assert_int_equal(zg_organisation_restore(&o, paper, strlen(paper), &wrong, now), ZG_OK);
    for (size_t i = 0; i < SIGN_SEED_BYTES; i++)
        assert_int_equal(o->root.seed[i], 8 * i);
    zg_organisation_free(o);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_back_in_every_language),
        cmocka_unit_test(restored_keys_pass_for_the_old_ones),
        cmocka_unit_test(any_wrong_word_is_found_and_named),
        cmocka_unit_test(any_two_that_changed_places_are_found),
        cmocka_unit_test(writing_by_hand_is_forgiven),
        cmocka_unit_test(old_paper_is_read),
        cmocka_unit_test(what_is_missing_or_unknown_is_said),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
