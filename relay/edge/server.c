/*
 * Start: keys, database, committer, relay, listeners, control socket, signals; each undone in reverse if the
 * next one fails. Then the sandbox closes: nothing can be opened any more but files. A turn of the loop:
 * sockets, completions and the deadline feed the core; then, before the loop waits again, the core's output
 * is flushed, paused sessions are read again, and the deadline is set to the core's next one. Stop: no new
 * connections; the core drains (commits and answers what it received); sessions close; connections have what
 * is left of STOP_MS to take their last bytes; committer and database close; the loop ends because nothing is
 * left in it.
 */
#define _GNU_SOURCE
#include "relay/edge/server.h"

#include <assert.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "relay/core/relay.h"
#include "relay/edge/admin.h"
#include "relay/edge/clock.h"
#include "relay/edge/committer.h"
#include "relay/edge/deadline.h"
#include "relay/edge/keys.h"
#include "relay/edge/log.h"
#include "relay/edge/notify.h"
#include "relay/edge/sandbox.h"
#include "relay/edge/storage.h"
#include "relay/edge/tcp.h"
#include "relay/edge/watch.h"
#include "relay/edge/web_start.h"

enum {
    STOP_MS = 800, /* from the signal to the end of the last connection */
    SYNC_PROBES = 20,
    SETTLE_MAX_MS = 5000,
    STACK_USED = 64 * 1024, /* by callbacks; libuv's own list of events is a part of it */
    CLOSING = 16, /* connections whose place another one took, and whose handles are still to close */
};

enum phase { PHASE_RUNNING, PHASE_DRAINING, PHASE_LEAVING, PHASE_CLOSED };

struct server {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct deadline deadline; /* the core's; while stopping, the end of patience */
    uv_signal_t signals[2];
    struct relay *relay;
    struct committer *committer;
    struct streams *streams;
    struct origins *origins;
    struct web_part web;
    struct admin *admin;
    struct watch watch;
    struct storage storage;
    struct status_facts facts;
    enum phase phase;
    uint64_t stop_at; /* loop time at which patience ends */
};

static void move(struct server *s, enum phase to)
{
    static const bool allowed[4][4] = {
        [PHASE_RUNNING][PHASE_DRAINING] = true,
        [PHASE_DRAINING][PHASE_LEAVING] = true,
        [PHASE_LEAVING][PHASE_CLOSED] = true,
    };
    assert(allowed[s->phase][to]);
    (void)allowed;
    s->phase = to;
}

/* --- stopping --- */

static void close_handle(void *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Every connection is gone, or its time is over. */
static void close_all(struct server *s)
{
    move(s, PHASE_CLOSED);
    streams_close(s->streams);
    web_part_close(&s->web);
    committer_close(s->committer, NULL,
                    NULL); /* waits for the disk; the control socket's jobs are done here, too */
    storage_close(&s->storage);
    relay_free(s->relay);
    s->relay = NULL;
    close_handle(&s->prepare);
    deadline_close(&s->deadline);
}

/* One step further if it is time for it. */
static void stop_step(struct server *s)
{
    bool late = uv_now(&s->loop) >= s->stop_at;
    if (s->phase == PHASE_DRAINING && (late || relay_drained(s->relay))) {
        if (!relay_drained(s->relay))
            log_line(LOG_WARNING, "the disk is slow: some senders get no answer and will send again");
        move(s, PHASE_LEAVING);
        streams_leave(s->streams);
    }
    if (s->phase == PHASE_LEAVING && (late || streams_empty(s->streams)))
        close_all(s);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *s = handle->data;
    (void)number;
    log_line(LOG_INFO, "stopping");
    for (size_t i = 0; i < 2; i++)
        close_handle(&s->signals[i]);
    move(s, PHASE_DRAINING);
    s->stop_at = uv_now(&s->loop) + STOP_MS;
    streams_stop_accepting(s->streams);
    admin_close(s->admin);
    relay_drain(s->relay, clock_now(&s->loop));
}

/* --- turning --- */

static void on_deadline(void *ctx)
{
    struct server *s = ctx;
    if (s->relay != NULL)
        relay_advance(s->relay, clock_now(&s->loop));
}

static void set_deadline(struct server *s)
{
    uint64_t at = relay_deadline(s->relay);
    if (s->phase != PHASE_RUNNING && at > s->stop_at)
        at = s->stop_at;
    deadline_set(&s->deadline, at);
}

/* Behind everything that a turn brought, and last before the loop waits. */
static void on_prepare(uv_prepare_t *handle)
{
    struct server *s = handle->data;
    struct relay_stats stats;
    relay_flush(s->relay);
    relay_stats(s->relay, &stats);
    watch_turn(&s->watch, &stats, uv_now(&s->loop));
    streams_turn(s->streams);
    if (s->phase == PHASE_RUNNING)
        admin_turn(s->admin);
    else
        stop_step(s);
    if (s->phase != PHASE_CLOSED)
        set_deadline(s);
    /* Before the loop waits: names, hashes and what was decrypted do not stay on the stack. */
    sodium_stackzero(STACK_USED);
}

/* --- starting --- */

/*
 * The relay's answers wait for the disk. With less time for it than it needs they would be late whenever
 * something is written, which tells that nobody was there to read it.
 */
static uint32_t measure_settle(uint32_t wanted)
{
    uint32_t slowest = 0;
    if (!folder_measure_sync(SYNC_PROBES, &slowest)) {
        log_line(LOG_WARNING, "the disk could not be measured; is it full?");
        return wanted;
    }
    uint32_t needed = relay_settle_for(slowest);
    if (needed > SETTLE_MAX_MS)
        needed = SETTLE_MAX_MS;
    uint32_t settle = needed > wanted ? needed : wanted;
    log_line(settle > wanted ? LOG_WARNING : LOG_INFO,
             "slowest of %d syncs: %u ms; senders are answered within %u ms", SYNC_PROBES, (unsigned)slowest,
             (unsigned)settle);
    return settle;
}

static bool open_deadline(struct server *s)
{
    if (deadline_open(&s->deadline, &s->loop, on_deadline, s))
        return true;
    log_line(LOG_ERROR, "no timer: the system has no more descriptors");
    return false;
}

static bool open_engine(struct server *s, const struct server_options *o, struct engine **out)
{
    char why[STORAGE_WHY_MAX];
    if (!storage_prepare(&s->storage, o->config, o->key, why, sizeof(why)) ||
        !storage_engine(&s->storage, o->without_keys, out, why, sizeof(why))) {
        log_line(LOG_ERROR, "%s", why);
        return false;
    }
    if (s->storage.keys_missing > 0)
        log_line(LOG_WARNING, "keys of %u hours are gone: what waited under them counts as expired unread",
                 (unsigned)s->storage.keys_missing);
    if (s->storage.keys_volatile)
        log_line(LOG_INFO,
                 "keys lie in memory only: what waits for its reader is lost when this machine stops");
    s->facts.keys_volatile = s->storage.keys_volatile;
    s->facts.memory_locked = memory_can_be_locked();
    if (!s->facts.memory_locked)
        log_line(LOG_WARNING, "secrets cannot be locked in memory: turn swap off, or raise LimitMEMLOCK");
    return true;
}

static bool open_store(struct server *s, const struct server_options *o)
{
    struct engine *engine;
    if (!open_engine(s, o, &engine)) {
        storage_close(&s->storage);
        return false;
    }
    if (committer_open(&s->committer, &s->loop, engine) != ZG_OK) {
        log_line(LOG_ERROR, "no memory or no thread for the committer");
        storage_close(&s->storage);
        return false;
    }
    return true;
}

/* A clock can be believed that is ahead; hours never go back. */
static uint32_t known_hour(const struct server_options *o, uint64_t utc_ms)
{
    uint32_t known = watch_known_hour();
    return o->believe_clock && utc_ms / (3600 * 1000) > known ? 0 : known;
}

static bool open_relay(struct server *s, const struct server_options *o)
{
    struct relay_options options = {
        .limits = o->config->limits,
        .settle_ms = measure_settle(o->config->settle_ms),
        .ttl_ceiling = o->config->ttl_ceiling,
        .store = committer_store(s->committer),
        .known_hour = known_hour(o, clock_now(&s->loop).utc_ms),
        .rng = rng_system(),
    };
    memcpy(options.relay_sk, o->key->sk, sizeof(options.relay_sk));
    memcpy(options.relay_pk, o->key->pk, sizeof(options.relay_pk));
    zg_err err = relay_new(&s->relay, &options, clock_now(&s->loop));
    sodium_memzero(&options, sizeof(options));
    relay_key_clear(o->key);
    if (err != ZG_OK)
        log_line(LOG_ERROR, "the relay cannot start: %s", zg_err_text(err));
    return err == ZG_OK;
}

static bool open_streams(struct server *s, const struct config *config)
{
    const struct rng rng = rng_system();
    zg_err err = origins_new(&s->origins, &config->limits, &config->shared, &rng);
    if (err == ZG_OK)
        err = streams_open(&s->streams, &s->loop, config->limits.connections, s->origins);
    if (err != ZG_OK)
        log_line(LOG_ERROR, "no memory for connections");
    return err == ZG_OK;
}

static bool open_listeners(struct server *s, const struct config *config)
{
    char bound[CONFIG_LISTEN_MAX][ADDRESS_BYTES_MAX + 1], why[160];
    for (size_t i = 0; i < config->listen_count; i++) {
        const struct address *a = &config->listen[i];
        if (streams_listen(s->streams, a, &tcp_handler, s->relay, bound[i], why, sizeof(why)) == ZG_OK)
            continue;
        log_line(LOG_ERROR, "cannot listen on %s port %u: %s", a->host, (unsigned)a->port, why);
        return false;
    }
    for (size_t i = 0; i < config->listen_count; i++)
        printf("listening on %s\n", bound[i]);
    return true;
}

static bool open_admin(struct server *s)
{
    const struct admin_options options = {&s->loop, s->relay, committer_store(s->committer), &s->facts};
    char why[160];
    if (admin_open(&s->admin, &options, why, sizeof(why)) == ZG_OK)
        return true;
    log_line(LOG_ERROR, "%s", why);
    return false;
}

static void open_handles(struct server *s)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    uv_prepare_init(&s->loop, &s->prepare);
    s->prepare.data = s;
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
    uv_prepare_start(&s->prepare, on_prepare);
}

/* Without it the relay serves all the same: that people reach it counts for more. */
static void lock_up(struct server *s, const struct config *config)
{
    char why[160];
    if (!config->sandbox)
        snprintf(why, sizeof(why), "relay.conf says sandbox = off");
    else
        s->facts.sandboxed = sandbox_enter(why, sizeof(why));
    if (!s->facts.sandboxed)
        log_line(LOG_WARNING,
                 "NO SANDBOX (%s): whoever takes this process over may ask the system for anything", why);
}

/* Everything is open. */
static void get_ready(struct server *s, const struct config *config)
{
    int fd = notify_open();
    lock_up(s, config);
    notify_ready(fd);
}

static bool start(struct server *s, const struct server_options *options)
{
    if (!open_deadline(s))
        return false;
    if (!open_store(s, options))
        goto err0;
    if (!open_relay(s, options))
        goto err1;
    if (!open_streams(s, options->config))
        goto err2;
    if (!web_part_open(&s->web, &s->loop, s->relay, s->streams, options->config) ||
        !open_listeners(s, options->config) || !open_admin(s))
        goto err3;
    open_handles(s);
    return true;

err3:
    streams_close(s->streams);
    web_part_close(&s->web);
err2:
    relay_free(s->relay);
err1:
    committer_close(s->committer, NULL, NULL);
    storage_close(&s->storage);
err0:
    deadline_close(&s->deadline);
    return false;
}

bool server_run(const struct server_options *options)
{
    struct server *s = calloc(1, sizeof(*s));
    if (options->config->sandbox)
        sandbox_prepare();
    if (s == NULL || uv_loop_init(&s->loop) != 0) {
        log_line(LOG_ERROR, "out of memory");
        free(s);
        return false;
    }
    bool ok = start(s, options);
    if (ok)
        get_ready(s, options->config);
    fflush(stdout);                   /* "listening on": somebody may be waiting for it */
    uv_run(&s->loop, UV_RUN_DEFAULT); /* after a failed start: the close callbacks */
    if (uv_loop_close(&s->loop) != 0)
        log_line(LOG_ERROR, "stopped with something left open");
    web_part_free(&s->web);
    origins_free(s->origins);
    free(s);
    return ok;
}
