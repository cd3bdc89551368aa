#include "tests/unit/client/town.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/voucher.h"
#include "relay/store/memory.h"

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "town: %s\n", what);
    abort();
}

#define MUST(e) must((e), #e)

static void must(zg_err err, const char *what)
{
    if (err == ZG_OK)
        return;
    fprintf(stderr, "town: %s: %s\n", what, zg_err_name(err));
    abort();
}

/* --- the relay's store: jobs in order, done after they were submitted --- */

struct town_store {
    struct store store; /* first: the core's handle */
    struct town *town;
    struct store_job *first, **last;
};

static void submit(struct store *s, struct store_job *job)
{
    struct town_store *d = (struct town_store *)s;
    job->next = NULL;
    *d->last = job;
    d->last = &job->next;
}

static bool store_run(struct town *t)
{
    struct town_store *d = t->store;
    if (d->first == NULL)
        return false;
    struct store_job *job = d->first;
    d->first = job->next;
    if (d->first == NULL)
        d->last = &d->first;
    t->engine->execute(t->engine, job);
    job->done(job);
    relay_flush(t->relay);
    return true;
}

/* --- wires --- */

struct bytes {
    uint8_t *at;
    size_t len, cap;
};

struct wire {
    struct wire *next;
    struct person *person;
    uint32_t id;
    bool open;
    bool closing; /* the relay ended it; what it wrote before still arrives */
    struct session *session;
    struct bytes up, down;
};

static void put(struct bytes *b, const uint8_t *data, size_t len)
{
    if (b->len + len > b->cap) {
        b->cap = 2 * (b->len + len);
        b->at = realloc(b->at, b->cap);
        check(b->at != NULL, "out of memory");
    }
    memcpy(b->at + b->len, data, len);
    b->len += len;
}

static size_t some(struct town *t, const struct bytes *b)
{
    size_t most = b->len > 9000 ? 9000 : b->len;
    return rng_below(&t->rng, 3) == 0 ? 1 + rng_below(&t->rng, (uint32_t)most) : most;
}

static void take(struct bytes *b, size_t n)
{
    b->len -= n;
    memmove(b->at, b->at + n, b->len);
}

static bool relay_writes(void *ctx, const uint8_t *buf, size_t len)
{
    struct wire *w = ctx;
    put(&w->down, buf, len);
    return true;
}

static void relay_closes(void *ctx)
{
    struct wire *w = ctx;
    w->session = NULL;
    w->closing = true;
}

static struct now relay_now(const struct town *t)
{
    return (struct now){t->now.mono_ms, t->now.utc_ms};
}

static void wire_free(struct wire *w)
{
    struct wire **at = &w->person->wires;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (w->session != NULL)
        session_close(w->session);
    free(w->up.at);
    free(w->down.at);
    free(w);
}

static struct wire *wire_find(const struct person *p, uint32_t id)
{
    struct wire *w = p->wires;
    while (w != NULL && w->id != id)
        w = w->next;
    return w;
}

static void wire_new(struct person *p, uint32_t id)
{
    struct wire *w = calloc(1, sizeof(*w));
    check(w != NULL, "out of memory");
    w->person = p;
    w->id = id;
    w->next = p->wires;
    p->wires = w;
}

#define AROUND(p, call)                                                                            \
    do {                                                                                           \
        if ((p)->town->before != NULL)                                                             \
            (p)->town->before(p);                                                                  \
        call;                                                                                      \
        if ((p)->town->after != NULL)                                                              \
            (p)->town->after(p);                                                                   \
    } while (0)

static void wire_break(struct wire *w)
{
    struct person *p = w->person;
    uint32_t id = w->id;
    wire_free(w);
    if (p->client != NULL) {
        AROUND(p, zg_client_link_closed(p->client, id, person_now(p)));
        person_turn(p);
    }
}

static bool wire_open(struct wire *w)
{
    struct town *t = w->person->town;
    const struct carrier carrier = {relay_writes, relay_closes, w, NULL};
    if (t->relay != NULL && !w->person->cut)
        w->session = session_open(t->relay, &carrier, relay_now(t));
    if (w->session == NULL) {
        wire_break(w);
        return true;
    }
    w->open = true;
    AROUND(w->person, zg_client_link_opened(w->person->client, w->id, person_now(w->person)));
    person_turn(w->person);
    return true;
}

static bool cuts(struct town *t)
{
    t->pieces++;
    return t->cut_one_in != 0 && rng_below(&t->rng, t->cut_one_in) == 0;
}

/* One piece in one direction; true if something happened. May free the wire. */
static bool wire_run(struct wire *w)
{
    struct person *p = w->person;
    struct town *t = p->town;

    if (p->client == NULL) {
        wire_free(w);
        return true;
    }
    if (!w->open)
        return wire_open(w);
    if ((w->up.len > 0 || w->down.len > 0) && cuts(t)) {
        wire_break(w);
        return true;
    }
    if (w->up.len > 0 && w->session != NULL && !session_paused(w->session)) {
        size_t n = some(t, &w->up);
        (void)session_receive(w->session, w->up.at, n, relay_now(t));
        take(&w->up, n);
        relay_flush(t->relay);
        return true;
    }
    if (w->down.len > 0) {
        size_t n = some(t, &w->down);
        uint8_t *piece = malloc(n); /* its own block, so that reading beyond it is seen */
        check(piece != NULL, "out of memory");
        memcpy(piece, w->down.at, n);
        take(&w->down, n);
        AROUND(p, zg_client_link_received(p->client, w->id, piece, n, person_now(p)));
        free(piece);
        person_turn(p);
        return true;
    }
    if (w->closing) {
        wire_break(w);
        return true;
    }
    return false;
}

/* --- the relay --- */

void town_relay_start(struct town *t)
{
    struct relay_options options = {
        .limits = t->limits,
        .settle_ms = 250,
        .ttl_ceiling = t->ttl_ceiling,
        .store = &t->store->store,
        .rng = rng_seeded(&t->relay_seed, t->now.mono_ms),
    };
    memcpy(options.relay_sk, t->relay_sk, sizeof(options.relay_sk));
    memcpy(options.relay_pk, t->relay_pk, sizeof(options.relay_pk));
    MUST(relay_new(&t->relay, &options, relay_now(t)));
}

void town_relay_stop(struct town *t)
{
    for (size_t i = 0; i < t->people_count; i++) {
        for (struct wire *w = t->people[i].wires; w != NULL; w = w->next) {
            if (w->session != NULL)
                session_close(w->session);
            w->session = NULL;
            w->closing = true;
            w->down.len = 0;
        }
    }
    while (t->store->first != NULL) {
        struct store_job *job = t->store->first;
        t->store->first = job->next;
        job->result = ZG_ERR_STORAGE;
        job->done(job);
    }
    t->store->last = &t->store->first;
    relay_free(t->relay);
    t->relay = NULL;
}

void town_relay_forget(struct town *t)
{
    town_relay_stop(t);
    t->engine->close(t->engine);
    t->engine = memory_engine_new();
    check(t->engine != NULL, "out of memory");
    town_relay_start(t);
}

/* --- people --- */

zg_now person_now(const struct person *p)
{
    zg_now now = p->town->now;
    now.utc_ms = (uint64_t)((int64_t)now.utc_ms + p->clock_ms);
    return now;
}

static void do_io(struct person *p)
{
    zg_io io;
    while (zg_client_io(p->client, &io)) {
        struct wire *w = wire_find(p, io.link);
        if (io.kind == ZG_IO_CONNECT)
            wire_new(p, io.link);
        else if (io.kind == ZG_IO_SEND && w != NULL)
            put(&w->up, io.data, io.len);
        else if (io.kind == ZG_IO_CLOSE && w != NULL)
            wire_free(w);
    }
}

static void hear(struct person *p, const zg_event *e)
{
    zg_message m;
    if (zg_client_message(p->client, &e->conversation, &e->message, &m) != ZG_OK)
        return;
    if (p->heard_count == p->heard_cap) {
        p->heard_cap = p->heard_cap == 0 ? 16 : 2 * p->heard_cap;
        p->heard = realloc(p->heard, p->heard_cap * sizeof(*p->heard));
        check(p->heard != NULL, "out of memory");
    }
    char *copy = malloc(m.text_len + 1);
    check(copy != NULL, "out of memory");
    memcpy(copy, m.text, m.text_len + 1);
    p->heard[p->heard_count++] = copy;
    if (p->reads)
        MUST(zg_client_read(p->client, &e->conversation, &e->message, person_now(p)));
}

void person_turn(struct person *p)
{
    zg_event e;
    do_io(p);
    while (zg_client_event(p->client, &e)) {
        check((int)e.kind < (int)EVENT_KINDS, "an event of no kind");
        p->events[e.kind]++;
        p->last[e.kind] = e;
        if (e.kind == ZG_EVENT_MESSAGE || e.kind == ZG_EVENT_KNOCK)
            hear(p, &e);
    }
    do_io(p);
}

static void person_random(void *ctx, void *out, size_t len)
{
    rng_fill(ctx, out, len);
}

void person_start(struct person *p)
{
    zg_client_options options = {
        .size = sizeof(options), .vault = p->shelf == NULL ? NULL : shelf_vault(p->shelf), .random = person_random, .random_ctx = &p->rng};
    MUST(zg_client_new(&p->client, &options, person_now(p)));
    person_turn(p);
}

void person_stop(struct person *p)
{
    while (p->wires != NULL)
        wire_free(p->wires);
    zg_client_free(p->client);
    p->client = NULL;
}

void person_break(struct person *p)
{
    while (p->wires != NULL)
        wire_break(p->wires);
}

static struct person *move_in(struct town *t, struct shelf *shelf)
{
    check(t->people_count < TOWN_PEOPLE_MAX, "too many people");
    struct person *p = &t->people[t->people_count++];
    p->town = t;
    p->shelf = shelf;
    p->rng = rng_seeded(&p->seed, 100 + t->people_count);
    person_start(p);
    return p;
}

struct person *town_person(struct town *t)
{
    return move_in(t, shelf_new());
}

struct person *town_visitor(struct town *t)
{
    return move_in(t, NULL);
}

struct person *town_twin(struct town *t, const struct person *of)
{
    return move_in(t, shelf_copy(of->shelf));
}

/* --- time --- */

struct town *town_open(uint64_t seed)
{
    struct town *t = calloc(1, sizeof(*t));
    check(t != NULL && sodium_init() >= 0, "start");
    t->rng = rng_seeded(&t->seed, seed);
    t->now = (zg_now){1000, TOWN_UTC_MS};
    t->limits = limits_default();
    t->ttl_ceiling = WIRE_TTL_30D;
    rng_fill(&t->rng, t->relay_sk, sizeof(t->relay_sk));
    crypto_scalarmult_curve25519_base(t->relay_pk, t->relay_sk);
    t->store = calloc(1, sizeof(*t->store));
    t->engine = memory_engine_new();
    check(t->store != NULL && t->engine != NULL, "out of memory");
    t->store->store.submit = submit;
    t->store->town = t;
    t->store->last = &t->store->first;
    MUST(zg_organisation_new(&t->organisation, t->now));
    town_relay_start(t);
    return t;
}

void town_close(struct town *t)
{
    for (size_t i = 0; i < t->people_count; i++) {
        struct person *p = &t->people[i];
        person_stop(p);
        if (p->shelf != NULL)
            shelf_free(p->shelf);
        for (size_t k = 0; k < p->heard_count; k++)
            free(p->heard[k]);
        free(p->heard);
    }
    if (t->relay != NULL)
        town_relay_stop(t);
    t->engine->close(t->engine);
    zg_organisation_free(t->organisation);
    free(t->store);
    free(t);
}

static bool step(struct town *t)
{
    if (t->relay != NULL && store_run(t))
        return true;
    for (size_t i = 0; i < t->people_count; i++)
        for (struct wire *w = t->people[i].wires; w != NULL; w = w->next)
            if (wire_run(w))
                return true; /* the list may have changed */
    return false;
}

static uint64_t next_due(const struct town *t)
{
    uint64_t due = t->relay != NULL ? relay_deadline(t->relay) : UINT64_MAX;
    for (size_t i = 0; i < t->people_count; i++) {
        const struct person *p = &t->people[i];
        uint64_t at = p->client == NULL ? UINT64_MAX : zg_client_deadline(p->client);
        due = at < due ? at : due;
    }
    return due;
}

static void advance(struct town *t)
{
    if (t->relay != NULL && relay_deadline(t->relay) <= t->now.mono_ms) {
        relay_advance(t->relay, relay_now(t));
        relay_flush(t->relay);
    }
    for (size_t i = 0; i < t->people_count; i++) {
        struct person *p = &t->people[i];
        if (p->client == NULL || zg_client_deadline(p->client) > t->now.mono_ms)
            continue;
        AROUND(p, zg_client_advance(p->client, person_now(p)));
        person_turn(p);
    }
}

/* To the next moment at which something is due, at most to `end`. false: nothing was due before. */
static bool town_step(struct town *t, uint64_t end)
{
    while (step(t))
        ;
    uint64_t due = next_due(t);
    bool something = due <= end;
    if (!something)
        due = end;
    if (due > t->now.mono_ms) {
        t->now.utc_ms += due - t->now.mono_ms;
        t->now.mono_ms = due;
    }
    if (something)
        advance(t);
    return something;
}

void town_run(struct town *t, uint64_t ms)
{
    uint64_t end = t->now.mono_ms + ms;
    unsigned steps = 0;
    while (town_step(t, end))
        check(t->now.mono_ms < end || ++steps < 100000, "time stands still");
}

bool town_until(struct town *t, const struct person *p, zg_event_kind kind, unsigned times, uint64_t limit_ms)
{
    uint64_t end = t->now.mono_ms + limit_ms;
    while (p->events[kind] < times)
        if (!town_step(t, end))
            return p->events[kind] >= times;
    return true;
}

/* --- what an operator hands over --- */

void town_address(const struct town *t, char *out, size_t cap)
{
    char key[64];
    sodium_bin2base64(key, sizeof(key), t->relay_pk, sizeof(t->relay_pk),
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(out, cap, "relay.example:7443/%s", key);
}

void town_voucher(struct town *t, char *out, size_t cap)
{
    uint8_t secret[WIRE_SECRET_BYTES];
    char text[VOUCHER_TEXT_LEN + 1];
    struct name name;
    rng_fill(&t->rng, secret, sizeof(secret));
    secret_name(ROLE_VOUCHER, secret, &name);
    struct store_write write = {
        .kind = WRITE_VOUCHERS,
        .u.vouchers = {.kind = VOUCHER_DESK, .hour = UINT32_MAX, .count = 1, .names = &name},
    };
    struct store_job job = {.kind = JOB_COMMIT, .u.commit = {.writes = &write, .count = 1}};
    t->engine->execute(t->engine, &job);
    must(job.result, "voucher");
    voucher_text(secret, text);
    snprintf(out, cap, "%s", text);
}

struct counts town_counts(struct town *t)
{
    struct store_job job = {.kind = JOB_COUNTS};
    t->engine->execute(t->engine, &job);
    must(job.result, "counts");
    return job.u.counts;
}

void town_fail_store(struct town *t, uint32_t every)
{
    memory_engine_fail(t->engine, every);
}

/* --- usual beginnings --- */

void town_desk(struct town *t, struct person *p, char *card)
{
    char relay[128];
    char voucher[64];
    town_address(t, relay, sizeof(relay));
    town_voucher(t, voucher, sizeof(voucher));
    const zg_desk_options options = {.size = sizeof(options),
                                     .relay = relay,
                                     .voucher = voucher,
                                     .alias = "Amal",
                                     .notice = "9 to 5",
                                     .notice_language = "en"};
    MUST(zg_client_desk_create(p->client, t->organisation, &options, person_now(p)));
    person_turn(p);
    check(town_until(t, p, ZG_EVENT_DESK_READY, 1, 60000), "the desk is not ready");
    MUST(zg_client_card(p->client, "zaguan:", card, 1024));
}

zg_id must_send(struct person *p, const zg_id *conversation, const char *text, uint32_t lifetime_s,
                zg_lifetime_from from)
{
    const zg_send_options options = {sizeof(options), lifetime_s, from};
    zg_id id;
    MUST(zg_client_send(p->client, conversation, text, strlen(text), &options, &id, person_now(p)));
    person_turn(p);
    return id;
}

zg_conversation must_show(const struct person *p, const zg_id *conversation)
{
    zg_conversation c;
    MUST(zg_client_conversation(p->client, conversation, &c));
    return c;
}

const char *last_heard(const struct person *p)
{
    return p->heard_count == 0 ? NULL : p->heard[p->heard_count - 1];
}

void town_meet(struct town *t, struct person *her, struct person *worker, const char *card, zg_id *hers, zg_id *his)
{
    unsigned knocks = worker->events[ZG_EVENT_KNOCK];
    unsigned accepted = her->events[ZG_EVENT_ACCEPTED];
    unsigned safety = worker->events[ZG_EVENT_SAFETY];

    MUST(zg_client_knock(her->client, card, strlen(card), "hola", 4, NULL, hers, person_now(her)));
    person_turn(her);
    check(town_until(t, worker, ZG_EVENT_KNOCK, knocks + 1, 60000), "no knock");
    *his = worker->last[ZG_EVENT_KNOCK].conversation;
    must_send(worker, his, "buenos días", 0, ZG_AFTER_READ);
    check(town_until(t, her, ZG_EVENT_ACCEPTED, accepted + 1, 60000), "no accept");
    must_send(her, hers, "gracias", 0, ZG_AFTER_READ);
    check(town_until(t, worker, ZG_EVENT_SAFETY, safety + 1, 60000), "no safety words");
    town_run(t, 2000);
}
