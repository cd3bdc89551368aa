/* What must survive, and since when it is safe; and the vault in memory behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/core/journal.h"
#include "tests/support/support.h"

struct thing {
    struct entry *entry;
    char text[16];
};

static size_t bound(const void *thing)
{
    (void)thing;
    return 16;
}

static void save(const void *thing, struct writer *w)
{
    const struct thing *t = thing;
    writer_put(w, t->text, strlen(t->text));
}

static const struct entry_kind kind = {7, bound, save};

struct fixture {
    struct rng_seed seed;
    struct rng rng;
    zg_vault *memory;
    zg_vault outer; /* passes batches on, or fails them, or holds them */
    bool fail;
    bool fail_late; /* everything was stored, and said to have failed: former content could not be overwritten */
    bool hold;
    zg_vault_batch *held;
    unsigned batches;
    struct journal j;
    unsigned dones;
};

static struct fixture *f;

static void outer_submit(zg_vault *v, zg_vault_batch *b)
{
    (void)v;
    assert_null(f->held); /* one at a time */
    f->held = b;
    f->batches++;
}

static void stored_but_failed(zg_vault_batch *b, zg_err err)
{
    (void)b;
    assert_int_equal(err, ZG_OK);
}

static void outer_pump(zg_vault *v)
{
    (void)v;
    if (f->held == NULL || f->hold)
        return;
    zg_vault_batch *b = f->held;
    f->held = NULL;
    if (f->fail) {
        b->done(b, ZG_ERR_STORAGE);
        return;
    }
    void (*done)(zg_vault_batch *, zg_err) = b->done;
    if (f->fail_late)
        b->done = stored_but_failed;
    f->memory->submit(f->memory, b);
    f->memory->pump(f->memory);
    if (f->fail_late)
        done(b, ZG_ERR_STORAGE);
}

static void on_done(void *ctx)
{
    (void)ctx;
    f->dones++;
}

static int setup(void **state)
{
    static struct fixture fixture;
    (void)state;
    f = &fixture;
    memset(f, 0, sizeof(*f));
    f->rng = rng_seeded(&f->seed, 1);
    f->memory = zg_vault_memory();
    f->outer = (zg_vault){.submit = outer_submit, .pump = outer_pump};
    journal_init(&f->j, &f->outer, on_done, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    f->hold = false;
    outer_pump(NULL);
    journal_clear(&f->j);
    f->memory->close(f->memory);
    return 0;
}

static void new_thing(struct thing *t, const char *text)
{
    strcpy(t->text, text);
    t->entry = entry_new(&kind, t, &f->rng);
    assert_non_null(t->entry);
}

static void work(uint64_t mono_ms)
{
    journal_work(&f->j, mono_ms);
    outer_pump(NULL);
}

struct found {
    unsigned count;
    char all[256];
};

static zg_err visit(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct found *found = ctx;
    assert_int_equal(key[0], 7);
    found->count++;
    if (len > 0) {
        strncat(found->all, (const char *)value, len);
        strcat(found->all, " ");
    }
    return ZG_OK;
}

static void nothing(void *ctx, zg_err err)
{
    (void)ctx;
    assert_int_equal(err, ZG_OK);
}

/* What the vault holds, and how many entries. */
static unsigned stored(char *all)
{
    struct found found = {0};
    f->memory->load(f->memory, visit, &found, nothing);
    f->memory->pump(f->memory);
    strcpy(all, found.all);
    return found.count;
}

static void a_stamp_is_settled_when_the_vault_has_it(void **state)
{
    (void)state;
    struct thing t;
    char all[256];
    new_thing(&t, "one");
    assert_true(journal_settled(&f->j, journal_stamp(&f->j))); /* nothing was touched */
    entry_touch(&f->j, t.entry);
    uint64_t stamp = journal_stamp(&f->j);
    assert_false(journal_settled(&f->j, stamp));
    f->hold = true;
    work(0);
    assert_false(journal_settled(&f->j, stamp));
    assert_true(journal_stamp(&f->j) == stamp); /* still the same batch */
    f->hold = false;
    outer_pump(NULL);
    assert_true(journal_settled(&f->j, stamp));
    assert_int_equal(stored(all), 1);
    assert_string_equal(all, "one ");
    entry_forget(&f->j, t.entry);
}

static void what_changes_while_a_batch_is_under_way_goes_with_the_next(void **state)
{
    (void)state;
    struct thing t;
    char all[256];
    new_thing(&t, "one");
    entry_touch(&f->j, t.entry);
    f->hold = true;
    work(0);
    strcpy(t.text, "two");
    entry_touch(&f->j, t.entry);
    uint64_t stamp = journal_stamp(&f->j);
    work(0);
    assert_int_equal(f->batches, 1);
    f->hold = false;
    outer_pump(NULL);
    assert_false(journal_settled(&f->j, stamp));
    stored(all);
    assert_string_equal(all, "one ");
    work(0);
    assert_true(journal_settled(&f->j, stamp));
    stored(all);
    assert_string_equal(all, "two ");
    entry_forget(&f->j, t.entry);
}

static void a_batch_that_fails_is_made_anew_after_a_pause(void **state)
{
    (void)state;
    struct thing t;
    char all[256];
    new_thing(&t, "one");
    entry_touch(&f->j, t.entry);
    uint64_t stamp = journal_stamp(&f->j);
    f->fail = true;
    work(1000);
    assert_int_equal(f->dones, 1);
    assert_int_equal(f->j.failure, ZG_ERR_STORAGE);
    assert_false(journal_settled(&f->j, stamp));
    uint64_t again = journal_deadline(&f->j);
    assert_true(again > 1000 && again < 10000);
    work(again - 1);
    assert_int_equal(f->batches, 1);
    /* It is written as it is then, and the pause grows while it fails. */
    strcpy(t.text, "two");
    work(again);
    assert_int_equal(f->batches, 2);
    assert_true(journal_deadline(&f->j) - again > again - 1000);
    f->fail = false;
    work(journal_deadline(&f->j));
    assert_true(journal_settled(&f->j, stamp));
    assert_int_equal(f->j.failure, ZG_OK);
    stored(all);
    assert_string_equal(all, "two ");
    entry_forget(&f->j, t.entry);
}

static void what_is_dropped_leaves_the_vault_also_in_the_middle_of_a_batch(void **state)
{
    (void)state;
    struct thing kept, stored_one, flying, never;
    char all[256];
    new_thing(&kept, "kept");
    new_thing(&stored_one, "stored");
    new_thing(&flying, "flying");
    new_thing(&never, "never");
    entry_touch(&f->j, kept.entry);
    entry_touch(&f->j, stored_one.entry);
    work(0);
    assert_int_equal(stored(all), 2);
    entry_touch(&f->j, flying.entry);
    f->hold = true;
    work(0);
    entry_drop(&f->j, stored_one.entry);
    entry_drop(&f->j, flying.entry);
    entry_touch(&f->j, never.entry);
    entry_drop(&f->j, never.entry);
    uint64_t stamp = journal_stamp(&f->j);
    f->hold = false;
    outer_pump(NULL);
    work(0);
    assert_true(journal_settled(&f->j, stamp));
    assert_int_equal(stored(all), 1);
    assert_string_equal(all, "kept ");
    entry_forget(&f->j, kept.entry);
}

static void a_deletion_that_fails_is_repeated(void **state)
{
    (void)state;
    struct thing t;
    char all[256];
    new_thing(&t, "one");
    entry_touch(&f->j, t.entry);
    work(0);
    entry_drop(&f->j, t.entry);
    f->fail = true;
    work(0);
    assert_int_equal(stored(all), 1);
    f->fail = false;
    work(journal_deadline(&f->j));
    assert_int_equal(stored(all), 0);
}

static void what_a_batch_that_failed_may_have_stored_is_deleted(void **state)
{
    (void)state;
    struct thing t;
    char all[256];
    new_thing(&t, "one");
    entry_touch(&f->j, t.entry);
    f->fail_late = true;
    work(0);
    assert_int_equal(stored(all), 1);
    entry_drop(&f->j, t.entry);
    f->fail_late = false;
    work(journal_deadline(&f->j));
    assert_int_equal(stored(all), 0);
}

static void the_vault_in_memory_holds_thousands(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static struct thing things[MANY];
    char all[256];
    for (size_t i = 0; i < MANY; i++) {
        new_thing(&things[i], "");
        entry_touch(&f->j, things[i].entry);
    }
    work(0);
    assert_int_equal(stored(all), MANY);
    for (size_t i = 0; i < MANY; i += 2)
        entry_drop(&f->j, things[i].entry);
    work(0);
    assert_int_equal(stored(all), MANY / 2);
    for (size_t i = 1; i < MANY; i += 2)
        entry_forget(&f->j, things[i].entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stamp_is_settled_when_the_vault_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_changes_while_a_batch_is_under_way_goes_with_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(a_batch_that_fails_is_made_anew_after_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_dropped_leaves_the_vault_also_in_the_middle_of_a_batch, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_deletion_that_fails_is_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_batch_that_failed_may_have_stored_is_deleted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_vault_in_memory_holds_thousands, setup, teardown),
    };
    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
