/*
 * The worker's vault when the power goes. After every cut: it opens with the passphrase and holds what it
 * held after the last transaction that was answered, or after the next one as a whole: no half batch, nothing
 * lost, nothing that was deleted; a deleted entry's key stands in no file; and it goes on.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/sqlite/vault_file.h"
#include "tests/powercut/cuts.h"
#include "tests/support/process.h"

enum {
    STEPS = 160,
    ENTRIES = 40,
    VERSIONS_MAX = 4096,
    BATCHES_MAX = 3,
    WRITES_MAX = 6,
    VALUE_MAX = 7000,
    TAG_BYTES = 4
};

#define KEY_TAG "ZgKy"
static const char passphrase[] = "not a real passphrase";

/* What an entry held from one step to another. Each new version of an entry that was deleted has another key.
 */
struct version {
    uint64_t born, gone;
    uint32_t key, size;
};

static struct {
    struct version versions[VERSIONS_MAX];
    uint64_t key_gone[VERSIONS_MAX]; /* from which step on; UINT64_MAX: it is there */
    uint32_t count, keys;
    uint64_t step;
    uint32_t current[ENTRIES]; /* index of its version plus one; 0: none */
    char folder[64], path[72]; /* the vault looks whether there is a file, too; it holds nothing */
} book;

static char why[256];

__attribute__((format(printf, 1, 2))) static const char *wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    return why;
}

/* --- bytes behind numbers --- */

static void make_key(uint32_t number, uint8_t out[ZG_VAULT_KEY_BYTES])
{
    for (uint32_t i = 0; i < ZG_VAULT_KEY_BYTES / 4; i++) {
        uint32_t mixed = (number + 1) * 2654435761u + i * 40503u;
        memcpy(out + (size_t)i * 4, &mixed, 4);
    }
    memcpy(out, KEY_TAG, TAG_BYTES);
    memcpy(out + TAG_BYTES, &number, sizeof(number));
}

static void make_value(uint32_t version, uint32_t size, uint8_t out[VALUE_MAX])
{
    for (uint32_t i = 0; i < size; i++)
        out[i] = (uint8_t)(version * 37 + i * 11 + (i >> 8));
}

/* --- the workload --- */

struct pending {
    zg_vault_batch batch;
    zg_vault_write writes[WRITES_MAX];
    uint8_t values[WRITES_MAX][VALUE_MAX];
    bool done;
};

static zg_err open_vault(zg_vault **out, const char *vfs, enum zg_vault_sqlite_mode mode)
{
    return vault_sqlite_open_with(out,
                                  &(struct vault_file_options){
                                      .path = book.path,
                                      .vfs = vfs,
                                      .mode = mode,
                                      .passphrase = {(const uint8_t *)passphrase, sizeof(passphrase) - 1},
                                      .cost = {.passes = 1, .memory_kib = 8},
                                  });
}

static void on_done(zg_vault_batch *b, zg_err err)
{
    if (err != ZG_OK)
        cuts_broken("a batch failed: %s", zg_err_name(err));
    ((struct pending *)b->ctx)->done = true;
}

static void end_version(uint32_t entry)
{
    if (book.current[entry] != 0)
        book.versions[book.current[entry] - 1].gone = book.step;
    book.current[entry] = 0;
}

static void write_entry(struct pending *p, uint32_t entry, const struct rng *rng)
{
    zg_vault_write *w = &p->writes[p->batch.count];
    uint32_t old = book.current[entry];
    uint32_t key = old == 0 ? book.keys++ : book.versions[old - 1].key;
    make_key(key, w->key);
    w->value = NULL;
    book.key_gone[key] = book.step;
    end_version(entry);
    if (old == 0 || rng_below(rng, 3) != 0) {
        if (book.count == VERSIONS_MAX)
            cuts_broken("too many versions");
        book.versions[book.count] = (struct version){book.step, UINT64_MAX, key, rng_below(rng, VALUE_MAX)};
        w->len = book.versions[book.count].size;
        make_value(book.count, book.versions[book.count].size, p->values[p->batch.count]);
        w->value = p->values[p->batch.count];
        book.current[entry] = ++book.count;
        book.key_gone[key] = UINT64_MAX;
    }
    p->batch.count++;
}

static void one_step(zg_vault *v, struct disk *d, enum plant plant, const struct rng *rng)
{
    static struct pending pending[BATCHES_MAX];
    uint32_t batches = 1 + rng_below(rng, BATCHES_MAX);
    book.step++;
    memset(pending, 0, sizeof(pending));
    for (uint32_t i = 0; i < batches; i++) {
        struct pending *p = &pending[i];
        p->batch = (zg_vault_batch){.writes = p->writes, .done = on_done, .ctx = p};
        for (uint32_t n = 1 + rng_below(rng, WRITES_MAX), first = rng_below(rng, ENTRIES); n > 0; n--)
            write_entry(p, (first + n) % ENTRIES, rng);
        v->submit(v, &p->batch);
    }
    if (plant == PLANT_EARLY)
        tape_mark(d->tape, book.step);
    v->pump(v);
    for (uint32_t i = 0; i < batches; i++)
        if (!pending[i].done)
            cuts_broken("a batch was not done");
    tape_mark(d->tape, book.step);
}

static void record(struct disk *d, enum plant plant, uint64_t seed)
{
    struct rng_seed state;
    const struct rng rng = rng_seeded(&state, seed);
    zg_vault *v;
    folder_make(book.folder, sizeof(book.folder));
    snprintf(book.path, sizeof(book.path), "%s/v", book.folder);
    disk_make_file(d, book.path);
    if (open_vault(&v, "recorded", ZG_VAULT_CREATE) != ZG_OK)
        cuts_broken("no vault");
    if (truncate(book.path, 1) != 0)
        cuts_broken("no file");
    tape_mark(d->tape, ++book.step); /* from here on there is a vault */
    while (book.step < STEPS) {
        one_step(v, d, plant, &rng);
        if (rng_below(&rng, 40) != 0)
            continue;
        v->close(v);
        if (open_vault(&v, "recorded", ZG_VAULT_OPEN) != ZG_OK)
            cuts_broken("it does not open again");
    }
    v->close(v);
}

/* --- what is left --- */

struct loaded {
    bool seen[VERSIONS_MAX];
    uint64_t step;
    uint32_t count;
    const char *bad;
    bool done;
    zg_err err;
};

static bool covers(const struct version *v, uint64_t step)
{
    return v->born <= step && step < v->gone;
}

static zg_err visit(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    static uint8_t bytes[VALUE_MAX];
    struct loaded *l = ctx;
    uint8_t whole[ZG_VAULT_KEY_BYTES];
    uint32_t number;
    memcpy(&number, key + TAG_BYTES, sizeof(number));
    make_key(number, whole);
    for (uint32_t i = 0; memcmp(whole, key, sizeof(whole)) == 0 && i < book.count; i++) {
        const struct version *v = &book.versions[i];
        if (v->key != number || !covers(v, l->step))
            continue;
        make_value(i, v->size, bytes);
        if (len == v->size && (len == 0 || memcmp(bytes, value, len) == 0) && !l->seen[i]) {
            l->seen[i] = true;
            l->count++;
            return ZG_OK;
        }
    }
    if (l->bad == NULL)
        l->bad = wrong("an entry that should not be there, or not like this: key %u", number);
    return ZG_OK;
}

static void on_loaded(void *ctx, zg_err err)
{
    ((struct loaded *)ctx)->done = true;
    ((struct loaded *)ctx)->err = err;
}

static const char *check_state(zg_vault *v, uint64_t step)
{
    struct loaded l = {.step = step};
    uint32_t expected = 0;
    v->load(v, visit, &l, on_loaded);
    v->pump(v);
    if (!l.done || l.err != ZG_OK)
        return wrong("it cannot be loaded: %s", zg_err_name(l.err));
    for (uint32_t i = 0; i < book.count; i++)
        expected += covers(&book.versions[i], step);
    if (l.bad == NULL && l.count != expected)
        return wrong("lost: %u of %u entries", expected - l.count, expected);
    return l.bad;
}

static const char *scan_file(const char *name, const struct content *c, uint64_t step)
{
    uint8_t whole[ZG_VAULT_KEY_BYTES];
    const uint8_t *at = c->bytes, *end = c->bytes + c->len;
    uint32_t number;
    for (; at != NULL && (at = memmem(at, (size_t)(end - at), KEY_TAG, TAG_BYTES)) != NULL; at++) {
        if ((size_t)(end - at) < sizeof(whole))
            break;
        memcpy(&number, at + TAG_BYTES, sizeof(number));
        make_key(number, whole);
        if (memcmp(whole, at, sizeof(whole)) == 0 && number < book.keys && book.key_gone[number] <= step)
            return wrong("the key of entry %u, deleted by step %llu, stands in %s at %zu", number,
                         (unsigned long long)step, name, (size_t)(at - c->bytes));
    }
    return NULL;
}

static const char *scan(const struct folder *f, uint64_t step)
{
    const char *bad = NULL;
    for (uint32_t i = 0; i < f->name_count && bad == NULL; i++)
        bad = scan_file(f->names[i].name, &f->files[f->names[i].file], step);
    return bad;
}

static void on_worked(zg_vault_batch *b, zg_err err)
{
    *(zg_err *)b->ctx = err;
}

static const char *work_on(zg_vault *v)
{
    static const uint8_t value[2000] = {7};
    zg_err err = ZG_ERR_STATE;
    const zg_vault_write w = {.key = {1}, .value = value, .len = sizeof(value)};
    zg_vault_batch b = {.writes = &w, .count = 1, .done = on_worked, .ctx = &err};
    v->submit(v, &b);
    v->pump(v);
    return err == ZG_OK ? NULL : wrong("it does not go on: %s", zg_err_name(err));
}

static const char *check(struct disk *left, uint64_t step, const struct rng *rng, bool thorough)
{
    zg_vault *v;
    (void)rng;
    (void)thorough;
    /* Before it was made there may be anything; it is made again then. */
    if (step == 0)
        return NULL;
    const char *bad = scan(&left->folder, step);
    if (bad != NULL)
        return bad;
    zg_err err = open_vault(&v, "left", ZG_VAULT_OPEN);
    if (err != ZG_OK)
        return wrong("it does not open: %s", zg_err_name(err));
    bad = check_state(v, step);
    if (bad != NULL && step < book.step && check_state(v, step + 1) == NULL)
        bad = NULL;
    if (bad == NULL)
        bad = work_on(v);
    v->close(v);
    return bad;
}

int main(int argc, char **argv)
{
    static const struct scenario scenario = {"powercut_vault", record, check};
    int code = cuts_main(&scenario, argc, argv);
    folder_remove(book.folder);
    return code;
}
