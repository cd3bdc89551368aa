#include "relay/core/commit.h"

#include <assert.h>
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
    c->job.u.commit.hour = r->hour;
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

static void done(struct store_job *job)
{
    struct commit *c = job->ctx;
    struct relay *r = c->relay;

    r->jobs--;
    if (job->result != ZG_OK)
        r->stats.failed_commits++;
    for (size_t i = 0; i < commit_count(c); i++)
        c->items[i].done(r, c->items[i].owner, &c->writes[i], job->result);
    if (c->after != NULL)
        c->after(r, job->result);
    free(c->items);
    free(c);
}

void commit_submit(struct commit *c, void (*after)(struct relay *r, zg_err result))
{
    c->after = after;
    c->job.done = done;
    relay_submit(c->relay, &c->job);
}
