#include "client/core/client.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "client/core/conversation.h"
#include "client/core/desk.h"
#include "client/core/locker.h"
#include "client/core/vault_memory.h"

enum { META_VERSION = 2, META_BYTES = 1 + 8 + 8, LIFETIME_MAX_S = CONTENT_LIFETIME_MAX_S };

/* The mark of time is written at least this often; what was written later is only as old as that. */
#define MARK_STEP_MS (10 * UINT64_C(60000))
#define DAY_MS (24 * INT64_C(3600000))

/* --- what parts share --- */

uint64_t client_time_ms(const struct zg_client *c)
{
    return timekeeper_ms(&c->time);
}

void client_now(struct zg_client *c, zg_now now)
{
    if (now.mono_ms < c->now.mono_ms)
        now.mono_ms = c->now.mono_ms;
    uint64_t expected = client_time_ms(c) + (now.mono_ms - c->now.mono_ms);
    bool agreed = timekeeper_agrees(&c->time);
    c->now = now;
    timekeeper_advance(&c->time, now);
    client_time_learnt(c, expected, agreed, false);
}

/* --- a clock that is put right --- */

bool time_shift(uint64_t *at_ms, const struct shift *s)
{
    if (*at_ms <= s->above_ms)
        return false;
    uint64_t moved = *at_ms + (uint64_t)s->by_ms;
    *at_ms = s->by_ms < 0 && (moved > *at_ms || moved > s->latest_ms) ? s->latest_ms : moved;
    return true;
}

void client_time_learnt(struct zg_client *c, uint64_t expected_ms, bool agreed, bool first)
{
    uint64_t now = client_time_ms(c);
    struct shift s = {now, now, (int64_t)(now - expected_ms)};
    bool agree_now = !agreed && timekeeper_agrees(&c->time);

    if (c->state != CLIENT_READY || s.by_ms == 0)
        return;
    /* Gone forward: time that went by, unless two clocks that did not agree do now. By more than a day, and no relay knows: what was counted
       before may be right, whatever comes. */
    if (s.by_ms > 0 && !agree_now) {
        if (!c->time.relay_known && s.by_ms > DAY_MS)
            c->start_ms = now;
        return;
    }
    /* Then all of this run was counted by the one that was wrong, and runs before it, if none saw them agree. Gone back with the first word of a relay:
       all of this run was counted by the own clock. Else, gone back: what lies in the future. */
    if ((agree_now || first) && (s.by_ms > 0 || c->start_ms <= now))
        s.above_ms = c->start_ms - 1;
    if (agree_now && s.by_ms < 0 && s.by_ms > -DAY_MS && c->meta_mark_ms == 0)
        s.above_ms = 0;
    time_shift(&c->start_ms, &s);
    for (size_t i = 0; i < c->conversation_count; i++)
        conversation_shift(c->conversations[i], &s);
}

void client_id(struct zg_client *c, zg_id *out)
{
    rng_fill(&c->rng, out->b, sizeof(out->b));
}

void client_event(struct zg_client *c, zg_event_kind kind, zg_err err, const struct conversation *conversation,
                  const zg_id *message, uint32_t value)
{
    zg_event event = {.kind = kind, .err = err, .value = value};
    if (conversation != NULL)
        event.conversation = conversation->id;
    if (message != NULL)
        event.message = *message;
    events_push(&c->events, &event);
}

/* --- the mark of time --- */

static size_t meta_bound(const void *thing)
{
    (void)thing;
    return META_BYTES;
}

static void meta_save(const void *thing, struct writer *w)
{
    const struct zg_client *c = thing;
    writer_u8(w, META_VERSION);
    writer_u64(w, timekeeper_mark(&c->time));
    writer_u64(w, client_time_ms(c));
}

const struct entry_kind meta_entry_kind = {ENTRY_META, meta_bound, meta_save};

static void keep_mark(struct zg_client *c)
{
    uint64_t mark = timekeeper_mark(&c->time);
    uint64_t time = client_time_ms(c);
    if (mark < c->meta_mark_ms + MARK_STEP_MS && time < c->meta_time_ms + MARK_STEP_MS && time >= c->meta_time_ms)
        return;
    c->meta_mark_ms = mark;
    c->meta_time_ms = time;
    entry_touch(&c->journal, c->meta);
}

/* --- work --- */

static void sweep(struct zg_client *c)
{
    for (size_t i = 0; i < c->conversation_count;) {
        struct conversation *v = c->conversations[i];
        if (!v->gone || !journal_settled(&c->journal, v->stamp)) {
            i++;
            continue;
        }
        if (v->told_gone)
            client_event(c, ZG_EVENT_ERASED, ZG_OK, v, NULL, 0);
        conversation_forget(v);
    }
    if (c->desk != NULL && c->desk->gone) {
        desk_forget(c->desk);
        c->desk = NULL;
    }
}

static void tell_storage(struct zg_client *c)
{
    zg_err err = c->journal.failure;
    if (err != ZG_OK && err != c->storage_told)
        client_event(c, ZG_EVENT_STORAGE, err, NULL, NULL, 0);
    c->storage_told = err;
}

/* --- a locker that is over --- */

/* Another device has the conversation, or it cannot be read here: nothing of it stays, and what the relay has is left alone. */
static void close_here(struct zg_client *c, zg_event_kind kind, zg_err err)
{
    zg_vault *vault = c->locker->below;
    locker_drop(c->locker);
    while (c->conversation_count > 0)
        conversation_forget(c->conversations[0]);
    entry_forget(&c->journal, c->meta);
    c->meta = NULL;
    vault_memory_wipe(vault);
    client_links_work(c);
    events_clear(&c->events);
    c->state = CLIENT_FAILED;
    c->deadline = UINT64_MAX;
    client_event(c, kind, err, NULL, NULL, 0);
}

static void come_back(struct zg_client *c)
{
    zg_err err = client_load_locker(c);
    if (err == ZG_OK && c->conversation_count == 0)
        err = ZG_ERR_NOT_FOUND;
    if (err == ZG_OK)
        client_event(c, ZG_EVENT_RETURNED, ZG_OK, c->conversations[0], NULL, 0);
    else
        close_here(c, ZG_EVENT_RETURN_FAILED, err);
}

/* On goes all without. To this device it is lost: it may be there, and an erase must not leave it there. */
static void locker_is_lost(struct zg_client *c)
{
    for (size_t i = 0; i < c->conversation_count; i++) {
        c->conversations[i]->keys->locker_own = c->locker->keys->own;
        c->conversations[i]->locker_lost = true;
    }
    client_event(c, ZG_EVENT_LOCKER_LOST, c->locker->why, NULL, NULL, 0);
    locker_drop(c->locker);
}

static void locker_ends(struct zg_client *c)
{
    switch (c->locker->over) {
    case LOCKER_CLAIMED:
        come_back(c);
        break;
    case LOCKER_FAILED:
        client_event(c, ZG_EVENT_RETURN_FAILED, c->locker->why, NULL, NULL, 0);
        locker_drop(c->locker);
        break;
    case LOCKER_LOST:
        locker_is_lost(c);
        break;
    case LOCKER_CLOSED:
        close_here(c, ZG_EVENT_CLOSED, ZG_OK);
        break;
    case LOCKER_DONE:
        locker_drop(c->locker);
        break;
    case LOCKER_STAYS: /* its conversation is erased */
        locker_drop(c->locker);
        break;
    }
}

static void round_of_work(struct zg_client *c)
{
    if (locker_is_over(c->locker))
        locker_ends(c);
    if (c->state != CLIENT_READY)
        return;
    agenda_run(&c->agenda, client_time_ms(c));
    client_links_work(c);
    unread_work(c);
    if (c->desk != NULL)
        desk_work(c->desk);
    /* Whatever becomes the latest meanwhile moves to the front; those that follow stay where they are. */
    for (size_t i = 0; i < c->conversation_count; i++)
        conversation_work(c->conversations[i]);
    sweep(c);
    keep_mark(c);
    journal_work(&c->journal, c->now.mono_ms);
}

static uint64_t soonest(const struct zg_client *c)
{
    uint64_t mono = c->now.mono_ms;
    uint64_t time = client_time_ms(c);
    uint64_t next = agenda_next(&c->agenda);
    uint64_t at = journal_deadline(&c->journal);

    if (next != UINT64_MAX) {
        uint64_t due = next > time ? mono + (next - time) : mono;
        at = due < at ? due : at;
    }
    for (const struct connection *link = c->connections; link != NULL; link = link->next) {
        uint64_t due = connection_deadline(link);
        at = due < at ? due : at;
    }
    for (size_t i = 0; i < c->conversation_count; i++) {
        uint64_t due = conversation_deadline(c->conversations[i]);
        at = due < at ? due : at;
    }
    uint64_t due = c->desk == NULL ? UINT64_MAX : desk_deadline(c->desk);
    at = due < at ? due : at;
    due = c->locker == NULL ? UINT64_MAX : locker_deadline(c->locker);
    at = due < at ? due : at;
    due = unread_deadline(c);
    return due < at ? due : at;
}

void client_work(struct zg_client *c)
{
    uint64_t safe;

    if (c->working)
        return;
    c->working = true;
    if (c->state == CLIENT_LOADING)
        c->journal.vault->pump(c->journal.vault);
    if (c->state == CLIENT_READY) {
        do {
            safe = c->journal.safe;
            round_of_work(c);
            c->journal.vault->pump(c->journal.vault);
            if (c->locker != NULL)
                locker_work(c->locker); /* what the pump has brought it */
        } while (c->state == CLIENT_READY && (c->journal.safe != safe || locker_is_over(c->locker)));
    }
    if (c->state == CLIENT_READY) {
        tell_storage(c);
        c->deadline = soonest(c);
    }
    c->slice = false;
    c->working = false;
}

/* A batch came back, or the vault is loaded: from the vault's pump inside client_work, or from an event of its own. */
static void on_vault(void *ctx)
{
    client_work(ctx);
}

/* --- life --- */

static bool options_read(struct zg_client *c, const zg_client_options *o)
{
    uint32_t max_s = o->lifetime_max_s == 0 ? LIFETIME_MAX_S : o->lifetime_max_s;
    if (o->size != sizeof(*o) || max_s > LIFETIME_MAX_S)
        return false;
    c->lifetime_max_ms = (uint64_t)max_s * 1000;
    c->rng = o->random != NULL ? (struct rng){o->random, o->random_ctx} : rng_system();
    return true;
}

static void close_vault(zg_vault *vault)
{
    if (vault != NULL)
        vault->close(vault);
}

zg_err zg_client_new(zg_client **out, const zg_client_options *options, zg_now now)
{
    static const zg_client_options defaults = {.size = sizeof(defaults)};
    const zg_client_options *o = options == NULL ? &defaults : options;
    zg_vault *vault = o->vault;
    zg_err err = out == NULL ? ZG_ERR_ARGUMENT : sodium_init() < 0 ? ZG_ERR_CRYPTO : ZG_OK;

    if (err == ZG_OK && vault == NULL) {
        vault = zg_vault_memory();
        err = vault == NULL ? ZG_ERR_MEMORY : ZG_OK;
    }
    struct zg_client *c = err == ZG_OK ? calloc(1, sizeof(*c)) : NULL;
    if (err == ZG_OK && c == NULL)
        err = ZG_ERR_MEMORY;
    if (err == ZG_OK && !options_read(c, o))
        err = ZG_ERR_ARGUMENT;
    if (err != ZG_OK) {
        free(c);
        close_vault(vault);
        return err;
    }
    c->state = CLIENT_LOADING;
    c->in_memory = o->vault == NULL;
    c->network = true;
    c->now = now;
    c->deadline = UINT64_MAX;
    timekeeper_init(&c->time, 0, now);
    journal_init(&c->journal, vault, on_vault, c);
    err = client_load(c);
    if (err != ZG_OK) {
        zg_client_free(c);
        return err;
    }
    *out = c;
    client_work(c);
    return ZG_OK;
}

void zg_client_free(zg_client *c)
{
    if (c == NULL)
        return;
    c->working = true; /* batches that come back now lead to nothing */
    close_vault(c->journal.vault);
    client_load_drop(c);
    unread_forget(c);
    while (c->conversation_count > 0)
        conversation_forget(c->conversations[0]);
    desk_forget(c->desk);
    client_links_free(c);
    entry_forget(&c->journal, c->meta);
    journal_clear(&c->journal);
    agenda_clear(&c->agenda);
    events_clear(&c->events);
    free(c->conversations);
    sodium_memzero(c, sizeof(*c));
    free(c);
}

void zg_client_advance(zg_client *c, zg_now now)
{
    client_now(c, now);
    c->slice = true;
    client_work(c);
}

uint64_t zg_client_deadline(const zg_client *c)
{
    return c->deadline;
}

bool zg_client_event(zg_client *c, zg_event *out)
{
    return events_pop(&c->events, out);
}
