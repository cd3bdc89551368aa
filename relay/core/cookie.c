/* Cookies of the puzzle: which are spent. The other half of relay/core/knock.h. */
#include <stdlib.h>
#include <string.h>

#include "proto/puzzle.h"
#include "relay/core/inside.h"

/* It may become harder while somebody looks for a solution. */
enum { EFFORT_SLACK = 2 };

/* That may come at once, of those that are due. */
enum { LOOKS_LEAST = 4 };

#define SECOND_US UINT64_C(1000000)
/* Further ahead no look is promised. */
#define PROMISED_MAX_US (20 * SECOND_US)

/*
 * What is left of a cookie that was used: its MAC, and for which knock. The same knock may come again with
 * it, after a disk that was busy, until it was accepted: who then deletes the queue of the knock could else
 * knock again and again for one solution.
 */
struct spent {
    struct map_node node;
    struct link place;
    uint64_t until; /* mono_ms */
    uint8_t mac[16];
    uint8_t knock[PUZZLE_HASH_BYTES];
    bool right; /* its solution was, and the knock is not accepted yet */
};

static const uint8_t *mac_of(const uint8_t cookie[WIRE_COOKIE_BYTES])
{
    return cookie + WIRE_COOKIE_BYTES - sizeof(((struct spent *)NULL)->mac);
}

zg_err door_init(struct door *d, const struct rng *rng)
{
    list_init(&d->spent_order);
    d->looks_until_us = 0;
    bucket_init(&d->looks);
    d->look_turn = UINT32_MAX;
    zg_err err = map_init(&d->knocks, rng);
    return err == ZG_OK ? map_init(&d->spent, rng) : err;
}

static void forget(struct door *d, struct spent *s)
{
    map_remove(&d->spent, &s->node);
    list_remove(&s->place);
    free(s);
}

void door_forget_cookies(struct relay *r)
{
    struct door *d = &r->door;
    while (!list_empty(&d->spent_order)) {
        struct spent *s = LIST_ITEM(d->spent_order.next, struct spent, place);
        if (s->until > r->now.mono_ms && d->spent.count <= r->limits.spent_cookies)
            return;
        forget(d, s);
    }
}

void door_clear(struct relay *r)
{
    struct door *d = &r->door;
    while (d->spent.buckets != NULL && !list_empty(&d->spent_order))
        forget(d, LIST_ITEM(d->spent_order.next, struct spent, place));
    map_clear(&d->spent);
    map_clear(&d->knocks);
}

static struct spent *find(const struct door *d, const uint8_t *mac, uint64_t hash)
{
    for (struct map_node *n = map_first(&d->spent, hash); n != NULL; n = map_next(n)) {
        struct spent *s = LIST_ITEM(n, struct spent, node);
        if (memcmp(s->mac, mac, sizeof(s->mac)) == 0)
            return s;
    }
    return NULL;
}

/* The cookie is spent for this knock; NULL: no memory. */
static struct spent *spend(struct relay *r, const uint8_t *mac, uint64_t hash,
                           const uint8_t knock[PUZZLE_HASH_BYTES])
{
    struct door *d = &r->door;
    struct spent *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return NULL;
    s->until = r->now.mono_ms + WIRE_COOKIE_SECONDS * UINT64_C(1000);
    memcpy(s->mac, mac, sizeof(s->mac));
    memcpy(s->knock, knock, sizeof(s->knock));
    map_insert(&d->spent, &s->node, hash);
    list_append(&d->spent_order, &s->place);
    return s;
}

void door_accepted(struct relay *r, const uint8_t cookie[WIRE_COOKIE_BYTES])
{
    const uint8_t *mac = mac_of(cookie);
    struct spent *s = find(&r->door, mac, map_hash(&r->door.spent, mac, sizeof(((struct spent *)NULL)->mac)));
    if (s != NULL)
        s->right = false;
}

static struct rate look_rate(const struct relay *r)
{
    uint32_t a_second = r->limits.puzzles_a_second;
    return (struct rate){a_second, a_second > 4 * LOOKS_LEAST ? a_second / 4 : LOOKS_LEAST};
}

/* From now on it waits in line; false: the line is too long. */
static bool promise(struct relay *r, struct looks *looks, uint64_t now)
{
    struct door *d = &r->door;

    if (d->looks_until_us < now)
        d->looks_until_us = now;
    if (d->looks_until_us - now > PROMISED_MAX_US)
        return false;
    looks->due_us = d->looks_until_us + SECOND_US / r->limits.puzzles_a_second;
    d->looks_until_us = looks->due_us;
    return true;
}

/* In its time, or when others leave theirs unused; one in a turn. */
static bool may_look(struct relay *r, struct looks *looks, uint32_t *retry_after)
{
    struct door *d = &r->door;
    const uint64_t now = r->now.mono_ms * (SECOND_US / 1000);
    const struct rate rate = look_rate(r);

    if (looks->due_us == LOOKS_OVER)
        return false;
    bool due = looks->due_us != 0 && looks->due_us <= now;
    bool good =
        due ? bucket_has(&d->looks, rate, r->now.mono_ms) : bucket_full(&d->looks, rate, r->now.mono_ms);
    /* Each takes half a millisecond from everybody, and after a slow disk many may come at once. */
    if (good && d->look_turn != r->sessions.turn) {
        (void)bucket_take(&d->looks, rate, r->now.mono_ms);
        d->look_turn = r->sessions.turn;
        looks->due_us = 0;
        return true;
    }
    if (looks->due_us == 0 && !promise(r, looks, now))
        return false;
    if (looks->due_us <= now)
        *retry_after = 1;
    else if (looks->due_us - now < BUSY_RETRY_S * SECOND_US)
        *retry_after = (uint32_t)((looks->due_us - now + SECOND_US - 1) / SECOND_US);
    return false;
}

zg_err door_check(struct relay *r, const struct name *desk_put, const struct command *knock, uint8_t asked,
                  struct looks *looks, uint32_t *retry_after)
{
    const uint8_t *cookie = knock->u.knock.cookie;
    const uint8_t *mac = mac_of(cookie);
    uint64_t hash = map_hash(&r->door.spent, mac, sizeof(((struct spent *)NULL)->mac));
    uint8_t bound[PUZZLE_HASH_BYTES];
    uint8_t effort;

    *retry_after = BUSY_RETRY_S;
    /* Section 9: the cookie before any work that costs memory. */
    if (cookie_check(cookie, r->secrets->cookie_key, desk_put, relay_cookie_seconds(r), &effort) != ZG_OK)
        return ZG_ERR_REFUSED;
    door_forget_cookies(r);
    puzzle_hash(bound, &knock->u.knock.names, knock->u.knock.envelope);
    struct spent *s = find(&r->door, mac, hash);
    if (s != NULL)
        return s->right && memcmp(s->knock, bound, sizeof(bound)) == 0 ? ZG_OK : ZG_ERR_REFUSED;
    /* Cookies of a calm hour do not pay for a flood. */
    if (effort + EFFORT_SLACK < asked)
        return ZG_ERR_REFUSED;
    if (effort > 0 && !may_look(r, looks, retry_after))
        return ZG_ERR_BUSY;
    s = spend(r, mac, hash, bound);
    if (s == NULL)
        return ZG_ERR_BUSY;
    if (puzzle_check(cookie, bound, effort, knock->u.knock.solution, &s->right) != ZG_OK) {
        forget(&r->door, s);
        return ZG_ERR_BUSY;
    }
    if (!s->right)
        looks->due_us = LOOKS_OVER;
    return s->right ? ZG_OK : ZG_ERR_REFUSED;
}

void door_cookie(struct relay *r, const struct name *desk_put, uint8_t effort, uint8_t out[WIRE_COOKIE_BYTES])
{
    cookie_make(out, r->secrets->cookie_key, desk_put, relay_cookie_seconds(r), effort, &r->rng);
}
