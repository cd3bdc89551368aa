#include "tests/sim/plants.h"

#include <string.h>

#include "client/core/client.h"
#include "tests/sim/world.h"

static const char *const names[] = {
    [PLANT_LOSE] = "lose",     [PLANT_TEAR] = "tear",   [PLANT_TWICE] = "twice",   [PLANT_ORDER] = "order",
    [PLANT_CHANGE] = "change", [PLANT_LATE] = "late",   [PLANT_REVIVE] = "revive", [PLANT_LEAVE] = "leave",
    [PLANT_KEEP_KEYS] = "keep-keys",
    [PLANT_EARLY_STATUS] = "early-status",
    [PLANT_NO_STATUS] = "no-status",
};

bool plant_by_name(const char *name, enum plant *out)
{
    for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *out = (enum plant)i;
            return true;
        }
    return false;
}

static bool planted(const struct world *w, enum plant plant)
{
    return w->options.plant == plant;
}

/* --- the relay's store --- */

/* To the queue beside it, which is nobody's, and back. */
static void misdirect(struct store_job *job, enum write_kind kind)
{
    for (size_t i = 0; i < job->u.commit.count; i++) {
        struct store_write *write = &job->u.commit.writes[i];
        if (write->kind != kind)
            continue;
        write->u.message.queue ^= 1;
        write->outcome = OUTCOME_OK;
    }
}

static void misdirect_all(const struct world *w, struct store_job *job)
{
    if (job->kind != JOB_COMMIT)
        return;
    if (planted(w, PLANT_LOSE))
        misdirect(job, WRITE_MESSAGE);
    if (planted(w, PLANT_TWICE))
        misdirect(job, WRITE_DROP_MESSAGE);
}

bool plant_before_job(const struct world *w, struct store_job *job)
{
    misdirect_all(w, job);
    if (planted(w, PLANT_LEAVE) && job->kind == JOB_FORGET) {
        job->result = ZG_OK;
        job->trouble = TROUBLE_NONE;
        return false;
    }
    return true;
}

static void swap_first_two(struct store_job *job)
{
    if (job->result != ZG_OK || job->u.load.count < 2)
        return;
    struct envelope *first = job->u.load.messages[0].envelope;
    job->u.load.messages[0].envelope = job->u.load.messages[1].envelope;
    job->u.load.messages[1].envelope = first;
}

void plant_after_job(const struct world *w, struct store_job *job)
{
    misdirect_all(w, job);
    if (planted(w, PLANT_ORDER) && job->kind == JOB_LOAD)
        swap_first_two(job);
    if (planted(w, PLANT_EARLY_STATUS) && job->kind == JOB_STATUS)
        memset(job->u.status.fates, FATE_EXPIRED, sizeof(job->u.status.fates));
    if (planted(w, PLANT_NO_STATUS) && job->kind == JOB_STATUS)
        memset(job->u.status.fates, FATE_UNKNOWN, sizeof(job->u.status.fates));
}

/* --- clients --- */

bool plant_keeps_entry(const struct world *w, const zg_vault_write *write, bool there)
{
    if (planted(w, PLANT_REVIVE))
        return write->value == NULL;
    return planted(w, PLANT_TWICE) && there && write->value != NULL && write->key[0] == ENTRY_CONVERSATION;
}

void plant_entry(const struct world *w, const uint8_t *key, uint8_t *value, size_t len)
{
    if (planted(w, PLANT_CHANGE) && key[0] == ENTRY_MESSAGE && len > 0)
        value[len - 1] ^= 1;
}

uint64_t plant_deadline(const struct world *w, uint64_t mono_ms)
{
    return planted(w, PLANT_LATE) ? UINT64_MAX : mono_ms;
}
