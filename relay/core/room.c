#include "relay/core/room.h"

#include "relay/core/inside.h"

enum room room_now(const struct relay *r)
{
    uint64_t used = r->stats.stored_bytes, most = r->limits.stored_bytes;
    if (used >= most)
        return ROOM_NONE;
    return used >= most - most / 4 ? ROOM_LOW : ROOM_ENOUGH;
}

void room_note(struct relay *r, const struct store_job *job)
{
    bool says = job->result == ZG_OK && (job->kind == JOB_COMMIT || job->kind == JOB_PURGE);
    if (says && job->used != 0)
        r->stats.stored_bytes = job->used;
}
