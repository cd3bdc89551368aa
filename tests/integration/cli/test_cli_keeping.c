/* What the program says of messages that were not read in time, and its limits. */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zaguan/vault_sqlite.h>

#include "tests/integration/cli/desk_world.h"
#include "tests/unit/client/scene.h"

static const char *zaguan, *relay_path;

#define DAY_MS UINT64_C(86400000)

/* --- a vault of a town's worker, as a file --- */

static void on_stored(zg_vault_batch *batch, zg_err err)
{
    assert_int_equal(err, ZG_OK);
    (void)batch;
}

static zg_err copy_entry(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    zg_vault *file = ctx;
    zg_vault_write write = {.value = value, .len = len};
    zg_vault_batch batch = {.writes = &write, .count = 1, .done = on_stored};
    memcpy(write.key, key, sizeof(write.key));
    file->submit(file, &batch);
    file->pump(file);
    return ZG_OK;
}

static void on_loaded(void *ctx, zg_err err)
{
    (void)ctx;
    assert_int_equal(err, ZG_OK);
}

static void save_vault(struct person *p, const char *path)
{
    zg_vault *file;
    person_stop(p);
    assert_int_equal(zg_vault_sqlite_open(&file, path, ZG_VAULT_CREATE, PASSPHRASE, strlen(PASSPHRASE)), ZG_OK);
    zg_vault *shelf = shelf_vault(p->shelf);
    shelf->load(shelf, copy_entry, file, on_loaded);
    shelf->pump(shelf);
    file->close(file);
}

/* Everything happened in the two weeks before now, so that the program finds it as it would be. */
static struct town *open_recent_town(void)
{
    struct town *t = town_open(1);
    town_relay_stop(t);
    t->now.utc_ms = (uint64_t)time(NULL) * 1000 - 14 * DAY_MS;
    zg_organisation_free(t->organisation);
    assert_int_equal(zg_organisation_new(&t->organisation, t->now), ZG_OK);
    town_relay_start(t);
    return t;
}

/* A worker wrote; she never came back. */
static void make_unheard(const char *path)
{
    struct town *t = open_recent_town();
    char card[1024];
    zg_id hers, his;
    struct person *worker = town_person(t);
    struct person *her = town_person(t);
    town_desk(t, worker, card);
    town_meet(t, her, worker, card, &hers, &his);
    person_stop(her);
    must_send(worker, &his, "¿estás ahí?", 0, ZG_AFTER_READ);
    assert_true(town_until(t, worker, ZG_EVENT_EXPIRED_UNREAD, 1, 13 * DAY_MS));
    town_run(t, 1000);
    save_vault(worker, path);
    town_close(t);
}

static int run(const char *vault, char *out, size_t cap, const char *a, const char *b, const char *c)
{
    const char *const argv[] = {zaguan, a, "--vault", vault, "--passphrase-fd", "0", b, c, NULL};
    return process_run(argv, PASSPHRASE "\n", out, cap);
}

static void what_was_not_read_in_time_is_shown_until_somebody_has_seen_it(void **state)
{
    char folder[64], vault[96], out[LINE_CAP], name[33];
    (void)state;
    folder_make(folder, sizeof(folder));
    snprintf(vault, sizeof(vault), "%s/desk.vault", folder);
    make_unheard(vault);

    /* The relay of that town is not there any more: 5. */
    assert_int_equal(run(vault, out, sizeof(out), "inbox", NULL, NULL), 5);
    assert_non_null(strstr(out, ", 1 of yours not read in time: gone"));
    assert_int_equal(run(vault, out, sizeof(out), "inbox", "--json", NULL), 5);
    assert_non_null(strstr(out, "\"expired_unread\":1"));
    const char *at = strstr(out, "\"conversation\":\"");
    assert_non_null(at);
    snprintf(name, sizeof(name), "%.32s", at + strlen("\"conversation\":\""));

    assert_int_equal(run(vault, out, sizeof(out), "chat", name, "--json"), 0);
    assert_non_null(strstr(out, "\"own\":true,\"state\":\"expired_unread\",\"text\":\"\""));
    assert_int_equal(run(vault, out, sizeof(out), "chat", name, NULL), 0);
    assert_non_null(strstr(out, "> (not read in time; it is gone)\n"));
    assert_null(strstr(out, "ahí"));
    folder_remove(folder);
}

/* --- limits --- */

static void a_limit_holds_for_what_comes_and_what_is_written(void **state)
{
    struct desk_world w;
    struct process her, worker;
    char conversation[33];
    (void)state;
    world_open(&w, zaguan, relay_path);
    converse(&w, &her, &worker, conversation);
    assert_true(process_write(&her, "/limit nonsense\n"));
    assert_true(await(&w, &her, "\"event\":\"error\"", "/limit takes"));
    assert_true(process_write(&her, "/limit 3s\n"));
    assert_true(await(&w, &her, "\"event\":\"expired\"", "")); /* what was there */
    assert_true(process_write(&worker, "breve\n"));
    assert_true(await(&w, &her, "\"event\":\"message\"", "\"text\":\"breve\""));
    assert_non_null(strstr(w.line, "\"lifetime_s\":86400"));
    assert_true(await(&w, &her, "\"event\":\"expired\"", ""));
    assert_true(process_write(&her, "también\n"));
    assert_true(await(&w, &her, "\"event\":\"sent\"", "\"lifetime_s\":3}"));
    assert_true(await(&w, &worker, "\"event\":\"message\"", "\"text\":\"también\""));
    assert_non_null(strstr(w.line, "\"lifetime_s\":3,"));
    process_kill(&her);
    process_kill(&worker);

    /* It is kept, and what is lowered is said. */
    assert_int_equal(WORKER(&w, "uno\n", "send", conversation, "--limit", "3h"), 0);
    assert_non_null(strstr(w.line, "it stays 3 h: the relay or your limit allows no more"));
    assert_int_equal(WORKER(&w, "dos\n", "send", conversation), 0);
    assert_non_null(strstr(w.line, "it stays 3 h: the relay or your limit allows no more"));
    assert_int_equal(WORKER(&w, "dos\n", "send", conversation, "--limit", "31d"), 2);
    world_close(&w);
}

/* --- a relay that is put back --- */

/* $1: the folder of the relay. */
static void shell(const char *command, const char *dir)
{
    assert_int_equal(process_run((const char *const[]){"sh", "-c", command, "sh", dir, NULL}, NULL, NULL, 0), 0);
}

static void a_relay_put_back_is_said_and_everything_goes_on(void **state)
{
    struct desk_world w;
    struct process her, another;
    char conversation[33];
    (void)state;
    world_open(&w, zaguan, relay_path);
    participant_knock(&w, &her, "hola");
    find_knock(&w, conversation);
    assert_int_equal(WORKER(&w, "buenas\n", "send", conversation), 0);
    assert_true(await(&w, &her, "\"event\":\"message\"", "\"text\":\"buenas\""));
    assert_true(process_write(&her, "aquí\n"));
    assert_true(await(&w, &her, "\"event\":\"sent\"", ""));
    assert_int_equal(relay_stop(&w.relay), 0);
    shell("cp -a \"$1\" \"$1.copy\"", w.relay.dir);
    relay_start(&w.relay);
    assert_int_equal(WORKER(&w, "", "desk", "notice", "--state", "away", "uno"), 0);
    assert_null(strstr(w.line, "older state"));
    assert_int_equal(WORKER(&w, "", "desk", "notice", "--state", "away", "dos"), 0);

    assert_int_equal(relay_stop(&w.relay), 0);
    shell("rm -r \"$1\"", w.relay.dir);
    shell("mv \"$1.copy\" \"$1\"", w.relay.dir);
    relay_start(&w.relay);
    assert_int_equal(WORKER(&w, "", "desk", "notice", "--state", "on-duty", "tres"), 0);
    assert_non_null(strstr(w.line, "the relay seems to have been put back to an older state"));
    assert_int_equal(WORKER(&w, "", "desk", "notice", "--state", "on-duty", "cuatro"), 0);
    assert_null(strstr(w.line, "older state"));
    participant_start(&w, &another, "hola");
    assert_true(await(&w, &another, "\"event\":\"notice\"", "\"text\":\"cuatro\""));
    assert_int_equal(WORKER(&w, "¿sigues?\n", "send", conversation), 0);
    assert_true(await(&w, &her, "\"event\":\"message\"", "\"text\":\"¿sigues?\""));
    process_kill(&her);
    process_kill(&another);
    world_close(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_read_in_time_is_shown_until_somebody_has_seen_it),
        cmocka_unit_test(a_limit_holds_for_what_comes_and_what_is_written),
        cmocka_unit_test(a_relay_put_back_is_said_and_everything_goes_on),
    };
    if (argc < 3)
        return 2;
    zaguan = argv[1];
    relay_path = argv[2];
    return cmocka_run_group_tests_name("zaguan, what stays", tests, NULL, NULL);
}
