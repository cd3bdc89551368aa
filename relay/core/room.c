#include "relay/core/room.h"

#include "relay/core/inside.h"

enum { BLUR = 32 };

static uint64_t blur(const struct relay *r)
{
    return r->limits.stored_bytes / BLUR;
}

static void move_marks(struct relay *r)
{
    uint64_t random;
    rng_fill(&r->rng, &random, sizeof(random));
    r->room.lower = random % (blur(r) + 1);
}

static enum room room_of(const struct relay *r, uint64_t used)
{
    uint64_t most = r->limits.stored_bytes;
    if (used >= most - r->room.lower)
        return ROOM_NONE;
    return used >= most - most / 4 - r->room.lower ? ROOM_LOW : ROOM_ENOUGH;
}

void room_init(struct relay *r)
{
    r->room.now = ROOM_ENOUGH;
    move_marks(r);
}

enum room room_now(const struct relay *r)
{
    return (enum room)r->room.now;
}

void room_note(struct relay *r, const struct store_job *job)
{
    bool says = job->result == ZG_OK && (job->kind == JOB_COMMIT || job->kind == JOB_PURGE);
    uint64_t used = job->used;

    if (!says || used == 0)
        return;
    r->stats.stored_bytes = used;
    enum room room = room_of(r, used);
    /* The way back begins a little lower. */
    if (room < room_now(r))
        room = room_of(r, used + blur(r));
    if (room == room_now(r))
        return;
    r->room.now = (uint8_t)room;
    move_marks(r);
}
