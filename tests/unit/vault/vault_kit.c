#include "tests/unit/vault/vault_kit.h"

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

const char passphrase[] = "correct horse battery";

zg_err open_as(zg_vault **out, const struct scratch *s, enum zg_vault_sqlite_mode mode, const char *words)
{
    return vault_sqlite_open_with(out, &(struct vault_file_options){
                                           .path = s->path,
                                           .mode = mode,
                                           .passphrase = {(const uint8_t *)words, strlen(words)},
                                           .cost = {.passes = 1, .memory_kib = 8},
                                       });
}

zg_vault *open_ok(const struct scratch *s, enum zg_vault_sqlite_mode mode)
{
    zg_vault *v = NULL;
    assert_int_equal(open_as(&v, s, mode, passphrase), ZG_OK);
    return v;
}

/* --- batches --- */

int jobs_finished;

void job_done(zg_vault_batch *b, zg_err err)
{
    struct job *j = (struct job *)b;
    j->done++;
    j->err = err;
    j->order = jobs_finished++;
}

void job_add(struct job *j, uint8_t name, const void *value, size_t len)
{
    zg_vault_write *w = &j->writes[j->batch.count++];
    memset(w->key, name, sizeof(w->key));
    w->value = value;
    w->len = len;
    j->batch.writes = j->writes;
    j->batch.done = job_done;
}

zg_err store(zg_vault *v, uint8_t name, const void *value, size_t len)
{
    struct job j = {0};
    job_add(&j, name, value, len);
    v->submit(v, &j.batch);
    assert_int_equal(j.done, 0); /* never from inside submit */
    v->pump(v);
    assert_int_equal(j.done, 1);
    return j.err;
}

/* --- what is in a vault --- */

static zg_err see(void *ctx, const uint8_t key[ZG_VAULT_KEY_BYTES], const uint8_t *value, size_t len)
{
    struct content *c = ctx;
    c->count++;
    c->len[key[0]] = len;
    c->first[key[0]] = len > 0 ? value[0] : 0;
    return ZG_OK;
}

void content_loaded(void *ctx, zg_err err)
{
    struct content *c = ctx;
    c->done++;
    c->err = err;
}

void load(zg_vault *v, struct content *c)
{
    memset(c, 0, sizeof(*c));
    v->load(v, see, c, content_loaded);
    assert_int_equal(c->done, 0); /* never from inside load */
    v->pump(v);
    assert_int_equal(c->done, 1);
}

void has_entries(const struct scratch *s, int count)
{
    struct content c;
    zg_vault *v = open_ok(s, ZG_VAULT_OPEN);
    load(v, &c);
    v->close(v);
    assert_int_equal(c.err, ZG_OK);
    assert_int_equal(c.count, count);
}
