/* Keys of messages that did not come yet; docs/protocol.md section 7, Receiving. */
#include <sodium.h>
#include <string.h>

#include "client/core/ratchet_state.h"

static const struct stored_group *group_of(const struct stored *s, const uint8_t id[RATCHET_ID_BYTES])
{
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (memcmp(s->groups[i].id, id, RATCHET_ID_BYTES) == 0)
            return &s->groups[i];
    return NULL;
}

int stored_find(const struct stored *s, const uint8_t id[RATCHET_ID_BYTES], uint32_t n)
{
    /* By the step too: chains that answer the same step share a header key. */
    const struct stored_group *g = group_of(s, id);
    if (g == NULL)
        return -1;
    for (uint32_t i = 0; i < s->count; i++)
        if (s->keys[i].n == n && s->keys[i].step == g->step)
            return (int)i;
    return -1;
}

static bool step_has_keys(const struct stored *s, uint32_t step)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->keys[i].step == step)
            return true;
    return false;
}

/* Groups whose last key went, go. */
static void tidy_groups(struct stored *s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->groups_count; i++)
        if (step_has_keys(s, s->groups[i].step))
            s->groups[kept++] = s->groups[i];
    sodium_memzero(&s->groups[kept], (s->groups_count - kept) * sizeof(s->groups[0]));
    s->groups_count = kept;
}

/* Drops keys [from, from + n). */
static void cut(struct stored *s, uint32_t from, uint32_t n)
{
    memmove(&s->keys[from], &s->keys[from + n], (s->count - from - n) * sizeof(s->keys[0]));
    s->count -= n;
    sodium_memzero(&s->keys[s->count], n * sizeof(s->keys[0]));
    tidy_groups(s);
}

void stored_remove(struct stored *s, uint32_t index)
{
    cut(s, index, 1);
}

/* Keeps the keys for which `keep` says so, in their order. */
static void filter(struct stored *s, bool (*keep)(const struct stored_key *k, uint64_t v), uint64_t v)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->count; i++)
        if (keep(&s->keys[i], v))
            s->keys[kept++] = s->keys[i];
    sodium_memzero(&s->keys[kept], (s->count - kept) * sizeof(s->keys[0]));
    s->count = kept;
    tidy_groups(s);
}

static bool recent(const struct stored_key *k, uint64_t newest)
{
    return k->step + (uint64_t)RATCHET_STORED_STEPS > newest;
}

static bool in_time(const struct stored_key *k, uint64_t now_s)
{
    return now_s < k->since_s || now_s - k->since_s < RATCHET_STORED_SECONDS;
}

static bool other_step(const struct stored_key *k, uint64_t step)
{
    return k->step != step;
}

void stored_age(struct stored *s, uint32_t newest)
{
    filter(s, recent, newest);
}

void stored_expire(struct stored *s, uint64_t now_s)
{
    filter(s, in_time, now_s);
}

static void add_group(struct stored *s, const struct chain *c)
{
    if (group_of(s, c->id) != NULL)
        return;
    if (s->groups_count == RATCHET_STORED_GROUPS)
        filter(s, other_step, s->groups[0].step);
    struct stored_group *g = &s->groups[s->groups_count++];
    g->step = c->step;
    memcpy(g->id, c->id, sizeof(g->id));
    memcpy(g->hk, c->hk, sizeof(g->hk));
}

void stored_add(struct stored *s, const struct chain *c, const struct gap *gap, uint64_t now_s)
{
    if (gap->count == 0)
        return;
    if (s->count + gap->count > RATCHET_STORED_MAX)
        cut(s, 0, s->count + gap->count - RATCHET_STORED_MAX);
    add_group(s, c);
    for (uint32_t i = 0; i < gap->count; i++) {
        struct stored_key *k = &s->keys[s->count++];
        k->since_s = now_s;
        k->step = c->step;
        k->n = gap->first + i;
        memcpy(k->key, gap->keys[i], KEY_BYTES);
    }
}
