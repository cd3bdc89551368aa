/*
 * Fills a relay's folder that nobody serves: queues, and a message in each, written through the relay's own store.
 *
 *     bench_fill FOLDER --queues N [--messages] [--hours H]
 *
 * Queues have random names that nobody knows. Messages expire in H hours; -1 makes such as expired an hour ago, which the
 * relay purges when it starts. Prints the bytes of the database.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "proto/rng.h"
#include "relay/store/epoch.h"
#include "relay/store/sqlite.h"

enum { QUEUES_A_COMMIT = 512, WEEK_HOURS = 7 * 24, WEEKS = 9 };

struct fill {
    struct engine *engine;
    struct rng rng;
    uint64_t queues;
    bool messages;
    uint32_t now, expiry; /* hours since 1970 */
    /* Of one commit: a queue's voucher, the queue, its message. */
    struct name vouchers[QUEUES_A_COMMIT];
    struct stored_names names[QUEUES_A_COMMIT];
    struct store_write writes[3 * QUEUES_A_COMMIT];
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_fill: %s: %s\n", what, why);
    exit(1);
}

static void random_names(struct fill *f, struct stored_names *n)
{
    memset(n, 0, sizeof(*n));
    rng_fill(&f->rng, &n->put, sizeof(n->put));
    rng_fill(&f->rng, &n->own, sizeof(n->own));
    rng_fill(&f->rng, &n->end, sizeof(n->end));
    rng_fill(&f->rng, &n->take[0], sizeof(n->take[0]));
    n->takes = 1;
}

/* All differ, and follow no order: an odd number's multiples modulo a power of two. */
static uint64_t scattered_id(uint64_t i)
{
    return (i + 1) * UINT64_C(0x9e3779b97f4a7c15) & ((UINT64_C(1) << STORE_ID_BITS) - 1);
}

static size_t add_queue(struct fill *f, uint64_t number, struct store_write *w, struct envelope *envelope)
{
    uint64_t id = scattered_id(number);
    size_t i = number % QUEUES_A_COMMIT;

    rng_fill(&f->rng, &f->vouchers[i], sizeof(f->vouchers[i]));
    random_names(f, &f->names[i]);
    w[0].kind = WRITE_VOUCHERS;
    w[0].u.vouchers.kind = VOUCHER_CONVERSATION;
    w[0].u.vouchers.hour = f->now + 1;
    w[0].u.vouchers.count = 1;
    w[0].u.vouchers.names = &f->vouchers[i];
    w[1].kind = WRITE_QUEUE;
    w[1].u.queue.id = id;
    w[1].u.queue.kind = QUEUE_CONVERSATION;
    w[1].u.queue.ends = f->now / WEEK_HOURS + WEEKS + 1;
    w[1].u.queue.voucher = f->vouchers[i];
    w[1].u.queue.names = &f->names[i];
    if (!f->messages)
        return 2;
    w[2].kind = WRITE_MESSAGE;
    w[2].u.message.queue = id;
    w[2].u.message.hour = f->expiry;
    w[2].u.message.marked = true;
    w[2].u.message.envelope = envelope;
    rng_fill(&f->rng, &w[2].u.message.handle, sizeof(w[2].u.message.handle));
    return 3;
}

static void commit(struct fill *f, size_t count)
{
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {f->writes, count, f->now}};

    f->engine->execute(f->engine, &job);
    if (job.result != ZG_OK)
        fail("commit", zg_err_text(job.result));
    for (size_t i = 0; i < count; i++)
        if (f->writes[i].outcome != OUTCOME_OK)
            fail("commit", "a write was refused");
}

static void fill(struct fill *f)
{
    uint8_t bytes[WIRE_ENVELOPE_BYTES];

    rng_fill(&f->rng, bytes, sizeof(bytes));
    struct envelope *envelope = envelope_new(bytes);
    if (envelope == NULL)
        fail("envelope", "no memory");
    for (uint64_t done = 0; done < f->queues;) {
        size_t n = 0, count = 0;
        memset(f->writes, 0, sizeof(f->writes));
        for (; n < QUEUES_A_COMMIT && done < f->queues; n++, done++)
            count += add_queue(f, done, &f->writes[count], envelope);
        commit(f, count);
    }
    envelope_unref(envelope);
}

static bool read_options(struct fill *f, int argc, char **argv, const char **folder)
{
    static const struct option options[] = {
        {"queues", 1, NULL, 'q'}, {"messages", 0, NULL, 'm'}, {"hours", 1, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int id, hours = 1;

    while ((id = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (id == 'q')
            f->queues = strtoull(optarg, NULL, 10);
        else if (id == 'm')
            f->messages = true;
        else if (id == 'h')
            hours = atoi(optarg);
        else
            return false;
    }
    f->expiry = (uint32_t)((int)f->now + hours);
    *folder = optind + 1 == argc ? argv[optind] : NULL;
    return *folder != NULL && f->queues > 0;
}

int main(int argc, char **argv)
{
    static struct fill f;
    const char *folder;
    char path[4096], keys[4096], why[160];
    struct stat st;

    if (sodium_init() < 0)
        return 1;
    f.rng = rng_system();
    f.now = (uint32_t)(time(NULL) / 3600);
    if (!read_options(&f, argc, argv, &folder)) {
        fputs("bench_fill FOLDER --queues N [--messages] [--hours H]\n", stderr);
        return 2;
    }
    snprintf(path, sizeof(path), "%s/relay.db", folder);
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    struct key_place *place = mkdir(keys, 0700) == 0 || errno == EEXIST ? epoch_files_new(keys) : NULL;
    if (place == NULL)
        fail(keys, "cannot be made");
    const struct sqlite_options options = {.path = path, .exclusive = true, .keys = place};
    if (sqlite_engine_open(&f.engine, &options, why, sizeof(why)) != ZG_OK)
        fail(path, why);
    fill(&f);
    f.engine->close(f.engine);
    place->close(place);
    if (stat(path, &st) != 0)
        fail(path, "is not there");
    printf("file_bytes=%lld\n", (long long)st.st_size);
    return 0;
}
