/* The root key is lost, or somebody copied it: what a coordinator does, and what desks and participants see. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/organisation_file.h"
#include "client/core/organisation_file.h"
#include "tests/integration/cli/desk_world.h"

static const char *zaguan;
static const char *relay;

/* Runs `zaguan words...` in the world; what it said is in w->line. */
#define RUN(w, input, ...)                                                                                             \
    process_run((const char *const[]){(w)->zaguan, __VA_ARGS__, NULL}, input, (w)->line, sizeof((w)->line))

/* The words of the organisation; its file is gone afterwards, and comes back from them under another passphrase. */
static void lose_and_restore(struct desk_world *w)
{
    char input[4096];
    assert_int_equal(RUN(w, PASSPHRASE "\n", "organisation", "export", "--file", w->organisation, "--words", "--lang", "fr",
                         "--passphrase-fd", "0"),
                     0);
    snprintf(input, sizeof(input), "%.*snew passphrase\n", (int)(strstr(w->line, "zaguan: ") - w->line), w->line);
    assert_int_equal(unlink(w->organisation), 0);
    assert_int_equal(RUN(w, input, "organisation", "restore", "--file", w->organisation, "--passphrase-fd", "0"), 0);
}

static int renew(struct desk_world *w, const char *organisation, const char *words)
{
    char input[256];
    snprintf(input, sizeof(input), "%s\n" PASSPHRASE "\n", words);
    return RUN(w, input, "desk", "renew", "--organisation", organisation, "--vault", w->vault,
               "--organisation-passphrase-fd", "0", "--passphrase-fd", "0");
}

/* The worker answers the knock that waits; she reads it. */
static void answer(struct desk_world *w, struct process *her)
{
    char conversation[33];
    find_knock(w, conversation);
    assert_int_equal(WORKER(w, "buenas", "send", conversation), 0);
    assert_true(await(w, her, "\"event\":\"accepted\"", "\"alias\":\"Ana\""));
    assert_true(await(w, her, "\"event\":\"message\"", "\"text\":\"buenas\""));
    assert_int_equal(WORKER(w, "", "erase", conversation), 0);
    process_kill(her);
}

static void root_key_comes_back_from_paper(void **state)
{
    static struct desk_world w;
    struct process early;
    struct process late;
    (void)state;
    world_open(&w, zaguan, relay);
    participant_knock(&w, &early, "antes");
    lose_and_restore(&w);
    assert_int_equal(renew(&w, w.organisation, PASSPHRASE), 3);
    assert_int_equal(renew(&w, w.organisation, "new passphrase"), 0);
    answer(&w, &early); /* she knocked before, and has the keys of then */
    participant_knock(&w, &late, "después"); /* with the card of before */
    answer(&w, &late);
    world_close(&w);
}

/* As the version before made them: the issuing key was a random one. */
static void make_old_organisation(const char *path)
{
    struct zg_organisation o;
    struct issuing_certificate certificate = {.validity = {0, UINT64_MAX}};
    char words[] = PASSPHRASE;
    const struct secret_line passphrase = {words, strlen(words)};
    const struct rng rng = rng_system();
    sign_key_new(&o.root, &rng);
    sign_key_new(&o.issuing, &rng);
    memcpy(certificate.issuing_pk, o.issuing.pk, sizeof(certificate.issuing_pk));
    issuing_certificate_make(o.certificate, &certificate, &o.root);
    assert_int_equal(organisation_file_create(path, &o, &passphrase), ZG_OK);
}

static void create_desk(struct desk_world *w, const char *organisation, const char *vault)
{
    char voucher[256];
    char input[1024];
    relay_voucher(&w->relay, voucher, sizeof(voucher));
    snprintf(input, sizeof(input), PASSPHRASE "\n%s\n%s\n" PASSPHRASE "\n", w->relay.address, voucher);
    assert_int_equal(RUN(w, input, "desk", "create", "--organisation", organisation, "--alias", "Ana", "--vault", vault,
                         "--organisation-passphrase-fd", "0", "--passphrase-fd", "0"),
                     0);
    snprintf(w->vault, sizeof(w->vault), "%s", vault);
    assert_int_equal(WORKER(w, "", "card"), 0);
    snprintf(w->card, sizeof(w->card), "%.*s", (int)strcspn(w->line, "\n"), w->line);
}

static void root_key_of_an_older_version_comes_back_too(void **state)
{
    static struct desk_world w;
    struct process her;
    char vault[128];
    (void)state;
    world_open(&w, zaguan, relay);
    snprintf(w.organisation, sizeof(w.organisation), "%s/old.zaguan", w.relay.folder);
    snprintf(vault, sizeof(vault), "%s/old.vault", w.relay.folder);
    make_old_organisation(w.organisation);
    create_desk(&w, w.organisation, vault);
    lose_and_restore(&w);
    assert_int_equal(renew(&w, w.organisation, "new passphrase"), 0);
    participant_knock(&w, &her, "hola");
    answer(&w, &her);
    world_close(&w);
}

/* Somebody copied the root key. A new organisation and new cards; the old desk says where to go, and ends. */
static void copied_root_key_ends_an_organisation(void **state)
{
    static struct desk_world w;
    struct process her;
    char old_card[1024];
    char other[128];
    char vault[128];
    (void)state;
    world_open(&w, zaguan, relay);
    snprintf(other, sizeof(other), "%s/new.zaguan", w.relay.folder);
    snprintf(vault, sizeof(vault), "%s/new.vault", w.relay.folder);
    snprintf(old_card, sizeof(old_card), "%s", w.card);

    assert_int_equal(RUN(&w, PASSPHRASE "\n", "organisation", "create", "--file", other, "--passphrase-fd", "0"), 0);
    assert_int_equal(renew(&w, other, PASSPHRASE), 4);
    assert_non_null(strstr(w.line, "another organisation"));
    assert_int_equal(WORKER(&w, "", "desk", "notice", "--state", "ended", "Ask at the clinic for the new card"), 0);

    create_desk(&w, other, vault);
    assert_string_not_equal(w.card, old_card);
    participant_knock(&w, &her, "with the new card");
    answer(&w, &her);

    snprintf(w.card, sizeof(w.card), "%s", old_card);
    participant_start(&w, &her, "with the old card");
    assert_true(await(&w, &her, "\"event\":\"notice\"", "\"state\":\"ended\""));
    assert_non_null(strstr(w.line, "Ask at the clinic for the new card"));
    process_kill(&her);
    world_close(&w);
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_key_comes_back_from_paper),
        cmocka_unit_test(root_key_of_an_older_version_comes_back_too),
        cmocka_unit_test(copied_root_key_ends_an_organisation),
    };
    if (argc != 3 || sodium_init() < 0)
        return 1;
    zaguan = argv[1];
    relay = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
