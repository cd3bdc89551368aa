#include "relay/core/commit.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "relay/core/inside.h"

static void row_dropped(struct relay *r, void *owner, const struct store_write *w, zg_err result)
{
    (void)w;
    message_row_dropped(r, owner, result == ZG_OK);
}

/* Before all else: a queue that left memory and came back may give a sequence out again whose row is not
 * deleted yet. */
static void add_rows(struct relay *r, struct commit *c)
{
    struct messages *ms = &r->messages;
    while (!list_empty(&ms->rows)) {
        struct message *m = LIST_ITEM(ms->rows.next, struct message, due);
        list_remove(&m->due);
        list_append(&ms->dropping, &m->due);
        struct store_write *w = commit_add(c, WRITE_DROP_MESSAGE, row_dropped, m);
        w->u.message.queue = m->queue_id;
        w->u.message.seq = m->seq;
    }
    ms->rows_at = UINT64_MAX;
}

struct commit *commit_new(struct relay *r, size_t writes)
{
    size_t room = writes + messages_rows(r);
    struct commit *c = malloc(sizeof(*c) + room * sizeof(c->writes[0]));
    struct commit_item *items = malloc((room + 1) * sizeof(*items));

    if (c == NULL || items == NULL) {
        free(c);
        free(items);
        return NULL;
    }
    memset(&c->job, 0, sizeof(c->job));
    c->relay = r;
    c->after = NULL;
    c->items = items;
    c->room = room;
    c->job.kind = JOB_COMMIT;
    c->job.ctx = c;
    c->job.u.commit.writes = c->writes;
    c->job.u.commit.hour = r->hours.now;
    add_rows(r, c);
    return c;
}

struct store_write *commit_add(struct commit *c, enum write_kind kind, commit_done *done, void *owner)
{
    size_t i = c->job.u.commit.count++;
    assert(i < c->room);
    c->items[i] = (struct commit_item){done, owner};
    memset(&c->writes[i], 0, sizeof(c->writes[i]));
    c->writes[i].kind = kind;
    return &c->writes[i];
}

size_t commit_count(const struct commit *c)
{
    return c->job.u.commit.count;
}

/* Whether something must go from the journal, too. A commit that failed may have left what nobody accepted.
 */
static bool leaves_something(const struct commit *c)
{
    if (c->job.result != ZG_OK)
        return true;
    for (size_t i = 0; i < commit_count(c); i++) {
        const struct store_write *w = &c->writes[i];
        bool adds = w->kind == WRITE_MESSAGE || w->kind == WRITE_VOUCHERS || w->kind == WRITE_TOUCH;
        if (!adds && w->outcome == OUTCOME_OK)
            return true;
    }
    return false;
}

static void done(struct store_job *job)
{
    struct commit *c = job->ctx;
    struct relay *r = c->relay;

    relay_done(r, job);
    if (job->result != ZG_OK)
        r->stats.failed_commits++;
    if (leaves_something(c))
        forget_deleted(r);
    for (size_t i = 0; i < commit_count(c); i++)
        c->items[i].done(r, c->items[i].owner, &c->writes[i], job->result);
    if (c->after != NULL)
        c->after(r, job->result);
    free(c->items);
    /* Hashes of handles are in it. */
    sodium_memzero(c->writes, c->room * sizeof(c->writes[0]));
    free(c);
}

void commit_submit(struct commit *c, void (*after)(struct relay *r, zg_err result))
{
    c->after = after;
    c->job.done = done;
    relay_submit(c->relay, &c->job);
}
