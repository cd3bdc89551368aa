/* The program without a relay: what it asks, refuses and says, and how it ends. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#include "tests/integration/cli/terminal.h"
#include "tests/support/process.h"

static const char *zaguan; /* the program's path */

struct place {
    char folder[64];
    char file[96];
    char vault[96];
    char out[8192];
};

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    folder_make(p->folder, sizeof(p->folder));
    snprintf(p->file, sizeof(p->file), "%s/org.zaguan", p->folder);
    snprintf(p->vault, sizeof(p->vault), "%s/desk.vault", p->folder);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    folder_remove(p->folder);
    free(p);
    return 0;
}

/* Runs `zaguan words...`; what it said is in p->out. */
#define RUN(p, input, ...) \
    process_run((const char *const[]){zaguan, __VA_ARGS__, NULL}, input, (p)->out, sizeof((p)->out))
#define SAYS(p, text) assert_non_null(strstr((p)->out, text))

static void make_vault(const struct place *p)
{
    zg_vault *v = NULL;
    assert_int_equal(zg_vault_sqlite_open(&v, p->vault, ZG_VAULT_CREATE, "right passphrase", 16), ZG_OK);
    v->close(v);
}

static void every_subcommand_has_help(void **state)
{
    static const char *const names[] = {"organisation", "desk", "card", "knock", "inbox", "chat", "send", "erase", "vault"};
    struct place *p = *state;
    assert_int_equal(RUN(p, NULL, "--help"), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(RUN(p, NULL, "--help"), 0);
        SAYS(p, names[i]);
        assert_int_equal(RUN(p, NULL, names[i], "--help"), 0);
        SAYS(p, names[i]);
    }
    assert_int_equal(RUN(p, NULL, "--version"), 0);
    SAYS(p, "zaguan 0.1.0");
}

static void wrong_use_is_said(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, NULL, "nonsense"), 2);
    assert_int_equal(RUN(p, NULL, "chat"), 2);
    assert_int_equal(RUN(p, NULL, "chat", "a", "b"), 2);
    assert_int_equal(RUN(p, NULL, "send", "a", "--lifetime", "31d"), 2);
    assert_int_equal(RUN(p, NULL, "send", "a", "--after", "eight"), 2);
    assert_int_equal(RUN(p, NULL, "inbox", "--wait", "-1"), 2);
    assert_int_equal(RUN(p, NULL, "inbox", "--lang", "xx"), 2);
    assert_int_equal(RUN(p, NULL, "inbox", "--passphrase-fd", "x"), 2);
    assert_int_equal(RUN(p, NULL, "inbox", "--unknown"), 2);
    assert_int_equal(RUN(p, NULL, "organisation", "destroy"), 2);
    assert_int_equal(RUN(p, NULL, "organisation", "create"), 2);
    assert_int_equal(RUN(p, NULL, "organisation", "export", "--file", p->file), 2);
    assert_int_equal(RUN(p, NULL, "organisation", "export", "--file", p->file, "--words", "--to", p->vault), 2);
    assert_int_equal(RUN(p, NULL, "vault"), 2);
    assert_int_equal(RUN(p, NULL, "vault", "open"), 2);
    assert_int_equal(RUN(p, NULL, "vault", "wipe", "--passphrase", "x"), 2);
    assert_int_equal(RUN(p, NULL, "desk"), 2);
    assert_int_equal(RUN(p, NULL, "desk", "notice", "--state", "asleep"), 2);
}

static void cards_are_never_arguments(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, NULL, "knock", "zaguan:AQEB"), 2);
    SAYS(p, "never an argument");
    assert_null(strstr(p->out, "AQEB"));
}

static void bad_cards_are_told_apart(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, "hello\n", "knock"), 4);
    SAYS(p, "not a contact card");
    assert_int_equal(RUN(p, "https://example.org/#AQEB\n", "knock"), 4);
    assert_int_equal(RUN(p, "zaguan:\n", "knock"), 4);
    assert_int_equal(RUN(p, "", "knock"), 1);
}

static void organisations_are_made_once_for_their_owner_only(void **state)
{
    struct place *p = *state;
    struct stat st;
    assert_int_equal(RUN(p, "seven b\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 1);
    assert_int_not_equal(access(p->file, F_OK), 0);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(stat(p->file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 1);
    SAYS(p, "exists already");
}

static int create_desk(struct place *p, const char *input)
{
    return RUN(p, input, "desk", "create", "--organisation", p->file, "--alias", "Ana", "--vault", p->vault,
               "--organisation-passphrase-fd", "0", "--passphrase-fd", "0", "--wait", "2");
}

static void organisations_open_with_their_passphrase_only(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(create_desk(p, "wrong passphrase\n"), 3);
    SAYS(p, "wrong passphrase");

    FILE *f = fopen(p->file, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, -3, SEEK_END), 0);
    int c = getc(f);
    assert_int_equal(fseek(f, -3, SEEK_END), 0);
    putc(c ^ 1, f);
    fclose(f);
    assert_int_equal(create_desk(p, "right passphrase\n"), 4);
    SAYS(p, "damaged");
    assert_int_equal(truncate(p->file, 100), 0);
    assert_int_equal(create_desk(p, "right passphrase\n"), 4);
    unlink(p->file);
    assert_int_equal(create_desk(p, "right passphrase\n"), 7);
}

static void organisations_are_copied_with_their_passphrase(void **state)
{
    struct place *p = *state;
    char copy[128];
    snprintf(copy, sizeof(copy), "%s/copy", p->folder);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(RUN(p, "wrong passphrase\n", "organisation", "export", "--file", p->file, "--to", copy,
                         "--passphrase-fd", "0"),
                     3);
    assert_int_not_equal(access(copy, F_OK), 0);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "export", "--file", p->file, "--to", copy,
                         "--passphrase-fd", "0"),
                     0);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "restore", "--file", p->file, "--from", copy,
                         "--passphrase-fd", "0"),
                     1);
    SAYS(p, "exists already");
    unlink(p->file);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "restore", "--file", p->file, "--from", copy,
                         "--passphrase-fd", "0"),
                     0);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "export", "--file", p->file, "--words",
                         "--passphrase-fd", "0"),
                     0);
}

static void words_bring_an_organisation_back(void **state)
{
    struct place *p = *state;
    char words[4096];
    char again[4096];
    char input[8300];
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(RUN(p, "wrong passphrase\n", "organisation", "export", "--file", p->file, "--words", "--passphrase-fd",
                         "0"),
                     3);
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "export", "--file", p->file, "--words", "--lang", "es",
                         "--passphrase-fd", "0"),
                     0);
    snprintf(words, sizeof(words), "%.*s", (int)(strstr(p->out, "zaguan: ") - p->out), p->out);
    SAYS(p, "\n33 ");
    SAYS(p, "write them down by hand");
    unlink(p->file);

    snprintf(input, sizeof(input), "%.*s\n", (int)(strchr(words, '\n') - words), words);
    assert_int_equal(RUN(p, input, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 1);
    SAYS(p, "only 4 of 34 words");
    snprintf(input, sizeof(input), "%s", words);
    memcpy(strstr(input, " 2 "), " 2 Q", 4);
    assert_int_equal(RUN(p, input, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 4);
    SAYS(p, "word 2 is not in the list");
    assert_int_not_equal(access(p->file, F_OK), 0);

    snprintf(input, sizeof(input), "%sanother passphrase\n", words);
    for (char *at = input; at < input + strlen(words); at++)
        if (*at >= 'a' && *at <= 'z' && (at - input) % 3 == 0)
            *at = (char)(*at - 'a' + 'A');
    assert_int_equal(RUN(p, input, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(RUN(p, "another passphrase\n", "organisation", "export", "--file", p->file, "--words", "--lang", "es",
                         "--passphrase-fd", "0"),
                     0);
    snprintf(again, sizeof(again), "%.*s", (int)(strstr(p->out, "zaguan: ") - p->out), p->out);
    assert_string_equal(words, again);
}

static void wrong_words_are_refused(void **state)
{
    static const char paper[] = "acorn arrow bakery bench boulder brown canal chair clock concert diary eleven fence fountain "
                                "glass heron january kitchen lavender lizard monday needle onion painter piano potato "
                                "ribbon shelf summer toast valley whale nutmeg nutmeg\nright passphrase\n";
    struct place *p = *state;
    char input[512];
    snprintf(input, sizeof(input), "%s", paper);
    memcpy(strstr(input, "clock"), "cloud", 5);
    assert_int_equal(RUN(p, input, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 4);
    SAYS(p, "it is word 9");
    SAYS(p, "some word is wrong");
    snprintf(input, sizeof(input), "%s", paper);
    memcpy(strstr(input, "acorn arrow"), "arrow acorn", 11);
    assert_int_equal(RUN(p, input, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 4);
    SAYS(p, "changed places");
    assert_int_not_equal(access(p->file, F_OK), 0);
    assert_int_equal(RUN(p, paper, "organisation", "restore", "--file", p->file, "--passphrase-fd", "0"), 0);
}

static void typed_words_can_be_corrected(void **state)
{
    struct place *p = *state;
    struct terminal t;
    terminal_start(&t, (const char *const[]){zaguan, "organisation", "restore", "--file", p->file, NULL});
    assert_true(terminal_expect(&t, "0 of 34 words", 5000));
    terminal_type(&t, "acorn arrow bakery bench boulder brown canal chair clock concert diary eleven fence fountain\n");
    assert_true(terminal_expect(&t, "14 of 34 words", 5000));
    terminal_type(&t, "glass herron january\n");
    assert_true(terminal_expect(&t, "word 16 is not in the list", 5000));
    assert_true(terminal_expect(&t, "14 of 34 words", 5000));
    terminal_type(&t, "glass heron january kitchen lavender lizard monday needle onion painter\n");
    assert_true(terminal_expect(&t, "24 of 34 words", 5000));
    terminal_type(&t, "piano potato ribbon shelf summer toast valley whale nutmeg nutmeg\n");
    assert_true(terminal_expect(&t, "New passphrase", 5000));
    terminal_wait(&t, 100);
    terminal_type(&t, "a passphrase\n");
    assert_true(terminal_expect(&t, "Once more", 5000));
    terminal_wait(&t, 100);
    terminal_type(&t, "a passphrase\n");
    assert_int_equal(terminal_end(&t), 0);
    terminal_close(&t);
    assert_int_equal(access(p->file, F_OK), 0);
}

static void desks_need_a_relay_and_leave_nothing_without(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, "right passphrase\n", "organisation", "create", "--file", p->file, "--passphrase-fd", "0"), 0);
    assert_int_equal(create_desk(p, "right passphrase\nnot an address\nnot a voucher\nanother passphrase\n"), 4);
    SAYS(p, "zaguan-relay");
    assert_int_not_equal(access(p->vault, F_OK), 0);
}

static void vaults_are_found_or_said_to_be_missing(void **state)
{
    struct place *p = *state;
    assert_int_equal(RUN(p, NULL, "inbox", "--vault", p->vault), 7);
    SAYS(p, p->vault);
    make_vault(p);
    assert_int_equal(RUN(p, "wrong passphrase\n", "inbox", "--vault", p->vault, "--passphrase-fd", "0"), 3);
    SAYS(p, "wrong passphrase");
    assert_int_equal(RUN(p, "right passphrase\n", "inbox", "--vault", p->vault, "--passphrase-fd", "0"), 7);
    SAYS(p, "no desk");
    assert_int_equal(RUN(p, "right passphrase\n", "card", "--vault", p->vault, "--passphrase-fd", "0"), 7);
    assert_int_equal(RUN(p, "right passphrase\n", "chat", "abc", "--vault", p->vault, "--passphrase-fd", "0"), 7);
    SAYS(p, "no desk");
}

static void vault_has_its_place_below_the_home(void **state)
{
    struct place *p = *state;
    char expected[160];
    setenv("XDG_DATA_HOME", p->folder, 1);
    assert_int_equal(RUN(p, NULL, "inbox"), 7);
    snprintf(expected, sizeof(expected), "%s/zaguan/desk.vault", p->folder);
    SAYS(p, expected);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", p->folder, 1);
    assert_int_equal(RUN(p, NULL, "inbox"), 7);
    snprintf(expected, sizeof(expected), "%s/.local/share/zaguan/desk.vault", p->folder);
    SAYS(p, expected);
}

static void second_use_of_a_vault_at_once_is_refused(void **state)
{
    struct place *p = *state;
    zg_vault *v = NULL;
    make_vault(p);
    assert_int_equal(zg_vault_sqlite_open(&v, p->vault, ZG_VAULT_OPEN, "right passphrase", 16), ZG_OK);
    assert_int_equal(RUN(p, "right passphrase\n", "inbox", "--vault", p->vault, "--passphrase-fd", "0"), 6);
    SAYS(p, "in use");
    v->close(v);
}

/* --- zaguan vault --- */

#define VAULT(p, input, ...) RUN(p, input, "vault", __VA_ARGS__, "--vault", (p)->vault, "--passphrase-fd", "0")

static void vaults_are_checked(void **state)
{
    struct place *p = *state;
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 7);
    make_vault(p);
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 0);
    SAYS(p, "is whole: 0 entries");
    assert_int_equal(VAULT(p, "wrong passphrase\n", "check"), 3);
    SAYS(p, "wrong passphrase; nothing was changed");
    assert_int_equal(truncate(p->vault, 6000), 0);
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 4);
    SAYS(p, "damaged");
    SAYS(p, "use the copy");
}

static void newer_vaults_are_said_to_be_newer(void **state)
{
    struct place *p = *state;
    make_vault(p);
    FILE *f = fopen(p->vault, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 63, SEEK_SET), 0); /* user_version */
    putc(9, f);
    fclose(f);
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 4);
    SAYS(p, "made by a newer zaguan");
}

static void passphrases_of_vaults_are_changed(void **state)
{
    struct place *p = *state;
    make_vault(p);
    assert_int_equal(VAULT(p, "wrong passphrase\nanother passphrase\n", "passphrase"), 3);
    assert_int_equal(VAULT(p, "right passphrase\nshort\n", "passphrase"), 1);
    SAYS(p, "at least 8");
    assert_int_equal(VAULT(p, "right passphrase\nanother passphrase\n", "passphrase"), 0);
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 3);
    assert_int_equal(VAULT(p, "another passphrase\n", "check"), 0);
}

static void vaults_in_use_are_left_alone(void **state)
{
    struct place *p = *state;
    zg_vault *v = NULL;
    make_vault(p);
    assert_int_equal(zg_vault_sqlite_open(&v, p->vault, ZG_VAULT_OPEN, "right passphrase", 16), ZG_OK);
    assert_int_equal(VAULT(p, "right passphrase\nanother passphrase\n", "passphrase"), 6);
    SAYS(p, "in use");
    assert_int_equal(VAULT(p, NULL, "wipe", "--yes"), 6);
    SAYS(p, "in use");
    v->close(v);
    assert_int_equal(VAULT(p, "right passphrase\n", "check"), 0);
}

static void vaults_are_wiped_without_a_passphrase(void **state)
{
    struct place *p = *state;
    char input[128];
    make_vault(p);
    assert_int_equal(VAULT(p, "yes\n", "wipe"), 1);
    SAYS(p, "nothing was erased");
    assert_int_equal(access(p->vault, F_OK), 0);
    snprintf(input, sizeof(input), "%s\n", p->vault);
    assert_int_equal(VAULT(p, input, "wipe"), 0);
    SAYS(p, "Flash memory");
    assert_int_not_equal(access(p->vault, F_OK), 0);
    assert_int_equal(VAULT(p, NULL, "wipe", "--yes"), 7);

    FILE *f = fopen(p->vault, "w");
    assert_non_null(f);
    assert_true(fputs("a letter to somebody", f) >= 0);
    fclose(f);
    assert_int_equal(VAULT(p, NULL, "wipe", "--yes"), 4);
    SAYS(p, "was not touched");
    assert_int_equal(access(p->vault, F_OK), 0);
}

static void passphrases_are_not_echoed(void **state)
{
    struct place *p = *state;
    struct terminal t;
    terminal_start(&t, (const char *const[]){zaguan, "organisation", "create", "--file", p->file, NULL});
    assert_true(terminal_expect(&t, "New passphrase", 5000));
    terminal_wait(&t, 100);
    assert_false(terminal_echoes(&t));
    terminal_type(&t, "a passphrase to see\n");
    assert_true(terminal_expect(&t, "Once more", 5000));
    terminal_wait(&t, 100);
    terminal_type(&t, "a passphrase to see\n");
    assert_int_equal(terminal_end(&t), 0);
    assert_null(strstr(t.shown, "to see"));
    terminal_close(&t);
    assert_int_equal(RUN(p, "a passphrase to see\nx\ny\nz\n", "desk", "create", "--organisation", p->file, "--alias", "Ana",
                         "--vault", p->vault, "--organisation-passphrase-fd", "0", "--passphrase-fd", "0"),
                     1);
    SAYS(p, "at least 8"); /* so the organisation was opened, and the vault's passphrase was refused */
}

static void different_passphrases_change_nothing(void **state)
{
    struct place *p = *state;
    struct terminal t;
    terminal_start(&t, (const char *const[]){zaguan, "organisation", "create", "--file", p->file, NULL});
    assert_true(terminal_expect(&t, "New passphrase", 5000));
    terminal_wait(&t, 100);
    terminal_type(&t, "a passphrase\n");
    assert_true(terminal_expect(&t, "Once more", 5000));
    terminal_wait(&t, 100);
    terminal_type(&t, "another one\n");
    assert_int_equal(terminal_end(&t), 1);
    assert_true(terminal_expect(&t, "not the same", 100));
    terminal_close(&t);
    assert_int_not_equal(access(p->file, F_OK), 0);
}

static void signals_leave_the_terminal_as_it_was(void **state)
{
    struct place *p = *state;
    struct terminal t;
    static const int signals[] = {SIGTERM, SIGHUP, SIGINT};
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        terminal_start(&t, (const char *const[]){zaguan, "organisation", "create", "--file", p->file, NULL});
        assert_true(terminal_expect(&t, "New passphrase", 5000));
        terminal_wait(&t, 100);
        assert_false(terminal_echoes(&t));
        if (signals[i] == SIGINT)
            terminal_type(&t, "\x03"); /* Ctrl-C */
        else
            kill(t.pid, signals[i]);
        assert_int_equal(terminal_end(&t), 128 + signals[i]);
        assert_true(terminal_echoes(&t));
        terminal_close(&t);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_subcommand_has_help),
        TEST(wrong_use_is_said),
        TEST(cards_are_never_arguments),
        TEST(bad_cards_are_told_apart),
        TEST(organisations_are_made_once_for_their_owner_only),
        TEST(organisations_open_with_their_passphrase_only),
        TEST(organisations_are_copied_with_their_passphrase),
        TEST(words_bring_an_organisation_back),
        TEST(wrong_words_are_refused),
        TEST(typed_words_can_be_corrected),
        TEST(vaults_are_checked),
        TEST(newer_vaults_are_said_to_be_newer),
        TEST(passphrases_of_vaults_are_changed),
        TEST(vaults_in_use_are_left_alone),
        TEST(vaults_are_wiped_without_a_passphrase),
        TEST(desks_need_a_relay_and_leave_nothing_without),
        TEST(vaults_are_found_or_said_to_be_missing),
        TEST(vault_has_its_place_below_the_home),
        TEST(second_use_of_a_vault_at_once_is_refused),
        TEST(passphrases_are_not_echoed),
        TEST(different_passphrases_change_nothing),
        TEST(signals_leave_the_terminal_as_it_was),
    };
    if (argc != 2)
        return 1;
    zaguan = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
