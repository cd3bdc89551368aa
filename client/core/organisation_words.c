/*
 * The root key on paper: its 32 bytes and two check bytes as words of the lists of section 6.1;
 * docs/protocol.md, appendix.
 *
 * The check is a Reed-Solomon code over GF(256): any one wrong word and any two that changed places are found
 * for certain, and one wrong word can be named; of anything worse one case in 65,536 is missed.
 */
#include <sodium.h>
#include <string.h>

#include "client/core/organisation_file.h"
#include "client/core/safety.h"

_Static_assert(ZG_ORGANISATION_WORDS == SIGN_SEED_BYTES + 2, "two words of check");

/* --- GF(256), x^8 + x^4 + x^3 + x^2 + 1 --- */

static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned product = 0;
    unsigned shifted = a;
    for (int i = 0; i < 8; i++) {
        product ^= shifted & (0U - ((b >> i) & 1U));
        shifted = (shifted << 1) ^ (0x11dU & (0U - (shifted >> 7)));
    }
    return (uint8_t)product;
}

/* 2^n. */
static uint8_t power(unsigned n)
{
    uint8_t p = 1;
    while (n-- > 0)
        p = times(p, 2);
    return p;
}

/* a^254; of 0 it is 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t p = 1;
    for (int i = 0; i < 254; i++)
        p = times(p, a);
    return p;
}

struct sums {
    uint8_t plain;   /* of all bytes */
    uint8_t weighed; /* of each byte times 2^its place */
};

static struct sums sums_of(const uint8_t *bytes, size_t len)
{
    struct sums s = {0, 0};
    for (size_t i = 0; i < len; i++) {
        s.plain ^= bytes[i];
        s.weighed ^= times(bytes[i], power((unsigned)i));
    }
    return s;
}

/* The last two bytes, so that both sums over all come to 0. */
static void add_check(uint8_t bytes[ZG_ORGANISATION_WORDS])
{
    struct sums s = sums_of(bytes, SIGN_SEED_BYTES);
    uint8_t first = power(SIGN_SEED_BYTES);
    uint8_t second = power(SIGN_SEED_BYTES + 1);
    uint8_t check = times(s.weighed ^ times(s.plain, second), inverse(first ^ second));
    bytes[SIGN_SEED_BYTES] = check;
    bytes[SIGN_SEED_BYTES + 1] = s.plain ^ check;
}

/* If the check fails: *wrong is the number, from 1, of the word that is wrong if only one is, else 0. */
static zg_err check(const uint8_t bytes[ZG_ORGANISATION_WORDS], size_t *wrong)
{
    struct sums s = sums_of(bytes, ZG_ORGANISATION_WORDS);
    *wrong = 0;
    if (s.plain == 0 && s.weighed == 0)
        return ZG_OK;
    for (unsigned i = 0; i < ZG_ORGANISATION_WORDS; i++)
        if (s.plain != 0 && times(s.plain, power(i)) == s.weighed)
            *wrong = i + 1;
    return ZG_ERR_MALFORMED;
}

/* --- words from a person --- */

enum { WORD_CAP = 16 };

struct tokens {
    struct span rest;
    char word[WORD_CAP];
};

/* U+00C0 to U+00FF, without what stands over, under or through the letter. '.': no letter. */
static const char latin[] = "aaaaaaaceeeeiiiidnooooo.ouuuuytsaaaaaaaceeeeiiiidnooooo.ouuuuyty";

_Static_assert(sizeof(latin) == 64 + 1, "one for each");

/* One letter in lower case without accent, 0 for what combines with the letter before, '.' for anything else.
 */
static char next_letter(struct span *s)
{
    uint8_t a = *s->at++;
    s->len--;
    if (a >= 'A' && a <= 'Z')
        return (char)(a - 'A' + 'a');
    if (a >= 'a' && a <= 'z')
        return (char)a;
    if (a < 0xc2 || s->len == 0)
        return '.';
    uint8_t b = *s->at;
    if ((b & 0xc0) != 0x80)
        return '.';
    s->at++;
    s->len--;
    if (a == 0xc3)
        return latin[b & 0x3f];
    return a == 0xcc || (a == 0xcd && b < 0xb0) ? 0 : '.'; /* U+0300 to U+036F */
}

/* The next run of letters; numbers and signs between words are not looked at. A word that is too long is cut.
 */
static bool next_word(struct tokens *t)
{
    size_t len = 0;
    while (t->rest.len > 0) {
        char c = next_letter(&t->rest);
        if (c == '.' && len > 0)
            break;
        if (c != '.' && c != 0 && len + 1 < WORD_CAP)
            t->word[len++] = c;
    }
    t->word[len] = '\0';
    return len > 0;
}

static bool look_up(enum words_language language, const char *word, uint8_t *out)
{
    for (int i = 0; i < 256; i++) {
        if (strcmp(safety_word(language, (uint8_t)i), word) == 0) {
            *out = (uint8_t)i;
            return true;
        }
    }
    return false;
}

/* Reads in one language; *at is how many words were understood. */
static zg_err read_words(uint8_t bytes[ZG_ORGANISATION_WORDS], enum words_language language, struct span text,
                         size_t *at)
{
    struct tokens t = {.rest = text};
    zg_err err = ZG_OK;
    *at = 0;
    while (err == ZG_OK && next_word(&t)) {
        if (*at == ZG_ORGANISATION_WORDS)
            err = ZG_ERR_TOO_LARGE;
        else if (!look_up(language, t.word, &bytes[*at]))
            err = ZG_ERR_NOT_FOUND;
        else
            ++*at;
    }
    sodium_memzero(&t, sizeof(t));
    return err == ZG_OK && *at < ZG_ORGANISATION_WORDS ? ZG_ERR_TRUNCATED : err;
}

/* In the language in which most of it is words. */
static zg_err read_any(uint8_t bytes[ZG_ORGANISATION_WORDS], struct span text, size_t *at)
{
    zg_err best_err = ZG_ERR_NOT_FOUND;
    int best = -1;
    *at = 0;
    for (int i = 0; i < WORDS_LANGUAGES; i++) {
        size_t understood;
        zg_err err = read_words(bytes, (enum words_language)i, text, &understood);
        if (best < 0 || understood > *at || (understood == *at && best_err == ZG_ERR_NOT_FOUND)) {
            best = i;
            best_err = err;
            *at = understood;
        }
    }
    return read_words(bytes, (enum words_language)best, text, at);
}

/* --- in and out --- */

static enum words_language language_of(const char *name)
{
    if (name != NULL && strcmp(name, "es") == 0)
        return WORDS_ES;
    return name != NULL && strcmp(name, "fr") == 0 ? WORDS_FR : WORDS_EN;
}

void zg_organisation_words(const zg_organisation *o, const char *language,
                           const char *out[ZG_ORGANISATION_WORDS])
{
    uint8_t bytes[ZG_ORGANISATION_WORDS];
    memcpy(bytes, o->root.seed, SIGN_SEED_BYTES);
    add_check(bytes);
    for (size_t i = 0; i < ZG_ORGANISATION_WORDS; i++)
        out[i] = safety_word(language_of(language), bytes[i]);
    sodium_memzero(bytes, sizeof(bytes));
}

zg_err zg_organisation_restore(zg_organisation **out, const char *text, size_t len, size_t *wrong, zg_now now)
{
    uint8_t bytes[ZG_ORGANISATION_WORDS];
    if (out == NULL || text == NULL || wrong == NULL)
        return ZG_ERR_ARGUMENT;
    if (sodium_init() < 0)
        return ZG_ERR_CRYPTO;
    zg_err err = read_any(bytes, (struct span){(const uint8_t *)text, len}, wrong);
    if (err == ZG_ERR_NOT_FOUND)
        ++*wrong; /* the one behind those that were understood */
    if (err == ZG_OK)
        err = check(bytes, wrong);
    if (err == ZG_OK)
        err = organisation_from_root(out, bytes, now.utc_ms / 1000);
    sodium_memzero(bytes, sizeof(bytes));
    return err;
}
