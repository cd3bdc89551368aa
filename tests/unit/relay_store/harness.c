#define _GNU_SOURCE
#include "tests/unit/relay_store/harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "relay/store/sqlite.h"

void place_make(struct place *p)
{
    /* In memory if there is such a place: thousands of commits are not there to wear out a disk. */
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(p->dir, sizeof(p->dir), "%s/zaguan-store-XXXXXX", base);
    p->keys = NULL;
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->db, sizeof(p->db), "%s/relay.db", p->dir);
}

void place_remove(struct place *p)
{
    DIR *dir = opendir(p->dir);
    assert_non_null(dir);
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.')
            assert_int_equal(unlinkat(dirfd(dir), d->d_name, 0), 0);
    closedir(dir);
    assert_int_equal(rmdir(p->dir), 0);
}

struct engine *place_open(const struct place *p, const char *vfs)
{
    const struct sqlite_options options = {.path = p->db, .vfs = vfs, .exclusive = true, .keys = p->keys};
    struct engine *e = NULL;
    char why[128] = "";
    zg_err err = sqlite_engine_open(&e, &options, why, sizeof(why));
    if (err != ZG_OK)
        fail_msg("%s: %s", zg_err_name(err), why);
    return e;
}

struct name name_number(uint32_t n)
{
    struct name name = {{0}};
    memcpy(name.b, &n, sizeof(n));
    return name;
}

struct handle handle_number(uint32_t n)
{
    struct handle handle = {{0}};
    memcpy(handle.b, &n, sizeof(n));
    return handle;
}

struct stored_names names_from(uint32_t n)
{
    return (struct stored_names){
        .put = name_number(n),
        .own = name_number(n + 1),
        .end = name_number(n + 2),
        .take = {name_number(n + 3)},
        .takes = 1,
    };
}

zg_err write_one(struct engine *e, struct store_write *w, uint32_t hour)
{
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {w, 1, hour}};
    e->execute(e, &job);
    return job.result;
}

zg_err find_name(struct engine *e, uint32_t n, uint32_t hour, struct found *out)
{
    struct store_job job = {.kind = JOB_FIND, .u.find = {.name = name_number(n), .hour = hour}};
    e->execute(e, &job);
    *out = job.u.find.found;
    return job.result;
}

struct counts count_all(struct engine *e)
{
    struct store_job job = {.kind = JOB_COUNTS};
    e->execute(e, &job);
    assert_int_equal(job.result, ZG_OK);
    return job.u.counts;
}

void give_voucher(struct engine *e, enum voucher_kind kind, uint32_t name, uint32_t hour)
{
    struct name names[1] = {name_number(name)};
    struct store_write w = {.kind = WRITE_VOUCHERS, .u.vouchers = {kind, hour, 1, names}};
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
}

void make_queue(struct engine *e, enum queue_kind kind, uint64_t id, uint32_t names)
{
    struct stored_names n = names_from(names);
    struct store_write w = {
        .kind = WRITE_QUEUE,
        .u.queue = {
            .id = id, .kind = kind, .ends = 2900, .voucher = name_number(names + 1000000), .names = &n}};
    give_voucher(e, kind == QUEUE_DESK ? VOUCHER_DESK : VOUCHER_CONVERSATION, names + 1000000, UINT32_MAX);
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    assert_int_equal(w.outcome, OUTCOME_OK);
}

enum outcome put_message(struct engine *e, uint64_t queue, uint32_t seq, uint32_t handle, uint32_t hour,
                         uint8_t fill)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES];
    memset(bytes, fill, sizeof(bytes));
    struct envelope *envelope = envelope_new(bytes);
    assert_non_null(envelope);
    struct store_write w = {
        .kind = WRITE_MESSAGE,
        .u.message = {
            .queue = queue, .seq = seq, .hour = hour, .handle = handle_number(handle), .envelope = envelope}};
    assert_int_equal(write_one(e, &w, 0), ZG_OK);
    envelope_unref(envelope);
    return w.outcome;
}
