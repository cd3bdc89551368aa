#include "tests/sim/people.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/invariants.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, ONE_PART = 1400 /* so much text fits in one envelope, whatever else is in it */ };

#define HOUR_MS (UINT64_C(60) * MINUTE)
#define DAY_MS (24 * HOUR_MS)

void people_fail(struct people *p, const char *what, const struct talk *t, uint32_t number)
{
    world_trace(&p->world, "BROKEN: %s (talk %u, number %u)", what, t == NULL ? 0 : t->number, number);
    fprintf(stderr, "seed %llu at %llu ms: %s (talk %u, number %u)\n", (unsigned long long)p->world.options.seed,
            (unsigned long long)p->world.now.mono_ms, what, t == NULL ? 0 : t->number, number);
    p->failed = true;
}

void people_broken_promise(struct people *p, const char *what, const struct talk *t, uint32_t number)
{
    if (p->world.mean)
        world_trace(&p->world, "no promise: %s (talk %u, number %u)", what, t == NULL ? 0 : t->number, number);
    else
        people_fail(p, what, t, number);
}

void people_settle(struct people *p, uint64_t ms)
{
    struct world *w = &p->world;
    uint64_t end = w->now.mono_ms + ms;
    while (w->now.mono_ms < end && world_step(w, end - w->now.mono_ms))
        continue;
}

uint64_t people_relay_ms(struct people *p)
{
    struct relay_stats stats;
    uint64_t hour = p->world.now.utc_ms / HOUR_MS;
    if (p->world.relay != NULL) {
        relay_stats(p->world.relay, &stats);
        p->relay_ahead_ms = (int64_t)((stats.hour - hour) * HOUR_MS);
    }
    return hour * HOUR_MS + (uint64_t)p->relay_ahead_ms;
}

/* --- texts --- */

size_t people_compose(char *out, size_t cap, char who, uint32_t talk, uint32_t number, size_t length)
{
    int n = snprintf(out, cap, "%c %u %u ", who, talk, number);
    size_t len = (size_t)n;
    while (len < length && len < cap)
        out[len++] = (char)('a' + number % 26);
    return len;
}

struct said *people_find(struct people *p, const char *text, struct talk **talk, struct line **line, uint32_t *number)
{
    unsigned which, n;
    char who;
    if (sscanf(text, "%c %u %u ", &who, &which, &n) != 3 || which >= p->talk_count)
        return NULL;
    struct talk *t = p->talks[which];
    struct line *l = who == 'h' ? &t->from_her : who == 'w' ? &t->from_worker : NULL;
    if (l == NULL || n == 0 || n > l->count)
        return NULL;
    *talk = t;
    *line = l;
    *number = n;
    return &l->said[n - 1];
}

struct talk *people_talk_by_id(struct people *p, const struct peer *who, const zg_id *id)
{
    for (uint32_t i = p->talk_count; i-- > 0;) {
        struct talk *t = p->talks[i];
        if (who == p->worker ? t->known && memcmp(&t->his, id, sizeof(*id)) == 0
                             : t->she == who && memcmp(&t->hers, id, sizeof(*id)) == 0)
            return t;
    }
    return NULL;
}

struct talk *people_talk_of(struct people *p, const struct peer *she)
{
    for (uint32_t i = p->talk_count; i-- > 0;)
        if (p->talks[i]->she == she)
            return p->talks[i]->over ? NULL : p->talks[i];
    return NULL;
}

static uint64_t own_limit_ms(const struct peer *p, uint32_t lifetime_s)
{
    uint64_t ms = (uint64_t)lifetime_s * SECOND, most = (uint64_t)p->lifetime_max_s * SECOND;
    return most != 0 && most < ms ? most : ms;
}

/* Hours that the relay keeps it at least; docs/protocol.md section 7.1. */
static uint64_t class_ms(const zg_send_options *o)
{
    static const uint32_t hours[] = {1, 6, 24, 72, 168, 336, 720};
    uint32_t i = 0;
    if (o->from == ZG_AFTER_READ)
        return 7 * DAY_MS;
    while (hours[i] * UINT32_C(3600) < o->lifetime_s)
        i++;
    return hours[i] * HOUR_MS;
}

static struct said *add(struct people *p, struct line *l, const struct peer *sender, const struct peer *reader,
                        const zg_send_options *o)
{
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 16 : 2 * l->cap;
        l->said = realloc(l->said, l->cap * sizeof(*l->said));
        if (l->said == NULL)
            abort();
    }
    uint64_t now = p->world.now.mono_ms;
    struct said *s = &l->said[l->count++];
    *s = (struct said){.at_ms = now, .class_ms = class_ms(o), .lifetime_s = o->lifetime_s, .from = o->from};
    s->relay_until = people_relay_ms(p) + s->class_ms;
    s->sender_until = now + own_limit_ms(sender, o->lifetime_s);
    s->sent_until = o->from == ZG_AFTER_SENT ? now + own_limit_ms(reader, o->lifetime_s) : UINT64_MAX;
    return s;
}

bool people_knock_is_over(struct people *p, const struct talk *t)
{
    const struct said *s = &t->from_her.said[0];
    return t->open_ms == 0 && (s->excused || people_relay_ms(p) >= s->relay_until ||
                               (s->got && p->world.now.mono_ms + SECOND >= s->reader_until));
}

/* --- what people do --- */

static zg_send_options some_options(const struct rng *rng)
{
    static const uint32_t lifetimes[] = {20, 600, 3600, 6 * 3600, 86400, 86400, 3 * 86400, 7 * 86400};
    uint32_t i = rng_below(rng, sizeof(lifetimes) / sizeof(lifetimes[0]));
    return (zg_send_options){
        .size = sizeof(zg_send_options),
        .lifetime_s = lifetimes[i],
        .from = i == 0 || rng_below(rng, 4) == 0 ? ZG_AFTER_SENT : ZG_AFTER_READ,
    };
}

void people_knock(struct people *p, struct peer *she)
{
    char text[64];
    zg_send_options o = {sizeof(o), 7 * 86400, ZG_AFTER_READ};
    if (p->talk_count == TALKS_MAX || she->client == NULL)
        return;
    struct talk *t = calloc(1, sizeof(*t));
    if (t == NULL)
        abort();
    t->number = p->talk_count;
    t->she = she;
    t->began_ms = p->world.now.mono_ms;
    t->from_her.who = 'h';
    t->from_worker.who = 'w';
    size_t len = people_compose(text, sizeof(text), 'h', t->number, 1, 0);
    if (zg_client_knock(she->client, p->card, strlen(p->card), text, len, &o, &t->hers, peer_now(she)) != ZG_OK) {
        free(t);
        return; /* its vault is not loaded yet */
    }
    p->talks[p->talk_count++] = t;
    struct said *s = add(p, &t->from_her, she, p->worker, &o);
    zg_message m;
    if (zg_client_message_at(she->client, &t->hers, 0, &m))
        s->id = m.id;
    world_trace(&p->world, "%s knocks, talk %u", she->name, t->number);
    peer_turn(she);
}

void people_say(struct people *p, struct talk *t, bool worker)
{
    static char text[TEXT_MAX];
    const struct rng *rng = &p->world.rng;
    struct peer *who = worker ? p->worker : t->she;
    struct line *l = worker ? &t->from_worker : &t->from_her;
    const zg_id *id = worker ? &t->his : &t->hers;
    uint32_t length = rng_below(rng, 12) == 0 ? 10 + rng_below(rng, TEXT_MAX - 20) : 10 + rng_below(rng, 200);
    zg_send_options o = some_options(rng);
    zg_conversation c;
    zg_id message;
    if (who->client == NULL || (worker && !t->known) || zg_client_conversation(who->client, id, &c) != ZG_OK ||
        c.state == ZG_CONVERSATION_ENDED || c.state == ZG_CONVERSATION_ERASING)
        return;
    size_t len = people_compose(text, sizeof(text), l->who, t->number, l->count + 1, length);
    zg_err err = zg_client_send(who->client, id, text, len, &o, &message, peer_now(who));
    if (err != ZG_OK) {
        /* A clock that is wrong, the relay's too: of a device that was off, the new credential is of the future. */
        if (!(err == ZG_ERR_EXPIRED && (p->skew_max_ms > 0 || p->relay_clock_touched)))
            people_fail(p, "a message cannot be sent", t, l->count + 1);
        return;
    }
    struct peer *reader = worker ? t->she : p->worker;
    struct said *s = add(p, l, who, reader, &o);
    s->id = message;
    s->part_ms = len > ONE_PART ? (uint64_t)reader->lifetime_max_s * SECOND : 0;
    world_trace(&p->world, "%s says %u in talk %u, %u s after %s", who->name, l->count, t->number, o.lifetime_s,
                o.from == ZG_AFTER_SENT ? "sent" : "read");
    peer_turn(who);
}

void people_erase(struct people *p, struct talk *t, bool worker)
{
    struct peer *who = worker ? p->worker : t->she;
    const zg_id *id = worker ? &t->his : &t->hers;
    if (who->client == NULL || (worker && !t->known))
        return;
    if (zg_client_erase(who->client, id, peer_now(who)) != ZG_OK)
        return;
    world_trace(&p->world, "%s erases talk %u", who->name, t->number);
    *(worker ? &t->his_erase : &t->her_erase) = ERASE_ASKED;
    t->over = true;
    peer_turn(who);
}

/* The worker reads what she let lie. */
static void read_some(struct people *p, struct peer *who)
{
    zg_conversation c;
    zg_message m;
    for (size_t i = 0; who->client != NULL && zg_client_conversation_at(who->client, i, &c); i++)
        for (size_t k = 0; zg_client_message_at(who->client, &c.id, k, &m); k++)
            if (m.state == ZG_MESSAGE_RECEIVED && rng_below(&p->world.rng, 2) == 0)
                invariant_read(p, who, &c.id, &m);
}

static void talk_or_knock(struct people *p, struct peer *she)
{
    struct talk *t = people_talk_of(p, she);
    if (t == NULL)
        people_knock(p, she);
    else
        people_say(p, t, rng_below(&p->world.rng, 2) == 0);
}

void people_renew(struct people *p)
{
    zg_desk d;
    uint64_t utc_s = p->world.now.utc_ms / SECOND;
    if (p->worker->client == NULL || p->worker->skew_ms != 0 || zg_client_desk(p->worker->client, &d) != ZG_OK ||
        d.credential_until_utc_s > utc_s + 12 * 86400)
        return;
    if (zg_client_desk_renew(p->worker->client, p->organisation, peer_now(p->worker)) == ZG_OK)
        world_trace(&p->world, "the credential is renewed");
    peer_turn(p->worker);
}

void people_act(struct people *p)
{
    const struct rng *rng = &p->world.rng;
    struct peer *she = p->women[rng_below(rng, p->women_count)];
    uint32_t what = rng_below(rng, 100);
    struct talk *t = people_talk_of(p, she);
    people_renew(p);
    if (what < 70)
        talk_or_knock(p, she);
    else if (what < 80)
        read_some(p, rng_below(rng, 2) == 0 ? she : p->worker);
    else if (what == 80 && t != NULL && t->from_her.count > 3)
        people_erase(p, t, rng_below(rng, 2) == 0);
}

/* --- set-up --- */

static void set_up_desk(struct people *p)
{
    char relay[128], voucher[64];
    world_address(&p->world, relay, sizeof(relay));
    world_voucher(&p->world, voucher, sizeof(voucher));
    zg_desk_options desk = {.size = sizeof(desk), .relay = relay, .voucher = voucher, .alias = "Ana"};
    if (zg_organisation_new(&p->organisation, p->world.now) != ZG_OK ||
        zg_client_desk_create(p->worker->client, p->organisation, &desk, peer_now(p->worker)) != ZG_OK)
        abort();
    peer_turn(p->worker);
    people_settle(p, MINUTE);
    if (zg_client_card(p->worker->client, "zaguan:", p->card, sizeof(p->card)) != ZG_OK)
        people_fail(p, "the desk is not ready after a minute", NULL, 0);
}

/* Mostly three; now and then a crowd. */
static uint32_t women_of_seed(uint64_t seed)
{
    return seed % 64 == 33 ? WOMEN_MAX : seed % 16 == 7 ? 12 : 3;
}

void people_open(struct people *p, const struct world_options *options)
{
    static const char *const names[] = {"Bea", "Carla", "Dana"};
    memset(p, 0, sizeof(*p));
    p->women_count = women_of_seed(options->seed);
    world_open(&p->world, options);
    p->worker = world_peer(&p->world, "Ana", invariants_worker_event, p);
    for (uint32_t i = 0; i < p->women_count; i++)
        p->women[i] = world_peer(&p->world, names[i % 3], invariants_her_event, p);
    /* Either side can shorten. */
    if (rng_below(&p->world.rng, 2) == 0)
        p->women[0]->lifetime_max_s = 3600;
    if (rng_below(&p->world.rng, 4) == 0)
        p->worker->lifetime_max_s = 6 * 3600;
    peer_start(p->worker);
    for (uint32_t i = 0; i < p->women_count; i++)
        peer_start(p->women[i]);
    people_settle(p, SECOND);
    set_up_desk(p);
}

void people_close(struct people *p)
{
    world_close(&p->world);
    zg_organisation_free(p->organisation);
    disk_copy_free(p->copy);
    for (uint32_t i = 0; i < p->talk_count; i++) {
        free(p->talks[i]->from_her.said);
        free(p->talks[i]->from_worker.said);
        free(p->talks[i]);
    }
}
